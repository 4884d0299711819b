/* solver.c: solvers of differential equations, y' = f(y) over a time.
 *
 *     euler, midpoint, rk4 (f, y, dt, n)     n equal steps
 *     dopri5(f, y, dt, n, tolerance)         Dormand & Prince 1980: steps of order 5, each as long as the difference to order 4
 *                                            allows, for each example by itself; at most n, the last of which goes to the end
 */
#include "frontend/lang/model.h"

#include <math.h>
#include <string.h>

/* y' = f(y) over dt in n equal steps; f's parameters are one set for all its evaluations. */
typedef struct {
	const Closure *f;
	const ModelCall *call;
} Slope;

static Value slope(Elab *e, const Slope *s, const Value *y)
{
	ModelCall *c = NEW(e->cx->arena, ModelCall);
	*c = (ModelCall){.node = s->call->node, .name = s->f->decl->name, .n_args = 1, .path = s->call->path};
	c->args[0] = *y;
	const Node *whole = e->model->whole;
	e->model->whole = NULL;
	Value v = model_call_fn(e, s->f, c);
	e->model->whole = whole;
	return v;
}

/* y + a k */
static Value step(Elab *e, const Value *y, const Value *a, const Value *k)
{
	Value ak = value_binary(e, OP_EW_mul, a, k);
	return value_binary(e, OP_EW_add, y, &ak);
}

static Value scaled(Elab *e, const Value *a, double by)
{
	Value b = value_num(by);
	return value_binary(e, OP_EW_mul, a, &b);
}

static Value euler(Elab *e, const Slope *s, const Value *y, const Value *h)
{
	Value k = slope(e, s, y);
	return step(e, y, h, &k);
}

static Value midpoint(Elab *e, const Slope *s, const Value *y, const Value *h)
{
	Value half = scaled(e, h, 0.5), k = slope(e, s, y), middle = step(e, y, &half, &k);
	k = slope(e, s, &middle);
	return step(e, y, h, &k);
}

static Value rk4(Elab *e, const Slope *s, const Value *y, const Value *h)
{
	Value half = scaled(e, h, 0.5), sixth = scaled(e, h, 1.0 / 6), third = scaled(e, h, 1.0 / 3);
	Value k1 = slope(e, s, y), y2 = step(e, y, &half, &k1);
	Value k2 = slope(e, s, &y2), y3 = step(e, y, &half, &k2);
	Value k3 = slope(e, s, &y3), y4 = step(e, y, h, &k3);
	Value k4 = slope(e, s, &y4), sum = step(e, y, &sixth, &k1);
	sum = step(e, &sum, &third, &k2);
	sum = step(e, &sum, &third, &k3);
	return step(e, &sum, &sixth, &k4);
}

/* ------------------------------------------------------------------------------------------------ steps of any length */

static Value binary(Elab *e, int op, Value a, Value b) { return value_binary(e, op, &a, &b); }
static Value choose(Elab *e, Value c, Value a, Value b) { return model_select(e, &c, &a, &b); }

