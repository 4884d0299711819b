/* states.c: states that a model feeds back through its own inputs and outputs.
 *
 * --state OUT=IN says so; pairs beyond doubt are found by name and type and always reported.  The graph is then rebuilt with
 * the states' params and results last, as programs with state want it.
 */
#include "passes/pipeline.h"

#include <ctype.h>
#include <string.h>

static int find_name(int n, const char *const *names, const char *want)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], want) == 0) return i;
	return -1;
}

static void add_pair(Ctx *cx, const Graph *g, Pairs *ps, int result, int param)
{
	if (g->results[result]->type != g->params[param]->type)
		fail(cx, "--state %s=%s: the types differ, %s and %s", g->result_names[result], g->param_names[param],
			type_str(cx, g->results[result]->type), type_str(cx, g->params[param]->type));
	if (!type_is_static(g->params[param]->type))
		fail(cx, "--state %s=%s: %s has dims that are not fixed; fix them with --dim NAME=N",
			g->result_names[result], g->param_names[param], type_str(cx, g->params[param]->type));
	for (int i = 0; i < ps->n; i++)
		if (ps->param[i] == param || ps->result[i] == result)
			fail(cx, "--state %s=%s: bound twice", g->result_names[result], g->param_names[param]);
	ps->param[ps->n] = param;
	ps->result[ps->n++] = result;
}

/* The name without what says "before" or "after": h0, h_in, hidden_prev, hn, state_out, stateN -> h, hidden, state. */
static const char *stem(Ctx *cx, const char *name)
{
	static const char *const ends[] = {"_input", "_output", "_in", "_out", "_prev", "_next", "_new", "_old", "_0",
		"_n", "input", "output", "in", "out", "prev", "next", "new", "old", "0", "n"};
	char *text = arena_printf(cx->arena, "%s", name);
	for (char *p = text; *p; p++) *p = (char)tolower((unsigned char)*p);
	size_t len = strlen(text);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		size_t n = strlen(ends[i]);
		if (len > n && strcmp(text + len - n, ends[i]) == 0) {
			text[len - n] = 0;
			break;
		}
	}
	return text;
}

/* A pair is beyond doubt when name stems and types agree and neither fits another. */
static void detect_pairs(Ctx *cx, const Graph *g, Pairs *ps)
{
	for (int r = 0; r < g->n_results; r++) {
		int found = -1, n = 0, rivals = 0;
		const char *want = stem(cx, g->result_names[r]);
		for (int p = 0; p < g->n_params; p++) {
			bool fits = g->params[p]->type == g->results[r]->type && type_is_static(g->params[p]->type) &&
				strcmp(stem(cx, g->param_names[p]), want) == 0 &&
				strcmp(g->param_names[p], g->result_names[r]) != 0;
			found = fits ? p : found;
			n += fits;
		}
		for (int q = 0; q < g->n_results; q++) rivals += strcmp(stem(cx, g->result_names[q]), want) == 0;
		bool plain = found >= 0 && strcmp(want, "") != 0 && strcmp(want, "x") != 0 && strcmp(want, "y") != 0;
		bool io = strcmp(want, "input") == 0 || strcmp(want, "output") == 0 || strcmp(want, "in") == 0 ||
			strcmp(want, "out") == 0;
		for (int i = 0; i < ps->n; i++) plain &= ps->param[i] != found && ps->result[i] != r;
		if (n == 1 && rivals == 1 && plain && !io) {
			add_pair(cx, g, ps, r, found);
			note(cx,
				"state: output '%s' feeds input '%s' (detected; --no-detect-states to keep them apart)",
				g->result_names[r], g->param_names[found]);
		}
	}
}

Pairs find_pairs(Ctx *cx, const Graph *g, const CompileOptions *o)
{
	Pairs ps = {.param = NEWN(cx->arena, int, g->n_params), .result = NEWN(cx->arena, int, g->n_params)};
	for (int i = 0; i < o->n_states; i++) {
		int r = find_name(g->n_results, g->result_names, o->state_outs[i]),
		    p = find_name(g->n_params, g->param_names, o->state_ins[i]);
		if (r < 0 || p < 0)
			fail(cx, "--state %s=%s: the model has no %s '%s'", o->state_outs[i], o->state_ins[i],
				r < 0 ? "output" : "input", r < 0 ? o->state_outs[i] : o->state_ins[i]);
		add_pair(cx, g, &ps, r, p);
	}
	if (o->detect_states) detect_pairs(cx, g, &ps);
	return ps;
}

static bool in_list(int n, const int *list, int x)
{
	for (int i = 0; i < n; i++)
		if (list[i] == x) return true;
	return false;
}

/* The same graph with the states' params and results last. */
const Graph *states_last(Ctx *cx, const Graph *g, const Pairs *ps, const char **names)
{
	const Val **params = NEWN(cx->arena, const Val *, g->n_params),
		  **results = NEWN(cx->arena, const Val *, g->n_results);
	const char **pn = NEWN(cx->arena, const char *, g->n_params),
		   **rn = NEWN(cx->arena, const char *, g->n_results);
	const Val **moved = NEWN(cx->arena, const Val *, g->n_params);
	int n = 0, m = 0;
	for (int i = 0; i < g->n_params; i++)
		if (!in_list(ps->n, ps->param, i)) {
			pn[n] = g->param_names[i];
			moved[i] = params[n] = val_param(cx, n, g->params[i]->type);
			n++;
		}
	for (int k = 0; k < ps->n; k++) {
		int i = ps->param[k];
		names[k] = pn[n] = g->param_names[i];
		moved[i] = params[n] = val_param(cx, n, g->params[i]->type);
		n++;
	}
	const Val **spliced = NEWN(cx->arena, const Val *, g->n_results);
	graph_splice(cx, g, moved, spliced);
	for (int i = 0; i < g->n_results; i++)
		if (!in_list(ps->n, ps->result, i)) {
			rn[m] = g->result_names[i];
			results[m++] = spliced[i];
		}
	for (int k = 0; k < ps->n; k++) {
		rn[m] = g->result_names[ps->result[k]];
		results[m++] = spliced[ps->result[k]];
	}
	return graph_new(cx, g->name, n, params, pn, m, results, rn);
}
