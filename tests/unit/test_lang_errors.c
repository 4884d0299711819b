/* test_lang_errors.c: mistakes in .rnn files and what is said of them: tests/lang_errors/NAME.rnn and NAME.txt, one kind a file.
 *
 * RNNCC_UPDATE=1 rewrites the texts: read the difference.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/lang/rnn.h"
#include "runtime/file.h"

static const char folder[] = RNNCC_SOURCE_DIR "/tests/lang_errors";

static const char *message_of(Ctx *cx, const char *name)
{
	size_t size;
	const char *text = file_read(cx, path_join(cx->arena, folder, arena_printf(cx->arena, "%s.rnn", name)), &size);
	const RnnOptions o = {.lengths = true};
	volatile bool loaded = false;
	TRY (cx) {
		rnn_load(cx, arena_printf(cx->arena, "%s.rnn", name), text, size, &o);
		loaded = true;
	}
	return loaded ? NULL : cx->error;
}

Test(lang_errors, every_mistake_is_told)
{
	Ctx *list = ctx_new();
	const char **files;
	const int n = dir_list(list->arena, folder, NULL, &files);
	int cases = 0;
	for (int i = 0; i < n; i++) {
		if (!path_ends_with(files[i], ".rnn")) continue;
		Ctx *cx = ctx_new();
		const char *name = arena_strn(cx->arena, files[i], strlen(files[i]) - strlen(".rnn"));
		const char *path = path_join(cx->arena, folder, arena_printf(cx->arena, "%s.txt", name));
		const char *message = message_of(cx, name);
		cr_expect(message, "%s: is accepted", name);
		const char *line = message ? arena_printf(cx->arena, "%s\n", message) : "";
		if (getenv("RNNCC_UPDATE")) file_write(cx, path, line, strlen(line));
		size_t size;
		const char *wanted = path_exists(path) ? file_read(cx, path, &size) : "";
		cr_expect_str_eq(line, wanted, "%s: says\n%snot\n%s", name, line, wanted);
		cases++;
		ctx_free(cx);
	}
	cr_expect_geq(cases, 60);
	ctx_free(list);
}
