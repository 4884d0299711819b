/* body.c: the bodies of scans and loops, closed.
 *
 * A body is elaborated with holes (parameters of their own) for the states and the elements of the sequences; what it uses
 * from outside is found afterwards: values that depend on no hole stay outside and become operands, but for constants and
 * what only spreads a value out, which are made again inside.
 */
#include "frontend/lang/model.h"

#include <string.h>

enum { HOLES = 1 << 24 }; /* indices of holes begin here, beyond those of any graph */

const Val *model_hole(Elab *e, const Type *type) { return val_param(e->cx, HOLES + e->model->n_holes++, type); }

typedef struct {
	Ctx *cx;
	Map inside, new; /* depends on a hole; what stands for it in the body */
	int n, cap;
	const Val **captured;
} Closing;

static bool is_inside(const Closing *c, const Val *v) { return map_get(&c->inside, v) != NULL; }

static void capture(Closing *c, const Val *v)
{
	if (c->n == c->cap) {
		int cap = c->cap ? 2 * c->cap : 16;
		const Val **more = NEWN(c->cx->arena, const Val *, cap);
		if (c->n) memcpy(more, c->captured, sizeof(*more) * (size_t)c->n);
		c->captured = more;
		c->cap = cap;
	}
	c->captured[c->n++] = v;
	map_put(&c->new, v, v);
}

static bool is_remade(const Val *v) { return v->op == OP_expand || v->op == OP_reshape; }
static bool is_closed(const Val *v) { return v->op == OP_const || v->op == OP_dim || v->op == OP_iota; }

/* A value from outside that the body reads. */
static void bring(Closing *c, const Val *v)
{
	while (is_remade(v)) v = v->args[0];
	if (!is_closed(v) && !map_get(&c->new, v)) capture(c, v);
}

/* What stands for v in the body. */
static const Val *inner(Closing *c, const Val *v)
{
	const Val *known = map_get(&c->new, v);
	if (known) return known;
	if (is_closed(v)) return v;
	const Val *base = inner(c, v->args[0]); /* a chain of views, as long as the text made it */
	const Val *made = val_with(c->cx, v, &base);
	map_put(&c->new, v, made);
	return made;
}

const Graph *body_close(
	Elab *e, const Body *b, int n_first, const Val *const *first, int *n_captured, const Val *const **captured)
{
	Ctx *cx = e->cx;
	Closing c = {.cx = cx};
	map_init(&c.inside, cx->arena);
	map_init(&c.new, cx->arena);
	int n_holes = b->n_carries + b->n_xs;
	for (int i = 0; i < n_first; i++) map_put(&c.inside, first[i], first[i]);
	for (int i = 0; i < n_holes; i++) map_put(&c.inside, b->holes[i], b->holes[i]);
	const Graph *open = graph_new(cx, b->name, 0, NULL, NULL, b->n_results, b->results, b->result_names);
	Order order = graph_order(cx->arena, open);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		bool inside = is_inside(&c, v);
		for (int k = 0; k < v->n_args && !inside; k++) inside = is_inside(&c, v->args[k]);
		if (!inside) continue;
		map_put(&c.inside, v, v);
		for (int k = 0; k < v->n_args; k++)
			if (!is_inside(&c, v->args[k])) bring(&c, v->args[k]);
	}
	for (int i = 0; i < b->n_results; i++)
		if (!is_inside(&c, b->results[i])) bring(&c, b->results[i]);

	int n = n_first + c.n + n_holes;
	const Val **params = NEWN(cx->arena, const Val *, n + 1);
	const char **names = NEWN(cx->arena, const char *, n + 1);
	for (int i = 0; i < n; i++) {
		const Val *old = i < n_first ? first[i]
			: i < n_first + c.n  ? c.captured[i - n_first]
					     : b->holes[i - n_first - c.n];
		params[i] = val_param(cx, i, old->type);
		map_put(&c.new, old, params[i]);
		names[i] = i < n_first      ? "round"
			: i < n_first + c.n ? arena_printf(cx->arena, "u%d", i - n_first)
					    : b->hole_names[i - n_first - c.n];
	}
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		if (!is_inside(&c, v) || map_get(&c.new, v)) continue;
		const Val **args = NEWN(cx->arena, const Val *, v->n_args + 1);
		for (int k = 0; k < v->n_args; k++) args[k] = inner(&c, v->args[k]);
		map_put(&c.new, v, val_with(cx, v, args));
	}
	const Val **results = NEWN(cx->arena, const Val *, b->n_results + 1);
	for (int i = 0; i < b->n_results; i++) results[i] = inner(&c, b->results[i]);
	*n_captured = c.n;
	*captured = c.captured;
	return graph_new(cx, b->name, n, params, names, b->n_results, results, b->result_names);
}
