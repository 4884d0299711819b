/* pipeline.h: what the files of the compiler's driver share. */
#ifndef PASSES_PIPELINE_H
#define PASSES_PIPELINE_H

#include "passes/passes.h"

/* states.c */
typedef struct {
	int n;
	int *param, *result; /* result[i] of the graph is param[i] of the next step */
} Pairs;
Pairs find_pairs(Ctx *, const Graph *, const CompileOptions *);
const Graph *states_last(Ctx *, const Graph *, const Pairs *, const char **names);

/* check.c: --check.  Remembers random inputs and what the graph makes of them; later graphs must make the same. */
typedef struct Check Check;
Check *check_new(Ctx *, const Graph *);
void check_after(Ctx *, Check *, const char *pass, const Graph *); /* fails naming the pass */

/* bounds.c: lowers the bounds of symbols that loops compute, where the loops say how many steps they run at most. */
void bound_sizes(Ctx *, const Graph *);

#endif
