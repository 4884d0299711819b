/* test_onnx_ml.c: trees, labels and n-grams where the official cases do not look.
 *
 * Expected numbers are those of ONNX Runtime 1.32, but where it leaves the standard: LabelEncoder takes the last of equal keys,
 * and post_transform 1 of TreeEnsemble is SOFTMAX (by hand).
 */
#include <criterion/criterion.h>

#include <math.h>

#include "onnx_run.h"
#include "onnx_writer.h"

static void put_attr_floats(Ctx *cx, Buf *n, const char *name, int count, const float *v)
{
	Buf a = attribute(cx, name, 6);
	for (int i = 0; i < count; i++) put_float(&a, 7, v[i]);
	put_message(n, 5, a);
}

static void put_attr_array(Ctx *cx, Buf *n, const char *name, int type, int64_t count, const void *data, size_t size)
{
	put_attr_message(cx, n, name, false, tensor(cx, name, type, 1, &count, data, (size_t)count * size));
}

#define INTS(...) \
	(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { __VA_ARGS__ }
#define FLOATS(...) \
	(int)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)), (float[]) { __VA_ARGS__ }

/* A graph of that one node, from X to Y; NULL when it is refused. */
static const Graph *import_one(Ctx *cx, Buf n, const char *domain, int version, int type, const char *shape)
{
	if (*domain) put_str(&n, 7, domain);
	Buf g = message(cx), m = message(cx);
	put_message(&g, 1, n);
	put_input(cx, &g, "X", type, shape);
	put_output(cx, &g, "Y");
	put_int(&m, 1, 10);
	put_message(&m, 7, g);
	put_message(&m, 8, opset(cx, "", 21));
	if (*domain) put_message(&m, 8, opset(cx, domain, version));
	return import_model(cx, m, NULL, NULL);
}

static const Tensor *run(Ctx *cx, const Graph *g, const Tensor *x) { return run_model(cx, g, &x)[0]; }

static void expect(const Tensor *y, int n, const double *wanted)
{
	cr_assert_eq(y->count, n);
	for (int i = 0; i < n; i++) {
		const double seen = tensor_get(y, i);
		cr_expect((isnan(seen) && isnan(wanted[i])) || fabs(seen - wanted[i]) <= 1e-6 * fabs(wanted[i]),
			"[%d] is %.9g, not %.9g", i, seen, wanted[i]);
	}
}

/* Two trees over two features; a NaN goes the way that the first node says. */
static Buf trees(Ctx *cx, int64_t aggregate, int64_t transform)
{
	Buf n = node(cx, "TreeEnsemble", "X", "Y");
	put_attr_int(cx, &n, "n_targets", 2);
	put_attr_int(cx, &n, "aggregate_function", aggregate);
	put_attr_int(cx, &n, "post_transform", transform);
	put_attr_ints(cx, &n, "tree_roots", INTS(0, 2));
	put_attr_ints(cx, &n, "nodes_featureids", INTS(0, 1, 1, 0));
	put_attr_array(cx, &n, "nodes_modes", 2, 4, (const uint8_t[]){0, 3, 2, 1}, 1);
	put_attr_array(cx, &n, "nodes_splits", FLOAT, 4, (const float[]){1, 0, 0, 2}, sizeof(float));
	put_attr_ints(cx, &n, "nodes_truenodeids", INTS(1, 0, 2, 3));
	put_attr_ints(cx, &n, "nodes_trueleafs", INTS(0, 1, 1, 1));
	put_attr_ints(cx, &n, "nodes_falsenodeids", INTS(1, 2, 3, 4));
	put_attr_ints(cx, &n, "nodes_falseleafs", INTS(1, 1, 0, 1));
	put_attr_ints(cx, &n, "nodes_missing_value_tracks_true", INTS(1, 0, 0, 0));
	put_attr_ints(cx, &n, "leaf_targetids", INTS(0, 1, 0, 1, 1));
	put_attr_array(cx, &n, "leaf_weights", FLOAT, 5, (const float[]){1, 2, 4, 8, -16}, sizeof(float));
	return n;
}

static const Tensor *rows(Ctx *cx)
{
	static const double values[] = {0.5, 2, 1, -1, 3, 0, NAN, 5};
	Tensor *x = tensor_new(cx->arena, F32, 2, (const int64_t[]){4, 2});
	for (int i = 0; i < 8; i++) tensor_set(x, i, values[i]);
	return x;
}

