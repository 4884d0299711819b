/* params.h: the parameters of a model: what a text asks for, and who gives the values.
 *
 * Each `param` and each textual occurrence of lin, mul, embed, norm ... owns tensors.  They are named by their path: the
 * statement that they stand in, which is called after the first variable that it assigns (yield has no name), below the
 * statement that uses the cell or def around it.  `hs = scan lstm[64] over x` with `i, f, g, o = split(lin[4*H](x, h), 4)` in
 * the cell owns hs.i.W0 (for x), hs.i.W1 (for h) and hs.i.b.  A second lin in one statement has n_2.W0, a second cell hs_2.i.W0,
 * counted as one reads; in an unroll the round follows: y.0.i.W0, y.1.i.W0.  `lin[n as gates]` and `lstm[64 as enc]` give the
 * name themselves.
 */
#ifndef FRONTEND_LANG_PARAMS_H
#define FRONTEND_LANG_PARAMS_H

#include "frontend/weights/weights.h"

enum { MAX_INITS = 4 };
typedef struct {
	const char *name; /* "hs.i.W0" */
	int rank;
	const int64_t *dims; /* W: [out, in] */
	double fan_in, fan_out;
	int n_inits;
	InitStep inits[MAX_INITS]; /* uniform where the text says nothing */
	bool fixed;                /* not trained */
	bool reversed;             /* of a cell that a scan runs from the last step to the first */
	const char *assigned;      /* what the statement around it assigns: "i f g o"; "" in no assignment */
	const char *at;            /* "file:line:column" */
	const Tensor *value;       /* what it was elaborated with: f32 */
} Param;

/* Gives the value of a parameter, f32 of its dims, or NULL: then it is random.  Fails by fail(). */
typedef const Tensor *ParamSource(void *user, Ctx *, const Param *);

#endif
