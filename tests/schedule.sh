#!/bin/sh
# schedule.sh: files of schedules: what one says of a kernel is what the C has, and the numbers stay; what is wrong in one is
# refused with its line; what fits no kernel is told.  (Nothing is timed: what --tune finds depends on the machine.)

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no RNNCC'; exit 77; }
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"

cat >layer.ir <<'IR'
graph @m(%x: f32[20, 96], %w: f32[96, 64], %r: f32[3, 512]) -> (%y: f32[20, 64], %s: f32[3]) {
  %a = contract %x %w spec="ti,io->to"
  %y = tanh %a
  %s = contract %r %r spec="ij,ij->i"
  return %y %s
}
IR

compile() { "$RNNCC" compile layer.ir -o c --name m --target x86-64-v3 "$@"; }
expect 0 'schedule  kernel' compile -v
key=$(sed -n 's/.*kernel \([0-9a-f]*\) lanes j .*# k_tanh$/\1/p' out) sums=$(sed -n 's/.*kernel \([0-9a-f]*\)  # k_contract$/\1/p' out)
case $key in [0-9a-f]???????????????) pass ;; *) fault "no key of the layer: '$key'" ;; esac
case $sums in [0-9a-f]???????????????) pass ;; *) fault "no key of the sums: '$sums'" ;; esac
cp c/m.c by_rules.c

# file TEXT...: a file of schedules with these lines after the version and the target
file() { { echo 'rnncc schedule 1'; echo 'target x86-64-v3'; printf '%s\n' "$@"; } >given; }
# says WORDS LINE: with that line for the layer its kernel is as WORDS say
says() {
	file "kernel $key $2"
	expect 0 'wrote' compile --schedule given
	if sed -n '/ \* *y\[/,/\*\//p' c/m.c | grep -qF -e "$1"; then pass; else cp c/m.c out; fault "'$2' gives no '$1'"; fi
}
says 'lanes j 8; 2 rows of i' 'lanes j vectors 1 rows i 2'
says 'lanes j 8 x 3' 'lanes j vectors 3   # a remark'
says 'lanes i 8 x 2; 3 rows of j' 'lanes i vectors 2 rows j 3'
says 'lanes i 8' 'lanes i'
file "kernel $key scalar"
expect 0 'wrote' compile --schedule given
if sed -n '/ \* *y\[/,/\*\//p' c/m.c | grep -qF lanes; then fault 'scalar, but in lanes'; else pass; fi
file "kernel $key lanes j vectors 2 parallel"
expect 0 'wrote' compile --schedule given --threads 2
if grep -q 'void k_tanh(.*int part, int parts)' c/m.c; then pass; else fault 'parallel, but not shared'; fi
file "kernel $key lanes j vectors 2 serial"
expect 0 'wrote' compile --schedule given --threads 2
if grep -q 'void k_tanh(.*int part, int parts)' c/m.c; then fault 'serial, but shared'; else pass; fi

# The file that says what the rules do changes nothing; and the same file twice gives the same bytes.
compile -v | sed -n 's/^  schedule  //p' >lines
{ echo 'rnncc schedule 1'; echo 'target x86-64-v3'; cat lines; } >given
expect 0 'wrote' compile --schedule given
if cmp -s c/m.c by_rules.c; then pass; else fault 'the rules themselves, written down, give other C'; fi

# No bit changes.
if grep -q avx2 /proc/cpuinfo 2>/dev/null && grep -q ' fma ' /proc/cpuinfo; then
	"$RNNCC" run layer.ir --target x86-64-v3 --seed 3 -o rules >out 2>&1 </dev/null
	for line in 'lanes j vectors 1 rows i 2' 'lanes i vectors 2 rows j 3' 'scalar' 'lanes j vectors 4 rows i 8'; do
		file "kernel $key $line"
		rm -rf given_run
		"$RNNCC" run layer.ir --target x86-64-v3 --seed 3 --schedule given -o given_run >out 2>&1 </dev/null || fault "$line"
		if cmp -s rules/y.npy given_run/y.npy && cmp -s rules/s.npy given_run/s.npy; then pass; else fault "other bits: $line"; fi
	done
fi

# hoist: the products with the inputs stay in the loop.
lstm=$RNNCC_SOURCE_DIR/tests/cases/stacked_lstm/model.onnx
"$RNNCC" compile "$lstm" -o c --name m --target x86-64-v3 >out 2>&1 </dev/null
hoisted=$(sed -n '/_run(/,/^}/p' c/m.c | grep -c '	k_')
file 'hoist no'
expect 0 'wrote' "$RNNCC" compile "$lstm" -o c --name m --target x86-64-v3 --schedule given
if [ "$(sed -n '/_run(/,/^}/p' c/m.c | grep -c '	k_')" -lt "$hoisted" ]; then pass; else fault 'hoist no, but as many kernels'; fi

