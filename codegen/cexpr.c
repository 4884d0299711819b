/* cexpr.c: indices and scalar expressions as C text.
 *
 * An expression is printed for one point of the register tile: m rows down and u vectors along.  What several places use gets
 * a name; what does not depend on m or u is shared between the points.
 */
#include "codegen/emit.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

void writer_init(Writer *w, Arena *arena)
{
	buf_init(&w->buf, arena);
	buf_puts(&w->buf, "");
	w->depth = 0;
}

void line(Writer *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *text = arena_vprintf(w->buf.arena, format, args);
	va_end(args);
	for (int i = 0; i < w->depth && *text && *text != '#'; i++) buf_puts(&w->buf, "\t");
	buf_puts(&w->buf, text);
	buf_puts(&w->buf, "\n");
}

void open_block(Writer *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *head = arena_vprintf(w->buf.arena, format, args);
	va_end(args);
	line(w, *head ? "%s {" : "%s{", head);
	w->depth++;
}

void open_else(Writer *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *head = arena_vprintf(w->buf.arena, format, args);
	va_end(args);
	w->depth--;
	line(w, *head ? "} else %s {" : "} else%s {", head);
	w->depth++;
}

void close_block(Writer *w)
{
	w->depth--;
	line(w, "}");
}

/* ---- indices ---- */

/* How tightly the outermost operators of a text hold together. */
enum { BINDS_LESS, BINDS_SUM, BINDS_PRODUCT, BINDS_ALL };

static int binds(const char *text)
{
	int least = *text == '-' ? BINDS_LESS : BINDS_ALL;
	for (int depth = 0; *text; text++) {
		depth += (strchr("([{", *text) != NULL) - (strchr(")]}", *text) != NULL);
		if (depth || *text != ' ') continue;
		const char *op = text + 1;
		text = op + strcspn(op, " ");
		const int now = text != op + 1 ? BINDS_LESS
			: strchr("*/%", *op)   ? BINDS_PRODUCT
			: strchr("+-", *op)    ? BINDS_SUM
					       : BINDS_LESS;
		least = now < least ? now : least;
	}
	return least;
}

/* In parentheses, unless it holds together so tightly. */
static const char *operand_c(Ctx *cx, const char *text, int wanted)
{
	return binds(text) < wanted ? arena_printf(cx->arena, "(%s)", text) : text;
}

const char *paren_c(Ctx *cx, const char *text) { return operand_c(cx, text, BINDS_ALL); }

const char *factor_c(Ctx *cx, const char *text) { return operand_c(cx, text, BINDS_PRODUCT); }

const char *infix_c(Emit *em, const char *a, const char *op, const char *b)
{
	static const char *const compares[] = {"<", "<=", ">", ">=", "==", "!="};
	int left = BINDS_ALL, right = BINDS_ALL;
	if (op[1] == 0 && strchr("+-", *op)) left = BINDS_SUM, right = BINDS_PRODUCT;
	if (op[1] == 0 && strchr("*/", *op)) left = BINDS_PRODUCT;
	for (size_t i = 0; i < sizeof compares / sizeof *compares; i++)
		if (strcmp(op, compares[i]) == 0) left = right = BINDS_SUM;
	return arena_printf(em->cx->arena, "%s %s %s", operand_c(em->cx, a, left), op, operand_c(em->cx, b, right));
}

static const char *atom_c(Emit *em, const Atom *a, int m, int u)
{
	Arena *arena = em->cx->arena;
	switch (a->kind) {
	case ATOM_VAR: {
		const char *name = map_get(&em->names, a->var);
		return name ? name : a->var->name;
	}
	case ATOM_DIV:
	case ATOM_MOD: {
		const char *x = paren_c(em->cx, index_c(em, a->a, m, u)), *n = paren_c(em->cx, size_c(em, a->n));
		return arena_printf(arena, "%s %c %s", x, a->kind == ATOM_DIV ? '/' : '%', n);
	}
	default: {
		const char *x = expr_c(em, a->expr, m, u);
		const char *clamp = vocab_fn(em->vocab, "clamp_index", I64, false);
		return arena_printf(arena, a->expr->elem == U64 ? "%s((int64_t)(%s), %s)" : "%s(%s, %s)", clamp, x,
			size_c(em, a->n));
	}
	}
}

