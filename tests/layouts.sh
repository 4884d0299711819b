#!/bin/sh
# ctest: slow
# layouts.sh: weights of PyTorch and Keras (tests/layouts/make_vectors.py) in models of the language: the same outputs. And
# maps, seeds, the table of parameters, what does not fit.

set -eu
[ -n "${RNNCC_PYTHON:-}" ] && "$RNNCC_PYTHON" -c 'import numpy' 2>/dev/null || { echo 'no NumPy'; exit 77; }
dir=$RNNCC_SOURCE_DIR/tests/layouts
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"

# same NAME WEIGHTS OPTION...: the model tests/layouts/NAME.rnn with these weights gives y of NAME.io.npz
same() {
	name=$1 weights=$2
	shift 2
	"$RNNCC_PYTHON" -c "
import numpy, sys
io = numpy.load(sys.argv[1])
numpy.save('x.npy', io['x']), numpy.save('T_len.npy', io['lengths'])" "$dir/vectors/$name.io.npz"
	if "$RNNCC" run "$dir/$name.rnn" x=x.npy T_len=T_len.npy --weights "$weights" "$@" -o y.npz >out 2>&1 &&
		"$RNNCC_PYTHON" -c "
import numpy, sys
y, want = numpy.load('y.npz')['y'], numpy.load(sys.argv[1])['y']
error = abs(y - want).max() if y.shape == want.shape else 'another shape'
sys.exit(0 if y.shape == want.shape and error < 1e-6 else f'differs by {error}')" "$dir/vectors/$name.io.npz" >>out 2>&1; then
		pass
	else
		fault "$name $weights $*:"
		sed 's/^/    /' out
	fi
}

for name in torch_lstm torch_rnn; do same $name "$dir/vectors/$name.npz" --weights-layout pytorch --via interpret; done
same torch_gru "$dir/vectors/torch_gru.safetensors" --weights-layout pytorch --via interpret
for name in keras_lstm keras_gru keras_gru_before keras_rnn; do
	same $name "$dir/vectors/$name.npz" --weights-layout keras --via interpret
done
same torch_lstm "$dir/vectors/torch_lstm.npz" --weights-layout pytorch --via cc # compiled, too

# ---- the vectors are what the script makes of them (the torch ones where there is PyTorch)

mkdir made
names=$(cd "$dir" && ls keras_*.rnn | sed 's/\.rnn$//')
if "$RNNCC_PYTHON" "$dir/make_vectors.py" made >out 2>&1; then names="$names $(cd "$dir" && ls torch_*.rnn | sed 's/\.rnn$//')"; else
	# shellcheck disable=SC2086
	"$RNNCC_PYTHON" "$dir/make_vectors.py" made $names
fi
for name in $names; do
	for file in "$dir"/vectors/"$name".*; do
		case $file in
		*.npz) that "$RNNCC_PYTHON" -c "
import numpy, sys
a, b = numpy.load(sys.argv[1]), numpy.load(sys.argv[2])
sys.exit(not (sorted(a.files) == sorted(b.files) and all(numpy.allclose(a[k], b[k], atol=1e-6) for k in a.files)))" \
			"$file" "made/$(basename "$file")" ;;
		*) that cmp -s "$file" "made/$(basename "$file")" ;;
		esac
	done
done

# ---- a map, which says in the user's words what a layout finds out; the table prints the map

cat >lstm.map <<'END'
y.o.W0 = weight_ih_l0 gates ifgo->oigf   # o, i, g, f = split(...)
y.o.W1 = weight_hh_l0 gates ifgo->oigf
y.o.b = bias_ih_l0 gates ifgo->oigf + bias_hh_l0 gates ifgo->oigf
END
same torch_lstm "$dir/vectors/torch_lstm.npz" --weights-map lstm.map --via interpret
"$RNNCC" inspect "$dir/torch_lstm.rnn" --weights="$dir/vectors/torch_lstm.npz" --weights-layout pytorch |
	sed -n 's/^  \(y\.[^ ]*\)  *\[.* B  \(.*\)/\1 = \2/p' >table.map
