/* plan.c: one workspace for all intermediate arrays.
 *
 * Statements are numbered in program order; a buffer lives from its first to its last use, one that a loop carries or that
 * comes from outside a loop lives through the whole loop.  Buffers that do not live at the same time share a slot: largest
 * first, each into the first slot of their type that is free and large enough; sizes that depend on dims share only with their
 * equals.
 * Recurrences that two threads may run at the same time (team.c) share no memory.
 */
#include "codegen/lower.h"

#include <assert.h>
#include <stdlib.h>

enum { ALIGN = 64 };

typedef struct {
	Program *p;
	int now;
	uint32_t alone; /* a bit for the loop that one thread of a team runs, and that is walked now; 0: none is */
} Walk;

static void use(Walk *w, const Buffer *buffer)
{
	Buffer *b = buffer_root(buffer);
	if (b->kind != BUF_WORK || buffer_is_scalar(b)) return;
	if (b->first < 0) b->first = w->now;
	b->last = w->now;
	b->alone |= w->alone;
}

static void use_access(void *user, const Access *a) { use(user, a->buffer); }

/* What was there before a loop and is read in it is read again in the next round. */
static void live_through(Program *p, int start, int end)
{
	for (int i = 0; i < p->n_buffers; i++) {
		Buffer *b = p->buffers[i];
		if (b->kind == BUF_WORK && b->first >= 0 && b->first <= start && b->last >= start && b->last < end)
			b->last = end;
	}
}

/* Threads run all of its body at the same time: what one of them is done with another one may not have. */
static void live_beside(Program *p, int start, int end)
{
	for (int i = 0; i < p->n_buffers; i++) {
		Buffer *b = p->buffers[i];
		if (b->kind != BUF_WORK || b->first < 0 || b->last < start) continue;
		b->first = b->first > start ? start : b->first;
		b->last = b->last < end ? end : b->last;
	}
}

/* Two buffers that swap are each in either place: both live as long as one of them does. */
static void live_alike(const Stmt *loop)
{
	for (int i = 0; i < loop->n_carries; i++) {
		if (!loop->carries[i].next) continue;
		Buffer *a = buffer_root(loop->carries[i].now), *b = buffer_root(loop->carries[i].next);
		a->first = b->first = a->first < b->first ? a->first : b->first;
		a->last = b->last = a->last > b->last ? a->last : b->last;
	}
}

/* What one round of a loop writes and something after the loop reads must outlive the other rounds.  Inner loops first. */
static void live_since(Program *p, const Block *block, int *now)
{
	for (int i = 0; i < block->n; i++) {
		const Stmt *s = block->stmts[i];
		int start = ++*now;
		if (s->kind == ST_ROWS) continue;
		live_since(p, &s->body, now);
		live_since(p, &s->other, now);
		if (s->kind != ST_LOOP) continue;
		++*now;
		live_alike(s);
		for (int k = 0; k < p->n_buffers; k++) {
			Buffer *b = p->buffers[k];
			if (b->kind == BUF_WORK && b->first > start && b->first <= *now && b->last > *now)
				b->first = start;
		}
	}
}

static void use_block(Walk *w, const Block *b)
{
	for (int i = 0; i < b->n; i++) {
		const Stmt *s = b->stmts[i];
		w->now++;
		stmt_accesses(s, use_access, w);
		for (int k = 0; s->kind == ST_ROWS && k < s->body.n; k++) /* in turn for each row: at the same time */
			stmt_accesses(s->body.stmts[k], use_access, w);
		if (s->kind == ST_IF) {
			use_block(w, &s->body);
			use_block(w, &s->other);
		}
		if (s->kind == ST_LOOP) {
			int start = w->now;
			use_block(w, &s->body);
			w->now++;
			stmt_accesses(s, use_access, w); /* and again before the next round */
			live_through(w->p, start, w->now);
			if (s->n_ranks) live_beside(w->p, start, w->now);
		}
	}
}

/* Statement by statement of the whole program. */
static void use_program(Walk *w)
{
	uint32_t next = 1;
	for (int i = 0; i < w->p->block.n; i++) {
		Stmt *s = w->p->block.stmts[i];
		w->alone = i >= w->p->team && s->kind == ST_LOOP && !is_shared(s) ? next : 0;
		next = w->alone && next < UINT32_C(1) << 31 ? next << 1 : next;
		use_block(w, &(Block){1, &s});
	}
	w->alone = 0;
}

/* In different loops that may run at the same time. */
static bool side_by_side(const Buffer *a, const Buffer *b)
{
	return a->alone && b->alone && (a->alone & b->alone) == 0;
}

static int64_t bytes_or_negative(const Dim *d)
{
	int64_t v;
	return dim_is_int(d, &v) ? v : -1;
}