const char *index_c(Emit *em, const Index *x, int m, int u)
{
	Ctx *cx = em->cx;
	const Dim *base = x->base;
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < x->n_terms; i++) {
		const Dim *c = x->terms[i].coef;
		const Atom *a = x->terms[i].atom;
		const Var *var = a->kind == ATOM_VAR ? a->var : NULL;
		const bool is_row = var && var == em->row, is_vector = var && var == em->vector;
		const int64_t from = is_row ? em->row_at : is_vector ? em->vector_at : AT_VARIABLE;
		const int64_t at = (from == AT_VARIABLE ? 0 : from) +
			(is_row                     ? m
					: is_vector ? (int64_t)u * em->lanes
						    : 0);
		if (at) base = dim_add(cx, base, dim_mul(cx, c, dim_int(cx, at)));
		if (from != AT_VARIABLE) continue;
		const bool minus = dim_is(c, -1), one = dim_is(c, 1);
		const char *text = atom_c(em, a, m, u);
		buf_puts(&b, minus ? (b.size ? " - " : "-") : b.size ? " + " : "");
		if (!one && !minus) buf_printf(&b, "%s * ", factor_c(cx, size_c(em, c)));
		buf_puts(&b, one ? factor_c(cx, text) : paren_c(cx, text));
	}
	int64_t value;
	if (dim_is_int(base, &value)) {
		if (value || !b.size)
			buf_printf(&b,
				b.size && value < 0 ? " - %" PRId64
					: b.size    ? " + %" PRId64
						    : "%" PRId64,
				b.size && value < 0 ? -value : value);
	} else {
		const char *text = size_c(em, base);
		buf_printf(&b, b.size ? " + %s" : "%s", *text == '-' ? arena_printf(cx->arena, "(%s)", text) : text);
	}
	return b.text;
}

/* ---- dependence ---- */

typedef struct {
	bool vector, row;
} Dependence;

static const Dependence *dependence(Emit *em, const Expr *e)
{
	const Dependence *have = map_get(&em->flags, e);
	if (have) return have;
	Dependence *d = NEW(em->cx->arena, Dependence);
	d->vector = em->vector && expr_uses(e, em->vector);
	d->row = em->row && expr_uses(e, em->row);
	map_put(&em->flags, e, d);
	return d;
}

bool depends(Emit *em, const Expr *e, const Var *v)
{
	const Dependence *d = dependence(em, e);
	return v && ((v == em->vector && d->vector) || (v == em->row && d->row));
}

/* In lanes: depends on the vector variable and there is more than one lane. */
static bool in_lanes(Emit *em, const Expr *e) { return em->lanes > 1 && depends(em, e, em->vector); }

/* ---- memory ---- */

const char *address_c(Emit *em, const char *name, const char *at)
{
	return strcmp(at, "0") == 0 ? name : arena_printf(em->cx->arena, "%s + %s", name, at);
}

/* In the memo: no row of a tile, but pair u of the open loop's stream; no vector, but what is the same in all lanes of all. */
enum { PAIR_OF_PACK = -1, ALL_LANES = -1 };

static const char *memo_get(const Emit *em, const Expr *e, int m, int u)
{
	for (int i = em->n_memo - 1; i >= 0; i--)
		if (em->memo[i].e == e && em->memo[i].m == m && em->memo[i].u == u) return em->memo[i].text;
	return NULL;
}

static void memo_put(Emit *em, const Expr *e, int m, int u, const char *text)
{
	if (em->n_memo == em->cap_memo) {
		em->cap_memo = em->cap_memo ? 2 * em->cap_memo : 64;
		Memo *more = NEWN(em->cx->arena, Memo, em->cap_memo);
		if (em->n_memo) memcpy(more, em->memo, sizeof *more * (size_t)em->n_memo);
		em->memo = more;
	}
	em->memo[em->n_memo++] = (Memo){e, m, u, text};
}

