/* selftest.c: NAME_test.c, which calls the generated C with stored inputs and compares with stored outputs.
 *
 *     cc -std=c99 NAME.c NAME_test.c -lm -o test && ./test
 * Each stored call is one test.  A model with NAME_run and NAME_step is also run step by step over the same sequence, which
 * must give the same; where its inputs decide the initial state there is no such test, as a step begins with a reset.
 * The program shows how the interface is used, so it goes through the header and not through NAME_call.
 */
#include "codegen/selftest.h"
#include "codegen/codegen.h"
#include "codegen/emit.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

typedef struct {
	Ctx *cx;
	const Compiled *c;
	const SelfTest *test;
	bool used[N_ELEMS]; /* element types that are compared */
	Writer w;
} Printer;

static const char *quoted(Ctx *cx, const char *text)
{
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "\"");
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		buf_printf(&b, isalnum(*p) || strchr(" _-./:,'", *p) ? "%c" : "\\%03o", *p);
	buf_puts(&b, "\"");
	return b.text;
}

static const EntryPoint *entry_of(const Compiled *c) { return c->has_run ? &c->run : &c->step; }

/* ---- what the program begins with ---- */

static void print_compare_float(Printer *pr, const char *name, const char *ctype, const char *as_double)
{
	Writer *w = &pr->w;
	line(w, "static int near_%s(const char *what, const %s *seen, const %s *wanted, size_t n)", name, ctype, ctype);
	open_block(w, "%s", "");
	open_block(w, "for (size_t i = 0; i < n; i++)");
	line(w, "const double a = %s(seen[i]), b = %s(wanted[i]), error = fabs(a - b);", as_double, as_double);
	line(w, "if (a == b || (a != a && b != b) || (error <= %.17g + %.17g * fabs(b) && error - error == 0))",
		pr->test->atol, pr->test->rtol);
	line(w, "\tcontinue;");
	line(w, "printf(\"  %%s: element %%lu is %%.9g, %%.9g wanted\\n\", what, (unsigned long)i, a, b);");
	line(w, "return 0;");
	close_block(w);
	line(w, "return 1;");
	close_block(w);
	line(w, "%s", "");
}

static void print_half(Writer *w, const char *name, int exponent_bits)
{
	const int mantissa_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
	line(w, "static double from_%s(uint16_t bits)", name);
	open_block(w, "%s", "");
	line(w, "const int exponent = bits >> %d & %d, mantissa = bits & %d;", mantissa_bits, (1 << exponent_bits) - 1,
		(1 << mantissa_bits) - 1);
	line(w, "double value = ldexp((exponent ? %d : 0) + mantissa, (exponent ? exponent : 1) - %d);",
		1 << mantissa_bits, bias + mantissa_bits);
	line(w, "if (exponent == %d)", (1 << exponent_bits) - 1);
	line(w, "\tvalue = mantissa ? NAN : INFINITY;");
	line(w, "return bits >> 15 ? -value : value;");
	close_block(w);
	line(w, "%s", "");
}

static void print_helpers(Printer *pr)
{
	Writer *w = &pr->w;
	bool exact = false;
	for (int e = 0; e < N_ELEMS; e++) {
		if (!pr->used[e]) continue;
		const char *name = elem_info[e].name;
		const bool is_exact = !elem_is_float((Elem)e) || elem_is_storage((Elem)e);
		exact |= is_exact;
		if (elem_is_narrow((Elem)e) && !is_exact) print_half(w, name, narrow_format((Elem)e)->exponent);
		if (!is_exact)
			print_compare_float(pr, name, elem_info[e].ctype,
				elem_is_narrow((Elem)e) ? arena_printf(pr->cx->arena, "from_%s", name) : "(double)");
	}
	if (!exact) return;
	line(w, "static int same(const char *what, const void *seen, const void *wanted, size_t bytes)");
	open_block(w, "%s", "");
	line(w, "if (memcmp(seen, wanted, bytes) == 0)");
	line(w, "\treturn 1;");
	line(w, "printf(\"  %%s: differs\\n\", what);");
	line(w, "return 0;");
	close_block(w);
	line(w, "%s", "");
}

