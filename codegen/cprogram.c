/* cprogram.c: the body of an entry point: arrays in the workspace, then the statements in order. */
#include "codegen/emit.h"
#include "codegen/lower.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *call_args(Emit *em, const Params *ps)
{
	Buf b;
	buf_init(&b, em->cx->arena);
	if (em->blob && ps->constants) buf_puts(&b, "weights");
	for (int i = 0; i < ps->n_syms; i++) buf_printf(&b, "%s%s", b.size ? ", " : "", dim_name(em->cx, ps->syms[i]));
	for (int i = 0; i < ps->n_outer; i++) buf_printf(&b, "%s%s", b.size ? ", " : "", ps->outer[i]->name);
	for (int i = 0; i < ps->n_buffers; i++) {
		const Buffer *x = ps->buffers[i];
		buf_printf(&b, "%s%s", b.size ? ", " : "", x->name);
		if (x->copies) buf_printf(&b, " + part * %s", factor_c(em->cx, size_c(em, buffer_copy(em->cx, x))));
	}
	return b.size ? b.text : "";
}

static void swap_carries(Emit *em, int n, const Carry *carries)
{
	int n_swaps = 0;
	for (int i = 0; i < n; i++) n_swaps += carries[i].next != NULL;
	for (int i = 0; i < n; i++) {
		const Buffer *now = carries[i].now, *next = carries[i].next;
		if (!next) continue;
		if (n_swaps > 1) open_block(em->w, "%s", "");
		line(em->w, "%s *swap = %s;", elem_info[now->elem].ctype, now->name);
		line(em->w, "%s = %s;", now->name, next->name);
		line(em->w, "%s = swap;", next->name);
		if (n_swaps > 1) close_block(em->w);
	}
}

static void note_call(Emit *em, CompiledKernel call)
{
	Kernels *list = em->kernels;
	list->items = arena_grow(em->cx->arena, list->items, list->n, &list->cap, sizeof *list->items);
	if (em->profile) line(em->w, em->in_team ? "if (part == 0) rnncc_tick(%d);" : "rnncc_tick(%d);", list->n);
	call.first = call.last = -1;
	list->items[list->n++] = call;
}

/* The kernels from `first` on were the body of a loop; those in loops of it are already noted. */
static void note_loop(Emit *em, int first)
{
	for (int i = first; i < em->kernels->n; i++)
		if (em->kernels->items[i].first < 0) {
			em->kernels->items[i].first = first;
			em->kernels->items[i].last = em->kernels->n - 1;
		}
}

static void emit_block(Emit *em, const Block *b);
static void emit_stmt(Emit *em, const Stmt *s);

/* In a team: who runs what.  What a single thread swaps all others read: it is the function's, not the team's. */
static void emit_members(Emit *em, const Block *b)
{
	Writer *w = em->w;
	bool open = false;
	for (int i = 0; i < b->n; i++) {
		const Stmt *s = b->stmts[i];
		if (open && (s->barrier || s->owner != b->stmts[i - 1]->owner)) {
			close_block(w);
			open = false;
		}
		if (s->barrier) line(w, "#pragma omp barrier");
		if (s->owner != OWNER_ALL && !open) {
			open_block(w, s->owner > 1 ? "if (part == %d %% parts)" : "if (part == 0)", s->owner - 1);
			open = true;
		}
		emit_stmt(em, s);
	}
	if (open) close_block(w);
}

/* Each thread swaps the carries of the loops that all run for itself; and so it does where threads run layers side by side: shared
 * pointers of several of them in one cache line would be what they wait for. */
static void name_carries(Buf *names, const Stmt *s)
{
	for (int i = 0; i < s->n_carries; i++)
		if (s->carries[i].next)
			buf_printf(names, "%s%s, %s", names->size ? ", " : "", s->carries[i].now->name,
				s->carries[i].next->name);
}

static void name_swapped(void *user, Stmt *s)
{
	if (s->owner == OWNER_ALL) name_carries(user, s);
	for (int i = 0; s->n_ranks && i < s->body.n; i++) name_carries(user, s->body.stmts[i]);
}

