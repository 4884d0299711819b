/* passes.c: the graph passes by name: what `rnncc opt` and the golden tests run.  Those after
 * `merge` make another graph: they run where an option asks for them. */
#include "passes/passes.h"

#include <string.h>

static const Graph *run_step(Ctx *cx, const Graph *g)
{
	Step step = pass_step(cx, g);
	if (!step.graph) fail(cx, "there is no step: %s", step.reason);
	return step.graph;
}

static const Graph *run_steps(Ctx *cx, const Graph *g)
{
	Step step = pass_step(cx, g);
	if (!step.chunk) fail(cx, "there are no steps: %s", step.reason);
	return step.chunk;
}

static const Graph *narrow_bf16(Ctx *cx, const Graph *g) { return pass_narrow(cx, g, BF16); }

static const Graph *narrow_f16(Ctx *cx, const Graph *g) { return pass_narrow(cx, g, F16); }

static const Graph *narrow_i8(Ctx *cx, const Graph *g) { return pass_narrow(cx, g, I8); }

static const struct {
	const char *name;
	const Graph *(*run)(Ctx *, const Graph *);
} passes[] = {{"inline", pass_inline}, {"canon", pass_canon}, {"trim", pass_trim}, {"hoist", pass_hoist},
	{"merge", pass_merge}, {"widen", pass_widen}, {"narrow_bf16", narrow_bf16}, {"narrow_f16", narrow_f16},
	{"narrow_i8", narrow_i8}, {"quantise", pass_quantise}, {"pairs", pass_pairs}, {"products", pass_products},
	{"carry", pass_carry}, {"step", run_step}, {"steps", run_steps}, {"guards", pass_guards},
	{"gradient", pass_gradient}};

const char *const pass_names[] = {"inline", "canon", "trim", "hoist", "merge", NULL};

const Graph *pass_run(Ctx *cx, const char *name, const Graph *g)
{
	Buf known;
	buf_init(&known, cx->arena);
	for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
		if (strcmp(passes[i].name, name) == 0) return passes[i].run(cx, g);
		buf_printf(&known, "%s%s", i ? ", " : "", passes[i].name);
	}
	fail(cx, "there is no pass '%s'; there are %s", name, known.text);
}
