/* ckernel.c: a kernel as a C function: the loops of its schedule around expressions.
 *
 *     for outer variables
 *       for blocks of vectors            main blocks of `unroll`, single vectors, the lanes that remain
 *         for tiles of rows
 *           accumulators; reduction loops; stores
 */
#include "codegen/emit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- what a kernel touches: its C parameters ---- */

typedef struct {
	Program *p;
	const Kernel *k;
	Params params;
	bool *written;
	int cap;
} Touch;

static void touch_buffer(Touch *t, const Buffer *buffer, bool write)
{
	Buffer *b = buffer_root(buffer);
	Params *ps = &t->params;
	if (b->kind == BUF_CONST) {
		ps->constants = true;
		return;
	}
	for (int i = 0; i < ps->n_buffers; i++)
		if (ps->buffers[i] == b) {
			t->written[i] |= write;
			return;
		}
	Buffer **buffers = NEWN(t->p->arena, Buffer *, ps->n_buffers + 1);
	bool *written = NEWN(t->p->arena, bool, ps->n_buffers + 1);
	if (ps->n_buffers) {
		memcpy(buffers, ps->buffers, sizeof *buffers * (size_t)ps->n_buffers);
		memcpy(written, t->written, sizeof *written * (size_t)ps->n_buffers);
	}
	buffers[ps->n_buffers] = b;
	written[ps->n_buffers++] = write;
	ps->buffers = buffers;
	t->written = written;
}

static void touch_sym(void *user, const Sym *s)
{
	Touch *t = user;
	Params *ps = &t->params;
	int at = 0;
	for (; at < ps->n_syms && ps->syms[at]->id <= s->id; at++)
		if (ps->syms[at] == s)
			return;
	const Sym **syms = NEWN(t->p->arena, const Sym *, ps->n_syms + 1);
	for (int i = 0; i < ps->n_syms; i++)
		syms[i + (i >= at)] = ps->syms[i];
	syms[at] = s;
	ps->syms = syms;
	ps->n_syms++;
}

static void touch_dim(Touch *t, const Dim *d)
{
	dim_each_sym(d, touch_sym, t);
}

static bool is_own(const Kernel *k, const Var *v)
{
	for (int i = 0; i < k->n_vars; i++)
		if (k->vars[i] == v)
			return true;
	for (int a = 0; a < k->n_accs; a++)
		for (int i = 0; i < k->accs[a]->n_vars; i++)
			if (k->accs[a]->vars[i] == v)
				return true;
	return false;
}

static void touch_expr(Touch *t, const Expr *e);

static void touch_index(Touch *t, const Index *x)
{
	Params *ps = &t->params;
	touch_dim(t, x->base);
	for (int i = 0; i < x->n_terms; i++) {
		const Atom *a = x->terms[i].atom;
		touch_dim(t, x->terms[i].coef);
		if (a->n)
			touch_dim(t, a->n);
		if (a->kind == ATOM_EXPR) {
			touch_expr(t, a->expr);
		} else if (a->a) {
			touch_index(t, a->a);
		} else if (!is_own(t->k, a->var)) {
			bool known = false;
			for (int k = 0; k < ps->n_outer; k++)
				known |= ps->outer[k] == a->var;
			if (known)
				continue;
			const Var **outer = NEWN(t->p->arena, const Var *, ps->n_outer + 1);
			if (ps->n_outer)
				memcpy(outer, ps->outer, sizeof *outer * (size_t)ps->n_outer);
			outer[ps->n_outer++] = a->var;
			ps->outer = outer;
		}
	}
}

static void touch_visit(void *user, const Expr *e)
{
	Touch *t = user;
	if (e->kind == EX_DIM)
		touch_dim(t, e->dim);
	if (e->kind == EX_INDEX)
		touch_index(t, e->value);
	if (e->kind == EX_LOAD) {
		touch_buffer(t, e->buffer, false);
		touch_index(t, buffer_offset(t->p, e->buffer, e->index));
	}
}

static void touch_expr(Touch *t, const Expr *e)
{
	Arena *scratch = arena_new();
	Map seen;
	map_init(&seen, scratch);
	expr_each(e, &seen, touch_visit, t);
	arena_free(scratch);
}

