/* test_golden.c: graph text in, pass, graph text out, exactly.
 *
 * tests/golden/PASS/NAME.ir holds a graph, a line `===`, and the text that the pass gives.  Two folders are no passes:
 * `none` only reads, verifies and prints; in `errors` the text after `===` is the message that reading gives.  Whatever
 * a pass gives is verified, and its text must read back and print the same.
 */
#include "ir/ir.h"
#include "passes/passes.h"

#include "golden.h"

static char *print(Arena *arena, const Graph *g)
{
	Buf b;
	buf_init(&b, arena);
	graph_print(&b, g, (PrintOptions){.max_data = -1});
	return b.text;
}

static const Graph *parse(Ctx *cx, const char *text, const char *name)
{
	const Graph *g = graph_parse(cx, text, name);
	graph_verify(cx, g);
	return g;
}

static const Graph *run_pass(Ctx *cx, const char *pass, const Graph *g)
{
	if (strcmp(pass, "none") == 0) return g;
	g = pass_run(cx, pass, g);
	graph_verify(cx, g);
	return g;
}

/* What comes out for the text: a graph's text, or an error message. */
static const char *outcome(Arena *arena, const char *pass, const char *name, const char *input)
{
	Ctx *cx = ctx_new();
	const char *volatile result = NULL;
	bool wants_error = strcmp(pass, "errors") == 0;
	TRY (cx) {
		const Graph *g = parse(cx, input, name);
		const char *text = wants_error ? "no error\n" : print(arena, run_pass(cx, pass, g));
		result = text;
	} else {
		result = arena_printf(arena, wants_error ? "%s\n" : "error: %s\n", cx->error);
	}
	ctx_free(cx);
	if (wants_error || strncmp(result, "error: ", 7) == 0) return result;

	Ctx *again = ctx_new();
	TRY (again) {
		const char *text = print(arena, parse(again, result, "output"));
		if (strcmp(text, result) != 0)
			result = arena_printf(arena, "error: printed again, the text differs:\n%s", text);
	} else {
		result = arena_printf(arena, "error: the output does not read back: %s\n%s", again->error, result);
	}
	ctx_free(again);
	return result;
}

Test(golden, files) { check_goldens("tests/golden/*/*.ir", outcome); }
