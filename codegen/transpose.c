/* transpose.c: operands of products that lanes would gather are first copied in an order in which they are read at once.
 *
 *     s[i, j] = sum(k) q[i, k] * k[j, k]     lanes along j: of the keys, each vector is gathered from as many rows
 *     =>  k_turned[j, k] = k[j, k], stored with j innermost;  s[i, j] = sum(k) q[i, k] * k_turned[j, k]
 * Constants are repacked when the model is compiled (pack.c), arrays of our own have the order that their producer likes
 * (vectorise.c); this is for inputs, and for arrays that somebody else reads the other way.  It pays where each element is read
 * many times over: the copy gathers each of them once.  What is computed does not change.
 */
#include "codegen/lower.h"

#include <string.h>

enum { LEAST_READS = 16 }; /* of each element: more than rows of a register tile, which share one gather */

typedef struct {
	Program *p;
	void (*made)(void *user, Stmt *); /* called on each copy */
	void *user;
	Kernel *kernel;
	const Acc *acc;
	Block *block; /* the copies go there, before the kernel */
	Subst subst;
	Map copies; /* Buffer -> its copy, for this kernel */
} Transpose;

/* The dim of the array that v, and nothing else of its place, walks along one by one, far apart in memory; -1: there is none. */
static int walked_dim(Program *p, const Expr *load, const Var *v)
{
	const Buffer *b = load->buffer;
	const Dim *stride = index_stride(p, buffer_offset(p, b, load->index), v);
	int walked = -1, n = 0;
	if (!stride || dim_is(stride, 0) || dim_is(stride, 1)) return -1;
	for (int d = 0; d < b->rank; d++)
		if (index_uses(load->index[d], v)) walked = d, n++;
	return n == 1 && dim_is(index_stride(p, load->index[walked], v), 1) ? walked : -1;
}

static bool pays(const Kernel *k, const Acc *acc, const Buffer *b)
{
	double reads = 1;
	for (int i = 0; i < k->n_vars; i++) reads *= dim_estimate(k->vars[i]->extent);
	for (int i = 0; i < acc->n_vars; i++) reads *= dim_estimate(acc->vars[i]->extent);
	for (int d = 0; d < b->rank; d++) reads /= dim_estimate(b->dims[d]);
	return reads >= LEAST_READS;
}

/* A copy of the array, with that dim innermost, and the kernel that makes it. */
static const Buffer *copy_turned(Transpose *t, const Buffer *b, int innermost)
{
	Program *p = t->p;
	Buffer *to = buffer_new(p, BUF_WORK, arena_printf(p->arena, "%s_turned", b->name), b->role,
		type_new(p->cx, b->elem, b->rank, b->dims));
	Kernel *k = NEW(p->arena, Kernel);
	Stmt *s = NEW(p->arena, Stmt);
	const Var **vars = NEWN(p->arena, const Var *, b->rank);
	const Index **index = NEWN(p->arena, const Index *, b->rank);
	*k = (Kernel){.name = unique_name(p, "k_transpose"), .text = t->kernel->text, .vars = vars, .n_stores = 1};
	int n = 0;
	for (int d = 0; d < b->rank; d++)
		if (d != innermost) to->order[n++] = d;
	to->order[n] = innermost;
	for (int i = 0; i < b->rank; i++) {
		const int d = to->order[i];
		const Var *v = var_new(p, arena_printf(p->arena, "i%d", d), b->dims[d]);
		index[d] = index_var(p, v);
		if (!dim_is(b->dims[d], 1)) vars[k->n_vars++] = v;
	}
	k->stores = NEW(p->arena, Store);
	k->stores[0] = (Store){to, index, expr_load(p, b, index)};
	k->schedule = (Schedule){.vector = -1, .lanes = 1, .unroll = 1, .rows = -1, .row_tile = 1};
	*s = (Stmt){.kind = ST_KERNEL, .kernel = k};
	t->made(t->user, s);
	block_add(p, t->block, s);
	return to;
}

static void visit(void *user, const Expr *e)
{
	Transpose *t = user;
	if (e->kind != EX_LOAD || e->elem != F32 || map_get(&t->subst.done, e)) return;
	const Buffer *b = e->buffer;
	if (b->kind == BUF_CONST || b->chunks || !pays(t->kernel, t->acc, b)) return;
	const int d = walked_dim(t->p, e, t->kernel->vars[t->kernel->schedule.vector]);
	if (d < 0) return;
	for (int i = 0; i < t->kernel->n_stores; i++) /* as it is before the kernel: no other than what it reads */
		if (buffer_root(t->kernel->stores[i].buffer) == buffer_root(b)) return;
	const Buffer *to = map_get(&t->copies, b);
	if (!to || to->order[b->rank - 1] != d) map_put(&t->copies, b, to = copy_turned(t, b, d));
	map_put(&t->subst.done, e, expr_load(t->p, to, e->index));
}

static void turn_operands(Transpose *t)
{
	Kernel *k = t->kernel;
	Map seen;
	map_init(&seen, t->p->arena);
	t->subst = subst_new(t->p);
	map_init(&t->copies, t->p->arena);
	for (int i = 0; i < k->n_accs; i++) {
		map_put(&t->subst.done, k->accs[i], k->accs[i]);
		t->acc = k->accs[i];
		expr_each(k->accs[i]->value, &seen, visit, t);
	}
	for (int i = 0; t->copies.n && i < k->n_accs; i++) k->accs[i]->value = subst_expr(&t->subst, k->accs[i]->value);
}

static void turn_block(Transpose *t, Block *b)
{
	Block made = {0};
	for (int i = 0; i < b->n; i++) {
		Stmt *s = b->stmts[i];
		turn_block(t, &s->body);
		turn_block(t, &s->other);
		t->kernel = s->kernel;
		t->block = &made;
		if (s->kernel && s->kernel->schedule.vector >= 0 && s->kernel->schedule.lanes > 1) turn_operands(t);
		block_add(t->p, &made, s);
	}
	*b = made;
}

void transpose_operands(Program *p, void (*made)(void *, Stmt *), void *user)
{
	turn_block(&(Transpose){.p = p, .made = made, .user = user}, &p->block);
}