/* What lives of a buffer at a time; rounded up so that whole vectors may be read and what comes next stays aligned. */
const Dim *buffer_copy(Ctx *cx, const Buffer *b)
{
	const int size = elem_info[b->elem].size;
	const Type *t = buffer_stored(cx, b);
	const Dim *n = dim_int(cx, size);
	for (int i = 0; i < t->rank; i++) n = dim_mul(cx, n, dim_most(cx, t->dims[i]));
	return dim_mul(cx, dim_ceildiv(cx, n, dim_int(cx, ALIGN)), dim_int(cx, ALIGN / size));
}

/* Of threads, or of chunks. */
static int n_copies_of(const Buffer *b) { return b->copies ? b->copies : b->chunks ? b->chunks : 1; }

static const Dim *buffer_bytes(Ctx *cx, const Buffer *b)
{
	return dim_mul(cx, buffer_copy(cx, b), dim_int(cx, (int64_t)elem_info[b->elem].size * n_copies_of(b)));
}

typedef struct {
	Buffer *buffer;
	int64_t bytes;
} Sized;

static Sized sized(Ctx *cx, Buffer *b)
{
	const Type *t = buffer_stored(cx, b);
	const Dim *bytes = dim_int(cx, (int64_t)elem_info[b->elem].size * n_copies_of(b));
	for (int i = 0; i < t->rank; i++) bytes = dim_mul(cx, bytes, t->dims[i]);
	return (Sized){b, bytes_or_negative(bytes)};
}

static int by_size(const void *x, const void *y)
{
	const Sized *a = x, *b = y;
	return a->bytes != b->bytes ? (a->bytes > b->bytes ? -1 : 1) : a->buffer->id - b->buffer->id;
}

/* Memory may hold one type after the other, but compilers that know types to be apart move the stores of one before the loads
 * of another (Clang does): only buffers of one type share a slot, signed or not.  Bytes may alias everything. */
static char alias_class(const Buffer *b)
{
	const ElemInfo *e = &elem_info[b->elem];
	return e->size == 1 ? 'b' : e->cls == 'f' && e->size >= 4 ? (e->size == 8 ? 'd' : 'f') : (char)('0' + e->size);
}

Program *pass_plan(const Program *from, const Target *target)
{
	(void)target;
	Program *p = program_copy(from);
	Walk w = {.p = p};
	for (int i = 0; i < p->n_states; i++)
		if (p->carries[i].next) use(&w, p->carries[i].next);
	use_program(&w);
	w.now++;
	int now = 0;
	live_since(p, &p->block, &now);
	for (int i = 0; i < p->n_states; i++) /* the new states are copied at the very end */
		if (p->carries[i].next) use(&w, p->carries[i].next);
	Sized *sizes = NEWN(p->arena, Sized, p->n_buffers);
	int n = 0;
	for (int i = 0; i < p->n_buffers; i++)
		if (p->buffers[i]->kind == BUF_WORK && p->buffers[i]->first >= 0 && !p->buffers[i]->alias)
			sizes[n++] = sized(p->cx, p->buffers[i]);
	qsort(sizes, (size_t)n, sizeof *sizes, by_size);
	Buffer **order = NEWN(p->arena, Buffer *, n);
	for (int i = 0; i < n; i++) order[i] = sizes[i].buffer;
	p->slot_bytes = NEWN(p->arena, const Dim *, n);
	p->n_slots = 0;
	char *types = NEWN(p->arena, char, n);
	for (int i = 0; i < n; i++) {
		Buffer *b = order[i];
		const char type = alias_class(b);
		const Dim *bytes = buffer_bytes(p->cx, b);
		int64_t size = bytes_or_negative(bytes);
		for (int s = 0; s < p->n_slots && b->slot < 0; s++) {
			int64_t room = bytes_or_negative(p->slot_bytes[s]);
			bool fits = types[s] == type && (p->slot_bytes[s] == bytes || (size >= 0 && room >= size));
			for (int k = 0; fits && k < i; k++)
				fits = order[k]->slot != s ||
					(!side_by_side(order[k], b) &&
						(order[k]->last < b->first || b->last < order[k]->first));
			if (fits) b->slot = s;
		}
		if (b->slot < 0) {
			b->slot = p->n_slots;
			types[p->n_slots] = type;
			p->slot_bytes[p->n_slots++] = bytes;
		}
	}
	/* Slots of known size first: then most offsets are numbers. */
	int *rank = NEWN(p->arena, int, p->n_slots), next = 0;
	const Dim **sorted = NEWN(p->arena, const Dim *, p->n_slots);
	for (int known = 1; known >= 0; known--)
		for (int s = 0; s < p->n_slots; s++)
			if ((bytes_or_negative(p->slot_bytes[s]) >= 0) == known) {
				sorted[next] = p->slot_bytes[s];
				rank[s] = next++;
			}
	p->slot_bytes = sorted;
	for (int i = 0; i < n; i++) order[i]->slot = rank[order[i]->slot];
	for (int i = 0; i < n; i++) /* what the plan promises */
		for (int k = 0; k < i; k++)
			assert(order[i]->slot != order[k]->slot || order[i]->last < order[k]->first ||
				order[k]->last < order[i]->first);
	return p;
}