/* The packed stream that stands for this load in the open loop; NULL: none. */
static const Pack *pack_of(Emit *em, const Expr *e, int *slot)
{
	if (!em->loop) return NULL;
	for (int i = 0; i < em->k->n_packs; i++) {
		const Pack *pk = &em->k->packs[i];
		if (!same_loop(pk->acc, em->loop[0])) continue;
		for (*slot = 0; *slot < pk->n_slots; ++*slot)
			if (pk->loads[*slot] == e) return pk;
	}
	return NULL;
}

const Pack *loop_pack(Emit *em, const Acc *acc)
{
	for (int i = 0; i < em->k->n_packs; i++)
		if (same_loop(em->k->packs[i].acc, acc)) return &em->k->packs[i];
	return NULL;
}

/* The name of the vocabulary for reading vectors of that type. */
static const char *reader(Emit *em, const char *f32, const char *narrow, Elem elem)
{
	const char *name = elem_widens(elem) ? arena_printf(em->cx->arena, "%s_%s", narrow, elem_info[elem].name) : f32;
	return vocab_fn(em->vocab, name, F32, true);
}

/* Vector i of the step of the stream that `w` points to; the pointer runs along, one step after the other. */
static const char *packed_c(Emit *em, const Pack *pk, int i)
{
	Arena *arena = em->cx->arena;
	bool pair = pk->paired && (i | 1) < pk->n_slots * em->n_vectors;
	int at = (pair ? i & ~1 : i) * em->lanes;
	const char *from = arena_printf(arena, at ? "w + %d" : "w", at);
	if (pair) { /* the first of the two names both */
		const char *two = memo_get(em, pk->loads[0], PAIR_OF_PACK, i / 2);
		if (!two) {
			two = arena_printf(arena, "t%d", em->n_temps++);
			line(em->w, "const vf_two %s = %s;", two, fn1(em, "two_bf16", F32, true, from));
			memo_put(em, pk->loads[0], PAIR_OF_PACK, i / 2, two);
		}
		return arena_printf(arena, i & 1 ? "%s.odd" : "%s.even", two);
	}
	if (em->lanes > 1) return arena_printf(arena, "%s(%s)", reader(em, "load", "load", pk->elem), from);
	const char *value = arena_printf(arena, "w[%d]", at);
	return elem_is_half(pk->elem) ? cast_c(em, pk->elem, F32, value) : value;
}

bool is_dotted(Emit *em)
{
	const Pack *pk = em->loop ? loop_pack(em, em->loop[0]) : NULL;
	return pk && pk->dotted;
}

const char *dot_c(Emit *em, const Expr *product, const char *sum, int m, int u)
{
	const Expr *numbers = load_under(product->args[0]), *weights = load_under(product->args[1]);
	int slot;
	if (!pack_of(em, weights, &slot)) {
		pack_of(em, numbers, &slot);
		numbers = weights;
	}
	const char *at = index_c(em, buffer_offset(em->p, numbers->buffer, numbers->index), m, u);
	const char *pair = address_c(em, buffer_root(numbers->buffer)->name, at);
	const int from = 2 * (slot * em->n_vectors + u) * em->lanes;
	const char *weights_at = from ? arena_printf(em->cx->arena, "w + %d", from) : "w";
	const char *how = depends(em, product, em->row) ? "dot_bf16" : "dot_bf16_once";
	return arena_printf(em->cx->arena, "%s(%s, %s, %s)", vocab_fn(em->vocab, how, F32, true), sum,
		fn1(em, "pair_bf16", F32, true, pair), weights_at);
}

/* As it is in memory: a narrow float's bits. */
static const char *element_c(Emit *em, const Expr *e, int m, int u)
{
	Buffer *root = buffer_root(e->buffer);
	root->used = true;
	if (buffer_is_scalar(root)) return root->name;
	return arena_printf(
		em->cx->arena, "%s[%s]", root->name, index_c(em, buffer_offset(em->p, e->buffer, e->index), m, u));
}

