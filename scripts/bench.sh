#!/bin/sh
# bench.sh: how fast is it, against ONNX Runtime, oneDNN and torch and against what the machine can do. The one command.
#
#   scripts/bench.sh               some ten minutes
#   scripts/bench.sh --quick       about two
#   scripts/bench.sh --only LSTM   --no-setup, --seconds S, --cpu N, --target CPU …: bench/run.py --help
#
# Sets up, builds the release preset, measures; results.json, table.md and plots are in build/bench. docs/performance.md says
# what it measures. Exit status 1 if an output differs from ONNX Runtime's. Let nothing else run meanwhile.

set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" = --no-setup ]; then shift
else
	scripts/setup.sh --bench
fi
cmake --preset release --log-level=WARNING
cmake --build --preset release --target rnncc -- --quiet
exec build/venv/bin/python bench/run.py "$@"
