/* model.h: what models have beyond operators: axes, contexts, parameters, cells; shared by the files that elaborate them.
 *
 * A model is written for one example.  Its values become tensors of the IR whose leading dims are *contexts* and whose
 * other dims are the *axes* that the text sees:
 *
 *     contexts: what a value differs along though the text does not say it.  Bit 0 is the batch; `for j in S { ... }` opens
 *               another one while its body is elaborated, so that k[j] is k with an axis turned into a context, and the body
 *               is computed for all j at once.  A value has a dim only for those contexts that it depends on (Axes.over);
 *               a parameter has none.
 *     axes:     sizes, or ragged ones such as T, which know by `lengths` how much of them is real.
 *
 * Operations line contexts up by their bits and axes at the right, as NumPy does.  What sums, compares or stops over a
 * ragged axis selects what is real, so that nothing leaks out of the padding, not even NaN; other operations leave rubbish
 * there.  The model's outputs get zeros.
 *
 * Files: axes.c (layouts, masks), params.c (weights by path), model_fn.c (the functions), conv.c (windows), model_index.c (x[i], each), cell.c
 * (cells, defs), body.c (closed bodies), scan.c, loop.c, generate.c, beam.c, solver.c, train.c (checks), model.c (statements,
 * inputs, outputs), ranges.c (what inputs may hold), model_file.c (files).
 */
#ifndef FRONTEND_LANG_MODEL_H
#define FRONTEND_LANG_MODEL_H

#include "frontend/lang/ast.h"
#include "frontend/lang/params.h"

/* ------------------------------------------------------------------------------------------------ axes.c */

struct Axis {
	const char *name;     /* "T"; NULL: a plain size */
	const Dim *size;      /* in the array */
	const Value *lengths; /* how much of it is real, i64; NULL: all of it */
	const Axis *root;     /* the axis as the model declares it; itself for a plain size */
	bool generated;       /* by generate: its lengths are a result of the model */
	Span born;
};
struct Axes {
	uint64_t over; /* contexts, one bit each */
	int n;
	const Axis *const *axes;
};

const Axis *axis_plain(Elab *, const Dim *);
bool axis_same(const Axis *, const Axis *);
bool axis_is(const Axis *, int64_t size);
/* "T (from demo.rnn:3:9)", "[T, 64]" */
const char *axis_str(Elab *, const Axis *);
const char *layout_str(Elab *, const Value *);
/* The axes of a value, which must be a tensor or a number (none). */
int value_n_axes(const Value *);
const Axis *value_axis_at(const Value *, int axis);
/* A tensor of the model: dims are those of the contexts in `over`, then of the axes. */
Value model_tensor(Elab *, const Val *, uint64_t over, int n, const Axis *const *axes);
/* A number, size, axis or list as a tensor of the model; fails for what is none. */
Value model_value(Elab *, const Value *, const char *what);
Value model_float(Elab *, const Value *, const char *what); /* and f32 */
Value model_integer(Elab *, const Value *, const char *what);
/* Reshaped to have a dim for each context in `over` and n axes aligned at the right; 1 where it has none. */
const Val *model_widen(Elab *, const Value *, uint64_t over, int n);
const Val *model_expand(Elab *, const Value *, uint64_t over, int n, const Axis *const *axes); /* in full */
int count_bits(uint64_t);
/* What n values have together: contexts, and axes broadcast; sizes of 1 give way. */
Axes model_join(Elab *, int n, const Value *);
bool model_takes(int n, const Value *args); /* is one of them a tensor or an axis? */
Value model_ew(Elab *, Op, int n, const Value *args);
Value model_floor_div(Elab *, const Value *, const Value *);
Value model_select(Elab *, const Value *cond, const Value *, const Value *);
/* x with `fill` where it is not real along the axis. */
Value model_fill_padding(Elab *, const Value *x, int axis, double fill);
Value model_zero_padding(Elab *, const Value *x); /* along all axes */
/* The axis moved: to the front of everything (scan), or from there to stand after the contexts. */
const Val *model_axis_first(Elab *, const Value *x, int axis);
Value model_axis_from_first(Elab *, const Val *, const Axis *, uint64_t over, int n, const Axis *const *rest);
Value model_reduce(Elab *, const char *kind, const Value *x, int axis); /* of what is real */
Value model_mean(Elab *, const Value *x, int axis);
/* sum over the last axis of a with the axis `axis` of b. */
Value model_contract(Elab *, const Value *a, const Value *b, int b_axis);
const Dim *context_size(const Elab *, int bit);

/* ------------------------------------------------------------------------------------------------ params.c */

