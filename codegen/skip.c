/* skip.c: the rows of a step whose sequences have ended are not computed.
 *
 *     h_next[i, j] = select(runs[i], .. sums .., h[i, j])     where runs[i];  elsewhere h_next[i, j] = h[i, j]
 *
 * A kernel whose stores all choose by one mask between something with sums and something without computes the sums only where
 * the mask wants them: the printed loop over rows asks each row, goes on with a whole register tile where the next rows all
 * run, and with one row where they do not.  What other kernels prepare for such rows, and nobody else reads, is skipped there
 * as well: a reset gate in the same step, and x W + b of all steps, made before the loop, by the mask of that step.  So the
 * sums of a padded batch are those of its sequences one by one, whatever the order of the rows.
 *
 * PyTorch packs such a batch: rows sorted by length, an active prefix at each step.  That would move every row of the inputs
 * and outputs twice, and change which rows share a tile; here nothing moves, a full batch runs the same tiles as before, and
 * rows that happen to be sorted by length still fill them.  A row's sums do not depend on its tile, so no bit changes.
 * Requires: the schedule.   Keeps: what is computed, where anything reads it.
 */
#include "codegen/kernel.h"

/* ---- expressions ---- */

static void see_acc(void *found, const Expr *e) { *(bool *)found |= e->kind == EX_ACC; }

static bool has_sums(const Expr *e)
{
	bool found = false;
	expr_walk(e, see_acc, &found);
	return found;
}

static bool is_affine(const Index *x)
{
	for (int i = 0; i < x->n_terms; i++)
		if (x->terms[i].atom->kind != ATOM_VAR) return false;
	return true;
}

/* Is it made of loads at affine indices, sizes and indices? */
static bool is_plain(const Expr *e)
{
	if (e->kind == EX_CONST || e->kind == EX_DIM) return true;
	if (e->kind == EX_INDEX) return is_affine(e->value);
	bool plain = e->kind == EX_LOAD || e->kind == EX_OP;
	for (int i = 0; plain && e->kind == EX_LOAD && i < e->buffer->rank; i++) plain = is_affine(e->index[i]);
	for (int i = 0; plain && i < e->n_args; i++) plain = is_plain(e->args[i]);
	return plain;
}

/* The variable that the index is; NULL: something else. */
static const Var *index_is_var(const Index *x)
{
	bool is = x->n_terms == 1 && dim_is(x->base, 0) && x->terms[0].atom->kind == ATOM_VAR &&
		dim_is(x->terms[0].coef, 1);
	return is ? x->terms[0].atom->var : NULL;
}

/* ---- what reads and stores what ---- */

typedef struct {
	const Buffer *root;
	bool found;
} Reads;

static void see_read(void *user, const Access *a)
{
	Reads *r = user;
	r->found |= !a->write && buffer_root(a->buffer) == r->root;
}

static bool reads(const Expr *e, const Buffer *b)
{
	Reads r = {.root = buffer_root(b)};
	expr_accesses(e, see_read, &r);
	return r.found;
}

static bool index_reads(const Index *x, const Buffer *b)
{
	Reads r = {.root = buffer_root(b)};
	index_accesses(x, see_read, &r);
	return r.found;
}

static bool kernel_reads(const Kernel *k, const Buffer *b)
{
	Reads r = {.root = buffer_root(b)};
	kernel_accesses(k, see_read, &r);
	return r.found;
}

/* ---- a kernel's own mask ---- */

/* Lanes take one way together. */
static bool fits(const Kernel *k, const Expr *mask)
{
	const Schedule *s = &k->schedule;
	return k->n_accs && (s->vector < 0 || !expr_uses(mask, k->vars[s->vector]));
}

static void own_mask(Kernel *k)
{
	const Expr *mask = NULL;
	bool unless = false;
	for (int i = 0; i < k->n_stores; i++) {
		const Expr *v = k->stores[i].value;
		if (v->kind != EX_OP || v->op != OP_EW_select || has_sums(v->args[0]) || (mask && v->args[0] != mask))
			return;
		bool swapped = !has_sums(v->args[1]);
		if (has_sums(v->args[swapped ? 1 : 2]) || (mask && swapped != unless)) return;
		mask = v->args[0];
		unless = swapped;
	}
	if (!mask || !fits(k, mask) || reads_stored(mask, k) || !is_plain(mask)) return;
	k->where = mask;
	k->unless = unless;
}

