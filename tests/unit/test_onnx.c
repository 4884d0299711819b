/* test_onnx.c: the ONNX reader against hostile files, and the importer's core on small models made here.
 *
 * Expected numbers are worked out by hand in the comments.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/onnx/import.h"
#include "frontend/onnx/onnx_tensor.h"
#include "frontend/onnx/prescan.h"
#include "onnx.pb-c.h"
#include "onnx_run.h"
#include "onnx_writer.h"

/* ------------------------------------------------------------------------------------------------ helpers */

static void expect_error(Ctx *cx, Buf m, const char *dir, const char *wanted)
{
	cx->error = NULL;
	const Graph *g = import_model(cx, m, dir, NULL);
	cr_expect_null(g, "accepted, but \"%s\" was wanted", wanted);
	if (!g) cr_expect(strstr(cx->error, wanted), "wanted: %s\nseen: %s", wanted, cx->error);
}

static const Tensor *floats(Ctx *cx, int rank, const int64_t *dims, const double *values)
{
	Tensor *t = tensor_new(cx->arena, F32, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, values[i]);
	return t;
}

static const Tensor *ints(Ctx *cx, Elem elem, int rank, const int64_t *dims, const int64_t *values)
{
	Tensor *t = tensor_new(cx->arena, elem, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set_int(t, i, values[i]);
	return t;
}

/* Runs result `i` of g by the interpreter and compares it. */
static void expect_result(Ctx *cx, const Graph *g, const Tensor *const *inputs, int i, int count, const double *wanted)
{
	const Tensor *y = run_model(cx, g, inputs)[i];
	cr_assert_eq(y->count, count, "result %d has %d elements", i, (int)y->count);
	for (int k = 0; k < count; k++)
		cr_expect(fabs(tensor_get(y, k) - wanted[k]) <= 1e-5, "result %d [%d] is %g, not %g", i, k,
			tensor_get(y, k), wanted[k]);
}

static const Graph *must_import(Ctx *cx, Buf m, const OnnxImportOptions *options)
{
	const Graph *g = import_model(cx, m, NULL, options);
	cr_assert(g, "%s", cx->error);
	return g;
}

static bool has_op(const Graph *g, Op op)
{
	Arena *arena = arena_new();
	Order order = graph_order(arena, g);
	bool found = false;
	for (int i = 0; i < order.n; i++) found |= order.vals[i]->op == op;
	arena_free(arena);
	return found;
}

/* y = x + w: an input, an initialiser, a node. */
static Buf add_graph(Ctx *cx, Buf w)
{
	Buf g = message(cx);
	put_message(&g, 1, node(cx, "Add", "x w", "y"));
	put_message(&g, 5, w);
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	return g;
}

static Buf add_model(Ctx *cx)
{
	return model(cx, add_graph(cx, tensor(cx, "w", FLOAT, 1, (int64_t[]){2}, (float[]){1, 2}, 8)), 14);
}

/* ------------------------------------------------------------------------------------------------ hostile files */

/* Subgraphs in subgraphs in 54 KB, written from the innermost outwards. */
Test(onnx_hostile, deep_nesting)
{
	static const unsigned fields[] = {6, 5, 1}; /* attribute.g, node.attribute, graph.node */
	Ctx *cx = ctx_new();
	enum { SIZE = 54000 + 16 };
	char *bytes = NEWN(cx->arena, char, SIZE), *at = bytes + SIZE;
	for (int level = 0; at - bytes > 8 || level % 3; level++) { /* the outermost is a graph's node */
		Buf prefix = message(cx);
		put_varint(&prefix, fields[level % 3] << 3 | 2);
		put_varint(&prefix, (uint64_t)(bytes + SIZE - at));
		at -= prefix.size;
		memcpy(at, prefix.text, prefix.size);
	}
	Buf m = message(cx);
	put_bytes(&m, 7, at, (size_t)(bytes + SIZE - at));
	size_t before = arena_size(cx->arena);
	expect_error(cx, m, NULL, "nested too deeply");
	cr_expect_lt(arena_size(cx->arena) - before, 1 << 20);
	ctx_free(cx);
}

Test(onnx_hostile, ten_megabytes_of_empty_nodes)
{
	Ctx *cx = ctx_new();
	size_t n = 10 << 20;
	char *nodes = NEWN(cx->arena, char, n);
	for (size_t i = 0; i < n; i += 2) nodes[i] = 1 << 3 | 2; /* graph.node, length 0 */
	Buf m = message(cx);
	put_bytes(&m, 7, nodes, n);
	size_t before = arena_size(cx->arena);
	expect_error(cx, m, NULL, "too many parts");
	cr_expect_lt(arena_size(cx->arena) - before, 1 << 20, "the reader took memory before it refused");
	ctx_free(cx);
}

/* A byte on the wire may become an int64. */
Test(onnx_hostile, packed_varints_that_grow)
{
	Ctx *cx = ctx_new();
	enum { N = 1 << 20 };
	Buf t = message(cx);
	put_bytes(&t, 7, NEWN(cx->arena, char, N), N);
	PrescanLimits limits = {.max_depth = 10, .max_members = 10, .max_bytes = 9 * N};
	cr_expect_null(prescan(&onnx__tensor_proto__descriptor, t.text, t.size, &limits));
	limits.max_bytes = 7 * N;
	cr_expect_str_eq(prescan(&onnx__tensor_proto__descriptor, t.text, t.size, &limits), "needs too much memory");
	ctx_free(cx);
}

Test(onnx_hostile, truncated_anywhere)
{
	Ctx *cx = ctx_new();
	Buf whole = add_model(cx);
	int accepted = 0;
	for (size_t n = 0; n < whole.size; n++) {
		/* a copy of that size, so that a read past its end is seen */
		char *cut = malloc(n ? n : 1);
		memcpy(cut, whole.text, n);
		cx->error = NULL;
		const Graph *g = import_model(cx, (Buf){.text = cut, .size = n}, NULL, NULL);
		accepted += g != NULL;
		cr_expect(g || cx->error);
		free(cut);
	}
	cr_expect_eq(accepted, 0, "%d prefixes accepted", accepted);
	ctx_free(cx);
}

Test(onnx_hostile, any_flipped_bit)
{
	Ctx *sizes = ctx_new();
	Buf whole = add_model(sizes);
	for (size_t bit = 0; bit < whole.size * 8; bit++) {
		Ctx *cx = ctx_new();
		char *flipped = malloc(whole.size);
		memcpy(flipped, whole.text, whole.size);
		flipped[bit / 8] = (char)(flipped[bit / 8] ^ 1 << bit % 8);
		const Graph *g = import_model(cx, (Buf){.text = flipped, .size = whole.size}, NULL, NULL);
		cr_expect(g || cx->error);
		free(flipped);
		ctx_free(cx);
	}
	ctx_free(sizes);
}

Test(onnx_hostile, versions)
{
	Ctx *cx = ctx_new();
	Buf w = tensor(cx, "w", FLOAT, 1, (int64_t[]){2}, (float[]){1, 2}, 8), m = message(cx);
	expect_error(
		cx, model(cx, add_graph(cx, w), 29), NULL, "opset 29 of domain ai.onnx is not known; the newest is 28");
	expect_error(cx, model(cx, add_graph(cx, w), 0), NULL, "opset 0");
	put_int(&m, 1, 15);
	put_message(&m, 7, add_graph(cx, w));
	expect_error(cx, m, NULL, "IR version 15 is not known; the newest is 14");
	expect_error(cx, message(cx), NULL, "there is no graph");
	m = message(cx);
	put_int(&m, 1, 8);
	put_message(&m, 7, add_graph(cx, w));
	expect_error(cx, m, NULL, "no version is imported for the operator's domain \"\"");
	ctx_free(cx);
}

Test(onnx_hostile, names)
{
	Ctx *cx = ctx_new();
	struct {
		const char *nodes[3][3];
		const char *output, *error;
	} cases[] = {
		{{{"Tanh", "z", "y"}}, "y", "node \"y\" (Tanh, opset 14): nothing computes its input \"z\""},
		{{{"Tanh", "y", "y"}}, "y", "its input is its own output: \"y\""},
		{{{"Tanh", "b", "a"}, {"Tanh", "a", "b"}}, "a",
			"node \"a\" (Tanh, opset 14): its input is computed by a later node (the nodes are unsorted, or in a cycle): \"b\""},
		{{{"Tanh", "x", "y"}, {"Tanh", "x", "y"}}, "y", "defines a name that is already defined: \"y\""},
		{{{"Tanh", "x", "x"}}, "x", "defines a name that is already defined: \"x\""},
		{{{"Tanh", "x", "y"}}, "q", "nothing computes output \"q\""},
		{{{"Tanh", "x", "y\n\"\033"}}, "q\001", "nothing computes output \"q\\x01\""},
		{{{"", "x", "y"}}, "y", "the node names no operator"},
		{{{"NoSuchOp", "x", "y"}}, "y", "node \"y\" (NoSuchOp, opset 14): operator not supported"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf g = message(cx);
		for (int k = 0; k < 3 && cases[i].nodes[k][0]; k++)
			put_message(&g, 1, node(cx, cases[i].nodes[k][0], cases[i].nodes[k][1], cases[i].nodes[k][2]));
		put_input(cx, &g, "x", FLOAT, "2");
		put_output(cx, &g, cases[i].output);
		expect_error(cx, model(cx, g, 14), NULL, cases[i].error);
	}
	ctx_free(cx);
}

Test(onnx_hostile, types_of_inputs)
{
	Ctx *cx = ctx_new();
	static const struct {
		int type;
		const char *error;
	} cases[] = {{STRING, "input \"x\": element type STRING is not supported"},
		{FLOAT6, "element type FLOAT6E2M3 is not supported"}, {0, "element type UNDEFINED"},
		{99, "unknown element type 99"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf g = message(cx);
		put_message(&g, 1, node(cx, "Tanh", "x", "y"));
		put_input(cx, &g, "x", cases[i].type, "2");
		put_output(cx, &g, "y");
		expect_error(cx, model(cx, g, 14), NULL, cases[i].error);
	}
	Buf g = message(cx), info = message(cx), type = message(cx), sequence = message(cx);
	put_message(&type, 4, sequence);
	put_str(&info, 1, "x");
	put_message(&info, 2, type);
	put_message(&g, 11, info);
	put_message(&g, 1, node(cx, "Identity", "x", "y"));
	put_output(cx, &g, "y");
	expect_error(cx, model(cx, g, 14), NULL, "input \"x\": sequences are not supported");
	ctx_free(cx);
}

Test(onnx_hostile, tensors)
{
	Ctx *cx = ctx_new();
	float data[2] = {1, 2};
	struct {
		int type, rank;
		int64_t dims[3];
		size_t size;
		const char *error;
	} cases[] = {
		{FLOAT, 1, {3}, 8, "tensor \"w\": 3 elements of f32 are 12 bytes, but there are 8"},
		{FLOAT, 1, {-2}, 8, "dim 0 is negative: -2"},
		{FLOAT, 2, {INT64_MAX, 3}, 8, "too many elements"},
		{FLOAT, 3, {INT64_MAX, INT64_MAX, 2}, 8, "too many elements"},
		{FLOAT6, 1, {2}, 2, "element type FLOAT6E2M3 is not supported"},
		{77, 1, {2}, 2, "unknown element type 77"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf t = tensor(cx, "w", cases[i].type, cases[i].rank, cases[i].dims, data, cases[i].size);
		expect_error(cx, model(cx, add_graph(cx, t), 14), NULL, cases[i].error);
	}
	Buf twice = tensor(cx, "w", FLOAT, 1, (int64_t[]){2}, data, 8);
	put_float(&twice, 4, 1);
	expect_error(cx, model(cx, add_graph(cx, twice), 14), NULL, "has its data twice");
	Buf none = message(cx);
	put_int(&none, 1, 2);
	put_int(&none, 2, FLOAT);
	put_str(&none, 8, "w");
	expect_error(cx, model(cx, add_graph(cx, none), 14), NULL, "2 elements wanted, but there are 0");
	Buf range = message(cx);
	put_int(&range, 1, 1);
	put_int(&range, 2, 3); /* INT8 */
	put_int(&range, 5, 128);
	put_str(&range, 8, "w");
	expect_error(cx, model(cx, add_graph(cx, range), 14), NULL, "value 128 is out of range for i8");
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ external data */

static Buf external(Ctx *cx, const char *location, const char *offset, const char *length)
{
	Buf t = message(cx);
	put_int(&t, 1, 2);
	put_int(&t, 2, FLOAT);
	put_str(&t, 8, "w");
	put_int(&t, 14, 1);
	const char *const pairs[][2] = {{"location", location}, {"offset", offset}, {"length", length}};
	for (int i = 0; i < 3; i++) {
		if (!pairs[i][1]) continue;
		Buf pair = message(cx);
		put_str(&pair, 1, pairs[i][0]);
		put_str(&pair, 2, pairs[i][1]);
		put_message(&t, 13, pair);
	}
	return model(cx, add_graph(cx, t), 14);
}

static void write_file(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");
	cr_assert(f, "%s", path);
	cr_assert_eq(fwrite(data, 1, n, f), n);
	fclose(f);
}

Test(onnx_external, stays_in_its_directory)
{
	char root[] = "/tmp/rnncc-external-XXXXXX";
	cr_assert(mkdtemp(root));
	Ctx *cx = ctx_new();
	const char *dir = arena_printf(cx->arena, "%s/model", root),
		   *secret = arena_printf(cx->arena, "%s/secret", root);
	mkdir(dir, 0700);
	mkdir(arena_printf(cx->arena, "%s/sub", dir), 0700);
	float data[4] = {0, 0, 10, 20};
	write_file(arena_printf(cx->arena, "%s/sub/w.bin", dir), data, sizeof data);
	write_file(secret, data, sizeof data);
	cr_assert_eq(symlink(secret, arena_printf(cx->arena, "%s/out", dir)), 0);
	cr_assert_eq(symlink("..", arena_printf(cx->arena, "%s/up", dir)), 0);
	cr_assert_eq(symlink("sub/w.bin", arena_printf(cx->arena, "%s/inside", dir)), 0);
	cr_assert_eq(mkfifo(arena_printf(cx->arena, "%s/fifo", dir), 0600), 0);

	struct {
		const char *location, *offset, *length, *error; /* NULL: accepted */
	} cases[] = {
		{"sub/w.bin", "8", "8", NULL},
		{"sub/w.bin", "8", NULL, NULL},
		{"inside", "8", "8", NULL},
		{secret, NULL, "8", "a relative path without \"..\" wanted"},
		{"../secret", "8", "8", "a relative path without \"..\" wanted"},
		{"sub/../../secret", "8", "8", "a relative path without \"..\" wanted"},
		{"", "8", "8", "a relative path without \"..\" wanted"},
		{"out", "8", "8", "leads out of the model's directory"},
		{"up/secret", "8", "8", "leads out of the model's directory"},
		{"missing", "8", "8", "external data \"missing\": No such file or directory"},
		{"sub", "0", "8", "not a regular file"},
		{"fifo", "0", "8", "not a regular file"},
		{"sub/w.bin", "12", "8", "offset 12 and length 8 are outside of its 16 bytes"},
		{"sub/w.bin", "17", NULL, "outside of its 16 bytes"},
		{"sub/w.bin", "0", "9223372036854775807", "outside of its 16 bytes"},
		{"sub/w.bin", "-8", "8", "offset of its external data is no byte count: \"-8\""},
		{"sub/w.bin", "0", "8x", "length of its external data is no byte count: \"8x\""},
		{"sub/w.bin", "0", "16", "2 elements of f32 are 8 bytes, but there are 16"},
		{NULL, "0", "16", "its external data has no location"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf m = external(cx, cases[i].location, cases[i].offset, cases[i].length);
		if (cases[i].error) {
			expect_error(cx, m, dir, cases[i].error);
			continue;
		}
		const Graph *g = import_model(cx, m, dir, NULL);
		cr_assert(g, "%s: %s", cases[i].location, cx->error);
		const Tensor *x = floats(cx, 1, (int64_t[]){2}, (double[]){1, 2});
		expect_result(cx, g, &x, 0, 2, (double[]){11, 22});
	}
	expect_error(cx, external(cx, "sub/w.bin", "8", "8"), NULL, "a model that is not read from a file has none");
	cr_expect_eq(system(arena_printf(cx->arena, "rm -r %s", root)), 0);
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ tensor files */

Test(onnx_tensor, every_field)
{
	Ctx *cx = ctx_new();
	/* type, field, how it is written: -1.5 and 3 as the type has them */
	struct {
		int type;
		unsigned field;
		char how; /* v varint, f float, d double */
		int64_t bits[2];
		double wanted[2];
	} cases[] = {
		{FLOAT, 4, 'f', {0}, {-1.5, 3}},
		{11, 10, 'd', {0}, {-1.5, 3}},
		{INT32, 5, 'v', {-7, 3}, {-7, 3}},
		{3, 5, 'v', {-128, 127}, {-128, 127}},
		{2, 5, 'v', {0, 255}, {0, 255}},
		{5, 5, 'v', {-32768, 3}, {-32768, 3}},
		{4, 5, 'v', {65535, 3}, {65535, 3}},
		{BOOLEAN, 5, 'v', {5, 0}, {1, 0}},
		{10, 5, 'v', {0xbe00, 0x4200}, {-1.5, 3}},
		{16, 5, 'v', {0xbfc0, 0x4040}, {-1.5, 3}},
		{INT64, 7, 'v', {-(1LL << 40), 3}, {-1099511627776.0, 3}},
		{12, 11, 'v', {4294967295, 3}, {4294967295.0, 3}},
		{13, 11, 'v', {1LL << 40, 3}, {1099511627776.0, 3}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf t = message(cx);
		put_int(&t, 1, 2);
		put_int(&t, 2, cases[i].type);
		for (int k = 0; k < 2; k++) {
			double wide = cases[i].wanted[k];
			if (cases[i].how == 'v') put_int(&t, cases[i].field, cases[i].bits[k]);
			if (cases[i].how == 'f') put_float(&t, cases[i].field, (float)wide);
			if (cases[i].how != 'd') continue;
			put_varint(&t, cases[i].field << 3 | 1);
			buf_write(&t, &wide, sizeof wide);
		}
		const Tensor *volatile read = NULL;
		TRY (cx) { read = onnx_tensor_parse(cx, t.text, t.size); }
		cr_assert(read, "type %d: %s", cases[i].type, cx->error);
		cr_assert_eq(read->count, 2);
		for (int k = 0; k < 2; k++)
			cr_expect_eq(tensor_get(read, k), cases[i].wanted[k], "type %d [%d]: %g", cases[i].type, k,
				tensor_get(read, k));
	}
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ importing */

Test(onnx_import, initialiser_and_input)
{
	Ctx *cx = ctx_new();
	const Graph *g = must_import(cx, add_model(cx), NULL);
	cr_assert_eq(g->n_params, 1);
	cr_expect_str_eq(g->param_names[0], "x");
	cr_expect_str_eq(g->result_names[0], "y");
	const Tensor *x = floats(cx, 1, (int64_t[]){2}, (double[]){10, 20});
	expect_result(cx, g, &x, 0, 2, (double[]){11, 22});
	ctx_free(cx);
}

Test(onnx_import, initialiser_is_the_default_of_an_input)
{
	Ctx *cx = ctx_new();
	Buf g = add_graph(cx, tensor(cx, "w", FLOAT, 1, (int64_t[]){2}, (float[]){1, 2}, 8));
	put_input(cx, &g, "w", FLOAT, "2");
	cr_expect_eq(must_import(cx, model(cx, g, 14), NULL)->n_params, 1);
	ctx_free(cx);
}

Test(onnx_import, bind)
{
	Ctx *cx = ctx_new();
	const Tensor *value = floats(cx, 1, (int64_t[]){2}, (double[]){5, 6});
	const char *name = "x";
	OnnxImportOptions options = {.n_binds = 1, .bind_names = &name, .bind_values = &value};
	const Graph *g = must_import(cx, add_model(cx), &options);
	cr_expect_eq(g->n_params, 0);
	expect_result(cx, g, NULL, 0, 2, (double[]){6, 8});
	value = floats(cx, 1, (int64_t[]){3}, (double[]){5, 6, 7});
	cr_expect_null(import_model(cx, add_model(cx), NULL, &options));
	cr_expect_str_eq(cx->error, "--bind x: f32[2] wanted, f32[3] seen");
	name = "nobody";
	cr_expect_null(import_model(cx, add_model(cx), NULL, &options));
	cr_expect_str_eq(cx->error, "--bind nobody: the model has no input of that name");
	ctx_free(cx);
}

Test(onnx_import, bind_decides_symbols)
{
	Ctx *cx = ctx_new();
	const Tensor *value = floats(cx, 1, (int64_t[]){3}, (double[]){5, 6, 7});
	const char *name = "x";
	OnnxImportOptions options = {.n_binds = 1, .bind_names = &name, .bind_values = &value};
	Buf g = message(cx);
	put_message(&g, 1, node(cx, "Add", "x z", "y"));
	put_input(cx, &g, "x", FLOAT, "N");
	put_input(cx, &g, "z", FLOAT, "N");
	put_output(cx, &g, "y");
	const Graph *bound = must_import(cx, model(cx, g, 14), &options);
	cr_assert_eq(bound->n_params, 1);
	cr_expect_str_eq(type_str(cx, bound->params[0]->type), "f32[3]");
	ctx_free(cx);
}

Test(onnx_import, sparse_constant)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "Constant", "", "y"), sparse = message(cx),
	    a = attribute(cx, "sparse_value", 11);
	put_message(&sparse, 1, tensor(cx, "v", FLOAT, 1, (int64_t[]){2}, (float[]){7, 8}, 8));
	put_message(&sparse, 2, tensor(cx, "i", INT64, 2, (int64_t[]){2, 2}, (int64_t[]){0, 1, 1, 0}, 32));
	put_int(&sparse, 3, 2);
	put_int(&sparse, 3, 2);
	put_message(&a, 22, sparse);
	put_message(&n, 5, a);
	put_message(&g, 1, n);
	put_output(cx, &g, "y");
	expect_result(cx, must_import(cx, model(cx, g, 14), NULL), NULL, 0, 4, (double[]){0, 7, 8, 0});
	ctx_free(cx);
}

/* --dim: a symbol that has its value already is no symbol. */
Test(onnx_import, dims_known_beforehand)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx);
	put_message(&g, 1, node(cx, "Tanh", "x", "y"));
	put_input(cx, &g, "x", FLOAT, "T ?");
	put_output(cx, &g, "y");
	sym_bound(cx, "T", 7, 7);
	sym_bound(cx, "x_dim1", 1, 9);
	cr_expect_str_eq(type_str(cx, must_import(cx, model(cx, g, 14), NULL)->params[0]->type), "f32[7, x_dim1]");
	ctx_free(cx);
}

/* Tensors that the inputs will have decide open dims, and single truth values the branches. */
Test(onnx_import, shapes_of_given_tensors)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "If", "c", "y");
	Buf then = message(cx), other = message(cx);
	put_message(&then, 1, node(cx, "Tanh", "x", "a"));
	put_output(cx, &then, "a");
	put_message(&other, 1, node(cx, "Identity", "x", "b"));
	put_output(cx, &other, "b");
	put_attr_message(cx, &n, "then_branch", true, then);
	put_attr_message(cx, &n, "else_branch", true, other);
	put_message(&g, 1, n);
	put_input(cx, &g, "c", BOOLEAN, "");
	put_input(cx, &g, "x", FLOAT, "T ? 2");
	put_output(cx, &g, "y");
	const Tensor *given[] = {
		ints(cx, BOOL, 0, NULL, (int64_t[]){0}), floats(cx, 3, (int64_t[]){1, 2, 2}, (double[]){1, 2, 3, 4})};
	const OnnxValue likes[] = {{ONNX_TENSOR, 1, &given[0]}, {ONNX_TENSOR, 1, &given[1]}};
	OnnxImportOptions options = {.n_likes = 2, .likes = likes};
	cr_expect_eq(must_import(cx, model(cx, g, 14), &options)->n_params, 2);
	options.bind_scalars = true;
	const Graph *bound = must_import(cx, model(cx, g, 14), &options);
	cr_assert_eq(bound->n_params, 1);
	cr_expect_str_eq(type_str(cx, bound->params[0]->type), "f32[1, 2, 2]");
	expect_result(cx, bound, &given[1], 0, 4, (double[]){1, 2, 3, 4});
	ctx_free(cx);
}

Test(onnx_import, symbols)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx);
	put_message(&g, 1, node(cx, "Tanh", "x", "y"));
	put_input(cx, &g, "x", FLOAT, "T ? batch/2 3");
	put_output(cx, &g, "y");
	const Type *t = must_import(cx, model(cx, g, 14), NULL)->params[0]->type;
	cr_expect_str_eq(type_str(cx, t), "f32[T, x_dim1, batch_2, 3]");
	ctx_free(cx);
}

Test(onnx_import, attributes_and_versions_are_refused_by_name)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "Tanh", "x", "y");
	put_attr_int(cx, &n, "shiny", 1);
	put_message(&g, 1, n);
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	expect_error(cx, model(cx, g, 14), NULL, "node \"y\" (Tanh, opset 14): attribute \"shiny\" is not supported");

	g = message(cx);
	put_message(&g, 1, node(cx, "SequenceConstruct", "x", "y"));
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	expect_error(cx, model(cx, g, 10), NULL,
		"(SequenceConstruct, opset 10): this version of the operator is not supported");

	g = message(cx);
	n = node(cx, "Constant", "", "y");
	put_attr_float(cx, &n, "value_int", 1);
	put_message(&g, 1, n);
	put_output(cx, &g, "y");
	expect_error(cx, model(cx, g, 14), NULL, "attribute value_int: INT wanted, FLOAT seen");
	ctx_free(cx);
}

