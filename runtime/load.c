/* load.c: a model file of any kind as a graph; values given on the command line as tensors. */
#include "runtime/load.h"
#include "frontend/lang/rnn.h"
#include "frontend/onnx/model.h"
#include "passes/passes.h"
#include "runtime/file.h"
#include "runtime/sha256.h"
#include "runtime/tensor_file.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- bound inputs ---- */

static int64_t parse_int(Ctx *cx, const Binding *b, const char *text, char **end)
{
	errno = 0;
	const int64_t value = strtoll(text, end, 0);
	if (errno) fail(cx, "--bind %s: '%s' is out of range", b->name, text);
	return value;
}

/* Numbers separated by commas. */
static Tensor *parse_numbers(Ctx *cx, const Binding *b, Elem elem)
{
	int64_t n = 1;
	for (const char *c = b->value; *c; c++) n += *c == ',';
	Tensor *t = tensor_new(cx->arena, elem, 1, &n);
	const char *at = b->value;
	for (int64_t i = 0; i < n; i++) {
		char *end;
		double number = 0;
		errno = 0;
		if (elem_is_float(elem)) tensor_set(t, i, number = strtod(at, &end));
		else tensor_set_int(t, i, parse_int(cx, b, at, &end));
		const bool overflows =
			isinf(number) ? errno == ERANGE : isfinite(number) && !isfinite(tensor_get(t, i));
		if (end == at || *end != (i + 1 < n ? ',' : '\0'))
			fail(cx, "--bind %s: '%s' is neither numbers of type %s nor a tensor file", b->name, b->value,
				elem_info[elem].name);
		if (elem_is_float(elem) ? overflows : tensor_get_int(t, i) != parse_int(cx, b, at, &end))
			fail(cx, "--bind %s: '%s' does not fit in %s", b->name, b->value, elem_info[elem].name);
		at = end + 1;
	}
	return t;
}

static void json_free(void *json) { cJSON_Delete(json); }

/* The texts of a JSON array, or of arrays of one shape in it, in order: numbers of texts at `to`, which may be NULL. */
static int64_t json_texts(Ctx *cx, const Binding *b, const cJSON *json, int rank, int64_t *dims, Tensor *to, int64_t at)
{
	if (rank == 0) {
		if (!cJSON_IsString(json)) fail(cx, "--bind %s: strings wanted: [\"a\", \"b\"]", b->name);
		if (to) tensor_set_int(to, at, text_number(cx, json->valuestring));
		return at + 1;
	}
	if (!cJSON_IsArray(json) || cJSON_GetArraySize(json) != dims[0])
		fail(cx, "--bind %s: arrays of one shape wanted", b->name);
	for (const cJSON *item = json->child; item; item = item->next)
		at = json_texts(cx, b, item, rank - 1, dims + 1, to, at);
	return at;
}

/* A text as it is, or a JSON array of them. */
static Tensor *parse_texts(Ctx *cx, const Binding *b)
{
	int64_t dims[ONNX_MAX_RANK];
	int rank = 0;
	if (*b->value != '[') {
		Tensor *one = tensor_new(cx->arena, STR, 0, NULL);
		tensor_set_int(one, 0, text_number(cx, b->value));
		return one;
	}
	cJSON *json = cJSON_ParseWithOpts(b->value, NULL, true); /* to its end */
	if (json) arena_defer(cx->arena, json_free, json);
	if (!json || strstr(b->value, "\\u0000"))
		fail(cx, "--bind %s: '%s' is no JSON array of strings", b->name, b->value);
	for (const cJSON *at = json; cJSON_IsArray(at); at = at->child) {
		if (rank == ONNX_MAX_RANK) fail(cx, "--bind %s: arrays nested more than %d deep", b->name, rank);
		dims[rank++] = cJSON_GetArraySize(at);
	}
	json_texts(cx, b, json, rank, dims, NULL, 0);
	Tensor *t = tensor_new(cx->arena, STR, rank, dims);
	json_texts(cx, b, json, rank, dims, t, 0);
	return t;
}

