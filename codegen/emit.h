/* emit.h: what the files that print C share.  The order of reading: emit.c (files), cprogram.c (entry points), cfunction.c
 * (functions), ckernel.c (loop nests), cexpr.c (expressions). */
#ifndef CODEGEN_EMIT_H
#define CODEGEN_EMIT_H

#include "codegen/kernel.h"
#include "codegen/vocab.h"
#include "passes/passes.h"

/* Indented text. */
typedef struct {
	Buf buf;
	int depth;
} Writer;
void writer_init(Writer *, Arena *);
void line(Writer *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void open_block(Writer *, const char *format, ...) __attribute__((format(printf, 2, 3))); /* "format {" */
void open_else(Writer *, const char *format, ...) __attribute__((format(printf, 2, 3)));  /* "} else format {" */
void close_block(Writer *);                                                               /* "}" */

typedef struct {
	const Expr *e;
	int m, u;
	const char *text;
} Memo;

typedef struct {         /* a quotient, minimum or maximum of sizes */
	const void *key; /* a Sym, or the interned text */
	const char *name, *text;
} SizeName;
typedef struct { /* those of the function that is printed, in order of definition */
	int n, cap;
	SizeName *items;
	size_t at; /* in the writer: where definitions go */
} SizeNames;

typedef struct { /* calls of kernels, as they are printed */
	int n, cap;
	CompiledKernel *items;
} Kernels;

typedef struct {
	Ctx *cx;
	Program *p;
	const char *upper; /* the prefix of error codes */
	Vocab *vocab;
	Writer *w;
	int threads;
	bool profile;
	int n_dims; /* the entry point's arguments */
	const Sym *const *dims;
	bool in_team;     /* in the parallel region */
	Kernels *kernels; /* those called, in order */
	Map *printed;     /* a kernel's text but its name -> its name: entry points share those that are equal */
	SizeNames *sizes; /* NULL: between functions */
	const char *blob; /* prefix, when weights are a parameter; else NULL */
	/* the kernel being printed */
	const Kernel *k;
	const Var *vector, *row; /* NULL: none */
	int lanes;
	int64_t vector_at, row_at;      /* where the points that are printed begin, or AT_VARIABLE: the variable says */
	const Expr *root;               /* what is stored, or a sum begins with: needs no name, however long */
	const char *block, *block_args; /* the function that the loop over main blocks calls; NULL: none */
	const char *partial;            /* how many lanes of the last vector are real, as C; NULL: all */
	bool idle;                      /* the points that are printed are not computed: Kernel.where */
	bool in_line;                   /* no names for what is used twice: what is printed may not be evaluated */
	int n_vectors;                  /* vectors of the block: the unroll of this section */
	Map names;                      /* Var -> its C name */
	Map flags;                      /* Expr -> Dependence */
	Map uses;                       /* Expr -> how often it is read */
	Memo *memo;
	int n_memo, cap_memo, n_temps;
	const Acc *const *loop; /* the accumulators of the loop that is open: their packed constants */
} Emit;

enum { AT_VARIABLE = -1 };

/* wrap.c */
void wrap_lines(Buf *, const char *text);
/* cexpr.c */
const char *float_c(Arena *, double, bool single); /* a constant that reads back as that number */
const char *index_c(Emit *, const Index *, int m, int u);
const char *address_c(Emit *, const char *name, const char *at); /* name + at */
const char *expr_c(Emit *, const Expr *, int m, int u);          /* of the type that it has: vector or scalar */
const char *stored_c(Emit *, const Expr *, int m, int u); /* a scalar as it goes to memory: a narrow float's bits */
const char *expr_vector_c(Emit *, const Expr *, int m, int u); /* as a vector in any case */
const char *lanes_c(const Emit *, int u);                      /* how many lanes of vector u are real; NULL: all */
const char *paren_c(Ctx *, const char *text);                  /* in parentheses, unless it is one term */
const char *factor_c(Ctx *, const char *text);                 /* unless it is a product */
const char *infix_c(Emit *, const char *a, const char *op, const char *b);
const char *root_c(Emit *, const Expr *, bool vec, int m, int u); /* as Emit.root */
bool depends(Emit *, const Expr *, const Var *);
const char *fn1(Emit *, const char *name, Elem, bool vector, const char *a);
const char *cast_c(Emit *, Elem from, Elem to, const char *text); /* of scalars as they are stored */
int acc_register(const Kernel *, const Acc *);                    /* which register it runs in */
const char *acc_name(Emit *, const Acc *, int m, int u);
bool is_dotted(Emit *);                     /* the open loop adds up dot products of two */
const Pack *loop_pack(Emit *, const Acc *); /* the packed stream of the loop of that sum; NULL: none */
const char *dot_c(Emit *, const Expr *product, const char *sum, int m, int u);

typedef struct {
	int n_buffers;
	Buffer **buffers; /* roots, in order of C parameters */
	const bool *read, *written;
	int n_outer; /* variables of enclosing loops */
	const Var **outer;
	int n_syms; /* dims */
	const Sym **syms;
	bool constants; /* reads weights */
} Params;

/* csize.c: int64_t arithmetic on the dims' names */
const char *find_word(const char *text, const char *word); /* a whole one; NULL: none */
bool is_read(const char *text, const char *name);          /* not only assigned */
const char *dim_c(Ctx *, const Dim *);                     /* written out */
const char *size_c(Emit *, const Dim *);                   /* in a function: with names for its parts */
const char *dim_name(Ctx *, const Sym *);                  /* the C name of a named symbol */
void sizes_begin(Emit *);                                  /* a function's body starts: here their definitions go, */
void sizes_end(Emit *);                                    /* once it is known what it uses */

#define OUT_OF_LINE "KERNEL " /* print_kernel_macro says why */

/* cfunction.c */
void emit_kernel(Emit *, Kernel *);
void emit_row_kernels(Emit *, const Stmt *); /* of ST_ROWS, as one function */
/* ckernel.c */
bool has_names(const Kernel *);        /* its loops declare some beside what they open: sums, counters */
void emit_main_block(Emit *);          /* of `unroll` vectors */
void emit_blocks(Emit *, bool sliced); /* of the kernel; sliced: the threads share the loop over them */
const char *slice_c(Emit *, const char *n, int64_t step, int next);
const char *var_c(Emit *, const Var *);
/* The register with one more element in it; neutral: what it starts from. */
const char *sum_c(Emit *, const Acc *, const char *name, bool vec, int m, int u);
const Expr *neutral(Emit *, const Acc *);
/* cfold.c */
void emit_fold(Emit *, Acc *const *, int n);
Params kernel_params(Program *, const Kernel *);
Params special_params(Program *, const Stmt *);
Params rows_params(Program *, const Stmt *);
/* fetch.c: for kernels that run in turn for each round of their outermost `depth` loops. */
void fetch_ahead(Program *, int n, Kernel *const *, int depth);
/* cost.c: of one call: operations on floats, and bytes of memory that are touched. */
typedef struct {
	double flops, bytes;
} KernelCost;
KernelCost kernel_cost(const Kernel *);
/* Of all kernels of a list, arrays that several of them touch once; of one round of the outermost n_fixed loops. */
KernelCost kernels_cost(int n, const Kernel *const *, int n_fixed);
KernelCost special_cost(const Stmt *);
/* The longer of what its arithmetic and what its memory take, from the nearest cache that holds the memory of one call. */
double kernel_cycles(const Kernel *, const TargetInfo *);
double kernel_cycles_in(const Kernel *, const TargetInfo *, int lanes); /* before it is scheduled */
/* cspecial.c: sort, cumulative, argreduce, scatter_nd as a function of their operands */
void emit_special(Emit *, const Stmt *, const char *name);

/* emit.c */
const char *comment_text(Ctx *, const char *); /* without what would end a comment or a line */

/* cprogram.c */
void emit_kernels(Emit *); /* the functions that an entry point calls */
void emit_program(Emit *); /* its body */
const Dim *workspace_bytes(Program *);

#endif
