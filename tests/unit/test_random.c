/* test_random.c: random numbers against published vectors and another implementation; initialisers against their laws. */
#include <criterion/criterion.h>

#include "frontend/weights/weights.h"

#include <math.h>
#include <string.h>

#define LENGTH(array) (int)(sizeof(array) / sizeof *(array))

/* What tests/random_reference.py prints. */
static const double uniform_expected[] = {0x1.a3f77db169174p-3, 0x1.dddd7c771a2e3p-1, 0x1.0cced8e75d814p-3,
	0x1.52d2fc7adeb4cp-3, 0x1.66d28139dbb1bp-1, 0x1.6bae2ea745805p-1, 0x1.a9788c0cc98bcp-3};
static const double quantile_at[] = {0x1.0000000000000p-53, 0x1.203af9ee75616p-50, 0x1.19799812dea11p-40,
	0x1.0c6f7a0b5ed8dp-20, 0x1.47ae147ae147bp-7, 0x1.32ca57a786c22p-4, 0x1.339c0ebedfa44p-4, 0x1.3333333333333p-2,
	0x1.fffffff000000p-2, 0x1.0000000000000p-1, 0x1.6666666666666p-1, 0x1.fae147ae147aep-1, 0x1.fffffff768fa1p-1,
	0x1.fffffffffffffp-1};
static const double quantile_expected[] = {-0x1.06b48528cea51p+3, -0x1.fc3f007789667p+2, -0x1.c234fba57a32ap+2,
	-0x1.30381a9799f7ep+2, -0x1.29c5c4630ff0ep+1, -0x1.70b374817af50p+0, -0x1.7056dc6686c9ap+0,
	-0x1.0c7e39582c5fap-1, -0x1.40d931ff62707p-29, 0, 0x1.0c7e39582c5fap-1, 0x1.29c5c4630ff0ep+1,
	0x1.7fdc11f93a211p+2, 0x1.06b48528cea51p+3};
static const double quantile_bits[] = {-0x1.06b48528cea51p+3, -0x1.fc3f007789667p+2, -0x1.c234fba57a32ap+2,
	-0x1.30381a9799f7ep+2, -0x1.29c5c4630ff0ep+1, -0x1.70b374817af50p+0, -0x1.7056dc6686c9ap+0,
	-0x1.0c7e39582c5fap-1, -0x1.40d931ff62707p-29, 0, 0x1.0c7e39582c5fap-1, 0x1.29c5c4630ff0ep+1,
	0x1.7fdc11f93a211p+2, 0x1.06b48528cea51p+3};
static const double glorot_expected[] = {-0x1.ae94c80564c9ep-1, -0x1.1f6e40cea0b8cp-2, -0x1.f328ce5baf9eep-1,
	-0x1.9c517162fa77cp-2, 0x1.1c9af74329c54p-2, -0x1.426a648b1f3ccp-2, -0x1.fc8c19ca3fd74p-2,
	-0x1.0992bcf14c8a4p-2};
static const double wide_expected[] = {-0x1.bcf8ed0ec686ap-1, 0x1.bd751d5322517p-3, 0x1.c6ef7ab517320p-2,
	-0x1.8253ebc0ee466p-5, -0x1.dc67e040fee46p-1, 0x1.74037f9aec185p-2};
static const double wide_bits[] = {-0x1.bcf8ed0ec6869p-1, 0x1.bd751d5322516p-3, 0x1.c6ef7ab51731fp-2,
	-0x1.8253ebc0ee47fp-5, -0x1.dc67e040fee48p-1, 0x1.74037f9aec181p-2};
static const double long_bits[] = {-0x1.4d774ff593d01p-1, 0x1.4dd4615a8b1e1p-3, 0x1.54eeb7f75ca70p-2,
	0x1.d475417791f1ep-2, -0x1.7802f5336de07p-2, -0x1.24a6ef8b2595dp-3, -0x1.16449d20da8c6p-2};
