/* rnncc.h: the rnncc compiler as a library: load a trained model, ask what it takes and gives, run it.
 *
 *     char *error;
 *     rnncc_model *model = rnncc_load("vad.onnx", NULL, &error);
 *     if (!model) { fprintf(stderr, "%s\n", error); free(error); return 1; }
 *     float samples[512] = {0};
 *     rnncc_tensor in = {RNNCC_F32, 2, (const int64_t[]){1, 512}, samples}, out;
 *     if (rnncc_run(model, &in, 1, NULL, &out, 1, &error) == 0) {
 *             printf("%f\n", ((const float *)out.data)[0]);
 *             rnncc_tensors_free(&out, 1);
 *     }
 *     rnncc_free(model);
 *
 * The model is compiled in memory while it is loaded.  Who only wants to use a compiled model needs none of this: what
 * `rnncc compile` writes stands alone.
 *
 * Errors are values: a function that can fail takes `char **error`.  On failure it is set to a text to be freed by free(),
 * which names the node, input or file at fault; on success to NULL.  error itself may be NULL.  Running out of memory ends
 * the process.
 *
 * Threads: different models are independent.  One model may be used by several threads at once in every way but freeing
 * it; compiled calls run side by side, interpreted ones one after the other.  One state is for one thread at a time.
 */
#ifndef RNNCC_H
#define RNNCC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0" */
const char *rnncc_version(void);

/* Element types.  f16 and bf16 are their bits in uint16_t, bool is uint8_t of 0 or 1; the 8- and 4-bit floats are their bits
 * in uint8_t, the 4- and 2-bit integers int8_t and uint8_t: a byte for each element. */
typedef enum {
	RNNCC_F64,
	RNNCC_F32,
	RNNCC_F16,
	RNNCC_BF16,
	RNNCC_I8,
	RNNCC_I16,
	RNNCC_I32,
	RNNCC_I64,
	RNNCC_U8,
	RNNCC_U16,
	RNNCC_U32,
	RNNCC_U64,
	RNNCC_BOOL,
	RNNCC_F8E4M3FN,
	RNNCC_F8E4M3FNUZ,
	RNNCC_F8E5M2,
	RNNCC_F8E5M2FNUZ,
	RNNCC_F8E8M0,
	RNNCC_F4E2M1,
	RNNCC_I4,
	RNNCC_U4,
	RNNCC_I2,
	RNNCC_U2
} rnncc_type;

/* A dense array, its last dimension contiguous.  dims[rank] and data belong to who made it. */
typedef struct {
	rnncc_type type;
	int rank; /* 0: a scalar, then dims may be NULL */
	const int64_t *dims;
	void *data; /* aligned as its C type asks */
} rnncc_tensor;

/* Two names: for `binds` an input and its value, for `states` an output and the input that it feeds at the next call. */
typedef struct {
	const char *name, *value;
} rnncc_pair;

/* A named size of the inputs: fixed where lo == hi, else bounded; and a multiple of step, 0 is 1.  0 to INT64_MAX: no bounds. */
typedef struct {
	const char *name;
	int64_t lo, hi, step;
} rnncc_range;

/* All zero is a good choice.  The arrays are not needed after rnncc_load. */
typedef struct {
	const char *via;    /* "jit", "gcc", "clang", "cc" or "interpret"; NULL: jit if it is installed, else cc */
	const char *target; /* "generic", "x86-64", "x86-64-v3", "x86-64-v4", "x86-64-v4-bf16"; NULL: "native" */
	int opt;            /* 1 to 3; 0: the default, 2; -1: nothing fused or vectorised */
	int threads;        /* 0 or 1: one; more: OpenMP */
	int f64;            /* not 0: what is f32 in the model is computed, taken and given as f64 */
	int stream; /* not 0: a call is some steps of a sequence, the rest of which is to follow: see rnncc_run */
	int detect_states; /* not 0: outputs that beyond doubt feed inputs become states */
	const rnncc_pair
		*binds; /* inputs that become constants: numbers with commas between, or a tensor file's path */
	size_t n_binds;
	const rnncc_pair *states; /* {output, input} */
	size_t n_states;
	const rnncc_range *ranges;
	size_t n_ranges;
	/* Of a .rnn, as `rnncc --weights` has them: */
	const char *weights; /* a file of its parameters: .npz, .safetensors, .onnx; NULL: random ones */
	const char
		*weights_layout; /* whose layers are in it: "pytorch" or "keras"; NULL, "rnncc": parameters by name */
	const char *weights_map; /* a text that says which is which; may be NULL */
	uint64_t weights_seed;   /* of random ones */
	int no_lengths;          /* not 0: all sequences of a batch are as long as the array */
	/* Less precise and faster, as `rnncc --weights-dtype --products-dtype`: */
	const char *weights_dtype;  /* what weights are stored as: "bf16", "f16" or "int8"; NULL: the type they have */
	const char *products_dtype; /* "bf16", with weights of bf16: rounds what they are multiplied with; NULL: not */
} rnncc_options;

