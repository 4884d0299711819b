/* ops_control.c: Constant, If, Loop and Scan.
 *
 * If becomes cond, or the branch itself where the condition is known.  Loop becomes a scan where it is known to run a
 * number of steps that is a size, else a loop.  Scan is a scan; its axes and directions are views of operands and results.
 */
#include "frontend/onnx/compose.h"

#include <string.h>

static void copy_vals(const Val **to, const Val *const *from, int n)
{
	for (int i = 0; i < n; i++) to[i] = from[i];
}

static void copy_names(const char **to, const char *const *from, int n)
{
	for (int i = 0; i < n; i++) to[i] = from[i];
}

/* A bool of one element as a scalar. */
static const Val *condition(const Node *n, const Val *v, const char *what)
{
	int64_t count;
	if (v->type->is_tuple || v->type->elem != BOOL || !dim_is_int(type_count(n->cx, v->type), &count) || count != 1)
		node_fail(n, "%s: one bool wanted, %s seen", what, type_str(n->cx, v->type));
	return b_reshape(n->cx, v, 0, NULL);
}

/* A condition that is decided now, by values or by sizes. */
static bool known_bool(Ctx *cx, const Val *v, bool *value)
{
	const Dim *d;
	int64_t n;
	const Tensor *t = known_tensor(cx, v);
	if (t) *value = tensor_get_int(t, 0) != 0;
	else if (val_as_dims(cx, v, 1, &d) && dim_is_int(d, &n)) *value = n != 0;
	else return false;
	return true;
}

/* A value and what takes its place must have one type; unnamed dims may turn out to be equal. */
static void want_same_type(const Node *n, const Type *a, const Type *b, const char *what)
{
	if (a == b) return;
	bool comparable = !a->is_tuple && !b->is_tuple && a->elem == b->elem && a->rank == b->rank;
	for (int i = 0; comparable && i < a->rank; i++) node_same_dim(n, a->dims[i], b->dims[i], what);
	node_fail(n, "%s: %s and %s differ", what, type_str(n->cx, a), type_str(n->cx, b));
}

static const char *result_what(const Node *n, const char *kind, const Graph *body, int i)
{
	return arena_printf(n->cx->arena, "%s %s", kind, onnx_quote(n->cx, body->result_names[i]));
}

/* -------------------------------------------------------------------------------------------------- Constant */

static void import_constant(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const double *floats;
	const int64_t *ints;
	const char *tensor_attr = node_has(n, "sparse_value") ? "sparse_value" : "value";
	const Tensor *t = node_tensor(n, tensor_attr);
	int count;
	if (t) {
		out[0] = val_const(cx, t);
	} else if (node_has(n, "value_float")) {
		out[0] = b_scalar(cx, F32, node_float(n, "value_float", 0));
	} else if (node_has(n, "value_int")) {
		out[0] = b_scalar_int(cx, I64, node_int(n, "value_int", 0));
	} else if ((count = node_floats(n, "value_floats", &floats)) >= 0) {
		Tensor *made = tensor_new(cx->arena, F32, 1, (int64_t[]){count});
		for (int i = 0; i < count; i++) tensor_set(made, i, floats[i]);
		out[0] = val_const(cx, made);
	} else if ((count = node_ints(n, "value_ints", &ints)) >= 0) {
		out[0] = b_ints(cx, count, ints);
	} else {
		node_fail(n, "attribute value is missing");
	}
}

/* -------------------------------------------------------------------------------------------------- If */

