/* fuzz_rnn.c: any bytes as a file of models.  It is refused with a message, or each of its models elaborates to a graph that
 * verifies.  Files that it uses are never opened: their names are taken out. */
#include "frontend/lang/rnn.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Ctx *cx = ctx_new();
	char *text = arena_strn(cx->arena, (const char *)data, size);
	for (char *p = text; (p = strstr(p, "use")); p++) *p = '#';
	const RnnOptions o = {.lengths = size % 2, .elements = 1 << 16};
	TRY (cx) {
		const RnnModel *m = rnn_load(cx, "fuzz", text, size, &o);
		graph_verify(cx, m->graph);
		graph_verify(cx, m->stream);
	}
	ctx_free(cx);
	return 0;
}
