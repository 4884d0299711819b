/* fuzz_text.c: any bytes as graph text.  They are refused with a message, or they give a sound graph whose text reads
 * back to the same text.
 *
 * Bytes changed at random rarely make another graph, so half of the mutations put one of the text's own words or lines in
 * the place of another. */
#include "ir/ir.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
size_t LLVMFuzzerCustomMutator(uint8_t *, size_t, size_t, unsigned);
size_t LLVMFuzzerMutate(uint8_t *, size_t, size_t); /* libFuzzer's own */

static const PrintOptions everything = {.locations = true, .max_data = -1};

/* The text of the graph, in `arena`; NULL when it was refused. */
static const char *read_and_print(Arena *arena, const char *text, bool must_be_sound)
{
	Ctx *cx = ctx_new();
	const char *volatile printed = NULL;
	volatile bool was_read = false;
	TRY (cx) {
		const Graph *g = graph_parse(cx, text, "fuzz.ir");
		was_read = true;
		graph_verify(cx, g);
		Buf b;
		buf_init(&b, arena);
		graph_print(&b, g, everything);
		printed = b.text;
	} else if (was_read || must_be_sound) {
		fprintf(stderr, "%s\n%s\n", cx->error, text);
		abort();
	}
	ctx_free(cx);
	return printed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Arena *arena = arena_new();
	const char *first = read_and_print(arena, arena_strn(arena, (const char *)data, size), false);
	if (first) {
		const char *second = read_and_print(arena, first, true);
		if (strcmp(first, second) != 0) {
			fprintf(stderr, "first:\n%s\nsecond:\n%s\n", first, second);
			abort();
		}
	}
	arena_free(arena);
	return 0;
}

typedef struct {
	size_t at, size;
} Part;

/* The part around a place: a word or one other character; or what is between two line ends. */
static Part part_around(const uint8_t *data, size_t size, size_t at, bool is_line)
{
	Part p = {at, 1};
	bool is_word = isalnum(data[at]);
	while (p.at > 0 && (is_line ? data[p.at - 1] != '\n' : is_word && isalnum(data[p.at - 1]))) p.at--, p.size++;
	while (p.at + p.size < size &&
		(is_line ? data[p.at + p.size] != '\n' : is_word && isalnum(data[p.at + p.size])))
		p.size++;
	return p;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	if (size == 0 || seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
	srandom(seed);
	bool is_line = random() % 4 == 0;
	Part from = part_around(data, size, (size_t)random() % size, is_line), to = from;
	for (int tries = 0; tries < 20; tries++) {
		to = part_around(data, size, (size_t)random() % size, is_line);
		if (isalpha(data[to.at]) == isalpha(data[from.at]) && isdigit(data[to.at]) == isdigit(data[from.at]))
			break;
	}
	if (is_line && random() % 2) to.size = 0; /* another line */
	if (size - to.size + from.size > max_size) return size;
	uint8_t *text = malloc(from.size);
	memcpy(text, data + from.at, from.size);
	memmove(data + to.at + from.size, data + to.at + to.size, size - to.at - to.size);
	memcpy(data + to.at, text, from.size);
	free(text);
	return size - to.size + from.size;
}
