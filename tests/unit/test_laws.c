/* test_laws.c: the laws of recurrence, over cells x direction x lengths x T.
 *
 * What a recurrent model computes is not compared with stored numbers but with itself in another guise: reversed, both ways
 * at once, batch first, one sequence at a time, in chunks, step by step, with and without optimisation.  The forward case, on
 * which all the others stand, is compared with a float64 model of the cells (rnn_model.h).  T is 0, 1, 2, 7; batch, input and
 * hidden sizes are odd; padding is NaN.  Y, Y_h and Y_c are compared each time.
 *
 * The same laws are asked of the interpreter and of compiled code; all models of one way to run are one module.
 */
#include <criterion/criterion.h>

#include "rnn_model.h"

static const double TOLERANCE = 2e-5; /* f32 after seven steps; states are within [-1, 1], c within a few */
static const int64_t lengths_of_time[] = {0, 1, 2, 7};
enum { BATCH = 3, N_TIMES = 4, MAX_T = 7 };

/* ------------------------------------------------------------------------------------------------ ways to run */

enum { N_MODELS = N_CELLS * 4 * 2 * 2 };
typedef struct {
	Ctx *cx;
	const Variant *variant; /* NULL: the interpreter */
	const Graph *graphs[N_MODELS];
	Compiled *compiled[N_MODELS];
	Module *module;
	const char *what; /* for messages */
} Way;

/* Models by kind: three directions with a set of weights each, and forward with both sets. */
static RnnSpec spec_of(int index)
{
	const int kind = index / 4 % 4;
	return (RnnSpec){
		.cell = &cells[index / 16],
		.direction = kind == 3 ? FORWARD : (Direction)kind,
		.weights = kind == 0 ? 0 : 1,
		.layout = index / 2 % 2,
		.lengths = index % 2,
	};
}

static int index_of(RnnSpec s)
{
	const int kind = s.direction == FORWARD && s.weights ? 3 : (int)s.direction;
	return (int)(s.cell - cells) * 16 + kind * 4 + s.layout * 2 + s.lengths;
}

/* The second forward model stands for the reverse one's twin; batch first need not be tried on it. */
static bool is_needed(int index) { return !(index / 4 % 4 == 3 && index / 2 % 2); }

static Way way_open(Ctx *context, const Variant *variant)
{
	Ctx *volatile cx = context;
	Way *volatile way = NEW(cx->arena, Way);
	*way = (Way){.cx = cx, .variant = variant, .what = variant ? variant->name : "interpreter"};
	volatile bool fine = false;
	TRY (cx) {
		for (int i = 0; i < N_MODELS; i++) {
			if (!is_needed(i)) continue;
			const RnnSpec spec = spec_of(i);
			way->graphs[i] = rnn_import(cx, &spec);
			if (!variant) continue;
			way->compiled[i] = compile_as(cx, way->graphs[i], variant, arena_printf(cx->arena, "m%d", i));
			way->graphs[i] = way->compiled[i]->graph;
		}
		fine = true;
	}
	cr_assert(fine, "%s: %s", way->what, cx->error);
	if (variant) {
		char *error;
		way->module = load_all(cx->arena, N_MODELS, way->compiled, variant, &error);
		cr_assert(way->module, "%s: %s", way->what, error);
	}
	return *way;
}

static void interpret(Ctx *cx, const Graph *g, const Tensor *const *inputs, const Tensor **results)
{
	Eval e = {.cx = cx, .arena = cx->arena};
	dimenv_init(&e.env, cx->arena);
	eval_bind(&e, g, inputs);
	eval_graph(&e, g, inputs, results);
}