# chunk: so many steps at a time, or all; by the rules, all of known sequences that a cache holds. No bit changes.
rm -rf rules
"$RNNCC" run "$lstm" --dim T=7 --target x86-64-v3 --seed 3 -o rules >out 2>&1 </dev/null
for steps in 2 6 7 8 no; do
	file "chunk $steps"
	case $steps in 2 | 6) cut=1 ;; *) cut=0 ;; esac
	expect 0 'wrote' "$RNNCC" compile "$lstm" --dim T=7 -o c --name m --target x86-64-v3 --schedule given
	if [ "$(sed -n '/_run(/,/^}/p' c/m.c | grep -c 'for (int64_t start')" = $cut ]; then pass; else fault "chunk $steps: not cut $cut times"; fi
	for threads in 1 2 4; do
		rm -rf given_run
		"$RNNCC" run "$lstm" --dim T=7 --target x86-64-v3 --seed 3 --schedule given --threads $threads -o given_run >out 2>&1 </dev/null ||
			fault "chunk $steps"
		if diff -r rules given_run >/dev/null; then pass; else fault "other bits: chunk $steps, $threads threads"; fi
	done
done
file 'chunk 2'
expect 0 'given: chunk 2: the model has no loop over more steps that can be cut; not applied' compile --schedule given

# Layers that threads run side by side, at lengths around those of their chunks.
layers=$RNNCC_SOURCE_DIR/tests/codegen/layers_beside.ir
file 'chunk 5'
for steps in 0 4 5 6 13 40; do
	rm -rf rules
	"$RNNCC" run "$layers" --dim T=$steps --target x86-64-v3 --seed 3 -o rules >out 2>&1 </dev/null
	for threads in 2 3 4; do
		rm -rf given_run
		"$RNNCC" run "$layers" --dim T=$steps --target x86-64-v3 --seed 3 --schedule given --threads $threads -o given_run >out 2>&1 \
			</dev/null || fault "layers, $steps steps"
		if diff -r rules given_run >/dev/null; then pass; else fault "other bits: layers, $steps steps, $threads threads"; fi
	done
done
expect 0 'wrote' "$RNNCC" compile "$layers" -o c --name m --target x86-64-v3 --threads 3
if grep -q 'part == 2 % parts && front >= ' c/m.c; then pass; else fault 'three layers, but not side by side'; fi
for kind in chunk no; do
	[ $kind = no ] && file 'chunk no'
	expect 0 'wrote' "$RNNCC" compile "$layers" -o c --name m --target x86-64-v3 --threads 3 --schedule given
	if [ "$(grep -c 'part == 2 % parts && front' c/m.c)" = "$([ $kind = no ] && echo 0 || echo 2)" ]; then pass; else fault "layers, $kind"; fi
done

# ---- what is refused, and where

refused() { # WORDS LINE...: the first of them is line 3
	words=$1
	shift
	file "$@"
	expect 1 "$words" compile --schedule given
}
refused "given:3: target, hoist, chunk or kernel expected, not 'colour'" 'colour blue'
refused 'given:4: a second chunk' 'chunk 8' 'chunk no'
refused 'given:3: a chunk has 2 steps at least' 'chunk 1'
refused "given:3: a number of steps, 1 to 9999, expected, not 'all'" 'chunk all'
refused "given:4: scalar, or lanes, vectors and rows, then parallel or serial, expected, not 'tile'" '' "kernel $key lanes j tile 3"
refused "given:3: a number of vectors, 1 to 16, expected, not '17'" "kernel $key lanes j vectors 17"
refused "given:3: a number of vectors, 1 to 16, expected, not '-1'" "kernel $key lanes j vectors -1"
refused "given:3: a number of rows, 1 to 16, expected, not '99999999999999999999'" "kernel $key vectors 1 rows i 99999999999999999999"
refused 'given:3: a number of vectors expected at the end of the line' "kernel $key lanes j vectors"
refused "given:3: a kernel's key, 16 digits of 0-9a-f, expected, not 'k_tanh'" 'kernel k_tanh scalar'
refused 'has a line already, 3' "kernel $key scalar" "kernel $key lanes j"
refused "it has no axis 'q'" "kernel $key lanes q"
refused 'its rows cannot be what is in the lanes' "kernel $key lanes j vectors 1 rows j 2"
refused 'that is 128 sums at a time, and 64 the most' "kernel $key lanes j vectors 8 rows i 16"
refused 'j is shorter than so many vectors' "kernel $key lanes j vectors 9"
refused 'in an order that must stay' "kernel $sums lanes i"
refused 'a second target' 'target x86-64-v3'
refused 'yes or no expected' 'hoist perhaps'
refused 'too many words' 'hoist yes a b c d e f g h i j k l m n o p q r'
expect 1 'these schedules are for x86-64-v3, not for generic' sh -c 'printf "rnncc schedule 1\ntarget x86-64-v3\n" >given; "$RNNCC" compile layer.ir -o c --schedule given'
printf 'rnncc schedule 2\n' >given
expect 1 "given:1: version 1 expected, not '2'" compile --schedule given
printf 'rnncc schedule 1\n' >given
expect 1 'given: says no target' compile --schedule given
: >given
expect 1 'given: says no target' compile --schedule given
printf '{"target": 1}\n' >given
expect 1 'this is no file of schedules' compile --schedule given
printf 'rnncc schedule 1\ntarget x86-64-v3\nkernel \0\n' >given
expect 1 'given: is no text' compile --schedule given
head -c 1200000 /dev/zero | tr '\0' '#' >given
expect 1 'at most 1048576 bytes' compile --schedule given
expect 1 'missing' compile --schedule missing
file 'kernel 0123456789abcdef scalar'
expect 0 'given:3: kernel 0123456789abcdef: the model has none of that key; not applied' compile --schedule given
expect 1 'give one of them' compile --schedule given --tune
expect 1 'nothing to choose' compile --tune -O0

finish
