#!/bin/sh
# ranges.sh: compiled models refuse integers that mean nothing: an id of no class, a length beyond its axis.  The code is
# NAME_EVALUE, and neither outputs nor state were touched; what stands in the padding is not looked at.

set -eu
cat >tags.rnn <<'END'
cell sums[H](x; h[H]) { h' = h + x }
model tags(w[T] in 4) -> s[T, 2] { s = scan sums[2] over embed[4, 2](w) }
END
cat >main.c <<'END'
#include <stdio.h>
#include <string.h>

#include "tags.h"

enum { B = 2, T = 3 };
static unsigned char workspace[1 << 16] __attribute__((aligned(TAGS_ALIGN)));
static int passed, failed;

static void expect(const char *what, int seen, int wanted)
{
	if (seen == wanted) passed++;
	else failed++, printf("FAIL %s: %d, not %d\n", what, seen, wanted);
}

static int untouched(const float *s)
{
	int n = 0;
	for (int i = 0; i < B * T * 2; i++) n += s[i] == 42;
	return n == B * T * 2;
}

static void run(const char *what, int64_t id, int64_t length, int wanted)
{
	int64_t w[B][T] = {{0, 3, 1}, {2, 1, 7}}, lengths[B] = {3, 2}; /* 7 is padding */
	float s[B * T * 2];
	for (int i = 0; i < B * T * 2; i++) s[i] = 42;
	w[1][1] = id;
	lengths[0] = length;
	if (tags_workspace_bytes(B, T) > sizeof workspace) wanted = 1000;
	expect(what, tags_run(B, T, &w[0][0], lengths, s, workspace), wanted);
	expect(what, untouched(s), wanted != 0);
}

int main(void)
{
	run("ids and lengths in range", 1, 3, 0);
	run("nothing is real", 1, 0, 0);
	run("an id beyond the classes", 4, 3, TAGS_EVALUE);
	run("a negative id", -1, 3, TAGS_EVALUE);
	run("an id of 2 to the 40", INT64_C(1) << 40, 3, TAGS_EVALUE);
	run("a length beyond the axis", 1, 4, TAGS_EVALUE);
	run("a negative length", 1, -1, TAGS_EVALUE);

	tags_state state, before;
	float s[B * T * 2] = {0};
	int64_t id = 2;
	tags_reset(&state);
	expect("a step", tags_step(&state, &id, s, workspace), 0);
	memcpy(&before, &state, sizeof state);
	for (int i = 0; i < B * T * 2; i++) s[i] = 42;
	id = 4;
	expect("a step with an id beyond the classes", tags_step(&state, &id, s, workspace), TAGS_EVALUE);
	expect("its output", untouched(s), 1);
	expect("its state", memcmp(&before, &state, sizeof state), 0);
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
END
all=0
for options in -O0 -O2 '-O3 --target x86-64-v3' '--threads 2'; do
	rm -rf c
	"$RNNCC" compile tags.rnn -o c $options >/dev/null
	flags='-std=gnu99 -O1 -Wall -Wextra -Werror -ffp-contract=off'
	case $options in *v3) flags="$flags -march=x86-64-v3" ;; *threads*) flags="$flags -fopenmp" ;; esac
	cc $flags -Ic main.c c/tags.c -lm -o tags
	case $options in *v3) grep -q '^flags.* avx2' /proc/cpuinfo || continue ;; esac
	./tags >out || { cat out; all=1; }
	tail -1 out
done
[ $all -eq 0 ]
echo 'ranges: all options passed'
