/* import.h: ONNX to graph IR.  What an operator's importer sees, and the table that finds it.
 *
 * An operator is defined in one place: an Importer row in one of the ops_*.c files, or an `op` of the operator library
 * (frontend/ops/) that names its ONNX operator.  The core (import.c) decodes nodes, resolves names and scopes, refuses
 * attributes that a row does not list, and stamps locations.
 */
#ifndef FRONTEND_ONNX_IMPORT_H
#define FRONTEND_ONNX_IMPORT_H

#include "frontend/onnx/onnx_tensor.h"
#include "ir/ir.h"

typedef struct OnnxModel OnnxModel; /* a file read, checked and unpacked: reader.c */

/* Reads and checks a file: size, nesting, memory, references.  Fails by fail(). */
OnnxModel *onnx_read_file(Ctx *, const char *path);
OnnxModel *onnx_read_memory(
	Ctx *, const void *data, size_t size, const char *dir /* for external data; NULL: refused */);
typedef struct {
	int n_binds; /* --bind NAME=VALUE: an input becomes a constant */
	const char *const *bind_names;
	const Tensor *const *bind_values;
	/* What the inputs will be like, in the order of the inputs without initialisers; ONNX_UNKNOWN: not known.  Tensors'
	 * shapes decide the dims that the model leaves open; a sequence becomes as many inputs as it has elements, each of
	 * exactly that shape. */
	int n_likes;
	const OnnxValue *likes;
	bool bind_scalars; /* of the tensors, texts, single integers and truth values become constants: they steer */
	bool keep_texts;   /* the graph may have tensors of texts: to find out which operators take them */
} OnnxImportOptions;
const Graph *onnx_import(Ctx *, const OnnxModel *, const OnnxImportOptions *);
/* The note that a model gets which draws random numbers. */
extern const char onnx_random_note[];

/* One node, as importers see it. */
typedef struct Node Node;
struct Node {
	Ctx *cx;
	const char *op, *domain, *name;
	int opset;            /* of its domain */
	int n_in;             /* given inputs; trailing omitted ones are cut */
	const Val *const *in; /* NULL: omitted */
	int n_out;            /* outputs asked for; importers fill out[0 .. n_out) where not omitted */
	const bool *out_wanted;
	struct Importing *core; /* import.c's own */
};
/* Attributes by name, with ONNX's defaults given by the caller.  A wrong kind fails by name. */
bool node_has(const Node *, const char *attr);
int64_t node_int(const Node *, const char *attr, int64_t default_value);
double node_float(const Node *, const char *attr, double default_value);
const char *node_str(const Node *, const char *attr, const char *default_value);
int node_ints(const Node *, const char *attr, const int64_t **values);     /* -1 when absent */
int node_floats(const Node *, const char *attr, const double **values);    /* -1 when absent */
int node_strs(const Node *, const char *attr, const char *const **values); /* -1 when absent */
const Tensor *node_tensor(const Node *, const char *attr);                 /* NULL when absent */
/* A body attribute as a closed graph.  Its params are the body's own inputs (with the given types; a NULL entry: take the
 * declared type), then the captured outer values, returned in *captures.  Param `step` is the number of the step in which the
 * body runs: one of its own, or n_types: one more behind them; -1: it has none. */
const Graph *node_graph(const Node *, const char *attr, int n_types, const Type *const *types, int step,
	int *n_captures, const Val *const **captures);
/* The nodes of a body right here, on these values, which may be sequences and absent optionals: for a body that is known to
 * run, in this step, or once (-1).  Returns the number of results. */
int node_inline(
	const Node *, const char *attr, int64_t step, int n_args, const Val *const *args, const Val *const **results);
/* Whether the node stands inside of a body, which may never run. */
bool node_in_body(const Node *);
/* The same as node_graph, with captures of several bodies unified (If). */
void node_graphs(const Node *, int n, const char *const *attrs, const Graph **bodies, int *n_captures,
	const Val *const **captures);

/* An input, present or fail() naming it; `what` is the schema's name of it. */
const Val *node_in(const Node *, int i, const char *what);
/* Input i if given, else NULL. */
const Val *node_opt(const Node *, int i);
/* An integer input that must be known at compile time.  Returns the number of its elements; -1 when the input is omitted;
 * fails "... is computed at run time, which is not supported" otherwise.  Others are read by operands.h. */
int node_const_ints(const Node *, int i, const char *what, const int64_t **values);
/* axis in [-rank, rank) made non-negative; fails by name otherwise. */
int node_axis(const Node *, int64_t axis, int rank);
/* fail() with the node's name, operator and opset in front. */
_Noreturn void node_fail(const Node *, const char *format, ...) __attribute__((format(printf, 2, 3)));

typedef void ImportFn(Node *, const Val **out);
typedef struct {
	const char *domain; /* "" is ai.onnx */
	const char *op;
	int since, until;   /* opsets this row is for, inclusive; until 0: all later ones */
	const char *attrs;  /* every attribute that it honours, space separated; any other is refused by name */
	int min_in, max_in; /* max -1: any */
	int max_out;        /* -1: any */
	ImportFn *import;
} Importer;
/* Each ops_*.c exports one array ended by a row with op == NULL; import.c's table lists the arrays. */
extern const Importer onnx_ops_elementwise[], onnx_ops_shape[], onnx_ops_reduce[], onnx_ops_nn[], onnx_ops_rnn[],
	onnx_ops_control[], onnx_ops_index[], onnx_ops_quant[], onnx_ops_conv[], onnx_ops_pool[], onnx_ops_resize[],
	onnx_ops_sample[], onnx_ops_roi[], onnx_ops_attention[], onnx_ops_slice[], onnx_ops_generate[],
	onnx_ops_rearrange[], onnx_ops_select[], onnx_ops_nms[], onnx_ops_einsum[], onnx_ops_loss[], onnx_ops_signal[],
	onnx_ops_training[], onnx_ops_gradient[], onnx_ops_text[], onnx_ops_strings[], onnx_ops_regex[],
	onnx_ops_random[], onnx_ops_ml[];


/* operators.c: an operator of ONNX, as the tables and the library have it. */
typedef struct {
	const char *domain, *name;
	const char *versions;        /* of its domain: "7..", "1..6, 9.." */
	int min_in, max_in, max_out; /* -1: any number */
	const char *attrs;           /* those that are honoured, space separated */
	const char *texts;       /* the library's operators that say what it computes, space separated; "": C does */
	bool takes[N_ELEMS + 1]; /* element types, texts too, of the first input; none where no simple model tells */
} OnnxOperator;
/* Those of that name, or all (NULL), by domain and name.  Returns how many. */
int onnx_operators(Ctx *, const char *name, const OnnxOperator **);

#endif