Params kernel_params(Program *p, const Kernel *k)
{
	Touch t = {.p = p, .k = k};
	for (int i = 0; i < k->n_vars; i++)
		touch_dim(&t, k->vars[i]->extent);
	for (int i = 0; i < k->n_accs; i++) {
		touch_expr(&t, k->accs[i]->value);
		if (k->accs[i]->init)
			touch_expr(&t, k->accs[i]->init);
		for (int r = 0; r < k->accs[i]->n_vars; r++)
			touch_dim(&t, k->accs[i]->vars[r]->extent);
	}
	for (int i = 0; i < k->n_stores; i++)
		touch_expr(&t, k->stores[i].value);
	for (int i = 0; i < k->n_stores; i++) { /* results last */
		touch_buffer(&t, k->stores[i].buffer, true);
		touch_index(&t, buffer_offset(p, k->stores[i].buffer, k->stores[i].index));
	}
	t.params.written = t.written;
	return t.params;
}

Params special_params(Program *p, const Stmt *s)
{
	Kernel none = {0};
	Touch t = {.p = p, .k = &none};
	for (int i = 0; i < s->n_ins; i++) {
		touch_buffer(&t, s->ins[i], false);
		for (int d = 0; d < s->ins[i]->rank; d++)
			touch_dim(&t, s->ins[i]->dims[d]);
	}
	touch_buffer(&t, s->out, true);
	t.params.written = t.written;
	return t.params;
}

/* ---- tiles ---- */

static const char *var_c(Emit *em, const Var *v)
{
	const char *name = map_get(&em->names, v);
	return name ? name : v->name;
}

/* A name of the variable that no other variable, dim or array of the function has. */
static void name_var(Emit *em, const Var *v, Map *taken)
{
	const char *name = intern(em->cx, v->name);
	for (int k = 2; map_get(taken, name); k++)
		name = intern(em->cx, arena_printf(em->cx->arena, "%s%d", v->name, k));
	map_put(taken, name, name);
	map_put(&em->names, v, name);
}

static const char *sum_c(Emit *em, const Acc *acc, const char *name, int m, int u)
{
	Arena *arena = em->cx->arena;
	const Expr *v = acc->value;
	Expr as_acc = {.kind = EX_ACC, .acc = (Acc *)(uintptr_t)acc};
	bool vec = em->lanes > 1 && expr_uses(&as_acc, em->vector);
	bool is_float = acc->elem == F32 || acc->elem == F64;
	if (acc->kind == ACC_SUM && is_float && v->kind == EX_OP && v->op == OP_EW_mul) {
		const char *x = vec ? expr_vector_c(em, v->args[0], m, u) : expr_c(em, v->args[0], m, u);
		const char *y = vec ? expr_vector_c(em, v->args[1], m, u) : expr_c(em, v->args[1], m, u);
		return arena_printf(arena, "%s(%s, %s, %s)", vocab_fn(em->vocab, "fma", acc->elem, vec), x, y, name);
	}
	const char *x = vec ? expr_vector_c(em, v, m, u) : expr_c(em, v, m, u);
	static const char *const ops[] = {[ACC_SUM] = "add", [ACC_PROD] = "mul", [ACC_MAX] = "max", [ACC_MIN] = "min"};
	const char *op = acc->elem == BOOL ? (acc->kind == ACC_MAX || acc->kind == ACC_SUM ? "or" : "and") : ops[acc->kind];
	const char *infix = vocab_infix(op, acc->elem, vec);
	if (infix)
		return arena_printf(arena, "%s %s %s", name, infix, x);
	return arena_printf(arena, "%s(%s, %s)", vocab_fn(em->vocab, op, acc->elem, vec), name, x);
}

static const Expr *neutral(Emit *em, const Acc *acc)
{
	bool low = acc->kind == ACC_MAX;
	Elem e = acc->elem;
	if (acc->kind == ACC_SUM || acc->kind == ACC_PROD)
		return elem_is_float(e) ? expr_const(em->p, e, acc->kind == ACC_PROD) : expr_int(em->p, e, acc->kind == ACC_PROD);
	if (elem_is_float(e))
		return expr_const(em->p, e, low ? -1.0 / 0.0 : 1.0 / 0.0);
	int bits = elem_info[e].bits;
	if (elem_info[e].cls == 'b')
		return expr_int(em->p, e, !low);
	if (elem_info[e].cls == 'u')
		return expr_int(em->p, e, low ? 0 : bits == 64 ? -1 : (int64_t)((UINT64_C(1) << bits) - 1));
	int64_t most = bits == 64 ? INT64_MAX : (int64_t)((UINT64_C(1) << (bits - 1)) - 1);
	return expr_int(em->p, e, low ? -most - 1 : most);
}