static void import_if(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const char *const branches[] = {"then_branch", "else_branch"};
	const Val *cond = condition(n, node_in(n, 0, "cond"), "input cond");
	const Graph *bodies[2];
	const Val *const *captures;
	int n_captures;
	bool taken;
	if (known_bool(cx, cond, &taken)) {
		bodies[0] = node_graph(n, branches[taken ? 0 : 1], 0, NULL, &n_captures, &captures);
		if (n->n_out > bodies[0]->n_results)
			node_fail(n, "the branch gives only %d results", bodies[0]->n_results);
		const Val **results = NEWN(cx->arena, const Val *, bodies[0]->n_results);
		graph_splice(cx, bodies[0], captures, results);
		copy_vals(out, results, n->n_out);
		return;
	}
	node_graphs(n, 2, branches, bodies, &n_captures, &captures);
	if (bodies[0]->n_results != bodies[1]->n_results || bodies[0]->n_results < n->n_out)
		node_fail(n, "%d outputs, but the branches give %d and %d results", n->n_out, bodies[0]->n_results,
			bodies[1]->n_results);
	for (int i = 0; i < bodies[0]->n_results; i++) {
		const Type *type = bodies[0]->results[i]->type;
		if (type->is_tuple) node_fail(n, "a branch that gives a sequence is not supported");
		want_same_type(
			n, type, bodies[1]->results[i]->type, result_what(n, "the branches' result", bodies[0], i));
	}
	const Val *both = b_cond(cx, cond, bodies[0], bodies[1], n_captures, captures);
	for (int i = 0; i < n->n_out; i++) out[i] = val_get(cx, both, i);
}

/* -------------------------------------------------------------------------------------------------- Loop */

/* A Loop while it is taken apart.  The body as ONNX has it: (i, condition, state..) -> (condition', state'.., stacked..);
 * its states are tensors, which become carries, and sequences, to which the body may only append. */
typedef struct {
	const Node *n;
	const Graph *body; /* after the states come the captures */
	int n_states, n_captures;
	const Val *const *init, *const *captures;
	int n_carries;       /* states that are tensors */
	const Val **results; /* of the body on the parameters of the IR's body */
	int n_ys;
	const Val **ys; /* what is stacked: first the body's own, then what it appends to sequences */
} Loop;

/* What the body appends to state i in one step: one chunk [k, ..element]; NULL: nothing. */
static const Val *appended(const Loop *l, int i, const Val *mark)
{
	const Node *n = l->n;
	Ctx *cx = n->cx;
	const Val *s = l->results[1 + i];
	const char *what = result_what(n, "state", l->body, 1 + i);
	if (!is_sequence(s) || s->n_args == 0 || s->args[0] != mark)
		node_fail(n, "%s: a body that does more to a sequence than append is not supported", what);
	if (s->n_args == 1) return NULL;
	return s->n_args == 2 ? s->args[1] : b_concat(cx, s->n_args - 1, s->args + 1, 0);
}

/* Fills l->results and l->ys, in terms of the parameters of the IR's body: iteration, captures, carries. */
static void loop_body(Loop *l, const Val *i, const Val *const *captures, const Val *const *carries)
{
	const Node *n = l->n;
	Ctx *cx = n->cx;
	int n_own = 2 + l->n_states;
	const Val **args = NEWN(cx->arena, const Val *, n_own + l->n_captures);
	/* where the body runs, the condition was true */
	const Val *const given[] = {i, b_scalar_int(cx, BOOL, 1)};
	for (int k = 0; k < 2; k++) {
		const Type *t = l->body->params[k]->type;
		args[k] = b_reshape(cx, given[k], t->rank, t->dims);
	}
	for (int s = 0, c = 0; s < l->n_states; s++)
		args[2 + s] = is_sequence(l->init[s]) ? l->body->params[2 + s] : carries[c++];
	for (int c = 0; c < l->n_captures; c++) args[n_own + c] = captures[c];
	l->results = NEWN(cx->arena, const Val *, l->body->n_results);
	graph_splice(cx, l->body, args, l->results);
	l->results[0] = condition(n, l->results[0], "the body's condition");
	l->ys = NEWN(cx->arena, const Val *, l->body->n_results);
	l->n_ys = 0;
	for (int k = 1 + l->n_states; k < l->body->n_results; k++) {
		if (l->results[k]->type->is_tuple) node_fail(n, "stacking sequences is not supported");
		l->ys[l->n_ys++] = l->results[k];
	}
	for (int s = 0; s < l->n_states; s++) {
		if (!is_sequence(l->init[s])) {
			want_same_type(
				n, l->init[s]->type, l->results[1 + s]->type, result_what(n, "state", l->body, 1 + s));
			continue;
		}
		const Val *chunk = appended(l, s, args[2 + s]);
		if (chunk) l->ys[l->n_ys++] = chunk;
	}
}

