/* test.c: `rnncc test`: runs cases in the ONNX backend-test layout.
 *
 * Each case runs in a process of its own, so that one that crashes is one failure.  Results come back in shared memory.
 * Of a model that draws random numbers only the types and shapes of the outputs are compared.
 *
 * A case.json beside the model may say tolerances, and which data sets are one stream:
 *     {"rtol": 1e-3, "outputs": {"y": {"atol": 0}}, "sequences": [{"first": 0, "last": 39, "carry": {"hn": "h0"}}]}
 * then output hn of each data set, as computed, is input h0 of the next, in place of what the files say.
 */
#include "cli/cli.h"
#include "cli/json.h"
#include "frontend/onnx/import.h"
#include "runtime/file.h"
#include "runtime/module.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_REASON = 2000, MAX_DEPTH = 16, MAX_CASES = 100000, ENDED = -1 };
static const double DEFAULT_TOLERANCE = 1e-4;

typedef enum { PENDING, PASSED, FAILED, SKIPPED } Verdict;
typedef struct {
	Verdict verdict;
	bool random;            /* only types and shapes were compared */
	int n_sets, n_compiled; /* compiled for the sizes of single data sets; 0: for all sizes */
	bool built_in;          /* single integers of the data sets were built in, too */
	double worst_error, worst_ratio, seconds;
	char reason[MAX_REASON];
} Result;

typedef struct {
	const char *name; /* below the path that was given */
	const char *dir;  /* with the data sets */
	const char *model;
} Case;
typedef struct {
	Ctx *cx;
	const Options *options;
	int n, cap;
	Case *cases;
} Cases;

/* ---- finding cases ---- */

static void add_case(Cases *all, const char *name, const char *dir, const char *model)
{
	if (all->options->filter && fnmatch(all->options->filter, name, 0)) return;
	if (all->n == MAX_CASES) fail(all->cx, "more than %d cases", MAX_CASES);
	if (all->n == all->cap) {
		all->cap = all->cap ? 2 * all->cap : 64;
		Case *more = NEWN(all->cx->arena, Case, all->cap);
		if (all->n) memcpy(more, all->cases, sizeof *more * (size_t)all->n);
		all->cases = more;
	}
	all->cases[all->n++] = (Case){name, dir, model};
}

static void find_cases(Cases *all, const char *path, const char *name, int depth)
{
	Ctx *cx = all->cx;
	const char *model = path_join(cx->arena, path, "model.onnx");
	if (!path_exists(model)) model = path_join(cx->arena, path, "model.rnn");
	if (path_exists(model)) {
		add_case(all, *name ? name : path_base(cx->arena, path), path, model);
		return;
	}
	const char **names;
	const int n = depth < MAX_DEPTH ? dir_list(cx->arena, path, NULL, &names) : 0;
	if (n < 0 && !depth) fail(cx, "%s: cannot be read: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *below = path_join(cx->arena, path, names[i]);
		if (path_is_dir(below))
			find_cases(all, below, *name ? path_join(cx->arena, name, names[i]) : names[i], depth + 1);
	}
}

/* ---- case.json ---- */

typedef struct {
	const Options *options;
	const char *path;
	Tolerance tolerance;
	const cJSON *outputs;   /* tolerances by name; NULL: none */
	const cJSON *sequences; /* NULL: none */
} Spec;

static void free_json(void *json) { cJSON_Delete(json); }

static void read_number(Ctx *cx, const cJSON *json, const char *key, const char *path, double *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
	if (item && (!cJSON_IsNumber(item) || !(item->valuedouble >= 0)))
		fail(cx, "%s: %s is not a number, 0 or more", path, key);
	if (item) *value = item->valuedouble;
}

static void read_tolerance(Ctx *cx, const Spec *spec, const cJSON *json, Tolerance *tolerance)
{
	read_number(cx, json, "rtol", spec->path, &tolerance->rtol);
	read_number(cx, json, "atol", spec->path, &tolerance->atol);
	if (spec->options->rtol >= 0) tolerance->rtol = spec->options->rtol;
	if (spec->options->atol >= 0) tolerance->atol = spec->options->atol;
}

