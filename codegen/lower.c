/* lower.c: graph IR to kernel IR: statements in the order of the graph.
 *
 * Kernels come from fuse.c; scan and loop become time loops whose carries live in two buffers (inplace.c makes one of them
 * where that is right), cond becomes a branch, sort and its like statements of their own.  A body is lowered where it runs,
 * as a scope: its parameters are places in buffers or values of the enclosing scope.
 */
#include "codegen/lower.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

/* Sizes that the graph mentions must be computed in it, or before it. */
static void want_size(void *user, const Sym *size)
{
	Lower *lw = user;
	if (!map_get(&lw->sizes, size))
		fail(lw->cx, "the size %s is used outside of the body that computes it, which is not supported",
			size->name);
}

static void enter_sizes(Scope *s)
{
	Lower *lw = s->lw;
	const char *loc = lw->cx->loc;
	for (int i = 0; i < s->order.n; i++) {
		const Val *v = s->order.vals[i];
		lw->cx->loc = v->loc;
		val_each_size(v, want_size, lw);
		const Sym *size = size_symbol(v);
		if (!size) continue;
		map_put(&lw->sizes, size, v);
		map_put(&s->sizes, size, v);
	}
	lw->cx->loc = loc;
}

static Scope *scope_new(Lower *lw, const Graph *g, Block *block)
{
	Scope *s = NEW(lw->cx->arena, Scope);
	*s = (Scope){.lw = lw, .g = g, .block = block, .self = s, .repeats = 1};
	s->order = graph_order(lw->cx->arena, g);
	map_init(&s->places, lw->cx->arena);
	map_init(&s->wanted, lw->cx->arena);
	map_init(&s->in_place, lw->cx->arena);
	map_init(&s->sizes, lw->cx->arena);
	enter_sizes(s);
	return s;
}

static Stmt *stmt_new(Scope *s, Block *block, StmtKind kind)
{
	Stmt *st = NEW(s->lw->cx->arena, Stmt);
	st->kind = kind;
	block_add(s->lw->p, block, st);
	return st;
}

/* ---- results ---- */

typedef struct {
	const Val *val;
	Place place;
} Result;

/* Where a result may be computed right away: not something that exists elsewhere.  A reshape of a value is the same memory:
 * the value is computed there under its own dims. */
static const Val *home_of(Scope *s, const Val *v)
{
	while (v->op == OP_reshape || v->op == OP_after) v = v->args[0];
	bool there = v->op == OP_param || v->op == OP_const || v->op == OP_dim || v->op == OP_iota;
	return there || is_view(v) || map_get(&s->places, v) ? NULL : v;
}

static void want_result(Scope *s, Result *r)
{
	const Val *v = home_of(s, r->val);
	if (!v || (v != r->val && (!place_is_whole(&r->place) || r->place.buffer->kind == BUF_STATE))) return;
	if (v != r->val) {
		Buffer *root = r->place.buffer;
		Buffer *view = buffer_new(s->lw->p, root->kind, root->name, root->role, v->type);
		view->alias = root;
		root->viewed = true;
		r->place = *place_new(s, view);
		r->val = v;
	}
	if (map_get(&s->wanted, v)) /* by another result first: its kernel stores it here, too */
		return;
	Wanted *w = NEW(s->lw->cx->arena, Wanted);
	w->place = r->place;
	map_put(&s->wanted, v, w);
	r->val = NULL; /* done by v's own kernel */
}

/* ---- kernels ---- */

/* After the model's operator where the last root has one, "node "/rnn" (LSTM, opset 14)", else after the primitive. */
static const char *kernel_name(Scope *s, const Group *g)
{
	const Val *v = g->roots[g->n_roots - 1];
	const char *open = v->loc ? strrchr(v->loc, '(') : NULL, *comma = open ? strchr(open, ',') : NULL;
	if (!comma) return op_info[v->op].name;
	char *name = arena_strn(s->lw->cx->arena, open + 1, (size_t)(comma - open - 1));
	for (char *p = name; *p; p++) *p = (char)tolower((unsigned char)*p);
	return name;
}

