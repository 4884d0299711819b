#!/bin/sh
# turn.sh: a step whose weights are a little more than the second cache reads them backwards every other time.  No result depends
# on it: steps give what the interpreter gives for the sequence, and a state that is set one way or the other the same bits.

set -eu
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"
grep -qw avx2 /proc/cpuinfo || { echo 'this CPU does not run x86-64-v3'; exit 77; }

# 1.2 MB of weights; x86-64-v3 counts on 512 kB. The state has the name that the compiler would give its own number.
cat >m.rnn <<'END'
cell mine[H](x; turn[H]) {
	turn' = tanh(lin[H](x, turn))
	yield turn'
}
model m(x[T, 384]) -> y[T, 384] {
	y = scan mine[384] over x
}
END
cat >main.c <<'END'
#include "m.h"
#include <stdio.h>
#include <string.h>

static m_state state[2];
static float x[384], y[2][384];
static unsigned char workspace[1 << 20] __attribute__((aligned(64)));

int main(void)
{
	m_reset(&state[0]);
	m_reset(&state[1]);
	state[1].turn_2 = !state[0].turn_2;
	for (int t = 0; t < 7; t++) {
		const int way = state[0].turn_2;
		for (int i = 0; i < 384; i++) x[i] = (float)((i * 7 + t * 11) % 19 - 9) / 8;
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
prints '' "$RNNCC" compile m.rnn --target x86-64-v3 --dim T=7 --name m --self-test random -o .
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

# Weights that the cache holds, and those of which it holds little, are read one way.
for size in 128 1024; do
	sed "s/384/$size/g" m.rnn >other.rnn
	prints '' "$RNNCC" compile other.rnn --target x86-64-v3 --dim T=7 --name other -o .
	if grep -q 'turn_2' other.h; then fault "$size units: the state turns"; else pass; fi
done
finish
