/* pipeline.c: the compiler, read top to bottom: graph, canonical graph, programs of kernels, files of C. */
#include "codegen/codegen.h"
#include "passes/passes.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

/* ---- one graph pass, with what developers ask for around it ---- */

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static const Graph *run_pass(Ctx *cx, const char *name, const Graph *g, const CompileOptions *o)
{
	double start = now_ms();
	const Graph *after = pass_run(cx, name, g);
	if (o->time && o->log)
		buf_printf(o->log, "%-10s %8.2f ms\n", name, now_ms() - start);
	if (o->verify_each)
		graph_verify(cx, after);
	bool wanted = o->print_after && (strcmp(o->print_after, "all") == 0 || strcmp(o->print_after, name) == 0 ||
	                                 (strcmp(o->print_after, "change") == 0 && after != g));
	if (wanted && o->log) {
		buf_printf(o->log, "# after %s\n", name);
		graph_print(o->log, after, (PrintOptions){.locations = true, .max_data = 16});
	}
	return after;
}

/* ---- specialisation ---- */

static const Graph *bind_dims(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	Map map;
	map_init(&map, cx->arena);
	for (int i = 0; i < o->n_dims; i++) {
		Sym *s = sym_find(cx, o->dim_names[i]);
		if (!s)
			fail(cx, "--dim %s: the model has no dim of that name", o->dim_names[i]);
		if (o->dim_lo[i] == o->dim_hi[i])
			map_put(&map, s, dim_int(cx, o->dim_lo[i]));
		else
			sym_bound(cx, s->name, o->dim_lo[i], o->dim_hi[i]);
	}
	return map.n ? graph_subst(cx, g, &map) : g;
}

/* ---- states that the model feeds back through its own inputs and outputs ---- */

typedef struct {
	int n;
	int *param, *result;
} Pairs;

static int find_name(int n, const char *const *names, const char *want)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], want) == 0)
			return i;
	return -1;
}

static void add_pair(Ctx *cx, const Graph *g, Pairs *ps, int result, int param)
{
	if (g->results[result]->type != g->params[param]->type)
		fail(cx, "--state %s=%s: the types differ, %s and %s", g->result_names[result], g->param_names[param],
		     type_str(cx, g->results[result]->type), type_str(cx, g->params[param]->type));
	if (!type_is_static(g->params[param]->type))
		fail(cx, "--state %s=%s: %s has dims that are not fixed; fix them with --dim NAME=N", g->result_names[result],
		     g->param_names[param], type_str(cx, g->params[param]->type));
	for (int i = 0; i < ps->n; i++)
		if (ps->param[i] == param || ps->result[i] == result)
			fail(cx, "--state %s=%s: bound twice", g->result_names[result], g->param_names[param]);
	ps->param[ps->n] = param;
	ps->result[ps->n++] = result;
}

/* The name without what says "before" or "after": h0, h_in, hidden_prev, hn, state_out, stateN -> h, hidden, state. */
static const char *stem(Ctx *cx, const char *name)
{
	static const char *const ends[] = {"_input", "_output", "_in", "_out", "_prev", "_next", "_new", "_old", "_0", "_n",
	                                   "input", "output", "in", "out", "prev", "next", "new", "old", "0", "n"};
	char *text = arena_printf(cx->arena, "%s", name);
	for (char *p = text; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	size_t len = strlen(text);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		size_t n = strlen(ends[i]);
		if (len > n && strcmp(text + len - n, ends[i]) == 0) {
			text[len - n] = 0;
			break;
		}
	}
	return text;
}

