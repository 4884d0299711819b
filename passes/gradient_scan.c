/* gradient_scan.c: the derivative of scan: backpropagation through time.
 *
 *     h', y = body(c, h, x)        =>        dh, dx, dc = adjoint of body at (c, h, x), from dh' and dy
 *
 * It is a scan the other way whose carry is dh.  Each step gets h as it was before that step, which the forward scan now
 * stacks as well; it computes the body again and goes back through it.  What is computed again depends on stacked values only,
 * so hoist does it for all steps at once, and what needs no h is the same value as in the forward pass.
 *
 * A const's gradient is a sum over all steps.  A contract in it leaves the scan: the sum over t of a[t]·b[t] is one contract of the
 * stacked a and b, so that of a weight is one product of matrices, and what is stored is a and b instead of T weights.  Sums and
 * linear primitives on top of the contract let it through.  What is left is summed in a carry.
 */
#include "passes/gradient.h"
#include "passes/rewrite.h"

#include <string.h>

enum { MAX_SUMS = 31, MAX_LINEAR = 16 };

/* A part of a const's gradient: what linear primitives, the last one innermost, make of val. */
typedef struct {
	const Val *val;
	int n;
	const Val *linear[MAX_LINEAR];
	bool outside; /* its sum over all steps is computed there */
} GradTerm;

typedef struct {
	Ctx *cx;
	Iteration it;
	const Val *const *parts; /* gradients of the forward scan's results, or NULL */
	bool *active;            /* params of the forward body that get a gradient */
	const Val *forward;      /* the scan that gives the carries before each step as well */
	/* The body of the scan back, at first with its params in this order: consts, h, x, dy, dh. */
	int n_params, n_inner;       /* all; those of the forward body */
	const Val **params, **outer; /* what the scan gets: for all steps, or NULL: a carry */
	const char **names;
	const Val **grads; /* of the forward body's params; NULL: 0 */
	int n_terms;
	GradTerm *terms; /* by const */
	int *first_term; /* of each const, and the end of the last */
	int n_ys;        /* what is stacked for sums outside */
	const Val **ys;
	Map stacked; /* value -> its place among the ys */
	/* the scan back */
	int n_carries;
	const Val *scan;
} Back;

static const Type *each_step(Ctx *cx, const Type *t) { return type_new(cx, t->elem, t->rank - 1, t->dims + 1); }

static bool is_const(const Back *b, int param) { return param < b->it.n_consts; }

/* A carry gets a gradient where what it starts from does, or what a step makes of it depends on something that does. */
static void find_active(Back *b, const bool *wanted)
{
	const Iteration *it = &b->it;
	const Graph *body = it->body;
	Order order = graph_order(b->cx->arena, body);
	b->active = arena_copy(b->cx->arena, wanted, sizeof *wanted * (size_t)body->n_params);
	for (bool grown = true; grown;) {
		Map leaf, active;
		map_init(&leaf, b->cx->arena);
		map_init(&active, b->cx->arena);
		for (int i = 0; i < body->n_params; i++)
			if (b->active[i]) map_put(&leaf, body->params[i], body->params[i]);
		gradient_active(&order, &leaf, &active);
		grown = false;
		for (int i = 0; i < it->n_carries; i++)
			if (!b->active[it->n_consts + i] && map_get(&active, body->results[i]))
				grown = b->active[it->n_consts + i] = true;
	}
}

/* The forward scan with the carries before each step as further results. */
static const Val *with_carries(Ctx *cx, const Iteration *it)
{
	const Graph *body = it->body;
	const int n = body->n_results + it->n_carries;
	const Val **results = NEWN(cx->arena, const Val *, n + 1);
	const char **names = NEWN(cx->arena, const char *, n + 1);
	for (int i = 0; i < n; i++) {
		const int carry = i - body->n_results + it->n_consts;
		bool own = i < body->n_results;
		results[i] = own ? body->results[i] : body->params[carry];
		names[i] = own ? body->result_names[i] : arena_printf(cx->arena, "%s_before", body->param_names[carry]);
	}
	const Graph *more =
		graph_new(cx, body->name, body->n_params, body->params, body->param_names, n, results, names);
	return b_scan(cx, more, it->n_consts, it->n_carries, it->val->n_args, it->val->args, it->length, it->reverse);
}

/* ---------------------------------------------------------------------------------------------------- one step back */

static const Val *add_param(Back *b, const Type *t, const char *name, const Val *outer)
{
	const int i = b->n_params++;
	b->names[i] = name;
	b->outer[i] = outer;
	return b->params[i] = val_param(b->cx, i, t);
}

