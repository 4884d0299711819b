/* api.c: the public library (include/rnncc.h) over the internals: every entry point that can fail is a TRY.
 *
 * A Ctx belongs to one thread at a time, so what touches it is under the model's lock: binding the sizes of a call, and
 * all of an interpreted one.  Compiled code runs outside of it.
 */
#include "rnncc.h"
#include "passes/passes.h"
#include "runtime/load.h"
#include "runtime/module.h"
#include "runtime/session.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define X(name, ...) static_assert((int)RNNCC_##name == (int)name, "rnncc_type follows Elem");
ELEMS(X)
#undef X

typedef struct {
	size_t n;
	rnncc_value *items;
} Values;

struct rnncc_model {
	pthread_mutex_t lock;
	Ctx *cx;
	Session *session;
	bool interpreted;
	Values inputs, outputs;
	int n_sizes;
	const Sym **sizes;
	const Model *loaded;
	SessionCall *idle; /* prepared before, for the next call of the same shapes; NULL: none */
};

struct rnncc_state {
	const rnncc_model *model;
	SessionState *state;
};

const char *rnncc_version(void) { return RNNCC_VERSION; }

static void set_error(char **error, const char *text)
{
	if (error) *error = text ? module_text("%s", text) : NULL;
}

/* ---- loading ---- */

static Values describe(Ctx *cx, int n, const Session *s, const char *(*name)(const Session *, int),
	const Type *(*type)(const Session *, int))
{
	Values values = {(size_t)n, NEWN(cx->arena, rnncc_value, n)};
	for (int i = 0; i < n; i++) {
		const Type *t = type(s, i);
		int64_t *dims = NEWN(cx->arena, int64_t, t->rank);
		const char **texts = NEWN(cx->arena, const char *, t->rank);
		for (int d = 0; d < t->rank; d++) {
			if (!dim_is_int(t->dims[d], &dims[d])) dims[d] = -1;
			Buf text;
			buf_init(&text, cx->arena);
			dim_print(&text, t->dims[d]);
			texts[d] = text.text;
		}
		values.items[i] = (rnncc_value){name(s, i), (rnncc_type)t->elem, t->rank, dims, texts};
	}
	return values;
}

static void add_size(void *user, const Sym *s)
{
	rnncc_model *model = user;
	for (int i = 0; i < model->n_sizes; i++)
		if (model->sizes[i] == s) return;
	const Sym **more = NEWN(model->cx->arena, const Sym *, model->n_sizes + 1);
	if (model->n_sizes) memcpy(more, model->sizes, sizeof *more * (size_t)model->n_sizes);
	more[model->n_sizes++] = s;
	model->sizes = more;
}

static CompileOptions compile_options(Ctx *cx, const rnncc_options *o, const LoadOptions *lo, const Model *m)
{
	const char **outs = NEWN(cx->arena, const char *, o->n_states),
		   **ins = NEWN(cx->arena, const char *, o->n_states);
	for (size_t i = 0; i < o->n_states; i++) {
		outs[i] = o->states[i].name;
		ins[i] = o->states[i].value;
	}
	if (o->opt < -1 || o->opt > 3) fail(cx, "opt is %d: -1 to 3 wanted", o->opt);
	Elem weights = F32;
	if (o->weights_dtype && !weights_dtype_parse(o->weights_dtype, &weights))
		fail(cx, "weights_dtype is '%s': bf16, f16 or int8 wanted", o->weights_dtype);
	if (weights != F32 && o->f64) fail(cx, "weights_dtype is for weights of f32, which f64 leaves none of");
	if (o->products_dtype && strcmp(o->products_dtype, "bf16") != 0)
		fail(cx, "products_dtype is '%s': bf16 wanted", o->products_dtype);
	if (o->products_dtype && weights != BF16)
		fail(cx, "products_dtype is for weights of bf16: it needs weights_dtype to be bf16");
	return (CompileOptions){
		.target = o->target ? o->target : "native",
		.weights_elem = weights,
		.bf16_products = o->products_dtype != NULL,
		.opt = o->opt == 0   ? 2
			: o->opt < 0 ? 0
				     : o->opt,
		.threads = o->threads > 1 ? o->threads : 1,
		.run_only = !o->stream,
		.describe = true,
		.n_states = (int)o->n_states,
		.state_outs = outs,
		.state_ins = ins,
		.detect_states = o->detect_states,
		.n_dims = lo->n_dims,
		.dims = lo->dims,
		.digest = m->digest,
		.source_name = m->source_name,
		.stream = m->stream,
	};
}

