/* operands.c: integers that an operator needs to know, and that may be known at run time only: shapes, pads, counts, axes.
 *
 * What the compiler knows is a dim.  What it does not becomes a computed symbol, to which a `size` gives its value within
 * bounds; so an operator has one way to use both.  Where the model declares the shape of a result, that says what some of the
 * symbols are: then the import starts again with the dim in place of the symbol, and the `size` compares.
 */
#include "frontend/onnx/operands.h"

#include <stdlib.h>
#include <string.h>

/* Larger than any size, and small enough to be added up and multiplied by a step. */
static const int64_t FAR = (int64_t)1 << 60;

/* ------------------------------------------------------------------------------------------------ elements */

const Val *node_element(const Node *n, const Val *v, int k)
{
	Ctx *cx = n->cx;
	if (v->op == OP_concat && v->type->rank == 1 && v->n_args > k) { /* each part of a concat by itself */
		bool single = true;
		for (int i = 0; i <= k; i++) single &= dim_is(v->args[i]->type->dims[0], 1);
		if (single) return node_element(n, v->args[k], 0);
	}
	int64_t start;
	if (v->op == OP_slice && v->type->rank == 1 && dim_is_int(val_dims(v, A_START)[0], &start) &&
		start <= INT32_MAX && llabs(val_ints(v, A_STEP)[0]) <= INT16_MAX && k <= INT16_MAX)
		return node_element(n, v->args[0], (int)start + k * (int)val_ints(v, A_STEP)[0]);
	if (v->type->rank == 1 && !dim_is(v->type->dims[0], 1))
		v = b_slice(cx, v, 0, dim_int(cx, k), dim_int(cx, 1), 1);
	return b_cast(cx, b_reshape(cx, v, 0, NULL), I64);
}

int node_elements(const Node *n, int i, const char *what, const Val *const **values)
{
	enum { MAX_ELEMENTS = 65536 };
	Ctx *cx = n->cx;
	const Val *v = node_opt(n, i);
	int64_t count;
	if (!v) return -1;
	if (v->type->is_tuple || !elem_is_int(v->type->elem))
		node_fail(n, "input %s: integers wanted, %s seen", what, type_str(cx, v->type));
	if (!dim_is_int(type_count(cx, v->type), &count) || count > MAX_ELEMENTS || (v->type->rank > 1 && count > 1))
		node_fail(n, "input %s: a known number of integers wanted, %s seen", what, type_str(cx, v->type));
	const Val **elements = NEWN(cx->arena, const Val *, count);
	for (int k = 0; k < (int)count; k++) elements[k] = node_element(n, v, k);
	*values = elements;
	return (int)count;
}

bool known_int(Ctx *cx, const Val *v, int64_t *value)
{
	const Dim *d;
	return val_as_dims(cx, v, 1, &d) && dim_is_int(d, value);
}

/* ------------------------------------------------------------------------------------------------ sizes */

void node_check_size(const Node *n, const Val *v, const Dim *wanted)
{
	Run *run = n->core->run;
	const Val **checks = NEWN(n->cx->arena, const Val *, run->n_checks + 1);
	copy_vals(checks, run->checks, run->n_checks);
	/* by the difference: a `size` with a symbol alone would give it its value */
	if (!dim_is_int(wanted, NULL))
		v = binary(n->cx, OP_EW_sub, v, b_dim(n->cx, wanted)), wanted = dim_int(n->cx, 0);
	checks[run->n_checks++] = b_size(n->cx, v, wanted);
	run->checks = checks;
}

/* The symbol of that value, where this graph has one within the bounds; max(v, 0) is v where that is a size. */
static const Dim *same_size(Scope *scope, Ctx *cx, const Val *v, int64_t lo, int64_t hi)
{
	int64_t floor;
	if (!scope->sizes.arena) map_init(&scope->sizes, cx->arena);
	const Dim *d = map_get(&scope->sizes, v);
	if (!d && v->op == OP_EW_max && known_int(cx, v->args[1], &floor) && floor == 0) {
		d = map_get(&scope->sizes, v->args[0]);
		if (d && dim_lo(d) < 0) d = NULL;
	}
	return d && dim_lo(d) >= lo && dim_hi(d) <= hi ? d : NULL;
}

