#!/bin/sh
# demo.sh: from a bare Debian 12 to a trained network that answers, in one command.
#
# Sets rnncc up and builds it (build/release), compiles models/langid.onnx, a bidirectional network that tells the language
# of a line of text, to C, builds that C with nothing but cc, runs it, and says what it takes. `--no-setup` leaves the
# set-up out.

set -eu
cd "$(dirname "$0")/.."
say() { printf '\n== %s\n' "$*"; }
run() { echo "\$ $*"; "$@"; }
bytes() { size -A "$1" | awk -v re="$2" '$1 ~ re { n += $2 } END { print n + 0 }'; }

if [ "${1:-}" != --no-setup ]; then
	say 'Set-up'
	scripts/setup.sh
fi

say 'Build'
cmake --preset release --log-level=WARNING
cmake --build --preset release --target rnncc -- --quiet
PATH=$PWD/build/release:$PATH

say 'A network becomes C'
out=build/demo
rm -rf $out && mkdir -p $out
run rnncc compile models/langid.onnx --dim T=1..512 -o $out
ls -l $out | awk 'NR > 1 { print "    " $NF ", " $5 " bytes" }'

say 'The C becomes a program: a C compiler, the C library, nothing else'
run cc -std=gnu99 -O2 -c $out/langid.c -o $out/langid.o
run cc -std=c99 -O2 -I$out models/langid_main.c $out/langid.o -lm -o $out/langid

say 'In which language is it? (the code before the line is the right answer)'
status=0
run $out/langid models/langid_lines.txt >$out/output.txt || status=$?
cat $out/output.txt
[ $status = 0 ] || { echo 'demo.sh: an answer is wrong' >&2; exit 1; }

say 'What it takes'
printf 'code     %8d bytes\n' "$(bytes $out/langid.o '^[.]text')"
printf 'weights  %8d bytes (and other constants)\n' "$(bytes $out/langid.o '^[.](rodata|data[.]rel[.]ro)')"
printf 'globals  %8d bytes that change\n' "$(bytes $out/langid.o '^[.](data|bss|tdata|tbss)$')"
sed -n 's/^.*LANGID_WORKSPACE_BYTES \([0-9]*\).*/RAM      \1 bytes of workspace, lent by the caller/p' $out/langid.h | awk '{ printf "%-8s %8d ", $1, $2; $1 = $2 = ""; sub(/^ */, ""); print }'
sed -n 's/.*, \([0-9.]*\) microseconds a line.*/one call \1 microseconds, on average over the lines above/p' $out/output.txt
echo
echo "Read the C: $out/langid.c. Try a line of yours: echo 'Where does this come from?' | $out/langid"
