/* solver.c: solvers of differential equations, y' = f(y) over a time.
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

static const struct {
	const char *name;
	Value (*step)(Elab *, const Slope *, const Value *y, const Value *h);
} solvers[] = {{"euler", euler}, {"midpoint", midpoint}, {"rk4", rk4}};

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
	enum { MAX_STEPS = 64 };
	if (c->n_args != 4 || c->n_sizes || c->args[0].kind != V_CLOSURE)
		fail(e->cx, "%s takes a def, the state, the time and a number of steps: %s(f, h, dt, 4)", c->name,
			c->name);
	int64_t n = size_number(e, &c->args[3], "the number of steps");
	if (n > MAX_STEPS) fail(e->cx, "%s of more than %d steps", c->name, MAX_STEPS);
	Closure *f = NEW(e->cx->arena, Closure);
	*f = *c->args[0].fn;
	if (!f->shared) {
		f->shared = NEW(e->cx->arena, Shared);
		f->shared->path = c->path;
	}
	Slope s = {f, c};
	Value y = model_float(e, &c->args[1], "the state"), dt = model_float(e, &c->args[2], "the time");
	Value h = scaled(e, &dt, 1.0 / (double)n);
	for (int64_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(solvers) / sizeof(*solvers); k++)
			if (!strcmp(solvers[k].name, c->name)) y = solvers[k].step(e, &s, &y, &h);
	return y;
}
