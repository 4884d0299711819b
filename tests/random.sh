#!/bin/sh
# ctest: timeout=900
# random.sh: what a model draws in each step of a loop, against the numbers of tests/cases/make_cases.py (rnncc test compares only
# types and shapes of random results): by the interpreter, as C, for several targets and numbers of threads.

set -eu
[ -n "$RNNCC" ] && [ -n "$RNNCC_PYTHON" ] || exit 77
"$RNNCC_PYTHON" -c 'import numpy, onnx' 2>/dev/null || { echo 'no numpy and onnx in Python (package python3-onnx)'; exit 77; }
case=$RNNCC_SOURCE_DIR/tests/cases/random_walk
passed=0 failed=0

for set in 0 1; do
	data=$case/test_data_set_$set
	for way in '--via interpret' '--via gcc --target generic' '--via gcc' '--via gcc --threads 2'; do
		"$RNNCC" run "$case/model.onnx" "$data/input_0.pb" "$data/input_1.pb" $way -o out.npz >/dev/null 2>log || cat log
		if "$RNNCC_PYTHON" - "$data" <<-'EOF'; then
			import sys
			import numpy as np
			import onnx
			from onnx import numpy_helper

			out = np.load("out.npz")
			for i, name in enumerate(("h", "drawn")):
			    with open(f"{sys.argv[1]}/output_{i}.pb", "rb") as f:
			        wanted = numpy_helper.to_array(onnx.TensorProto.FromString(f.read()))
			    assert out[name].shape == wanted.shape and np.abs(out[name] - wanted).max() <= (1e-6 if i == 0 else 0), name
			EOF
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			echo "FAIL data set $set, $way"
		fi
		rm -f out.npz
	done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
