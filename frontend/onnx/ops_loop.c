/* ops_loop.c: Loop.
 *
 * It becomes a scan where it is known to run a number of steps that is a size, else a loop.  Its states are carries, with
 * two exceptions, which is how exporters write `outputs.append(y)`: sequences, and tensors that grow by a concat in each
 * step.  A state to which the body only appends is no carry: what is appended is stacked, and joined behind the initial
 * value after the loop.  A loop that does more with sequences or optionals is unrolled where its length is known.
 */
#include "frontend/onnx/operands.h"

#include <string.h>

typedef enum { CARRY, SEQUENCE, GROWING } StateKind;

/* A Loop while it is taken apart.  The body as ONNX has it: (i, condition, state..) -> (condition', state'.., stacked..). */
typedef struct {
	const Node *n;
	const Graph *body; /* after the states come the captures */
	int n_states, n_captures;
	const Val *const *init, *const *captures;
	StateKind *kinds;
	int *axes;           /* along which a state grows; 0 for sequences */
	const Val **carries; /* the initial values of those that are */
	int n_carries;
	/* by loop_body(): */
	const Val **results; /* of the body on the parameters of the IR's body */
	int n_ys;
	const Val **ys; /* what is stacked: the body's own, then what it appends */
	bool *appends;  /* per state */
} Loop;

/* ---------------------------------------------------------------------------------------------------- appending */

/* What the body appends to state s in one step, [.., k, ..] along its axis; NULL: nothing.  `mark` is the state as the
 * body got it: a parameter that may stand nowhere else. */
static const Val *appended(const Loop *l, int s, const Val *mark)
{
	const Node *n = l->n;
	const Val *new = l->results[1 + s];
	bool joins =
		l->kinds[s] == SEQUENCE ? is_sequence(new) : new->op == OP_concat &&val_int(new, A_AXIS) == l->axes[s];
	if (new == mark) return NULL;
	if (!joins || new->n_args == 0 || new->args[0] != mark)
		node_fail(n, "%s: a body that does more to it than append is not supported",
			result_what(n, "state", l->body, 1 + s));
	if (new->n_args == 1) return NULL;
	return new->n_args == 2 ? new->args[1] : b_concat(n->cx, new->n_args - 1, new->args + 1, l->axes[s]);
}

/* The value of state s after the loop: stack[steps, .., k, ..] behind the initial one. */
static const Val *joined(const Loop *l, int s, const Val *stack)
{
	Ctx *cx = l->n->cx;
	const Val *init = l->init[s];
	int axis = l->axes[s];
	stack = move_axis(cx, stack, 0, axis);
	const Dim *rows = dim_mul(cx, stack->type->dims[axis], stack->type->dims[axis + 1]);
	stack = replace_dims(cx, stack, axis, 2, 1, &rows);
	if (l->kinds[s] == GROWING)
		return dim_is(init->type->dims[axis], 0) ? stack : b_concat(cx, 2, (const Val *[]){init, stack}, axis);
	const Val **chunks = NEWN(cx->arena, const Val *, init->n_args + 1);
	copy_vals(chunks, init->args, init->n_args);
	chunks[init->n_args] = stack;
	return sequence_new(cx, init->n_args + 1, chunks);
}

/* The dim in which a state's next type differs from its type, and is larger; -1 when that is not so. */
static int grown_axis(Ctx *cx, const Type *was, const Type *is)
{
	int axis = -1;
	if (was->is_tuple || is->is_tuple || was->elem != is->elem || was->rank != is->rank) return -1;
	for (int i = 0; i < was->rank; i++) {
		if (was->dims[i] == is->dims[i]) continue;
		if (axis >= 0 || dim_lo(dim_sub(cx, is->dims[i], was->dims[i])) < 0) return -1;
		axis = i;
	}
	return axis;
}

typedef struct {
	const Sym *sym;
	bool found;
} Search;

static void search_sym(void *search, const Sym *s) { ((Search *)search)->found |= s == ((Search *)search)->sym; }