static void run_graph(const Way *way, int index, const char *name, const Tensor *const *inputs, const Tensor **results)
{
	Ctx *volatile cx = way->cx;
	volatile bool fine = false;
	const char *volatile wrong = NULL;
	TRY (cx) {
		if (!way->variant) {
			interpret(cx, way->graphs[index], inputs, results);
		} else {
			Eval e = {.cx = cx, .arena = cx->arena};
			dimenv_init(&e.env, cx->arena);
			eval_bind(&e, way->graphs[index], inputs);
			wrong = call_compiled(cx, cx->arena, way->module, way->compiled[index], way->graphs[index],
				&e.env, inputs, results);
		}
		fine = true;
	}
	cr_assert(fine, "%s: %s: %s", way->what, name, cx->error);
	cr_assert_null(wrong, "%s: %s: %s", way->what, name, wrong);
}

/* ------------------------------------------------------------------------------------------------ data */

/* Always time first: x[T, B, I], states[D, B, H], y[T, D, B, H]. */
typedef struct {
	const Tensor *x, *lengths /* NULL: full length */, *states[RNN_MAX_STATES];
} Inputs;
typedef struct {
	const Tensor *y, *states[RNN_MAX_STATES];
} Outputs;

static Tensor *like(Ctx *cx, Elem elem, int rank, const int64_t *dims)
{
	return tensor_new(cx->arena, elem, rank, dims);
}

/* Mixed lengths: all of it, nothing, half. */
static Inputs inputs_new(Ctx *cx, const Cell *cell, int n_directions, int64_t n_steps, bool ragged)
{
	uint64_t seed = (uint64_t)(n_steps * 31 + n_directions);
	Inputs in = {NULL, NULL, {NULL}};
	Tensor *x = like(cx, F32, 3, (int64_t[]){n_steps, BATCH, RNN_I});
	for (int64_t i = 0; i < x->count; i++)
		tensor_set(x, i, (double)(int)(random_next(&seed) >> 40 & 1023) / 256 - 2);
	for (int s = 0; s < cell->n_states; s++) {
		Tensor *state = like(cx, F32, 3, (int64_t[]){n_directions, BATCH, RNN_H});
		for (int64_t i = 0; i < state->count; i++)
			tensor_set(state, i, (double)(int)(random_next(&seed) >> 40 & 255) / 128 - 1);
		in.states[s] = state;
	}
	if (ragged) {
		Tensor *lengths = like(cx, I32, 1, (int64_t[]){BATCH});
		for (int b = 0; b < BATCH; b++)
			tensor_set_int(lengths, b, b == 0 ? n_steps : b == 1 ? 0 : (n_steps + 1) / 2);
		for (int64_t i = 0; i < x->count; i++)
			if (i / RNN_I / BATCH >= tensor_get_int(lengths, i / RNN_I % BATCH)) tensor_set(x, i, NAN);
		in.lengths = lengths;
	}
	in.x = x;
	return in;
}

static int64_t length_of(const Inputs *in, int64_t b)
{
	return in->lengths ? tensor_get_int(in->lengths, b) : in->x->dims[0];
}

/* to[p0, p1, ..] = from: the dims permuted. */
static const Tensor *permuted(Ctx *cx, const Tensor *from, const int *perm)
{
	int64_t dims[4] = {0}, stride[4] = {1, 1, 1, 1}, at[4] = {0};
	for (int d = from->rank - 2; d >= 0; d--) stride[d] = stride[d + 1] * from->dims[d + 1];
	for (int d = 0; d < from->rank; d++) dims[d] = from->dims[perm[d]];
	Tensor *to = like(cx, from->elem, from->rank, dims);
	for (int64_t i = 0; i < to->count; i++) {
		int64_t place = 0;
		for (int d = 0; d < from->rank; d++) place += at[d] * stride[perm[d]];
		tensor_set(to, i, tensor_get(from, place));
		for (int d = from->rank - 1; d >= 0 && ++at[d] == dims[d]; d--) at[d] = 0;
	}
	return to;
}

/* Part `at` .. `at + n` of a dim. */
static const Tensor *part(Ctx *cx, const Tensor *from, int dim, int64_t at, int64_t n)
{
	int64_t dims[4] = {0}, outer = 1, inner = 1;
	for (int d = 0; d < from->rank; d++) {
		dims[d] = d == dim ? n : from->dims[d];
		outer *= d < dim ? from->dims[d] : 1;
		inner *= d > dim ? from->dims[d] : 1;
	}
	Tensor *to = like(cx, from->elem, from->rank, dims);
	for (int64_t o = 0; o < outer; o++)
		for (int64_t i = 0; i < n * inner; i++)
			tensor_set(to, o * n * inner + i, tensor_get(from, (o * from->dims[dim] + at) * inner + i));
	return to;
}

