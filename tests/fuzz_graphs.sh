#!/bin/sh
# ctest: slow timeout=900
# fuzz_graphs.sh: random graphs, interpreter against compiled C, for RNNCC_FUZZ_SECONDS (25) from RNNCC_FUZZ_SEED (1) on.
# A graph that differs is shrunk and printed; by hand: fuzz_graphs --seconds 3600 --seed "$(date +%s)", or with FILE.ir.

set -eu
exec "$RNNCC_BUILD_DIR/fuzz_graphs" --seconds "${RNNCC_FUZZ_SECONDS:-25}" --seed "${RNNCC_FUZZ_SEED:-1}"
