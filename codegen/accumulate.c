/* accumulate.c: sums continue in one register.
 *
 *     b[n] + sum_k x[k] W[k,n] + sum_k h[k] R[k,n]   =>   a = b[n];  a += x[k] W[k,n] ..;  a += h[k] R[k,n] ..
 *
 * In a tree of additions, each sum that is used nowhere else starts from what comes before it, so gates need one register
 * each and [x; h] is one pass.  A sum does not wait for another one just to start from it: that is added afterwards.  And
 * sums that read the same thing run in one loop, where they can.  Reassociates floating-point sums.
 */
#include "codegen/kernel.h"

#include <string.h>

typedef struct {
	Program *p;
	Kernel *k;
	Map uses; /* Expr -> number of uses */
	Map done; /* Expr -> rewritten */
} Pass;

static void count_visit(void *user, const Expr *e)
{
	Pass *c = user;
	for (int i = 0; i < e->n_args; i++)
		map_put(&c->uses, e->args[i], (void *)((intptr_t)map_get(&c->uses, e->args[i]) + 1));
}

static void count_root(Pass *c, const Expr *e, Map *seen)
{
	map_put(&c->uses, e, (void *)((intptr_t)map_get(&c->uses, e) + 1));
	expr_each(e, seen, count_visit, c);
}

/* Paths may be many more than expressions: each is seen once.  Stored plus 1. */
static int level_in(const Expr *e, Map *seen)
{
	const void *known = map_get(seen, e);
	if (known) return (int)(intptr_t)known - 1;
	int level = e->kind == EX_ACC ? e->acc->level + 1 : 0;
	for (int i = 0; i < e->n_args; i++) {
		int l = level_in(e->args[i], seen);
		level = l > level ? l : level;
	}
	map_put(seen, e, (void *)(intptr_t)(level + 1));
	return level;
}

static int level_of(const Expr *e)
{
	Arena *scratch = arena_new();
	Map seen;
	map_init(&seen, scratch);
	int level = level_in(e, &seen);
	arena_free(scratch);
	return level;
}

enum { MAX_SUM = 64 };
typedef struct {
	int n, n_accs;
	const Expr *terms[MAX_SUM];
	Acc *accs[MAX_SUM];
} Sum;

static bool is_sum(const Expr *e)
{
	return e->kind == EX_OP && e->op == OP_EW_add && (e->elem == F32 || e->elem == F64);
}

/* `pending` operands are still to come when e is done. */
static void flatten(Pass *c, const Expr *e, bool root, int pending, Sum *sum)
{
	bool once = (intptr_t)map_get(&c->uses, e) == 1;
	if (is_sum(e) && (root || once) && sum->n + sum->n_accs + pending + 2 <= MAX_SUM) {
		flatten(c, e->args[0], false, pending + 1, sum);
		flatten(c, e->args[1], false, pending, sum);
	} else if (e->kind == EX_ACC && once && e->acc->kind == ACC_SUM && e->acc->elem == e->elem && !e->acc->init) {
		sum->accs[sum->n_accs++] = e->acc;
	} else {
		sum->terms[sum->n++] = e;
	}
}

/* Either may be NULL: nothing. */
static const Expr *plus(Pass *c, const Expr *a, const Expr *b)
{
	return !a ? b : !b ? a : expr_op(c->p, OP_EW_add, a->elem, 2, (const Expr *[]){a, b});
}

static const Expr *with_args(Pass *c, const Expr *e, const Expr *const *args)
{
	if (memcmp(args, e->args, sizeof *args * (size_t)e->n_args) == 0) return e;
	return e->kind == EX_ROUND ? expr_round(c->p, e->elem, args[0])
				   : expr_op(c->p, e->op, e->elem, e->n_args, args);
}

static const Expr *rewrite(Pass *c, const Expr *e)
{
	const Expr *have = map_get(&c->done, e);
	if (have) return have;
	const Expr *args[3], *made = e;
	Sum *sum = is_sum(e) ? NEW(c->p->arena, Sum) : NULL; /* not on the stack: expressions may be deep */
	if (sum) flatten(c, e, true, 0, sum);
	if (sum && sum->n_accs && sum->n + sum->n_accs > 1) {
		const Expr *rest = NULL, *late = NULL;
		for (int i = 0; i < sum->n; i++) {
			const Expr *t = rewrite(c, sum->terms[i]),
				   **to = level_of(t) > sum->accs[0]->level ? &late : &rest;
			*to = plus(c, *to, t);
		}
		for (int i = 0; i < sum->n_accs; i++) { /* the order of use; later ones continue earlier ones */
			Acc *a = sum->accs[i];
			a->init = rest;
			a->into = i ? sum->accs[i - 1] : NULL;
			int level = rest ? level_of(rest) : 0;
			a->level = level > a->level ? level : a->level;
			rest = expr_acc(c->p, a);
		}
		made = plus(c, rest, late);
	} else if (e->n_args) {
		for (int i = 0; i < e->n_args; i++) args[i] = rewrite(c, e->args[i]);
		made = with_args(c, e, args);
	}
	map_put(&c->done, e, made);
	return made;
}