static const double high_expected[] = {-0x1.bcf8ed0ec686ap-1, -0x1.8253ebc0ee466p-5, 0x1.bd751d5322517p-3,
	-0x1.dc67e040fee46p-1, 0x1.c6ef7ab517320p-2, 0x1.74037f9aec185p-2};
static const double reservoir_expected[] = {-0x1.1a668fc2c4197p-1, -0x1.5d400c95b2521p-1, 0x1.20ae441b995efp-9,
	-0x1.0c08a5d0abe86p-1, -0x1.6f77cde05ec5cp-1, 0, 0, -0x1.bb3f58d593221p-1, -0x1.9a8611b4096f8p-2, 0, 0, 0,
	0x1.2ef5bc5a85993p-4, 0x1.773163588ccdcp-1, 0, 0x1.3038461e5f223p-2, 0x1.1697eec39354dp-2, 0x1.dc379e652bda8p-4,
	0, -0x1.d2e8dee68bd9bp-2, 0, -0x1.4c708c7090831p-1, 0x1.44bd6c162cc65p-1, 0x1.8824d112bd1abp-2, 0};
static const double reservoir_bits[] = {-0x1.1a668f430286cp-1, -0x1.5d400bf7b2b89p-1, 0x1.20ae4399007bap-9,
	-0x1.0c08a5576a32bp-1, -0x1.6f77cd3a21523p-1, 0, 0, -0x1.bb3f580d0d759p-1, -0x1.9a8610fa51960p-2, 0, 0, 0,
	0x1.2ef5bbd177002p-4, 0x1.773162aed0b4fp-1, 0, 0x1.30384594be9f2p-2, 0x1.1697ee458aac8p-2, 0x1.dc379d8dbbdb8p-4,
	0, -0x1.d2e8de1351cb2p-2, 0, -0x1.4c708bda2bc97p-1, 0x1.44bd6b8343c62p-1, 0x1.8824d06155e11p-2, 0};