static const char *load_c(Emit *em, const Expr *e, int m, int u)
{
	Arena *arena = em->cx->arena;
	int slot;
	const Pack *pk = pack_of(em, e, &slot);
	if (pk) return packed_c(em, pk, slot * em->n_vectors + u);
	const Index *offset = buffer_offset(em->p, e->buffer, e->index);
	Buffer *root = buffer_root(e->buffer);
	root->used = true;
	const char *name = root->name, *at = index_c(em, offset, m, u);
	if (!in_lanes(em, e)) {
		const char *value = element_c(em, e, m, u);
		return elem_is_narrow(e->elem) ? cast_c(em, e->elem, F32, value) : value;
	}
	const char *address = address_c(em, name, at);
	const Dim *stride = index_stride(em->p, offset, em->vector);
	assert(stride);
	const char *lanes = lanes_c(em, u);
	if (dim_is(stride, 1) && !lanes)
		return arena_printf(arena, "%s(%s)", reader(em, "loadu", "load", e->elem), address);
	if (dim_is(stride, 1))
		return arena_printf(arena, "%s(%s, %s)", reader(em, "loadn", "loadn", e->elem), address, lanes);
	if (!lanes && dim_is(stride, 2) && e->elem == F32)
		return arena_printf(arena, "%s(%s)", vocab_fn(em->vocab, "gather2", F32, true), address);
	if (!lanes)
		return arena_printf(
			arena, "%s(%s, %s)", reader(em, "gather", "gather", e->elem), address, size_c(em, stride));
	return arena_printf(
		arena, "%s(%s, %s, %s)", reader(em, "gathern", "gathern", e->elem), address, size_c(em, stride), lanes);
}

/* Lanes that are read one by one: in a tile of sums, not anew for each of its rows. */
static bool is_gathered(Emit *em, const Expr *e)
{
	int slot;
	return e->kind == EX_LOAD && in_lanes(em, e) && !pack_of(em, e, &slot) &&
		!dim_is(index_stride(em->p, buffer_offset(em->p, e->buffer, e->index), em->vector), 1);
}

/* Lanes of a stream that are widened as they are read: once for all rows of a tile. */
static bool is_unpacked(Emit *em, const Expr *e)
{
	int slot;
	const Pack *pk = e->kind == EX_LOAD && in_lanes(em, e) && elem_widens(e->elem) ? pack_of(em, e, &slot) : NULL;
	return pk && !pk->paired;
}

const char *lanes_c(const Emit *em, int u) { return u + 1 == em->n_vectors ? em->partial : NULL; }

/* ---- accumulators ---- */

int acc_register(const Kernel *k, const Acc *acc)
{
	while (acc->into) acc = acc->into;
	int n = 0;
	for (int i = 0; k->accs[i] != acc; i++) n += !k->accs[i]->into;
	return n;
}

const char *acc_name(Emit *em, const Acc *acc, int m, int u)
{
	Expr e = {.kind = EX_ACC, .acc = (Acc *)(uintptr_t)acc};
	bool by_v = em->vector && expr_uses(&e, em->vector), by_row = em->row && expr_uses(&e, em->row);
	Buf b;
	buf_init(&b, em->cx->arena);
	buf_printf(&b, "a%d", acc_register(em->k, acc));
	if (by_row) buf_printf(&b, "_%d", m);
	if (by_v && em->n_vectors > 1) buf_printf(&b, "%c", 'a' + u);
	return b.text;
}

/* ---- expressions ---- */

const char *fn1(Emit *em, const char *name, Elem elem, bool vector, const char *a)
{
	return arena_printf(em->cx->arena, "%s(%s)", vocab_fn(em->vocab, name, elem, vector), a);
}

const char *cast_c(Emit *em, Elem from, Elem to, const char *text)
{
	return arena_printf(em->cx->arena, "%s(%s)", vocab_cast(em->vocab, from, to, false), text);
}

const char *float_c(Arena *arena, double v, bool single)
{
	if (isnan(v)) return single ? "(0.0f / 0.0f)" : "(0.0 / 0.0)";
	if (isinf(v)) return arena_printf(arena, single ? "(%s1.0f / 0.0f)" : "(%s1.0 / 0.0)", v < 0 ? "-" : "");
	char *text = arena_printf(arena, single ? "%.9g" : "%.17g", v);
	for (int digits = single ? 6 : 15; digits < (single ? 9 : 17); digits++) {
		char *shorter = arena_printf(arena, "%.*g", digits, v);
		if (single ? strtof(shorter, NULL) == (float)v : strtod(shorter, NULL) == v) {
			text = shorter;
			break;
		}
	}
	bool dotted = strpbrk(text, ".e") != NULL;
	return arena_printf(arena, "%s%s%s", text, dotted ? "" : ".0", single ? "f" : "");
}