/* The IR's body: parameters are the captures and carries from `at` on, results the carries and ys after the condition
 * (for a loop).  Names stay. */
static const Graph *make_body(const Loop *l, int n_params, const Val *const *params, int at, bool with_condition)
{
	Ctx *cx = l->n->cx;
	const Val **results = NEWN(cx->arena, const Val *, 1 + l->n_carries + l->n_ys);
	const char **names = NEWN(cx->arena, const char *, n_params);
	const char **result_names = NEWN(cx->arena, const char *, 1 + l->n_carries + l->n_ys);
	const char *const *own_names = l->body->param_names, *const *own_results = l->body->result_names;
	int n = 0;
	names[at ? 0 : n_params - 1] = own_names[0]; /* the iteration */
	for (int c = 0; c < l->n_captures; c++) names[at++] = own_names[2 + l->n_states + c];
	if (with_condition) {
		result_names[n] = own_results[0];
		results[n++] = l->results[0];
	}
	for (int s = 0; s < l->n_states; s++) {
		if (is_sequence(l->init[s])) continue;
		names[at++] = own_names[2 + s];
		result_names[n] = own_results[1 + s];
		results[n++] = l->results[1 + s];
	}
	for (int k = 0; k < l->n_ys; k++) {
		if (1 + l->n_states + k < l->body->n_results) result_names[n] = own_results[1 + l->n_states + k];
		results[n++] = l->ys[k];
	}
	return graph_new(cx, l->body->name, n_params, params, names, n, results, result_names);
}

/* The node's outputs from the tuple: carries from `at` on, then the stacks.  Sequences get what was appended. */
static void loop_outputs(const Loop *l, const Val *tuple, int at, const Val **out)
{
	const Node *n = l->n;
	Ctx *cx = n->cx;
	int n_stacked = l->body->n_results - 1 - l->n_states, y = at + l->n_carries;
	const Val **all = NEWN(cx->arena, const Val *, l->body->n_results);
	for (int k = 0; k < n_stacked; k++) all[l->n_states + k] = val_get(cx, tuple, y++);
	for (int s = 0; s < l->n_states; s++) {
		if (!is_sequence(l->init[s])) {
			all[s] = val_get(cx, tuple, at++);
			continue;
		}
		const Val *was = l->init[s];
		bool grows = l->results[1 + s]->n_args > 1;
		const Val **chunks = NEWN(cx->arena, const Val *, was->n_args + 1);
		copy_vals(chunks, was->args, was->n_args);
		if (grows) { /* [steps, k, ..] -> [steps*k, ..] */
			const Val *stack = val_get(cx, tuple, y++);
			const Type *t = stack->type;
			const Dim **dims = NEWN(cx->arena, const Dim *, t->rank - 1);
			dims[0] = dim_mul(cx, t->dims[0], t->dims[1]);
			for (int d = 2; d < t->rank; d++) dims[d - 1] = t->dims[d];
			chunks[was->n_args] = b_reshape(cx, stack, t->rank - 1, dims);
		}
		all[s] = sequence_new(cx, was->n_args + grows, chunks);
	}
	copy_vals(out, all, n->n_out);
}

/* Parameters `from`.. of the types of vals. */
static const Val **params_like(Ctx *cx, const Val **params, int from, int n, const Val *const *vals)
{
	for (int i = 0; i < n; i++) params[from + i] = val_param(cx, from + i, vals[i]->type);
	return params + from;
}

/* A known number of steps: consts are the captures, xs the iteration number. */
static void loop_as_scan(Loop *l, const Val *const *carries, const Dim *steps, const Val **out)
{
	Ctx *cx = l->n->cx;
	int n_args = l->n_captures + l->n_carries + 1;
	const Val **args = NEWN(cx->arena, const Val *, n_args), **params = NEWN(cx->arena, const Val *, n_args);
	copy_vals(args, l->captures, l->n_captures);
	copy_vals(args + l->n_captures, carries, l->n_carries);
	args[n_args - 1] = b_iota(cx, I64, 1, &steps, 0);
	params_like(cx, params, 0, n_args - 1, args);
	params[n_args - 1] = val_param(cx, n_args - 1, type_scalar(cx, I64));
	loop_body(l, params[n_args - 1], params, params + l->n_captures);
	const Graph *body = make_body(l, n_args, params, 0, false);
	loop_outputs(l, b_scan(cx, body, l->n_captures, l->n_carries, n_args, args, steps, false), 0, out);
}