static void add_params(Back *b)
{
	const Iteration *it = &b->it;
	const Graph *body = it->body;
	Ctx *cx = b->cx;
	for (int i = 0; i < body->n_params; i++) {
		const bool carry = i >= it->n_consts && i < it->n_consts + it->n_carries;
		add_param(b, body->params[i]->type, body->param_names[i],
			carry ? val_get(cx, b->forward, body->n_results + i - it->n_consts) : it->val->args[i]);
	}
	b->n_inner = b->n_params;
	for (int i = it->n_carries; i < body->n_results; i++)
		if (b->parts[i])
			add_param(b, each_step(cx, b->parts[i]->type),
				arena_printf(cx->arena, "d_%s", body->result_names[i]), b->parts[i]);
	for (int i = it->n_consts; i < it->n_consts + it->n_carries; i++)
		if (b->active[i])
			add_param(
				b, body->params[i]->type, arena_printf(cx->arena, "d_%s", body->param_names[i]), NULL);
}

static void step_back(Back *b)
{
	const Iteration *it = &b->it;
	const Graph *body = it->body;
	Ctx *cx = b->cx;
	const Val **results = NEWN(cx->arena, const Val *, body->n_results + 1),
		  **ys = NEWN(cx->arena, const Val *, body->n_results + 1),
		  **xs = NEWN(cx->arena, const Val *, body->n_params + 1),
		  **grads = NEWN(cx->arena, const Val *, body->n_params + 1);
	int n_ys = 0, n_xs = 0, at = 0;
	graph_splice(cx, body, b->params, results);
	for (int i = it->n_carries; i < body->n_results; i++)
		if (b->parts[i]) ys[n_ys++] = results[i];
	for (int i = 0; i < it->n_carries; i++)
		if (b->active[it->n_consts + i]) ys[n_ys++] = results[i];
	for (int i = 0; i < body->n_params; i++)
		if (b->active[i]) xs[n_xs++] = b->params[i];
	gradient(cx, n_ys, ys, b->params + b->n_inner, n_xs, xs, grads);
	b->grads = NEWN(cx->arena, const Val *, body->n_params + 1);
	for (int i = 0; i < body->n_params; i++)
		if (b->active[i]) b->grads[i] = grads[at++];
}

/* ---------------------------------------------------------------------------------------------------- sums over all steps */

static bool is_linear(const Val *v)
{
	switch (v->op) {
	case OP_EW_neg:
	case OP_reshape:
	case OP_permute:
	case OP_slice:
	case OP_expand: return true;
	case OP_reduce: return strcmp(val_str(v, A_KIND), "sum") == 0;
	default: return false;
	}
}

static bool is_param(const Back *b, const Val *v) { return v->op == OP_param && b->outer[val_int(v, A_INDEX)]; }

static bool differs(const Back *b, const Val *v)
{
	return !(v->op == OP_param && is_const(b, (int)val_int(v, A_INDEX)));
}

/* A value of each step that is read outside: a y of the scan back, where it is nothing that was stacked before. */
static void stack(Back *b, const Val *v)
{
	if (is_param(b, v) || map_get(&b->stacked, v)) return;
	map_put(&b->stacked, v, &b->ys[b->n_ys]);
	b->ys[b->n_ys++] = v;
}

static bool can_sum_outside(Back *b, const Val *v)
{
	if (v->op != OP_contract || !(differs(b, v->args[0]) || differs(b, v->args[1]))) return false;
	const Letters s = letters_of(v);
	return letters_new(&s) != 0;
}

/* Takes a gradient apart into terms, down to what is summed outside; where nothing is, it stays whole.  Sums and primitives that are
 * there many times over are not followed for ever. */
static bool split(Back *b, GradTerm t, int *sums)
{
	const Val *v = t.val;
	const int first = b->n_terms;
	bool any = false;
	GradTerm inner = t;
	t.outside = map_get(&b->stacked, v) || (is_param(b, v) && differs(b, v));
	if (t.outside) {
		any = true;
	} else if (can_sum_outside(b, v)) {
		for (int k = 0; k < 2; k++) stack(b, v->args[k]);
		t.outside = any = true;
	} else if (v->op == OP_EW_add && *sums < MAX_SUMS) {
		++*sums;
		for (int k = 0; k < 2; k++) {
			inner.val = v->args[k];
			any |= split(b, inner, sums);
		}
		if (any) return true;
	} else if (is_linear(v) && t.n < MAX_LINEAR) {
		inner.linear[inner.n++] = v;
		inner.val = v->args[0];
		if (split(b, inner, sums)) return true;
	}
	b->n_terms = first;
	b->terms[b->n_terms++] = t;
	return any;
}

