/* contract a b [spec]: einsum of two operands, "bk,kn->bn": a letter names a dim; what the result lacks is summed.
 *
 * No letter stands twice in one operand or in the result, and the result has no letter of its own.  Floats are summed in f64
 * in the order of the summed letters and rounded once, integers wrap in their type.
 *
 * Evaluation is a blocked matrix product.  Letters fall into four groups: batch (a, b and result), rows (a and result),
 * columns (b and result), and inner (summed; one that only one operand has stands still in the other).  Each group becomes
 * a table of offsets, so any spec is y[r, c] = sum_k a[r, k] * b[k, c] per batch.  Blocks of both are widened into panels of
 * A_WIDTH and B_WIDTH, which a small kernel multiplies in registers (Goto and van de Geijn 2008).
 */
#include "ir/prim.h"

#include <string.h>

/* ---- the spec ---- */

static int letter_index(Spec *s, char c)
{
	for (int i = 0; i < s->n_letters; i++)
		if (s->letters[i] == c) return i;
	const int i = s->n_letters++;
	s->letters[i] = c;
	s->a[i] = s->b[i] = s->y[i] = -1;
	return i;
}

/* Reads letters up to `end`. */
static const char *read_letters(
	Ctx *cx, const char *spec, const char *p, const char *end, Spec *s, int *place, int *rank)
{
	const size_t n_end = strlen(end);
	for (*rank = 0; n_end ? strncmp(p, end, n_end) != 0 : *p; p++) {
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
			fail(cx, "contract: the spec must be like \"bk,kn->bn\", seen \"%s\"", spec);
		const int i = letter_index(s, *p);
		if (place[i] >= 0) fail(cx, "contract: letter %c twice in one place of \"%s\"", *p, spec);
		place[i] = (*rank)++;
	}
	return p + n_end;
}

Spec contract_spec(Ctx *cx, const char *text)
{
	Spec s = {0};
	const char *p = read_letters(cx, text, text, ",", &s, s.a, &s.rank_a);
	p = read_letters(cx, text, p, "->", &s, s.b, &s.rank_b);
	const int n_operands = s.n_letters;
	read_letters(cx, text, p, "", &s, s.y, &s.rank_y);
	if (s.n_letters > n_operands)
		fail(cx, "contract: letter %c of the result is in no operand of \"%s\"", s.letters[n_operands], text);
	return s;
}

INFER(contract)
{
	const Type *a = args[0]->type, *b = args[1]->type;
	const char *text = attrs[0].str;
	const Spec s = contract_spec(cx, text);
	if (a->elem != b->elem || !elem_is_number(a->elem))
		fail(cx, "contract: operands must be numbers of one type, seen %s and %s", type_str(cx, a),
			type_str(cx, b));
	if (a->rank != s.rank_a || b->rank != s.rank_b)
		fail(cx, "contract: \"%s\" wants operands of rank %d and %d, seen %s and %s", text, s.rank_a, s.rank_b,
			type_str(cx, a), type_str(cx, b));
	const Dim **dims = NEWN(cx->arena, const Dim *, s.rank_y);
	for (int i = 0; i < s.n_letters; i++) {
		if (s.a[i] >= 0 && s.b[i] >= 0 && a->dims[s.a[i]] != b->dims[s.b[i]])
			fail(cx, "contract: %s dims differ: a has %s, b has %s (%c of \"%s\")",
				s.y[i] < 0 ? "inner" : "batch", dim_str(cx, a->dims[s.a[i]]),
				dim_str(cx, b->dims[s.b[i]]), s.letters[i], text);
		if (s.y[i] >= 0) dims[s.y[i]] = s.a[i] >= 0 ? a->dims[s.a[i]] : b->dims[s.b[i]];
	}
	return type_new(cx, a->elem, s.rank_y, dims);
}

/* ---- the letters as tables of offsets ---- */

enum { BATCH, ROWS, COLUMNS, INNER, N_GROUPS };

typedef struct {
	int64_t n;                   /* combinations of the group's letters, in row-major order */
	int64_t *in_a, *in_b, *in_y; /* the offset of each */
} Group;

