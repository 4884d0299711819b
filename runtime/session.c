/* session.c: a model made ready to run; binding dims, buffers, states.  See session.h. */
#include "runtime/session.h"
#include "runtime/profile.h"
#include "runtime/file.h"
#include "runtime/module.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_ALIGN = 64 };
static const int64_t MAX_STATE_ELEMENTS = INT64_C(1) << 32;

typedef int CallFn(
	int step, const int64_t *dims, const void *const *in, void *const *out, void *state, void *workspace);
typedef size_t WorkspaceFn(int step, const int64_t *dims);
typedef size_t StateFn(void);
typedef void ResetFn(void *state);
typedef int LoadFn(void *weights, const void *blob, size_t size);

struct Session {
	Ctx *cx;
	const Graph *graph;       /* of a call */
	const Compiled *compiled; /* NULL: nothing is bound as state */
	const EntryPoint *entry;  /* of compiled */
	int step;                 /* its number: 0 NAME_run, 1 NAME_step, 2 NAME_steps */
	int n_states;             /* result state_result[i] is parameter state_param[i] of the next call */
	const int *state_result, *state_param;
	int n_inputs, n_outputs;
	int *inputs, *outputs; /* which parameters and results they are */
	CallFn *call;          /* NULL: the interpreter */
	WorkspaceFn *workspace;
	ResetFn *reset;
	size_t state_bytes;
	struct {
		const void *data;
	} weights; /* NAME_weights, where they are a blob */
	bool sanitize;
};

struct SessionState {
	const Session *session;
	void *bytes;  /* compiled code's */
	Arena *arena; /* the interpreter's */
	Tensor **tensors;
};

typedef struct {
	SessionCall face;
	Session *session;
	Arena *arena;
	Tensor **inputs; /* of all parameters; the call's own, but for their data */
	int64_t *dims;   /* of Compiled.dims */
	int64_t room;    /* the bound of sizes that the model computes, where callers give it; 0: there is none */
	DimEnv env;      /* all sizes; of those that the model computes, the last call's */
	const void **in;
	void **out;
	void *workspace;
	Arena *values; /* of the interpreter's last call */
} Call;

/* ---- ways to run ---- */

static const char *const via_names[] = {[VIA_AUTO] = "auto",
	[VIA_INTERPRET] = "interpret",
	[VIA_JIT] = "jit",
	[VIA_GCC] = "gcc",
	[VIA_CLANG] = "clang",
	[VIA_CC] = "cc"};

bool via_parse(const char *text, Via *via)
{
	for (Via v = VIA_INTERPRET; v <= VIA_CC; v++)
		if (!strcmp(text, via_names[v])) {
			*via = v;
			return true;
		}
	return false;
}

const char *via_name(Via via) { return via_names[via]; }

Via via_decide(Via via) { return via != VIA_AUTO ? via : module_jit_available() ? VIA_JIT : VIA_CC; }

static bool in_path(const char *command)
{
	char *dirs = strdup(getenv("PATH") ? getenv("PATH") : "/usr/local/bin:/usr/bin:/bin"), *rest = dirs, *dir;
	bool found = false;
	while (dirs && !found && (dir = strsep(&rest, ":"))) {
		char *path = module_text("%s/%s", *dir ? dir : ".", command);
		found = access(path, X_OK) == 0;
		free(path);
	}
	free(dirs);
	return found;
}

/* Distributions install one version without the plain name. */
static const char *find_compiler(Ctx *cx, const char *name)
{
	if (in_path(name)) return name;
	for (int version = 30; version > 8; version--) {
		const char *versioned = arena_printf(cx->arena, "%s-%d", name, version);
		if (in_path(versioned)) return versioned;
	}
	fail(cx, "--via %s: there is no such command in PATH", name);
}

static const char *compiler_of(Ctx *cx, Via via)
{
	if (via == VIA_GCC || via == VIA_CLANG) return find_compiler(cx, via_name(via));
	const char *cc = getenv("RNNCC_CC");
	return cc && *cc ? cc : "cc";
}

bool session_sanitized(void) { return dlsym(RTLD_DEFAULT, "__asan_init"); }

const char *session_sanitizer(Ctx *cx, Via via)
{
	const char *command = arena_printf(cx->arena, "%s -print-file-name=libasan.so", compiler_of(cx, via));
	char path[4096] = "";
	FILE *answer = popen(command, "re");
	const bool found = answer && fgets(path, sizeof path, answer) && *path == '/';
	if (answer) pclose(answer);
	if (!found) fail(cx, "--sanitize: %s has no libasan.so, which GCC has", compiler_of(cx, via));
	path[strcspn(path, "\n")] = '\0';
	return arena_printf(cx->arena, "%s", path);
}