/* ---- what is prepared for such kernels ---- */

/* A loaded mask as the kernel of that block computes it which stores it; another one as it is. */
static const Expr *resolve(Program *p, const Block *block, const Expr *mask)
{
	for (int i = 0; mask->kind == EX_LOAD && i < block->n; i++) {
		const Kernel *k = block->stmts[i]->kernel;
		for (int n = 0; k && n < k->n_stores; n++) {
			const Store *s = &k->stores[n];
			if (s->buffer != mask->buffer || has_sums(s->value)) continue;
			if (!is_plain(s->value)) return mask;
			Subst to = subst_new(p);
			for (int d = 0; d < s->buffer->rank; d++) {
				const Var *v = index_is_var(s->index[d]);
				if (v && to.n == MAX_SUBST) return mask;
				if (v) subst_var(&to, v, mask->index[d]);
			}
			return subst_expr(&to, s->value);
		}
	}
	return mask;
}

typedef struct {
	Program *p;
	const Kernel *maker;
	const Store *store;   /* of the maker: readers of its buffer are looked at */
	const Kernel *reader; /* the one */
	const Stmt *loop;     /* which it is in, beside the maker; NULL: it is in the maker's block */
	const Expr *mask;     /* what all readers want; NULL: none was seen */
	bool unless, refused;
} Demand;

/* The reader's mask at the maker's point; NULL: not to be said there. */
static const Expr *mask_at_maker(const Demand *d, const Expr *mask, const Expr *load)
{
	Subst to = subst_new(d->p);
	const int n = d->reader->n_vars;
	if (!is_plain(mask)) return NULL;
	for (int i = 0; i <= n; i++) {
		const Var *v = i < n ? d->reader->vars[i] : d->loop ? d->loop->var : NULL;
		if (!v || !expr_uses(mask, v)) continue;
		const int at = to.n;
		for (int k = 0; k < load->buffer->rank && to.n == at; k++) {
			const Var *own = index_is_var(d->store->index[k]);
			if (index_is_var(load->index[k]) != v || !own || own->extent != v->extent) continue;
			subst_var(&to, v, index_var(d->p, own));
		}
		if (to.n == at || to.n == MAX_SUBST) return NULL;
	}
	return subst_expr(&to, mask);
}

static void demand_load(void *user, const Expr *e)
{
	Demand *d = user;
	if (e->kind == EX_INDEX) d->refused |= index_reads(e->value, d->store->buffer);
	for (int i = 0; e->kind == EX_LOAD && i < e->buffer->rank; i++)
		d->refused |= index_reads(e->index[i], d->store->buffer);
	if (e->kind != EX_LOAD || buffer_root(e->buffer) != buffer_root(d->store->buffer) || d->refused) return;
	const Expr *mask = e->buffer == d->store->buffer ? d->reader->where : NULL;
	if (mask && d->loop) mask = resolve(d->p, &d->loop->body, mask);
	for (int i = 0; mask && d->loop && i < d->loop->n_carries; i++) { /* which another step has as another */
		const Carry *c = &d->loop->carries[i];
		d->refused |= reads(mask, c->now) || (c->next && reads(mask, c->next));
	}
	if (mask) mask = mask_at_maker(d, mask, e);
	d->refused = !mask || (d->mask && (mask != d->mask || d->reader->unless != d->unless));
	d->mask = mask;
	d->unless = d->reader->unless;
}