typedef struct {
	int rows, vectors;
} Tile;

/* Calls on each instance of what depends (or not) on row and vector. */
#define EACH_POINT(em, e, t, m, u)                                                                                     \
	for (int m = 0; m < (depends(em, e, (em)->row) ? (t).rows : 1); m++)                                               \
		for (int u = 0; u < (depends(em, e, (em)->vector) ? (t).vectors : 1); u++)

static const Pack *loop_pack(Emit *em, const Acc *acc)
{
	for (int i = 0; i < em->k->n_packs; i++)
		if (same_loop(em->k->packs[i].acc, acc))
			return &em->k->packs[i];
	return NULL;
}

/* Where the packed stream of this block starts. */
static const char *pack_start(Emit *em, const Pack *pk)
{
	Program *p = em->p;
	Ctx *cx = em->cx;
	const Index *at = index_dim(p, dim_int(cx, 0)), *outer = at;
	for (int i = 0; i < pk->n_outer; i++)
		outer = index_add(p, index_scale(p, outer, pk->outer[i]->extent), index_var(p, pk->outer[i]));
	at = index_scale(p, outer, dim_int(cx, pk->outer_size));
	int64_t per_lane = pk->block_size / em->lanes; /* block_size elements for `lanes` points */
	at = index_add(p, at, index_scale(p, index_var(p, em->vector), dim_int(cx, per_lane)));
	return index_c(em, at, 0, 0);
}

static void emit_loop(Emit *em, Acc *const *accs, int n, Tile t)
{
	Writer *w = em->w;
	Program *p = em->p;
	for (int i = 0; i < n; i++) {
		const Expr *self = expr_acc(p, accs[i]);
		bool vec = em->lanes > 1 && depends(em, self, em->vector);
		if (accs[i]->into)
			continue;
		EACH_POINT(em, self, t, m, u) {
			const Expr *init = accs[i]->init ? accs[i]->init : neutral(em, accs[i]);
			const char *from = vec ? expr_vector_c(em, init, m, u) : expr_c(em, init, m, u);
			line(w, "%s %s = %s;", vocab_type(em->vocab, accs[i]->elem, vec), acc_name(em, accs[i], m, u), from);
		}
	}
	const Pack *pk = loop_pack(em, accs[0]);
	if (pk) {
		pk->buffer->used = true;
		open_block(w, "%s", "");
		line(w, "const %s *w = %s + %s;", elem_info[pk->elem].ctype, pk->buffer->name, pack_start(em, pk));
	}
	for (int r = 0; r < accs[0]->n_vars; r++) {
		const char *v = var_c(em, accs[0]->vars[r]);
		bool last = r == accs[0]->n_vars - 1;
		if (last && pk && elem_is_half(pk->elem) && em->lanes > 1)
			line(w, "#pragma GCC unroll 2"); /* widening needs more in flight */
		const char *step = last && pk ? arena_printf(em->cx->arena, ", w += %d", pk->n_slots * t.vectors * em->lanes) : "";
		open_block(w, "for (int64_t %s = 0; %s < %s; %s++%s)", v, v, dim_c(em->cx, accs[0]->vars[r]->extent), v, step);
	}
	int memo = em->n_memo;
	em->loop = (const Acc *const *)accs;
	for (int i = 0; i < n; i++) {
		const Expr *self = expr_acc(p, accs[i]);
		EACH_POINT(em, self, t, m, u) {
			const char *name = acc_name(em, accs[i], m, u);
			const char *sum = sum_c(em, accs[i], name, m, u);
			line(w, "%s = %s;", name, sum);
		}
	}
	em->loop = NULL;
	em->n_memo = memo; /* names of the loop's body end with it */
	for (int r = 0; r < accs[0]->n_vars; r++)
		close_block(w);
	if (pk)
		close_block(w);
}

/* The value of a point, as it goes to memory. */
static const char *store_value(Emit *em, const Store *s, int m, int u)
{
	if (em->lanes > 1 && em->vector)
		return expr_vector_c(em, s->value, m, u);
	assert(s->value->elem == s->buffer->elem);
	return stored_c(em, s->value, m, u);
}