/* Names are copied into the arena: the caller's need not live. */
static const Binding *bindings_of(Ctx *cx, const rnncc_options *o)
{
	Binding *bindings = NEWN(cx->arena, Binding, o->n_binds);
	for (size_t i = 0; i < o->n_binds; i++)
		bindings[i] = (Binding){intern(cx, o->binds[i].name), intern(cx, o->binds[i].value)};
	return bindings;
}

static const SizeRange *ranges_of(Ctx *cx, const rnncc_options *o)
{
	SizeRange *ranges = NEWN(cx->arena, SizeRange, o->n_ranges);
	for (size_t i = 0; i < o->n_ranges; i++) {
		const rnncc_range *r = &o->ranges[i];
		ranges[i] = (SizeRange){intern(cx, r->name), r->lo, r->hi, r->step ? r->step : 1};
		if (r->lo < 0 || r->hi < r->lo) fail(cx, "the range of size '%s' is empty or below 0", r->name);
		if (!range_round(&ranges[i]))
			fail(cx, "the range of size '%s' has no multiple of %lld", r->name, (long long)r->step);
	}
	return ranges;
}

static LoadOptions load_options(Ctx *cx, const rnncc_options *o)
{
	LoadOptions lo = {.no_lengths = o->no_lengths,
		.weights_seed = o->weights_seed,
		.n_dims = (int)o->n_ranges,
		.dims = ranges_of(cx, o)};
	if (o->weights) lo.weights.file = intern(cx, o->weights);
	if (o->weights_map) lo.weights.map = intern(cx, o->weights_map);
	if (o->weights_layout && !weight_layout_parse(o->weights_layout, &lo.weights.layout))
		fail(cx, "weights_layout is '%s': rnncc, pytorch or keras wanted", o->weights_layout);
	return lo;
}

static void open_session(rnncc_model *model, const rnncc_options *o, const LoadOptions *lo, const Model *m)
{
	Ctx *cx = model->cx;
	SessionOptions so = {.openmp = o->threads > 1, .stream = o->stream};
	if (o->via && !via_parse(o->via, &so.via))
		fail(cx, "via is '%s': jit, gcc, clang, cc or interpret wanted", o->via);
	model->interpreted = so.via == VIA_INTERPRET;
	const CompileOptions co = compile_options(cx, o, lo, m);
	so.target = co.target;
	so.opt = co.opt < 2 ? 2 : co.opt;
	const bool plain = model->interpreted && !o->stream && !co.n_states && !co.detect_states && !co.n_dims &&
		!o->weights_dtype;
	model->session = session_open(cx, m->graph, plain ? NULL : compile_graph(cx, m->graph, &co), &so);
	Session *s = model->session;
	model->inputs = describe(cx, session_n_inputs(s), s, session_input_name, session_input_type);
	model->outputs = describe(cx, session_n_outputs(s), s, session_output_name, session_output_type);
	for (int i = 0; i < session_n_inputs(s); i++)
		for (int d = 0; d < session_input_type(s, i)->rank; d++)
			dim_each_sym(session_input_type(s, i)->dims[d], add_size, model);
}

typedef struct { /* path, or where it is NULL, data */
	const char *path;
	const void *data;
	size_t size_bytes;
} Source;