static void print_blob_loader(Printer *pr)
{
	Writer *w = &pr->w;
	const char *name = pr->c->name;
	line(w, "static %s_weights weights;\n", name);
	line(w, "static int load(const char *path)");
	open_block(w, "%s", "");
	line(w, "const size_t most = (size_t)64 + %s_WEIGHTS_BYTES;", pr->c->upper);
	line(w, "unsigned char *memory = malloc(most + 1 + 64);");
	line(w, "FILE *file = fopen(path, \"rb\");");
	line(w, "if (!memory || !file)");
	line(w, "\treturn -1;");
	line(w, "unsigned char *blob = memory + (64 - (uintptr_t)memory %% 64);");
	line(w, "const size_t size = fread(blob, 1, most, file);");
	line(w, "fclose(file);");
	line(w, "return %s_load(&weights, blob, size);", name);
	close_block(w);
	line(w, "%s", "");
}

/* ---- one call ---- */

/* An array in C: where elements share bytes, of the bytes. */
static const char *array_type(Elem elem) { return elem_info[elem].bits < 8 ? "uint8_t" : elem_info[elem].ctype; }
static int64_t array_size(Elem elem, int64_t n) { return elem_info[elem].bits < 8 ? packed_bytes(elem, n) : n; }

static void print_arrays(Printer *pr, int k)
{
	const SelfTestCall *call = &pr->test->calls[k];
	const Graph *g = entry_of(pr->c)->graph;
	Arena *a = pr->cx->arena;
	for (int i = 0; i < g->n_params; i++)
		if (call->inputs[i])
			array_print(&pr->w.buf, arena_printf(a, "input_%d_%d", k, i), "",
				tensor_packed(a, call->inputs[i]));
	for (int i = 0; i < g->n_results; i++)
		if (call->wanted[i])
			array_print(&pr->w.buf, arena_printf(a, "wanted_%d_%d", k, i), "",
				tensor_packed(a, call->wanted[i]));
}

/* How many elements result i has in call k. */
static int64_t result_count(Printer *pr, const Type *t, const EntryPoint *entry, const int64_t *values)
{
	DimEnv env;
	dimenv_init(&env, pr->cx->arena);
	for (int i = 0; i < entry->n_dims; i++) dimenv_set(&env, entry->dims[i], values[i]);
	return dim_eval(pr->cx, type_count(pr->cx, t), &env);
}

static void print_compare(Printer *pr, const char *what, Elem elem, const char *seen, const char *wanted, int64_t count)
{
	if (elem_is_float(elem) && !elem_is_storage(elem))
		line(&pr->w, "ok &= near_%s(%s, %s, %s, %" PRId64 ");", elem_info[elem].name, quoted(pr->cx, what),
			seen, wanted, count);
	else
		line(&pr->w, "ok &= same(%s, %s, %s, %" PRId64 ");", quoted(pr->cx, what), seen, wanted,
			packed_bytes(elem, count));
}

static void print_dims(Printer *pr, const EntryPoint *entry, const int64_t *values)
{
	for (int i = 0; i < entry->n_dims; i++) {
		line(&pr->w, "const int64_t %s = %" PRId64 ";", dim_name(pr->cx, entry->dims[i]), values[i]);
		line(&pr->w, "(void)%s;", dim_name(pr->cx, entry->dims[i])); /* a bound workspace may not need it */
	}
}

static void print_workspace(Printer *pr, const EntryPoint *entry)
{
	line(&pr->w, "unsigned char *memory = malloc((size_t)(%s) + %s_ALIGN);", entry->workspace, pr->c->upper);
	line(&pr->w, "if (!memory)");
	line(&pr->w, "\treturn 0;");
	line(&pr->w, "void *workspace = memory + (%s_ALIGN - (uintptr_t)memory %% %s_ALIGN);", pr->c->upper,
		pr->c->upper);
}