/* Each sequence's own steps backwards, padding stays: of x, and of y. */
static const Tensor *flipped(Ctx *cx, const Inputs *in, const Tensor *from)
{
	Tensor *to = like(cx, from->elem, from->rank, from->dims);
	const int64_t last = from->dims[from->rank - 1], step = from->dims[0] ? from->count / from->dims[0] : 0;
	for (int64_t i = 0; i < from->count; i++) {
		const int64_t t = i / step, n = length_of(in, i / last % BATCH);
		tensor_set(to, i, tensor_get(from, t < n ? (n - 1 - t) * step + i % step : i));
	}
	return to;
}

/* ------------------------------------------------------------------------------------------------ running */

static const char *spec_name(Ctx *cx, RnnSpec s, int64_t n_steps)
{
	return arena_printf(cx->arena, "%s %s%s%s, T = %d", s.cell->name, direction_names[s.direction],
		s.layout ? ", batch first" : "", s.lengths ? ", with lengths" : "", (int)n_steps);
}

static Outputs run(const Way *way, RnnSpec spec, Inputs in)
{
	Ctx *cx = way->cx;
	const int swap[] = {1, 0, 2};
	const Tensor *inputs[4], *results[3];
	int n = 0;
	spec.lengths = in.lengths;
	inputs[n++] = spec.layout ? permuted(cx, in.x, swap) : in.x;
	if (in.lengths) inputs[n++] = in.lengths;
	for (int s = 0; s < spec.cell->n_states; s++)
		inputs[n++] = spec.layout ? permuted(cx, in.states[s], swap) : in.states[s];
	run_graph(way, index_of(spec), spec_name(cx, spec, in.x->dims[0]), inputs, results);
	Outputs out = {spec.layout ? permuted(cx, results[0], (const int[]){1, 2, 0, 3}) : results[0], {NULL}};
	for (int s = 0; s < spec.cell->n_states; s++)
		out.states[s] = spec.layout ? permuted(cx, results[1 + s], swap) : results[1 + s];
	return out;
}

static void expect_same(const char *law, const Way *way, const char *name, const char *output, const Tensor *seen,
	const Tensor *wanted, double tolerance)
{
	bool shapes = seen->rank == wanted->rank;
	for (int d = 0; shapes && d < seen->rank; d++) shapes = seen->dims[d] == wanted->dims[d];
	cr_assert(shapes, "%s: %s: %s: %s has another shape", law, way->what, name, output);
	const int64_t at = first_difference(seen, wanted, tolerance);
	if (at >= 0)
		cr_expect(false, "%s: %s: %s: %s[%d] is %.9g, not %.9g", law, way->what, name, output, (int)at,
			tensor_get(seen, at), tensor_get(wanted, at));
}

static void expect_equal(
	const char *law, const Way *way, const char *name, Outputs seen, Outputs wanted, double tolerance)
{
	expect_same(law, way, name, "Y", seen.y, wanted.y, tolerance);
	if (wanted.states[0]) expect_same(law, way, name, "Y_h", seen.states[0], wanted.states[0], tolerance);
	if (wanted.states[1]) expect_same(law, way, name, "Y_c", seen.states[1], wanted.states[1], tolerance);
}

/* ------------------------------------------------------------------------------------------------ the laws */

