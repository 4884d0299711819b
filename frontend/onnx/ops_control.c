/* ops_control.c: Constant, If and Scan.
 *
 * If becomes cond, or the branch itself where the condition is known.  Scan is a scan; its axes and
 * directions are views of operands and results.
 */
#include "frontend/onnx/compose.h"

#include <string.h>

/* -------------------------------------------------------------------------------------------------- Constant */

static void import_constant(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const double *floats;
	const int64_t *ints;
	const char *const *texts, *text;
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
	} else if (node_has(n, "value_string")) {
		text = node_str(n, "value_string", "");
		out[0] = b_reshape(cx, b_texts(cx, 1, &text), 0, NULL);
	} else if ((count = node_strs(n, "value_strings", &texts)) >= 0) {
		out[0] = b_texts(cx, count, texts);
	} else {
		node_fail(n, "attribute value is missing");
	}
}

/* -------------------------------------------------------------------------------------------------- If */

/* A rank cannot depend on run time.  Branches of one element each, as 0 and [0], both get the higher rank: told, as a scalar and
 * a vector of one element broadcast alike. */
static bool same_rank(const Node *n, const Graph **bodies, int i)
{
	Ctx *cx = n->cx;
	const Type *types[] = {bodies[0]->results[i]->type, bodies[1]->results[i]->type};
	int lower = types[0]->rank > types[1]->rank, rank = types[!lower]->rank;
	for (int k = 0; k < 2; k++)
		if (types[k]->is_tuple || !dim_is(type_count(cx, types[k]), 1)) return false;
	const Graph *g = bodies[lower];
	const Val **results = NEWN(cx->arena, const Val *, g->n_results);
	copy_vals(results, g->results, g->n_results);
	results[i] = b_reshape(cx, results[i], rank, types[!lower]->dims);
	note(cx, "%s: %s: %s or %s, taken as the latter", cx->loc, result_what(n, "the branches' result", g, i),
		type_str(cx, types[lower]), type_str(cx, types[!lower]));
	bodies[lower] =
		graph_new(cx, g->name, g->n_params, g->params, g->param_names, g->n_results, results, g->result_names);
	return true;
}

/* The branch with the elements of its sequences as results; counts: of each result's elements, -1 for a tensor. */
static const Graph *with_elements(const Node *n, const Graph *g, int *counts)
{
	Ctx *cx = n->cx;
	int total = 0;
	const Val ***elements = NEWN(cx->arena, const Val **, g->n_results);
	for (int i = 0; i < g->n_results; i++) {
		const bool sequence = is_sequence(g->results[i]);
		counts[i] = sequence ? sequence_elements(cx, g->results[i], &elements[i]) : -1;
		if (sequence && counts[i] < 0)
			node_fail(n, "%s: a sequence of a length that only run time knows is not supported",
				result_what(n, "the branches' result", g, i));
		if (!sequence) elements[i] = arena_copy(cx->arena, &g->results[i], sizeof(Val *));
		total += sequence ? counts[i] : 1;
	}
	const Val **results = NEWN(cx->arena, const Val *, total);
	const char **names = NEWN(cx->arena, const char *, total);
	for (int i = 0, at = 0; i < g->n_results; i++)
		for (int k = 0; k < (counts[i] < 0 ? 1 : counts[i]); k++) {
			names[at] = onnx_element_name(cx, g->result_names[i], counts[i] >= 0, k);
			results[at++] = elements[i][k];
		}
	return graph_new(cx, g->name, g->n_params, g->params, g->param_names, total, results, names);
}

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
		const Val *const *results;
		int n_results = node_inline(n, branches[taken ? 0 : 1], -1, 0, NULL, &results);
		if (n->n_out > n_results) node_fail(n, "the branch gives only %d results", n_results);
		copy_vals(out, results, n->n_out);
		return;
	}
	node_graphs(n, 2, branches, bodies, &n_captures, &captures);
	if (bodies[0]->n_results != bodies[1]->n_results || bodies[0]->n_results < n->n_out)
		node_fail(n, "%d outputs, but the branches give %d and %d results", n->n_out, bodies[0]->n_results,
			bodies[1]->n_results);
	const int n_outputs = bodies[0]->n_results;
	int *counts[] = {NEWN(cx->arena, int, n_outputs), NEWN(cx->arena, int, n_outputs)};
	for (int b = 0; b < 2; b++) bodies[b] = with_elements(n, bodies[b], counts[b]);
	for (int i = 0; i < n_outputs; i++)
		if (counts[0][i] != counts[1][i])
			node_fail(n, "branches that give sequences of different lengths are not supported");
	for (int i = 0; i < bodies[0]->n_results; i++) {
		const Type *type = bodies[0]->results[i]->type;
		const Type *other = bodies[1]->results[i]->type;
		if (type->is_tuple || other->is_tuple)
			node_fail(n, "a branch that gives an optional without a value is not supported");
		if (type->rank != other->rank && is_closed(cond)) /* how exporters write squeeze(x, axis) */
			node_fail(n, "sizes decide between results %s and %s: they must be known (--dim NAME=N)",
				type_str(cx, type), type_str(cx, other));
		if (type->rank == other->rank || !same_rank(n, bodies, i))
			node_same_type(n, type, other, result_what(n, "the branches' result", bodies[0], i));
	}
	const Val *both = b_cond(cx, cond, bodies[0], bodies[1], n_captures, captures);
	for (int i = 0, at = 0; i < n->n_out; i++) {
		if (counts[0][i] < 0) {
			out[i] = val_get(cx, both, at++);
			continue;
		}
		const Val **chunks = NEWN(cx->arena, const Val *, counts[0][i]);
		for (int k = 0; k < counts[0][i]; k++) chunks[k] = b_unsqueeze(cx, val_get(cx, both, at++), 0);
		out[i] = sequence_new(cx, counts[0][i], chunks);
	}
}