static const char *const_c(Emit *em, const Expr *e)
{
	Arena *arena = em->cx->arena;
	if (elem_is_float(e->elem)) return float_c(arena, e->number, e->elem != F64);
	if (e->elem == U64) return arena_printf(arena, "UINT64_C(%" PRIu64 ")", (uint64_t)e->integer);
	if (e->elem == I64 && e->integer == INT64_MIN) return "INT64_MIN";
	if (e->elem == I64 && (e->integer > INT32_MAX || e->integer < -INT32_MAX))
		return arena_printf(arena, "INT64_C(%" PRId64 ")", e->integer);
	if (e->elem == I32 && e->integer == INT32_MIN) return "INT32_MIN";
	return arena_printf(arena, e->elem == U32 ? "%" PRId64 "u" : "%" PRId64, e->integer);
}

static Elem compute_elem(Elem e) { return elem_is_narrow(e) ? F32 : e; }

/* Of its text in C: lanes are widened as they are read. */
static Elem text_elem(Emit *em, const Expr *e)
{
	return e->kind == EX_LOAD && elem_widens(e->elem) && in_lanes(em, e) ? F32 : compute_elem(e->elem);
}

const char *stored_c(Emit *em, const Expr *e, int m, int u)
{
	const Elem to = e->elem;
	const bool is_op = e->kind == EX_OP, casts = is_op && e->op == OP_EW_cast && elem_is_storage(to);
	if (is_op && e->op == OP_EW_bitcast) {
		const Elem from = e->args[0]->elem;
		const char *x = stored_c(em, e->args[0], m, u);
		return from == to ? x : arena_printf(em->cx->arena, "%s(%s)", vocab_bitcast(em->vocab, from, to), x);
	}
	if (!elem_is_narrow(to)) return expr_c(em, e, m, u);
	int slot;
	if (e->kind == EX_LOAD && !in_lanes(em, e) && !pack_of(em, e, &slot)) return element_c(em, e, m, u);
	if (casts && compute_elem(e->args[0]->elem) != to)
		return cast_c(em, compute_elem(e->args[0]->elem), to, expr_c(em, e->args[0], m, u));
	return cast_c(em, F32, to, expr_c(em, e, m, u));
}

static const char *op_c(Emit *em, const Expr *e, int m, int u)
{
	Arena *arena = em->cx->arena;
	if (e->op == OP_EW_bitcast || (e->op == OP_EW_cast && elem_is_narrow(e->elem) && elem_is_storage(e->elem)))
		return elem_is_narrow(e->elem) ? cast_c(em, e->elem, F32, stored_c(em, e, m, u))
					       : stored_c(em, e, m, u);
	bool vec = in_lanes(em, e);
	const char *name = op_info[e->op].name, *x[3];
	Elem of = compute_elem(e->args[e->op == OP_EW_select ? 1 : 0]->elem);
	bool one_mask = e->op == OP_EW_select && vec && !in_lanes(em, e->args[0]);
	for (int i = 0; i < e->n_args; i++)
		x[i] = vec && !(one_mask && i == 0) ? expr_vector_c(em, e->args[i], m, u)
						    : expr_c(em, e->args[i], m, u);
	if (one_mask) name = "choose";
	if (e->op == OP_EW_cast) {
		Elem from = text_elem(em, e->args[0]), to = e->elem;
		if (from == compute_elem(to)) return x[0];
		if (compute_elem(to) != to) /* in one rounding, not by way of f32 */
			return cast_c(em, to, F32, cast_c(em, from, to, x[0]));
		return arena_printf(arena, "%s(%s)", vocab_cast(em->vocab, from, to, vec), x[0]);
	}
	const char *infix = vocab_infix(name, of, vec);
	if (infix && e->n_args == 2) return infix_c(em, x[0], infix, x[1]);
	if (infix) return arena_printf(arena, "%s%s", infix, paren_c(em->cx, x[0]));
	const char *f = vocab_fn(em->vocab, name, of, vec);
	return e->n_args == 1    ? arena_printf(arena, "%s(%s)", f, x[0])
		: e->n_args == 2 ? arena_printf(arena, "%s(%s, %s)", f, x[0], x[1])
				 : arena_printf(arena, "%s(%s, %s, %s)", f, x[0], x[1], x[2]);
}

