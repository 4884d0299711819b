/* ops_einsum.c: Einsum over any number of operands, by contracts of two, from left to right.
 *
 * Each operand is first made plain: the ellipsis gets letters of its own, a letter that stands twice in one operand takes
 * the diagonal, a dim of 1 against a larger one is dropped, and a letter that nobody else has is summed.
 */
#include "frontend/onnx/compose.h"

#include <ctype.h>
#include <string.h>

enum { MAX_LETTERS = 52 };
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

typedef struct {
	int n;
	char letters[ONNX_MAX_RANK];
} Word;
typedef struct {
	const Val *v;
	Word w;
} Operand;

static int find(const Word *w, char c)
{
	for (int i = 0; i < w->n; i++)
		if (w->letters[i] == c) return i;
	return -1;
}

static void append(const Node *n, Word *w, char c)
{
	if (w->n == ONNX_MAX_RANK) node_fail(n, "attribute equation: a term of more than %d dims", ONNX_MAX_RANK);
	w->letters[w->n++] = c;
}

/* Reads one term up to `,`, `->` or the end.  An ellipsis stands for n_dots letters, the last ones of `dots`. */
static Word read_term(const Node *n, const char **at, const char *dots, int n_dots, bool *has_dots)
{
	Word w = {0};
	const char *s = *at;
	*has_dots = false;
	for (; *s && *s != ',' && strncmp(s, "->", 2) != 0; s++) {
		if (*s == ' ') continue;
		if (strncmp(s, "...", 3) == 0) {
			if (*has_dots) node_fail(n, "attribute equation: two ellipses in one term");
			*has_dots = true;
			for (int i = 0; i < n_dots; i++) append(n, &w, dots[i]);
			s += 2;
		} else if (isalpha((unsigned char)*s)) {
			append(n, &w, *s);
		} else {
			node_fail(n, "attribute equation: %s", onnx_quote(n->cx, s));
		}
	}
	*at = s;
	return w;
}

/* ------------------------------------------------------------------------------------------------ plain operands */

/* x[.., i, .., i, ..] for each i, which takes the first place. */
static void take_diagonal(const Node *n, Operand *t, int first, int second)
{
	Ctx *cx = n->cx;
	const Dim *size = t->v->type->dims[first];
	node_same_dim(
		n, size, t->v->type->dims[second], arena_printf(cx->arena, "the dims of %c", t->w.letters[first]));
	const Val *x = move_axis(cx, move_axis(cx, t->v, second, 0), first + 1, 0);
	const Dim *pairs[] = {size, dim_int(cx, 2)};
	const Val *both = b_expand(cx, b_iota(cx, I64, 2, (const Dim *[]){size, dim_int(cx, 1)}, 0), 2, pairs);
	t->v = move_axis(cx, b_gather_nd(cx, x, both, 0), 0, first);
	memmove(t->w.letters + second, t->w.letters + second + 1, (size_t)(t->w.n - second - 1));
	t->w.n--;
}

static void drop(Ctx *cx, Operand *t, int at, bool sum)
{
	t->v = sum ? b_reduce(cx, "sum", t->v, 1, &at, false) : b_squeeze(cx, t->v, at);
	memmove(t->w.letters + at, t->w.letters + at + 1, (size_t)(t->w.n - at - 1));
	t->w.n--;
}

static void make_plain(const Node *n, int count, Operand *terms, const Word *result)
{
	Ctx *cx = n->cx;
	const Dim *sizes[256] = {0};
	for (int k = 0; k < count; k++) {
		Operand *t = &terms[k];
		for (int i = 0; i < t->w.n; i++)
			for (int j = t->w.n - 1; j > i; j--)
				if (t->w.letters[i] == t->w.letters[j]) take_diagonal(n, t, i, j);
		for (int i = 0; i < t->w.n; i++) {
			const Dim **size = &sizes[(unsigned char)t->w.letters[i]], *have = t->v->type->dims[i];
			if (!*size || dim_is(*size, 1)) *size = have;
			else if (!dim_is(have, 1))
				node_same_dim(
					n, *size, have, arena_printf(cx->arena, "the dims of %c", t->w.letters[i]));
		}
	}
	for (int k = 0; k < count; k++) {
		Operand *t = &terms[k];
		for (int i = t->w.n; i-- > 0;) {
			char c = t->w.letters[i];
			bool elsewhere = find(result, c) >= 0;
			if (t->v->type->dims[i] != sizes[(unsigned char)c]) {
				drop(cx, t, i, false);
				continue;
			}
			for (int other = 0; other < count; other++)
				elsewhere |= other != k && find(&terms[other].w, c) >= 0;
			if (!elsewhere) drop(cx, t, i, true);
		}
	}
}