/* A forward model by the float64 model of its cell. */
static Outputs reference(Ctx *cx, RnnSpec spec, Inputs in)
{
	const Weights w = cell_weights(spec.cell, spec.weights);
	const int64_t n_steps = in.x->dims[0], n_batch = in.x->dims[1];
	Tensor *y = like(cx, F32, 4, (int64_t[]){n_steps, 1, n_batch, RNN_H}), *states[RNN_MAX_STATES] = {NULL};
	for (int s = 0; s < spec.cell->n_states; s++) states[s] = like(cx, F32, 3, (int64_t[]){1, n_batch, RNN_H});
	for (int64_t b = 0; b < n_batch; b++) {
		double state[RNN_MAX_STATES][RNN_H] = {{0}}, x[RNN_I];
		for (int s = 0; s < spec.cell->n_states; s++)
			for (int n = 0; n < RNN_H; n++) state[s][n] = tensor_get(in.states[s], b * RNN_H + n);
		for (int64_t t = 0; t < length_of(&in, b); t++) {
			for (int i = 0; i < RNN_I; i++) x[i] = tensor_get(in.x, (t * n_batch + b) * RNN_I + i);
			reference_step(spec.cell, &w, x, state[0], state[1]);
			for (int n = 0; n < RNN_H; n++) tensor_set(y, (t * n_batch + b) * RNN_H + n, state[0][n]);
		}
		for (int s = 0; s < spec.cell->n_states; s++)
			for (int n = 0; n < RNN_H; n++) tensor_set(states[s], b * RNN_H + n, state[s][n]);
	}
	return (Outputs){y, {states[0], states[1]}};
}

static void forward_is_the_cell(const Way *way, RnnSpec spec, Inputs in, const char *name)
{
	for (spec.weights = 0; spec.weights < 2; spec.weights++)
		expect_equal("forward = the cell in f64", way, name, run(way, spec, in), reference(way->cx, spec, in),
			TOLERANCE);
}

static void reverse_is_flipped_forward(const Way *way, RnnSpec spec, Inputs in, const char *name)
{
	spec.weights = 1;
	const Outputs forward =
		run(way, spec, (Inputs){flipped(way->cx, &in, in.x), in.lengths, {in.states[0], in.states[1]}});
	spec.direction = REVERSE;
	const Outputs wanted = {flipped(way->cx, &in, forward.y), {forward.states[0], forward.states[1]}};
	expect_equal("reverse = flip of forward of flip", way, name, run(way, spec, in), wanted, TOLERANCE);
}

static Outputs of_direction(Ctx *cx, Outputs both, int d)
{
	Outputs one = {part(cx, both.y, 1, d, 1), {NULL}};
	for (int s = 0; s < RNN_MAX_STATES; s++)
		if (both.states[s]) one.states[s] = part(cx, both.states[s], 0, d, 1);
	return one;
}

static void bidirectional_is_both(const Way *way, RnnSpec spec, const char *name, Inputs both)
{
	spec.direction = BIDIRECTIONAL;
	const Outputs seen = run(way, spec, both);
	for (int d = 0; d < 2; d++) {
		Inputs one = {both.x, both.lengths, {NULL}};
		for (int s = 0; s < spec.cell->n_states; s++) one.states[s] = part(way->cx, both.states[s], 0, d, 1);
		const RnnSpec alone = {.cell = spec.cell, .direction = (Direction)d, .weights = d};
		expect_equal("bidirectional = both directions", way, name, of_direction(way->cx, seen, d),
			run(way, alone, one), TOLERANCE);
	}
}

static void batch_first_is_time_first(const Way *way, RnnSpec spec, Inputs in, const char *name)
{
	const Outputs wanted = run(way, spec, in);
	spec.layout = 1;
	expect_equal("layout 1 = layout 0", way, name, run(way, spec, in), wanted, TOLERANCE);
}

