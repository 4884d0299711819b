/* prim.h: what the primitives share with each other: ir/prim.c (the table), ir/ew.c and ir/ops (type rules and evaluation),
 * ir/tensor.c (blocks of elements), ir/strided.c (copies between views), ir/eval.c (the driver).
 *
 * A type rule sees hostile data: it checks everything and fails by name.  An evaluation may rely on the type rule, and on
 * the driver for the operands' actual sizes, but not on the values of operands and symbols.
 */
#ifndef IR_PRIM_H
#define IR_PRIM_H

#include "ir/ir.h"

#include <assert.h>

/* ---- one type rule and one evaluation each: INFER(reshape) { ... } ---- */

#define UNUSED __attribute__((unused))
#define INFER(name)                                                                                              \
	const Type *infer_##name(Ctx *cx UNUSED, Op op UNUSED, int n_args UNUSED, const Val *const *args UNUSED, \
		const Attr *attrs UNUSED)
#define EVAL(name)        \
	void eval_##name( \
		Eval *e UNUSED, const Val *v UNUSED, const Tensor *const *args UNUSED, const Tensor **results UNUSED)

#define ADJOINT(name)                                                                                            \
	void adjoint_##name(Ctx *cx UNUSED, const Val *v UNUSED, const Val *g UNUSED, const bool *wanted UNUSED, \
		const Val **grads UNUSED)
/* The structural ops that have one. */
#define DIFFERENTIABLE(X) \
	X(reshape)        \
	X(permute)        \
	X(slice)          \
	X(pad)            \
	X(expand)         \
	X(window)         \
	X(concat)         \
	X(gather)         \
	X(gather_nd)      \
	X(scatter_nd)     \
	X(contract)       \
	X(reduce)         \
	X(cumulative)     \
	X(after)          \
	X(guard)

#define EW(...)
#define ST(name)     \
	INFER(name); \
	EVAL(name);
#include "ir/prim.def"
#undef EW
#undef ST
INFER(ew);
EVAL(ew);
#define X(name) ADJOINT(name);
DIFFERENTIABLE(X)
#undef X

/* ---- prim.c: checks of type rules; messages begin with the op's name ---- */

const char *dim_str(Ctx *, const Dim *); /* for messages */
void want_scalar(Ctx *, Op, const char *what, const Type *, Elem);
/* An attribute of `n` ints or dims, or graphs. */
void want_n(Ctx *, Op, const Attr *, int n);
/* One int of an attribute, in [lo, hi]. */
int64_t want_int(Ctx *, Op, const Attr *, int i, int64_t lo, int64_t hi);
int want_axis(Ctx *, Op, const Attr *, const Type *); /* the attribute axis, within the type's rank */
/* No dim may be negative where that can be known. */
void want_sizes(Ctx *, Op, const char *what, int n, Dims);
/* Which of the names an attribute kind says: its index; the list ends with NULL. */
int want_kind(Ctx *, Op, const Attr *, const char *const *names);
void want_same_dims(
	Ctx *, Op, const char *a_name, const Type *, const char *b_name, const Type *, int a_from, int b_from, int n);
/* Types `of` some operands or results against a body's: fails saying which one differs. */
void want_same_type(Ctx *, Op, const char *what, int i, const Type *wanted, const Type *seen);
/* The number of indices in a tuple of them, which is the last dim of integers. */
int want_index_depth(Ctx *, Op, const Type *);
void want_computable(Ctx *, Op, Elem); /* not a type for storage */
bool elem_is_number(Elem);             /* to compute with; not bool */
/* A body's parameters, counted; the tuple of its results. */
void want_params(Ctx *, Op, const Graph *body, int n);
const Type *results_type(Ctx *, const Graph *body);
/* The tuple of a scan or loop: `count` where not NULL, the carries, and stacks of what the body gives after them and its
 * first_carry other results.  Checks the body's carries against the operands'. */
const Type *stepped_type(Ctx *, Op, const Graph *body, int first_carry, int n_carries, const Val *const *carries,
	const Dim *length, const Type *count);
/* A type's dims with room for `extra` more, to be changed. */
const Dim **dims_copy(Ctx *, const Type *, int extra);

/* ---- adjoint.c: what adjoints share ---- */

/* A gradient of what was left of t when the axes were folded away, repeated along them. */
const Val *unfold_axes(Ctx *, const Val *g, const Type *t, int n_axes, const int *axes);
/* i64 indices, those out of bounds at the bounds; the last dim of idx goes over the n dims. */
const Val *clamped_tuples(Ctx *, const Val *idx, int n, Dims);
/* The same, in the dims behind `batch` leading ones that idx shares, as indices into all of them. */
const Val *batched_tuples(Ctx *, const Val *idx, int batch, int n, Dims);
/* bool, one a tuple: is it within the n dims? */
const Val *tuples_inside(Ctx *, const Val *idx, int n, Dims);

/* ---- tensor.c: blocks of elements ---- */

