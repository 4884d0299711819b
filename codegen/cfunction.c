/* cfunction.c: a kernel, or several that run row by row (rows.c), as a C function: its signature, and the loops around what
 * ckernel.c prints.
 */
#include "codegen/emit.h"

#include <string.h>

/* ---- names ---- */

/* A name of the variable that no other variable, dim or array of the function has. */
static void name_var(Emit *em, const Var *v, Map *taken)
{
	const char *name = intern(em->cx, v->name);
	for (int k = 2; map_get(taken, name); k++)
		name = intern(em->cx, arena_printf(em->cx->arena, "%s%d", v->name, k));
	map_put(taken, name, name);
	map_put(&em->names, v, name);
}

/* Of the variables that are the kernel's own; those that it shares with `first` are called as there. */
static void name_vars(Emit *em, const Kernel *k, const Kernel *first, int n_shared, const Map *taken)
{
	Map own;
	map_init(&own, em->cx->arena);
	for (size_t i = 0; i < taken->cap; i++)
		if (taken->keys[i]) map_put(&own, taken->keys[i], taken->values[i]);
	for (int i = 0; i < n_shared; i++)
		map_put(&em->names, kernel_loop(k, i), map_get(&em->names, kernel_loop(first, i)));
	for (int i = 0; i < k->n_vars; i++)
		if (!map_get(&em->names, k->vars[i])) name_var(em, k->vars[i], &own);
	for (int a = 0; a < k->n_accs; a++)
		for (int i = 0; i < k->accs[a]->n_vars; i++)
			if (!map_get(&em->names, k->accs[a]->vars[i])) name_var(em, k->accs[a]->vars[i], &own);
}

static void count_visit(void *user, const Expr *e)
{
	Map *uses = user;
	for (int i = 0; i < e->n_args; i++)
		map_put(uses, e->args[i], (void *)((intptr_t)map_get(uses, e->args[i]) + 1));
}

static void count_root(Emit *em, const Expr *e, Map *seen)
{
	map_put(&em->uses, e, (void *)((intptr_t)map_get(&em->uses, e) + 1));
	expr_each(e, seen, count_visit, &em->uses);
}

static void count_uses(Emit *em)
{
	const Kernel *k = em->k;
	Map seen;
	map_init(&em->uses, em->cx->arena);
	map_init(&seen, em->cx->arena);
	for (int i = 0; i < k->n_accs; i++) {
		count_root(em, k->accs[i]->value, &seen);
		if (k->accs[i]->init) count_root(em, k->accs[i]->init, &seen);
	}
	for (int i = 0; i < k->n_stores; i++) count_root(em, k->stores[i].value, &seen);
}

/* ---- the parts of a function ---- */

/* What is computed and how, above it. */
static void emit_comment(Emit *em, Buf *b, const char *from)
{
	if (from) buf_printf(b, "  from %s\n", from);
	for (char *p = b->text; *p; p++)
		if ((p[0] == '*' && p[1] == '/') || (p[0] == '/' && p[1] == '*') || *p == '\\') *p = ' ';
	const char *start = "/* ";
	for (char *p = b->text, *end; *p; p = end + 1, start = " * ") {
		end = strchr(p, '\n');
		line(em->w, "%s%.*s%s", start, (int)(end - p), p, end[1] ? "" : " */");
	}
}

static void add_param(Buf *b, const char *user, const char *type, const char *name)
{
	if (!user || find_word(user, name)) buf_printf(b, "%s%s%s", b->size ? ", " : "", type, name);
}

/* Those that the text of `user` mentions, NULL: all; as arguments of a call: without their types. */
static void list_params(const Emit *em, Buf *b, const Params *ps, const char *user, bool call)
{
	Ctx *cx = em->cx;
	if (em->blob && ps->constants)
		add_param(b, user, call ? "" : arena_printf(cx->arena, "const %s_weights *", em->blob), "weights");
	for (int i = 0; i < ps->n_syms; i++) add_param(b, user, call ? "" : "int64_t ", dim_name(cx, ps->syms[i]));
	for (int i = 0; i < ps->n_outer; i++) add_param(b, user, call ? "" : "int64_t ", ps->outer[i]->name);
	for (int i = 0; i < ps->n_buffers; i++)
		add_param(b, user,
			call ? ""
			     : arena_printf(cx->arena, "%s%s *restrict ", ps->written[i] ? "" : "const ",
				       elem_info[ps->buffers[i]->elem].ctype),
			ps->buffers[i]->name);
}