static Spec read_spec(Ctx *cx, const Options *o, const char *dir)
{
	const char *path = path_join(cx->arena, dir, "case.json");
	Spec spec = {.options = o, .path = path, .tolerance = {DEFAULT_TOLERANCE, DEFAULT_TOLERANCE}};
	cJSON *json = NULL;
	if (path_exists(path)) {
		size_t size;
		const char *text = file_read(cx, path, &size);
		json = cJSON_ParseWithLength(text, size);
		if (json) arena_defer(cx->arena, free_json, json);
		if (!cJSON_IsObject(json)) fail(cx, "%s: is no JSON object", path);
		spec.outputs = cJSON_GetObjectItemCaseSensitive(json, "outputs");
		spec.sequences = cJSON_GetObjectItemCaseSensitive(json, "sequences");
	}
	read_tolerance(cx, &spec, json, &spec.tolerance);
	return spec;
}

static Tolerance tolerance_of(Ctx *cx, const Spec *spec, const char *output)
{
	Tolerance tolerance = spec->tolerance;
	read_tolerance(cx, spec, cJSON_GetObjectItemCaseSensitive(spec->outputs, output), &tolerance);
	return tolerance;
}

/* The carry map that feeds data set k from the one before it; NULL: there is none. */
static const cJSON *carry_into(const Spec *spec, int k)
{
	const cJSON *sequence;
	cJSON_ArrayForEach(sequence, spec->sequences)
	{
		const cJSON *first = cJSON_GetObjectItemCaseSensitive(sequence, "first");
		const cJSON *last = cJSON_GetObjectItemCaseSensitive(sequence, "last");
		if (cJSON_IsNumber(first) && cJSON_IsNumber(last) && k > first->valueint && k <= last->valueint)
			return cJSON_GetObjectItemCaseSensitive(sequence, "carry");
	}
	return NULL;
}

static int find_name(int n, const char *(*name)(const Session *, int), const Session *s, const char *wanted)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(name(s, i), wanted)) return i;
	return -1;
}

/* Where the file of an input is not what the data set before gave, a new stream begins, whatever case.json says. */
static void carry(Ctx *cx, const Spec *spec, const cJSON *map, const DataSet *last, const Model *m, const Session *s,
	const Tensor *const *computed, const Tensor **inputs)
{
	if (map && !cJSON_IsObject(map)) fail(cx, "%s: carry: {\"OUTPUT\": \"INPUT\"} wanted", spec->path);
	const cJSON *pair;
	cJSON_ArrayForEach(pair, map)
	{
		const int out = find_name(session_n_outputs(s), session_output_name, s, pair->string);
		const int in = cJSON_IsString(pair)
			? find_name(session_n_inputs(s), session_input_name, s, pair->valuestring)
			: -1;
		if (out < 0 || in < 0)
			fail(cx, "%s: carry: the model has no output '%s' or not that input", spec->path, pair->string);
		const Tensor *given = data_set_result(cx, last, m, pair->string);
		if (given && !compare_tensors(cx, inputs[in], given, spec->tolerance).reason)
			inputs[in] = computed[out];
	}
}

/* ---- one case ---- */

/* NumPy has no bf16: data sets have its bits as u16, cut off or rounded, and ONNX's runner compares these numbers. */
static const Tensor *bits_as_numbers(Ctx *cx, const Tensor *t)
{
	Tensor bits = *t, *numbers = tensor_new(cx->arena, F64, t->rank, t->dims);
	bits.elem = U16;
	for (int64_t i = 0; i < t->count; i++) tensor_set(numbers, i, (double)tensor_get_int(&bits, i));
	return numbers;
}

static bool draws_random_numbers(const Ctx *cx)
{
	for (int i = 0; i < cx->n_notes; i++)
		if (!strcmp(cx->notes[i], onnx_random_note)) return true;
	return false;
}

static void want_same_kind(Ctx *cx, const Tensor *seen, const Tensor *wanted, const char *set, const char *output)
{
	bool same = seen->elem == wanted->elem && seen->rank == wanted->rank;
	for (int d = 0; same && d < seen->rank; d++) same = seen->dims[d] == wanted->dims[d];
	if (!same)
		fail(cx, "%s: output '%s': %s seen, %s wanted", set, output, tensor_shape(cx->arena, seen),
			tensor_shape(cx->arena, wanted));
}

