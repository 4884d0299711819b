/* race.c: one model, several implementations, one process: who is how fast, and do they agree.
 *
 *     race PLAN        (bench/run.py writes the plan; a line a fact, fields separated by tabs)
 *
 *     cpus N..                                everything runs on these, with a thread for each
 *     seconds S                               of timing, for all together
 *     tolerance ATOL RTOL                     |a - b| <= ATOL + RTOL |b|
 *     steps N                                 compared one after the other, states carried, before anything is timed
 *     model PATH                              the ONNX file
 *     input NAME TYPE FILE BOUND CARRY DIM..  TYPE: ONNX's number; FILE: the bytes of all steps; BOUND 1: a constant in ours;
 *     output NAME TYPE DIM..                  CARRY: the output that feeds it at the next step, or -1
 *     ort LABEL LIBRARY                       ONNX Runtime
 *     rnncc LABEL LIBRARY PREFIX STEP ATOL    C that `rnncc compile --describe` emitted, as a shared library; STEP 1: PREFIX_step;
 *                                             ATOL: in place of that above, where not 0 (narrow weights)
 *     plain LABEL LIBRARY                     C by another compiler: plain_call(inputs, outputs), states among both
 *     layer LABEL LIBRARY W R B               layer_peer.h; files of floats
 *     onednn LABEL ATOL CELL TYPE STATEFUL T B INPUTS HIDDEN W R BIAS    onednn_peer.h; TYPE f32 or bf16; files of floats
 *
 * ONNX Runtime: as many threads as CPUs, sequential, all graph optimisations; tensors over memory of ours, made once, for the
 * outputs as well: a call is Run and nothing else.  Ours is called through the table that --describe emits: one more indirect
 * call.  The first implementation is what the others' outputs are compared with.
 *
 * Timing: the implementations take turns, a few samples each, until the time is over, so that a slow spell of the machine
 * hits all.  A sample is one or several calls, 20 microseconds at least; the first sample of a turn, which finds caches that
 * the others have filled, is not counted.  On one CPU, a sample of more than 200 microseconds is timed by what the thread itself
 * has had of the CPU: else there would be hardly one without a time slice of somebody else's in it.  Prints one JSON object.  Exit status 1: outputs differ, or an error.
 */
#define _GNU_SOURCE
#include "onednn_peer.h"
#include "ort_api.h"

#include <dlfcn.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_TENSORS = 32, MAX_RUNNERS = 16, MAX_RANK = 8, MAX_SAMPLES = 200000, TURN = 12, FLOAT = 1 };
static const double SAMPLE_SECONDS = 20e-6, LONG_SECONDS = 200e-6;

typedef struct {
	char *name;
	int type, rank;
	int64_t dims[MAX_RANK];
	size_t size_bytes;
	char *data; /* inputs: of all steps, one after the other */
	bool bound;
	int carry;
} Tensor;

typedef int (*OurCall)(
	int step, const int64_t *dims, const void *const *in, void *const *out, void *state, void *workspace);

typedef struct {
	char *label;
	/* ONNX Runtime */
	OrtRun run;
	OrtAny *session, *in_values[MAX_TENSORS], *out_values[MAX_TENSORS];
	/* ours */
	OurCall call;
	void (*reset)(void *state);
	int step;
	void *state, *workspace;
	Onednn *onednn;
	/* other compilers' C */
	void (*plain)(const void *const *in, void *const *out);
	/* layers that somebody wrote */
	void (*layer)(const float *x, float *y);
	void (*layer_reset)(void);
	/* all: what the pointers above see */
	void *in[MAX_TENSORS], *out[MAX_TENSORS];
	int n_calls; /* a sample */
	clockid_t clock;
	int n_samples;
	double *us;
	double atol, worst;
} Runner;

static struct {
	int n_cpus, n_steps, n_in, n_out, n_runners;
	cpu_set_t cpus;
	double seconds, atol, rtol;
	char *model;
	Tensor in[MAX_TENSORS], out[MAX_TENSORS];
	const char *in_names[MAX_TENSORS], *out_names[MAX_TENSORS];
	Runner runners[MAX_RUNNERS];
	const char *ort_version;
} race;
static const OrtFunction *ort;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "race: %s: %s\n", what, why);
	exit(1);
}

