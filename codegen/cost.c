/* cost.c: the arithmetic of one call of a kernel, and the memory that it must touch, by the kernel IR.
 *
 * Both are what no schedule can avoid, so time over them is a fraction of what the machine could do:
 *   arithmetic  each node of the expressions once for every combination of the loop variables that it depends on, so that
 *               what does not change in a loop is not counted there.  An operation on floats counts one, whatever it is
 *               (a division, a tanh), a step of a sum one, so a multiply-add two; choices, comparisons and conversions nothing.
 *   memory      each element of an array that is read or written once, however often the loops come back to it; packed
 *               constants with their padding.
 * How many different elements an index reaches is estimated dim by dim: never more than it has combinations of variables,
 * than it spans, or than the array is long there.  Exact for what networks do; a diagonal is counted right, two overlapping
 * reads of one array may count double, up to all of it.  Sizes that are open count as dim_estimate has them.
 */
#include "codegen/emit.h"
#include "codegen/lower.h"

#include <string.h>

typedef uint64_t Word;
enum { BITS = 64 };

typedef struct {
	const Buffer *root;
	const Kernel *by; /* the last that touches it, */
	double elements;  /* so many */
	double bytes;     /* by one kernel at the most */
} Touched;
typedef struct {
	Arena *arena;
	int n_touched, cap_touched;
	Touched *touched;
	Map touched_at;  /* the root's number there, plus 1 */
	const Kernel *k; /* the one that is looked at: */
	int n_vars, n_words;
	const Var **vars; /* its own but the fixed ones, then those of its reductions */
	Map sets;         /* Expr -> Word[]: which variables it depends on */
	Map packed;       /* Expr: read from a pack instead */
	double flops;
} Cost;

static void add_var(Cost *c, const Var *v)
{
	for (int i = 0; i < c->n_vars; i++)
		if (c->vars[i] == v) return;
	c->vars[c->n_vars++] = v;
}

static Word *set_new(Cost *c)
{
	Word *s = NEWN(c->arena, Word, c->n_words);
	memset(s, 0, sizeof *s * (size_t)c->n_words);
	return s;
}

static void set_add(const Cost *c, Word *s, const Word *more)
{
	for (int i = 0; i < c->n_words; i++) s[i] |= more[i];
}

static void set_var(const Cost *c, Word *s, const Var *v, bool in)
{
	for (int i = 0; i < c->n_vars; i++) {
		const Word bit = (Word)1 << i % BITS;
		if (c->vars[i] == v) s[i / BITS] = in ? s[i / BITS] | bit : s[i / BITS] & ~bit;
	}
}

/* How many combinations of values the variables have. */
static double combinations(const Cost *c, const Word *s)
{
	double n = 1;
	for (int i = 0; i < c->n_vars; i++)
		if (s[i / BITS] >> i % BITS & 1) n *= dim_estimate(c->vars[i]->extent);
	return n;
}

static const Word *visit(Cost *, const Expr *);

/* Adds what the index depends on, and gives how many values it takes. */
static double visit_index(Cost *c, const Index *x, Word *set)
{
	Word *own = set_new(c);
	double span = 1;
	for (int i = 0; i < x->n_terms; i++) {
		const Atom *a = x->terms[i].atom;
		const double coef = dim_estimate(x->terms[i].coef);
		double n;
		if (a->kind == ATOM_VAR) {
			set_var(c, own, a->var, true);
			Word *one = set_new(c);
			set_var(c, one, a->var, true);
			n = combinations(c, one); /* 1 for variables of enclosing loops */
		} else if (a->kind == ATOM_EXPR) {
			set_add(c, own, visit(c, a->expr));
			n = dim_estimate(a->n);
		} else {
			const double inner = visit_index(c, a->a, own), by = dim_estimate(a->n);
			n = a->kind == ATOM_DIV ? inner / by + 1 : inner < by ? inner : by;
		}
		span += (coef < 0 ? -coef : coef) * (n - 1);
	}
	set_add(c, set, own);
	const double n = combinations(c, own);
	return n < span ? n : span;
}

static double buffer_elements(const Buffer *b)
{
	double n = 1;
	for (int d = 0; d < b->rank; d++) n *= b->row && b->row[d] ? 1 : dim_estimate(b->dims[d]);
	return n;
}

static Touched *touched_of(Cost *c, const Buffer *root)
{
	const intptr_t known = (intptr_t)map_get(&c->touched_at, root);
	if (known) return &c->touched[known - 1];
	c->touched = arena_grow(c->arena, c->touched, c->n_touched, &c->cap_touched, sizeof *c->touched);
	c->touched[c->n_touched++] = (Touched){.root = root};
	map_put(&c->touched_at, root, (void *)(intptr_t)c->n_touched);
	return &c->touched[c->n_touched - 1];
}

static void touch(Cost *c, const Buffer *b, const Index *const *index, Word *set)
{
	double n = 1;
	for (int d = 0; d < b->rank; d++) {
		const double reached = visit_index(c, index[d], set), size = dim_estimate(b->dims[d]);
		n *= reached < size ? reached : size;
	}
	const double most = combinations(c, set);
	Touched *t = touched_of(c, buffer_root(b));
	const double whole = buffer_elements(t->root), before = t->by == c->k ? t->elements : 0;
	t->by = c->k;
	t->elements = before + (n < most ? n : most);
	const double bytes = (t->elements < whole ? t->elements : whole) * elem_info[t->root->elem].size;
	t->bytes = bytes > t->bytes ? bytes : t->bytes;
}

