#!/bin/sh
# cli.sh: the command's usage: help, versions, exit statuses, errors, and each subcommand on a small model.

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no RNNCC'; exit 77; }
model=$RNNCC_SOURCE_DIR/models/langid.onnx
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"

# ---- help and versions

expect 0 'rnncc 0.' "$RNNCC" --version
expect 0 'Commands:' "$RNNCC" --help
expect 0 'Commands:' "$RNNCC" help
expect 2 'Usage: rnncc COMMAND' "$RNNCC"
expect 2 "unknown command 'frobnicate'" "$RNNCC" frobnicate
expect 2 "unknown command 'comple'; did you mean compile?" "$RNNCC" comple
expect 2 "unknown option '--traget=native'; did you mean --target?" "$RNNCC" compile m.onnx -o d --traget=native
for command in compile run test bench inspect opt fmt ops targets; do
	expect 0 "Usage: rnncc $command" "$RNNCC" $command --help
	that grep -q "^  rnncc $command " out # an example
	expect 0 "Usage: rnncc $command" "$RNNCC" help $command
	[ $command = ops ] || [ $command = targets ] || expect 2 'expected' "$RNNCC" $command
	expect 2 "unknown option '--no-such-thing'" "$RNNCC" $command --no-such-thing
	expect 2 "unknown option '-X'" "$RNNCC" $command -X
done

# ---- the table of targets: a row is what its instruction set has

expect 0 'native: ' "$RNNCC" targets
that grep -q '^vector registers  *16  *16  *16  *32  *32$' out
that grep -q '^lanes of f32  *1  *4  *8  *16  *16$' out
expect 0 '"l1_bytes"' "$RNNCC" targets --json

# ---- wrong usage: status 2, and which option it was

expect 2 "option '--target' needs an argument" "$RNNCC" compile m.onnx --target
expect 2 "--target: 'z80' is not CPU" "$RNNCC" compile m.onnx -o d --target z80
expect 2 '  --target CPU: generic, x86-64' "$RNNCC" compile m.onnx -o d --target z80
expect 2 "-O: '7' is not LEVEL" "$RNNCC" compile m.onnx -o d -O7
expect 2 "--dim: 'T' is not NAME=N|A..B|/M|A..B/M" "$RNNCC" compile m.onnx -o d --dim T
expect 2 "--dim: 'T=9..3' is not" "$RNNCC" compile m.onnx -o d --dim T=9..3
expect 2 "--dim: 'T=99999999999999999999' is not" "$RNNCC" compile m.onnx -o d --dim T=99999999999999999999
expect 2 "--state: 'h' is not OUT=IN" "$RNNCC" compile m.onnx -o d --state h
expect 2 "--name: 'a-b' is not NAME" "$RNNCC" compile m.onnx -o d --name a-b
expect 2 "--threads: '0' is not N" "$RNNCC" run m.onnx --threads 0
expect 2 "--via: 'magic' is not WAY" "$RNNCC" run m.onnx --via magic
expect 2 "--weights: 'gold' is not MODE" "$RNNCC" compile m.onnx -o d --weights gold
expect 2 "--dtype: 'f8' is not TYPE" "$RNNCC" run m.onnx --dtype f8
expect 2 "--weights-dtype: 'f32' is not TYPE" "$RNNCC" run m.onnx --weights-dtype f32
expect 2 '--weights-dtype is for weights of f32' "$RNNCC" run m.onnx --weights-dtype bf16 --dtype f64
expect 2 "--products-dtype: 'f16' is not TYPE" "$RNNCC" run m.onnx --weights-dtype bf16 --products-dtype f16
expect 2 '--products-dtype bf16 is for weights of bf16' "$RNNCC" compile m.onnx -o d --products-dtype bf16
expect 2 'it needs --weights-dtype bf16' "$RNNCC" run m.onnx --weights-dtype f16 --products-dtype bf16
expect 2 "--rtol: 'x' is not X" "$RNNCC" test d --rtol x
expect 2 '-o DIR expected' "$RNNCC" compile m.onnx
expect 2 '--data goes with --verify or --tune' "$RNNCC" compile m.onnx -o d --data d
expect 2 '--kernels and --sweep go with --json' "$RNNCC" bench m.onnx --kernels
expect 1 'no input of that name; it has ' "$RNNCC" compile "$model" -o d --bind nothing=1
expect 2 '--rtol and --atol go with --verify' "$RNNCC" compile m.onnx -o d --atol 1
expect 2 '--dim T is given twice' "$RNNCC" run m.onnx --dim T=4 --dim B=1 --dim T=5
expect 2 '--bind b is given twice' "$RNNCC" compile m.onnx -o d --bind a=4 --bind b=1 --bind b=1
expect 2 "unexpected 'b.onnx'" "$RNNCC" inspect a.onnx b.onnx

