/* ast.h: what the files of frontend/lang share: sources, tokens, the syntax tree, values of elaboration, the library.
 *
 * Text -> lexer.c -> parser.c, parse_block.c, parse_decl.c -> tree -> elaborate.c (statements, operators, names), value.c
 * (arithmetic), builtins.c (functions) -> IR.  library.c owns the embedded texts.  A tree knows no Ctx but that of its
 * arena, so the library's is parsed once a process and read by every thread.  What models have beyond operators (axes,
 * parameters, cells) is in model.h.
 */
#ifndef FRONTEND_LANG_AST_H
#define FRONTEND_LANG_AST_H

#include "frontend/lang/lang.h"

/* ------------------------------------------------------------------------------------------------ lexer.c */

typedef struct {
	const char *name; /* as messages call it: "ops/cells.rnn" */
	const char *text; /* followed by a NUL */
	size_t size;
} Source;

/* A stretch of source text, for messages. */
typedef struct {
	const Source *src;
	size_t start, end;
} Span;

typedef enum { T_END, T_NEWLINE, T_NAME, T_NUMBER, T_STRING, T_PUNCT } TokenKind;
typedef struct {
	TokenKind kind;
	size_t start, end;
	int punct;        /* T_PUNCT: its characters, the first in the low byte: PUNCT("**") */
	const char *text; /* T_NAME, T_STRING: unescaped */
	double num;       /* T_NUMBER */
} Token;
#define PUNCT1(a) (a)
#define PUNCT2(a, b) ((a) | (b) << 8)
#define PUNCT3(a, b, c) ((a) | (b) << 8 | (c) << 16)

