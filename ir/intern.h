/* intern.h: the tables behind "equal is the same pointer".  Private to ir/. */
#ifndef IR_INTERN_H
#define IR_INTERN_H

#include "ir/ir.h"

/* A set of pointers keyed by a hash; the caller compares. */
typedef struct {
	size_t n, cap;
	uint64_t *hashes;
	const void **items;
} Table;

typedef struct Intern {
	Arena *arena;
	Table strings, syms, dims, types, tensors, vals, graphs;
	Table texts;           /* of Text */
	const char **numbered; /* by number */
	int32_t n_texts, max_texts;
	size_t texts_bytes;
	uint32_t n_syms, n_dims, n_types, n_vals, n_graphs;
} Intern;

Intern *intern_new(Arena *);
/* Walks the items of that hash: start with *at = 0; NULL at the end. */
const void *table_next(const Table *, uint64_t hash, size_t *at);
void table_put(Arena *, Table *, uint64_t hash, const void *item);

#endif