/* ---- opening ---- */

static bool bound_as_state(const int *bound, int n, int index)
{
	for (int i = 0; i < n; i++)
		if (bound[i] == index) return true;
	return false;
}

static int *others(Ctx *cx, int n_all, const int *bound, int n_bound, int *n)
{
	int *list = NEWN(cx->arena, int, n_all);
	*n = 0;
	for (int i = 0; i < n_all; i++)
		if (!bound_as_state(bound, n_bound, i)) list[(*n)++] = i;
	return list;
}

static void free_module(void *module) { module_free(module); }

/* The function's address by way of memory: ISO C has no cast from an object pointer to one. */
static void get_symbol(Session *s, Module *m, const char *suffix, void *function)
{
	const char *name = arena_printf(s->cx->arena, "%s_%s", s->compiled->name, suffix);
	void *address = module_symbol(m, name);
	if (!address) fail(s->cx, "the generated C has no function %s", name);
	memcpy(function, &address, sizeof address);
}

/* The file of the weights; NULL: they are in the C. */
static const OutFile *weights_file(const Compiled *c)
{
	for (int i = 0; i < c->n_files; i++)
		if (path_ends_with(c->files[i].name, ".bin")) return &c->files[i];
	return NULL;
}

/* What the assembler takes in must be a file: in a folder of its own, until it is compiled. */
static const char *write_weights(Ctx *cx, const Compiled *c)
{
	const char *parent = getenv("TMPDIR");
	char *dir = arena_printf(cx->arena, "%s/rnncc-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(dir)) fail(cx, "cannot make a directory in $TMPDIR: %s", dir);
	const OutFile *w = weights_file(c);
	file_write(cx, path_join(cx->arena, dir, w->name), w->data, w->size);
	return dir;
}

static void remove_weights(const Compiled *c, const char *dir)
{
	char *path = module_text("%s/%s", dir, weights_file(c)->name);
	unlink(path);
	rmdir(dir);
	free(path);
}

static void load_weights(Session *s, Module *m)
{
	const OutFile *w = weights_file(s->compiled);
	LoadFn *load;
	get_symbol(s, m, "load", &load);
	if (load(&s->weights, w->data, w->size)) fail(s->cx, "%s_load refuses %s", s->compiled->name, w->name);
}

static const char *march_of(const char *target) { return target ? target_march(target) : NULL; }

static void open_module(Session *s, const SessionOptions *o)
{
	Ctx *cx = s->cx;
	const Compiled *c = s->compiled;
	ModuleFile *files = NEWN(cx->arena, ModuleFile, c->n_files);
	size_t n_files = 0;
	for (int i = 0; i < c->n_files; i++)
		if (!path_ends_with(c->files[i].name, ".bin"))
			files[n_files++] = (ModuleFile){
				c->files[i].name, arena_strn(cx->arena, c->files[i].data, c->files[i].size)};
	static const char sanitizers[] = "-g -fsanitize=address,undefined -fno-sanitize-recover=all";
	const Via via = via_decide(o->via);
	const ModuleSymbol tick = profile_symbol();
	if (c->weights == WEIGHTS_INCBIN && via == VIA_JIT)
		fail(cx, "--weights incbin needs an assembler: --via gcc, clang or cc");
	const char *include_dir = c->weights == WEIGHTS_INCBIN ? write_weights(cx, c) : NULL;
	const ModuleOptions options = {
		.kind = via == VIA_JIT ? MODULE_JIT : MODULE_CC,
		.cc = via == VIA_JIT  ? NULL
			: s->sanitize ? arena_printf(cx->arena, "%s %s", compiler_of(cx, via), sanitizers)
				      : compiler_of(cx, via),
		.march = march_of(o->target),
		.opt = o->opt == 0 ? MODULE_OPT_NONE : o->opt,
		.openmp = o->openmp,
		.werror = o->werror,
		.portable = !march_of(o->target),
		.include_dir = include_dir,
		.symbols = o->profile ? &tick : NULL,
		.n_symbols = o->profile,
	};
	char *error;
	Module *m = module_load(files, n_files, &options, &error);
	if (include_dir) remove_weights(c, include_dir);
	if (!m) {
		const char *message = arena_printf(cx->arena, "%s", error);
		free(error);
		fail(cx, "%s", message);
	}
	arena_defer(cx->arena, free_module, m);
	StateFn *state;
	get_symbol(s, m, "call", &s->call);
	get_symbol(s, m, "call_workspace", &s->workspace);
	get_symbol(s, m, "call_state", &state);
	get_symbol(s, m, "call_reset", &s->reset);
	s->state_bytes = state();
	if (c->weights == WEIGHTS_BLOB) load_weights(s, m);
}

/* The interpreter's states are tensors of the types of their parameters.  After this nothing about them can fail. */
static void measure_state(Session *s)
{
	for (int i = 0; i < s->n_states; i++) {
		const int param = s->state_param[i];
		const Type *t = s->graph->params[param]->type;
		int64_t count;
		if (!dim_is_int(type_count(s->cx, t), &count))
			fail(s->cx, "state '%s' is %s: its size must be known; bind it by --dim",
				s->graph->param_names[param], type_str(s->cx, t));
		if (count > MAX_STATE_ELEMENTS) fail(s->cx, "state '%s' is too large", s->graph->param_names[param]);
		s->state_bytes += (size_t)count * (size_t)elem_info[t->elem].size;
	}
}

/* A call is the model; one with bound states has no run, its step is the whole model. */
static void choose_whole(Session *s)
{
	const Compiled *c = s->compiled;
	s->step = !c->has_run;
	s->entry = c->has_run ? &c->run : &c->step;
	s->graph = c->graph;
	s->n_states = c->n_states;
	s->state_result = c->state_result;
	s->state_param = c->state_param;
}

/* A call is some steps; their states are the last parameters and results. */
static void choose_stream(Session *s, Via via)
{
	const Compiled *c = s->compiled;
	if (!c->has_step) fail(s->cx, "no stream: %s", c->no_step_reason);
	if (via == VIA_INTERPRET) fail(s->cx, "a stream is of compiled code, not of the interpreter");
	s->step = c->has_steps ? 2 : 1;
	s->entry = c->has_steps ? &c->steps : &c->step;
	s->graph = s->entry->graph;
	s->n_states = s->entry->n_states;
	int *results = NEWN(s->cx->arena, int, s->n_states + 1), *params = NEWN(s->cx->arena, int, s->n_states + 1);
	for (int i = 0; i < s->n_states; i++) {
		results[i] = s->graph->n_results - s->n_states + i;
		params[i] = s->graph->n_params - s->n_states + i;
	}
	s->state_result = results;
	s->state_param = params;
}

Session *session_open(Ctx *cx, const Graph *graph, const Compiled *compiled, const SessionOptions *options)
{
	Session *s = NEW(cx->arena, Session);
	*s = (Session){.cx = cx, .graph = graph, .compiled = compiled, .sanitize = options->sanitize};
	if (compiled && compiled->has_run && options->stream) choose_stream(s, options->via);
	else if (compiled) choose_whole(s);
	s->inputs = others(cx, s->graph->n_params, s->state_param, s->n_states, &s->n_inputs);
	s->outputs = others(cx, s->graph->n_results, s->state_result, s->n_states, &s->n_outputs);
	if (options->via != VIA_INTERPRET) {
		assert(compiled);
		open_module(s, options);
	} else if (compiled) {
		measure_state(s);
	}
	return s;
}

int session_n_inputs(const Session *s) { return s->n_inputs; }
int session_n_outputs(const Session *s) { return s->n_outputs; }
const char *session_input_name(const Session *s, int i) { return s->graph->param_names[s->inputs[i]]; }
const char *session_output_name(const Session *s, int i) { return s->graph->result_names[s->outputs[i]]; }
const Type *session_input_type(const Session *s, int i) { return s->graph->params[s->inputs[i]]->type; }
const Type *session_output_type(const Session *s, int i) { return s->graph->results[s->outputs[i]]->type; }
const Graph *session_graph(const Session *s) { return s->graph; }
size_t session_state_bytes(const Session *s) { return s->state_bytes; }

/* ---- states ---- */

static Tensor *zeros(Ctx *cx, Arena *arena, const Type *t)
{
	int64_t *dims = NEWN(arena, int64_t, t->rank);
	for (int d = 0; d < t->rank; d++)
		if (!dim_is_int(t->dims[d], &dims[d]))
			fail(cx, "a state of type %s: its size must be known", type_str(cx, t));
	Tensor *zero = tensor_new(arena, t->elem, t->rank, dims);
	if (!zero) fail(cx, "a state of type %s is too large", type_str(cx, t));
	return zero;
}

void session_state_reset(SessionState *state)
{
	const Session *s = state->session;
	if (s->call) {
		s->reset(state->bytes);
		return;
	}
	arena_free(state->arena);
	state->arena = arena_new();
	const int n = s->n_states;
	state->tensors = NEWN(state->arena, Tensor *, n);
	for (int i = 0; i < n; i++)
		state->tensors[i] = zeros(s->cx, state->arena, s->graph->params[s->state_param[i]]->type);
}

SessionState *session_state_new(const Session *s)
{
	if (!s->state_bytes) return NULL;
	SessionState *state = module_need(calloc(1, sizeof *state));
	state->session = s;
	if (s->call) {
		if (posix_memalign(&state->bytes, BUFFER_ALIGN, s->state_bytes)) state->bytes = module_need(NULL);
	}
	session_state_reset(state);
	return state;
}

void session_state_free(SessionState *state)
{
	if (!state) return;
	arena_free(state->arena);
	free(state->bytes);
	free(state);
}

/* ---- calls ---- */

static Tensor *head_of(Arena *arena, const Tensor *t)
{
	Tensor *head = arena_copy(arena, t, sizeof *t);
	head->dims = arena_copy(arena, t->dims, sizeof *t->dims * (size_t)t->rank);
	return head;
}

/* All parameters: the inputs, and for states zeros of their types, which have the right shapes. */
static Tensor **all_params(Session *s, Arena *arena, const Tensor *const *inputs)
{
	Tensor **params = NEWN(arena, Tensor *, s->graph->n_params);
	for (int i = 0; i < s->n_inputs; i++) params[s->inputs[i]] = head_of(arena, inputs[i]);
	for (int i = 0; i < s->graph->n_params; i++)
		if (!params[i]) params[i] = zeros(s->cx, arena, s->graph->params[i]->type);
	return params;
}

/* A buffer of its own: with a sanitizer what goes over its end is seen.  All bits set: what the code forgets to write is
 * NaN, not a lucky 0. */
static void *buffer_new(Ctx *cx, Arena *arena, size_t size_bytes)
{
	void *buffer;
	if (posix_memalign(&buffer, BUFFER_ALIGN, size_bytes ? size_bytes : 1))
		fail(cx, "out of memory: %zu bytes wanted", size_bytes);
	arena_defer(arena, free, buffer);
	return memset(buffer, 0xff, size_bytes);
}

/* Elements of less than a byte share bytes in compiled code. */
static bool shares(const Tensor *t) { return elem_info[t->elem].bits < 8; }

static void *shared_buffer(Call *call, const Tensor *t)
{
	return buffer_new(call->session->cx, call->arena, (size_t)packed_bytes(t->elem, t->count));
}

static const void *input_data(Call *call, const Tensor *t)
{
	if (shares(t)) {
		void *bytes = shared_buffer(call, t);
		pack_elements(t->elem, t->data, t->count, bytes);
		return bytes;
	}
	if (!call->session->sanitize || !t->count) return t->data;
	return memcpy(buffer_new(call->session->cx, call->arena, tensor_size_bytes(t)), t->data, tensor_size_bytes(t));
}

/* Sizes that the model computes are tried, from small ones on. */
enum { FIRST_ROOM = 16, MORE_ROOM = 4 };
static const int64_t MOST_ROOM_BYTES = INT64_C(1) << 32; /* of one array, or of the workspace */

static void want_room(const Call *call, int64_t size_bytes)
{
	if (call->room && (size_bytes < 0 || size_bytes > MOST_ROOM_BYTES))
		fail(call->session->cx, "the sizes that the model computes would take more than %lld bytes",
			(long long)MOST_ROOM_BYTES);
}

/* An output with room for the most that its sizes can be. */
static Tensor *result_new(Call *call, const Type *t, const DimEnv *env)
{
	Ctx *cx = call->session->cx;
	Tensor *result = NEW(call->arena, Tensor);
	int64_t *dims = NEWN(call->arena, int64_t, t->rank), size = elem_info[t->elem].size;
	for (int d = 0; d < t->rank; d++) {
		dims[d] = dim_eval(cx, dim_most(cx, t->dims[d]), env);
		if (dims[d] < 0)
			fail(cx,
				"an output of type %s: its axis %d would have %lld elements, by the sizes of these inputs",
				type_str(cx, t), d, (long long)dims[d]);
		if (__builtin_mul_overflow(size, dims[d], &size))
			fail(cx, "an output of type %s is too large", type_str(cx, t));
	}
	want_room(call, size);
	*result = (Tensor){t->elem, t->rank, dims, size / elem_info[t->elem].size, NULL};
	result->data = buffer_new(cx, call->arena, (size_t)size);
	return result;
}

/* Of all sizes, an entry point takes some: NAME_steps has a number of steps where the length of the run is fixed. */
static bool is_size_of(const EntryPoint *entry, const Sym *size)
{
	for (int i = 0; i < entry->n_dims; i++)
		if (entry->dims[i] == size) return true;
	return false;
}

static void prepare_buffers(Call *call, Eval *e)
{
	Session *s = call->session;
	Ctx *cx = s->cx;
	Arena *a = call->arena;
	const Compiled *c = s->compiled;
	call->dims = NEWN(a, int64_t, c->n_dims);
	for (int i = 0; i < c->n_dims; i++) {
		if (!c->dims[i]->most_of) continue;
		call->room = call->room ? call->room : FIRST_ROOM;
		dimenv_set(&e->env, c->dims[i], call->room);
	}
	for (int i = 0; i < c->n_dims; i++)
		if (!dimenv_get(&e->env, c->dims[i], &call->dims[i]) && is_size_of(s->entry, c->dims[i]))
			fail(cx, "the inputs do not tell the size %s", c->dims[i]->name);
	call->in = NEWN(a, const void *, s->n_inputs + 1);
	*call->in++ = &s->weights; /* where NAME_call looks for it */
	for (int i = 0; i < s->n_inputs; i++) call->in[i] = input_data(call, call->inputs[s->inputs[i]]);
	call->out = NEWN(a, void *, s->n_outputs + c->n_computed);
	call->env = e->env;
	for (int i = 0; i < c->n_computed; i++) { /* the compiled code writes into the box of the size's value */
		call->out[s->n_outputs + i] = NEW(a, int64_t);
		map_put(&call->env.values, c->computed[i], call->out[s->n_outputs + i]);
	}
	for (int i = 0; i < s->n_outputs; i++) {
		const Tensor *result = result_new(call, session_output_type(s, i), &e->env);
		call->face.results[i] = result;
		call->out[i] = shares(result) ? shared_buffer(call, result) : result->data;
	}
	call->face.workspace_bytes = s->workspace(s->step, call->dims);
	want_room(call, (int64_t)call->face.workspace_bytes);
	call->workspace = buffer_new(cx, a, call->face.workspace_bytes);
}

SessionCall *session_prepare(Session *s, const Tensor *const *inputs)
{
	Ctx *cx = s->cx;
	Arena *volatile arena = arena_new();
	Call *volatile call = NULL;
	TRY (cx) {
		Call *c = NEW(arena, Call);
		*c = (Call){.session = s, .arena = arena};
		c->inputs = all_params(s, arena, inputs);
		c->face.results = NEWN(arena, const Tensor *, s->n_outputs);
		Eval e = {.cx = cx, .arena = arena};
		eval_bind(&e, s->graph, (const Tensor *const *)c->inputs);
		if (s->call) prepare_buffers(c, &e);
		call = c;
	}
	if (!call) {
		arena_free(arena);
		fail(cx, "%s", cx->error);
	}
	return &call->face;
}

bool session_inputs(SessionCall *face, const Tensor *const *inputs)
{
	Call *call = (Call *)face;
	const Session *s = call->session;
	for (int i = 0; i < s->n_inputs; i++) {
		const Tensor *old = call->inputs[s->inputs[i]];
		if (inputs[i]->elem != old->elem || inputs[i]->rank != old->rank) return false;
		for (int d = 0; d < old->rank; d++)
			if (inputs[i]->dims[d] != old->dims[d]) return false;
	}
	for (int i = 0; i < s->n_inputs; i++) {
		call->inputs[s->inputs[i]]->data = inputs[i]->data;
		if (!call->in) continue;
		if (shares(inputs[i]))
			pack_elements(
				inputs[i]->elem, inputs[i]->data, inputs[i]->count, (uint8_t *)(uintptr_t)call->in[i]);
		else call->in[i] = inputs[i]->data;
	}
	return true;
}

static Tensor *copy(Arena *arena, const Tensor *t)
{
	Tensor *to = tensor_new(arena, t->elem, t->rank, t->dims);
	if (tensor_size_bytes(t)) memcpy(to->data, t->data, tensor_size_bytes(t));
	return to;
}

static void interpret(Call *call, SessionState *state)
{
	Session *s = call->session;
	arena_free(call->values);
	call->values = arena_new();
	for (int i = 0; i < s->n_states; i++) {
		const int param = s->state_param[i];
		call->inputs[param] =
			state ? state->tensors[i] : zeros(s->cx, call->values, s->graph->params[param]->type);
	}
	const Tensor **results = NEWN(call->values, const Tensor *, s->graph->n_results);
	Eval e = {.cx = s->cx, .arena = call->values};
	eval_graph(&e, s->graph, (const Tensor *const *)call->inputs, results);
	for (int i = 0; i < s->n_outputs; i++) call->face.results[i] = results[s->outputs[i]];
	if (!state) return;
	Arena *next = arena_new();
	Tensor **tensors = NEWN(next, Tensor *, s->n_states);
	for (int i = 0; i < s->n_states; i++) tensors[i] = copy(next, results[s->state_result[i]]);
	arena_free(state->arena);
	state->arena = next;
	state->tensors = tensors;
}

/* The sizes that the model has computed are those of the outputs. */
static int take_computed(Call *call)
{
	const Session *s = call->session;
	for (int i = 0; i < s->n_outputs && s->compiled->n_computed; i++) {
		const Type *t = session_output_type(s, i);
		Tensor *result = (Tensor *)(uintptr_t)call->face.results[i];
		int64_t *dims = (int64_t *)(uintptr_t)result->dims;
		result->count = 1;
		for (int d = 0; d < t->rank; d++) {
			dims[d] = dim_eval(s->cx, t->dims[d], &call->env);
			if (dims[d] < 0) return -1;
			result->count *= dims[d];
		}
	}
	return 0;
}

static void unpack_results(Call *call)
{
	for (int i = 0; i < call->session->n_outputs; i++) {
		const Tensor *result = call->face.results[i];
		if (shares(result)) unpack_elements(result->elem, call->out[i], result->count, result->data);
	}
}

int session_call(SessionCall *face, SessionState *state)
{
	Call *call = (Call *)face;
	const Session *s = call->session;
	if (!s->call) {
		interpret(call, state);
		return 0;
	}
	SessionState *fresh = state ? NULL : session_state_new(s), *used = state ? state : fresh;
	void *before = call->room && state ? module_need(malloc(s->state_bytes)) : NULL;
	if (before) memcpy(before, state->bytes, s->state_bytes);
	const int error = s->call(s->step, call->dims, call->in, call->out, used ? used->bytes : NULL, call->workspace);
	if (before && error == RNNCC_EMORE) memcpy(state->bytes, before, s->state_bytes);
	free(before);
	session_state_free(fresh);
	if (error || take_computed(call)) return error ? error : -1;
	unpack_results(call);
	return 0;
}

bool session_more(SessionCall *face)
{
	Call *call = (Call *)face;
	Session *s = call->session;
	volatile bool done = false;
	TRY (s->cx) {
		Eval e = {.cx = s->cx, .arena = call->arena};
		eval_bind(&e, s->graph, (const Tensor *const *)call->inputs);
		call->room *= MORE_ROOM;
		prepare_buffers(call, &e);
		done = true;
	}
	return done;
}

void session_call_free(SessionCall *face)
{
	if (!face) return;
	Call *call = (Call *)face;
	arena_free(call->values);
	arena_free(call->arena);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *session_error(Arena *arena, int code)
{
	const char *why = code == -1  ? ": sizes that do not fit"
		: code == RNNCC_EMORE ? ": a size that the model computes is too large"
		: code == -3          ? ": a number in the inputs is out of its range"
				      : "";
	return arena_printf(arena, "the compiled model returned the error %d%s", code, why);
}

void session_run(Session *s, Arena *arena, const Tensor *const *inputs, SessionState *state, const Tensor **results,
	double *seconds)
{
	Ctx *cx = s->cx;
	SessionCall *call = session_prepare(s, inputs);
	volatile bool done = false;
	TRY (cx) {
		const double start = now();
		int error = session_call(call, state);
		if (seconds) *seconds = now() - start;
		while (error == RNNCC_EMORE && session_more(call)) error = session_call(call, state);
		if (error) fail(cx, "%s", session_error(cx->arena, error));
		for (int i = 0; i < s->n_outputs; i++) results[i] = copy(arena, call->results[i]);
		done = true;
	}
	session_call_free(call);
	if (!done) fail(cx, "%s", cx->error);
}
