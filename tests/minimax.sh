#!/bin/sh
# minimax.sh: the polynomials of codegen/vocab are those that scripts/minimax.py fits.
"$RNNCC_PYTHON" -c 'import mpmath, numpy' 2>/dev/null || { echo "skipped: no mpmath for Python"; exit 77; }
exec "$RNNCC_PYTHON" "$RNNCC_SOURCE_DIR/scripts/minimax.py" --check
