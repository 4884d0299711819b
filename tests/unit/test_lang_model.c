/* test_lang_model.c: models in .rnn: numbers against plain loops written here, and the laws of ragged batches: each row alone
 * gives what it gives in a batch, whatever is in the padding; the streaming form gives the same. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "frontend/lang/rnn.h"

/* Parameters of these tests: element i of NAME is sin(3 i + length of NAME) / 2. */
static double weight(const char *name, int64_t i)
{
	return (double)(float)(0.5 * sin(3.0 * (double)i + (double)strlen(name)));
}

static const Tensor *weights(void *user, Ctx *cx, const Param *p)
{
	(void)user;
	Tensor *t = tensor_new(cx->arena, F32, p->rank, p->dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, weight(p->name, i));
	return t;
}

static const RnnModel *load(Ctx *cx, const char *text)
{
	const RnnOptions o = {.lengths = true, .source = weights};
	return rnn_load(cx, "test.rnn", text, strlen(text), &o);
}

static Tensor *floats(Ctx *cx, int rank, const int64_t *dims, uint64_t seed)
{
	Tensor *t = tensor_new(cx->arena, F32, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, sin((double)(i + 1) * 1.7 + (double)seed));
	return t;
}

static Tensor *ints(Ctx *cx, int64_t n, const int64_t *values)
{
	Tensor *t = tensor_new(cx->arena, I64, 1, &n);
	for (int64_t i = 0; i < n; i++) tensor_set_int(t, i, values[i]);
	return t;
}

static void eval(Ctx *cx, const Graph *g, const Tensor *const *inputs, const Tensor **results)
{
	Eval e = {.cx = cx, .arena = cx->arena};
	dimenv_init(&e.env, cx->arena);
	eval_bind(&e, g, inputs);
	eval_graph(&e, g, inputs, results);
}

#define LOADED(cx, model, text)                \
	Ctx *cx = ctx_new();                   \
	const RnnModel *volatile model = NULL; \
	TRY (cx) {                             \
		model = load(cx, text);        \
	} else cr_assert_fail("%s", cx->error)

static const char lstm_text[] = "cell lstm[H](x; h[H], c[H]) {\n"
				"  i, f, g, o = split(lin[4*H](x, h), 4)\n"
				"  c' = sigm(f) * c + sigm(i) * tanh(g)\n"
				"  h' = sigm(o) * tanh(c')\n"
				"}\n";

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

enum { I = 3, H = 5 };

/* One step of the LSTM above, with the parameters NAME.W0 .W1 .b. */
static void lstm_step(const char *name, const double *x, double *h, double *c)
{
	char w0[64], w1[64], b0[64];
	snprintf(w0, sizeof w0, "%s.W0", name);
	snprintf(w1, sizeof w1, "%s.W1", name);
	snprintf(b0, sizeof b0, "%s.b", name);
	double a[4 * H];
	for (int g = 0; g < 4 * H; g++) {
		a[g] = weight(b0, g);
		for (int k = 0; k < I; k++) a[g] += weight(w0, g * I + k) * x[k];
		for (int k = 0; k < H; k++) a[g] += weight(w1, g * H + k) * h[k];
	}
	for (int u = 0; u < H; u++) {
		c[u] = sigmoid(a[H + u]) * c[u] + sigmoid(a[u]) * tanh(a[2 * H + u]);
		h[u] = sigmoid(a[3 * H + u]) * tanh(c[u]);
	}
}

