/* test_weights.c: weights from files: maps, layouts, and what does not fit.  Tensors hold numbers that tell where they were. */
#include <criterion/criterion.h>

#include "frontend/weights/files.h"
#include "runtime/file.h"

#include <string.h>
#include <unistd.h>

enum { MAX = 32 };
typedef struct {
	Ctx *cx;
	int n_params, n_tensors;
	Param params[MAX];
	NamedTensor tensors[MAX];
	WeightMap map;
} Bench;

static Bench *bench_new(void)
{
	Ctx *cx = ctx_new();
	Bench *b = NEW(cx->arena, Bench);
	b->cx = cx;
	return b;
}

static const int64_t *dims_of(Ctx *cx, int64_t a, int64_t b, int *rank)
{
	*rank = b ? 2 : 1;
	return arena_copy(cx->arena, (int64_t[]){a, b}, 2 * sizeof(int64_t));
}

/* b 0: a vector */
static Param *want(Bench *t, const char *name, int64_t a, int64_t b)
{
	Param *p = &t->params[t->n_params++];
	*p = (Param){.name = intern(t->cx, name), .assigned = ""};
	p->dims = dims_of(t->cx, a, b, &p->rank);
	return p;
}

/* Element i is base + i. */
static void give(Bench *t, const char *name, int64_t a, int64_t b, double base)
{
	int rank;
	const int64_t *dims = dims_of(t->cx, a, b, &rank);
	Tensor *tensor = tensor_new(t->cx->arena, F32, rank, dims);
	for (int64_t i = 0; i < tensor->count; i++) tensor_set(tensor, i, base + (double)i);
	t->tensors[t->n_tensors++] = (NamedTensor){intern(t->cx, name), tensor};
}

static const Tensor *assign(Bench *t, WeightLayout layout, const char *param)
{
	const WeightFile file = {"w.npz", t->n_tensors, t->tensors};
	const Tensor *volatile found = NULL;
	TRY (t->cx) {
		weight_layout(t->cx, &t->map, layout, t->n_params, t->params, &file);
		const Tensor **values = weights_assign(t->cx, t->n_params, t->params, &file, &t->map);
		for (int i = 0; i < t->n_params; i++)
			if (!strcmp(t->params[i].name, param)) found = values[i];
	} else cr_assert(false, "%s", t->cx->error);
	return found;
}

#define CHECK(tensor, ...) check(tensor, sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})
static void check(const Tensor *t, size_t n, const double *expected)
{
	cr_assert_not_null(t);
	cr_assert_eq((size_t)t->count, n, "%lld elements", (long long)t->count);
	for (size_t i = 0; i < n; i++)
		cr_expect_eq(tensor_get(t, (int64_t)i), expected[i], "element %zu is %g, not %g", i,
			tensor_get(t, (int64_t)i), expected[i]);
}

/* The words in which it is refused. */
static void refuse(Bench *t, WeightLayout layout, const char *expected)
{
	const WeightFile file = {"w.npz", t->n_tensors, t->tensors};
	const char *volatile message = "(accepted)";
	TRY (t->cx) {
		weight_layout(t->cx, &t->map, layout, t->n_params, t->params, &file);
		weights_assign(t->cx, t->n_params, t->params, &file, &t->map);
	} else message = t->cx->error;
	cr_expect(strstr(message, expected), "%s\n-- not --\n%s", message, expected);
}

static void map_text(Bench *t, const char *text) { weight_map_parse(t->cx, &t->map, "m", text); }

/* ---- by name ---- */

Test(weights, by_name)
{
	Bench *t = bench_new();
	want(t, "hs.W0", 2, 2);
	want(t, "b", 2, 0);
	give(t, "b", 2, 0, 10);
	give(t, "hs.W0", 2, 2, 0);
	CHECK(assign(t, LAYOUT_RNNCC, "hs.W0"), 0, 1, 2, 3);
	CHECK(assign(t, LAYOUT_RNNCC, "b"), 10, 11);
	ctx_free(t->cx);
}