static const char *print(Emit *em, const Expr *e, int m, int u)
{
	switch (e->kind) {
	case EX_CONST: return const_c(em, e);
	case EX_DIM: return size_c(em, e->dim);
	case EX_INDEX: return index_c(em, e->value, m, u);
	case EX_LOAD: return load_c(em, e, m, u);
	case EX_ACC: return acc_name(em, e->acc, m, u);
	case EX_ROUND:
		return fn1(em, e->elem == F16 ? "round_f16" : "round_bf16", F32, in_lanes(em, e),
			expr_c(em, e->args[0], m, u));
	default: return op_c(em, e, m, u);
	}
}

const char *expr_c(Emit *em, const Expr *e, int m, int u)
{
	enum { LONG = 60 };
	m = depends(em, e, em->row) ? m : 0;
	u = depends(em, e, em->vector) ? u : 0;
	const char *known = memo_get(em, e, m, u);
	if (known) return known;
	const char *text = print(em, e, m, u);
	if (em->in_line) return text;
	bool named = (intptr_t)map_get(&em->uses, e) > 1 || (em->loop && (is_gathered(em, e) || is_unpacked(em, e)));
	named &= e->kind == EX_OP || e->kind == EX_LOAD || e->kind == EX_ROUND;
	const bool is_long = e->kind == EX_OP && e != em->root && strlen(text) > LONG;
	if (named || is_long) {
		const char *name = arena_printf(em->cx->arena, "t%d", em->n_temps++);
		line(em->w, "const %s %s = %s;", vocab_type(em->vocab, text_elem(em, e), in_lanes(em, e)), name, text);
		text = name;
	}
	memo_put(em, e, m, u, text);
	return text;
}

/* In a loop that widens weights, a float of memory in all lanes; NULL: e is none. */
static const char *spread_c(Emit *em, const Expr *e, int m)
{
	const Pack *pk = em->loop ? loop_pack(em, em->loop[0]) : NULL;
	if (!pk || !pk->paired || e->kind != EX_LOAD || e->elem != F32 || buffer_is_scalar(buffer_root(e->buffer)))
		return NULL;
	m = depends(em, e, em->row) ? m : 0;
	const char *name = memo_get(em, e, m, ALL_LANES);
	if (name) return name;
	Buffer *root = buffer_root(e->buffer);
	root->used = true;
	const char *at = index_c(em, buffer_offset(em->p, e->buffer, e->index), m, 0);
	name = arena_printf(em->cx->arena, "t%d", em->n_temps++);
	line(em->w, "const vf %s = %s;", name, fn1(em, "spread", F32, true, address_c(em, root->name, at)));
	memo_put(em, e, m, ALL_LANES, name);
	return name;
}

const char *root_c(Emit *em, const Expr *e, bool vec, int m, int u)
{
	em->root = e;
	const char *text = vec ? expr_vector_c(em, e, m, u) : expr_c(em, e, m, u);
	em->root = NULL;
	return text;
}

const char *expr_vector_c(Emit *em, const Expr *e, int m, int u)
{
	const char *spread = em->lanes > 1 && !in_lanes(em, e) ? spread_c(em, e, m) : NULL;
	if (spread) return spread;
	const char *text = expr_c(em, e, m, u);
	if (em->lanes == 1 || in_lanes(em, e)) return text;
	if (e->elem == BOOL) /* a mask of equal lanes */
		return arena_printf(
			em->cx->arena, "(%s){0} - %s", vocab_type(em->vocab, BOOL, true), paren_c(em->cx, text));
	return fn1(em, "set", F32, true, text);
}
