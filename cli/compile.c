/* compile.c: `rnncc compile`: a model to files of C. */
#include "cli/cli.h"
#include "codegen/codegen.h"
#include "runtime/file.h"

#include <stdio.h>
#include <string.h>

static void print_values(Ctx *cx, const char *kind, int n, const char *const *names, const Val *const *vals,
	const int *states, int n_states)
{
	for (int i = 0; i < n; i++) {
		bool is_state = false;
		for (int k = 0; k < n_states; k++) is_state |= states[k] == i;
		printf("  %-9s %s: %s%s\n", kind, printable(cx->arena, names[i]), type_str(cx, vals[i]->type),
			is_state ? ", in the state" : "");
	}
}

static void print_memory(Ctx *cx, const Compiled *c)
{
	printf("  weights   %s\n", human_bytes(cx->arena, c->weight_bytes));
	if (c->workspace_bytes < 0) {
		printf("  workspace depends on");
		for (int i = 0; i < c->n_dims; i++) printf("%s %s", i ? "," : "", c->dims[i]->name);
		printf(": %s_workspace_bytes() tells\n", c->name);
	} else printf("  workspace %s\n", human_bytes(cx->arena, c->workspace_bytes));
	if (c->has_step) printf("  step      yes, with a state of %s\n", human_bytes(cx->arena, c->state_bytes));
	else printf("  step      no: %s\n", c->no_step_reason ? c->no_step_reason : "not asked for");
}

static void print_summary(Ctx *cx, const Model *m, const Compiled *c, const char *dir)
{
	const Graph *g = c->graph;
	printf("%s:\n", printable(cx->arena, m->source_name));
	print_values(cx, "input", g->n_params, g->param_names, g->params, c->state_param, c->n_states);
	print_values(cx, "output", g->n_results, g->result_names, g->results, c->state_result, c->n_states);
	print_memory(cx, c);
	for (int i = 0; i < c->n_files; i++)
		printf("  wrote     %s, %s\n", printable(cx->arena, path_join(cx->arena, dir, c->files[i].name)),
			human_bytes(cx->arena, (int64_t)c->files[i].size));
}

static void print_more(Ctx *cx, const Model *m, const Compiled *c, const CompileOptions *co)
{
	printf("  SHA-256   %s\n  target    %s, -O%d\n", m->digest, co->target, co->opt);
	for (int i = 0; i < m->n_operators; i++)
		printf("%s %d %s", i ? "," : "  operators", m->operators[i].count, m->operators[i].name);
	putchar('\n');
	for (int i = 0; i < c->n_dims; i++) {
		const Sym *s = c->dims[i];
		printf("  size      %s: %s\n", s->name, sym_values(cx, s, ".."));
	}
}

/* Lines that a file of schedules may have, each of a kernel. */
static void print_schedules(Ctx *cx, const Compiled *c)
{
	for (int i = 0; i < c->n_kernels; i++) {
		const CompiledKernel *k = &c->kernels[i];
		if (!k->key) continue;
		Buf b;
		buf_init(&b, cx->arena);
		given_print(&b, k->schedule);
		printf("  schedule  %s  # %s\n", b.text, k->name);
	}
}

static int run(Ctx *cx, const Options *o)
{
	if (!o->output && !o->stop_after) {
		fprintf(stderr, "rnncc compile: -o DIR expected: where the files go\nTry `rnncc compile --help`.\n");
		return STATUS_USAGE;
	}
	const Model *m = load_model(cx, o, o->args[0]);
	CompileOptions co = options_compile(cx, o, m);
	Buf log;
	buf_init(&log, cx->arena);
	co.log = &log;
	co.describe = o->describe;
	co.detect_states = !o->no_detect_states;
	co.target = o->target ? o->target : "generic";
	if (o->tune) co.schedules = tune(cx, o, co.target);
	if (o->stop_after && !o->print_after) co.print_after = o->stop_after;
	const Compiled *volatile c = NULL;
	TRY (cx) { c = compile_graph(cx, m->graph, &co); }
	if (log.size) fwrite(log.text, 1, log.size, stderr); /* also, and most of all, when a pass failed */
	print_notes(cx);
	if (!c) fail(cx, "%s", cx->error);
	if (o->stop_after) return STATUS_OK;
	/* what may fail, before the first file: who is refused finds no half of the files */
	const char *verified = o->verify ? verify_build(cx, o, m, &co) : "";
	OutFile test = {0};
	if (o->self_test) test = self_test(cx, o, m, c);
	dir_create(cx, o->output);
	for (int i = 0; i < c->n_files; i++)
		file_write(cx, path_join(cx->arena, o->output, c->files[i].name), c->files[i].data, c->files[i].size);
	if (o->tune) {
		Buf text;
		buf_init(&text, cx->arena);
		schedules_print(&text, co.schedules);
		const char *path = path_join(cx->arena, o->output, arena_printf(cx->arena, "%s.schedule", c->name));
		file_write(cx, path, text.text, text.size);
		printf("  wrote     %s: %d kernels\n", printable(cx->arena, path), co.schedules->n);
	}
	if (o->self_test) file_write(cx, path_join(cx->arena, o->output, test.name), test.data, test.size);
	print_summary(cx, m, c, o->output);
	fputs(verified, stdout);
	if (o->verbose) {
		print_more(cx, m, c, &co);
		print_schedules(cx, c);
	}
	return STATUS_OK;
}

const Command command_compile = {
	.name = "compile",
	.flag = COMPILE,
	.operands = "MODEL -o DIR",
	.min_args = 1,
	.max_args = 1,
	.summary = "a model to C that stands alone",
	.details =
		"Compiles MODEL (.onnx, .rnn or .ir) to NAME.c and NAME.h in DIR, which is created.  The header describes the\n"
		"functions.  Prints the inputs, the outputs, what is kept as state, and how much memory a call needs.",
	.examples = "  rnncc compile vad.onnx -o generated\n"
		    "  rnncc compile vad.onnx -o generated --name vad --target x86-64-v3 --dim B=1 --bind sr=16000\n"
		    "  rnncc compile gru.onnx -o generated --state hn=h0 --dim T=1..4096\n"
		    "  rnncc compile gru.onnx -o generated --weights-dtype bf16 --verify --atol 0.01\n"
		    "  rnncc compile gru.onnx -o generated --target native --tune\n",
	.run = run,
};