static void loop_as_loop(Loop *l, const Val *const *carries, const Val *limit, const Val *go, const Val **out)
{
	const Node *n = l->n;
	Ctx *cx = n->cx;
	int n_params = 1 + l->n_captures + l->n_carries;
	const Val **args = NEWN(cx->arena, const Val *, n_params + 1),
		  **params = NEWN(cx->arena, const Val *, n_params);
	args[0] = limit;
	args[1] = go;
	copy_vals(args + 2, l->captures, l->n_captures);
	copy_vals(args + 2 + l->n_captures, carries, l->n_carries);
	params[0] = val_param(cx, 0, type_scalar(cx, I64));
	params_like(cx, params, 1, n_params - 1, args + 2);
	loop_body(l, params[0], params + 1, params + 1 + l->n_captures);
	const Graph *body = make_body(l, n_params, params, 1, true);
	const Dim *most;
	bool known = val_as_dims(cx, limit, 1, &most);
	const Dim *length = dim_int(cx, INT64_MAX);
	if (l->n_ys) /* as many rows as it ran steps */
		length = computed_symbol(n->core->run, arena_printf(cx->arena, "%s_steps", *n->name ? n->name : "loop"),
			known && dim_hi(most) >= 0 ? dim_hi(most) : INT64_MAX);
	loop_outputs(l, b_loop(cx, body, l->n_captures, l->n_carries, n_params + 1, args, length), 1, out);
}

/* Does the body's condition stay true?  Then the number of steps is the limit. */
static bool runs_to_the_limit(Loop *l, const Val *const *carries)
{
	bool go;
	loop_body(l, b_reshape(l->n->cx, l->body->params[0], 0, NULL), l->body->params + 2 + l->n_states, carries);
	return known_bool(l->n->cx, l->results[0], &go) && go;
}

static void import_loop(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *limit = node_opt(n, 0), *go = node_opt(n, 1);
	Loop l = {.n = n, .n_states = n->n_in > 2 ? n->n_in - 2 : 0, .init = n->in + 2};
	const Type **types = NEWN(cx->arena, const Type *, 2 + l.n_states);
	const Val **carries = NEWN(cx->arena, const Val *, l.n_states),
		  **inner = NEWN(cx->arena, const Val *, l.n_states);
	const Dim *one = dim_int(cx, 1);
	types[0] = type_new(cx, I64, body_wants_vector(n, "body", 0), &one);
	types[1] = type_new(cx, BOOL, body_wants_vector(n, "body", 1), &one);
	for (int s = 0; s < l.n_states; s++) {
		const Val *v = node_in(n, 2 + s, "v_initial");
		types[2 + s] = v->type;
		if (!is_sequence(v)) carries[l.n_carries++] = v;
	}
	l.body = node_graph(n, "body", 2 + l.n_states, types, &l.n_captures, &l.captures);
	if (l.body->n_results < 1 + l.n_states || n->n_out > l.body->n_results - 1)
		node_fail(n, "%d states and %d outputs, but the body gives %d results", l.n_states, n->n_out,
			l.body->n_results);
	for (int s = 0, c = 0; s < l.n_states; s++)
		if (!is_sequence(l.init[s])) inner[c++] = l.body->params[2 + s];

	if (limit) {
		int64_t count;
		if (limit->type->is_tuple || !elem_is_int(limit->type->elem) ||
			!dim_is_int(type_count(cx, limit->type), &count) || count != 1)
			node_fail(n, "input M: one integer wanted, %s seen", type_str(cx, limit->type));
		limit = b_cast(cx, b_reshape(cx, limit, 0, NULL), I64);
	}
	go = go ? condition(n, go, "input cond") : b_scalar_int(cx, BOOL, 1);
	bool starts, endless = known_bool(cx, go, &starts) && starts && runs_to_the_limit(&l, inner);
	const Dim *steps;
	if (endless && !limit) node_fail(n, "the loop never ends: no limit M, and the condition stays true");
	if (endless && val_as_dims(cx, limit, 1, &steps)) {
		if (dim_lo(steps) < 0) steps = dim_max(cx, steps, dim_int(cx, 0));
		loop_as_scan(&l, carries, steps, out);
	} else {
		loop_as_loop(&l, carries, limit ? limit : b_scalar_int(cx, I64, INT64_MAX), go, out);
	}
}

