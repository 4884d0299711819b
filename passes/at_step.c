/* at_step.c: what a value is when the sequence is one step long, or `count` steps of it: which of its axes is time, and the
 * primitive that gives it from its operands at those steps.
 *
 * A value of the step has the factor `length` of its time axis replaced by `count`, everything else is as it was; so
 * most primitives stay as they are, and the rules only follow the axis.  What mixes steps (a sum, a window, a flip along
 * time) is refused.  The one exception is taking the last step: that is the value now.
 */
#include "passes/rewrite.h"

#include <string.h>

const When *when_of(const Timeline *t, const Val *v) { return map_get(&t->when, v); }

void set_when(Timeline *t, const Val *v, When w)
{
	When *copy = arena_copy(t->cx->arena, &w, sizeof w);
	map_put(&t->when, v, copy);
}

bool refuse(Timeline *t, const Val *v, const char *why)
{
	if (!t->reason)
		t->reason = v->loc ? arena_printf(t->cx->arena, "%s %s", v->loc, why)
				   : arena_printf(t->cx->arena, "a value (%s) %s", op_info[v->op].name, why);
	return false;
}

/* A dim with as much of time in it as there is now. */
static const Dim *of_now(const Timeline *t, const Dim *d)
{
	return dim_mul(t->cx, dim_div_exact(t->cx, d, t->length), t->count);
}

const Val *with_dim(Ctx *cx, const Val *v, AttrKey key, int axis, const Dim *d, const Val *const *args)
{
	Attr *attrs = arena_copy(cx->arena, v->attrs, sizeof *attrs * (size_t)v->n_attrs);
	for (int i = 0; i < v->n_attrs; i++)
		if (attrs[i].key == key) {
			const Dim **dims = arena_copy(cx->arena, attrs[i].dims, sizeof *dims * (size_t)attrs[i].n);
			dims[axis] = d;
			attrs[i].dims = dims;
		}
	return val_with_attrs(cx, v, args, attrs);
}

const Val *at_axis(Timeline *t, const Val *v, int axis)
{
	const When *w = when_of(t, v);
	if (w->kind == TIMED && w->axis == axis) return w->val;
	if (w->kind == ALWAYS && v->op == OP_expand && axis_before(t->cx, v, 0, axis) < 0) /* repeated for each step */
		return with_dim(t->cx, v, A_SHAPE, axis, of_now(t, v->type->dims[axis]), &when_of(t, v->args[0])->val);
	if (w->kind == ALWAYS) {
		t->missing = v;
		t->missing_axis = axis;
	}
	refuse(t, v,
		w->kind == TIMED           ? "is needed at all steps at once"
			: w->kind == NOW   ? "is of the last step, and steps before it need it"
			: v->op == OP_iota ? "needs the number of the step, as lengths of sequences do"
					   : "differs from step to step");
	return NULL;
}

/* ---- the axis, back through a view ---- */

int axis_before(Ctx *cx, const Val *v, int i, int axis)
{
	const Type *x = v->args[i]->type;
	if (op_info[v->op].is_ew || v->op == OP_guard) return axis;
	switch (v->op) {
	case OP_permute: return (int)val_ints(v, A_PERM)[axis];
	case OP_expand: {
		int at = axis - (v->type->rank - x->rank);
		return at < 0 || x->dims[at] != v->type->dims[axis] ? -1 : at;
	}
	case OP_reshape: {
		int *of = NEWN(cx->arena, int, v->type->rank);
		reshape_dims(x, v->type, of);
		return of[axis];
	}
	case OP_slice: return v->type->dims[axis] == x->dims[axis] ? axis : -1;
	case OP_pad: return i == 0 && v->type->dims[axis] == x->dims[axis] ? axis : -1;
	case OP_window: return axis < x->rank && axis != val_int(v, A_AXIS) ? axis : -1;
	case OP_concat:
	case OP_cumulative:
	case OP_sort: return axis == val_int(v, A_AXIS) ? -1 : axis;
	case OP_argreduce: return axis + (axis >= val_int(v, A_AXIS));
	case OP_gather: {
		int at = (int)val_int(v, A_AXIS), n = v->args[1]->type->rank;
		if (i == 1) return axis >= at && axis < at + n ? axis - at : -1;
		return axis < at ? axis : axis < at + n ? -1 : axis - n + 1;
	}
	case OP_gather_nd: return axis < (i == 0 ? (int)val_int(v, A_BATCH) : x->rank - 1) ? axis : -1;
	case OP_contract: {
		Letters s = letters_of(v);
		return letters_find(&s, i, s.of[2][axis]);
	}
	case OP_reduce: {
		const Attr *axes = val_attr(v, A_AXES);
		for (int k = 0; k < axes->n; k++) axis += axes->ints[k] <= axis;
		return axis;
	}
	default: return -1;
	}
}

/* ---- reshape: time may be merged with its neighbours and split off again ---- */

