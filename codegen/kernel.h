/* kernel.h: the kernel IR (level 2): loop nests over scalar expressions, and the program that calls them.
 *
 * A kernel computes one or several arrays over one domain:
 *     for each point of `vars`:  accumulators over reduction loops, then stores of expressions of them.
 * Views have become index maps.  Expressions and indices are hash-consed per program, so what two stores share is one
 * node.  The algorithm (this) is separate from the schedule (which axis is vectorised, how many points stay in registers).
 */
#ifndef CODEGEN_KERNEL_H
#define CODEGEN_KERNEL_H

#include "ir/ir.h"

typedef struct Var Var;
typedef struct Atom Atom;
typedef struct Index Index;
typedef struct Expr Expr;
typedef struct Buffer Buffer;
typedef struct Acc Acc;
typedef struct Kernel Kernel;
typedef struct Stmt Stmt;
typedef struct Program Program;

/* ---- integers that address memory ---- */

struct Var { /* a loop variable: 0 <= var < extent; never of extent 1 */
	const char *name;
	const Dim *extent;
	const Dim *whole; /* it goes over a chunk of so many steps (chunk.c); NULL: over all */
	int id;
};
/* What an index is a sum of: a variable, or something that is not affine. */
typedef enum { ATOM_VAR, ATOM_DIV, ATOM_MOD, ATOM_EXPR } AtomKind;
struct Atom {
	AtomKind kind;
	const Var *var;
	const Index *a; /* DIV, MOD: a / n, a % n with a >= 0 */
	const Dim *n;   /* EXPR: the value is clamped to [0, n-1] */
	const Expr *expr;
	int id;
};
typedef struct {
	const Dim *coef;
	const Atom *atom;
} IndexTerm;
struct Index { /* base + sum of coef * atom, terms sorted by atom */
	const Dim *base;
	int n_terms;
	const IndexTerm *terms;
	int id;
};

/* ---- scalars ---- */

typedef enum {
	EX_CONST, /* number */
	EX_DIM,   /* i64: a size */
	EX_INDEX, /* i64: an index as a value (iota) */
	EX_OP,    /* element-wise primitive */
	EX_LOAD,
	EX_ACC,  /* the final value of an accumulator */
	EX_ROUND /* to the precision of elem (f16, bf16), kept in a float */
} ExprKind;
struct Expr {
	ExprKind kind;
	Elem elem;
	Op op;
	int n_args;
	const Expr *args[3];
	double number;   /* CONST of floats */
	int64_t integer; /* CONST of others */
	const Dim *dim;
	const Index *value; /* INDEX */
	const Buffer *buffer;
	const Index *const *index; /* LOAD: one a dim of the buffer */
	Acc *acc;
	int id;
};

/* ---- memory ---- */

typedef enum { BUF_INPUT, BUF_OUTPUT, BUF_CONST, BUF_WORK, BUF_STATE } BufferKind;
struct Buffer {
	BufferKind kind;
	const char *name; /* a C identifier, unique in the program */
	const char *role; /* what it holds, in the model's words, for comments */
	Elem elem;
	int rank;
	Dims dims;
	int *order; /* storage order of the dims, outermost first: [0, 1, ..] unless a schedule says otherwise */
	const Tensor *data; /* BUF_CONST */
	Buffer *alias;      /* stored in that buffer instead (in place, or under other dims); NULL: its own memory */
	bool viewed;        /* is so under other dims: keeps its storage order */
	const bool *row;    /* WORK: dims along which one element at a time lives, by pass_rows; NULL: none */
	int copies;      /* WORK: of what lives at a time, one for each thread that has its own rows; 0: one for all */
	int index;       /* INPUT, OUTPUT, STATE: which */
	int first, last; /* WORK: positions of first and last use, set by the planner */
	uint32_t alone;  /* WORK: in which loops that may run side by side, by the planner */
	int slot;        /* WORK: set by the planner */
	int chunks;      /* WORK: how many chunks of a loop over time it has room for, in turns; 0: it is of no chunk */
	const char *all; /* more than one: the C name of the array, of which `name` is the part that is in use */
	bool used;       /* CONST: the printed C reads it */
	int id;
};

