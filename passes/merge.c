/* merge.c: contracts of one operand with several constants become one, with the constants concatenated.
 *
 *     h·Ri, h·Rf, h·Rg, h·Ro   =>   a = h·[Ri Rf Rg Ro], and slices of a
 *
 * The four gate products read h once; lowering takes the slices back into one kernel.  The specs must be the same but for
 * the names of the letters, and the constants' dims but for that of a letter of their own that the result has: the one that
 * is concatenated along.  Constants that were slices of one are put back in its order, and then it is used as it is.
 *
 * Requires: canon.   Keeps: every element.
 */
#include "passes/rewrite.h"

#include <string.h>

typedef struct {
	const Val *val;
	const Val *x, *w; /* the shared operand, the constant */
	Letters s;        /* x first; letters named in order */
} Product;

typedef struct {
	int n;
	const Product **members;
	char letter; /* concatenated along */
} Group;

/* Letters as they come in x, then w: equal specs are then equal text. */
static Letters normal_letters(const Val *v, int which_x)
{
	Letters s = letters_of(v), out = {0};
	char name[128] = {0};
	int n = 0;
	for (int k = 0; k < 3; k++) {
		const char *from = s.of[k == 2 ? 2 : k == 0 ? which_x : !which_x];
		for (int i = 0; from[i]; i++) {
			unsigned char c = (unsigned char)from[i];
			if (!name[c]) {
				name[c] = (char)(n < 26 ? 'a' + n : 'A' + n - 26);
				n++;
			}
			out.of[k][i] = name[c];
		}
	}
	return out;
}

static bool same_letters(const Letters *a, const Letters *b)
{
	return strcmp(a->of[0], b->of[0]) == 0 && strcmp(a->of[1], b->of[1]) == 0 && strcmp(a->of[2], b->of[2]) == 0;
}

/* May w join along the letter? */
static bool joins(const Product *a, const Product *b, char letter)
{
	if (a->x != b->x || !same_letters(&a->s, &b->s)) return false;
	for (int i = 0; i < a->w->type->rank; i++)
		if (a->s.of[1][i] != letter && a->w->type->dims[i] != b->w->type->dims[i]) return false;
	return true;
}

/* Where a constant begins in what it is a slice of, so that slices of one can be put in order. */
static int64_t start_of(const Product *p, char letter)
{
	int64_t at = 0;
	if (p->w->op == OP_slice) dim_is_int(val_dims(p->w, A_START)[letters_find(&p->s, 1, letter)], &at);
	return at;
}

static bool goes_before(const Product *a, const Product *b, char letter)
{
	if (a->w->op != OP_slice || b->w->op != OP_slice || a->w->args[0] != b->w->args[0]) return false;
	return start_of(a, letter) < start_of(b, letter);
}

/* All products from the i-th on that join it, along the letter that takes in most. */
static Group group_from(Ctx *cx, int n, Product *products, int i, const Map *taken)
{
	Group best = {0};
	const Product *p = &products[i];
	for (const char *c = p->s.of[1]; *c; c++) {
		if (letters_find(&p->s, 0, *c) >= 0 || letters_find(&p->s, 2, *c) < 0) continue;
		Group g = {.members = NEWN(cx->arena, const Product *, n - i), .letter = *c};
		for (int k = i; k < n; k++) {
			if (!joins(p, &products[k], *c) || map_get(taken, products[k].val)) continue;
			int at = g.n++;
			for (; at > 0 && goes_before(&products[k], g.members[at - 1], *c); at--)
				g.members[at] = g.members[at - 1];
			g.members[at] = &products[k];
		}
		if (g.n > best.n) best = g;
	}
	return best;
}

/* The constants as one constant, or NULL where that would have to be made at run time. */
static const Val *join_constants(Ctx *cx, const Group *g)
{
	const Val **parts = NEWN(cx->arena, const Val *, g->n);
	for (int i = 0; i < g->n; i++) parts[i] = g->members[i]->w;
	const Val *w = b_concat(cx, g->n, parts, letters_find(&g->members[0]->s, 1, g->letter));
	const Val *view = simplify_move(cx, w);
	if (view && is_constant(view)) return view;
	const Val *folded = fold_value(cx, w);
	return folded && is_constant(folded) ? folded : NULL;
}

typedef struct {
	Map merged; /* contract -> what stands for it */
} Merge;

static void merge_group(Ctx *cx, Merge *m, const Group *g)
{
	const Product *p = g->members[0];
	const char *loc = cx->loc;
	cx->loc = p->val->loc;
	const Val *w = g->n > 1 ? join_constants(cx, g) : NULL;
	if (w) {
		const Val *y = b_contract(cx, letters_text(cx, &p->s), p->x, w);
		int axis = letters_find(&p->s, 2, g->letter), axis_w = letters_find(&p->s, 1, g->letter);
		const Dim *at = dim_int(cx, 0);
		for (int i = 0; i < g->n; i++) {
			const Dim *size = g->members[i]->w->type->dims[axis_w];
			map_put(&m->merged, g->members[i]->val, b_slice(cx, y, axis, at, size, 1));
			at = dim_add(cx, at, size);
		}
	}
	cx->loc = loc;
}

static const Val *merge_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	Merge *m = rw->user;
	const Val *y = map_get(&m->merged, old);
	return y ? rewrite_val(rw, y) : val_with(rw->cx, old, args);
}

static const Graph *merge_graph(Ctx *, const Graph *);

static const Graph *merge_body(Rewrite *rw, const Graph *body) { return merge_graph(rw->cx, body); }

static const Graph *merge_graph(Ctx *cx, const Graph *g)
{
	Order order = graph_order(cx->arena, g);
	Product *products = NEWN(cx->arena, Product, order.n);
	int n = 0;
	Merge m;
	map_init(&m.merged, cx->arena);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		if (v->op != OP_contract || is_constant(v->args[0]) == is_constant(v->args[1])) continue;
		int which_x = is_constant(v->args[0]);
		products[n++] = (Product){v, v->args[which_x], v->args[!which_x], normal_letters(v, which_x)};
	}
	for (int i = 0; i < n; i++) {
		if (map_get(&m.merged, products[i].val)) continue;
		Group group = group_from(cx, n, products, i, &m.merged);
		if (group.n > 1) merge_group(cx, &m, &group);
	}
	Rewrite rw = {.user = &m, .fn = merge_val, .graph_fn = merge_body};
	return graph_rewrite(cx, g, &rw);
}

const Graph *pass_merge(Ctx *cx, const Graph *g) { return merge_graph(cx, g); }
