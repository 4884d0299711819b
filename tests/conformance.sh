#!/bin/sh
# ctest: slow timeout=3600
# conformance.sh: suites of models with stored inputs and outputs, by the interpreter and as compiled C.
#
# tests/expected/SUITE.txt, or SUITE.WAY.txt for one way to run, names the cases that pass, one a line. A listed case that
# fails is a failure; one that passes and is not listed is told. The lists only grow: RNNCC_UPDATE=1 adds what passes.
#
#   cases      tests/cases                                          interpret, jit, generic, gcc, clang, and sanitized
#   langid     models/langid.onnx                                   the same
#   matrix, exporter, real    $RNNCC_CASES, default ../shared/cases beside the project     the same
#   recurrent  the recurrent and control-flow tests of Debian's libonnx-testdata           interpret, jit, generic, gcc, clang
#   onnx       all of libonnx-testdata, the models as they are, to the tolerance of ONNX's own runner: interpret, jit, and
#              every 4th case by gcc
#   onnx-1.23  the tests of ONNX 1.23, in the same way by interpret: all of them where scripts/fetch-onnx-tests.sh has put them
#              into build/onnx-tests (RNNCC_ONNX_TESTS: where else), else those that are new in it, from the shared cases
#
# generic is the JIT with --target generic, which has code paths of its own: no vectors, sums in tiles of scalars. gcc and clang
# must not warn; portable-gcc and portable-clang neither, of the C for generic, as C99 alone and with -Wpedantic. sanitize is by
# gcc, for generic, and sanitize-native for this CPU.
# RNNCC_FULL=1 also runs what takes long: the shared cases by clang and sanitized, onnx and onnx-1.23 in all ways.
# RNNCC_SUITES and RNNCC_WAYS ("matrix real", "gcc") choose; RNNCC_ONNX_TESTDATA is that package's data folder.

set -eu
[ -n "$RNNCC" ] || { echo 'no rnncc'; exit 77; }
expected=$RNNCC_SOURCE_DIR/tests/expected
cases=${RNNCC_CASES:-$RNNCC_SOURCE_DIR/../shared/cases}
testdata=${RNNCC_ONNX_TESTDATA:-/usr/share/libonnx-testdata/data}
jobs=$(nproc)
passed=0 failed=0
sampled= # not empty: a suite runs some of its cases

ways=interpret
[ "$RNNCC_LLVM" = 0 ] || ways="$ways jit generic"
command -v gcc >/dev/null && ways="$ways gcc portable-gcc"
{ command -v clang || command -v clang-14; } >/dev/null && ways="$ways clang portable-clang"
command -v gcc >/dev/null && ways="$ways sanitize sanitize-native" # the C, by ASan and UBSan
ways=${RNNCC_WAYS:-$ways}
thorough='portable-gcc portable-clang sanitize sanitize-native'

wants() { # SUITE: is it asked for?
	case " ${RNNCC_SUITES:-$1} " in *" $1 "*) ;; *) return 1 ;; esac
}

names() { # WORD FILE: the names of the cases with that verdict
	sed -n "s/^$1 \\([^ :]*\\).*/\\1/p" "$2"
}

run() { # SUITE WAY ARGUMENT...: runs and judges
	suite=$1 way=$2
	shift 2
	case " $ways " in *" $way "*) ;; *) return 0 ;; esac
	list=$expected/$suite.$way.txt
	[ -f "$list" ] || list=$expected/$suite.txt
	out=$suite.$way.out
	case $way in
	generic) set -- --via jit --target generic "$@" ;;
	sanitize) set -- --via gcc --sanitize --target generic "$@" ;;
	sanitize-native) set -- --via gcc --sanitize "$@" ;; # gcc takes its time over sanitized vector code
	gcc | clang) set -- --via "$way" --warnings "$@" ;;
	portable-*) set -- --via "${way#portable-}" --warnings --target generic "$@" ;;
	*) set -- --via "$way" "$@" ;;
	esac
	status=0
	"$RNNCC" test -j "$jobs" "$@" >"$out" 2>"$out.err" || status=$?
	if [ $status -gt 1 ] || ! grep -q '^[0-9]* passed, [0-9]* failed' "$out"; then
		echo "FAIL $suite $way: status $status"
		cat "$out.err"
		failed=$((failed + 1))
		return 0
	fi
	names PASS "$out" | sort >pass
	{ [ ! -f "$list" ] || cat "$list"; } | sort >listed
	if [ -n "$sampled" ]; then # no others are wanted
		{ cat pass && names FAIL "$out" && names SKIP "$out"; } | sort >there
		comm -12 there listed >wanted && mv wanted listed
	fi
	comm -13 pass listed >lost
	comm -23 pass listed >new
	good=$(comm -12 pass listed | wc -l)
	while read -r name; do
		echo "FAIL $suite $way: $(grep -F -e "FAIL $name:" -e "SKIP $name:" "$out" | cut -c6-300 || echo "$name: not there")"
	done <lost
	if [ -s new ] && [ -n "${RNNCC_UPDATE:-}" ]; then
		mkdir -p "$expected"
		{ [ ! -f "$list" ] || cat "$list"; } | sort -u - pass >"$list.new" && mv "$list.new" "$list"
		echo "$suite $way: $(wc -l <new) added to ${list##*/}"
	elif [ -s new ]; then
		echo "$suite $way: $(wc -l <new) pass that ${list##*/} does not list: $(head -3 new | tr '\n' ' ')(RNNCC_UPDATE=1 adds them)"
	fi
	echo "$suite $way: $good as expected, $(wc -l <lost) lost, $(names FAIL "$out" | wc -l) fail in all"
	passed=$((passed + good)) failed=$((failed + $(wc -l <lost)))
}