typedef struct rnncc_model rnncc_model;
typedef struct rnncc_state rnncc_state;

/* Loads and compiles a model file: .onnx; .rnn, or .rnn:NAME where it has several models; .ir as `rnncc opt` prints it.
 * options may be NULL.  Returns NULL on failure. */
rnncc_model *rnncc_load(const char *path, const rnncc_options *options, char **error);

/* The same from memory that holds an ONNX file, which is not needed afterwards.  Weights in other files are refused. */
rnncc_model *rnncc_load_memory(const void *data, size_t size_bytes, const rnncc_options *options, char **error);

/* Writes the parameters of a .rnn, by name, to a .npz that `weights` takes: whole or not at all.  Returns 0, or -1 and *error. */
int rnncc_save_weights(rnncc_model *model, const char *path, char **error);

/* Frees the model; its states must have been freed before.  NULL is allowed. */
void rnncc_free(rnncc_model *model);

/* What a model takes or gives.  Everything lives as long as the model. */
typedef struct {
	const char *name;
	rnncc_type type;
	int rank;
	const int64_t *dims;         /* -1: not fixed, decided by the inputs of each call */
	const char *const *dim_text; /* "8", "T", "T-1": equal names are equal sizes */
} rnncc_value;

/* Inputs and outputs in the model's order, without those that are states. */
size_t rnncc_n_inputs(const rnncc_model *model);
size_t rnncc_n_outputs(const rnncc_model *model);
rnncc_value rnncc_input(const rnncc_model *model, size_t index);  /* index < rnncc_n_inputs() */
rnncc_value rnncc_output(const rnncc_model *model, size_t index); /* index < rnncc_n_outputs() */

/* What the user should know of: states that were detected, declarations of the model that are wrong. */
size_t rnncc_n_notes(const rnncc_model *model);
const char *rnncc_note(const rnncc_model *model, size_t index);

/* The named sizes that the inputs decide, with their bounds (hi INT64_MAX: none).  Names live as long as the model. */
size_t rnncc_n_sizes(const rnncc_model *model);
rnncc_range rnncc_size(const rnncc_model *model, size_t index);

/* The state of one stream, reset; NULL for a model without state.  Bytes of it: 0 without. */
rnncc_state *rnncc_state_new(const rnncc_model *model);
void rnncc_state_reset(rnncc_state *state); /* NULL is allowed */
void rnncc_state_free(rnncc_state *state);  /* NULL is allowed */
size_t rnncc_state_bytes(const rnncc_model *model);

/* One call.  inputs: n_inputs == rnncc_n_inputs() tensors, only read.  state: of this model; advanced, also where the call
 * fails half-way; NULL: the call begins with a state that is reset and forgets it.
 * With the option `stream`, a model over sequences takes any number of their steps a call and keeps what the next ones need in
 * the state: chunks of any sizes give together what the model gives for the whole.  One that reads its input backwards or all
 * of it at once is refused by rnncc_load, which says where.
 * outputs: n_outputs == rnncc_n_outputs() tensors to be filled in; on success they own memory, which
 * rnncc_tensors_free() releases; on failure they are zeroed.  Returns 0, or -1 and *error. */
int rnncc_run(rnncc_model *model, const rnncc_tensor *inputs, size_t n_inputs, rnncc_state *state,
	rnncc_tensor *outputs, size_t n_outputs, char **error);

/* Frees what rnncc_run allocated, and zeroes the tensors. */
void rnncc_tensors_free(rnncc_tensor *tensors, size_t n);

#ifdef __cplusplus
}
#endif
#endif