Test(weights, what_does_not_fit_is_listed)
{
	Bench *t = bench_new();
	want(t, "hs.W0", 2, 3);
	want(t, "hs.W1", 2, 2);
	want(t, "b", 2, 0);
	give(t, "hs.W0", 3, 2, 0);
	give(t, "hs_W1", 2, 2, 0);
	give(t, "b", 3, 0, 0);
	give(t, "spare\x1b[2J", 1, 0, 0);
	refuse(t, LAYOUT_RNNCC,
		"w.npz: does not fit the model:\n"
		"  parameter hs.W0 is [2, 3], but hs.W0 is [3, 2]: it is transposed\n"
		"  there is no tensor for parameter hs.W1 [2, 2]; did you mean hs_W1?\n"
		"  parameter b is [2], but b is [3]\n"
		"  no parameter takes tensor hs_W1 [2, 2]\n"
		"  no parameter takes tensor spare?[2J [1]");
	ctx_free(t->cx);
}

Test(weights, integers_are_no_weights)
{
	Bench *t = bench_new();
	want(t, "b", 1, 0);
	t->tensors[t->n_tensors++] = (NamedTensor){"b", tensor_new(t->cx->arena, I64, 1, (int64_t[]){1})};
	refuse(t, LAYOUT_RNNCC, "parameter b: tensor b is i64, no float");
	ctx_free(t->cx);
}

/* ---- maps ---- */

Test(weights, steps_of_a_map)
{
	Bench *t = bench_new();
	want(t, "row", 2, 0);
	want(t, "part", 1, 2);
	want(t, "columns", 3, 1);
	want(t, "turned", 2, 3);
	want(t, "gates", 3, 2);
	want(t, "sum", 2, 0);
	want(t, "both", 1, 3);
	want(t, "nothing", 2, 0);
	want(t, "any", 2, 0);
	give(t, "a", 3, 2, 0); /* 0 1 | 2 3 | 4 5 */
	give(t, "odd name", 2, 0, 100);
	give(t, "junk.1", 1, 0, 0);
	give(t, "junk.2", 1, 0, 0);
	map_text(t,
		"# a comment\n\nrow = a row 2\npart=a part 1 of 3 # behind a line, too\r\ncolumns = a columns 1 to 2\n"
		"turned = a transpose\ngates = a gates zrn->nzr\nsum = \"odd name\" + a row 0 + a row 1\n"
		"both = a transpose part 1 of 2\nnothing = zeros\nan? = random\nignore junk.*");
	CHECK(assign(t, LAYOUT_RNNCC, "row"), 4, 5);
	CHECK(assign(t, LAYOUT_RNNCC, "part"), 2, 3);
	CHECK(assign(t, LAYOUT_RNNCC, "columns"), 1, 3, 5);
	CHECK(assign(t, LAYOUT_RNNCC, "turned"), 0, 2, 4, 1, 3, 5);
	CHECK(assign(t, LAYOUT_RNNCC, "gates"), 4, 5, 0, 1, 2, 3);
	CHECK(assign(t, LAYOUT_RNNCC, "sum"), 102, 105);
	CHECK(assign(t, LAYOUT_RNNCC, "both"), 1, 3, 5);
	CHECK(assign(t, LAYOUT_RNNCC, "nothing"), 0, 0);
	cr_expect_null(assign(t, LAYOUT_RNNCC, "any"));

	/* what is printed parses back to the same */
	for (int i = 0; i < t->map.n; i++) {
		const char *text = weight_rule_text(t->cx, &t->map.rules[i]);
		WeightMap again = {0};
		weight_map_parse(t->cx, &again, "again", arena_printf(t->cx->arena, "p = %s", text));
		cr_expect_str_eq(weight_rule_text(t->cx, &again.rules[0]), text);
	}
	ctx_free(t->cx);
}

static void refuse_map(const char *text, const char *expected)
{
	Bench *t = bench_new();
	const char *volatile message = "(accepted)";
	TRY (t->cx) map_text(t, text);
	else message = t->cx->error;
	cr_expect(strstr(message, expected) == message, "%s: %s, not %s", text, message, expected);
	ctx_free(t->cx);
}

