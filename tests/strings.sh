#!/bin/sh
# ctest: timeout=600
# strings.sh: strings, which the compiler knows and the generated C does not (strings.py makes the models and judges).

set -eu
[ -n "$RNNCC" ] && [ -n "$RNNCC_PYTHON" ] || exit 77
"$RNNCC_PYTHON" -c 'import numpy, onnx' 2>/dev/null || { echo 'no numpy and onnx in Python (package python3-onnx)'; exit 77; }
exec "$RNNCC_PYTHON" "$RNNCC_SOURCE_DIR/tests/strings.py"