static const Dim *size_within(const Node *n, const Val *v, const char *name, int64_t lo, int64_t hi, bool open)
{
	Ctx *cx = n->cx;
	Run *run = n->core->run;
	const Dim *d;
	if (val_as_dims(cx, v, 1, &d)) return d;
	if ((d = same_size(n->core->scope, cx, v, lo, hi))) return d;
	bool known = false;
	d = open ? open_symbol(run, name, lo, hi, &known) : computed_symbol(run, name, lo, hi);
	if (known) node_check_size(n, v, d);
	else keep_sizer(run, b_size(cx, v, d));
	map_put(&n->core->scope->sizes, v, d);
	return d;
}

const Dim *node_count(const Node *n, const Val *v, const char *name, const Dim *most)
{
	return dim_min(n->cx, size_within(n, v, name, 0, dim_hi(most), false), most);
}

const Dim *node_size(const Node *n, const Val *v, const char *name, int64_t lo, const Dim *most)
{
	const Dim *d = size_within(n, v, name, lo, most ? dim_hi(most) : INT64_MAX, true);
	return most ? dim_min(n->cx, d, most) : d;
}

const Dim *node_offset(const Node *n, const Val *v, const char *name)
{
	return node_size(n, clamped(n->cx, v), name, -FAR, NULL);
}

/* For people: the element of the operand, or the dim of the result. */
const char *operand_name(const Node *n, int i, int k)
{
	return arena_printf(n->cx->arena, "%s_%d", n->core->proto->input[i], k);
}

const char *result_dim_name(const Node *n, int i, int k)
{
	const char *name = (size_t)i < n->core->proto->n_output ? n->core->proto->output[i] : "";
	return arena_printf(n->cx->arena, "%s_dim%d", *name ? name : n->op, k);
}

int node_dims_from(const Node *n, int i, const char *what, int64_t lo, const Dim *const **values)
{
	const Val *const *elements;
	int count = node_elements(n, i, what, &elements);
	if (count < 0) return -1;
	const Dim **dims = NEWN(n->cx->arena, const Dim *, count);
	/* all at once first: a value of many elements is looked through once */
	if (!val_as_dims(n->cx, n->in[i], count, dims))
		for (int k = 0; k < count; k++) dims[k] = node_size(n, elements[k], operand_name(n, i, k), lo, NULL);
	*values = dims;
	return count;
}

int node_dims(const Node *n, int i, const char *what, const Dim *const **values)
{
	return node_dims_from(n, i, what, 0, values);
}

/* ------------------------------------------------------------------------------------------------ axes */

bool node_ints_if_known(const Node *n, int i, const char *what, int *count, const int64_t **values)
{
	Ctx *cx = n->cx;
	const Val *const *elements;
	*count = node_elements(n, i, what, &elements);
	if (*count < 0) return true;
	const Dim **dims = NEWN(cx->arena, const Dim *, *count);
	int64_t *ints = NEWN(cx->arena, int64_t, *count);
	bool known = val_as_dims(cx, n->in[i], *count, dims);
	for (int k = 0; known && k < *count; k++) known = dim_is_int(dims[k], &ints[k]);
	*values = ints;
	return known;
}

const Val *wrapped_axis(const Node *n, const Val *axis, const char *name, int rank)
{
	Ctx *cx = n->cx;
	int64_t known;
	if (known_int(cx, axis, &known)) return b_scalar_int(cx, I64, node_axis(n, known, rank));
	const Dim *d = size_within(n, axis, name, -rank, rank - 1, false);
	return wrap_index(cx, b_dim(cx, d), b_scalar_int(cx, I64, rank));
}

const Val **axis_places(const Node *n, int i, int count, const Val *const *axes, int rank)
{
	const Val **places = NEWN(n->cx->arena, const Val *, count);
	if (rank == 0 && count > 0) node_fail(n, "a scalar has no axis");
	for (int k = 0; k < count; k++) places[k] = wrapped_axis(n, axes[k], operand_name(n, i, k), rank);
	return places;
}

const Val *is_axis(Ctx *cx, int count, const Val *const *places, int axis)
{
	const Val *any = b_scalar_int(cx, BOOL, 0);
	for (int k = 0; k < count; k++)
		any = binary(cx, OP_EW_or, any, binary(cx, OP_EW_eq, places[k], b_scalar_int(cx, I64, axis)));
	return any;
}

