/* kprint.c: kernels as text: for dumps, golden tests and the comment above each C function.
 *
 *     k_mul (i 3, j 24) step t
 *       a0 = u[t, i, j + 48] + sum(k 24) h[i, k] * R[j + 48, k]
 *       c[i, j] = sigmoid(a0) * c[i, j] + sigmoid(a1) * tanh(a2)
 *       lanes j 16, registers 3 rows of i, packed R
 */
#include "codegen/emit.h"

#include <inttypes.h>
#include <string.h>

static void print_index(Buf *b, const Index *x);
static void print_expr(Buf *b, const Kernel *k, const Expr *e, int above);

static void print_atom(Buf *b, const Atom *a)
{
	if (a->kind == ATOM_VAR) {
		buf_puts(b, a->var->name);
	} else if (a->kind == ATOM_EXPR) {
		buf_puts(b, "int(");
		print_expr(b, NULL, a->expr, 0);
		buf_puts(b, ")");
	} else {
		const bool parens = a->a->n_terms != 1 || !dim_is(a->a->terms[0].coef, 1) || !dim_is(a->a->base, 0);
		const bool number = dim_is_int(a->n, NULL);
		buf_puts(b, parens ? "(" : "");
		print_index(b, a->a);
		buf_puts(b, parens ? ")" : "");
		buf_puts(b, a->kind == ATOM_DIV ? "/" : "%");
		buf_puts(b, number ? "" : "(");
		dim_print(b, a->n);
		buf_puts(b, number ? "" : ")");
	}
}

static void print_index(Buf *b, const Index *x)
{
	bool any = false;
	for (int i = 0; i < x->n_terms; i++) {
		const Dim *c = x->terms[i].coef;
		buf_puts(b, dim_is(c, -1) ? (any ? " - " : "-") : any ? " + " : "");
		if (!dim_is(c, 1) && !dim_is(c, -1)) {
			dim_print(b, c);
			buf_puts(b, "*");
		}
		print_atom(b, x->terms[i].atom);
		any = true;
	}
	int64_t v;
	if (dim_is_int(x->base, &v)) {
		if (v || !any)
			buf_printf(b,
				any && v < 0  ? " - %" PRId64
					: any ? " + %" PRId64
					      : "%" PRId64,
				any && v < 0 ? -v : v);
	} else {
		buf_puts(b, any ? " + " : "");
		dim_print(b, x->base);
	}
}

static void print_place(Buf *b, const Buffer *buffer, const Index *const *index)
{
	buf_puts(b, buffer_root(buffer)->name);
	for (int i = 0; i < buffer->rank; i++) {
		buf_puts(b, i ? ", " : "[");
		print_index(b, index[i]);
	}
	buf_puts(b, buffer->rank ? "]" : "");
}

enum { MAX_EXPR_TEXT = 8000 }; /* an expression may have far more paths than parts */

/* `above`: how tightly the place binds: 0 not at all, 1 a sum, 2 a product. */
static void print_part(Buf *b, size_t end, const Kernel *k, const Expr *e, int above)
{
	if (b->size > end) {
		buf_puts(b, "..");
		return;
	}
	static const struct {
		Op op;
		const char *sign;
		int binds;
	} infix[] = {{OP_EW_add, " + ", 1}, {OP_EW_sub, " - ", 1}, {OP_EW_mul, " * ", 2}, {OP_EW_div, " / ", 2}};
	switch (e->kind) {
	case EX_CONST:
		if (elem_is_float(e->elem)) buf_printf(b, "%.9g", e->number);
		else buf_printf(b, "%" PRId64, e->integer);
		return;
	case EX_DIM: dim_print(b, e->dim); return;
	case EX_INDEX: print_index(b, e->value); return;
	case EX_LOAD: print_place(b, e->buffer, e->index); return;
	case EX_ACC: buf_printf(b, "a%d", k ? acc_register(k, e->acc) : e->acc->id); return;
	case EX_ROUND: print_part(b, end, k, e->args[0], above); return;
	case EX_OP: break;
	}
	for (size_t i = 0; i < sizeof infix / sizeof *infix; i++)
		if (e->op == infix[i].op) {
			bool parens = infix[i].binds < above;
			buf_puts(b, parens ? "(" : "");
			print_part(b, end, k, e->args[0], infix[i].binds);
			buf_puts(b, infix[i].sign);
			print_part(b, end, k, e->args[1], infix[i].binds + (e->op == OP_EW_sub || e->op == OP_EW_div));
			buf_puts(b, parens ? ")" : "");
			return;
		}
	buf_puts(b, e->op == OP_EW_cast ? elem_info[e->elem].name : op_info[e->op].name);
	for (int i = 0; i < e->n_args; i++) {
		buf_puts(b, i ? ", " : "(");
		print_part(b, end, k, e->args[i], 0);
	}
	buf_puts(b, ")");
}