static const char *instructions_wanted(int n, Kernel *const *kernels)
{
	bool dots = false;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < kernels[i]->n_packs; k++) dots |= kernels[i]->packs[k].dotted;
	return dots ? "__attribute__((target(\"avx512bf16\"))) " : "";
}

static void emit_signature(Emit *em, const char *name, const Params *ps, int n, Kernel *const *kernels, bool sliced)
{
	Buf b;
	buf_init(&b, em->cx->arena);
	list_params(em, &b, ps, NULL, false);
	if (sliced) buf_puts(&b, b.size ? ", int part, int parts" : "int part, int parts");
	line(em->w, OUT_OF_LINE "%svoid %s(%s)", instructions_wanted(n, kernels), name, b.size ? b.text : "void");
}

/* The loops from number `first` on around the kernel's blocks. */
static void open_loops(Emit *em, const Kernel *k, int first, int end, bool sliced)
{
	for (int i = first; i < end; i++) {
		const Var *var = kernel_loop(k, i);
		const char *v = var_c(em, var), *n = size_c(em, var->extent);
		const char *from = sliced && i == 0 ? slice_c(em, n, 1, 0) : "0";
		open_block(em->w, "for (int64_t %s = %s; %s < %s; %s++)", v, from, v,
			sliced && i == 0 ? slice_c(em, n, 1, 1) : n, v);
	}
}

static void begin_kernel(Emit *em, const Kernel *k)
{
	em->k = k;
	em->vector = k->schedule.vector >= 0 ? k->vars[k->schedule.vector] : NULL;
	em->row = k->schedule.rows >= 0 ? k->vars[k->schedule.rows] : NULL;
	em->lanes = k->schedule.lanes;
	em->vector_at = em->row_at = AT_VARIABLE;
	em->block = em->partial = NULL;
	map_init(&em->flags, em->cx->arena);
	count_uses(em);
}

/* What is inside of the loops shared with others. */
static void emit_inner(Emit *em, const Kernel *k, int n_shared, bool sliced)
{
	const int n = kernel_loops(k);
	open_loops(em, k, n_shared, n, sliced);
	emit_blocks(em, sliced && n == 0);
	for (int i = n_shared; i < n; i++) close_block(em->w);
}

static Map begin_function(Emit *em, const Params *ps)
{
	Ctx *cx = em->cx;
	Map taken;
	em->n_temps = 0;
	map_init(&em->names, cx->arena);
	map_init(&taken, cx->arena);
	for (int i = 0; i < ps->n_syms; i++) map_put(&taken, intern(cx, dim_name(cx, ps->syms[i])), "");
	for (int i = 0; i < ps->n_buffers; i++) map_put(&taken, intern(cx, ps->buffers[i]->name), "");
	for (int i = 0; i < ps->n_outer; i++) map_put(&taken, intern(cx, ps->outer[i]->name), "");
	return taken;
}

/* ---- a block as a function ---- */

static void note_function(void *user, const Expr *e)
{
	uint64_t *functions = user;
	if (expr_is_function(e)) *functions |= UINT64_C(1) << (e->op - OP_EW_exp);
}

/* Is there a loop over blocks that each need more constants than there are registers?  Those of two functions are. */
static bool has_crowded_blocks(Emit *em)
{
	const Kernel *k = em->k;
	int64_t n;
	if (em->lanes == 1 || !em->vector || !k->n_accs || !dim_is_int(em->vector->extent, &n) ||
		n < 2 * (int64_t)em->lanes * k->schedule.unroll)
		return false;
	uint64_t functions = 0;
	Map seen;
	map_init(&seen, em->cx->arena);
	for (int i = 0; i < k->n_stores; i++) expr_each(k->stores[i].value, &seen, note_function, &functions);
	return functions & (functions - 1);
}

static void emit_block_function(Emit *em, Kernel *k, const Params *ps)
{
	Arena *arena = em->cx->arena;
	Writer body, *all = em->w;
	writer_init(&body, arena);
	em->w = &body;
	open_block(em->w, "%s", "");
	sizes_begin(em);
	emit_main_block(em);
	sizes_end(em);
	close_block(em->w);
	em->w = all;
	Buf lists[2]; /* of parameters, of arguments */
	for (int call = 0; call < 2; call++) {
		buf_init(&lists[call], arena);
		list_params(em, &lists[call], ps, body.buf.text, call);
		for (int i = 0; i < kernel_loops(k); i++)
			add_param(&lists[call], body.buf.text, call ? "" : "int64_t ", var_c(em, kernel_loop(k, i)));
		add_param(&lists[call], body.buf.text, call ? "" : "int64_t ", var_c(em, em->vector));
	}
	vocab_fn(em->vocab, "block", F32, true);
	em->block = unique_name(em->p, arena_printf(arena, "%s_block", k->name));
	em->block_args = lists[1].text;
	line(em->w, "V_BLOCK %svoid %s(%s)", instructions_wanted(1, &k), em->block, lists[0].text);
	buf_write(&all->buf, body.buf.text, body.buf.size);
	line(em->w, "%s", "");
}