Test(lang_model, lstm_in_both_directions_on_a_ragged_batch)
{
	char text[1024];
	snprintf(text, sizeof text, "%s%s", lstm_text,
		"model m(x[T, 3]) -> f[T, 5], hT[5], b[T, 5], p[5] {\n"
		"  f, hT = scan lstm[5] over x\n"
		"  b = scan lstm[5] over x reverse\n"
		"  p = last(f)\n"
		"}\n");
	LOADED(cx, m, text);
	enum { B = 3, T = 4 };
	const int64_t lengths[B] = {4, 1, 3};
	Tensor *x = floats(cx, 3, (const int64_t[]){B, T, I}, 1);
	for (int b = 0; b < B; b++)
		for (int64_t t = lengths[b]; t < T; t++)
			for (int k = 0; k < I; k++) tensor_set(x, (b * T + t) * I + k, (double)NAN);
	const Tensor *out[4];
	eval(cx, m->graph, (const Tensor *[]){x, ints(cx, B, lengths)}, out);
	for (int b = 0; b < B; b++)
		for (int reverse = 0; reverse < 2; reverse++) {
			double h[H] = {0}, c[H] = {0};
			const Tensor *y = out[reverse ? 2 : 0];
			for (int64_t s = 0; s < lengths[b]; s++) {
				int64_t t = reverse ? lengths[b] - 1 - s : s;
				double in[I];
				for (int k = 0; k < I; k++) in[k] = tensor_get(x, (b * T + t) * I + k);
				lstm_step(reverse ? "b.i" : "f.i", in, h, c);
				for (int u = 0; u < H; u++)
					cr_expect_float_eq(tensor_get(y, (b * T + t) * H + u), h[u], 1e-6,
						"row %d step %d unit %d", b, (int)t, u);
			}
			for (int64_t t = lengths[b]; t < T; t++)
				for (int u = 0; u < H; u++) cr_expect_eq(tensor_get(y, (b * T + t) * H + u), 0);
			for (int u = 0; u < H && !reverse; u++) {
				cr_expect_float_eq(tensor_get(out[1], b * H + u), h[u], 1e-6);
				cr_expect_float_eq(tensor_get(out[3], b * H + u), h[u], 1e-6);
			}
		}
	ctx_free(cx);
}

/* Attention over a memory: the weights of real places add up to 1, padding has none. */
Test(lang_model, attention_sees_real_elements_only)
{
	LOADED(cx, m,
		"model m(x[S, 3], q[3]) -> a[S], c[3], mean_x[3], top in 9, big[3] {\n"
		"  a = softmax(for j in S { dot(q, x[j]) })\n"
		"  c = sum j in S { a[j] * x[j] }\n"
		"  mean_x = mean(x)\n"
		"  top = argmax(a)\n"
		"  big = max(x)\n"
		"}\n");
	enum { B = 2, S = 4 };
	const int64_t lengths[B] = {2, 4};
	Tensor *x = floats(cx, 3, (const int64_t[]){B, S, I}, 5), *q = floats(cx, 2, (const int64_t[]){B, I}, 9);
	for (int k = 0; k < 2 * I; k++) tensor_set(x, 2 * I + k, (double)NAN);
	const Tensor *out[5];
	eval(cx, m->graph, (const Tensor *[]){x, q, ints(cx, B, lengths)}, out);
	for (int b = 0; b < B; b++) {
		double e[S], sum = 0, c[I] = {0}, mean[I] = {0}, big[I] = {-9, -9, -9};
		int top = 0;
		for (int j = 0; j < lengths[b]; j++) {
			e[j] = 0;
			for (int k = 0; k < I; k++)
				e[j] += tensor_get(q, b * I + k) * tensor_get(x, (b * S + j) * I + k);
			if (e[j] > e[top]) top = j;
			sum += exp(e[j]);
		}
		for (int j = 0; j < S; j++) {
			double a = j < lengths[b] ? exp(e[j]) / sum : 0;
			cr_expect_float_eq(tensor_get(out[0], b * S + j), a, 1e-6);
			for (int k = 0; k < I && j < lengths[b]; k++) {
				double v = tensor_get(x, (b * S + j) * I + k);
				c[k] += a * v;
				mean[k] += v / (double)lengths[b];
				big[k] = fmax(big[k], v);
			}
		}
		for (int k = 0; k < I; k++) {
			cr_expect_float_eq(tensor_get(out[1], b * I + k), c[k], 1e-6);
			cr_expect_float_eq(tensor_get(out[2], b * I + k), mean[k], 1e-6);
			cr_expect_float_eq(tensor_get(out[4], b * I + k), big[k], 0);
		}
		cr_expect_eq(tensor_get_int(out[3], b), top);
	}
	ctx_free(cx);
}