static void print_expr(Buf *b, const Kernel *k, const Expr *e, int above)
{
	print_part(b, b->size + MAX_EXPR_TEXT, k, e, above);
}

static void print_acc(Buf *b, const Kernel *k, const Acc *a)
{
	static const char *const names[] = {
		[ACC_SUM] = "sum", [ACC_PROD] = "prod", [ACC_MAX] = "max", [ACC_MIN] = "min"};
	buf_printf(b, a->into ? "  a%d += " : "  a%d = ", acc_register(k, a));
	if (a->init && !a->into) {
		print_expr(b, k, a->init, 1);
		buf_puts(b, " + ");
	}
	buf_printf(b, "%s(", names[a->kind]);
	for (int i = 0; i < a->n_vars; i++) {
		buf_printf(b, "%s%s ", i ? ", " : "", a->vars[i]->name);
		dim_print(b, a->vars[i]->extent);
	}
	buf_puts(b, ") ");
	print_expr(b, k, a->value, 2);
	buf_puts(b, "\n");
}

/* What is inside of its loops, and the schedule. */
static void print_inner(Buf *b, const Kernel *k)
{
	const Schedule *s = &k->schedule;
	for (int i = 0; i < k->n_accs; i++) print_acc(b, k, k->accs[i]);
	for (int i = 0; i < k->n_stores; i++) {
		buf_puts(b, "  ");
		print_place(b, k->stores[i].buffer, k->stores[i].index);
		buf_puts(b, " = ");
		int same = 0;
		while (k->stores[same].value != k->stores[i].value) same++;
		if (same < i && k->stores[i].value->kind != EX_CONST)
			print_place(b, k->stores[same].buffer, k->stores[same].index);
		else print_expr(b, k, k->stores[i].value, 0);
		buf_puts(b, "\n");
	}
	if (k->where) {
		buf_puts(b, k->unless ? "  unless " : "  where ");
		print_expr(b, k, k->where, 0);
		buf_puts(b, "\n");
	}
	if (s->fold_lanes) buf_printf(b, "  sums in %d lanes\n", FOLD_LANES);
	if (s->vector < 0) {
		buf_puts(b, s->parallel ? "  parallel\n" : "");
		return;
	}
	buf_printf(b, "  lanes %s %d", k->vars[s->vector]->name, s->lanes);
	if (s->unroll > 1) buf_printf(b, " x %d", s->unroll);
	if (s->rows >= 0 && !k->n_accs) buf_printf(b, "; squares with %s", k->vars[s->rows]->name);
	else if (s->rows >= 0) buf_printf(b, "; %d rows of %s", s->row_tile, k->vars[s->rows]->name);
	if (k->n_packs) buf_puts(b, "; constants packed");
	if (s->turn) buf_printf(b, "; backwards at odd %s", s->turn->name);
	for (int i = 0; i < k->n_fetches; i++) {
		buf_puts(b, i ? ", " : "; fetches ");
		print_place(b, k->fetches[i].buffer, k->fetches[i].index);
	}
	buf_puts(b, s->parallel ? "; parallel\n" : "\n");
}

/* The variables of its loops from number `first` on, and of what is in them. */
static void print_vars(Buf *b, const Kernel *k, int first)
{
	const char *sep = " (";
	for (int i = 0; i < k->n_vars; i++) {
		bool outer = false;
		for (int n = 0; n < first; n++) outer |= kernel_loop(k, n) == k->vars[i];
		if (outer) continue;
		buf_printf(b, "%s%s ", sep, k->vars[i]->name);
		dim_print(b, k->vars[i]->extent);
		sep = ", ";
	}
	buf_puts(b, *sep == ',' ? ")" : "");
}

void kernel_print(Buf *b, const Kernel *k)
{
	buf_puts(b, k->name);
	print_vars(b, k, 0);
	buf_puts(b, "\n");
	print_inner(b, k);
}

