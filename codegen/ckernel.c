/* ckernel.c: a kernel's body as C: the loops of its schedule around expressions.  The function around it: cfunction.c.
 *
 *     for outer variables                (cfunction.c)
 *       for blocks of vectors            main blocks of `unroll`, what remains of a known size at once, else in single vectors
 *         for tiles of rows
 *           accumulators; reduction loops; stores
 */
#include "codegen/emit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- tiles ---- */

const char *var_c(Emit *em, const Var *v)
{
	const char *name = map_get(&em->names, v);
	return name ? name : v->name;
}

const char *sum_c(Emit *em, const Acc *acc, const char *name, bool vec, int m, int u)
{
	Arena *arena = em->cx->arena;
	const Expr *v = acc->value;
	if (vec && is_dotted(em)) return dot_c(em, v, name, m, u);
	bool is_float = acc->elem == F32 || acc->elem == F64;
	if (acc->kind == ACC_SUM && is_float && v->kind == EX_OP && v->op == OP_EW_mul) {
		const char *x = vec ? expr_vector_c(em, v->args[0], m, u) : expr_c(em, v->args[0], m, u);
		const char *y = vec ? expr_vector_c(em, v->args[1], m, u) : expr_c(em, v->args[1], m, u);
		return arena_printf(arena, "%s(%s, %s, %s)", vocab_fn(em->vocab, "fma", acc->elem, vec), x, y, name);
	}
	const char *x = vec ? expr_vector_c(em, v, m, u) : expr_c(em, v, m, u);
	static const char *const ops[] = {[ACC_SUM] = "add", [ACC_PROD] = "mul", [ACC_MAX] = "max", [ACC_MIN] = "min"};
	const char *op =
		acc->elem == BOOL ? (acc->kind == ACC_MAX || acc->kind == ACC_SUM ? "or" : "and") : ops[acc->kind];
	const char *infix = vocab_infix(op, acc->elem, vec);
	if (infix) return infix_c(em, name, infix, x);
	return arena_printf(arena, "%s(%s, %s)", vocab_fn(em->vocab, op, acc->elem, vec), name, x);
}

const Expr *neutral(Emit *em, const Acc *acc)
{
	bool low = acc->kind == ACC_MAX;
	Elem e = acc->elem;
	if (acc->kind == ACC_SUM || acc->kind == ACC_PROD)
		return elem_is_float(e) ? expr_const(em->p, e, acc->kind == ACC_PROD)
					: expr_int(em->p, e, acc->kind == ACC_PROD);
	if (elem_is_float(e)) return expr_const(em->p, e, low ? -1.0 / 0.0 : 1.0 / 0.0);
	int bits = elem_info[e].bits;
	if (elem_info[e].cls == 'b') return expr_int(em->p, e, !low);
	if (elem_info[e].cls == 'u')
		return expr_int(em->p, e, low ? 0 : bits == 64 ? -1 : (int64_t)((UINT64_C(1) << bits) - 1));
	int64_t most = bits == 64 ? INT64_MAX : (int64_t)((UINT64_C(1) << (bits - 1)) - 1);
	return expr_int(em->p, e, low ? -most - 1 : most);
}

typedef struct {
	int rows, vectors;
} Tile;

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

/* Whether a tile goes through several streams, one after the other: each is called w in a block of its own. */
static bool has_several_streams(const Kernel *k)
{
	int n = 0;
	for (int i = 0; i < k->n_packs; i++) n += i == 0 || !same_loop(k->packs[i].acc, k->packs[i - 1].acc);
	return n > 1;
}

