/* test_api.c: the public library on a model with a known answer: calls, states, errors as values, threads. */
#include <criterion/criterion.h>

#include "rnncc.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* y = x + h, hn = the greatest row of y, element by element; x is [T, 2], h [2].  Written by the onnx package: Add, and
 * ReduceMax with axes = [0] and keepdims = 0, of opset 13. */
static const unsigned char onnx[] = {8, 8, 58, 148, 1, 10, 14, 10, 1, 120, 10, 1, 104, 18, 1, 121, 34, 3, 65, 100, 100,
	10, 48, 10, 1, 121, 18, 2, 104, 110, 34, 9, 82, 101, 100, 117, 99, 101, 77, 97, 120, 42, 11, 10, 4, 97, 120,
	101, 115, 64, 0, 160, 1, 7, 42, 15, 10, 8, 107, 101, 101, 112, 100, 105, 109, 115, 24, 0, 160, 1, 2, 18, 1, 103,
	90, 20, 10, 1, 120, 18, 15, 10, 13, 8, 1, 18, 9, 10, 3, 18, 1, 84, 10, 2, 8, 2, 90, 15, 10, 1, 104, 18, 10, 10,
	8, 8, 1, 18, 4, 10, 2, 8, 2, 98, 20, 10, 1, 121, 18, 15, 10, 13, 8, 1, 18, 9, 10, 3, 18, 1, 84, 10, 2, 8, 2, 98,
	16, 10, 2, 104, 110, 18, 10, 10, 8, 8, 1, 18, 4, 10, 2, 8, 2, 66, 4, 10, 0, 16, 13};

static const rnncc_options interpreted = {.via = "interpret"};
static const rnncc_pair hn_to_h = {"hn", "h"};

static rnncc_model *load(const rnncc_options *options)
{
	char *error = NULL;
	rnncc_model *model = rnncc_load_memory(onnx, sizeof onnx, options, &error);
	cr_assert(model && !error, "%s", error);
	return model;
}

/* The options of each way to run that is worth a test. */
static rnncc_options ways(int i) { return (rnncc_options){.via = i ? NULL : "interpret"}; }
enum { N_WAYS = 2 };

static rnncc_tensor floats(float *data, int rank, const int64_t *dims)
{
	return (rnncc_tensor){RNNCC_F32, rank, dims, data};
}

static void check(const rnncc_tensor *t, int n, const float *wanted)
{
	for (int i = 0; i < n; i++) {
		const double seen = (double)((const float *)t->data)[i];
		cr_expect_eq(seen, (double)wanted[i], "element %d: %g seen, %g wanted", i, seen, (double)wanted[i]);
	}
}

Test(api, describes_the_model)
{
	rnncc_model *model = load(&interpreted);
	cr_assert(rnncc_n_inputs(model) == 2 && rnncc_n_outputs(model) == 2);
	const rnncc_value x = rnncc_input(model, 0), hn = rnncc_output(model, 1);
	cr_expect_str_eq(x.name, "x");
	cr_expect(x.type == RNNCC_F32 && x.rank == 2 && x.dims[0] == -1 && x.dims[1] == 2);
	cr_expect_str_eq(x.dim_text[0], "T");
	cr_expect_str_eq(hn.name, "hn");
	cr_expect(hn.rank == 1 && hn.dims[0] == 2);
	cr_assert_eq(rnncc_n_sizes(model), 1);
	cr_expect_str_eq(rnncc_size(model, 0).name, "T");
	cr_expect_eq(rnncc_state_bytes(model), 0);
	cr_expect_null(rnncc_state_new(model));
	rnncc_free(model);
}