enum { BLOCK = 256 };
void load_f64(Elem, const void *data, int64_t i, int n, double *);   /* 64-bit integers are rounded */
void load_i64(Elem, const void *data, int64_t i, int n, int64_t *);  /* u64 by its bits; floats truncate and saturate */
void store_f64(Elem, void *data, int64_t i, int n, const double *);  /* rounds; integers truncate and saturate */
void store_i64(Elem, void *data, int64_t i, int n, const int64_t *); /* wraps; floats round once; bool: is not 0 */
void store_u64(Elem, void *data, int64_t i, int n, const uint64_t *);
void copy_bits(Elem from, const void *data, Elem to, void *result, int64_t n); /* types of one width */
/* Floats as F64, signed integers as I64, the others as U64: what the interpreter computes in. */
Elem elem_wide(Elem);
void load_wide(Elem, const void *data, int64_t i, int n, void *wide, int64_t at);
void store_wide(Elem, void *data, int64_t i, int n, const void *wide, int64_t at);
/* The same elements where the type is stored so, else through the buffer of BLOCK elements. */
const double *block_f64(Elem, const void *data, int64_t i, int n, double *buffer);
const int64_t *block_i64(Elem, const void *data, int64_t i, int n, int64_t *buffer);
/* Element i of integers, clamped to [0, n - 1]. */
int64_t index_clamped(const Tensor *, int64_t i, int64_t n);
/* Keys in the order of the elements: equal elements have equal keys, NaN the highest. */
void load_keys(Elem, const void *data, int64_t i, int n, uint64_t *);

/* ---- ew.c ---- */

/* The smaller and the larger of two; NaN if either is. */
#define SMALLER(a, b) ((a) != (a) || !((b) < (a) || (b) != (b)) ? (a) : (b))
#define LARGER(a, b) ((a) != (a) || !((b) > (a) || (b) != (b)) ? (a) : (b))
/* y = op(a, b) over n elements of one type, for an op of class a; y may be a. */
void ew_apply(Op, Elem, int64_t n, const void *a, const void *b, void *y);

/* ---- ops/reduce.c: the folds of reduce and cumulative ---- */

typedef struct {
	const char *kind;
	Op op;           /* combines two elements */
	double identity; /* the fold of nothing; infinities saturate in an integer type */
} Fold;
enum { FOLD_SUM, FOLD_PROD, FOLD_MAX, FOLD_MIN };
/* Checks that the elements have such a fold: bool has max (or) and min (and) only. */
Fold fold_of(Ctx *, Op, const Attr *kind, int n_kinds, Elem);

/* ---- ops/contract.c ---- */

/* "bk,kn->bn", read and checked: for each letter its dim in a, b and the result, or -1. */
typedef struct {
	int n_letters;
	char letters[52]; /* in order of appearance */
	int rank_a, rank_b, rank_y;
	int a[52], b[52], y[52];
} Spec;
Spec contract_spec(Ctx *, const char *);

/* ---- strided.c: copies between views; strides in elements ---- */

int64_t *strides_of(Eval *, int rank, const int64_t *dims); /* row-major */
int64_t product_of(int n, const int64_t *dims);             /* of sizes whose product is known to fit */
void copy_strided(Eval *, int elem_bytes, int rank, const int64_t *dims, void *to, const int64_t *to_strides,
	const void *from, const int64_t *from_strides);

/* ---- eval.c ---- */

/* Fails where n more elements would pass e->max_bytes. */
void eval_want_memory(Eval *, int64_t n, size_t size);
/* Memory of an evaluation: zeroed, counted. */
void *eval_memory(Eval *, int64_t n, size_t size);
Tensor *eval_tensor(Eval *, Elem, int rank, const int64_t *dims);
Tensor *eval_result(Eval *, const Type *);                                /* sizes from e->env */
Tensor *eval_view(Eval *, const Tensor *, int rank, const int64_t *dims); /* shares the data */
int64_t *eval_dims(Eval *, int n, Dims);                                  /* fails on a negative one */
_Noreturn void eval_fail(Eval *, const Val *, const char *format, ...) __attribute__((format(printf, 3, 4)));

bool tensor_fits(Eval *, const Tensor *, const Type *);
const char *tensor_type_str(Ctx *, const Tensor *);
int n_parts(const Val *); /* tensors that it gives */
/* One op, its operands checked; a tuple among them stands as all of its parts. */
void eval_one(Eval *, const Val *, const Tensor *const *args, const Tensor **results);

/* ---- plan.c ---- */

/* A graph made ready to be evaluated, once or many times; one that reclaims frees what is no longer needed on the way. */
typedef struct Plan Plan;
Plan *plan_new(Eval *, const Graph *, bool reclaim);
void plan_run(Eval *, const Plan *, const Tensor *const *inputs, const Tensor **results);

/* ---- steps.c ---- */

/* The iteration that scan and loop share.  Each step's values live in an arena of their own, so that memory does
 * not grow with the number of steps; what outlives the step is copied out. */
typedef struct {
	Eval *outer;
	const Plan *plan;
	Arena **arena;          /* of the step; released with outer's arena when an error unwinds */
	const Tensor **results; /* of the last step */
	int n_carries;
	const Tensor **carries; /* as they are now; the caller's array */
	Tensor **own, **spare;  /* the buffers that hold them, and those to be written next */
} Steps;
Steps *steps_new(Eval *, const Graph *body, int n_carries, const Tensor **carries);
void steps_run(Steps *, const Tensor *const *inputs);
/* Results from the first_carry-th on become the carries. */
void steps_carry(Steps *, int first_carry);
void steps_end(Steps *);
/* Writes a step's result as row i. */
void stack_row(Eval *, const Val *, const Tensor *stack, int64_t i, const Tensor *row);

#endif
