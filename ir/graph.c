/* graph.c: closed functions: construction, order, rebuilding, inlining, specialisation. */
#include "ir/intern.h"

#include <assert.h>
#include <string.h>

const Graph *graph_new(Ctx *cx, const char *name, int n_params, const Val *const *params,
	const char *const *param_names, int n_results, const Val *const *results, const char *const *result_names)
{
	Intern *in = cx->intern;
	Graph g = {.name = intern(cx, name), .n_params = n_params, .n_results = n_results};
	const char **pn = NEWN(in->arena, const char *, n_params), **rn = NEWN(in->arena, const char *, n_results);
	for (int i = 0; i < n_params; i++) {
		assert(params[i]->op == OP_param && val_int(params[i], A_INDEX) == i);
		pn[i] = intern(cx, param_names && param_names[i] ? param_names[i] : arena_printf(cx->arena, "p%d", i));
	}
	for (int i = 0; i < n_results; i++)
		rn[i] = intern(
			cx, result_names && result_names[i] ? result_names[i] : arena_printf(cx->arena, "r%d", i));
	g.params = arena_copy(in->arena, params, sizeof *params * (size_t)n_params);
	g.results = arena_copy(in->arena, results, sizeof *results * (size_t)n_results);
	g.param_names = pn;
	g.result_names = rn;
	uint64_t hash = hash_bytes(3, &g.name, sizeof g.name);
	hash = hash_bytes(hash, params, sizeof *params * (size_t)n_params);
	hash = hash_bytes(hash, results, sizeof *results * (size_t)n_results);
	hash = hash_bytes(hash, pn, sizeof *pn * (size_t)n_params);
	hash = hash_bytes(hash, rn, sizeof *rn * (size_t)n_results);
	size_t at = 0;
	for (const Graph *have; (have = table_next(&in->graphs, hash, &at));)
		if (have->name == g.name && have->n_params == n_params && have->n_results == n_results &&
			(n_params == 0 ||
				(memcmp(have->params, g.params, sizeof *params * (size_t)n_params) == 0 &&
					memcmp(have->param_names, pn, sizeof *pn * (size_t)n_params) == 0)) &&
			(n_results == 0 ||
				(memcmp(have->results, g.results, sizeof *results * (size_t)n_results) == 0 &&
					memcmp(have->result_names, rn, sizeof *rn * (size_t)n_results) == 0)))
			return have;
	Graph *made = NEW(in->arena, Graph);
	*made = g;
	made->id = in->n_graphs++;
	table_put(in->arena, &in->graphs, hash, made);
	return made;
}

/* ---- order: depth-first from the results, without recursion (models may be 10,000 values deep) ---- */

typedef struct {
	const Val *val;
	int next;     /* operand to look at */
	int n_sizers; /* besides operands: what computes sizes which val mentions */
	const Val **sizers;
} Frame;

typedef struct {
	Arena *arena;
	Frame *stack;
	int n, cap;
	const Map *sizers; /* Sym -> what computes it; NULL: of no interest */
	Map open;          /* what was on the stack: a size that is used to compute itself makes a circle */
} Walk;

static void add_sizer(void *user, const Sym *s)
{
	Walk *w = user;
	Frame *f = &w->stack[w->n - 1];
	const Val *sizer = map_get(w->sizers, s);
	if (!sizer || map_get(&w->open, sizer)) return;
	const Val **more = NEWN(w->arena, const Val *, f->n_sizers + 1);
	if (f->n_sizers) memcpy(more, f->sizers, sizeof *more * (size_t)f->n_sizers);
	more[f->n_sizers++] = sizer;
	f->sizers = more;
}

static void walk_push(Walk *w, const Val *v)
{
	w->stack = arena_grow(w->arena, w->stack, w->n, &w->cap, sizeof *w->stack);
	w->stack[w->n++] = (Frame){.val = v};
	if (w->sizers) {
		map_put(&w->open, v, v);
		val_each_size(v, add_sizer, w);
	}
}

/* Calls visit on each value not in `done` that root needs, operands first; visit must enter it into `done`. */
static void walk(Arena *arena, const Val *root, const Map *sizers, const Map *done, void (*visit)(void *, const Val *),
	void *user)
{
	Walk w = {.arena = arena, .sizers = sizers};
	map_init(&w.open, arena);
	if (!map_get(done, root)) walk_push(&w, root);
	while (w.n) {
		Frame *f = &w.stack[w.n - 1];
		if (f->next < f->n_sizers + f->val->n_args) {
			int i = f->next++;
			const Val *before = i < f->n_sizers ? f->sizers[i] : f->val->args[i - f->n_sizers];
			if (!map_get(done, before)) walk_push(&w, before);
		} else {
			const Val *v = f->val;
			w.n--;
			if (!map_get(done, v)) visit(user, v);
		}
	}
}