static void *allocate(size_t size_bytes)
{
	void *p = aligned_alloc(64, (size_bytes + 64) / 64 * 64);
	if (!p) die("memory", "none left");
	memset(p, 0, (size_bytes + 64) / 64 * 64);
	return p;
}

static double read_clock(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double now(void) { return read_clock(CLOCK_MONOTONIC); }

/* ---- the plan ---- */

static size_t type_bytes(int type)
{
	static const size_t bytes[] = {0, 4, 1, 1, 2, 2, 4, 8, 0, 1, 2, 8, 4, 8};
	if (type < 1 || type >= (int)(sizeof bytes / sizeof *bytes) || !bytes[type])
		die("plan", "an element type that it does not know");
	return bytes[type];
}

static char *field(char **line)
{
	char *f = strsep(line, "\t");
	if (!f) die("plan", "a line ends early");
	return f;
}

static void read_dims(Tensor *t, char *line)
{
	t->size_bytes = type_bytes(t->type);
	for (t->rank = 0; line; t->rank++) {
		if (t->rank == MAX_RANK) die(t->name, "too many dims");
		t->dims[t->rank] = atoll(field(&line));
		t->size_bytes *= (size_t)t->dims[t->rank];
	}
}

static void read_data(Tensor *t, const char *path)
{
	size_t size = t->size_bytes * (size_t)race.n_steps;
	FILE *f = fopen(path, "rb");
	t->data = allocate(size);
	if (!f || fread(t->data, 1, size, f) != size) die(path, "cannot be read, or is too short");
	fclose(f);
}

static void *library(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) die(path, dlerror());
	return handle;
}

static OrtFunction function(void *handle, const char *prefix, const char *name)
{
	char full[256];
	snprintf(full, sizeof full, "%s%s", prefix, name);
	void *found = dlsym(handle, full);
	OrtFunction f;
	if (!found) die(full, "not in the library");
	memcpy(&f, &found, sizeof f);
	return f;
}

/* ---- ONNX Runtime ---- */

static void ort_check(const OrtStatus *status)
{
	if (status) die("ONNX Runtime", ((OrtGetErrorMessage)ort[ORT_GET_ERROR_MESSAGE])(status));
}

static OrtAny *ort_tensor(const OrtAny *memory, Tensor *t, void *data)
{
	OrtAny *value = NULL;
	ort_check(((OrtCreateTensorWithData)ort[ORT_CREATE_TENSOR_WITH_DATA])(
		memory, data, t->size_bytes, t->dims, (size_t)t->rank, t->type, &value));
	return value;
}

static void ort_open(Runner *r, const char *path)
{
	typedef const OrtApiBase *(*Base)(void);
	const OrtApiBase *base = ((Base)function(library(path), "", "OrtGetApiBase"))();
	OrtAny *env, *options, *memory;
	ort = base->get_api(ORT_API);
	race.ort_version = base->version();
	ort_check(((OrtCreateEnv)ort[ORT_CREATE_ENV])(ORT_LOG_ERROR, "race", &env));
	ort_check(((OrtCreateSessionOptions)ort[ORT_CREATE_SESSION_OPTIONS])(&options));
	ort_check(((OrtSetInt)ort[ORT_SET_EXECUTION_MODE])(options, ORT_SEQUENTIAL));
	ort_check(((OrtSetInt)ort[ORT_SET_OPTIMIZATION_LEVEL])(options, ORT_ENABLE_ALL));
	ort_check(((OrtSetInt)ort[ORT_SET_INTRA_OP_THREADS])(options, race.n_cpus));
	ort_check(((OrtSetInt)ort[ORT_SET_INTER_OP_THREADS])(options, 1));
	ort_check(((OrtCreateSession)ort[ORT_CREATE_SESSION])(env, race.model, options, &r->session));
	ort_check(((OrtCreateCpuMemoryInfo)ort[ORT_CREATE_CPU_MEMORY_INFO])(ORT_ARENA, ORT_MEM_DEFAULT, &memory));
	for (int i = 0; i < race.n_in; i++) {
		r->in[i] = allocate(race.in[i].size_bytes);
		r->in_values[i] = ort_tensor(memory, &race.in[i], r->in[i]);
	}
	for (int i = 0; i < race.n_out; i++) {
		r->out[i] = allocate(race.out[i].size_bytes);
		r->out_values[i] = ort_tensor(memory, &race.out[i], r->out[i]);
	}
	r->run = (OrtRun)ort[ORT_RUN];
}

