#!/bin/sh
# packed.sh: a padded batch takes the steps of its longest sequence, and computes the rows of its real steps only: as gcov counts
# them in the generated C, which has no counters of its own.

set -eu
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"
command -v gcov >/dev/null || { echo 'no gcov'; exit 77; }

# Nine sequences in an array of 32 steps, and a second batch of nothing: 20 steps, 84 rows that run of 9 * 20.
lengths='7, 0, 20, 3, 20, 20, 1, 11, 2'
cat >main.c <<END
#include "m.h"
#include <stdlib.h>
enum { T = 32, B = 9, MOST = 1 << 20 };
int main(void)
{
	static LENGTH lengths[B] = {$lengths}, none[B];
	float *x = calloc(MOST, sizeof *x), *y = calloc(MOST, sizeof *y), *h = calloc(MOST, sizeof *h);
	void *workspace = aligned_alloc(64, MOST);
	return m_run(SIZES, x, lengths, y, h, workspace) || m_run(SIZES, x, none, y, h, workspace);
}
END

# The rows that the functions whose loops ask each row have computed, and those that they have passed: NAME COMPUTED PASSED.
rows() {
	awk -F: '
		{ n = $1; gsub(/[ *]/, "", n); n = n ~ /^[0-9]+$/ ? n : 0; text = $0; sub(/^[^:]*:[^:]*:\t*/, "", text) }
		text ~ /^(KERNEL|V_BLOCK) void k_/ { name = text; sub(/\(int64_t.*/, "", name); sub(/.* /, "", name) }
		text ~ /if \(/ { wanted = 1 }
		text == "} else {" { wanted = 0 }
		text ~ /^[a-z0-9]+ \+= [0-9]+;$/ { by = text; gsub(/.*= |;/, "", by); computed[name] += by * n }
		text ~ /^[a-z0-9]+\+\+;$/ { if (wanted) computed[name] += n; else passed[name] += n }
		END { for (name in computed) if (passed[name]) print name, computed[name], passed[name] }' "$1" | sort
}

# counted KERNELS LENGTH SIZES MODEL OPTION...: so many of its kernels are of rows that run
counted() {
	kernels=$1 type=$2 sizes=$3
	shift 3
	rm -rf c && mkdir c
	"$RNNCC" compile "$@" --name m -o c >out 2>&1 || { fault "$*: $(cat out)"; return; }
	cp main.c c/main.c
	(cd c && gcc -O0 --coverage -DLENGTH="$type" -DSIZES="$sizes" m.c main.c -lm -o main && ./main && gcov -o . main-m.gcda) >out 2>&1 ||
		{ fault "$*: $(cat out)"; return; }
	steps=$(sed -n '/for (int64_t t = .*\(longest\|chunk\)/{n; s/^ *\([0-9]*\):.*/\1/p}' c/m.c.gcov)
	if [ "$steps" = 20 ]; then pass; else fault "$*: $steps steps, 20 wanted"; fi
	rows c/m.c.gcov >rows
	if [ "$(wc -l <rows)" -ge "$kernels" ]; then pass; else fault "$*: $(wc -l <rows) kernels skip rows, $kernels wanted"; fi
	while read -r name computed passed_by; do # several times, where the columns are computed in blocks
		if [ $((computed % 84)) = 0 ] && [ $((computed * 180)) = $(((computed + passed_by) * 84)) ]; then pass; else
			fault "$*: $name computes $computed rows and passes $passed_by"
		fi
	done <rows
}

models=$RNNCC_SOURCE_DIR/models cases=$RNNCC_SOURCE_DIR/tests/cases
# x W of all steps; the reset gate; the step
counted 3 int64_t 'B, T' "$models/gru.rnn" --target generic
counted 3 int64_t T "$models/gru.rnn" --target generic --dim B=9
counted 3 int64_t 'B, T' "$models/gru.rnn" --target x86-64
# backwards: x W, the step
counted 2 int32_t 'T, B' "$cases/rnn_reverse_lengths/model.onnx" --target generic

finish