/* Twice: what is stacked for one const, another can have summed outside for nothing. */
static void choose_sums(Back *b)
{
	Ctx *cx = b->cx;
	const int most = b->it.n_consts * (MAX_SUMS + 1);
	b->terms = NEWN(cx->arena, GradTerm, most);
	b->first_term = NEWN(cx->arena, int, b->it.n_consts + 1);
	b->ys = NEWN(cx->arena, const Val *, 4 * most);
	map_init(&b->stacked, cx->arena);
	for (int round = 0; round < 2; round++) {
		b->n_terms = 0;
		for (int i = 0; i < b->it.n_consts; i++) {
			int sums = 0;
			if (b->grads[i]) split(b, (GradTerm){.val = b->grads[i]}, &sums);
			b->first_term[i + 1] = b->n_terms;
		}
	}
}

static const Val *through(Ctx *cx, const GradTerm *t, const Val *v)
{
	for (int i = t->n - 1; i >= 0; i--) v = val_with(cx, t->linear[i], &v);
	return v;
}

static const Val *plus(Ctx *cx, const Val *a, const Val *b) { return a ? b_ew2(cx, OP_EW_add, a, b) : b; }

/* What is left of a const's gradient, to be summed step by step; NULL: nothing. */
static const Val *summed_inside(Back *b, int param)
{
	const Val *sum = NULL;
	for (int i = b->first_term[param]; i < b->first_term[param + 1]; i++)
		if (!b->terms[i].outside) sum = plus(b->cx, sum, through(b->cx, &b->terms[i], b->terms[i].val));
	return sum;
}

/* What the scan back need not compute: a contract for each step, of values that are there for all of them. */
static bool is_outside(Back *b, const Val *v)
{
	if (!can_sum_outside(b, v)) return false;
	for (int k = 0; k < 2; k++)
		if (!is_param(b, v->args[k]) && !map_get(&b->stacked, v->args[k])) return false;
	return true;
}

static const Val *all_steps(Back *b, const Val *v)
{
	if (!map_get(&b->stacked, v)) return b->outer[val_int(v, A_INDEX)];
	const Val *const *at = map_get(&b->stacked, v);
	return val_get(b->cx, b->scan, b->scan->type->n_parts - b->n_ys + (int)(at - b->ys));
}

static const Val *sum_of_contracts(Back *b, const Val *v)
{
	Letters s = letters_of(v);
	const char t[2] = {letters_new(&s)};
	const Val *args[] = {all_steps(b, v->args[0]), all_steps(b, v->args[1])};
	const char *front[] = {differs(b, v->args[0]) ? t : "", differs(b, v->args[1]) ? t : ""};
	const char *spec = arena_printf(b->cx->arena, "%s%s,%s%s->%s", front[0], s.of[0], front[1], s.of[1], s.of[2]);
	return b_contract(b->cx, spec, args[0], args[1]);
}

static const Val *contracts_of_steps(Back *b, const Val *v)
{
	const Val *args[] = {all_steps(b, v->args[0]), all_steps(b, v->args[1])};
	return lift(b->cx, v, args, (const bool[]){differs(b, v->args[0]), differs(b, v->args[1])}, b->it.length);
}

static const Val *summed_outside(Back *b, int param, const Val *sum)
{
	Ctx *cx = b->cx;
	for (int i = b->first_term[param]; i < b->first_term[param + 1]; i++) {
		const GradTerm *t = &b->terms[i];
		if (!t->outside) continue;
		const Val *all = map_get(&b->stacked, t->val) || is_param(b, t->val)
			? b_reduce(cx, "sum", all_steps(b, t->val), 1, (const int[]){0}, false)
			: sum_of_contracts(b, t->val);
		sum = plus(cx, sum, through(cx, t, all));
	}
	return sum;
}

/* ---------------------------------------------------------------------------------------------------- the scan back */

typedef struct {
	int n, n_results;
	const Val **params, **args, **results, **subst; /* subst: param of the body at first -> here */
	const char **names, **result_names;
} NewBody;

static const Val *put_param(Back *b, NewBody *nb, const Type *t, const char *name, const Val *arg)
{
	nb->names[nb->n] = name;
	nb->args[nb->n] = arg;
	nb->params[nb->n] = val_param(b->cx, nb->n, t);
	return nb->params[nb->n++];
}

static void put_params(Back *b, NewBody *nb, int from, int to)
{
	for (int i = from; i < to; i++) nb->subst[i] = put_param(b, nb, b->params[i]->type, b->names[i], b->outer[i]);
}

static void put_result(NewBody *nb, const Val *v, const char *name)
{
	nb->result_names[nb->n_results] = name;
	nb->results[nb->n_results++] = v;
}