Test(weights, maps_that_are_wrong)
{
	refuse_map("a", "m:1: '=' expected after 'a'");
	refuse_map("\na = ", "m:2: the name of a tensor expected at the end");
	refuse_map("a = b c", "m:1: unexpected 'c'");
	refuse_map("a = b\na = c", "m:2: 'a' has a line already: m:1");
	refuse_map("a = b row -1", "m:1: '-1' is no row's number");
	refuse_map("a = b row 99999999999999999999", "m:1: '99999999999999999999' is no row's number");
	refuse_map("a = b part 2 of 2", "m:1: parts are numbered from 0");
	refuse_map("a = b part 0", "m:1: part K of N expected");
	refuse_map("a = b columns 0 2", "m:1: columns A to B expected");
	refuse_map("a = b gates ifgo", "m:1: 'ifgo' is no order of gates: ifgo->iofg");
	refuse_map("a = b gates iigo->i", "m:1: gate 'i' is twice in iigo");
	refuse_map("a = b gates ifgo->x", "m:1: gate 'x' is not in ifgo");
	refuse_map("a = b gates ifgo->ii", "m:1: gate 'i' is twice in ii");
	refuse_map("a = \"b", "m:1: a quoted name without end");
	refuse_map("a = b + b + b + b + b", "m:1: more than 4 tensors");
	refuse_map("a = b row 0 row 0 row 0 row 0 row 0", "m:1: more than 4 steps");
	refuse_map("ignore", "m:1: the name of a tensor expected");
}

Test(weights, maps_that_do_not_fit)
{
	Bench *t = bench_new();
	want(t, "h.W0", 2, 2);
	give(t, "a", 2, 2, 0);
	map_text(t, "h.W0 = a row 2\nh.W1 = a\nh.x* = random");
	refuse(t, LAYOUT_RNNCC,
		"\n  m:2: the model has no parameter h.W1; did you mean h.W0?"
		"\n  m:3: the model has no parameter h.x*; did you mean h.W0?"
		"\n  m:1: parameter h.W0: tensor a has shape [2, 2], of which this cannot be made: a row 2");
	ctx_free(t->cx);
}

/* Nothing is as long as such dims, or takes as long, where there are no elements. */
Test(weights, empty_tensors_of_huge_dims, .timeout = 20)
{
	static const char *const cuts[] = {"transpose", "transpose row 0", "part 0 of 2", "columns 0 to 0",
		"row 0 transpose", "gates ab->ba", "transpose transpose gates ab->b"};
	for (int i = 0; i < (int)(sizeof cuts / sizeof *cuts); i++) {
		Bench *t = bench_new();
		want(t, "W", 2, 3);
		t->tensors[t->n_tensors++] = (NamedTensor){"a",
			tensor_new(t->cx->arena, F32, 3, (const int64_t[]){INT64_C(1) << 53, INT64_C(1) << 52, 0})};
		t->tensors[t->n_tensors++] =
			(NamedTensor){"b", tensor_new(t->cx->arena, F32, 2, (const int64_t[]){INT64_C(1) << 53, 0})};
		map_text(t, arena_printf(t->cx->arena, "W = a row 7 %s + b %s\n", cuts[i], cuts[i]));
		refuse(t, LAYOUT_RNNCC, "W");
		ctx_free(t->cx);
	}
}

Test(weights, names_in_messages)
{
	Bench *t = bench_new();
	want(t, "a", 1, 0);
	give(t, "a", 1, 0, 0);
	give(t, "b\n  no parameter takes\x7f", 1, 0, 0);
	char *name = arena_alloc(t->cx->arena, 100001);
	memset(name, 'n', 100000);
	give(t, name, 1, 0, 0);
	refuse(t, LAYOUT_RNNCC,
		"\n  no parameter takes tensor b?  no parameter takes? [1]\n  no parameter takes tensor nnn");
	cr_expect_lt(strlen(t->cx->error), 2000);
	ctx_free(t->cx);
}

/* ---- PyTorch ---- */

/* PATH.W0 for the input (in 0: there is none), W1 or W0 for the state (hidden 0: there is none), b. */
static void want_lin(
	Bench *t, const char *path, const char *assigned, int64_t rows, int64_t in, int64_t hidden, bool reversed)
{
	Arena *a = t->cx->arena;
	const int first = t->n_params;
	if (in) want(t, arena_printf(a, "%s.W0", path), rows, in);
	if (hidden) want(t, arena_printf(a, "%s.W%d", path, in != 0), rows, hidden);
	want(t, arena_printf(a, "%s.b", path), rows, 0);
	for (int i = first; i < t->n_params; i++) {
		t->params[i].assigned = assigned;
		t->params[i].reversed = reversed;
	}
}

static void give_torch(
	Bench *t, const char *path, const char *suffix, int64_t gates, int64_t in, int64_t hidden, double base)
{
	Arena *a = t->cx->arena;
	give(t, arena_printf(a, "%sweight_ih%s", path, suffix), gates * hidden, in, base);
	give(t, arena_printf(a, "%sweight_hh%s", path, suffix), gates * hidden, hidden, base + 100);
	give(t, arena_printf(a, "%sbias_ih%s", path, suffix), gates * hidden, 0, base + 200);
	give(t, arena_printf(a, "%sbias_hh%s", path, suffix), gates * hidden, 0, base + 300);
}