static void emit_loop(Emit *em, Acc *const *accs, int n, Tile t)
{
	Writer *w = em->w;
	Program *p = em->p;
	for (int i = 0; i < n; i++) {
		const Expr *self = expr_acc(p, accs[i]);
		bool vec = em->lanes > 1 && depends(em, self, em->vector);
		if (accs[i]->into) continue;
		for (int m = 0; m < (depends(em, self, em->row) ? t.rows : 1); m++)
			for (int u = 0; u < (depends(em, self, em->vector) ? t.vectors : 1); u++) {
				const Expr *init = accs[i]->init ? accs[i]->init : neutral(em, accs[i]);
				const char *from = root_c(em, init, vec, m, u);
				line(w, "%s %s = %s;", vocab_type(em->vocab, accs[i]->elem, vec),
					acc_name(em, accs[i], m, u), from);
			}
	}
	const Pack *pk = loop_pack(em, accs[0]);
	const bool in_block = pk && has_several_streams(em->k);
	if (in_block) open_block(w, "%s", "");
	if (pk) {
		pk->buffer->used = true;
		line(w, "const %s *w = %s;", elem_info[pk->elem].ctype,
			address_c(em, pk->buffer->name, pack_start(em, pk)));
	}
	for (int r = 0; r < accs[0]->n_vars; r++) {
		const char *v = var_c(em, accs[0]->vars[r]);
		bool last = r == accs[0]->n_vars - 1;
		/* widening needs more in flight; and a stream from beyond the second cache comes faster in order, which GCC
		 * mixes up within an iteration: the fewer of them, the better */
		const bool streams = em->k->schedule.turn && em->k->schedule.turn == p->turn;
		if (last && pk && em->lanes > 1 && pk->paired) {
			vocab_fn(em->vocab, "twice", F32, true);
			line(w, "V_TWICE");
		} else if (last && pk && em->lanes > 1 && !pk->dotted && (elem_widens(pk->elem) || streams)) {
			line(w, "#pragma GCC unroll 2");
		}
		const int by = last && pk && pk->dotted ? 2 : 1;
		const char *next =
			by == 2 ? arena_printf(em->cx->arena, "%s += 2", v) : arena_printf(em->cx->arena, "%s++", v);
		const char *step = last && pk
			? arena_printf(em->cx->arena, ", w += %d", by * pk->n_slots * t.vectors * em->lanes)
			: "";
		open_block(w, "for (int64_t %s = 0; %s < %s; %s%s)", v, v, size_c(em, accs[0]->vars[r]->extent), next,
			step);
	}
	int memo = em->n_memo;
	em->loop = (const Acc *const *)accs;
	/* Sum by sum, each vector for all rows, or row by row: compilers keep the order, and in registers what is read again. */
	const bool by_row = n * t.vectors < t.rows;
	for (int row = 0; row < (by_row ? t.rows : 1); row++)
		for (int i = 0; i < n; i++) {
			const Expr *self = expr_acc(p, accs[i]);
			const bool vec = em->lanes > 1 && depends(em, self, em->vector);
			const int rows = depends(em, self, em->row) ? t.rows : 1,
				  end = by_row && row < rows ? row + 1 : rows;
			for (int u = 0; u < (depends(em, self, em->vector) ? t.vectors : 1); u++)
				for (int m = row; m < end; m++) {
					const char *name = acc_name(em, accs[i], m, u);
					const char *sum = sum_c(em, accs[i], name, vec, m, u);
					line(w, "%s = %s;", name, sum);
				}
		}
	em->loop = NULL;
	em->n_memo = memo; /* names of the loop's body end with it */
	for (int r = 0; r < accs[0]->n_vars; r++) close_block(w);
	if (in_block) close_block(w);
}

/* What goes there, by Kernel.where: the side of its choice, as it is known which; false: nothing does. */
static bool store_side(const Emit *em, const Store *from, Store *s)
{
	const Expr *where = em->k->where, *v = from->value;
	*s = *from;
	if (!where) return true;
	const bool chosen = v->kind == EX_OP && v->op == OP_EW_select && v->args[0] == where;
	if (chosen) s->value = v->args[em->idle == em->k->unless ? 1 : 2];
	if (!em->idle) return true;
	bool stays = s->value->kind == EX_LOAD && s->value->buffer == s->buffer;
	for (int i = 0; stays && i < s->buffer->rank; i++) stays = s->value->index[i] == s->index[i];
	return chosen && !stays;
}

