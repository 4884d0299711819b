#!/bin/sh
# ctest: slow timeout=600
# silero.sh: Silero VAD v5 as its npm package ships it, compiled with sr = 16000: nothing of the 8 kHz branch is left, the
# state is a struct, compiling is quick and small, the C is clean under gcc and clang, and a recorded stream agrees.

set -eu
[ -n "$RNNCC" ] || { echo 'no rnncc command'; exit 77; }
fetched=0
"$RNNCC_SOURCE_DIR/scripts/fetch-silero.sh" "$RNNCC_BUILD_DIR/silero" >fetch.txt 2>&1 || fetched=$?
case $fetched in
0) model=$(tail -n 1 fetch.txt) ;;
77) echo "skipped: Silero VAD v5: $(tail -n 1 fetch.txt)"; exit 77 ;;
*) cat fetch.txt; exit 1 ;;
esac

passed=0 failed=0
check() { # WHAT COMMAND...
	what=$1
	shift
	if "$@" >check.txt 2>&1; then
		passed=$((passed + 1))
		echo "ok    $what"
	else
		failed=$((failed + 1))
		echo "FAIL  $what"
		sed 's/^/      /' check.txt | tail -n 20
	fi
}
compile() { # FOLDER OPTION...
	folder=$1
	shift
	"$RNNCC" compile "$model" --bind sr=16000 --dim input_dim0=1 --dim input_dim1=576 --name vad -o "$folder" "$@"
}

# ---- compiling: time without the C compiler's, memory, the same bytes each time ----

cat >limits.py <<'END'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
print(f"{seconds:.2f} s of CPU time (limit 1), {megabytes:.0f} MB at most (limit 200)")
sys.exit(seconds >= 1 or megabytes >= 200)
END
if [ -n "${RNNCC_PYTHON:-}" ] && [ -z "$RNNCC_SANITIZE" ]; then
	check 'compiles in under 1 s and 200 MB' "$RNNCC_PYTHON" limits.py "$RNNCC" compile "$model" --bind sr=16000 \
		--dim input_dim0=1 --dim input_dim1=576 --name vad -o once
	grep 'CPU time' check.txt || :
else
	check 'compiles' compile once
	echo 'note: time and memory are not measured (a sanitizer, or no python3)'
fi
compile twice >/dev/null 2>&1 || :
check 'the same bytes each time' cmp once/vad.c twice/vad.c

# ---- the 8 kHz branch ----

# Its nodes are named else_branch in the model, and nothing that is emitted may come from one; neither may the number 8000
# stand anywhere but within the bytes of weights; and the weights must be those of one branch: the 16 kHz one has
#   STFT 258*256, convolutions 128*129*3+128, 64*128*3+64, 64*64*3+64, 128*64*3+128, LSTM 512*256+512, output 128+1
# floats. Some more for padding, or fewer where a tap only ever sees padding, is fine; the other branch is 0.4 of it.
bytes_16k=$((4 * (258 * 256 + 128 * 129 * 3 + 128 + 64 * 128 * 3 + 64 + 64 * 64 * 3 + 64 + 128 * 64 * 3 + 128 + 512 * 256 + 512 + 129)))
grep -v '^	{"' once/vad.c >code.txt # without the bytes of weights
weights_fit() {
	bytes=$(sed -n 's/^#define VAD_WEIGHTS_BYTES \([0-9]*\).*/\1/p' once/vad.h)
	echo "the header says '$bytes' bytes of weights; the 16 kHz branch has $bytes_16k"
	[ "$bytes" -gt $((bytes_16k * 8 / 10)) ] && [ "$bytes" -lt $((bytes_16k * 115 / 100)) ]
}
none_of() { ! grep -n "$1" "$2"; }
check 'the model has an else_branch' grep -q else_branch "$model"
check 'nothing comes from a node of the else_branch' none_of else_branch once/vad.c
check 'the emitted C comes from the then_branch' grep -q then_branch once/vad.c
check 'no 8000 in the code' none_of '\<8000\>' code.txt
check 'no 16000 in the code, either: sr is decided' none_of '\<16000\>' code.txt
check 'the header has no sr' none_of '\<sr\>' once/vad.h
check 'weights of one branch' weights_fit

# ---- the API, and clean C: no warnings, no libraries, nothing that changes but what the caller owns ----

