/* rnn.h: models written in the language of .rnn files, as graphs. */
#ifndef FRONTEND_LANG_RNN_H
#define FRONTEND_LANG_RNN_H

#include "frontend/lang/params.h"

typedef struct {
	const char *model; /* which of the file's models; NULL: its only one */
	bool lengths;      /* ragged axes have a length for each example; else all examples are as long as the array */
	int64_t elements;  /* at most so many in all parameters together; 0: 2^33 */
	uint64_t seed;     /* of the parameters that `source` does not give */
	ParamSource *source; /* NULL: all are random */
	void *user;
} RnnOptions;

typedef struct RnnModel {
	const char *name;
	/* A batch: x[T, 8] is x[B, T, 8], its lengths T_len[B] follow the inputs; T of doc[S, T] has T_len[B, S].  Outputs are
	 * zero where nothing is real. */
	const Graph *graph;
	/* One sequence without lengths, in forms that a step can be made of. */
	const Graph *stream;
	int n_params;
	const Param *params; /* in order of use */
} RnnModel;

/* Fails by fail() with all messages that there are.  text: followed by a NUL; path: for messages and `use`. */
const RnnModel *rnn_load(Ctx *, const char *path, const char *text, size_t size, const RnnOptions *);

#endif