static void emit_team(Emit *em, const Block *b)
{
	Writer *w = em->w;
	Buf swapped;
	buf_init(&swapped, em->cx->arena);
	block_each(b, name_swapped, &swapped);
	const char *own = swapped.size ? arena_printf(em->cx->arena, " firstprivate(%s)", swapped.text) : "";
	line(w, "#pragma omp parallel num_threads(%d)%s", em->threads, own);
	open_block(w, "%s", "");
	line(w, "const int part = omp_get_thread_num(), parts = omp_get_num_threads();");
	em->in_team = true;
	emit_members(em, b);
	em->in_team = false;
	close_block(w);
}

/* The bound of a size that is an argument; NULL: there is none, or no array needs it. */
static const Sym *bound_argument(const Emit *em, const Sym *size)
{
	for (int i = 0; i < em->n_dims; i++)
		if (size->hi == INT64_MAX && em->dims[i]->most_of == size) return em->dims[i];
	return NULL;
}

/* The size is known.  Where it is not within its bounds the arrays are too small for it. */
static void emit_count(Emit *em, const Stmt *s, const char *most)
{
	const char *name = dim_name(em->cx, s->size), *count = s->count->name;
	line(em->w, "%s = %s[0];", name, count);
	if (s->limit) { /* else it ends there */
		line(em->w, "if (%s == %s && %s < %s[0] && %s[0])", name, most, name, s->limit->name, s->go->name);
		line(em->w, "\treturn %s_%s;", em->upper, bound_argument(em, s->size) ? "EMORE" : "EDIM");
	}
	if (s->size->lo > 0) {
		line(em->w, "if (%s < %" PRId64 ")", name, s->size->lo);
		line(em->w, "\treturn %s_EDIM;", em->upper);
	}
}

static void emit_size(Emit *em, const Stmt *s)
{
	em->n_memo = 0;
	const char *value = expr_c(em, s->cond, 0, 0);
	if (s->guard) {
		line(em->w, "if (!%s)", paren_c(em->cx, value));
		line(em->w, "\treturn %s_EVALUE; /* %s */", em->upper, comment_text(em->cx, s->guard));
		return;
	}
	if (!s->size) {
		line(em->w, "if (%s != %s)", value, size_c(em, s->want));
		line(em->w, "\treturn %s_EDIM;", em->upper);
		return;
	}
	const char *name = dim_name(em->cx, s->size);
	line(em->w, "%s = %s;", name, value);
	const int64_t lo = s->size->lo, hi = s->size->hi;
	const Sym *most = bound_argument(em, s->size);
	Buf outside;
	buf_init(&outside, em->cx->arena);
	if (lo > INT64_MIN) buf_printf(&outside, "%s < %" PRId64, name, lo);
	if (hi < INT64_MAX) buf_printf(&outside, "%s%s > %" PRId64, outside.size ? " || " : "", name, hi);
	if (!most && sym_within(s->size))
		buf_printf(&outside, "%s%s > %s", outside.size ? " || " : "", name, dim_c(em->cx, s->size->most));
	if (outside.size) {
		line(em->w, "if (%s)", outside.text);
		line(em->w, "\treturn %s_EDIM;", em->upper);
	}
	if (most) {
		line(em->w, "if (%s > %s)", name, dim_c(em->cx, s->size->most));
		line(em->w, "\treturn %s_EMORE;", em->upper);
	}
}

typedef struct {
	Emit *em;
	Map declared;
	const char *user; /* what comes behind the declarations */
} Sizes;

static void declare_size(void *user, Stmt *s)
{
	Sizes *sizes = user;
	Emit *em = sizes->em;
	if (!s->size || map_get(&sizes->declared, s->size)) return;
	map_put(&sizes->declared, s->size, s);
	const char *name = dim_name(em->cx, s->size);
	const Dim *within = sym_within(s->size);
	if (within) line(em->w, "int64_t %s = 0; /* computed, at most %s */", name, dim_c(em->cx, within));
	else if (s->size->hi == INT64_MAX) line(em->w, "int64_t %s = 0; /* computed */", name);
	else line(em->w, "int64_t %s = 0; /* computed, at most %" PRId64 " */", name, s->size->hi);
	if (!is_read(sizes->user, name)) line(em->w, "(void)%s;", name);
}

static const Dim *symbol_dim(Ctx *cx, const Sym *s)
{
	switch (s->kind) {
	case SYM_FLOORDIV: return dim_floordiv(cx, s->a, s->b);
	case SYM_MIN: return dim_min(cx, s->a, s->b);
	case SYM_MAX: return dim_max(cx, s->a, s->b);
	default: return dim_sym(cx, s->name);
	}
}

