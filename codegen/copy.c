/* copy.c: a program of its own, equal to another: what a pass changes instead of its input.
 *
 * Variables, dims, types and the data of constants never change and are shared; statements, buffers, accumulators and the
 * expressions that refer to them are copied.  Ids stay, so that everything that is ordered by them keeps its order.  The names
 * of the file (Names) are shared: they only ever grow.
 */
#include "codegen/consing.h"

#include <string.h>

typedef struct {
	Program *to;
	Map done; /* what was copied: Buffer, Acc, Atom, Index, Expr -> the copy */
} Copy;

static const Expr *copy_expr(Copy *, const Expr *);
static const Index *copy_index(Copy *, const Index *);

static Buffer *copy_buffer(Copy *c, const Buffer *b) { return b ? c->to->buffers[b->id] : NULL; }

static void copy_buffers(Copy *c, const Program *from)
{
	Program *to = c->to;
	int room = 1;
	while (room < from->n_buffers) room *= 2; /* buffer_new doubles at powers of two */
	to->buffers = NEWN(to->arena, Buffer *, room);
	for (int i = 0; i < from->n_buffers; i++)
		to->buffers[i] = arena_copy(to->arena, from->buffers[i], sizeof **from->buffers);
	for (int i = 0; i < from->n_buffers; i++) {
		Buffer *b = to->buffers[i];
		b->order = arena_copy(to->arena, b->order, sizeof *b->order * (size_t)b->rank);
		b->alias = copy_buffer(c, b->alias);
	}
}

static Buffer **copy_buffer_list(Copy *c, int n, Buffer *const *list)
{
	Buffer **made = NEWN(c->to->arena, Buffer *, n);
	for (int i = 0; i < n; i++) made[i] = copy_buffer(c, list[i]);
	return made;
}

static Acc *copy_acc(Copy *c, const Acc *a)
{
	if (!a) return NULL;
	Acc *made = (Acc *)(uintptr_t)map_get(&c->done, a);
	if (made) return made;
	made = arena_copy(c->to->arena, a, sizeof *a);
	map_put(&c->done, a, made);
	made->init = a->init ? copy_expr(c, a->init) : NULL;
	made->value = a->value ? copy_expr(c, a->value) : NULL;
	made->into = copy_acc(c, a->into);
	return made;
}

static const Atom *copy_atom(Copy *c, const Atom *a)
{
	const Atom *made = map_get(&c->done, a);
	if (made) return made;
	Atom want = *a;
	want.a = a->a ? copy_index(c, a->a) : NULL;
	want.expr = a->expr ? copy_expr(c, a->expr) : NULL;
	made = atom_unique(c->to, &want);
	map_put(&c->done, a, made);
	return made;
}

static const Index *copy_index(Copy *c, const Index *x)
{
	const Index *made = map_get(&c->done, x);
	if (made) return made;
	Index want = *x;
	IndexTerm *terms = NEWN(c->to->arena, IndexTerm, x->n_terms);
	for (int i = 0; i < x->n_terms; i++) terms[i] = (IndexTerm){x->terms[i].coef, copy_atom(c, x->terms[i].atom)};
	want.terms = terms;
	made = index_unique(c->to, &want);
	map_put(&c->done, x, made);
	return made;
}

static const Index *const *copy_indices(Copy *c, int n, const Index *const *list)
{
	const Index **made = NEWN(c->to->arena, const Index *, n);
	for (int i = 0; i < n; i++) made[i] = copy_index(c, list[i]);
	return made;
}

static const Expr *copy_expr(Copy *c, const Expr *e)
{
	const Expr *made = map_get(&c->done, e);
	if (made) return made;
	Expr want = *e;
	for (int i = 0; i < e->n_args; i++) want.args[i] = copy_expr(c, e->args[i]);
	want.value = e->value ? copy_index(c, e->value) : NULL;
	want.index = e->kind == EX_LOAD ? copy_indices(c, e->buffer->rank, e->index) : NULL;
	want.buffer = copy_buffer(c, e->buffer);
	want.acc = copy_acc(c, e->acc);
	made = expr_unique(c->to, &want);
	map_put(&c->done, e, made);
	return made;
}