/* ------------------------------------------------------------------------------------------------ products */

static bool needed(char c, const Word *result, int n_later, const Operand *later)
{
	bool found = find(result, c) >= 0;
	for (int i = 0; i < n_later; i++) found |= find(&later[i].w, c) >= 0;
	return found;
}

/* a := a * b, without the letters that nobody needs any more: neither the result nor the operands that follow b. */
static void multiply(Ctx *cx, Operand *a, const Operand *b, const Word *result, int n_later)
{
	Word y = {0};
	if (n_later == 0) {
		y = *result;
	} else {
		for (int i = 0; i < a->w.n + b->w.n; i++) {
			char c = i < a->w.n ? a->w.letters[i] : b->w.letters[i - a->w.n];
			/* at most 52 letters: no more than ONNX_MAX_RANK */
			if (find(&y, c) < 0 && needed(c, result, n_later, b + 1)) y.letters[y.n++] = c;
		}
	}
	const char *spec =
		arena_printf(cx->arena, "%.*s,%.*s->%.*s", a->w.n, a->w.letters, b->w.n, b->w.letters, y.n, y.letters);
	a->v = b_contract(cx, spec, a->v, b->v);
	a->w = y;
}

static const Val *arranged(Ctx *cx, const Operand *t, const Word *result)
{
	int perm[ONNX_MAX_RANK];
	for (int i = 0; i < result->n; i++) perm[i] = find(&t->w, result->letters[i]);
	return b_permute(cx, t->v, perm);
}

/* ------------------------------------------------------------------------------------------------ the equation */

/* Without `->`: the ellipsis, then the letters that stand once, in alphabetical order. */
static Word implied_result(const Node *n, int count, const Operand *terms, const char *dots, int n_dots)
{
	Word w = {0};
	for (int i = 0; i < n_dots; i++) append(n, &w, dots[i]);
	for (const char *c = alphabet; *c; c++) {
		int times = 0;
		for (int k = 0; k < count; k++)
			for (int i = 0; i < terms[k].w.n; i++) times += terms[k].w.letters[i] == *c;
		if (times == 1 && find(&w, *c) < 0) append(n, &w, *c);
	}
	return w;
}

/* Letters that the equation does not have, for the ellipsis. */
static int free_letters(const char *equation, char *letters)
{
	int count = 0;
	for (const char *c = alphabet; *c; c++)
		if (!strchr(equation, *c)) letters[count++] = *c;
	return count;
}

static void import_einsum(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const char *equation = node_str(n, "equation", ""), *at = equation;
	char dots[MAX_LETTERS];
	int n_free = free_letters(equation, dots), n_dots = 0;
	bool has_dots;
	Operand *terms = NEWN(cx->arena, Operand, n->n_in);
	const char **starts = NEWN(cx->arena, const char *, n->n_in);
	int *missing = NEWN(cx->arena, int, n->n_in); /* dims that the ellipsis stands for */
	for (int k = 0; k < n->n_in; k++) {
		terms[k].v = node_in(n, k, "Inputs");
		starts[k] = at;
		int letters = read_term(n, &at, NULL, 0, &has_dots).n;
		missing[k] = terms[k].v->type->rank - letters;
		if (missing[k] < 0 || (missing[k] > 0 && !has_dots))
			node_fail(n, "attribute equation: %d letters in term %d, which is %s", letters, k,
				type_str(cx, terms[k].v->type));
		if (missing[k] > n_dots) n_dots = missing[k];
		bool more = *at == ',';
		if (more != (k < n->n_in - 1))
			node_fail(n, "attribute equation: %d terms wanted in %s", n->n_in, onnx_quote(cx, equation));
		at += more;
	}
	if (n_dots > n_free) node_fail(n, "attribute equation: more than %d dims", MAX_LETTERS);
	for (int k = 0; k < n->n_in; k++)
		terms[k].w = read_term(n, &starts[k], dots + n_dots - missing[k], missing[k], &has_dots);
	Word result;
	if (*at == '-') {
		at += 2;
		result = read_term(n, &at, dots, n_dots, &has_dots);
		if (*at) node_fail(n, "attribute equation: %s", onnx_quote(cx, equation));
	} else {
		result = implied_result(n, n->n_in, terms, dots, n_dots);
	}
	for (int i = 0; i < result.n; i++) {
		bool found = false;
		for (int k = 0; k < n->n_in; k++) found |= find(&terms[k].w, result.letters[i]) >= 0;
		if (!found || find(&result, result.letters[i]) != i)
			node_fail(n, "attribute equation: %c of the result in %s", result.letters[i],
				onnx_quote(cx, equation));
	}
	for (int k = 1; k < n->n_in; k++)
		if (terms[k].v->type->elem != terms[0].v->type->elem)
			node_fail(n, "inputs of one type wanted, %s and %s seen", type_str(cx, terms[0].v->type),
				type_str(cx, terms[k].v->type));
	make_plain(n, n->n_in, terms, &result);
	for (int k = 1; k < n->n_in; k++) multiply(cx, &terms[0], &terms[k], &result, n->n_in - 1 - k);
	out[0] = arranged(cx, &terms[0], &result);
}

