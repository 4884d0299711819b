/* suggest.c: what somebody may have meant who wrote a name that is not known: the nearest one that is, if it is near. */
#include "frontend/lang/model.h"

#include <ctype.h>
#include <string.h>

enum { MAX_NAME = 32 };

/* Letters inserted, left out, replaced, or swapped with the next.  Source: Damerau 1964, as "optimal string alignment". */
static int distance(const char *a, const char *b)
{
	int rows[3][MAX_NAME + 1], n = (int)strlen(a), m = (int)strlen(b), *before = rows[0], *last = rows[1], *now = rows[2];
	for (int j = 0; j <= m; j++) last[j] = before[j] = j;
	for (int i = 1; i <= n; i++) {
		now[0] = i;
		for (int j = 1; j <= m; j++) {
			int d = last[j - 1] + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
			if (last[j] + 1 < d) d = last[j] + 1;
			if (now[j - 1] + 1 < d) d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < d)
				d = before[j - 2] + 1;
			now[j] = d;
		}
		int *old = before;
		before = last, last = now, now = old;
	}
	return last[m];
}

typedef struct {
	const char *wanted, *found;
	int distance; /* of what was found; at first one more than is taken */
} Nearest;

static void consider(void *user, const char *name)
{
	Nearest *n = user;
	if (strlen(name) > MAX_NAME || !isalpha((unsigned char)*name)) return;
	int d = distance(n->wanted, name);
	if (d < n->distance) n->distance = d, n->found = name;
}

const char *did_you_mean(Elab *e, const char *name, bool fn)
{
	size_t length = strlen(name);
	if (length < 2 || length > MAX_NAME) return "";
	Nearest n = {name, NULL, length < 4 ? 2 : length < 9 ? 3 : 4};
	for (const Frame *f = e->frame; f; f = f->outer)
		for (int i = 0; i < f->n; i++) {
			const Value *v = &f->vars[i].value;
			if ((v->kind == V_CLOSURE || v->kind == V_FN) == fn) consider(&n, f->vars[i].name);
		}
	if (fn) {
		model_fn_each(consider, &n);
		for (int op = 0; op < N_OPS; op++)
			if (op_info[op].is_ew) consider(&n, op_info[op].name);
		for (int i = 0; i < e->lib->n_ops; i++) consider(&n, e->lib->ops[i].name);
	}
	return n.found ? arena_printf(e->cx->arena, "; did you mean %s?", n.found) : "";
}