sed 's/ *#.*//' lstm.map >wanted.map
that cmp -s wanted.map table.map

# initialisers of an ONNX model, [1, 4*H, I] and gates iofc, by a map
cat >onnx.rnn <<'END'
model net(x[T, 12]) -> y[T, 33] { y = scan lstm[33] over x }
END
cat >onnx.map <<'END'
y.i.W0 = W row 0 gates iofc->ifco
y.i.W1 = R row 0 gates iofc->ifco
y.i.b = b row 0 part 0 of 2 gates iofc->ifco + b row 0 part 1 of 2 gates iofc->ifco
END
onnx=$RNNCC_SOURCE_DIR/tests/cases/lstm_forward/model.onnx
"$RNNCC_PYTHON" -c "
import numpy
x = numpy.random.default_rng(0).standard_normal((6, 1, 12)).astype('f4')
numpy.save('X.npy', x), numpy.save('x.npy', x.transpose(1, 0, 2)), numpy.save('T_len.npy', numpy.array([6]))"
"$RNNCC" run "$onnx" X=X.npy --via interpret -o onnx.npz >out
"$RNNCC" run onnx.rnn x=x.npy T_len=T_len.npy --weights "$onnx" --weights-map onnx.map --via interpret -o rnn.npz >out
that "$RNNCC_PYTHON" -c "
import numpy, sys
a, b = numpy.load('onnx.npz')['Y'][:, 0, 0], numpy.load('rnn.npz')['y'][0]
sys.exit(not (a.shape == b.shape and abs(a - b).max() < 1e-6))"

# ---- seeds: the same numbers each time and each way, others for another seed

for run in 'interpret 0 a' 'cc 0 b' 'interpret 1 c'; do
	set -- $run
	"$RNNCC" run "$dir/keras_rnn.rnn" --dim T=4 --via "$1" --weights-seed "$2" -o "$3.npz" >out
done
for pair in 'a b 1e-6' 'a c -1'; do # at most so far apart; -1: not the same
	set -- $pair
	that "$RNNCC_PYTHON" -c "
import numpy, sys
a, b, most = numpy.load(sys.argv[1] + '.npz')['y'], numpy.load(sys.argv[2] + '.npz')['y'], float(sys.argv[3])
error = abs(a - b).max()
sys.exit(not (error < most if most > 0 else error > 0.01))" "$1" "$2" "$3"
done

# ---- what is said where it does not fit

expect 1 'these look like PyTorch'"'"'s names: --weights-layout pytorch' "$RNNCC" run "$dir/torch_lstm.rnn" \
	--weights "$dir/vectors/torch_lstm.npz"
expect 1 'there is no tensor for parameter b.0.z.W0 [14, 5]' "$RNNCC" run "$dir/torch_gru.rnn" \
	--weights "$dir/vectors/torch_lstm.npz" --weights-layout pytorch
expect 1 'r of GRU '"'"'gru'"'"' acts before the product with the state, that of '"'"'h'"'"' in the model after it' \
	"$RNNCC" inspect "$dir/keras_gru.rnn" --weights="$dir/vectors/keras_gru_before.npz" --weights-layout keras
expect 1 'only the weights of .rnn models are in other files' "$RNNCC" run "$onnx" --weights "$dir/vectors/torch_lstm.npz"
expect 1 'a map or layout of weights, but no file of them' "$RNNCC" run "$dir/torch_lstm.rnn" --weights-layout keras
expect 1 'none.npz: cannot be read' "$RNNCC" run "$dir/torch_lstm.rnn" --weights none.npz
expect 1 'lstm.map:1: ' "$RNNCC" run "$dir/keras_rnn.rnn" --weights "$dir/vectors/keras_rnn.npz" --weights-map lstm.map
expect 2 "--weights-layout: 'onnx' is not NAME" "$RNNCC" run "$dir/torch_lstm.rnn" --weights-layout onnx
expect 0 '"initialiser":	"uniform"' "$RNNCC" inspect "$dir/torch_lstm.rnn" --json

finish
