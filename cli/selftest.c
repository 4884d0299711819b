/* selftest.c: --self-test: the calls that NAME_test.c makes, from data sets, or from the interpreter on random inputs. */
#include "cli/cli.h"
#include "codegen/selftest.h"

#include <string.h>

enum { RANDOM_CALLS = 3, RANDOM_SIZE = 4 };
static const double TOLERANCE = 1e-4;

typedef struct {
	Ctx *cx;
	const Options *options;
	const Model *model;
	const Compiled *compiled;
	const EntryPoint *entry;
	const Graph *graph; /* the entry point's: states last */
	int n_inputs;
	Session *session; /* the interpreter */
} Maker;

static const Tensor *zero_of(Ctx *cx, const Type *t)
{
	int64_t *dims = NEWN(cx->arena, int64_t, t->rank);
	for (int d = 0; d < t->rank; d++) dim_is_int(t->dims[d], &dims[d]); /* a state's are known */
	return tensor_new(cx->arena, t->elem, t->rank, dims);
}

/* The sizes that the inputs of a call decide; the bounds of those that the model computes are what it computes. */
static const int64_t *dims_of(const Maker *m, const Tensor *const *inputs)
{
	Ctx *cx = m->cx;
	const Tensor **all = NEWN(cx->arena, const Tensor *, m->graph->n_params);
	for (int i = 0; i < m->graph->n_params; i++)
		all[i] = inputs[i] ? inputs[i] : zero_of(cx, m->graph->params[i]->type);
	Eval e = {.cx = cx, .arena = cx->arena};
	eval_bind(&e, m->graph, all);
	int64_t *dims = NEWN(cx->arena, int64_t, m->entry->n_dims);
	bool computed = false;
	for (int i = 0; i < m->entry->n_dims; i++) computed |= m->entry->dims[i]->most_of != NULL;
	if (computed) eval_graph(&e, m->graph, all, NEWN(cx->arena, const Tensor *, m->graph->n_results));
	for (int i = 0; i < m->entry->n_dims; i++)
		if (!dimenv_get(&e.env, m->entry->dims[i]->most_of ? m->entry->dims[i]->most_of : m->entry->dims[i],
			    &dims[i]))
			fail(cx, "--self-test: the inputs do not tell the size %s", m->entry->dims[i]->name);
	return dims;
}

/* ---- from data sets ---- */

static const Tensor *state_file(const Maker *m, const DataSet *set, const char *name)
{
	return data_set_param(m->cx, set, m->model, name);
}

static int result_of(const Graph *g, const char *name)
{
	for (int i = 0; i < g->n_results; i++)
		if (!strcmp(g->result_names[i], name)) return i;
	return -1;
}

static bool has_type(const Maker *m, const Tensor *t, const Type *type, const int64_t *dims)
{
	DimEnv env;
	dimenv_init(&env, m->cx->arena);
	for (int i = 0; i < m->entry->n_dims; i++) dimenv_set(&env, m->entry->dims[i], dims[i]);
	bool same = t->elem == type->elem && t->rank == type->rank;
	for (int d = 0; same && d < t->rank; d++) same = t->dims[d] == dim_eval(m->cx, type->dims[d], &env);
	return same;
}

static SelfTestCall call_of(const Maker *m, const DataSet *set)
{
	Ctx *cx = m->cx;
	const Graph *g = m->graph;
	const Tensor **inputs = NEWN(cx->arena, const Tensor *, g->n_params);
	const Tensor **wanted = NEWN(cx->arena, const Tensor *, g->n_results);
	const Tensor **given = data_set_inputs(cx, set, m->session, m->model);
	for (int i = 0; i < m->n_inputs; i++) inputs[i] = given[i];
	for (int i = m->n_inputs; i < g->n_params; i++) {
		const Tensor *t = state_file(m, set, g->param_names[i]);
		if (t) inputs[i] = input_as(cx, t, g->params[i]->type);
	}
	const Graph *whole = m->compiled->graph; /* the order of the model */
	for (int j = 0; j < whole->n_results; j++) {
		const Tensor *t = data_set_result(cx, set, m->model, whole->result_names[j]);
		const int at = result_of(g, whole->result_names[j]);
		if (t && at >= 0) wanted[at] = input_as(cx, t, g->results[at]->type);
	}
	const int64_t *dims = dims_of(m, inputs);
	for (int i = 0; i < g->n_results; i++)
		if (wanted[i] && !has_type(m, wanted[i], g->results[i]->type, dims))
			fail(cx, "%s: output '%s' is %s, the model gives %s", set->path, g->result_names[i],
				tensor_shape(cx->arena, wanted[i]), type_str(cx, g->results[i]->type));
	const char *slash = strrchr(set->path, '/');
	return (SelfTestCall){slash ? slash + 1 : set->path, inputs, wanted, !m->compiled->has_run, dims};
}