/* ---- ours ---- */

static bool is_state_out(int i)
{
	for (int k = 0; k < race.n_in; k++)
		if (race.in[k].carry == i) return true;
	return false;
}

static void our_open(Runner *r, const char *path, const char *prefix)
{
	void *handle = library(path);
	const int64_t no_dims[1] = {0};
	typedef size_t (*Workspace)(int step, const int64_t *dims);
	typedef size_t (*State)(void);
	typedef void (*Reset)(void *state);
	r->call = (OurCall)function(handle, prefix, "_call");
	r->workspace = allocate(((Workspace)function(handle, prefix, "_call_workspace"))(r->step, no_dims));
	int n_in = 0, n_out = 0;
	if (r->step) {
		r->state = allocate(((State)function(handle, prefix, "_call_state"))());
		r->reset = (Reset)function(handle, prefix, "_call_reset");
		r->reset(r->state);
	}
	for (int i = 0; i < race.n_in; i++)
		if (!race.in[i].bound && race.in[i].carry < 0) r->in[n_in++] = allocate(race.in[i].size_bytes);
	for (int i = 0; i < race.n_out; i++)
		if (!is_state_out(i)) r->out[n_out++] = allocate(race.out[i].size_bytes);
}

/* ---- other compilers' ---- */

static void plain_open(Runner *r, const char *path)
{
	typedef void (*Plain)(const void *const *in, void *const *out);
	r->plain = (Plain)function(library(path), "", "plain_call");
	for (int i = 0; i < race.n_in; i++) r->in[i] = allocate(race.in[i].size_bytes);
	for (int i = 0; i < race.n_out; i++) r->out[i] = allocate(race.out[i].size_bytes);
}

/* The states are inputs and outputs, which somebody must carry, as for ONNX Runtime. */
static bool takes_states(const Runner *r) { return r->run || r->plain; }

/* ---- oneDNN ---- */

static float *floats_of(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END)) die(path, "cannot be read");
	const size_t size = (size_t)ftell(f);
	float *data = allocate(size);
	rewind(f);
	if (fread(data, 1, size, f) != size) die(path, "cannot be read");
	fclose(f);
	return data;
}

static void onednn_open(Runner *r, char *line)
{
	OnednnLayer l = {.cell = field(&line)};
	l.bf16 = !strcmp(field(&line), "bf16");
	l.stateful = atoi(field(&line));
	l.length = atoi(field(&line));
	l.batch = atoi(field(&line));
	l.n_inputs = atoi(field(&line));
	l.n_hidden = atoi(field(&line));
	l.weights_input = floats_of(field(&line));
	l.weights_hidden = floats_of(field(&line));
	l.bias = floats_of(field(&line));
	r->onednn = onednn_new(&l);
	if (!r->onednn) die("oneDNN", "this program was built without it");
	r->out[0] = allocate(race.out[0].size_bytes);
}

/* ---- layers ---- */

static void layer_open(Runner *r, const char *path, const char *w, const char *recurrent, const char *bias)
{
	typedef void (*Pack)(const float *w, const float *r, const float *b);
	typedef void (*Run)(const float *x, float *y);
	void *handle = library(path);
	((Pack)function(handle, "layer_", "pack"))(floats_of(w), floats_of(recurrent), floats_of(bias));
	r->layer = (Run)function(handle, "layer_", "run");
	r->layer_reset = function(handle, "layer_", "reset");
	r->layer_reset();
	r->in[0] = allocate(race.in[0].size_bytes);
	r->out[0] = allocate(race.out[0].size_bytes);
}

/* The first input is the sequence and the first output the states h; the others are states, which are inside. */
static bool is_layer(const Runner *r) { return r->onednn || r->layer; }

/* ---- calls ---- */

static void run_once(Runner *r)
{
	if (r->layer) {
		r->layer(r->in[0], r->out[0]);
		return;
	}
	if (r->onednn) {
		onednn_run(r->onednn);
		return;
	}
	if (r->plain) {
		r->plain((const void *const *)r->in, r->out);
		return;
	}
	if (r->run) {
		ort_check(r->run(r->session, NULL, race.in_names, (const OrtAny *const *)r->in_values,
			(size_t)race.n_in, race.out_names, (size_t)race.n_out, r->out_values));
		return;
	}
	const int64_t no_dims[1] = {0};
	if (r->call(r->step, no_dims, (const void *const *)r->in, r->out, r->state, r->workspace))
		die(r->label, "the call failed");
}

