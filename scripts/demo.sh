#!/bin/sh
# demo.sh: from a bare Debian 12 to a trained network that answers, in one command.
#
# Sets rnncc up and builds it (build/release), compiles models/langid.onnx, a bidirectional network that tells the language
# of a line of text, to C, builds that C with nothing but cc, runs it, and says what it takes: once as portable C, once for
# this CPU. `--no-setup` leaves the set-up out. Exit status 1 if an answer is wrong.

set -eu
cd "$(dirname "$0")/.."
say() { printf '\n== %s\n' "$*"; }
run() { echo "\$ $*"; "$@"; }
bytes() { size -A "$1" | awk -v re="$2" '$1 ~ re { n += $2 } END { print n + 0 }'; }
defined() { sed -n "s/^#define $1 \\([0-9]*\\).*/\\1/p" "$2"; }
microseconds() { sed -n 's/.*, \([0-9.]*\) microseconds a line.*/\1/p' "$1"; }

if [ "${1:-}" != --no-setup ]; then
	say 'Set-up'
	scripts/setup.sh
fi

say 'Build'
cmake --preset release --log-level=WARNING >/dev/null
cmake --build --preset release --target rnncc -- --quiet
PATH=$PWD/build/release:$PATH

say 'A network becomes C'
out=build/demo
rm -rf $out
run rnncc compile models/langid.onnx --dim T=1..512 -o $out

say 'The C becomes a program: a C compiler, the C library, nothing else'
run cc -std=c99 -O2 -I$out models/langid_main.c $out/langid.c -lm -o $out/langid

say 'In which language is it?'
status=0
run $out/langid models/langid_lines.txt >$out/output.txt || status=$?
cat $out/output.txt
[ $status = 0 ] || { echo 'demo.sh: an answer is wrong' >&2; exit 1; }

say 'The same for the vector instructions of this CPU'
echo "\$ rnncc compile models/langid.onnx --dim T=1..512 --target native -o $out/native"
rnncc compile models/langid.onnx --dim T=1..512 --target native -o $out/native >$out/native.txt
flags=$(sed -n 's/.*compile with \([^)]*\)).*/\1/p' $out/native/langid.h) # none where the CPU has no target of its own
# shellcheck disable=SC2086
run cc ${flags:--std=c99} -O2 -I$out/native models/langid_main.c $out/native/langid.c -lm -o $out/native/langid
$out/native/langid models/langid_lines.txt >$out/native/output.txt || { echo 'demo.sh: an answer is wrong' >&2; exit 1; }

say 'What it takes'
printf '%-28s %14s %14s\n' '' 'portable C' 'this CPU'
row() { printf '%-28s %14s %14s\n' "$@"; }
for each in $out $out/native; do
	# shellcheck disable=SC2046,SC2086
	cc $([ $each = $out ] && echo -std=c99 || echo ${flags:--std=c99}) -O2 -c $each/langid.c -o $each/langid.o
done
row 'code, bytes' "$(bytes $out/langid.o '^[.]text')" "$(bytes $out/native/langid.o '^[.]text')"
row 'weights, bytes' "$(defined LANGID_WEIGHTS_BYTES $out/langid.h)" "$(defined LANGID_WEIGHTS_BYTES $out/native/langid.h)"
row 'constants in all, bytes' "$(bytes $out/langid.o '^[.](rodata|data[.]rel[.]ro)')" \
	"$(bytes $out/native/langid.o '^[.](rodata|data[.]rel[.]ro)')"
row 'globals that change, bytes' "$(bytes $out/langid.o '^[.](data|bss|tdata|tbss)$')" \
	"$(bytes $out/native/langid.o '^[.](data|bss|tdata|tbss)$')"
row 'RAM, lent by the caller' "$(defined LANGID_WORKSPACE_BYTES $out/langid.h)" \
	"$(defined LANGID_WORKSPACE_BYTES $out/native/langid.h)"
row 'one call, microseconds' "$(microseconds $out/output.txt)" "$(microseconds $out/native/output.txt)"
echo
echo "Read the C: $out/langid.c. Try a line of yours: echo 'Where does this come from?' | $out/langid"
