/* fuzz_lang.c: any bytes as a file of the operator library.  It is refused with a message, or each of its operators, called
 * with f32[T, 8] for every operand, and each of its examples is refused with one or gives a value.  What can be
 * laid out is a fixed point of that. */
#include "frontend/lang/ast.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MAX_OPERANDS = 6 };

static void try_op(Ctx *cx, const Library *lib, const OpDecl *op)
{
	const Val *x = val_param(cx, 0, type_new(cx, F32, 2, (const Dim *[]){dim_sym(cx, "T"), dim_int(cx, 8)}));
	const Val *args[MAX_OPERANDS] = {x, x, x, x, x, x}, *results[MAX_RESULTS];
	const int n = op->n_operands < MAX_OPERANDS ? op->n_operands : MAX_OPERANDS;
	TRY (cx) { library_call(cx, lib, op, n, args, 0, NULL, MAX_RESULTS, results); }
}

static void try_example(Ctx *cx, const Library *lib, int i)
{
	const Val *given[MAX_RESULTS], *wanted[MAX_RESULTS];
	TRY (cx) { elab_example(cx, lib, &lib->examples[i], given, wanted); }
}

static void check_format(Ctx *cx, const Source *source)
{
	const char *volatile once = NULL;
	TRY (cx) once = lang_format(cx, source->name, source->text, source->size);
	if (!once) return;
	TRY (cx) {
		if (strcmp(lang_format(cx, source->name, once, strlen(once)), once)) abort();
	} else abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Ctx *cx = ctx_new();
	const Source source = {"fuzz", arena_strn(cx->arena, (const char *)data, size), size};
	TRY (cx) {
		const Library lib = library_new(cx, 1, &source);
		for (int i = 0; i < lib.n_ops; i++) try_op(cx, &lib, &lib.ops[i]);
		for (int i = 0; i < lib.n_examples; i++) try_example(cx, &lib, i);
	}
	check_format(cx, &source);
	ctx_free(cx);
	return 0;
}