enum { STAGES = 7 };
/* y_i = y + h sum a_ij k_j;  the last row is the result of order 5, whose slope is k_7. */
static const double dopri_a[STAGES - 1][STAGES - 1] = {{1.0 / 5}, {3.0 / 40, 9.0 / 40},
	{44.0 / 45, -56.0 / 15, 32.0 / 9}, {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
	{9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
	{35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}};
/* Order 5 less order 4. */
static const double dopri_error[STAGES] = {35.0 / 384 - 5179.0 / 57600, 0, 500.0 / 1113 - 7571.0 / 16695,
	125.0 / 192 - 393.0 / 640, -2187.0 / 6784 + 92097.0 / 339200, 11.0 / 84 - 187.0 / 2100, -1.0 / 40};

/* sum of h c_j k_j */
static Value weighted_sum(Elab *e, int n, const double *c, const Value *k, const Value *h)
{
	Value sum = value_num(0);
	bool any = false;
	for (int j = 0; j < n; j++) {
		if (c[j] == 0) continue;
		Value part = scaled(e, &k[j], c[j]);
		sum = any ? binary(e, OP_EW_add, sum, part) : part;
		any = true;
	}
	return binary(e, OP_EW_mul, *h, sum);
}

/* Root of the mean square of the error, in tolerances: one number for each example. */
static Value error_of(Elab *e, const Value *error, const Value *y, const Value *next, double tolerance)
{
	Value sizes[] = {value_ew(e, OP_EW_abs, 1, y), value_ew(e, OP_EW_abs, 1, next)};
	Value most = value_ew(e, OP_EW_max, 2, sizes), allowed = scaled(e, &most, tolerance);
	allowed = binary(e, OP_EW_add, allowed, value_num(tolerance));
	Value r = binary(e, OP_EW_div, *error, allowed), square = binary(e, OP_EW_mul, r, r);
	while (square.lay->n) square = model_mean(e, &square, 0);
	return value_ew(e, OP_EW_sqrt, 1, &square);
}

static Value bounded(Elab *e, Value x, double lo, double hi)
{
	return binary(e, OP_EW_min, binary(e, OP_EW_max, x, value_num(lo)), value_num(hi));
}

/* Carried are y, the part of dt that is done, and the part that the next step should take. */
static Value dopri5(Elab *e, const Slope *s, const Value *from, const Value *dt, int64_t most, double tolerance)
{
	Ctx *cx = e->cx;
	Looping *l = looping_new(e, 3, "dopri5");
	Value zero = value_num(0), tenth = value_num(0.1), start = model_float(e, &zero, ""),
	      first = model_float(e, &tenth, "");
	Value y0 = model_spread(e, from), done0 = model_spread(e, &start), part0 = model_spread(e, &first);
	Value y = looping_carry(e, l, 0, "y", &y0), done = looping_carry(e, l, 1, "done", &done0);
	Value part = looping_carry(e, l, 2, "part", &part0), not_done = binary(e, OP_EW_lt, done0, value_num(1));
	not_done = model_spread(e, &not_done);
	Value runs = looping_carry(e, l, 3, "runs", &not_done);

	Value round = model_tensor(e, l->round, 0, 0, NULL),
	      last = binary(e, OP_EW_eq, round, value_num((double)(most - 1)));
	Value left = binary(e, OP_EW_sub, value_num(1), done);
	Value to_end = binary(e, OP_EW_or, last, binary(e, OP_EW_ge, part, left));
	part = choose(e, to_end, left, part);
	Value h = binary(e, OP_EW_mul, part, *dt), k[STAGES], next = y;
	k[0] = slope(e, s, &y);
	for (int i = 1; i < STAGES; i++) {
		next = binary(e, OP_EW_add, y, weighted_sum(e, i, dopri_a[i - 1], k, &h));
		k[i] = slope(e, s, &next);
	}
	Value difference = weighted_sum(e, STAGES, dopri_error, k, &h),
	      error = error_of(e, &difference, &y, &next, tolerance);
	Value taken = binary(e, OP_EW_or, last, binary(e, OP_EW_le, error, value_num(1)));
	Value factor = scaled(e, &error, 1);
	factor = binary(e, OP_EW_mul, value_num(0.9), binary(e, OP_EW_pow, factor, value_num(-0.2)));
	Value reached = choose(e, to_end, value_num(1), binary(e, OP_EW_add, done, part));
	Value now = choose(e, binary(e, OP_EW_and, runs, taken), next, y);
	Value done_now = choose(e, taken, reached, done);
	Value part_now = binary(e, OP_EW_mul, part, bounded(e, factor, 0.2, 5));
	l->next[0] = model_spread(e, &now).val;
	l->next[1] = model_spread(e, &done_now).val;
	l->next[2] = model_spread(e, &part_now).val;
	Value go_on = binary(e, OP_EW_and, runs, binary(e, OP_EW_lt, done_now, value_num(1)));
	l->next[3] = model_spread(e, &go_on).val;
	const Val *tuple = looping_close(e, l, dim_int(cx, most));
	return model_tensor(e, val_get(cx, tuple, 1), y0.lay->over, y0.lay->n, y0.lay->axes);
}

/* ------------------------------------------------------------------------------------------------ calls */

static const struct {
	const char *name;
	Value (*step)(Elab *, const Slope *, const Value *y, const Value *h);
} solvers[] = {{"euler", euler}, {"midpoint", midpoint}, {"rk4", rk4}, {"dopri5", NULL}};

void solver_each(void (*each)(void *user, const char *name), void *user)
{
	for (size_t i = 0; i < sizeof(solvers) / sizeof(*solvers); i++) each(user, solvers[i].name);
}

bool solver_has(const char *name)
{
	for (size_t i = 0; i < sizeof(solvers) / sizeof(*solvers); i++)
		if (!strcmp(solvers[i].name, name)) return true;
	return false;
}

Value solver_call(Elab *e, const ModelCall *c)
{
	enum { MAX_STEPS = 64, MAX_ROUNDS = 10000 };
	const bool adaptive = !strcmp(c->name, "dopri5");
	if ((c->n_args != 4 && !(adaptive && c->n_args == 5)) || c->n_sizes || c->args[0].kind != V_CLOSURE)
		fail(e->cx, "%s takes a def, the state, the time and a number of steps: %s(f, h, dt, %s)", c->name,
			c->name, adaptive ? "50) or (f, h, dt, 50, tolerance" : "4");
	int64_t n = size_number(e, &c->args[3], "the number of steps");
	if (n > (adaptive ? MAX_ROUNDS : MAX_STEPS))
		fail(e->cx, "%s of more than %d steps", c->name, adaptive ? MAX_ROUNDS : MAX_STEPS);
	const double tolerance = c->n_args < 5 ? 1e-4 : c->args[4].kind == V_NUM ? c->args[4].num : 0;
	if (!(tolerance > 0 && tolerance < 1))
		fail(e->cx, "the tolerance of %s is a number above 0 and below 1, this is %s", c->name,
			value_str_of(e, &c->args[4]));
	Closure *f = NEW(e->cx->arena, Closure);
	*f = *c->args[0].fn;
	if (!f->shared) {
		f->shared = NEW(e->cx->arena, Shared);
		f->shared->path = c->path;
	}
	Slope s = {f, c};
	Value y = model_float(e, &c->args[1], "the state"), dt = model_float(e, &c->args[2], "the time");
	if (adaptive) return dopri5(e, &s, &y, &dt, n, tolerance);
	Value h = scaled(e, &dt, 1.0 / (double)n);
	for (int64_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(solvers) / sizeof(*solvers); k++)
			if (!strcmp(solvers[k].name, c->name)) y = solvers[k].step(e, &s, &y, &h);
	return y;
}