/* Sequence b alone, without the padding, by the model that knows no lengths; after its end Y is 0. */
static void ragged_batch_is_each_alone(const Way *way, RnnSpec spec, Inputs in, const char *name)
{
	Ctx *cx = way->cx;
	const Outputs all = run(way, spec, in);
	for (int64_t b = 0; b < BATCH; b++) {
		const int64_t n = length_of(&in, b);
		Inputs alone = {part(cx, part(cx, in.x, 0, 0, n), 1, b, 1), NULL, {NULL}};
		Outputs seen = {part(cx, part(cx, all.y, 0, 0, n), 2, b, 1), {NULL}};
		for (int s = 0; s < spec.cell->n_states; s++) {
			alone.states[s] = part(cx, in.states[s], 1, b, 1);
			seen.states[s] = part(cx, all.states[s], 1, b, 1);
		}
		expect_equal("ragged batch = each alone", way, name, seen, run(way, spec, alone), TOLERANCE);
		const Tensor *rest = part(cx, part(cx, all.y, 0, n, in.x->dims[0] - n), 2, b, 1);
		expect_same("Y is 0 after the end", way, name, "Y", rest, like(cx, F32, 4, rest->dims), 0);
	}
}

/* Bit by bit, whatever the workspace held. */
static void second_call_is_the_first(const Way *way, RnnSpec spec, Inputs in, const char *name)
{
	const Outputs first = run(way, spec, in);
	expect_equal("second call = the first", way, name, run(way, spec, in), first, 0);
}

/* Chunks of n steps, each starting with the states that the one before left. */
static void chunks_are_one_run(const Way *way, RnnSpec spec, Inputs in, const char *name)
{
	const Outputs wanted = run(way, spec, in);
	for (int64_t chunk = 1; chunk < in.x->dims[0]; chunk += 2) {
		Inputs now = {NULL, NULL, {in.states[0], in.states[1]}};
		for (int64_t t = 0; t < in.x->dims[0]; t += chunk) {
			const int64_t n = in.x->dims[0] - t < chunk ? in.x->dims[0] - t : chunk;
			now.x = part(way->cx, in.x, 0, t, n);
			Outputs out = run(way, spec, now);
			const Outputs y = {part(way->cx, wanted.y, 0, t, n), {NULL}};
			expect_equal("chunks = one run", way, name, out, y, TOLERANCE);
			memcpy(now.states, out.states, sizeof now.states);
		}
		const Outputs last = {wanted.y, {now.states[0], now.states[1]}};
		expect_equal("chunks = one run", way, name, last, wanted, TOLERANCE);
	}
}

static void check_laws(const Way *way)
{
	Ctx *cx = way->cx;
	for (int c = 0; c < N_CELLS; c++)
		for (int t = 0; t < N_TIMES; t++)
			for (int ragged = 0; ragged < 2; ragged++) {
				RnnSpec spec = {.cell = &cells[c], .lengths = ragged};
				const Inputs one = inputs_new(cx, spec.cell, 1, lengths_of_time[t], ragged);
				const Inputs two = inputs_new(cx, spec.cell, 2, lengths_of_time[t], ragged);
				const char *name = spec_name(cx, spec, lengths_of_time[t]);
				forward_is_the_cell(way, spec, one, name);
				reverse_is_flipped_forward(way, spec, one, name);
				bidirectional_is_both(way, spec, name, two);
				if (!ragged) chunks_are_one_run(way, spec, one, name);
				for (spec.direction = FORWARD; spec.direction <= BIDIRECTIONAL; spec.direction++) {
					const Inputs in = spec.direction == BIDIRECTIONAL ? two : one;
					spec.weights = spec.direction == FORWARD ? 0 : 1;
					name = spec_name(cx, spec, lengths_of_time[t]);
					batch_first_is_time_first(way, spec, in, name);
					second_call_is_the_first(way, spec, in, name);
					if (ragged) ragged_batch_is_each_alone(way, spec, in, name);
				}
			}
}

/* The JIT where there is one, and the best target that this CPU runs.  The C compiler's own optimisation is not at issue
 * here, and would take a minute. */
static Variant compiled_variant(const char *name, int opt)
{
	Variant v = {.name = name, .target = "generic", .opt = opt, .threads = 1, .cc_opt = MODULE_OPT_NONE};
	if (opt && cpu_runs("x86-64-v3")) v.target = "x86-64-v3";
	if (opt && cpu_runs("x86-64-v4")) v.target = "x86-64-v4";
	if (!module_jit_available()) v.cc = "cc";
	return v;
}

