/* test_onnx_nn.c: convolution, pooling, resizing, sampling and quantised products where the official cases do not look.
 *
 * Expected numbers are those of ONNX Runtime 1.32; of resize_integers, which it truncates instead of rounding, and of
 * dynamic_quantize_one_output, which it refuses, those of ONNX's reference.  Each case runs with its shapes as they
 * are, and again with dims that only the data tell.  What the texts leave open are small integers, so that sums are
 * exact.  Laws and errors come after.
 */
#include <criterion/criterion.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "onnx_run.h"
#include "onnx_writer.h"

enum { MAX_INPUTS = 9, MAX_WANTED = 96 };

typedef struct {
	const char *name, *op;
	int opset;
	const char *attrs;  /* "group=#2 alpha=~0.5 pads=1,0 auto_pad=VALID": int, float, ints, string */
	const char *inputs; /* "f32[2,3] i64[2]=1,2 -": of a pattern, of values, omitted */
	int n_outputs;
	unsigned initialisers; /* bits: which inputs are such */
	const char *symbolic;  /* the first input's shape with names in it; "": none */
	int n_wanted;          /* of all outputs together */
	double wanted[MAX_WANTED];
} Case;

/* ------------------------------------------------------------------------------------------------ models of cases */

static const struct {
	const char *name;
	Elem elem;
	int onnx;
} types[] = {{"f32", F32, 1}, {"u8", U8, 2}, {"i8", I8, 3}, {"i32", I32, 6}, {"i64", I64, 7}};

static int type_of(const char **at)
{
	for (int i = 0;; i++) {
		size_t n = strlen(types[i].name);
		if (strncmp(*at, types[i].name, n) == 0) {
			*at += n;
			return i;
		}
	}
}

/* Input k as a tensor; its numbers are a pattern unless given. */
static Tensor *read_input(Ctx *cx, const char **at, int k, int *type)
{
	int64_t dims[8];
	int rank = 0;
	*type = type_of(at);
	for (++*at; **at != ']'; *at += **at == ',') dims[rank++] = strtol(*at, (char **)(uintptr_t)at, 10);
	++*at;
	Tensor *t = tensor_new(cx->arena, types[*type].elem, rank, dims);
	for (int64_t i = 0; i < t->count; i++)
		tensor_set(t, i, (double)((i * (7 + 2 * k) + 3 + k) % 11 - (t->elem == U8 ? 0 : 5)));
	for (int64_t i = 0; (i == 0 && **at == '=') || **at == ','; i++) {
		++*at;
		tensor_set(t, i, strtod(*at, (char **)(uintptr_t)at));
	}
	return t;
}

static void put_attrs(Ctx *cx, Buf *n, const char *at)
{
	while (*at) {
		size_t length = strcspn(at, "=");
		const char *name = arena_strn(cx->arena, at, length);
		at += length + 1;
		length = strcspn(at, " ");
		const char *value = arena_strn(cx->arena, at, length);
		at += length;
		at += *at == ' ';
		if (*value == '#') {
			put_attr_int(cx, n, name, strtol(value + 1, NULL, 10));
		} else if (*value == '~') {
			put_attr_float(cx, n, name, strtof(value + 1, NULL));
		} else if (isdigit((unsigned char)*value) || *value == '-') {
			int64_t ints[8];
			int count = 0;
			for (char *end = (char *)(uintptr_t)value; *end; end += *end == ',')
				ints[count++] = strtol(end, &end, 10);
			put_attr_ints(cx, n, name, count, ints);
		} else {
			put_attr_str(cx, n, name, value);
		}
	}
}

static const char *shape_words(Ctx *cx, const Tensor *t)
{
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "");
	for (int i = 0; i < t->rank; i++) buf_printf(&b, i ? " %d" : "%d", (int)t->dims[i]);
	return b.text;
}

typedef struct {
	Buf model;
	int n_inputs;
	const Tensor *inputs[MAX_INPUTS];
} Built;