Test(api, runs)
{
	for (int w = 0; w < N_WAYS; w++) {
		const rnncc_options options = ways(w);
		rnncc_model *model = load(&options);
		/* twice with the same sizes, then with others */
		for (int64_t n = 3; n >= 2; n--)
			for (int again = 0; again < 2; again++) {
				float x[] = {1, 2, 5, 1, 3, 9}, h[] = {10, -10};
				const rnncc_tensor in[] = {
					floats(x, 2, (const int64_t[]){n, 2}), floats(h, 1, (const int64_t[]){2})};
				rnncc_tensor out[2];
				char *error;
				cr_assert_eq(rnncc_run(model, in, 2, NULL, out, 2, &error), 0, "%s", error);
				cr_assert(out[0].rank == 2 && out[0].dims[0] == n && out[0].dims[1] == 2 &&
					out[1].rank == 1);
				check(&out[0], (int)(2 * n), (const float[]){11, -8, 15, -9, 13, -1});
				check(&out[1], 2, n == 3 ? (const float[]){15, -1} : (const float[]){15, -8});
				rnncc_tensors_free(out, 2);
			}
		rnncc_free(model);
	}
}

/* h is kept: 0, then the greatest so far. */
Test(api, keeps_state)
{
	for (int w = 0; w < N_WAYS; w++) {
		rnncc_options options = ways(w);
		options.states = &hn_to_h;
		options.n_states = 1;
		options.ranges = &(rnncc_range){"T", 1, 1, 0};
		options.n_ranges = 1;
		rnncc_model *model = load(&options);
		cr_assert(rnncc_n_inputs(model) == 1 && rnncc_n_outputs(model) == 1);
		cr_expect_eq(rnncc_state_bytes(model), 2 * sizeof(float));
		rnncc_state *a = rnncc_state_new(model), *b = rnncc_state_new(model);
		float x[] = {1, 2};
		const rnncc_tensor in = floats(x, 2, (const int64_t[]){1, 2});
		rnncc_state *const states[] = {a, a, b, a, NULL};
		static const float wanted[][2] = {{1, 2}, {2, 4}, {1, 2}, {3, 6}, {1, 2}};
		for (int i = 0; i < 6; i++) {
			rnncc_tensor out;
			char *error;
			if (i == 5) rnncc_state_reset(a);
			cr_assert_eq(rnncc_run(model, &in, 1, i == 5 ? a : states[i], &out, 1, &error), 0, "%s", error);
			check(&out, 2, wanted[i == 5 ? 0 : i]);
			rnncc_tensors_free(&out, 1);
		}
		rnncc_state_free(a);
		rnncc_state_free(b);
		rnncc_free(model);
	}
}

Test(api, binds_inputs)
{
	const rnncc_options options = {.via = "interpret", .binds = &(rnncc_pair){"h", "0.5,-1"}, .n_binds = 1};
	rnncc_model *model = load(&options);
	cr_assert_eq(rnncc_n_inputs(model), 1);
	float x[] = {1, 2};
	const rnncc_tensor in = floats(x, 2, (const int64_t[]){1, 2});
	rnncc_tensor out[2];
	cr_assert_eq(rnncc_run(model, &in, 1, NULL, out, 2, NULL), 0);
	check(&out[0], 2, (const float[]){1.5f, 1});
	rnncc_tensors_free(out, 2);
	rnncc_free(model);
}

/* 1 + 2^-9 is between two numbers of bf16, and rounded only where that is asked for; the weight 1.5 has one. */
Test(api, narrow_products)
{
	char path[] = "/tmp/rnncc-products-XXXXXX.ir";
	FILE *f = fdopen(mkstemps(path, 3), "w");
	fputs("graph @m(%x: f32[1, 2]) -> (%y: f32[1, 1]) {\n"
	      "  %w = const f32[2, 1] {1.5, 0}\n"
	      "  %y = contract %x %w spec=\"ij,jk->ik\"\n"
	      "  return %y\n"
	      "}\n",
		f);
	fclose(f);
	for (int w = 0; w < N_WAYS; w++)
		for (int how = 0; how < 3; how++) {
			rnncc_options options = ways(w);
			if (how > 0) options.weights_dtype = "bf16";
			if (how > 1) options.products_dtype = "bf16";
			char *error = NULL;
			rnncc_model *model = rnncc_load(path, &options, &error);
			cr_assert(model, "%s", error);
			float x[] = {1 + 0x1p-9f, 3};
			const rnncc_tensor in = floats(x, 2, (const int64_t[]){1, 2});
			rnncc_tensor out;
			cr_assert_eq(rnncc_run(model, &in, 1, NULL, &out, 1, NULL), 0);
			cr_expect_eq(*(const float *)out.data, how > 1 ? 1.5f : 1.5f * (1 + 0x1p-9f));
			rnncc_tensors_free(&out, 1);
			rnncc_free(model);
		}
	remove(path);
}

