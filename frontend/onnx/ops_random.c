/* ops_random.c: random numbers, and Dropout.
 *
 * The numbers are those of a counter-based generator, as text in frontend/ops/random.rnn: a seed is its key, and without one
 * the node's place in the model is the stream, so that every node has numbers of its own.  In a loop's body each step has
 * streams of its own.  Generated code keeps no hidden state, so each call gives the same ones.
 */
#include "frontend/lang/lang.h"
#include "frontend/onnx/compose.h"
#include "frontend/onnx/onnx_tensor.h"

#include <string.h>

enum { N_STREAM = 4, MAX_ATTRS = 8 };

const char onnx_random_note[] = "the model draws random numbers: the same ones in every call";

static void note_once(Ctx *cx)
{
	for (int i = 0; i < cx->n_notes; i++)
		if (!strcmp(cx->notes[i], onnx_random_note)) return;
	note(cx, "%s", onnx_random_note);
}

/* key0 key1 stream0 stream1 */
static int stream_attrs(const Node *n, bool seeded, uint64_t seed, LibAttr *attrs)
{
	static const char *const names[N_STREAM] = {"key0", "key1", "stream0", "stream1"};
	const uint64_t place = seeded ? 0 : hash_bytes(n->core->scope->place, n->cx->loc, strlen(n->cx->loc));
	const uint64_t words[N_STREAM] = {seed & UINT32_MAX, seed >> 32, place & UINT32_MAX, place >> 32};
	note_once(n->cx);
	for (int i = 0; i < N_STREAM; i++) attrs[i] = (LibAttr){.name = names[i], .num = (double)words[i]};
	return N_STREAM;
}

/* A seed that is a float: its bits. */
static int float_stream(const Node *n, LibAttr *attrs)
{
	const float seed = (float)node_float(n, "seed", 0);
	uint32_t bits;
	memcpy(&bits, &seed, sizeof bits);
	return stream_attrs(n, node_has(n, "seed"), bits, attrs);
}

/* The number of each element, in row-major order. */
static const Val *counter(Ctx *cx, int rank, Dims dims)
{
	const Dim *count = dim_product(cx, rank, dims);
	return b_reshape(cx, b_iota(cx, I64, 1, &count, 0), rank, dims);
}

static LibAttr type_attr(const Node *n, Elem default_elem)
{
	const int64_t type = node_int(n, "dtype", onnx_data_type(default_elem));
	const Elem elem = type < 0 || type > INT32_MAX ? STR : onnx_elem(n->cx, (int32_t)type, "attribute dtype");
	if (elem_is_storage(elem)) node_fail(n, "attribute dtype: %lld is not supported", (long long)type);
	return (LibAttr){.name = "type", .kind = LIB_STR, .str = elem_info[elem].name};
}