/* One unit, two inputs: rows of i f g o are [0 1] [2 3] [4 5] [6 7]. */
Test(weights, pytorch_lstm)
{
	Bench *t = bench_new();
	want_lin(t, "hs.o", "o f c i", 4, 2, 1, false);
	give_torch(t, "rnn.", "_l0", 4, 2, 1, 0);
	CHECK(assign(t, LAYOUT_PYTORCH, "hs.o.W0"), 6, 7, 2, 3, 4, 5, 0, 1);
	CHECK(assign(t, LAYOUT_PYTORCH, "hs.o.W1"), 103, 101, 102, 100);
	CHECK(assign(t, LAYOUT_PYTORCH, "hs.o.b"), 506, 502, 504, 500);
	ctx_free(t->cx);
}

Test(weights, pytorch_gru)
{
	Bench *t = bench_new();
	want_lin(t, "hs.z", "z r", 2, 2, 1, false);
	want_lin(t, "hs.n", "n", 1, 2, 0, false);
	want_lin(t, "hs.n_2", "n", 1, 0, 1, false);
	give_torch(t, "", "_l0", 3, 2, 1, 0);
	CHECK(assign(t, LAYOUT_PYTORCH, "hs.z.W0"), 2, 3, 0, 1);
	CHECK(assign(t, LAYOUT_PYTORCH, "hs.z.W1"), 101, 100);
	CHECK(assign(t, LAYOUT_PYTORCH, "hs.z.b"), 502, 500);
	CHECK(assign(t, LAYOUT_PYTORCH, "hs.n.W0"), 4, 5);
	CHECK(assign(t, LAYOUT_PYTORCH, "hs.n_2.W0"), 102);
	CHECK(assign(t, LAYOUT_PYTORCH, "hs.n.b"), 202);
	CHECK(assign(t, LAYOUT_PYTORCH, "hs.n_2.b"), 302);
	ctx_free(t->cx);
}

/* The other GRU computes something else: its weights are not PyTorch's. */
Test(weights, pytorch_gru_is_reset_after)
{
	Bench *t = bench_new();
	want_lin(t, "hs.z", "z r", 2, 2, 1, false);
	want_lin(t, "hs.n", "n", 1, 2, 1, false);
	give_torch(t, "rnn.", "_l0", 3, 2, 1, 0);
	refuse(t, LAYOUT_PYTORCH,
		"r of GRU 'rnn' acts after the product with the state, that of 'hs' in the model before it");
	ctx_free(t->cx);
}

/* Two layers in two directions, and the model has them in another order. */
Test(weights, pytorch_stack)
{
	Bench *t = bench_new();
	want_lin(t, "b.h", "h", 1, 2, 1, true);
	want_lin(t, "f.h", "h", 1, 2, 1, false);
	want_lin(t, "f2.h", "h", 1, 2, 1, false);
	want_lin(t, "b2.h", "h", 1, 2, 1, true);
	give_torch(t, "", "_l1", 1, 2, 1, 1000);
	give_torch(t, "", "_l0_reverse", 1, 2, 1, 2000);
	give_torch(t, "", "_l0", 1, 2, 1, 0);
	give_torch(t, "", "_l1_reverse", 1, 2, 1, 3000);
	CHECK(assign(t, LAYOUT_PYTORCH, "f.h.W0"), 0, 1);
	CHECK(assign(t, LAYOUT_PYTORCH, "f2.h.W0"), 1000, 1001);
	CHECK(assign(t, LAYOUT_PYTORCH, "b.h.W1"), 2100);
	CHECK(assign(t, LAYOUT_PYTORCH, "b2.h.b"), 6500);
	ctx_free(t->cx);
}

