/* rewrite.h: what the graph passes share: replaced tuples, contraction specs, views as maps between dims, and canon's rules.
 *
 * A control op gives a tuple, and only `get` takes one.  A pass that replaces a control op therefore records what stands for
 * each of its results (`parts`), and puts that in the place of the gets; the op itself is then dead.
 */
#ifndef PASSES_REWRITE_H
#define PASSES_REWRITE_H

#include "passes/passes.h"

/* ---- tuples.c: what replaces the results of a control op ---- */

typedef struct {
	Map parts; /* control Val -> array of Val */
} Parts;
void parts_put(Parts *, const Val *control, const Val *const *parts);
/* What stands for a get, or NULL. */
const Val *parts_get(const Parts *, const Val *get);
/* What stands for the parts of a control op: `now`, which is `old` on its new operands; NULL: it stays. */
typedef const Val **PartsRule(Rewrite *, void *user, const Val *old, const Val *now);
/* Each control op by the rule; deep: those in bodies, too, and first. */
const Graph *replace_control(Ctx *, const Graph *, bool deep, PartsRule *, void *user);
/* The gets of all parts. */
const Val **parts_of(Ctx *, const Val *control);
/* For each control op of g: which of its parts g uses (array of bool). */
Map used_parts(Ctx *, const Graph *);
/* Which params the values need. */
bool *used_params(Ctx *, const Graph *, int n, const Val *const *vals);

/* A scan or a loop taken apart.  A loop's own operands (n, go), param (i) and results (go', count) are before these. */
typedef struct {
	const Val *val;
	const Graph *body;
	int n_consts, n_carries, n_xs, n_ys;
	int arg0, param0, result0, part0; /* where the consts, or the carries, begin */
	const Dim *length;
	bool reverse;
} Iteration;
Iteration iteration_of(const Val *);

/* ---- letters.c: the letters of a contract ---- */

enum { MAX_LETTERS = 64 };
typedef struct {
	char of[3][MAX_LETTERS]; /* operand 0, operand 1, result */
} Letters;
Letters letters_of(const Val *contract);
const char *letters_text(Ctx *, const Letters *);
int letters_find(const Letters *, int which, char letter); /* position, or -1 */
void letters_drop(Letters *, int which, char letter);
char letters_new(const Letters *);

/* ---- views.c ---- */

bool op_is_view(Op); /* reshape permute slice expand window: one operand, no arithmetic */
/* For a reshape from a to b: of[j] is the dim of a that is dim j of b, or -1 where there is no single one. */
void reshape_dims(const Type *a, const Type *b, int *of);
/* A slice in all dims; x itself where it is everything. */
const Val *make_slice(Ctx *, const Val *x, Dims start, Dims size, const int64_t *step);
/* The one value that all elements have, as a tensor of one element: a constant of one element, or an expanded one. */
const Tensor *fill_of(const Val *);
bool fill_is(const Val *, double); /* 0 is +0 only */
const Val *make_fill(Ctx *, const Type *, double);
/* A constant; of equal elements, the expansion of one. */
const Val *make_const(Ctx *, const Tensor *);
/* The dims of a type without, or with another in front. */
const Dim **dims_tail(Ctx *, const Type *, int from);
const Dim **dims_front(Ctx *, const Dim *, const Type *);
/* Is it made of constants by views alone? */
bool is_constant(const Val *);
/* Can it be computed whatever the symbols are, so also where the graph would not? */
bool is_total(Ctx *, const Val *);
/* Is it made of constants and sizes alone, total, and for nothing? */
bool needs_no_params(Ctx *, const Val *);

/* ---- narrow.c ---- */

enum { SMALL_WEIGHTS = 256 };     /* elements: fewer than these take no more room than the code that widens them */
bool is_whole_i8(const Tensor *); /* all of -128 to 127, without a fraction, and 0 is +0 */

/* ---- lift.c: a primitive over all steps at once ---- */

/* stacked: which operands have the steps as first dim; at least one. */
bool can_lift(const Val *, const bool *stacked);
const Val *lift(Ctx *, const Val *, const Val *const *args, const bool *stacked, const Dim *length);

/* ---- at_step.c: values at one step of time, or at some ---- */

typedef enum { ALWAYS, NOW, TIMED } WhenKind;
typedef struct {
	WhenKind kind; /* the same at each step; of the last step so far; one a step, along axis */
	int axis;
	const Dim *
		inner; /* TIMED: the axis is (.. x time x inner), as a reshape may merge dims; 1: time is its last factor */
	const Val *val; /* the value at these steps: its axis has count as factor where it had length */
} When;
typedef struct {
	Ctx *cx;
	const Dim *length, *count; /* of the sequence; how many steps of it: 1, or a symbol */
	Map when;                  /* Val -> When */
	const char *reason;        /* why there is no step */
	const Val *missing;        /* what was to have an axis of time and has none; NULL: that was not why */
	int missing_axis;
} Timeline;
const When *when_of(const Timeline *, const Val *);
void set_when(Timeline *, const Val *, When);
/* Sets the reason, after where v is in the model; gives false. */
bool refuse(Timeline *, const Val *v, const char *why);
/* Any value but a param, a scan over time or a result of one, from its operands. */
bool at_step(Timeline *, const Val *);
/* v, which may be the same at each step, at the steps of that axis; NULL and a reason where it differs from step to step. */
const Val *at_axis(Timeline *, const Val *v, int axis);
/* v with other operands and with d as dim `axis` of that attribute. */
const Val *with_dim(Ctx *, const Val *v, AttrKey, int axis, const Dim *d, const Val *const *args);
/* The dim of operand i of v that is dim `axis` of v; -1: none, or no single one. */
int axis_before(Ctx *, const Val *v, int i, int axis);

/* ---- canon's rules: what stands for v, or NULL (v itself, too, is no news) ---- */

/* fold.c */
const Val *fold_value(Ctx *, const Val *);
const Tensor *constant_tensor(Ctx *, const Val *); /* NULL: not a constant */
/* simplify_scatter.c */
const Val *simplify_scatter(Ctx *, const Val *);
const Val *simplify_ew(Ctx *, const Val *);      /* simplify_ew.c */
const Val *simplify_view(Ctx *, const Val *);    /* simplify_views.c */
const Val *simplify_move(Ctx *, const Val *);    /* simplify_moves.c */
const Val *simplify_compute(Ctx *, const Val *); /* simplify_compute.c */
/* simplify_cond.c, simplify_loops.c: what stands for the parts, or NULL.  used: which parts are; NULL: all. */
const Val **simplify_cond(Ctx *, const Val *, const bool *used);
const Val **simplify_iteration(Ctx *, const Val *, const bool *used);
/* subsume.c: scans that others compute as well. */
const Graph *subsume_scans(Ctx *, const Graph *);
/* simplify_counter.c: scans over their own step number, and comparisons that ranges of integers decide. */
const Val **simplify_counter(Ctx *, const Val *scan);
const Val *simplify_comparison(Ctx *, const Val *);

#endif