/* What claims a path: products with weights, normalisations, tables, and uses of cells and defs. */
typedef enum { OWNER_PRODUCT, OWNER_NORM, OWNER_TABLE, OWNER_USE, N_OWNERS } OwnerKind;
/* Where in the text parameters are made: the path of the cell, the statement in it, the round of an unroll. */
typedef struct {
	const char *cell, *statement, *round;
	const char *assigned; /* by the statement: "i f g o" */
	bool reversed;        /* within a scan that runs backwards */
	int counts[N_OWNERS]; /* owners in this statement so far */
} Place;
/* A cell with one set of parameters: those that its first use made. */
typedef struct Shared Shared;
struct Shared {
	bool made;
	const char *path;
	int first, end, next;
	Shared *outer;
};
const char *owner_path(Elab *, OwnerKind, const char *alias);
void statement_begin(Elab *, const char *name, const char *assigned);
void round_begin(Elab *, const char *outer, int i);
Place place_enter(Elab *, const char *path); /* a cell's; gives the place to come back to */
void shared_enter(Elab *, Shared *);
void shared_leave(Elab *, Shared *);
/* fan_in 0: as the shape says.  spec: an N_PARAM's initialisers, or NULL: init. */
Value model_param(Elab *, const char *path, const char *base, int rank, const Dim *const *dims, double fan_in,
	const char *init, const Node *spec, bool fixed);

/* ------------------------------------------------------------------------------------------------ the model at hand */

enum { MAX_CONTEXTS = 16 };
typedef struct {
	const Dim *size;
	const Axis *axis; /* NULL: the batch */
} Context;

struct ModelElab {
	bool lengths;    /* ragged axes have lengths */
	bool streaming;  /* for the step: in forms that have one */
	bool training;   /* a train block is checked: cells have the parameters that they have in the model */
	bool sizes_only; /* an axis in an expression is its size in the array, not its lengths */
	int n_contexts;
	Context contexts[MAX_CONTEXTS];
	int n_holes; /* placeholders made so far, for bodies that are being elaborated */
	Place at;
	Shared *replay;    /* the shared cell whose parameters are taken again */
	const Node *whole; /* the right side of the assignment, as a whole, and the names on its left */
	int n_wanted;
	struct Range *ranges; /* of the numbers in the inputs */
	struct Strided {
		const Axis *of;
		int64_t stride;
		const Axis *axis; /* of every stride-th element */
		struct Strided *next;
	} * strided;
	int n_params, cap_params;
	int64_t elements_left; /* that parameters may still have */
	Param *params;
	ParamSource *source;
	void *user;
	uint64_t seed;
	Report report;
	bool follow_up; /* the error at hand follows from one that is reported */
};

/* ------------------------------------------------------------------------------------------------ model_fn.c */

/* A call: arguments, sizes in [ ], states behind the ; */
typedef struct {
	const Node *node;
	const char *name;
	int n_args, n_sizes, n_states;
	Value args[MAX_ARGS], sizes[MAX_ARGS], states[MAX_ARGS];
	const char *names[MAX_ARGS], *size_names[MAX_ARGS];
	const char *path; /* of what it owns */
} ModelCall;
bool model_fn_has(const char *name);
void model_fn_each(void (*each)(void *user, const char *name), void *user);
Value model_call(Elab *, const Node *);
Value model_matmul(Elab *, const Value *, const Value *);
/* With n more axes of size 1 at the right. */
Value model_ones(Elab *, const Value *, int n);
Value model_argmax(Elab *, const Value *, const char *what);
Value model_log_softmax(Elab *, const Value *);               /* of the last axis; -inf in the padding */
int64_t size_number(Elab *, const Value *, const char *what); /* a size that is a number, 1 or more */

/* ------------------------------------------------------------------------------------------------ conv.c */

Value fn_conv(Elab *, const ModelCall *);
Value fn_maxpool(Elab *, const ModelCall *);
Value fn_avgpool(Elab *, const ModelCall *);

/* ------------------------------------------------------------------------------------------------ model_index.c */

Value model_index(Elab *, const Node *, Value x);
Value model_each(Elab *, const Node *);
/* x[at] along its first axis.  Where `at` is a tensor, what is out of bounds reads as zeros. */
Value model_at(Elab *, const Value *x, const Value *at);
Value model_at_dim(Elab *, const Value *x, const Dim *at);
Value model_gather(Elab *, const Value *x, const Value *at); /* at integers that are inside */
/* Opens a context along an axis, and closes the last one: then its dim becomes the first axis of v. */
/* x's axes but the first; `take` gives the lengths that differ along it. */
const Axis *const *axes_inside(
	Elab *, const Value *x, Value (*take)(Elab *, const Value *, const void *), const void *user);
int context_open(Elab *, const Axis *);
Value context_close(Elab *, const Value *v);
Value context_take(Elab *, const Value *x, int bit);                /* x with its first axis as the context */
const Axis *model_axis_of(Elab *, const Value *, const char *what); /* of S, a size, or a number */

/* ------------------------------------------------------------------------------------------------ cell.c body.c scan.c */

