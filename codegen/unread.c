/* unread.c: stores that nothing reads are dropped, and what was only computed for them.
 *
 * fuse.c decides which values are stored before it knows which kernels will compute them: a value may be stored for a reader that
 * then joins its kernel and has it in a register.  Such an array of the workspace is written and never read.  A kernel that
 * stores nothing any more goes, and with it the reads that kept other arrays: so until nothing changes.
 * Arrays that loops carry, count or stop by, and those of statements other than kernels stay.
 */
#include "codegen/kernel.h"

#include <string.h>

typedef struct {
	Program *p;
	bool *kept; /* by ids of buffers: something reads it, or may */
	bool changed;
} Unread;

static void keep(Unread *u, const Buffer *b)
{
	if (b) u->kept[buffer_root(b)->id] = true;
}

static void keep_read(void *user, const Access *a)
{
	if (!a->write) keep(user, a->buffer);
}

static void keep_stmt(void *user, Stmt *s) { stmt_accesses(s, keep_read, user); }

/* ---- sums that no store needs any more ---- */

typedef struct {
	Map needed; /* Acc -> itself */
	Map seen;
} Needed;

static void need_acc(void *user, const Expr *e)
{
	Needed *n = user;
	if (e->kind != EX_ACC || map_get(&n->needed, e->acc)) return;
	map_put(&n->needed, e->acc, e->acc);
	expr_each(e->acc->value, &n->seen, need_acc, n);
	if (e->acc->init) expr_each(e->acc->init, &n->seen, need_acc, n);
}

static void drop_sums(Unread *u, Kernel *k)
{
	Needed needed;
	map_init(&needed.needed, u->p->arena);
	map_init(&needed.seen, u->p->arena);
	for (int i = 0; i < k->n_stores; i++) expr_each(k->stores[i].value, &needed.seen, need_acc, &needed);
	int n = 0;
	for (int i = 0; i < k->n_accs; i++)
		if (map_get(&needed.needed, k->accs[i])) k->accs[n++] = k->accs[i];
	k->n_accs = n;
}

/* ---- stores ---- */

static void drop_stores(void *user, Stmt *s)
{
	Unread *u = user;
	Kernel *k = s->kernel;
	int n = 0;
	for (int i = 0; k && i < k->n_stores; i++) {
		const Buffer *b = buffer_root(k->stores[i].buffer);
		if (b->kind != BUF_WORK || u->kept[b->id]) k->stores[n++] = k->stores[i];
	}
	if (!k || n == k->n_stores) return;
	k->n_stores = n;
	u->changed = true;
	drop_sums(u, k);
}

static void drop_kernels(Block *b)
{
	int n = 0;
	for (int i = 0; i < b->n; i++) {
		Stmt *s = b->stmts[i];
		drop_kernels(&s->body);
		drop_kernels(&s->other);
		if (!s->kernel || s->kernel->n_stores) b->stmts[n++] = s;
	}
	b->n = n;
}

Program *pass_unread(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	Unread u = {.p = p, .kept = NEWN(p->arena, bool, p->n_buffers), .changed = target->fuse};
	while (u.changed) {
		u.changed = false;
		memset(u.kept, 0, sizeof(bool) * (size_t)p->n_buffers);
		for (int i = 0; i < p->n_states; i++) {
			keep(&u, p->carries[i].now);
			keep(&u, p->carries[i].next);
		}
		block_each(&p->block, keep_stmt, &u);
		block_each(&p->block, drop_stores, &u);
		drop_kernels(&p->block);
	}
	return p;
}
