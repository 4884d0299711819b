/* checks.c: what the types left open, compared at run time: reshapes whose counts may differ, axes that must have elements;
 * and where values decide sizes, those that may be negative and slices that may leave their array.
 *
 * A comparison stands as soon as the sizes in it are known: at the start of its block, or after what computes the last one.
 */
#include "codegen/lower.h"

typedef struct {
	Scope *s;
	const Map *known; /* Sym -> its sizer, where that has run */
	const Sym *last;  /* has just been computed; NULL: at the start of the block */
	Map signs;        /* Dim -> where it is known not to be negative: compared once */
	bool mentions_last, mentions_unknown, mentions_computed;
} Sizes;

static void see_size(void *user, const Sym *size)
{
	Sizes *z = user;
	z->mentions_last |= size == z->last;
	z->mentions_unknown |= map_get(&z->s->sizes, size) && !map_get(z->known, size);
	z->mentions_computed |= size->computed;
}

/* Can the sizes be compared now, and not before? */
static bool is_time(Sizes *z, const Dim *a, const Dim *b)
{
	z->mentions_last = z->mentions_unknown = z->mentions_computed = false;
	dim_each_sym(a, see_size, z);
	dim_each_sym(b, see_size, z);
	return !z->mentions_unknown && (!z->last || z->mentions_last);
}

static Stmt *check_new(Sizes *z, const Dim *want, const Dim *seen)
{
	Stmt *st = NEW(z->s->lw->cx->arena, Stmt);
	st->kind = ST_CHECK;
	st->want = want;
	st->seen = seen;
	block_add(z->s->lw->p, z->s->block, st);
	return st;
}

static void check_equal(Sizes *z, const Dim *want, const Dim *seen)
{
	if (want != seen && is_time(z, want, seen)) check_new(z, want, seen);
}

/* Where v has elements, the dims of its first operand from `first` on must have some. */
static void check_elements(Sizes *z, const Val *v, int64_t first, int64_t n)
{
	Ctx *cx = z->s->lw->cx;
	const Dim *some = dim_min(cx, type_count(cx, v->type), dim_int(cx, 1));
	for (int64_t i = first; i < first + n; i++) check_equal(z, some, dim_min(cx, some, v->args[0]->type->dims[i]));
}

static int64_t index_depth(const Val *gather_nd)
{
	const Type *index = gather_nd->args[1]->type;
	int64_t depth = 0;
	dim_is_int(index->dims[index->rank - 1], &depth);
	return depth;
}

/* d must be at least 0, where it has a size that values decide and its bounds leave that open. */
static void check_sign(Sizes *z, const Dim *d, const Dim *where)
{
	const Dim *anywhere = where ? where : d;
	if (dim_least(z->s->lw->cx, d) >= 0 || map_get(&z->signs, d) == anywhere || !is_time(z, d, anywhere) ||
		!z->mentions_computed)
		return;
	map_put(&z->signs, d, anywhere);
	Stmt *st = check_new(z, dim_int(z->s->lw->cx, 0), d);
	st->at_least = true;
	st->where = where && dim_lo(where) < 1 ? where : NULL;
}

static void check_inside(Sizes *z, const Val *v, int i)
{
	Ctx *cx = z->s->lw->cx;
	const Dim *first = val_dims(v, A_START)[i], *size = val_dims(v, A_SIZE)[i], *one = dim_int(cx, 1);
	const Dim *way = dim_mul(cx, dim_sub(cx, size, one), dim_int(cx, val_ints(v, A_STEP)[i]));
	const Dim *last = dim_add(cx, first, way), *room = dim_sub(cx, v->args[0]->type->dims[i], one);
	bool up = val_ints(v, A_STEP)[i] > 0;
	check_sign(z, up ? first : last, size);
	check_sign(z, dim_sub(cx, room, up ? last : first), size);
}

static void check_dims(Sizes *z, const Val *v)
{
	for (int d = 0; d < v->type->rank; d++) {
		check_sign(z, v->type->dims[d], NULL);
		if (v->op == OP_slice) check_inside(z, v, d);
		if (v->op == OP_pad) {
			check_sign(z, val_dims(v, A_LO)[d], NULL);
			check_sign(z, val_dims(v, A_HI)[d], NULL);
		}
	}
}

void check_sizes(Scope *s, const Map *known, const Sym *last)
{
	Ctx *cx = s->lw->cx;
	Sizes z = {.s = s, .known = known, .last = last};
	map_init(&z.signs, cx->arena);
	for (int i = 0; i < s->order.n; i++) {
		const Val *v = s->order.vals[i];
		if (v->type->is_tuple) continue;
		check_dims(&z, v);
		if (v->op == OP_reshape) check_equal(&z, type_count(cx, v->type), type_count(cx, v->args[0]->type));
		if (v->op == OP_gather || v->op == OP_argreduce) check_elements(&z, v, val_int(v, A_AXIS), 1);
		if (v->op == OP_gather_nd) check_elements(&z, v, val_int(v, A_BATCH), index_depth(v));
	}
}