static void see_unbounded(void *user, const Sym *s) { *(bool *)user |= s->computed && s->hi == INT64_MAX; }

/* Sizes that a model computes may be any numbers: a product of them must be one before it is compared. */
static void emit_no_overflow(Emit *em, const Dim *d)
{
	for (int i = 0; i < d->n_terms; i++) {
		bool unbounded = false;
		Buf product;
		buf_init(&product, em->cx->arena);
		for (int k = 0; k < d->terms[i].n_syms; k++) {
			const Dim *factor = symbol_dim(em->cx, d->terms[i].syms[k]);
			dim_each_sym(factor, see_unbounded, &unbounded);
			buf_printf(&product, "%s(double)(%s)", k ? " * " : "", dim_c(em->cx, factor));
		}
		if (!unbounded || d->terms[i].n_syms < 2) continue;
		line(em->w, "if (%s > %.1f)", product.text, ldexp(1, 53) / fabs((double)d->terms[i].coef));
		line(em->w, "\treturn %s_EDIM;", em->upper);
	}
}

/* How many steps this chunk has. */
static void chunk_steps(Emit *em, const Stmt *s, const char *n)
{
	const char *t = s->var->name;
	if (s->chunk)
		line(em->w, "const int64_t %s = %s - %s < %" PRId64 " ? %s - %s : %" PRId64 ";",
			dim_name(em->cx, s->chunk), n, t, s->by, n, t, s->by);
}

static void open_chunks(Emit *em, const Stmt *s, const char *n)
{
	const char *t = s->var->name;
	if (s->reverse)
		open_block(em->w,
			"for (int64_t %s = (%s + %" PRId64 ") / %" PRId64 " * %" PRId64 "; (%s -= %" PRId64 ") >= 0;)",
			t, n, s->by - 1, s->by, s->by, t, s->by);
	else open_block(em->w, "for (int64_t %s = 0; %s < %s; %s += %" PRId64 ")", t, t, n, t, s->by);
	chunk_steps(em, s, n);
}

typedef struct {
	Program *p;
	const Buffer *buffer;
	bool found;
} Use;

static void see_use(void *user, Stmt *s)
{
	Use *u = user;
	if (s->kind != ST_KERNEL) return;
	const Params ps = kernel_params(u->p, s->kernel);
	for (int i = 0; i < ps.n_buffers; i++) u->found |= ps.buffers[i] == u->buffer;
}

/* The parts that this chunk has of arrays of several. */
static void use_chunks(Emit *em, const Stmt *s, int rank)
{
	for (int i = 0; i < em->p->n_buffers; i++) {
		const Buffer *b = em->p->buffers[i];
		Use use = {.p = em->p, .buffer = b};
		for (int k = 0; b->all && k < s->body.n; k++)
			if (s->body.stmts[k]->rank == rank) block_each(&(Block){1, &s->body.stmts[k]}, see_use, &use);
		if (!use.found) continue;
		const Dim *n = buffer_copy(em->cx, b);
		line(em->w, "%s *%s = %s + %s / %" PRId64 " %% %d * %s;", elem_info[b->elem].ctype, b->name, b->all,
			s->var->name, s->by, b->chunks, factor_c(em->cx, size_c(em, n)));
	}
}

/* What another thread has swapped at each step is swapped here once, if it is another one now. */
static void swap_others(Emit *em, const Stmt *s, const char *n)
{
	int64_t steps;
	const bool known = dim_is_int(s->length, &steps);
	for (int i = 0; i < s->body.n && !(known && steps % 2 == 0); i++) {
		const Stmt *of = s->body.stmts[i];
		Buf swapped;
		buf_init(&swapped, em->cx->arena);
		name_carries(&swapped, of);
		if (!swapped.size) continue;
		const char *who = of->rank ? arena_printf(em->cx->arena, "part != %d %% parts", of->rank) : "part != 0";
		if (known) open_block(em->w, "if (%s)", who);
		else open_block(em->w, "if (%s && %s %% 2)", who, paren_c(em->cx, n));
		swap_carries(em, of->n_carries, of->carries);
		close_block(em->w);
	}
}