/* A branch or body of one node. */
static Buf small_body(Ctx *cx, const char *op, const char *inputs, const char *output)
{
	Buf b = message(cx);
	put_message(&b, 1, node(cx, op, inputs, output));
	put_output(cx, &b, output);
	return b;
}

/* y = c ? x + w : x * x */
static Buf if_model(Ctx *cx)
{
	Buf g = message(cx), n = node(cx, "If", "c", "y");
	put_attr_message(cx, &n, "then_branch", true, small_body(cx, "Add", "x w", "a"));
	put_attr_message(cx, &n, "else_branch", true, small_body(cx, "Mul", "x x", "m"));
	put_message(&g, 1, n);
	put_input(cx, &g, "c", BOOLEAN, "");
	put_input(cx, &g, "x", FLOAT, "2");
	put_input(cx, &g, "w", FLOAT, "2");
	put_output(cx, &g, "y");
	return model(cx, g, 14);
}

/* A branch that is a scalar and one that is a vector of one element: both are taken as the vector, and that is told. */
Test(onnx_import, if_of_two_ranks)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "If", "c", "y");
	put_attr_message(cx, &n, "then_branch", true, small_body(cx, "Neg", "s", "a"));
	put_attr_message(cx, &n, "else_branch", true, small_body(cx, "Neg", "v", "b"));
	put_message(&g, 1, n);
	put_input(cx, &g, "c", BOOLEAN, "");
	put_input(cx, &g, "s", FLOAT, "");
	put_input(cx, &g, "v", FLOAT, "1");
	put_output(cx, &g, "y");
	const Graph *m = must_import(cx, model(cx, g, 14), NULL);
	cr_expect_str_eq(type_str(cx, m->results[0]->type), "f32[1]");
	cr_expect(cx->n_notes && strstr(cx->notes[0], "f32[] or f32[1], taken as the latter"));
	const Tensor *in[3] = {ints(cx, BOOL, 0, NULL, (int64_t[]){1}), floats(cx, 0, NULL, (double[]){3}),
		floats(cx, 1, (int64_t[]){1}, (double[]){4})};
	expect_result(cx, m, in, 0, 1, (double[]){-3});
	in[0] = ints(cx, BOOL, 0, NULL, (int64_t[]){0});
	expect_result(cx, m, in, 0, 1, (double[]){-4});
	ctx_free(cx);
}

