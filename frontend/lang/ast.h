/* ast.h: what the files of frontend/lang share: sources, tokens, the syntax tree, values of elaboration, the library.
 *
 * Text -> lexer.c -> parser.c -> tree -> elaborate.c (statements, operators, names), value.c (arithmetic), builtins.c
 * (functions) -> IR.  library.c owns the embedded texts.  A tree knows no Ctx but that of its arena, so the library's is
 * parsed once a process and read by every thread.
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
/* "name:line:column" of a span. */
const char *span_str(Ctx *, Span);

/* ------------------------------------------------------------------------------------------------ parser.c */

typedef enum {
	/* expressions; kids in brackets */
	N_NUM,
	N_STR,
	N_NAME,     /* text; "h'" with its prime */
	N_LIST,     /* [items] */
	N_UNARY,    /* [a]: op is an Op */
	N_BINARY,   /* [a b]: op is an Op or a LangOp */
	N_AND,      /* [a b], decided at compile time where a is known then */
	N_OR,       /* [a b] */
	N_COND,     /* [then cond else] */
	N_CALL,     /* [arguments], text is the function, names[i] the name of `name = value` or NULL */
	N_INDEX,    /* [x indices...] */
	N_RANGE,    /* [start stop step], NULL where left out */
	N_ELLIPSIS, /* x[..., i] */
	/* statements */
	N_ASSIGN, /* names[n_names] = [values] */
	N_IF,     /* [cond then else], else may be NULL */
	N_UNROLL, /* [list body], text is the variable */
	N_YIELD,  /* [values] */
	N_BLOCK   /* [statements] */
} NodeKind;
enum LangOp { LANG_FLOORDIV = N_OPS, LANG_MATMUL, LANG_IN, LANG_NOT_IN };

typedef struct Node Node;
struct Node {
	NodeKind kind;
	size_t start, end; /* of its source */
	int op;
	double num;
	const char *text;
	int n;
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
typedef struct {
	int n_ops, n_examples;
	const OpDecl *ops;
	const ExampleDecl *examples;
} Unit;

/* A file of operators and examples.  Everything comes into cx's arena; fails by fail_at(). */
Unit parse_unit(Ctx *, const Source *);
/* Expressions with ';' between, NULL where empty.  Returns their number. */
int parse_exprs(Ctx *, const Source *, const Node ***exprs);

/* ------------------------------------------------------------------------------------------------ library.c */

enum { MAX_RESULTS = 8, MAX_ARGS = 64 };
typedef struct {
	int n_ops, n_examples;
	const OpDecl *ops; /* in order of name */
	const ExampleDecl *examples;
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

/* What an expression is worth while it is elaborated.  Only a tensor exists at run time. */
typedef enum { V_NONE, V_NUM, V_DIM, V_STR, V_LIST, V_FN, V_TENSOR } ValueKind;
typedef struct Value Value;
typedef struct Binding Binding;
struct Value {
	ValueKind kind;
	double num;         /* V_NUM; truth is 0 or 1 */
	const Dim *dim;     /* V_DIM: a size that is not a number, such as T + 1 */
	const char *str;    /* V_STR; V_FN: an operator, primitive or function */
	const Val *val;     /* V_TENSOR */
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
	Span called;      /* where; src NULL: from outside */
	Frame *up;
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
Value elab_expr(Elab *, const Node *); /* e->at.src is its source */
/* Calls an operator: its results, at most MAX_RESULTS. */
int elab_op(Elab *, const OpDecl *, int n_args, const Value *args, const char *const *names, Value *results);

#endif
