#!/bin/sh
# clang.sh: what Clang, by its own lights, would do worse than GCC, it does not do in our C: constants and
# sums kept on the stack, and instructions that gather.

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no RNNCC'; exit 77; }
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"

clang=$(command -v clang || command -v clang-14) || { echo 'skipped: no clang'; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo 'skipped: the assembly that is read is that of x86-64'; exit 77; }

# assembly TARGET: of the graph in m.ir, whose kernels are of f32 alone, in m.s
assembly() {
	expect 0 'wrote' "$RNNCC" compile m.ir -o c --name m --target "$1"
	flags=$(sed -n 's/.*compile with \([^)]*\)).*/\1/p' c/m.h)
	# shellcheck disable=SC2086 # several flags
	expect 0 '' "$clang" -O2 $flags -Werror -S c/m.c -o m.s
}
# spills MOST WHAT: so many vectors are stored to the stack, or fewer
spills() {
	n=$(grep -cE 'vmov[a-z0-9]*[[:space:]]+%[yz]mm[0-9]+, .*\(%rsp\)' m.s) || :
	if [ "$n" -le "$1" ]; then pass; else fault "$2: $n vectors are stored to the stack"; fi
}

# Gates, by two functions of some 13 constants each, in two blocks: the constants stay where they are.
cat >m.ir <<'IR'
graph @m(%x: f32[64], %w: f32[64, 128], %v: f32[64, 128]) -> (%y: f32[128]) {
  %a = contract %x %w spec="i,io->o"
  %b = contract %x %v spec="i,io->o"
  %s = sigmoid %a
  %t = tanh %b
  %y = mul %s %t
  return %y
}
IR
assembly x86-64-v4
that grep -q 'V_BLOCK void k_mul_block(' c/m.c
spills 4 'gates'

# The powers of spectra, 7 rows at a time by two sums of two vectors each: 28 sums in 32 registers.
cat >m.ir <<'IR'
graph @m(%x: f32[70, 512], %w: f32[512, 256], %v: f32[512, 256]) -> (%y: f32[70, 256]) {
  %a = contract %x %w spec="ti,io->to"
  %b = contract %x %v spec="ti,io->to"
  %s = mul %a %a
  %t = mul %b %b
  %y = add %s %t
  return %y
}
IR
assembly x86-64-v4
that grep -q '16 x 2; 7 rows of' c/m.c
spills 2 'spectra'

# A product, 3 rows at a time by four vectors: 12 sums in 16 registers.
cat >m.ir <<'IR'
graph @m(%x: f32[99, 64], %w: f32[64, 256]) -> (%y: f32[99, 256]) {
  %y = contract %x %w spec="ti,io->to"
  return %y
}
IR
assembly x86-64-v3
that grep -q '8 x 4; 3 rows of' c/m.c
spills 0 'product'

# Every third float, lane by lane.
cat >m.ir <<'IR'
graph @m(%x: f32[768], %w: f32[256]) -> (%y: f32[256]) {
  %a = slice %x start=[0] size=[256] step=[3]
  %e = exp %a
  %y = mul %e %w
  return %y
}
IR
assembly x86-64-v4
that grep -q 'v_gather(' c/m.c
if grep -q 'v[p]*gather[dq]' m.s; then fault "every third: $(grep -c 'v[p]*gather[dq]' m.s) instructions gather"; else pass; fi

finish