/* ---- kernels ---- */

typedef enum { ACC_SUM, ACC_PROD, ACC_MAX, ACC_MIN } AccKind;
/* A sum whose kernel has no axis for the lanes has its own in them: element i goes to partial sum i % FOLD_LANES, whatever the
 * target's width, and these are folded as a tree; what is beyond the last whole FOLD_LANES is added one by one. */
enum { FOLD_LANES = 16 };
struct Acc {
	AccKind kind;
	Elem elem;
	int n_vars; /* reduction variables, outermost first */
	const Var *const *vars;
	const Expr *init;  /* what it starts from; NULL: the neutral element */
	const Expr *value; /* what each iteration adds */
	int level;         /* order of its loop among the kernel's: after what init and value need */
	bool folded;       /* in FOLD_LANES partial sums along its last variable */
	Acc *into;         /* the accumulator that this one's init continues, sharing its register; NULL: none */
	int id;
};
typedef struct {
	Buffer *buffer;
	const Index *const *index;
	const Expr *value;
} Store;
/* Constants that a reduction loop reads along the lanes, repacked in the order of reading (pack.c):
 *     [outer ..][vector block][reduction vars ..][slot][vector of the block][lane],  zeros in lanes beyond the extent. */
typedef struct {
	Buffer *buffer;
	Elem elem;   /* F32, or what elem_widens */
	bool dotted; /* multiplied by dot products of two: the last variable goes in twos, which are neighbours */
	bool paired; /* of each two vectors in a row the elements take turns, so that one load widens to both */
	int n_slots;
	const Expr **loads; /* what each slot replaces */
	const Acc *acc;     /* one of the loop's accumulators: which loop it is */
	int n_vars;         /* the loop's reduction variables, as in its accumulators */
	const Var *const *vars;
	int n_outer; /* kernel variables in front */
	const Var **outer;
	int64_t outer_size; /* elements in front of one step of the innermost outer variable */
	int64_t block_size; /* elements of one vector over all steps: reduction size * n_slots * lanes */
} Pack;
typedef struct { /* memory that is asked for before it is wanted (fetch.c) */
	const Buffer *buffer;
	const Index *const *index;
	bool next; /* it is read in the next round of the loop around; else written in this one */
} Fetch;
typedef struct {
	int vector;     /* which of vars is in SIMD lanes; -1: none */
	int lanes;      /* 1: scalar */
	int unroll;     /* vectors (or points) along it in registers */
	int rows;       /* which other var is tiled; -1: none */
	int row_tile;   /* points along it in registers */
	int fold_lanes; /* of the vectors that folded sums are in */
	bool parallel;  /* threads share the outermost loop */
	const Var *
		turn; /* of the loop around it, or the program's: where odd, blocks go from last to first; NULL: never */
} Schedule;
/* What a file says of one kernel (schedule.c); a kernel's choices for --tune are such, too. */
enum { MAX_GIVEN_TILE = 16 };
typedef enum { SHARE_BY_RULES, SHARE_YES, SHARE_NO } Sharing;
typedef enum { HOIST_BY_RULES, HOIST_YES, HOIST_NO } Hoisting;
enum { CHUNK_NO = -1, MAX_GIVEN_CHUNK = 9999 };
typedef struct GivenSchedule {
	uint64_t key;
	bool scalar;        /* no axis is in the lanes */
	const char *vector; /* that axis is; NULL: by the rules */
	int unroll;         /* vectors along it; 0: by the rules, and rows too */
	const char *rows;   /* NULL: none */
	int row_tile;
	Sharing parallel;
	const char *remark; /* a comment in the file; NULL: none */
	const struct Schedules *from;
	int line;
	bool used;
} GivenSchedule;
typedef struct Schedules {
	const char *file, *target;
	Hoisting hoist;
	int chunk; /* steps in a chunk of a loop over time, or CHUNK_NO; 0: by the rules */
	bool chunk_used;
	int n, cap;
	GivenSchedule *items;
} Schedules;
struct Kernel {
	const char *name; /* C identifier */
	const char *text; /* what it computes, for the comment */
	int n_vars;
	const Var *const *vars;
	int n_accs;
	Acc **accs; /* by level, then in order of use */
	int n_stores;
	Store *stores;
	const Expr *where; /* by pass_skip: points where this is false are not computed: where a store's value is
		select(where, a, b), b is stored there, else nothing.  NULL: all points are */
	bool unless;       /* where it is true */
	Schedule schedule;
	uint64_t key;               /* what names it in a file of schedules, by pass_vectorise */
	const GivenSchedule *given; /* NULL: the rules choose */
	uint32_t axes;              /* bit i: vars[i] may be in the lanes; for --tune */
	int n_choices;              /* for --tune: other schedules, the most promising first */
	const GivenSchedule *choices;
	int n_packs;
	Pack *packs;
	int n_fetches; /* by pass_rows: at each vector */
	const Fetch *fetches;
};