/* Each sentence's words, then the sentences: T differs along S. */
Test(lang_model, nested_ragged_axes)
{
	LOADED(cx, m,
		"model m(doc[S, T] in 7) -> v[S, 2], p[2], n[S] {\n"
		"  cell sentence(w[T] in 7;) {\n"
		"    e = embed[7, 2](w)\n"
		"    yield mean(e)\n"
		"  }\n"
		"  v = scan sentence over doc\n"
		"  p = sum(v)\n"
		"  n = for s in S { sum w in len(doc[s]) { 1 } }\n"
		"}\n");
	enum { B = 2, S = 3, T = 4 };
	const int64_t sentences[B] = {3, 1}, words[B * S] = {4, 1, 2, 3, 77, -5};
	Tensor *doc = tensor_new(cx->arena, I64, 3, (const int64_t[]){B, S, T});
	for (int64_t i = 0; i < doc->count; i++) tensor_set_int(doc, i, (i * 5) % 7);
	Tensor *word_lengths = ints(cx, B * S, words);
	word_lengths->rank = 2;
	word_lengths->dims = (const int64_t[]){B, S};
	const Tensor *out[3];
	eval(cx, m->graph, (const Tensor *[]){doc, ints(cx, B, sentences), word_lengths}, out);
	for (int b = 0; b < B; b++) {
		double p[2] = {0};
		for (int s = 0; s < S; s++)
			for (int k = 0; k < 2; k++) {
				double v = 0;
				bool real = s < sentences[b];
				for (int t = 0; real && t < words[b * S + s]; t++)
					v += weight("v.e.E", tensor_get_int(doc, (b * S + s) * T + t) * 2 + k) /
						(double)words[b * S + s];
				cr_expect_float_eq(tensor_get(out[0], (b * S + s) * 2 + k), v, 1e-6);
				cr_expect_eq(tensor_get(out[2], b * S + s), real ? (double)words[b * S + s] : 0);
				p[k] += v;
			}
		for (int k = 0; k < 2; k++) cr_expect_float_eq(tensor_get(out[1], b * 2 + k), p[k], 1e-6);
	}
	ctx_free(cx);
}

/* Names of parameters: by what is assigned, where, and how often. */
Test(lang_model, names_of_parameters)
{
	char text[1024];
	snprintf(text, sizeof text, "%s%s", lstm_text,
		"model m(x[T, 3]) -> p[2], q[2] {\n"
		"  param u[3] ~ zeros\n"
		"  hs = scan lstm[3] over x + u\n"
		"  unroll d in [1, 2] { hs = scan lstm[3 as deep] over hs }\n"
		"  share one = lstm[3]\n"
		"  a = scan one over hs\n"
		"  b = scan one over a\n"
		"  p = lin[2](last(scan lstm[3] over b))\n"
		"  q = lin[2 as head](mul[4](last(b)))\n"
		"}\n");
	LOADED(cx, m, text);
	static const char *const names[] = {"u", "hs.i.W0", "hs.i.W1", "hs.i.b", "deep.0.i.W0", "deep.0.i.W1",
		"deep.0.i.b", "deep.1.i.W0", "deep.1.i.W1", "deep.1.i.b", "one.i.W0", "one.i.W1", "one.i.b", "p.i.W0",
		"p.i.W1", "p.i.b", "p.W0", "p.b", "q.W0", "head.W0", "head.b"};
	enum { N = sizeof names / sizeof *names };
	cr_assert_eq(m->n_params, N, "%d parameters", m->n_params);
	for (int i = 0; i < N; i++) cr_expect_str_eq(m->params[i].name, names[i]);
	ctx_free(cx);
}

/* lstm without `use` is the library's, which is ONNX's: the same numbers as the equations written out. */
Test(lang_model, cells_of_the_library)
{
	LOADED(cx, m, "model m(x[T, 3]) -> f[T, 5] { f = scan lstm[5] over x }\n");
	enum { T = 3 };
	Tensor *x = floats(cx, 3, (const int64_t[]){1, T, I}, 4);
	const Tensor *out[1];
	eval(cx, m->graph, (const Tensor *[]){x, ints(cx, 1, (const int64_t[]){T})}, out);
	double h[H] = {0}, c[H] = {0};
	for (int t = 0; t < T; t++) {
		double in[I];
		for (int k = 0; k < I; k++) in[k] = tensor_get(x, t * I + k);
		lstm_step("f.i", in, h, c);
		for (int u = 0; u < H; u++) cr_expect_float_eq(tensor_get(out[0], t * H + u), h[u], 1e-6);
	}
	ctx_free(cx);
}

/* Each row stops by itself: x doubles until it is 10 or more, at most 4 times; final marks the fourth. */
Test(lang_model, a_loop_stops_each_row_by_itself)
{
	LOADED(cx, m,
		"model m(x) -> y, n, last {\n"
		"  y, n, last = loop 4 (y = x, n = 0, last = 0) while y < 10 {\n"
		"    y' = 2*y\n"
		"    n' = n + 1\n"
		"    last' = 1 if final else 0\n"
		"  }\n"
		"}\n");
	static const double from[] = {1, 3, 12, 0.25, 9}, y[] = {16, 12, 12, 4, 18}, n[] = {4, 2, 0, 4, 1},
			    last[] = {1, 0, 0, 1, 0};
	enum { B = 5 };
	Tensor *x = floats(cx, 1, (const int64_t[]){B}, 0);
	for (int b = 0; b < B; b++) tensor_set(x, b, from[b]);
	const Tensor *out[3];
	eval(cx, m->graph, (const Tensor *[]){x}, out);
	for (int b = 0; b < B; b++) {
		cr_expect_eq(tensor_get(out[0], b), y[b]);
		cr_expect_eq(tensor_get(out[1], b), n[b]);
		cr_expect_eq(tensor_get(out[2], b), last[b]);
	}
	ctx_free(cx);
}

