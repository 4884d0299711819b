/* sizes.c: sizes that the model's own values decide.
 *
 * A `size` whose value is a `computed` symbol by itself gives that symbol its value, and so does a loop whose length is one: the
 * sizer of the symbol.  A value that mentions such a symbol in its attributes, or in a body, therefore comes after its sizer
 * (graph_order), and that must be there: where no operand leads to it, as in a fill of shape [N], `after` does.
 */
#include "ir/ir.h"

const Sym *size_symbol(const Val *v)
{
	if (v->op != OP_loop && v->op != OP_size) return NULL;
	const Sym *s = dim_symbol(val_dims(v, v->op == OP_loop ? A_LENGTH : A_VALUE)[0]);
	return s && s->computed ? s : NULL;
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
		if (size_symbol(order.vals[i])) map_put(&own, size_symbol(order.vals[i]), order.vals[i]);
	Mentions inner = {mention, m, &own};
	for (int i = 0; i < order.n; i++) val_each_size(order.vals[i], mention, &inner);
	arena_free(scratch);
}

void val_each_size(const Val *v, void (*each)(void *user, const Sym *), void *user)
{
	Mentions m = {.each = each, .user = user};
	const Sym *own = size_symbol(v);
	for (int k = 0; k < v->n_attrs; k++) {
		const Attr *a = &v->attrs[k];
		for (int i = 0; attr_info[a->key].kind == ATTR_DIMS && i < a->n && !own; i++)
			dim_each_sym(a->dims[i], mention, &m);
		for (int i = 0; attr_info[a->key].kind == ATTR_GRAPHS && i < a->n; i++) each_in_body(a->graphs[i], &m);
	}
}

/* ---- keeping the sizers ---- */

typedef struct {
	Arena *scratch;
	Map has, mentions; /* Sym */
} Sizes;

static void see_mention(void *user, const Sym *s)
{
	Sizes *sizes = user;
	map_put(&sizes->mentions, s, s);
}

static void see_sizes(const Val *v, Sizes *sizes)
{
	map_init(&sizes->has, sizes->scratch);
	map_init(&sizes->mentions, sizes->scratch);
	const Graph alone = {.n_results = 1, .results = &v};
	const Order order = graph_order(sizes->scratch, &alone);
	for (int i = 0; i < order.n; i++) {
		if (size_symbol(order.vals[i])) map_put(&sizes->has, size_symbol(order.vals[i]), order.vals[i]);
		val_each_size(order.vals[i], see_mention, sizes);
	}
}

const Val *val_keep_sizers(Ctx *cx, const Val *v, int n, const Val *const *sizers)
{
	if (v->type->is_tuple || n == 0) return v;
	Sizes sizes = {.scratch = arena_new()};
	see_sizes(v, &sizes);
	for (int i = n; i-- > 0;) { /* a later one may need an earlier one's size */
		const Sym *s = size_symbol(sizers[i]);
		if (!s || !map_get(&sizes.mentions, s) || map_get(&sizes.has, s)) continue;
		const Val *count = sizers[i]->type->is_tuple ? val_get(cx, sizers[i], 0) : sizers[i];
		v = b_after(cx, v, count);
		see_sizes(v, &sizes);
	}
	arena_free(sizes.scratch);
	return v;
}