# ---- files at fault: status 1

expect 1 'no-such.onnx: cannot be read' "$RNNCC" inspect no-such.onnx
expect 1 'model.txt: unknown kind of model' "$RNNCC" run model.txt
echo 'not a model' >junk.onnx
expect 1 'junk.onnx: the message is truncated or damaged, or none of ONNX' "$RNNCC" compile junk.onnx -o nothing
that test ! -e nothing # nothing is written
for number in 1e39 -1e400; do
	expect 1 "'$number' does not fit in f32" "$RNNCC" compile "$RNNCC_SOURCE_DIR/tests/cases/lstm_forward/model.onnx" -o nothing --bind "X=$number"
done
expect 1 'only the weights of .rnn models' "$RNNCC" compile "$model" -o nothing --weights-layout keras
expect 1 'only the weights of .rnn models' "$RNNCC" compile "$model" -o nothing --weights-map none
expect 1 'no-data' "$RNNCC" compile "$model" -o nothing --verify --data no-data
expect 1 'no-data' "$RNNCC" compile "$model" -o nothing --self-test no-data
that test ! -e nothing
printf 'odd\033[2J' >odd
expect 1 'odd\x1b[2J.onnx: cannot be read' "$RNNCC" inspect "$(cat odd).onnx"
expect 2 "command 'odd\x1b[2J'" "$RNNCC" "$(cat odd)"
expect 2 "'odd\x1b[2J' is not CPU" "$RNNCC" inspect --target "$(cat odd)" m.onnx
mkdir empty
expect 1 'no cases: a case is a folder' "$RNNCC" test empty
expect 1 "no cases whose names match 'z*'" "$RNNCC" test empty --filter 'z*'
"$RNNCC" bench no-such.onnx >out 2>/dev/null || true
that test ! -s out # no head without a table
expect 1 'cannot be read' "$RNNCC" test no-such-folder

# ---- a graph as text, in a file with an odd name: what every command does with it