/* ---- a function ---- */

void emit_kernel(Emit *em, Kernel *k)
{
	const Params ps = kernel_params(em->p, k);
	const Map taken = begin_function(em, &ps);
	name_vars(em, k, k, 0, &taken);
	begin_kernel(em, k);
	Buf b;
	buf_init(&b, em->cx->arena);
	kernel_print(&b, k);
	emit_comment(em, &b, k->text);
	if (has_crowded_blocks(em)) emit_block_function(em, k, &ps);
	emit_signature(em, k->name, &ps, 1, &k, k->schedule.parallel);
	open_block(em->w, "%s", "");
	sizes_begin(em);
	emit_inner(em, k, 0, k->schedule.parallel);
	sizes_end(em);
	close_block(em->w);
	line(em->w, "%s", "");
}

/* What one kernel computes of a row and another reads: variables.  A kernel that skips rows may leave one as it is. */
static void declare_scalars(Emit *em, int n, Kernel *const *kernels)
{
	Map declared;
	map_init(&declared, em->cx->arena);
	for (int i = 0; i < n; i++)
		for (int s = 0; s < kernels[i]->n_stores; s++) {
			const Buffer *b = kernels[i]->stores[s].buffer;
			if (!buffer_is_scalar(b) || map_get(&declared, b)) continue;
			map_put(&declared, b, b);
			line(em->w, "%s %s%s;", elem_info[b->elem].ctype, b->name, kernels[i]->where ? " = 0" : "");
		}
}

static bool has_var(const Kernel *k, const char *name)
{
	bool has = false;
	for (int i = 0; i < k->n_vars; i++) has |= strcmp(k->vars[i]->name, name) == 0;
	for (int a = 0; a < k->n_accs; a++)
		for (int i = 0; i < k->accs[a]->n_vars; i++) has |= strcmp(k->accs[a]->vars[i]->name, name) == 0;
	return has;
}

/* A loop that several kernels share has one name in the comment, the last kernel's. */
static void rename_shared(int n, Kernel *const *kernels, int n_shared)
{
	for (int m = 0; m < n - 1; m++)
		for (int i = 0; i < n_shared; i++) {
			const char *name = kernel_loop(kernels[n - 1], i)->name;
			if (!has_var(kernels[m], name)) ((Var *)(uintptr_t)kernel_loop(kernels[m], i))->name = name;
		}
}

void emit_row_kernels(Emit *em, const Stmt *s)
{
	const int n = s->body.n;
	Kernel **kernels = NEWN(em->cx->arena, Kernel *, n);
	for (int i = 0; i < n; i++) kernels[i] = s->body.stmts[i]->kernel;
	rename_shared(n, kernels, s->n_shared);
	const Params ps = rows_params(em->p, s);
	Map taken = begin_function(em, &ps);
	for (int i = 0; i < n; i++)
		for (int t = 0; t < kernels[i]->n_stores; t++)
			map_put(&taken, intern(em->cx, kernels[i]->stores[t].buffer->name), "");
	for (int i = 0; i < s->n_shared; i++) name_var(em, kernel_loop(kernels[0], i), &taken);
	for (int i = 0; i < n; i++) name_vars(em, kernels[i], kernels[0], s->n_shared, &taken);
	Buf b;
	buf_init(&b, em->cx->arena);
	rows_print(&b, s);
	emit_comment(em, &b, kernels[n - 1]->text);
	emit_signature(em, s->name, &ps, n, kernels, s->sliced);
	open_block(em->w, "%s", "");
	sizes_begin(em);
	open_loops(em, kernels[0], 0, s->n_shared, s->sliced);
	declare_scalars(em, n, kernels);
	for (int i = 0; i < n; i++) {
		const bool alone = !has_names(kernels[i]) || kernel_loops(kernels[i]) > s->n_shared;
		begin_kernel(em, kernels[i]);
		if (!alone) open_block(em->w, "%s", "");
		emit_inner(em, kernels[i], s->n_shared, false);
		if (!alone) close_block(em->w);
	}
	for (int i = 0; i < s->n_shared; i++) close_block(em->w);
	sizes_end(em);
	close_block(em->w);
	line(em->w, "%s", "");
}
