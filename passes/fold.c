/* fold.c: values known at compile time: constants by the interpreter, shape arithmetic over dims.
 *
 * Two things stay as they are: views of constants of some size (lowering reads weights through them, and packs them), and
 * what would grow: an expanded scalar or an iota is cheaper to say than to store.
 */
#include "passes/rewrite.h"

#include <string.h>

enum {
	TINY = 16,    /* elements: a view of a constant that is folded all the same */
	SMALL = 1024, /* elements: a result that may be larger than what it is made of */
	MAX_GROWTH = 16,
	MAX_BYTES = 64 << 20,
	MAX_WORK = 1 << 28, /* multiplications */
	MAX_SHAPE = 64      /* elements of shape arithmetic */
};

static int64_t count_of(const Type *t)
{
	int64_t n = 1, d;
	for (int i = 0; i < t->rank; i++)
		if (!dim_is_int(t->dims[i], &d) || d < 0 || __builtin_mul_overflow(n, d, &n)) return -1;
	return n;
}

/* ---- constants ---- */

static const Tensor *base_tensor(const Val *v)
{
	while (v->op != OP_const) v = v->args[0];
	return val_attr(v, A_DATA)->tensor;
}

/* Of something that is_constant. */
static const Tensor *tensor_of(Eval *e, const Val *v)
{
	if (v->op == OP_const) return val_attr(v, A_DATA)->tensor;
	const Tensor *x = tensor_of(e, v->args[0]);
	return eval_op(e, v, &x, 0);
}

static bool is_worth_folding(const Val *v, int64_t count)
{
	int64_t made_of = 0, work = count;
	if (count < 0 || count > MAX_BYTES / elem_info[v->type->elem].size) return false;
	for (int i = 0; i < v->n_args; i++) {
		int64_t n = count_of(v->args[i]->type);
		if (!is_constant(v->args[i]) || n < 0 || n > MAX_BYTES) return false;
		made_of += (int64_t)tensor_size_bytes(base_tensor(v->args[i]));
		work = n > work ? n : work;
	}
	if (op_is_view(v->op)) return count <= TINY && !(v->op == OP_expand && count > 1 && base_tensor(v)->count == 1);
	if (v->op == OP_contract) { /* the extent of a summed letter is at most the size of an operand */
		int64_t n = count_of(v->args[0]->type), m = count_of(v->args[1]->type);
		if (__builtin_mul_overflow(n < m ? n : m, count, &work)) return false;
	}
	return work <= MAX_WORK && (count <= SMALL || count * elem_info[v->type->elem].size <= MAX_GROWTH * made_of);
}

/* One op on constants.  NULL where the interpreter fails: then the program will, when it gets there. */
static const Tensor *evaluate(Ctx *cx, const Val *v)
{
	const Tensor *volatile result = NULL;
	const char *loc = cx->loc;
	Arena *scratch = arena_new();
	TRY (cx) {
		Eval e = {.cx = cx, .arena = scratch};
		const Tensor **args = NEWN(scratch, const Tensor *, v->n_args + 1);
		for (int i = 0; i < v->n_args; i++) args[i] = tensor_of(&e, v->args[i]);
		result = tensor_intern(cx, eval_op(&e, v, args, 0));
	} else {
		cx->error = NULL;
	}
	cx->loc = loc;
	arena_free(scratch);
	return result;
}

const Tensor *constant_tensor(Ctx *cx, const Val *v)
{
	if (v->op == OP_const) return val_attr(v, A_DATA)->tensor;
	return is_constant(v) && type_is_static(v->type) ? evaluate(cx, v) : NULL;
}

/* ---- shapes ---- */

static const Val *ints_val(Ctx *cx, Elem elem, int rank, const int64_t *sizes, Dims dims)
{
	Tensor *t = tensor_new(cx->arena, elem, rank, sizes);
	for (int64_t i = 0; i < t->count; i++) {
		int64_t value = 0;
		dim_is_int(dims[i], &value);
		tensor_set_int(t, i, value);
	}
	return make_const(cx, t);
}

static void see_computed(void *any, const Sym *s) { *(bool *)any |= s->computed; }

/* The elements as a value: runs of numbers are constants, each size is a `dim`.  NULL where that is no simpler: elements
 * made of what values decide stay what they are. */
static const Val *dims_val(Ctx *cx, const Type *t, int n, Dims dims)
{
	int n_ints = 0;
	bool equal = true;
	int64_t *sizes = NEWN(cx->arena, int64_t, t->rank);
	for (int i = 0; i < n; i++) {
		n_ints += dim_is_int(dims[i], NULL);
		equal &= dims[i] == dims[0];
	}
	for (int i = 0; i < t->rank; i++) dim_is_int(t->dims[i], &sizes[i]);
	if (n_ints == n) return ints_val(cx, t->elem, t->rank, sizes, dims);
	if (t->elem == BOOL) return NULL;
	if (equal)
		return b_expand(cx,
			b_reshape(cx, b_cast(cx, b_dim(cx, dims[0]), t->elem), n == 1 ? t->rank : 0, t->dims), t->rank,
			t->dims);
	bool computed = false;
	for (int i = 0; i < n; i++) dim_each_sym(dims[i], see_computed, &computed);
	if (computed) return NULL;
	const Val **parts = NEWN(cx->arena, const Val *, n);
	int n_parts = 0;
	for (int i = 0, end; i < n; i = end) {
		end = i + 1;
		if (!dim_is_int(dims[i], NULL)) {
			parts[n_parts++] = b_unsqueeze(cx, b_cast(cx, b_dim(cx, dims[i]), t->elem), 0);
			continue;
		}
		while (end < n && dim_is_int(dims[end], NULL)) end++;
		parts[n_parts++] = ints_val(cx, t->elem, 1, (int64_t[]){end - i}, dims + i);
	}
	return b_reshape(cx, b_concat(cx, n_parts, parts, 0), t->rank, t->dims);
}

static const Val *fold_shape(Ctx *cx, const Val *v)
{
	int64_t n = count_of(v->type);
	const Dim *dims[MAX_SHAPE];
	if (elem_is_float(v->type->elem) || n < 0 || n > MAX_SHAPE || v->op == OP_param || v->op == OP_dim ||
		v->op == OP_get || v->op == OP_iota || v->op == OP_after || v->op == OP_guard)
		return NULL;
	return val_as_dims(cx, v, (int)n, dims) ? dims_val(cx, v->type, (int)n, dims) : NULL;
}

const Val *fold_value(Ctx *cx, const Val *v)
{
	if (v->type->is_tuple || v->op == OP_param || size_symbol(v)) return NULL;
	if (v->op == OP_const) return make_const(cx, val_attr(v, A_DATA)->tensor);
	if (v->op == OP_size) { /* a comparison: needed unless it is known to hold */
		const Dim *n;
		return val_as_dims(cx, v->args[0], 1, &n) && n == val_dims(v, A_VALUE)[0] ? v->args[0] : NULL;
	}
	if (v->op == OP_guard) return fill_of(v->args[1]) && tensor_get_int(fill_of(v->args[1]), 0) ? v->args[0] : NULL;
	if (v->op == OP_after) return v->args[1]->op == OP_const || v->args[1]->op == OP_dim ? v->args[0] : NULL;
	if (count_of(v->type) == 0 && !is_constant(v)) return make_fill(cx, v->type, 0);
	if (v->op != OP_dim && v->op != OP_iota && v->op != OP_get && is_worth_folding(v, count_of(v->type))) {
		const Tensor *t = evaluate(cx, v);
		if (t) return make_const(cx, t);
	}
	return fold_shape(cx, v);
}
