/* bench.c: `rnncc bench`: how long one call takes. */
#include "cli/cli.h"
#include "cli/json.h"
#include "runtime/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MIN_SAMPLES = 50, MAX_SAMPLES = 1000000, N_LEVELS = 4 };
static const double MIN_SECONDS = 0.5, WARM_UP_SECONDS = 0.1;
static const double SAMPLE_SECONDS =
	5e-6; /* reading the clock costs some 30 ns: short calls are timed several at once */

typedef struct {
	int calls;
	double min_us, median_us, mean_us, p90_us;
	size_t workspace_bytes;
} Times;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static Times percentiles(Times t, double *us, int n)
{
	qsort(us, (size_t)n, sizeof *us, by_value);
	t.min_us = us[0];
	t.median_us = n % 2 ? us[n / 2] : (us[n / 2 - 1] + us[n / 2]) / 2;
	t.p90_us = us[(n - 1) * 9 / 10];
	return t;
}

/* Seconds of n calls. */
static double call_times(Ctx *cx, SessionCall *call, SessionState *state, int n)
{
	int error = 0;
	const double start = now();
	for (int i = 0; i < n; i++) error |= session_call(call, state);
	const double seconds = now() - start;
	if (error) fail(cx, "the compiled model returned the error %d", error);
	return seconds;
}

/* How many calls make a sample. */
static int warm_up(Ctx *cx, SessionCall *call, SessionState *state)
{
	int n = 0;
	const double start = now();
	do call_times(cx, call, state, 1), n++;
	while (now() - start < WARM_UP_SECONDS);
	return 1 + (int)(SAMPLE_SECONDS * n / WARM_UP_SECONDS);
}

static Times measure(Ctx *cx, Session *s, const Tensor *const *inputs)
{
	SessionCall *call = session_prepare(s, inputs);
	SessionState *state = session_state_new(s);
	const int batch = warm_up(cx, call, state);
	double *us = NEWN(cx->arena, double, MAX_SAMPLES), sum = 0;
	int n = 0;
	for (double start = now(); n < MAX_SAMPLES && (n < MIN_SAMPLES || now() - start < MIN_SECONDS); n++) {
		us[n] = call_times(cx, call, state, batch) * 1e6 / batch;
		sum += us[n];
	}
	const Times t = {.workspace_bytes = call->workspace_bytes, .calls = n * batch, .mean_us = sum / n};
	session_state_free(state);
	session_call_free(call);
	return percentiles(t, us, n);
}

/* The model at one -O level; *inputs are made once, for the first. */
static Times bench_level(Ctx *cx, const Options *o, const Model *m, int level, const Tensor ***inputs)
{
	Options at = *o;
	at.opt = level;
	if (o->data) { /* specialised to the data's sizes */
		const DataSet *sets;
		if (!data_sets(cx, o->data, &sets)) fail(cx, "%s: holds no input_K.pb and no test_data_set_K", o->data);
		const Ready r = ready_for(cx, &at, o->args[0], &sets[0]);
		return measure(cx, r.session, data_set_inputs(cx, &sets[0], r.session, r.model));
	}
	const CompileOptions co = options_compile(cx, &at, m);
	Session *s = open_model(cx, &at, m, &co, NULL);
	if (!*inputs) *inputs = inputs_random(cx, o, s);
	return measure(cx, s, *inputs);
}

static void print_as_json(Ctx *cx, const Options *o, const Times *t)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "model", path_base(cx->arena, o->args[0]));
	cJSON_AddNumberToObject(json, "min_us", t->min_us);
	cJSON_AddNumberToObject(json, "median_us", t->median_us);
	cJSON_AddNumberToObject(json, "mean_us", t->mean_us);
	cJSON_AddNumberToObject(json, "p90_us", t->p90_us);
	cJSON_AddNumberToObject(json, "calls", t->calls);
	cJSON_AddNumberToObject(json, "threads", o->threads);
	cJSON_AddStringToObject(json, "target", o->target ? o->target : "native");
	cJSON_AddStringToObject(json, "via", via_name(via_decide(o->via)));
	cJSON_AddNumberToObject(json, "opt", o->opt);
	cJSON_AddNumberToObject(json, "workspace_bytes", (double)t->workspace_bytes);
	json_print(json);
}

static int run(Ctx *cx, const Options *o)
{
	const Model *m = o->data ? NULL : load_model(cx, o, o->args[0]);
	const Tensor **inputs = NULL;
	if (o->json) {
		const Times t = bench_level(cx, o, m, o->opt, &inputs);
		print_as_json(cx, o, &t);
		return STATUS_OK;
	}
	const bool interpreted = o->via == VIA_INTERPRET;
	printf("%s via %s, target %s, %d thread%s: microseconds a call\n",
		printable(cx->arena, path_base(cx->arena, o->args[0])), via_name(via_decide(o->via)),
		o->target ? o->target : "native", o->threads, o->threads == 1 ? "" : "s");
	printf("%-14s %10s %10s %10s %8s %10s\n", "", "min", "median", "p90", "calls", "workspace");
	double slowest = 0;
	for (int level = 0; level < (interpreted ? 1 : N_LEVELS); level++) {
		static const char *const words[] = {"-O0, unfused", "-O1", "-O2, fused", "-O3"};
		const Times t = bench_level(cx, o, m, level, &inputs);
		if (!level) slowest = t.median_us;
		printf("%-14s %10.2f %10.2f %10.2f %8d %10s", interpreted ? "interpreter" : words[level], t.min_us,
			t.median_us, t.p90_us, t.calls, human_bytes(cx->arena, (int64_t)t.workspace_bytes));
		if (level) printf("  %.2fx", slowest / t.median_us);
		putchar('\n');
		fflush(stdout);
	}
	return STATUS_OK;
}

const Command command_bench = {
	.name = "bench",
	.flag = BENCH,
	.operands = "MODEL",
	.min_args = 1,
	.max_args = 1,
	.summary = "how long one call takes, fused and unfused",
	.details =
		"Times calls of the whole of MODEL, after warming up: at least 50 of them and half a second.  Prints a table of\n"
		"the -O levels; with --json one object for the level given.  The inputs are those of --data, else random.",
	.examples = "  rnncc bench model.onnx --dim T=100\n"
		    "  rnncc bench model.onnx --data cases/model/test_data_set_0 --threads 2 --json\n",
	.run = run,
};
