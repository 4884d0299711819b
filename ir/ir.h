/* ir.h: every data structure of the graph IR, then each file's exports under its name.
 *
 * The IR is a closed, immutable, hash-consed SSA graph:
 *   - a Val is one value: an op, its type, its operands, its attributes;  equal values are the same pointer;
 *   - a Graph is a closed function: parameters, results.  Bodies of scan, loop, cond and call are Graphs, with no free
 *     variables: what a body uses from outside is an explicit operand;
 *   - a Type is an element type and dims, a Dim is a polynomial over symbols: both interned, equality is pointer equality.
 *
 * A parameter is identified by its index and type only, so one Val may stand in several graphs, and equal bodies are one
 * Graph.  Passes never edit: they rebuild Graph -> Graph, and a pass that changes nothing returns its input for free.
 *
 * Everything lives in the arena of its Ctx.  User errors unwind by fail() to the nearest TRY; our own bugs are asserts.
 */
#ifndef IR_H
#define IR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Arena Arena;
typedef struct Ctx Ctx;
typedef struct Sym Sym;
typedef struct Dim Dim;
typedef struct Type Type;
typedef struct Tensor Tensor;
typedef struct Attr Attr;
typedef struct Val Val;
typedef struct Graph Graph;
typedef struct Eval Eval;
typedef const Dim *const *Dims; /* an array of dims */

/* ------------------------------------------------------------------------------------------------ arena.c */

/* Bump allocator.  Memory is zeroed and 64-byte aligned from 64 bytes up, 16-byte aligned below.  Nothing is freed
 * piecemeal. */
Arena *arena_new(void);
void arena_free(Arena *);
void *arena_alloc(Arena *, size_t size_bytes);
void *arena_copy(Arena *, const void *, size_t size_bytes);
char *arena_strn(Arena *, const char *, size_t n);
char *arena_printf(Arena *, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *, const char *format, va_list);
size_t arena_size(const Arena *);
/* Runs release(resource) when the arena is freed: how files, maps and foreign objects survive an unwinding error. */
void arena_defer(Arena *, void (*release)(void *), void *resource);
/* Room for one more behind n items, of which there is room for *cap: the array, or a copy in one of twice the size. */
void *arena_grow(Arena *, void *items, int n, int *cap, size_t item_bytes);
#define NEW(arena, T) ((T *)arena_alloc((arena), sizeof(T)))
#define NEWN(arena, T, n) ((T *)arena_alloc((arena), sizeof(T) * (size_t)(n)))

/* A pointer-keyed map: side tables of passes.  Keys are not NULL. */
typedef struct {
	Arena *arena;
	size_t n, cap;
	const void **keys;
	const void **values;
} Map;
void map_init(Map *, Arena *);
const void *map_get(const Map *, const void *key); /* NULL when absent */
void map_put(Map *, const void *key, const void *value);

/* Growable text. */
typedef struct {
	Arena *arena;
	char *text; /* NUL-terminated once anything was written, else NULL */
	size_t size, cap;
} Buf;
void buf_init(Buf *, Arena *);
void buf_write(Buf *, const void *, size_t n);
void buf_puts(Buf *, const char *);
void buf_printf(Buf *, const char *format, ...) __attribute__((format(printf, 2, 3)));

uint64_t hash_bytes(uint64_t seed, const void *, size_t n);

/* ------------------------------------------------------------------------------------------------ error.c */

typedef struct Unwind {
	jmp_buf env;
	struct Unwind *up;
} Unwind;

struct Ctx {
	Arena *arena;
	Unwind *unwind;
	char *error;     /* message of the last fail(), in the arena */
	const char *loc; /* stamped on new values and put before error messages: "node '/rnn/LSTM' (LSTM, opset 14)" */
	int n_notes;     /* what the user should know of (detected states ...), printed by the command */
	const char **notes;
	bool f64;              /* --dtype f64 */
	struct Intern *intern; /* interned strings, syms, dims, types, tensors, vals, graphs */
};