static Built build(Ctx *cx, const Case *c, bool symbolic)
{
	Built b = {.n_inputs = 0};
	Buf g = message(cx), names = message(cx), outputs = message(cx);
	buf_puts(&names, "");
	buf_puts(&outputs, "");
	int k = 0;
	for (const char *at = c->inputs; *at; at += *at == ' ', k++) {
		if (*at == '-') {
			buf_puts(&names, k ? " -" : "-");
			at++;
			continue;
		}
		int type;
		const Tensor *t = read_input(cx, &at, k, &type);
		const char *name = arena_printf(cx->arena, "i%d", k);
		buf_printf(&names, k ? " %s" : "%s", name);
		if (c->initialisers >> k & 1) {
			put_message(&g, 5,
				tensor(cx, name, types[type].onnx, t->rank, t->dims, t->data, tensor_size_bytes(t)));
		} else {
			put_input(
				cx, &g, name, types[type].onnx, symbolic && k == 0 ? c->symbolic : shape_words(cx, t));
			b.inputs[b.n_inputs++] = t;
		}
	}
	for (int i = 0; i < c->n_outputs; i++) {
		const char *name = arena_printf(cx->arena, "o%d", i);
		buf_printf(&outputs, i ? " %s" : "%s", name);
		put_output(cx, &g, name);
	}
	Buf n = node(cx, c->op, names.text, outputs.text);
	put_attrs(cx, &n, c->attrs);
	put_message(&g, 1, n);
	b.model = model(cx, g, c->opset);
	return b;
}

static void check(const Case *c, bool symbolic)
{
	Ctx *cx = ctx_new();
	Built b = build(cx, c, symbolic);
	const Graph *g = import_model(cx, b.model, NULL, NULL);
	cr_assert(g, "%s: %s", c->name, cx->error);
	const Tensor **results = run_model(cx, g, b.inputs);
	int at = 0;
	for (int i = 0; i < g->n_results; i++)
		for (int64_t k = 0; k < results[i]->count; k++, at++) {
			double seen = tensor_get(results[i], k), wanted = at < c->n_wanted ? c->wanted[at] : NAN;
			cr_expect(fabs(seen - wanted) <= 1e-5 + 1e-5 * fabs(wanted), "%s: result %d [%d] is %g, not %g",
				c->name, i, (int)k, seen, wanted);
		}
	cr_expect_eq(at, c->n_wanted, "%s: %d elements, not %d", c->name, at, c->n_wanted);
	ctx_free(cx);
}

