/* suggest.c: what somebody may have meant who wrote a name that is not known: the nearest one that is, if it is near. */
#include "frontend/lang/model.h"

#include <ctype.h>
#include <string.h>

typedef struct {
	Arena *arena;
	int n, cap;
	const char **names;
} Names;

static void add(void *user, const char *name)
{
	Names *all = user;
	if (!isalpha((unsigned char)*name)) return;
	if (all->n == all->cap) {
		const char **more = NEWN(all->arena, const char *, 2 * all->cap + 64);
		if (all->n) memcpy(more, all->names, sizeof *more * (size_t)all->n);
		all->names = more;
		all->cap = 2 * all->cap + 64;
	}
	all->names[all->n++] = name;
}

const char *did_you_mean(Elab *e, const char *name, bool fn)
{
	const size_t length = strlen(name);
	Names all = {.arena = e->cx->arena};
	for (const Frame *f = e->frame; f; f = f->outer)
		for (int i = 0; i < f->n; i++) {
			const Value *v = &f->vars[i].value;
			if ((v->kind == V_CLOSURE || v->kind == V_FN) == fn) add(&all, f->vars[i].name);
		}
	if (fn) {
		model_fn_each(add, &all);
		for (int op = 0; op < N_OPS; op++)
			if (op_info[op].is_ew) add(&all, op_info[op].name);
		for (int i = 0; i < e->lib->n_ops; i++) add(&all, e->lib->ops[i].name);
	}
	const char *near = length < 2 ? NULL
				      : nearest_name(name,
						length < 4           ? 1
							: length < 9 ? 2
								     : 3,
						all.n, all.names);
	return near ? arena_printf(e->cx->arena, "; did you mean %s?", near) : "";
}
