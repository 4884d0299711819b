/* golden.h: files that hold a text, a line `===`, and what must come of the text, exactly.
 *
 * RNNCC_UPDATE=1 rewrites what stands after `===` in the files that differ: look at the git diff before you commit it.
 */
#ifndef TESTS_UNIT_GOLDEN_H
#define TESTS_UNIT_GOLDEN_H

#include "read_file.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What comes of the text of the file `name` in `folder`; a text that begins with "error: " is never written to a file. */
typedef const char *GoldenOutcome(Arena *arena, const char *folder, const char *name, const char *input);

static inline void print_lines(const char *mark, const char *from, const char *to)
{
	for (const char *end; from < to; from = end) {
		end = memchr(from, '\n', (size_t)(to - from));
		end = end ? end + 1 : to;
		fprintf(stderr, "%s%.*s%s", mark, (int)(end - from), from, end[-1] == '\n' ? "" : "\n");
	}
}

/* The lines between what begins alike and what ends alike, with one line before them. */
static inline void print_difference(const char *wanted, const char *seen)
{
	const char *w = wanted + strlen(wanted), *s = seen + strlen(seen), *start = wanted, *before = wanted;
	size_t same = 0;
	for (size_t i = 0; wanted[i] && wanted[i] == seen[i]; i++)
		if (wanted[i] == '\n') {
			same = i + 1;
			before = start;
			start = wanted + same;
		}
	const char *w_end = w, *s_end = s;
	for (; w > wanted + same && s > seen + same && w[-1] == s[-1]; w--, s--)
		if (w[-1] == '\n') {
			w_end = w;
			s_end = s;
		}
	print_lines("    ", before, start);
	print_lines("  - ", wanted + same, w_end);
	print_lines("  + ", seen + same, s_end);
}

static inline void update(const char *path, const char *text, size_t head, const char *seen, Arena *arena)
{
	const char *temporary = arena_printf(arena, "%s.%ld.new", path, (long)getpid());
	FILE *f = fopen(temporary, "wb");
	cr_assert(f, "%s: cannot be written", temporary);
	fwrite(text, 1, head, f);
	fputs(seen, f);
	cr_assert(fclose(f) == 0 && rename(temporary, path) == 0, "%s: cannot be replaced", path);
	fprintf(stderr, "updated %s\n", path);
}

static inline bool check_golden(const char *path, Arena *arena, GoldenOutcome *outcome)
{
	const char *name = strrchr(path, '/') + 1, *folder = name - 1;
	while (folder[-1] != '/') folder--;
	const char *in = arena_strn(arena, folder, (size_t)(name - 1 - folder));
	const char *text = read_file(path, arena), *mark = strstr(text, "\n===\n");
	if (!mark) {
		fprintf(stderr, "FAIL %s: a line === wanted\n", path);
		return false;
	}
	size_t head = (size_t)(mark - text) + 5;
	const char *wanted = text + head;
	const char *seen = outcome(arena, in, name, arena_strn(arena, text, head - 4));
	if (strcmp(wanted, seen) == 0) return true;
	bool is_broken = strncmp(seen, "error: ", 7) == 0; /* nothing to keep */
	if (getenv("RNNCC_UPDATE") && !is_broken) {
		update(path, text, head, seen, arena);
		return true;
	}
	fprintf(stderr, "FAIL %s (- wanted, + seen)\n", path);
	print_difference(wanted, seen);
	return false;
}

/* All files that match the pattern, from the root of the sources on; fails the test when one differs. */
static inline void check_goldens(const char *pattern, GoldenOutcome *outcome)
{
	const char *root = getenv("RNNCC_SOURCE_DIR");
	Arena *arena = arena_new();
	glob_t found;
	cr_assert(glob(arena_printf(arena, "%s/%s", root ? root : RNNCC_SOURCE_DIR, pattern), 0, NULL, &found) == 0,
		"there are no golden files");
	int n_failed = 0;
	for (size_t i = 0; i < found.gl_pathc; i++) n_failed += !check_golden(found.gl_pathv[i], arena, outcome);
	fprintf(stderr, "%d passed, %d failed\n", (int)found.gl_pathc - n_failed, n_failed);
	cr_assert(n_failed == 0);
	globfree(&found);
	arena_free(arena);
}

#endif