/* Layers that threads run side by side, each some chunks behind the one below. */
static void emit_ranks(Emit *em, const Stmt *s, const char *n)
{
	Writer *w = em->w;
	const char *front = unique_local(em->p, "front"), *start = s->var->name;
	const Dim *all = dim_add(em->cx, s->length, dim_int(em->cx, s->by * (s->n_ranks - 1)));
	open_block(w, "for (int64_t %s = 0; %s < %s; %s += %" PRId64 ")", front, front, size_c(em, all), front, s->by);
	line(w, "#pragma omp barrier");
	for (int r = 0; r < s->n_ranks; r++) {
		const int64_t behind = r * s->by;
		Buf when;
		buf_init(&when, em->cx->arena);
		if (r) buf_printf(&when, "part == %d %% parts && %s >= %" PRId64, r, front, behind);
		else buf_puts(&when, "part == 0");
		if (r < s->n_ranks - 1)
			buf_printf(&when, " && %s < %s", front,
				size_c(em, dim_add(em->cx, s->length, dim_int(em->cx, behind))));
		open_block(w, "if (%s)", when.text);
		if (r) line(w, "const int64_t %s = %s - %" PRId64 ";", start, front, behind);
		else line(w, "const int64_t %s = %s;", start, front);
		chunk_steps(em, s, n);
		use_chunks(em, s, r);
		for (int i = 0; i < s->body.n; i++)
			if (s->body.stmts[i]->rank == r) emit_stmt(em, s->body.stmts[i]);
		close_block(w);
	}
	close_block(w);
	swap_others(em, s, n);
}

static void emit_stmt(Emit *em, const Stmt *s)
{
	Writer *w = em->w;
	if (s->kind == ST_KERNEL) {
		Params ps = kernel_params(em->p, s->kernel);
		const char *args = call_args(em, &ps),
			   *slice = !s->kernel->schedule.parallel ? ""
			: *args                                   ? ", part, parts"
								  : "part, parts";
		line(w, "%s(%s%s);", s->kernel->name, args, slice);
		const Kernel *k = s->kernel;
		const KernelCost cost = kernel_cost(k);
		note_call(em,
			(CompiledKernel){.name = k->name,
				.from = k->text,
				.flops = cost.flops,
				.bytes = cost.bytes,
				.parallel = k->schedule.parallel,
				.key = k->key,
				.schedule = schedule_of(em->p, k),
				.n_choices = k->n_choices,
				.choices = k->choices});
	} else if (s->kind == ST_ROWS) {
		const Params ps = rows_params(em->p, s);
		const Kernel **kernels = NEWN(em->cx->arena, const Kernel *, s->body.n);
		for (int i = 0; i < s->body.n; i++) kernels[i] = s->body.stmts[i]->kernel;
		const KernelCost cost = kernels_cost(s->body.n, kernels, 0);
		line(w, "%s(%s%s);", s->name, call_args(em, &ps), s->sliced ? ", part, parts" : "");
		note_call(em,
			(CompiledKernel){.name = s->name,
				.from = kernels[s->body.n - 1]->text,
				.flops = cost.flops,
				.bytes = cost.bytes,
				.parallel = s->sliced});
	} else if (s->kind == ST_SPECIAL) {
		Params ps = special_params(em->p, s);
		line(w, "%s(%s);", s->name, call_args(em, &ps));
		note_call(em, (CompiledKernel){.name = s->name, .from = s->val->loc, .bytes = special_cost(s).bytes});
	} else if (s->kind == ST_CHECK) {
		emit_no_overflow(em, s->seen);
		emit_no_overflow(em, s->want);
		const char *where = s->where ? arena_printf(em->cx->arena, "%s > 0 && ", size_c(em, s->where)) : "";
		line(w, "if (%s%s %s %s)", where, size_c(em, s->seen), s->at_least ? "<" : "!=", size_c(em, s->want));
		line(w, "\treturn %s_EDIM;", em->upper);
	} else if (s->kind == ST_SIZE) {
		emit_size(em, s);
	} else if (s->kind == ST_IF) {
		em->n_memo = 0;
		open_block(w, "if (%s)", expr_c(em, s->cond, 0, 0));
		emit_block(em, &s->body);
		if (s->other.n) {
			open_else(w, "%s", "");
			emit_block(em, &s->other);
		}
		close_block(w);
	} else {
		const char *t = s->var->name, *n = size_c(em, s->length);
		if (s->n_ranks) {
			const int first = em->kernels->n;
			emit_ranks(em, s, n);
			note_loop(em, first);
			return;
		}
		if (s->by) {
			open_chunks(em, s, n);
		} else if (s->go) {
			line(w, "%s[0] = 0;", s->count->name);
			Buf goes_on;
			buf_init(&goes_on, em->cx->arena);
			if (!dim_is(s->length, INT64_MAX)) buf_printf(&goes_on, "%s < %s && ", t, n);
			if (s->limit) buf_printf(&goes_on, "%s < %s[0] && ", t, s->limit->name);
			open_block(w, "for (int64_t %s = 0; %s%s[0]; %s++)", t, goes_on.size ? goes_on.text : "",
				s->go->name, t);
		} else if (s->reverse) {
			open_block(w, "for (int64_t %s = %s; %s-- > 0;)", t, n, t);
		} else {
			open_block(w, "for (int64_t %s = 0; %s < %s; %s++)", t, t, n, t);
		}
		const int first = em->kernels->n;
		emit_block(em, &s->body);
		note_loop(em, first);
		swap_carries(em, s->n_carries, s->carries);
		if (s->go) {
			line(w, "%s[0] = %s[0];", s->go->name, s->go_next->name);
			line(w, "%s[0] = %s + 1;", s->count->name, t);
		}
		close_block(w);
		if (s->size) emit_count(em, s, n);
	}
}

