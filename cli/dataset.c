/* dataset.c: inputs and expected outputs in the ONNX backend-test layout: test_data_set_K/input_I.pb, output_J.pb. */
#include "cli/cli.h"
#include "runtime/file.h"
#include "runtime/tensor_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 4096 };

/* The number in PREFIXnumberENDING; -1 if it is something else. */
static int number_in(const char *name, const char *prefix, const char *ending)
{
	const size_t n = strlen(prefix);
	if (strncmp(name, prefix, n) || !strchr("0123456789", name[n]) || !name[n]) return -1;
	char *end;
	errno = 0;
	const long value = strtol(name + n, &end, 10);
	return errno || value > 1000000 || strcmp(end, ending) ? -1 : (int)value;
}

static int set_number(const char *name) { return number_in(name, "test_data_set_", ""); }
static bool is_set(const char *name) { return set_number(name) >= 0; }

static int by_number(const void *a, const void *b)
{
	const int x = set_number(*(const char *const *)a), y = set_number(*(const char *const *)b);
	return (x > y) - (x < y);
}

static DataSet read_set(Ctx *cx, const char *path)
{
	DataSet set = {.path = path};
	const char **files;
	const int n = dir_list(cx->arena, path, NULL, &files);
	if (n < 0) fail(cx, "%s: cannot be read: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		const int input = number_in(files[i], "input_", ".pb"), output = number_in(files[i], "output_", ".pb");
		if (input >= MAX_FILES || output >= MAX_FILES)
			fail(cx, "%s/%s: its number is too large", path, files[i]);
		if (input >= set.n_inputs) set.n_inputs = input + 1;
		if (output >= set.n_outputs) set.n_outputs = output + 1;
	}
	return set;
}

int data_sets(Ctx *cx, const char *dir, const DataSet **sets)
{
	const char **names;
	int n = dir_list(cx->arena, dir, is_set, &names);
	if (n < 0) fail(cx, "%s: cannot be read: %s", dir, strerror(errno));
	if (n) qsort(names, (size_t)n, sizeof *names, by_number);
	DataSet *found = NEWN(cx->arena, DataSet, n + 1);
	for (int i = 0; i < n; i++) found[i] = read_set(cx, path_join(cx->arena, dir, names[i]));
	if (!n) {
		found[0] = read_set(cx, dir);
		n = found[0].n_inputs + found[0].n_outputs > 0;
	}
	*sets = found;
	return n;
}

const char *data_set_file(Ctx *cx, const DataSet *set, const char *kind, int index)
{
	const char *path = arena_printf(cx->arena, "%s/%s_%d.pb", set->path, kind, index);
	return path_exists(path) ? path : NULL;
}

static bool read_value(Ctx *cx, const DataSet *set, const char *what, int index, OnnxKind kind, OnnxValue *value)
{
	const char *path = data_set_file(cx, set, what, index);
	if (path) *value = value_file_read(cx, path, kind);
	return path != NULL;
}

bool data_set_input(Ctx *cx, const DataSet *set, const Model *m, int index, OnnxValue *value)
{
	return index < m->n_inputs && read_value(cx, set, "input", index, m->input_kinds[index], value);
}

bool data_set_output(Ctx *cx, const DataSet *set, const Model *m, int index, OnnxValue *value)
{
	return index < m->n_outputs && read_value(cx, set, "output", index, m->output_kinds[index], value);
}

/* Which of the declared names has this one as an element, or is it; -1: none. */
static int owner_of(const char *name, int n, const char *const *names, const OnnxKind *kinds)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name)) return i;
	for (int i = 0; i < n; i++) {
		const size_t length = strlen(names[i]);
		const bool begins = kinds[i] != ONNX_IS_TENSOR && !strncmp(names[i], name, length);
		if (begins && name[length] == '.' && number_in(name + length, ".", "") >= 0) return i;
	}
	return -1;
}

static const Tensor *element_named(Ctx *cx, const OnnxValue *value, const char *base, const char *name)
{
	for (int i = 0; i < value->n; i++)
		if (!strcmp(onnx_element_name(cx, base, value->form == ONNX_SEQUENCE, i), name))
			return value->tensors[i];
	return NULL;
}

const Tensor *data_set_param(Ctx *cx, const DataSet *set, const Model *m, const char *name)
{
	const int index = owner_of(name, m->n_inputs, m->input_names, m->input_kinds);
	OnnxValue value;
	return index >= 0 && data_set_input(cx, set, m, index, &value)
		? element_named(cx, &value, m->input_names[index], name)
		: NULL;
}

const Tensor *data_set_result(Ctx *cx, const DataSet *set, const Model *m, const char *name)
{
	const int index = owner_of(name, m->n_outputs, m->output_names, m->output_kinds);
	OnnxValue value;
	return index >= 0 && data_set_output(cx, set, m, index, &value)
		? element_named(cx, &value, m->output_names[index], name)
		: NULL;
}

/* NumPy has no bf16: data sets have its bits as u16. */
static const Tensor *as_bf16(Ctx *cx, const Tensor *t, Elem wanted)
{
	if (t->elem != U16 || wanted != BF16) return t;
	Tensor *bits = arena_copy(cx->arena, t, sizeof *t);
	bits->elem = BF16;
	return bits;
}

/* Does the model compute something with the input of that name? */
static bool is_used(const Graph *g, const char *name)
{
	Arena *scratch = arena_new();
	bool used = false;
	const Order order = graph_order(scratch, g);
	for (int i = 0; i < order.n; i++)
		for (int k = 0; k < order.vals[i]->n_args; k++) {
			const Val *arg = order.vals[i]->args[k];
			used |= arg->op == OP_param && !strcmp(g->param_names[val_int(arg, A_INDEX)], name);
		}
	for (int i = 0; i < g->n_results; i++)
		used |= g->results[i]->op == OP_param && !strcmp(g->param_names[val_int(g->results[i], A_INDEX)], name);
	arena_free(scratch);
	return used;
}

/* What is in the file; of an input that only lends its type any values of the declared shape do. */
static const Tensor *fitting(Ctx *cx, const Model *m, const Tensor *t, const char *name, const Type *type)
{
	int64_t *dims = NEWN(cx->arena, int64_t, type->rank);
	bool same = t->rank == type->rank, fixed = type_is_static(type);
	for (int i = 0; fixed && i < type->rank; i++) {
		dim_is_int(type->dims[i], &dims[i]);
		same = same && t->dims[i] == dims[i];
	}
	if (same || !fixed || t->elem != type->elem || is_used(m->graph, name)) return t;
	return tensor_new(cx->arena, type->elem, type->rank, dims);
}

const Tensor **data_set_inputs(Ctx *cx, const DataSet *set, const Session *s, const Model *m)
{
	if (set->n_inputs > m->n_inputs)
		fail(cx, "%s: has %d inputs, the model %d", set->path, set->n_inputs, m->n_inputs);
	const int n = session_n_inputs(s);
	const Tensor **inputs = NEWN(cx->arena, const Tensor *, n);
	for (int i = 0; i < n; i++) {
		const char *name = session_input_name(s, i);
		const Tensor *t = data_set_param(cx, set, m, name);
		if (!t)
			fail(cx, "%s: input_%d.pb is missing: input '%s' is not optional", set->path,
				owner_of(name, m->n_inputs, m->input_names, m->input_kinds), name);
		const Type *type = session_input_type(s, i);
		inputs[i] = fitting(cx, m, as_bf16(cx, input_as(cx, t, type), type->elem), name, type);
	}
	return inputs;
}