static const Case cases[] = {
	{"grouped_conv", "Conv", 11, "strides=2,1 dilations=1,2 group=#2 pads=1,0,0,2",
		"f32[1,4,4,5] f32[4,2,2,2] f32[4]", 1, 0, "N 4 H W", 40,
		{32, -61, 11, 5, -22, -11, 47, -49, -8, 16, -27, 26, -9, 17, 8, 15, -42, 11, 0, -17, -46, 21, 22, -7,
			13, 36, -59, 33, 20, -16, 15, -25, -10, -1, -29, -61, 26, -8, -17, 5}},
	{"same_odd", "Conv", 11, "auto_pad=SAME_UPPER strides=2", "f32[2,1,5] f32[2,1,3]", 1, 0, "N 1 T", 12,
		{-19, 7, -9, -4, 22, -4, 20, 0, 16, 0, -10, -14}},
	{"same_even", "Conv", 11, "auto_pad=SAME_LOWER strides=2", "f32[1,1,6] f32[2,1,3]", 1, 0, "1 1 T", 6,
		{-19, 7, -9, -4, 22, -4}},
	{"depthwise_one_window", "Conv", 11, "group=#3 dilations=2", "f32[2,3,3] f32[6,1,2] f32[6]", 1, 0, "N 3 3", 12,
		{-1, 14, -6, 6, -23, -3, 11, 17, 10, 2, 8, 8}},
	{"transposed_groups", "ConvTranspose", 11, "strides=3,2 dilations=2,1 group=#2 pads=1,0,2,1 output_padding=1,0",
		"f32[1,4,2,3] f32[4,1,2,3] f32[2]", 1, 0, "1 4 H W", 48,
		{0, 0, 0, 0, 0, 0, -20, -8, 33, 13, -2, 1, 13, 29, -18, -20, -6, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			13, -3, -18, 1, -10, 5, -20, -10, 30, -10, -14, 45, 0, 0, 0, 0, 0, 0}},
	{"transposed_short_kernel", "ConvTranspose", 11, "strides=3 output_padding=2", "f32[1,2,3] f32[2,1,2] f32[1]",
		1, 0, "1 2 T", 10, {17, -6, 0, -25, 1, 0, -1, -3, 0, 0}},
	{"transposed_output_shape", "ConvTranspose", 11, "strides=2 output_shape=8 auto_pad=SAME_UPPER",
		"f32[1,1,4] f32[1,2,3]", 1, 0, "", 16, {2, 6, 5, -15, -26, -3, -2, 9, -8, -4, 20, 10, 4, 2, -12, -6}},
	{"transposed_one_input", "ConvTranspose", 11, "strides=2,1 dilations=1,2 pads=1,1,0,1",
		"f32[1,2,1,1] f32[2,2,3,3] f32[2]", 1, 0, "", 12, {0, -9, 0, 0, 28, 0, 0, 25, 0, 0, -15, 0}},
	{"max_pool_indices", "MaxPool", 12,
		"kernel_shape=2,3 strides=3,3 dilations=1,2 pads=1,2,1,0 ceil_mode=#1 storage_order=#1", "f32[2,1,7,1]",
		2, 0, "", 12, {-2, 1, 0, 3, 2, 5, 0, 2, 5, 7, 10, 12}},
	{"max_pool_i8", "MaxPool", 12, "kernel_shape=3 strides=2 pads=1,1 dilations=2", "i8[1,2,6]", 1, 0, "1 2 T", 4,
		{5, 5, 3, 3}},
	{"average_pool_ceil", "AveragePool", 19, "kernel_shape=3,2 strides=2,2 pads=1,0,1,1 ceil_mode=#1",
		"f32[1,1,4,4]", 1, 0, "1 1 H W", 6, {1.75, -0.75, 0.6666667, 0, 3, 0.5}},
	{"average_pool_padding", "AveragePool", 19,
		"kernel_shape=3 strides=2 pads=1,1 dilations=2 count_include_pad=#1", "f32[1,2,6]", 1, 0, "1 2 T", 4,
		{0.6666667, 0.6666667, -0.6666667, -1.333333}},
	{"average_pool_nothing", "AveragePool", 19, "kernel_shape=2 pads=1,1 dilations=2", "f32[1,1,1]", 1, 0, "", 1,
		{0}},
	{"lp_pool_3", "LpPool", 2, "kernel_shape=2 strides=2 p=#3 pads=1,0", "f32[1,2,5]", 1, 0, "", 6,
		{2, 5.013298, 4.497941, 0, 4.497941, 5.013298}},
	{"resize_10", "Resize", 10, "mode=nearest", "f32[1,1,2,4] f32[4]=1,1,0.6,0.6", 1, 2, "", 2, {-2, 1}},
	{"upsample_7", "Upsample", 9, "mode=linear", "f32[1,1,2,3] f32[4]=1,1,2,2", 1, 2, "1 1 H W", 24,
		{-2, 1.5, 5, 3, 1, 1, -2.5, 1, 4.5, 2.5, 0.5, 0.5, -3, 0.5, 4, 2, 0, 0, -3, 0.5, 4, 2, 0, 0}},
	{"resize_repeat", "Resize", 13, "mode=nearest nearest_mode=floor coordinate_transformation_mode=asymmetric",
		"f32[1,2,3] - f32[3]=1,1,3", 1, 4, "1 2 T", 18,
		{-2, -2, -2, 5, 5, 5, 1, 1, 1, -3, -3, -3, 4, 4, 4, 0, 0, 0}},
	{"resize_fraction", "Resize", 13, "mode=linear", "f32[1,1,6] - f32[3]=1,1,0.5", 1, 4, "1 1 T", 3, {1.5, -1, 2}},
	{"resize_to_size", "Resize", 13, "mode=cubic", "f32[1,1,3,4] - - i64[4]=1,1,5,3", 1, 8, "1 1 H W", 15,
		{-1.350371, 4.709251, -2.919816, 1.163288, 1.180749, -0.5473235, 3.495371, -3.03125, 1.925927,
			0.6368275, -2.602623, 0.2672996, -2.193936, -1.353001, -1.61451}},
	{"resize_integers", "Resize", 13, "mode=linear", "u8[1,1,4] - f32[3]=1,1,2", 1, 4, "", 8,
		{3, 5, 8, 9, 7, 5, 3, 2}},
	{"roi_align_adaptive", "RoiAlign", 16, "output_height=#2 output_width=#2",
		"f32[2,2,4,5] f32[3,4]=0.2,0.1,3.7,3.2,1,-2,9,2.5,2,2,2.2,2.4 i64[3]=0,1,1", 1, 0, "2 C H W", 24,
		{0.3597655, 0.2266015, -0.3919919, 1.964453, -0.2812501, 0.05738276, -1.950391, 0.07433604, -0.5,
			-0.1666667, -0.3229167, -0.0625, -0.5833333, -0.4166667, -0.5729167, -0.8125, 2.384186e-07,
			-0.4000003, 0.4000003, -2.384186e-07, -0.58, -0.5400001, -1.39, -1.57}},
	{"roi_align_old", "RoiAlign", 10, "output_height=#1 output_width=#3 spatial_scale=~0.5",
		"f32[1,1,4,5] f32[2,4]=0,0,7,6,3,3,4,4 i64[2]=0,0", 1, 0, "", 6,
		{-0.2638889, 1.21875, 0.1805557, 2.666666, 5, 3.666666}},
	{"max_roi_pool", "MaxRoiPool", 1, "pooled_shape=2,2 spatial_scale=~0.5",
		"f32[2,1,4,5] f32[3,5]=0,0,0,7,6,1,3,1,5,5,0,8,8,20,20", 1, 0, "2 1 H W", 12,
		{5, 4, 5, 5, 2, -2, 4, 0, 0, 0, 0, 0}},
	{"grid_cubic_border", "GridSample", 16, "mode=bicubic padding_mode=border",
		"f32[1,1,3,4] f32[1,1,4,2]=-1.4,0.3,0.9,1.2,0.1,-0.1,2,-2", 1, 0, "1 1 H W", 4,
		{2.393501, -2.590105, -3.321902, -3}},
	{"qlinear_channels", "QLinearConv", 10, "pads=1,0 group=#2",
		"u8[1,2,4] f32[]=0.5 u8[]=3 i8[4,1,2] f32[4]=0.25,0.5,1,2 i8[4]=0,1,-1,2 f32[]=0.75 u8[]=100 i32[4]", 1,
		56, "", 16, {99, 103, 102, 99, 99, 87, 103, 104, 102, 95, 95, 103, 113, 103, 92, 111}},
	{"matmul_rows", "MatMulInteger", 10, "", "u8[2,3] i8[3,2] u8[]=2 i8[2]=1,-1", 1, 0, "", 4, {-46, 42, -39, 38}},
	{"dynamic_quantize_one_output", "DynamicQuantizeLinear", 11, "", "f32[7]", 1, 0, "T", 7,
		{56, 255, 141, 28, 226, 113, 0}},
};
enum { N_CASES = sizeof cases / sizeof *cases };