static int group_of(const Spec *s, int i)
{
	if (s->y[i] < 0) return INNER;
	return s->a[i] < 0 ? COLUMNS : s->b[i] < 0 ? ROWS : BATCH;
}

/* Multiplies a table out by one more letter of n values. */
static void extend(int64_t *offsets, int64_t count, int64_t n, int64_t stride)
{
	for (int64_t i = count - 1; i >= 0; i--)
		for (int64_t k = n - 1; k >= 0; k--) offsets[i * n + k] = offsets[i] + k * stride;
}

static int64_t stride_at(const int64_t *strides, int i) { return i < 0 ? 0 : strides[i]; }

static int64_t group_size(const Spec *s, int group, const int64_t *sizes)
{
	int64_t n = 1;
	for (int i = 0; i < s->n_letters; i++)
		if (group_of(s, i) == group && __builtin_mul_overflow(n, sizes[i], &n)) return INT64_MAX;
	return n;
}

/* The result's letters in the result's order, so that its rows are contiguous; summed ones as they come. */
static Group make_group(Arena *arena, const Spec *s, int group, const int64_t *sizes, const int64_t *const strides[3])
{
	const int64_t n = group_size(s, group, sizes);
	Group g = {1, NEWN(arena, int64_t, n), NEWN(arena, int64_t, n), NEWN(arena, int64_t, n)};
	for (int at = 0; at < (group == INNER ? s->n_letters : s->rank_y); at++) {
		int i = at;
		if (group != INNER)
			for (i = 0; s->y[i] != at;) i++;
		if (group_of(s, i) != group) continue;
		extend(g.in_a, g.n, sizes[i], stride_at(strides[0], s->a[i]));
		extend(g.in_b, g.n, sizes[i], stride_at(strides[1], s->b[i]));
		extend(g.in_y, g.n, sizes[i], stride_at(strides[2], s->y[i]));
		g.n *= sizes[i];
	}
	return g;
}

/* ---- the product ---- */

enum { A_WIDTH = 2, B_WIDTH = 8, MAX_ROWS = 128, MAX_COLUMNS = 128, MAX_INNER = 256 };

static bool are_neighbours(int n, const int64_t *offsets)
{
	for (int i = 1; i < n; i++)
		if (offsets[i] != offsets[0] + i) return false;
	return true;
}

/* Panels of `width` rows (or columns), [n / width][n_inner][width], widened; what is over the end is 0. */
static void pack(Elem elem, const void *data, int64_t base, int n, const int64_t *rows, int n_inner,
	const int64_t *inner, int width, void *panel)
{
#define PACK(elem, in, out, value)                                                                                    \
	case elem: {                                                                                                  \
		const in *p = (const in *)data + base;                                                                \
		out *to = panel;                                                                                      \
		for (int i = 0; i < n; i += width) {                                                                  \
			const bool whole = width == B_WIDTH && n - i >= B_WIDTH && are_neighbours(B_WIDTH, rows + i); \
			for (int k = 0; k < n_inner; k++, to += width) {                                              \
				const in *from = p + inner[k];                                                        \
				if (whole) { /* the usual case, without a table in the inner loop */                  \
					from += rows[i];                                                              \
					for (int w = 0; w < B_WIDTH; w++) {                                           \
						const in x = from[w];                                                 \
						to[w] = (out)(value);                                                 \
					}                                                                             \
					continue;                                                                     \
				}                                                                                     \
				for (int w = 0; w < width; w++) {                                                     \
					const in x = i + w < n ? from[rows[i + w]] : 0;                               \
					to[w] = (out)(value);                                                         \
				}                                                                                     \
			}                                                                                             \
		}                                                                                                     \
		return;                                                                                               \
	}
	switch (elem) {
		PACK(F64, double, double, x)
		PACK(F32, float, double, x)
		PACK(F16, uint16_t, double, f16_to_f32(x))
		PACK(BF16, uint16_t, double, bf16_to_f32(x))
		PACK(I8, int8_t, uint64_t, (int64_t)x)
		PACK(I16, int16_t, uint64_t, (int64_t)x)
		PACK(I32, int32_t, uint64_t, (int64_t)x)
		PACK(I64, int64_t, uint64_t, x)
		PACK(U8, uint8_t, uint64_t, x)
		PACK(U16, uint16_t, uint64_t, x)
		PACK(U32, uint32_t, uint64_t, x)
		PACK(U64, uint64_t, uint64_t, x)
	default: break;
	}
#undef PACK
	assert(0 && "a number");
}

