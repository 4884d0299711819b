/* lang.h: the expression language of rnncc, as the operator library and the gradient texts use it.
 *
 * The library (frontend/ops/NAME.rnn, embedded at build time) holds operators and cells as text:
 *
 *     # gelu(x) = x/2 (1 + erf(x/sqrt 2)).  Hendrycks & Gimpel 2016.
 *     op gelu(x) onnx Gelu 20 (approximate = "none") { x * 0.5 * (1 + erf(x * 0.7071067811865475)) }
 *     example gelu([0, 1, -1]) ~ [0, 0.8413447, -0.1586553]
 *
 * Elaborating one on operands builds IR at once: there are no types to write, shapes are those of the operands.
 */
#ifndef FRONTEND_LANG_LANG_H
#define FRONTEND_LANG_LANG_H

#include "ir/ir.h"

/* A compile-time argument of an operator, by name. */
typedef enum { LIB_NUM, LIB_STR, LIB_INTS, LIB_FN } LibKind;
typedef struct LibAttr LibAttr;
struct LibAttr {
	const char *name;
	LibKind kind;
	double num;
	const char *str;      /* LIB_STR; LIB_FN: the name of a library operator or primitive of one operand ... */
	const int64_t *ints;  /* LIB_INTS */
	int n;                /* LIB_INTS; LIB_FN: number of bound attributes */
	const LibAttr *bound; /* LIB_FN: ... with these attributes (alpha, beta) bound */
};
bool lib_has(Ctx *, const char *op);
/* Elaborates operator or cell `op` on args (NULL: omitted) and returns the number of results.  The values come wrapped as
 * `call @op` when wrap is set, so that dumps and comments speak the model's language. */
int lib_call(Ctx *, const char *op, int n_args, const Val *const *args, int n_attrs, const LibAttr *attrs,
	int max_results, const Val **results);
/* An operator of the library that stands for an ONNX operator of that opset; NULL when there is none. */
const char *lib_find_onnx(Ctx *, const char *domain, const char *onnx_op, int opset);
/* All that stand for one: returns how many. */
typedef struct {
	const char *domain, *op; /* ONNX's */
	int since, until;        /* opsets; until 0: all later ones */
	const char *name;        /* the library's */
} LibOnnx;
int lib_onnx(Ctx *, const LibOnnx **);
/* Its attributes, as "name name ...", and arity, for the importer's checks. */
void lib_signature(Ctx *, const char *op, const char **attr_names, int *min_args, int *max_args, int *n_results);
/* Evaluates an expression text over named values (gradient texts): results separated by ';', NULL where empty. */
int lang_exprs(Ctx *, const char *text, int n_names, const char *const *names, const Val *const *vals, int max_results,
	const Val **results);
/* The derivative of an element-wise primitive, by its text in ir/prim.def: grads[i] of operand i, where wanted, from the
 * result's gradient g.  A number stands for all elements, NULL for none.  False: the primitive has no text. */
bool lang_gradient(Ctx *, const Val *v, const Val *g, const bool *wanted, const Val **grads);
/* format.c: a text in its canonical layout.  Fails where it does not parse. */
const char *lang_format(Ctx *, const char *name, const char *text, size_t size);

#endif