Test(onnx_nn, cases)
{
	for (int i = 0; i < N_CASES; i++) check(&cases[i], false);
}

Test(onnx_nn, symbolic_shapes)
{
	for (int i = 0; i < N_CASES; i++)
		if (*cases[i].symbolic) check(&cases[i], true);
}

/* ------------------------------------------------------------------------------------------------ laws */

static void expect_equal(const Case *a, const Case *b)
{
	Ctx *cx = ctx_new();
	Built of_a = build(cx, a, false), of_b = build(cx, b, false);
	const Graph *g = import_model(cx, of_a.model, NULL, NULL), *h = import_model(cx, of_b.model, NULL, NULL);
	cr_assert(g && h, "%s", cx->error);
	const Tensor *x = run_model(cx, g, of_a.inputs)[0], *y = run_model(cx, h, of_b.inputs)[0];
	cr_assert_eq(x->count, y->count);
	for (int64_t i = 0; i < x->count; i++)
		cr_expect(fabs(tensor_get(x, i) - tensor_get(y, i)) <= 1e-5, "%s [%d]: %g, %g", a->name, (int)i,
			tensor_get(x, i), tensor_get(y, i));
	ctx_free(cx);
}

/* Offsets of 0 leave a convolution; groups of channels and of offsets cut across each other. */
Test(onnx_nn, deform_conv_without_offsets_is_conv)
{
	static const char *const attrs = "group=#2 offset_group=#4 pads=1,0,1,2 strides=1,2 dilations=2,1";
	Case conv = {.name = "conv",
		.op = "Conv",
		.opset = 22,
		.attrs = "group=#2 pads=1,0,1,2 strides=1,2 dilations=2,1",
		.inputs = "f32[2,4,5,4] f32[6,2,2,3]",
		.n_outputs = 1};
	Case deform = {.name = "deform", .op = "DeformConv", .opset = 22, .attrs = attrs, .n_outputs = 1};
	Ctx *cx = ctx_new();
	Buf zeros;
	buf_init(&zeros, cx->arena);
	for (int i = 0; i < 2 * 48 * 5 * 2; i++) buf_puts(&zeros, i ? ",0" : "0");
	deform.inputs = arena_printf(cx->arena, "f32[2,4,5,4] f32[6,2,2,3] f32[2,48,5,2]=%s", zeros.text);
	expect_equal(&conv, &deform);
	ctx_free(cx);
}