/* -------------------------------------------------------------------------------------------------- Scan */

typedef struct {
	const Node *n;
	const Graph *body; /* (states.., elements.., captures..) -> (states.., elements..) */
	int n_states, n_xs, n_ys, n_captures;
	const int64_t *x_reversed, *y_reversed; /* 0 or 1, one each */
} Scan;

static const Val *flip(Ctx *cx, const Val *v)
{
	const Dim *n = v->type->dims[0], *last = dim_sub(cx, n, dim_int(cx, 1));
	return b_slice(cx, v, 0, last, n, -1);
}

/* Row t of the first `length` ones backwards, for each t; rows beyond are whatever. */
static const Val *flip_first(Ctx *cx, const Val *v, const Val *length)
{
	const Val *t = b_iota(cx, I64, 1, v->type->dims, 0), *one = b_scalar_int(cx, I64, 1);
	return b_gather(cx, v, b_ew2(cx, OP_EW_sub, b_ew2(cx, OP_EW_sub, length, one), t), 0);
}

/* One scan over xs[T, ..]; from step `length` on (NULL: never) states stay and elements are 0. */
static void run_scan(const Scan *s, const Val *const *captures, const Val *const *states, const Val *const *xs,
	const Dim *steps, const Val *length, const Val **out)
{
	const Node *n = s->n;
	Ctx *cx = n->cx;
	int n_consts = s->n_captures + (length != NULL), n_xs = s->n_xs + (length != NULL);
	int n_args = n_consts + s->n_states + n_xs, n_results = s->n_states + s->n_ys;
	/* a scan that reads everything backwards runs backwards: then y of step t stands at t by itself */
	bool reverse = s->n_xs > 0 && !length;
	for (int i = 0; i < s->n_xs; i++) reverse = reverse && s->x_reversed[i];
	const Val **args = NEWN(cx->arena, const Val *, n_args), **params = NEWN(cx->arena, const Val *, n_args);
	copy_vals(args, captures, s->n_captures);
	if (length) args[s->n_captures] = length;
	copy_vals(args + n_consts, states, s->n_states);
	params_like(cx, params, 0, n_consts + s->n_states, args);
	for (int i = 0; i < n_xs; i++) {
		int at = n_consts + s->n_states + i;
		const Val *x = i == s->n_xs ? b_iota(cx, I64, 1, &steps, 0) : xs[i];
		if (i < s->n_xs && s->x_reversed[i] && !reverse) x = length ? flip_first(cx, x, length) : flip(cx, x);
		args[at] = x;
		params[at] = val_param(cx, at, type_new(cx, x->type->elem, x->type->rank - 1, x->type->dims + 1));
	}
	const Val **inner = NEWN(cx->arena, const Val *, s->body->n_params),
		  **results = NEWN(cx->arena, const Val *, n_results);
	const Val **old = params + n_consts;
	copy_vals(inner, old, s->n_states + s->n_xs);
	copy_vals(inner + s->n_states + s->n_xs, params, s->n_captures);
	graph_splice(cx, s->body, inner, results);
	const Val *runs = length ? b_ew2(cx, OP_EW_lt, params[n_args - 1], params[s->n_captures]) : NULL;
	for (int i = 0; i < n_results; i++) {
		const Type *t = results[i]->type;
		if (t->is_tuple) node_fail(n, "a body that gives sequences is not supported");
		if (i < s->n_states) want_same_type(n, old[i]->type, t, result_what(n, "state", s->body, i));
		if (runs)
			results[i] = b_select(cx, runs, results[i],
				i < s->n_states ? old[i] : b_zeros(cx, t->elem, t->rank, t->dims));
	}
	const char **names = NEWN(cx->arena, const char *, n_args);
	copy_names(names, s->body->param_names + s->n_states + s->n_xs, s->n_captures);
	copy_names(names + n_consts, s->body->param_names, s->n_states + s->n_xs);
	const Graph *body =
		graph_new(cx, s->body->name, n_args, params, names, n_results, results, s->body->result_names);
	const Val *tuple = b_scan(cx, body, n_consts, s->n_states, n_args, args, steps, reverse);
	for (int i = 0; i < n_results; i++) {
		out[i] = val_get(cx, tuple, i);
		if (i >= s->n_states && (s->y_reversed[i - s->n_states] != 0) != reverse) out[i] = flip(cx, out[i]);
	}
}