/* ---- programs ---- */

typedef enum { ST_KERNEL, ST_ROWS, ST_LOOP, ST_IF, ST_SPECIAL, ST_SIZE, ST_CHECK } StmtKind;
typedef struct {
	int n;
	Stmt **stmts;
} Block;
typedef struct {
	Buffer *now, *next; /* next == NULL: updated in place */
} Carry;
struct Stmt {
	StmtKind kind;
	Kernel *kernel;
	/* ROWS: the body's kernels in turn for each round of the outermost n_shared loops, which they have in common */
	int n_shared;
	bool sliced; /* threads share the outermost of them */
	/* LOOP: for var in 0 .. length-1, or backwards, while *go (if any) */
	const Var *var;
	const Dim *length;
	bool reverse;
	int n_ranks;      /* LOOP with by: threads that run its body side by side; 0: they do not */
	int rank;         /* in such a body: which thread's it is, as many chunks behind the first one's */
	int64_t by;       /* LOOP: var goes in chunks of so many steps, and is the first of each; 0: it does not */
	const Sym *chunk; /* how many of them this one has; NULL: all have as many */
	Buffer *count,
		*limit; /* while-loops: steps done (i64 scalar, written), most steps (or NULL: `length`); else NULL */
	const Sym *
		size; /* while-loops, SIZE: the symbol that has the steps done, the scalar, as its value from then on; NULL: none */
	Buffer *go, *go_next; /* while-loops: bool scalars */
	int n_carries;
	Carry *carries;
	Block body, other; /* IF: then, else */
	const Expr *cond;  /* IF, SIZE: a scalar load */
	/* CHECK: sizes that must be equal, or where at_least is set seen >= want; else the call ends with an error.  SIZE without a
	 * symbol: want is what the scalar must be. */
	const Dim *want, *seen;
	bool at_least;
	const char *guard; /* SIZE: the scalar is a truth that the inputs' numbers must have, and this says which */
	const Dim *where;  /* CHECK: of interest only where this is above 0; NULL: always */
	/* SPECIAL: sort, cumulative, argreduce, scatter_nd: a primitive that is no map and no reduction */
	const Val *val;
	const char *name; /* its C function; of ROWS, too */
	Buffer *out;
	int n_ins;
	Buffer **ins;
	/* in a team of threads */
	int owner;    /* OWNER_ALL, or the number of the one that runs it, plus 1; OWNER_NONE: it is in no team */
	bool barrier; /* after they have waited for each other */
};
enum { OWNER_ALL = -1, OWNER_NONE = 0 };
/* Shared by the programs of one file: identifiers taken, and the name of each constant by its contents. */
typedef struct {
	Map taken;     /* functions, constants, reserved words, dims: in all functions */
	Map locals;    /* arrays of any function: what is global must not have their names */
	Map constants; /* Tensor -> name */
	Map numbers;   /* a wish -> the last number that it got */
	Map chunks;    /* Dim, steps of a chunk -> the Sym that says how many one has */
} Names;
void names_init(Names *, Ctx *);
bool name_is_reserved(const char *); /* C's, or what the printed functions call their own variables */

