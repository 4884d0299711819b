/* passes.h: the compiler, from a graph to C.
 *
 * Graph passes are pure functions Graph -> Graph with their contracts in the heads of their files; pipeline.c runs them in
 * order, then lowers to kernels (codegen/kernel.h) and prints C.
 */
#ifndef PASSES_H
#define PASSES_H

#include "ir/ir.h"

/* inline.c: calls become their bodies.            Requires: nothing.  Keeps: everything. */
const Graph *pass_inline(Ctx *, const Graph *);
/* canon.c: folds constants and shape arithmetic, removes what does nothing, decides branches on constants, drops dead
 * results, carries and branches, unrolls scans of one step.   Requires: inline. */
const Graph *pass_canon(Ctx *, const Graph *);
/* trim.c: scans over padded sequences end with the longest one.   Requires: canon. */
const Graph *pass_trim(Ctx *, const Graph *);
/* hoist.c: body values that depend only on xs and consts leave their scan, computed for all steps at once. */
const Graph *pass_hoist(Ctx *, const Graph *);
/* merge.c: contracts that share an operand become one, with the other operands concatenated. */
const Graph *pass_merge(Ctx *, const Graph *);

/* widen.c: every f32 value becomes f64: --dtype f64.   Requires: nothing. */
const Graph *pass_widen(Ctx *, const Graph *);

/* narrow.c: weights are stored as bf16 or f16: --weights-dtype; or as i8, those that are whole numbers.   Requires: canon, and
 * none after it. */
const Graph *pass_narrow(Ctx *, const Graph *, Elem);
/* What --weights-dtype can be, "bf16" "f16" "int8", by element type: F32 and all others have no name. */
bool weights_dtype_parse(const char *name, Elem *);
const char *weights_dtype_name(Elem);
/* quantise.c: weights become whole numbers of 8 bits, for narrow_i8 to store, and a scale a row.   Requires: canon. */
const Graph *pass_quantise(Ctx *, const Graph *);
/* pairs.c: what bf16 weights are multiplied with is rounded to bf16, too: for whole sequences, where the target has a dot product
 * for that; or wherever it is: --products-dtype bf16.   Requires: narrow_bf16. */
const Graph *pass_pairs(Ctx *, const Graph *);
const Graph *pass_products(Ctx *, const Graph *);
/* carry.c: carries that are read rounded are carried rounded, too.   Requires: products. */
const Graph *pass_carry(Ctx *, const Graph *);

/* share.c: elements of less than a byte share bytes outside of the workspace.  Changes the types of params and results. */
const Graph *pass_share(Ctx *, const Graph *);
const Graph *pass_guards(Ctx *, const Graph *); /* guards.c: before lower */

/* gradient.c: (params.., a seed for each result of floats) -> the gradient of each param of floats.   Requires: nothing. */
const Graph *pass_gradient(Ctx *, const Graph *);

/* A pass by name, on a graph: what `rnncc opt` and the golden tests run.  Fails on an unknown name. */
const Graph *pass_run(Ctx *, const char *name, const Graph *);
/* The names in pipeline order, ended by NULL. */
extern const char *const pass_names[];

/* step.c: one time step of a sequence model, and several.  There is none, for the reason given, when the model needs the future.
 * The step graph's params are the inputs (their time axis 1), then one per state; its results are the outputs,
 * then the new states.  The chunk is the same for any number of steps: what has one element a step has `count`. */
typedef struct {
	int n_states;
	const char **names;     /* for the struct's members: after the model's words where it has some */
	const Tensor **initial; /* what reset() stores; NULL: zeros */
	const Graph *graph;     /* NULL: there is no step */
	const Graph *chunk;
	const char *reason;
	const Dim *length; /* the time dim that became 1, or count */
	const Dim *count;  /* a symbol: length itself where that is one */
} Step;
Step pass_step(Ctx *, const Graph *);

/* target.c: -march= for what is compiled for that target, also "native"; NULL: none. */
const char *target_march(const char *target);

