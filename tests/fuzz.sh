#!/bin/sh
# ctest: slow timeout=1200
# fuzz.sh: a short run of every libFuzzer target: the same 2000 inputs each time, so that a change is judged by itself. With
# RNNCC_FUZZ_SECONDS=N: other inputs, for N seconds each.
# The library is built by Clang for it, and without a warning.
# Seeds: tests/fuzz/corpus/TARGET/, where it exists. A find stays as a file under the test's folder.

set -eu
ls "$RNNCC_SOURCE_DIR"/tests/fuzz/*.c >/dev/null 2>&1 || { echo 'no target'; exit 77; }
command -v clang-14 >/dev/null || { echo 'no clang-14'; exit 77; }
build=$RNNCC_BUILD_DIR/fuzz # kept from run to run
cmake -S "$RNNCC_SOURCE_DIR" -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang-14 -DCMAKE_C_FLAGS=-O1 -DCMAKE_BUILD_TYPE=Debug \
	-DRNNCC_FUZZ=ON -DRNNCC_WITH_LLVM=OFF -DBUILD_TESTING=ON -DRNNCC_SANITIZE=address,undefined \
	-DCMAKE_COMPILE_WARNING_AS_ERROR=ON --log-level=WARNING
if [ -n "${RNNCC_FUZZ_SECONDS:-}" ]; then how="-max_total_time=$RNNCC_FUZZ_SECONDS"
else how='-seed=1 -runs=2000'; fi
for source in "$RNNCC_SOURCE_DIR"/tests/fuzz/*.c; do
	name=$(basename "$source" .c)
	name=${name#fuzz_}
	cmake --build "$build" --target "fuzz_$name" -- -j 2 --quiet
	mkdir -p "found/$name"
	seeds=$RNNCC_SOURCE_DIR/tests/fuzz/corpus/$name
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086
	"$build/fuzz_$name" $how -rss_limit_mb=3000 -timeout=10 -verbosity=0 -print_final_stats=1 \
		-artifact_prefix="found/$name-" "found/$name" $seeds
done