static void search_type(Search *s, const Type *t)
{
	for (int i = 0; i < t->rank; i++) dim_each_sym(t->dims[i], search_sym, s);
	for (int i = 0; i < t->n_parts; i++) search_type(s, t->parts[i]);
}

/* Does anything in the body know the size that only the mark has? */
static bool mentions(const Graph *body, const Sym *sym)
{
	Arena *scratch = arena_new();
	Order order = graph_order(scratch, body);
	Search s = {.sym = sym};
	for (int i = 0; i < order.n && !s.found; i++) {
		search_type(&s, order.vals[i]->type);
		for (int k = 0; k < order.vals[i]->n_attrs; k++) {
			const Attr *a = &order.vals[i]->attrs[k];
			if (attr_info[a->key].kind == ATTR_DIMS)
				for (int d = 0; d < a->n; d++) dim_each_sym(a->dims[d], search_sym, &s);
			if (attr_info[a->key].kind == ATTR_GRAPHS)
				for (int g = 0; g < a->n; g++) s.found |= mentions(a->graphs[g], sym);
		}
	}
	arena_free(scratch);
	return s.found;
}

static void want_append_only(const Loop *l, const Graph *body)
{
	for (int s = 0; s < l->n_states; s++) {
		if (l->kinds[s] == CARRY) continue;
		const Dim *unknown = l->body->params[2 + s]->type->dims[l->axes[s]];
		if (mentions(body, unknown->terms[0].syms[0]))
			node_fail(l->n, "%s: a body that reads what it appends to is not supported",
				result_what(l->n, "state", l->body, 1 + s));
	}
}

/* ---------------------------------------------------------------------------------------------------- the body */

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
		args[2 + s] = l->kinds[s] == CARRY ? carries[c++] : l->body->params[2 + s];
	copy_vals(args + n_own, captures, l->n_captures);
	l->results = NEWN(cx->arena, const Val *, l->body->n_results);
	graph_splice(cx, l->body, args, l->results);
	l->results[0] = condition(n, l->results[0], "the body's condition");
	l->ys = NEWN(cx->arena, const Val *, l->body->n_results);
	l->appends = NEWN(cx->arena, bool, l->n_states);
	l->n_ys = 0;
	for (int k = 1 + l->n_states; k < l->body->n_results; k++) {
		if (l->results[k]->type->is_tuple) node_fail(n, "stacking sequences is not supported");
		l->ys[l->n_ys++] = l->results[k];
	}
	for (int s = 0; s < l->n_states; s++) {
		const Val *chunk = NULL;
		if (l->kinds[s] == CARRY)
			node_same_type(
				n, l->init[s]->type, l->results[1 + s]->type, result_what(n, "state", l->body, 1 + s));
		else chunk = appended(l, s, args[2 + s]);
		l->appends[s] = chunk != NULL;
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
		if (l->kinds[s] != CARRY) continue;
		names[at++] = own_names[2 + s];
		result_names[n] = own_results[1 + s];
		results[n++] = l->results[1 + s];
	}
	for (int k = 0; k < l->n_ys; k++) {
		if (1 + l->n_states + k < l->body->n_results) result_names[n] = own_results[1 + l->n_states + k];
		results[n++] = l->ys[k];
	}
	const Graph *body = graph_new(cx, l->body->name, n_params, params, names, n, results, result_names);
	want_append_only(l, body);
	return body;
}

static const Val *stack_of(Ctx *cx, const Val *tuple, int part, const Dim *rows)
{
	return b_slice(cx, val_get(cx, tuple, part), 0, dim_int(cx, 0), rows, 1);
}

/* The node's outputs from the tuple: carries from `at` on, then the stacks, of which so many rows are of use. */
static void loop_outputs(const Loop *l, const Val *tuple, int at, const Dim *rows, const Val **out)
{
	Ctx *cx = l->n->cx;
	int n_stacked = l->body->n_results - 1 - l->n_states, y = at + l->n_carries;
	const Val **all = NEWN(cx->arena, const Val *, l->body->n_results);
	for (int k = 0; k < n_stacked; k++) all[l->n_states + k] = stack_of(cx, tuple, y++, rows);
	for (int s = 0; s < l->n_states; s++)
		if (l->kinds[s] == CARRY) all[s] = val_get(cx, tuple, at++);
		else all[s] = l->appends[s] ? joined(l, s, stack_of(cx, tuple, y++, rows)) : l->init[s];
	copy_vals(out, all, l->n->n_out);
}

