/* generate.c: a cell that is fed what it chose.
 *
 *     generate cell start A stop B max n greedy     a loop (loop.c) with the cell in it: the argmax of its first result is its next
 *     input.  What it gives ends before the first stop and has a length of its own: min(n, rounds), for each example.
 *
 * beam.c has the form that keeps several sequences.
 */
#include "frontend/lang/model.h"

#include <string.h>

static const Node *option(const Node *node, const char *name)
{
	for (int i = 1; i < node->n; i++)
		if (node->names[i] && !strcmp(node->names[i], name)) return node->kids[i];
	return NULL;
}

static Value token(Elab *e, const Node *node, const char *what)
{
	Value v = elab_expr(e, node), t = model_integer(e, &v, what);
	if (t.lay->n) fail(e->cx, "%s must be one class, this is %s", what, value_str_of(e, &t));
	return model_spread(e, &t);
}

static void read_options(Elab *e, const Node *node, Generating *g)
{
	Ctx *cx = e->cx;
	const Node *start = option(node, "start"), *stop = option(node, "stop"), *max = option(node, "max");
	if (!start) fail(cx, "generate wants a first input: generate cell start A ...");
	if (!max) fail(cx, "generate wants a bound: generate cell start A max n ...");
	const bool checked = e->model->training; /* a train block only has its names and shapes checked */
	if (option(node, "sample") && !checked) fail(cx, "generate: sampling is not supported; greedy and beam K are");
	const int n_ways =
		(option(node, "beam") != NULL) + (option(node, "greedy") != NULL) + (option(node, "sample") != NULL);
	if (n_ways != 1) fail(cx, "generate wants one way to choose: greedy, or beam K");
	if (option(node, "lenpen") && !option(node, "beam")) fail(cx, "lenpen is of beam K: greedy keeps one sequence");
	g->start = token(e, start, "the first input");
	g->stop = stop ? token(e, stop, "the token that stops") : (Value){.kind = V_NONE};
	/* the bound of the array, in sizes; then that of each example, in lengths */
	e->model->sizes_only = true;
	Value size = elab_expr(e, max);
	e->model->sizes_only = false;
	Value limit = elab_expr(e, max);
	if (size.kind == V_AXIS && !stop) g->axis = size.axis; /* as many as there are elements */
	else {
		Axis *a = NEW(cx->arena, Axis);
		*a = (Axis){.name = "steps", .generated = true, .born = {e->at.src, max->start, max->end}};
		a->root = a;
		a->size = size.kind == V_AXIS ? size.axis->size : value_as_dim(e, &size, "the bound of generate");
		g->axis = a;
	}
	if (dim_lo(g->axis->size) < 0) fail(cx, "the bound of generate may be negative: %s", value_str_of(e, &size));
	Value n = model_integer(e, &limit, "the bound of generate");
	g->limit = model_spread(e, &n);
}

Value generated(Elab *e, const Generating *g, const Val *rounds, const Value *length)
{
	const Axis *axis = g->axis;
	if (axis->generated) { /* what was given is real */
		Axis *a = NEW(e->cx->arena, Axis);
		*a = *axis;
		a->root = a;
		a->lengths = arena_copy(e->cx->arena, length, sizeof *length);
		axis = a;
	}
	return model_axis_from_first(e, rounds, axis, length->lay->over, 0, NULL);
}

static Value greedy(Elab *e, const Node *node, CellUse *u, const Generating *g)
{
	Ctx *cx = e->cx;
	const FnDecl *d = u->fn->decl;
	int n = d->n_states;
	Looping *l = looping_new(e, n + 2, d->name);
	cell_use_enter(e, u);
	Value states[MAX_RESULTS], zero = value_num(0);
	for (int i = 0; i < n; i++) {
		Value initial = cell_use_state(e, u, i);
		states[i] = looping_carry(e, l, i, d->states[i]->text, &initial);
	}
	/* the input, how many were given, and whether it goes on */
	Value none = model_integer(e, &zero, ""), count0 = model_spread(e, &none);
	Value input = looping_carry(e, l, n, "token", &g->start), count = looping_carry(e, l, n + 1, "count", &count0);
	Value first = value_binary(e, OP_EW_lt, &count0, &g->limit);
	first = model_spread(e, &first);
	Value runs = looping_carry(e, l, n + 2, "runs", &first);

	Value ys[2 * MAX_RESULTS], next[MAX_RESULTS];
	int n_ys;
	cell_use_run(e, u, 1, &input, states, &n_ys, ys, next);
	cell_use_leave(e, u);
	Value scores = n_ys ? ys[0] : next[0];
	Value chosen = model_argmax(e, &scores, "what generate chooses from");
	if (chosen.lay->n) fail(cx, "generate chooses one class a step, %s gives %s", d->name, layout_str(e, &scores));
	Value one = value_num(1), more = value_binary(e, OP_EW_add, &count, &one), go_on = runs;
	if (g->stop.kind != V_NONE) {
		Value real = value_binary(e, OP_EW_ne, &chosen, &g->stop);
		go_on = value_binary(e, OP_EW_and, &runs, &real);
	}
	for (int i = 0; i < n; i++) l->next[i] = model_select(e, &go_on, &next[i], &states[i]).val;
	Value next_count = model_select(e, &go_on, &more, &count), fed = model_select(e, &go_on, &chosen, &input);
	Value given = model_select(e, &go_on, &chosen, &none);
	Value room = value_binary(e, OP_EW_lt, &next_count, &g->limit);
	l->next[n] = model_spread(e, &fed).val;
	l->next[n + 1] = model_spread(e, &next_count).val;
	go_on = value_binary(e, OP_EW_and, &go_on, &room);
	l->next[n + 2] = model_spread(e, &go_on).val;
	given = model_spread(e, &given);
	l->ys[l->n_ys++] = given.val;

	const Val *tuple = looping_close(e, l, g->axis->size);
	Value length = model_tensor(e, val_get(cx, tuple, 1 + n + 1), count.lay->over, 0, NULL);
	Value out = generated(e, g, val_get(cx, tuple, 1 + n + 3), &length);
	out.classes = chosen.classes;
	if (!e->model->training) return out;
	Value results[2] = {out, model_float(e, &out, "")}; /* with sample: the tokens and their log probabilities */
	return as_results(e, node, 2, results);
}

static double option_number(Elab *e, const Node *value, const char *what, double lo, double hi)
{
	Value v = elab_expr(e, value);
	if (v.kind != V_NUM || !(v.num >= lo && v.num <= hi))
		fail(e->cx, "%s wants a number from %g to %g, this is %s", what, lo, hi, value_str_of(e, &v));
	return v.num;
}

Value model_generate(Elab *e, const Node *node)
{
	enum { MAX_BEAM = 64 };
	Generating *g = NEW(e->cx->arena, Generating);
	CellUse *u = cell_use_new(e, node);
	read_options(e, node, g);
	const FnDecl *d = u->fn->decl;
	if (d->n_inputs != 1) fail(e->cx, "generate feeds one input back, %s has %d", d->name, d->n_inputs);
	const Node *beam = option(node, "beam"), *penalty = option(node, "lenpen");
	if (!beam) return greedy(e, node, u, g);
	Value width = elab_expr(e, beam);
	int64_t k = size_number(e, &width, "the number of sequences of beam");
	if (k > MAX_BEAM) fail(e->cx, "beam keeps at most %d sequences, this is %lld", MAX_BEAM, (long long)k);
	return beam_search(e, node, u, g, k, penalty ? option_number(e, penalty, "lenpen", 0, 10) : 0);
}
