#!/bin/sh
# test.sh: set up, build and run every test. The last line is `N passed, N failed, N skipped`; status 0 if none failed.
#
#   scripts/test.sh [--preset NAME] [--no-setup] [CTEST-ARGUMENT…]
#
#   scripts/test.sh                      everything, as CI does
#   scripts/test.sh -L quick             what takes seconds
#   scripts/test.sh --preset asan        the same tests under AddressSanitizer and UBSan
#   scripts/test.sh -R unit/dim          tests whose name matches
#
# A test that counts for itself (Criterion; a script that prints "N passed, N failed") is counted by its own numbers.

set -eu
cd "$(dirname "$0")/.."

preset=release setup=yes
while [ $# -gt 0 ]; do
	case $1 in
	--preset) preset=${2:?test.sh: --preset wants a name}; shift 2 ;;
	--no-setup) setup=; shift ;;
	-h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
build=build/$preset

[ -z "$setup" ] || case $preset in
no-llvm) scripts/setup.sh --test --no-llvm ;;
*) scripts/setup.sh --test ;;
esac

if ! cmake --preset "$preset" --log-level=NOTICE || ! cmake --build --preset "$preset"; then
	echo '0 passed, 1 failed' # the build
	exit 1
fi

status=0
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" --output-junit Testing/junit.xml \
	--test-output-size-passed 100000000 --test-output-size-failed 100000000 "$@" || status=$?
awk -f scripts/count-tests.awk "$build/Testing/junit.xml" || status=1
exit "$status"
