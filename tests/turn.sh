#!/bin/sh
# turn.sh: a step whose weights are a little more than a cache reads them backwards every other time: than the second one, or
# than the first where it takes dot products of bf16.  No result depends on it: steps give what the interpreter gives for the
# sequence, and a state that is set one way or the other the same bits.

set -eu
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"
grep -qw avx2 /proc/cpuinfo || { echo 'this CPU does not run x86-64-v3'; exit 77; }

# The state has the name that the compiler would give its own number.
cat >all.rnn <<'END'
cell mine[H](x; turn[H]) {
	z, n = split(lin[2 * H](x, turn), 2)
	turn' = sigmoid(z) * tanh(n)
	yield turn'
}
model m(x[T, SIZE]) -> y[T, SIZE] {
	y = scan mine[SIZE] over x
}
END
cat >all.c <<'END'
#include "m.h"
#include <stdio.h>
#include <string.h>

static m_state state[2];
static float x[SIZE], y[2][SIZE];
static unsigned char workspace[1 << 20] __attribute__((aligned(64)));

int main(void)
{
	m_reset(&state[0]);
	m_reset(&state[1]);
	state[1].turn_2 = !state[0].turn_2;
	for (int t = 0; t < 7; t++) {
		const int way = state[0].turn_2;
		for (int i = 0; i < SIZE; i++) x[i] = (float)((i * 7 + t * 11) % 19 - 9) / 8;
		for (int s = 0; s < 2; s++)
			if (m_step(&state[s], x, y[s], workspace)) return 1;
		if (memcmp(y[0], y[1], sizeof y[0]) != 0 || memcmp(state[0].turn, state[1].turn, sizeof state[0].turn) != 0) {
			printf("step %d: the ways differ\n", t);
			return 1;
		}
		if (state[0].turn_2 == way || state[1].turn_2 == state[0].turn_2) {
			printf("step %d: did not turn\n", t);
			return 1;
		}
	}
	return 0;
}
END
# both_ways SIZE OPTION...: as many units; states that begin one way and the other
both_ways() {
	sed "s/SIZE/$1/g" all.rnn >m.rnn
	sed "s/SIZE/$1/g" all.c >main.c
	shift
	prints '' "$RNNCC" compile m.rnn "$@" --dim T=7 --name m --self-test random -o .
	flags=$(sed -n 's/.*compile with \([^)]*\)).*/\1/p' m.h)
	# shellcheck disable=SC2086
	for cc in gcc clang-14; do
		command -v "$cc" >/dev/null || continue
		that "$cc" $flags -O2 -Wall -Wextra -Wconversion -Wshadow -Werror -c m.c -o m.o
		that "$cc" -O2 main.c m.o -lm -o main
		prints '' ./main
		that "$cc" -O1 m_test.c m.o -lm -o m_test
		prints '' ./m_test
	done
}
both_ways 256 --target x86-64-v3 # 1 MB of weights, where it counts on 512 kB
if grep -qw avx512_bf16 /proc/cpuinfo; then # 128 kB, where it counts on 32 kB
	both_ways 128 --target x86-64-v4-bf16 --weights-dtype bf16 --products-dtype bf16
fi

# one_way SIZE OPTION...: weights that the cache holds, those of which it holds little, and those that take as long to widen as to
# read from the next one
one_way() {
	size=$1
	sed "s/SIZE/$size/g" all.rnn >other.rnn
	shift
	prints '' "$RNNCC" compile other.rnn "$@" --dim T=7 --name other -o .
	if grep -q 'turn_2' other.h; then fault "$size units: the state turns"; else pass; fi
}
one_way 128 --target x86-64-v3
one_way 1024 --target x86-64-v3
one_way 128 --target x86-64-v4-bf16 --weights-dtype bf16
one_way 64 --target x86-64-v4-bf16 --weights-dtype bf16 --products-dtype bf16
finish
