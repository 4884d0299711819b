/* eval.c: the driver of the interpreter: memory, one op, and the entries from outside.
 *
 * Ops run one at a time, each on whole tensors.  Before an op runs, the sizes of its operands are held against their types
 * under the present values of the symbols; so evaluations may trust the types, whatever inputs, symbols and bodies did.
 *
 * Inside, e->max_bytes is the size that e->arena may grow to.  eval_graph and eval_op turn the caller's cap into that, and
 * plan.c and steps.c pass on what is left of it to arenas of their own.
 */
#include "ir/prim.h"

#include <string.h>

static const int64_t DEFAULT_MAX_BYTES = INT64_C(4) << 30;

/* ---- memory and messages ---- */

static const char *op_name(const Val *v) { return op_info[v->op].name; }

_Noreturn void eval_fail(Eval *e, const Val *v, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *message = arena_vprintf(e->cx->arena, format, args);
	va_end(args);
	fail(e->cx, "%s: %s", op_name(v), message);
}

void eval_want_memory(Eval *e, int64_t n, size_t size)
{
	int64_t size_bytes;
	if (__builtin_mul_overflow(n, (int64_t)size, &size_bytes)) size_bytes = INT64_MAX;
	const int64_t used = (int64_t)arena_size(e->arena);
	if (size_bytes > e->max_bytes - used)
		fail(e->cx,
			"interpreter: out of memory: %lld bytes more than the %lld in use would pass the limit of %lld",
			(long long)size_bytes, (long long)used, (long long)e->max_bytes);
}

void *eval_memory(Eval *e, int64_t n, size_t size)
{
	eval_want_memory(e, n, size);
	return arena_alloc(e->arena, (size_t)n * size);
}

Tensor *eval_tensor(Eval *e, Elem elem, int rank, const int64_t *dims)
{
	int64_t count = 1;
	for (int i = 0; i < rank; i++) {
		assert(dims[i] >= 0);
		if (dims[i] == 0) {
			count = 0;
			break;
		}
		if (__builtin_mul_overflow(count, dims[i], &count)) count = INT64_MAX;
	}
	eval_want_memory(e, count, (size_t)elem_info[elem].size);
	Tensor *t = tensor_new(e->arena, elem, rank, dims);
	if (!t) fail(e->cx, "interpreter: a tensor of %lld elements is too large", (long long)count);
	return t;
}

Tensor *eval_view(Eval *e, const Tensor *x, int rank, const int64_t *dims)
{
	Tensor *t = NEW(e->arena, Tensor);
	*t = (Tensor){.elem = x->elem, .rank = rank, .dims = dims, .count = product_of(rank, dims), .data = x->data};
	return t;
}

int64_t *eval_dims(Eval *e, int n, Dims dims)
{
	int64_t *sizes = eval_memory(e, n, sizeof *sizes);
	for (int i = 0; i < n; i++) {
		sizes[i] = dim_eval(e->cx, dims[i], &e->env);
		if (sizes[i] < 0)
			fail(e->cx, "interpreter: the size %s is negative: %lld", dim_str(e->cx, dims[i]),
				(long long)sizes[i]);
	}
	return sizes;
}

Tensor *eval_result(Eval *e, const Type *t) { return eval_tensor(e, t->elem, t->rank, eval_dims(e, t->rank, t->dims)); }

/* ---- one op ---- */

bool tensor_fits(Eval *e, const Tensor *x, const Type *t)
{
	if (x->elem != t->elem || x->rank != t->rank) return false;
	for (int i = 0; i < t->rank; i++)
		if (x->dims[i] != dim_eval(e->cx, t->dims[i], &e->env)) return false;
	return true;
}

const char *tensor_type_str(Ctx *cx, const Tensor *x)
{
	const Dim **dims = NEWN(cx->arena, const Dim *, x->rank);
	for (int i = 0; i < x->rank; i++) dims[i] = dim_int(cx, x->dims[i]);
	return type_str(cx, type_new(cx, x->elem, x->rank, dims));
}

void eval_one(Eval *e, const Val *v, const Tensor *const *args, const Tensor **results)
{
	Ctx *cx = e->cx;
	const char *loc = cx->loc;
	cx->loc = v->loc;
	for (int i = 0; i < v->n_args && v->op != OP_get; i++)
		if (!tensor_fits(e, args[i], v->args[i]->type))
			eval_fail(e, v, "operand %d must be %s, seen %s", i + 1, type_str(cx, v->args[i]->type),
				tensor_type_str(cx, args[i]));
	op_info[v->op].eval(e, v, args, results);
	cx->loc = loc;
}

int n_parts(const Val *v) { return v->type->is_tuple ? v->type->n_parts : 1; }

/* ---- from outside ---- */

/* A copy of the caller's with the cap as the size that the arena may grow to.  An error leaves the caller's as it was. */
static Eval begin(Eval *e)
{
	if (!e->env.values.arena) dimenv_init(&e->env, e->arena);
	Eval inner = *e;
	if (__builtin_add_overflow(
		    (int64_t)arena_size(e->arena), e->max_bytes ? e->max_bytes : DEFAULT_MAX_BYTES, &inner.max_bytes))
		inner.max_bytes = INT64_MAX;
	return inner;
}

void eval_graph(Eval *e, const Graph *g, const Tensor *const *inputs, const Tensor **results)
{
	eval_bind(e, g, inputs);
	Eval inner = begin(e);
	plan_run(&inner, plan_new(&inner, g, true), inputs, results);
	e->env = inner.env;
}

const Tensor *eval_op(Eval *e, const Val *v, const Tensor *const *args, int result)
{
	assert(result >= 0 && result < n_parts(v));
	Eval inner = begin(e);
	const Tensor **results = eval_memory(&inner, n_parts(v), sizeof *results);
	eval_one(&inner, v, args, results);
	e->env = inner.env;
	return results[result];
}
