#!/bin/sh
# ctest: timeout=600
# weights.sh: --weights inline, string, incbin and blob, and --self-test: the C of each is clean under gcc and clang, passes its
# own test, gives the same bits, and is the same from run to run; a blob that is not the model's is refused; a text in the
# model cannot leave the comment that it is printed in.

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no RNNCC'; exit 77; }
cases=$RNNCC_SOURCE_DIR/tests/cases
warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'
compilers=
for cc in gcc clang clang-14; do
	command -v $cc >/dev/null && compilers="$compilers $cc"
done
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"

# refuses COMMAND...: it fails
refuses() { if "$@" >out 2>&1 </dev/null; then fault "succeeds: $*"; else pass; fi; }

# build CC STANDARD DIR NAME: DIR/test from the generated files, with the strict flags
build() {
	"$1" -std="$2" -O1 $warnings -ffp-contract=off -I"$3" "$3/$4.c" "$3/$4_test.c" -lm -o "$3/test"
}
in_dir() (cd "$1" && shift && "$@") # blobs are read from the current folder

# ---- every mode: clean, passes its test, the same twice.  C99 without vector types; with them the C says gnu99

for name in stacked_lstm stream_lstm gru_both_linear loop_until; do
	for mode in inline string incbin blob; do
		"$RNNCC" compile $cases/$name/model.onnx --name m -o $name.$mode --weights $mode --self-test $cases/$name >/dev/null 2>notes
		"$RNNCC" compile $cases/$name/model.onnx --name m -o again --weights $mode --self-test $cases/$name >/dev/null 2>notes
		for file in $name.$mode/m*; do that cmp $file again/${file#*/}; done
		rm -rf again
		for cc in $compilers; do
			that build $cc c99 $name.$mode m
			prints ' passed, 0 failed' in_dir $name.$mode ./test
		done
	done
done
"$RNNCC" compile $cases/stacked_lstm/model.onnx --name m -o vectors --weights string --target x86-64 --self-test random >/dev/null 2>notes
for cc in $compilers; do
	[ "$(uname -m)" = x86_64 ] || break
	that build $cc gnu99 vectors m
	prints '6 passed, 0 failed' vectors/test # 3 calls, each also step by step
done
that grep -q 'bytes\[1\]\[[0-9]*\];' vectors/m.c # what is less than a row of strings takes no whole one
refuses grep -q 'bytes\[1\]\[4000\];' vectors/m.c
"$RNNCC" compile $cases/stream_lstm/model.onnx --name m -o stream --state hn=h0 --state cn=c0 --self-test random >/dev/null 2>notes
that build cc c99 stream m
prints '3 passed, 0 failed' stream/test
"$RNNCC" compile $cases/stacked_lstm/model.onnx --name m -o double --dtype f64 --self-test $cases/stacked_lstm >/dev/null 2>notes
that build cc c99 double m
prints ' passed, 0 failed' double/test

# ---- a test that finds something: another number is wanted

sed '/wanted_0_0\[/{n; s/[0-9.e-]*f,/7.5f,/}' stacked_lstm.inline/m_test.c >changed.c
mkdir wrong && cp stacked_lstm.inline/m.[ch] wrong && mv changed.c wrong/m_test.c
that build cc c99 wrong m
refuses wrong/test
prints '7.5 wanted' sh -c 'wrong/test || true'
prints ' failed' sh -c 'wrong/test || true'

# ---- the same bits in every mode

for via in gcc clang; do
	for mode in inline string incbin blob; do
		if ! "$RNNCC" run $cases/stacked_lstm/model.onnx --dim T=9 --via $via --weights $mode -o bits.$mode >/dev/null 2>&1; then
			echo "skipped: --via $via"
			break
		fi
		for file in bits.inline/*; do that cmp $file bits.$mode/${file#*/}; done
	done
	rm -rf bits.*
done
prints '1 passed, 0 failed' "$RNNCC" test $cases/stream_lstm --weights blob
prints '1 passed, 0 failed' "$RNNCC" test $cases/stream_lstm --weights blob --via cc

# ---- blobs that are not this model's

cat >load.c <<'END'
/* load FILE OFFSET: what m_load says of a file, put OFFSET bytes after where it should be */
#include "m.h"
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	static unsigned char memory[1 << 20];
	m_weights w;
	unsigned char *at = memory + 64 - (uintptr_t)memory % 64 + (argc > 2 ? atoi(argv[2]) : 0);
	FILE *f = fopen(argv[1], "rb");
	size_t n = f ? fread(at, 1, sizeof memory - 256, f) : 0;
	return m_load(&w, at, n) == 0 ? 0 : 1;
}
END
cc -Istacked_lstm.blob load.c stacked_lstm.blob/m.c -lm -o load
blob=stacked_lstm.blob/m_weights.bin
size=$(wc -c <$blob)
that ./load $blob 0
for offset in 1 4 32; do refuses ./load $blob $offset; done
refuses ./load no-such-file 0
for n in 0 1 63 64 $((size - 1)); do
	head -c $n $blob >short
	refuses ./load short 0
done
{ cat $blob; printf 'x'; } >long
refuses ./load long 0
for at in 0 7 8 16 23 64 1000 $((size - 1)); do
	cp $blob changed
	byte=$(od -An -tu1 -j$at -N1 $blob | tr -d ' ')
	printf "\\$(printf '%03o' $(((byte + 1) % 256)))" | dd of=changed bs=1 seek=$at conv=notrunc 2>/dev/null
	refuses ./load changed 0
done
refuses ./load stream_lstm.blob/m_weights.bin 0 # another model's

# ---- words of the model stay words

cat >words.ir <<'END'
graph @words(%x: f32[4, 4]) -> (%y: f32[4, 4], %z: i64[4, 4]) {
  %w = const f32[4, 4] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16} #@ "*/ int evil; /*"
  %y = contract %x %w spec="ij,jk->ik" #@ "*/ int evil; /*"
  %z = sort %y axis=[0] flags=[0] #@ "*/ int evil; /*"
  return %y %z
}
END
for mode in inline string incbin blob; do
	"$RNNCC" compile words.ir --name m -o words.$mode --weights $mode --self-test random >/dev/null 2>notes
	that build cc c99 words.$mode m
	prints '3 passed, 0 failed' in_dir words.$mode ./test
	cc -E -P words.$mode/m.c >plain.c
	refuses grep evil plain.c
done
cat >names.ir <<'END'
graph @names(%exp: f32[2], %fma: f32[2], %printf: f32[2], %INT_MAX: f32[2], %data: f32[2], %bytes: f32[2], %lgammaf: f32[2],
             %index: f32[2], %value: f32[2], %size: f32[2], %hash: f32[2]) -> (%erf: f32[2]) {
  %w = const f32[2] {0.5, 0.25}
  %1 = add %exp %fma
  %2 = add %1 %printf
  %3 = add %2 %INT_MAX
  %4 = add %3 %data
  %5 = add %4 %bytes
  %6 = add %5 %lgammaf
  %7 = add %6 %index
  %8 = add %7 %value
  %9 = add %8 %size
  %10 = add %9 %hash
  %erf = mul %10 %w
  return %erf
}
END
for mode in inline string incbin blob; do
	"$RNNCC" compile names.ir --name m -o names.$mode --weights $mode --self-test random >/dev/null 2>notes
	for cc in $compilers; do
		that build $cc c99 names.$mode m
		prints '3 passed, 0 failed' in_dir names.$mode ./test
	done
done

finish
