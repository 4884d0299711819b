/* touch.c: the arrays, dims and loop variables that a kernel reads and writes: its C parameters. */
#include "codegen/emit.h"

#include <string.h>

typedef struct {
	Program *p;
	const Kernel *k;
	Params params;
	bool *read, *written;
} Touch;

static void touch_buffer(Touch *t, const Buffer *buffer, bool write)
{
	Buffer *b = buffer_root(buffer);
	Params *ps = &t->params;
	if (buffer_is_scalar(b)) return;
	if (b->kind == BUF_CONST) {
		ps->constants = true;
		return;
	}
	for (int i = 0; i < ps->n_buffers; i++)
		if (ps->buffers[i] == b) {
			t->read[i] |= !write;
			t->written[i] |= write;
			return;
		}
	Buffer **buffers = NEWN(t->p->arena, Buffer *, ps->n_buffers + 1);
	bool *read = NEWN(t->p->arena, bool, ps->n_buffers + 1), *written = NEWN(t->p->arena, bool, ps->n_buffers + 1);
	if (ps->n_buffers) {
		memcpy(buffers, ps->buffers, sizeof *buffers * (size_t)ps->n_buffers);
		memcpy(read, t->read, sizeof *read * (size_t)ps->n_buffers);
		memcpy(written, t->written, sizeof *written * (size_t)ps->n_buffers);
	}
	buffers[ps->n_buffers] = b;
	read[ps->n_buffers] = !write;
	written[ps->n_buffers++] = write;
	ps->buffers = buffers;
	t->read = read;
	t->written = written;
}

static void touch_sym(void *user, const Sym *s)
{
	Touch *t = user;
	Params *ps = &t->params;
	int at = 0;
	for (; at < ps->n_syms && ps->syms[at]->id <= s->id; at++)
		if (ps->syms[at] == s) return;
	const Sym **syms = NEWN(t->p->arena, const Sym *, ps->n_syms + 1);
	for (int i = 0; i < ps->n_syms; i++) syms[i + (i >= at)] = ps->syms[i];
	syms[at] = s;
	ps->syms = syms;
	ps->n_syms++;
}

static void touch_dim(Touch *t, const Dim *d) { dim_each_sym(d, touch_sym, t); }

static bool is_own(const Kernel *k, const Var *v)
{
	for (int i = 0; i < k->n_vars; i++)
		if (k->vars[i] == v) return true;
	for (int a = 0; a < k->n_accs; a++)
		for (int i = 0; i < k->accs[a]->n_vars; i++)
			if (k->accs[a]->vars[i] == v) return true;
	return false;
}

static void touch_var(Touch *t, const Var *v)
{
	Params *ps = &t->params;
	if (is_own(t->k, v)) return;
	for (int k = 0; k < ps->n_outer; k++)
		if (ps->outer[k] == v) return;
	const Var **outer = NEWN(t->p->arena, const Var *, ps->n_outer + 1);
	if (ps->n_outer) memcpy(outer, ps->outer, sizeof *outer * (size_t)ps->n_outer);
	outer[ps->n_outer++] = v;
	ps->outer = outer;
}

static void touch_expr(Touch *t, const Expr *e);

static void touch_index(Touch *t, const Index *x)
{
	touch_dim(t, x->base);
	for (int i = 0; i < x->n_terms; i++) {
		const Atom *a = x->terms[i].atom;
		touch_dim(t, x->terms[i].coef);
		if (a->n) touch_dim(t, a->n);
		if (a->kind == ATOM_EXPR) {
			touch_expr(t, a->expr);
		} else if (a->a) {
			touch_index(t, a->a);
		} else {
			touch_var(t, a->var);
		}
	}
}

static void touch_visit(void *user, const Expr *e)
{
	Touch *t = user;
	if (e->kind == EX_DIM) touch_dim(t, e->dim);
	if (e->kind == EX_INDEX) touch_index(t, e->value);
	if (e->kind == EX_LOAD) {
		touch_buffer(t, e->buffer, false);
		touch_index(t, buffer_offset(t->p, e->buffer, e->index));
	}
}

static void touch_expr(Touch *t, const Expr *e) { expr_walk(e, touch_visit, t); }

static void touch_reads(Touch *t, const Kernel *k)
{
	t->k = k;
	for (int i = 0; i < k->n_vars; i++) touch_dim(t, k->vars[i]->extent);
	for (int i = 0; i < k->n_accs; i++) {
		touch_expr(t, k->accs[i]->value);
		if (k->accs[i]->init) touch_expr(t, k->accs[i]->init);
		for (int r = 0; r < k->accs[i]->n_vars; r++) touch_dim(t, k->accs[i]->vars[r]->extent);
	}
	for (int i = 0; i < k->n_stores; i++) touch_expr(t, k->stores[i].value);
	if (k->where) touch_expr(t, k->where);
}

static void touch_stores(Touch *t, const Kernel *k)
{
	t->k = k;
	for (int i = 0; i < k->n_stores; i++) {
		touch_buffer(t, k->stores[i].buffer, true);
		touch_index(t, buffer_offset(t->p, k->stores[i].buffer, k->stores[i].index));
	}
	if (k->schedule.turn) touch_var(t, k->schedule.turn);
}

static Params params_of(Touch *t)
{
	t->params.read = t->read;
	t->params.written = t->written;
	return t->params;
}

Params kernel_params(Program *p, const Kernel *k)
{
	Touch t = {.p = p};
	touch_reads(&t, k);
	touch_stores(&t, k); /* results last */
	return params_of(&t);
}

Params rows_params(Program *p, const Stmt *s)
{
	Touch t = {.p = p};
	for (int i = 0; i < s->body.n; i++) touch_reads(&t, s->body.stmts[i]->kernel);
	for (int i = 0; i < s->body.n; i++) touch_stores(&t, s->body.stmts[i]->kernel);
	return params_of(&t);
}

Params special_params(Program *p, const Stmt *s)
{
	Kernel none = {0};
	Touch t = {.p = p, .k = &none};
	for (int i = 0; i < s->n_ins; i++) {
		touch_buffer(&t, s->ins[i], false);
		for (int d = 0; d < s->ins[i]->rank; d++) touch_dim(&t, s->ins[i]->dims[d]);
	}
	touch_buffer(&t, s->out, true);
	return params_of(&t);
}
