/* intern.c: hash tables that keep one copy of each string, text and tensor; dims, types, values and graphs use them from their
 * own files. */
#include "ir/intern.h"

#include <assert.h>
#include <string.h>

Intern *intern_new(Arena *arena)
{
	Intern *in = NEW(arena, Intern);
	in->arena = arena;
	return in;
}

/* *at is the number of slots walked so far, plus one. */
const void *table_next(const Table *t, uint64_t hash, size_t *at)
{
	if (!t->cap) return NULL;
	for (size_t i = *at; i < t->cap; i++) {
		size_t slot = ((size_t)hash + i) & (t->cap - 1);
		if (!t->items[slot]) return NULL;
		if (t->hashes[slot] == hash) {
			*at = i + 1;
			return t->items[slot];
		}
	}
	return NULL;
}

static void table_insert(Table *t, uint64_t hash, const void *item)
{
	size_t slot = (size_t)hash & (t->cap - 1);
	while (t->items[slot]) slot = (slot + 1) & (t->cap - 1);
	t->items[slot] = item;
	t->hashes[slot] = hash;
}

void table_put(Arena *arena, Table *t, uint64_t hash, const void *item)
{
	if (2 * (t->n + 1) > t->cap) {
		Table bigger = {.n = t->n, .cap = t->cap ? 2 * t->cap : 64};
		bigger.hashes = NEWN(arena, uint64_t, bigger.cap);
		bigger.items = NEWN(arena, const void *, bigger.cap);
		for (size_t i = 0; i < t->cap; i++)
			if (t->items[i]) table_insert(&bigger, t->hashes[i], t->items[i]);
		*t = bigger;
	}
	table_insert(t, hash, item);
	t->n++;
}

const char *intern(Ctx *cx, const char *text)
{
	Intern *in = cx->intern;
	size_t n = strlen(text);
	uint64_t hash = hash_bytes(n, text, n);
	size_t at = 0;
	for (const char *s; (s = table_next(&in->strings, hash, &at));)
		if (strcmp(s, text) == 0) return s;
	const char *copy = arena_strn(in->arena, text, n);
	table_put(in->arena, &in->strings, hash, copy);
	return copy;
}

/* ---- texts ---- */

enum { MAX_TEXTS_BYTES = 1 << 28 }; /* a few operators double what they are given */

typedef struct {
	const char *text; /* interned */
	int32_t number;
} Text;

static int32_t new_text(Ctx *cx, const char *interned, uint64_t hash)
{
	Intern *in = cx->intern;
	in->texts_bytes += strlen(interned) + sizeof(Text);
	if (in->texts_bytes > MAX_TEXTS_BYTES) fail(cx, "the strings take more than %d bytes", MAX_TEXTS_BYTES);
	if (in->n_texts == in->max_texts) {
		in->max_texts = in->max_texts ? 2 * in->max_texts : 64;
		const char **more = NEWN(in->arena, const char *, in->max_texts);
		if (in->n_texts) memcpy(more, in->numbered, sizeof *more * (size_t)in->n_texts);
		in->numbered = more;
	}
	Text *t = NEW(in->arena, Text);
	*t = (Text){interned, in->n_texts++};
	in->numbered[t->number] = interned;
	table_put(in->arena, &in->texts, hash, t);
	return t->number;
}

int32_t text_number(Ctx *cx, const char *text)
{
	if (*text && !cx->intern->n_texts) text_number(cx, "");
	const char *interned = intern(cx, text);
	const uint64_t hash = hash_bytes(0, &interned, sizeof interned);
	size_t at = 0;
	for (const Text *t; (t = table_next(&cx->intern->texts, hash, &at));)
		if (t->text == interned) return t->number;
	return new_text(cx, interned, hash);
}

const char *text_numbered(Ctx *cx, int64_t number)
{
	assert(number >= 0 && (number == 0 || number < cx->intern->n_texts));
	return number ? cx->intern->numbered[number] : "";
}

const Tensor *tensor_intern(Ctx *cx, const Tensor *t)
{
	Intern *in = cx->intern;
	size_t size = tensor_size_bytes(t);
	uint64_t hash = hash_bytes((uint64_t)t->elem, t->dims, sizeof *t->dims * (size_t)t->rank);
	hash = hash_bytes(hash, t->data, size);
	size_t at = 0;
	for (const Tensor *have; (have = table_next(&in->tensors, hash, &at));)
		if (have->elem == t->elem && have->rank == t->rank &&
			(t->rank == 0 || memcmp(have->dims, t->dims, sizeof *t->dims * (size_t)t->rank) == 0) &&
			(size == 0 || memcmp(have->data, t->data, size) == 0))
			return have;
	Tensor *copy = NEW(in->arena, Tensor);
	*copy = *t;
	copy->dims = arena_copy(in->arena, t->dims, sizeof *t->dims * (size_t)t->rank);
	copy->data = arena_copy(in->arena, t->data, size);
	table_put(in->arena, &in->tensors, hash, copy);
	return copy;
}