struct Program { /* one entry point */
	Ctx *cx;
	Arena *arena;
	const char *name; /* C function */
	const Graph *graph;
	bool guarded;      /* the numbers in its inputs are checked */
	const Graph *face; /* the same before elements came to share bytes */
	int n_inputs, n_outputs, n_states;
	Buffer **inputs, **outputs;
	Carry *carries;       /* the states: now is the caller's, next in the workspace */
	const char **members; /* what they are called in NAME_state: the same in all programs that have these states */
	const Var *turn; /* odd at every other call on a state: the way that weights are read; NULL: always one way */
	const char *turn_member; /* where that is kept, beside the states */
	Block block;
	int team; /* from this statement on a team of threads runs it; block.n: none does */
	int n_buffers;
	Buffer **buffers;
	int n_slots; /* workspace */
	const Dim **slot_bytes;
	int n_ids;
	struct Consing *consing; /* the hash tables of indices and expressions */
	Names *names;
	Map sizes;           /* Sym -> what the printed functions call a quotient, minimum or maximum */
	Map locals, numbers; /* names of this program's arrays; a wish -> the last number that it got */
};

/* expr.c: hash-consed construction with simplification */
void program_init(Program *, Ctx *, const char *name, Names *);
Var *var_new(Program *, const char *name, const Dim *extent);
const Index *index_dim(Program *, const Dim *);
const Index *index_var(Program *, const Var *);
const Index *index_add(Program *, const Index *, const Index *);
const Index *index_scale(Program *, const Index *, const Dim *);
const Index *index_div(Program *, const Index *, const Dim *);
const Index *index_mod(Program *, const Index *, const Dim *);
const Index *index_expr(Program *, const Expr *, const Dim *n); /* a run-time integer, clamped to [0, n-1] */
bool index_is_const(const Index *, int64_t *);
bool index_uses(const Index *, const Var *);
/* The coefficient of var where the index is affine in it; NULL where it is not. */
const Dim *index_stride(Program *, const Index *, const Var *);
const Expr *expr_const(Program *, Elem, double);
const Expr *expr_int(Program *, Elem, int64_t);
const Expr *expr_dim(Program *, const Dim *);
const Expr *expr_index(Program *, const Index *);
const Expr *expr_op(Program *, Op, Elem, int n_args, const Expr *const *);
const Expr *expr_load(Program *, const Buffer *, const Index *const *);
const Expr *expr_acc(Program *, Acc *);
const Expr *expr_round(Program *, Elem, const Expr *);
bool expr_uses(const Expr *, const Var *);
bool expr_is_function(const Expr *); /* exp, tanh, ..: of many operations and constants (cost.c) */
/* Every node under e once, operands first (index expressions and accumulators' own expressions not entered). */
void expr_each(const Expr *, Map *seen, void (*)(void *user, const Expr *), void *user);
void expr_walk(const Expr *, void (*)(void *user, const Expr *), void *user); /* the same of one, nothing seen before */

/* subst.c: expressions at other points */
enum { MAX_SUBST = 8 };
typedef struct {
	Program *p;
	int n; /* variables, and what takes their place */
	const Var *from[MAX_SUBST];
	const Index *to[MAX_SUBST];
	Map parts; /* Buffer -> SubstPart */
	Map done;  /* Expr, Acc -> what they become */
} Subst;
typedef struct {
	int dim;
	const Index *minus;
} SubstPart;
Subst subst_new(Program *);
void subst_var(Subst *, const Var *, const Index *); /* all of them before the first of these: */
void subst_part(
	Subst *, const Buffer *, int dim, const Index *from); /* the array has what it had from there on in dim */