/* An optional attribute of n integers, 0 each by default. */
static const int64_t *ints_attr(const Node *n, const char *attr, int n_wanted)
{
	const int64_t *values;
	int count = node_ints(n, attr, &values);
	if (count < 0) return NEWN(n->cx->arena, int64_t, n_wanted);
	if (count != n_wanted) node_fail(n, "attribute %s: %d values wanted, %d seen", attr, n_wanted, count);
	return values;
}

static const int64_t *directions(const Node *n, const char *attr, int n_wanted)
{
	const int64_t *values = ints_attr(n, attr, n_wanted);
	for (int i = 0; i < n_wanted; i++)
		if (values[i] != 0 && values[i] != 1)
			node_fail(n, "attribute %s: 0 or 1 wanted, %lld seen", attr, (long long)values[i]);
	return values;
}

static const Val *tensor_in(const Node *n, int i, const char *what)
{
	const Val *v = node_in(n, i, what);
	if (v->type->is_tuple) node_fail(n, "%s: a tensor wanted, a sequence seen", what);
	return v;
}

/* Its body, whose states and elements have these types; `inputs`: how many the node has for it. */
static Scan scan_new(const Node *n, int n_inputs, const Type *const *types, const Val *const **captures)
{
	Scan s = {.n = n};
	int64_t n_xs = node_int(n, "num_scan_inputs", 0);
	if (n_xs < 1 || n_xs > n_inputs)
		node_fail(n, "attribute num_scan_inputs: 1 to %d wanted, %lld seen", n_inputs, (long long)n_xs);
	s.n_xs = (int)n_xs;
	s.n_states = n_inputs - s.n_xs;
	s.body = node_graph(n, "body", n_inputs, types, &s.n_captures, captures);
	s.n_ys = s.body->n_results - s.n_states;
	if (s.n_ys < 0 || n->n_out > s.body->n_results)
		node_fail(n, "%d states and %d outputs, but the body gives %d results", s.n_states, n->n_out,
			s.body->n_results);
	return s;
}

static const Type *without_first(Ctx *cx, const Type *t, int n)
{
	return type_new(cx, t->elem, t->rank - n, t->dims + n);
}

static void import_scan(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	int64_t n_xs = node_int(n, "num_scan_inputs", 0);
	int n_states = n_xs >= 1 && n_xs <= n->n_in ? n->n_in - (int)n_xs : 0; /* scan_new() complains */
	const int64_t *x_axes = ints_attr(n, "scan_input_axes", n->n_in - n_states);
	const Val **in = NEWN(cx->arena, const Val *, n->n_in), *const * captures;
	const Type **types = NEWN(cx->arena, const Type *, n->n_in);
	const Dim *steps = NULL;
	for (int i = 0; i < n->n_in; i++) {
		in[i] = tensor_in(n, i, i < n_states ? "initial_state" : "scan_input");
		types[i] = in[i]->type;
		if (i < n_states) continue;
		in[i] = move_axis(cx, in[i], node_axis(n, x_axes[i - n_states], in[i]->type->rank), 0);
		types[i] = without_first(cx, in[i]->type, 1);
		if (!steps) steps = in[i]->type->dims[0];
		node_same_dim(n, steps, in[i]->type->dims[0], "the scan inputs' lengths");
	}
	Scan s = scan_new(n, n->n_in, types, &captures);
	s.x_reversed = directions(n, "scan_input_directions", s.n_xs);
	s.y_reversed = directions(n, "scan_output_directions", s.n_ys);
	const int64_t *y_axes = ints_attr(n, "scan_output_axes", s.n_ys);
	const Val **results = NEWN(cx->arena, const Val *, s.body->n_results);
	run_scan(&s, captures, in, in + n_states, steps, NULL, results);
	for (int i = 0; i < n->n_out; i++) {
		out[i] = results[i];
		if (i >= n_states)
			out[i] = move_axis(cx, out[i], 0, node_axis(n, y_axes[i - n_states], out[i]->type->rank));
	}
}