/* The call's own arguments, in the order of the header. */
static const char *arguments(Printer *pr, const EntryPoint *entry, bool state, const char *const *inputs)
{
	Buf b;
	buf_init(&b, pr->cx->arena);
	if (pr->c->weights == WEIGHTS_BLOB) buf_puts(&b, "&weights, ");
	for (int i = 0; i < entry->n_dims; i++) buf_printf(&b, "%s, ", dim_name(pr->cx, entry->dims[i]));
	if (state) buf_puts(&b, "&state, ");
	for (int i = 0; i < entry->graph->n_params - entry->n_states; i++) buf_printf(&b, "%s, ", inputs[i]);
	for (int i = 0; i < entry->graph->n_results - entry->n_states; i++) buf_printf(&b, "seen_%d, ", i);
	buf_puts(&b, "workspace");
	return b.text;
}

static void print_call(Printer *pr, int k)
{
	const Compiled *c = pr->c;
	const EntryPoint *entry = entry_of(c);
	const SelfTestCall *call = &pr->test->calls[k];
	const Graph *g = entry->graph;
	Writer *w = &pr->w;
	Arena *a = pr->cx->arena;
	const int n_inputs = g->n_params - entry->n_states, n_outputs = g->n_results - entry->n_states;
	const char **inputs = NEWN(a, const char *, g->n_params);
	print_arrays(pr, k);
	line(w, "\nstatic int call_%d(void) /* %s */", k, c->has_run ? "run" : "step");
	open_block(w, "%s", "");
	print_dims(pr, entry, call->dims);
	for (int i = 0; i < n_outputs; i++) {
		const Type *t = g->results[i]->type;
		const int64_t n = array_size(t->elem, result_count(pr, t, entry, call->dims));
		line(w, "static %s seen_%d[%" PRId64 "];", array_type(t->elem), i, n ? n : 1);
	}
	print_workspace(pr, entry);
	if (call->reset) line(w, "%s_reset(&state);", c->name);
	for (int i = 0; i < g->n_params; i++) {
		inputs[i] = arena_printf(a, "input_%d_%d", k, i);
		if (i >= n_inputs && call->inputs[i])
			line(w, "memcpy(state.%s, %s, sizeof %s);", entry->states[i - n_inputs], inputs[i], inputs[i]);
	}
	line(w, "int ok = %s_%s(%s) == 0;", c->name, c->has_run ? "run" : "step",
		arguments(pr, entry, !c->has_run, inputs));
	line(w, "free(memory);");
	for (int i = 0; i < g->n_results; i++)
		if (call->wanted[i])
			print_compare(pr, arena_printf(a, "%s, output %s", call->name, g->result_names[i]),
				call->wanted[i]->elem,
				i < n_outputs
					? arena_printf(a, "seen_%d", i)
					: arena_printf(a, "(const %s *)state.%s", array_type(call->wanted[i]->elem),
						  entry->states[i - n_outputs]),
				arena_printf(a, "wanted_%d_%d", k, i), call->wanted[i]->count);
	line(w, "return ok;");
	close_block(w);
	line(w, "%s", "");
}

/* ---- run step by step ---- */

static int find_param(const Graph *g, const char *name)
{
	for (int i = 0; i < g->n_params; i++)
		if (strcmp(g->param_names[i], name) == 0) return i;
	return -1;
}

/* Which dim is 1 in the step's type and something else in this call: the axis of time; -1: the types agree. */
static int time_axis(const Type *step, const Tensor *t)
{
	for (int d = 0; d < step->rank; d++)
		if (dim_is(step->dims[d], 1) && t->dims[d] != 1) return d;
	return -1;
}

static void sizes_around(const Tensor *t, int axis, int64_t *outer, int64_t *inner)
{
	*outer = *inner = 1;
	for (int d = 0; d < axis; d++) *outer *= t->dims[d];
	for (int d = axis + 1; d < t->rank; d++) *inner *= t->dims[d];
}

