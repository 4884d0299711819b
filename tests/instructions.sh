#!/bin/sh
# ctest: slow timeout=600
# instructions.sh: how many instructions a call of each benchmark model takes, against bench/instructions.txt.
#
# Time is noise on a busy machine; this is not. Each model is compiled for x86-64-v3, then by the gcc that the file names with
# -O2, and runs under valgrind's callgrind as its own self-test (so that what is counted is right, too), which collects in
# NAME_run or NAME_step only. No instruction depends on the machine: memcpy and its like are bench/memory.c's, and code that
# calls into libm, which chooses by the CPU, is refused. More than 3 % above the file is a failure; fewer are told.
#
#   RNNCC_UPDATE=1 ctest -R '^instructions$'      writes the counts into the file; what is not here keeps its line
#   RNNCC_MODELS='LSTM_128_step langid'           only these
#
# Models: single layers, by bench/make_models.py; models/langid.onnx; Silero VAD v5, where another test has fetched it or npm
# can; and the real models of $RNNCC_CASES (../shared/cases beside the project), where they are.

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no rnncc command'; exit 77; }
recorded=$RNNCC_SOURCE_DIR/bench/instructions.txt
cases=${RNNCC_CASES:-$RNNCC_SOURCE_DIR/../shared/cases}
limit=3 # percent
gcc=$(gcc --version 2>/dev/null | head -n 1) || :

skip() { echo "skipped: $*"; exit 77; }
[ -z "$RNNCC_SANITIZE" ] || skip 'the same code as without sanitizers'
command -v valgrind >/dev/null || skip 'no valgrind (scripts/setup.sh --test)'
[ "$(uname -m)" = x86_64 ] && grep -qw avx2 /proc/cpuinfo || skip 'this CPU does not run x86-64-v3'
if [ -z "${RNNCC_UPDATE:-}" ]; then
	wanted=$(sed -n 's/^# gcc: //p' "$recorded")
	[ "$gcc" = "$wanted" ] || skip "the counts are of '$wanted', here is '${gcc:-no gcc}'"
fi
: >counts
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"
absent() { echo "not counted: $*"; }
wants() { case " ${RNNCC_MODELS:-$1} " in *" $1 "*) ;; *) return 1 ;; esac; }

gcc -O2 -fno-tree-loop-distribute-patterns -c "$RNNCC_SOURCE_DIR/bench/memory.c" -o memory.o

# count NAME MODEL OPTION...: a line "NAME INSTRUCTIONS" in counts
count() {
	name=$1
	shift
	wants "$name" || return 0
	mkdir -p "$name"
	if ! "$RNNCC" compile "$@" --target x86-64-v3 --name m --self-test random -o "$name" >"$name/log" 2>&1; then
		fault "$name: $(tail -n 1 "$name/log")"
		return 0
	fi
	flags=$(sed -n 's/.*compile with \([^)]*\)).*/\1/p' "$name/m.h")
	# shellcheck disable=SC2086
	gcc $flags -O2 -c "$name/m.c" -o "$name/m.o"
	gcc -std=gnu99 -O0 -c "$name/m_test.c" -o "$name/test.o"
	if nm -u "$name/m.o" | awk '{ print $NF }' | grep -vxE 'mem(cpy|move|set)|sqrtf?' >"$name/outside"; then
		fault "$name: calls $(tr '\n' ' ' <"$name/outside")of the C library, whose instructions depend on the CPU"
		return 0
	fi
	gcc -Wl,-z,now "$name/m.o" "$name/test.o" memory.o -o "$name/test" -lm
	if ! valgrind --tool=callgrind --toggle-collect=m_run --toggle-collect=m_step --callgrind-out-file="$name/callgrind" \
		"$name/test" >"$name/log" 2>&1 </dev/null; then
		fault "$name: its self-test, under valgrind:"
		tail -n 5 "$name/log"
		return 0
	fi
	calls=$(grep -c ' = m_\(run\|step\)(' "$name/m_test.c") || :
	awk -v name="$name" -v calls="$calls" '/^(totals|summary):/ { n = $2 }
		END { if (n > 0 && calls > 0) print name, int(n / calls); else exit 1 }' "$name/callgrind" >>counts ||
		fault "$name: callgrind counted nothing"
}