/* States that came out go back in. */
static void set_inputs(Runner *r, int step)
{
	int n = 0;
	if (is_layer(r)) {
		const char *x = race.in[0].data + race.in[0].size_bytes * (size_t)step;
		if (r->onednn) {
			if (!step) onednn_reset(r->onednn);
			onednn_set_input(r->onednn, (const float *)(const void *)x);
		} else {
			if (!step) r->layer_reset();
			memcpy(r->in[0], x, race.in[0].size_bytes);
		}
		return;
	}
	for (int i = 0; i < race.n_in; i++) {
		const Tensor *t = &race.in[i];
		const char *data = t->data + t->size_bytes * (size_t)step;
		if (takes_states(r))
			memcpy(r->in[i], t->carry >= 0 && step > 0 ? r->out[t->carry] : data, t->size_bytes);
		else if (!t->bound && t->carry < 0) memcpy(r->in[n++], data, t->size_bytes);
	}
}

/* Against the first runner; states are inside ours, so what they do is seen in the next outputs. */
static bool outputs_agree(Runner *r, int step)
{
	Runner *first = &race.runners[0];
	const double atol = r->atol > 0 ? r->atol : race.atol;
	bool agree = true;
	int n = 0;
	if (r->onednn) onednn_get_output(r->onednn, r->out[0]);
	for (int i = 0; i < race.n_out; i++) {
		if (is_state_out(i) || (is_layer(r) && i > 0)) continue;
		const float *a = r->out[takes_states(r) ? i : n], *b = first->out[takes_states(first) ? i : n];
		n++;
		if (race.out[i].type != FLOAT) {
			agree &= !memcmp(a, b, race.out[i].size_bytes);
			continue;
		}
		for (size_t k = 0; k < race.out[i].size_bytes / sizeof *a; k++) {
			double error = fabs((double)a[k] - (double)b[k]);
			if (error > r->worst || isnan(error)) r->worst = error;
			if (error <= atol + race.rtol * fabs((double)b[k])) continue;
			if (agree)
				fprintf(stderr, "race: step %d, output %s[%zu]: %s gives %.9g, %s gives %.9g\n", step,
					race.out[i].name, k, r->label, (double)a[k], first->label, (double)b[k]);
			agree = false;
		}
	}
	return agree;
}

static bool compare(void)
{
	bool agree = true;
	for (int s = 0; s < race.n_steps && agree; s++)
		for (int i = 0; i < race.n_runners; i++) {
			set_inputs(&race.runners[i], s);
			run_once(&race.runners[i]);
			agree &= i == 0 || outputs_agree(&race.runners[i], s);
		}
	return agree;
}

/* ---- timing ---- */

