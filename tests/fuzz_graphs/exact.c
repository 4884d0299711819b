/* exact.c: which values of a graph are exact: equal to the last bit, however they are computed. */
#include "fuzz_graphs.h"

/* Element-wise operations that IEEE rounds correctly, or that do not round. */
static bool is_exact_op(Op op)
{
	switch (op) {
	case OP_EW_exp:
	case OP_EW_log:
	case OP_EW_sin:
	case OP_EW_cos:
	case OP_EW_tan:
	case OP_EW_asin:
	case OP_EW_acos:
	case OP_EW_atan:
	case OP_EW_sinh:
	case OP_EW_cosh:
	case OP_EW_tanh:
	case OP_EW_asinh:
	case OP_EW_acosh:
	case OP_EW_atanh:
	case OP_EW_sigmoid:
	case OP_EW_softplus:
	case OP_EW_erf:
	case OP_EW_pow: return false;
	default: return true;
	}
}

bool is_exact(Arena *arena, const Val *v, const Map *flags)
{
	bool exact = true;
	if (v->type->is_tuple || v->op == OP_param) return false;
	if (v->op == OP_get) {
		const Val *t = v->args[0];
		if (!elem_is_float(v->type->elem)) return true;
		const int part = (int)val_int(v, A_INDEX), lead = t->op == OP_loop;
		if (t->op == OP_cond) {
			for (int b = 0; b < 2; b++) {
				Map inner;
				map_init(&inner, arena);
				const Graph *body = val_body(t, b);
				for (int i = 0; i < body->n_params; i++)
					if (map_get(flags, t->args[1 + i])) map_put(&inner, body->params[i], "");
				find_exact(arena, body, &inner);
				exact &= map_get(&inner, body->results[part]) != NULL;
			}
			return exact;
		}
		const Graph *body = val_body(t, 0);
		const int n_consts = (int)val_ints(t, A_COUNTS)[0], n_carries = (int)val_ints(t, A_COUNTS)[1];
		if (part < lead + n_carries) return false;
		Map inner;
		map_init(&inner, arena);
		for (int i = 0; i < body->n_params; i++) {
			const bool carry = i >= lead + n_consts && i < lead + n_consts + n_carries;
			const Val *arg = i < lead ? NULL : t->args[i + lead];
			if (!elem_is_float(body->params[i]->type->elem) || (!carry && arg && map_get(flags, arg)))
				map_put(&inner, body->params[i], "");
		}
		find_exact(arena, body, &inner);
		return map_get(&inner, body->results[part]) != NULL;
	}
	if (!elem_is_float(v->type->elem) && v->op != OP_EW_bitcast) return true;
	for (int i = 0; i < v->n_args; i++) exact &= map_get(flags, v->args[i]) != NULL;
	if (op_info[v->op].is_ew) return exact && is_exact_op(v->op);
	if (v->op == OP_contract) return false;
	if (v->op == OP_reduce || v->op == OP_cumulative) {
		const char *kind = val_str(v, A_KIND);
		return exact && strcmp(kind, "sum") != 0 && strcmp(kind, "prod") != 0;
	}
	return exact;
}

void find_exact(Arena *arena, const Graph *g, Map *flags)
{
	Order order = graph_order(arena, g);
	for (int i = 0; i < order.n; i++)
		if (is_exact(arena, order.vals[i], flags)) map_put(flags, order.vals[i], "");
}
