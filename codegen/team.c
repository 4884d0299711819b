/* team.c: who runs what in a team of threads, and where they wait.
 *
 * A statement with a sliced kernel in it is run by all threads, any other one by a single thread, so that the two directions of
 * a small recurrent layer run side by side.  A barrier stands before a statement that reads what another thread may have
 * written since the last barrier, or writes what another may have read or written.  Arrays in one slot of the workspace count
 * as one, and so do those that a loop swaps; parts of one array that do not overlap (of a concat) are apart.
 * Requires: plan.
 */
#include "codegen/lower.h"

enum { MAX_OWNERS = 16, ALL = MAX_OWNERS }; /* ALL: each thread, or more than one of them, a part */

typedef struct { /* memory that is read or written */
	int unit;
	const Buffer *buffer;
	const Index *const *index; /* of all that is touched; NULL: any */
	bool write;
	int owner;
} Touched;
typedef struct {
	int n, cap;
	Touched *items;
} Pending;

typedef struct {
	Program *p;
	const TargetInfo *cpu;
	int n_owners;
	int *same;   /* union-find over units: slots, then buffers that are in none */
	Pending now; /* of the statement that is looked at */
	double load[MAX_OWNERS];
} Team;

static int find(const Team *t, int unit)
{
	while (t->same[unit] != unit) unit = t->same[unit];
	return unit;
}

static int unit_of(const Team *t, const Buffer *b)
{
	b = buffer_root(b);
	return find(t, b->kind == BUF_WORK && b->slot >= 0 ? b->slot : t->p->n_slots + b->id);
}

static void add(Team *t, Pending *list, Touched a)
{
	for (int i = 0; i < list->n; i++) {
		const Touched *have = &list->items[i];
		if (have->unit == a.unit && have->buffer == a.buffer && have->index == a.index &&
			have->write == a.write && have->owner == a.owner)
			return;
	}
	list->items = arena_grow(t->p->arena, list->items, list->n, &list->cap, sizeof *list->items);
	list->items[list->n++] = a;
}

/* ---- what a statement touches ---- */

/* What is read counts as anywhere: parts are told apart where they are written. */
static void touch(void *user, const Access *a)
{
	Team *t = user;
	const Buffer *root = buffer_root(a->buffer);
	const bool part = a->write && a->index;
	if (root->kind == BUF_CONST || buffer_is_scalar(root)) return;
	add(t, &t->now, (Touched){unit_of(t, root), part ? a->buffer : root, part ? a->index : NULL, a->write, 0});
}

/* That a loop swaps its carries each thread knows by itself; what is in them is for those who read and write it. */
static void touch_stmt(void *user, Stmt *s)
{
	Stmt own = *s;
	own.n_carries = 0;
	stmt_accesses(&own, touch, user);
}

static void unite_swapped(void *user, Stmt *s)
{
	Team *t = user;
	for (int i = 0; i < s->n_carries; i++)
		if (s->carries[i].next) t->same[unit_of(t, s->carries[i].next)] = unit_of(t, s->carries[i].now);
}

/* ---- waiting ---- */

/* All values that an index can have are in [lo, hi]; false where that is not known. */
static bool range_of(const Index *x, int64_t *lo, int64_t *hi)
{
	if (!dim_is_int(x->base, lo)) return false;
	*hi = *lo;
	for (int i = 0; i < x->n_terms; i++) {
		int64_t coef, n;
		if (x->terms[i].atom->kind != ATOM_VAR || !dim_is_int(x->terms[i].coef, &coef) ||
			!dim_is_int(x->terms[i].atom->var->extent, &n))
			return false;
		*(coef < 0 ? lo : hi) += coef * (n - 1);
	}
	return true;
}

static bool overlap(const Touched *a, const Touched *b)
{
	if (a->unit != b->unit || (a->buffer == b->buffer && a->buffer->copies)) return false;
	for (int d = 0; a->index && b->index && a->buffer == b->buffer && d < a->buffer->rank; d++) {
		int64_t lo[2], hi[2];
		if (range_of(a->index[d], &lo[0], &hi[0]) && range_of(b->index[d], &lo[1], &hi[1]) &&
			(hi[0] < lo[1] || hi[1] < lo[0]))
			return false;
	}
	return true;
}

/* Whether `owner` must wait before the statement: pending is what was done since the last barrier. */
static bool conflicts(const Team *t, const Pending *pending, int owner)
{
	for (int i = 0; i < t->now.n; i++)
		for (int k = 0; k < pending->n; k++) {
			const Touched *a = &t->now.items[i], *b = &pending->items[k];
			if ((a->write || b->write) && (owner == ALL || b->owner != owner) && overlap(a, b)) return true;
		}
	return false;
}

