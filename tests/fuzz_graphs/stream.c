/* stream.c: the law of streams: NAME_step called for one step after the other, and NAME_steps for chunks of them, give what
 * NAME_run gives for the whole sequence.
 *
 * What a result without a time axis has at the end is what its last step gives.  Inputs that give initial states are no
 * inputs of a step, whose state begins with zeros (passes/step.c); so the run is given zeros for them here.
 */
#include "fuzz_graphs.h"
#include "passes/rewrite.h"

static int axis_of_time(const Type *run, const Type *step)
{
	for (int d = 0; d < run->rank; d++)
		if (run->dims[d] != step->dims[d]) return d;
	return -1;
}

/* Steps start..start+n of x, copied out of it, or those of `to` into it. */
static void copy_steps(const Tensor *whole, int axis, int64_t start, const Tensor *part, bool out)
{
	int64_t outer = 1, inner = elem_info[whole->elem].size;
	for (int d = 0; d < axis; d++) outer *= whole->dims[d];
	for (int d = axis + 1; d < whole->rank; d++) inner *= whole->dims[d];
	const int64_t n = part->dims[axis] * inner, all = whole->dims[axis] * inner;
	for (int64_t i = 0; i < outer && n; i++) {
		char *w = (char *)whole->data + i * all + start * inner, *p = (char *)part->data + i * n;
		memcpy(out ? p : w, out ? w : p, (size_t)n);
	}
}

/* The params of the run that give initial states. */
static bool *find_initials(Ctx *cx, const Graph *g)
{
	bool *initial = NEWN(cx->arena, bool, g->n_params + 1);
	Order order = graph_order(cx->arena, g);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		if (v->op != OP_scan) continue;
		const int64_t *counts = val_ints(v, A_COUNTS);
		for (int64_t k = counts[0]; k < counts[0] + counts[1]; k++) {
			const Val *base = v->args[k];
			while (op_is_view(base->op)) base = base->args[0];
			if (base->op == OP_param) initial[val_int(base, A_INDEX)] = true;
		}
	}
	return initial;
}

static void take_sym(void *user, const Sym *s) { *(const Sym **)user = s; }

typedef struct {
	Ctx *cx;
	const Module *m;
	const Compiled *c;
	const DimEnv *env;
	const Tensor **inputs; /* of the run */
	const Tensor **wanted;
	const double *tolerance;
	int64_t length;
} Stream;

/* Its steps from t on, n at a time. */
static const char *stream_part(
	const Stream *s, Call how, int64_t t, int64_t n, const Tensor **whole, const Tensor **last)
{
	Ctx *cx = s->cx;
	const EntryPoint *step = &s->c->step, *point = how.step == 1 ? step : &s->c->steps;
	const Graph *run = s->c->graph;
	const Tensor **in = NEWN(cx->arena, const Tensor *, point->graph->n_params + 1);
	DimEnv env;
	dimenv_init(&env, cx->arena);
	for (int i = 0; i < s->c->n_dims; i++) {
		int64_t value;
		if (dimenv_get(s->env, s->c->dims[i], &value)) dimenv_set(&env, s->c->dims[i], value);
	}
	for (int i = 0, k = 0; i < point->graph->n_params - point->n_states; i++, k++) {
		while (strcmp(run->param_names[k], point->graph->param_names[i]) != 0) k++;
		in[i] = s->inputs[k];
		const int axis = axis_of_time(run->params[k]->type, step->graph->params[i]->type);
		if (axis < 0) continue;
		int64_t *dims = arena_copy(cx->arena, in[i]->dims, sizeof *dims * (size_t)in[i]->rank);
		dims[axis] = n;
		Tensor *part = tensor_new(cx->arena, in[i]->elem, in[i]->rank, dims);
		copy_steps(in[i], axis, t, part, true);
		in[i] = part;
		const Sym *count = NULL;
		dim_each_sym(point->graph->params[i]->type->dims[axis], take_sym, &count);
		if (count) dimenv_set(&env, count, n);
	}
	const char *wrong = call_entry(cx, cx->arena, s->m, s->c, point->graph, &how, &env, in, last);
	for (int i = 0; i < run->n_results && !wrong; i++) {
		const int axis = axis_of_time(run->results[i]->type, step->graph->results[i]->type);
		if (axis >= 0) copy_steps(whole[i], axis, t, last[i], false);
		else whole[i] = last[i];
	}
	return wrong;
}

