/* model.h: a model as read from its file, for the files of this folder; import.h is what operators see. */
#ifndef FRONTEND_ONNX_MODEL_H
#define FRONTEND_ONNX_MODEL_H

#include "frontend/onnx/import.h"
#include "onnx.pb-c.h"

enum {
	ONNX_NEWEST_IR = 14,    /* of the schema in onnx.proto, ONNX 1.23 */
	ONNX_NEWEST_OPSET = 28, /* of ai.onnx */
	ONNX_MAX_RANK = 64,
};

struct OnnxModel {
	const Onnx__ModelProto *proto;
	const char *dir; /* where external data is; NULL: refused */
	Map functions;   /* onnx_function_key() -> Onnx__FunctionProto */
};

/* reader.c */
typedef struct { /* the operator sets that nodes refer to: the model's or a function's */
	size_t n;
	Onnx__OperatorSetIdProto *const *imports;
	int64_t ir_version;
} Opsets;
int onnx_opset(const Opsets *, const char *domain); /* 0: not imported */
const char *onnx_domain(const char *);              /* NULL and "ai.onnx" are "" */
/* A name of any bytes made fit to print: quoted, control characters escaped, long ones cut. */
const char *onnx_quote(Ctx *, const char *name);
const char *onnx_node_loc(Ctx *, const Onnx__NodeProto *, int opset); /* node "/rnn/LSTM" (LSTM, opset 14) */
Onnx__AttributeProto__AttributeType onnx_attr_type(const Onnx__AttributeProto *);
const char *onnx_attr_type_name(Onnx__AttributeProto__AttributeType);
/* The function that a node calls; NULL when it is an operator. */
const char *onnx_function_key(Ctx *, const char *domain, const char *name, const char *overload); /* interned */
const Onnx__FunctionProto *onnx_find_function(Ctx *, const OnnxModel *, const Onnx__NodeProto *);

/* check.c: every name is defined once, before its use; every message is whole.  Fails naming the node. */
void onnx_check(Ctx *, OnnxModel *);

/* tensor.c: may point into the message, or into a mapped file. */
const Tensor *onnx_tensor(Ctx *, const Onnx__TensorProto *, const char *dir);
const Tensor *onnx_sparse_tensor(Ctx *, const Onnx__SparseTensorProto *, const char *dir);
/* The element type, or fail() naming `what` and the type. */
Elem onnx_elem(Ctx *, int32_t data_type, const char *what);
/* Unpacks a message into the context's arena after the pre-scan; fails. */
void *onnx_unpack(Ctx *, const ProtobufCMessageDescriptor *, const void *data, size_t size_bytes, const char *what);

/* external.c: the region of a file below dir.  length -1: to its end.  Fails when the path or the region leaves its
 * bounds.  The data stays mapped until the arena is freed. */
const void *onnx_external_data(
	Ctx *, const char *dir, const char *location, int64_t offset, int64_t length, size_t *size_bytes);

/* ---------------------------------------------------------------------------------------------------- importing */

/* A model-local function being expanded: what ref_attr_name refers to. */
typedef struct Frame {
	const struct Frame *up;
	const Onnx__FunctionProto *function;
	const Onnx__NodeProto *call;
	const char *loc; /* of the outermost call, before those of the nodes inside */
} Frame;

/* Values of outer graphs that a body uses: they become its last parameters. */
typedef struct {
	int n_own; /* parameters before them */
	int n, cap;
	const Val **outer; /* what the body's user must pass */
	const Val **params;
	const char **names;
	Map known; /* outer -> param */
} Captures;

/* The names of one graph, body or function. */
typedef struct Scope {
	struct Scope *outer; /* NULL in the main graph and in functions */
	Captures *captures;  /* of a body: where values of `outer` go */
	const Opsets *opsets;
	const Frame *frame;
	Map names;   /* interned -> Binding */
	int n_nodes; /* of its nodes, those that have been imported: what a Gradient can differentiate */
	Onnx__NodeProto *const *nodes;
	Map declared; /* interned name -> the Onnx__TensorShapeProto that the graph declares for the value */
	Map sizes;    /* i64 scalar -> Dim: what run time reads from operands */
	/* for random numbers: */
	struct Scope *caller; /* of a function */
	uint64_t place;       /* where the body is in the model; 0: the main graph */
	const Val *step; /* of the loop whose body it is, an i64 scalar; NULL: it runs as often as what is around it */
} Scope;

typedef struct {
	Ctx *cx;
	const OnnxModel *model;
	const OnnxImportOptions *options;
	Map dim_names; /* dim_param -> symbol's name; these and all names below interned */
	Map symbols;   /* symbol's name -> itself: those in use */
	Map *equal;    /* symbol's name -> Dim: what earlier attempts found out */
	bool restart;  /* set when an attempt found such an equality */
	int64_t n_nodes;
	int depth;    /* of subgraphs and functions */
	int n_sizers; /* what computes sizes, in the graph and the bodies that are being imported */
	const Val **sizers;
	int n_checks; /* of the node that is being imported: its results come after them */
	const Val **checks;
	Map open; /* Sym: read from an operand; a declared shape may say what it is */
} Run;

