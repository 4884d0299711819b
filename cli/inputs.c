/* inputs.c: what a model is run on: tensors from files, or random ones. */
#include "cli/cli.h"
#include "runtime/file.h"
#include "runtime/tensor_file.h"

#include <string.h>

const Tensor *input_as(Ctx *cx, const Tensor *t, const Type *type)
{
	if (!cx->f64 || t->elem != F32 || type->elem != F64) return t;
	Tensor *wide = tensor_new(cx->arena, F64, t->rank, t->dims);
	if (!wide) fail(cx, "an input is too large");
	for (int64_t i = 0; i < t->count; i++) tensor_set(wide, i, tensor_get(t, i));
	return wide;
}

/* ---- from files ---- */

static int input_index(const Session *s, const char *name, size_t n)
{
	for (int i = 0; i < session_n_inputs(s); i++)
		if (strlen(session_input_name(s, i)) == n && !memcmp(session_input_name(s, i), name, n)) return i;
	return -1;
}

typedef struct {
	Ctx *cx;
	const Session *session;
	const Tensor **inputs;
} Filling;

static void put(Filling *f, int i, const Tensor *t, const char *from)
{
	if (f->inputs[i]) fail(f->cx, "%s: input '%s' is given twice", from, session_input_name(f->session, i));
	f->inputs[i] = input_as(f->cx, t, session_input_type(f->session, i));
}

static void put_next(Filling *f, const Tensor *t, const char *from)
{
	int i = 0;
	while (i < session_n_inputs(f->session) && f->inputs[i]) i++;
	if (i == session_n_inputs(f->session)) fail(f->cx, "%s: the model has only %d inputs", from, i);
	put(f, i, t, from);
}

/* The tensors of an archive go to the inputs of their names; numpy.savez calls nameless ones arr_0, arr_1 ... */
static void put_archive(Filling *f, int n, const NamedTensor *tensors, const char *path)
{
	for (int k = 0; k < n; k++) {
		const int i = input_index(f->session, tensors[k].name, strlen(tensors[k].name));
		if (i >= 0) put(f, i, tensors[k].tensor, path);
		else if (!strcmp(tensors[k].name, arena_printf(f->cx->arena, "arr_%d", k)))
			put_next(f, tensors[k].tensor, path);
		else fail(f->cx, "%s: the model has no input '%s'", path, tensors[k].name);
	}
}

static const char *input_names(Ctx *cx, const Session *s)
{
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < session_n_inputs(s); i++) buf_printf(&b, "%s%s", i ? ", " : "", session_input_name(s, i));
	return b.size ? b.text : "none";
}

const Tensor **inputs_from_files(Ctx *cx, const Session *s, int n_files, char **files)
{
	Filling f = {cx, s, NEWN(cx->arena, const Tensor *, session_n_inputs(s))};
	/* those with names first, the others then take what is left */
	for (int pass = 0; pass < 2; pass++)
		for (int k = 0; k < n_files; k++) {
			const char *equals = strchr(files[k], '=');
			const int i = equals && !path_exists(files[k])
				? input_index(s, files[k], (size_t)(equals - files[k]))
				: -1;
			if (pass != (i < 0)) continue;
			if (i < 0 && equals && !path_exists(files[k]))
				fail(cx, "%s: the model has no input '%.*s'; it has %s", files[k],
					(int)(equals - files[k]), files[k], input_names(cx, s));
			const char *path = i < 0 ? files[k] : equals + 1;
			const NamedTensor *tensors;
			const int n = tensor_file_read(cx, path, &tensors);
			if (i >= 0 && n != 1) fail(cx, "%s: holds %d tensors, one expected", path, n);
			if (i >= 0) put(&f, i, tensors[0].tensor, path);
			else if (path_ends_with(path, ".npz")) put_archive(&f, n, tensors, path);
			else put_next(&f, tensors[0].tensor, path);
		}
	for (int i = 0; i < session_n_inputs(s); i++)
		if (!f.inputs[i]) fail(cx, "no file is given for input '%s'", session_input_name(s, i));
	return f.inputs;
}

/* ---- random ---- */