/* One number may stand for any shape of one element: [1], [1, 1] or none. */
static const Tensor *as_rank(Ctx *cx, Tensor *t, int rank)
{
	if (t->count != 1) return t;
	int64_t *dims = NEWN(cx->arena, int64_t, rank);
	for (int i = 0; i < rank; i++) dims[i] = 1;
	t->rank = rank;
	t->dims = dims;
	return t;
}

static const Onnx__TypeProto__Tensor *declared_tensor(const OnnxModel *m, const char *name)
{
	const Onnx__GraphProto *g = m->proto->graph;
	for (size_t i = 0; i < g->n_input; i++)
		if (!strcmp(g->input[i]->name, name) && g->input[i]->type &&
			g->input[i]->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
			return g->input[i]->type->tensor_type;
	return NULL;
}

static bool is_initializer(const Onnx__GraphProto *g, const char *name)
{
	for (size_t i = 0; i < g->n_initializer; i++)
		if (!strcmp(g->initializer[i]->name, name)) return true;
	for (size_t i = 0; i < g->n_sparse_initializer; i++)
		if (!strcmp(g->sparse_initializer[i]->values->name, name)) return true;
	return false;
}

static const char *declared_names(Ctx *cx, const Onnx__GraphProto *g)
{
	Buf b;
	buf_init(&b, cx->arena);
	for (size_t i = 0; i < g->n_input; i++)
		if (!is_initializer(g, g->input[i]->name))
			buf_printf(&b, "%s%s", b.size ? ", " : "", g->input[i]->name);
	return b.size ? b.text : "none";
}

static const Tensor *bound_value(Ctx *cx, const OnnxModel *m, const Binding *b)
{
	if (tensor_file_known(b->value)) {
		const NamedTensor *found;
		if (tensor_file_read(cx, b->value, &found) != 1)
			fail(cx, "--bind %s: %s holds several tensors", b->name, b->value);
		return found->tensor;
	}
	const Onnx__TypeProto__Tensor *type = declared_tensor(m, b->name);
	if (!type)
		fail(cx, "--bind %s: the model has no input of that name; it has %s", b->name,
			declared_names(cx, m->proto->graph));
	const Elem elem = onnx_elem(cx, type->elem_type, arena_printf(cx->arena, "input '%s'", b->name));
	Tensor *value = elem == STR ? parse_texts(cx, b) : parse_numbers(cx, b, elem);
	return as_rank(cx, value, type->shape ? (int)type->shape->n_dim : 0);
}

/* ---- ONNX ---- */

static bool is_param(const Graph *g, const char *name)
{
	for (int i = 0; i < g->n_params; i++)
		if (!strcmp(g->param_names[i], name)) return true;
	return false;
}

typedef struct {
	Ctx *cx;
	Map counts; /* interned name -> OperatorCount */
	int n;
} Counting;

static void count_nodes(Counting *c, const Onnx__GraphProto *g)
{
	for (size_t i = 0; i < g->n_node; i++) {
		const Onnx__NodeProto *node = g->node[i];
		const char *domain = onnx_domain(node->domain);
		const char *name =
			intern(c->cx, arena_printf(c->cx->arena, "%s%s%s", domain, *domain ? "." : "", node->op_type));
		const OperatorCount *old = map_get(&c->counts, name);
		OperatorCount *count = NEW(c->cx->arena, OperatorCount);
		*count = (OperatorCount){name, old ? old->count + 1 : 1};
		c->n += !old;
		map_put(&c->counts, name, count);
		for (size_t k = 0; k < node->n_attribute; k++) {
			if (node->attribute[k]->g) count_nodes(c, node->attribute[k]->g);
			for (size_t j = 0; j < node->attribute[k]->n_graphs; j++)
				count_nodes(c, node->attribute[k]->graphs[j]);
		}
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const OperatorCount *)a)->name, ((const OperatorCount *)b)->name);
}