/* ---------------------------------------------------------------------------------------------------- scan or loop */

/* A known number of steps: consts are the captures, xs the iteration number. */
static void loop_as_scan(Loop *l, const Dim *steps, const Val **out)
{
	Ctx *cx = l->n->cx;
	int n_args = l->n_captures + l->n_carries + 1;
	const Val **args = NEWN(cx->arena, const Val *, n_args), **params = NEWN(cx->arena, const Val *, n_args);
	copy_vals(args, l->captures, l->n_captures);
	copy_vals(args + l->n_captures, l->carries, l->n_carries);
	args[n_args - 1] = b_iota(cx, I64, 1, &steps, 0);
	params_like(cx, params, 0, n_args - 1, args);
	params[n_args - 1] = val_param(cx, n_args - 1, type_scalar(cx, I64));
	loop_body(l, params[n_args - 1], params, params + l->n_captures);
	const Graph *body = make_body(l, n_args, params, 0, false);
	loop_outputs(l, b_scan(cx, body, l->n_captures, l->n_carries, n_args, args, steps, false), 0, steps, out);
}

static void loop_as_loop(Loop *l, const Val *limit, const Val *go, const Val **out)
{
	const Node *n = l->n;
	Ctx *cx = n->cx;
	int n_params = 1 + l->n_captures + l->n_carries;
	const Val **args = NEWN(cx->arena, const Val *, n_params + 1);
	const Val **params = NEWN(cx->arena, const Val *, n_params);
	args[0] = limit;
	args[1] = go;
	copy_vals(args + 2, l->captures, l->n_captures);
	copy_vals(args + 2 + l->n_captures, l->carries, l->n_carries);
	params[0] = val_param(cx, 0, type_scalar(cx, I64));
	params_like(cx, params, 1, n_params - 1, args + 2);
	loop_body(l, params[0], params + 1, params + 1 + l->n_captures);
	const Graph *body = make_body(l, n_params, params, 1, true);
	const Dim *most;
	bool known = val_as_dims(cx, limit, 1, &most);
	const Dim *length = dim_int(cx, INT64_MAX);
	bool declared = false;
	const char *name = arena_printf(cx->arena, "%s_steps", *n->name ? n->name : "loop");
	if (l->n_ys && known && dim_hi(most) < INT64_MAX) /* as many rows as it ran steps */
		length = computed_symbol(n->core->run, name, 0, dim_hi(most) > 0 ? dim_hi(most) : 0);
	else if (l->n_ys) length = open_symbol(n->core->run, name, 0, INT64_MAX, &declared);
	/* where the number of steps is declared, one more step than that can be noticed */
	const Dim *room = declared ? dim_add(cx, length, dim_int(cx, 1)) : length;
	const Val *loop = b_loop(cx, body, l->n_captures, l->n_carries, n_params + 1, args, room);
	if (declared) node_check_size(n, val_get(cx, loop, 0), length);
	else keep_sizer(n->core->run, loop);
	loop_outputs(l, loop, 1, length, out);
}

/* Does the body's condition stay true?  Then the number of steps is the limit. */
static bool runs_to_the_limit(Loop *l)
{
	Ctx *cx = l->n->cx;
	const Val **carries = NEWN(cx->arena, const Val *, l->n_carries);
	for (int s = 0, c = 0; s < l->n_states; s++)
		if (l->kinds[s] == CARRY) carries[c++] = l->body->params[2 + s];
	bool go;
	loop_body(l, b_reshape(cx, l->body->params[0], 0, NULL), l->body->params + 2 + l->n_states, carries);
	return known_bool(cx, l->results[0], &go) && go;
}

/* ---------------------------------------------------------------------------------------------------- the node */

