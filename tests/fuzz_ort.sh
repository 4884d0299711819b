#!/bin/sh
# ctest: slow
# fuzz_ort.sh: RNNCC_FUZZ_GRAPHS (60) random ONNX graphs from seed RNNCC_FUZZ_SEED (1) on, generated C against ONNX Runtime. One that
# rnncc refuses is no failure as long as most are not. Skipped where scripts/setup.sh --bench has not installed ONNX Runtime.
# By hand, more of them, and smaller cases that fail in the same way: tests/fuzz_ort/fuzz.py --help.

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no RNNCC'; exit 77; }
python=$RNNCC_SOURCE_DIR/build/venv/bin/python
"$python" -c 'import onnx, onnxruntime' 2>/dev/null || { echo 'skipped: no ONNX Runtime in build/venv (scripts/setup.sh --bench)'; exit 77; }
via=jit
[ "$RNNCC_LLVM" != 0 ] || via=cc

PYTHONDONTWRITEBYTECODE=1 "$python" "$RNNCC_SOURCE_DIR/tests/fuzz_ort/fuzz.py" run "${RNNCC_FUZZ_SEED:-1}" "${RNNCC_FUZZ_GRAPHS:-60}" \
	--rnncc "$RNNCC" --via $via --work "$PWD/work" --keep "$PWD/keep" >out 2>&1 || :
cat out
sed -n 's/^\([0-9]*\) graphs: \([0-9]*\) equal, \([0-9]*\) refused, \([0-9]*\) different.*/\1 \2 \4/p' out >counts
read -r graphs equal different <counts || { echo '0 passed, 1 failed'; exit 1; }
if [ $((equal * 10)) -lt $((graphs * 9)) ] && [ "$different" = 0 ]; then
	echo 'less than nine of ten graphs are compared'
	different=1
fi
echo "$equal passed, $different failed"
[ "$different" = 0 ]