/* The number of steps of call k; 0: there is nothing to compare, or not by steps: those of elements that share bytes have
 * bytes in common. */
static int64_t steps_of(const Compiled *c, const SelfTestCall *call)
{
	if (!c->has_run || !c->has_step) return 0;
	const Graph *run = c->run.graph, *step = c->step.graph;
	int64_t steps = 0;
	for (int i = 0; i < run->n_results; i++)
		if (elem_info[run->results[i]->type->elem].bits < 8) return 0;
	for (int i = 0; i < run->n_params; i++) {
		const int at = find_param(step, run->param_names[i]);
		if (at < 0 || at >= step->n_params - c->step.n_states) return 0; /* an initial state */
		const int axis = time_axis(step->params[at]->type, call->inputs[i]);
		if (elem_info[call->inputs[i]->elem].bits < 8) return 0;
		if (axis >= 0) steps = call->inputs[i]->dims[axis];
	}
	return steps;
}

static void print_stream(Printer *pr, int k, int64_t steps)
{
	const Compiled *c = pr->c;
	const EntryPoint *entry = &c->step;
	const SelfTestCall *call = &pr->test->calls[k];
	const Graph *g = entry->graph;
	Writer *w = &pr->w;
	Arena *a = pr->cx->arena;
	const int n_inputs = g->n_params - entry->n_states, n_outputs = g->n_results - entry->n_states;
	const char **inputs = NEWN(a, const char *, g->n_params);
	int64_t *values = NEWN(a, int64_t, entry->n_dims);
	for (int i = 0; i < entry->n_dims; i++)
		for (int j = 0; j < c->run.n_dims; j++)
			if (entry->dims[i] == c->run.dims[j]) values[i] = call->dims[j];
	line(w, "static int stream_%d(void) /* the same, a step at a time */", k);
	open_block(w, "%s", "");
	print_dims(pr, entry, values);
	print_workspace(pr, entry);
	line(w, "int ok = 1;");
	line(w, "%s_reset(&state);", c->name);
	open_block(w, "for (size_t t = 0; t < %" PRId64 "; t++)", steps);
	for (int i = 0; i < n_inputs; i++) {
		const int from = find_param(c->run.graph, g->param_names[i]),
			  axis = time_axis(g->params[i]->type, call->inputs[from]);
		const Tensor *x = call->inputs[from];
		inputs[i] = arena_printf(a, "input_%d_%d", k, from);
		if (axis < 0) continue;
		int64_t outer, inner;
		sizes_around(x, axis, &outer, &inner);
		line(w, "static %s now_%d[%" PRId64 "];", elem_info[x->elem].ctype, i,
			outer * inner > 0 ? outer * inner : 1);
		line(w, "take(now_%d, %s, %" PRId64 ", %" PRId64 ", %" PRId64 " * sizeof *now_%d, t);", i, inputs[i],
			outer, steps, inner, i);
		inputs[i] = arena_printf(a, "now_%d", i);
	}
	for (int i = 0; i < n_outputs; i++) {
		const Type *t = g->results[i]->type;
		const int64_t n = result_count(pr, t, entry, values);
		line(w, "static %s seen_%d[%" PRId64 "];", array_type(t->elem), i, n ? n : 1);
	}
	line(w, "ok &= %s_step(%s) == 0;", c->name, arguments(pr, entry, true, inputs));
	for (int i = 0; i < n_outputs; i++) {
		const Tensor *y = call->wanted[i];
		if (!y) continue;
		const char *what = arena_printf(a, "%s step by step, output %s", call->name, g->result_names[i]);
		const int axis = time_axis(g->results[i]->type, y);
		const char *wanted = arena_printf(a, "wanted_%d_%d", k, i), *seen = arena_printf(a, "seen_%d", i);
		if (axis < 0) { /* of the last step so far */
			line(w, "if (t + 1 == %" PRId64 ")", steps);
			w->depth++;
			print_compare(pr, what, y->elem, seen, wanted, y->count);
			w->depth--;
			continue;
		}
		int64_t outer, inner;
		sizes_around(y, axis, &outer, &inner);
		line(w, "static %s now_wanted_%d[%" PRId64 "];", elem_info[y->elem].ctype, i,
			outer * inner > 0 ? outer * inner : 1);
		line(w, "take(now_wanted_%d, %s, %" PRId64 ", %" PRId64 ", %" PRId64 " * sizeof *now_wanted_%d, t);", i,
			wanted, outer, steps, inner, i);
		print_compare(pr, what, y->elem, seen, arena_printf(a, "now_wanted_%d", i), outer * inner);
	}
	close_block(w);
	line(w, "free(memory);");
	line(w, "return ok;");
	close_block(w);
	line(w, "%s", "");
}

