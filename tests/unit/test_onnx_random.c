/* test_onnx_random.c: random operators: the generator against its authors' known answers, the distributions by statistics,
 * and which nodes draw the same numbers.  All of it is fixed, so a test fails always or never; the bounds are those that a
 * sound generator exceeds once in about 10^6 keys.
 */
#include <criterion/criterion.h>

#include <math.h>

#include "frontend/lang/lang.h"
#include "onnx_run.h"
#include "onnx_writer.h"

enum { N = 1 << 16 };

static const Tensor *eval(Ctx *cx, const Val *v)
{
	const Tensor *y = NULL;
	const Graph *g = graph_new(cx, "g", 0, NULL, NULL, 1, &v, (const char *const[]){"y"});
	Eval e = {.cx = cx, .arena = cx->arena};
	dimenv_init(&e.env, cx->arena);
	eval_graph(&e, g, NULL, &y);
	return y;
}

static LibAttr number(const char *name, double value) { return (LibAttr){.name = name, .num = value}; }
static LibAttr text(const char *name, const char *value)
{
	return (LibAttr){.name = name, .kind = LIB_STR, .str = value};
}

/* Random123's kat_vectors: the digits of pi as counter and key. */
Test(onnx_random, philox_known_answer)
{
	static const int64_t wanted[] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
	Ctx *cx = ctx_new();
	const Val *i = b_scalar_int(cx, U64, (int64_t)UINT64_C(0x85a308d3243f6a88)), *words[4];
	const LibAttr attrs[] = {number("key0", 0xa4093822), number("key1", 0x299f31d0), number("stream0", 0x13198a2e),
		number("stream1", 0x03707344)};
	lib_call(cx, "philox", 1, &i, 4, attrs, 4, words);
	for (int k = 0; k < 4; k++) cr_expect_eq(tensor_get_int(eval(cx, words[k]), 0), wanted[k]);
	ctx_free(cx);
}

static const Tensor *draw(Ctx *cx, const char *op, const char *type, uint64_t seed)
{
	const Dim *n = dim_int(cx, N);
	const Val *i = b_iota(cx, I64, 1, &n, 0), *y;
	const LibAttr attrs[] = {number("key0", (double)seed), number("key1", 0), number("stream0", 1),
		number("stream1", 2), text("type", type)};
	lib_call(cx, op, 1, &i, 5, attrs, 1, &y);
	return eval(cx, y);
}

static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2)); }

/* Kolmogorov and Smirnov's distance, times sqrt(n): above 2.7 once in 10^6; and neighbours are uncorrelated. */
static void check_distribution(const Tensor *y, bool normal)
{
	enum { BINS = 1 << 12 };
	int64_t count[BINS] = {0}, sum = 0;
	double worst = 0, product = 0;
	for (int64_t i = 0; i < N; i++) {
		const double x = tensor_get(y, i), u = normal ? normal_cdf(x) : x;
		cr_assert(u >= 0 && u < 1 && isfinite(x));
		count[(int)(u * BINS)]++;
		if (i)
			product +=
				(u - 0.5) * ((normal ? normal_cdf(tensor_get(y, i - 1)) : tensor_get(y, i - 1)) - 0.5);
	}
	double chi = 0;
	for (int b = 0; b < BINS; b++) {
		sum += count[b];
		worst = fmax(worst, fabs((double)sum / N - (double)(b + 1) / BINS));
		chi += pow((double)count[b] - (double)N / BINS, 2) / ((double)N / BINS);
	}
	cr_expect_lt(worst * sqrt(N), 2.7);
	cr_expect_lt(fabs(chi - (BINS - 1)), 5 * sqrt(2.0 * BINS));
	cr_expect_lt(fabs(product) * 12 / sqrt(N), 5);
}

Test(onnx_random, distributions)
{
	static const char *const types[] = {"f32", "f64"};
	Ctx *cx = ctx_new();
	for (int t = 0; t < 2; t++)
		for (uint64_t seed = 0; seed < 3; seed++) {
			check_distribution(draw(cx, "random_uniform", types[t], seed), false);
			check_distribution(draw(cx, "random_normal", types[t], seed), true);
		}
	ctx_free(cx);
}

/* ---- as operators ---- */

static const Graph *import(Ctx *cx, Buf graph) { return import_model(cx, model(cx, graph, 15), NULL, NULL); }

static Buf normal_node(Ctx *cx, const char *output, double seed)
{
	Buf n = node(cx, "RandomNormal", "", output);
	put_attr_ints(cx, &n, "shape", 2, (const int64_t[]){10, 100});
	put_attr_float(cx, &n, "mean", 10);
	put_attr_float(cx, &n, "scale", 2);
	if (!isnan(seed)) put_attr_float(cx, &n, "seed", (float)seed);
	return n;
}

static int n_equal(const Tensor *a, const Tensor *b)
{
	int n = 0;
	for (int64_t i = 0; i < a->count; i++) n += tensor_get(a, i) == tensor_get(b, i);
	return n;
}

