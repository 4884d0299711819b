#!/bin/sh
# ctest: slow timeout=600
# no_llvm.sh: the command builds, without warnings, and answers where LLVM is not used.

set -eu
[ -n "$RNNCC" ] || exit 77
cmake -S "$RNNCC_SOURCE_DIR" -B "$RNNCC_TMP/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_COMPILE_WARNING_AS_ERROR=ON \
	-DRNNCC_WITH_LLVM=OFF -DBUILD_TESTING=OFF --log-level=WARNING
cmake --build "$RNNCC_TMP/build" --target rnncc -- -j 2 --quiet
if ldd "$RNNCC_TMP/build/rnncc" | grep -iE 'llvm|clang'; then
	echo 'linked with LLVM' >&2
	exit 1
fi
"$RNNCC_TMP/build/rnncc" --help >/dev/null