/* The attributes of the distribution that are there. */
static int numbers(const Node *n, int n_attrs, LibAttr *attrs)
{
	static const char *const names[] = {"low", "high", "mean", "scale"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (node_has(n, names[i]))
			attrs[n_attrs++] = (LibAttr){.name = names[i], .num = node_float(n, names[i], 0)};
	return n_attrs;
}

static void import_random(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	LibAttr attrs[MAX_ATTRS];
	int n_attrs = float_stream(n, attrs), rank;
	const Dim **dims;
	Elem elem = F32;
	if (n->n_in) {
		const Type *like = node_in(n, 0, "input")->type;
		rank = like->rank;
		dims = dims_with_room(cx, like, 0);
		elem = like->elem;
	} else {
		const int64_t *shape;
		rank = node_rank(n, node_ints(n, "shape", &shape));
		dims = NEWN(cx->arena, const Dim *, rank);
		for (int i = 0; i < rank; i++) {
			if (shape[i] < 0) node_fail(n, "attribute shape: dim %d is %lld", i, (long long)shape[i]);
			dims[i] = dim_int(cx, shape[i]);
		}
	}
	attrs[n_attrs++] = type_attr(n, elem);
	if (!elem_parse(attrs[n_attrs - 1].str, &elem) || !elem_is_float(elem))
		node_fail(n, "random numbers of type %s are not supported", elem_info[elem].name);
	n_attrs = numbers(n, n_attrs, attrs);
	const Val *args[] = {counter(cx, rank, dims), node_run(n)};
	lib_call(cx, strncmp(n->op, "RandomNormal", 12) == 0 ? "random_normal" : "random_uniform", 2, args, n_attrs,
		attrs, 1, out);
}

static void import_bernoulli(Node *n, const Val **out)
{
	LibAttr attrs[MAX_ATTRS];
	int n_attrs = float_stream(n, attrs);
	const Val *p = node_in(n, 0, "input");
	attrs[n_attrs++] = type_attr(n, p->type->elem);
	const Val *args[] = {p, counter(n->cx, p->type->rank, p->type->dims), node_run(n)};
	lib_call(n->cx, "bernoulli", 3, args, n_attrs, attrs, 1, out);
}

static void import_multinomial(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	LibAttr attrs[MAX_ATTRS];
	int n_attrs = float_stream(n, attrs);
	const Val *x = node_in(n, 0, "input");
	const int64_t samples = node_int(n, "sample_size", 1);
	if (x->type->rank != 2 || samples < 0)
		node_fail(n, "%lld samples of %s: [batch, classes] wanted", (long long)samples, type_str(cx, x->type));
	attrs[n_attrs++] = type_attr(n, I32);
	const Val *i = counter(cx, 2, (const Dim *[]){x->type->dims[0], dim_int(cx, samples)});
	lib_call(cx, "multinomial", 3, (const Val *[]){x, i, node_run(n)}, n_attrs, attrs, 1, out);
}

/* ---------------------------------------------------------------------------------------------------- Dropout */

/* y = x, and a mask that keeps everything. */
static void keep_all(Node *n, const Val *x, Elem mask, const Val **out)
{
	out[0] = x;
	if (n->n_out > 1) out[1] = b_fill(n->cx, b_scalar_int(n->cx, BOOL, 1), x->type->rank, x->type->dims);
	if (n->n_out > 1) out[1] = b_cast(n->cx, out[1], mask);
}

/* From opset 12 on an input says whether to drop; before, the attribute is_test, and then it was gone: only inference. */
static void import_dropout(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data"), *training = node_opt(n, 2), *ratio = node_opt(n, 1);
	const Elem mask = n->opset < 10 ? x->type->elem : BOOL;
	LibAttr attrs[MAX_ATTRS];
	if (n->opset < 7 && !node_int(n, "is_test", 0)) {
		training = b_scalar_int(cx, BOOL, 1);
		ratio = b_scalar(cx, F32, node_float(n, "ratio", 0.5));
	}
	const Tensor *known = training ? known_tensor(cx, training) : NULL,
		     *known_ratio = ratio ? known_tensor(cx, ratio) : NULL;
	if (!training || (known && known->count == 1 && !tensor_get_int(known, 0)) ||
		(known_ratio && known_ratio->count == 1 && tensor_get(known_ratio, 0) == 0)) {
		keep_all(n, x, mask, out);
		return;
	}
	if (elem_is_storage(x->type->elem)) node_fail(n, "input data: %s is not supported", type_str(cx, x->type));
	const int n_attrs = stream_attrs(n, node_has(n, "seed"), (uint64_t)node_int(n, "seed", 0), attrs);
	const Val *results[2], *i = counter(cx, x->type->rank, x->type->dims);
	if (!ratio) ratio = b_scalar(cx, F32, 0.5);
	lib_call(cx, "dropout_at", 5, (const Val *[]){x, ratio, training, i, node_run(n)}, n_attrs, attrs, 2, results);
	out[0] = results[0];
	if (n->n_out > 1) out[1] = b_cast(cx, results[1], mask);
}

const Importer onnx_ops_random[] = {
	{"", "RandomUniform", 1, 0, "dtype high low seed shape", 0, 0, 1, import_random},
	{"", "RandomUniformLike", 1, 0, "dtype high low seed", 1, 1, 1, import_random},
	{"", "RandomNormal", 1, 0, "dtype mean scale seed shape", 0, 0, 1, import_random},
	{"", "RandomNormalLike", 1, 0, "dtype mean scale seed", 1, 1, 1, import_random},
	{"", "Bernoulli", 15, 0, "dtype seed", 1, 1, 1, import_bernoulli},
	{"", "Multinomial", 7, 0, "dtype sample_size seed", 1, 1, 1, import_multinomial},
	{"", "Dropout", 1, 5, "consumed_inputs is_test ratio", 1, 1, 2, import_dropout},
	{"", "Dropout", 6, 6, "is_test ratio", 1, 1, 2, import_dropout},
	{"", "Dropout", 7, 11, "ratio", 1, 1, 2, import_dropout},
	{"", "Dropout", 12, 0, "seed", 1, 3, 2, import_dropout},
	{.op = NULL},
};