static void emit_store(Emit *em, const Store *s, const char *value, int m, int u)
{
	const Index *offset = buffer_offset(em->p, s->buffer, s->index);
	const char *name = buffer_root(s->buffer)->name, *at = index_c(em, offset, m, u);
	if (em->lanes == 1 || !em->vector) {
		line(em->w, "%s[%s] = %s;", name, at, value);
		return;
	}
	const char *address = strcmp(at, "0") == 0 ? name : arena_printf(em->cx->arena, "%s + %s", name, at);
	const Dim *stride = index_stride(em->p, offset, em->vector);
	bool unit = dim_is(stride, 1);
	Buf b;
	buf_init(&b, em->cx->arena);
	const char *how = unit ? (em->partial ? "storen" : "storeu") : em->partial ? "scattern" : "scatter";
	buf_printf(&b, "%s(%s", vocab_fn(em->vocab, how, F32, true), address);
	if (!unit)
		buf_printf(&b, ", %s", dim_c(em->cx, stride));
	buf_printf(&b, ", %s", value);
	if (em->partial)
		buf_printf(&b, ", %s", em->partial);
	line(em->w, "%s);", b.text);
}

typedef struct {
	const Kernel *k;
	bool reads_stored;
} Overwrites;

static void overwrites_visit(void *user, const Expr *e)
{
	Overwrites *o = user;
	for (int i = 0; e->kind == EX_LOAD && i < o->k->n_stores; i++)
		o->reads_stored |= buffer_root(e->buffer) == buffer_root(o->k->stores[i].buffer);
}

/* Stores to something that a value of another store is computed from: carries that are updated in place. */
static bool stores_clash(const Kernel *k)
{
	Overwrites o = {.k = k};
	Arena *scratch = arena_new();
	Map seen;
	map_init(&seen, scratch);
	for (int i = 0; k->n_stores > 1 && i < k->n_stores; i++)
		expr_each(k->stores[i].value, &seen, overwrites_visit, &o);
	arena_free(scratch);
	return o.reads_stored;
}

static bool is_identifier(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == 0;
}

static void emit_stores(Emit *em, bool clash, int m, int u)
{
	const Kernel *k = em->k;
	const char **values = NEWN(em->cx->arena, const char *, k->n_stores);
	for (int i = 0; clash && i < k->n_stores; i++) { /* all values are known before the first is stored */
		const Store *s = &k->stores[i];
		values[i] = store_value(em, s, m, u);
		if (is_identifier(values[i]))
			continue;
		const char *name = arena_printf(em->cx->arena, "t%d", em->n_temps++);
		line(em->w, "const %s %s = %s;", vocab_type(em->vocab, s->buffer->elem, em->lanes > 1 && em->vector), name, values[i]);
		values[i] = name;
	}
	for (int i = 0; i < k->n_stores; i++)
		emit_store(em, &k->stores[i], clash ? values[i] : store_value(em, &k->stores[i], m, u), m, u);
}

static void emit_tile(Emit *em, Tile t)
{
	const Kernel *k = em->k;
	em->n_memo = 0;
	em->n_vectors = t.vectors;
	for (int first = 0, last; first < k->n_accs; first = last) {
		for (last = first + 1; last < k->n_accs && same_loop(k->accs[first], k->accs[last]); last++)
			;
		emit_loop(em, k->accs + first, last - first, t);
	}
	bool clash = stores_clash(k);
	for (int m = 0; m < t.rows; m++)
		for (int u = 0; u < t.vectors; u++)
			emit_stores(em, clash, m, u);
}

/* Rows in tiles, then the rest: of a known number at once, else one by one. */
static void emit_rows(Emit *em, int vectors)
{
	Writer *w = em->w;
	const Schedule *s = &em->k->schedule;
	if (s->rows < 0) {
		emit_tile(em, (Tile){1, vectors});
		return;
	}
	const char *v = var_c(em, em->row), *extent = dim_c(em->cx, em->row->extent);
	int64_t n = -1;
	bool known = dim_is_int(em->row->extent, &n);
	int tile = s->row_tile;
	if (!known) {
		line(w, "int64_t %s = 0;", v);
		open_block(w, "for (; %s + %d <= %s; %s += %d)", v, tile, extent, v, tile);
		emit_tile(em, (Tile){tile, vectors});
		close_block(w);
		open_block(w, "for (; %s < %s; %s++)", v, extent, v);
		emit_tile(em, (Tile){1, vectors});
		close_block(w);
		return;
	}
	if (n >= 2 * tile) {
		open_block(w, "for (int64_t %s = 0; %s < %" PRId64 "; %s += %d)", v, v, n / tile * tile, v, tile);
		emit_tile(em, (Tile){tile, vectors});
		close_block(w);
	}
	for (int64_t at = n >= 2 * tile ? n / tile * tile : 0; at < n; at += tile) {
		open_block(w, "%s", "");
		line(w, "const int64_t %s = %" PRId64 ";", v, at);
		emit_tile(em, (Tile){(int)(n - at < tile ? n - at : tile), vectors});
		close_block(w);
	}
}

