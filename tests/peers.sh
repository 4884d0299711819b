#!/bin/sh
# ctest: slow
# peers.sh: what scripts/bench.sh runs works: on some small layers the peers that are installed here agree, and results, table and
# plots are written. Skipped where scripts/setup.sh --bench has not installed ONNX Runtime. The numbers are not looked at:
# too little time, too much noise.

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no RNNCC'; exit 77; }
[ -z "$RNNCC_SANITIZE" ] || { echo 'skipped: nothing to measure under a sanitizer'; exit 77; }
python=$RNNCC_SOURCE_DIR/build/venv/bin/python
"$python" -c 'import onnx, onnxruntime' 2>/dev/null || { echo 'skipped: no ONNX Runtime in build/venv (scripts/setup.sh --bench)'; exit 77; }

"$python" "$RNNCC_SOURCE_DIR/bench/run.py" --rnncc "$RNNCC" --out "$PWD/out" --seconds 0.05 \
	--only '^(LSTM_32x16_step|LSTM_64_step|GRU_64_T100|RNN_32_step|LSTM_64_T100_B16)$' >log 2>&1 || { tail -n 20 log; echo '0 passed, 1 failed'; exit 1; }
"$python" - out "$RNNCC_SOURCE_DIR/bench" <<'EOF_PY'
import json, pathlib, sys
out = pathlib.Path(sys.argv[1])
found = json.loads((out / "results.json").read_text())
results = {r["name"]: r for r in found["results"]}
assert set(results) == {"LSTM_32x16_step", "LSTM_64_step", "GRU_64_T100", "RNN_32_step", "LSTM_64_T100_B16"}, set(results)
for r in results.values():
    assert r["agree"] and {"ONNX Runtime", "rnncc gcc"} <= set(r["runners"]), r
    assert r["bound_us"] > 0 and all(t["min_us"] > 0 for t in r["runners"].values()), r
# A step reads W and R, 4 * 64 * 128 floats, and the bias; with 16 inputs to 32 units, 4 * 32 * 48.
assert results["LSTM_64_step"]["weight_bytes"] >= 4 * (4 * 64 * 128 + 4 * 64), results["LSTM_64_step"]["weight_bytes"]
small = results["LSTM_32x16_step"]["weight_bytes"]
assert 4 * (4 * 32 * 48 + 4 * 32) <= small < 4 * 4 * 32 * 64, small
assert found["limits"]["flops"] > 1e9
table = (out / "table.md").read_text()
# Whoever is not here is named.
assert "RTNeural: no checkout given" in table and "onnx2c: no program given" in table, table
by_hand = {n for n, r in results.items() if "by hand" in r["runners"]}
if by_hand:
    assert by_hand == set(results) - {"LSTM_64_T100_B16"} and table.count("| of hand-written |") == 2, table
else:
    assert "this CPU has no AVX-512" in table, table
# What the columns say, of numbers that are known: the better of our two builds counts, for "best peer" nobody's handwork.
sys.path.insert(0, sys.argv[2])
import report
times = {"ONNX Runtime": 8, "RTNeural Eigen": 3, "by hand": 1, "rnncc gcc": 2, "rnncc clang": 4}
row = {"name": "x", "group": "step", "agree": True, "bound_us": 0.5,
       "runners": {k: {"min_us": t, "max_abs_error": 0} for k, t in times.items()}}
cells = dict(zip(*([c.strip() for c in line.split("|")] for line in report.group_table("step", [row])[2:5:2])))
assert (cells["faster than ORT"], cells["than best peer"], cells["of hand-written"], cells["of bound"]) == ("4.00×", "1.50×", "50%", "25%"), cells
assert "| LSTM_64_T100_B16 |" in table and "DIFFERS" not in table, table
EOF_PY
echo '1 passed, 0 failed'
