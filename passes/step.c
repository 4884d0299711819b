/* step.c: one time step of a sequence model, and several.
 *
 *     scan over time   =>   its body, once; each carry is a state: a parameter, and a result
 *     Y[T, ..]         =>   Y of this step, [1, ..];   the last step, the final carry   =>   those of this step
 *
 * Of several steps, a chunk of the sequence, only the number differs: time stays an axis, of n instead of the whole length,
 * and the scan a scan, from the states to the states.  What `hoist` takes out of a scan it takes out of this one.
 *
 * Time is the length of the first scan that an input reaches; the axis of each input that is time is found by going back
 * from that scan, and, where the length is a symbol, by that symbol.  Forwards, each value is then rebuilt at one step
 * (at_step.c).  The model has a step when no result needs the future: then running the steps one after the other gives what
 * running the whole sequence gives.
 *
 * Initial states must be constant.  One that the caller gives (h0) is a state that begins at zero, and no input any more.
 * Requires: inline, canon.
 */
#include "passes/rewrite.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

typedef struct {
	Timeline time;
	const Graph *g;
	Order order;
	int *axis_of;     /* of params: the axis that is time, or -1 */
	bool *is_initial; /* of params: gives an initial state */
	int n_states;
	const Val **state, **next;
	const char **names;
	const Tensor **initial;
} Stepper;

/* ---- which axis of the inputs is time ---- */

/* Behind these an input is still found, so that the reason for having no step can be said of them. */
static bool mixes_steps(Op op)
{
	return op == OP_window || op == OP_pad || op == OP_slice || op == OP_concat || op == OP_cumulative;
}

/* Goes back from v's axis to params.  True when one was found that was not known. */
static bool find_inputs(Stepper *s, const Val *v, int axis)
{
	Ctx *cx = s->time.cx;
	typedef struct {
		const Val *v;
		int axis;
	} Place;
	int n = 1, cap = 64;
	Place *stack = NEWN(cx->arena, Place, cap);
	Map seen; /* one axis a value: a second one would be refused anyway */
	map_init(&seen, cx->arena);
	stack[0] = (Place){v, axis};
	bool found = false;
	while (n) {
		Place at = stack[--n];
		if (map_get(&seen, at.v)) continue;
		map_put(&seen, at.v, at.v);
		if (at.v->op == OP_param) {
			int *known = &s->axis_of[val_int(at.v, A_INDEX)];
			if (*known < 0 && at.v->type->dims[at.axis] == s->time.length) {
				*known = at.axis;
				found = true;
			}
			continue;
		}
		for (int i = 0; i < at.v->n_args; i++) {
			int from = at.v->type->is_tuple ? -1 : axis_before(cx, at.v, i, at.axis);
			if (from < 0 && i == 0 && mixes_steps(at.v->op)) from = at.axis;
			if (from < 0 || from >= at.v->args[i]->type->rank) continue;
			if (n == cap) {
				Place *bigger = NEWN(cx->arena, Place, 2 * cap);
				memcpy(bigger, stack, sizeof *stack * (size_t)n);
				stack = bigger;
				cap *= 2;
			}
			stack[n++] = (Place){at.v->args[i], from};
		}
	}
	return found;
}

static bool find_length(Stepper *s)
{
	const Val *first = NULL;
	for (int i = 0; i < s->order.n; i++) {
		const Val *v = s->order.vals[i];
		if (v->op != OP_scan) continue;
		Iteration it = iteration_of(v);
		bool found = false;
		first = first ? first : v;
		s->time.length = it.length;
		for (int k = v->n_args - it.n_xs; k < v->n_args; k++) found |= find_inputs(s, v->args[k], 0);
		if (found) return true;
	}
	if (first) return refuse(&s->time, first, "does not run over the steps of an input");
	s->time.reason = "it has no recurrence";
	return false;
}

/* A symbol says by itself which axes are time. */
static void find_by_symbol(Stepper *s)
{
	if (dim_is_int(s->time.length, NULL)) return;
	for (int i = 0; i < s->g->n_params; i++)
		for (int k = 0; k < s->g->params[i]->type->rank && s->axis_of[i] < 0; k++)
			if (s->g->params[i]->type->dims[k] == s->time.length) s->axis_of[i] = k;
}