/* A whole offset moves the window: one row down is the same as one row less of padding in front. */
Test(onnx_nn, deform_conv_moves)
{
	Case conv = {.name = "conv",
		.op = "Conv",
		.opset = 22,
		.attrs = "pads=0,0,1,0",
		.inputs = "f32[1,2,3,3] f32[2,2,2,1]",
		.n_outputs = 1};
	Case deform = {.name = "deform",
		.op = "DeformConv",
		.opset = 22,
		.attrs = "pads=1,0,0,0",
		.n_outputs = 1,
		.inputs = "f32[1,2,3,3] f32[2,2,2,1] f32[1,4,3,3]=1,1,1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,"
			  "1,1,1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0"};
	expect_equal(&conv, &deform);
}

/* ------------------------------------------------------------------------------------------------ graphs kept small */

static int count_op(const Graph *g, Op op)
{
	Arena *arena = arena_new();
	Order order = graph_order(arena, g);
	int n = 0;
	for (int i = 0; i < order.n; i++) n += order.vals[i]->op == op;
	arena_free(arena);
	return n;
}

/* A convolution is one contraction and what it cannot do without. */
Test(onnx_nn, small_graphs)
{
	static const struct {
		Case c;
		int pads, windows, reshapes;
	} wanted[] = {
		{{.attrs = "", .inputs = "f32[1,3,5] f32[2,3,1]"}, 0, 0, 1},          /* drops the kernel's dim of 1 */
		{{.attrs = "strides=2", .inputs = "f32[1,3,5] f32[2,3,1]"}, 0, 0, 1}, /* a slice */
		{{.attrs = "", .inputs = "f32[1,3,5] f32[2,3,5]"}, 0, 0, 1}, /* one window: gives its dim of 1 */
		{{.attrs = "", .inputs = "f32[1,3,5] f32[2,3,2]"}, 0, 1, 0},
		{{.attrs = "pads=1,0", .inputs = "f32[1,3,5] f32[2,3,2]"}, 1, 1, 0},
		{{.attrs = "group=#3", .inputs = "f32[1,3,5,5] f32[3,1,2,1]"}, 0, 1, 2}, /* the kernel's dims of 1 */
	};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		Ctx *cx = ctx_new();
		Case c = wanted[i].c;
		c.op = "Conv", c.opset = 11, c.n_outputs = 1;
		Built b = build(cx, &c, false);
		const Graph *g = import_model(cx, b.model, NULL, NULL);
		cr_assert(g, "%s", cx->error);
		cr_expect_eq(count_op(g, OP_contract), 1);
		cr_expect_eq(count_op(g, OP_pad), wanted[i].pads, "case %zu: pads", i);
		cr_expect_eq(count_op(g, OP_window), wanted[i].windows, "case %zu: windows", i);
		cr_expect_eq(count_op(g, OP_reshape), wanted[i].reshapes, "case %zu: %d reshapes", i,
			count_op(g, OP_reshape));
		ctx_free(cx);
	}
}