static double sample(Runner *r)
{
	const double start = read_clock(r->clock);
	for (int i = 0; i < r->n_calls; i++) run_once(r);
	return (read_clock(r->clock) - start) / r->n_calls;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void time_all(void)
{
	for (int i = 0; i < race.n_runners; i++) {
		Runner *r = &race.runners[i];
		set_inputs(r, 0);
		if (r->reset) r->reset(r->state);
		r->n_calls = 1;
		r->clock = CLOCK_MONOTONIC;
		double best = sample(r);
		for (int k = 0; k < 20; k++) best = fmin(best, sample(r));
		r->n_calls = best >= SAMPLE_SECONDS ? 1 : (int)(SAMPLE_SECONDS / best) + 1;
		if (best >= LONG_SECONDS && race.n_cpus == 1) r->clock = CLOCK_THREAD_CPUTIME_ID;
		r->us = allocate(MAX_SAMPLES * sizeof *r->us);
	}
	const double end = now() + race.seconds;
	do
		for (int i = 0; i < race.n_runners; i++) {
			Runner *r = &race.runners[i];
			sample(r);
			/* Slow ones get as many samples as fit into a fair share. */
			const double turn_end = now() + 0.002;
			for (int k = 0; k < TURN && r->n_samples < MAX_SAMPLES && (k < 2 || now() < turn_end); k++)
				r->us[r->n_samples++] = 1e6 * sample(r);
		}
	while (now() < end);
}

static void print(bool agree)
{
	printf("{\"agree\": %s, \"steps\": %d, \"runners\": [", agree ? "true" : "false", race.n_steps);
	for (int i = 0; i < race.n_runners; i++) {
		Runner *r = &race.runners[i];
		printf("%s\n {\"label\": \"%s\", \"max_abs_error\": %.3g", i ? "," : "", r->label, r->worst);
		if (r->n_samples) {
			qsort(r->us, (size_t)r->n_samples, sizeof *r->us, by_value);
			printf(", \"min_us\": %.4f, \"median_us\": %.4f, \"samples\": %d, \"calls_per_sample\": %d",
				r->us[0], r->us[r->n_samples / 2], r->n_samples, r->n_calls);
		}
		if (r->run || r->onednn) printf(", \"version\": \"%s\"", r->run ? race.ort_version : onednn_version());
		printf("}");
	}
	printf("]}\n");
}

static void read_plan(FILE *f)
{
	char *line = NULL;
	size_t room = 0;
	while (getline(&line, &room, f) > 0) {
		char *rest = strdup(line);
		rest[strcspn(rest, "\n")] = '\0';
		const char *what = field(&rest);
		if (!strcmp(what, "cpus")) {
			for (; rest; race.n_cpus++) CPU_SET((size_t)atoi(field(&rest)), &race.cpus);
			/* Before any library makes threads, which inherit it. */
			if (sched_setaffinity(0, sizeof race.cpus, &race.cpus)) die("cpus", "cannot be had");
		} else if (!strcmp(what, "seconds")) race.seconds = atof(field(&rest));
		else if (!strcmp(what, "tolerance")) race.atol = atof(field(&rest)), race.rtol = atof(field(&rest));
		else if (!strcmp(what, "steps")) race.n_steps = atoi(field(&rest));
		else if (!strcmp(what, "model")) race.model = field(&rest);
		else if (!strcmp(what, "input") && race.n_in < MAX_TENSORS) {
			Tensor *t = &race.in[race.n_in];
			race.in_names[race.n_in++] = t->name = field(&rest);
			t->type = atoi(field(&rest));
			const char *path = field(&rest);
			t->bound = atoi(field(&rest));
			t->carry = atoi(field(&rest));
			read_dims(t, rest);
			read_data(t, path);
		} else if (!strcmp(what, "output") && race.n_out < MAX_TENSORS) {
			Tensor *t = &race.out[race.n_out];
			race.out_names[race.n_out++] = t->name = field(&rest);
			t->type = atoi(field(&rest));
			read_dims(t, rest);
		} else if (!strcmp(what, "ort") && race.n_runners < MAX_RUNNERS) {
			Runner *r = &race.runners[race.n_runners++];
			r->label = field(&rest);
			ort_open(r, field(&rest));
		} else if (!strcmp(what, "rnncc") && race.n_runners < MAX_RUNNERS) {
			Runner *r = &race.runners[race.n_runners++];
			r->label = field(&rest);
			const char *path = field(&rest), *prefix = field(&rest);
			r->step = atoi(field(&rest));
			r->atol = atof(field(&rest));
			our_open(r, path, prefix);
		} else if (!strcmp(what, "plain") && race.n_runners < MAX_RUNNERS) {
			Runner *r = &race.runners[race.n_runners++];
			r->label = field(&rest);
			plain_open(r, field(&rest));
		} else if (!strcmp(what, "layer") && race.n_runners < MAX_RUNNERS) {
			Runner *r = &race.runners[race.n_runners++];
			r->label = field(&rest);
			const char *path = field(&rest), *w = field(&rest), *recurrent = field(&rest);
			layer_open(r, path, w, recurrent, field(&rest));
		} else if (!strcmp(what, "onednn") && race.n_runners < MAX_RUNNERS) {
			Runner *r = &race.runners[race.n_runners++];
			r->label = field(&rest);
			r->atol = atof(field(&rest));
			onednn_open(r, rest);
		} else {
			die("plan", line);
		}
	}
	free(line);
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	if (!f) die(argc == 2 ? argv[1] : "usage", "race PLAN");
	read_plan(f);
	fclose(f);
	const bool agree = compare();
	if (agree && race.seconds > 0) time_all();
	print(agree);
	return !agree;
}
