/* arena.c: memory that lives as long as a compilation: bump allocation, pointer maps, growable text. */
#include "ir/ir.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Block {
	struct Block *next;
	size_t size, used; /* of the bytes that follow */
	char *bytes;
} Block;

typedef struct Deferred {
	struct Deferred *next;
	void (*release)(void *);
	void *resource;
} Deferred;

struct Arena {
	Block *blocks; /* the first is the one being filled */
	Deferred *deferred;
	size_t size; /* bytes taken from the system */
};

enum { BLOCK_BYTES = 64 * 1024 - 128, LARGE_ALIGN = 64, SMALL_ALIGN = 16 };

static _Noreturn void out_of_memory(size_t size)
{
	fprintf(stderr, "rnncc: out of memory (%zu bytes wanted)\n", size);
	exit(1);
}

Arena *arena_new(void)
{
	Arena *a = calloc(1, sizeof *a);
	if (!a) out_of_memory(sizeof *a);
	return a;
}

void arena_free(Arena *a)
{
	if (!a) return;
	for (Deferred *d = a->deferred; d; d = d->next) d->release(d->resource);
	for (Block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b->bytes);
		free(b);
	}
	free(a);
}

static Block *block_new(Arena *a, size_t size)
{
	Block *b = calloc(1, sizeof *b);
	if (!b) out_of_memory(sizeof *b);
	size = (size + LARGE_ALIGN - 1) / LARGE_ALIGN * LARGE_ALIGN;
	b->bytes = aligned_alloc(LARGE_ALIGN, size);
	if (!b->bytes) out_of_memory(size);
	b->size = size;
	a->size += size;
	return b;
}

void *arena_alloc(Arena *a, size_t size)
{
	size_t align = size >= LARGE_ALIGN ? LARGE_ALIGN : SMALL_ALIGN;
	if (size > SIZE_MAX / 2) out_of_memory(size);
	if (size >= BLOCK_BYTES / 4) { /* its own block, behind the one being filled */
		Block *b = block_new(a, size);
		b->used = b->size;
		if (a->blocks) {
			b->next = a->blocks->next;
			a->blocks->next = b;
		} else {
			a->blocks = b;
		}
		return memset(b->bytes, 0, size);
	}
	Block *b = a->blocks;
	size_t at = b ? (b->used + align - 1) / align * align : 0;
	if (!b || at + size > b->size) {
		b = block_new(a, BLOCK_BYTES);
		b->next = a->blocks;
		a->blocks = b;
		at = 0;
	}
	b->used = at + size;
	return memset(b->bytes + at, 0, size);
}

void *arena_copy(Arena *a, const void *from, size_t size)
{
	void *to = arena_alloc(a, size);
	if (size) memcpy(to, from, size);
	return to;
}

void *arena_grow(Arena *a, void *items, int n, int *cap, size_t item_bytes)
{
	if (n < *cap) return items;
	*cap = *cap ? 2 * *cap : 8;
	void *more = arena_alloc(a, item_bytes * (size_t)*cap);
	return n ? memcpy(more, items, item_bytes * (size_t)n) : more;
}

char *arena_strn(Arena *a, const char *text, size_t n)
{
	char *copy = arena_alloc(a, n + 1);
	memcpy(copy, text, n);
	return copy;
}

char *arena_vprintf(Arena *a, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	assert(n >= 0);
	char *text = arena_alloc(a, (size_t)n + 1);
	vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}

char *arena_printf(Arena *a, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = arena_vprintf(a, format, args);
	va_end(args);
	return text;
}

size_t arena_size(const Arena *a) { return a->size; }

void arena_defer(Arena *a, void (*release)(void *), void *resource)
{
	Deferred *d = NEW(a, Deferred);
	*d = (Deferred){a->deferred, release, resource};
	a->deferred = d;
}

uint64_t hash_bytes(uint64_t seed, const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = seed ^ 0x9e3779b97f4a7c15u, word;
	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	for (word = 0; n; n--) word = word << 8 | *p++;
	h = (h ^ word) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 29;
}

/* ---- map: open addressing, never shrinks ---- */

void map_init(Map *m, Arena *a) { *m = (Map){.arena = a}; }

static size_t map_slot(const Map *m, const void *key)
{
	size_t i = (size_t)hash_bytes(0, &key, sizeof key) & (m->cap - 1);
	while (m->keys[i] && m->keys[i] != key) i = (i + 1) & (m->cap - 1);
	return i;
}

const void *map_get(const Map *m, const void *key) { return m->cap ? m->values[map_slot(m, key)] : NULL; }

void map_put(Map *m, const void *key, const void *value)
{
	assert(key);
	if (2 * (m->n + 1) > m->cap) {
		Map bigger = {.arena = m->arena, .n = m->n, .cap = m->cap ? 2 * m->cap : 8};
		bigger.keys = NEWN(m->arena, const void *, bigger.cap);
		bigger.values = NEWN(m->arena, const void *, bigger.cap);
		for (size_t i = 0; i < m->cap; i++)
			if (m->keys[i]) {
				size_t s = map_slot(&bigger, m->keys[i]);
				bigger.keys[s] = m->keys[i];
				bigger.values[s] = m->values[i];
			}
		*m = bigger;
	}
	size_t s = map_slot(m, key);
	m->n += !m->keys[s];
	m->keys[s] = key;
	m->values[s] = value;
}

/* ---- buf ---- */

void buf_init(Buf *b, Arena *a) { *b = (Buf){.arena = a}; }

static void buf_reserve(Buf *b, size_t more)
{
	if (b->size + more + 1 <= b->cap) return;
	size_t cap = b->cap ? b->cap : 64;
	while (cap < b->size + more + 1) cap *= 2;
	char *text = arena_alloc(b->arena, cap);
	if (b->size) memcpy(text, b->text, b->size);
	b->text = text;
	b->cap = cap;
}

void buf_write(Buf *b, const void *data, size_t n)
{
	buf_reserve(b, n);
	if (n) memcpy(b->text + b->size, data, n);
	b->size += n;
	b->text[b->size] = 0;
}

void buf_puts(Buf *b, const char *text) { buf_write(b, text, strlen(text)); }

void buf_printf(Buf *b, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	assert(n >= 0);
	buf_reserve(b, (size_t)n);
	vsnprintf(b->text + b->size, (size_t)n + 1, format, again);
	b->size += (size_t)n;
	va_end(again);
	va_end(args);
}