cat >'a b.ir' <<'END'
dim T = 1..100
graph @sums(%x: f32[T, 2], %h: f32[2]) -> (%y: f32[T, 2], %hn: f32[2]) {
  %1 = expand %h shape=[T, 2]
  %2 = add %x %1
  %3 = reduce %2 kind="max" axes=[0]
  return %2 %3
}
END
expect 0 'T: 1..100' "$RNNCC" inspect 'a b.ir'
expect 0 'T: 4..100, a multiple of 4' "$RNNCC" inspect 'a b.ir' --dim T=/4
expect 0 '"step":	4' "$RNNCC" inspect 'a b.ir' --dim T=9..99/4 --json
expect 0 'f32[12, 2]' "$RNNCC" run 'a b.ir' --via interpret --dim T=9..99/4 # the least
expect 2 "'T=9..11/4' is not NAME=N" "$RNNCC" run 'a b.ir' --dim T=9..11/4
expect 2 "'T=8/4' is not NAME=N" "$RNNCC" run 'a b.ir' --dim T=8/4
expect 2 "'T=/0' is not NAME=N" "$RNNCC" run 'a b.ir' --dim T=/0
expect 0 '"hn":' "$RNNCC" inspect 'a b.ir' --json --state hn=h
expect 0 'f32[5, 2]' "$RNNCC" run 'a b.ir' --via interpret --dim T=5
expect 0 '"shape":	[1, 2]' "$RNNCC" run 'a b.ir' --via interpret --json
expect 1 'nowhere.npz: cannot be read' "$RNNCC" run 'a b.ir' --via interpret h=nowhere.npz
expect 1 "the model has no input 'z'; it has x, h" "$RNNCC" run 'a b.ir' --via interpret z=nowhere.npz
expect 1 'has no dim of that name; open are T' "$RNNCC" compile 'a b.ir' -o none --dim U=3
expect 1 'dim T: the model has it for 1..100; 101 wanted' "$RNNCC" compile 'a b.ir' -o none --dim T=101
expect 1 'dim T: the model has it for 1..100; 0..5 wanted' "$RNNCC" run 'a b.ir' --dim T=0..5
expect 1 'no pass of that name; there are inline, canon' "$RNNCC" compile 'a b.ir' -o none --print-after fold
expect 1 "has no output 'z'" "$RNNCC" compile 'a b.ir' -o none --state z=h

"$RNNCC" opt 'a b.ir' >once.ir && "$RNNCC" opt once.ir >twice.ir
that cmp -s once.ir twice.ir # the text parses back to itself
expect 0 'return' "$RNNCC" opt 'a b.ir' --pass inline,canon --verify-each --check
for least in 1 1000; do # the size is an input: what is drawn is small
	cat >picky.ir <<END
dim N = $least..1001 computed
graph @picky(%n: i64[], %x: f32[1001]) -> (%y: f32[N]) {
  %s = size %n value=[N]
  %k = after %x %s
  %y = slice %k start=[0] size=[N] step=[1]
  return %y
}
END
	expect 0 'return' "$RNNCC" opt picky.ir --pass canon --check
	wanted=$((least / 1000)) # 1 where all are refused
	if [ "$(grep -c 'no values are compared' out)" = $wanted ]; then pass; else
		fault "opt --check of a size from $least on:" && cat out
	fi
done
expect 0 '# after canon' "$RNNCC" opt 'a b.ir' --pass inline,canon --print-after all
expect 1 "there is no pass 'fold'" "$RNNCC" opt 'a b.ir' --pass fold

# ---- the C is to be read: no wide lines, and one name for a loop that several kernels share

cat >attend.ir <<'END'
graph @attend(%a_query_with_a_long_name: f32[8, 64, 16], %the_keys_with_another: f32[8, 64, 16]) -> (%y: f32[8, 64, 64]) {
  %c = contract %a_query_with_a_long_name %the_keys_with_another spec="bik,bjk->bij"
  %e = exp %c
  %s = reduce %e kind="sum" axes=[2]
  %s1 = reshape %s shape=[8, 64, 1]
  %se = expand %s1 shape=[8, 64, 64]
  %y = div %e %se
  return %y
}
END
expect 0 'attend.c' "$RNNCC" compile attend.ir -o attend --target x86-64-v3
that grep -q 'keys_with_another_turned\[i, i1, i2\] = the_keys_with_another\[i, i1, i2\]' attend/attend.c
expand -t 8 attend/attend.[ch] | awk 'length > 120' >wide
that test ! -s wide

# ---- compile, and the same answer each way

expect 0 'sub/dir/a_b.c' "$RNNCC" compile 'a b.ir' -o sub/dir --no-detect-states
that test -s sub/dir/a_b.h
cp sub/dir/a_b.c first.c
"$RNNCC" compile 'a b.ir' -o sub/dir --no-detect-states >/dev/null
that cmp -s first.c sub/dir/a_b.c
expect 0 'in the state' "$RNNCC" compile 'a b.ir' -o state --name sums --state hn=h --dim T=4
that test -s state/sums.c