/* Opset 8: everything has a batch dim, the body sees one example: a scan over the batch of scans over time. */
static void import_scan_8(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	int n_inputs = n->n_in - 1;
	const Val *lengths = node_opt(n, 0), *const *in = n->in + 1, *const * captures;
	int64_t n_xs = node_int(n, "num_scan_inputs", 0);
	int n_states = n_xs >= 1 && n_xs <= n_inputs ? n_inputs - (int)n_xs : 0;
	const Type **types = NEWN(cx->arena, const Type *, n_inputs);
	const Dim *batch = NULL, *steps = NULL;
	for (int i = 0; i < n_inputs; i++) {
		const Type *t = tensor_in(n, 1 + i, i < n_states ? "initial_state" : "scan_input")->type;
		int n_outer = i < n_states ? 1 : 2;
		if (t->rank < n_outer)
			node_fail(n, "input %d: a batch of %s wanted, %s seen", 1 + i,
				i < n_states ? "states" : "sequences", type_str(cx, t));
		types[i] = without_first(cx, t, n_outer);
		if (!batch) batch = t->dims[0];
		node_same_dim(n, batch, t->dims[0], "the inputs' batch sizes");
		if (i < n_states) continue;
		if (!steps) steps = t->dims[1];
		node_same_dim(n, steps, t->dims[1], "the scan inputs' lengths");
	}
	Scan s = scan_new(n, n_inputs, types, &captures);
	s.x_reversed = directions(n, "directions", s.n_xs);
	s.y_reversed = NEWN(cx->arena, int64_t, s.n_ys);
	if (lengths) {
		if (lengths->type->is_tuple || !elem_is_int(lengths->type->elem) || lengths->type->rank != 1)
			node_fail(n, "input sequence_lens: i64[batch] wanted, %s seen", type_str(cx, lengths->type));
		node_same_dim(n, batch, lengths->type->dims[0], "sequence_lens and the batch");
	}
	/* the outer body: (captures.., one example's states.., sequences.., length) -> what the inner scan gives */
	int n_args = s.n_captures + n_inputs + (lengths != NULL);
	const Val **args = NEWN(cx->arena, const Val *, n_args), **params = NEWN(cx->arena, const Val *, n_args);
	copy_vals(args, captures, s.n_captures);
	copy_vals(args + s.n_captures, in, n_inputs);
	if (lengths) args[n_args - 1] = b_cast(cx, lengths, I64);
	params_like(cx, params, 0, s.n_captures, args);
	for (int i = s.n_captures; i < n_args; i++) params[i] = val_param(cx, i, without_first(cx, args[i]->type, 1));
	const Val **results = NEWN(cx->arena, const Val *, s.body->n_results);
	run_scan(&s, params, params + s.n_captures, params + s.n_captures + n_states, steps,
		lengths ? params[n_args - 1] : NULL, results);
	const Graph *body = graph_new(cx, "example", n_args, params, NULL, s.body->n_results, results, NULL);
	const Val *tuple = b_scan(cx, body, s.n_captures, 0, n_args, args, batch, false);
	for (int i = 0; i < n->n_out; i++) out[i] = val_get(cx, tuple, i);
}

const Importer onnx_ops_control[] = {
	{"", "Constant", 1, 0, "value sparse_value value_float value_floats value_int value_ints", 0, 0, 1,
		import_constant},
	{"", "If", 1, 0, "then_branch else_branch", 1, 1, -1, import_if},
	{"", "Loop", 1, 0, "body", 0, -1, -1, import_loop},
	{"", "Scan", 8, 8, "body num_scan_inputs directions", 2, -1, -1, import_scan_8},
	{"", "Scan", 9, 0,
		"body num_scan_inputs scan_input_axes scan_input_directions scan_output_axes scan_output_directions", 1,
		-1, -1, import_scan},
	{.op = NULL},
};
