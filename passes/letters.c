/* letters.c: the letters of a contract, taken apart and put together: "bk,kn->bn". */
#include "passes/rewrite.h"

#include <assert.h>
#include <string.h>

Letters letters_of(const Val *v)
{
	assert(v->op == OP_contract);
	Letters s = {0};
	const char *text = val_str(v, A_SPEC);
	int which = 0, n = 0;
	for (; *text; text++) {
		if (*text == ',' || *text == '-') {
			text += *text == '-';
			which++;
			n = 0;
		} else if (*text != ' ') {
			assert(n + 1 < MAX_LETTERS);
			s.of[which][n++] = *text;
		}
	}
	return s;
}

const char *letters_text(Ctx *cx, const Letters *s)
{
	return arena_printf(cx->arena, "%s,%s->%s", s->of[0], s->of[1], s->of[2]);
}

int letters_find(const Letters *s, int which, char letter)
{
	const char *at = letter ? strchr(s->of[which], letter) : NULL;
	return at ? (int)(at - s->of[which]) : -1;
}

void letters_drop(Letters *s, int which, char letter)
{
	char *at = strchr(s->of[which], letter);
	if (at) memmove(at, at + 1, strlen(at));
}

char letters_new(const Letters *s)
{
	for (const char *c = "tuvwxyzabcdefghijklmnopqrsTUVWXYZABCDEFGHIJKLMNOPQRS"; *c; c++)
		if (letters_find(s, 0, *c) < 0 && letters_find(s, 1, *c) < 0 && letters_find(s, 2, *c) < 0) return *c;
	return 0;
}