/* False: the Ctx says why. */
static bool try_load(rnncc_model *model, const Source *from, const rnncc_options *o)
{
	Ctx *cx = model->cx;
	cx->f64 = o->f64;
	volatile bool done = false;
	TRY (cx) {
		const Binding *bindings = bindings_of(cx, o);
		const LoadOptions lo = load_options(cx, o);
		model->loaded = from->path
			? model_load(cx, intern(cx, from->path), (int)o->n_binds, bindings, &lo)
			: model_load_onnx(cx, from->data, from->size_bytes, NULL, (int)o->n_binds, bindings, &lo);
		if (!model->loaded->rnn &&
			(o->weights || o->weights_map || o->weights_layout || o->weights_seed || o->no_lengths))
			fail(cx, "%s: weights, their map, layout and seed, and no_lengths are of .rnn models",
				from->path ? from->path : "the model");
		open_session(model, o, &lo, model->loaded);
		done = true;
	}
	return done;
}

static rnncc_model *load(const Source *from, const rnncc_options *options, char **error)
{
	static const rnncc_options defaults;
	rnncc_model *model = module_need(calloc(1, sizeof *model));
	pthread_mutex_init(&model->lock, NULL);
	model->cx = ctx_new();
	const bool done = try_load(model, from, options ? options : &defaults);
	set_error(error, done ? NULL : model->cx->error);
	if (done) return model;
	rnncc_free(model);
	return NULL;
}

rnncc_model *rnncc_load(const char *path, const rnncc_options *options, char **error)
{
	return load(&(Source){.path = path}, options, error);
}

rnncc_model *rnncc_load_memory(const void *data, size_t size_bytes, const rnncc_options *options, char **error)
{
	return load(&(Source){NULL, data, size_bytes}, options, error);
}

int rnncc_save_weights(rnncc_model *model, const char *path, char **error)
{
	volatile int code = -1;
	pthread_mutex_lock(&model->lock);
	TRY (model->cx) {
		model_save_weights(model->cx, model->loaded, path);
		code = 0;
	}
	set_error(error, code ? model->cx->error : NULL);
	pthread_mutex_unlock(&model->lock);
	return code;
}

void rnncc_free(rnncc_model *model)
{
	if (!model) return;
	session_call_free(model->idle);
	ctx_free(model->cx);
	pthread_mutex_destroy(&model->lock);
	free(model);
}

/* ---- questions ---- */

size_t rnncc_n_inputs(const rnncc_model *model) { return model->inputs.n; }
size_t rnncc_n_outputs(const rnncc_model *model) { return model->outputs.n; }

rnncc_value rnncc_input(const rnncc_model *model, size_t index)
{
	assert(index < model->inputs.n);
	return model->inputs.items[index];
}

rnncc_value rnncc_output(const rnncc_model *model, size_t index)
{
	assert(index < model->outputs.n);
	return model->outputs.items[index];
}

size_t rnncc_n_notes(const rnncc_model *model) { return (size_t)model->cx->n_notes; }

const char *rnncc_note(const rnncc_model *model, size_t index)
{
	assert(index < rnncc_n_notes(model));
	return model->cx->notes[index];
}

size_t rnncc_n_sizes(const rnncc_model *model) { return (size_t)model->n_sizes; }

rnncc_range rnncc_size(const rnncc_model *model, size_t index)
{
	assert(index < rnncc_n_sizes(model));
	const Sym *s = model->sizes[index];
	return (rnncc_range){s->name, s->lo, s->hi, s->step};
}

/* ---- states ---- */

rnncc_state *rnncc_state_new(const rnncc_model *model)
{
	if (!session_state_bytes(model->session)) return NULL;
	rnncc_state *state = module_need(calloc(1, sizeof *state));
	state->model = model;
	state->state = session_state_new(model->session);
	return state;
}

void rnncc_state_reset(rnncc_state *state)
{
	if (state) session_state_reset(state->state);
}

void rnncc_state_free(rnncc_state *state)
{
	if (!state) return;
	session_state_free(state->state);
	free(state);
}

size_t rnncc_state_bytes(const rnncc_model *model) { return session_state_bytes(model->session); }

/* ---- calls ---- */

