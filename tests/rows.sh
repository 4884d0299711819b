#!/bin/sh
# ctest: slow timeout=600
# rows.sh: the models of models/*.rnn against independent references: tests/rows/.

set -eu
[ -n "${RNNCC_PYTHON:-}" ] || { echo 'no python3'; exit 77; }
"$RNNCC_PYTHON" -c 'import numpy' 2>/dev/null || { echo 'no NumPy'; exit 77; }
export PYTHONDONTWRITEBYTECODE=1
rows=$RNNCC_SOURCE_DIR/tests/rows
passed=0 failed=0

count() { # COMMAND...: a part of the test, which says how many passed and failed; one that cannot run says why
	status=0
	"$@" >out || status=$?
	sed '$d' out | grep -v '^PASS' || :
	if [ $status -eq 77 ]; then
		tail -1 out
	elif tail -1 out | grep -q '^[0-9]* passed, [0-9]* failed$'; then
		passed=$((passed + $(sed -n '$s/ passed.*//p' out)))
		failed=$((failed + $(sed -n '$s/.*, \([0-9]*\) failed/\1/p' out)))
	else
		echo "FAIL $*: status $status"
		failed=$((failed + 1))
	fi
}

count "$RNNCC_PYTHON" "$rows/make_vectors.py" --check
count "$RNNCC_PYTHON" "$rows/check_torch.py"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