Test(onnx_import, if_captures_and_folds)
{
	Ctx *cx = ctx_new();
	const Graph *g = must_import(cx, if_model(cx), NULL);
	cr_expect(has_op(g, OP_cond));
	const Tensor *in[3] = {NULL, floats(cx, 1, (int64_t[]){2}, (double[]){3, 4}),
		floats(cx, 1, (int64_t[]){2}, (double[]){10, 20})};
	in[0] = ints(cx, BOOL, 0, NULL, (int64_t[]){1});
	expect_result(cx, g, in, 0, 2, (double[]){13, 24});
	in[0] = ints(cx, BOOL, 0, NULL, (int64_t[]){0});
	expect_result(cx, g, in, 0, 2, (double[]){9, 16});
	const char *name = "c";
	OnnxImportOptions options = {.n_binds = 1, .bind_names = &name, .bind_values = &in[0]};
	g = must_import(cx, if_model(cx), &options);
	cr_expect_not(has_op(g, OP_cond));
	expect_result(cx, g, in + 1, 0, 2, (double[]){9, 16});
	ctx_free(cx);
}

/* A loop that adds x to the state and gives state * i each step; the condition is state < bound, or stays. */
static Buf loop_model_of(Ctx *cx, const char *loop_inputs, bool bounded, const char *i_shape)
{
	Buf body = message(cx), g = message(cx), n = node(cx, "Loop", loop_inputs, "total steps"),
	    cast = node(cx, "Cast", "i", "f");
	put_attr_int(cx, &cast, "to", FLOAT);
	put_message(&body, 1, node(cx, "Add", "s x", "s2"));
	put_message(&body, 1, bounded ? node(cx, "Less", "s2 bound", "c2") : node(cx, "Identity", "c", "c2"));
	put_message(&body, 1, cast);
	put_message(&body, 1, node(cx, "Mul", "s2 f", "y"));
	put_input(cx, &body, "i", INT64, i_shape);
	put_input(cx, &body, "c", BOOLEAN, i_shape);
	put_input(cx, &body, "s", FLOAT, "");
	put_output(cx, &body, "c2");
	put_output(cx, &body, "s2");
	put_output(cx, &body, "y");
	put_attr_message(cx, &n, "body", true, body);
	put_message(&g, 1, n);
	put_message(&g, 5, tensor(cx, "five", INT64, 0, NULL, (int64_t[]){5}, 8));
	put_message(&g, 5, tensor(cx, "bound", FLOAT, 0, NULL, (float[]){6}, 4));
	put_input(cx, &g, "s0", FLOAT, "");
	put_input(cx, &g, "x", FLOAT, "");
	put_input(cx, &g, "m", INT64, "");
	put_output(cx, &g, "total");
	put_output(cx, &g, "steps");
	return model(cx, g, 14);
}