static void read_body(Loop *l, const Type *const *types)
{
	const Node *n = l->n;
	l->body = node_graph(n, "body", 2 + l->n_states, types, 0, &l->n_captures, &l->captures);
	if (l->body->n_results < 1 + l->n_states || n->n_out > l->body->n_results - 1)
		node_fail(n, "%d states and %d outputs, but the body gives %d results", l->n_states, n->n_out,
			l->body->n_results);
}

/* The body, and what its states are.  A body with growing states is imported again, with that dim unknown inside. */
static void read_states(Loop *l)
{
	const Node *n = l->n;
	Ctx *cx = n->cx;
	const Dim *one = dim_int(cx, 1);
	const Type **types = NEWN(cx->arena, const Type *, 2 + l->n_states);
	types[0] = type_new(cx, I64, body_wants_vector(n, "body", 0), &one);
	types[1] = type_new(cx, BOOL, body_wants_vector(n, "body", 1), &one);
	l->kinds = NEWN(cx->arena, StateKind, l->n_states);
	l->axes = NEWN(cx->arena, int, l->n_states);
	l->carries = NEWN(cx->arena, const Val *, l->n_states);
	for (int s = 0; s < l->n_states; s++) types[2 + s] = l->init[s]->type;
	read_body(l, types);
	bool grows = false;
	for (int s = 0; s < l->n_states; s++) {
		const Type *t = types[2 + s];
		int axis = grown_axis(cx, t, l->body->results[1 + s]->type);
		if (t->is_tuple) {
			l->kinds[s] = SEQUENCE;
		} else if (axis >= 0) {
			l->kinds[s] = GROWING;
			l->axes[s] = axis;
			const Dim **dims = dims_with_room(cx, t, 0);
			dims[axis] = computed_symbol(n->core->run, l->body->param_names[2 + s], 0, INT64_MAX);
			types[2 + s] = type_new(cx, t->elem, t->rank, dims);
			grows = true;
		} else {
			l->carries[l->n_carries++] = l->init[s];
		}
	}
	if (grows) read_body(l, types);
}

static void loop_in_ir(Loop *l, const Val *limit, const Val *go, const Val **out)
{
	const Node *n = l->n;
	Ctx *cx = n->cx;
	read_states(l);
	bool starts, endless = known_bool(cx, go, &starts) && starts && runs_to_the_limit(l);
	const Dim *steps;
	if (endless && !limit) node_fail(n, "the loop never ends: no limit M, and the condition stays true");
	if (endless && val_as_dims(cx, limit, 1, &steps)) {
		if (dim_lo(steps) < 0) steps = dim_max(cx, steps, dim_int(cx, 0));
		loop_as_scan(l, steps, out);
	} else {
		loop_as_loop(l, limit ? limit : b_scalar_int(cx, I64, INT64_MAX), go, out);
	}
}

/* ---------------------------------------------------------------------------------------------------- unrolled */

/* The body again and again: its states may be sequences and optionals, of another form and with elements of other shapes in
 * each step. */