# 256 weights of which each is a whole number of its row's 127th: quantising moves nothing.  A third of one is lost.
{
	echo 'graph @main(%x: f32[16]) -> (%y: f32[16]) {'
	awk 'BEGIN { printf "  %%w = const f32[16, 16] {"; for (i = 0; i < 256; i++) printf "%s%g", i ? ", " : "", i % 17 ? (i % 16 - 8) / 4 : 31.75; print "}" }'
	echo '  %y = contract %x %w spec="j,ij->i"'
	echo '  return %y'
	echo '}'
} >quarters.ir
expect 0 'weights   256 B' "$RNNCC" compile quarters.ir -o quarters --weights-dtype int8 --target x86-64
expect 0 'int8 weights against f32' "$RNNCC" compile quarters.ir -o quarters --weights-dtype int8 --verify --atol 0
sed 's/-1.75/0.08333333/' quarters.ir >thirds.ir
expect 1 "--verify: output 'y'" "$RNNCC" compile thirds.ir -o thirds --weights-dtype int8 --verify --atol 1e-3

# A weight of 1 + 2^-9 is 1 as bf16: each value is 2^-9 of itself too small.  f16 holds it.
cat >ninth.ir <<'END'
graph @main(%x: f32[4, 2]) -> (%y: f32[4, 1]) {
  %w = const f32[2, 1] {1.001953125, 0}
  %y = contract %x %w spec="ij,jk->ik"
  return %y
}
END
expect 0 '(0.0019)' "$RNNCC" compile ninth.ir -o ninth --weights-dtype bf16 --verify
expect 0 'at most 0 off' "$RNNCC" compile ninth.ir -o ninth --weights-dtype f16 --verify
expect 0 'the C against the interpreter' "$RNNCC" compile ninth.ir -o ninth --verify --atol 0
expect 1 "--verify: output 'y'" "$RNNCC" compile ninth.ir -o ninth --weights-dtype bf16 --verify --atol 1e-5

# Weights that bf16 has cost nothing; with its products the inputs are rounded, too, by the interpreter as by the C.
sed 's/1.001953125/-1.5/' ninth.ir >exact.ir
expect 0 'bf16 weights against f32' "$RNNCC" compile exact.ir -o exact --weights-dtype bf16 --verify --atol 0
expect 0 'bf16 weights and products against f32' "$RNNCC" compile exact.ir -o exact --weights-dtype bf16 --products-dtype bf16 --verify --rtol 0.004
expect 1 "--verify: output 'y'" "$RNNCC" compile exact.ir -o exact --weights-dtype bf16 --products-dtype bf16 --verify --rtol 1e-4
for via in interpret cc; do
	expect 0 "via $via" "$RNNCC" run exact.ir --weights-dtype bf16 --products-dtype bf16 --seed 5 --via $via -o products_$via.npz
done
that cmp -s products_interpret.npz products_cc.npz
expect 0 'via interpret' "$RNNCC" run exact.ir --weights-dtype bf16 --seed 5 --via interpret -o weights.npz
if cmp -s weights.npz products_cc.npz; then rounded=no; else rounded=yes; fi
that test $rounded = yes
expect 1 'no-data' "$RNNCC" compile ninth.ir -o ninth --verify --data no-data

"$RNNCC" run 'a b.ir' --dim T=7 --seed 3 --via interpret -o wanted.npz >/dev/null
for via in interpret cc $([ "${RNNCC_LLVM:-0}" = 1 ] && echo jit); do
	expect 0 "via $via" "$RNNCC" run 'a b.ir' --dim T=7 --seed 3 --via $via -o $via.npz
	that cmp -s wanted.npz $via.npz