/* ---- scans over time ---- */

static const char *unique_state(Stepper *s, const char *wish)
{
	const char *name = wish;
	for (int i = 0, n = 2; i < s->n_states; i++)
		if (strcmp(s->names[i], name) == 0) {
			name = arena_printf(s->time.cx->arena, "%s_%d", wish, n++);
			i = -1;
		}
	return name;
}

/* What a state begins with: NULL for zeros. */
static bool initial_state(Stepper *s, const Val *scan, const Val *init, const char *name, const Tensor **out)
{
	Ctx *cx = s->time.cx;
	*out = NULL;
	const Val *base = init;
	while (op_is_view(base->op)) base = base->args[0];
	if (base->op == OP_param) {
		int i = (int)val_int(base, A_INDEX);
		if (s->axis_of[i] >= 0) return refuse(&s->time, scan, "begins with a value of the whole sequence");
		if (!s->is_initial[i])
			note(cx,
				"step: the input '%s' only gives the initial state '%s': the step's state begins with zeros instead",
				s->g->param_names[i], name);
		s->is_initial[i] = true;
		return true;
	}
	if (fill_is(init, 0) ||
		(fill_of(init) && !elem_is_float(init->type->elem) && tensor_get_int(fill_of(init), 0) == 0))
		return true;
	*out = constant_tensor(cx, init);
	return *out ? true : refuse(&s->time, scan, "begins with a state that is no constant");
}

static bool add_state(Stepper *s, const Iteration *it, int carry)
{
	Ctx *cx = s->time.cx;
	int param = it->n_consts + carry;
	const char *name = unique_state(s, it->body->param_names[param]);
	const Type *type = it->body->params[param]->type;
	if (!initial_state(s, it->val, it->val->args[param], name, &s->initial[s->n_states])) return false;
	s->names[s->n_states] = name;
	s->state[s->n_states] = val_param(cx, s->g->n_params + s->n_states, type);
	s->n_states++;
	return true;
}

static bool step_scan(Stepper *s, const Val *v)
{
	Ctx *cx = s->time.cx;
	Iteration it = iteration_of(v);
	int first = s->n_states, xs = it.n_consts + it.n_carries;
	const Val **args = NEWN(cx->arena, const Val *, v->n_args + 1),
		  **results = NEWN(cx->arena, const Val *, it.body->n_results + 1);
	bool once = dim_is(s->time.count, 1);
	if (it.reverse) return refuse(&s->time, v, "runs from the last step to the first");
	for (int i = 0; i < it.n_consts; i++) {
		const When *w = when_of(&s->time, v->args[i]);
		if (w->kind != ALWAYS) return refuse(&s->time, v, "needs the whole sequence in each step");
		args[i] = w->val;
	}
	for (int i = 0; i < it.n_carries; i++) {
		if (!add_state(s, &it, i)) return false;
		args[it.n_consts + i] = s->state[first + i];
	}
	for (int i = xs; i < v->n_args; i++) {
		const Val *x = at_axis(&s->time, v->args[i], 0);
		if (!x) return false;
		args[i] = once ? b_squeeze(cx, x, 0) : x;
	}
	if (once) {
		graph_splice(cx, it.body, args, results);
		for (int i = it.n_carries; i < it.body->n_results; i++) results[i] = b_unsqueeze(cx, results[i], 0);
	} else {
		results = parts_of(cx, with_dim(cx, v, A_LENGTH, 0, s->time.count, args));
	}
	for (int i = 0; i < it.n_carries; i++) s->next[first + i] = results[i];
	map_put(&s->time.when, v, results); /* read by step_get alone */
	return true;
}

/* Does it run over time?  One of fixed length does when its xs are values of the steps. */
static bool is_over_time(const Stepper *s, const Val *v)
{
	if (v->op != OP_scan || val_dims(v, A_LENGTH)[0] != s->time.length) return false;
	Iteration it = iteration_of(v);
	bool timed = !dim_is_int(s->time.length, NULL);
	for (int i = v->n_args - it.n_xs; i < v->n_args; i++) timed |= when_of(&s->time, v->args[i])->kind == TIMED;
	return timed;
}