static void loop_unrolled(const Loop *l, int64_t most, const Val *go, const Val **out)
{
	const Node *n = l->n;
	Ctx *cx = n->cx;
	const Dim *one = dim_int(cx, 1);
	int n_args = 2 + l->n_states, n_ys = n->n_out > l->n_states ? n->n_out - l->n_states : 0;
	const int vector[] = {body_wants_vector(n, "body", 0), body_wants_vector(n, "body", 1)};
	enum { MAX_STACKED = 1 << 20 };
	if (n_ys * most > MAX_STACKED) node_fail(n, "an unrolled loop stacks more than %d values", MAX_STACKED);
	const Val **args = NEWN(cx->arena, const Val *, n_args), **ys = NEWN(cx->arena, const Val *, n_ys *most);
	copy_vals(args + 2, l->init, l->n_states);
	int64_t steps = 0;
	for (bool goes; steps < most; steps++) {
		if (!known_bool(cx, go, &goes))
			node_fail(
				n, "a condition that only run time knows, with sequences as states, is not supported");
		if (!goes) break;
		args[0] = b_reshape(cx, b_scalar_int(cx, I64, steps), vector[0], &one);
		args[1] = b_reshape(cx, b_scalar_int(cx, BOOL, 1), vector[1], &one);
		const Val *const *results;
		int n_results = node_inline(n, "body", steps, n_args, args, &results);
		if (n_results < 1 + l->n_states || n->n_out > n_results - 1)
			node_fail(n, "%d states and %d outputs, but the body gives %d results", l->n_states, n->n_out,
				n_results);
		go = condition(n, results[0], "the body's condition");
		copy_vals(args + 2, results + 1, l->n_states);
		for (int k = 0; k < n_ys; k++) {
			const Val *y = results[1 + l->n_states + k], **row = &ys[k * most];
			if (y->type->is_tuple) node_fail(n, "stacking sequences is not supported");
			row[steps] = b_unsqueeze(cx, y, 0);
			node_same_type(n, row[0]->type, row[steps]->type, "a stacked output in two steps");
		}
	}
	if (n_ys && !steps)
		node_fail(n, "stacking the outputs of no steps, with sequences as states, is not supported");
	for (int i = 0; i < n->n_out; i++)
		if (i < l->n_states) out[i] = args[2 + i];
		else if (steps == 1) out[i] = ys[(i - l->n_states) * most];
		else out[i] = b_concat(cx, (int)steps, &ys[(i - l->n_states) * most], 0);
}

/* The number of steps at most, where the loop has sequences or optionals as states and is short enough to be unrolled. */
static bool can_unroll(const Loop *l, const Val *limit, int64_t *most)
{
	enum { MAX_UNROLLED = 1024 };
	bool structured = false;
	const Dim *steps;
	for (int s = 0; s < l->n_states; s++) structured |= l->init[s]->type->is_tuple;
	if (!structured || !limit || !val_as_dims(l->n->cx, limit, 1, &steps) || !dim_is_int(steps, most)) return false;
	if (*most < 0) *most = 0;
	return *most <= MAX_UNROLLED;
}

static bool has_absent(const Loop *l)
{
	bool has = false;
	for (int s = 0; s < l->n_states; s++) has |= is_absent(l->init[s]);
	return has;
}

/* As a loop of the IR if that can be; sequences must only be appended to there. */
static bool fits_ir(Loop *l, const Val *limit, const Val *go, const Val **out)
{
	Ctx *cx = l->n->cx;
	Run *run = l->n->core->run;
	const char *loc = cx->loc;
	const int depth = run->depth, n_sizers = run->n_sizers;
	volatile bool fits = false;
	TRY (cx) {
		loop_in_ir(l, limit, go, out);
		fits = true;
	}
	if (fits) return true;
	if (run->restart) fail(cx, "%s", cx->error);
	cx->loc = loc;
	run->depth = depth;
	run->n_sizers = n_sizers;
	return false;
}

static void import_loop(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *limit = node_scalar(n, 0, "M"), *go = node_opt(n, 1);
	Loop l = {.n = n, .n_states = n->n_in > 2 ? n->n_in - 2 : 0, .init = n->in + 2};
	if (limit && !elem_is_int(limit->type->elem))
		node_fail(n, "input M: an integer wanted, %s seen", type_str(cx, limit->type));
	if (limit) limit = b_cast(cx, limit, I64);
	go = go ? condition(n, go, "input cond") : b_scalar_int(cx, BOOL, 1);
	for (int s = 0; s < l.n_states; s++) node_in(n, 2 + s, "v_initial");
	int64_t most;
	if (!can_unroll(&l, limit, &most)) {
		if (has_absent(&l)) node_fail(n, "an absent optional as a state: the limit M must be known, and small");
		loop_in_ir(&l, limit, go, out);
	} else if (has_absent(&l) || !fits_ir(&l, limit, go, out)) {
		loop_unrolled(&l, most, go, out);
	}
}

const Importer onnx_ops_loop[] = {
	{"", "Loop", 1, 0, "body", 0, -1, -1, import_loop},
	{.op = NULL},
};