static Kernel *kernel_of(Scope *s, Group *g, const char *name)
{
	Program *p = s->lw->p;
	Kernel *k = NEW(p->arena, Kernel);
	*k = (Kernel){.name = unique_name(p, arena_printf(p->arena, "k_%s", name)),
		.n_vars = g->n_vars,
		.vars = g->vars,
		.n_accs = g->n_accs,
		.accs = g->accs};
	k->text = g->n_roots ? g->roots[g->n_roots - 1]->loc : NULL;
	k->schedule = (Schedule){.vector = -1, .lanes = 1, .unroll = 1, .rows = -1, .row_tile = 1};
	Stmt *st = stmt_new(s, s->block, ST_KERNEL);
	st->kernel = k;
	return k;
}

static void kernel_store(Scope *s, Kernel *k, const Place *to, const Index *const *index, const Expr *value)
{
	Arena *arena = s->lw->cx->arena;
	Store *stores = NEWN(arena, Store, k->n_stores + 1);
	if (k->n_stores) memcpy(stores, k->stores, sizeof *stores * (size_t)k->n_stores);
	stores[k->n_stores++] = (Store){to->buffer, place_index(s, to, index), value};
	k->stores = stores;
}

/* The value, wherever it is or however it is made, also into `to`. */
static void copy_to(Scope *s, const Val *v, const Place *to)
{
	Group g = result_group(s, v);
	Kernel *k = kernel_of(s, &g, "copy");
	kernel_store(s, k, to, domain_index(s, &g, v), g.exprs[0]);
}

static void copy_buffer(Scope *s, const Buffer *from, const Place *to)
{
	Program *p = s->lw->p;
	Group g = {0};
	g.vars = NEWN(p->arena, const Var *, from->rank);
	const Index **index = NEWN(p->arena, const Index *, from->rank);
	for (int i = 0; i < from->rank; i++) {
		const Var *v = var_new(p, arena_printf(p->arena, "i%d", i), from->dims[i]);
		index[i] = index_var(p, v);
		if (!dim_is(from->dims[i], 1)) g.vars[g.n_vars++] = v;
	}
	Kernel *k = kernel_of(s, &g, "copy");
	kernel_store(s, k, to, index, expr_load(p, from, index));
}

static void emit_group(Scope *s, Group *g, const Result *results, int n_results)
{
	if (is_copied(g->roots[0])) {
		const Val *v = g->roots[0];
		for (int part = 0; part < n_copies(v); part++) {
			if (part_is_in_place(s, v, part)) continue;
			const Index **shift;
			Group one = copy_group(s, v, part, &shift);
			Kernel *k = kernel_of(s, &one, op_info[v->op].name);
			const Index **index = domain_index(s, &one, one.roots[0]);
			for (int i = 0; i < v->type->rank; i++) index[i] = index_add(s->lw->p, index[i], shift[i]);
			kernel_store(s, k, map_get(&s->places, v), index, one.exprs[0]);
		}
	} else {
		pull_group(s, g);
		Kernel *k = kernel_of(s, g, kernel_name(s, g));
		for (int i = 0; i < g->n_roots; i++) {
			const Val *v = g->roots[i];
			const Index **index = domain_index(s, g, v);
			kernel_store(s, k, map_get(&s->places, v), index, g->exprs[i]);
			for (int r = 0; r < n_results; r++) /* the same value wanted at several places */
				if (results[r].val == v) kernel_store(s, k, &results[r].place, index, g->exprs[i]);
		}
	}
}

/* ---- control flow ---- */

static void lower_block(Scope *s, Result *results, int n_results);

static const Place *place_of(Scope *s, const Val *v) { return map_get(&s->places, v); }

/* A body's parameter stands for a value of this scope. */
static void bind_outer(Scope *inner, const Val *param, Scope *outer, const Val *v)
{
	Place *at = NEW(inner->lw->cx->arena, Place);
	*at = (Place){.scope = outer, .val = v};
	map_put(&inner->places, param, at);
}

static Result result_in(Scope *s, const Val *v, Buffer *b) { return (Result){v, *place_new(s, b)}; }


