/* fmt.c: `rnncc fmt`: .rnn files in their canonical layout, in place. */
#include "cli/cli.h"
#include "frontend/lang/lang.h"
#include "runtime/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const void *read_standard_input(Ctx *cx, size_t *size)
{
	Buf all;
	buf_init(&all, cx->arena);
	buf_puts(&all, "");
	char block[4096];
	for (size_t n; (n = fread(block, 1, sizeof block, stdin)) > 0;) buf_write(&all, block, n);
	if (ferror(stdin)) fail(cx, "standard input cannot be read: %s", strerror(errno));
	*size = all.size;
	return all.text;
}

/* The file itself, where the path is a link to it; with the permissions that it has. */
static void write_back(Ctx *cx, const char *path, const char *text)
{
	char *real = realpath(path, NULL);
	struct stat st;
	if (!real || stat(real, &st)) fail(cx, "%s: %s", path, strerror(errno));
	const char *target = arena_printf(cx->arena, "%s", real);
	free(real);
	file_write(cx, target, text, strlen(text));
	if (chmod(target, st.st_mode & 07777)) fail(cx, "%s: %s", path, strerror(errno));
}

/* Whether it was as it should be. */
static bool format_file(Ctx *cx, const char *path, bool check)
{
	const bool standard = !strcmp(path, "-");
	size_t size;
	const char *text = standard ? read_standard_input(cx, &size) : file_read(cx, path, &size);
	const char *formatted = lang_format(cx, standard ? "standard input" : path, text, size);
	const bool same = strlen(formatted) == size && !memcmp(formatted, text, size);
	if (standard && !check) fputs(formatted, stdout);
	else if (!same) {
		if (!check) write_back(cx, path, formatted);
		puts(printable(cx->arena, path));
	}
	return same;
}

static int run(Ctx *cx, const Options *o)
{
	volatile bool failed = false;
	for (volatile int i = 0; i < o->n_args; i++) { /* a file at fault does not keep the others from it */
		TRY (cx) {
			if (!format_file(cx, o->args[i], o->check) && o->check) failed = true;
		} else {
			print_error(cx);
			failed = true;
		}
	}
	return failed ? STATUS_FAULT : STATUS_OK;
}

const Command command_fmt = {
	.name = "fmt",
	.flag = FMT,
	.operands = "FILE...",
	.min_args = 1,
	.max_args = -1,
	.summary = "lay out .rnn files",
	.details =
		"Rewrites each FILE (.rnn) in the one layout that there is, whole or not at all, and prints the names of those\n"
		"that changed.  Lines and comments stay; what the text means does not change.  A FILE of - is standard input,\n"
		"formatted to standard output: for editors.",
	.examples = "  rnncc fmt model.rnn\n"
		    "  rnncc fmt --check models/*.rnn\n"
		    "  rnncc fmt - < model.rnn\n",
	.run = run,
};