static void emit_block(Emit *em, const Block *b)
{
	if (b->n && b->stmts[0]->owner != OWNER_NONE) {
		emit_members(em, b);
		return;
	}
	for (int i = 0; i < b->n; i++) emit_stmt(em, b->stmts[i]);
}

static const char *without_word(Arena *arena, const char *text, const char *word)
{
	Buf b;
	buf_init(&b, arena);
	for (const char *at; (at = find_word(text, word)); text = at + strlen(word))
		buf_write(&b, text, (size_t)(at - text));
	buf_puts(&b, text);
	return b.text;
}

/* A kernel's functions, or that of several, unless another entry point has some that differ in nothing but their names: then
 * those are called. */
static void emit_shared(Emit *em, Stmt *s)
{
	Arena *arena = em->cx->arena;
	const char **name = s->kind == ST_ROWS ? &s->name : &s->kernel->name;
	Writer own, *all = em->w;
	writer_init(&own, arena);
	em->w = &own;
	if (s->kind == ST_ROWS) emit_row_kernels(em, s);
	else emit_kernel(em, s->kernel);
	em->w = all;
	const char *text = without_word(arena, own.buf.text, *name);
	const char *key = intern(em->cx, em->block ? without_word(arena, text, em->block) : text);
	const char *have = map_get(em->printed, key);
	if (have) {
		*name = have;
		return;
	}
	map_put(em->printed, key, *name);
	buf_write(&all->buf, own.buf.text, own.buf.size);
}

static void emit_functions(Emit *em, const Block *b)
{
	for (int i = 0; i < b->n; i++) {
		Stmt *s = b->stmts[i];
		if (s->kind == ST_KERNEL || s->kind == ST_ROWS) emit_shared(em, s);
		if (s->kind == ST_ROWS) continue;
		if (s->kind == ST_SPECIAL) {
			s->name = unique_name(em->p, arena_printf(em->cx->arena, "k_%s", op_info[s->val->op].name));
			emit_special(em, s, s->name);
		}
		emit_functions(em, &s->body);
		emit_functions(em, &s->other);
	}
}

/* The names of loop variables must differ from arrays' and dims': they are in the same scope. */
static void name_loops(void *user, Stmt *s)
{
	Program *p = user;
	if (s->kind == ST_LOOP) ((Var *)(uintptr_t)s->var)->name = unique_local(p, s->var->name);
}

void emit_kernels(Emit *em)
{
	block_each(&em->p->block, name_loops, em->p);
	emit_functions(em, &em->p->block);
}

const Dim *workspace_bytes(Program *p)
{
	const Dim *sum = dim_int(p->cx, 0);
	for (int i = 0; i < p->n_slots; i++) sum = dim_add(p->cx, sum, p->slot_bytes[i]);
	return sum;
}

