/* error.c: the compilation context and how errors of the user leave it. */
#include "ir/ir.h"
#include "ir/intern.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Ctx *ctx_new(void)
{
	Arena *arena = arena_new();
	Ctx *cx = NEW(arena, Ctx);
	cx->arena = arena;
	cx->intern = intern_new(arena);
	return cx;
}

void ctx_free(Ctx *cx)
{
	if (cx) arena_free(cx->arena);
}

_Noreturn void fail(Ctx *cx, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *message = arena_vprintf(cx->arena, format, args);
	va_end(args);
	cx->error = cx->loc ? arena_printf(cx->arena, "%s: %s", cx->loc, message) : message;
	cx->loc = NULL;
	if (!cx->unwind) {
		fprintf(stderr, "rnncc: error outside of any TRY: %s\n", cx->error);
		abort();
	}
	/* Popped here: the guarded block's own handler must not catch what its else branch raises. */
	Unwind *to = cx->unwind;
	cx->unwind = to->up;
	longjmp(to->env, 1);
}

void note(Ctx *cx, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *message = arena_vprintf(cx->arena, format, args);
	va_end(args);
	const char **notes = NEWN(cx->arena, const char *, cx->n_notes + 1);
	if (cx->n_notes) memcpy(notes, cx->notes, sizeof *notes * (size_t)cx->n_notes);
	notes[cx->n_notes++] = message;
	cx->notes = notes;
}