bool expr_is_function(const Expr *e) { return e->kind == EX_OP && e->op >= OP_EW_exp && e->op <= OP_EW_erf; }

static bool is_arithmetic(const Expr *e)
{
	return e->kind == EX_OP && elem_info[e->elem].cls == 'f' && e->op != OP_EW_select && e->op != OP_EW_cast;
}

static const Word *visit_acc(Cost *c, const Acc *a)
{
	Word *set = set_new(c);
	set_add(c, set, visit(c, a->value));
	for (int i = 0; i < a->n_vars; i++) set_var(c, set, a->vars[i], true);
	if (elem_info[a->elem].cls == 'f') c->flops += combinations(c, set);
	for (int i = 0; i < a->n_vars; i++) set_var(c, set, a->vars[i], false);
	if (a->init) set_add(c, set, visit(c, a->init));
	return set;
}

/* What e depends on; counts what was not seen before. */
static const Word *visit(Cost *c, const Expr *e)
{
	const Word *known = map_get(&c->sets, e);
	if (known) return known;
	Word *set = set_new(c);
	for (int i = 0; i < e->n_args; i++) set_add(c, set, visit(c, e->args[i]));
	if (e->kind == EX_ACC) set_add(c, set, visit_acc(c, e->acc));
	if (e->kind == EX_INDEX) visit_index(c, e->value, set);
	if (e->kind == EX_LOAD && map_get(&c->packed, e))
		for (int d = 0; d < e->buffer->rank; d++) visit_index(c, e->index[d], set);
	else if (e->kind == EX_LOAD) touch(c, e->buffer, e->index, set);
	if (is_arithmetic(e)) c->flops += combinations(c, set);
	map_put(&c->sets, e, set);
	return set;
}

/* A kernel's operations, and its packed constants, in one round of its outermost n_fixed loops; what it touches is noted. */
static KernelCost add_kernel(Cost *c, const Kernel *k, int n_fixed)
{
	int most = k->n_vars;
	for (int i = 0; i < k->n_accs; i++) most += k->accs[i]->n_vars;
	c->k = k;
	c->vars = NEWN(c->arena, const Var *, most);
	c->n_vars = 0;
	for (int i = 0; i < k->n_vars; i++) {
		bool fixed = false;
		for (int f = 0; f < n_fixed; f++) fixed |= kernel_loop(k, f) == k->vars[i];
		if (!fixed) add_var(c, k->vars[i]);
	}
	for (int i = 0; i < k->n_accs; i++)
		for (int r = 0; r < k->accs[i]->n_vars; r++) add_var(c, k->accs[i]->vars[r]);
	c->n_words = (c->n_vars + BITS - 1) / BITS;
	map_init(&c->sets, c->arena);
	map_init(&c->packed, c->arena);
	c->flops = 0;
	double packed = 0;
	for (int i = 0; i < k->n_packs; i++) {
		for (int s = 0; s < k->packs[i].n_slots; s++) map_put(&c->packed, k->packs[i].loads[s], k);
		packed += (double)tensor_size_bytes(k->packs[i].buffer->data);
	}
	for (int i = 0; i < k->n_stores; i++) {
		Word *set = set_new(c);
		set_add(c, set, visit(c, k->stores[i].value));
		touch(c, k->stores[i].buffer, k->stores[i].index, set);
	}
	return (KernelCost){c->flops, packed};
}

KernelCost kernels_cost(int n, const Kernel *const *kernels, int n_fixed)
{
	Arena *arena = arena_new();
	Cost c = {.arena = arena};
	KernelCost sum = {0};
	map_init(&c.touched_at, arena);
	for (int i = 0; i < n; i++) {
		const KernelCost one = add_kernel(&c, kernels[i], n_fixed);
		sum.flops += one.flops;
		sum.bytes += one.bytes;
	}
	for (int i = 0; i < c.n_touched; i++) sum.bytes += c.touched[i].bytes;
	arena_free(arena);
	return sum;
}

KernelCost kernel_cost(const Kernel *k) { return kernels_cost(1, &k, 0); }

double kernel_cycles_in(const Kernel *k, const TargetInfo *cpu, int lanes)
{
	const KernelCost cost = kernel_cost(k);
	const double arithmetic = cost.flops / (2. * cpu->fmas_per_cycle * lanes);
	const double rate = cost.bytes <= (double)cpu->l1_bytes ? cpu->l1_rate
		: cost.bytes <= (double)cpu->l2_bytes           ? cpu->l2_rate
		: cost.bytes <= (double)cpu->l3_bytes           ? cpu->l3_rate
								: cpu->memory_rate;
	return cost.bytes / rate > arithmetic ? cost.bytes / rate : arithmetic;
}

double kernel_cycles(const Kernel *k, const TargetInfo *cpu)
{
	const Schedule *s = &k->schedule;
	return kernel_cycles_in(k, cpu, s->lanes > 1 || s->fold_lanes > 1 ? cpu->lanes : 1);
}

/* Sorting and its like: each array once; their comparisons and index arithmetic are not counted. */
KernelCost special_cost(const Stmt *s)
{
	KernelCost cost = {.bytes = buffer_elements(s->out) * elem_info[s->out->elem].size};
	for (int i = 0; i < s->n_ins; i++) cost.bytes += buffer_elements(s->ins[i]) * elem_info[s->ins[i]->elem].size;
	return cost;
}
