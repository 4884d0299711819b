#!/bin/sh
# ctest: slow timeout=900
# hostile.sh: files and command lines that are wrong, mutilated or malicious (hostile.py makes and judges them).

set -eu
[ -n "$RNNCC" ] && [ -n "$RNNCC_PYTHON" ] || exit 77
exec "$RNNCC_PYTHON" "$RNNCC_SOURCE_DIR/tests/hostile.py"