typedef struct {
	Map seen;
	Order order;
	int cap;
	Map sizers; /* Sym -> what computes it */
} Ordering;

static void order_visit(void *user, const Val *v)
{
	Ordering *o = user;
	o->order.vals = arena_grow(o->seen.arena, o->order.vals, o->order.n, &o->cap, sizeof *o->order.vals);
	map_put(&o->seen, v, v);
	o->order.vals[o->order.n++] = v;
	if (size_symbol(v)) map_put(&o->sizers, size_symbol(v), v);
}

static void order_graph(Arena *arena, const Graph *g, const Map *sizers, Ordering *o)
{
	*o = (Ordering){0};
	map_init(&o->seen, arena);
	map_init(&o->sizers, arena);
	for (int i = 0; i < g->n_params; i++) order_visit(o, g->params[i]);
	for (int i = 0; i < g->n_results; i++) walk(arena, g->results[i], sizers, &o->seen, order_visit, o);
}

Order graph_order(Arena *arena, const Graph *g)
{
	Ordering plain, o;
	order_graph(arena, g, NULL, &plain);
	if (plain.sizers.n == 0) return plain.order;
	order_graph(
		arena, g, &plain.sizers, &o); /* the same values, those that mention a size after what computes it */
	return o.order;
}

/* ---- rebuilding ---- */

static const Graph *rewrite_body(Rewrite *rw, const Graph *body)
{
	const Graph *done = map_get(rw->bodies, body);
	if (!done && rw->graph_fn) {
		done = rw->graph_fn(rw, body);
	} else if (!done) {
		Rewrite inner = *rw;
		inner.map = (Map){0};
		done = graph_rewrite(rw->cx, body, &inner);
	}
	map_put(rw->bodies, body, done);
	return done;
}

static void rewrite_visit(void *user, const Val *old)
{
	Rewrite *rw = user;
	Ctx *cx = rw->cx;
	const Val **args = NEWN(rw->map.arena, const Val *, old->n_args);
	for (int i = 0; i < old->n_args; i++) {
		args[i] = map_get(&rw->map, old->args[i]);
		assert(args[i]);
	}
	const Val *base = old;
	for (int k = 0; k < old->n_attrs; k++) { /* bodies first, so that fn sees them rebuilt */
		const Attr *a = &old->attrs[k];
		if (attr_info[a->key].kind != ATTR_GRAPHS) continue;
		const Graph **bodies = NEWN(rw->map.arena, const Graph *, a->n);
		bool changed = false;
		for (int i = 0; i < a->n; i++) {
			bodies[i] = rewrite_body(rw, a->graphs[i]);
			changed |= bodies[i] != a->graphs[i];
		}
		if (!changed) continue;
		Attr *attrs = arena_copy(rw->map.arena, old->attrs, sizeof *old->attrs * (size_t)old->n_attrs);
		attrs[k].graphs = bodies;
		base = val_with_attrs(cx, old, args, attrs);
	}
	const char *loc = cx->loc;
	cx->loc = old->loc;
	const Val *v = rw->fn ? rw->fn(rw, base, args) : NULL;
	cx->loc = loc;
	map_put(&rw->map, old, v ? v : val_with(cx, base, args));
}

const Val *rewrite_val(Rewrite *rw, const Val *v)
{
	if (!rw->bodies) {
		rw->bodies = NEW(rw->map.arena, Map);
		map_init(rw->bodies, rw->map.arena);
	}
	walk(rw->map.arena, v, NULL, &rw->map, rewrite_visit, rw);
	return map_get(&rw->map, v);
}

/* What the sizers of the old graph became; by age. */
static int new_sizers(const Rewrite *rw, const Val ***sizers)
{
	int n = 0;
	*sizers = NULL;
	for (size_t i = 0; i < rw->map.cap; i++) {
		const Val *old = rw->map.keys[i], *now = rw->map.values[i];
		if (!old || !now || !size_symbol(old) || !size_symbol(now)) continue;
		const Val **more = NEWN(rw->map.arena, const Val *, n + 1);
		int at = n++;
		for (int k = 0; k < at; k++) more[k] = (*sizers)[k];
		for (; at > 0 && more[at - 1]->id > now->id; at--) more[at] = more[at - 1];
		more[at] = now;
		*sizers = more;
	}
	return n;
}