/* The gradient of the last carry: what the final one got. */
static const Val *first_carry(Back *b, int i)
{
	return b->parts[i] ? b->parts[i] : make_fill(b->cx, b->it.val->type->parts[i], 0);
}

/* consts; dh, then sums of consts' gradients as carries; h, x, dy.  Gives those carries, dx, and what is stacked. */
static void build(Back *b)
{
	Ctx *cx = b->cx;
	const Iteration *it = &b->it;
	const int n_consts = it->n_consts, most = b->n_params + n_consts + b->n_ys + it->body->n_params + 1;
	NewBody nb = {.params = NEWN(cx->arena, const Val *, most),
		.args = NEWN(cx->arena, const Val *, most),
		.results = NEWN(cx->arena, const Val *, most),
		.subst = NEWN(cx->arena, const Val *, most),
		.names = NEWN(cx->arena, const char *, most),
		.result_names = NEWN(cx->arena, const char *, most)};
	const Val **sums = NEWN(cx->arena, const Val *, most);
	const char *const *own = it->body->param_names;
	put_params(b, &nb, 0, n_consts);
	int dh = b->n_params;
	for (int i = 0; i < it->n_carries; i++) dh -= b->active[n_consts + i];
	for (int i = 0, at = dh; i < it->n_carries; i++) {
		if (!b->active[n_consts + i]) continue;
		nb.subst[at] = put_param(b, &nb, b->params[at]->type, b->names[at], first_carry(b, i));
		const Val *g = b->grads[n_consts + i];
		put_result(&nb, g ? g : make_fill(cx, b->params[at]->type, 0), b->names[at]);
		at++;
	}
	const int n_dh = nb.n_results;
	for (int i = 0; i < n_consts; i++) {
		const Val *g = summed_inside(b, i);
		if (!g) continue;
		const char *name = arena_printf(cx->arena, "d_%s", own[i]);
		sums[nb.n_results] = put_param(b, &nb, g->type, name, make_fill(cx, g->type, 0));
		put_result(&nb, g, name);
	}
	b->n_carries = nb.n_results;
	put_params(b, &nb, n_consts, dh);
	for (int i = n_consts + it->n_carries; i < it->body->n_params; i++)
		if (b->grads[i] && !is_outside(b, b->grads[i]))
			put_result(&nb, b->grads[i], arena_printf(cx->arena, "d_%s", own[i]));
	for (int i = 0; i < b->n_ys; i++) put_result(&nb, b->ys[i], arena_printf(cx->arena, "s%d", i));
	const Graph at_first = {
		.n_params = b->n_params, .params = b->params, .n_results = nb.n_results, .results = nb.results};
	graph_splice(cx, &at_first, nb.subst, nb.results);
	for (int i = n_dh; i < b->n_carries; i++) nb.results[i] = plus(cx, sums[i], nb.results[i]);
	const Graph *body = graph_new(cx, arena_printf(cx->arena, "%s_back", it->body->name), nb.n, nb.params, nb.names,
		nb.n_results, nb.results, nb.result_names);
	b->scan = b_scan(cx, body, n_consts, b->n_carries, nb.n, nb.args, it->length, !it->reverse);
}

void gradient_scan(Ctx *cx, const Val *v, const Val *const *parts, const bool *wanted, const Val **grads)
{
	Back b = {.cx = cx, .it = iteration_of(v), .parts = parts};
	const Iteration *it = &b.it;
	const int most = it->body->n_params + it->body->n_results + it->n_carries;
	b.params = NEWN(cx->arena, const Val *, most + 1);
	b.outer = NEWN(cx->arena, const Val *, most + 1);
	b.names = NEWN(cx->arena, const char *, most + 1);
	b.forward = with_carries(cx, it);
	find_active(&b, wanted);
	add_params(&b);
	step_back(&b);
	choose_sums(&b);
	build(&b);
	int carry = 0, y;
	for (int i = it->n_consts; i < it->n_consts + it->n_carries; i++)
		if (b.active[i]) grads[i] = val_get(cx, b.scan, carry++);
	for (int i = 0; i < it->n_consts; i++) {
		const Val *inside = summed_inside(&b, i);
		grads[i] = summed_outside(&b, i, inside ? val_get(cx, b.scan, carry++) : NULL);
	}
	y = carry;
	for (int i = it->n_consts + it->n_carries; i < it->body->n_params; i++)
		if (b.grads[i])
			grads[i] = is_outside(&b, b.grads[i]) ? contracts_of_steps(&b, b.grads[i])
							      : val_get(cx, b.scan, y++);
}