/* A_WIDTH x B_WIDTH elements of the result += panel of a * panel of b: 2 x 8, held in eight vectors of two. */
#define KERNEL(function, type)                                                                               \
	static void function(int n_inner, const void *panel_a, const void *panel_b, void *acc0, void *acc1)  \
	{                                                                                                    \
		typedef type Pair __attribute__((vector_size(2 * sizeof(type)), may_alias));                 \
		const type *a = panel_a;                                                                     \
		const Pair *b = panel_b;                                                                     \
		Pair *y = acc0, *z = acc1;                                                                   \
		Pair y0 = y[0], y1 = y[1], y2 = y[2], y3 = y[3], z0 = z[0], z1 = z[1], z2 = z[2], z3 = z[3]; \
		for (int k = 0; k < n_inner; k++, a += A_WIDTH, b += B_WIDTH / 2) {                          \
			const Pair p = {a[0], a[0]}, q = {a[1], a[1]};                                       \
			y0 += p * b[0], y1 += p * b[1], y2 += p * b[2], y3 += p * b[3];                      \
			z0 += q * b[0], z1 += q * b[1], z2 += q * b[2], z3 += q * b[3];                      \
		}                                                                                            \
		y[0] = y0, y[1] = y1, y[2] = y2, y[3] = y3;                                                  \
		z[0] = z0, z[1] = z1, z[2] = z2, z[3] = z3;                                                  \
	}
KERNEL(kernel_float, double)
KERNEL(kernel_int, uint64_t)

static int at_most(int64_t n, int limit) { return n < limit ? (int)n : limit; }

static int round_up(int n, int unit) { return (n + unit - 1) / unit * unit; }

static void store_row(Tensor *y, int64_t base, int n, const int64_t *columns, const double *acc)
{
	if (columns[n - 1] - columns[0] == n - 1) { /* they increase */
		store_wide(y->elem, y->data, base + columns[0], n, acc, 0);
		return;
	}
	for (int i = 0; i < n; i++) store_wide(y->elem, y->data, base + columns[i], 1, acc, i);
}

/* One operand: its rows (of b: its columns), where they and the inner index stand in it, and its rows in the result. */
typedef struct {
	const Tensor *x;
	int64_t base; /* of the batch */
	int64_t n;
	const int64_t *rows, *inner, *in_y;
	double *panel; /* or of as many 64-bit integers */
} Side;

static void multiply(const Side *a, const Side *b, int64_t n_inner, Tensor *y, int64_t base_y, double *acc)
{
	const Elem elem = y->elem;
	const bool is_float = elem_is_float(elem);
	for (int64_t c = 0; c < b->n; c += MAX_COLUMNS) {
		const int n_c = at_most(b->n - c, MAX_COLUMNS), pitch = round_up(n_c, B_WIDTH);
		for (int64_t r = 0; r < a->n; r += MAX_ROWS) {
			const int n_r = at_most(a->n - r, MAX_ROWS);
			memset(acc, 0, sizeof *acc * (size_t)(round_up(n_r, A_WIDTH) * pitch));
			for (int64_t k = 0; k < n_inner; k += MAX_INNER) {
				const int n_k = at_most(n_inner - k, MAX_INNER);
				pack(elem, a->x->data, a->base, n_r, a->rows + r, n_k, a->inner + k, A_WIDTH, a->panel);
				pack(elem, b->x->data, b->base, n_c, b->rows + c, n_k, b->inner + k, B_WIDTH, b->panel);
				for (int i = 0; i < n_r; i += A_WIDTH)
					for (int j = 0; j < n_c; j += B_WIDTH)
						(is_float ? kernel_float : kernel_int)(n_k, a->panel + i * n_k,
							b->panel + j * n_k, acc + i * pitch + j,
							acc + (i + 1) * pitch + j);
			}
			for (int i = 0; i < n_r; i++)
				store_row(y, base_y + a->in_y[r + i], n_c, b->in_y + c, acc + i * pitch);
		}
	}
}

