/* rtneural_peer.cpp: an LSTM or a GRU by RTNeural's templates, whose sizes are known when they are compiled: its fast way.
 * layer_peer.h says how it is called; RTNeural is a checkout of the user's (bench/run.py --rtneural).
 */
#include "layer_peer.h"

#include <RTNeural/RTNeural.h>

#include <algorithm>
#include <vector>

namespace
{
/* RTNeural's gates by their place in ONNX. */
#if defined LSTM
using Layer = RTNeural::LSTMLayerT<float, INPUTS, HIDDEN>;
constexpr int order[] = {0, 2, 3, 1};
#else
using Layer = RTNeural::GRULayerT<float, INPUTS, HIDDEN>;
constexpr int order[] = {0, 1, 2};
#endif
constexpr int n_gates = sizeof order / sizeof *order;

RTNeural::ModelT<float, INPUTS, HIDDEN, Layer> model;

/* [gate][unit][k] to [k][gate][unit]. */
std::vector<std::vector<float>> reordered(const float *weights, int n)
{
	std::vector<std::vector<float>> all(n, std::vector<float>(n_gates * HIDDEN));
	for (int k = 0; k < n; k++)
		for (int row = 0; row < n_gates * HIDDEN; row++)
			all[k][row] = weights[(order[row / HIDDEN] * HIDDEN + row % HIDDEN) * n + k];
	return all;
}
} // namespace

void layer_pack(const float *w, const float *r, const float *b)
{
	auto &layer = model.get<0>();
	auto bias = reordered(b, 1)[0], more = reordered(b + n_gates * HIDDEN, 1)[0];
	layer.setWVals(reordered(w, INPUTS));
	layer.setUVals(reordered(r, HIDDEN));
#if defined LSTM
	std::transform(bias.begin(), bias.end(), more.begin(), bias.begin(), std::plus<>());
	layer.setBVals(bias);
#else
	layer.setBVals({bias, more});
#endif
}

void layer_reset(void) { model.reset(); }

void layer_run(const float *x, float *y)
{
	if (!STATEFUL) model.reset();
	for (int t = 0; t < LENGTH; t++) {
		model.forward(x + t * INPUTS);
		std::copy_n(model.getOutputs(), HIDDEN, y + t * HIDDEN);
	}
}