/* Two stacks are told apart by names, and by nothing else. */
Test(weights, pytorch_by_name)
{
	Bench *t = bench_new();
	want_lin(t, "dec.i", "i f g o", 4, 1, 1, false);
	want_lin(t, "enc.i", "i f g o", 4, 1, 1, false);
	give_torch(t, "m.enc.", "_l0", 4, 1, 1, 0);
	give_torch(t, "m.dec.", "", 4, 1, 1, 1000); /* an LSTMCell */
	CHECK(assign(t, LAYOUT_PYTORCH, "enc.i.W1"), 100, 101, 102, 103);
	CHECK(assign(t, LAYOUT_PYTORCH, "dec.i.W1"), 1100, 1101, 1102, 1103);
	ctx_free(t->cx);

	t = bench_new();
	want_lin(t, "a.i", "i f g o", 4, 1, 1, false);
	want_lin(t, "b.i", "i f g o", 4, 1, 1, false);
	give_torch(t, "enc.", "_l0", 4, 1, 1, 0);
	give_torch(t, "dec.", "_l0", 4, 1, 1, 1000);
	refuse(t, LAYOUT_PYTORCH, "there is no tensor for parameter a.i.W0 [4, 1]");
	ctx_free(t->cx);
}

Test(weights, pytorch_layers)
{
	Bench *t = bench_new();
	want(t, "e.E", 3, 2);
	want(t, "n.gain", 2, 0);
	want(t, "n.bias", 2, 0);
	want(t, "y.W0", 1, 2); /* y = lin[1](f, b): one Linear over both */
	want(t, "y.W1", 1, 1);
	want(t, "y.b", 1, 0);
	want(t, "u", 2, 0); /* a param of the model's own */
	give(t, "table.weight", 3, 2, 0);
	give(t, "norm.weight", 2, 0, 10);
	give(t, "norm.bias", 2, 0, 20);
	give(t, "fc.weight", 1, 3, 30);
	give(t, "fc.bias", 1, 0, 40);
	give(t, "u", 2, 0, 50);
	CHECK(assign(t, LAYOUT_PYTORCH, "e.E"), 0, 1, 2, 3, 4, 5);
	CHECK(assign(t, LAYOUT_PYTORCH, "n.gain"), 10, 11);
	CHECK(assign(t, LAYOUT_PYTORCH, "n.bias"), 20, 21);
	CHECK(assign(t, LAYOUT_PYTORCH, "y.W0"), 30, 31);
	CHECK(assign(t, LAYOUT_PYTORCH, "y.W1"), 32);
	CHECK(assign(t, LAYOUT_PYTORCH, "y.b"), 40);
	CHECK(assign(t, LAYOUT_PYTORCH, "u"), 50, 51);
	ctx_free(t->cx);
}

/* Two that fit two: no choice is made. */
Test(weights, shapes_that_do_not_tell)
{
	Bench *t = bench_new();
	want(t, "p.W0", 2, 2);
	want(t, "q.W0", 2, 2);
	give(t, "a.weight", 2, 2, 0);
	give(t, "b.weight", 2, 2, 0);
	refuse(t, LAYOUT_PYTORCH, "there is no tensor for parameter p.W0 [2, 2]");
	map_text(t, "p.W0 = b.weight"); /* one line decides both */
	CHECK(assign(t, LAYOUT_PYTORCH, "q.W0"), 0, 1, 2, 3);
	ctx_free(t->cx);
}

Test(weights, layouts_are_suggested)
{
	Bench *t = bench_new();
	want_lin(t, "hs.i", "i f g o", 4, 1, 1, false);
	give_torch(t, "", "_l0", 4, 1, 1, 0);
	refuse(t, LAYOUT_RNNCC, "(these look like PyTorch's names: --weights-layout pytorch)");
	ctx_free(t->cx);
}

/* ---- Keras ---- */

/* kernel [2, 4]: columns i f c o are (0, 4) (1, 5) (2, 6) (3, 7). */
Test(weights, keras_lstm)
{
	Bench *t = bench_new();
	want_lin(t, "hs.i", "i f g o", 4, 2, 1, false);
	want_lin(t, "bs.i", "i o f g", 4, 2, 1, true);
	give(t, "bidirectional/forward_lstm/lstm_cell/kernel:0", 2, 4, 0);
	give(t, "bidirectional/forward_lstm/lstm_cell/recurrent_kernel:0", 1, 4, 10);
	give(t, "bidirectional/forward_lstm/lstm_cell/bias:0", 4, 0, 20);
	give(t, "bidirectional/backward_lstm/lstm_cell/kernel:0", 2, 4, 30);
	give(t, "bidirectional/backward_lstm/lstm_cell/recurrent_kernel:0", 1, 4, 40);
	give(t, "bidirectional/backward_lstm/lstm_cell/bias:0", 4, 0, 50);
	CHECK(assign(t, LAYOUT_KERAS, "hs.i.W0"), 0, 4, 1, 5, 2, 6, 3, 7);
	CHECK(assign(t, LAYOUT_KERAS, "hs.i.W1"), 10, 11, 12, 13);
	CHECK(assign(t, LAYOUT_KERAS, "hs.i.b"), 20, 21, 22, 23);
	CHECK(assign(t, LAYOUT_KERAS, "bs.i.W0"), 30, 34, 33, 37, 31, 35, 32, 36);
	CHECK(assign(t, LAYOUT_KERAS, "bs.i.b"), 50, 53, 51, 52);
	ctx_free(t->cx);
}