/* Without a seed each node has numbers of its own; equal seeds give equal numbers; the next import gives the same again. */
Test(onnx_random, which_nodes_agree)
{
	enum { A, B, SEEDED, AGAIN, OTHER, N_OUT };
	static const char *const names[] = {"a", "b", "seeded", "again", "other"};
	static const double seeds[] = {NAN, NAN, 1.5, 1.5, 2.5};
	const Tensor **runs[2];
	Ctx *cx = ctx_new();
	for (int r = 0; r < 2; r++) {
		Buf g = message(cx);
		for (int i = 0; i < N_OUT; i++) put_message(&g, 1, normal_node(cx, names[i], seeds[i]));
		for (int i = 0; i < N_OUT; i++) put_output(cx, &g, names[i]);
		runs[r] = run_model(cx, import(cx, g), NULL);
	}
	cr_expect(cx->n_notes == 1 && !strcmp(cx->notes[0], onnx_random_note));
	const Tensor **first = runs[0], **second = runs[1];
	for (int i = 0; i < N_OUT; i++) cr_expect_eq(n_equal(first[i], second[i]), 1000);
	cr_expect_eq(n_equal(first[SEEDED], first[AGAIN]), 1000);
	cr_expect_lt(n_equal(first[A], first[B]), 10);
	cr_expect_lt(n_equal(first[A], first[SEEDED]), 10);
	cr_expect_lt(n_equal(first[SEEDED], first[OTHER]), 10);
	double sum = 0, squares = 0;
	for (int i = 0; i < 1000; i++) {
		const double x = tensor_get(first[A], i) - 10;
		sum += x, squares += x * x;
	}
	cr_expect(fabs(sum / 1000) < 0.3 && fabs(squares / 1000 - 4) < 0.9);
	ctx_free(cx);
}

/* What is kept is scaled, the rest 0, the mask says which; about the asked for part is kept. */
Test(onnx_random, dropout)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx);
	put_input(cx, &g, "x", FLOAT, "100 100");
	put_input(cx, &g, "ratio", FLOAT, "");
	put_input(cx, &g, "training", BOOLEAN, "");
	put_message(&g, 1, node(cx, "Dropout", "x ratio training", "y mask"));
	put_output(cx, &g, "y");
	put_output(cx, &g, "mask");
	const Graph *graph = import(cx, g);
	Tensor *x = tensor_new(cx->arena, F32, 2, (const int64_t[]){100, 100}),
	       *ratio = tensor_new(cx->arena, F32, 0, NULL);
	Tensor *training = tensor_new(cx->arena, BOOL, 0, NULL);
	for (int i = 0; i < 10000; i++) tensor_set(x, i, i + 1);
	tensor_set(ratio, 0, 0.25);
	for (int on = 0; on < 2; on++) {
		tensor_set_int(training, 0, on);
		const Tensor **out = run_model(cx, graph, (const Tensor *const[]){x, ratio, training});
		int kept = 0;
		for (int i = 0; i < 10000; i++) {
			const bool keep = tensor_get_int(out[1], i);
			const double wanted = !keep ? 0 : on ? (double)((float)(i + 1) / 0.75F) : i + 1;
			cr_assert_float_eq(tensor_get(out[0], i), wanted, 1e-3);
			kept += keep;
		}
		cr_expect(on ? abs(kept - 7500) < 220 : kept == 10000, "%d", kept);
	}
	ctx_free(cx);
}

/* Frequencies of samples: within five standard deviations. */
Test(onnx_random, bernoulli_and_multinomial)
{
	static const double p[] = {0.1, 0.2, 0.7};
	enum { SAMPLES = 10000 };
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "Multinomial", "x", "y");
	put_attr_int(cx, &n, "sample_size", SAMPLES);
	put_attr_int(cx, &n, "dtype", INT64);
	put_input(cx, &g, "x", FLOAT, "2 3");
	put_input(cx, &g, "p", FLOAT, "10000");
	put_message(&g, 1, n);
	put_message(&g, 1, node(cx, "Bernoulli", "p", "b"));
	put_output(cx, &g, "y");
	put_output(cx, &g, "b");
	Tensor *x = tensor_new(cx->arena, F32, 2, (const int64_t[]){2, 3}),
	       *ps = tensor_new(cx->arena, F32, 1, (const int64_t[]){10000});
	for (int i = 0; i < 6; i++) tensor_set(x, i, log(p[i < 3 ? i : 5 - i]) + 3); /* not normalised */
	for (int i = 0; i < 10000; i++) tensor_set(ps, i, i < 5000 ? 0.2 : 0.9);
	const Tensor **out = run_model(cx, import(cx, g), (const Tensor *const[]){x, ps});
	cr_assert_eq(out[0]->count, 2 * SAMPLES);
	for (int row = 0; row < 2; row++) {
		int count[3] = {0};
		for (int i = 0; i < SAMPLES; i++) {
			const int64_t k = tensor_get_int(out[0], row * SAMPLES + i);
			cr_assert(k >= 0 && k < 3);
			count[k]++;
		}
		for (int k = 0; k < 3; k++) {
			const double q = p[row ? 2 - k : k];
			cr_expect_lt(fabs(count[k] - SAMPLES * q), 5 * sqrt(SAMPLES * q * (1 - q)));
		}
	}
	double low = 0, high = 0;
	for (int i = 0; i < 5000; i++) low += tensor_get(out[1], i), high += tensor_get(out[1], 5000 + i);
	cr_expect(fabs(low - 1000) < 5 * sqrt(800) && fabs(high - 4500) < 5 * sqrt(450), "%g %g", low, high);
	ctx_free(cx);
}
