/* run.c: `rnncc run`: one call of a model, and what came out. */
#include "cli/cli.h"
#include "cli/json.h"
#include "runtime/file.h"
#include "runtime/tensor_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_FIRST = 6 };

/* ---- what came out ---- */

typedef struct {
	double min, max, mean; /* NaN where there is nothing, or where one is among the elements */
} Summary;

static Summary summarise(const Tensor *t)
{
	Summary s = {NAN, NAN, NAN};
	double sum = 0;
	for (int64_t i = 0; i < t->count; i++) {
		const double x = tensor_get(t, i);
		if (!i || !(x >= s.min)) s.min = !i || !isnan(s.min) ? x : s.min;
		if (!i || !(x <= s.max)) s.max = !i || !isnan(s.max) ? x : s.max;
		sum += x;
	}
	if (t->count) s.mean = sum / (double)t->count;
	return s;
}

static void print_text(Ctx *cx, const Session *s, const Tensor *const *outputs, double seconds, Via via)
{
	for (int i = 0; i < session_n_outputs(s); i++) {
		const Tensor *t = outputs[i];
		const Summary sum = summarise(t);
		printf("%s: %s", printable(cx->arena, session_output_name(s, i)), tensor_shape(cx->arena, t));
		if (t->count) printf("  min %.6g  max %.6g  mean %.6g\n ", sum.min, sum.max, sum.mean);
		for (int64_t k = 0; k < t->count && k < N_FIRST; k++) printf(" %.7g", tensor_get(t, k));
		puts(t->count > N_FIRST ? " ..." : "");
	}
	printf("one call: %.1f us via %s\n", seconds * 1e6, via_name(via));
}

static void print_as_json(const Session *s, const Tensor *const *outputs, double seconds, Via via)
{
	cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "outputs");
	for (int i = 0; i < session_n_outputs(s); i++) {
		const Tensor *t = outputs[i];
		const Summary sum = summarise(t);
		cJSON *row = cJSON_CreateObject();
		cJSON_AddItemToArray(list, row);
		cJSON_AddStringToObject(row, "name", session_output_name(s, i));
		cJSON_AddStringToObject(row, "type", elem_info[t->elem].name);
		json_dims(row, "shape", t->rank, t->dims);
		json_number(row, "min", sum.min);
		json_number(row, "max", sum.max);
		json_number(row, "mean", sum.mean);
		cJSON *first = cJSON_AddArrayToObject(row, "first");
		for (int64_t k = 0; k < t->count && k < N_FIRST; k++) {
			const double x = tensor_get(t, k);
			cJSON_AddItemToArray(first, isfinite(x) ? cJSON_CreateNumber(x) : cJSON_CreateNull());
		}
	}
	cJSON_AddStringToObject(json, "via", via_name(via));
	cJSON_AddNumberToObject(json, "us", seconds * 1e6);
	json_print(json);
}

/* ---- files ---- */

/* The output's name as one of a file: nothing that leads out of the folder, and none twice. */
static const char *file_name(Ctx *cx, const char *name, int index, Map *taken)
{
	char *safe = arena_printf(cx->arena, "%s", *name && *name != '.' ? name : "output");
	for (char *c = safe; *c; c++)
		if (*c == '/' || (unsigned char)*c < 0x20) *c = '_';
	const char *unique = intern(cx, safe);
	while (map_get(taken, unique)) unique = intern(cx, arena_printf(cx->arena, "%s_%d", unique, index));
	map_put(taken, unique, unique);
	return arena_printf(cx->arena, "%s.npy", unique);
}

static void write_outputs(Ctx *cx, const char *path, const Session *s, const Tensor *const *outputs)
{
	const int n = session_n_outputs(s);
	NamedTensor *named = NEWN(cx->arena, NamedTensor, n);
	for (int i = 0; i < n; i++) named[i] = (NamedTensor){session_output_name(s, i), outputs[i]};
	if (tensor_file_known(path)) {
		tensor_file_write(cx, path, n, named);
		return;
	}
	dir_create(cx, path);
	Map taken;
	map_init(&taken, cx->arena);
	for (int i = 0; i < n; i++)
		tensor_file_write(
			cx, path_join(cx->arena, path, file_name(cx, named[i].name, i, &taken)), 1, &named[i]);
}

static int run(Ctx *cx, const Options *o)
{
	const Model *m = load_model(cx, o, o->args[0]);
	const CompileOptions co = options_compile(cx, o, m);
	Session *s = open_model(cx, o, m, &co, NULL);
	const int n_files = o->n_args - 1;
	const Tensor **inputs = n_files ? inputs_from_files(cx, s, n_files, o->args + 1) : inputs_random(cx, o, s, m);
	const Tensor **outputs = NEWN(cx->arena, const Tensor *, session_n_outputs(s));
	double seconds;
	session_run(s, cx->arena, inputs, NULL, outputs, &seconds);
	print_notes(cx);
	if (o->output) write_outputs(cx, o->output, s, outputs);
	const Via via = via_decide(o->via);
	if (o->json) print_as_json(s, outputs, seconds, via);
	else print_text(cx, s, outputs, seconds, via);
	return STATUS_OK;
}

const Command command_run = {
	.name = "run",
	.flag = RUN,
	.operands = "MODEL [FILE|INPUT=FILE...]",
	.min_args = 1,
	.max_args = -1,
	.summary = "run a model once, print what comes out",
	.details =
		"Runs MODEL on tensors from files (.npy, .npz, .pb), which are its inputs in order or by name.  Without files\n"
		"the inputs are random: floats in [-1, 1), integers 0 or 1, and open sizes are as --dim says, else 1.",
	.examples = "  rnncc run model.onnx --dim T=20\n"
		    "  rnncc run model.onnx x.npy h0=state.npy -o out.npz\n"
		    "  rnncc run model.onnx test_data_set_0/input_0.pb --via interpret --json\n",
	.run = run,
};