/* ---------------------------------------------------------------------------------------------------- Det */

/* One step of Gaussian elimination with row exchange: (k, matrix, det) -> (matrix, det). */
static const Graph *elimination(Ctx *cx, Elem elem, const Dim *size)
{
	const Type *vector = type_new(cx, I64, 1, &size);
	const Type *matrix = type_new(cx, elem, 2, (const Dim *[]){size, size});
	const Val *p[] = {val_param(cx, 0, matrix), val_param(cx, 1, type_scalar(cx, elem)),
		val_param(cx, 2, type_scalar(cx, I64))};
	const Val *k = p[2], *i = b_iota(cx, I64, 1, vector->dims, 0), *zero = b_scalar(cx, elem, 0);
	const Val *column = b_gather(cx, p[0], k, 1), *below = binary(cx, OP_EW_ge, i, k);
	const Val *weight = b_select(cx, below, b_ew1(cx, OP_EW_abs, column), b_scalar(cx, elem, -1));
	const Val *pivot = b_argreduce(cx, "max", weight, 0, false);
	const Val *exchanged =
		b_select(cx, binary(cx, OP_EW_eq, i, k), pivot, b_select(cx, binary(cx, OP_EW_eq, i, pivot), k, i));
	const Val *rows = b_gather(cx, p[0], exchanged, 0), *row = b_gather(cx, rows, k, 0),
		  *head = b_gather(cx, row, k, 0);
	const Val *factor = binary(cx, OP_EW_div, b_gather(cx, rows, k, 1), head);
	const Val *used = binary(cx, OP_EW_and, binary(cx, OP_EW_gt, i, k), binary(cx, OP_EW_ne, head, zero));
	factor = b_unsqueeze(cx, b_select(cx, used, factor, zero), 1);
	const Val *sign = b_select(cx, binary(cx, OP_EW_eq, pivot, k), head, b_ew1(cx, OP_EW_neg, head));
	const Val *results[] = {
		binary(cx, OP_EW_sub, rows, binary(cx, OP_EW_mul, factor, row)), binary(cx, OP_EW_mul, p[1], sign)};
	return graph_new(cx, "eliminate", 3, p, NULL, 2, results, NULL);
}

static void import_det(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X");
	const Type *t = x->type;
	Elem elem = t->elem;
	if (t->rank < 2 || !elem_is_float(elem)) node_fail(n, "matrices of floats wanted, %s seen", type_str(cx, t));
	node_same_dim(n, t->dims[t->rank - 2], t->dims[t->rank - 1], "the matrix's dims");
	const Dim *size = t->dims[t->rank - 1], *batch = dim_product(cx, t->rank - 2, t->dims);
	const Dim *flat[] = {batch, size, size};
	/* one matrix: a scan over its columns; all of them: a scan over the batch */
	const Val *one = val_param(cx, 0, type_new(cx, elem, 2, flat + 1));
	const Val *args[] = {one, b_scalar(cx, elem, 1), b_iota(cx, I64, 1, &size, 0)};
	const Val *det = val_get(cx, b_scan(cx, elimination(cx, elem, size), 0, 2, 3, args, size, false), 1);
	const Val *all = b_reshape(cx, x, 3, flat);
	const Val *dets = b_scan(cx, graph_new(cx, "det", 1, &one, NULL, 1, &det, NULL), 0, 0, 1, &all, batch, false);
	out[0] = b_reshape(cx, val_get(cx, dets, 0), t->rank - 2, t->dims);
}

const Importer onnx_ops_einsum[] = {
	{"", "Einsum", 12, 0, "equation", 1, -1, 1, import_einsum},
	{"", "Det", 11, 0, "", 1, 1, 1, import_det},
	{.op = NULL},
};