static void step_get(Stepper *s, const Val *v)
{
	const Val *scan = v->args[0];
	int part = (int)val_int(v, A_INDEX);
	const Val *const *results = map_get(&s->time.when, scan);
	bool is_carry = part < iteration_of(scan).n_carries;
	set_when(&s->time, v, (When){is_carry ? NOW : TIMED, 0, dim_int(s->time.cx, 1), results[part]});
}

/* ---- the graph ---- */

static bool step_val(Stepper *s, const Val *v, Map *over_time)
{
	if (v->op == OP_param) {
		int i = (int)val_int(v, A_INDEX), axis = s->axis_of[i];
		if (axis < 0) {
			set_when(&s->time, v, (When){ALWAYS, 0, NULL, v});
			return true;
		}
		const Dim **dims = arena_copy(s->time.cx->arena, v->type->dims, sizeof *dims * (size_t)v->type->rank);
		dims[axis] = s->time.count;
		const Val *x = val_param(s->time.cx, i, type_new(s->time.cx, v->type->elem, v->type->rank, dims));
		set_when(&s->time, v, (When){TIMED, axis, dim_int(s->time.cx, 1), x});
		return true;
	}
	if (v->op == OP_get && map_get(over_time, v->args[0])) {
		step_get(s, v);
		return true;
	}
	if (is_over_time(s, v)) {
		map_put(over_time, v, v);
		return step_scan(s, v);
	}
	return at_step(&s->time, v);
}

static bool step_all(Stepper *s)
{
	Map over_time;
	map_init(&s->time.when, s->time.cx->arena);
	map_init(&over_time, s->time.cx->arena);
	s->n_states = 0;
	s->time.reason = NULL;
	s->time.missing = NULL;
	for (int i = 0; i < s->order.n; i++)
		if (!step_val(s, s->order.vals[i], &over_time)) return false;
	return true;
}

typedef struct {
	const Dim *length;
	bool uses;
	const Sym *sym;
} LengthUse;

static void see_sym(void *user, const Sym *sym)
{
	LengthUse *u = user;
	u->uses |= sym == u->sym;
}

static void each_length_sym(void *user, const Sym *sym) { ((LengthUse *)user)->sym = sym; }

/* Does anything still speak of the length? */
static const Val *find_length_use(Ctx *cx, const Dim *length, const Graph *g)
{
	LengthUse u = {.length = length};
	dim_each_sym(length, each_length_sym, &u);
	Order order = graph_order(cx->arena, g);
	for (int i = 0; i < order.n && u.sym; i++) {
		const Val *v = order.vals[i];
		for (int k = 0; k < v->type->rank; k++) dim_each_sym(v->type->dims[k], see_sym, &u);
		for (int a = 0; a < v->n_attrs; a++)
			for (int k = 0; k < v->attrs[a].n; k++) {
				if (attr_info[v->attrs[a].key].kind == ATTR_DIMS)
					dim_each_sym(v->attrs[a].dims[k], see_sym, &u);
				if (attr_info[v->attrs[a].key].kind == ATTR_GRAPHS &&
					find_length_use(cx, length, v->attrs[a].graphs[k]))
					return v;
			}
		if (u.uses) return v;
	}
	return NULL;
}

/* The inputs that are left, then the states; the outputs, then the new states. */
static const Graph *make_graph(Stepper *s)
{
	Ctx *cx = s->time.cx;
	const Graph *g = s->g;
	int n_results = g->n_results + s->n_states, n_old = g->n_params + s->n_states, n = 0;
	const Val **results = NEWN(cx->arena, const Val *, n_results), **old = NEWN(cx->arena, const Val *, n_old);
	const char **result_names = NEWN(cx->arena, const char *, n_results),
		   **old_names = NEWN(cx->arena, const char *, n_old);
	for (int i = 0; i < g->n_results; i++) {
		results[i] = when_of(&s->time, g->results[i])->val;
		result_names[i] = g->result_names[i];
	}
	for (int i = 0; i < g->n_params; i++) {
		old[i] = when_of(&s->time, g->params[i])->val;
		old_names[i] = g->param_names[i];
	}
	for (int i = 0; i < s->n_states; i++) {
		results[g->n_results + i] = s->next[i];
		result_names[g->n_results + i] = s->names[i];
		old[g->n_params + i] = s->state[i];
		old_names[g->n_params + i] = s->names[i];
	}
	const Graph *all = graph_new(cx, g->name, n_old, old, old_names, n_results, results, result_names);
	bool *used = used_params(cx, all, n_results, results);
	const Val **subst = NEWN(cx->arena, const Val *, n_old), **params = NEWN(cx->arena, const Val *, n_old);
	const char **names = NEWN(cx->arena, const char *, n_old);
	for (int i = 0; i < n_old; i++) {
		subst[i] = old[i];
		if (i < g->n_params && s->is_initial[i] && !used[i]) continue;
		names[n] = old_names[i];
		subst[i] = params[n] = val_param(cx, n, old[i]->type);
		n++;
	}
	const Val **moved = NEWN(cx->arena, const Val *, n_results);
	graph_splice(cx, all, subst, moved);
	return graph_new(cx, g->name, n, params, names, n_results, moved, result_names);
}

