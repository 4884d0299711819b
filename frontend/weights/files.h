/* files.h: parameters' values from files: which tensors there are, which parameter is made of which. */
#ifndef FRONTEND_WEIGHTS_FILES_H
#define FRONTEND_WEIGHTS_FILES_H

#include "frontend/lang/rnn.h"
#include "runtime/tensor_file.h"

/* ------------------------------------------------------------------------------------------------ source.c */

/* The tensors of a .npz or .safetensors file, or the initialisers of an ONNX model, by name. */
typedef struct {
	const char *path;
	int n;
	const NamedTensor *tensors;
} WeightFile;
bool weight_file_known(const char *path); /* by its ending */
WeightFile weight_file_read(Ctx *, const char *path);
const Tensor *weight_find(const WeightFile *, const char *name); /* NULL when absent */
const char *shape_text(Ctx *, int rank, const int64_t *dims);    /* "[4, 3]" */

/* ------------------------------------------------------------------------------------------------ map.c */

/* Which tensors make which parameter: a sum of terms, each a tensor that is cut and turned step by step. */
typedef enum { TERM_ROW, TERM_PART, TERM_COLUMNS, TERM_TRANSPOSE, TERM_GATES } WeightStepKind;
typedef struct {
	WeightStepKind kind;
	int64_t k, n;          /* row k; part k of n; columns k .. n - 1 */
	const char *from, *to; /* the order of the gates along the first axis; letters of `to` may be fewer */
} WeightStep;
enum { MAX_TERM_STEPS = 4, MAX_TERMS = 4 };
typedef struct {
	const char *tensor;
	int n_steps;
	WeightStep steps[MAX_TERM_STEPS];
} WeightTerm;
typedef enum { RULE_TERMS, RULE_ZEROS, RULE_RANDOM } RuleKind;
typedef struct {
	const char *param; /* of RULE_ZEROS and RULE_RANDOM a pattern: "dec.*" */
	RuleKind kind;
	int n_terms;
	WeightTerm terms[MAX_TERMS];
	const char *at; /* "file:line", or which layout says so */
} WeightRule;
typedef struct {
	int n, cap;
	WeightRule *rules;
	int n_ignored, cap_ignored;
	const char **ignored; /* patterns of tensors that nothing takes */
} WeightMap;
/* A map as text, a line each:
 *     PARAM = TENSOR {row K | part K of N | columns A to B | transpose | gates FROM->TO} {+ TENSOR ...}
 *     PARAM = random      PARAM = zeros      ignore TENSOR                  (here * ? [ ] stand for others)
 * Names with spaces, #, = or + are put in "quotes". */
void weight_map_parse(Ctx *, WeightMap *, const char *path, const char *text);
WeightRule *weight_map_add(Ctx *, WeightMap *);
const WeightRule *weight_map_find(const WeightMap *, const char *param); /* NULL: no line is about it */
bool weight_map_uses(const WeightMap *, const char *tensor);             /* or ignores it */
const char *weight_rule_text(Ctx *, const WeightRule *);                 /* what stands behind the = */

/* ------------------------------------------------------------------------------------------------ layout.c */

typedef enum { LAYOUT_RNNCC, LAYOUT_PYTORCH, LAYOUT_KERAS } WeightLayout;
/* Adds to the map what it does not say: the layers of the file that the parameters are, by the names and orders that the
 * framework gives them.  Fails where that is not beyond doubt.  LAYOUT_RNNCC: names are equal, there is nothing to add. */
void weight_layout(Ctx *, WeightMap *, WeightLayout, int n_params, const Param *, const WeightFile *);

/* ------------------------------------------------------------------------------------------------ assign.c */

/* The values of all parameters, NULL for random ones.  Fails listing every parameter without, and every tensor too many, and
 * whatever has another shape. */
const Tensor **weights_assign(Ctx *, int n_params, const Param *, const WeightFile *, const WeightMap *);
/* ------------------------------------------------------------------------------------------------ provide.c */

typedef struct {                /* zeroed: no file, all parameters are random */
	const char *file, *map; /* map: may be NULL */
	WeightLayout layout;
} WeightChoice;
bool weight_layout_parse(const char *text, WeightLayout *); /* rnncc, pytorch, keras */
/* rnn_load with these weights; from: for each parameter the tensors, or initialisers, that it is made of, as text. */
const RnnModel *weights_load_rnn(Ctx *, const char *path, const char *text, size_t size, const RnnOptions *,
	const WeightChoice *, const char *const **from);

#endif