/* Output j, which is as many results as it has tensors. */
static void check_output(Ctx *cx, const DataSet *set, const Model *m, const Session *s, int j,
	const Tensor *const *outputs, const Spec *spec, Result *result)
{
	const char *set_name = path_base(cx->arena, set->path), *name = m->output_names[j];
	const Tolerance tolerance = tolerance_of(cx, spec, name);
	OnnxValue wanted;
	if (!data_set_output(cx, set, m, j, &wanted)) return;
	for (int i = 0; i < wanted.n; i++) {
		const char *element = onnx_element_name(cx, name, wanted.form == ONNX_SEQUENCE, i);
		const int at = find_name(session_n_outputs(s), session_output_name, s, element);
		if (at < 0) fail(cx, "%s: output '%s' is wanted, the model does not give it", set_name, element);
		if (result->random) {
			want_same_kind(cx, outputs[at], wanted.tensors[i], set_name, element);
			continue;
		}
		const Tensor *seen = outputs[at], *there = wanted.tensors[i];
		if (seen->elem == BF16 && there->elem == U16)
			seen = bits_as_numbers(cx, seen), there = bits_as_numbers(cx, there);
		const Comparison c = compare_tensors(cx, seen, there, tolerance);
		result->worst_error = fmax(result->worst_error, c.worst_error);
		result->worst_ratio = fmax(result->worst_ratio, c.worst_ratio);
		if (c.reason) fail(cx, "%s: output '%s': %s", set_name, element, c.reason);
	}
	if (m->output_kinds[j] == ONNX_IS_TENSOR) return;
	for (int form = 0; form < 2; form++) { /* one more element, or a tensor where there should be none */
		const char *element = onnx_element_name(cx, name, form, wanted.n);
		if ((form || !wanted.n) && find_name(session_n_outputs(s), session_output_name, s, element) >= 0)
			fail(cx, "%s: output '%s' is not wanted, the model gives it", set_name, element);
	}
}

static void check_outputs(Ctx *cx, const DataSet *set, const Model *m, const Session *s, const Tensor *const *outputs,
	const Spec *spec, Result *result)
{
	const char *set_name = path_base(cx->arena, set->path);
	if (!set->n_outputs) fail(cx, "%s: has no output_J.pb", set_name);
	if (set->n_outputs > m->n_outputs)
		fail(cx, "%s: has %d outputs, the model %d", set_name, set->n_outputs, m->n_outputs);
	for (int j = 0; j < set->n_outputs; j++) check_output(cx, set, m, s, j, outputs, spec, result);
}

/* Where the model can be compiled for any sizes, one session serves all data sets; where sizes decide what it computes, each
 * set's shapes get their own. */
static bool same_shape(const Tensor *x, const Tensor *y)
{
	bool same = x->rank == y->rank && (!x->rank || !memcmp(x->dims, y->dims, sizeof *x->dims * (size_t)x->rank));
	if (same && x->count == 1 && !elem_is_float(x->elem)) same = tensor_get_int(x, 0) == tensor_get_int(y, 0);
	return same;
}

static bool same_shapes(Ctx *cx, const Model *m, const DataSet *a, const DataSet *b)
{
	bool same = a->n_inputs == b->n_inputs;
	for (int i = 0; same && i < a->n_inputs; i++) {
		OnnxValue x = {0}, y = {0};
		data_set_input(cx, a, m, i, &x);
		data_set_input(cx, b, m, i, &y);
		same = x.form == y.form && x.n == y.n;
		for (int k = 0; same && k < x.n; k++) same = same_shape(x.tensors[k], y.tensors[k]);
	}
	return same;
}

static void run_case(Ctx *cx, const Options *o, const Case *c, Result *result)
{
	const DataSet *sets;
	const int n = data_sets(cx, c->dir, &sets);
	if (!n) {
		result->verdict = SKIPPED;
		snprintf(result->reason, sizeof result->reason, "no data set");
		return;
	}
	const Spec spec = read_spec(cx, o, c->dir);
	volatile Ready ready = {0};
	volatile bool generic = false;
	TRY (cx) {
		const Model *m = load_model(cx, o, c->model);
		const CompileOptions co = options_compile(cx, o, m);
		Session *s = open_model(cx, o, m, &co, NULL);
		ready.model = m, ready.session = s;
		generic = true;
	}
	const Tensor **outputs = NULL;
	for (int k = 0; k < n; k++) {
		if (!generic && (!k || !same_shapes(cx, ready.model, &sets[k], ready.made_for))) {
			const Ready r = ready_for(cx, o, c->model, &sets[k]);
			ready.model = r.model, ready.session = r.session, ready.made_for = r.made_for;
			result->n_compiled++;
			result->built_in |= r.built_in;
		}
		Session *s = ready.session;
		const Tensor **computed = NEWN(cx->arena, const Tensor *, session_n_outputs(s));
		const Tensor **inputs = data_set_inputs(cx, &sets[k], s, ready.model);
		if (k) carry(cx, &spec, carry_into(&spec, k), &sets[k - 1], ready.model, s, outputs, inputs);
		session_run(s, cx->arena, inputs, NULL, computed, NULL);
		outputs = computed;
		result->random = draws_random_numbers(cx);
		check_outputs(cx, &sets[k], ready.model, s, outputs, &spec, result);
		result->n_sets++;
	}
	result->verdict = PASSED;
}

