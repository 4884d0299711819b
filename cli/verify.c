/* verify.c: compile --verify: how far the model as it was compiled is from the model as it is.
 *
 * Both run in this process on the same inputs, several calls of one stream where there is a state: with narrow weights the build
 * against the same one with all of its weights, else the build against the interpreter.
 */
#include "cli/cli.h"

#include <math.h>

enum { RANDOM_CALLS = 8 };

typedef struct {
	double error, largest; /* greatest |a - b|, greatest |b| */
} Distance;

/* The calls to make: data sets, or draws of random inputs. */
typedef struct {
	int n;
	const DataSet *sets; /* NULL: random */
} Calls;

static Calls calls_of(Ctx *cx, const Options *o)
{
	Calls calls = {.n = RANDOM_CALLS};
	if (o->data && !(calls.n = data_sets(cx, o->data, &calls.sets)))
		fail(cx, "%s: holds no input_K.pb and no test_data_set_K", o->data);
	return calls;
}

static const Tensor **inputs_of(
	Ctx *cx, const Options *o, const Model *m, const Session *s, const Calls *calls, int call)
{
	Options with_seed = *o;
	with_seed.seed = o->seed + (uint64_t)call;
	return calls->sets ? data_set_inputs(cx, &calls->sets[call], s, m) : inputs_random(cx, &with_seed, s, m);
}

/* The model for this machine, compiled or interpreted. */
static Session *open_build(
	Ctx *cx, const Options *o, const Model *m, const CompileOptions *co, Elem weights, bool interpret)
{
	CompileOptions here = *co;
	here.target = "native";
	here.describe = true;
	here.weights_elem = weights;
	here.bf16_products = co->bf16_products && weights == BF16;
	here.print_after = here.stop_after = NULL;
	SessionOptions so = options_session(o);
	so.target = "native";
	so.via = interpret ? VIA_INTERPRET : o->via;
	return session_open(cx, m->graph, compile_graph(cx, m->graph, &here), &so);
}

static void compare(Ctx *cx, const Options *o, const Session *s, const Tensor *const *seen, const Tensor *const *wanted,
	Distance *d)
{
	const Tolerance tol = {o->rtol < 0 ? 0 : o->rtol, o->atol < 0 ? 0 : o->atol};
	for (int i = 0; i < session_n_outputs(s); i++) {
		const Comparison c = compare_tensors(cx, seen[i], wanted[i], tol);
		if (c.reason && (o->rtol >= 0 || o->atol >= 0))
			fail(cx, "--verify: output '%s' %s", session_output_name(s, i), c.reason);
		d[i].error = fmax(d[i].error, c.worst_error);
		for (int64_t k = 0; k < wanted[i]->count; k++)
			d[i].largest = fmax(d[i].largest, fabs(tensor_get(wanted[i], k)));
	}
}

const char *verify_build(Ctx *cx, const Options *o, const Model *m, const CompileOptions *co)
{
	const char *narrow = weights_dtype_name(co->weights_elem);
	const Calls calls = calls_of(cx, o);
	Session *build = open_build(cx, o, m, co, co->weights_elem, false),
		*plain = open_build(cx, o, m, co, F32, !narrow);
	const int n = session_n_outputs(build);
	Distance *d = NEWN(cx->arena, Distance, n);
	const Tensor **seen = NEWN(cx->arena, const Tensor *, n), **wanted = NEWN(cx->arena, const Tensor *, n);
	SessionState *state[2] = {session_state_new(build), session_state_new(plain)};
	for (int call = 0; call < calls.n; call++) {
		const Tensor **inputs = inputs_of(cx, o, m, build, &calls, call);
		session_run(build, cx->arena, inputs, state[0], seen, NULL);
		session_run(plain, cx->arena, inputs, state[1], wanted, NULL);
		compare(cx, o, build, seen, wanted, d);
	}
	Buf text;
	buf_init(&text, cx->arena);
	buf_printf(&text, "  verified  %d %s%s: %s against %s\n", calls.n, calls.sets ? "data set" : "random call",
		calls.n == 1 ? "" : "s",
		narrow ? arena_printf(cx->arena, "%s weights%s", narrow, co->bf16_products ? " and products" : "")
		       : "the C",
		narrow ? "f32" : "the interpreter");
	for (int i = 0; i < n; i++)
		buf_printf(&text, "            %s: at most %.2g off, where values go to %.3g (%.2g)\n",
			printable(cx->arena, session_output_name(build, i)), d[i].error, d[i].largest,
			d[i].largest > 0 ? d[i].error / d[i].largest : d[i].error);
	for (int i = 0; i < 2; i++) session_state_free(state[i]);
	return text.text;
}
