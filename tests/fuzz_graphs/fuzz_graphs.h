/* fuzz_graphs.h: random graphs, their comparison with compiled C, and shrinking. */
#ifndef TESTS_FUZZ_GRAPHS_H
#define TESTS_FUZZ_GRAPHS_H

#include "tests/unit/compiled.h"

/* The ways to compile, the quick ones by the JIT first. */
extern const Variant variants[];
extern const int n_variants;
/* Variants of one numeric profile give the same bits (docs/numerics.md); 0: -O0, which adds up in an order of its own. */
int profile_of(const Variant *v);
bool narrows(const Variant *v); /* weights */

/* Whether only exact operations lead to a value; `flags` (Val -> "") marks the values before it for which that holds. */
bool is_exact(Arena *arena, const Val *v, const Map *flags);

/* Marks all such values of the graph; params are marked beforehand. */
void find_exact(Arena *arena, const Graph *g, Map *flags);

/* The graph that the seed determines: every other one of layers over time (recurrent.c). */
const Graph *random_graph(Ctx *cx, uint64_t seed);
const Graph *random_recurrent(Ctx *cx, uint64_t seed);

/* What comes of comparing; 100 + a signal where one ended the child. */
enum { OK, DIFFERS, REFUSED, NOT_C };

/* The bits of what the graphs of a batch gave as one variant; 0: a graph gave nothing. */
enum { BATCH = 8 };
typedef uint64_t Digests[BATCH];

/* n graphs in one module: random ones from seed `first` on, or one of the text. */
typedef struct {
	uint64_t first;
	int n, variant;
	const char *text;
	bool quiet;
	uint64_t *digests; /* of the n graphs, in memory shared with the child; NULL: nobody asks */
} Job;

/* Whether streams give what the run gives; NULL, or what went wrong.  The tolerances are those of its results. */
const char *check_stream(
	Ctx *, const Module *, const Compiled *, const DimEnv *, const Tensor *const *inputs, const double *tolerance);

/* Compiles and compares in a child process, so that a crash is an outcome like any other. */
int run_in_child(const Job *job, bool quiet);

/* Makes a graph of that outcome smaller while the outcome stays, and prints it. */
void shrink(uint64_t seed, const char *text, int variant, int outcome);

#endif