/* The value of a point, as it goes to memory. */
static const char *store_value(Emit *em, const Store *s, int m, int u)
{
	const Expr *rounded = store_rounds(s);
	if (em->lanes > 1 && em->vector) return root_c(em, rounded ? rounded : s->value, true, m, u);
	assert(s->value->elem == s->buffer->elem);
	em->root = s->value;
	const char *text = stored_c(em, s->value, m, u);
	em->root = NULL;
	return text;
}

/* Where the vectors of a store begin. */
static const char *store_address(Emit *em, const Store *s, int m, int u)
{
	const char *name = buffer_root(s->buffer)->name;
	return address_c(em, name, index_c(em, buffer_offset(em->p, s->buffer, s->index), m, u));
}

static void emit_store(Emit *em, const Store *s, const char *value, int m, int u)
{
	const Index *offset = buffer_offset(em->p, s->buffer, s->index);
	if (em->lanes == 1 || !em->vector) {
		const char *name = buffer_root(s->buffer)->name;
		if (buffer_is_scalar(s->buffer)) line(em->w, "%s = %s;", name, value);
		else line(em->w, "%s[%s] = %s;", name, index_c(em, offset, m, u), value);
		return;
	}
	const char *address = store_address(em, s, m, u);
	const Dim *stride = index_stride(em->p, offset, em->vector);
	bool unit = dim_is(stride, 1);
	Buf b;
	buf_init(&b, em->cx->arena);
	const bool half = s->buffer->elem == BF16;
	const char *lanes = lanes_c(em, u);
	const char *how = half ? (lanes ? "storen_bf16" : "store_bf16")
		: unit         ? (lanes ? "storen" : "storeu")
		: lanes        ? "scattern"
			       : "scatter";
	buf_printf(&b, "%s(%s", vocab_fn(em->vocab, how, F32, true), address);
	if (!unit) buf_printf(&b, ", %s", size_c(em, stride));
	buf_printf(&b, ", %s", value);
	if (lanes) buf_printf(&b, ", %s", lanes);
	line(em->w, "%s);", b.text);
}

/* Stores to something that a value of another store is computed from: carries that are updated in place. */
static bool stores_clash(const Kernel *k)
{
	bool clash = false;
	for (int i = 0; k->n_stores > 1 && i < k->n_stores; i++) clash |= reads_stored(k->stores[i].value, k);
	return clash;
}

static bool is_identifier(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == 0;
}

static void emit_fetches(Emit *em, Tile t)
{
	for (int i = 0; i < em->k->n_fetches; i++)
		for (int u = 0; u < t.vectors; u++) {
			const Fetch *f = &em->k->fetches[i];
			const Index *offset = buffer_offset(em->p, f->buffer, f->index);
			line(em->w, "%s(%s, %s);", vocab_fn(em->vocab, f->next ? "fetch_next" : "fetch", F32, true),
				buffer_root(f->buffer)->name, index_c(em, offset, 0, u));
		}
}

/* Do the elements of b come right after those of a, and the lanes of both leave room for each other? */
static bool take_turns(const Emit *em, const Store *a, const Store *b)
{
	if (buffer_root(a->buffer) != buffer_root(b->buffer) || a->buffer->elem != F32 || b->buffer->elem != F32)
		return false;
	const Index *first = buffer_offset(em->p, a->buffer, a->index),
		    *next = buffer_offset(em->p, b->buffer, b->index);
	return dim_is(index_stride(em->p, first, em->vector), 2) &&
		index_add(em->p, first, index_dim(em->p, dim_int(em->cx, 1))) == next;
}

/* The store that takes turns with that one; there is no second one, which would store to the same elements.  -1: none. */
static int partner_of(const Emit *em, const Store *stores, int n, int i)
{
	for (int j = 0; em->lanes > 1 && em->vector && j < n; j++)
		if (take_turns(em, &stores[i], &stores[j]) || take_turns(em, &stores[j], &stores[i])) return j;
	return -1;
}

static void emit_pair(Emit *em, const Store *a, const char *value, const Store *b, const char *other, int m, int u)
{
	const bool in_order = take_turns(em, a, b);
	line(em->w, "%s(%s, %s, %s);", vocab_fn(em->vocab, "scatter2", F32, true),
		store_address(em, in_order ? a : b, m, u), in_order ? value : other, in_order ? other : value);
}