/* ---- errors ---- */

static void check_refused(const rnncc_options *options, const char *words)
{
	char *error = NULL;
	cr_expect_null(rnncc_load_memory(onnx, sizeof onnx, options, &error));
	cr_expect(error && strstr(error, words), "%s, not %s", error ? error : "(none)", words);
	free(error);
}

Test(api, errors_of_loading)
{
	check_refused(&(rnncc_options){.via = "magic"}, "via is 'magic'");
	check_refused(&(rnncc_options){.target = "z80"}, "z80");
	check_refused(&(rnncc_options){.opt = 9}, "opt is 9");
	check_refused(&(rnncc_options){.binds = &(rnncc_pair){"q", "1"}, .n_binds = 1}, "no input of that name");
	check_refused(&(rnncc_options){.binds = &(rnncc_pair){"h", "1,two"}, .n_binds = 1}, "neither numbers");
	check_refused(&(rnncc_options){.states = &(rnncc_pair){"y", "h"}, .n_states = 1}, "types differ");
	check_refused(&(rnncc_options){.weights_dtype = "f8"}, "weights_dtype is 'f8': bf16, f16 or int8 wanted");
	check_refused(&(rnncc_options){.weights_dtype = "bf16", .f64 = 1}, "which f64 leaves none of");
	check_refused(&(rnncc_options){.weights_dtype = "bf16", .products_dtype = "f16"}, "products_dtype is 'f16'");
	check_refused(&(rnncc_options){.products_dtype = "bf16"}, "it needs weights_dtype to be bf16");
	check_refused(&(rnncc_options){.weights_dtype = "f16", .products_dtype = "bf16"}, "it needs weights_dtype");
	check_refused(&(rnncc_options){.ranges = &(rnncc_range){"T", 5, 2, 0}, .n_ranges = 1}, "is empty");
	cr_expect_null(rnncc_load("/nonexistent.onnx", NULL, NULL), "an error that nobody wants to read");
	char *error;
	cr_expect_null(rnncc_load_memory("junk", 4, NULL, &error));
	free(error);
}

static void check_run_refused(rnncc_model *model, const rnncc_tensor *in, size_t n, const char *words)
{
	rnncc_tensor out[2];
	char *error = NULL;
	cr_expect_eq(rnncc_run(model, in, n, NULL, out, 2, &error), -1);
	cr_expect(error && strstr(error, words), "%s, not %s", error ? error : "(none)", words);
	cr_expect(!out[0].data && !out[1].data);
	free(error);
}