static Buf loop_model(Ctx *cx, const char *loop_inputs, bool bounded)
{
	return loop_model_of(cx, loop_inputs, bounded, "");
}

Test(onnx_import, loop_of_known_length_is_a_scan)
{
	Ctx *cx = ctx_new();
	const Graph *g = must_import(cx, loop_model(cx, "five - s0", false), NULL);
	cr_expect(has_op(g, OP_scan) && !has_op(g, OP_loop));
	const Tensor *in[] = {floats(cx, 0, NULL, (double[]){1}), floats(cx, 0, NULL, (double[]){2}),
		ints(cx, I64, 0, NULL, (int64_t[]){9})};
	/* s: 3 5 7 9 11 */
	expect_result(cx, g, in, 0, 1, (double[]){11});
	expect_result(cx, g, in, 1, 5, (double[]){0, 5, 14, 27, 44});
	/* a body may want its iteration number and condition as [1] */
	g = must_import(cx, loop_model_of(cx, "five - s0", false, "1"), NULL);
	cr_expect_str_eq(type_str(cx, g->results[1]->type), "f32[5, 1]");
	expect_result(cx, g, in, 1, 5, (double[]){0, 5, 14, 27, 44});
	ctx_free(cx);
}

Test(onnx_import, loop_that_decides_its_length)
{
	Ctx *cx = ctx_new();
	const Graph *g = must_import(cx, loop_model(cx, "m - s0", true), NULL);
	cr_expect(has_op(g, OP_loop));
	const Tensor *in[] = {floats(cx, 0, NULL, (double[]){1}), floats(cx, 0, NULL, (double[]){2}),
		ints(cx, I64, 0, NULL, (int64_t[]){9})};
	/* s: 3 5 7, and 7 < 6 is false */
	expect_result(cx, g, in, 0, 1, (double[]){7});
	expect_result(cx, g, in, 1, 3, (double[]){0, 5, 14});
	in[2] = ints(cx, I64, 0, NULL, (int64_t[]){2});
	expect_result(cx, g, in, 1, 2, (double[]){0, 5});
	in[2] = ints(cx, I64, 0, NULL, (int64_t[]){-2});
	expect_result(cx, g, in, 0, 1, (double[]){1});
	expect_result(cx, g, in, 1, 0, NULL);
	expect_error(cx, loop_model(cx, "- - s0", false), NULL, "the loop never ends");
	ctx_free(cx);
}