/* Counter-based: element i of input k is the same whatever else is drawn.  Source: splitmix64's finaliser (Steele 2014). */
static uint64_t draw(uint64_t seed, uint64_t k, uint64_t i)
{
	uint64_t z = seed * 0xd1342543de82ef95u + (k + 1) * 0x9e3779b97f4a7c15u + i * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

typedef struct {
	const Options *options;
	DimEnv env;
	bool unknown; /* a size that no input tells, as it is computed from their values */
} Sizes;

static bool is_given(const Options *o, const Sym *s, int64_t *size)
{
	for (int i = 0; i < o->dims.n; i++) {
		const SizeRange *r = &o->dims.items[i];
		if (r->hi < INT64_MAX && !strcmp(r->name, s->name)) return *size = r->lo, true;
	}
	return false;
}

static void choose_size(void *user, const Sym *s)
{
	Sizes *sizes = user;
	int64_t size = sym_near(s, 1);
	is_given(sizes->options, s, &size);
	dimenv_set(&sizes->env, s, size);
}

static void ask_size(void *user, const Sym *s)
{
	Sizes *sizes = user;
	int64_t size;
	sizes->unknown |= !dimenv_get(&sizes->env, s, &size);
}

static void double_size(void *user, const Sym *s)
{
	Sizes *sizes = user;
	int64_t size;
	if (is_given(sizes->options, s, &size) || !dimenv_get(&sizes->env, s, &size) || size > s->hi / 2) return;
	dimenv_set(&sizes->env, s, 2 * size);
}

/* An output that is empty at the least sizes, as that of a window over too few samples, tells nothing: those that it is made of
 * are doubled until it is not. */
static void enlarge(Ctx *cx, const Session *s, Sizes *sizes)
{
	enum { MOST_DOUBLINGS = 16 };
	for (int k = 0; k < session_n_outputs(s); k++) {
		const Type *type = session_output_type(s, k);
		for (int d = 0; d < type->rank; d++) {
			sizes->unknown = false;
			dim_each_sym(type->dims[d], ask_size, sizes);
			for (int i = 0;
				i < MOST_DOUBLINGS && !sizes->unknown && dim_eval(cx, type->dims[d], &sizes->env) < 1;
				i++)
				dim_each_sym(type->dims[d], double_size, sizes);
		}
	}
}

/* The lengths of a .rnn model's ragged axes, T_len[B] of x[B, T, ..]: all of it is real.  0: it is another input. */
static int64_t length_of(Ctx *cx, const Options *o, const Model *m, const char *name, const DimEnv *env)
{
	if (!m || !m->rnn || !path_ends_with(name, "_len")) return 0;
	const char *axis = arena_strn(cx->arena, name, strlen(name) - strlen("_len"));
	int64_t length = 0;
	const Sym *s = sym_find(cx, axis);
	return s && (is_given(o, s, &length) || dimenv_get(env, s, &length)) ? length : 0;
}

const Tensor **inputs_random(Ctx *cx, const Options *o, const Session *s, const Model *m)
{
	const int n = session_n_inputs(s);
	const Tensor **inputs = NEWN(cx->arena, const Tensor *, n);
	Sizes sizes = {.options = o};
	dimenv_init(&sizes.env, cx->arena);
	for (int k = 0; k < n; k++)
		for (int d = 0; d < session_input_type(s, k)->rank; d++)
			dim_each_sym(session_input_type(s, k)->dims[d], choose_size, &sizes);
	enlarge(cx, s, &sizes);
	for (int k = 0; k < n; k++) {
		const Type *type = session_input_type(s, k);
		int64_t *dims = NEWN(cx->arena, int64_t, type->rank);
		for (int d = 0; d < type->rank; d++) {
			dims[d] = dim_eval(cx, type->dims[d], &sizes.env);
			if (dims[d] < 0)
				fail(cx, "input '%s': a size of %lld", session_input_name(s, k), (long long)dims[d]);
		}
		Tensor *t = tensor_new(cx->arena, type->elem, type->rank, dims);
		if (!t) fail(cx, "input '%s' is too large", session_input_name(s, k));
		const int64_t length = length_of(cx, o, m, session_input_name(s, k), &sizes.env);
		for (int64_t i = 0; i < t->count; i++) {
			const uint64_t bits = draw(o->seed, (uint64_t)k, (uint64_t)i);
			if (elem_is_float(t->elem))
				tensor_set(t, i, (double)(bits >> 11) * 0x1p-52 - 1); /* in [-1, 1) */
			else if (length) tensor_set_int(t, i, length);
			else tensor_set_int(t, i, (int64_t)(bits >> 63)); /* 0 or 1 */
		}
		inputs[k] = t;
	}
	return inputs;
}
