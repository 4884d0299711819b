#!/bin/sh
# ctest: slow timeout=3600
# rows.sh: the models of models/*.rnn against independent references: tests/rows/.

set -eu
[ -n "${RNNCC_PYTHON:-}" ] || { echo 'no python3'; exit 77; }
"$RNNCC_PYTHON" -c 'import numpy' 2>/dev/null || { echo 'no NumPy'; exit 77; }
export PYTHONDONTWRITEBYTECODE=1
rows=$RNNCC_SOURCE_DIR/tests/rows
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"

count() { # COMMAND...: a part of the test, which says how many passed and failed; one that cannot run says why
	status=0
	"$@" >out || status=$?
	sed '$d' out | grep -v '^PASS' || :
	if [ $status -eq 77 ]; then
		tail -1 out
	elif tail -1 out | grep -q '^[0-9]* passed, [0-9]* failed$'; then
		passed=$((passed + $(sed -n '$s/ passed.*//p' out)))
		failed=$((failed + $(sed -n '$s/.*, \([0-9]*\) failed/\1/p' out)))
	else
		fault "$*: status $status"
	fi
}

count "$RNNCC_PYTHON" "$rows/make_vectors.py" --check
count "$RNNCC_PYTHON" "$rows/check_torch.py"
count "$RNNCC_PYTHON" "$rows/check_laws.py"
count "$RNNCC_PYTHON" "$rows/make_table.py" --check

# ---- the models, compiled: ROW MODEL LEVEL, a line each, against the list of those that pass, which can only grow

expected=$RNNCC_SOURCE_DIR/tests/expected/rows.txt
jit=
[ "${RNNCC_LLVM:-0}" != 0 ] || jit=--no-jit
"$RNNCC_PYTHON" "$rows/run.py" --rnncc "$RNNCC" --tmp "$RNNCC_TMP/models" $jit >levels || fault "run.py: status $?"
sed -n 's/^PASS //p' levels | sort >pass
sort "$expected" >listed
comm -13 pass listed >lost
comm -23 pass listed >new
comm -12 pass listed | sed 's/^/PASS /'
while read -r line; do
	grep -F "FAIL $line" levels || echo "FAIL $line: not run"
done <lost
if [ -s new ] && [ -n "${RNNCC_UPDATE:-}" ]; then
	sort -u pass listed >"$expected"
	"$RNNCC_PYTHON" "$rows/make_table.py"
	echo "$(wc -l <new) added to ${expected##*/}"
elif [ -s new ]; then
	echo "$(wc -l <new) pass that ${expected##*/} does not list: $(head -3 new | tr '\n' ';') (RNNCC_UPDATE=1 adds them)"
fi
passed=$((passed + $(comm -12 pass listed | wc -l))) failed=$((failed + $(wc -l <lost)))

# ---- R16: W x of all steps is one product outside of the loop, U h the only one inside
# ---- R35: U h_j is a product outside of the decoder's loop, wherever it is written

products() { # MODEL OUTSIDE INSIDE
	found=$("$RNNCC" compile "$1" -o hoisted --name m --print-after merge 2>&1 >/dev/null |
		awk '/^# after/ { out = inside = 0 } /^  %.* = contract / { out++ } /^      %.* = contract / { inside++ } /^# after lower/ { exit }
			END { print out, inside }')
	if [ "$found" = "$2 $3" ]; then
		pass
	else
		fault "products of ${1##*/} outside and inside of its loops: $found, not $2 $3"
	fi
}
models=$RNNCC_SOURCE_DIR/models
products "$models/rnn.rnn" 1 1
products "$models/lstm.rnn" 1 1
products "$models/mingru.rnn" 1 0
products "$models/feedforward.rnn" 2 0
# Outside: W x of the encoder, U h of its two directions, the first state, W y of the decoder; inside: two of each direction, and
# of the decoder W s, the scores, W c, U n, the logits.
products "$models/attention.rnn" 5 9
sed 's/^\tk = mul\[6\](hs)$//; s/k\[j\] + q/mul[6](hs[j]) + q/' "$models/attention.rnn" >written_inside.rnn
if cmp -s written_inside.rnn "$models/attention.rnn" || grep -q 'k\[j\]' written_inside.rnn; then
	fault 'U h_j is not written as expected in attention.rnn'
fi
products written_inside.rnn 5 9

# ---- one text of the LSTM and of the GRU: the models, the cells and ONNX's operators call it, and nothing writes it out again

calls() { # MODEL OPERATOR
	if "$RNNCC" opt "$1" 2>&1 | grep -qE "= call .* name=\"$2\""; then
		pass
	else
		fault "${1#"$RNNCC_SOURCE_DIR"/} does not call $2"
	fi
}
for model in lstm peephole layernorm cifg lstmp residual highway_lstm mlstm zoneout ntm; do
	calls "$RNNCC_SOURCE_DIR/models/$model.rnn" 'lstm_(update|memory)'
done
for model in gru gru_reset_after coverage_learned odernn gru4rec; do
	calls "$RNNCC_SOURCE_DIR/models/$model.rnn" gru_update
done
calls "$RNNCC_SOURCE_DIR/tests/cases/lstm_forward/model.onnx" lstm_cell
calls "$RNNCC_SOURCE_DIR/tests/cases/gru_forward_lengths/model.onnx" gru_cell
# c' = f c + i g;  h' = (1 - z) n + z h
(cd "$RNNCC_SOURCE_DIR" && grep -rnE "\* ?c \+ (sigm\()?i\>|\(1 - z\) ?\* ?(g|n|tanh)\(?|z ?\* ?h \+ \(1 - z\)" frontend/ops models --include='*.rnn') >written || :
if [ "$(sed 's/:.*//' written | sort | uniq -c | tr -s ' \n' ' ')" = ' 2 frontend/ops/cells.rnn ' ]; then
	pass
else
	fault 'an LSTM or a GRU is written out beside those of frontend/ops/cells.rnn:'
	cat written
fi

# ---- the programs that the language was designed with, at the sizes of real use: they compile

for model in 01_classifier 02_grud 03_dilated 04_tagger 05_translate 06_pointer 07_ntm 08_esn 09_odernn 10_act \
	11_more:han 11_more:gru4rec 11_more:lm; do
	if "$RNNCC" inspect "$(echo "$RNNCC_SOURCE_DIR/models/examples/$model" | sed 's/:/.rnn:/; /:/!s/$/.rnn/')" >out 2>&1; then
		pass
	else
		fault "models/examples/$model: $(head -1 out)"
	fi
done

finish