static void open_size(void *user, const Sym *s)
{
	const Sym **found = user;
	*found = *found ? *found : s;
}

/* The states are members of a struct, so their sizes must be numbers. */
static const char *unfixed_state(const Stepper *s)
{
	for (int i = 0; i < s->n_states; i++) {
		const Type *t = s->state[i]->type;
		const Sym *size = NULL;
		for (int d = 0; d < t->rank; d++) dim_each_sym(t->dims[d], open_size, &size);
		if (size)
			return arena_printf(s->time.cx->arena, "the state '%s' is %s: fix its size with --dim %s=N",
				s->names[i], type_str(s->time.cx, t), size->name);
	}
	return NULL;
}

/* How many steps a chunk has: the symbol that the whole sequence has, or one that nothing else has. */
static const Dim *chunk_count(Ctx *cx, const Dim *length)
{
	const Sym *s = dim_symbol(length);
	if (s && s->step == 1) return length;
	const char *name = "steps";
	for (int i = 2; sym_find(cx, name); i++) name = arena_printf(cx->arena, "steps_%d", i);
	sym_bound(cx, name, 1, INT64_MAX);
	return dim_sym(cx, name);
}

static void make_step(Stepper *s, Step *out)
{
	Ctx *cx = s->time.cx;
	s->time.count = dim_int(cx, 1);
	if (!find_length(s)) {
		out->reason = s->time.reason;
		return;
	}
	find_by_symbol(s);
	out->length = s->time.length;
	bool ok = step_all(s);
	while (!ok && s->time.missing && find_inputs(s, s->time.missing, s->time.missing_axis))
		ok = step_all(s); /* an input that only joins later on, such as a mask of the outputs */
	out->reason = s->time.reason;
	if (!ok) return;
	const Graph *g = make_graph(s);
	const Val *use = find_length_use(cx, s->time.length, g);
	if (use) {
		refuse(&s->time, use, "depends on the length of the sequence");
		out->reason = s->time.reason;
		return;
	}
	out->reason = unfixed_state(s);
	if (out->reason) return;
	out->n_states = s->n_states;
	out->names = s->names;
	out->initial = s->initial;
	out->graph = g;
	out->count = s->time.count = chunk_count(cx, s->time.length);
	ok = step_all(s);
	assert(ok); /* the rules are those by which one step was made */
	out->chunk = make_graph(s);
}

Step pass_step(Ctx *cx, const Graph *g)
{
	Stepper s = {.time.cx = cx, .g = g, .order = graph_order(cx->arena, g)};
	Step out = {0};
	int n_carries = 0;
	s.axis_of = NEWN(cx->arena, int, g->n_params + 1);
	s.is_initial = NEWN(cx->arena, bool, g->n_params + 1);
	for (int i = 0; i < g->n_params; i++) s.axis_of[i] = -1;
	for (int i = 0; i < s.order.n; i++)
		if (s.order.vals[i]->op == OP_scan) n_carries += iteration_of(s.order.vals[i]).n_carries;
	s.state = NEWN(cx->arena, const Val *, n_carries + 1);
	s.next = NEWN(cx->arena, const Val *, n_carries + 1);
	s.names = NEWN(cx->arena, const char *, n_carries + 1);
	s.initial = NEWN(cx->arena, const Tensor *, n_carries + 1);
	make_step(&s, &out);
	return out;
}