Ctx *ctx_new(void);
void ctx_free(Ctx *);
/* Formats "LOC: MESSAGE" into cx->error and unwinds to the innermost TRY. */
_Noreturn void fail(Ctx *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void note(Ctx *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* TRY(cx) { ... } else { ... cx->error ... }   The guarded block must be left at its end, never by return or break.
 * Locals changed inside and read after the unwinding must be volatile. */
#define TRY(cx)                                                                                \
	for (Unwind unwind_ = {.up = (cx)->unwind}, *once_ = ((cx)->unwind = &unwind_); once_; \
		(cx)->unwind = unwind_.up, once_ = NULL)                                       \
		if (setjmp(unwind_.env) == 0)

/* ------------------------------------------------------------------------------------------------ elem.c */

/* Element types: X(NAME, text, C type of storage, size in bytes, class: 'f' float, 'i' signed, 'u' unsigned, 'b' bool; bits).
 * Floats below f32 are stored as their bits.  Those below f16, and integers below a byte, are for storage: they are cast,
 * moved, selected and compared, but not computed with.  In a Tensor each element has bytes of its own; where several share
 * a byte outside, in ONNX files and in the generated C, the first stands in its low bits. */
#define ELEMS(X)                                        \
	X(F64, "f64", double, 8, 'f', 64)               \
	X(F32, "f32", float, 4, 'f', 32)                \
	X(F16, "f16", uint16_t, 2, 'f', 16)             \
	X(BF16, "bf16", uint16_t, 2, 'f', 16)           \
	X(I8, "i8", int8_t, 1, 'i', 8)                  \
	X(I16, "i16", int16_t, 2, 'i', 16)              \
	X(I32, "i32", int32_t, 4, 'i', 32)              \
	X(I64, "i64", int64_t, 8, 'i', 64)              \
	X(U8, "u8", uint8_t, 1, 'u', 8)                 \
	X(U16, "u16", uint16_t, 2, 'u', 16)             \
	X(U32, "u32", uint32_t, 4, 'u', 32)             \
	X(U64, "u64", uint64_t, 8, 'u', 64)             \
	X(BOOL, "bool", uint8_t, 1, 'b', 8)             \
	X(F8E4M3FN, "f8e4m3fn", uint8_t, 1, 'f', 8)     \
	X(F8E4M3FNUZ, "f8e4m3fnuz", uint8_t, 1, 'f', 8) \
	X(F8E5M2, "f8e5m2", uint8_t, 1, 'f', 8)         \
	X(F8E5M2FNUZ, "f8e5m2fnuz", uint8_t, 1, 'f', 8) \
	X(F8E8M0, "f8e8m0", uint8_t, 1, 'f', 8)         \
	X(F4E2M1, "f4e2m1", uint8_t, 1, 'f', 4)         \
	X(I4, "i4", int8_t, 1, 'i', 4)                  \
	X(U4, "u4", uint8_t, 1, 'u', 4)                 \
	X(I2, "i2", int8_t, 1, 'i', 2)                  \
	X(U2, "u2", uint8_t, 1, 'u', 2)
typedef enum {
#define X(name, ...) name,
	ELEMS(X)
#undef X
		N_ELEMS,
	/* Texts: only while a model is imported (frontend/onnx/strings.c), so neither the text form nor the generated C has
	 * them.  An element is the number of an interned text, as i32; they are moved, selected and compared for equality. */
	STR = N_ELEMS
} Elem;
typedef struct {
	const char *name;  /* "f32" */
	const char *ctype; /* "float" */
	int size;          /* bytes */
	char cls;          /* f i u b, and t: texts */
	int bits;          /* below 8: several share a byte outside of a Tensor */
} ElemInfo;
extern const ElemInfo elem_info[N_ELEMS + 1];
bool elem_is_float(Elem);
bool elem_is_int(Elem);                    /* signed or unsigned, not bool */
bool elem_is_narrow(Elem);                 /* a float stored as its bits: C computes with f32 instead */
bool elem_is_storage(Elem);                /* not computed with */
bool elem_parse(const char *name, Elem *); /* "f32" */

/* How a narrow float is laid out below its sign: exponent bits, mantissa bits, bias; what overflow becomes, and NaN. */
typedef enum {
	NARROW_IEEE,   /* infinities and NaNs at the highest exponent */
	NARROW_FN,     /* no infinity; NaN is all ones */
	NARROW_FNUZ,   /* no infinity, no -0, whose bits are NaN */
	NARROW_FINITE, /* no infinity, no NaN: overflow gives the largest number, NaN gives -0 */
	NARROW_POWER   /* no sign, no 0: a power of two; all ones is NaN */
} NarrowKind;
typedef struct {
	int exponent, mantissa, bias;
	NarrowKind kind;
} NarrowFormat;
const NarrowFormat *narrow_format(Elem);  /* of a narrow one */
uint16_t narrow_largest(Elem);            /* the bits of the largest finite number */
uint16_t narrow_nan(Elem);                /* the bits of the usual NaN */
float narrow_to_f32(Elem, uint16_t bits); /* exact */
uint16_t narrow_from_f64(Elem, double);   /* one rounding, to nearest even; powers: to the nearer number, ties up */
float f16_to_f32(uint16_t);
uint16_t f16_from_f64(double); /* to nearest even */
float bf16_to_f32(uint16_t);
uint16_t bf16_from_f64(double); /* to nearest even */

/* ------------------------------------------------------------------------------------------------ dim.c */

/* A symbol: a named size with bounds, or a derived quantity that no polynomial can say.  A named symbol that the model's
 * own values decide (a loop's trip count) is `computed`: it has no argument in the generated function. */
typedef enum { SYM_NAMED, SYM_FLOORDIV, SYM_MIN, SYM_MAX } SymKind;
struct Sym {
	SymKind kind;
	const char *name; /* SYM_NAMED */
	const Dim *a, *b; /* operands of a derived one: floor(a / b), min(a, b), max(a, b) */
	bool computed;
	const Dim *most; /* of a computed one that no number bounds: the size that does; a symbol for callers to give */
	const Sym *most_of; /* of such a symbol: back */
	bool declared;      /* the model itself names it (as opposed to: the user only) */
	int64_t lo, hi;     /* inclusive bounds; INT64_MAX: unbounded */
	int64_t step;       /* a named one is a multiple of it: multiple.c */
	uint32_t id;
};
typedef struct {
	int64_t coef;
	int n_syms;
	const Sym *const *syms; /* sorted by name, derived ones last; powers by repetition */
} Term;
struct Dim { /* sum of terms, sorted; the constant term, if any, last.  0 has no terms */
	int n_terms;
	const Term *terms;
	uint32_t id;
};

enum { DIM_DEGREE = 16 }; /* of symbols in a term */

const Dim *dim_int(Ctx *, int64_t);
const Dim *dim_sym(Ctx *, const char *name); /* the symbol of that name, made at first use with bounds 0.. */
Sym *sym_find(Ctx *, const char *name);      /* NULL when there is none */
void sym_bound(Ctx *, const char *name, int64_t lo, int64_t hi);
const Dim *sym_within(
	const Sym *); /* the size of the model that bounds a computed one; NULL: a number, or callers do */
/* A computed symbol that the model itself has no name for: `wish`, or that and a number.  It is within 0..most. */
const Dim *dim_computed(Ctx *, const char *wish, const Dim *most);
const Dim *dim_add(Ctx *, const Dim *, const Dim *);
const Dim *dim_sub(Ctx *, const Dim *, const Dim *);
const Dim *dim_mul(Ctx *, const Dim *, const Dim *);
const Dim *dim_div_exact(Ctx *, const Dim *, const Dim *); /* NULL when it does not divide as polynomials */
const Dim *dim_floordiv(Ctx *, const Dim *, const Dim *);
const Dim *dim_ceildiv(Ctx *, const Dim *, const Dim *);
const Dim *dim_min(Ctx *, const Dim *, const Dim *); /* decided by bounds where possible */
const Dim *dim_max(Ctx *, const Dim *, const Dim *);
const Dim *dim_product(Ctx *, int n, Dims);   /* 1 for n = 0 */
bool dim_is_int(const Dim *, int64_t *value); /* value may be NULL */
bool dim_is(const Dim *, int64_t value);
/* The substitution of symbols by dims: map from Sym* to Dim*. */
const Dim *dim_subst(Ctx *, const Dim *, const Map *);
/* The most that it can be whatever the model computes: computed symbols at their bounds.  One that nothing bounds gets a
 * symbol for that, NAME_max, which callers decide. */
const Dim *dim_most(Ctx *, const Dim *);
int64_t dim_least(Ctx *, const Dim *); /* dim_lo, knowing computed symbols to be within the sizes that bound them */
void dim_print(Buf *, const Dim *);    /* "4*H", "T-1", "floor((T-3)/2)" */
const Dim *dim_parse(Ctx *, const char *text, const char **end); /* the same back; fails by fail() */
bool dim_mentions(const Dim *, const Sym *);
void dim_each_sym(
	const Dim *, void (*)(void *user, const Sym *), void *user); /* named ones, also inside derived ones */

/* Values of named symbols at run time: the interpreter's and the host's. */
typedef struct {
	Map values; /* Sym* -> boxed int64_t */
} DimEnv;
void dimenv_init(DimEnv *, Arena *);
void dimenv_set(DimEnv *, const Sym *, int64_t);
bool dimenv_get(const DimEnv *, const Sym *, int64_t *);
int64_t dim_eval(Ctx *, const Dim *, const DimEnv *); /* fails naming a symbol that has no value */

/* ------------------------------------------------------------------------------------------------ range.c */

typedef struct {
	int64_t lo, hi; /* INT64_MIN, INT64_MAX: unbounded */
} DimRange;
DimRange dim_range(const Dim *); /* all that it can be, and maybe more */
int64_t dim_lo(const Dim *);
int64_t dim_hi(const Dim *);

/* ------------------------------------------------------------------------------------------------ multiple.c */

/* What a user says of a size: it is within lo..hi and a multiple of step.  0..INT64_MAX: there are no bounds. */
typedef struct {
	const char *name;
	int64_t lo, hi, step;
} SizeRange;
/* Its ends to multiples, inwards; false: nothing is left, or the step is below 1 or above INT32_MAX. */
bool range_round(SizeRange *);
/* The symbol of that name has no other values than before, and only those in the range.  Fails where none are left.  A step
 * is for dims that are made from now on: those that have the symbol already are to be substituted by dim_sym(). */
void sym_narrow(Ctx *, const SizeRange *);
bool sym_takes(const Sym *, int64_t value);
int64_t sym_near(const Sym *, int64_t wish);                  /* a value that it takes */
const char *sym_values(Ctx *, const Sym *, const char *dots); /* "32..960, a multiple of 32", "1 or more" */
const Sym *sym_divided(const Sym *);                          /* of floor(T / step): T; else NULL */
const Sym *dim_symbol(const Dim *);                           /* the named symbol that it is; NULL: none */
void dim_hint(Ctx *, Buf *, const Dim *, const Dim *);        /* for a message: multiples that would be equal */
/* A factor of a term as people read it: sym / by, which leaves no rest; by is 1 for sym itself. */
typedef struct {
	const Sym *sym;
	int64_t by;
} Factor;
/* Where T is a multiple of 32, 8*floor(T/32) is T/4.  factors[n_syms]; returns the coefficient that is left. */
int64_t term_factors(const Term *, Factor *factors);

/* ------------------------------------------------------------------------------------------------ type.c */

struct Type { /* interned.  A tuple (several results of one op) has n_parts > 0 and nothing else. */
	Elem elem;
	int rank;
	Dims dims;
	int n_parts;
	const Type *const *parts;
	bool is_tuple;
	uint32_t id;
};
const Type *type_new(Ctx *, Elem, int rank, Dims);
const Type *type_scalar(Ctx *, Elem);
const Type *type_tuple(Ctx *, int n_parts, const Type *const *parts);
const Type *type_with_elem(Ctx *, const Type *, Elem);
const Dim *type_count(Ctx *, const Type *); /* number of elements */
bool type_is_static(const Type *);
void type_print(Buf *, const Type *); /* "f32[T, 64]", "(f32[4], i64[])" */
const Type *type_parse(Ctx *, const char *text, const char **end);
const char *type_str(Ctx *, const Type *); /* for messages */
const char *intern(Ctx *, const char *);   /* strings: equal text, equal pointer */
/* Texts as elements of type STR: equal text, equal number; that of the empty one is 0.  Fails beyond 256 MB of them. */
int32_t text_number(Ctx *, const char *text);
const char *text_numbered(Ctx *, int64_t number);

/* ------------------------------------------------------------------------------------------------ tensor.c */

/* A dense row-major array with its data: constants, and what the interpreter computes with. */
struct Tensor {
	Elem elem;
	int rank;
	const int64_t *dims;
	int64_t count;
	void *data; /* count * elem_info[elem].size bytes, 64-byte aligned when in an arena */
};
Tensor *tensor_new(Arena *, Elem, int rank, const int64_t *dims); /* zeroed.  Fails by returning NULL over 2^40 bytes */
size_t tensor_size_bytes(const Tensor *);
double tensor_get(const Tensor *, int64_t i); /* i64 and u64 lose bits: see the next two */
void tensor_set(Tensor *, int64_t i, double);
int64_t tensor_get_int(const Tensor *, int64_t i); /* exact for all integers; u64 by its bits; floats truncate */
void tensor_set_int(Tensor *, int64_t i, int64_t);
/* Elements as they stand outside of a Tensor: those below a byte share bytes, the first in the low bits. */
int64_t packed_bytes(Elem, int64_t n);
void pack_elements(Elem, const void *elements, int64_t n, uint8_t *packed);
void unpack_elements(Elem, const uint8_t *packed, int64_t n, void *elements);
const Tensor *tensor_packed(Arena *, const Tensor *); /* as u8[bytes]; itself where its elements fill bytes */
const Tensor *tensor_intern(Ctx *, const Tensor *);   /* equal contents, equal pointer; copies into the arena */

/* ------------------------------------------------------------------------------------------------ attributes */

typedef enum { ATTR_INTS, ATTR_DIMS, ATTR_STR, ATTR_TENSOR, ATTR_GRAPHS, ATTR_ELEM } AttrKind;
/* One entry per attribute name, all ops together: X(KEY, text, kind). */
#define ATTRS(X)                                                                                                  \
	X(A_INDEX, "index", ATTR_INTS)     /* param, get */                                                       \
	X(A_DATA, "data", ATTR_TENSOR)     /* const */                                                            \
	X(A_ELEM, "elem", ATTR_ELEM)       /* cast, iota, param's own */                                          \
	X(A_SHAPE, "shape", ATTR_DIMS)     /* reshape expand iota param */                                        \
	X(A_VALUE, "value", ATTR_DIMS)     /* dim, size */                                                        \
	X(A_PERM, "perm", ATTR_INTS)       /* permute */                                                          \
	X(A_START, "start", ATTR_DIMS)     /* slice, one a dim */                                                 \
	X(A_SIZE, "size", ATTR_DIMS)       /* slice, one a dim */                                                 \
	X(A_STEP, "step", ATTR_INTS)       /* slice, one a dim; -1 flips */                                       \
	X(A_LO, "lo", ATTR_DIMS)           /* pad, one a dim */                                                   \
	X(A_HI, "hi", ATTR_DIMS)           /* pad, one a dim */                                                   \
	X(A_AXIS, "axis", ATTR_INTS)       /* one */                                                              \
	X(A_AXES, "axes", ATTR_INTS)       /* reduce, sorted */                                                   \
	X(A_WINDOW, "window", ATTR_INTS)   /* window: size stride dilation */                                     \
	X(A_KIND, "kind", ATTR_STR)        /* reduce: sum prod max min ...  scatter: set add mul max min */       \
	X(A_SPEC, "spec", ATTR_STR)        /* contract: "bk,kn->bn" */                                            \
	X(A_FLAGS, "flags", ATTR_INTS)     /* cumulative: exclusive reverse; sort: descending; argreduce: last */ \
	X(A_BATCH, "batch", ATTR_INTS)     /* gather_nd: leading dims that index and data share */                \
	X(A_COUNTS, "counts", ATTR_INTS)   /* scan, loop: number of consts, carries */                            \
	X(A_LENGTH, "length", ATTR_DIMS)   /* scan: steps; loop: most steps, which sizes its stacked results */   \
	X(A_REVERSE, "reverse", ATTR_INTS) /* scan: 1 runs from the last step to the first */                     \
	X(A_NAME, "name", ATTR_STR)        /* call, guard: for people */                                          \
	X(A_BODY, "body", ATTR_GRAPHS)     /* scan loop call: one; cond: then, else */
typedef enum {
#define X(key, text, kind) key,
	ATTRS(X)
#undef X
		N_ATTRS
} AttrKey;
extern const struct AttrInfo {
	const char *name;
	AttrKind kind;
} attr_info[N_ATTRS];

struct Attr {
	AttrKey key;
	int n; /* ints, dims, graphs */
	union {
		const int64_t *ints;
		Dims dims;
		const char *str; /* interned */
		const Tensor *tensor;
		const Graph *const *graphs;
		Elem elem;
	};
};
/* Builders of attribute lists: val_new(cx, OP_PERMUTE, 1, &x, (Attr[]){attr_ints(A_PERM, n, perm)}, 1) */
Attr attr_ints(AttrKey, int n, const int64_t *);
Attr attr_int(Ctx *, AttrKey, int64_t);
Attr attr_dims(AttrKey, int n, Dims);
Attr attr_str(Ctx *, AttrKey, const char *);
Attr attr_elem(Elem);

/* ------------------------------------------------------------------------------------------------ ops */

/* Element-wise ones from prim.def; structural ones, one file each in ir/ops/. */
typedef enum {
#define EW(name, ...) OP_EW_##name,
#define ST(name) OP_##name,
#include "ir/prim.def"
#undef EW
#undef ST
	N_OPS
} Op;

typedef struct {
	const char *name;
	int n_args;           /* -1: any number */
	const AttrKey *attrs; /* the attributes it must have, in print order, ended by N_ATTRS */
	bool is_ew;
	/* The type of the result, or fail() saying what was wanted and what was seen. */
	const Type *(*infer)(Ctx *, Op, int n_args, const Val *const *args, const Attr *attrs);
	/* The interpreter: results[0], or one for each part of a tuple.  A result whose size the symbols decide asks e->env. */
	void (*eval)(Eval *e, const Val *, const Tensor *const *args, const Tensor **results);
	/* Element-wise only: */
	char ew_class;        /* see prim.def */
	const char *gradient; /* text; operands a b c, result y, incoming gradient g; several separated by ';' */
	const char *doc;
} OpInfo;
extern const OpInfo op_info[N_OPS];
bool op_parse(const char *name, Op *);
/* The derivative of a structural op of one result, in its own file, built of primitives: grads[i] of operand i, where wanted,
 * from the result's gradient g; NULL: it is zero.  NULL where the op has none, and for scan, loop, cond and call, whose
 * derivatives are made of those of their bodies (passes/gradient.c). */
typedef void Adjoint(Ctx *, const Val *v, const Val *g, const bool *wanted, const Val **grads);
extern Adjoint *const op_adjoint[N_OPS];

struct Val {
	Op op;
	const Type *type;
	int n_args;
	const Val *const *args;
	int n_attrs;
	const Attr *attrs; /* in the order of op_info[op].attrs */
	const char *loc;   /* where it comes from; not part of its identity */
	uint32_t id;       /* creation order, unique in the Ctx; for deterministic order only */
};

/* ------------------------------------------------------------------------------------------------ build.c */

/* The one constructor: checks, infers the type, returns the existing equal value where there is one.
 * Arrays are copied. */
const Val *val_new(Ctx *, Op, int n_args, const Val *const *args, const Attr *attrs);
const Val *val_param(Ctx *, int index, const Type *);
const Val *val_const(Ctx *, const Tensor *);
const Attr *val_attr(const Val *, AttrKey); /* never NULL: asserts that it is there */
int64_t val_int(const Val *, AttrKey);      /* its first int */
const int64_t *val_ints(const Val *, AttrKey);
Dims val_dims(const Val *, AttrKey);
const char *val_str(const Val *, AttrKey);
const Graph *val_body(const Val *, int i);
const Val *val_get(
	Ctx *, const Val *tuple, int index); /* result `index` of an op with several; of one with one: itself */

const Graph *graph_new(Ctx *, const char *name, int n_params, const Val *const *params, const char *const *param_names,
	int n_results, const Val *const *results, const char *const *result_names);
struct Graph {
	const char *name;
	int n_params;
	const Val *const *params; /* params[i] has index i */
	const char *const *param_names;
	int n_results;
	const Val *const *results;
	const char *const *result_names;
	uint32_t id;
};
/* The values that the results need, operands before users, params included; bodies not entered. */
typedef struct {
	int n;
	const Val **vals;
} Order;
Order graph_order(Arena *, const Graph *);

/* Rebuilds g bottom-up.  fn sees each value with its operands (and bodies) already rebuilt, and returns what stands for
 * it: usually val_with(cx, old, args), or something better.  NULL means val_with.  Params keep index and type unless the
 * caller puts them into `map` beforehand. */
typedef struct Rewrite Rewrite;
struct Rewrite {
	Ctx *cx;
	void *user;
	const Val *(*fn)(Rewrite *, const Val *old, const Val *const *new_args);
	const Graph *(*graph_fn)(Rewrite *, const Graph *body); /* how bodies are rebuilt; NULL: the same rewrite */
	Map map;                                                /* old -> new */
	Map *bodies; /* Graph -> rebuilt: shared bodies once; set by the rewrite */
};
const Graph *keep_body(Rewrite *, const Graph *);            /* a graph_fn: as it is */
const Graph *graph_rewrite(Ctx *, const Graph *, Rewrite *); /* map is initialised here when its arena is NULL */
const Val *rewrite_val(Rewrite *, const Val *);              /* one value and what it needs */
const Val *val_with(
	Ctx *, const Val *old, const Val *const *new_args); /* the same op and attributes on other operands */
const Val *val_with_attrs(Ctx *, const Val *old, const Val *const *new_args, const Attr *attrs);
/* The results of g with its parameters replaced: inlining. */
void graph_splice(Ctx *, const Graph *, const Val *const *args, const Val **results);
/* Substitutes symbols everywhere: specialisation. */
const Graph *graph_subst(Ctx *, const Graph *, const Map *sym_to_dim);

/* Convenience constructors.  Those of two operands broadcast as NumPy does, and want equal element types. */
const Val *b_ew1(Ctx *, Op, const Val *);
const Val *b_ew2(Ctx *, Op, const Val *, const Val *);
const Val *b_select(Ctx *, const Val *cond, const Val *, const Val *);
const Val *b_cast(Ctx *, const Val *, Elem);
const Val *b_scalar(Ctx *, Elem, double); /* rank 0 */
const Val *b_scalar_int(Ctx *, Elem, int64_t);
const Val *b_ints(Ctx *, int n, const int64_t *); /* i64[n] */
const Val *b_dim(Ctx *, const Dim *);             /* i64 scalar */
const Val *b_size(Ctx *, const Val *, const Dim *value);
const Val *b_after(Ctx *, const Val *x, const Val *n);
const Val *b_guard(Ctx *, const Val *x, const Val *ok, const char *name);
const Val *b_fill(Ctx *, const Val *scalar, int rank, Dims);
const Val *b_zeros(Ctx *, Elem, int rank, Dims);
const Val *b_iota(Ctx *, Elem, int rank, Dims, int axis);
const Val *b_reshape(Ctx *, const Val *, int rank, Dims);
const Val *b_permute(Ctx *, const Val *, const int *perm);
const Val *b_move_axis(Ctx *, const Val *, int from, int to); /* the others keep their order */
const Val *b_slice(Ctx *, const Val *, int axis, const Dim *start, const Dim *size, int64_t step);
const Val *b_pad(Ctx *, const Val *, Dims lo, Dims hi, const Val *value);
const Val *b_expand(Ctx *, const Val *, int rank, Dims); /* NumPy broadcast to that shape; fails when it does not fit */
const Val *b_window(Ctx *, const Val *, int axis, int64_t size, int64_t stride, int64_t dilation);
const Val *b_concat(Ctx *, int n, const Val *const *, int axis);
const Val *b_gather(Ctx *, const Val *x, const Val *index, int axis);
const Val *b_gather_nd(Ctx *, const Val *x, const Val *index, int batch);
const Val *b_scatter_nd(Ctx *, const Val *x, const Val *index, const Val *updates, const char *kind);
const Val *b_contract(Ctx *, const char *spec, const Val *, const Val *);
const Val *b_reduce(Ctx *, const char *kind, const Val *, int n_axes, const int *axes, bool keep);
const Val *b_argreduce(Ctx *, const char *kind, const Val *, int axis, bool last);
const Val *b_cumulative(Ctx *, const char *kind, const Val *, int axis, bool exclusive, bool reverse);
const Val *b_sort(Ctx *, const Val *, int axis, bool descending); /* i64 permutation, stable */
const Val *b_matmul(Ctx *, const Val *, const Val *);             /* NumPy semantics */
const Val *b_unsqueeze(Ctx *, const Val *, int axis);
const Val *b_squeeze(Ctx *, const Val *, int axis);
const Val *b_scan(Ctx *, const Graph *body, int n_consts, int n_carries, int n_args, const Val *const *args,
	const Dim *length, bool reverse);
const Val *b_loop(
	Ctx *, const Graph *body, int n_consts, int n_carries, int n_args, const Val *const *args, const Dim *length);
const Val *b_cond(
	Ctx *, const Val *cond, const Graph *then_body, const Graph *else_body, int n_args, const Val *const *args);
const Val *b_call(Ctx *, const char *name, const Graph *body, int n_args, const Val *const *args);
/* The shape that NumPy's broadcasting gives; fails naming both. */
int broadcast_shape(Ctx *, const Type *, const Type *, const Dim **out);

/* ------------------------------------------------------------------------------------------------ sizes.c */

/* The symbol that a `size` or a loop gives its value, its sizer: the value, or the length, where that is a computed symbol by
 * itself; else NULL. */
const Sym *size_symbol(const Val *);
/* The computed symbols that v mentions in its attributes and bodies, but those that are computed there. */
void val_each_size(const Val *, void (*)(void *user, const Sym *), void *user);
/* v, made to need those of the sizers whose symbols it mentions while no operand leads there.  A sizer stands after those
 * that it needs itself. */
const Val *val_keep_sizers(Ctx *, const Val *v, int n_sizers, const Val *const *sizers);

/* ------------------------------------------------------------------------------------------------ symbolic.c */

/* The elements of an integer value (rank 0 or 1, or small) as dims, where they can be known at compile time: what turns
 * Shape -> Gather -> Concat -> Reshape into a shape.  Returns false when an element depends on run-time values. */
bool val_as_dims(Ctx *, const Val *, int n, const Dim **out);

/* ------------------------------------------------------------------------------------------------ print.c parse.c verify.c */

typedef struct {
	bool locations; /* print where values come from */
	int64_t max_data; /* constants with more elements are shown by their digest only (then the text does not parse); -1: all */
} PrintOptions;
void graph_print(Buf *, const Graph *, PrintOptions);
const Graph *graph_parse(Ctx *, const char *text, const char *file_name); /* fails with file:line:column and a caret */
/* Structural soundness: closed, types re-infer to themselves, bodies match their op.  Fails by fail(), naming the value. */
void graph_verify(Ctx *, const Graph *);

/* ------------------------------------------------------------------------------------------------ eval.c */

/* The interpreter: the oracle, and the constant folder.  Evaluates in the stated element types, one op at a time; values
 * are in `arena`.  env holds the symbols' values (bind them from the inputs by eval_bind). */
struct Eval {
	Ctx *cx;
	Arena *arena;
	DimEnv env;
	int64_t max_bytes; /* cap on the memory of values; 0: 4 GiB */
};
void eval_graph(Eval *, const Graph *, const Tensor *const *inputs, const Tensor **results);
/* Checks input types against the params and binds the symbols in their shapes; fails naming the input. */
void eval_bind(Eval *, const Graph *, const Tensor *const *inputs);
/* One op on known operands, for folding.  body-carrying ops included. */
const Tensor *eval_op(Eval *, const Val *, const Tensor *const *args, int result);

#endif