EVAL(contract)
{
	const Tensor *a = args[0], *b = args[1];
	Tensor *y = eval_result(e, v->type);
	results[0] = y;
	if (y->count == 0) return;
	const Spec s = contract_spec(e->cx, val_str(v, A_SPEC));
	const int64_t *const strides[3] = {
		strides_of(e, a->rank, a->dims), strides_of(e, b->rank, b->dims), strides_of(e, y->rank, y->dims)};
	int64_t sizes[52];
	for (int i = 0; i < s.n_letters; i++) sizes[i] = s.a[i] >= 0 ? a->dims[s.a[i]] : b->dims[s.b[i]];
	for (int k = 0; k < N_GROUPS; k++) eval_want_memory(e, group_size(&s, k, sizes), 3 * sizeof(int64_t));

	Arena *arena = arena_new(); /* tables and panels; nothing fails until it is freed */
	Group g[N_GROUPS];
	for (int k = 0; k < N_GROUPS; k++) g[k] = make_group(arena, &s, k, sizes, strides);
	Side rows = {.x = a, .n = g[ROWS].n, .rows = g[ROWS].in_a, .inner = g[INNER].in_a, .in_y = g[ROWS].in_y};
	Side columns = {
		.x = b, .n = g[COLUMNS].n, .rows = g[COLUMNS].in_b, .inner = g[INNER].in_b, .in_y = g[COLUMNS].in_y};
	const bool tall = rows.n > columns.n; /* the kernel is wide: the longer side is its columns */
	Side *left = tall ? &columns : &rows, *right = tall ? &rows : &columns;
	const int n_k = at_most(g[INNER].n, MAX_INNER), pitch = round_up(at_most(right->n, MAX_COLUMNS), B_WIDTH);
	const int height = round_up(at_most(left->n, MAX_ROWS), A_WIDTH);
	left->panel = NEWN(arena, double, height *n_k);
	right->panel = NEWN(arena, double, pitch *n_k);
	double *acc = NEWN(arena, double, height *pitch);
	for (int64_t i = 0; i < g[BATCH].n; i++) {
		rows.base = g[BATCH].in_a[i];
		columns.base = g[BATCH].in_b[i];
		multiply(left, right, g[INNER].n, y, g[BATCH].in_y[i], acc);
	}
	arena_free(arena);
}

/* ---- the derivative: one more contract for each operand ---- */

/* The letters of operand k (2: the result), of n dims; those that are only in operand k are left out where `shared`. */
static int letters_at(const Spec *s, int k, bool shared, char *text)
{
	const int *const places[] = {s->a, s->b, s->y};
	const int ranks[] = {s->rank_a, s->rank_b, s->rank_y};
	int n = 0;
	for (int at = 0; at < ranks[k]; at++)
		for (int i = 0; i < s->n_letters; i++)
			if (places[k][i] == at && (!shared || places[1 - k][i] >= 0 || s->y[i] >= 0))
				text[n++] = s->letters[i];
	return n;
}

ADJOINT(contract)
{
	const Spec s = contract_spec(cx, val_str(v, A_SPEC));
	char y[52], other[52], own[52], all[52];
	const int n_y = letters_at(&s, 2, false, y);
	for (int k = 0; k < 2; k++) {
		if (!wanted[k]) continue;
		const Type *t = v->args[k]->type;
		const int n_other = letters_at(&s, 1 - k, false, other), n_own = letters_at(&s, k, true, own);
		const char *spec = arena_printf(cx->arena, "%.*s,%.*s->%.*s", n_y, y, n_other, other, n_own, own);
		const Val *d = b_contract(cx, spec, g, v->args[1 - k]);
		letters_at(&s, k, false, all);
		for (int i = 0, at = 0; i < t->rank; i++) /* a letter that only this operand has: all get the same */
			if (at < n_own && own[at] == all[i]) at++;
			else d = b_unsqueeze(cx, d, i);
		grads[k] = b_expand(cx, d, t->rank, t->dims);
	}
}