Test(api, errors_of_calls)
{
	rnncc_model *model = load(&interpreted);
	float x[6] = {0};
	const int64_t good[] = {3, 2}, wrong[] = {2, 3}, negative[] = {-1, 2}, huge[] = {INT64_MAX, 2}, two[] = {2};
	rnncc_tensor in[] = {floats(x, 2, good), floats(x, 1, two)};
	check_run_refused(model, in, 1, "1 inputs and 2 outputs given");
	in[0].dims = wrong;
	check_run_refused(model, in, 2, "input 'x'");
	in[0].dims = negative;
	check_run_refused(model, in, 2, "negative");
	in[0].dims = huge;
	check_run_refused(model, in, 2, "too large");
	in[0].dims = good;
	in[0].data = NULL;
	check_run_refused(model, in, 2, "no data");
	in[0].data = x;
	in[0].type = RNNCC_F64;
	check_run_refused(model, in, 2, "input 'x'");
	in[0].type = (rnncc_type)99;
	check_run_refused(model, in, 2, "not a tensor");
	/* and it still works */
	in[0].type = RNNCC_F32;
	rnncc_tensor out[2];
	cr_assert_eq(rnncc_run(model, in, 2, NULL, out, 2, NULL), 0);
	rnncc_tensors_free(out, 2);
	rnncc_free(model);
}

/* ---- threads ---- */

static void *many_calls(void *shared)
{
	for (int i = 0; i < 200; i++) {
		float x[] = {(float)i, 2, 1, 1}, h[] = {1, 1};
		const int64_t n = 1 + i % 2, dims[] = {n, 2}, two[] = {2};
		const rnncc_tensor in[] = {floats(x, 2, dims), floats(h, 1, two)};
		rnncc_tensor out[2];
		if (rnncc_run(shared, in, 2, NULL, out, 2, NULL)) return (void *)1;
		const bool right =
			((const float *)out[0].data)[0] == (float)i + 1 && ((const float *)out[1].data)[1] == 3;
		rnncc_tensors_free(out, 2);
		if (!right) return (void *)1;
	}
	return NULL;
}

Test(api, one_model_in_four_threads)
{
	for (int w = 0; w < N_WAYS; w++) {
		const rnncc_options options = ways(w);
		rnncc_model *model = load(&options);
		pthread_t threads[4];
		for (int i = 0; i < 4; i++) cr_assert_eq(pthread_create(&threads[i], NULL, many_calls, model), 0);
		for (int i = 0; i < 4; i++) {
			void *failed;
			pthread_join(threads[i], &failed);
			cr_expect_null(failed);
		}
		rnncc_free(model);
	}
}

/* y = scale * x, of a .rnn whose parameter is random, from a file, or saved and read again. */
static const char scale_rnn[] = "model scaled(x[T, 2]) -> y[T, 2] {\n\tparam scale[2] ~ uniform\n\ty = scale*x\n}\n";

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* scale: y of x = 1, 1. */
static void scale_of(const char *path, const rnncc_options *options, float scale[2])
{
	char *error = NULL;
	rnncc_model *model = rnncc_load(path, options, &error);
	cr_assert(model, "%s", error);
	float ones[2] = {1, 1};
	int64_t length = 1;
	rnncc_tensor in[] = {floats(ones, 3, (const int64_t[]){1, 1, 2}),
		{RNNCC_I64, 1, (const int64_t[]){1}, &length}},
		     out;
	cr_assert_eq(rnncc_n_inputs(model), options->no_lengths ? 1 : 2);
	cr_assert_eq(rnncc_run(model, in, rnncc_n_inputs(model), NULL, &out, 1, &error), 0, "%s", error);
	memcpy(scale, out.data, 2 * sizeof *scale);
	rnncc_tensors_free(&out, 1);
	if (options->weights_seed == 1) cr_assert_eq(rnncc_save_weights(model, "scale.npz", &error), 0, "%s", error);
	cr_assert_eq(rnncc_save_weights(model, "scale.txt", &error), -1);
	cr_expect(strstr(error, ".npz"), "%s", error);
	free(error);
	rnncc_free(model);
}

static void refuse_options(const char *path, const rnncc_options *options, const char *words)
{
	char *error = NULL;
	cr_assert_null(rnncc_load(path, options, &error));
	cr_expect(strstr(error, words), "%s", error);
	free(error);
}