typedef struct {
	const Kernel *k;
	bool found;
} OwnReads;

static void own_reads_visit(void *user, const Expr *e)
{
	OwnReads *r = user;
	for (int i = 0; e->kind == EX_LOAD && i < r->k->n_stores; i++)
		r->found |= buffer_root(e->buffer) == buffer_root(r->k->stores[i].buffer);
}

/* Whether computing a point twice gives the same: nothing that the kernel stores does it read; and its weights are not packed by
 * blocks. */
static bool may_repeat(const Kernel *k)
{
	OwnReads r = {k, false};
	Arena *scratch = arena_new();
	Map seen;
	map_init(&seen, scratch);
	for (int i = 0; i < k->n_accs; i++) {
		expr_each(k->accs[i]->value, &seen, own_reads_visit, &r);
		if (k->accs[i]->init)
			expr_each(k->accs[i]->init, &seen, own_reads_visit, &r);
	}
	for (int i = 0; i < k->n_stores; i++)
		expr_each(k->stores[i].value, &seen, own_reads_visit, &r);
	arena_free(scratch);
	return !r.found && !k->n_packs;
}

static void emit_vectors(Emit *em)
{
	Writer *w = em->w;
	const Schedule *s = &em->k->schedule;
	if (!em->vector) {
		emit_rows(em, 1);
		return;
	}
	const char *v = var_c(em, em->vector), *extent = dim_c(em->cx, em->vector->extent);
	int64_t n = -1, step = (int64_t)s->lanes * s->unroll;
	bool known = dim_is_int(em->vector->extent, &n);
	if (!known) {
		open_block(w, "%s", "");
		line(w, "int64_t %s = 0;", v);
		for (int64_t block = step; block >= s->lanes; block = block > s->lanes ? s->lanes : 0) {
			open_block(w, "for (; %s + %" PRId64 " <= %s; %s += %" PRId64 ")", v, block, extent, v, block);
			emit_rows(em, (int)(block / s->lanes));
			close_block(w);
		}
		if (s->lanes > 1) {
			open_block(w, "if (%s < %s)", v, extent);
			em->partial = arena_printf(em->cx->arena, "%s - %s", extent, v);
			emit_rows(em, 1);
			em->partial = NULL;
			close_block(w);
		}
		close_block(w);
		return;
	}
	int64_t at = 0;
	for (int64_t block = step; block >= s->lanes; block = block > s->lanes ? s->lanes : 0) {
		int64_t end = at + (n - at) / block * block;
		if (end - at > block) {
			open_block(w, "for (int64_t %s = %" PRId64 "; %s < %" PRId64 "; %s += %" PRId64 ")", v, at, v, end, v, block);
			emit_rows(em, (int)(block / s->lanes));
			close_block(w);
		} else if (end > at) {
			open_block(w, "%s", "");
			line(w, "const int64_t %s = %" PRId64 ";", v, at);
			emit_rows(em, (int)(block / s->lanes));
			close_block(w);
		}
		at = end;
	}
	if (at < n && at > 0 && may_repeat(em->k)) { /* whole vectors that end at the end: some lanes are computed again */
		open_block(w, "%s", "");
		line(w, "const int64_t %s = %" PRId64 ";", v, n - s->lanes);
		emit_rows(em, 1);
		close_block(w);
	} else if (at < n) {
		open_block(w, "%s", "");
		line(w, "const int64_t %s = %" PRId64 ";", v, at);
		em->partial = arena_printf(em->cx->arena, "%" PRId64, n - at);
		emit_rows(em, 1);
		em->partial = NULL;
		close_block(w);
	}
}

/* ---- the function ---- */

static void count_visit(void *user, const Expr *e)
{
	Map *uses = user;
	for (int i = 0; i < e->n_args; i++)
		map_put(uses, e->args[i], (void *)((intptr_t)map_get(uses, e->args[i]) + 1));
}

static void count_root(Emit *em, const Expr *e, Map *seen)
{
	map_put(&em->uses, e, (void *)((intptr_t)map_get(&em->uses, e) + 1));
	expr_each(e, seen, count_visit, &em->uses);
}

