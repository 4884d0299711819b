/* place.c: where values are: in a buffer, at a step of a sequence, in a part of a concat. */
#include "codegen/lower.h"

#include <assert.h>

Place *place_new(Scope *s, Buffer *b)
{
	Arena *arena = s->lw->cx->arena;
	Place *at = NEW(arena, Place);
	const Index **base = NEWN(arena, const Index *, b->rank);
	int *from = NEWN(arena, int, b->rank);
	for (int d = 0; d < b->rank; d++) {
		base[d] = index_dim(s->lw->p, dim_int(s->lw->cx, 0));
		from[d] = d;
	}
	*at = (Place){.buffer = b, .base = base, .from = from};
	return at;
}

bool place_is_whole(const Place *at)
{
	bool whole = at->buffer && !at->is_part;
	for (int d = 0; whole && d < at->buffer->rank; d++)
		whole = at->from[d] == d && at->base[d]->n_terms == 0 && dim_is(at->base[d]->base, 0);
	return whole;
}

const Index **place_index(Scope *s, const Place *at, const Index *const *index)
{
	int rank = at->buffer->rank;
	const Index **all = NEWN(s->lw->cx->arena, const Index *, rank);
	for (int d = 0; d < rank; d++)
		all[d] = at->from[d] < 0 ? at->base[d] : index_add(s->lw->p, at->base[d], index[at->from[d]]);
	return all;
}

Place *place_at_step(Scope *s, const Place *whole, const Index *step)
{
	Arena *arena = s->lw->cx->arena;
	int rank = whole->buffer->rank;
	Place *at = NEW(arena, Place);
	const Index **base = NEWN(arena, const Index *, rank);
	int *from = NEWN(arena, int, rank);
	for (int d = 0; d < rank; d++) {
		base[d] = whole->from[d] == 0 ? index_add(s->lw->p, whole->base[d], step) : whole->base[d];
		from[d] = whole->from[d] > 0 ? whole->from[d] - 1 : -1;
	}
	*at = (Place){.buffer = whole->buffer, .base = base, .from = from};
	return at;
}

Place *place_part(Scope *s, const Place *whole, const Type *shown, const Index *const *shift, const Type *part)
{
	Arena *arena = s->lw->cx->arena;
	int rank = whole->buffer->rank, *of = NEWN(arena, int, shown->rank); /* shown dim -> part's dim */
	for (int i = 0, k = 0; i < shown->rank; i++) {
		of[i] = -1;
		if (dim_is(shown->dims[i], 1)) continue;
		while (dim_is(part->dims[k], 1)) k++;
		of[i] = k++;
	}
	Place *at = NEW(arena, Place);
	const Index **base = NEWN(arena, const Index *, rank);
	int *from = NEWN(arena, int, rank);
	for (int d = 0; d < rank; d++) {
		int i = whole->from[d];
		base[d] = i < 0 ? whole->base[d] : index_add(s->lw->p, whole->base[d], shift[i]);
		from[d] = i < 0 ? -1 : of[i];
	}
	*at = (Place){.buffer = whole->buffer, .base = base, .from = from, .is_part = true};
	return at;
}