/* The table of the workspace: what lives where.  `ws` goes along behind arrays whose size is not known. */
static void emit_plan(Emit *em)
{
	Program *p = em->p;
	const Dim *none = dim_int(em->cx, 0), *offset = none;
	for (int slot = 0; slot < p->n_slots; slot++) {
		for (int i = 0; i < p->n_buffers; i++) {
			const Buffer *b = p->buffers[i];
			if (b->slot != slot || b->alias || b->kind != BUF_WORK) continue;
			Buf type;
			buf_init(&type, em->cx->arena);
			type_print(&type, buffer_stored(em->cx, b));
			if (b->copies) buf_puts(&type, ", for each thread");
			if (!dim_is_int(offset, NULL)) {
				line(em->w, "ws += %s;", size_c(em, offset));
				offset = none;
			}
			const char *ctype = elem_info[b->elem].ctype, *at = address_c(em, "ws", size_c(em, offset));
			const char *cast = strcmp(ctype, "uint8_t") == 0 /* what ws points to */
				? ""
				: arena_printf(em->cx->arena, "(%s *)(void *)", ctype);
			line(em->w, "%s *%s = %s%s; /* %s */", ctype, b->all ? b->all : b->name, cast,
				*cast ? paren_c(em->cx, at) : at, type.text);
		}
		offset = dim_add(em->cx, offset, p->slot_bytes[slot]);
	}
}

/* Whole vectors first: that the two do not overlap is nothing that compilers see here, so of scalars they would make none. */
static void emit_copy(Emit *em, const Buffer *to, const Buffer *from)
{
	const Dim *size = dim_product(em->cx, to->rank, to->dims);
	const char *n = size_c(em, size), *i = "i = 0";
	const int lanes = vocab_lanes(em->vocab);
	int64_t count;
	if (to->elem == F32 && dim_is_int(size, &count) && lanes > 1 && count >= lanes) {
		const int64_t whole = count / lanes * lanes;
		line(em->w, "for (int64_t i = 0; i < %" PRId64 "; i += %d)", whole, lanes);
		line(em->w, "\t%s(%s + i, %s(%s + i));", vocab_fn(em->vocab, "storeu", F32, true), to->name,
			vocab_fn(em->vocab, "loadu", F32, true), from->name);
		if (whole == count) return;
		i = arena_printf(em->cx->arena, "i = %" PRId64, whole);
	}
	line(em->w, "for (int64_t %s; i < %s; i++)", i, n);
	line(em->w, "\t%s[i] = %s[i];", to->name, from->name);
}

/* Behind the declarations of sizes. */
static void emit_rest(Emit *em)
{
	const Program *p = em->p;
	emit_plan(em);
	if (em->profile) line(em->w, "rnncc_tick(-1);");
	emit_block(em, &(Block){p->team, p->block.stmts});
	if (p->team < p->block.n) emit_team(em, &(Block){p->block.n - p->team, p->block.stmts + p->team});
	for (int i = 0; i < p->n_states; i++) {
		const Carry *c = &p->carries[i];
		if (!c->next) continue;
		emit_copy(em, c->now, c->next);
	}
	if (p->turn) line(em->w, "state->%s = !%s;", p->turn_member, p->turn->name);
}

void emit_program(Emit *em)
{
	Program *p = em->p;
	Writer *w = em->w;
	em->k = NULL;
	em->vector = em->row = NULL;
	em->lanes = 1;
	map_init(&em->names, em->cx->arena);
	map_init(&em->flags, em->cx->arena);
	map_init(&em->uses, em->cx->arena);
	sizes_begin(em);
	if (p->n_slots) line(w, "unsigned char *ws = workspace;");
	for (int i = 0; i < p->n_states; i++) {
		const Buffer *b = p->carries[i].now;
		line(w, "%s *%s = (%s *)state->%s;", elem_info[b->elem].ctype, b->name, elem_info[b->elem].ctype,
			p->members[i]);
	}
	if (p->turn) line(w, "const int64_t %s = state->%s;", p->turn->name, p->turn_member);
	Writer rest;
	writer_init(&rest, em->cx->arena);
	rest.depth = w->depth;
	em->w = &rest;
	emit_rest(em);
	em->w = w;
	Sizes sizes = {.em = em, .user = rest.buf.text};
	map_init(&sizes.declared, em->cx->arena);
	block_each(&p->block, declare_size, &sizes);
	buf_puts(&w->buf, rest.buf.text);
	sizes_end(em);
}
