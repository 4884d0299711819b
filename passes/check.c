/* check.c: --check: the interpreter after every pass, on the same random inputs; names the pass that changed a value.
 *
 * A model may refuse inputs: shapes, axes and counts that are inputs are seldom right by chance.  So there are several draws, of
 * other sizes and other ranges of integers; where all are refused the user is told that no values are compared.
 */
#include "passes/pipeline.h"

#include <math.h>
#include <string.h>

struct Check {
	int n_inputs, n_results;
	const Tensor **inputs;
	const Tensor **results; /* before any pass; NULL: it refuses all inputs */
};
typedef struct {      /* one of N_DRAWS */
	int64_t size; /* of symbols, within their bounds */
	int number;
	DimEnv env;
} Draw;
enum { N_DRAWS = 32 };

/* A counter-based generator: the same inputs for a model, whatever the passes do. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static void choose_size(void *user, const Sym *s)
{
	Draw *d = user;
	dimenv_set(&d->env, s, sym_near(s, d->size));
}

/* Floats in [-1, 1); integers that are 0 or 1 at first, of a wider range in each later draw, and equal in every fourth. */
static const Tensor *random_input(Ctx *cx, const Type *t, int which, Draw *d)
{
	int64_t *dims = NEWN(cx->arena, int64_t, t->rank);
	for (int i = 0; i < t->rank; i++) {
		dim_each_sym(t->dims[i], choose_size, d);
		dims[i] = dim_eval(cx, t->dims[i], &d->env);
	}
	Tensor *x = tensor_new(cx->arena, t->elem, t->rank, dims);
	if (!x) fail(cx, "--check: an input of type %s is too large", type_str(cx, t));
	for (int64_t i = 0; i < x->count; i++) {
		const uint64_t at = d->number % 4 == 3 ? 0 : (uint64_t)i;
		const uint64_t r = mix(at * 1000003u + (uint64_t)which + (uint64_t)d->number * 1000000007u);
		if (elem_is_float(t->elem)) tensor_set(x, i, (double)(r >> 11) * 0x1p-52 - 1);
		else tensor_set_int(x, i, (int64_t)(r % (2 + (uint64_t)d->number / 2)));
	}
	return x;
}

static const Tensor **evaluate(Ctx *cx, const Check *c, const Graph *g)
{
	Eval e = {.cx = cx, .arena = cx->arena};
	const Tensor **results = NEWN(cx->arena, const Tensor *, g->n_results);
	dimenv_init(&e.env, cx->arena);
	eval_graph(&e, g, c->inputs, results);
	return results;
}

/* Draws inputs and evaluates; false: they are refused, and cx->error says why. */
static bool try_draw(Ctx *cx, Check *c, const Graph *g, int number)
{
	static const int64_t sizes[] = {3, 2, 4, 1};
	Draw d = {.size = sizes[number % 4], .number = number};
	const char *loc = cx->loc;
	volatile bool taken = false;
	dimenv_init(&d.env, cx->arena);
	TRY (cx) {
		for (int i = 0; i < g->n_params; i++) c->inputs[i] = random_input(cx, g->params[i]->type, i, &d);
		c->results = evaluate(cx, c, g);
		taken = true;
	}
	cx->loc = loc;
	return taken;
}

Check *check_new(Ctx *cx, const Graph *g)
{
	Check *c = NEW(cx->arena, Check);
	*c = (Check){.n_inputs = g->n_params, .n_results = g->n_results};
	c->inputs = NEWN(cx->arena, const Tensor *, g->n_params);
	for (int number = 0; number < N_DRAWS; number++)
		if (try_draw(cx, c, g, number)) return c;
	note(cx, "--check: the model refuses %d draws of random inputs, so no values are compared: %s", N_DRAWS,
		cx->error);
	cx->error = NULL;
	c->results = NULL;
	return c;
}

void check_after(Ctx *cx, Check *c, const char *pass, const Graph *g)
{
	if (!c->results) return;
	const Tensor **now = evaluate(cx, c, g);
	for (int r = 0; r < c->n_results; r++) {
		const Tensor *a = c->results[r], *b = now[r];
		if (a->elem != b->elem || a->count != b->count)
			fail(cx, "--check: pass %s changed the type of result '%s'", pass, g->result_names[r]);
		double rtol = a->elem == F64 ? 1e-9 : a->elem == F32 ? 1e-4 : elem_is_float(a->elem) ? 1e-2 : 0;
		for (int64_t i = 0; i < a->count; i++) {
			double x = tensor_get(a, i), y = tensor_get(b, i);
			bool same = x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= rtol * (1 + fabs(x));
			if (!same)
				fail(cx, "--check: pass %s changed result '%s' at element %lld: %.9g, now %.9g", pass,
					g->result_names[r], (long long)i, x, y);
		}
	}
}