static void wait_before(Team *t, Stmt *s, Pending *pending)
{
	s->barrier = true;
	pending->n = 0;
	double most = 0;
	for (int i = 0; i < t->n_owners; i++) most = t->load[i] > most ? t->load[i] : most;
	for (int i = 0; i < t->n_owners; i++) t->load[i] = most;
}

static Pending copy_of(Team *t, const Pending *a)
{
	Pending made = {0};
	for (int i = 0; i < a->n; i++) add(t, &made, a->items[i]);
	return made;
}

/* Both may have happened.  Whether that is more than was in `into`. */
static bool merge(Team *t, Pending *into, const Pending *other)
{
	int before = into->n;
	for (int i = 0; i < other->n; i++) add(t, into, other->items[i]);
	return into->n > before;
}

/* ---- the walk ---- */

/* The one with the least to do; the first one unless that gains something, so that what belongs together stays together. */
static int choose_owner(Team *t, const Pending *pending)
{
	int best = 0;
	double least = 0;
	for (int i = 0; i < t->n_owners; i++) {
		double cost = t->load[i] + (conflicts(t, pending, i) ? t->cpu->barrier : 0);
		if (i == 0 || cost < least - t->cpu->barrier / 2.) {
			best = i;
			least = cost;
		}
	}
	return best;
}

static void walk(Team *t, const Block *b, Pending *pending);

static void walk_ranks(Team *t, Stmt *s, Pending *pending)
{
	pending->n = 0; /* each round begins with a barrier */
	for (int i = 0; i < s->body.n; i++) {
		t->now.n = 0;
		block_each(&(Block){1, &s->body.stmts[i]}, touch_stmt, t);
		for (int k = 0; k < t->now.n; k++) {
			t->now.items[k].owner = s->body.stmts[i]->rank;
			add(t, pending, t->now.items[k]);
		}
	}
}

static void walk_shared(Team *t, Stmt *s, Pending *pending)
{
	if (s->n_ranks) {
		walk_ranks(t, s, pending);
	} else if (s->kind == ST_IF) {
		Pending other = copy_of(t, pending);
		walk(t, &s->body, pending);
		walk(t, &s->other, &other);
		merge(t, pending, &other);
	} else if (s->kind == ST_LOOP) { /* what one round leaves pending meets the next one */
		Pending before = copy_of(t, pending);
		for (bool more = true; more;) {
			walk(t, &s->body, pending);
			more = merge(t, &before, pending);
			merge(t, pending, &before);
		}
	}
}

static void walk(Team *t, const Block *b, Pending *pending)
{
	for (int i = 0; i < b->n; i++) {
		Stmt *s = b->stmts[i], head = *s;
		bool shared = is_shared(s);
		if (shared && s->kind != ST_ROWS) /* what is in it is looked at by itself */
			head.body = head.other = (Block){0};
		Stmt *one = &head;
		t->now.n = 0;
		block_each(&(Block){1, &one}, touch_stmt, t);
		if (s->owner == OWNER_NONE) s->owner = shared ? OWNER_ALL : choose_owner(t, pending) + 1;
		int owner = shared ? ALL : s->owner - 1;
		if (s->barrier || conflicts(t, pending, owner)) wait_before(t, s, pending);
		for (int k = 0; k < t->now.n; k++) {
			t->now.items[k].owner = owner;
			add(t, pending, t->now.items[k]);
		}
		if (shared) walk_shared(t, s, pending);
		else t->load[owner] += stmt_cycles(s, t->cpu);
	}
}

static void leave(void *user, Stmt *s)
{
	(void)user;
	s->owner = OWNER_NONE;
	s->barrier = false;
}

static void note_owner(void *user, Stmt *s)
{
	*(uint32_t *)user |= s->owner == OWNER_ALL ? ~UINT32_C(0) : UINT32_C(1) << s->owner >> 1 << 1;
}

Program *pass_team(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	Team t = {.p = p, .cpu = target->cpu, .n_owners = target->threads < MAX_OWNERS ? target->threads : MAX_OWNERS};
	int n_units = p->n_slots + p->n_buffers;
	Block team = {p->block.n - p->team, p->block.stmts + p->team};
	if (!team.n) return p;
	t.same = NEWN(p->arena, int, n_units);
	for (int i = 0; i < n_units; i++) t.same[i] = i;
	block_each(&team, unite_swapped, &t);
	Pending pending = {0};
	walk(&t, &team, &pending);
	uint32_t owners = 0;
	block_each(&team, note_owner, &owners);
	if ((owners & (owners - 1)) == 0) { /* nothing runs side by side */
		p->team = p->block.n;
		block_each(&team, leave, NULL);
	}
	return p;
}
