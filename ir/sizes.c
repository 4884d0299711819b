/* sizes.c: sizes that the model's own values decide.
 *
 * A loop whose length is a `computed` symbol gives that symbol its value.  A value that mentions such a symbol in its
 * attributes, or in a body, therefore comes after the loop (graph_order), and the loop must be there: where no operand
 * leads to it, as in a fill of shape [N], `after` does.
 */
#include "ir/ir.h"

const Sym *loop_symbol(const Val *v)
{
	if (v->op != OP_loop) return NULL;
	const Dim *length = val_dims(v, A_LENGTH)[0];
	if (length->n_terms != 1 || length->terms[0].n_syms != 1 || length->terms[0].coef != 1) return NULL;
	const Sym *s = length->terms[0].syms[0];
	return s->kind == SYM_NAMED && s->computed ? s : NULL;
}

typedef struct {
	void (*each)(void *user, const Sym *);
	void *user;
	const Map *without; /* Sym -> anything: those that a body computes itself; NULL: none */
} Mentions;

static void mention(void *mentions, const Sym *s)
{
	const Mentions *m = mentions;
	if (s->computed && !(m->without && map_get(m->without, s))) m->each(m->user, s);
}

static void each_in_body(const Graph *body, Mentions *m)
{
	Arena *scratch = arena_new();
	const Order order = graph_order(scratch, body);
	Map own;
	map_init(&own, scratch);
	for (int i = 0; i < order.n; i++)
		if (loop_symbol(order.vals[i])) map_put(&own, loop_symbol(order.vals[i]), order.vals[i]);
	Mentions inner = {mention, m, &own};
	for (int i = 0; i < order.n; i++) val_each_size(order.vals[i], mention, &inner);
	arena_free(scratch);
}

void val_each_size(const Val *v, void (*each)(void *user, const Sym *), void *user)
{
	Mentions m = {.each = each, .user = user};
	const Sym *own = loop_symbol(v);
	for (int k = 0; k < v->n_attrs; k++) {
		const Attr *a = &v->attrs[k];
		for (int i = 0; attr_info[a->key].kind == ATTR_DIMS && i < a->n && !(own && a->key == A_LENGTH); i++)
			dim_each_sym(a->dims[i], mention, &m);
		for (int i = 0; attr_info[a->key].kind == ATTR_GRAPHS && i < a->n; i++) each_in_body(a->graphs[i], &m);
	}
}

/* ---- keeping the loops ---- */

typedef struct {
	Map has; /* Sym -> the loop that is there */
	const Sym *wanted;
	bool found;
} Search;

static void search(void *user, const Sym *s)
{
	Search *at = user;
	at->found |= s == at->wanted && !map_get(&at->has, s);
}

/* Does v mention the symbol, without an operand that leads to the loop? */
static bool lacks(const Val *v, const Sym *s)
{
	Arena *scratch = arena_new();
	const Graph alone = {.n_results = 1, .results = &v};
	const Order order = graph_order(scratch, &alone);
	Search at = {.wanted = s};
	map_init(&at.has, scratch);
	for (int i = 0; i < order.n; i++)
		if (loop_symbol(order.vals[i])) map_put(&at.has, loop_symbol(order.vals[i]), order.vals[i]);
	for (int i = 0; i < order.n && !at.found; i++) val_each_size(order.vals[i], search, &at);
	arena_free(scratch);
	return at.found;
}

const Val *val_keep_loops(Ctx *cx, const Val *v, int n, const Val *const *loops)
{
	if (v->type->is_tuple) return v;
	for (int i = n; i-- > 0;) /* a later loop may need an earlier one's size */
		if (loop_symbol(loops[i]) && lacks(v, loop_symbol(loops[i])))
			v = val_new(cx, OP_after, 2, (const Val *[]){v, val_get(cx, loops[i], 0)}, NULL);
	return v;
}