static void count_operators(Ctx *cx, Model *model, const Onnx__GraphProto *g)
{
	Counting c = {.cx = cx};
	map_init(&c.counts, cx->arena);
	count_nodes(&c, g);
	OperatorCount *list = NEWN(cx->arena, OperatorCount, c.n);
	for (size_t i = 0; i < c.counts.cap; i++)
		if (c.counts.keys[i]) list[model->n_operators++] = *(const OperatorCount *)c.counts.values[i];
	if (c.n) qsort(list, (size_t)c.n, sizeof *list, by_name);
	model->operators = list;
}

/* Files count the inputs without default. */
static const OnnxValue *read_likes(Ctx *cx, const Onnx__GraphProto *g, int n_files, const char *const *files)
{
	OnnxValue *likes = NEWN(cx->arena, OnnxValue, n_files);
	int k = 0;
	for (size_t i = 0; i < g->n_input && k < n_files; i++) {
		if (is_initializer(g, g->input[i]->name)) continue;
		if (files[k]) likes[k] = value_file_read(cx, files[k], onnx_kind(g->input[i]));
		k++;
	}
	return likes;
}

static void import(Ctx *cx, Model *model, const OnnxModel *onnx, int n_bindings, const Binding *bindings, int n_files,
	const char *const *files, bool bind_scalars, const LoadOptions *lo)
{
	for (int i = 0; i < lo->n_dims; i++) sym_narrow(cx, &lo->dims[i]);
	const char **names = NEWN(cx->arena, const char *, n_bindings);
	const Tensor **values = NEWN(cx->arena, const Tensor *, n_bindings);
	for (int i = 0; i < n_bindings; i++) {
		names[i] = bindings[i].name;
		values[i] = bound_value(cx, onnx, &bindings[i]);
	}
	const Onnx__GraphProto *g = onnx->proto->graph;
	const OnnxValue *likes = read_likes(cx, g, n_files, files);
	const OnnxImportOptions options = {.n_binds = n_bindings,
		.bind_names = names,
		.bind_values = values,
		.n_likes = n_files,
		.likes = likes,
		.bind_scalars = bind_scalars};
	model->graph = onnx_import(cx, onnx, &options);
	OnnxKind *input_kinds = NEWN(cx->arena, OnnxKind, g->n_input);
	const char **input_names = NEWN(cx->arena, const char *, g->n_input);
	for (size_t i = 0; i < g->n_input; i++) {
		const char *name = g->input[i]->name;
		const bool param = is_param(model->graph, name);
		if (!param && is_initializer(g, name)) continue; /* it has a default, and files do not count it */
		input_kinds[model->n_inputs] = onnx_kind(g->input[i]);
		input_names[model->n_inputs++] = name;
	}
	model->input_names = input_names;
	model->input_kinds = input_kinds;
	const char **output_names = NEWN(cx->arena, const char *, g->n_output);
	OnnxKind *output_kinds = NEWN(cx->arena, OnnxKind, g->n_output);
	for (size_t i = 0; i < g->n_output; i++) {
		output_names[i] = g->output[i]->name;
		output_kinds[i] = onnx_kind(g->output[i]);
	}
	model->n_outputs = (int)g->n_output;
	model->output_names = output_names;
	model->output_kinds = output_kinds;
	count_operators(cx, model, g);
}

/* ---- IR text, models in .rnn ---- */

static void set_graph(Ctx *cx, Model *model, const Graph *g)
{
	model->graph = g;
	model->n_inputs = g->n_params;
	model->input_names = g->param_names;
	model->input_kinds = NEWN(cx->arena, OnnxKind, g->n_params); /* tensors all */
	model->n_outputs = g->n_results;
	model->output_names = g->result_names;
	model->output_kinds = NEWN(cx->arena, OnnxKind, g->n_results);
}

static void parse_text(Ctx *cx, Model *model, const char *text, size_t size, int n_bindings)
{
	if (n_bindings) fail(cx, "%s: --bind is for ONNX models", model->path);
	if (strlen(text) != size) fail(cx, "%s: is not a text", model->path);
	set_graph(cx, model, graph_parse(cx, text, model->path));
}

