/* term.c: what people see: colours on terminals only, names without control characters, sizes. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool wants_colours(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR"); /* no-color.org */
	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb");
}

const char *painted(Arena *arena, Colour colour, const char *text)
{
	return wants_colours() ? arena_printf(arena, "\033[%dm%s\033[0m", colour, text) : text;
}

/* Up to `most` bytes, and of control characters those that are kept. */
static const char *escaped(Arena *arena, const char *text, const char *kept, size_t most)
{
	Buf b;
	buf_init(&b, arena);
	buf_puts(&b, "");
	for (const char *c = text; *c && b.size < most; c++) {
		const unsigned char byte = (unsigned char)*c;
		if ((byte < 0x20 && !strchr(kept, *c)) || byte == 0x7f) buf_printf(&b, "\\x%02x", byte);
		else buf_write(&b, c, 1);
	}
	return b.text;
}

const char *printable(Arena *arena, const char *name) { return escaped(arena, name, "", SIZE_MAX); }

const char *printable_message(Arena *arena, const char *text)
{
	enum { MOST = 32 << 10 }; /* a compiler's output is worth reading, a name of a megabyte is not */
	const char *message = escaped(arena, text, "\n\t", MOST);
	return strlen(message) < MOST ? message : arena_printf(arena, "%s...", message);
}

const char *human_bytes(Arena *arena, int64_t size_bytes)
{
	if (size_bytes < 10000) return arena_printf(arena, "%lld B", (long long)size_bytes);
	const double size = (double)size_bytes;
	if (size < 1e6) return arena_printf(arena, "%.1f kB", size / 1e3);
	if (size < 1e9) return arena_printf(arena, "%.1f MB", size / 1e6);
	return arena_printf(arena, "%.1f GB", size / 1e9);
}

const char *tensor_shape(Arena *arena, const Tensor *t)
{
	Buf b;
	buf_init(&b, arena);
	buf_printf(&b, "%s[", elem_info[t->elem].name);
	for (int d = 0; d < t->rank; d++) buf_printf(&b, "%s%lld", d ? ", " : "", (long long)t->dims[d]);
	buf_puts(&b, "]");
	return b.text;
}

void print_error(const Ctx *cx) { fprintf(stderr, "rnncc: %s\n", printable_message(cx->arena, cx->error)); }

void print_notes(const Ctx *cx)
{
	for (int i = 0; i < cx->n_notes; i++) fprintf(stderr, "note: %s\n", printable(cx->arena, cx->notes[i]));
}