/* Counts down from what it begins with: each row has a length of its own, without the 0 that stops it, and at most its bound. */
Test(lang_model, generation_ends_for_each_row)
{
	LOADED(cx, m,
		"model m(x[S]) -> out[U] in 9 {\n"
		"  cell down(y in 9; left = sum(x)) {\n"
		"    left' = left - 1\n"
		"    yield for w in 9 { 1 if w == left' else 0 }\n"
		"  }\n"
		"  out = generate down start 8 stop 0 max 2*S greedy\n"
		"}\n");
	enum { B = 3, S = 2 };
	Tensor *x = floats(cx, 2, (const int64_t[]){B, S}, 0);
	static const double values[] = {2, 2, 1, 0, 7, (double)NAN};
	for (int i = 0; i < B * S; i++) tensor_set(x, i, values[i]);
	const Tensor *out[2];
	eval(cx, m->graph, (const Tensor *[]){x, ints(cx, B, (const int64_t[]){2, 2, 1})}, out);
	static const int64_t wanted[B][4] = {{3, 2, 1, 0}, {0, 0, 0, 0}, {6, 5, 0, 0}}, lengths[] = {3, 0, 2};
	cr_assert_eq(out[0]->dims[1], 4);
	for (int b = 0; b < B; b++) {
		cr_expect_eq(tensor_get_int(out[1], b), lengths[b]);
		for (int k = 0; k < 4; k++)
			cr_expect_eq(tensor_get_int(out[0], b * 4 + k), wanted[b][k], "row %d, %d", b, k);
	}
	ctx_free(cx);
}

/* `in 4` is 0 to 3, T_len is 0 to T: a call with anything else is refused, whatever stands in the padding. */
static const char *error_of_ids(const RnnModel *m, Ctx *cx, const int64_t *ids, int64_t length)
{
	Tensor *w = tensor_new(cx->arena, I64, 2, (const int64_t[]){1, 3});
	for (int i = 0; i < 3; i++) tensor_set_int(w, i, ids[i]);
	const Tensor *out[1];
	const char *volatile error = NULL;
	TRY (cx) {
		eval(cx, m->graph, (const Tensor *[]){w, ints(cx, 1, &length)}, out);
	} else error = cx->error;
	return error;
}

Test(lang_model, integers_out_of_their_range_are_refused)
{
	LOADED(cx, m, "model m(w[T] in 4) -> y[2] { y = mean(embed[4, 2](w)) }\n");
	const struct {
		int64_t ids[3], length;
		const char *words; /* NULL: it is fine */
	} calls[] = {{{0, 3, 1}, 3, NULL}, {{0, 3, 4}, 2, NULL}, {{0, 3, -9}, 2, NULL},
		{{0, 4, 1}, 3, "0 <= w < 4; element 1 is 4"}, {{-1, 0, 0}, 3, "0 <= w < 4; element 0 is -1"},
		{{0, 0, 0}, 4, "0 <= T_len <= T; element 0 is 4"}, {{0, 0, 0}, -1, "0 <= T_len <= T; element 0 is -1"},
		{{INT64_MAX, 0, 0}, 1, "0 <= w < 4"}};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		const char *error = error_of_ids(m, cx, calls[i].ids, calls[i].length);
		if (!calls[i].words) cr_expect_null(error, "call %zu: %s", i, error);
		else cr_expect(error && strstr(error, calls[i].words), "call %zu: %s", i, error ? error : "no error");
	}
	ctx_free(cx);
}

/* Half of what follows the start is 1, after which nothing is likely; 2 is less likely, but surely ends.  So one word at a time
 * gives 1 1 1 1, and two sequences side by side find 2, of 0.4 * 0.9; that is the better one with a length penalty, too. */
