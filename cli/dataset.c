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

const Tensor *data_set_tensor(Ctx *cx, const DataSet *set, const char *kind, int index)
{
	const char *path = arena_printf(cx->arena, "%s/%s_%d.pb", set->path, kind, index);
	if (!path_exists(path)) return NULL;
	const NamedTensor *found;
	tensor_file_read(cx, path, &found);
	return found[0].tensor;
}

const Tensor **data_set_inputs(Ctx *cx, const DataSet *set, const Session *s, const Model *m)
{
	if (set->n_inputs > m->n_inputs)
		fail(cx, "%s: has %d inputs, the model %d", set->path, set->n_inputs, m->n_inputs);
	const int n = session_n_inputs(s);
	const Tensor **inputs = NEWN(cx->arena, const Tensor *, n);
	for (int i = 0; i < n; i++) {
		int file = 0;
		while (file < m->n_inputs && strcmp(m->input_names[file], session_input_name(s, i))) file++;
		const Tensor *t = file < set->n_inputs ? data_set_tensor(cx, set, "input", file) : NULL;
		if (!t)
			fail(cx, "%s: input_%d.pb is missing: input '%s' is not optional", set->path, file,
				session_input_name(s, i));
		inputs[i] = input_as(cx, t, session_input_type(s, i));
	}
	return inputs;
}
