/* eval_text.h: interpreter tests as IR text.
 *
 * A test is text that computes %y and states %want, usually as a constant; with several results %y2, %want2 and so on.
 */
#ifndef EVAL_TEXT_H
#define EVAL_TEXT_H

#include "ir/ir.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { MAX_RESULTS = 8 };

typedef struct {
	Ctx *cx;
	Eval e;
} Bench;

static inline Bench bench_new(void)
{
	Bench b = {.cx = ctx_new()};
	b.e = (Eval){.cx = b.cx, .arena = b.cx->arena};
	dimenv_init(&b.e.env, b.cx->arena);
	return b;
}

/* Appends the parts of a ';' list, each through a format with the part and its number. */
static inline int each_part(Bench *b, Buf *out, const char *list, const char *first, const char *next)
{
	int n = 0;
	while (*list) {
		const size_t size = strcspn(list, ";");
		const char *part = arena_strn(b->cx->arena, list, size);
		buf_puts(out, n ? ", " : "");
		const char *number = n ? arena_printf(b->cx->arena, "%d", n + 1) : "";
		for (const char *p = n ? next : first; *p; p++) {
			if (*p == '@') buf_puts(out, part);
			else if (*p == '#') buf_puts(out, number);
			else buf_write(out, p, 1);
		}
		n++;
		list += size + (list[size] == ';');
	}
	return n;
}

/* The graph with the parameters, and a pair of results (%y, %want) of each of the types. */
static inline const Graph *make_graph(Bench *b, const char *params, const char *types, const char *lines)
{
	const char *header = params && strncmp(params, "dim ", 4) == 0 ? params : "";
	const size_t n_header = strcspn(header, "\n");
	if (*header) params = header + n_header + (header[n_header] == '\n');
	Buf text;
	buf_init(&text, b->cx->arena);
	buf_write(&text, header, n_header);
	buf_printf(&text, "\ngraph @t(%s) -> (", params ? params : "");
	each_part(b, &text, types, "%y: @, %want: @", "%y#: @, %want#: @");
	buf_printf(&text, ") {\n%s\nreturn ", lines);
	Buf values;
	buf_init(&values, b->cx->arena);
	each_part(b, &values, types, "%y %want", "%y# %want#");
	for (const char *p = values.text; p && *p; p++) buf_write(&text, *p == ',' ? " " : p, 1);
	buf_puts(&text, "\n}\n");
	const Graph *g = graph_parse(b->cx, text.text, "t.ir");
	graph_verify(b->cx, g);
	return g;
}

/* A list of constants, "f32[2] {1, 2}; bool[] {1}", as tensors. */
static inline void read_inputs(Bench *b, const char *list, const Tensor **inputs)
{
	int n = 0;
	while (list && *list) {
		const size_t size = strcspn(list, ";");
		const char *one = arena_strn(b->cx->arena, list, size);
		const char *type = arena_strn(b->cx->arena, one, strcspn(one, "{"));
		const char *text =
			arena_printf(b->cx->arena, "graph @in() -> (%%x: %s) { %%x = const %s return %%x }", type, one);
		inputs[n++] = val_attr(graph_parse(b->cx, text, "input")->results[0], A_DATA)->tensor;
		list += size + (list[size] == ';');
	}
}

static inline bool same_tensor(const Tensor *x, const Tensor *y)
{
	if (x->elem != y->elem || x->rank != y->rank || x->count != y->count) return false;
	for (int i = 0; i < x->rank; i++)
		if (x->dims[i] != y->dims[i]) return false;
	for (int64_t i = 0; i < x->count; i++) {
		const double p = tensor_get(x, i), q = tensor_get(y, i);
		if (tensor_get_int(x, i) != tensor_get_int(y, i)) return false;
		if (isnan(p) ? !isnan(q) : p != q || signbit(p) != signbit(q)) return false;
	}
	return true;
}

static inline const char *show(Bench *b, const Tensor *t)
{
	Buf out;
	buf_init(&out, b->cx->arena);
	buf_printf(&out, "%s[", elem_info[t->elem].name);
	for (int i = 0; i < t->rank; i++) buf_printf(&out, "%s%lld", i ? ", " : "", (long long)t->dims[i]);
	buf_puts(&out, "] {");
	for (int64_t i = 0; i < t->count && i < 100; i++) buf_printf(&out, "%s%.9g", i ? ", " : "", tensor_get(t, i));
	buf_puts(&out, "}");
	return out.text;
}

static inline void expect_on(const char *params, const char *inputs, const char *types, const char *lines)
{
	Bench b = bench_new();
	volatile bool done = false;
	TRY (b.cx) {
		const Graph *g = make_graph(&b, params, types, lines);
		const Tensor *in[MAX_RESULTS], *out[2 * MAX_RESULTS];
		read_inputs(&b, inputs, in);
		eval_graph(&b.e, g, in, out);
		for (int i = 0; i < g->n_results; i += 2)
			cr_expect(same_tensor(out[i], out[i + 1]), "%s\nwanted %s\nseen   %s", lines,
				show(&b, out[i + 1]), show(&b, out[i]));
		done = true;
	}
	cr_expect(done, "%s\nin: %s", b.cx->error, lines);
	ctx_free(b.cx);
}

static inline void expect(const char *types, const char *lines) { expect_on(NULL, NULL, types, lines); }

/* A type rule or an evaluation that fails with that message. */
static inline void refuse_on(
	const char *params, const char *inputs, const char *types, const char *lines, const char *message)
{
	Bench b = bench_new();
	volatile bool done = false;
	TRY (b.cx) {
		const Graph *g = make_graph(&b, params, types, lines);
		const Tensor *in[MAX_RESULTS], *out[2 * MAX_RESULTS];
		read_inputs(&b, inputs, in);
		eval_graph(&b.e, g, in, out);
		done = true;
	} else {
		cr_expect(strstr(b.cx->error, message), "wanted %s\nseen   %s", message, b.cx->error);
	}
	cr_expect_not(done, "wrongly accepted: %s", lines);
	ctx_free(b.cx);
}

static inline void refuse(const char *lines, const char *message)
{
	Arena *arena = arena_new();
	refuse_on(NULL, NULL, "f32[]", arena_printf(arena, "%s %%want = const f32[] {0}", lines), message);
	arena_free(arena);
}

/* The same with %x = [[1, 2, 3], [4, 5, 6]]. */
#define X23 "%x = const f32[2, 3] {1, 2, 3, 4, 5, 6}\n"

static inline void expect_x(const char *type, const char *lines)
{
	Arena *arena = arena_new();
	expect(type, arena_printf(arena, "%s%s", X23, lines));
	arena_free(arena);
}

static inline void refuse_x(const char *lines, const char *message)
{
	Arena *arena = arena_new();
	refuse(arena_printf(arena, "%s%s", X23, lines), message);
	arena_free(arena);
}

#endif