void rows_print(Buf *b, const Stmt *s)
{
	const Kernel *first = s->body.stmts[0]->kernel;
	buf_puts(b, s->name);
	for (int i = 0; i < s->n_shared; i++) {
		buf_printf(b, "%s%s ", i ? ", " : " (", kernel_loop(first, i)->name);
		dim_print(b, kernel_loop(first, i)->extent);
	}
	buf_puts(b, s->sliced ? "), row by row, parallel\n" : "), row by row\n");
	for (int i = 0; i < s->body.n; i++) {
		const Kernel *k = s->body.stmts[i]->kernel;
		if (i || k->n_vars > s->n_shared) {
			buf_puts(b, i ? "then" : "first");
			print_vars(b, k, s->n_shared);
			buf_puts(b, "\n");
		}
		print_inner(b, k);
	}
}

static void print_block(Buf *b, const Block *block, int depth)
{
	for (int i = 0; i < block->n; i++) {
		const Stmt *s = block->stmts[i];
		for (int d = 0; d < depth; d++) buf_puts(b, "  ");
		if (s->barrier) buf_puts(b, "after a barrier: ");
		if (s->rank) buf_printf(b, "%d behind: ", s->rank);
		if (s->owner == OWNER_ALL) buf_puts(b, "all: ");
		else if (s->owner != OWNER_NONE) buf_printf(b, "thread %d: ", s->owner - 1);
		if (s->kind == ST_KERNEL) {
			kernel_print(b, s->kernel);
		} else if (s->kind == ST_ROWS) {
			rows_print(b, s);
		} else if (s->kind == ST_SPECIAL) {
			buf_printf(b, "%s %s =", op_info[s->val->op].name, s->out->name);
			for (int k = 0; k < s->n_ins; k++) buf_printf(b, " %s", s->ins[k]->name);
			buf_puts(b, "\n");
		} else if (s->kind == ST_CHECK) {
			buf_puts(b, "check ");
			dim_print(b, s->seen);
			buf_puts(b, s->at_least ? " >= " : " = ");
			dim_print(b, s->want);
			if (s->where) {
				buf_puts(b, " where ");
				dim_print(b, s->where);
				buf_puts(b, " > 0");
			}
			buf_puts(b, "\n");
		} else if (s->kind == ST_SIZE) {
			buf_puts(b, s->guard ? "guard " : s->size ? "size " : "check ");
			if (s->guard) buf_puts(b, s->guard);
			else dim_print(b, s->want);
			buf_puts(b, " = ");
			print_expr(b, NULL, s->cond, 0);
			buf_puts(b, "\n");
		} else if (s->kind == ST_IF) {
			buf_puts(b, "if ");
			print_expr(b, NULL, s->cond, 0);
			buf_puts(b, "\n");
			print_block(b, &s->body, depth + 1);
			buf_puts(b, "else\n");
			print_block(b, &s->other, depth + 1);
		} else {
			buf_printf(b, "%s %s ", s->reverse ? "for reverse" : s->go ? "while" : "for", s->var->name);
			dim_print(b, s->length);
			if (s->by) buf_printf(b, " in chunks of %" PRId64, s->by);
			if (s->n_ranks) buf_printf(b, ", by %d threads", s->n_ranks);
			for (int c = 0; c < s->n_carries; c++)
				buf_printf(b, s->carries[c].next ? ", %s <- %s" : ", %s in place",
					s->carries[c].now->name, s->carries[c].next ? s->carries[c].next->name : "");
			buf_puts(b, "\n");
			print_block(b, &s->body, depth + 1);
		}
	}
}

/* Only where it is another than the dims': "stored contract: dims 1 0". */
static void print_order(Buf *b, const Buffer *x)
{
	bool natural = true;
	for (int d = 0; d < x->rank; d++) natural &= x->order[d] == d;
	if (natural) return;
	buf_printf(b, "stored %s: dims", x->name);
	for (int d = 0; d < x->rank; d++) buf_printf(b, " %d", x->order[d]);
	buf_puts(b, "\n");
}

void program_print(Buf *b, const Program *p)
{
	buf_printf(b, "program %s\n", p->name);
	for (int i = 0; i < p->n_states; i++)
		buf_printf(b, p->carries[i].next ? "state %s <- %s\n" : "state %s in place\n", p->carries[i].now->name,
			p->carries[i].next ? p->carries[i].next->name : "");
	for (int i = 0; i < p->n_buffers; i++) {
		const Buffer *x = p->buffers[i];
		print_order(b, x);
		if (x->kind != BUF_WORK || x->alias || x->slot < 0) continue;
		buf_printf(b, "slot %d: %s ", x->slot, x->name);
		type_print(b, buffer_stored(p->cx, x));
		if (x->copies) buf_printf(b, " for each of %d threads", x->copies);
		buf_printf(b, " live %d..%d\n", x->first, x->last);
	}
	print_block(b, &p->block, 0);
}