/* In the child process. */
static void work(const Options *o, const Case *c, Result *result)
{
	struct timespec start, end;
	clock_gettime(CLOCK_MONOTONIC, &start);
	Ctx *cx = ctx_new();
	TRY (cx) {
		run_case(cx, o, c, result);
	} else {
		result->verdict = FAILED;
		snprintf(result->reason, sizeof result->reason, "%s", cx->error);
	}
	ctx_free(cx);
	clock_gettime(CLOCK_MONOTONIC, &end);
	result->seconds = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
}

/* ---- all cases ---- */

static void died(Result *r, int status)
{
	r->verdict = FAILED;
	if (WIFSIGNALED(status))
		snprintf(r->reason, sizeof r->reason, "killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else snprintf(r->reason, sizeof r->reason, "the process ended with status %d", WEXITSTATUS(status));
}

/* On one line, cut where nobody asked for all of it. */
static const char *short_reason(Ctx *cx, const char *reason)
{
	enum { MOST = 300 };
	char *line = arena_printf(cx->arena, "%s", reason);
	for (char *c = line; *c; c++)
		if (*c == '\n') *c = ' ';
	return strlen(line) > MOST ? arena_printf(cx->arena, "%.*s...", MOST, line) : line;
}

static void print_result(Ctx *cx, const Case *c, const Result *r, bool verbose)
{
	static const char *const words[] = {[PASSED] = "PASS", [FAILED] = "FAIL", [SKIPPED] = "SKIP"};
	static const Colour colours[] = {[PASSED] = GREEN, [FAILED] = RED, [SKIPPED] = YELLOW};
	printf("%s %s", painted(cx->arena, colours[r->verdict], words[r->verdict]), printable(cx->arena, c->name));
	if (r->verdict == PASSED)
		printf("  (%d data set%s%s%s, worst error %.2g, %.2g of the tolerance)", r->n_sets,
			r->n_sets == 1 ? "" : "s", r->random ? ", random: types and shapes" : "",
			!r->n_compiled ? ""
				       : arena_printf(cx->arena, ", specialised %dx%s", r->n_compiled,
						 r->built_in ? " with integers or strings built in" : ""),
			r->worst_error, r->worst_ratio);
	else
		printf(": %s",
			verbose ? printable_message(cx->arena, r->reason)
				: printable(cx->arena, short_reason(cx, r->reason)));
	if (verbose) printf("  %.2f s", r->seconds);
	putchar('\n');
	fflush(stdout);
}

/* A child that wrote its verdict may still end badly: what counts is said here. */
static void wait_for_one(const Cases *all, pid_t *pids, Result *results)
{
	int status;
	const pid_t pid = wait(&status);
	if (pid < 0) fail(all->cx, "wait: %s", strerror(errno));
	for (int i = 0; i < all->n; i++) {
		if (pids[i] != pid) continue;
		if (status || results[i].verdict == PENDING) died(&results[i], status);
		pids[i] = ENDED;
	}
}

/* Runs all cases, a few at a time, and tells each result in order as soon as it is there. */
static Result *run_all(const Cases *all)
{
	Ctx *cx = all->cx;
	const size_t size = sizeof(Result) * (size_t)(all->n + 1);
	Result *results = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED) fail(cx, "out of memory");
	pid_t *pids = NEWN(cx->arena, pid_t, all->n);
	int started = 0, running = 0, told = 0;
	while (told < all->n) {
		for (; started < all->n && running < all->options->jobs; started++, running++) {
			fflush(NULL);
			pids[started] = fork();
			if (pids[started] < 0) fail(cx, "fork: %s", strerror(errno));
			if (pids[started] == 0) {
				work(all->options, &all->cases[started], &results[started]);
				exit(0);
			}
		}
		wait_for_one(all, pids, results);
		running--;
		for (; told < started && pids[told] == ENDED; told++)
			if (!all->options->json)
				print_result(cx, &all->cases[told], &results[told], all->options->verbose);
	}
	return results;
}