layers='LSTM_32_step LSTM_64_step LSTM_128_step LSTM_256_step LSTM_512_step GRU_32_step GRU_128_step GRU_256_step RNN_64_step
	LSTM_64_T20 LSTM_128_T20 GRU_64_T20 RNN_64_T20 LSTM_64_T20_B16 biLSTM_32_T20
	PeepholeLSTM_128_step LayerNormLSTM_128_step CoupledLSTM_128_step ResetFirstGRU_128_step MinGRU_128_step Invented_128_step'
wanted=
for name in $layers; do if wants "$name"; then wanted="$wanted $name"; fi; done
if [ -n "$wanted" ]; then
	# shellcheck disable=SC2086
	if "${RNNCC_PYTHON:-python3}" "$RNNCC_SOURCE_DIR/bench/make_models.py" . $wanted >made 2>made.err; then
		while read -r path options; do
			# shellcheck disable=SC2086
			count "$(basename "$path" .onnx)" "$path" $options
			# shellcheck disable=SC2086
			case $path in
			LSTM_128_step.onnx | GRU_256_step.onnx) count "${path%.onnx}_bf16" "$path" $options --weights-dtype bf16 ;;
			esac
		done <made
	else absent "single layers: $(tail -n 1 made.err) (scripts/setup.sh --test)"
	fi
fi
count langid "$RNNCC_SOURCE_DIR/models/langid.onnx" --dim T=20
if wants silero_v5; then
	if "$RNNCC_SOURCE_DIR/scripts/fetch-silero.sh" "$RNNCC_BUILD_DIR/silero" >fetched 2>&1; then
		count silero_v5 "$(tail -n 1 fetched)" --bind sr=16000 --dim input_dim0=1 --dim input_dim1=576 --state stateN=state
	else absent "silero_v5: $(tail -n 1 fetched)"
	fi
fi
if [ -d "$cases/real" ]; then
	count dtln_model_1 "$cases/real/dtln_model_1/model.onnx"
	count dtln_model_2 "$cases/real/dtln_model_2/model.onnx"
	count gtcrn_simple "$cases/real/gtcrn_simple/model.onnx"
	count oww_embedding "$cases/real/oww_embedding/model.onnx" --dim unk__314=1
else absent "the real models: there is no $cases"
fi

if [ -n "${RNNCC_UPDATE:-}" ]; then
	{
		echo "# Instructions of a call, compiled for x86-64-v3 by gcc -O2, counted by callgrind: tests/instructions.sh, which fails above +$limit %."
		echo "# gcc: $gcc"
		{ [ ! -f "$recorded" ] || grep -v '^#' "$recorded"; } | awk 'NR == FNR { seen[$1] = 1; print; next } !($1 in seen)' counts - | LC_ALL=C sort
	} >updated
	cp updated "$recorded"
	echo "$recorded: $(wc -l <counts) counts written"
fi
while read -r name now; do
	was=$(sed -n "s/^$name //p" "$recorded")
	if [ -z "$was" ]; then
		fault "$name: $now instructions; $recorded has no line for it (RNNCC_UPDATE=1 adds it)"
		continue
	fi
	change=$(awk -v now="$now" -v was="$was" 'BEGIN { printf "%+.1f %%", 100 * (now / was - 1) }')
	if [ $((now * 100)) -gt $((was * (100 + limit))) ]; then fault "$name: $was -> $now instructions, $change"; else
		pass
		if [ "$now" -lt "$was" ]; then echo "fewer: $name: $was -> $now instructions, $change (RNNCC_UPDATE=1 records it)"
		elif [ "$now" -gt "$was" ]; then echo "more, within $limit %: $name: $was -> $now instructions, $change"; fi
	fi
done <counts
finish
