/* trim.c: scans over padded sequences end with the longest sequence of the batch.
 *
 *     scan over T { runs = t < lengths;  h' = select(runs, cell, h);  y = select(runs, h', 0) }
 *  => longest = min(max(lengths), T);  scan over the first `longest` of xs { the same };  ys and T - longest zeros
 *
 * `longest` is a computed size, so all that hoist takes out of the scan afterwards is done for these steps only, too.  It is no
 * matter who made the mask, or what for: what the body does in the steps behind all sequences is the body with `t < lengths`
 * replaced by false.  Where canon then finds that every carry stays as it is, these steps change nothing; what they yield
 * depends on no x, and is the same in all of them: it is filled in.  A reverse scan begins with them, so what it yields there
 * it makes of the carries as given; a forward scan of those that it ends with.
 *
 * Scans in bodies stay as they are: their lengths differ from step to step, and a size is computed once a call.  So do those
 * whose length is computed already: what `generate` makes ends with its longest, too.
 * Requires: canon.   Keeps: values, to the bit.   canon afterwards.
 */
#include "passes/rewrite.h"

#include <string.h>

typedef struct {
	Ctx *cx;
	Iteration it;
	int n_lengths;
	const Val **lengths; /* in the scan's graph */
} Trim;

/* ---- the masks ---- */

static const Val *bare(const Val *v)
{
	while (v->op == OP_reshape || v->op == OP_expand) v = v->args[0];
	return v;
}

/* The number of the step: an x that counts from 0, in integers, so that i64 holds the lengths as they are: half a length is a step
 * more. */
static bool is_step(const Trim *t, const Val *v)
{
	v = bare(v);
	if (v->op != OP_param || val_int(v, A_INDEX) < t->it.n_consts + t->it.n_carries) return false;
	const Val *x = t->it.val->args[val_int(v, A_INDEX)];
	return x->op == OP_iota && x->type->rank == 1 && !elem_is_float(x->type->elem) && x->type->elem != U64;
}

/* Values of the body that need none of the params from `first` on, outside of it; args: what stands for the params. */
static const Val *outside(const Trim *t, const Val *v, int first, const Val *const *args)
{
	const Graph *body = t->it.body;
	const bool *used = used_params(t->cx, body, 1, &v);
	for (int i = first; i < body->n_params; i++)
		if (used[i]) return NULL;
	Rewrite rw = {.cx = t->cx, .graph_fn = keep_body};
	map_init(&rw.map, t->cx->arena);
	for (int i = 0; i < first; i++) map_put(&rw.map, val_param(t->cx, i, body->params[i]->type), args[i]);
	return rewrite_val(&rw, v);
}

/* A comparison of the step with lengths: what it says behind all sequences. */
static const Val *end_mask(Rewrite *rw, const Val *old, const Val *const *args)
{
	Trim *t = rw->user;
	bool below = old->op == OP_EW_lt || old->op == OP_EW_ge; /* step < length, step >= length */
	if (!below && old->op != OP_EW_gt && old->op != OP_EW_le) return val_with(rw->cx, old, args);
	if (!is_step(t, old->args[!below])) return val_with(rw->cx, old, args);
	const Val *lengths = outside(t, bare(old->args[below]), t->it.n_consts, t->it.val->args);
	if (!lengths) return val_with(rw->cx, old, args);
	bool known = false;
	for (int i = 0; i < t->n_lengths; i++) known |= t->lengths[i] == lengths;
	if (!known) t->lengths[t->n_lengths++] = lengths;
	return make_fill(rw->cx, old->type, old->op == OP_EW_ge || old->op == OP_EW_le);
}