enum { MAX_BRACKETS = 200 };
typedef struct {
	Ctx *cx;
	const Source *src;
	size_t at;
	int depth;
	char brackets[MAX_BRACKETS]; /* the open ones: newlines count outside of ( and [ */
} Lexer;
Token lex_token(Lexer *);
/* fail() with "name:line:column: message", the line and a caret below the span. */
_Noreturn void fail_at(Ctx *, Span, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Messages of one run, at most MAX_REPORTED. */
enum { MAX_REPORTED = 10 };
typedef struct {
	int n;
	const char *messages[MAX_REPORTED];
} Report;
bool report_open(const Report *);
void report_add(Ctx *, Report *, const char *message); /* one that is there already is not added */
void report_fail(Ctx *, const Report *);               /* fail() with all of them, if there are any */
/* "name:line:column" of a span. */
const char *span_str(Ctx *, Span);

/* ------------------------------------------------------------------------------------------------ parser.c */

typedef enum {
	/* expressions; kids in brackets */
	N_NUM,
	N_STR,
	N_NAME,   /* text; "h'" with its prime */
	N_LIST,   /* [items] */
	N_UNARY,  /* [a]: op is an Op */
	N_BINARY, /* [a b]: op is an Op or a LangOp */
	N_AND,    /* [a b], decided at compile time where a is known then */
	N_OR,     /* [a b] */
	N_COND,   /* [then cond else] */
	N_CALL, /* [arguments, n_sizes sizes, n_states states], text is the function, names[i] that of `name = value` or
	               NULL, alias that of f[n as alias](x) */
	N_INDEX,    /* [x indices...] */
	N_RANGE,    /* [start stop step], NULL where left out */
	N_ELLIPSIS, /* x[..., i] */
	N_TUPLE,    /* [items]: (a, b), the sequences of a scan */
	N_EACH,     /* [over what], text is the variable, alias one of for sum mean max min: sum i in S { x[i] } */
	N_SCAN, /* [cell, sequences and options..]: cell is an N_CALL without arguments, names[i] an option's name */
	N_GENERATE, /* the same without sequences */
	N_LOOP,     /* [rounds, condition, body, variables..] */
	N_VAR,      /* [in, initial, sizes..], in and initial NULL where left out, text is the name */
	/* statements */
	N_ASSIGN, /* names[n_names] = [values] */
	N_IF,     /* [cond then else], else may be NULL */
	N_UNROLL, /* [list body], text is the variable */
	N_YIELD,  /* [values] */
	N_BLOCK,  /* [statements] */
	N_PARAM,  /* [variable, initialisers..], op 1: fixed */
	N_SHARE,  /* [cell], text is the name */
	N_CONST,  /* [value], text is the name */
	N_USE,    /* text is the file */
	N_DECL    /* decl: a cell, def, model or train */
} NodeKind;
enum LangOp { LANG_FLOORDIV = N_OPS, LANG_MATMUL, LANG_IN, LANG_NOT_IN };

typedef struct Node Node;
typedef struct FnDecl FnDecl;
struct Node {
	NodeKind kind;
	size_t start, end; /* of its source */
	int op;
	double num;
	const char *text, *alias;
	const FnDecl *decl;
	int n, n_sizes, n_states;
	const Node *const *kids;
	int n_names;
	const char *const *names;
};

/* A parameter of an operator: an operand (before the ';') or an attribute. */
typedef struct {
	const char *name;
	bool optional;       /* name? */
	bool variadic;       /* name... : the last operand */
	const Node *initial; /* an attribute's default, or NULL */
} ParamDecl;
typedef struct {
	const char *domain; /* "" is ai.onnx */
	const char *op;
	int since, until; /* opsets; until 0: all later ones */
} OnnxMap;
typedef struct {
	const Source *src;
	const char *name;
	size_t start, end; /* of the name */
	int n_operands, n_attrs;
	const ParamDecl *operands, *attrs;
	int n_maps;
	const OnnxMap *maps;
	const Node *body;
} OpDecl;
typedef struct {
	const Source *src;
	const Node *call;
	int n_expected;
	const Node *const *expected;
} ExampleDecl;
/* What a model is written in: cell NAME[sizes](inputs; states), def NAME[sizes](inputs) -> outputs, model NAME(inputs) ->
 * outputs, train NAME as ALIAS(inputs). */
typedef enum { FN_CELL, FN_DEF, FN_MODEL, FN_TRAIN } FnKind;
struct FnDecl {
	FnKind kind;
	const Source *src;
	const char *name, *alias;
	size_t start, end; /* of the name */
	int n_sizes, n_inputs, n_states, n_outputs;
	const Node *const *sizes, *const *inputs, *const *states, *const *outputs; /* N_VAR */
	const Node *body;
};
typedef struct {
	int n_ops, n_examples, n_items;
	const OpDecl *ops;
	const ExampleDecl *examples;
	const Node *const *items; /* all others, in order: N_DECL N_PARAM N_SHARE N_CONST N_USE */
} Unit;

/* A file of operators, examples, models.  Everything comes into cx's arena; fails by fail_at(), with a message for each
 * item that does not parse. */
Unit parse_unit(Ctx *, const Source *);
/* Expressions with ';' between, NULL where empty.  Returns their number. */
int parse_exprs(Ctx *, const Source *, const Node ***exprs);

/* ------------------------------------------------------------------------------------------------ library.c */

enum { MAX_RESULTS = 8, MAX_ARGS = 64 };
typedef struct {
	int n_ops, n_examples, n_fns;
	const OpDecl *ops; /* in order of name */
	const ExampleDecl *examples;
	const FnDecl *const *fns; /* the cells that models have without `use` */
} Library;
Library library_new(Ctx *, int n_sources, const Source *); /* refuses two operators of one name */
const Library *library_builtin(Ctx *);
const OpDecl *library_find(const Library *, const char *name); /* NULL when absent */
/* lib_call on any library. */
int library_call(Ctx *, const Library *, const OpDecl *, int n_args, const Val *const *args, int n_attrs,
	const LibAttr *attrs, int max_results, const Val **results);

/* An example as IR: the results on its operands, and what they should be, as f64; room for MAX_RESULTS. */
int elab_example(Ctx *, const Library *, const ExampleDecl *, const Val **got, const Val **expected);

/* ------------------------------------------------------------------------------------------------ value.c */

/* What an expression is worth while it is elaborated.  Only a tensor exists at run time.  The last three are of models: an
 * axis by its name, a cell or def, and what an error left behind. */
typedef enum { V_NONE, V_NUM, V_DIM, V_STR, V_LIST, V_FN, V_TENSOR, V_AXIS, V_CLOSURE, V_ERROR } ValueKind;
typedef struct Value Value;
typedef struct Binding Binding;
typedef struct Axis Axis;
typedef struct Axes Axes;
typedef struct Closure Closure;
typedef struct ModelElab ModelElab;
struct Value {
	ValueKind kind;
	double num;      /* V_NUM; truth is 0 or 1 */
	const Dim *dim;  /* V_DIM: a size that is not a number, such as T + 1 */
	const char *str; /* V_STR; V_FN: an operator, primitive or function */
	const Val *val;  /* V_TENSOR */
	const Axes *lay; /* V_TENSOR of a model: what its dims are (model.h) */
	const Value
		*last; /* V_TENSOR of a model: its last element along the first axis, where that is known; else NULL */
	const Axis *axis;   /* V_AXIS */
	const Closure *fn;  /* V_CLOSURE */
	const Dim *classes; /* V_TENSOR of integers declared `in K`: K, or NULL */
	int n;              /* V_LIST: items; V_FN: attributes bound in advance */
	const Value *items; /* V_LIST */
	const Binding *bound;
};
struct Binding {
	const char *name;
	Value value;
};

/* The call of an operator being elaborated: its names. */
typedef struct Frame Frame;
struct Frame {
	const OpDecl *op; /* NULL for bare expressions */
	const FnDecl *fn; /* a cell or def of a model; else NULL */
	Span called;      /* where; src NULL: from outside */
	Frame *up;
	Frame *outer; /* where names are looked up that are not here: models only */
	int n, cap;
	Binding *vars;
};
typedef struct {
	Ctx *cx;
	const Library *lib;
	Frame *frame;
	Span at;          /* what is being elaborated, for messages */
	int depth, calls; /* of expressions, of operators */
	int64_t steps;    /* nodes elaborated: bounds the work that a text can ask for */
	bool typed;       /* elem says what numbers and lists become where nothing else does */
	Elem elem;
	ModelElab *model; /* what is elaborated is a model's; NULL: an operator */
} Elab;

Value value_num(double);
Value value_tensor(const Val *);
Value value_str(const char *);
Value value_dim(Ctx *, const Dim *); /* a V_NUM where it is one */
Value value_list(Ctx *, int n, const Value *items);
bool value_known(const Value *);                 /* at compile time */
const char *value_str_of(Elab *, const Value *); /* for messages */
bool value_true(Elab *, const Value *);
int64_t value_int(Elab *, const Value *, const char *what);
const Dim *value_as_dim(Elab *, const Value *, const char *what);
int value_as_dims(Elab *, const Value *, const char *what, const Dim ***dims); /* a list of sizes, or one */
int value_as_ints(Elab *, const Value *, const char *what, int64_t **ints);    /* a list of integers, or one */
int value_axis(Elab *, const Value *, int rank);
int value_axes(Elab *, const Value *, int rank, int **axes); /* of an integer, a list, or V_NONE: all of them */
Elem value_elem(Elab *, const Value *, const char *what);    /* of "f32", or of a tensor: its own */
const Val *value_as_tensor(Elab *, const Value *, const char *what);
const Val *value_as_elem(Elab *, const Value *, Elem); /* numbers and sizes adopt it, a tensor stays */
/* Element-wise primitives on values: folded when all are known, numbers adopt the tensors' element type otherwise. */
Value value_ew(Elab *, Op, int n, const Value *args);
Value value_binary(Elab *, int op, const Value *, const Value *);
Value value_select(Elab *, const Value *cond, const Value *, const Value *);

/* ------------------------------------------------------------------------------------------------ builtins.c */

/* The functions that are neither primitives of the element-wise table nor operators of the library. */
bool builtin_has(const char *name);
Value builtin_call(Elab *, const char *name, int n_args, const Value *args, const char *const *names);

/* ------------------------------------------------------------------------------------------------ index.c */

Value elab_index(Elab *, const Node *, Value x); /* x[...] */

/* ------------------------------------------------------------------------------------------------ elaborate.c */

Elab *elab_new(Ctx *, const Library *);
/* Runs fn(e, user) and gives errors their place in the text. */
void elab_guard(Elab *, void (*fn)(Elab *, void *user), void *user);
Value elab_expr(Elab *, const Node *);                              /* e->at.src is its source */
void elab_bind(Elab *, const char *name, Value);                    /* in the frame at hand */
const Value *elab_lookup(const Frame *, const char *name, bool fn); /* NULL: none; fn: among the functions */
bool elab_is_function(const Elab *, const char *name);
/* Runs fn and takes back what it left undone where it fails: then its message, without the place in the graph. */
const char *elab_attempt(Elab *, void (*fn)(Elab *, void *user), void *user);
/* One statement; true when it gave the results.  `last`: its value is the result. */
bool elab_statement(Elab *, const Node *, bool last, int *n_results, Value *results);
bool elab_block(Elab *, const Node *, bool last, int *n_results, Value *results);
/* Calls an operator: its results, at most MAX_RESULTS. */
int elab_op(Elab *, const OpDecl *, int n_args, const Value *args, const char *const *names, Value *results);

#endif
