/* pairs.c: products of bf16 weights whose other operand is rounded to bf16, too, to the nearest even.
 *
 *     contract %x cast(const bf16[K, N], f32)   =>   contract cast(cast(%x, bf16), f32) cast(const bf16[K, N], f32)
 * A product of two such numbers is exact in f32, and one instruction multiplies two numbers with two weights and adds both to
 * an f32, where the target has it (pack.c).  Two passes do it:
 *   products  all of them, in bodies as well, on any target: --products-dtype bf16.  A step of a recurrence rounds its state as
 *             the run over the sequence does.  Each number is rounded once, wherever it is read.
 *   pairs     for a target that has the instruction, only where that pays and errors do not add up from step to step: outside
 *             of loops, with ROWS rows of numbers or more for each weight, over an even number of them.
 * Requires: narrow_bf16.   Keeps: all shapes; not the values.
 */
#include "passes/rewrite.h"

enum { ROWS = 8 };

static const Val *base_of(const Val *v)
{
	while (op_is_view(v->op)) v = v->args[0];
	return v;
}

static bool is_weight(const Val *v)
{
	v = base_of(v);
	return v->op == OP_EW_cast && v->args[0]->op == OP_const && v->args[0]->type->elem == BF16 &&
		v->type->elem == F32;
}

/* A number may stand in it several times. */
static bool repeats(const Val *v)
{
	for (; op_is_view(v->op); v = v->args[0])
		if (v->op == OP_window || v->op == OP_expand) return true;
	return false;
}

/* Whether operand x of the product has that many rows for each weight, and sums run over pairs. */
static bool pays(const Val *v, int x)
{
	const Letters l = letters_of(v);
	const Type *t = v->args[x]->type;
	int64_t rows = 1, n = 0;
	for (int d = 0; d < t->rank; d++) {
		const char letter = l.of[x][d];
		const bool summed = letters_find(&l, 2, letter) < 0, shared = letters_find(&l, !x, letter) >= 0;
		if (!summed && !shared && rows < ROWS) rows *= dim_hi(t->dims[d]) < ROWS ? dim_hi(t->dims[d]) : ROWS;
		if (summed && (n || !dim_is_int(t->dims[d], &n))) return false; /* over several */
	}
	return rows >= ROWS && n > 0 && n % 2 == 0;
}

static const Val *rounded(Ctx *cx, const Val *x) { return b_cast(cx, b_cast(cx, x, BF16), F32); }

static const Val *pairs_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	for (int x = 0; old->op == OP_contract && x < 2; x++)
		if (is_weight(old->args[!x]) && !repeats(old->args[x]) && base_of(old->args[x])->op != OP_const &&
			pays(old, x)) {
			const Val *made[2] = {args[0], args[1]};
			made[x] = rounded(rw->cx, args[x]);
			return val_with(rw->cx, old, made);
		}
	return NULL;
}

static const Graph *as_it_is(Rewrite *rw, const Graph *body)
{
	(void)rw;
	return body;
}

const Graph *pass_pairs(Ctx *cx, const Graph *g)
{
	Rewrite rw = {.fn = pairs_val, .graph_fn = as_it_is};
	return graph_rewrite(cx, g, &rw);
}

/* Below views, where several may read it; but what a slice leaves out is not rounded. */
static const Val *rounded_once(Ctx *cx, const Val *x)
{
	if (!op_is_view(x->op) || (x->op == OP_slice && !repeats(x))) return rounded(cx, x);
	const Val *below = rounded_once(cx, x->args[0]);
	return val_with(cx, x, &below);
}

static const Val *products_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	for (int x = 0; old->op == OP_contract && x < 2; x++)
		if (is_weight(old->args[!x]) && !is_weight(old->args[x])) {
			const Val *made[2] = {args[0], args[1]};
			made[x] = rounded_once(rw->cx, args[x]);
			return val_with(rw->cx, old, made);
		}
	return NULL;
}

const Graph *pass_products(Ctx *cx, const Graph *g)
{
	Rewrite rw = {.fn = products_val};
	return graph_rewrite(cx, g, &rw);
}