/* kat_vectors of Random123 1.14: philox4x32 10 */
Test(random, philox_known_answers)
{
	static const struct {
		uint32_t counter[4], key[2], block[4];
	} known[] = {
		{{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, {UINT32_MAX, UINT32_MAX},
			{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
			{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};
	for (int i = 0; i < LENGTH(known); i++) {
		uint32_t block[4];
		philox4x32(known[i].counter, known[i].key, block);
		cr_expect_arr_eq(block, known[i].block, sizeof block, "vector %d", i);
	}
}

Test(random, uniform_depends_on_seed_name_and_index)
{
	static const struct {
		uint64_t seed;
		const char *name;
		int64_t i;
	} at[] = {{0, "w", 0}, {0, "w", 1}, {0, "w", 2}, {1, "w", 0}, {UINT64_C(1) << 32, "w", 0}, {0, "v", 0},
		{INT64_MAX, "cell.W0:0", INT64_C(1000000000000)}};
	Ctx *cx = ctx_new();
	cr_assert_eq(LENGTH(at), LENGTH(uniform_expected));
	for (int i = 0; i < LENGTH(at); i++) {
		const Random r = random_stream(cx, at[i].seed, at[i].name);
		cr_expect_eq(random_uniform(&r, at[i].i), uniform_expected[i], "number %d", i);
	}
	ctx_free(cx);
}

Test(random, normal_quantiles)
{
	for (int i = 0; i < LENGTH(quantile_at); i++) {
		const double x = normal_quantile(quantile_at[i]);
		cr_expect_leq(fabs(x - quantile_expected[i]), 1e-15 * fabs(x), "at %a: %a", quantile_at[i], x);
		cr_expect_eq(x, quantile_bits[i], "at %a: %a", quantile_at[i], x);
	}
}

/* Of n independent numbers the mean, the variance, the skewness and the kurtosis have known standard errors. */
Test(random, moments_of_the_distributions)
{
	enum { N = 200000 };
	Ctx *cx = ctx_new();
	const Random r = random_stream(cx, 5, "moments");
	for (int normal = 0; normal < 2; normal++) {
		double sum[5] = {0}, lag = 0, last = 0;
		for (int i = 0; i < N; i++) {
			const double x = normal ? random_normal(&r, i) : (random_uniform(&r, i) - 0.5) * sqrt(12);
			double power = 1;
			for (int k = 1; k <= 4; k++) sum[k] += power *= x;
			lag += x * last;
			last = x;
		}
		/* the moments of a normal and of an even distribution of variance 1, and the variance of each */
		static const double moment[2][5] = {{1, 0, 1, 0, 1.8}, {1, 0, 1, 0, 3}},
				    variance[2][5] = {{0, 1, 0.8, 27. / 7, 9 - 3.24}, {0, 1, 2, 15, 96}};
		for (int k = 1; k <= 4; k++)
			cr_expect_leq(fabs(sum[k] / N - moment[normal][k]), 3 * sqrt(variance[normal][k] / N),
				"normal %d: moment %d is %g", normal, k, sum[k] / N);
		cr_expect_leq(fabs(lag / N), 3 / sqrt(N), "normal %d: neighbours", normal);
	}
	ctx_free(cx);
}

/* ---- initialisers ---- */

static const Tensor *init(Ctx *cx, const char *name, int64_t rows, int64_t columns, int n, const InitStep *steps)
{
	const int64_t dims[] = {rows, columns};
	double fan_in, fan_out;
	init_fans(2, dims, &fan_in, &fan_out);
	return init_tensor(cx, name, F64, 2, dims, fan_in, fan_out, n, steps, 7);
}

static const Tensor *init1(Ctx *cx, const char *name, int64_t rows, int64_t columns, InitStep step)
{
	return init(cx, name, rows, columns, 1, &step);
}

static void check_values(const Tensor *t, const double *expected, int n, double tolerance)
{
	cr_assert_eq(t->count, n);
	for (int i = 0; i < n; i++)
		cr_expect_leq(fabs(tensor_get(t, i) - expected[i]), tolerance, "element %d is %a, not %a", i,
			tensor_get(t, i), expected[i]);
}

static const InitStep reservoir[] = {{"sparse", 1, {0.6}}, {"spectral", 1, {0.9}}};

Test(random, initialisers_of_another_implementation)
{
	Ctx *cx = ctx_new();
	check_values(init1(cx, "a", 4, 2, (InitStep){.name = "glorot"}), glorot_expected, 8, 0);
	const Tensor *wide = init1(cx, "q", 2, 3, (InitStep){.name = "orthogonal"});
	check_values(wide, wide_expected, 6, 1e-14);
	check_values(wide, wide_bits, 6, 0);
	check_values(init1(cx, "q", 1, 7, (InitStep){.name = "orthogonal"}), long_bits, 7, 0);
	check_values(init1(cx, "q", 3, 2, (InitStep){.name = "orthogonal"}), high_expected, 6, 1e-14);
	const Tensor *w = init(cx, "s", 5, 5, 2, reservoir);
	check_values(w, reservoir_expected, 25, 3e-7);
	check_values(w, reservoir_bits, 25, 0);
	ctx_free(cx);
}

Test(random, orthogonal_is_orthogonal)
{
	static const int64_t shapes[][2] = {{64, 64}, {192, 64}, {33, 129}, {1, 5}, {5, 1}};
	Ctx *cx = ctx_new();
	for (int s = 0; s < LENGTH(shapes); s++) {
		const int64_t rows = shapes[s][0], columns = shapes[s][1], n = rows < columns ? rows : columns;
		const Tensor *q = init1(cx, "q", rows, columns, (InitStep){"orthogonal", 1, {2}});
		const double *v = q->data;
		for (int64_t i = 0; i < n; i++)
			for (int64_t j = 0; j < n; j++) {
				double sum = 0;
				if (rows > columns)
					for (int64_t k = 0; k < rows; k++)
						sum += v[k * columns + i] * v[k * columns + j];
				else
					for (int64_t k = 0; k < columns; k++)
						sum += v[i * columns + k] * v[j * columns + k];
				cr_assert_leq(fabs(sum - (i == j ? 4 : 0)), 1e-13, "shape %d: %d, %d: %g", s, (int)i,
					(int)j, sum);
			}
	}
	ctx_free(cx);
}

/* A rotation by an angle has no real eigenvalue; a triangle's are on its diagonal; a nilpotent matrix has none but 0. */
Test(random, spectral_radii)
{
	double work[9];
	double rotation[] = {3 * cos(1), -3 * sin(1), 3 * sin(1), 3 * cos(1)};
	cr_expect_float_eq(spectral_radius(rotation, work, 2), 3, 1e-6);
	double triangle[] = {0.5, 100, -7, 0, -0.25, 1e6, 0, 0, 0.125};
	cr_expect_float_eq(spectral_radius(triangle, work, 3), 0.5, 1e-6);
	double jordan[] = {1, 1, 0, 0, 1, 1, 0, 0, 1};
	cr_expect_float_eq(spectral_radius(jordan, work, 3), 1, 1e-5);
	double nilpotent[] = {0, 1, 2, 0, 0, 3, 0, 0, 0};
	cr_expect_eq(spectral_radius(nilpotent, work, 3), 0);
	double huge[] = {1e100, 0, 0, 1e50};
	cr_expect_float_eq(spectral_radius(huge, work, 2), 1e100, 1e94);
}

static void check_spread(Ctx *cx, InitStep step, double mean, double deviation, double bound)
{
	const Tensor *t = init1(cx, "spread", 300, 200, step);
	double sum = 0, squares = 0, most = 0;
	for (int64_t i = 0; i < t->count; i++) {
		const double x = tensor_get(t, i) - mean;
		sum += x;
		squares += x * x;
		most = fmax(most, fabs(x));
	}
	const double n = (double)t->count;
	cr_expect_leq(fabs(sum / n), 3 * deviation / sqrt(n), "%s: mean %g", step.name, mean + sum / n);
	cr_expect_leq(fabs(squares / n / (deviation * deviation) - 1), 3 * sqrt(2 / n), "%s: variance", step.name);
	if (bound > 0) cr_expect(most < bound && most > 0.999 * bound, "%s: bound %g", step.name, most);
}

/* [300, 200]: 200 inputs, 300 outputs */
Test(random, spread_of_the_initialisers)
{
	Ctx *cx = ctx_new();
	const double glorot = sqrt(6. / 500), torch = 1 / sqrt(200);
	check_spread(cx, (InitStep){.name = "glorot"}, 0, glorot / sqrt(3), glorot);
	check_spread(cx, (InitStep){.name = "uniform"}, 0, torch / sqrt(3), torch);
	check_spread(cx, (InitStep){"uniform", 2, {1, 3}}, 2, 1 / sqrt(3), 1);
	check_spread(cx, (InitStep){.name = "he"}, 0, sqrt(2. / 200), 0);
	check_spread(cx, (InitStep){.name = "normal"}, 0, 1, 0);
	check_spread(cx, (InitStep){"normal", 2, {-1, 0.5}}, -1, 0.5, 0);
	const Tensor *t = init1(cx, "sparse", 300, 200, (InitStep){"sparse", 1, {0.1}});
	double kept = 0;
	for (int64_t i = 0; i < t->count; i++) kept += tensor_get(t, i) != 0;
	cr_expect_leq(fabs(kept - 6000), 3 * sqrt(60000 * 0.1 * 0.9), "%g are kept", kept);
	ctx_free(cx);
}

Test(random, initialisers_without_chance)
{
	Ctx *cx = ctx_new();
	check_values(init1(cx, "a", 1, 2, (InitStep){.name = "zeros"}), (double[]){0, 0}, 2, 0);
	check_values(init1(cx, "a", 1, 2, (InitStep){.name = "ones"}), (double[]){1, 1}, 2, 0);
	check_values(init1(cx, "a", 1, 2, (InitStep){"const", 1, {-4}}), (double[]){-4, -4}, 2, 0);
	check_values(init1(cx, "a", 2, 3, (InitStep){.name = "identity"}), (double[]){1, 0, 0, 0, 1, 0}, 6, 0);
	static const InitStep forget[] = {{.name = "zeros"}, {"gate", 3, {1, 4, 1}}};
	const Tensor *b = init_tensor(cx, "b", F32, 1, (int64_t[]){8}, 8, 1, 2, forget, 0);
	check_values(b, (double[]){0, 0, 1, 1, 0, 0, 0, 0}, 8, 0);
	cr_expect_eq(
		init_tensor(cx, "e", F32, 2, (int64_t[]){0, 3}, 3, 0, 1, &(InitStep){.name = "orthogonal"}, 0)->count,
		0);
	ctx_free(cx);
}

/* Rounding happens once, at the end: f32 is the f64 rounded. */
Test(random, f32_is_f64_rounded)
{
	Ctx *cx = ctx_new();
	const int64_t dims[] = {5, 5};
	const Tensor *narrow = init_tensor(cx, "s", F32, 2, dims, 5, 5, 2, reservoir, 7);
	for (int i = 0; i < 25; i++) cr_expect_eq(tensor_get(narrow, i), (double)(float)reservoir_bits[i]);
	ctx_free(cx);
}

static void refuse(int n, const InitStep *steps, int64_t rows, int64_t columns, const char *expected)
{
	Ctx *cx = ctx_new();
	const char *volatile message = "(accepted)";
	TRY (cx) {
		init(cx, "W", rows, columns, n, steps);
	} else message = cx->error;
	cr_expect(strstr(message, expected), "%s, not %s", message, expected);
	ctx_free(cx);
}
#define REFUSE(rows, columns, expected, ...) \
	refuse(LENGTH(((const InitStep[]){__VA_ARGS__})), (const InitStep[]){__VA_ARGS__}, rows, columns, expected)

Test(random, wrong_chains)
{
	REFUSE(2, 2, "there is no initialiser 'zero': zeros, ones, const,", {.name = "zero"});
	REFUSE(2, 2, "'const' is given 0 arguments: const(v): v", {.name = "const"});
	REFUSE(2, 2, "'uniform' is given 1 argument:", {"uniform", 1, {1}});
	REFUSE(2, 2, "parameter 'W' [2, 2]: initialiser 'spectral': changes what comes before it",
		{"spectral", 1, {1}});
	REFUSE(2, 2, "'ones': begins anew, so that 'zeros' before it is lost", {.name = "zeros"}, {.name = "ones"});
	REFUSE(2, 3, "only a square matrix has eigenvalues", {.name = "ones"}, {"spectral", 1, {1}});
	REFUSE(2, 2, "all eigenvalues are 0", {.name = "zeros"}, {"spectral", 1, {1}});
	REFUSE(2, 2, "a probability is from 0 to 1", {"sparse", 1, {1.5}});
	REFUSE(2, 2, "its bounds must be finite and in order", {"uniform", 2, {1, -1}});
	REFUSE(2, 2, "the second not negative", {"normal", 2, {0, -1}});
	REFUSE(6, 2, "no such parts of equal size", {.name = "zeros"}, {"gate", 3, {1, 4, 1}});
	REFUSE(6, 2, "parts are numbered from 0 to n - 1", {.name = "zeros"}, {"gate", 3, {3, 3, 1}});
}
