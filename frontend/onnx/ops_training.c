/* ops_training.c: the optimisers of ai.onnx.preview.training.
 *
 * One node updates any number of tensors: the inputs are R and T, then all X, all gradients, all states of each kind; the
 * outputs all X, then all states.  What happens to one of them is text: frontend/ops/training.rnn.
 */
#include "frontend/lang/lang.h"
#include "frontend/onnx/import.h"

#include <string.h>

enum { MAX_OPERANDS = 6, MAX_ATTRS = 5 };

static const struct {
	const char *op, *step;
	int n_states;
	const char *numbers[MAX_ATTRS + 1];
} optimisers[] = {
	{"Adagrad", "adagrad_step", 1, {"norm_coefficient", "decay_factor", "epsilon"}},
	{"Momentum", "momentum_step", 1, {"alpha", "beta", "norm_coefficient"}},
	{"Adam", "adam_step", 2, {"alpha", "beta", "epsilon", "norm_coefficient", "norm_coefficient_post"}},
};

static int step_attrs(const Node *n, const char *const *numbers, LibAttr *attrs)
{
	int n_attrs = 0;
	for (int i = 0; numbers[i]; i++)
		if (node_has(n, numbers[i]))
			attrs[n_attrs++] = (LibAttr){.name = numbers[i], .num = node_float(n, numbers[i], 0)};
	if (node_has(n, "mode"))
		attrs[n_attrs++] = (LibAttr){.name = "mode", .kind = LIB_STR, .str = node_str(n, "mode", NULL)};
	return n_attrs;
}

static void import_optimiser(Node *n, const Val **out)
{
	size_t kind = 0;
	while (strcmp(optimisers[kind].op, n->op) != 0) kind++;
	const int n_states = optimisers[kind].n_states, kinds = 2 + n_states, n_xs = (n->n_in - 2) / kinds;
	if ((n->n_in - 2) % kinds || n->n_out > n_xs * (1 + n_states))
		node_fail(n, "%d inputs and %d outputs: R, T, and for each tensor %d inputs and %d outputs wanted",
			n->n_in, n->n_out, kinds, 1 + n_states);
	LibAttr attrs[MAX_ATTRS + 1];
	const int n_attrs = step_attrs(n, optimisers[kind].numbers, attrs);
	for (int i = 0; i < n_xs; i++) {
		const Val *args[MAX_OPERANDS] = {node_in(n, 0, "R"), node_in(n, 1, "T")}, *results[MAX_OPERANDS];
		for (int k = 0; k < kinds; k++) args[2 + k] = node_in(n, 2 + k * n_xs + i, "inputs");
		lib_call(n->cx, optimisers[kind].step, 2 + kinds, args, n_attrs, attrs, 1 + n_states, results);
		for (int k = 0; k < 1 + n_states; k++)
			if (k * n_xs + i < n->n_out) out[k * n_xs + i] = results[k];
	}
}

#define DOMAIN "ai.onnx.preview.training"

const Importer onnx_ops_training[] = {
	{DOMAIN, "Adagrad", 1, 0, "decay_factor epsilon norm_coefficient", 3, -1, -1, import_optimiser},
	{DOMAIN, "Momentum", 1, 0, "alpha beta mode norm_coefficient", 3, -1, -1, import_optimiser},
	{DOMAIN, "Adam", 1, 0, "alpha beta epsilon norm_coefficient norm_coefficient_post", 3, -1, -1,
		import_optimiser},
	{.op = NULL},
};