/* What was rewritten, where a sum's own summands use it: those add nothing up before a loop, as they depend on its variable. */
static const Expr *replace(Pass *c, const Expr *e)
{
	const Expr *have = map_get(&c->done, e), *args[3];
	if (have || !e->n_args) return have ? have : e;
	for (int i = 0; i < e->n_args; i++) args[i] = replace(c, e->args[i]);
	const Expr *made = with_args(c, e, args);
	map_put(&c->done, e, made);
	return made;
}

typedef struct {
	const Expr *wanted;
	bool found;
} Search;

static void search_visit(void *user, const Expr *e)
{
	Search *s = user;
	s->found |= e == s->wanted;
}

static bool has(const Expr *e, const Expr *wanted)
{
	Search s = {wanted, false};
	if (e) expr_walk(e, search_visit, &s);
	return s.found;
}

/* Whether a factor of a's product is one of b's: read once for both, if they share a loop. */
static bool shares_factor(const Acc *a, const Acc *b)
{
	for (int i = 0; i < a->value->n_args; i++)
		if (a->value->args[i]->kind == EX_LOAD && has(b->value, a->value->args[i])) return true;
	return false;
}

/* A sum that no other one waits for moves to a later loop that reads what it reads, if its own has nothing in common with it. */
static void join_readers(Program *p, Kernel *k)
{
	for (int i = 0; i < k->n_accs; i++) {
		Acc *a = k->accs[i], *reader = NULL;
		const Expr *self = expr_acc(p, a);
		bool stays = false;
		for (int j = 0; j < k->n_accs; j++) {
			Acc *b = k->accs[j];
			if (b == a) continue;
			stays |= b->into == a || has(b->init, self) || has(b->value, self);
			if (b->n_vars != a->n_vars ||
				memcmp(a->vars, b->vars, sizeof *a->vars * (size_t)a->n_vars) != 0 ||
				!shares_factor(a, b))
				continue;
			stays |= b->level == a->level;
			if (b->level > a->level && (!reader || b->level < reader->level)) reader = b;
		}
		if (reader && !stays) a->level = reader->level;
	}
}

static bool comes_before(const Acc *a, const Acc *b)
{
	if (a->level != b->level || a->n_vars != b->n_vars)
		return a->level != b->level ? a->level < b->level : a->n_vars < b->n_vars;
	for (int i = 0; i < a->n_vars; i++)
		if (a->vars[i] != b->vars[i]) return a->vars[i]->id < b->vars[i]->id;
	return false;
}

static void accumulate_kernel(Program *p, Kernel *k)
{
	Pass c = {.p = p, .k = k};
	Map seen;
	map_init(&c.uses, p->arena);
	map_init(&c.done, p->arena);
	map_init(&seen, p->arena);
	for (int i = 0; i < k->n_stores; i++) count_root(&c, k->stores[i].value, &seen);
	for (int i = 0; i < k->n_accs; i++) count_root(&c, k->accs[i]->value, &seen);
	for (int i = 0; i < k->n_stores; i++) k->stores[i].value = rewrite(&c, k->stores[i].value);
	for (int i = 0; i < k->n_accs; i++) k->accs[i]->value = replace(&c, k->accs[i]->value);
	for (int level = 0, changed = 1; changed; level++) { /* what an init or value needs comes first */
		changed = 0;
		for (int i = 0; i < k->n_accs; i++) {
			Acc *a = k->accs[i];
			int need = level_of(a->value), init = a->init ? level_of(a->init) : 0;
			need = init > need ? init : need;
			if (need > a->level) a->level = need, changed = 1;
		}
	}
	join_readers(p, k);
	for (int i = 1; i < k->n_accs; i++) /* stable, by level, those of one loop together */
		for (int j = i; j > 0 && comes_before(k->accs[j], k->accs[j - 1]); j--) {
			Acc *t = k->accs[j];
			k->accs[j] = k->accs[j - 1];
			k->accs[j - 1] = t;
		}
}

static void visit(void *user, Stmt *s)
{
	if (s->kind == ST_KERNEL) accumulate_kernel(user, s->kernel);
}

Program *pass_accumulate(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	if (target->fuse) block_each(&p->block, visit, p);
	return p;
}