struct Importing {
	Run *run;
	Scope *scope;
	const Onnx__NodeProto *proto;
};

/* import.c */
const Val *scope_find(Run *, Scope *, const char *name);
void scope_put(Run *, Scope *, const char *name, const Val *);
void scope_put_tensor(Run *, Scope *, const char *name, const Onnx__TensorProto *, const Onnx__SparseTensorProto *);
void import_nodes(Run *, Scope *, size_t n, Onnx__NodeProto *const *nodes);
enum { MAX_DEPTH = 64 }; /* of subgraphs and functions in each other: each level is a few frames of C stack */
/* subgraph.c: which run of the bodies around the node it is, an i64 scalar; NULL where nothing is run several times. */
const Val *node_run(const Node *);
/* The value that a body uses for one of an outer graph. */
const Val *capture(Run *, Captures *, const Val *outer, const char *name);
/* Does it depend on sizes and constants only?  Looks at few values: false may mean too many. */
bool is_closed(const Val *);
/* A bool of one element as a scalar. */
const Val *condition(const Node *, const Val *, const char *what);
/* A condition that is decided now, by values or by sizes. */
bool known_bool(Ctx *, const Val *, bool *value);
/* A value and what takes its place must have one type; unnamed dims may turn out to be equal. */
void node_same_type(const Node *, const Type *, const Type *, const char *what);
const char *result_what(const Node *, const char *kind, const Graph *body, int i); /* for messages: state "h" */
/* Parameters `from`.. of the types of vals; returns where they begin. */
const Val **params_like(Ctx *, const Val **params, int from, int n, const Val *const *vals);
void copy_vals(const Val **to, const Val *const *from, int n);
void copy_names(const char **to, const char *const *from, int n);
OnnxKind onnx_kind(const Onnx__ValueInfoProto *); /* inputs.c */
/* inputs.c: the type of a graph's input; unknown dims get symbols. */
const Type *declared_type(Run *, const Onnx__ValueInfoProto *);
/* The parameters of the main graph; binds inputs and initialisers to their values.  Returns their number. */
int import_inputs(Run *, Scope *, const Val ***params, const char ***names);
void note_declared(Run *, Scope *, const Onnx__GraphProto *); /* the shapes that the graph declares for its values */
void note_outputs(Run *, const Val *const *results);          /* where they are not as declared */
/* A size that the model computes. */
const Dim *computed_symbol(Run *, const char *name, int64_t lo, int64_t most);
/* The same, of a size that a declared shape may tell: then that is what an earlier attempt found out, and `known`. */
const Dim *open_symbol(Run *, const char *name, int64_t lo, int64_t most, bool *known);
/* What computes such a size, a `size` or a loop: it stays where the size is mentioned. */
void keep_sizer(Run *, const Val *);
/* Two dims that the node needs to be equal: where both can be, the import starts again knowing it; else fails. */
void node_same_dim(const Node *, const Dim *, const Dim *, const char *what);
/* accepted.c: fails where no version of the operator allows an input's element type. */
void check_input_types(const Node *);
/* attrs.c */
const Onnx__AttributeProto *resolve_attr(const Frame *, const Onnx__AttributeProto *);
const Onnx__GraphProto *node_graph_proto(const Node *, const char *attr);
bool body_wants_vector(const Node *, const char *attr, int i); /* is its input i declared as [1]? */
/* ops_sequence.c: a sequence of tensors is a `call @sequence` of its chunks, each [n, ..element]. */
extern const Importer onnx_ops_sequence[];
extern const Importer onnx_ops_loop[]; /* ops_loop.c */
const Val *sequence_new(Ctx *, int n, const Val *const *chunks);
bool is_sequence(const Val *);
/* Its elements one by one; -1 where their number is unknown or beyond ONNX_MAX_ELEMENTS. */
int sequence_elements(Ctx *, const Val *, const Val ***elements);
/* An optional is its value; one without a value is a `call @absent` of nothing. */
const Val *absent_new(Ctx *);
bool is_absent(const Val *);

/* strings.c: tensors of texts (STR) exist while a model is imported, as numbers of interned texts. */
/* The same graph on the texts' numbers, which are i32; fails where a result is a text; inputs.c refuses inputs. */
const Graph *without_texts(Ctx *, const Graph *);
const Val *b_texts(Ctx *, int n, const char *const *);           /* str[n] */
const Tensor *node_texts(const Node *, int i, const char *what); /* an input of texts, known now; fails otherwise */
int64_t texts_bytes(const Node *, const Tensor *); /* of all its elements; fails where they are too many */
bool cast_texts(const Node *, const Val **out);    /* ops_strings.c: Cast and CastLike where texts are involved */

/* import.c: the arrays of rows, ended by NULL. */
extern const Importer *const onnx_tables[];
/* operator_types.c: fills o->takes, as of that version. */
void onnx_operator_types(Ctx *, OnnxOperator *o, int version);

#endif
