/* layer.h: the layers of a file of weights, for layout.c and layer_names.c. */
#ifndef FRONTEND_WEIGHTS_LAYER_H
#define FRONTEND_WEIGHTS_LAYER_H

#include "frontend/weights/files.h"

enum { MAX_LIN_WEIGHTS = 8 };
typedef enum { LAYER_LSTM, LAYER_GRU, LAYER_RNN, LAYER_LIN, LAYER_EMBED, LAYER_NORM } LayerKind;

typedef struct {
	LayerKind kind;
	const char *path, *name;    /* "encoder.rnn", "rnn" */
	const char *stack;          /* layers of one stack are numbered */
	int layer;                  /* -1: of a name that is no layer's */
	bool reversed;              /* runs from the last step to the first */
	const char *gates;          /* their order in the file: "ifgo"; NULL: there are none */
	const char *input, *hidden; /* tensors: for x, for the state; input: the only one of other kinds */
	int n_biases;
	const char *biases[2];
	bool bias_rows;      /* both are rows of one tensor */
	bool transposed;     /* weights are [in, out] */
	bool reset_after;    /* GRU: r behind the product with the state */
	bool may_embed;      /* a weight that may be a table as well */
	int64_t n_in, n_out; /* of a cell: its state; of a table: a row, how many */
	bool taken;
} FileLayer;

/* The layers that the tensors' names and shapes make, without those that the map uses already; room for one a tensor.
 * Returns how many. */
int pytorch_layers(Ctx *, const WeightFile *, const WeightMap *, FileLayer *);
int keras_layers(Ctx *, const WeightFile *, const WeightMap *, FileLayer *);

#endif