/* A pair is beyond doubt when name stems and types agree and neither fits another. */
static void detect_pairs(Ctx *cx, const Graph *g, Pairs *ps)
{
	for (int r = 0; r < g->n_results; r++) {
		int found = -1, n = 0, rivals = 0;
		const char *want = stem(cx, g->result_names[r]);
		for (int p = 0; p < g->n_params; p++) {
			bool fits = g->params[p]->type == g->results[r]->type && type_is_static(g->params[p]->type) &&
			            strcmp(stem(cx, g->param_names[p]), want) == 0 && strcmp(g->param_names[p], g->result_names[r]) != 0;
			found = fits ? p : found;
			n += fits;
		}
		for (int q = 0; q < g->n_results; q++)
			rivals += strcmp(stem(cx, g->result_names[q]), want) == 0;
		bool plain = found >= 0 && strcmp(want, "") != 0 && strcmp(want, "x") != 0 && strcmp(want, "y") != 0;
		/* input/output themselves reduce to nothing that names a state */
		bool io = strncmp(want, "in", 2) == 0 || strncmp(want, "out", 3) == 0;
		for (int i = 0; i < ps->n; i++)
			plain &= ps->param[i] != found && ps->result[i] != r;
		if (n == 1 && rivals == 1 && plain && !io) {
			add_pair(cx, g, ps, r, found);
			note(cx, "state: output '%s' feeds input '%s' (detected; --no-detect-states to keep them apart)",
			     g->result_names[r], g->param_names[found]);
		}
	}
}

static Pairs find_pairs(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	Pairs ps = {.param = NEWN(cx->arena, int, g->n_params), .result = NEWN(cx->arena, int, g->n_params)};
	for (int i = 0; i < o->n_states; i++) {
		int r = find_name(g->n_results, g->result_names, o->state_outs[i]), p = find_name(g->n_params, g->param_names, o->state_ins[i]);
		if (r < 0 || p < 0)
			fail(cx, "--state %s=%s: the model has no %s '%s'", o->state_outs[i], o->state_ins[i], r < 0 ? "output" : "input",
			     r < 0 ? o->state_outs[i] : o->state_ins[i]);
		add_pair(cx, g, &ps, r, p);
	}
	if (o->detect_states)
		detect_pairs(cx, g, &ps);
	return ps;
}

static bool in_list(int n, const int *list, int x)
{
	for (int i = 0; i < n; i++)
		if (list[i] == x)
			return true;
	return false;
}

/* The same graph with the states' params and results last. */
static const Graph *states_last(Ctx *cx, const Graph *g, const Pairs *ps, const char **names)
{
	const Val **params = NEWN(cx->arena, const Val *, g->n_params), **results = NEWN(cx->arena, const Val *, g->n_results);
	const char **pn = NEWN(cx->arena, const char *, g->n_params), **rn = NEWN(cx->arena, const char *, g->n_results);
	const Val **moved = NEWN(cx->arena, const Val *, g->n_params);
	int n = 0, m = 0;
	for (int i = 0; i < g->n_params; i++)
		if (!in_list(ps->n, ps->param, i)) {
			pn[n] = g->param_names[i];
			moved[i] = params[n] = val_param(cx, n, g->params[i]->type);
			n++;
		}
	for (int k = 0; k < ps->n; k++) {
		int i = ps->param[k];
		names[k] = pn[n] = g->param_names[i];
		moved[i] = params[n] = val_param(cx, n, g->params[i]->type);
		n++;
	}
	const Val **spliced = NEWN(cx->arena, const Val *, g->n_results);
	graph_splice(cx, g, moved, spliced);
	for (int i = 0; i < g->n_results; i++)
		if (!in_list(ps->n, ps->result, i)) {
			rn[m] = g->result_names[i];
			results[m++] = spliced[i];
		}
	for (int k = 0; k < ps->n; k++) {
		rn[m] = g->result_names[ps->result[k]];
		results[m++] = spliced[ps->result[k]];
	}
	return graph_new(cx, g->name, n, params, pn, m, results, rn);
}

/* ---- kernels ---- */