static void copy_part(Scope *s, const Buffer *from, const Val *v, int k)
{
	const Place *to = place_of(s, val_get(s->lw->cx, v, k));
	if (to) copy_buffer(s, from, to);
}

static Buffer *work(Scope *s, const char *name, const Val *like, const Type *type)
{
	return buffer_new(s->lw->p, BUF_WORK, name, like->loc, type);
}

/* The size that an integer value is; NULL: that is not known here. */
static const Dim *known_size(Ctx *cx, const Val *v)
{
	if (v->op == OP_dim) return val_dims(v, A_VALUE)[0];
	return v->op == OP_const ? dim_int(cx, tensor_get_int(val_attr(v, A_DATA)->tensor, 0)) : NULL;
}

/* scan and loop: carries in two buffers, xs and ys by the step. */
static void lower_loop(Scope *s, const Val *v)
{
	Lower *lw = s->lw;
	Ctx *cx = lw->cx;
	Program *p = lw->p;
	bool is_scan = v->op == OP_scan;
	const Graph *body = val_body(v, 0);
	int n_consts = (int)val_ints(v, A_COUNTS)[0], n_carries = (int)val_ints(v, A_COUNTS)[1];
	int lead_args = is_scan ? 0 : 2, lead_parts = is_scan ? 0 : 1, lead_params = is_scan ? 0 : 1,
	    lead_results = is_scan ? 0 : 1;
	int n_ys = body->n_results - lead_results - n_carries;
	const Type *one = type_scalar(cx, I64), *flag = type_scalar(cx, BOOL);

	Stmt outer = {.kind = ST_LOOP};
	outer.size = size_symbol(v);
	const char *loc = cx->loc;
	cx->loc = v->loc;
	outer.length = outer.size ? dim_most(cx, val_dims(v, A_LENGTH)[0]) : val_dims(v, A_LENGTH)[0];
	cx->loc = loc;
	outer.reverse = is_scan && val_int(v, A_REVERSE);
	outer.var = var_new(p, "t", outer.length);
	outer.n_carries = n_carries;
	outer.carries = NEWN(cx->arena, Carry, n_carries);
	for (int i = 0; i < n_carries; i++) {
		const Val *init = v->args[lead_args + n_consts + i];
		const char *name = body->param_names[lead_params + n_consts + i];
		outer.carries[i].now = work(s, name, v, init->type);
		outer.carries[i].next = work(s, arena_printf(cx->arena, "%s_next", name), v, init->type);
		copy_to(s, init, place_new(s, outer.carries[i].now));
	}
	if (!is_scan) {
		if (known_size(cx, v->args[0]) != outer.length) outer.limit = work(s, "limit", v, one);
		outer.go = work(s, "go", v, flag);
		outer.go_next = work(s, "go_next", v, flag);
		outer.count = work(s, "count", v, one);
		if (outer.limit) copy_to(s, v->args[0], place_new(s, outer.limit));
		copy_to(s, v->args[1], place_new(s, outer.go));
	}
	for (int i = 0; i < n_ys && !is_scan && !outer.size; i++) { /* zeros after the last step */
		const Type *t = v->type->parts[lead_parts + n_carries + i];
		const Place *ys = place_of(s, val_get(cx, v, lead_parts + n_carries + i));
		if (ys) copy_to(s, b_zeros(cx, t->elem, t->rank, t->dims), ys);
	}

	Stmt *st = stmt_new(s, s->block, ST_LOOP);
	*st = outer;
	Scope *in = scope_new(lw, body, &st->body);
	const Index *step = index_var(p, st->var);
	if (!is_scan) { /* the step's number: an index, not memory */
		Place *at = NEW(cx->arena, Place);
		*at = (Place){.step = step};
		map_put(&in->places, body->params[0], at);
	}
	for (int i = lead_params; i < body->n_params; i++) {
		const Val *arg = v->args[lead_args + i - lead_params];
		int c = i - lead_params - n_consts;
		if (c < 0) {
			bind_outer(in, body->params[i], s, arg);
		} else if (c < n_carries) {
			map_put(&in->places, body->params[i], place_new(in, st->carries[c].now));
		} else {
			Place *at = NEW(cx->arena, Place);
			*at = (Place){.scope = s, .val = arg, .step = step};
			map_put(&in->places, body->params[i], at);
		}
	}
	Result *results = NEWN(cx->arena, Result, body->n_results);
	int n = 0;
	for (int i = 0; i < n_carries; i++)
		results[n++] = result_in(s, body->results[lead_results + i], st->carries[i].next);
	for (int i = 0; i < n_ys; i++) {
		const Place *ys = place_of(s, val_get(cx, v, lead_parts + n_carries + i));
		if (ys)
			results[n++] =
				(Result){body->results[lead_results + n_carries + i], *place_at_step(s, ys, step)};
	}
	if (!is_scan) results[n++] = result_in(s, body->results[0], st->go_next);
	lower_block(in, results, n);

	if (!is_scan) copy_part(s, st->count, v, 0);
	for (int i = 0; i < n_carries; i++) copy_part(s, st->carries[i].now, v, lead_parts + i);
}