cat >use.c <<'END'
#include "vad.h"
#include <stdio.h>
#include <string.h>
/* Fails to compile unless the state is a struct of 2 * 128 floats, plain data. */
typedef char state_is_two_times_128_floats[sizeof(vad_state) == 2 * 128 * sizeof(float) ? 1 : -1];
static union {
	unsigned char bytes[VAD_WORKSPACE_BYTES + VAD_ALIGN];
	double align;
} memory;

int main(void)
{
	static vad_state state, fork;
	static float in[576];
	float a, b, first = 0;
	void *workspace = memory.bytes + (VAD_ALIGN - (size_t)memory.bytes % VAD_ALIGN) % VAD_ALIGN;
	int i, k;
	vad_reset(&state);
	for (k = 0; k < 10; k++) {
		for (i = 0; i < 576; i++) in[i] = (float)((i * 7919 + k * 104729) % 201 - 100) / 1000;
		memcpy(&fork, &state, sizeof state);
		if (vad_step(&state, in, &a, workspace) || vad_step(&fork, in, &b, workspace)) return 1;
		if (a != b || memcmp(&state, &fork, sizeof state) || !(a > 0 && a < 1)) return 2;
		if (k == 0) first = a;
	}
	vad_reset(&state);
	for (i = 0; i < 576; i++) in[i] = (float)((i * 7919) % 201 - 100) / 1000;
	if (vad_step(&state, in, &a, workspace) || a != first) return 3;
	printf("%.6f\n", (double)a);
	return 0;
}
END
if [ -n "$RNNCC_SANITIZE" ]; then san="-fsanitize=undefined -fno-sanitize-recover=all"; else san=; fi
only_libm() {
	nm -u "$1" | awk '{ print $NF }' | grep -v '^__ubsan' | grep -vxE '(mem(cpy|set|move)|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|sqrtf?|expf?|tanhf?|fmaf?|floorf?)' >outside.txt
	cat outside.txt
	[ ! -s outside.txt ]
}
nothing_changes() { ! nm "$1" | grep -E ' [BbDdCc] ' | grep -v __ubsan; }
for target in generic x86-64 x86-64-v3 x86-64-v4; do
	case $target in x86*) [ "$(uname -m)" = x86_64 ] || continue ;; esac
	check "$target: compiles" compile "$target" --target "$target"
	march=-march=$target std=gnu99
	[ $target != generic ] || march='' std=c99
	for cc in gcc clang-14; do
		command -v $cc >/dev/null || { echo "note: no $cc here"; continue; }
		flags="-std=$std -O2 $march -ffp-contract=off -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror $san"
		[ $std = c99 ] || flags=$(echo "$flags" | sed 's/-Wpedantic//')
		# shellcheck disable=SC2086
		check "$target: clean under $cc" $cc $flags -c $target/vad.c -o $target/$cc.o
		[ -e $target/$cc.o ] || continue
		[ -n "$san" ] || check "$target, $cc: calls nothing but libm" only_libm $target/$cc.o
		[ -n "$san" ] || check "$target, $cc: no globals that change" nothing_changes $target/$cc.o
		# Run it where the CPU can.
		case $target in
		x86-64-v3) grep -qw avx2 /proc/cpuinfo || continue ;;
		x86-64-v4) grep -qw avx512vl /proc/cpuinfo || continue ;;
		esac
		# shellcheck disable=SC2086
		check "$target, $cc: reset, step, fork" sh -c "$cc $flags -I$target use.c $target/$cc.o -o $target/use -lm && $target/use"
	done
done

# ---- a recorded stream ----

stream=$RNNCC_SOURCE_DIR/../shared/cases/real/silero_v5
if [ -d "$stream" ]; then
	for via in gcc clang jit; do
		case $via in
		clang) command -v clang-14 >/dev/null || command -v clang >/dev/null || continue ;;
		jit) [ "$RNNCC_LLVM" = 1 ] || continue ;;
		esac
		check "the recorded streams, via $via" "$RNNCC" test "$stream" --model "$model" --via $via
	done
	if [ -n "${RNNCC_PYTHON:-}" ]; then
		gcc -std=c99 -O2 -shared -fPIC generic/vad.c -o vad.so -lm
		check '68 steps of vad_step agree' "$RNNCC_PYTHON" "$RNNCC_SOURCE_DIR/tests/silero_stream.py" ./vad.so "$stream" 68
	fi
else
	echo "note: no recorded streams here ($stream)"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