Test(api, weights_of_the_language)
{
	char dir[] = "/tmp/rnncc_api_XXXXXX";
	cr_assert(mkdtemp(dir) && chdir(dir) == 0);
	write_text("scale.rnn", scale_rnn);
	write_text("map.txt", "scale = other\n");
	float zero[2], one[2], again[2], saved[2];
	scale_of("scale.rnn", &interpreted, zero);
	scale_of("scale.rnn", &(rnncc_options){.via = "interpret", .weights_seed = 1, .no_lengths = 1}, one);
	scale_of("scale.rnn:scaled", &(rnncc_options){.via = "interpret", .weights_seed = 1}, again);
	scale_of("scale.rnn", &(rnncc_options){.via = "interpret", .weights = "scale.npz"}, saved);
	cr_expect(memcmp(zero, one, sizeof one), "another seed gives the same numbers");
	cr_expect(!memcmp(one, again, sizeof one), "a seed gives other numbers");
	cr_expect(!memcmp(one, saved, sizeof one), "what was saved is not what was read");
	refuse_options("scale.rnn", &(rnncc_options){.weights = "missing.npz"}, "missing.npz");
	refuse_options("scale.rnn", &(rnncc_options){.weights = "scale.npz", .weights_map = "map.txt"}, "other");
	refuse_options("scale.rnn", &(rnncc_options){.weights_map = "map.txt"}, "no file of them");
	refuse_options("scale.rnn", &(rnncc_options){.weights_layout = "tensorflow"}, "pytorch or keras");
	char *error = NULL;
	rnncc_options of_rnn = {.weights_seed = 1};
	cr_assert_null(rnncc_load_memory(onnx, sizeof onnx, &of_rnn, &error));
	cr_expect(strstr(error, ".rnn"), "%s", error);
	free(error);
	remove("scale.rnn"), remove("map.txt"), remove("scale.npz");
	rmdir(dir);
}

/* y_t = y_{t-1}/2 + x_t, in chunks of two steps, one and two, two streams side by side. */
static const char leak_rnn[] = "cell leak(x; s) { s' = s/2 + x }\n"
			       "model leaks(x[T]) -> y[T] { y = scan leak over x }\n"
			       "model back(x[T]) -> y[T] { y = scan leak over x reverse }\n";

Test(api, streams_a_sequence)
{
	char dir[] = "/tmp/rnncc_api_XXXXXX";
	cr_assert(mkdtemp(dir) && chdir(dir) == 0);
	write_text("leak.rnn", leak_rnn);
	char *error = NULL;
	rnncc_model *model = rnncc_load("leak.rnn:leaks", &(rnncc_options){.stream = 1}, &error);
	cr_assert(model, "%s", error);
	cr_assert(rnncc_n_inputs(model) == 1 && rnncc_n_outputs(model) == 1);
	cr_expect_eq(rnncc_state_bytes(model), sizeof(float));
	float x[] = {1, 2, 3, 4, 5};
	static const float wanted[] = {1, 2.5F, 4.25F, 6.125F, 8.0625F};
	rnncc_state *const states[] = {rnncc_state_new(model), rnncc_state_new(model)};
	int at = 0;
	for (int chunk = 0; chunk < 3; chunk++) {
		const int n = chunk == 1 ? 1 : 2;
		for (int s = 0; s < 2; s++) {
			const rnncc_tensor in = floats(x + at, 2, (const int64_t[]){1, n});
			rnncc_tensor out;
			cr_assert_eq(rnncc_run(model, &in, 1, states[s], &out, 1, &error), 0, "%s", error);
			check(&out, n, wanted + at);
			rnncc_tensors_free(&out, 1);
		}
		at += n;
	}
	rnncc_state_free(states[0]);
	rnncc_state_free(states[1]);
	rnncc_free(model);
	refuse_options("leak.rnn:back", &(rnncc_options){.stream = 1}, "from the last step to the first");
	refuse_options("leak.rnn:leaks", &(rnncc_options){.stream = 1, .via = "interpret"}, "compiled code");
	remove("leak.rnn");
	rmdir(dir);
}