static void elaborate(Ctx *cx, Model *model, const char *path, const char *name, const char *text, size_t size,
	int n_bindings, const LoadOptions *o)
{
	if (n_bindings) fail(cx, "%s: --bind is for ONNX models", model->path);
	const RnnOptions ro = {.model = name, .lengths = !o->no_lengths, .seed = o->weights_seed};
	const RnnModel *rnn = weights_load_rnn(cx, path, text, size, &ro, &o->weights, &model->weights_from);
	set_graph(cx, model, rnn->graph);
	model->stream = rnn->stream;
	model->rnn = rnn;
}

/* FILE.rnn:MODEL: the file, and the model's name or NULL. */
static const char *rnn_file(Ctx *cx, const char *path, const char **name)
{
	static const char ending[] = ".rnn:";
	const char *at = NULL;
	for (const char *p = path; (p = strstr(p, ending)); p++) at = p;
	*name = at ? at + strlen(ending) : NULL;
	return at ? arena_strn(cx->arena, path, (size_t)(at - path) + strlen(ending) - 1) : path;
}

static bool is_rnn(const char *path) { return path_ends_with(path, ".rnn") || strstr(path, ".rnn:"); }

bool model_known(const char *path)
{
	return path_ends_with(path, ".onnx") || path_ends_with(path, ".ir") || is_rnn(path);
}

const Model *model_load(Ctx *cx, const char *path, int n_bindings, const Binding *bindings, const LoadOptions *o)
{
	return model_load_like(cx, path, n_bindings, bindings, 0, NULL, false, o);
}

const Model *model_load_like(Ctx *cx, const char *path, int n_bindings, const Binding *bindings, int n_files,
	const char *const *files, bool bind_scalars, const LoadOptions *o)
{
	Model *model = NEW(cx->arena, Model);
	const char *name, *file = rnn_file(cx, path, &name);
	model->path = path;
	model->source_name = path_base(cx->arena, file);
	if (!model_known(path)) fail(cx, "%s: unknown kind of model: .onnx, .rnn or .ir expected", path);
	size_t size;
	const char *data = file_read(cx, file, &size);
	model->digest = sha256_hex(cx->arena, data, size);
	if ((o->weights.file || o->weights.map || o->weights.layout) && !is_rnn(path))
		fail(cx, "%s: only the weights of .rnn models are in other files", path);
	if (is_rnn(path)) elaborate(cx, model, file, name, data, size, n_bindings, o);
	else if (path_ends_with(path, ".ir")) parse_text(cx, model, data, size, n_bindings);
	else import(cx, model, onnx_read_file(cx, path), n_bindings, bindings, n_files, files, bind_scalars, o);
	if (cx->f64 && model->stream) model->stream = pass_widen(cx, model->stream);
	if (cx->f64) model->graph = pass_widen(cx, model->graph);
	return model;
}

const Model *model_load_onnx(Ctx *cx, const void *data, size_t size_bytes, const char *dir, int n_bindings,
	const Binding *bindings, const LoadOptions *o)
{
	Model *model = NEW(cx->arena, Model);
	model->path = model->source_name = "model";
	model->digest = sha256_hex(cx->arena, data, size_bytes);
	import(cx, model, onnx_read_memory(cx, data, size_bytes, dir), n_bindings, bindings, 0, NULL, false, o);
	if (cx->f64) model->graph = pass_widen(cx, model->graph);
	return model;
}

void model_save_weights(Ctx *cx, const Model *model, const char *path)
{
	if (!model->rnn) fail(cx, "%s: only the parameters of a .rnn have names to be saved by", model->path);
	if (!path_ends_with(path, ".npz")) fail(cx, "%s: parameters are saved to a .npz", path);
	const int n = model->rnn->n_params;
	NamedTensor *tensors = NEWN(cx->arena, NamedTensor, n + 1);
	for (int i = 0; i < n; i++) tensors[i] = (NamedTensor){model->rnn->params[i].name, model->rnn->params[i].value};
	tensor_file_write(cx, path, n, tensors);
}
