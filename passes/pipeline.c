/* pipeline.c: the compiler, read top to bottom: graph, canonical graph, programs of kernels, files of C. */
#include "codegen/codegen.h"
#include "passes/pipeline.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- one graph pass, with what developers ask for around it ---- */

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void dump(const CompileOptions *o, const char *name, const Graph *g)
{
	buf_printf(o->log, "# after %s\n", name);
	graph_print(o->log, g, (PrintOptions){.locations = true, .max_data = 16});
}

static bool wants_dump(const CompileOptions *o, const char *name, bool changed)
{
	const char *p = o->print_after;
	return p && o->log && (strcmp(p, "all") == 0 || strcmp(p, name) == 0 || (strcmp(p, "change") == 0 && changed));
}

/* What a bug report needs: the graph before a pass and the command that runs it.  It is written before each pass, whole or not
 * at all, and removed after the last, so that it is there also where a pass ends the process. */
static void reproducer_begin(Ctx *cx, const CompileOptions *o, const char *command, const Graph *g)
{
	if (!o->reproducer) return;
	Buf b;
	buf_init(&b, cx->arena);
	buf_printf(&b, "# %s FILE\n", command);
	graph_print(&b, g, (PrintOptions){.locations = true, .max_data = -1});
	const char *temporary = arena_printf(cx->arena, "%s.new", o->reproducer);
	FILE *f = fopen(temporary, "w");
	bool written = f && fwrite(b.text, 1, b.size, f) == b.size;
	if (f) written &= fclose(f) == 0;
	if (!written || rename(temporary, o->reproducer) != 0)
		fail(cx, "--reproducer %s: cannot be written", o->reproducer);
}

static void reproducer_end(const CompileOptions *o)
{
	if (o->reproducer) remove(o->reproducer);
}

static const Graph *run_pass(Ctx *cx, const char *name, const Graph *g, const CompileOptions *o, Check *check)
{
	double start = now_ms();
	const Graph *volatile after = NULL;
	reproducer_begin(cx, o,
		arena_printf(cx->arena, "rnncc opt --pass %s%s", name, check ? " --check" : " --verify-each"), g);
	TRY (cx) {
		const Graph *made = pass_run(cx, name, g);
		if (o->verify_each) graph_verify(cx, made);
		if (check) check_after(cx, check, name, made);
		after = made;
	}
	if (!after) {
		if (o->reproducer) note(cx, "pass %s failed; %s reproduces it", name, o->reproducer);
		fail(cx, "%s", cx->error);
	}
	if (o->time && o->log) buf_printf(o->log, "%-10s %8.2f ms\n", name, now_ms() - start);
	if (wants_dump(o, name, after != g)) dump(o, name, after);
	return after;
}

/* ---- specialisation ---- */

static void find_sym(void *user, const Sym *s)
{
	const Sym **wanted = user;
	if (*wanted == s) *wanted = NULL;
}

/* Whether the model has it: its importer named it, or an input's shape does. */
static bool model_has_dim(const Graph *g, const Sym *s)
{
	const Sym *wanted = s;
	for (int i = 0; i < g->n_params; i++)
		for (int d = 0; d < g->params[i]->type->rank; d++)
			dim_each_sym(g->params[i]->type->dims[d], find_sym, &wanted);
	return s->declared || s->computed || !wanted;
}

typedef struct {
	Map seen;
	Buf names;
} Open;

static void note_open(void *user, const Sym *s)
{
	Open *open = user;
	if (s->computed || map_get(&open->seen, s)) return;
	map_put(&open->seen, s, (void *)(uintptr_t)s);
	buf_printf(&open->names, "%s%s", open->names.size ? ", " : "", s->name);
}

/* For a message: the dims that can be given. */
static const char *open_dims(Ctx *cx, const Graph *g)
{
	Open open;
	map_init(&open.seen, cx->arena);
	buf_init(&open.names, cx->arena);
	for (int i = 0; i < g->n_params; i++)
		for (int d = 0; d < g->params[i]->type->rank; d++)
			dim_each_sym(g->params[i]->type->dims[d], note_open, &open);
	return open.names.size ? open.names.text : "none";
}

