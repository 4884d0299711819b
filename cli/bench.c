/* bench.c: `rnncc bench`: how long one call takes, in how many ways the model can be compiled. */
#include "cli/bench.h"
#include "codegen/codegen.h"
#include "runtime/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MIN_SAMPLES = 50, MAX_SAMPLES = 1000000, N_LEVELS = 4 };
static const double MIN_SECONDS = 0.5, WARM_UP_SECONDS = 0.1;
static const double SAMPLE_SECONDS =
	5e-6; /* reading the clock costs some 30 ns: short calls are timed several at once */

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

double bench_calls(Ctx *cx, SessionCall *call, SessionState *state, int n)
{
	int error = 0;
	const double start = now();
	for (int i = 0; i < n; i++) {
		int code = session_call(call, state);
		while (code == RNNCC_EMORE && session_more(call)) code = session_call(call, state);
		error |= code;
	}
	const double seconds = now() - start;
	if (error) fail(cx, "%s", session_error(cx->arena, error));
	return seconds;
}

/* How many calls make a sample. */
static int warm_up(Ctx *cx, SessionCall *call, SessionState *state)
{
	int n = 0;
	const double start = now();
	do bench_calls(cx, call, state, 1), n++;
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
		us[n] = bench_calls(cx, call, state, batch) * 1e6 / batch;
		sum += us[n];
	}
	const Times t = {.workspace_bytes = call->workspace_bytes, .calls = n * batch, .mean_us = sum / n};
	session_state_free(state);
	session_call_free(call);
	return percentiles(t, us, n);
}

/* The model as the options say, ready, with its inputs. */
Ready bench_open(Ctx *cx, const Options *o, bool profile, const Tensor ***inputs)
{
	Options at = *o;
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
	*inputs = inputs_random(cx, o, r.session, r.model);
	return r;
}

/* ---- ways to compile ---- */

static const char *target_of(const Options *o) { return o->target ? o->target : "native"; }

static void add_run(Ctx *cx, Runs *runs, Run r)
{
	Run *more = NEWN(cx->arena, Run, runs->n + 1);
	if (runs->n) memcpy(more, runs->items, sizeof *more * (size_t)runs->n);
	more[runs->n++] = r;
	runs->items = more;
}

/* The -O levels; then the other targets that this CPU runs, unless one was asked for; then more threads, likewise. */
static Runs plan_runs(Ctx *cx, const Options *o)
{
	static const char *const words[N_LEVELS] = {"-O0, unfused", "-O1", "-O2, fused", "-O3"};
	Runs runs = {0};
	if (o->via == VIA_INTERPRET) {
		add_run(cx, &runs, (Run){.label = "interpreter", .opt = 2, .threads = 1, .target = target_of(o)});
		return runs;
	}
	for (int level = 0; level < N_LEVELS; level++)
		add_run(cx, &runs,
			(Run){.label = words[level], .opt = level, .threads = o->threads, .target = target_of(o)});
	if (!o->target)
		for (int i = 0; target_row(i); i++)
			if (target_runs(cx, target_row(i)))
				add_run(cx, &runs,
					(Run){.label = arena_printf(cx->arena, "%s, -O%d", target_row(i)->name, o->opt),
						.opt = o->opt,
						.threads = o->threads,
						.target = target_row(i)->name});
	if (o->threads == 1)
		for (long n = 2; n <= sysconf(_SC_NPROCESSORS_ONLN); n *= 2)
			add_run(cx, &runs,
				(Run){.label = arena_printf(cx->arena, "%ld threads, -O%d", n, o->opt),
					.opt = o->opt,
					.threads = (int)n,
					.target = target_of(o)});
	return runs;
}

static Times time_once(Ctx *cx, const Options *o)
{
	const Tensor **inputs;
	const Ready r = bench_open(cx, o, false, &inputs);
	return measure(cx, r.session, inputs);
}

/* What cannot be compiled in one of the ways, such as without OpenMP's library, is told and leaves the others alone. */
static void time_run(Ctx *cx, const Options *o, Run *r)
{
	Options at = *o;
	at.opt = r->opt;
	at.threads = r->threads;
	at.target = r->target;
	if (r->threads == o->threads && !strcmp(r->target, target_of(o))) {
		r->times = time_once(cx, &at);
		return;
	}
	TRY (cx) r->times = time_once(cx, &at);
	else r->why_not = cx->error;
}

/* ---- what people and programs read ---- */

