/* params.h: the parameters of a model: what a text asks for, and who gives the values.
 *
 * Each `param` and each textual occurrence of lin, mul, embed ... owns tensors, named by their path: the variable that is
 * assigned where they stand, below the variable or name of the cell that it stands in.  `hs = scan lstm[64] over x` with
 * `i, f, g, o = split(lin[4*H](x, h), 4)` in the cell owns hs.ifgo.W0 (for x), hs.ifgo.W1 (for h) and hs.ifgo.b0.  A path
 * that comes twice (unroll) counts on: hs, hs_2.  `lin[n as gates]` and `lstm[64 as enc]` give the name themselves.
 */
#ifndef FRONTEND_LANG_PARAMS_H
#define FRONTEND_LANG_PARAMS_H

#include "ir/ir.h"

/* One link of `~ sparse(0.1) spectral(0.9)`: the first fills, the others change what is there. */
enum { MAX_INIT_ARGS = 4, MAX_INITS = 4 };
typedef struct {
	const char *kind; /* "default" where the text has no ~: uniform in +-1/sqrt(fan_in) */
	int n;
	double args[MAX_INIT_ARGS];
} Init;
typedef struct {
	const char *name; /* "hs.ifgo.W0" */
	int rank;
	const int64_t *dims;
	int64_t fan_in; /* terms of the sums that it is in: its last dim, for a bias that of its weights */
	int n_inits;
	Init inits[MAX_INITS];
	bool fixed;     /* not trained */
	const char *at; /* "file:line:column" */
	const Tensor *value; /* what it was elaborated with: f32 */
} Param;

/* Gives the value of a parameter, f32 of its dims, or NULL: then it is random.  Fails by fail(). */
typedef const Tensor *ParamSource(void *user, Ctx *, const Param *);

/* random.c: the values that the initialisers say, the same on every machine: by seed, name and index alone. */
const Tensor *param_random(Ctx *, const Param *, uint64_t seed);
/* False: there is no initialiser of that kind, or not with so many arguments. */
bool init_known(const char *kind, int n_args);
const char *init_list(void); /* those that there are, for messages */

#endif