const Val *without_axes(const Node *n, const Val *x, int count, const Val *const *places)
{
	Ctx *cx = n->cx;
	int rank = x->type->rank - count;
	const Val **sizes = NEWN(cx->arena, const Val *, rank), *to = b_scalar_int(cx, I64, 0);
	const Dim **dims = NEWN(cx->arena, const Dim *, rank), *most = dim_int(cx, 1);
	for (int k = 0; k < rank; k++) sizes[k] = b_scalar_int(cx, I64, 1);
	for (int i = 0; i < x->type->rank; i++) {
		const Val *stays = b_ew1(cx, OP_EW_not, is_axis(cx, count, places, i)),
			  *size = b_dim(cx, x->type->dims[i]);
		for (int k = 0; k < rank; k++) {
			const Val *here = binary(cx, OP_EW_eq, to, b_scalar_int(cx, I64, k));
			sizes[k] = b_select(cx, binary(cx, OP_EW_and, stays, here), size, sizes[k]);
		}
		to = binary(cx, OP_EW_add, to, b_cast(cx, stays, I64));
		most = dim_max(cx, most, x->type->dims[i]);
	}
	for (int k = 0; k < rank; k++) dims[k] = node_size(n, sizes[k], result_dim_name(n, 0, k), 0, most);
	return b_reshape(cx, x, rank, dims);
}

const Val *clamped(Ctx *cx, const Val *v)
{
	return binary(cx, OP_EW_max, binary(cx, OP_EW_min, v, b_scalar_int(cx, I64, FAR)), b_scalar_int(cx, I64, -FAR));
}

/* ------------------------------------------------------------------------------------------------ declared shapes */

static bool mentions(const Dim *d, const Map *open, const Sym *only, int *times);

static bool sym_mentions(const Sym *s, const Map *open, const Sym *only, int *times)
{
	if (s->kind != SYM_NAMED) {
		const bool a = mentions(s->a, open, only, times), b = mentions(s->b, open, only, times);
		return a || b;
	}
	bool is = only ? s == only : map_get(open, s) != NULL;
	*times += is;
	return is;
}

/* Is there a symbol that run time reads from an operand; or `only` that one?  Counts. */
static bool mentions(const Dim *d, const Map *open, const Sym *only, int *times)
{
	bool any = false;
	for (int i = 0; i < d->n_terms; i++)
		for (int k = 0; k < d->terms[i].n_syms; k++)
			any |= sym_mentions(d->terms[i].syms[k], open, only, times);
	return any;
}

/* Solves have = declared for a symbol that is there once, as a term of its own: the import starts again with what it is. */
static void solve(const Node *n, const Dim *have, const Dim *declared)
{
	Ctx *cx = n->cx;
	Run *run = n->core->run;
	for (int i = 0; i < have->n_terms; i++) {
		const Term *t = &have->terms[i];
		int times = 0;
		if (t->n_syms != 1 || (t->coef != 1 && t->coef != -1) || !map_get(&run->open, t->syms[0])) continue;
		mentions(have, &run->open, t->syms[0], &times);
		if (times != 1 || mentions(declared, &run->open, NULL, &times)) continue;
		const Dim *term = dim_mul(cx, dim_sym(cx, t->syms[0]->name), dim_int(cx, t->coef));
		const Dim *is = dim_sub(cx, declared, dim_sub(cx, have, term));
		if (t->coef < 0) is = dim_sub(cx, dim_int(cx, 0), is);
		map_put(run->equal, t->syms[0]->name, is);
		run->restart = true;
		node_fail(n, "%s is %s", t->syms[0]->name, dim_text(cx, is));
	}
}

bool node_reads(const Node *n, const Dim *d)
{
	int times = 0;
	return mentions(d, &n->core->run->open, NULL, &times);
}

bool node_equate(const Node *n, const Dim *a, const Dim *b)
{
	if (!node_reads(n, a) && !node_reads(n, b)) return false;
	solve(n, a, b);
	solve(n, b, a);
	node_check_size(n, b_dim(n->cx, a), b);
	return true;
}

const Val *as_declared(const Node *n, const Val *v, const char *name)
{
	Ctx *cx = n->cx;
	Run *run = n->core->run;
	const Onnx__TensorShapeProto *shape = map_get(&n->core->scope->declared, intern(cx, name));
	if (!shape || v->type->is_tuple || shape->n_dim != (size_t)v->type->rank) return v;
	for (int i = 0; i < v->type->rank; i++) {
		const Onnx__TensorShapeProto__Dimension *d = shape->dim[i];
		const Dim *have = v->type->dims[i];
		int times = 0;
		if (d->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE || d->dim_value < 0 ||
			!mentions(have, &run->open, NULL, &times))
			continue;
		const Dim *declared = dim_int(cx, d->dim_value);
		solve(n, have, declared);
		node_check_size(n, b_dim(cx, have), declared);
		v = b_slice(cx, v, i, dim_int(cx, 0), declared, 1);
	}
	return v;
}
