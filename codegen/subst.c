/* subst.c: expressions at other points: indices in the place of loop variables, parts of arrays in the place of arrays. */
#include "codegen/kernel.h"

#include <assert.h>

Subst subst_new(Program *p)
{
	Subst s = {.p = p};
	map_init(&s.done, p->arena);
	map_init(&s.parts, p->arena);
	return s;
}

void subst_var(Subst *s, const Var *from, const Index *to)
{
	assert(s->n < MAX_SUBST);
	s->from[s->n] = from;
	s->to[s->n++] = to;
}

static const Index *index_for(const Subst *s, const Var *v)
{
	for (int i = 0; i < s->n; i++)
		if (s->from[i] == v) return s->to[i];
	return index_var(s->p, v);
}

static const Index *subst_index(Subst *s, const Index *x)
{
	const Index *made = index_dim(s->p, x->base);
	for (int i = 0; i < x->n_terms; i++) {
		const Atom *a = x->terms[i].atom;
		const Index *term;
		switch (a->kind) {
		case ATOM_VAR: term = index_for(s, a->var); break;
		case ATOM_DIV: term = index_div(s->p, subst_index(s, a->a), a->n); break;
		case ATOM_MOD: term = index_mod(s->p, subst_index(s, a->a), a->n); break;
		default: term = index_expr(s->p, subst_expr(s, a->expr), a->n);
		}
		made = index_add(s->p, made, index_scale(s->p, term, x->terms[i].coef));
	}
	return made;
}

const Index *const *subst_indices(Subst *s, int n, const Index *const *list)
{
	const Index **made = NEWN(s->p->arena, const Index *, n);
	for (int i = 0; i < n; i++) made[i] = subst_index(s, list[i]);
	return made;
}

void subst_part(Subst *s, const Buffer *b, int dim, const Index *from)
{
	SubstPart *part = NEW(s->p->arena, SubstPart);
	*part = (SubstPart){dim, index_scale(s->p, from, dim_int(s->p->cx, -1))};
	map_put(&s->parts, b, part);
}

const Index *const *subst_place(Subst *s, const Buffer *b, const Index *const *index)
{
	const Index *const *made = subst_indices(s, b->rank, index);
	const SubstPart *part = map_get(&s->parts, b);
	if (!part) return made;
	const Index **moved = arena_copy(s->p->arena, made, sizeof *made * (size_t)b->rank);
	moved[part->dim] = index_add(s->p, moved[part->dim], part->minus);
	return moved;
}

Acc *subst_acc(Subst *s, const Acc *a)
{
	if (!a) return NULL;
	Acc *made = (Acc *)(uintptr_t)map_get(&s->done, a);
	if (made) return made;
	made = arena_copy(s->p->arena, a, sizeof *a);
	made->id = s->p->n_ids++;
	map_put(&s->done, a, made);
	made->init = a->init ? subst_expr(s, a->init) : NULL;
	made->value = subst_expr(s, a->value);
	made->into = subst_acc(s, a->into);
	return made;
}

const Expr *subst_expr(Subst *s, const Expr *e)
{
	const Expr *made = map_get(&s->done, e), *args[3] = {NULL};
	if (made) return made;
	for (int i = 0; i < e->n_args; i++) args[i] = subst_expr(s, e->args[i]);
	switch (e->kind) {
	case EX_INDEX: made = expr_index(s->p, subst_index(s, e->value)); break;
	case EX_OP: made = expr_op(s->p, e->op, e->elem, e->n_args, args); break;
	case EX_LOAD: made = expr_load(s->p, e->buffer, subst_place(s, e->buffer, e->index)); break;
	case EX_ACC: made = expr_acc(s->p, subst_acc(s, e->acc)); break;
	case EX_ROUND: made = expr_round(s->p, e->elem, args[0]); break;
	default: made = e;
	}
	map_put(&s->done, e, made);
	return made;
}