/* The body as it is behind all sequences; NULL: it is not known where they end, or it does something there. */
static const Graph *idle_body(Trim *t)
{
	const Graph *body = t->it.body;
	t->lengths = NEWN(t->cx->arena, const Val *, graph_order(t->cx->arena, body).n);
	Rewrite rw = {.cx = t->cx, .user = t, .fn = end_mask, .graph_fn = keep_body};
	const Graph *idle = graph_rewrite(t->cx, body, &rw);
	if (t->n_lengths == 0) return NULL;
	idle = pass_canon(t->cx, idle);
	const int n_fixed = t->it.n_consts + t->it.n_carries;
	for (int i = 0; i < t->it.n_carries; i++)
		if (idle->results[i] != idle->params[t->it.n_consts + i]) return NULL;
	for (int i = t->it.n_carries; i < idle->n_results; i++) {
		const bool *used = used_params(t->cx, idle, 1, &idle->results[i]);
		for (int k = n_fixed; k < idle->n_params; k++)
			if (used[k]) return NULL;
	}
	return idle;
}

/* ---- the new scan ---- */

/* min(max(0, all lengths), T) as a size. */
static const Val *longest(const Trim *t)
{
	Ctx *cx = t->cx;
	const Val *most = b_scalar_int(cx, I64, 0);
	for (int i = 0; i < t->n_lengths; i++) {
		const Val *all = b_reshape(cx, t->lengths[i], 1, (const Dim *[]){type_count(cx, t->lengths[i]->type)});
		const Val *one = b_reduce(cx, "max", b_cast(cx, all, I64), 1, (const int[]){0}, false);
		most = b_ew2(cx, OP_EW_max, most, one);
	}
	return b_ew2(cx, OP_EW_min, most, b_dim(cx, t->it.length));
}

static const Val *first_steps(Ctx *cx, const Val *x, const Dim *n)
{
	if (x->op == OP_iota && x->type->rank == 1) return b_iota(cx, x->type->elem, 1, &n, 0);
	return b_slice(cx, x, 0, dim_int(cx, 0), n, 1);
}

static void see_computed(void *any, const Sym *s) { *(bool *)any |= s->computed; }

/* sizes: what the lengths come to -> its size: scans over the same sequences end together. */
static const Val **trim_scan(Rewrite *rw, void *sizes, const Val *old, const Val *v)
{
	(void)old;
	Ctx *cx = rw->cx;
	if (v->op != OP_scan) return NULL;
	Trim t = {.cx = cx, .it = iteration_of(v)};
	const Iteration *it = &t.it;
	bool computed = false;
	dim_each_sym(it->length, see_computed, &computed);
	const Graph *idle = computed ? NULL : idle_body(&t);
	if (!idle) return NULL;
	const Val *count = longest(&t), *size = map_get(sizes, count);
	if (!size) {
		size = b_size(cx, count, dim_computed(cx, "longest", it->length));
		map_put(sizes, count, size);
		map_put(&rw->map, size, size); /* a sizer that the results are to keep */
	}
	const Dim *n = val_dims(size, A_VALUE)[0], *rest = dim_sub(cx, it->length, n);
	const int n_fixed = it->n_consts + it->n_carries, n_parts = v->type->n_parts;
	const Val **args = arena_copy(cx->arena, v->args, sizeof *args * (size_t)v->n_args);
	for (int i = n_fixed; i < v->n_args; i++) args[i] = first_steps(cx, v->args[i], n);
	const Val *scan = b_scan(cx, it->body, it->n_consts, it->n_carries, v->n_args, args, n, it->reverse);
	const Val **parts = parts_of(cx, scan);
	/* behind the sequences: consts, and the carries as they are there */
	if (!it->reverse) memcpy(args + it->n_consts, parts, sizeof *args * (size_t)it->n_carries);
	Trim end = {.cx = cx, .it = *it};
	end.it.body = idle;
	for (int i = it->n_carries; i < n_parts; i++) {
		const Type *type = v->type->parts[i];
		const Val *one = outside(&end, idle->results[i], n_fixed, args);
		const Val *fill = b_expand(cx, b_unsqueeze(cx, one, 0), type->rank, dims_front(cx, rest, one->type));
		parts[i] = b_concat(cx, 2, (const Val *[]){parts[i], fill}, 0);
	}
	return parts;
}

const Graph *pass_trim(Ctx *cx, const Graph *g)
{
	Map sizes;
	map_init(&sizes, cx->arena);
	return replace_control(cx, g, false, trim_scan, &sizes);
}