static bool step_reshape(Timeline *t, const Val *v, const When *x)
{
	Ctx *cx = t->cx;
	const Type *from = v->args[0]->type, *to = v->type;
	/* Elements from one step to the next, in row-major order. */
	const Dim *stride = x->inner, *after = dim_int(cx, 1);
	for (int i = x->axis + 1; i < from->rank; i++) stride = dim_mul(cx, stride, from->dims[i]);
	for (int j = to->rank - 1; j >= 0; j--) {
		const Dim *inner = dim_div_exact(cx, stride, after);
		if (inner && dim_div_exact(cx, to->dims[j], dim_mul(cx, inner, t->length))) {
			const Val *y = with_dim(cx, v, A_SHAPE, j, of_now(t, to->dims[j]), &x->val);
			set_when(t, v, (When){TIMED, j, inner, y});
			return true;
		}
		after = dim_mul(cx, after, to->dims[j]);
	}
	return refuse(t, v, "gives steps another order");
}

/* ---- slice: all steps, or the last one ---- */

static bool step_slice(Timeline *t, const Val *v, const When *x)
{
	Ctx *cx = t->cx;
	int axis = x->axis, rank = v->type->rank;
	const Dim *start = val_dims(v, A_START)[axis], *size = val_dims(v, A_SIZE)[axis],
		  *n = v->args[0]->type->dims[axis];
	bool all = dim_is(start, 0) && size == n && val_ints(v, A_STEP)[axis] == 1;
	bool last = n == t->length && dim_is(size, 1) && dim_add(cx, start, dim_int(cx, 1)) == n;
	if (!all && !last)
		return refuse(t, v, val_ints(v, A_STEP)[axis] < 0 ? "turns time round" : "takes some of the steps");
	const Dim **starts = arena_copy(cx->arena, val_dims(v, A_START), sizeof *starts * (size_t)rank);
	const Dim **sizes = arena_copy(cx->arena, val_dims(v, A_SIZE), sizeof *sizes * (size_t)rank);
	int64_t *steps = arena_copy(cx->arena, val_ints(v, A_STEP), sizeof *steps * (size_t)rank);
	starts[axis] = all ? dim_int(cx, 0) : dim_sub(cx, t->count, dim_int(cx, 1));
	sizes[axis] = all ? x->val->type->dims[axis] : dim_int(cx, 1);
	steps[axis] = 1;
	set_when(t, v, (When){all ? TIMED : NOW, axis, x->inner, make_slice(cx, x->val, starts, sizes, steps)});
	return true;
}

/* ---- the others ---- */

/* Which result axis is time, when it is `axis` of operand i; -1: none. */
static int axis_after(Ctx *cx, const Val *v, int i, int axis)
{
	for (int k = 0; k < v->type->rank; k++)
		if (axis_before(cx, v, i, k) == axis) return k;
	return -1;
}

static const char *why_not(const Val *v)
{
	switch (v->op) {
	case OP_window:
	case OP_pad:
	case OP_concat: return "needs steps before or after";
	case OP_contract:
	case OP_reduce:
	case OP_argreduce:
	case OP_cumulative:
	case OP_sort: return "needs all steps at once";
	case OP_gather:
	case OP_gather_nd: return "takes some of the steps";
	case OP_scan:
	case OP_loop:
	case OP_cond: return "needs the whole sequence";
	default: return "cannot be done for one step";
	}
}

/* The attribute that says the time axis's size, or N_ATTRS. */
static AttrKey size_attr(const Val *v) { return v->op == OP_expand ? A_SHAPE : N_ATTRS; }

static bool step_timed(Timeline *t, const Val *v, const When *lead, int axis)
{
	const Val **args = NEWN(t->cx->arena, const Val *, v->n_args);
	for (int i = 0; i < v->n_args; i++) {
		const When *w = when_of(t, v->args[i]);
		int from = axis_before(t->cx, v, i, axis);
		if (w->kind == NOW) return refuse(t, v, "needs the last step in those before it");
		if (w->kind == TIMED && (w->axis != from || w->inner != lead->inner))
			return refuse(t, v, "needs all steps at once");
		args[i] = from < 0 ? w->val : at_axis(t, v->args[i], from);
		if (!args[i]) return false;
	}
	const Val *y = size_attr(v) == N_ATTRS
		? val_with(t->cx, v, args)
		: with_dim(t->cx, v, size_attr(v), axis, of_now(t, v->type->dims[axis]), args);
	set_when(t, v, (When){TIMED, axis, lead->inner, y});
	return true;
}

bool at_step(Timeline *t, const Val *v)
{
	const When *lead = NULL;
	const Val **args = NEWN(t->cx->arena, const Val *, v->n_args + 1);
	WhenKind kind = ALWAYS;
	int which = -1;
	for (int i = 0; i < v->n_args; i++) {
		const When *w = when_of(t, v->args[i]);
		args[i] = w->val;
		kind = w->kind == NOW ? NOW : kind;
		if (w->kind == TIMED && !lead) {
			lead = w;
			which = i;
		}
	}
	if (!lead) {
		set_when(t, v, (When){kind, 0, NULL, val_with(t->cx, v, args)});
		return true;
	}
	if (v->op == OP_reshape) return step_reshape(t, v, lead);
	if (v->op == OP_slice) return step_slice(t, v, lead);
	int axis = v->type->is_tuple ? -1 : axis_after(t->cx, v, which, lead->axis);
	return axis < 0 ? refuse(t, v, why_not(v)) : step_timed(t, v, lead, axis);
}
