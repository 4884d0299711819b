#!/bin/sh
# ctest: slow
# peers.sh: what scripts/bench.sh runs works: on two small layers the peers that are installed here agree, and results, table and
# plots are written. Skipped where scripts/setup.sh --bench has not installed ONNX Runtime. The numbers are not looked at:
# too little time, too much noise.

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no RNNCC'; exit 77; }
[ -z "$RNNCC_SANITIZE" ] || { echo 'skipped: nothing to measure under a sanitizer'; exit 77; }
python=$RNNCC_SOURCE_DIR/build/venv/bin/python
"$python" -c 'import onnx, onnxruntime' 2>/dev/null || { echo 'skipped: no ONNX Runtime in build/venv (scripts/setup.sh --bench)'; exit 77; }

"$python" "$RNNCC_SOURCE_DIR/bench/run.py" --rnncc "$RNNCC" --out "$PWD/out" --seconds 0.05 \
	--only '^(LSTM_32_step|LSTM_64_step|GRU_64_T100|LSTM_64_T100_B16)$' >log 2>&1 || { tail -n 20 log; echo '0 passed, 1 failed'; exit 1; }
"$python" - out <<'EOF_PY'
import json, pathlib, sys
out = pathlib.Path(sys.argv[1])
found = json.loads((out / "results.json").read_text())
results = {r["name"]: r for r in found["results"]}
assert set(results) == {"LSTM_32_step", "LSTM_64_step", "GRU_64_T100", "LSTM_64_T100_B16"}, set(results)
for r in results.values():
    assert r["agree"] and {"ONNX Runtime", "rnncc gcc"} <= set(r["runners"]), r
    assert r["bound_us"] > 0 and all(t["min_us"] > 0 for t in r["runners"].values()), r
# A step reads W and R, 4 * 64 * 128 floats, and the bias.
assert results["LSTM_64_step"]["weight_bytes"] >= 4 * (4 * 64 * 128 + 4 * 64), results["LSTM_64_step"]["weight_bytes"]
assert found["limits"]["flops"] > 1e9
table = (out / "table.md").read_text()
assert "| LSTM_64_T100_B16 |" in table and "DIFFERS" not in table, table
EOF_PY
echo '1 passed, 0 failed'