/* Scan: state' = state + x, y = state'. */
static Buf scan_node(Ctx *cx, const char *inputs)
{
	Buf body = message(cx), n = node(cx, "Scan", inputs, "last all");
	put_message(&body, 1, node(cx, "Add", "s x", "s2"));
	put_message(&body, 1, node(cx, "Identity", "s2", "y"));
	put_input(cx, &body, "s", FLOAT, "1");
	put_input(cx, &body, "x", FLOAT, "1");
	put_output(cx, &body, "s2");
	put_output(cx, &body, "y");
	put_attr_int(cx, &n, "num_scan_inputs", 1);
	put_attr_message(cx, &n, "body", true, body);
	return n;
}

static Buf scan_model(Ctx *cx, Buf n, int version, const char *s_shape, const char *x_shape)
{
	Buf g = message(cx);
	put_message(&g, 1, n);
	put_input(cx, &g, "s0", FLOAT, s_shape);
	put_input(cx, &g, "xs", FLOAT, x_shape);
	if (version == 8) put_input(cx, &g, "lens", INT64, "B");
	put_output(cx, &g, "last");
	put_output(cx, &g, "all");
	return model(cx, g, version);
}

Test(onnx_import, scan_axes_and_directions)
{
	Ctx *cx = ctx_new();
	const Tensor *in[] = {
		floats(cx, 1, (int64_t[]){1}, (double[]){100}), floats(cx, 2, (int64_t[]){1, 3}, (double[]){1, 2, 4})};
	/* xs[1, 3], read along axis 1; sums forwards 101 103 107, backwards 104 106 107 */
	static const double wanted[2][2][3] = {{{101, 103, 107}, {107, 103, 101}}, {{104, 106, 107}, {107, 106, 104}}};
	for (int x_dir = 0; x_dir < 2; x_dir++)
		for (int y_dir = 0; y_dir < 2; y_dir++) {
			Buf n = scan_node(cx, "s0 xs");
			put_attr_ints(cx, &n, "scan_input_axes", 1, (int64_t[]){-1});
			put_attr_ints(cx, &n, "scan_output_axes", 1, (int64_t[]){1});
			put_attr_ints(cx, &n, "scan_input_directions", 1, (int64_t[]){x_dir});
			put_attr_ints(cx, &n, "scan_output_directions", 1, (int64_t[]){y_dir});
			const Graph *g = must_import(cx, scan_model(cx, n, 11, "1", "1 T"), NULL);
			cr_expect_str_eq(type_str(cx, g->results[1]->type), "f32[1, T]");
			expect_result(cx, g, in, 0, 1, (double[]){107});
			expect_result(cx, g, in, 1, 3, wanted[x_dir][y_dir]);
		}
	ctx_free(cx);
}