static Kernel *copy_kernel(Copy *c, const Kernel *k)
{
	Arena *arena = c->to->arena;
	Kernel *made = arena_copy(arena, k, sizeof *k);
	made->accs = NEWN(arena, Acc *, k->n_accs);
	for (int i = 0; i < k->n_accs; i++) made->accs[i] = copy_acc(c, k->accs[i]);
	made->stores = NEWN(arena, Store, k->n_stores);
	for (int i = 0; i < k->n_stores; i++) {
		const Store *s = &k->stores[i];
		made->stores[i] = (Store){
			copy_buffer(c, s->buffer), copy_indices(c, s->buffer->rank, s->index), copy_expr(c, s->value)};
	}
	made->where = k->where ? copy_expr(c, k->where) : NULL;
	made->packs = NEWN(arena, Pack, k->n_packs);
	for (int i = 0; i < k->n_packs; i++) {
		Pack *pack = &made->packs[i];
		*pack = k->packs[i];
		pack->buffer = copy_buffer(c, pack->buffer);
		pack->acc = copy_acc(c, pack->acc);
		pack->loads = NEWN(arena, const Expr *, pack->n_slots);
		for (int s = 0; s < pack->n_slots; s++) pack->loads[s] = copy_expr(c, k->packs[i].loads[s]);
	}
	Fetch *fetches = NEWN(arena, Fetch, k->n_fetches);
	for (int i = 0; i < k->n_fetches; i++) {
		const Fetch *f = &k->fetches[i];
		fetches[i] = (Fetch){copy_buffer(c, f->buffer), copy_indices(c, f->buffer->rank, f->index), f->next};
	}
	made->fetches = fetches;
	return made;
}

static Carry *copy_carries(Copy *c, int n, const Carry *carries)
{
	Carry *made = NEWN(c->to->arena, Carry, n);
	for (int i = 0; i < n; i++) made[i] = (Carry){copy_buffer(c, carries[i].now), copy_buffer(c, carries[i].next)};
	return made;
}

static Block copy_block(Copy *c, const Block *from)
{
	Block made = {0};
	for (int i = 0; i < from->n; i++) {
		Stmt *s = arena_copy(c->to->arena, from->stmts[i], sizeof *s);
		s->kernel = s->kernel ? copy_kernel(c, s->kernel) : NULL;
		s->count = copy_buffer(c, s->count);
		s->limit = copy_buffer(c, s->limit);
		s->go = copy_buffer(c, s->go);
		s->go_next = copy_buffer(c, s->go_next);
		s->carries = copy_carries(c, s->n_carries, s->carries);
		s->body = copy_block(c, &from->stmts[i]->body);
		s->other = copy_block(c, &from->stmts[i]->other);
		s->cond = s->cond ? copy_expr(c, s->cond) : NULL;
		s->out = copy_buffer(c, s->out);
		s->ins = copy_buffer_list(c, s->n_ins, s->ins);
		block_add(c->to, &made, s);
	}
	return made;
}

static Map copy_map(Arena *arena, const Map *from)
{
	Map to;
	map_init(&to, arena);
	for (size_t i = 0; i < from->cap; i++)
		if (from->keys[i]) map_put(&to, from->keys[i], from->values[i]);
	return to;
}

Program *program_copy(const Program *from)
{
	Copy c = {.to = arena_copy(from->arena, from, sizeof *from)};
	Program *to = c.to;
	map_init(&c.done, to->arena);
	to->consing = NEW(to->arena, struct Consing);
	to->locals = copy_map(to->arena, &from->locals);
	to->numbers = copy_map(to->arena, &from->numbers);
	copy_buffers(&c, from);
	to->inputs = copy_buffer_list(&c, from->n_inputs, from->inputs);
	to->outputs = copy_buffer_list(&c, from->n_outputs, from->outputs);
	to->carries = copy_carries(&c, from->n_states, from->carries);
	to->block = copy_block(&c, &from->block);
	return to;
}
