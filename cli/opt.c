/* opt.c: `rnncc opt`: runs passes on a graph and prints it as text. */
#include "cli/cli.h"
#include "passes/pipeline.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const PrintOptions for_people = {.locations = true, .max_data = 16};
static const PrintOptions for_parsing = {.locations = false, .max_data = -1};

static void print_graph(Ctx *cx, FILE *to, const Graph *g, PrintOptions how)
{
	Buf text;
	buf_init(&text, cx->arena);
	graph_print(&text, g, how);
	fwrite(text.text, 1, text.size, to);
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
	Check *check = o->check ? check_new(cx, g) : NULL;
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
		if (check) check_after(cx, check, pass, g);
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
