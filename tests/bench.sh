#!/bin/sh
# ctest: slow
# bench.sh: `rnncc bench`: what the table, the object and the plot hold; arithmetic and memory of a layer are those that its sizes
# say; and what cannot be drawn is refused by name.

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no RNNCC'; exit 77; }
[ -z "$RNNCC_SANITIZE" ] || { echo 'skipped: nothing to measure under a sanitizer'; exit 77; }
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"

cat >layer.ir <<'IR'
graph @m(%x: f32[96], %w: f32[96, 64]) -> (%y: f32[64]) {
  %a = contract %x %w spec="i,io->o"
  %y = tanh %a
  return %y
}
IR

"$RNNCC" bench layer.ir >out 2>&1 </dev/null || fault bench
for words in '-O0, unfused' '-O2, fused' 'generic, -O2' 'kernel (-O2)' 'limits of one core' 'GFLOP/s'; do
	if grep -qF -e "$words" out; then pass; else fault "the table has no '$words'"; fi
done
expect 0 'kernel (-O1)' "$RNNCC" bench layer.ir --target generic -O1
if grep -qF 'x86-64' out; then fault 'other targets, although --target says one'; else pass; fi

if [ -n "${RNNCC_PYTHON:-}" ]; then
	cat >object.py <<'END'
import json, subprocess, sys
o = json.loads(subprocess.run([sys.argv[1], "bench", "layer.ir", "--json", "--kernels", "--sweep"], check=True, capture_output=True).stdout)
assert o["min_us"] > 0 and o["median_us"] >= o["min_us"] and o["calls"] >= 50 and o["threads"] == 1 and o["target"] == "native", o
kernels = o["kernels"]
assert sum(k["flops"] for k in kernels) == 2 * 96 * 64 + 64, kernels
assert sum(k["bytes"] for k in kernels) >= 4 * (96 * 64 + 96 + 64), kernels
assert all(k["calls"] == 1 and k["bound_us"] > 0 and k["limit"] in ("memory", "arithmetic") for k in kernels), kernels
# Neither a core that reads a byte a cycle nor one that does a thousand operations in it exists.
assert 1e9 < o["limits"]["flops_per_second"] < 1e13 and all(1e9 < r["bytes_per_second"] < 1e13 for r in o["limits"]["reads"]), o["limits"]
assert abs(o["bound_us"] - sum(k["bound_us"] for k in kernels)) < 1e-9
runs = {(r["opt"], r["target"], r["threads"]) for r in o["runs"]}
print('fine') if {(0, "native", 1), (2, "native", 1), (3, "native", 1), (2, "generic", 1)} <= runs else print(runs)
END
	expect 0 fine "$RNNCC_PYTHON" object.py "$RNNCC"
fi

# ---- open sizes: large enough for an output to have elements, and what depends on them is not told
cat >open.ir <<'IR'
dim T = 1..
graph @m(%x: f32[T+7]) -> (%y: f32[T]) {
  %a = slice %x start=[7] size=[T] step=[1]
  %y = tanh %a
  return %y
}
IR
prints 'here x f32[8]' "$RNNCC" bench open.ir --target generic
that grep -q ' open  *open ' out
prints '"open_sizes":	false' "$RNNCC" bench open.ir --dim T=9 --json --kernels
that grep -q '"flops":	9' out
cat >window.ir <<'IR'
dim T = 0..
graph @m(%x: f32[T]) -> (%y: f32[T-511]) {
  %a = slice %x start=[511] size=[T-511] step=[1]
  %y = tanh %a
  return %y
}
IR
prints 'y: f32[1]' "$RNNCC" run window.ir --via interpret
expect 1 '-508' "$RNNCC" run window.ir --dim T=3

expect 1 'SVG only' "$RNNCC" bench layer.ir --plot layer.png
expect 1 'the interpreter has no kernels' "$RNNCC" bench layer.ir --via interpret --plot layer.svg
mkdir no_gnuplot
for tool in sh cc gcc as ld; do ln -s "$(command -v $tool)" no_gnuplot/; done
expect 1 'no gnuplot in PATH' env PATH="$PWD/no_gnuplot" "$RNNCC" bench layer.ir --plot layer.svg
if command -v gnuplot >/dev/null; then
	cp layer.ir "it's.ir"
	expect 0 'kernel (-O2)' "$RNNCC" bench "it's.ir" --plot "it's.svg"
	expect 0 "it's.ir" cat "it's.svg"
	expect 0 '-O0, unfused' cat "it's.svg"
	expect 0 'k_' cat "it's.svg"
	expect 1 'no/such/folder' "$RNNCC" bench layer.ir --plot no/such/folder/x.svg
else echo 'not drawn: no gnuplot (scripts/setup.sh --test)'
fi

finish