/* A value of one element that is there, or is read through views. */
static const Expr *scalar_expr(Scope *s, const Val *v) { return result_group(s, v).exprs[0]; }

static void lower_size(Scope *s, const Val *v)
{
	Stmt *st = stmt_new(s, s->block, ST_SIZE);
	st->size = size_symbol(v);
	st->want = val_dims(v, A_VALUE)[0];
	st->cond = scalar_expr(s, v->args[0]);
}

/* Of a scalar truth: pass_guards made it one. */
static void lower_guard(Scope *s, const Val *v)
{
	Stmt *st = stmt_new(s, s->block, ST_SIZE);
	st->guard = val_attr(v, A_NAME)->str;
	st->cond = scalar_expr(s, v->args[1]);
	s->lw->p->guarded = true;
}

static void lower_cond(Scope *s, const Val *v)
{
	Ctx *cx = s->lw->cx;
	Stmt *st = stmt_new(s, s->block, ST_IF);
	st->cond = scalar_expr(s, v->args[0]);
	for (int b = 0; b < 2; b++) {
		const Graph *body = val_body(v, b);
		Scope *in = scope_new(s->lw, body, b ? &st->other : &st->body);
		for (int i = 0; i < body->n_params; i++) bind_outer(in, body->params[i], s, v->args[1 + i]);
		Result *results = NEWN(cx->arena, Result, body->n_results);
		int n = 0;
		for (int i = 0; i < body->n_results; i++) {
			const Place *to = place_of(s, val_get(cx, v, i));
			if (to) results[n++] = (Result){body->results[i], *to};
		}
		lower_block(in, results, n);
	}
}

static void lower_special(Scope *s, const Val *v)
{
	if (v->op == OP_scan || v->op == OP_loop) {
		lower_loop(s, v);
		return;
	}
	if (v->op == OP_cond) {
		lower_cond(s, v);
		return;
	}
	if (v->op == OP_size) {
		lower_size(s, v);
		return;
	}
	if (v->op == OP_guard) {
		lower_guard(s, v);
		return;
	}
	/* Operands and result as whole arrays, contiguous. */
	Ctx *cx = s->lw->cx;
	Stmt st = {.kind = ST_SPECIAL, .val = v, .n_ins = v->n_args};
	st.ins = NEWN(cx->arena, Buffer *, v->n_args);
	for (int i = 0; i < v->n_args; i++) {
		const Place *at = place_of(s, v->args[i]);
		if (at && place_is_whole(at) && at->buffer->kind == BUF_WORK) {
			st.ins[i] = at->buffer;
		} else {
			st.ins[i] = work(s, "operand", v, v->args[i]->type);
			copy_to(s, v->args[i], place_new(s, st.ins[i]));
		}
	}
	const Place *to = place_of(s, v);
	st.out = place_is_whole(to) ? to->buffer : work(s, op_info[v->op].name, v, v->type);
	*stmt_new(s, s->block, ST_SPECIAL) = st;
	if (!place_is_whole(to)) copy_buffer(s, st.out, to);
}