/* A transposed convolution multiplies no zeros: the input is never spread out. */
Test(onnx_nn, transposed_convolution_without_zeros)
{
	Ctx *cx = ctx_new();
	Case c = {.op = "ConvTranspose",
		.opset = 11,
		.attrs = "strides=4",
		.inputs = "f32[1,2,6] f32[2,3,4]",
		.n_outputs = 1};
	Built b = build(cx, &c, false);
	const Graph *g = import_model(cx, b.model, NULL, NULL);
	cr_assert(g, "%s", cx->error);
	cr_expect_eq(count_op(g, OP_pad), 0);
	cr_expect_eq(count_op(g, OP_window), 0);
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ errors */

Test(onnx_nn, refused)
{
	static const struct {
		Case c;
		const char *error;
	} bad[] = {
		{{.op = "Conv", .opset = 11, .attrs = "kernel_shape=2", .inputs = "f32[1,1,5] f32[1,1,3]"},
			"kernel_shape: 2 in dim 0, but the weights have 3"},
		{{.op = "Conv", .opset = 11, .attrs = "group=#2", .inputs = "f32[1,4,5] f32[3,2,3]"},
			"3 channels in 2 groups"},
		{{.op = "Conv", .opset = 11, .attrs = "group=#2", .inputs = "f32[1,6,5] f32[4,2,3]"}, "6 and 4 differ"},
		{{.op = "Conv", .opset = 11, .attrs = "auto_pad=VALID pads=1,1", .inputs = "f32[1,1,5] f32[1,1,3]"},
			"auto_pad and pads are both given"},
		{{.op = "Conv", .opset = 11, .attrs = "pads=-1,0", .inputs = "f32[1,1,5] f32[1,1,3]"}, "pads: -1"},
		{{.op = "Conv", .opset = 11, .attrs = "strides=0", .inputs = "f32[1,1,5] f32[1,1,3]"}, "strides: 0"},
		{{.op = "Conv", .opset = 11, .attrs = "strides=1,1", .inputs = "f32[1,1,5] f32[1,1,3]"},
			"1 values wanted, 2 seen"},
		{{.op = "Conv", .opset = 11, .attrs = "auto_pad=EVEN", .inputs = "f32[1,1,5] f32[1,1,3]"},
			"\"EVEN\" is not supported"},
		{{.op = "Conv", .opset = 11, .attrs = "", .inputs = "f32[1,1,5] f32[2,1,3] f32[3]"},
			"input B: [2] wanted"},
		{{.op = "Conv", .opset = 11, .attrs = "", .inputs = "f32[1,1,2] f32[2,1,9]"}, "a window of 9 elements"},
		{{.op = "MaxPool", .opset = 12, .attrs = "", .inputs = "f32[1,1,2]"}, "kernel_shape is missing"},
		{{.op = "MaxPool", .opset = 7, .attrs = "kernel_shape=2 dilations=2", .inputs = "f32[1,1,5]"},
			"\"dilations\" is not supported"},
		{{.op = "Gemm", .opset = 6, .attrs = "", .inputs = "f32[2,2] f32[2,2] f32[2]"}, "without broadcast"},
		{{.op = "Gemm", .opset = 11, .attrs = "", .inputs = "f32[1,2] f32[2,2] f32[3,2]"}, "C"},
		{{.op = "Gemm", .opset = 11, .attrs = "", .inputs = "f32[2,3] f32[2,3]"},
			"the inner dims: 3 and 2 differ"},
		{{.op = "MatMul", .opset = 11, .attrs = "", .inputs = "f32[2,3] f32[]"}, "at least one dim wanted"},
		{{.op = "Resize", .opset = 13, .attrs = "", .inputs = "f32[1,2] - f32[2] i64[2]"}, "both given"},
		{{.op = "Resize", .opset = 18, .attrs = "axes=1,1", .inputs = "f32[1,2] - f32[2]", .initialisers = 4},
			"twice"},
		{{.op = "LayerNormalization", .opset = 17, .attrs = "", .inputs = "i32[2,2] i32[2]"},
			"input 0, \"i0\": floats wanted, i32 seen"},
		{{.op = "And", .opset = 7, .attrs = "", .inputs = "i32[2] i32[2]"}, "bool wanted, i32 seen"},
		{{.op = "MaxPool", .opset = 12, .attrs = "kernel_shape=2", .inputs = "i64[1,1,4]"},
			"floats or integers of 8 bits wanted, i64 seen"},
		{{.op = "QuantizeLinear", .opset = 13, .attrs = "", .inputs = "f32[4] f32[] i32[]"},
			"quantising to i32"},
		{{.op = "DequantizeLinear", .opset = 21, .attrs = "axis=#0 block_size=#2", .inputs = "i8[5] f32[2]"},
			"3 and 2 differ"},
		{{.op = "RotaryEmbedding", .opset = 23, .attrs = "", .inputs = "f32[1,2,4] f32[1,2,1] f32[1,2,1]"},
			"num_heads is missing"},
		{{.op = "LinearAttention",
			 .opset = 27,
			 .attrs = "q_num_heads=#2 kv_num_heads=#1",
			 .inputs = "f32[2,4,6] f32[2,4,3] f32[2,4,3] - f32[2,4,3] f32[2,1]"},
			"input beta: 3 dims wanted"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		Ctx *cx = ctx_new();
		Case c = bad[i].c;
		c.n_outputs = 1;
		Built b = build(cx, &c, false);
		const Graph *g = import_model(cx, b.model, NULL, NULL);
		cr_expect_null(g, "%s with %s: accepted", c.op, c.attrs);
		if (!g) cr_expect(strstr(cx->error, bad[i].error), "wanted: %s\nseen: %s", bad[i].error, cx->error);
		if (!g) cr_expect(strstr(cx->error, c.op), "the operator is not named: %s", cx->error);
		ctx_free(cx);
	}
}
