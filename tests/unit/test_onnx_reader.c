/* test_onnx_reader.c: the ONNX reader against hostile files, external data out of place, and every field of tensors.
 *
 * Expected numbers are worked out by hand in the comments.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/onnx/onnx_tensor.h"
#include "frontend/onnx/prescan.h"
#include "onnx.pb-c.h"
#include "onnx_run.h"

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
	} cases[] = {{STRING, "input \"x\": strings are known to the compiler only"},
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