static void print_run(Ctx *cx, const Run *r, double slowest)
{
	if (r->why_not) {
		printf("%-20s not run: %s\n", r->label, printable(cx->arena, r->why_not));
		return;
	}
	const Times *t = &r->times;
	printf("%-20s %10.2f %10.2f %10.2f %8d %10s", r->label, t->min_us, t->median_us, t->p90_us, t->calls,
		human_bytes(cx->arena, (int64_t)t->workspace_bytes));
	if (slowest > 0) printf("  %.2fx", slowest / t->median_us);
	putchar('\n');
	fflush(stdout);
}

static void add_times(cJSON *json, const Times *t)
{
	cJSON_AddNumberToObject(json, "min_us", t->min_us);
	cJSON_AddNumberToObject(json, "median_us", t->median_us);
	cJSON_AddNumberToObject(json, "mean_us", t->mean_us);
	cJSON_AddNumberToObject(json, "p90_us", t->p90_us);
	cJSON_AddNumberToObject(json, "calls", t->calls);
	cJSON_AddNumberToObject(json, "workspace_bytes", (double)t->workspace_bytes);
}

static void add_runs(cJSON *json, const Runs *runs)
{
	cJSON *list = cJSON_AddArrayToObject(json, "runs");
	for (int i = 0; i < runs->n; i++) {
		const Run *r = &runs->items[i];
		cJSON *row = cJSON_CreateObject();
		cJSON_AddItemToArray(list, row);
		cJSON_AddNumberToObject(row, "opt", r->opt);
		cJSON_AddStringToObject(row, "target", r->target);
		cJSON_AddNumberToObject(row, "threads", r->threads);
		if (r->why_not) cJSON_AddStringToObject(row, "error", r->why_not);
		else add_times(row, &r->times);
	}
}

static void print_as_json(Ctx *cx, const Options *o, const Runs *runs, const Profile *p)
{
	const Times t = time_once(cx, o);
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "model", path_base(cx->arena, o->args[0]));
	add_times(json, &t);
	cJSON_AddNumberToObject(json, "threads", o->threads);
	cJSON_AddStringToObject(json, "target", target_of(o));
	cJSON_AddStringToObject(json, "via", via_name(via_decide(o->via)));
	cJSON_AddNumberToObject(json, "opt", o->opt);
	if (o->kernels && p) profile_json(json, p);
	if (o->sweep) add_runs(json, runs);
	json_print(json);
}

static void print_head(Ctx *cx, const Options *o)
{
	printf("%s via %s, target %s, %d thread%s: microseconds a call\n",
		printable(cx->arena, path_base(cx->arena, o->args[0])), via_name(via_decide(o->via)), target_of(o),
		o->threads, o->threads == 1 ? "" : "s");
	printf("%-20s %10s %10s %10s %8s %10s\n", "", "min", "median", "p90", "calls", "workspace");
}

static int run(Ctx *cx, const Options *o)
{
	const bool compiled = o->via != VIA_INTERPRET, all = !o->json || o->plot;
	if (o->plot) plot_check(cx, o);
	Runs runs = {0};
	if (all || o->sweep) runs = plan_runs(cx, o);
	for (int i = 0; i < runs.n; i++) {
		time_run(cx, o, &runs.items[i]);
		if (!o->json && i == 0) print_head(cx, o);
		if (!o->json) print_run(cx, &runs.items[i], i ? runs.items[0].times.median_us : 0);
	}
	Profile p = {0};
	if (compiled && (all || o->kernels)) p = bench_profile(cx, o);
	if (o->json) print_as_json(cx, o, &runs, compiled ? &p : NULL);
	else if (compiled) profile_print(cx, o, &p);
	if (o->plot) plot_draw(cx, o, &runs, &p);
	return STATUS_OK;
}

const Command command_bench = {
	.name = "bench",
	.flag = BENCH,
	.operands = "MODEL",
	.min_args = 1,
	.max_args = 1,
	.summary = "how long one call takes, and each kernel, against what the machine can do",
	.details =
		"Times calls of the whole of MODEL, after warming up: at least 50 of them and half a second.  Prints a table of\n"
		"the -O levels, of the targets that this CPU runs (unless --target says one), of 2, 4 .. threads (unless\n"
		"--threads does), and of the kernels: how long, how much arithmetic and memory, and what part of the speed that\n"
		"one core reaches at most.  With --json one object for the way that the options say.  The inputs are those of\n"
		"--data, else random.",
	.examples = "  rnncc bench model.onnx --dim T=100\n"
		    "  rnncc bench model.onnx --dim T=100 --plot model.svg\n"
		    "  rnncc bench model.onnx --data cases/model/test_data_set_0 --threads 2 --json\n",
	.run = run,
};
