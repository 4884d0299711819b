/* ranges.c: what the integers of the inputs may be: `w[T] in 1000` are ids from 0 to 999, T_len is from 0 to T.
 *
 * A call with others is refused (guard), as is one with wrong sizes: they would be read as other ids, or not at all.  What
 * stands in the padding is not looked at.
 */
#include "frontend/lang/model.h"

struct Range {
	const Val *hole, *ok; /* ok: made of holes */
	const char *text;
	struct Range *next;
};

void range_add(Elab *e, const Value *input, const Value *limit, bool up_to, const char *text)
{
	struct Range *r = NEW(e->cx->arena, struct Range);
	Value real = model_zero_padding(e, input), zero = value_num(0), n = model_integer(e, limit, "the range");
	Value low = value_binary(e, OP_EW_ge, &real, &zero),
	      high = value_binary(e, up_to ? OP_EW_le : OP_EW_lt, &real, &n);
	Value ok = value_binary(e, OP_EW_and, &low, &high);
	const Val *all = model_expand(e, &ok, input->lay->over, input->lay->n, input->lay->axes);
	*r = (struct Range){input->val, all, text, e->model->ranges};
	e->model->ranges = r;
}

void vals_replace(Ctx *cx, int n, const Val *const *old, const Val *const *with, int n_vals, const Val *const *vals,
	const Val **replaced)
{
	Map map;
	map_init(&map, cx->arena);
	for (int i = 0; i < n; i++) map_put(&map, old[i], with[i]);
	const char **names = NEWN(cx->arena, const char *, n_vals + 1);
	for (int i = 0; i < n_vals; i++) names[i] = "";
	const Order order = graph_order(cx->arena, graph_new(cx, "", 0, NULL, NULL, n_vals, vals, names));
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		if (map_get(&map, v)) continue;
		const Val **args = NEWN(cx->arena, const Val *, v->n_args + 1);
		bool same = true;
		for (int k = 0; k < v->n_args; k++) {
			args[k] = map_get(&map, v->args[k]);
			same &= args[k] == v->args[k];
		}
		map_put(&map, v, same ? v : val_with(cx, v, args));
	}
	for (int i = 0; i < n_vals; i++) replaced[i] = map_get(&map, vals[i]);
}

void ranges_guard(Elab *e, int n, const Val *const *holes, const Val *const *params, const Val **read)
{
	for (int i = 0; i < n; i++) {
		read[i] = params[i];
		for (const struct Range *r = e->model->ranges; r; r = r->next) {
			if (r->hole != holes[i]) continue;
			const Val *ok;
			vals_replace(e->cx, n, holes, params, 1, &r->ok, &ok);
			read[i] = b_guard(e->cx, params[i], ok, r->text);
		}
	}
}