/* Sizes that are numbers, and those that are multiples, for what they are in the graph. */
static const Graph *subst_dims(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	Map map;
	map_init(&map, cx->arena);
	for (int i = 0; i < o->n_dims; i++) {
		const SizeRange *r = &o->dims[i];
		const Sym *s = sym_find(cx, r->name);
		if (r->lo == r->hi) map_put(&map, s, dim_int(cx, r->lo));
		else if (s->step > 1) map_put(&map, s, dim_sym(cx, s->name));
	}
	return map.n ? graph_subst(cx, g, &map) : g;
}

static const Graph *bind_dims(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	for (int i = 0; i < o->n_dims; i++) {
		const SizeRange *r = &o->dims[i];
		const Sym *s = sym_find(cx, r->name);
		if (!s || !model_has_dim(g, s))
			fail(cx, "--dim %s: the model has no dim of that name; open are %s", r->name, open_dims(cx, g));
		if (s->computed && (r->lo == r->hi || r->step > 1))
			fail(cx, "--dim %s: the model computes that size; only bounds can be given", r->name);
		/* the graph was made for its own bounds, and is simplified by them */
		const bool bounded = r->lo > 0 || r->hi < INT64_MAX, fixed = r->lo == r->hi;
		const bool wider = r->lo < s->lo || r->hi > s->hi || (fixed && !sym_takes(s, r->lo));
		if (!s->computed && bounded && wider)
			fail(cx, "--dim %s: the model has it for %s; %s wanted", r->name, sym_values(cx, s, ".."),
				sym_values(cx, &(Sym){.lo = r->lo, .hi = r->hi, .step = r->step}, ".."));
		if (!fixed) sym_narrow(cx, r);
	}
	return subst_dims(cx, g, o);
}

/* ---- kernels ---- */

static Target target_of(const TargetInfo *t, const CompileOptions *o)
{
	Target target = {.fuse = o->opt >= 1,
		.vectorise = o->opt >= 1,
		.pack = o->opt >= 1,
		.lanes = o->opt >= 1 ? t->lanes : 1,
		.threads = o->threads > 1 ? o->threads : 1,
		.cpu = t,
		.given = o->schedules,
		.list_choices = o->list_choices};
	return target;
}

static bool is_kernel_stage(const char *name)
{
	bool is = strcmp(name, "lower") == 0;
	for (const KernelStage *s = kernel_stages; s->name; s++) is |= strcmp(name, s->name) == 0;
	return is;
}

static Program *make_program(
	Ctx *cx, const Graph *g, const char *name, int n_states, const Target *t, Names *names, const CompileOptions *o)
{
	const char *target = o->target ? o->target : "native";
	reproducer_begin(
		cx, o, arena_printf(cx->arena, "rnncc compile -O%d --target %s --stop-after team", o->opt, target), g);
	double start = now_ms();
	Program *p = lower(cx, pass_share(cx, pass_guards(cx, g)), name, n_states, t, names);
	p->face = g;
	const char *stage = "lower";
	for (const KernelStage *next = kernel_stages;; next++) {
		if (o->time && o->log) buf_printf(o->log, "%-10s %8.2f ms  %s\n", stage, now_ms() - start, name);
		if (wants_dump(o, stage, true)) {
			buf_printf(o->log, "# after %s\n", stage);
			program_print(o->log, p);
		}
		if (!next->name || (o->stop_after && strcmp(o->stop_after, stage) == 0)) break;
		start = now_ms();
		stage = next->name;
		p = next->run(p, t);
	}
	reproducer_end(o);
	return p;
}

static void take_dim_name(void *user, const Sym *s)
{
	Names *names = user;
	map_put(&names->taken, s->name, "");
}

/* Sizes that loops compute, wherever they are: variables of the entry point. */
static void take_size_names(Ctx *cx, Names *names, const Graph *g)
{
	Order order = graph_order(cx->arena, g);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		const Sym *size = size_symbol(v);
		if (size) {
			take_dim_name(names, size);
			map_put(&names->taken, intern(cx, arena_printf(cx->arena, "%s_out", size->name)), "");
		}
		for (int k = 0; k < v->n_attrs; k++)
			for (int b = 0; attr_info[v->attrs[k].key].kind == ATTR_GRAPHS && b < v->attrs[k].n; b++)
				take_size_names(cx, names, v->attrs[k].graphs[b]);
	}
}

