/* load.h: a model file of any kind as a graph. */
#ifndef RUNTIME_LOAD_H
#define RUNTIME_LOAD_H

#include "frontend/onnx/onnx_tensor.h"
#include "frontend/weights/files.h"
#include "ir/ir.h"

typedef struct {
	const char *name; /* "LSTM", with its domain before it where that is not ONNX's own */
	int count;
} OperatorCount;

typedef struct {
	const char *path;
	const char *source_name; /* the file's name without its folder */
	const char *digest;      /* SHA-256 of the file, hex */
	const Graph *graph;
	const Graph *stream; /* of a .rnn: one sequence in the form that steps are made of; NULL: the same graph */
	const RnnModel *rnn; /* of a .rnn: its parameters ... */
	const char *const *weights_from; /* ... and what each is made of, as text */
	int n_inputs;                    /* as the file declares them, those that were bound included */
	const char *const *input_names;
	const OnnxKind *input_kinds; /* a sequence is several inputs of the graph: onnx_element_name() */
	int n_outputs;               /* as the file declares them */
	const char *const *output_names;
	const OnnxKind *output_kinds;
	int n_operators; /* the kinds of ONNX nodes, those in bodies included, in order of name */
	const OperatorCount *operators;
} Model;

/* NAME=VALUE: an input becomes a constant.  VALUE is a number, several with commas between, or the path of a tensor file. */
typedef struct {
	const char *name, *value;
} Binding;

/* What .rnn models are elaborated with; zeroed: with lengths, random parameters of seed 0.  And sizes that the import of ONNX
 * itself may need: a rank can depend on them, and whether two sizes are equal. */
typedef struct {
	bool no_lengths;
	uint64_t weights_seed;
	WeightChoice weights;
	int n_dims;
	const SizeRange *dims;
} LoadOptions;

bool model_known(const char *path); /* by its ending: .onnx, .ir, .rnn, .rnn:MODEL */
/* Fails naming the file, and the node or line. */
const Model *model_load(Ctx *, const char *path, int n_bindings, const Binding *, const LoadOptions *);
/* The same for inputs like those in these .pb files, in the order of input_names; NULL entries: not known.
 * bind_scalars: single integers among them become constants. */
const Model *model_load_like(Ctx *, const char *path, int n_bindings, const Binding *, int n_files,
	const char *const *files, bool bind_scalars, const LoadOptions *);
/* A model from memory in ONNX form; dir: where external data is, NULL: refused. */
const Model *model_load_onnx(Ctx *, const void *data, size_t size_bytes, const char *dir, int n_bindings,
	const Binding *, const LoadOptions *);
/* The parameters of a .rnn, by name, to a .npz: whole or not at all. */
void model_save_weights(Ctx *, const Model *, const char *path);

#endif
