/* lower.h: what the files of lowering share: fuse.c decides which values are stored and which kernels compute them, pull.c
 * turns a value at an index into an expression, lower.c makes the statements. */
#ifndef CODEGEN_LOWER_H
#define CODEGEN_LOWER_H

#include "codegen/kernel.h"

typedef struct Scope Scope;

/* Where a value is: in a buffer whose first dims are fixed by prefix, or a value of an enclosing scope. */
typedef struct {
	Buffer *buffer;
	const Index *const *prefix;
	int n_prefix;
	Scope *scope;
	const Val *val;
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
	const Expr **exprs; /* of the roots, at the domain's indices */
} Group;

typedef struct Lower {
	Program *p;
	Ctx *cx;
	const Target *target;
	Map consts; /* Tensor -> Buffer */
} Lower;

struct Scope { /* one graph being lowered: the whole, or a body */
	Lower *lw;
	const Graph *g;
	Order order;
	Block *block;
	Map places; /* Val -> Place: stored values, parameters */
	Map wanted; /* Val -> Wanted */
	Map parts;  /* special Val -> Buffer *[] of its results */
	int n_groups;
	Group *groups;
	Map group_of; /* stored Val -> index of its group, plus 1 */
	/* while a group is pulled: */
	Scope *self;        /* this scope, also in the copies through which inner scopes read */
	Scope *now_scope;   /* whose group it is */
	Group *now;
	struct Table_ *memo;
	int n_depth;        /* nested reductions */
	double repeats;     /* how often the expression being built is evaluated */
	bool reading;       /* the root itself is read from its buffer: a plain copy */
	bool clash;         /* a root of the group is read elsewhere than at the domain's index */
	Map evals;          /* Val -> double *: evaluations, all groups together */
	Map nested;         /* reductions wanted inside another reduction */
};

/* pull.c: v at an index, as an expression of the scope's current group. */
const Expr *pull(Scope *, const Val *v, const Index *const *index);
void pull_group(Scope *, Group *);
/* The domain's indices of a root: its dims of 1 are at 0. */
const Index **domain_index(Scope *, const Group *, const Val *root);
double dim_estimate(const Dim *); /* symbols at a typical size */

/* fuse.c: fills groups and places. */
void fuse(Scope *);
bool is_view(const Val *);
const Val *view_base(const Val *);
bool is_special(const Val *);
bool is_copied(const Val *); /* concat, pad: stored by parts */
void store_val(Scope *, const Val *);
/* Concats and pads are stored by parts: part k as a kernel of its own, and where it goes. */
int n_copies(const Val *);
void group_domain(Scope *, Group *, const Val *root); /* its variables */
Group copy_group(Scope *, const Val *, int part, const Index ***shift);

/* lower.c */
Place *place_new(Scope *, Buffer *, int n_prefix, const Index *const *prefix);

#endif