const Expr *subst_expr(Subst *, const Expr *);
const Index *const *subst_place(Subst *, const Buffer *, const Index *const *); /* of a load or a store */
const Index *const *subst_indices(Subst *, int n, const Index *const *);
Acc *subst_acc(Subst *, const Acc *); /* a new one, once for each */

Buffer *const_new(Program *, const char *name, const char *role, const Tensor *); /* equal contents, equal name */
Buffer *buffer_new(Program *, BufferKind, const char *name, const char *role, const Type *);
Buffer *buffer_root(const Buffer *);                      /* whose memory it is in */
const Dim *buffer_stride(Ctx *, const Buffer *, int dim); /* in elements, by its storage order */
const Type *buffer_stored(Ctx *, const Buffer *);         /* what lives of it at a time */
bool buffer_is_scalar(const Buffer *);                    /* of each row one number: a variable of the C */
const Index *buffer_offset(Program *, const Buffer *, const Index *const *); /* the linear one */
const char *unique_name(Program *, const char *wish);                        /* in the file */
const char *unique_member(Program *, Map *taken, const char *wish);          /* in a struct */
const char *unique_local(Program *, const char *wish);                       /* in the entry point and its kernels */
/* What a store of bf16 rounds, where its value is nothing but a float rounded so; NULL: it is something else. */
const Expr *store_rounds(const Store *);
const Expr *load_under(const Expr *); /* what is read, maybe widened; NULL: it is something else */
bool elem_is_half(Elem);              /* f16, bf16: computed on as f32 */
bool elem_widens(Elem);               /* lanes of it are f32 as soon as they are read: f16, bf16, i8 */
/* Accumulators that run in one reduction loop; a kernel's are sorted so that these are neighbours. */
bool same_loop(const Acc *, const Acc *);
/* The loops around a kernel's blocks: of the variables that are neither in lanes nor rows of the register tile. */
int kernel_loops(const Kernel *);
const Var *kernel_loop(const Kernel *, int i);
void block_add(Program *, Block *, Stmt *);
/* Calls visit on each statement, outer before inner. */
void block_each(const Block *, void (*visit)(void *, Stmt *), void *user);

/* access.c: the memory that is read and written, also to find where to read. */
typedef struct {
	const Buffer *buffer;
	const Index *const *index; /* NULL: any element */
	bool write;
} Access;
typedef void AccessVisit(void *user, const Access *);
void expr_accesses(const Expr *, AccessVisit *, void *user); /* each expression once */
void index_accesses(const Index *, AccessVisit *, void *user);
void kernel_accesses(const Kernel *, AccessVisit *, void *user); /* loads, then stores */
void stmt_accesses(const Stmt *, AccessVisit *, void *user);     /* its own: not those of its bodies */
typedef struct {
	int n, cap;
	Access *items;
} Accesses;
void stmt_gather(Arena *, const Stmt *, Accesses *to); /* its own, but of constants, which nothing writes */
bool kernel_stores(const Kernel *, const Buffer *);    /* to the memory of it */
bool reads_stored(const Expr *, const Kernel *by);     /* reads memory that a kernel stores to */
bool reads_own_stores(const Kernel *);

/* target.c: what the code is for.  One row a target; all that the choice of a schedule depends on.  Times are in cycles of one
 * core, of the machines that the target is for rather than of one of them. */