static void count_uses(Emit *em)
{
	const Kernel *k = em->k;
	Map seen;
	map_init(&em->uses, em->cx->arena);
	map_init(&seen, em->cx->arena);
	for (int i = 0; i < k->n_accs; i++) {
		count_root(em, k->accs[i]->value, &seen);
		if (k->accs[i]->init)
			count_root(em, k->accs[i]->init, &seen);
	}
	for (int i = 0; i < k->n_stores; i++)
		count_root(em, k->stores[i].value, &seen);
}

/* What the kernel computes and how, above it. */
static void emit_comment(Emit *em, const Kernel *k)
{
	Buf b;
	buf_init(&b, em->cx->arena);
	kernel_print(&b, k);
	if (k->text)
		buf_printf(&b, "  from %s\n", k->text);
	for (char *p = b.text; *p; p++)
		if ((p[0] == '*' && p[1] == '/') || (p[0] == '/' && p[1] == '*') || *p == '\\')
			*p = ' ';
	const char *start = "/* ";
	for (char *p = b.text, *end; *p; p = end + 1, start = " * ") {
		end = strchr(p, '\n');
		line(em->w, "%s%.*s%s", start, (int)(end - p), p, end[1] ? "" : " */");
	}
}

static void emit_signature(Emit *em, const Kernel *k, const Params *ps)
{
	Buf b;
	buf_init(&b, em->cx->arena);
	if (em->blob && ps->constants)
		buf_printf(&b, "const %s_weights *weights", em->blob);
	for (int i = 0; i < ps->n_syms; i++)
		buf_printf(&b, "%sint64_t %s", b.size ? ", " : "", dim_name(em->cx, ps->syms[i]));
	for (int i = 0; i < ps->n_outer; i++)
		buf_printf(&b, "%sint64_t %s", b.size ? ", " : "", ps->outer[i]->name);
	for (int i = 0; i < ps->n_buffers; i++)
		buf_printf(&b, "%s%s%s *restrict %s", b.size ? ", " : "", ps->written[i] ? "" : "const ",
		           elem_info[ps->buffers[i]->elem].ctype, ps->buffers[i]->name);
	/* Inlined, a kernel loses what restrict says of its arrays. */
	const char *attribute = em->lanes > 1 ? "__attribute__((noinline)) " : "";
	line(em->w, "static %svoid %s(%s)", attribute, k->name, b.size ? b.text : "void");
}

void emit_kernel(Emit *em, const Kernel *k)
{
	Ctx *cx = em->cx;
	Writer *w = em->w;
	Params ps = kernel_params(em->p, k);
	Map taken;
	em->k = k;
	em->vector = k->schedule.vector >= 0 ? k->vars[k->schedule.vector] : NULL;
	em->row = k->schedule.rows >= 0 ? k->vars[k->schedule.rows] : NULL;
	em->lanes = k->schedule.lanes;
	em->partial = NULL;
	em->n_temps = 0;
	map_init(&em->names, cx->arena);
	map_init(&em->flags, cx->arena);
	map_init(&taken, cx->arena);
	for (int i = 0; i < ps.n_syms; i++)
		map_put(&taken, intern(cx, dim_name(cx, ps.syms[i])), "");
	for (int i = 0; i < ps.n_buffers; i++)
		map_put(&taken, intern(cx, ps.buffers[i]->name), "");
	for (int i = 0; i < ps.n_outer; i++)
		map_put(&taken, intern(cx, ps.outer[i]->name), "");
	for (int i = 0; i < k->n_vars; i++)
		name_var(em, k->vars[i], &taken);
	for (int a = 0; a < k->n_accs; a++)
		for (int i = 0; i < k->accs[a]->n_vars; i++)
			if (!map_get(&em->names, k->accs[a]->vars[i]))
				name_var(em, k->accs[a]->vars[i], &taken);
	count_uses(em);
	emit_comment(em, k);
	emit_signature(em, k, &ps);
	open_block(w, "%s", "");
	bool first = true;
	int n_outer = 0;
	for (int i = 0; i < k->n_vars; i++) {
		const Var *v = k->vars[i];
		if (v == em->vector || v == em->row)
			continue;
		if (first && k->schedule.parallel)
			line(w, "#pragma omp parallel for num_threads(%d)", em->threads);
		open_block(w, "for (int64_t %s = 0; %s < %s; %s++)", var_c(em, v), var_c(em, v), dim_c(cx, v->extent), var_c(em, v));
		first = false;
		n_outer++;
	}
	emit_vectors(em);
	while (n_outer--)
		close_block(w);
	close_block(w);
	line(w, "%s", "");
}