/* ---- blocks ---- */

static void lower_block(Scope *s, Result *results, int n_results)
{
	Map known;
	map_init(&known, s->lw->cx->arena);
	check_sizes(s, &known, NULL);
	const Val **left = NEWN(s->lw->cx->arena, const Val *, n_results);
	for (int i = 0; i < n_results; i++) {
		want_result(s, &results[i]);
		left[i] = results[i].val;
	}
	fuse(s, n_results, left);
	for (int i = 0; i < s->n_groups; i++) {
		Group *g = &s->groups[i];
		const Sym *size = g->special ? size_symbol(g->special) : NULL;
		if (g->special) lower_special(s, g->special);
		else emit_group(s, g, results, n_results);
		if (size) {
			map_put(&known, size, g->special);
			check_sizes(s, &known, size);
		}
	}
	for (int i = 0; i < n_results; i++)
		if (is_copied_out(s, results[i].val)) copy_to(s, results[i].val, &results[i].place);
}

static void name_members(Program *p)
{
	Map taken;
	map_init(&taken, p->arena);
	p->members = NEWN(p->arena, const char *, p->n_states);
	for (int i = 0; i < p->n_states; i++)
		p->members[i] = unique_member(p, &taken, p->graph->param_names[p->n_inputs + i]);
	p->turn_member = unique_member(p, &taken, "turn");
}

static bool has_iteration(const Order *order)
{
	for (int i = 0; i < order->n; i++)
		if (order->vals[i]->op == OP_scan || order->vals[i]->op == OP_loop) return true;
	return false;
}

Program *lower(Ctx *cx, const Graph *g, const char *name, int n_states, const Target *target, Names *names)
{
	Lower *lw = NEW(cx->arena, Lower);
	Program *p = NEW(cx->arena, Program);
	*lw = (Lower){.p = p, .cx = cx, .target = target};
	map_init(&lw->consts, cx->arena);
	map_init(&lw->sizes, cx->arena);
	program_init(p, cx, name, names);
	p->graph = g;
	p->n_states = n_states;
	p->n_inputs = g->n_params - n_states;
	p->n_outputs = g->n_results - n_states;
	p->inputs = NEWN(cx->arena, Buffer *, p->n_inputs);
	p->outputs = NEWN(cx->arena, Buffer *, p->n_outputs);
	p->carries = NEWN(cx->arena, Carry, n_states);
	Scope *s = scope_new(lw, g, &p->block);
	name_members(p);
	const bool iterates = has_iteration(&s->order);
	for (int i = 0; i < g->n_params; i++) {
		bool state = i >= p->n_inputs;
		const char *role = g->param_names[i];
		const char *wish = state && iterates ? arena_printf(cx->arena, "%s_state", role)
						     : role; /* a loop has a carry of that name */
		Buffer *b = buffer_new(p, state ? BUF_STATE : BUF_INPUT, wish, role, g->params[i]->type);
		b->index = state ? i - p->n_inputs : i;
		map_put(&s->places, g->params[i], place_new(s, b));
		if (state) p->carries[b->index].now = b;
		else p->inputs[i] = b;
	}
	Result *results = NEWN(cx->arena, Result, g->n_results);
	for (int i = 0; i < g->n_results; i++) {
		const Type *t = g->results[i]->type;
		bool state = i >= p->n_outputs;
		const char *rname = g->result_names[i];
		Buffer *b = state
			? buffer_new(p, BUF_WORK,
				  arena_printf(cx->arena, iterates ? "%s_state_next" : "%s_next", rname), rname, t)
			: buffer_new(p, BUF_OUTPUT, rname, rname, t);
		b->index = state ? i - p->n_outputs : i;
		if (state) p->carries[b->index].next = b;
		else p->outputs[i] = b;
		/* States first: a value that is both is computed into the state. */
		results[state ? i - p->n_outputs : i + n_states] = result_in(s, g->results[i], b);
	}
	lower_block(s, results, g->n_results);
	return p;
}