/* A cell or def with the frame that it was declared in. */
struct Closure {
	const FnDecl *decl;
	Frame *env;
	Shared *shared; /* one set of parameters for all uses; NULL: each use has its own ... */
	Shared *first;  /* ... and a train block those of the first one */
	int n_sizes;    /* bound in advance: share c = lstm[64] */
	const Value *sizes;
	const char *const *size_names;
};
Value model_call_fn(Elab *, const Closure *, const ModelCall *);
Value model_scan(Elab *, const Node *);
/* NAME[sizes] as a cell. */
void read_cell(Elab *, const Node *, const Closure **, int *n_sizes, Value *sizes, const char **size_names);
/* A use of a cell or def: the place around it, and what the statement there wanted. */
typedef struct {
	Place place;
	const Node *whole;
	int n_wanted;
} Use;
/* A cell in a scan or generate: entered, its states and body elaborated, left. */
typedef struct {
	const Node *node;
	const Closure *fn;
	const char *path;
	bool reversed;
	int n_sizes;
	Value sizes[MAX_RESULTS];
	const char *size_names[MAX_RESULTS];
	Frame *frame;
	Use use;
} CellUse;
CellUse *cell_use_new(Elab *, const Node *);
void cell_use_enter(Elab *, CellUse *);
Value cell_use_state(Elab *, const CellUse *, int i); /* how state i begins */
/* One step: what it yields, and the next states in the shape of the old ones. */
void cell_use_run(Elab *, const CellUse *, int n_inputs, const Value *inputs, const Value *states, int *n_ys, Value *ys,
	Value *next);
void cell_use_leave(Elab *, CellUse *);
Value as_results(
	Elab *, const Node *, int n, const Value *); /* all where the statement wants several, else the first */
uint64_t all_contexts(const Elab *);
const Value *frame_find(const Frame *, const char *name); /* in it alone; NULL: none */
/* A body under construction: what is put into it are placeholders (holes); what it uses from outside becomes operands. */
typedef struct {
	int n_carries, n_xs, n_results;
	const Val **holes, **results; /* carries, then xs; carries, then ys */
	const char **hole_names, **result_names;
	const char *name;
} Body;
const Val *model_hole(Elab *, const Type *);
/* The closed graph, and the operands that it captures. */
const Graph *body_close(
	Elab *, const Body *, int n_first, const Val *const *first, int *n_captured, const Val *const **captured);
Value state_initial(Elab *, const Node *var, const Value *given);
Value state_of(Elab *, const Val *, const Value *like);
const Val *state_next(Elab *, const char *name, const Value *v, const Value *like);

/* ------------------------------------------------------------------------------------------------ loop.c */

/* A loop of the IR under construction.  It carries variables, then the flag of each example that says whether it still runs. */
typedef struct {
	Body body;
	int n, n_ys;
	const Val *round, *runs; /* holes */
	const Val **initial, **next;
	const Val *ys[MAX_RESULTS];
} Looping;
Looping *looping_new(Elab *, int n, const char *name);
/* Variable i, or the flag (n): its hole. */
Value looping_carry(Elab *, Looping *, int i, const char *name, const Value *initial);
/* Closes the body and gives the loop: its count, the carried values, what each round gave. */
const Val *looping_close(Elab *, Looping *, const Dim *most);
Value model_spread(Elab *, const Value *); /* over all contexts */
Value model_loop(Elab *, const Node *);

/* ------------------------------------------------------------------------------------------------ generate.c beam.c */

typedef struct {
	Value start, stop, limit; /* stop: V_NONE where there is none; limit: for each example */
	const Axis *axis;         /* of the result */
} Generating;
Value model_generate(Elab *, const Node *);
/* [rounds, contexts] as the result: so much of it is real. */
Value generated(Elab *, const Generating *, const Val *rounds, const Value *length);
Value beam_search(Elab *, const Node *, CellUse *, const Generating *, int64_t width, double penalty);

/* ------------------------------------------------------------------------------------------------ solver.c */

bool solver_has(const char *name);
void solver_each(void (*each)(void *user, const char *name), void *user);
Value solver_call(Elab *, const ModelCall *);

/* ------------------------------------------------------------------------------------------------ model.c */

Value model_form(Elab *, const Node *);
bool model_statement(Elab *, const Node *, bool last, int *n_results, Value *results);
const Graph *model_graph(Elab *, const FnDecl *model);
/* A frame inside the one at hand with the declared inputs, as holes. */
void model_enter(Elab *, const FnDecl *);

/* ------------------------------------------------------------------------------------------------ ranges.c */

/* What is real of an input must be 0 or more, and below the limit, or up to it; `text` says so. */
void range_add(Elab *, const Value *input, const Value *limit, bool up_to, const char *text);
/* Inputs (holes) as parameters: read[i] is params[i], guarded where it has a range. */
void ranges_guard(Elab *, int n, const Val *const *holes, const Val *const *params, const Val **read);
/* vals with others in the place of `old`. */
void vals_replace(Ctx *, int n, const Val *const *old, const Val *const *with, int n_vals, const Val *const *vals,
	const Val **replaced);

/* ------------------------------------------------------------------------------------------------ suggest.c */

/* "; did you mean h?", or "" where nothing known is near.  fn: a function was wanted. */
const char *did_you_mean(Elab *, const char *name, bool fn);

/* ------------------------------------------------------------------------------------------------ train.c */

/* Checks a train block of the model whose frame is at hand; fails with all that is wrong. */
void train_check(Elab *, const FnDecl *);
bool train_statement(Elab *, const Node *); /* of loss, opt, metric; false: it is another one */
bool train_fn_has(const char *name);
Value train_fn_call(Elab *, const ModelCall *);

#endif
