#!/bin/sh
# fmt.sh: rnncc fmt on files: what it leaves alone, what it says; and every text of the project is laid out.

set -eu
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"
status() { # status EXPECTED COMMAND...: its output is in out and err
	want=$1
	shift
	seen=0
	"$@" >out 2>err || seen=$?
	that test "$*: $seen" = "$*: $want"
}

printf 'op  f(x){x}\n' >untidy.rnn
printf 'op f(x) { x }\n' >tidy.rnn
printf 'op f(x { x }\n' >broken.rnn
cp untidy.rnn before.rnn

status 1 "$RNNCC" fmt --check untidy.rnn tidy.rnn
that test "$(cat out)" = untidy.rnn
that cmp -s untidy.rnn before.rnn

# one that is at fault is named, stays as it is, and keeps none of the others from it
chmod 640 untidy.rnn
ln -s untidy.rnn link.rnn
cp broken.rnn broken.before
status 1 "$RNNCC" fmt broken.rnn none.rnn link.rnn tidy.rnn
that test "$(cat out)" = link.rnn
that grep -q '^rnncc: broken.rnn:1:8: ' err
that grep -q '^rnncc: none.rnn: cannot be read' err
that cmp -s broken.rnn broken.before
that cmp -s untidy.rnn tidy.rnn
that test -L link.rnn
that test "$(stat -c %a untidy.rnn)" = 640
that test "$(find . -name '*.rnn.*' | wc -l)" = 0 # nothing is left behind

status 0 "$RNNCC" fmt untidy.rnn tidy.rnn
that test ! -s out

"$RNNCC" fmt - <before.rnn >formatted.rnn
that cmp -s formatted.rnn tidy.rnn
status 1 sh -c '"$RNNCC" fmt --check - <before.rnn'
status 0 sh -c '"$RNNCC" fmt --check - <tidy.rnn'

cd "$RNNCC_SOURCE_DIR"
find frontend models -path models/examples -prune -o -name '*.rnn' -print >"$RNNCC_TMP/all"
that test "$(wc -l <"$RNNCC_TMP/all")" -ge 6
xargs "$RNNCC" fmt --check <"$RNNCC_TMP/all" >"$RNNCC_TMP/untidy" 2>&1 || :
that test ! -s "$RNNCC_TMP/untidy"
sed 's/^/  not as rnncc fmt has it: /' "$RNNCC_TMP/untidy"

finish