typedef struct TargetInfo {
	const char *name;
	const char *march;                    /* -march= of gcc and clang; NULL: none */
	int lanes;                            /* of f32; 1: scalar C99 */
	int registers;                        /* vector registers */
	int spare_registers;                  /* of these, not for sums: operands and what is broadcast */
	bool fma;                             /* the numeric profile */
	bool bf16_dot;                        /* adds products of bf16 in pairs */
	int fma_latency;                      /* of a multiply-add */
	int fmas_per_cycle;                   /* vectors; times the latency: sums that keep the units busy */
	int narrow_sums;                      /* the same where weights are of bf16, each of which is widened first */
	int gather_loads;                     /* a gather or scatter takes as long as so many loads */
	int max_vectors, max_rows;            /* of a register tile, before code grows more than loads shrink */
	int64_t l1_bytes, l2_bytes, l3_bytes; /* l3: one core's share counts on no more */
	double l1_rate, l2_rate, l3_rate, memory_rate; /* bytes a cycle, read */
	int barrier, fork;                             /* of a team of threads: to wait for each other, to start */
} TargetInfo;
/* The table of them.  "native" asks the CPU. */
const TargetInfo *target_find(Ctx *, const char *name); /* fails on an unknown name */
bool target_known(const char *name);
const TargetInfo *target_row(int i);         /* NULL behind the last */
bool target_runs(Ctx *, const TargetInfo *); /* on this CPU: it is not wider than the native one */

/* The passes of this level, in order. */
typedef struct {
	bool fuse; /* several operations a kernel; else one */
	bool vectorise;
	bool pack;
	int lanes; /* f32 lanes that are used: the target's, or 1 */
	int threads;
	const TargetInfo *cpu;
	Schedules *given;  /* NULL: the rules choose all */
	bool list_choices; /* for --tune */
} Target;
/* lower.c: graph to program.  The last n_states params and results are state. */
Program *lower(Ctx *, const Graph *, const char *name, int n_states, const Target *, Names *);
/* Each pass is a function from a program to a new one; the old one stays as it was, for dumps and for trying another way. */
typedef Program *KernelPass(const Program *, const Target *);
KernelPass pass_unread;     /* unread.c: stores that nothing reads go */
KernelPass pass_accumulate; /* accumulate.c: sums continue in one register */
KernelPass pass_split;      /* split.c: quotients and remainders become axes */
KernelPass pass_chunk;      /* chunk.c: loops over time in chunks of steps */
KernelPass pass_vectorise;  /* vectorise.c: the axis in the lanes, and storage orders that suit it */
KernelPass pass_unroll;     /* unroll.c: register tiles */
KernelPass pass_inplace;    /* inplace.c: carries are overwritten */
KernelPass pass_parallel;   /* parallel.c: what threads share */
KernelPass pass_pack;       /* pack.c: constants in the order of reading */
KernelPass pass_turn;       /* turn.c: weights larger than a cache, to and fro */
KernelPass pass_skip;       /* skip.c: rows whose sequences have ended */
KernelPass pass_rows;       /* rows.c: row by row through several kernels */
KernelPass pass_plan;       /* plan.c: the workspace */
KernelPass pass_team;       /* team.c: which thread runs what, and where they wait */
/* The passes after lower, in order, ended by a NULL name. */
typedef struct {
	const char *name;
	KernelPass *run;
} KernelStage;
extern const KernelStage kernel_stages[]; /* stages.c */
Program *program_copy(const Program *);   /* copy.c: with its own statements, buffers, accumulators and expressions */
/* key.c */
uint64_t kernel_key(const Kernel *);
/* schedule.c: the file's text in and out; fails naming its line. */
Schedules *schedules_parse(Ctx *, const char *file, const char *text, size_t size);
void schedules_print(Buf *, const Schedules *);
const GivenSchedule *schedule_of(const Program *, const Kernel *); /* the one that it has, as a file would say it */
void given_print(Buf *, const GivenSchedule *);                    /* a line without its end */
void schedules_give(Program *, Schedules *);     /* to its kernels, by their keys; NULL: none are given */
void schedule_give(Stmt *, Schedules *);         /* to one */
void schedules_unused(Ctx *, const Schedules *); /* a note on each kernel that no program had */
int given_axis(const Program *, const Kernel *, const char *name); /* of k->vars; fails naming the line of k->given */
_Noreturn void given_fail(const Program *, const Kernel *, const char *what);
void program_print(Buf *, const Program *); /* kprint.c: text for dumps and goldens */
void kernel_print(Buf *, const Kernel *);
void rows_print(Buf *, const Stmt *); /* of ST_ROWS */

#endif