static void print_take(Writer *w)
{
	line(w, "/* Step t of x[outer][steps][bytes]. */");
	line(w, "static void take(void *to, const void *x, size_t outer, size_t steps, size_t bytes, size_t t)");
	open_block(w, "%s", "");
	line(w, "for (size_t i = 0; i < outer; i++)");
	line(w, "\tmemcpy((char *)to + i * bytes, (const char *)x + (i * steps + t) * bytes, bytes);");
	close_block(w);
	line(w, "%s", "");
}

/* ---- the file ---- */

static void print_main(Printer *pr, const int64_t *steps)
{
	Writer *w = &pr->w;
	const bool blob = pr->c->weights == WEIGHTS_BLOB;
	line(w, blob ? "int main(int argc, char **argv) /* argument: the file of the weights */" : "int main(void)");
	open_block(w, "%s", "");
	line(w, "int passed = 0, failed = 0;");
	if (blob) {
		open_block(w, "if (load(argc > 1 ? argv[1] : \"%s_weights.bin\") != 0)", pr->c->name);
		line(w, "puts(\"the weights cannot be loaded\");");
		line(w, "return 1;");
		close_block(w);
	}
	for (int k = 0; k < pr->test->n_calls; k++) {
		line(w, "*(call_%d() ? &passed : &failed) += 1;", k);
		if (steps[k]) line(w, "*(stream_%d() ? &passed : &failed) += 1;", k);
	}
	line(w, "printf(\"%%d passed, %%d failed\\n\", passed, failed);");
	line(w, "return failed != 0;");
	close_block(w);
}

OutFile selftest_file(Ctx *cx, const Compiled *c, const SelfTest *test)
{
	Printer pr = {.cx = cx, .c = c, .test = test};
	Writer *w = &pr.w;
	writer_init(w, cx->arena);
	const Graph *g = entry_of(c)->graph;
	int64_t *steps = NEWN(cx->arena, int64_t, test->n_calls);
	bool stream = false;
	for (int k = 0; k < test->n_calls; k++) {
		steps[k] = steps_of(c, &test->calls[k]);
		stream |= steps[k] > 0;
		for (int i = 0; i < g->n_results; i++)
			if (test->calls[k].wanted[i]) pr.used[test->calls[k].wanted[i]->elem] = true;
	}
	line(w, "/* %s_test.c: generated by rnncc: calls %s.c with stored inputs, compares with stored outputs.",
		c->name, c->name);
	line(w, " * cc -std=c99 %s.c %s_test.c -lm -o %s_test; prints `N passed, N failed`, returns 0 or 1. */",
		c->name, c->name, c->name);
	line(w, "#include \"%s.h\"\n", c->name);
	line(w, "#include <math.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n");
	if (c->weights == WEIGHTS_BLOB) print_blob_loader(&pr);
	print_helpers(&pr);
	if (stream) print_take(w);
	if (!c->has_run || stream) line(w, "static %s_state state;\n", c->name);
	for (int k = 0; k < test->n_calls; k++) {
		print_call(&pr, k);
		if (steps[k]) print_stream(&pr, k, steps[k]);
	}
	print_main(&pr, steps);
	return (OutFile){arena_printf(cx->arena, "%s_test.c", c->name), w->buf.text, w->buf.size};
}
