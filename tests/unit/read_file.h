/* read_file.h: a whole file as a string in an arena. */
#ifndef TESTS_UNIT_READ_FILE_H
#define TESTS_UNIT_READ_FILE_H

#include "ir/ir.h"

#include <criterion/criterion.h>
#include <stdio.h>

static inline char *read_file(const char *path, Arena *arena)
{
	FILE *f = fopen(path, "rb");
	cr_assert(f, "%s: cannot be opened", path);
	Buf b;
	buf_init(&b, arena);
	char chunk[4096];
	for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) buf_write(&b, chunk, n);
	fclose(f);
	return b.size ? b.text : arena_strn(arena, "", 0);
}

#endif