/* All that a kernel reads of the buffer, it must read where its mask holds. */
static void demand_kernel(Demand *d, const Kernel *k, const Stmt *loop)
{
	d->reader = k;
	d->loop = loop;
	Map seen;
	map_init(&seen, d->p->arena);
	for (int i = 0; i < k->n_accs; i++) {
		expr_each(k->accs[i]->value, &seen, demand_load, d);
		if (k->accs[i]->init) expr_each(k->accs[i]->init, &seen, demand_load, d);
	}
	for (int i = 0; i < k->n_stores; i++) {
		const Expr *v = k->stores[i].value;
		expr_each(v, &seen, demand_load, d);
		for (int n = 0; n < k->stores[i].buffer->rank; n++)
			d->refused |= index_reads(k->stores[i].index[n], d->store->buffer);
		const bool chosen = k->where && v->kind == EX_OP && v->op == OP_EW_select && v->args[0] == k->where;
		if (chosen) d->refused |= reads(v->args[k->unless ? 1 : 2], d->store->buffer);
	}
	if (k->where) d->refused |= reads(k->where, d->store->buffer);
}

typedef struct {
	const Buffer *root;
	int n_kernels; /* that read or write it */
	bool others;   /* other statements do */
} Users;
typedef struct {
	const Buffer *root;
	bool found;
} Touches;

static void see_touch(void *user, const Access *a)
{
	Touches *t = user;
	t->found |= buffer_root(a->buffer) == t->root;
}

static void see_user(void *user, Stmt *s)
{
	Users *u = user;
	Touches t = {.root = u->root};
	stmt_accesses(s, see_touch, &t);
	u->n_kernels += t.found && s->kernel;
	u->others |= t.found && !s->kernel;
}

typedef struct {
	const Expr *mask;
	bool changes;
} Later;

static void see_write(void *user, const Access *a)
{
	Later *l = user;
	l->changes |= a->write && reads(l->mask, a->buffer);
}

/* The mask must be known by now, and stay. */
static void see_later(void *user, Stmt *s) { stmt_accesses(s, see_write, user); }

/* Where statement `at` of the block need not compute: only where each later reader of each of its arrays skips, too. */
static void skip_unread(Program *p, const Block *block, int at)
{
	Kernel *k = block->stmts[at]->kernel;
	Demand d = {.p = p, .maker = k};
	for (int i = 0; i < k->n_stores; i++) {
		const Buffer *b = k->stores[i].buffer;
		if (b->kind != BUF_WORK || b->alias || b->viewed || kernel_reads(k, b)) return;
		int n_seen = 1;
		d.store = &k->stores[i];
		for (int s = at + 1; s < block->n; s++) {
			const Stmt *next = block->stmts[s];
			const bool loop = next->kind == ST_LOOP;
			for (int n = 0; n < (loop ? next->body.n : 1); n++) {
				const Kernel *reader = loop ? next->body.stmts[n]->kernel : next->kernel;
				if (!reader) continue;
				if (kernel_stores(reader, b)) return;
				n_seen += kernel_reads(reader, b);
				demand_kernel(&d, reader, loop ? next : NULL);
				if (d.refused) return;
			}
		}
		Users users = {.root = b};
		block_each(&p->block, see_user, &users);
		if (users.others || users.n_kernels != n_seen) return;
	}
	if (!d.mask || !fits(k, d.mask)) return;
	Later later = {d.mask, false};
	block_each(&(Block){block->n - at, block->stmts + at}, see_later, &later);
	if (later.changes) return;
	k->where = d.mask;
	k->unless = d.unless;
}

/* From the end on, so that readers come before what they read.  masked: whether a kernel with a mask was met. */
static void skip_block(Program *p, const Block *block, bool *masked)
{
	for (int i = block->n - 1; i >= 0; i--) {
		const Stmt *s = block->stmts[i];
		skip_block(p, &s->body, masked);
		skip_block(p, &s->other, masked);
		if (s->kind != ST_KERNEL) continue;
		own_mask(s->kernel);
		if (!s->kernel->where && s->kernel->n_accs && *masked) skip_unread(p, block, i);
		*masked |= s->kernel->where != NULL;
	}
}

Program *pass_skip(const Program *from, const Target *target)
{
	(void)target;
	Program *p = program_copy(from);
	bool masked = false;
	skip_block(p, &p->block, &masked);
	return p;
}
