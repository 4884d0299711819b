/* bind.c: inputs against the parameters' types: which value each symbol has, and whether everything agrees. */
#include "ir/prim.h"

static const char *param_name(Ctx *cx, const Graph *g, int i)
{
	return g->param_names && g->param_names[i] ? g->param_names[i] : arena_printf(cx->arena, "%d", i);
}

typedef struct {
	Eval *e;
	const Sym *unbound; /* a symbol without a value */
	bool several;
	Buf values; /* "T = 3, B = 1": for messages */
	const char *input;
} Syms;

static void see_sym(void *user, const Sym *s)
{
	Syms *seen = user;
	int64_t value;
	if (dimenv_get(&seen->e->env, s, &value)) {
		buf_printf(
			&seen->values, "%s%s = %lld", seen->values.size ? ", " : " with ", s->name, (long long)value);
		if (seen->input && !sym_takes(s, value))
			fail(seen->e->cx, "input '%s': %s = %lld is not within its bounds, %s", seen->input, s->name,
				(long long)value, sym_values(seen->e->cx, s, ".."));
	} else if (s != seen->unbound) {
		seen->several = seen->unbound != NULL;
		seen->unbound = s;
	}
}

static int64_t dim_at(Eval *e, const Dim *d, const Sym *s, int64_t value)
{
	Map to;
	map_init(&to, e->arena);
	map_put(&to, s, dim_int(e->cx, value));
	return dim_eval(e->cx, dim_subst(e->cx, d, &to), &e->env);
}

/* Solves size = a + b * symbol / step for the one symbol that has no value yet.  True when it has one now; a size that does
 * not fit is found by the check that follows. */
static bool solve(Eval *e, const Dim *d, int64_t size)
{
	Syms seen = {.e = e};
	buf_init(&seen.values, e->arena);
	dim_each_sym(d, see_sym, &seen);
	if (!seen.unbound || seen.several) return false;
	for (int i = 0; i < d->n_terms; i++)
		for (int k = 0; k < d->terms[i].n_syms; k++)
			if (d->terms[i].syms[k]->kind != SYM_NAMED && !sym_divided(d->terms[i].syms[k])) return false;
	const int64_t step = seen.unbound->step, at_0 = dim_at(e, d, seen.unbound, 0);
	const int64_t at_1 = dim_at(e, d, seen.unbound, step), at_2 = dim_at(e, d, seen.unbound, 2 * step);
	int64_t rise, rise_2, rest;
	if (__builtin_sub_overflow(at_1, at_0, &rise) || __builtin_sub_overflow(at_2, at_1, &rise_2) ||
		rise != rise_2 || rise == 0 || __builtin_sub_overflow(size, at_0, &rest) ||
		__builtin_mul_overflow(rest, step, &rest) || (rise == -1 && rest == INT64_MIN))
		return false;
	dimenv_set(&e->env, seen.unbound, rest / rise);
	return true;
}

void eval_bind(Eval *e, const Graph *g, const Tensor *const *inputs)
{
	Ctx *cx = e->cx;
	if (!e->env.values.arena) dimenv_init(&e->env, e->arena);
	for (int i = 0; i < g->n_params; i++) {
		const Type *t = g->params[i]->type;
		if (inputs[i]->elem != t->elem || inputs[i]->rank != t->rank)
			fail(cx, "input '%s': wanted %s, seen %s", param_name(cx, g, i), type_str(cx, t),
				tensor_type_str(cx, inputs[i]));
	}
	for (bool solved = true; solved;) {
		solved = false;
		for (int i = 0; i < g->n_params; i++)
			for (int k = 0; k < inputs[i]->rank; k++)
				solved |= solve(e, g->params[i]->type->dims[k], inputs[i]->dims[k]);
	}
	for (int i = 0; i < g->n_params; i++) {
		const Type *t = g->params[i]->type;
		Syms seen = {.e = e, .input = param_name(cx, g, i)};
		buf_init(&seen.values, cx->arena);
		for (int k = 0; k < t->rank; k++) dim_each_sym(t->dims[k], see_sym, &seen);
		if (!tensor_fits(e, inputs[i], t))
			fail(cx, "input '%s': wanted %s%s, seen %s", seen.input, type_str(cx, t),
				seen.values.size ? seen.values.text : "", tensor_type_str(cx, inputs[i]));
	}
}