static const Tensor *tensor_of(Ctx *cx, Arena *arena, const rnncc_tensor *from, const char *name)
{
	if ((int)from->type < 0 || (int)from->type >= N_ELEMS || from->rank < 0 || (from->rank && !from->dims))
		fail(cx, "input '%s': is not a tensor", name);
	int64_t count = 1;
	for (int d = 0; d < from->rank; d++)
		if (from->dims[d] < 0 || __builtin_mul_overflow(count, from->dims[d], &count))
			fail(cx, "input '%s': its dims are negative or too large", name);
	if (count && !from->data) fail(cx, "input '%s': has no data", name);
	Tensor *t = NEW(arena, Tensor);
	const int64_t *dims = from->rank ? from->dims : NEW(arena, int64_t);
	*t = (Tensor){(Elem)from->type, from->rank, dims, count, from->data};
	return t;
}

/* A call for these inputs; with the interpreter it has run already.  Under the lock.  NULL: the Ctx says why. */
static SessionCall *begin(
	rnncc_model *model, Arena *arena, const rnncc_tensor *inputs, size_t n, rnncc_state *state, size_t n_outputs)
{
	Ctx *cx = model->cx;
	SessionCall *volatile call = NULL;
	volatile bool ready = false;
	TRY (cx) {
		if (n != model->inputs.n || n_outputs != model->outputs.n)
			fail(cx, "%zu inputs and %zu outputs given, the model has %zu and %zu", n, n_outputs,
				model->inputs.n, model->outputs.n);
		if (state && state->model != model) fail(cx, "the state belongs to another model");
		const Tensor **tensors = NEWN(arena, const Tensor *, n);
		for (size_t i = 0; i < n; i++)
			tensors[i] = tensor_of(cx, arena, &inputs[i], model->inputs.items[i].name);
		if (model->idle && session_inputs(model->idle, tensors)) {
			call = model->idle;
			model->idle = NULL;
		} else call = session_prepare(model->session, tensors);
		if (model->interpreted) session_call(call, state ? state->state : NULL);
		ready = true;
	}
	if (ready) return call;
	session_call_free(call);
	return NULL;
}

static void give(rnncc_tensor *out, const Tensor *t)
{
	/* dims and data in one block: data is what is freed */
	const size_t data = (tensor_size_bytes(t) + 63) / 64 * 64;
	char *block = module_need(aligned_alloc(64, data + (sizeof(int64_t) * (size_t)t->rank + 64) / 64 * 64));
	if (t->count) memcpy(block, t->data, tensor_size_bytes(t));
	if (t->rank) memcpy(block + data, t->dims, sizeof(int64_t) * (size_t)t->rank);
	*out = (rnncc_tensor){(rnncc_type)t->elem, t->rank, (const int64_t *)(const void *)(block + data), block};
}

int rnncc_run(rnncc_model *model, const rnncc_tensor *inputs, size_t n_inputs, rnncc_state *state,
	rnncc_tensor *outputs, size_t n_outputs, char **error)
{
	if (n_outputs) memset(outputs, 0, sizeof *outputs * n_outputs);
	Arena *arena = arena_new(); /* of the tensors' heads: until the call is over */
	pthread_mutex_lock(&model->lock);
	SessionCall *call = begin(model, arena, inputs, n_inputs, state, n_outputs);
	set_error(error, call ? NULL : model->cx->error);
	pthread_mutex_unlock(&model->lock);
	int code = 0;
	if (call && !model->interpreted) code = session_call(call, state ? state->state : NULL);
	while (code == RNNCC_EMORE) {
		pthread_mutex_lock(&model->lock);
		const bool larger = session_more(call);
		pthread_mutex_unlock(&model->lock);
		if (!larger) break;
		code = session_call(call, state ? state->state : NULL);
	}
	if (code) { set_error(error, session_error(arena, code)); }
	for (size_t i = 0; call && !code && i < n_outputs; i++) give(&outputs[i], call->results[i]);
	if (call) {
		pthread_mutex_lock(&model->lock);
		session_call_free(model->idle);
		model->idle = call;
		pthread_mutex_unlock(&model->lock);
	}
	arena_free(arena);
	return call && !code ? 0 : -1;
}

void rnncc_tensors_free(rnncc_tensor *tensors, size_t n)
{
	for (size_t i = 0; i < n; i++) free(tensors[i].data);
	if (n) memset(tensors, 0, sizeof *tensors * n);
}