static SelfTest from_data_sets(const Maker *m, const char *dir)
{
	const DataSet *sets;
	const int n = data_sets(m->cx, dir, &sets);
	if (!n) fail(m->cx, "--self-test %s: there is no test_data_set_0 in it", dir);
	SelfTestCall *calls = NEWN(m->cx->arena, SelfTestCall, n);
	for (int k = 0; k < n; k++) calls[k] = call_of(m, &sets[k]);
	return (SelfTest){.n_calls = n, .calls = calls};
}

/* ---- random, by the interpreter ---- */

/* Sizes that nobody has fixed are a few. */
static Options with_sizes(const Maker *m)
{
	Options o = *m->options;
	o.dims.items = NEWN(m->cx->arena, SizeRange, o.dims.n + m->entry->n_dims);
	if (o.dims.n) memcpy(o.dims.items, m->options->dims.items, sizeof *o.dims.items * (size_t)o.dims.n);
	for (int i = 0; i < m->entry->n_dims; i++) {
		const Sym *s = m->entry->dims[i];
		if (s->most_of) continue;
		const int64_t size = sym_near(s, RANDOM_SIZE);
		o.dims.items[o.dims.n++] = (SizeRange){s->name, size, size, 1};
	}
	return o;
}

/* The calls are one stream: the state goes from each to the next. */
static SelfTest from_interpreter(const Maker *m)
{
	Ctx *cx = m->cx;
	const Graph *g = m->graph;
	Options o = with_sizes(m);
	SessionState *state = session_state_new(m->session);
	SelfTestCall *calls = NEWN(cx->arena, SelfTestCall, RANDOM_CALLS);
	for (int k = 0; k < RANDOM_CALLS; k++) {
		o.seed = m->options->seed + (uint64_t)k;
		const Tensor **inputs = NEWN(cx->arena, const Tensor *, g->n_params);
		const Tensor **wanted = NEWN(cx->arena, const Tensor *, g->n_results);
		const Tensor **random = inputs_random(cx, &o, m->session, NULL);
		for (int i = 0; i < m->n_inputs; i++) inputs[i] = random[i];
		session_run(m->session, cx->arena, inputs, state, wanted, NULL);
		calls[k] = (SelfTestCall){arena_printf(cx->arena, "random_%d", k), inputs, wanted,
			!k && !m->compiled->has_run, dims_of(m, inputs)};
	}
	session_state_free(state);
	return (SelfTest){.n_calls = RANDOM_CALLS, .calls = calls};
}

OutFile self_test(Ctx *cx, const Options *o, const Model *model, const Compiled *c)
{
	const EntryPoint *entry = c->has_run ? &c->run : &c->step;
	Maker m = {cx, o, model, c, entry, entry->graph, entry->graph->n_params - entry->n_states,
		session_open(cx, model->graph, c, &(SessionOptions){.via = VIA_INTERPRET})};
	SelfTest test = strcmp(o->self_test, "random") ? from_data_sets(&m, o->self_test) : from_interpreter(&m);
	test.rtol = o->rtol >= 0 ? o->rtol : TOLERANCE;
	test.atol = o->atol >= 0 ? o->atol : TOLERANCE;
	return selftest_file(cx, c, &test);
}