/* z r h; the second row of the bias is the state's. */
Test(weights, keras_gru)
{
	Bench *t = bench_new();
	want_lin(t, "hs.z", "z r", 2, 1, 1, false);
	want_lin(t, "hs.n", "n", 1, 1, 0, false);
	want_lin(t, "hs.n_2", "n", 1, 0, 1, false);
	give(t, "gru/kernel", 1, 3, 0);
	give(t, "gru/recurrent_kernel", 1, 3, 10);
	give(t, "gru/bias", 2, 3, 20);
	CHECK(assign(t, LAYOUT_KERAS, "hs.z.W0"), 0, 1);
	CHECK(assign(t, LAYOUT_KERAS, "hs.z.b"), 43, 45);
	CHECK(assign(t, LAYOUT_KERAS, "hs.n_2.W0"), 12);
	CHECK(assign(t, LAYOUT_KERAS, "hs.n.b"), 22);
	CHECK(assign(t, LAYOUT_KERAS, "hs.n_2.b"), 25);
	ctx_free(t->cx);

	t = bench_new();
	want_lin(t, "hs.u", "u r", 2, 1, 1, false);
	want_lin(t, "hs.n", "n", 1, 1, 1, false);
	give(t, "gru/kernel", 1, 3, 0);
	give(t, "gru/recurrent_kernel", 1, 3, 10);
	give(t, "gru/bias", 3, 0, 20); /* reset_after = False */
	CHECK(assign(t, LAYOUT_KERAS, "hs.u.b"), 20, 21);
	CHECK(assign(t, LAYOUT_KERAS, "hs.n.b"), 22);
	ctx_free(t->cx);
}

/* lstm, lstm_1 as they were made; Dense is turned. */
Test(weights, keras_stack)
{
	Bench *t = bench_new();
	want_lin(t, "x.h", "h", 1, 1, 1, false);
	want_lin(t, "y.h", "h", 1, 1, 1, false);
	want(t, "p.W0", 2, 3);
	want(t, "p.b", 2, 0);
	static const char *const layers[] = {"simple_rnn_1/simple_rnn_cell_1", "simple_rnn/simple_rnn_cell"};
	for (int i = 0; i < 2; i++) {
		give(t, arena_printf(t->cx->arena, "%s/kernel", layers[i]), 1, 1, 100 - 100 * i);
		give(t, arena_printf(t->cx->arena, "%s/recurrent_kernel", layers[i]), 1, 1, 110 - 100 * i);
		give(t, arena_printf(t->cx->arena, "%s/bias", layers[i]), 1, 0, 120 - 100 * i);
	}
	give(t, "dense/kernel", 3, 2, 0);
	give(t, "dense/bias", 2, 0, 30);
	CHECK(assign(t, LAYOUT_KERAS, "x.h.W0"), 0);
	CHECK(assign(t, LAYOUT_KERAS, "y.h.W1"), 110);
	CHECK(assign(t, LAYOUT_KERAS, "p.W0"), 0, 2, 4, 1, 3, 5);
	CHECK(assign(t, LAYOUT_KERAS, "p.b"), 30, 31);
	ctx_free(t->cx);
}

/* ---- files ---- */

Test(weights, files)
{
	Ctx *cx = ctx_new();
	cr_expect(weight_file_known("a.npz") && weight_file_known("a.safetensors") && weight_file_known("a.onnx"));
	cr_expect_not(weight_file_known("a.npy"));
	const WeightFile onnx = weight_file_read(cx, RNNCC_SOURCE_DIR "/tests/cases/lstm_forward/model.onnx");
	const Tensor *w = weight_find(&onnx, "W");
	cr_assert(w && w->rank == 3 && w->dims[1] == 132 && w->dims[2] == 12, "12 inputs, 33 units");
	cr_expect_null(weight_find(&onnx, "X"));
	ctx_free(cx);
}