/* -------------------------------------------------------------------------------------------------- Scan */

typedef struct {
	const Node *n;
	const Graph *body; /* (states.., elements.., step, captures..) -> (states.., elements..) */
	bool asks;         /* does it ask for the step? */
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
	int n_own = s->n_states + s->n_xs, n_consts = s->n_captures + (length != NULL);
	int n_xs = s->n_xs + (length || s->asks); /* the last one: the steps' numbers */
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
	copy_vals(inner, old, n_own);
	inner[n_own] = s->asks ? params[n_args - 1] : s->body->params[n_own]; /* which nothing uses then */
	copy_vals(inner + n_own + 1, params, s->n_captures);
	graph_splice(cx, s->body, inner, results);
	const Val *runs = length ? b_ew2(cx, OP_EW_lt, params[n_args - 1], params[s->n_captures]) : NULL;
	for (int i = 0; i < n_results; i++) {
		const Type *t = results[i]->type;
		if (t->is_tuple) node_fail(n, "a body that gives sequences is not supported");
		if (i < s->n_states) node_same_type(n, old[i]->type, t, result_what(n, "state", s->body, i));
		if (runs)
			results[i] = b_select(cx, runs, results[i],
				i < s->n_states ? old[i] : b_zeros(cx, t->elem, t->rank, t->dims));
	}
	const char **names = NEWN(cx->arena, const char *, n_args);
	copy_names(names, s->body->param_names + n_own + 1, s->n_captures);
	copy_names(names + n_consts, s->body->param_names, n_own);
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

static bool uses(const Graph *g, const Val *v)
{
	bool found = false;
	Arena *scratch = arena_new();
	const Order order = graph_order(scratch, g);
	for (int i = 0; i < order.n; i++)
		for (int k = 0; k < order.vals[i]->n_args; k++) found |= order.vals[i]->args[k] == v;
	arena_free(scratch);
	return found;
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
	s.body = node_graph(n, "body", n_inputs, types, n_inputs, &s.n_captures, captures);
	s.asks = uses(s.body, s.body->params[n_inputs]);
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
	if (s.asks) node_fail(n, "random numbers in the body of a Scan of opset 8 are not supported");
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
	{"", "Constant", 1, 0,
		"value sparse_value value_float value_floats value_int value_ints value_string value_strings", 0, 0, 1,
		import_constant},
	{"", "If", 1, 0, "then_branch else_branch", 1, 1, -1, import_if},
	{"", "Scan", 8, 8, "body num_scan_inputs directions", 2, -1, -1, import_scan_8},
	{"", "Scan", 9, 0,
		"body num_scan_inputs scan_input_axes scan_input_directions scan_output_axes scan_output_directions", 1,
		-1, -1, import_scan},
	{.op = NULL},
};