static void print_json(const Cases *all, const Result *results, const int *counts)
{
	static const char *const words[] = {[PASSED] = "pass", [FAILED] = "fail", [SKIPPED] = "skip"};
	cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "cases");
	cJSON_AddNumberToObject(json, "passed", counts[PASSED]);
	cJSON_AddNumberToObject(json, "failed", counts[FAILED]);
	cJSON_AddNumberToObject(json, "skipped", counts[SKIPPED]);
	for (int i = 0; i < all->n; i++) {
		cJSON *row = cJSON_CreateObject();
		cJSON_AddItemToArray(list, row);
		cJSON_AddStringToObject(row, "name", all->cases[i].name);
		cJSON_AddStringToObject(row, "result", words[results[i].verdict]);
		cJSON_AddNumberToObject(row, "data_sets", results[i].n_sets);
		json_number(row, "worst_error", results[i].worst_error);
		json_number(row, "seconds", results[i].seconds);
		if (*results[i].reason) cJSON_AddStringToObject(row, "reason", results[i].reason);
	}
	json_print(json);
}

/* Starts this program again with AddressSanitizer's run-time loaded before all else.  Returns only if it is there. */
static void want_sanitizer(Ctx *cx, const Options *o)
{
	if (session_sanitized()) return;
	setenv("LD_PRELOAD", session_sanitizer(cx, o->via), 1);
	setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
	execv("/proc/self/exe", o->argv);
	fail(cx, "--sanitize: cannot start again: %s", strerror(errno));
}

static int run(Ctx *cx, const Options *o)
{
	if (o->sanitize && o->via != VIA_GCC && o->via != VIA_CC) {
		fprintf(stderr, "rnncc test: --sanitize goes with --via gcc or --via cc\n");
		return STATUS_USAGE;
	}
	if (o->warnings && o->via == VIA_INTERPRET) {
		fprintf(stderr, "rnncc test: --warnings goes with what compiles C, not --via interpret\n");
		return STATUS_USAGE;
	}
	if (o->sanitize) want_sanitizer(cx, o);
	Cases all = {.cx = cx, .options = o};
	for (int i = 0; i < o->n_args; i++)
		if (o->model) add_case(&all, path_base(cx->arena, o->args[i]), o->args[i], o->model);
		else find_cases(&all, o->args[i], "", 0);
	if (!all.n && o->filter) fail(cx, "no cases whose names match '%s'", o->filter);
	if (!all.n) fail(cx, "no cases: a case is a folder with model.onnx and test_data_set_0");
	if (via_decide(o->via) == VIA_JIT) module_jit_available(); /* loaded here, not by every child */
	const Result *results = run_all(&all);
	int counts[SKIPPED + 1] = {0};
	for (int i = 0; i < all.n; i++) counts[results[i].verdict]++;
	if (o->json) print_json(&all, results, counts);
	else {
		printf("%d passed, %d failed", counts[PASSED], counts[FAILED]);
		if (counts[SKIPPED]) printf(", %d skipped", counts[SKIPPED]);
		putchar('\n');
	}
	return counts[FAILED] ? STATUS_FAULT : STATUS_OK;
}

const Command command_test = {
	.name = "test",
	.flag = TEST,
	.operands = "PATH...",
	.min_args = 1,
	.max_args = -1,
	.summary = "run cases in the ONNX backend-test layout",
	.details =
		"Runs each case, a folder with model.onnx and test_data_set_K/{input_I,output_J}.pb, and compares the outputs:\n"
		"|a - b| <= atol + rtol |b|, NaN equal to NaN.  PATH is a case or a folder with cases, at any depth.  Prints a\n"
		"line for each case, and `N passed, N failed` at the end.",
	.examples = "  rnncc test tests/cases\n"
		    "  rnncc test --via interpret --filter '*lstm*' tests/cases\n"
		    "  rnncc test --via gcc --warnings tests/cases\n"
		    "  rnncc test --model net.onnx --rtol 1e-3 recorded/\n",
	.run = run,
};