all_ways() { # SUITE ARGUMENT...
	suite=$1
	shift
	for one in interpret jit generic gcc clang portable-gcc sanitize; do run "$suite" $one "$@"; done
}

wants cases && all_ways cases "$RNNCC_SOURCE_DIR/tests/cases"
wants langid && all_ways langid --model "$RNNCC_SOURCE_DIR/models/langid.onnx" "$RNNCC_SOURCE_DIR/tests/cases/langid"
for one_suite in matrix exporter real; do
	wants $one_suite || continue
	if [ -d "$cases/$one_suite" ]; then
		for one in interpret jit generic gcc ${RNNCC_FULL:+clang $thorough}; do run $one_suite $one "$cases/$one_suite"; done
	else echo "$one_suite: skipped: there is no folder $cases/$one_suite (RNNCC_CASES)"; fi
done
if [ -d "$testdata/node" ]; then
	if wants recurrent; then
		set --
		for dir in "$testdata"/node/test_lstm_* "$testdata"/node/test_gru_* "$testdata"/node/test_simple_rnn_* \
			"$testdata"/node/test_rnn_* "$testdata"/node/test_scan* "$testdata"/node/test_loop* "$testdata"/node/test_if*; do
			set -- "$@" "$dir"
		done
		for one in interpret jit generic gcc clang; do run recurrent $one "$@"; done
	fi
	if wants onnx; then
		for one in interpret jit ${RNNCC_FULL:+generic gcc clang $thorough}; do run onnx $one --rtol 1e-3 --atol 1e-7 "$testdata"; done
		if [ -z "${RNNCC_FULL:-}" ]; then
			rm -rf sample && mkdir sample
			for group in "$testdata"/*/; do
				group=${group%/}
				mkdir "sample/${group##*/}"
				find "$group" -mindepth 1 -maxdepth 1 -type d | sort | awk 'NR % 8 == 1' |
					while read -r dir; do ln -s "$dir" "sample/${group##*/}"; done
			done
			sampled=1
			run onnx gcc --rtol 1e-3 --atol 1e-7 sample
			sampled=
		fi
	fi
else
	echo "recurrent, onnx: skipped: there is no folder $testdata (package libonnx-testdata; RNNCC_ONNX_TESTDATA)"
fi
if wants onnx-1.23; then
	tests=$(ls -d "${RNNCC_ONNX_TESTS:-$RNNCC_SOURCE_DIR/build/onnx-tests}"/onnx-1.23.*/ 2>/dev/null | tail -n 1)
	if [ -z "$tests" ] && [ -f "$cases/onnx-1.23-tests.tar.zst" ] && command -v zstd >/dev/null; then
		sampled=1 tests=onnx-1.23-tests
		rm -rf $tests && mkdir $tests && zstd -dcq "$cases/$tests.tar.zst" | tar -xf - -C $tests --strip-components=1
	fi
	if [ -n "$tests" ]; then
		for one in interpret ${RNNCC_FULL:+jit generic gcc clang $thorough}; do run onnx-1.23 $one --rtol 1e-3 --atol 1e-7 "$tests"; done
	else
		echo 'onnx-1.23: skipped: there is no folder build/onnx-tests (scripts/fetch-onnx-tests.sh build/onnx-tests; RNNCC_ONNX_TESTS)'
	fi
	sampled=
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