Test(onnx_import, scan_8_has_a_batch_and_lengths)
{
	Ctx *cx = ctx_new();
	const Tensor *in[] = {floats(cx, 2, (int64_t[]){2, 1}, (double[]){100, 200}),
		floats(cx, 3, (int64_t[]){2, 3, 1}, (double[]){1, 2, 4, 10, 20, 40}),
		ints(cx, I64, 1, (int64_t[]){2}, (int64_t[]){3, 2})};
	const Graph *g = must_import(cx, scan_model(cx, scan_node(cx, "lens s0 xs"), 8, "B 1", "B T 1"), NULL);
	expect_result(cx, g, in, 0, 2, (double[]){107, 230});
	expect_result(cx, g, in, 1, 6, (double[]){101, 103, 107, 210, 230, 0});
	Buf n = scan_node(cx, "lens s0 xs");
	put_attr_ints(cx, &n, "directions", 1, (int64_t[]){1});
	g = must_import(cx, scan_model(cx, n, 8, "B 1", "B T 1"), NULL);
	expect_result(cx, g, in, 0, 2, (double[]){107, 230});
	expect_result(cx, g, in, 1, 6, (double[]){104, 106, 107, 220, 230, 0});
	ctx_free(cx);
}

/* A loop that collects a sequence, as exporters write `outputs.append(h)`. */
Test(onnx_import, sequence_from_a_loop_is_stacked)
{
	Ctx *cx = ctx_new();
	Buf body = message(cx), g = message(cx), n = node(cx, "Loop", "five - empty s0", "seq last"),
	    join = node(cx, "ConcatFromSequence", "seq", "y");
	put_message(&body, 1, node(cx, "Add", "s x", "s2"));
	put_message(&body, 1, node(cx, "SequenceInsert", "q s2", "q2"));
	put_message(&body, 1, node(cx, "Identity", "c", "c2"));
	put_input(cx, &body, "i", INT64, "");
	put_input(cx, &body, "c", BOOLEAN, "");
	put_input(cx, &body, "q", FLOAT, "");
	put_input(cx, &body, "s", FLOAT, "2");
	put_output(cx, &body, "c2");
	put_output(cx, &body, "q2");
	put_output(cx, &body, "s2");
	put_attr_message(cx, &n, "body", true, body);
	put_attr_int(cx, &join, "axis", -1);
	put_attr_int(cx, &join, "new_axis", 1);
	put_message(&g, 1, node(cx, "SequenceEmpty", "", "empty"));
	put_message(&g, 1, n);
	put_message(&g, 1, join);
	put_message(&g, 5, tensor(cx, "five", INT64, 0, NULL, (int64_t[]){3}, 8));
	put_input(cx, &g, "s0", FLOAT, "2");
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	const Graph *graph = must_import(cx, model(cx, g, 14), NULL);
	const Tensor *in[] = {
		floats(cx, 1, (int64_t[]){2}, (double[]){0, 10}), floats(cx, 1, (int64_t[]){2}, (double[]){1, 2})};
	/* steps [1 12] [2 14] [3 16], stacked as the last axis */
	expect_result(cx, graph, in, 0, 6, (double[]){1, 2, 3, 12, 14, 16});
	ctx_free(cx);
}