Test(lang_model, beam_search_finds_what_greedy_misses)
{
	LOADED(cx, m,
		"model m(p[4, 4]) -> g[U] in 4, one[V] in 4, two[W] in 4, long[X] in 4, score, s2 {\n"
		"  cell c(y in 4; n = 0) { yield p[y] }\n"
		"  g = generate c start 3 stop 0 max 4 greedy\n"
		"  one = generate c start 3 stop 0 max 4 beam 1\n"
		"  two, score = generate c start 3 stop 0 max 4 beam 2\n"
		"  long, s2 = generate c start 3 stop 0 max 4 beam 3 lenpen 2\n"
		"}\n");
	static const double p[4][4] = {
		{0.25, 0.25, 0.25, 0.25}, {0.2, 0.32, 0.28, 0.2}, {0.9, 0.04, 0.03, 0.03}, {0.05, 0.5, 0.4, 0.05}};
	Tensor *logp = floats(cx, 3, (const int64_t[]){1, 4, 4}, 0);
	for (int i = 0; i < 16; i++) tensor_set(logp, i, log(p[i / 4][i % 4]));
	const Tensor *out[10];
	eval(cx, m->graph, (const Tensor *[]){logp}, out);
	static const int64_t words[4][4] = {{1, 1, 1, 1}, {1, 1, 1, 1}, {2, 0, 0, 0}, {2, 0, 0, 0}},
			     lengths[] = {4, 4, 1, 1};
	for (int i = 0; i < 4; i++) {
		cr_expect_eq(tensor_get_int(out[6 + i], 0), lengths[i], "%d: %lld words", i,
			(long long)tensor_get_int(out[6 + i], 0));
		for (int k = 0; k < 4; k++) cr_expect_eq(tensor_get_int(out[i], k), words[i][k], "%d: word %d", i, k);
	}
	cr_expect_float_eq(tensor_get(out[4], 0), log(0.4 * 0.9), 1e-5);
	cr_expect_float_eq(tensor_get(out[5], 0), log(0.4 * 0.9) / pow(7.0 / 6, 2), 1e-5);
	ctx_free(cx);
}

/* x e^-t, and a turn by t, each row for a time of its own; in one step and in as many as it takes. */
Test(lang_model, an_adaptive_solver_follows_closed_forms)
{
	LOADED(cx, m,
		"def decay(y) { -y }\n"
		"def turn(v) { cat(v[1:2], -v[0:1]) }\n"
		"model m(x, t, v[2]) -> y, w[2], short {\n"
		"  y = dopri5(decay, x, t, 200, 0.000001)\n"
		"  w = dopri5(turn, v, t, 500, 0.000001)\n"
		"  short = dopri5(decay, x, 0.1*t, 1)\n"
		"}\n");
	enum { B = 4 };
	static const double xs[B] = {1, -2, 0.5, 3}, ts[B] = {1, 6, 0.01, 0},
			    v[B][2] = {{1, 0}, {0, 1}, {0.6, 0.8}, {2, 1}};
	Tensor *x = floats(cx, 1, (const int64_t[]){B}, 0), *t = floats(cx, 1, (const int64_t[]){B}, 0),
	       *turned = floats(cx, 2, (const int64_t[]){B, 2}, 0);
	for (int b = 0; b < B; b++) {
		tensor_set(x, b, xs[b]);
		tensor_set(t, b, ts[b]);
		tensor_set(turned, 2 * b, v[b][0]);
		tensor_set(turned, 2 * b + 1, v[b][1]);
	}
	const Tensor *out[3];
	eval(cx, m->graph, (const Tensor *[]){x, t, turned}, out);
	for (int b = 0; b < B; b++) {
		double c = cos(ts[b]), s = sin(ts[b]), h = 0.1 * ts[b];
		cr_expect_float_eq(
			tensor_get(out[0], b), xs[b] * exp(-ts[b]), 2e-5, "%d: %g", b, tensor_get(out[0], b));
		cr_expect_float_eq(tensor_get(out[1], 2 * b), c * v[b][0] + s * v[b][1], 5e-5, "%d", b);
		cr_expect_float_eq(tensor_get(out[1], 2 * b + 1), c * v[b][1] - s * v[b][0], 5e-5, "%d", b);
		/* one step: the series of e^-h to h^5, and h^6/600 */
		double series =
			1 - h + h * h / 2 - h * h * h / 6 + h * h * h * h / 24 - pow(h, 5) / 120 + pow(h, 6) / 600;
		cr_expect_float_eq(tensor_get(out[2], b), xs[b] * series, 1e-6, "%d: one step", b);
	}
	ctx_free(cx);
}
