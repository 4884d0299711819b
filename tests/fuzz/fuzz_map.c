/* fuzz_map.c: any bytes as a map of weights (--weights-map).  It is refused with a message, or it gives rules, whose text is a
 * line of a map again. */
#include "frontend/weights/files.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Ctx *cx = ctx_new();
	char *text = arena_strn(cx->arena, (const char *)data, size);
	TRY (cx) {
		WeightMap map = {0};
		weight_map_parse(cx, &map, "fuzz", text);
		for (int i = 0; i < map.n; i++) {
			const char *what = weight_rule_text(cx, &map.rules[i]);
			assert(what);
			(void)weight_map_find(&map, what);
			(void)weight_map_uses(&map, what);
		}
	}
	ctx_free(cx);
	return 0;
}