Test(onnx_ml, trees_add_up_in_every_way)
{
	static const double wanted[4][8] = {{2.5, 0, 2, 4, 2, 1, 2.5, 0}, {5, 0, 4, 8, 4, 2, 5, 0},
		{1, 0, 4, 8, 4, 2, 1, 0}, {4, 0, 4, 8, 4, 2, 4, 0}};
	Ctx *cx = ctx_new();
	for (int aggregate = 0; aggregate < 4; aggregate++)
		expect(run(cx, import_one(cx, trees(cx, aggregate, 0), "ai.onnx.ml", 5, FLOAT, "N 2"), rows(cx)), 8,
			wanted[aggregate]);
	const double a = 1 / (1 + exp(-5)), b = 1 / (1 + exp(-4)), c = 1 / (1 + exp(-2));
	const double softmax[] = {a, 1 - a, 1 - b, b, c, 1 - c, a, 1 - a};
	expect(run(cx, import_one(cx, trees(cx, 1, 1), "ai.onnx.ml", 5, FLOAT, "4 2"), rows(cx)), 8, softmax);
	ctx_free(cx);
}

Test(onnx_ml, hostile_trees)
{
	Ctx *cx = ctx_new();
	Buf n = node(cx, "TreeEnsemble", "X", "Y");
	put_attr_ints(cx, &n, "tree_roots", INTS(0));
	put_attr_ints(cx, &n, "nodes_featureids", INTS(0));
	put_attr_array(cx, &n, "nodes_modes", 2, 1, (const uint8_t[]){0}, 1);
	put_attr_array(cx, &n, "nodes_splits", FLOAT, 1, (const float[]){1}, sizeof(float));
	put_attr_ints(cx, &n, "nodes_truenodeids", INTS(0));
	put_attr_ints(cx, &n, "nodes_trueleafs", INTS(0));
	put_attr_ints(cx, &n, "nodes_falsenodeids", INTS(0));
	put_attr_ints(cx, &n, "nodes_falseleafs", INTS(1));
	put_attr_ints(cx, &n, "leaf_targetids", INTS(0));
	put_attr_array(cx, &n, "leaf_weights", FLOAT, 1, (const float[]){1}, sizeof(float));
	cr_expect(!import_one(cx, n, "ai.onnx.ml", 5, FLOAT, "4 2") && strstr(cx->error, "lead back to themselves"),
		"%s", cx->error);
	ctx_free(cx);
}

Test(onnx_ml, labels_of_floats)
{
	Ctx *cx = ctx_new();
	Buf n = node(cx, "LabelEncoder", "X", "Y");
	put_attr_floats(cx, &n, "keys_floats", FLOATS(1, NAN, 2, 1));
	put_attr_ints(cx, &n, "values_int64s", INTS(10, 20, 30, 40));
	put_attr_int(cx, &n, "default_int64", -7);
	expect(run(cx, import_one(cx, n, "ai.onnx.ml", 4, FLOAT, "N 2"), rows(cx)), 8,
		(const double[]){-7, 30, 40, -7, -7, -7, 20, -7});
	ctx_free(cx);
}

Test(onnx_ml, weighted_ngrams)
{
	static const struct {
		const char *mode;
		double wanted[8];
	} modes[] = {{"TF", {2, 2, 2, 2, 1, 2, 0, 2}}, {"IDF", {2, 3, 4, 0.5, 2, 3, 0, 0.5}},
		{"TFIDF", {4, 6, 8, 1, 2, 6, 0, 1}}};
	Ctx *cx = ctx_new();
	for (int m = 0; m < 3; m++)
		for (int open = 0; open < 2; open++) {
			Buf n = node(cx, "TfIdfVectorizer", "X", "Y");
			put_attr_str(cx, &n, "mode", modes[m].mode);
			put_attr_int(cx, &n, "min_gram_length", 1);
			put_attr_int(cx, &n, "max_gram_length", 2);
			put_attr_int(cx, &n, "max_skip_count", 1);
			put_attr_ints(cx, &n, "ngram_counts", INTS(0, 2));
			put_attr_ints(cx, &n, "pool_int64s", INTS(5, 6, 5, 6, 6, 5));
			put_attr_ints(cx, &n, "ngram_indexes", INTS(3, 0, 1, 2));
			put_attr_floats(cx, &n, "weights", FLOATS(0.5F, 2, 3, 4));
			Tensor *x = tensor_new(cx->arena, I64, 2, (const int64_t[]){2, 4});
			for (int i = 0; i < 8; i++) tensor_set_int(x, i, (const int64_t[]){5, 6, 6, 5, 1, 5, 5, 6}[i]);
			expect(run(cx, import_one(cx, n, "", 21, INT64, open ? "N C" : "2 4"), x), 8, modes[m].wanted);
		}
	ctx_free(cx);
}
