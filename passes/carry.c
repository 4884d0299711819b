/* carry.c: a carry that a body reads rounded is carried rounded, too.
 *
 *     scan carry(%h) { .. cast(%h, bf16) ..  yield %h' }
 *       =>   scan carry(%h, cast(%h0, bf16)) { .. %r ..  yield %h', cast(%h', bf16) }
 * What computes h' then stores both: a step does not begin with a pass over its state, and threads that share the step do not
 * wait for one.  Not where a sequence may have ended (select): there the rows that go on are all that is computed, and stored.
 * Requires: products.   Keeps: everything.
 */
#include "passes/rewrite.h"

#include <string.h>

typedef struct {
	const Graph *body;
	int first, n;     /* the carries among the params */
	const Val **read; /* of each: its cast; NULL: there is none */
	int n_read;
} Reads;

static Reads reads_of(Ctx *cx, const Iteration *it)
{
	Reads r = {.body = it->body, .first = it->param0 + it->n_consts, .n = it->n_carries};
	r.read = NEWN(cx->arena, const Val *, r.n + 1);
	Order order = graph_order(cx->arena, it->body);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i], *x = v->n_args ? v->args[0] : NULL;
		if (v->op != OP_EW_cast || v->type->elem != BF16 || x->type->elem != F32 || x->op != OP_param) continue;
		const int c = (int)val_int(x, A_INDEX) - r.first;
		if (c < 0 || c >= r.n || r.read[c] || it->body->results[it->result0 + c]->op == OP_EW_select) continue;
		r.read[c] = v;
		r.n_read++;
	}
	return r;
}

/* The body with a param and a result more for each of them, behind its carries. */
static const Graph *with_rounded(Ctx *cx, const Iteration *it, const Reads *r)
{
	const Graph *g = it->body;
	const int n_params = g->n_params + r->n_read, n_results = g->n_results + r->n_read;
	const int last = r->first + r->n, last_result = it->result0 + r->n;
	const Val **params = NEWN(cx->arena, const Val *, n_params),
		  **results = NEWN(cx->arena, const Val *, n_results);
	const char **names = NEWN(cx->arena, const char *, n_params),
		   **result_names = NEWN(cx->arena, const char *, n_results);
	Rewrite rw = {.cx = cx};
	map_init(&rw.map, cx->arena);
	for (int i = 0; i < g->n_params; i++) {
		const int at = i < last ? i : i + r->n_read;
		params[at] = val_param(cx, at, g->params[i]->type);
		names[at] = g->param_names[i];
		map_put(&rw.map, g->params[i], params[at]);
	}
	for (int c = 0, at = last; c < r->n; c++) {
		if (!r->read[c]) continue;
		params[at] = val_param(cx, at, r->read[c]->type);
		names[at] = arena_printf(cx->arena, "%s_bf16", g->param_names[r->first + c]);
		map_put(&rw.map, r->read[c], params[at++]);
	}
	for (int i = 0; i < g->n_results; i++) {
		const int at = i < last_result ? i : i + r->n_read;
		results[at] = rewrite_val(&rw, g->results[i]);
		result_names[at] = g->result_names[i];
	}
	for (int c = 0, at = last_result; c < r->n; c++) {
		if (!r->read[c]) continue;
		results[at] = b_cast(cx, results[it->result0 + c], BF16);
		result_names[at++] = arena_printf(cx->arena, "%s_bf16", g->result_names[it->result0 + c]);
	}
	return graph_new(cx, g->name, n_params, params, names, n_results, results, result_names);
}

static const Val **carry_rounded(Rewrite *rw, void *user, const Val *old, const Val *v)
{
	(void)user, (void)old;
	Ctx *cx = rw->cx;
	if (v->op != OP_scan && v->op != OP_loop) return NULL;
	const Iteration it = iteration_of(v);
	const Reads r = reads_of(cx, &it);
	if (!r.n_read) return NULL;
	const int last = it.arg0 + it.n_consts + it.n_carries, n_args = v->n_args + r.n_read;
	const Val **args = NEWN(cx->arena, const Val *, n_args);
	memcpy(args, v->args, sizeof *args * (size_t)last);
	for (int c = 0, at = last; c < r.n; c++)
		if (r.read[c]) args[at++] = b_cast(cx, v->args[it.arg0 + it.n_consts + c], BF16);
	memcpy(args + last + r.n_read, v->args + last, sizeof *args * (size_t)(v->n_args - last));
	const Graph *body = with_rounded(cx, &it, &r);
	const int n_carries = it.n_carries + r.n_read, n_ys = v->type->n_parts - it.part0 - it.n_carries;
	const Val *made = v->op == OP_loop
		? b_loop(cx, body, it.n_consts, n_carries, n_args, args, it.length)
		: b_scan(cx, body, it.n_consts, n_carries, n_args, args, it.length, it.reverse);
	const Val **parts = parts_of(cx, made);
	memmove(parts + it.part0 + it.n_carries, parts + it.part0 + n_carries, sizeof *parts * (size_t)n_ys);
	return parts;
}

const Graph *pass_carry(Ctx *cx, const Graph *g) { return replace_control(cx, g, true, carry_rounded, NULL); }
