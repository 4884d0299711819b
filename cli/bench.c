/* bench.c: `rnncc bench`: how long one call takes. */
#include "cli/cli.h"
#include "cli/json.h"
#include "runtime/profile.h"
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

/* The model at one -O level, ready, with its inputs. */
static Ready open_level(Ctx *cx, const Options *o, int level, bool profile, const Tensor ***inputs)
{
	Options at = *o;
	at.opt = level;
	at.profile = profile;
	if (o->data) { /* specialised to the data's sizes */
		const DataSet *sets;
		if (!data_sets(cx, o->data, &sets)) fail(cx, "%s: holds no input_K.pb and no test_data_set_K", o->data);
		const Ready r = ready_for(cx, &at, o->args[0], &sets[0]);
		*inputs = data_set_inputs(cx, &sets[0], r.session, r.model);
		return r;
	}
	Ready r = {.model = load_model(cx, &at, o->args[0])};
	const CompileOptions co = options_compile(cx, &at, r.model);
	r.session = open_model(cx, &at, r.model, &co, &r.compiled);
	*inputs = inputs_random(cx, o, r.session);
	return r;
}

static Times bench_level(Ctx *cx, const Options *o, int level)
{
	const Tensor **inputs;
	const Ready r = open_level(cx, o, level, false, &inputs);
	return measure(cx, r.session, inputs);
}

/* ---- by kernel ---- */

typedef struct {
	int n;
	const CompiledKernel *kernels;
	double *us;   /* a call of the model */
	long *calls;
	double total; /* us */
} Profile;

static Profile profile_model(Ctx *cx, const Options *o, int level)
{
	enum { ROUNDS = 30, CALLS = 10 }; /* the best round of each kernel: others may have been interrupted */
	const Tensor **inputs;
	const Ready r = open_level(cx, o, level, true, &inputs);
	const int n = r.compiled->n_kernels;
	Profile p = {.n = n, .kernels = r.compiled->kernels, .us = NEWN(cx->arena, double, n), .calls = NEWN(cx->arena, long, n)};
	SessionCall *call = session_prepare(r.session, inputs);
	SessionState *state = session_state_new(r.session);
	double *seconds = NEWN(cx->arena, double, n);
	call_times(cx, call, state, CALLS);
	for (int round = 0; round < ROUNDS; round++) {
		memset(seconds, 0, sizeof *seconds * (size_t)n);
		memset(p.calls, 0, sizeof *p.calls * (size_t)n);
		profile_start(n, seconds, p.calls);
		call_times(cx, call, state, CALLS);
		for (int i = 0; i < n; i++)
			if (!round || seconds[i] < p.us[i]) p.us[i] = seconds[i];
	}
	profile_start(0, NULL, NULL);
	session_state_free(state);
	session_call_free(call);
	for (int i = 0; i < n; i++) {
		p.us[i] *= 1e6 / CALLS;
		p.calls[i] /= CALLS;
		p.total += p.us[i];
	}
	return p;
}

static void print_profile(Ctx *cx, const Profile *p)
{
	printf("\n%-24s %10s %6s %6s %9s %9s  %s\n", "kernel (-O2)", "us", "share", "calls", "GFLOP/s", "GB/s", "from");
	for (int i = 0; i < p->n; i++) {
		const CompiledKernel *k = &p->kernels[i];
		if (!p->calls[i]) continue;
		const double ns = p->us[i] * 1e3 / (double)p->calls[i];
		printf("%-24s %10.2f %5.1f%% %6ld %9.1f %9.1f  %s\n", k->name, p->us[i], 100 * p->us[i] / p->total, p->calls[i],
		    k->flops / ns, k->bytes / ns, printable(cx->arena, k->from ? k->from : ""));
	}
}

static void add_profile(cJSON *json, const Profile *p)
{
	cJSON *list = cJSON_AddArrayToObject(json, "kernels");
	for (int i = 0; i < p->n; i++) {
		const CompiledKernel *k = &p->kernels[i];
		cJSON *row = cJSON_CreateObject();
		cJSON_AddItemToArray(list, row);
		cJSON_AddStringToObject(row, "name", k->name);
		cJSON_AddStringToObject(row, "from", k->from ? k->from : "");
		cJSON_AddNumberToObject(row, "us", p->us[i]);
		cJSON_AddNumberToObject(row, "calls", (double)p->calls[i]);
		cJSON_AddNumberToObject(row, "flops", k->flops);
		cJSON_AddNumberToObject(row, "bytes", k->bytes);
	}
}

static void print_as_json(Ctx *cx, const Options *o, const Times *t, const Profile *p)
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
	if (p) add_profile(json, p);
	json_print(json);
}

static int run(Ctx *cx, const Options *o)
{
	if (o->json) {
		const Times t = bench_level(cx, o, o->opt);
		Profile p = {0};
		if (o->kernels) p = profile_model(cx, o, o->opt);
		print_as_json(cx, o, &t, o->kernels ? &p : NULL);
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
		const Times t = bench_level(cx, o, level);
		if (!level) slowest = t.median_us;
		printf("%-14s %10.2f %10.2f %10.2f %8d %10s", interpreted ? "interpreter" : words[level], t.min_us,
			t.median_us, t.p90_us, t.calls, human_bytes(cx->arena, (int64_t)t.workspace_bytes));
		if (level) printf("  %.2fx", slowest / t.median_us);
		putchar('\n');
		fflush(stdout);
	}
	if (!interpreted) {
		const Profile p = profile_model(cx, o, 2);
		print_profile(cx, &p);
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
		"Times calls of the whole of MODEL, after warming up: at least 50 of them and half a second.  Prints a table\n"
		"of the -O levels, and of the kernels at -O2; with --json one object for the level given.  The inputs are those of --data, else random.",
	.examples = "  rnncc bench model.onnx --dim T=100\n"
		    "  rnncc bench model.onnx --data cases/model/test_data_set_0 --threads 2 --json\n",
	.run = run,
};