/* The value of a store in a variable: for later. */
static const char *name_value(Emit *em, const Store *s, const char *value)
{
	if (is_identifier(value)) return value;
	const bool vec = em->lanes > 1 && em->vector;
	const char *name = arena_printf(em->cx->arena, "t%d", em->n_temps++);
	line(em->w, "const %s %s = %s;", vocab_type(em->vocab, vec && store_rounds(s) ? F32 : s->buffer->elem, vec),
		name, value);
	return name;
}

/* What the stores compute, operands first; and of each how many functions, as tanh, wait for it one after the other. */
typedef struct {
	Emit *em;
	const Expr **exprs;
	int n, cap;
	Map waiting;
} Needs;

static void needs_visit(void *user, const Expr *e)
{
	Needs *needs = user;
	if (e->kind != EX_OP || !depends(needs->em, e, needs->em->vector)) return;
	needs->exprs = arena_grow(needs->em->cx->arena, needs->exprs, needs->n, &needs->cap, sizeof *needs->exprs);
	needs->exprs[needs->n++] = e;
}

static bool takes_long(const Emit *em, const Expr *e) { return vocab_ulp(em->vocab, op_info[e->op].name) >= 0; }

/* The most that wait for any. */
static int count_waiting(Needs *needs)
{
	int most = 0;
	for (int i = needs->n - 1; i >= 0; i--) {
		const Expr *e = needs->exprs[i];
		const int own = (int)(intptr_t)map_get(&needs->waiting, e), below = own + takes_long(needs->em, e);
		if (own > most) most = own;
		for (int a = 0; a < e->n_args; a++)
			if ((int)(intptr_t)map_get(&needs->waiting, e->args[a]) < below)
				map_put(&needs->waiting, e->args[a], (void *)(intptr_t)below);
	}
	return most;
}

/* For all points: what takes long, and what is read more than once; first that for which most functions wait. */
static void emit_in_order(Emit *em, const Store *stores, int n, Tile t)
{
	Needs needs = {.em = em};
	map_init(&needs.waiting, em->cx->arena);
	Map seen;
	map_init(&seen, em->cx->arena);
	for (int i = 0; i < n; i++) expr_each(stores[i].value, &seen, needs_visit, &needs);
	for (int waiting = count_waiting(&needs); waiting >= 0; waiting--)
		for (int i = 0; i < needs.n; i++) {
			const Expr *e = needs.exprs[i];
			if ((int)(intptr_t)map_get(&needs.waiting, e) != waiting) continue;
			if (takes_long(em, e)) map_put(&em->uses, e, (void *)(intptr_t)2); /* a name */
			if ((intptr_t)map_get(&em->uses, e) < 2) continue;
			for (int m = 0; m < (depends(em, e, em->row) ? t.rows : 1); m++)
				for (int u = 0; u < t.vectors; u++) expr_c(em, e, m, u);
		}
}

/* Of sums, function by function, as tanh; then store by store, for all points of the tile: what the points compute does not
 * depend on each other, so that while one waits for a result the CPU goes on with the next.  Two that take turns are stored
 * together.  A kernel without sums reads all before it writes any (unroll.c). */
static void emit_stores(Emit *em, Tile t)
{
	const Kernel *k = em->k;
	const bool vec = em->lanes > 1 && em->vector,
		   first = stores_clash(k) || (vec && !k->n_accs && t.vectors > 1); /* values, then stores */
	const int points = t.rows * t.vectors;
	const char **values = NEWN(em->cx->arena, const char *, k->n_stores *points);
	Store *stores = NEWN(em->cx->arena, Store, k->n_stores);
	int n = 0;
	for (int i = 0; i < k->n_stores; i++) n += store_side(em, &k->stores[i], &stores[n]);
	if (vec && k->n_accs && points > 1) emit_in_order(em, stores, n, t);
	for (int i = 0; first && i < n; i++)
		for (int at = 0; at < points; at++)
			values[i * points + at] =
				name_value(em, &stores[i], store_value(em, &stores[i], at / t.vectors, at % t.vectors));
	for (int i = 0; i < n; i++) {
		const Store *s = &stores[i];
		const int partner = partner_of(em, stores, n, i);
		for (int at = 0; at < points; at++) {
			const int m = at / t.vectors, u = at % t.vectors;
			const bool paired = partner >= 0 && !lanes_c(em, u);
			const char **value = &values[i * points + at];
			if (!first) *value = store_value(em, s, m, u);
			if (paired && partner > i) *value = name_value(em, s, *value);
			else if (paired)
				emit_pair(em, s, *value, &stores[partner], values[partner * points + at], m, u);
			else emit_store(em, s, *value, m, u);
		}
	}
}