static Target target_of(const TargetInfo *t, const CompileOptions *o)
{
	Target target = {.fuse = o->opt >= 1, .vectorise = o->opt >= 1, .pack = o->opt >= 1, .lanes = o->opt >= 1 ? t->lanes : 1,
	                 .registers = t->registers, .threads = o->threads > 1 ? o->threads : 1};
	return target;
}

static Program *make_program(Ctx *cx, const Graph *g, const char *name, int n_states, const Target *t, Names *names,
                             const CompileOptions *o)
{
	double start = now_ms();
	Program *p = lower(cx, g, name, n_states, t, names);
	if (t->fuse)
		pass_accumulate(p);
	pass_inplace(p);
	pass_schedule(p, t);
	if (t->pack)
		pass_pack(p);
	pass_plan(p);
	if (o->time && o->log)
		buf_printf(o->log, "%-10s %8.2f ms\n", "kernels", now_ms() - start);
	return p;
}

static void take_dim_name(void *user, const Sym *s)
{
	Names *names = user;
	map_put(&names->taken, s->name, "");
}

static void take_dim_names(Ctx *cx, Names *names, const Graph *g)
{
	for (int i = 0; i < g->n_params; i++)
		for (int d = 0; d < g->params[i]->type->rank; d++)
			dim_each_sym(g->params[i]->type->dims[d], take_dim_name, names);
	(void)cx;
}

static const char *c_name(Ctx *cx, const char *name)
{
	const char *slash = strrchr(name, '/');
	char *text = arena_printf(cx->arena, "%s", slash ? slash + 1 : name);
	char *dot = strrchr(text, '.');
	if (dot && dot != text)
		*dot = 0;
	for (char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	return isalpha((unsigned char)*text) ? text : arena_printf(cx->arena, "m_%s", text);
}

/* ---- the compiler ---- */

Compiled *compile_graph(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	static const char *const passes[] = {"inline", "canon", "hoist", "canon", "merge", "canon", NULL};
	Compiled *out = NEW(cx->arena, Compiled);
	const TargetInfo *target = target_find(cx, o->target);
	g = bind_dims(cx, g, o);
	for (int i = 0; passes[i]; i++) {
		bool optimising = strcmp(passes[i], "hoist") == 0 || strcmp(passes[i], "merge") == 0;
		if (optimising && o->opt == 0)
			continue;
		if (strcmp(passes[i], "hoist") == 0)
			out->graph = g; /* before what the interpreter need not see */
		g = run_pass(cx, passes[i], g, o);
		if (o->stop_after && strcmp(o->stop_after, passes[i]) == 0)
			break;
	}
	out->graph = out->graph ? out->graph : g;
	if (o->stop_after)
		return out;

	Pairs pairs = find_pairs(cx, g, o);
	Target t = target_of(target, o);
	Names names;
	names_init(&names, cx);
	take_dim_names(cx, &names, g);
	EmitJob job = {.name = c_name(cx, o->name ? o->name : o->source_name ? o->source_name : g->name), .options = o, .target = target};
	Step step = {0};
	if (pairs.n) {
		step.n_states = pairs.n;
		step.names = NEWN(cx->arena, const char *, pairs.n);
		step.initial = NEWN(cx->arena, const Tensor *, pairs.n);
		step.graph = states_last(cx, g, &pairs, step.names);
		job.step = make_program(cx, step.graph, "step", pairs.n, &t, &names, o);
		out->n_states = pairs.n;
		out->state_param = pairs.param;
		out->state_result = pairs.result;
	} else {
		job.run = make_program(cx, g, "run", 0, &t, &names, o);
		step = pass_step(cx, out->graph);
		if (step.graph)
			job.step = make_program(cx, run_pass(cx, "canon", step.graph, o), "step", step.n_states, &t, &names, o);
		out->no_step_reason = job.no_step_reason = step.graph ? NULL : step.reason;
	}
	job.states = &step;
	out->has_run = job.run;
	out->has_step = job.step;
	emit_files(cx, &job, out);
	return out;
}