/* What a user can say to the compiler. */
typedef enum { WEIGHTS_AUTO, WEIGHTS_INLINE, WEIGHTS_STRING, WEIGHTS_INCBIN, WEIGHTS_BLOB } WeightsMode;
typedef struct {
	const char *name;   /* C prefix; NULL: from the model's file name */
	const char *target; /* of the table in codegen/target.c, or "native" */
	int opt;            /* -O0 nothing fused or vectorised ... -O3 */
	int threads;        /* 1: no OpenMP; n > 1: OpenMP pragmas */
	WeightsMode weights;
	Elem weights_elem;  /* BF16, F16, I8: what weights are stored as; else: as the model has them */
	bool bf16_products; /* what weights of bf16 are multiplied with is rounded to bf16, too */
	bool run_only;      /* NAME_run alone, where there is one: what runs a model here needs no more */
	bool describe;      /* emit the table of inputs, outputs and entry points */
	bool profile; /* the code calls void rnncc_tick(int kernel) of the host after each kernel, -1 at the start */
	int n_states; /* --state OUT=IN */
	const char *const *state_outs, *const *state_ins;
	bool detect_states; /* look for unambiguous pairs */
	int n_dims;         /* --dim NAME=LO..HI/STEP */
	const SizeRange *dims;
	const char *digest; /* of the model's file, hex, for the header comment; may be NULL */
	const char *source_name;
	struct Schedules *schedules; /* given instead of chosen (codegen/schedule.c); NULL: none */
	bool list_choices;           /* CompiledKernel.choices */
	const Graph *stream; /* what steps are made of, where that is not the graph itself: one sequence, no lengths */
	/* developers' */
	bool verify_each, check, time;
	const struct TargetInfo *cpu; /* numbers to go by in place of the target's; NULL: those */
	const char *print_after;      /* a graph or kernel pass, "all" or "change" */
	const char *stop_after;
	Buf *log;               /* where dumps and times go */
	const char *reproducer; /* holds the graph before the pass that runs: what is left when one fails; NULL: none */
} CompileOptions;

typedef struct {
	const char *name; /* file name without directory */
	const void *data;
	size_t size;
} OutFile;
typedef struct {                 /* one kernel as it is called: what rnncc_tick() numbers */
	const char *name, *from; /* C function; the model's node */
	double flops,
		bytes; /* a call: arithmetic, and memory touched once; estimates where dims are open (codegen/cost.c) */
	bool parallel; /* several threads share a call */
	int first, last; /* the kernels of the innermost loop that it is in; -1: in none */
	uint64_t key;    /* its name in a file of schedules; 0: it has none */
	int n_choices;   /* list_choices: other schedules than it has */
	const struct GivenSchedule *schedule, *choices;
} CompiledKernel;
enum {
	RNNCC_EMORE = -4
};               /* what it returns where a size that the model computes is above the bound that the caller gave */
typedef struct { /* NAME_run, NAME_step or NAME_steps as C sees it */
	const Graph *graph;        /* its params are the arguments, then the state; NULL: there is none */
	int n_states;              /* of the params and results, the last */
	const char *const *states; /* their members in NAME_state */
	int n_dims;                /* arguments too, before all others */
	const Sym *const *dims;
	const char *workspace; /* C that gives its bytes, in terms of the dims: a macro or a call */
} EntryPoint;
typedef struct {
	const char *name, *upper; /* C prefixes, of functions and of macros */
	const Graph *graph;       /* specialised and canonical, what the interpreter may run */
	int n_files;
	const OutFile *files; /* NAME.c, NAME.h, weights */
	int n_states; /* bound pairs of _run-less state models: result state_result[i] feeds param state_param[i] */
	const int *state_result, *state_param;
	int n_kernels; /* in program order: run, step, steps */
	const CompiledKernel *kernels;
	int n_dims; /* the symbolic dims that are arguments, in their order */
	const Sym *const *dims;
	int n_computed; /* sizes of outputs that the model computes; arrays are as large as their bounds */
	const Sym *const *computed;
	bool has_run, has_step, has_steps;
	EntryPoint run, step, steps;
	WeightsMode weights; /* decided: not WEIGHTS_AUTO */
	const char *no_step_reason;
	int64_t weight_bytes, workspace_bytes /* -1: depends on dims */, state_bytes;
} Compiled;
/* With options.describe the C also has entry points of one shape each, for hosts that do not know the model:
 *     int    NAME_call(int step, const int64_t *dims, const void *const *in, void *const *out, void *state, void *workspace);
 *     size_t NAME_call_workspace(int step, const int64_t *dims);     bytes, 64-byte aligned
 *     size_t NAME_call_state(void);                                  bytes; 0: no state
 *     void   NAME_call_reset(void *state);
 * step 0 is NAME_run, 1 is NAME_step, 2 is NAME_steps.  dims are the values of Compiled.dims.  in and out follow the graph's params and
 * results (without those bound as states); behind the outputs, out has an int64_t * for each of Compiled.computed.  bool is
 * uint8_t, f16 and bf16 are their bits in uint16_t; elements of less than a byte share bytes (pack_elements).
 *
 * The compiler.  Fails by fail(). */
Compiled *compile_graph(Ctx *, const Graph *, const CompileOptions *);

#endif