/* Of a copy: as many rows as lanes. */
static void emit_square(Emit *em)
{
	const Store *s = &em->k->stores[0];
	const Buffer *read = s->value->buffer;
	const Index *from = buffer_offset(em->p, read, s->value->index),
		    *to = buffer_offset(em->p, s->buffer, s->index);
	line(em->w, "%s(%s, %s, %s, %s);", vocab_fn(em->vocab, "transpose", F32, true),
		address_c(em, buffer_root(s->buffer)->name, index_c(em, to, 0, 0)),
		size_c(em, index_stride(em->p, to, em->row)),
		address_c(em, buffer_root(read)->name, index_c(em, from, 0, 0)),
		size_c(em, index_stride(em->p, from, em->vector)));
}

static void emit_tile(Emit *em, Tile t)
{
	const Kernel *k = em->k;
	if (!k->n_accs && t.rows > 1 && t.rows == em->lanes && !em->partial && !em->idle) {
		emit_square(em);
		return;
	}
	em->n_memo = 0;
	em->n_vectors = t.vectors;
	for (int first = 0, last; first < k->n_accs && !em->idle; first = last) {
		for (last = first + 1; last < k->n_accs && same_loop(k->accs[first], k->accs[last]); last++)
			;
		if (k->accs[first]->folded) emit_fold(em, k->accs + first, last - first);
		else emit_loop(em, k->accs + first, last - first, t);
	}
	emit_fetches(em, t);
	emit_stores(em, t);
}

/* Is the row m of a tile one to be computed? */
static const char *where_c(Emit *em, int m)
{
	em->n_memo = 0;
	em->in_line = true;
	const char *mask = expr_c(em, em->k->where, m, 0);
	em->in_line = false;
	if (em->k->unless) return arena_printf(em->cx->arena, "!%s", paren_c(em->cx, mask));
	return strpbrk(mask, "&|^?") ? paren_c(em->cx, mask) : mask;
}

static void emit_idle(Emit *em, int vectors)
{
	em->idle = true;
	emit_tile(em, (Tile){1, vectors});
	em->idle = false;
}

/* As many rows as there are in a tile, if all of them are wanted and there are so many; see emit_wanted. */
static void emit_wanted_tile(Emit *em, int rows, int vectors, bool otherwise)
{
	const char *v = var_c(em, em->row);
	Buf all;
	buf_init(&all, em->cx->arena);
	if (rows > 1) buf_printf(&all, "%s + %d <= %s", v, rows, size_c(em, em->row->extent));
	for (int m = 0; m < rows; m++) buf_printf(&all, rows > 1 ? " && %s" : "%s", where_c(em, m));
	if (otherwise) open_else(em->w, "if (%s)", all.text);
	else open_block(em->w, "if (%s)", all.text);
	emit_tile(em, (Tile){rows, vectors});
	if (rows > 1) line(em->w, "%s += %d;", v, rows);
	else line(em->w, "%s++;", v);
}

/* Rows of which only some are wanted: tiles of as many in a row as are, else one by one. */
static void emit_wanted(Emit *em, int vectors)
{
	const char *v = var_c(em, em->row);
	const int tile = em->k->schedule.row_tile;
	int64_t n;
	line(em->w, "int64_t %s = 0;", v);
	open_block(em->w, "while (%s < %s)", v, size_c(em, em->row->extent));
	if (tile > 1) emit_wanted_tile(em, tile, vectors, false);
	const int rest = dim_is_int(em->row->extent, &n) ? (int)(n % tile) : 0;
	if (rest > 1) emit_wanted_tile(em, rest, vectors, true);
	emit_wanted_tile(em, 1, vectors, tile > 1);
	open_else(em->w, "%s", "");
	emit_idle(em, vectors);
	line(em->w, "%s++;", v);
	close_block(em->w);
	close_block(em->w);
}