static void take_dim_names(Ctx *cx, Names *names, const Graph *g)
{
	for (int i = 0; i < g->n_params; i++)
		for (int d = 0; d < g->params[i]->type->rank; d++)
			dim_each_sym(g->params[i]->type->dims[d], take_dim_name, names);
	take_size_names(cx, names, g);
}

static const char *c_name(Ctx *cx, const char *name)
{
	const char *slash = strrchr(name, '/');
	char *text = arena_printf(cx->arena, "%s", slash ? slash + 1 : name);
	char *dot = strrchr(text, '.');
	if (dot && dot != text) *dot = 0;
	for (char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p)) *p = '_';
	return isalpha((unsigned char)*text) ? text : arena_printf(cx->arena, "m_%s", text);
}

/* Weights in the type that the user wants them in.  It is done twice: to the canonical graph, so that runs, steps and
 * the interpreter compute with the same numbers, whatever other passes make of its products; and to what these leave, where
 * canon has folded the constants' casts, for what is stored. */
static const Graph *round_weights(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	if (o->weights_elem == F16) return run_pass(cx, "narrow_f16", g, o, NULL);
	return o->weights_elem == BF16 ? run_pass(cx, "narrow_bf16", g, o, NULL) : g;
}

static const Graph *narrow_weights(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	return o->weights_elem == I8 ? run_pass(cx, "quantise", g, o, NULL) : round_weights(cx, g, o);
}

/* What is stored; products, too. */
static const Graph *narrow_graph(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	g = run_pass(cx, "narrow_i8", round_weights(cx, g, o), o, NULL);
	if (!o->bf16_products) return g;
	g = run_pass(cx, "products", g, o, NULL);
	return o->opt >= 1 ? run_pass(cx, "carry", g, o, NULL) : g;
}

/* The form that steps are made of, with the sizes that the run has, as far as the passes before hoist. */
static const Graph *stream_graph(Ctx *cx, const CompileOptions *o)
{
	const Graph *g = subst_dims(cx, o->stream, o);
	return narrow_weights(cx, run_pass(cx, "canon", run_pass(cx, "inline", g, o, NULL), o, NULL), o);
}

/* Why there is no chunk; NULL: there is one.  One example of a model has no lengths: where a step has a ragged axis inside, all
 * steps of a chunk would have to be of one length. */
static const char *no_chunk(Ctx *cx, const Step *step, const CompileOptions *o)
{
	const Graph *g = step->chunk;
	for (int i = 0; o->stream && i < g->n_params; i++) {
		const Type *t = g->params[i]->type;
		bool timed = false, ragged = false;
		for (int d = 0; d < t->rank; d++) {
			timed |= t->dims[d] == step->count;
			ragged |= t->dims[d] != step->count && !dim_is_int(t->dims[d], NULL);
		}
		if (timed && ragged)
			return arena_printf(cx->arena, "'%s' is of another length at each step", g->param_names[i]);
	}
	return NULL;
}

/* Steps in chunks have a scan, and what is done for all steps at once. */
static const Graph *chunk_graph(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	static const char *const passes[] = {"canon", "hoist", "canon", "merge", "canon", NULL};
	for (int i = 0; passes[i] && (i == 0 || o->opt > 0); i++) g = run_pass(cx, passes[i], g, o, NULL);
	return narrow_graph(cx, g, o);
}

/* ---- the compiler ---- */

static bool in_names(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0) return true;
	return false;
}

/* A misspelt pass would silently print or stop nothing. */
static void want_pass(Ctx *cx, const char *option, const char *name)
{
	if (!name || in_names(pass_names, name) || is_kernel_stage(name)) return;
	Buf known;
	buf_init(&known, cx->arena);
	for (const char *const *pass = pass_names; *pass; pass++) buf_printf(&known, "%s, ", *pass);
	buf_puts(&known, "lower");
	for (const KernelStage *s = kernel_stages; s->name; s++) buf_printf(&known, ", %s", s->name);
	fail(cx, "%s %s: there is no pass of that name; there are %s", option, name, known.text);
}

