#!/bin/sh
# devtools.sh: what a developer asks of `rnncc compile` and `rnncc opt`: dumps after a pass, stopping, verifying, checking and
# timing each, and the reproducer that a pass which ends the process leaves behind.

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no RNNCC'; exit 77; }
model=$RNNCC_SOURCE_DIR/tests/cases/stacked_lstm/model.onnx
graph_passes='inline canon trim hoist merge' kernel_passes='lower unread accumulate inplace vectorise unroll parallel pack skip plan'
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"
not() { ! "$@"; }
# same WANTED SEEN
same() { [ "$1" = "$2" ] || { echo "$1 wanted, $2 seen"; return 1; }; }

# ---- dumps: one graph or program for each time the pass runs; the results are not touched by it

"$RNNCC" compile "$model" -o plain >/dev/null 2>&1
for pass in $graph_passes $kernel_passes; do
	"$RNNCC" compile "$model" -o dumped --print-after $pass >/dev/null 2>dump
	that grep -qx "# after $pass" dump
	that same "# after $pass" "$(grep '^# after' dump | sort -u)"
	that cmp plain/model.c dumped/model.c
done
that grep -q '^program step' dump
"$RNNCC" compile "$model" -o dumped --print-after all >/dev/null 2>dump
for pass in $graph_passes $kernel_passes; do that grep -qx "# after $pass" dump; done
"$RNNCC" compile "$model" -o dumped --print-after change >/dev/null 2>dump
that grep -qx '# after hoist' dump

# ---- stopping: that pass is the last, and nothing is written

for pass in $graph_passes $kernel_passes; do
	"$RNNCC" compile "$model" -o stopped --stop-after $pass --print-after all >/dev/null 2>dump
	that same "# after $pass" "$(grep '^# after' dump | tail -n 1)"
	that not test -e stopped
	"$RNNCC" compile "$model" --stop-after $pass 2>dump # which prints it
	that same "# after $pass" "$(grep '^# after' dump | sort -u)"
done
for option in --print-after --stop-after; do
	"$RNNCC" compile "$model" -o none $option plann 2>message && status=0 || status=$?
	that same 1 $status
	that grep -qF -e "$option plann: there is no pass of that name" message
done
"$RNNCC" compile "$model" --stop-after hoist -O0 2>message && status=0 || status=$?
that same 1 $status
that grep -qF 'it does not run at -O0' message

# ---- verify, check, time: nothing else changes; a time for every pass

"$RNNCC" compile "$model" -o checked --verify-each --check --time >/dev/null 2>times
that cmp plain/model.c checked/model.c
for pass in $graph_passes; do that grep -qE "^$pass +[0-9.]+ ms" times; done
for pass in $kernel_passes; do that grep -qE "^$pass +[0-9.]+ ms  run" times; done
"$RNNCC" opt "$model" --pass inline,canon,hoist,merge --verify-each --check --time >opt.ir 2>times
that grep -qE '^merge +[0-9.]+ ms' times
cat >sizes.ir <<'END'
dim T = 2..9
graph @sizes(%x: f32[2*T + 1, 3], %n: f32[T]) -> (%y: f32[2*T + 1, 3], %s: f32[]) {
  %y = tanh %x
  %s = reduce %n kind="sum" axes=[0]
  return %y %s
}
END
that "$RNNCC" compile sizes.ir -o checked --check # inputs whose sizes are no plain symbols

# ---- the reproducer: gone after a compilation that ends well, there after one that does not, and it runs

that "$RNNCC" compile "$model" -o plain --reproducer left.ir
that not test -e left.ir
"$RNNCC" compile "$model" -o plain --reproducer no/such/folder.ir 2>message && status=0 || status=$?
that same 1 $status
that grep -qF 'no/such/folder.ir: cannot be written' message
cat >slow.ir <<'END'
graph @slow(%x: f32[3000, 3000]) -> (%y: f32[3000, 3000]) {
  %y = contract %x %x spec="ij,jk->ik"
  return %y
}
END
"$RNNCC" compile slow.ir -o slow --check --reproducer left.ir >/dev/null 2>&1 & # interprets for seconds after each pass
compiler=$!
until [ -s left.ir ]; do kill -0 $compiler || break; done
kill -9 $compiler || true
wait $compiler 2>/dev/null || true
that grep -qE '^# rnncc opt --pass [a-z]+ --check FILE$' left.ir
pass=$(sed -nE '1s/.*--pass ([a-z]+) .*/\1/p' left.ir)
that "$RNNCC" opt left.ir --pass "$pass"

finish