Test(laws, interpreted, .timeout = 600)
{
	Ctx *cx = ctx_new();
	const Way way = way_open(cx, NULL);
	check_laws(&way);
	ctx_free(cx);
}

Test(laws, compiled, .timeout = 600)
{
	Ctx *cx = ctx_new();
	const Variant v = compiled_variant("compiled -O2", 2);
	const Way way = way_open(cx, &v);
	check_laws(&way);
	module_free(way.module);
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ optimised or not */

static void expect_same_models(const Way *seen, const Way *wanted, const char *law, double tolerance)
{
	for (int i = 0; i < N_MODELS; i++)
		for (int t = 0; is_needed(i) && t < N_TIMES; t++) {
			const RnnSpec spec = spec_of(i);
			const Inputs in = inputs_new(seen->cx, spec.cell, spec.direction == BIDIRECTIONAL ? 2 : 1,
				lengths_of_time[t], spec.lengths);
			expect_equal(law, seen, spec_name(seen->cx, spec, lengths_of_time[t]), run(seen, spec, in),
				run(wanted, spec, in), tolerance);
		}
}

Test(laws, fused_is_unfused, .timeout = 600)
{
	Ctx *cx = ctx_new();
	const Variant plain = compiled_variant("compiled -O0", 0);
	const Way unfused = way_open(cx, &plain), oracle = way_open(cx, NULL);
	expect_same_models(&unfused, &oracle, "unfused C = interpreted", TOLERANCE);
	module_free(unfused.module);
	ctx_free(cx);
}

/* By the interpreter, so that only the passes differ. */
Test(laws, hoisted_is_plain, .timeout = 600)
{
	static const char *const before[] = {"inline", "canon", NULL},
				 *const after[] = {"hoist", "canon", "merge", "canon", NULL};
	Ctx *cx = ctx_new();
	Way plain = way_open(cx, NULL), hoisted = plain;
	hoisted.what = "hoisted and merged";
	for (int i = 0; i < N_MODELS; i++) {
		if (!is_needed(i)) continue;
		for (int k = 0; before[k]; k++) plain.graphs[i] = pass_run(cx, before[k], plain.graphs[i]);
		hoisted.graphs[i] = pass_run(cx, "hoist", plain.graphs[i]);
		cr_expect_neq(
			hoisted.graphs[i], plain.graphs[i], "%s: nothing was hoisted", spec_name(cx, spec_of(i), 7));
		for (int k = 1; after[k]; k++) hoisted.graphs[i] = pass_run(cx, after[k], hoisted.graphs[i]);
		graph_verify(cx, hoisted.graphs[i]);
	}
	expect_same_models(&hoisted, &plain, "hoisted = plain", 1e-6);
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ streaming */

typedef struct {
	CallFn *call;
	WorkspaceFn *workspace;
	size_t (*state_bytes)(void);
	void (*reset)(void *state);
} Entry;

static Entry entry_of(const Module *m, const Compiled *c)
{
	Entry e;
	void *at[] = {symbol_of(m, c, "call"), symbol_of(m, c, "call_workspace"), symbol_of(m, c, "call_state"),
		symbol_of(m, c, "call_reset")};
	for (int i = 0; i < 4; i++) cr_assert(at[i], "%s: no entry point %d", c->name, i);
	memcpy(&e.call, &at[0], sizeof at[0]);
	memcpy(&e.workspace, &at[1], sizeof at[1]);
	memcpy(&e.state_bytes, &at[2], sizeof at[2]);
	memcpy(&e.reset, &at[3], sizeof at[3]);
	return e;
}

/* A forward model of BATCH sequences, all of it static but T. */
static RnnSpec stream_spec(const Cell *cell, Init init)
{
	return (RnnSpec){.cell = cell, .init = init, .batch = BATCH};
}

/* The float64 model's results for the states that such a model begins with. */
static Outputs stream_reference(Ctx *cx, const Cell *cell, Init init, Inputs *in)
{
	for (int s = 0; s < cell->n_states; s++) {
		Tensor *state = like(cx, F32, 3, (int64_t[]){1, BATCH, RNN_H});
		for (int i = 0; init == INIT_CONSTANT && i < state->count; i++)
			tensor_set(state, i, (double)initial_constant(s, i));
		in->states[s] = state;
	}
	return reference(cx, stream_spec(cell, init), *in);
}

/* Calls for `chunk` steps after each other on one state, from reset.  entry: 1 for NAME_step, 2 for NAME_steps. */
static void expect_stream(Ctx *cx, const char *law, const Module *m, const Compiled *c, int entry, const Tensor *x,
	const Tensor *y, int64_t chunk, double tolerance)
{
	const Entry e = entry_of(m, c);
	const int64_t step_size = BATCH * RNN_H, n_steps = x->dims[0];
	unsigned char *state = guarded_new(e.state_bytes());
	e.reset(state);
	for (int64_t t = 0; t < n_steps; t += chunk) {
		const int64_t n = n_steps - t < chunk ? n_steps - t : chunk;
		const Tensor *now = part(cx, x, 0, t, n), *wanted = part(cx, y, 0, t, n);
		Tensor *seen = like(cx, F32, 4, wanted->dims), *last[RNN_MAX_STATES];
		for (int s = 0; s < RNN_MAX_STATES; s++) last[s] = like(cx, F32, 3, (int64_t[]){1, BATCH, RNN_H});
		void *ws = guarded_new(e.workspace(entry, &n));
		const int error = e.call(entry, &n, (const void *[]){now->data},
			(void *[]){seen->data, last[0]->data, last[1]->data}, state, ws);
		cr_expect_eq(error, 0, "%s: %s: the call returned %d", law, c->name, error);
		cr_expect(guarded_free(ws, e.workspace(entry, &n)), "%s: %s: wrote outside of the workspace", law,
			c->name);
		const int64_t at = first_difference(seen, wanted, tolerance);
		if (at >= 0)
			cr_expect(false, "%s: %s: steps of %d, t = %d: Y[%d] is %.9g, not %.9g", law, c->name,
				(int)chunk, (int)t, (int)at, tensor_get(seen, at), tensor_get(wanted, at));
		if (c->n_states) continue; /* Y_h and Y_c are in the state */
		for (int64_t i = 0; i < step_size; i++)
			cr_expect_eq(tensor_get(last[0], i), tensor_get(seen, (n - 1) * step_size + i),
				"%s: %s: Y_h is not the last Y", law, c->name);
	}
	cr_expect(guarded_free(state, e.state_bytes()), "%s: %s: wrote outside of the state", law, c->name);
}

/* As NAME_step; and with the outputs Y_h and Y_c bound to the initial states, in chunks. */
static Compiled *compile_stream(Ctx *cx, const Cell *cell, Init init, const Variant *v)
{
	static const char *const outs[] = {"Y_h", "Y_c"}, *const ins[] = {"initial_h", "initial_c"};
	static const char *const words[] = {"bound", "zero", "constant"};
	const RnnSpec spec = stream_spec(cell, init);
	const CompileOptions o = {.name = arena_printf(cx->arena, "%s_%s", cell->name, words[init]),
		.target = v->target,
		.opt = v->opt,
		.threads = 1,
		.describe = true,
		.verify_each = true,
		.n_states = init == INIT_INPUT ? cell->n_states : 0,
		.state_outs = outs,
		.state_ins = ins};
	return compile_graph(cx, rnn_import(cx, &spec), &o);
}

Test(laws, streaming_is_one_run, .timeout = 600)
{
	Ctx *volatile cx = ctx_new();
	const Variant v = compiled_variant("streaming", 2);
	Compiled *all[3 * N_CELLS];
	volatile bool fine = false;
	TRY (cx) {
		for (int i = 0; i < 3 * N_CELLS; i++) all[i] = compile_stream(cx, &cells[i / 3], (Init)(i % 3), &v);
		fine = true;
	}
	cr_assert(fine, "%s", cx->error);
	char *error;
	Module *m = load_all(cx->arena, 3 * N_CELLS, all, &v, &error);
	cr_assert(m, "%s", error);
	for (int i = 0; i < 3 * N_CELLS; i++) {
		const Cell *cell = &cells[i / 3];
		const Init init = (Init)(i % 3);
		Inputs in = inputs_new(cx, cell, 1, MAX_T, false);
		const Outputs wanted = stream_reference(cx, cell, init, &in);
		cr_assert(all[i]->has_step, "%s: no step: %s", all[i]->name, all[i]->no_step_reason);
		cr_assert_eq(all[i]->has_steps, init != INIT_INPUT, "%s: NAME_steps", all[i]->name);
		const int entry = init == INIT_INPUT
			? 1
			: 2; /* with its states bound, the model itself takes any number of steps */
		expect_stream(cx, "steps = one run", m, all[i], 1, in.x, wanted.y, 1, TOLERANCE);
		for (int64_t chunk = 1; chunk <= MAX_T; chunk += 3)
			expect_stream(
				cx, "chunks on a state = one run", m, all[i], entry, in.x, wanted.y, chunk, TOLERANCE);
	}
	module_free(m);
	ctx_free(cx);
}

/* Steps and chunks of builds whose weights are narrow have the bits of the run.  With peepholes the sums of a step start
 * elsewhere, and their last bits differ: by `rounding`. */
static void expect_narrow_streams(const char *name, Elem weights, bool products, double rounding)
{
	Ctx *volatile cx = ctx_new();
	Variant v = compiled_variant(name, 2);
	if (products && cpu_runs("x86-64-v4-bf16")) v.target = "x86-64-v4-bf16";
	Compiled *all[N_CELLS];
	const Graph *graphs[N_CELLS];
	volatile bool fine = false;
	TRY (cx) {
		for (int i = 0; i < N_CELLS; i++) {
			const RnnSpec spec = stream_spec(&cells[i], INIT_ZERO);
			const CompileOptions o = {.name = cells[i].name,
				.target = v.target,
				.opt = 2,
				.threads = 1,
				.describe = true,
				.weights_elem = weights,
				.bf16_products = products};
			all[i] = compile_graph(cx, rnn_import(cx, &spec), &o);
			graphs[i] = all[i]->graph;
		}
		fine = true;
	}
	cr_assert(fine, "%s", cx->error);
	char *error;
	Module *m = load_all(cx->arena, N_CELLS, all, &v, &error);
	cr_assert(m, "%s", error);
	const char *steps = arena_printf(cx->arena, "%s: steps = one run", name),
		   *chunks = arena_printf(cx->arena, "%s: chunks = one run", name);
	for (int i = 0; i < N_CELLS; i++) {
		Inputs in = inputs_new(cx, &cells[i], 1, MAX_T, false);
		const double tolerance = cells[i].peephole ? rounding : 0;
		const Tensor *run[3];
		DimEnv env;
		dimenv_init(&env, cx->arena);
		set_dim(cx, &env, "T", MAX_T);
		const char *wrong = call_compiled(cx, cx->arena, m, all[i], graphs[i], &env, &in.x, run);
		cr_assert_null(wrong, "%s: %s", cells[i].name, wrong);
		expect_stream(cx, steps, m, all[i], 1, in.x, run[0], 1, tolerance);
		for (int64_t chunk = 1; chunk <= MAX_T; chunk += 3)
			expect_stream(cx, chunks, m, all[i], 2, in.x, run[0], chunk, tolerance);
	}
	module_free(m);
	ctx_free(cx);
}

/* The last bit of a state may decide how it is rounded. */
Test(laws, streaming_of_bf16_products_is_one_run, .timeout = 600)
{
	expect_narrow_streams("bf16 products", BF16, true, 0x1p-10);
}

/* The recurrent matrices are quantised; rows of 5 inputs are too short. */
Test(laws, streaming_of_int8_weights_is_one_run, .timeout = 600)
{
	expect_narrow_streams("int8 weights", I8, false, 1e-6);
}