done
# a length that is fixed: NAME_steps, which nobody calls here, has a size that the inputs do not tell
expect 0 'Y: f32[5, 1, 1, 33]' "$RNNCC" run "$RNNCC_SOURCE_DIR/tests/cases/lstm_forward/model.onnx" --dim T=5 --dim B=1 --via cc
expect 0 'y: f32[7, 2]' "$RNNCC" run 'a b.ir' --dim T=7 --via interpret -o folder
that test -s folder/y.npy -a -s folder/hn.npy
expect 1 'wanted f32[T, 2]' "$RNNCC" run 'a b.ir' --via interpret x=folder/hn.npy h=folder/hn.npy
expect 0 'hn: f32[2]' "$RNNCC" run 'a b.ir' --via interpret h=folder/hn.npy folder/y.npy
expect 1 "no file is given for input 'h'" "$RNNCC" run 'a b.ir' --via interpret folder/y.npy
for word in min_us median_us calls threads target; do
	expect 0 "\"$word\"" "$RNNCC" bench 'a b.ir' --json --via interpret
done

# ---- test: cases found, counted, and failures named

cases=$RNNCC_SOURCE_DIR/tests/cases/langid
mkdir -p cases/good cases/bad cases/none/deep
for case in good bad; do cp -R "$cases"/test_data_set_0 cases/$case/ && cp "$model" cases/$case/model.onnx; done
cp "$model" cases/none/deep/model.onnx
cp "$cases"/test_data_set_1/output_0.pb cases/bad/test_data_set_0/output_0.pb
expect 0 '1 passed, 0 failed' "$RNNCC" test --via interpret -j 2 "$cases" --model "$model"
expect 1 '1 passed, 1 failed, 1 skipped' "$RNNCC" test --via interpret -j 3 cases
that grep -q '^PASS good  (1 data set, ' out
that grep -q "^FAIL bad: test_data_set_0: output '.*': at \[.*\]: .* seen, .* wanted" out
that grep -q '^SKIP none/deep: no data set' out
cp -R "$cases"/test_data_set_1 cases/good/
for json in 7 '[]' '{' '{"sequences": [{"first": 0, "last": 1, "carry": ["scores"]}]}' '{"sequences": [{"first": 0, "last": 1, "carry": {"scores": 1}}]}'; do
	echo "$json" >cases/good/case.json
	expect 1 'case.json: ' "$RNNCC" test --via interpret cases --filter good
done
rm -r cases/good/test_data_set_1 cases/good/case.json
expect 0 '1 passed, 0 failed' "$RNNCC" test --via interpret cases --filter 'g*'
expect 0 '1 passed, 0 failed' "$RNNCC" test --via interpret --atol 1000 cases/bad
expect 1 '"failed":	1' "$RNNCC" test --via interpret --json cases
echo 'static int idle(void) { return 1; }' >warns.h
expect 0 '1 passed, 0 failed' env RNNCC_CC='cc -include warns.h' "$RNNCC" test --via cc cases --filter good
expect 1 'idle' env RNNCC_CC='cc -include warns.h' "$RNNCC" test --via cc --warnings cases --filter good
expect 0 '1 passed, 0 failed' "$RNNCC" test --via cc --warnings --target generic cases --filter good
expect 2 '--warnings goes with what compiles C' "$RNNCC" test --via interpret --warnings cases

# ---- the commands of docs/cli.md

grep '^    rnncc ' "$RNNCC_SOURCE_DIR/docs/cli.md" | sed 's/^ *rnncc //' >commands
that test "$(wc -l <commands)" -ge 7
cp -R "$RNNCC_SOURCE_DIR/models" "$RNNCC_SOURCE_DIR/frontend" . && mkdir -p tests && cp -R "$RNNCC_SOURCE_DIR/tests/cases" tests/
while read -r line; do
	# shellcheck disable=SC2086
	expect 0 '' "$RNNCC" $line
done <commands

finish
