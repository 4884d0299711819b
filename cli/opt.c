/* opt.c: `rnncc opt`: runs passes on a graph and prints it as text. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const PrintOptions for_people = {.locations = true, .max_data = 16};
static const PrintOptions for_parsing = {.locations = false, .max_data = -1};

/* What two graphs may differ by where they compute the same in another order. */
static const Tolerance check_tolerance = {1e-4, 1e-5};

static void print_graph(Ctx *cx, FILE *to, const Graph *g, PrintOptions how)
{
	Buf text;
	buf_init(&text, cx->arena);
	graph_print(&text, g, how);
	fwrite(text.text, 1, text.size, to);
}

/* ---- --check ---- */

typedef struct {
	const Tensor **inputs;
	const Tensor **wanted; /* what the graph gave before any pass */
} Check;

static const Tensor **evaluate(Ctx *cx, const Graph *g, const Tensor *const *inputs)
{
	Session *s = session_open(cx, g, NULL, &(SessionOptions){.via = VIA_INTERPRET});
	const Tensor **outputs = NEWN(cx->arena, const Tensor *, g->n_results);
	session_run(s, cx->arena, inputs, NULL, outputs, NULL);
	return outputs;
}

static Check check_start(Ctx *cx, const Options *o, const Graph *g)
{
	const Tensor **inputs =
		inputs_random(cx, o, session_open(cx, g, NULL, &(SessionOptions){.via = VIA_INTERPRET}), NULL);
	return (Check){inputs, evaluate(cx, g, inputs)};
}

static void check_pass(Ctx *cx, const Check *check, const char *pass, const Graph *g)
{
	const Tensor **seen = evaluate(cx, g, check->inputs);
	for (int i = 0; i < g->n_results; i++) {
		const char *reason = compare_tensors(cx, seen[i], check->wanted[i], check_tolerance).reason;
		if (reason) fail(cx, "pass '%s' changed result '%s': %s", pass, g->result_names[i], reason);
	}
}

/* ---- passes ---- */

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static bool wants_dump(const Options *o, const char *pass, bool changed)
{
	return o->print_after &&
		(!strcmp(o->print_after, "all") || !strcmp(o->print_after, pass) ||
			(!strcmp(o->print_after, "change") && changed));
}

static const Graph *run_passes(Ctx *cx, const Options *o, const Graph *g)
{
	Check check = {0};
	if (o->check) check = check_start(cx, o, g);
	char *rest = arena_printf(cx->arena, "%s", o->pass ? o->pass : "");
	for (const char *pass; rest && (pass = strsep(&rest, ","));) {
		if (!*pass) continue;
		const double start = now_ms();
		const Graph *after = pass_run(cx, pass, g);
		if (o->time) fprintf(stderr, "%-10s %8.2f ms\n", pass, now_ms() - start);
		if (o->verify_each) graph_verify(cx, after);
		if (wants_dump(o, pass, after != g)) {
			fprintf(stderr, "# after %s\n", pass);
			print_graph(cx, stderr, after, for_people);
		}
		g = after;
		if (o->check) check_pass(cx, &check, pass, g);
		if (o->stop_after && !strcmp(o->stop_after, pass)) break;
	}
	return g;
}

static int run(Ctx *cx, const Options *o)
{
	const Model *m = load_model(cx, o, o->args[0]);
	const Graph *g = run_passes(cx, o, m->graph);
	print_notes(cx);
	print_graph(cx, stdout, g, for_parsing);
	return STATUS_OK;
}

const Command command_opt = {
	.name = "opt",
	.flag = OPT,
	.operands = "MODEL",
	.min_args = 1,
	.max_args = 1,
	.summary = "run passes on a graph and print it",
	.details =
		"Runs the passes of --pass on MODEL (.onnx, or .ir as this command prints it) and prints the graph as text,\n"
		"which parses back.  What --print-after and --time say goes to standard error.",
	.examples = "  rnncc opt model.onnx\n"
		    "  rnncc opt model.onnx --pass inline,canon,hoist --check > hoisted.ir\n"
		    "  rnncc opt hoisted.ir --pass merge --print-after change\n",
	.run = run,
};