Compiled *compile_graph(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	static const char *const passes[] = {
		"inline", "canon", "trim", "canon", "hoist", "canon", "merge", "canon", NULL};
	Compiled *out = NEW(cx->arena, Compiled);
	const TargetInfo *target = o->cpu ? o->cpu : target_find(cx, o->target);
	const Schedules *given = o->schedules;
	if (given && strcmp(given->target, target->name) != 0)
		fail(cx, "%s: these schedules are for %s, not for %s", given->file, given->target, target->name);
	want_pass(cx, "--stop-after", o->stop_after);
	if (o->print_after && strcmp(o->print_after, "all") != 0 && strcmp(o->print_after, "change") != 0)
		want_pass(cx, "--print-after", o->print_after);
	g = bind_dims(cx, g, o);
	Check *check = o->check ? check_new(cx, g) : NULL;
	for (int i = 0; passes[i]; i++) {
		bool is_trim = strcmp(passes[i], "trim") == 0;
		bool optimising = is_trim || strcmp(passes[i], "hoist") == 0 || strcmp(passes[i], "merge") == 0;
		if (is_trim) { /* before what the interpreter and steps need not see */
			out->graph = narrow_weights(cx, g, o);
			if (check && out->graph != g) check = check_new(cx, out->graph);
			g = out->graph;
		}
		if (optimising && o->opt == 0) continue;
		if (given && given->hoist == HOIST_NO && strcmp(passes[i], "hoist") == 0) continue;
		g = run_pass(cx, passes[i], g, o, check);
		if (o->stop_after && strcmp(o->stop_after, passes[i]) == 0) {
			reproducer_end(o);
			out->graph = out->graph ? out->graph : g;
			return out;
		}
	}
	reproducer_end(o);
	out->graph = out->graph ? out->graph : g;
	if (o->stop_after && in_names(pass_names, o->stop_after))
		fail(cx, "--stop-after %s: it does not run at -O%d", o->stop_after, o->opt);

	g = narrow_graph(cx, g, o);
	if (o->weights_elem == BF16 && !o->bf16_products && target->bf16_dot && o->opt >= 1)
		g = run_pass(cx, "pairs", g, o, NULL);
	bound_sizes(cx, g);
	Pairs pairs = find_pairs(cx, g, o);
	Target t = target_of(target, o);
	Names names;
	names_init(&names, cx);
	take_dim_names(cx, &names, g);
	EmitJob job = {.name = c_name(cx,
			       o->name                  ? o->name
				       : o->source_name ? o->source_name
							: g->name),
		.options = o,
		.target = target};
	Step step = {0};
	if (!pairs.n && !o->run_only) {
		step = pass_step(cx, o->stream ? stream_graph(cx, o) : out->graph);
		if (step.graph) take_dim_names(cx, &names, step.chunk);
	}
	if (pairs.n) {
		step.n_states = pairs.n;
		step.names = NEWN(cx->arena, const char *, pairs.n);
		step.initial = NEWN(cx->arena, const Tensor *, pairs.n);
		step.graph = states_last(cx, g, &pairs, step.names);
		job.programs[ENTRY_STEP] = make_program(cx, step.graph, "step", pairs.n, &t, &names, o);
		out->n_states = pairs.n;
		out->state_param = pairs.param;
		out->state_result = pairs.result;
	} else {
		job.programs[ENTRY_RUN] = make_program(cx, g, "run", 0, &t, &names, o);
		if (step.graph) {
			step.graph = run_pass(cx, "canon", step.graph, o, NULL);
			step.graph = narrow_graph(cx, step.graph, o);
			job.programs[ENTRY_STEP] = make_program(cx, step.graph, "step", step.n_states, &t, &names, o);
			job.no_steps_reason = no_chunk(cx, &step, o);
			if (!job.no_steps_reason) {
				step.chunk = chunk_graph(cx, step.chunk, o);
				job.programs[ENTRY_STEPS] =
					make_program(cx, step.chunk, "steps", step.n_states, &t, &names, o);
			}
		}
		out->no_step_reason = job.no_step_reason = step.graph ? NULL : step.reason;
	}
	if (o->stop_after) return out;
	if (o->bf16_products) out->graph = pass_products(cx, out->graph);
	job.states = &step;
	emit_files(cx, &job, out);
	if (given) schedules_unused(cx, given);
	return out;
}