/* A loop that grows a tensor by a concat, as exporters write `out = cat([out, h])`; it may not be read inside. */
static Buf growing_model(Ctx *cx, const char *limit, bool reads)
{
	Buf body = message(cx), g = message(cx),
	    n = node(cx, "Loop", arena_printf(cx->arena, "%s - out0 s0", limit), "out last");
	Buf concat = node(cx, "Concat", "out s2", "out2");
	put_attr_int(cx, &concat, "axis", 1);
	put_message(&body, 1, node(cx, "Add", "s x", "s2"));
	put_message(&body, 1, concat);
	put_message(&body, 1, node(cx, "Identity", "c", "c2"));
	if (reads) put_message(&body, 1, node(cx, "Tanh", "out", "t"));
	put_input(cx, &body, "i", INT64, "");
	put_input(cx, &body, "c", BOOLEAN, "");
	put_input(cx, &body, "out", FLOAT, "2 ?");
	put_input(cx, &body, "s", FLOAT, "2 1");
	put_output(cx, &body, "c2");
	put_output(cx, &body, "out2");
	put_output(cx, &body, "s2");
	if (reads) put_output(cx, &body, "t");
	put_attr_message(cx, &n, "body", true, body);
	put_message(&g, 1, n);
	put_message(&g, 5, tensor(cx, "three", INT64, 0, NULL, (int64_t[]){3}, 8));
	put_message(&g, 5, tensor(cx, "out0", FLOAT, 2, (int64_t[]){2, 1}, (float[]){-1, -2}, 8));
	put_input(cx, &g, "s0", FLOAT, "2 1");
	put_input(cx, &g, "x", FLOAT, "2 1");
	put_input(cx, &g, "m", INT64, "");
	put_output(cx, &g, "out");
	put_output(cx, &g, "last");
	return model(cx, g, 14);
}

Test(onnx_import, tensor_that_grows_in_a_loop_is_stacked)
{
	Ctx *cx = ctx_new();
	const Tensor *in[] = {floats(cx, 2, (int64_t[]){2, 1}, (double[]){0, 10}),
		floats(cx, 2, (int64_t[]){2, 1}, (double[]){1, 2}), ints(cx, I64, 0, NULL, (int64_t[]){2})};
	const Graph *g = must_import(cx, growing_model(cx, "three", false), NULL);
	cr_expect(has_op(g, OP_scan));
	cr_expect_str_eq(type_str(cx, g->results[0]->type), "f32[2, 4]");
	expect_result(cx, g, in, 0, 8, (double[]){-1, 1, 2, 3, -2, 12, 14, 16});
	expect_result(cx, g, in, 1, 2, (double[]){3, 16});
	g = must_import(cx, growing_model(cx, "m", false), NULL);
	cr_expect(has_op(g, OP_loop));
	expect_result(cx, g, in, 0, 6, (double[]){-1, 1, 2, -2, 12, 14});
	expect_error(cx, growing_model(cx, "three", true), NULL,
		"state \"out2\": a body that reads what it appends to is not supported");
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ functions */

/* f(a, b?; k = 1): leaky(a) with alpha = k; g calls f. */
static Buf function_model(Ctx *cx, bool recursive, bool give_k)
{
	Buf f = message(cx), leaky = node(cx, "LeakyRelu", "a", "r"), k = attribute(cx, "k", 1);
	put_attr_ref(cx, &leaky, "alpha", 1, "k");
	put_float(&k, 2, 0.5F);
	put_str(&f, 1, "f");
	put_words(&f, 4, "a b");
	put_words(&f, 5, "r");
	put_message(&f, 11, k);
	put_message(&f, 7, leaky);
	put_message(&f, 9, opset(cx, "", 14));
	put_message(&f, 9, opset(cx, "mine", 1));
	put_str(&f, 10, "mine");

	Buf h = message(cx), call = node(cx, recursive ? "h" : "f", "a", "inner");
	put_str(&call, 7, "mine");
	if (give_k) put_attr_ref(cx, &call, "k", 1, "slope");
	put_str(&h, 1, "h");
	put_words(&h, 4, "a");
	put_words(&h, 5, "inner");
	put_words(&h, 6, "slope");
	put_message(&h, 7, call);
	put_message(&h, 9, opset(cx, "mine", 1));
	put_str(&h, 10, "mine");

	Buf g = message(cx), top = node(cx, "h", "x", "y");
	put_str(&top, 7, "mine");
	put_attr_float(cx, &top, "slope", 0.25F);
	put_message(&g, 1, top);
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	Buf m = model(cx, g, 14);
	put_message(&m, 8, opset(cx, "mine", 1));
	put_message(&m, 25, f);
	put_message(&m, 25, h);
	return m;
}

Test(onnx_import, functions_and_their_attributes)
{
	Ctx *cx = ctx_new();
	const Tensor *x = floats(cx, 1, (int64_t[]){2}, (double[]){-4, 4});
	expect_result(cx, must_import(cx, function_model(cx, false, true), NULL), &x, 0, 2, (double[]){-1, 4});
	expect_result(cx, must_import(cx, function_model(cx, false, false), NULL), &x, 0, 2, (double[]){-2, 4});
	expect_error(cx, function_model(cx, true, true), NULL, "function \"h\" calls itself");
	ctx_free(cx);
}

/* f0 calls f1 twice, which calls f2 twice, ...: 2^30 nodes from a kilobyte. */
Test(onnx_import, functions_that_explode)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), top = node(cx, "f0", "x", "y");
	put_str(&top, 7, "mine");
	put_message(&g, 1, top);
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	Buf m = model(cx, g, 14);
	put_message(&m, 8, opset(cx, "mine", 1));
	for (int i = 0; i < 30; i++) {
		Buf f = message(cx);
		const char *next = arena_printf(cx->arena, "f%d", i + 1);
		put_str(&f, 1, arena_printf(cx->arena, "f%d", i));
		put_words(&f, 4, "a");
		put_words(&f, 5, "c");
		for (int k = 0; k < 2; k++) {
			Buf call = node(cx, i < 29 ? next : "Identity", k ? "b" : "a", k ? "c" : "b");
			if (i < 29) put_str(&call, 7, "mine");
			put_message(&f, 7, call);
		}
		put_message(&f, 9, opset(cx, "", 14));
		put_message(&f, 9, opset(cx, "mine", 1));
		put_str(&f, 10, "mine");
		put_message(&m, 25, f);
	}
	expect_error(cx, m, NULL, "functions and bodies expand to more than 262144 nodes");
	cr_expect_lt(arena_size(cx->arena), 1u << 30);
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ recurrent */

