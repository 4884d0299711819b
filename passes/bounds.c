/* bounds.c: how large the sizes can be that the model computes: what their arrays are made for.
 *
 * A loop ends at its limit, or after the step whose condition is false.  A condition that wants a counter below a number,
 * alone or among others that must hold too, is false once the counter is there: with a counter of a + b t in step t, b > 0,
 * and a condition a + b t < n, steps 0 .. ceil((n - a) / b) are run at most.   Requires: canon.
 */
#include "passes/pipeline.h"
#include "passes/rewrite.h"

#include <string.h>

typedef struct { /* at + by * step */
	bool known;
	int64_t at, by;
} Counter;

static bool constant_int(Ctx *cx, const Val *v, int64_t *value)
{
	const Dim *d;
	return !v->type->is_tuple && elem_is_int(v->type->elem) && val_as_dims(cx, v, 1, &d) && dim_is_int(d, value);
}

static const Val *bare(const Val *v)
{
	while (v->op == OP_reshape || v->op == OP_expand) v = v->args[0];
	return v;
}

static Counter moved(Counter c, int64_t by)
{
	c.known &= !__builtin_add_overflow(c.at, by, &c.at);
	return c;
}

static Counter counter_of(Ctx *cx, const Iteration *it, const Val *v)
{
	v = bare(v);
	int64_t number, start, step;
	if (v->op == OP_EW_add && constant_int(cx, v->args[1], &number))
		return moved(counter_of(cx, it, v->args[0]), number);
	if (v->op == OP_EW_add && constant_int(cx, v->args[0], &number))
		return moved(counter_of(cx, it, v->args[1]), number);
	if (v->op != OP_param) return (Counter){false, 0, 0};
	int i = (int)val_int(v, A_INDEX), carry = i - it->param0 - it->n_consts;
	if (i < it->param0) return (Counter){true, 0, 1};
	if (carry < 0 || carry >= it->n_carries) return (Counter){false, 0, 0};
	const Val *next = bare(it->body->results[it->result0 + carry]);
	if (next->op != OP_EW_add || !constant_int(cx, it->val->args[it->arg0 + it->n_consts + carry], &start))
		return (Counter){false, 0, 0};
	for (int k = 0; k < 2; k++)
		if (bare(next->args[k]) == v && constant_int(cx, next->args[1 - k], &step) && step > 0)
			return (Counter){true, start, step};
	return (Counter){false, 0, 0};
}

/* The most steps that a condition of the body allows. */
static int64_t steps_while(Ctx *cx, const Iteration *it, const Val *go)
{
	go = bare(go);
	if (go->op == OP_EW_and) {
		int64_t a = steps_while(cx, it, go->args[0]), b = steps_while(cx, it, go->args[1]);
		return a < b ? a : b;
	}
	bool below = go->op == OP_EW_lt || go->op == OP_EW_le, above = go->op == OP_EW_gt || go->op == OP_EW_ge;
	int64_t n, gap, past;
	if ((!below && !above) || !constant_int(cx, go->args[below], &n)) return INT64_MAX;
	Elem elem = go->args[0]->type->elem;
	Counter c = counter_of(cx, it, go->args[above]);
	if (!c.known || (elem != I64 && elem != I32) || __builtin_sub_overflow(n, c.at, &gap)) return INT64_MAX;
	if (__builtin_add_overflow(n, c.by, &past) || past >= (elem == I64 ? INT64_MAX : INT32_MAX) ||
		gap > INT64_MAX / 2)
		return INT64_MAX; /* the counter might overflow before it is there */
	gap += go->op == OP_EW_le || go->op == OP_EW_ge;
	return gap <= 0 ? 1 : 1 + (gap - 1) / c.by + 1;
}

/* The most that an integer can be: a size, or how many of so many are true. */
static int64_t most_of(Ctx *cx, const Val *v)
{
	const Dim *d, *count = dim_int(cx, 1);
	v = bare(v);
	if (val_as_dims(cx, v, 1, &d)) return dim_hi(d);
	if (v->op == OP_EW_min) {
		int64_t a = most_of(cx, v->args[0]), b = most_of(cx, v->args[1]);
		return a < b ? a : b;
	}
	if (v->op != OP_reduce || strcmp(val_str(v, A_KIND), "sum") != 0 || v->type->elem != I64 ||
		v->args[0]->op != OP_EW_cast || v->args[0]->args[0]->type->elem != BOOL)
		return INT64_MAX;
	const Attr *axes = val_attr(v, A_AXES);
	for (int i = 0; i < axes->n; i++) count = dim_mul(cx, count, v->args[0]->type->dims[axes->ints[i]]);
	return dim_hi(count);
}

void bound_sizes(Ctx *cx, const Graph *g)
{
	Order order = graph_order(cx->arena, g);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		const Sym *s = size_symbol(v);
		for (int k = 0; k < v->n_attrs; k++)
			for (int b = 0; attr_info[v->attrs[k].key].kind == ATTR_GRAPHS && b < v->attrs[k].n; b++)
				bound_sizes(cx, v->attrs[k].graphs[b]);
		if (!s) continue;
		int64_t most = INT64_MAX, limit = most_of(cx, v->args[0]);
		if (v->op == OP_loop) {
			Iteration it = iteration_of(v);
			most = steps_while(cx, &it, it.body->results[0]);
		}
		if (limit < most) most = limit > 0 ? limit : 0;
		if (most < s->hi) sym_bound(cx, s->name, s->lo < most ? s->lo : most, most);
	}
}