static bool has_idle_stores(Emit *em)
{
	Store side;
	bool any = false;
	em->idle = true;
	for (int i = 0; i < em->k->n_stores; i++) any |= store_side(em, &em->k->stores[i], &side);
	em->idle = false;
	return any;
}

static void emit_all_rows(Emit *em, int vectors);

static void emit_rows(Emit *em, int vectors)
{
	if (em->k->where && depends(em, em->k->where, em->row)) {
		emit_wanted(em, vectors);
	} else if (em->k->where) {
		open_block(em->w, "if (%s)", where_c(em, 0));
		emit_all_rows(em, vectors);
		if (has_idle_stores(em)) {
			open_else(em->w, "%s", "");
			em->idle = true;
			emit_all_rows(em, vectors);
			em->idle = false;
		}
		close_block(em->w);
	} else {
		emit_all_rows(em, vectors);
	}
}

/* Rows in tiles, then the rest: of a known number at once, else one by one. */
static void emit_all_rows(Emit *em, int vectors)
{
	Writer *w = em->w;
	const Schedule *s = &em->k->schedule;
	if (s->rows < 0) {
		emit_tile(em, (Tile){1, vectors});
		return;
	}
	const char *v = var_c(em, em->row), *extent = size_c(em, em->row->extent);
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
	const int64_t rest = n >= 2 * tile ? n / tile * tile : 0;
	const bool in_blocks = em->k->n_accs && n - rest > tile; /* each has sums of its own */
	for (int64_t at = rest; at < n; at += tile) {
		if (in_blocks) open_block(w, "%s", "");
		em->row_at = at;
		emit_tile(em, (Tile){(int)(n - at < tile ? n - at : tile), vectors});
		if (in_blocks) close_block(w);
	}
	em->row_at = AT_VARIABLE;
}

/* Whether computing a point twice gives the same: nothing that the kernel stores does it read; and its weights are not packed by
 * blocks. */
static bool may_repeat(const Kernel *k) { return !reads_own_stores(k) && !k->n_packs; }

/* Where this thread's slice of n rounds begins, or the next one's, times the step of a round. */
const char *slice_c(Emit *em, const char *n, int64_t step, int next)
{
	const char *f = vocab_fn(em->vocab, "first_of", I64, false);
	const char *at = arena_printf(em->cx->arena, next ? "%s(%s, part + 1, parts)" : "%s(%s, part, parts)", f, n);
	return step == 1 ? at : arena_printf(em->cx->arena, "%" PRId64 " * %s", step, at);
}

bool has_names(const Kernel *k)
{
	return k->n_accs || k->schedule.rows >= 0 ||
		(k->schedule.vector >= 0 && !dim_is_int(k->vars[k->schedule.vector]->extent, NULL));
}

/* Vectors at a known place, of the last one only so many lanes; NULL: all. */
typedef struct {
	int64_t at;
	int vectors;
	const char *lanes;
} Section;

static void emit_sections(Emit *em, int n, const Section *sections)
{
	const bool in_blocks = n > 1 && has_names(em->k);
	for (int i = 0; i < n; i++) {
		if (in_blocks) open_block(em->w, "%s", "");
		em->vector_at = sections[i].at;
		em->partial = sections[i].lanes;
		emit_rows(em, sections[i].vectors);
		if (in_blocks) close_block(em->w);
	}
	em->vector_at = AT_VARIABLE;
	em->partial = NULL;
}

