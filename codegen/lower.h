/* lower.h: what the files of lowering share: fuse.c decides which values are stored and which kernels compute them, pull.c
 * turns a value at an index into an expression, lower.c makes the statements. */
#ifndef CODEGEN_LOWER_H
#define CODEGEN_LOWER_H

#include "codegen/kernel.h"

typedef struct Scope Scope;

/* Where a value is.  In a buffer: element [i..] of the value is at base[d] + i[from[d]] in each dim d of the buffer (from[d] < 0:
 * at base[d]); so it may be one step of a sequence, or a part of a concat.  Or it is a value of an enclosing scope, at `step`
 * of its first dim if that is not NULL.  Or it is the number of a loop's step itself. */
typedef struct {
	Buffer *buffer;
	const Index *const *base;
	const int *from;
	bool is_part; /* of a concat: the buffer has more elements, also where base and from do not show it */
	Scope *scope;
	const Val *val;
	const Index *step;
} Place;

typedef struct Target_ { /* a place where a value is wanted, besides where others read it */
	struct Target_ *next;
	Place place;
} Wanted;

/* One kernel to be: values of one domain. */
typedef struct {
	const Val *special; /* not a kernel: scan, loop, cond, sort ... */
	int n_roots;
	const Val **roots;
	int n_vars;
	const Var **vars;
	int n_accs;
	Acc **accs;
	int depth;          /* no more operations than that on a path from what other kernels store */
	const Expr **exprs; /* of the roots, at the domain's indices */
} Group;

typedef struct Lower {
	Program *p;
	Ctx *cx;
	const Target *target;
	Map consts; /* Tensor -> Buffer */
	Map sizes;  /* computed Sym -> its sizer, of the scopes that were entered */
} Lower;

struct Scope { /* one graph being lowered: the whole, or a body */
	Lower *lw;
	const Graph *g;
	Order order;
	Block *block;
	Map places;   /* Val -> Place: stored values, parameters */
	Map wanted;   /* Val -> Wanted */
	Map in_place; /* Val -> the operand of a concat that it is computed for */
	Map sizes;    /* computed Sym -> its sizer in this scope */
	int n_groups;
	Group *groups;
	Map group_of; /* stored Val -> index of its group, plus 1 */
	/* while a group is pulled: */
	Scope *self;      /* this scope, also in the copies through which inner scopes read */
	Scope *now_scope; /* whose group it is */
	Group *now;
	struct Table_ *memo;
	int n_depth;    /* nested reductions */
	double repeats; /* how often the expression being built is evaluated */
	bool reading;   /* the root itself is read from its buffer: a plain copy */
	bool clash;     /* a root of the group is read elsewhere than at the domain's index */
	Map depths;     /* Val -> operations on the longest path to it from what is stored */
	Map evals;      /* Val -> double *: evaluations, all groups together */
	Map nested;     /* reductions wanted inside another reduction */
};

/* pull.c: v at an index, as an expression of the scope's current group. */
const Expr *pull(Scope *, const Val *v, const Index *const *index);
void pull_group(Scope *, Group *);
/* The domain's indices of a root: its dims of 1 are at 0. */
const Index **domain_index(Scope *, const Group *, const Val *root);

/* estimate.c */
double dim_estimate(const Dim *);                   /* symbols at a typical size */
void lengths_of(const Program *, Map *);            /* Sym -> itself: the sizes that are no batches */
double dim_fewest(const Dim *, const Map *lengths); /* batches as small as they can be, lengths typical; 1 at least */
double tile_waste(double n, int tile);              /* points of as many tiles as hold n, by n */
double robust_cost(double typical, double fewest);  /* of what it costs with a typical batch, and with the smallest */

/* transpose.c: operands that lanes would gather, copied before; `made` is called on each copy */
void transpose_operands(Program *, void (*made)(void *user, Stmt *), void *user);

/* plan.c: elements from one thread's rows of an array to the next one's */
const Dim *buffer_copy(Ctx *, const Buffer *);

/* parallel.c */
double stmt_cycles(const Stmt *, const TargetInfo *); /* all rounds of loops */
void unshare(const Block *);                          /* threads share none of its kernels */
void loops_beside(
	Program *, const Block *team, const Target *); /* beside.c: no slices where each thread can have a loop */
enum { SLICE_BARRIERS = 3 };                           /* what a kernel must take to be worth one */
Program *come_apart(const Program *); /* apart.c: kernels that work for loops of both directions; NULL: none did */
/* wave.c: which of the threads each statement of a loop over chunks goes to, and how many these are, 0: they do not run side by
 * side; then that they do; and the steps of a chunk with which n layers best do, by the cycles of a step of each, 0: they had
 * better not. */
int wave_ranks(const Program *, Stmt *, const Target *, int *rank);
void layers_beside(Program *, Stmt *, const Target *);
int64_t wave_chunk(const Target *, int n, const double *layers, double steps, int64_t multiple, int64_t most);
bool is_shared(Stmt *); /* has sliced kernels: all threads of the team run it */

/* checks.c: comparisons for the sizes that are known now (Sym -> its sizer), `last` since a moment ago (NULL: the block begins). */
void check_sizes(Scope *, const Map *known, const Sym *last);

/* fuse.c: fills groups and places.  results: those that no kernel of their own stores (NULL: done). */
void fuse(Scope *, int n_results, const Val *const *results);
bool is_copied_out(const Scope *, const Val *result); /* by a kernel after all groups: */
Group result_group(Scope *, const Val *result);
bool is_view(const Val *);
const Val *view_base(const Val *);
bool is_special(const Val *);
bool is_copied(const Val *); /* concat, pad: stored by parts */
void store_val(Scope *, const Val *);
/* Concats and pads are stored by parts: part k as a kernel of its own, and where it goes. */
int n_copies(const Val *);
void group_domain(Scope *, Group *, const Val *root); /* its variables */
Group copy_group(Scope *, const Val *, int part, const Index ***shift);
bool part_is_in_place(Scope *, const Val *whole, int part); /* nothing to copy */

/* place.c */
Place *place_new(Scope *, Buffer *); /* all of it */
/* Places made of places: one step along the first dim; the part that starts at shift and shows as type `shown`, for a value of
 * type `part` with the same dims but for dims of 1. */
Place *place_at_step(Scope *, const Place *, const Index *step);
Place *place_part(Scope *, const Place *, const Type *shown, const Index *const *shift, const Type *part);
bool place_is_whole(const Place *);
const Index **place_index(Scope *, const Place *, const Index *const *index); /* of the buffer */

#endif