/* One unit, h' = tanh(x + h/2), over x[3, B, 1] with lengths. */
static Buf rnn_model(Ctx *cx, const char *direction, const char *h0_shape)
{
	Buf g = message(cx), n = node(cx, "RNN", "x W R - lens h0", "Y Yh");
	put_attr_str(cx, &n, "direction", direction);
	put_attr_int(cx, &n, "hidden_size", 1);
	put_message(&g, 1, n);
	put_message(&g, 5, tensor(cx, "W", FLOAT, 3, (int64_t[]){1, 1, 1}, (float[]){1}, 4));
	put_message(&g, 5, tensor(cx, "R", FLOAT, 3, (int64_t[]){1, 1, 1}, (float[]){0.5F}, 4));
	put_input(cx, &g, "x", FLOAT, "T ? 1");
	put_input(cx, &g, "lens", INT32, "?");
	put_input(cx, &g, "h0", FLOAT, h0_shape);
	put_output(cx, &g, "Y");
	put_output(cx, &g, "Yh");
	return model(cx, g, 14);
}

Test(onnx_import, lengths_hold_the_state)
{
	Ctx *cx = ctx_new();
	/* x[t, b] = 0.1 (t + 1) for both; lengths 2 and 0; initial states 0.4 and 0.8; the padding is NaN */
	const Tensor *in[] = {floats(cx, 3, (int64_t[]){3, 2, 1}, (double[]){0.1, NAN, 0.2, NAN, NAN, NAN}),
		ints(cx, I32, 1, (int64_t[]){2}, (int64_t[]){2, 0}),
		floats(cx, 3, (int64_t[]){1, 2, 1}, (double[]){0.4, 0.8})};
	double a = tanh(0.1 + 0.2), b = tanh(0.2 + a / 2);
	const Graph *g = must_import(cx, rnn_model(cx, "forward", "1 ? 1"), NULL);
	expect_result(cx, g, in, 0, 6, (double[]){a, 0, b, 0, 0, 0});
	expect_result(cx, g, in, 1, 2, (double[]){b, 0.8});
	/* backwards from the last real step */
	a = tanh(0.2 + 0.2), b = tanh(0.1 + a / 2);
	g = must_import(cx, rnn_model(cx, "reverse", "1 ? 1"), NULL);
	expect_result(cx, g, in, 0, 6, (double[]){b, 0, a, 0, 0, 0});
	expect_result(cx, g, in, 1, 2, (double[]){b, 0.8});
	ctx_free(cx);
}

/* Three unnamed batch sizes that must be one: the import says so. */
Test(onnx_import, unnamed_dims_that_must_be_equal)
{
	Ctx *cx = ctx_new();
	const Graph *g = must_import(cx, rnn_model(cx, "forward", "1 ? 1"), NULL);
	cr_expect_str_eq(type_str(cx, g->params[2]->type), "f32[1, x_dim1, 1]");
	cr_expect_eq(cx->n_notes, 2);
	expect_error(cx, rnn_model(cx, "forward", "1 ? 2"), NULL,
		"input initial_h: f32[1, x_dim1, 1] wanted, f32[1, x_dim1, 2] seen");
	expect_error(cx, rnn_model(cx, "sideways", "1 ? 1"), NULL,
		"attribute direction: forward, reverse or bidirectional wanted, \"sideways\" seen");
	ctx_free(cx);
}

/* alpha and beta go to the activations that take one, in order, over both directions. */
Test(onnx_import, activations_take_alpha_and_beta_in_order)
{
	Ctx *cx = ctx_new();
	struct {
		const char *names[2];
		int n_alpha, n_beta;
		float alpha[3], beta[2];
		double wanted[2]; /* of x = -1, both directions */
		const char *error;
	} cases[] = {
		{{"LeakyRelu", "Tanh"}, 1, 0, {0.5F}, {0}, {-0.5, -0.7615942}, NULL},
		{{"Tanh", "LeakyRelu"}, 1, 0, {0.5F}, {0}, {-0.7615942, -0.5}, NULL},
		{{"LeakyRelu", "Affine"}, 2, 1, {0.5F, 3}, {4}, {-0.5, 1}, NULL},
		{{"LeakyRelu", "HardSigmoid"}, 0, 0, {0}, {0}, {-0.01, 0.3}, NULL},
		{{"HardSigmoid", "ScaledTanh"}, 2, 2, {0.125F, 2}, {1, 0.5F}, {0.875, -0.9242343}, NULL},
		{{"Elu", "relu"}, 1, 0, {2}, {0}, {-1.2642411, 0}, NULL},
		{{"Tanh", "LeakyRelu"}, 2, 0, {0.5F, 0.25F}, {0}, {0},
			"activation_alpha: 2 values, but the activations take only 1"},
		{{"Tanh", "Swoosh"}, 0, 0, {0}, {0}, {0}, "attribute activations: \"Swoosh\" is not supported"},
	};
	const Tensor *x = floats(cx, 3, (int64_t[]){1, 1, 1}, (double[]){-1});
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf g = message(cx), n = node(cx, "RNN", "x W R", "Y"), names = attribute(cx, "activations", 8),
		    alpha = attribute(cx, "activation_alpha", 6), beta = attribute(cx, "activation_beta", 6);
		for (int k = 0; k < 2; k++) put_str(&names, 9, cases[i].names[k]);
		for (int k = 0; k < cases[i].n_alpha; k++) put_float(&alpha, 7, cases[i].alpha[k]);
		for (int k = 0; k < cases[i].n_beta; k++) put_float(&beta, 7, cases[i].beta[k]);
		put_message(&n, 5, names);
		if (cases[i].n_alpha) put_message(&n, 5, alpha);
		if (cases[i].n_beta) put_message(&n, 5, beta);
		put_attr_str(cx, &n, "direction", "bidirectional");
		put_message(&g, 1, n);
		put_message(&g, 5, tensor(cx, "W", FLOAT, 3, (int64_t[]){2, 1, 1}, (float[]){1, 1}, 8));
		put_message(&g, 5, tensor(cx, "R", FLOAT, 3, (int64_t[]){2, 1, 1}, (float[]){1, 1}, 8));
		put_input(cx, &g, "x", FLOAT, "T B 1");
		put_output(cx, &g, "Y");
		if (cases[i].error) expect_error(cx, model(cx, g, 14), NULL, cases[i].error);
		else expect_result(cx, must_import(cx, model(cx, g, 14), NULL), &x, 0, 2, cases[i].wanted);
	}
	ctx_free(cx);
}
