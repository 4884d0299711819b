/* shrink.c: a smaller graph that goes wrong in the same way. */
#include "fuzz_graphs.h"

#include <time.h>

static char *text_of(const Graph *g, Arena *arena)
{
	Buf b;
	buf_init(&b, arena);
	graph_print(&b, g, (PrintOptions){.max_data = -1});
	return b.text;
}

typedef struct {
	const Val *victim, *by;
} Swap;

static const Val *swap_fn(Rewrite *rw, const Val *old, const Val *const *args)
{
	const Swap *s = rw->user;
	return old == s->victim ? s->by : val_with(rw->cx, old, args);
}

static const Graph *replace(Ctx *cx, const Graph *g, const Val *victim, const Val *by)
{
	Swap s = {victim, by};
	Rewrite rw = {.cx = cx, .user = &s, .fn = swap_fn, .graph_fn = keep_body};
	return graph_rewrite(cx, g, &rw);
}

/* Change `number` of g: NULL after the last, g itself where it is none. */
static const Graph *candidate(Ctx *cx, const Graph *g, int number)
{
	if (number < g->n_results) { /* drop a result */
		if (g->n_results == 1) return g;
		const Val **r = NEWN(cx->arena, const Val *, g->n_results);
		const char **names = NEWN(cx->arena, const char *, g->n_results);
		int n = 0;
		for (int i = 0; i < g->n_results; i++)
			if (i != number) r[n] = g->results[i], names[n++] = g->result_names[i];
		return graph_new(cx, g->name, g->n_params, g->params, g->param_names, n, r, names);
	}
	number -= g->n_results;
	Order order = graph_order(cx->arena, g);
	const Val *v = order.vals[number / 4 < order.n ? order.n - 1 - number / 4 : 0];
	if (number / 4 >= order.n) return NULL;
	if (number % 4 == 0) { /* a parameter instead */
		if (v->op == OP_param || v->type->is_tuple || g->n_params > 60) return g;
		const Val **params = NEWN(cx->arena, const Val *, g->n_params + 1);
		const char **names = NEWN(cx->arena, const char *, g->n_params + 1);
		memcpy(params, g->params, sizeof *params * (size_t)g->n_params);
		memcpy(names, g->param_names, sizeof *names * (size_t)g->n_params);
		params[g->n_params] = val_param(cx, g->n_params, v->type);
		names[g->n_params] = arena_printf(cx->arena, "p%d", g->n_params);
		const Graph *wide = graph_new(
			cx, g->name, g->n_params + 1, params, names, g->n_results, g->results, g->result_names);
		return replace(cx, wide, v, params[g->n_params]);
	}
	if (number % 4 < 3) { /* an operand instead */
		const int k = number % 4 - 1;
		return k < v->n_args && v->args[k]->type == v->type ? replace(cx, g, v, v->args[k]) : g;
	}
	if (v->op != OP_scan && v->op != OP_loop && v->op != OP_cond) return g;
	/* Simplify inside the first body: an operand instead of a value. */
	const Graph *body = val_body(v, 0);
	Order inner = graph_order(cx->arena, body);
	for (int i = inner.n - 1; i >= 0; i--)
		for (int k = 0; k < inner.vals[i]->n_args; k++) {
			const Val *x = inner.vals[i];
			if (x->args[k]->type != x->type) continue;
			const Graph *less = replace(cx, body, x, x->args[k]);
			Attr *attrs = NEWN(cx->arena, Attr, v->n_attrs);
			memcpy(attrs, v->attrs, sizeof *attrs * (size_t)v->n_attrs);
			for (int a = 0; a < v->n_attrs; a++)
				if (attrs[a].key == A_BODY) {
					const Graph **graphs = NEWN(cx->arena, const Graph *, attrs[a].n);
					memcpy(graphs, attrs[a].graphs, sizeof *graphs * (size_t)attrs[a].n);
					graphs[0] = less;
					attrs[a].graphs = graphs;
				}
			return replace(cx, g, v, val_with_attrs(cx, v, v->args, attrs));
		}
	return g;
}

static const Graph *without_unused_params(Ctx *cx, const Graph *g);

/* Candidate `number` made sound, g itself where it is no change, NULL after the last. */
static const Graph *smaller(Ctx *cx, const Graph *g, int number)
{
	const Graph *const volatile same = g;
	const Graph *volatile less = g;
	TRY (cx) {
		const Graph *made = candidate(cx, same, number);
		less = made && made != same ? without_unused_params(cx, made) : made;
	}
	return less;
}

/* Without the parameters that nothing reads, but for those that tell a dim. */
static const Graph *without_unused_params(Ctx *cx, const Graph *g)
{
	Order order = graph_order(cx->arena, g);
	const Val **params = NEWN(cx->arena, const Val *, g->n_params),
		  **args = NEWN(cx->arena, const Val *, g->n_params);
	const char **names = NEWN(cx->arena, const char *, g->n_params);
	int n = 0;
	for (int i = 0; i < g->n_params; i++) {
		bool used = false;
		for (int k = 0; k < order.n; k++)
			for (int a = 0; a < order.vals[k]->n_args; a++) used |= order.vals[k]->args[a] == g->params[i];
		for (int r = 0; r < g->n_results; r++) used |= g->results[r] == g->params[i];
		const Type *t = g->params[i]->type;
		args[i] = g->params[i];
		if (!used && !(t->rank == 1 && !type_is_static(t))) continue;
		names[n] = g->param_names[i];
		args[i] = params[n] = val_param(cx, n, t);
		n++;
	}
	const Val **results = NEWN(cx->arena, const Val *, g->n_results);
	graph_splice(cx, g, args, results);
	return graph_new(cx, g->name, n, params, names, g->n_results, results, g->result_names);
}

void shrink(uint64_t seed, const char *text, int variant, int outcome)
{
	Ctx *cx = ctx_new();
	const Graph *g = NULL;
	TRY (cx) {
		const Graph *start = text ? graph_parse(cx, text, "text") : random_graph(cx, seed);
		g = start;
	}
	if (!g) return;
	time_t end = time(NULL) + 60;
	for (int number = 0, tried = 0; tried < 3000 && time(NULL) < end; tried++) {
		const Graph *less = smaller(cx, g, number);
		if (!less) break;
		number++;
		if (less == g) continue;
		Job job = {.first = seed, .n = 1, .variant = variant, .text = text_of(less, cx->arena), .quiet = true};
		if (run_in_child(&job, true) == outcome) {
			g = less;
			number = 0;
		}
	}
	printf("---- seed %llu, %s, shrunk:\n%s", (unsigned long long)seed, variants[variant].name,
		text_of(g, cx->arena));
	fflush(stdout);
	Job job = {.first = seed, .n = 1, .variant = variant, .text = text_of(g, cx->arena)};
	run_in_child(&job, false);
	ctx_free(cx);
}