static const char *stream_whole(const Stream *s, int entry, int64_t chunk)
{
	Ctx *cx = s->cx;
	const Graph *run = s->c->graph;
	size_t (*state_bytes)(void);
	void (*reset)(void *);
	void *at[] = {symbol_of(s->m, s->c, "call_state"), symbol_of(s->m, s->c, "call_reset")};
	memcpy(&state_bytes, &at[0], sizeof at[0]);
	memcpy(&reset, &at[1], sizeof at[1]);
	const Tensor **whole = NEWN(cx->arena, const Tensor *, run->n_results + 1),
		     **last = NEWN(cx->arena, const Tensor *, run->n_results + 1);
	for (int i = 0; i < run->n_results; i++)
		whole[i] = tensor_new(cx->arena, s->wanted[i]->elem, s->wanted[i]->rank, s->wanted[i]->dims);
	void *state = guarded_new(state_bytes());
	reset(state);
	const char *wrong = NULL;
	for (int64_t t = 0; t < s->length && !wrong; t += chunk) {
		const int64_t n = s->length - t < chunk ? s->length - t : chunk;
		wrong = stream_part(s, (Call){entry, t % 2 ? GARBAGE : NOT_NUMBERS, state}, t, n, whole, last);
	}
	if (!guarded_free(state, state_bytes())) wrong = "wrote outside of the state";
	for (int i = 0; i < run->n_results && !wrong; i++) {
		if (!(s->tolerance[i] < 1e3)) continue;
		const int64_t k = first_difference(s->wanted[i], whole[i], s->tolerance[i]);
		if (k >= 0)
			wrong = arena_printf(cx->arena, "in %s of %lld, result %s, element %lld: run %.9g, stream %.9g",
				entry == 1 ? "steps" : "chunks", (long long)chunk, run->result_names[i], (long long)k,
				tensor_get(s->wanted[i], k), tensor_get(whole[i], k));
	}
	return wrong;
}

const char *check_stream(Ctx *cx, const Module *m, const Compiled *c, const DimEnv *env, const Tensor *const *inputs,
	const double *tolerance)
{
	if (!c->has_step || c->n_states || c->n_computed) return NULL;
	const Graph *g = c->graph, *step = c->step.graph;
	Stream s = {.cx = cx, .m = m, .c = c, .env = env, .tolerance = tolerance, .length = -1};
	s.inputs = arena_copy(cx->arena, inputs, sizeof *inputs * (size_t)(g->n_params + 1));
	s.wanted = NEWN(cx->arena, const Tensor *, g->n_results + 1);
	const bool *initial = find_initials(cx, g);
	for (int i = 0, k = 0; i < g->n_params; i++) {
		if (initial[i]) s.inputs[i] = tensor_new(cx->arena, inputs[i]->elem, inputs[i]->rank, inputs[i]->dims);
		if (k == step->n_params - c->step.n_states || strcmp(g->param_names[i], step->param_names[k]) != 0)
			continue;
		const int axis = axis_of_time(g->params[i]->type, step->params[k++]->type);
		if (axis >= 0) s.length = inputs[i]->dims[axis];
	}
	if (s.length < 1) return NULL;
	const char *wrong = call_compiled(cx, cx->arena, m, c, g, env, s.inputs, s.wanted);
	if (!wrong) wrong = stream_whole(&s, 1, 1);
	for (int64_t chunk = 1; c->has_steps && chunk <= s.length && !wrong; chunk = 2 * chunk + 1)
		wrong = stream_whole(&s, 2, chunk);
	return wrong;
}
