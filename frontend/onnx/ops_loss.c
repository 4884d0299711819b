/* ops_loss.c: NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss: -w[t] x[.., t, ..] for each target t, then averaged. */
#include "frontend/onnx/compose.h"

enum { MEAN, SUM, NONE };
static const char *const reductions[] = {"mean", "sum", "none", NULL};

/* x: log-probabilities [N, C, ..], target: integers [N, ..]. */
static const Val *likelihood_loss(const Node *n, const Val *x, const Val *target, const Val *weight)
{
	Ctx *cx = n->cx;
	int rank = x->type->rank, how = node_choice(n, "reduction", reductions);
	Elem elem = x->type->elem;
	if (rank < 2 || target->type->rank != rank - 1)
		node_fail(n, "[N, C, ..] and [N, ..] wanted, %s and %s seen", type_str(cx, x->type),
			type_str(cx, target->type));
	for (int i = 0; i < rank - 1; i++)
		node_same_dim(n, x->type->dims[i + (i > 0)], target->type->dims[i],
			arena_printf(cx->arena, "dim %d of the target", i));
	const Val *index = b_unsqueeze(cx, b_cast(cx, target, I64), rank - 1);
	const Val *loss = b_ew1(cx, OP_EW_neg, b_gather_nd(cx, move_axis(cx, x, 1, rank - 1), index, rank - 1));
	const Val *zero = b_scalar(cx, elem, 0), *scale = NULL;
	if (weight) {
		if (weight->type->rank != 1 || weight->type->elem != elem)
			node_fail(n, "input weight: %s[C] wanted, %s seen", elem_info[elem].name,
				type_str(cx, weight->type));
		node_same_dim(n, x->type->dims[1], weight->type->dims[0], "the classes and their weights");
		scale = b_gather(cx, weight, target, 0);
	}
	if (node_has(n, "ignore_index")) { /* no class, perhaps: its element is clamped, and not taken */
		const Val *ignored = b_scalar_int(cx, target->type->elem, node_int(n, "ignore_index", 0));
		ignored = binary(cx, OP_EW_eq, target, ignored);
		loss = b_select(cx, ignored, zero, loss);
		scale = b_select(cx, ignored, zero, scale ? scale : b_scalar(cx, elem, 1));
	}
	if (scale) loss = binary(cx, OP_EW_mul, loss, scale);
	if (how == NONE) return loss;
	int *axes = NEWN(cx->arena, int, rank - 1);
	for (int i = 0; i < rank - 1; i++) axes[i] = i;
	const Val *sum = b_reduce(cx, "sum", loss, rank - 1, axes, false);
	if (how == SUM) return sum;
	const Val *count = scale ? b_reduce(cx, "sum", scale, rank - 1, axes, false)
				 : b_cast(cx, b_dim(cx, type_count(cx, target->type)), elem);
	return binary(cx, OP_EW_div, sum, count);
}

static void import_nll_loss(Node *n, const Val **out)
{
	out[0] = likelihood_loss(n, node_in(n, 0, "input"), node_integers(n, 1, "target"), node_opt(n, 2));
}

static void import_cross_entropy(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "scores"), *target = node_integers(n, 1, "labels");
	if (x->type->rank < 2) node_fail(n, "[N, C, ..] wanted, %s seen", type_str(cx, x->type));
	int axis = 1;
	x = binary(cx, OP_EW_sub, x, b_reduce(cx, "max", x, 1, &axis, true));
	const Val *log_prob = b_ew1(cx, OP_EW_log, b_reduce(cx, "sum", b_ew1(cx, OP_EW_exp, x), 1, &axis, true));
	log_prob = binary(cx, OP_EW_sub, x, log_prob);
	out[0] = likelihood_loss(n, log_prob, target, node_opt(n, 2));
	if (n->n_out > 1) out[1] = log_prob;
}

const Importer onnx_ops_loss[] = {
	{"", "NegativeLogLikelihoodLoss", 12, 0, "ignore_index reduction", 2, 3, 1, import_nll_loss},
	{"", "SoftmaxCrossEntropyLoss", 12, 0, "ignore_index reduction", 2, 3, 2, import_cross_entropy},
	{.op = NULL},
};