/* What the main blocks leave of an axis of known extent n, from `at` on: all at once, so that no sum has to wait for another. */
static int rest_sections(Emit *em, int64_t at, int64_t n, bool may_redo, Section *sections)
{
	const int lanes = em->k->schedule.lanes, whole = (int)(n - at) / lanes, left = (int)(n - at) % lanes;
	const bool redo = left && n >= lanes && may_redo && may_repeat(em->k);
	const int vectors = whole + (left && !redo);
	int made = 0;
	if (vectors)
		sections[made++] =
			(Section){at, vectors, left && !redo ? arena_printf(em->cx->arena, "%d", left) : NULL};
	if (redo) sections[made++] = (Section){n - lanes, 1, NULL}; /* ends at the end: lanes are computed again */
	return made;
}

void emit_main_block(Emit *em)
{
	if (em->block) line(em->w, "%s(%s);", em->block, em->block_args);
	else emit_rows(em, em->k->schedule.unroll);
}

static void emit_known(Emit *em, int64_t n, bool sliced)
{
	Writer *w = em->w;
	const Schedule *s = &em->k->schedule;
	const char *v = var_c(em, em->vector);
	int64_t step = (int64_t)s->lanes * s->unroll, n_blocks = n / step, end = n_blocks * step;
	const char *blocks = arena_printf(em->cx->arena, "%" PRId64, n_blocks);
	const char *from = sliced ? slice_c(em, blocks, step, 0) : "0";
	const char *to = sliced ? slice_c(em, blocks, step, 1) : arena_printf(em->cx->arena, "%" PRId64, end);
	Section sections[3];
	int n_sections = 0;
	if (s->turn) {
		const char *last = arena_printf(
			em->cx->arena, sliced ? "first + end - %" PRId64 : "%" PRId64, sliced ? step : end - step);
		if (sliced) {
			open_block(w, "%s", "");
			line(w, "const int64_t first = %s, end = %s;", from, to);
		}
		line(w, "/* to and fro: what was read last is still in the cache */");
		open_block(w, "for (int64_t at = %s; at < %s; at += %" PRId64 ")", sliced ? "first" : from,
			sliced ? "end" : to, step);
		line(w, "const int64_t %s = %s %% 2 ? %s - at : at;", v, s->turn->name, last);
		emit_main_block(em);
		close_block(w);
		if (sliced) close_block(w);
	} else if (sliced || n_blocks > 1) {
		open_block(w, "for (int64_t %s = %s; %s < %s; %s += %" PRId64 ")", v, from, v, to, v, step);
		emit_main_block(em);
		close_block(w);
	} else if (n_blocks == 1) {
		sections[n_sections++] = (Section){0, s->unroll, NULL};
	}
	n_sections += rest_sections(em, end, n, !sliced, sections + n_sections);
	if (sliced && n_sections) open_block(w, "if (part + 1 == parts)");
	emit_sections(em, n_sections, sections);
	if (sliced && n_sections) close_block(w);
}

static void emit_open(Emit *em, bool sliced)
{
	Writer *w = em->w;
	const Schedule *s = &em->k->schedule;
	const char *v = var_c(em, em->vector), *extent = size_c(em, em->vector->extent);
	int64_t step = (int64_t)s->lanes * s->unroll, block = step;
	if (sliced) {
		const char *n_blocks = arena_printf(em->cx->arena, "%s / %" PRId64, paren_c(em->cx, extent), step);
		line(w, "int64_t %s = %s;", v, slice_c(em, n_blocks, step, 0));
		open_block(w, "for (const int64_t end = %s; %s < end; %s += %" PRId64 ")",
			slice_c(em, n_blocks, step, 1), v, v, step);
		emit_rows(em, s->unroll);
		close_block(w);
		open_block(w, "if (part + 1 == parts)");
		block = s->unroll > 1 ? s->lanes : 0;
	} else {
		line(w, "int64_t %s = 0;", v);
	}
	for (; block >= s->lanes; block = block > s->lanes ? s->lanes : 0) {
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
	if (sliced) close_block(w);
}

/* sliced: the threads share the loop over blocks; what remains is the last one's. */
void emit_blocks(Emit *em, bool sliced)
{
	int64_t n;
	if (!em->vector) emit_rows(em, 1);
	else if (dim_is_int(em->vector->extent, &n)) emit_known(em, n, sliced);
	else emit_open(em, sliced);
}