const Graph *graph_rewrite(Ctx *cx, const Graph *g, Rewrite *rw)
{
	rw->cx = cx;
	if (!rw->map.arena) map_init(&rw->map, cx->arena);
	const Val **params = NEWN(cx->arena, const Val *, g->n_params),
		  **results = NEWN(cx->arena, const Val *, g->n_results);
	for (int i = 0; i < g->n_params; i++) {
		params[i] = map_get(&rw->map, g->params[i]);
		if (!params[i]) map_put(&rw->map, g->params[i], params[i] = g->params[i]);
	}
	for (int i = 0; i < g->n_results; i++) results[i] = rewrite_val(rw, g->results[i]);
	const Val **sizers;
	int n_sizers = new_sizers(rw, &sizers);
	for (int i = 0; i < g->n_results; i++) results[i] = val_keep_sizers(cx, results[i], n_sizers, sizers);
	return graph_new(cx, g->name, g->n_params, params, g->param_names, g->n_results, results, g->result_names);
}

/* Bodies are closed: what replaces parameters outside does not reach into them. */
const Graph *keep_body(Rewrite *rw, const Graph *body)
{
	(void)rw;
	return body;
}

void graph_splice(Ctx *cx, const Graph *g, const Val *const *args, const Val **results)
{
	Rewrite rw = {.cx = cx};
	map_init(&rw.map, cx->arena);
	for (int i = 0; i < g->n_params; i++) map_put(&rw.map, g->params[i], args[i]);
	rw.graph_fn = keep_body;
	for (int i = 0; i < g->n_results; i++) results[i] = rewrite_val(&rw, g->results[i]);
}

/* ---- specialisation ---- */

typedef struct {
	const Map *dims; /* Sym -> Dim */
	Map bodies;      /* Graph -> specialised */
} Subst;

static const Graph *subst_graph(Ctx *cx, const Graph *g, Subst *s);

static const Attr *subst_attrs(Ctx *cx, const Val *v, Subst *s)
{
	Attr *attrs = arena_copy(cx->arena, v->attrs, sizeof *v->attrs * (size_t)v->n_attrs);
	for (int k = 0; k < v->n_attrs; k++)
		if (attr_info[attrs[k].key].kind == ATTR_DIMS) {
			const Dim **dims = NEWN(cx->arena, const Dim *, attrs[k].n);
			for (int i = 0; i < attrs[k].n; i++) dims[i] = dim_subst(cx, attrs[k].dims[i], s->dims);
			attrs[k].dims = dims;
		} else if (attr_info[attrs[k].key].kind == ATTR_GRAPHS) {
			const Graph **bodies = NEWN(cx->arena, const Graph *, attrs[k].n);
			for (int i = 0; i < attrs[k].n; i++) bodies[i] = subst_graph(cx, attrs[k].graphs[i], s);
			attrs[k].graphs = bodies;
		}
	return attrs;
}

static const Val *subst_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	return val_with_attrs(rw->cx, old, args, subst_attrs(rw->cx, old, rw->user));
}

static const Graph *subst_graph(Ctx *cx, const Graph *g, Subst *s)
{
	const Graph *done = map_get(&s->bodies, g);
	if (done) return done;
	Rewrite rw = {.user = s, .fn = subst_val, .graph_fn = keep_body};
	map_init(&rw.map, cx->arena);
	for (int i = 0; i < g->n_params; i++) {
		const Type *t = g->params[i]->type;
		const Dim **dims = NEWN(cx->arena, const Dim *, t->rank);
		for (int k = 0; k < t->rank; k++) dims[k] = dim_subst(cx, t->dims[k], s->dims);
		map_put(&rw.map, g->params[i], val_param(cx, i, type_new(cx, t->elem, t->rank, dims)));
	}
	done = graph_rewrite(cx, g, &rw);
	map_put(&s->bodies, g, done);
	return done;
}

const Graph *graph_subst(Ctx *cx, const Graph *g, const Map *sym_to_dim)
{
	Subst s = {.dims = sym_to_dim};
	map_init(&s.bodies, cx->arena);
	return subst_graph(cx, g, &s);
}
