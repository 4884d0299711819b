/* cfold.c: sums in lanes of their own, as C: a kernel without an axis for the lanes (the sums of a norm, of a softmax, a dot product).
 *
 *     partial sums in vectors, or in an array where there are none; the last elements one by one; the tree.
 * The order of summation is the same for vectors of any width and for none.  A sum alone waits for itself, an addition's latency
 * for each vector, unless there are several of it: rows that are long enough go to FOLD_LANES partial sums times fold_ways.
 */
#include "codegen/emit.h"

#include <inttypes.h>

typedef struct {
	const char *combine, *across; /* two, all lanes */
} Fold;

static Fold fold_of(const Acc *acc)
{
	return acc->kind == ACC_SUM    ? (Fold){"add", "hsum"}
		: acc->kind == ACC_MAX ? (Fold){"max", "hmax"}
				       : (Fold){"min", "hmin"};
}

static const char *both(Emit *em, const Acc *acc, bool vec, const char *a, const char *b)
{
	const char *name = fold_of(acc).combine, *infix = vocab_infix(name, F32, vec);
	return infix ? arena_printf(em->cx->arena, vec ? "(%s %s %s)" : "%s %s %s", a, infix, b)
		     : arena_printf(em->cx->arena, "%s(%s, %s)", vocab_fn(em->vocab, name, F32, vec), a, b);
}

typedef struct { /* what runs in one loop */
	int n;
	Acc *const *accs;
	const Var *var; /* the innermost */
	int lanes, ways;
} Sums;

enum { MAX_FOLD_WAYS = 4 };

/* Rounds at a time; several sums in one loop do not wait for each other. */
static int fold_ways(int n_sums, const Var *v)
{
	const int ways = n_sums == 1 ? MAX_FOLD_WAYS : n_sums == 2 ? 2 : 1;
	return dim_hi(v->extent) < (int64_t)ways * FOLD_LANES ? 1 : ways;
}

/* Partial sums: a vector, by number, or the array of all. */
static const char *partial_c(Emit *em, const Sums *s, const Acc *acc, int u)
{
	int r = acc_register(em->k, acc);
	return s->lanes == 1 || s->lanes == s->ways * FOLD_LANES ? arena_printf(em->cx->arena, "s%d", r)
								 : arena_printf(em->cx->arena, "s%d%c", r, 'a' + u);
}

static void emit_partials(Emit *em, const Sums *s, const Acc *acc)
{
	Writer *w = em->w;
	const int n = s->ways * FOLD_LANES;
	const char *zero = expr_c(em, neutral(em, acc), 0, 0);
	if (s->lanes > 1) {
		for (int u = 0; u < n / s->lanes; u++)
			line(w, "%s %s = %s;", vocab_type(em->vocab, F32, true), partial_c(em, s, acc, u),
				fn1(em, "set", F32, true, zero));
		return;
	}
	line(w, "float %s[%d];", partial_c(em, s, acc, 0), n);
	line(w, "for (int lane = 0; lane < %d; lane++)", n);
	line(w, "\t%s[lane] = %s;", partial_c(em, s, acc, 0), zero);
}

/* One round: so many elements. */
static void emit_round(Emit *em, const Sums *s, int elements)
{
	Writer *w = em->w;
	int memo = em->n_memo;
	if (s->lanes > 1) {
		em->vector = s->var;
		em->lanes = s->lanes;
		em->n_vectors = elements / s->lanes;
		map_init(&em->flags, em->cx->arena);
		for (int i = 0; i < s->n; i++)
			for (int u = 0; u < em->n_vectors; u++) {
				const char *name = partial_c(em, s, s->accs[i], u),
					   *sum = sum_c(em, s->accs[i], name, true, 0, u);
				line(w, "%s = %s;", name, sum);
			}
		em->vector = NULL;
		em->lanes = em->n_vectors = 1;
		map_init(&em->flags, em->cx->arena);
	} else {
		open_block(w, "for (int lane = 0; lane < %d; lane++, %s++)", elements, var_c(em, s->var));
		for (int i = 0; i < s->n; i++) {
			const char *name = arena_printf(em->cx->arena, "%s[lane]", partial_c(em, s, s->accs[i], 0));
			const char *sum = sum_c(em, s->accs[i], name, false, 0, 0);
			line(w, "%s = %s;", name, sum);
		}
		close_block(w);
	}
	em->n_memo = memo;
}

/* The whole rounds of so many elements, from where the last ones ended. */
static void emit_rounds(Emit *em, const Sums *s, int elements)
{
	Writer *w = em->w;
	const char *v = var_c(em, s->var),
		   *step = s->lanes > 1 ? arena_printf(em->cx->arena, "%s += %d", v, elements) : "";
	const bool first = elements == s->ways * FOLD_LANES;
	int64_t extent;
	if (!dim_is_int(s->var->extent, &extent)) {
		if (first) line(w, "int64_t %s = 0;", v);
		open_block(w, "for (; %s + %d <= %s; %s)", v, elements, size_c(em, s->var->extent), step);
	} else if (extent % elements || !first) {
		const int64_t end = extent / elements * elements;
		if (first) line(w, "int64_t %s = 0;", v);
		else if (end % (s->ways * FOLD_LANES) == 0) return;
		open_block(w, "for (; %s < %" PRId64 "; %s)", v, end, step);
	} else {
		open_block(w, "for (int64_t %s = 0; %s < %" PRId64 "; %s)", v, v, extent, step);
	}
	emit_round(em, s, elements);
	close_block(w);
}

/* No element is left over. */
static bool is_whole(const Sums *s)
{
	int64_t extent;
	return dim_is_int(s->var->extent, &extent) && extent % FOLD_LANES == 0;
}

static void emit_last(Emit *em, const Sums *s)
{
	Writer *w = em->w;
	const Var *v = s->var;
	if (is_whole(s)) return;
	open_block(w, "for (; %s < %s; %s++)", var_c(em, v), size_c(em, v->extent), var_c(em, v));
	int memo = em->n_memo;
	for (int i = 0; i < s->n; i++) {
		const char *name = acc_name(em, s->accs[i], 0, 0), *sum = sum_c(em, s->accs[i], name, false, 0, 0);
		line(w, "%s = %s;", name, sum);
	}
	em->n_memo = memo;
	close_block(w);
}

/* The upper half onto the lower, vectors as long as there are several, then the lanes of one: the tree. */
static const char *folded_c(Emit *em, const Sums *s, const Acc *acc)
{
	const char *part[MAX_FOLD_WAYS * FOLD_LANES];
	int n = s->lanes > 1 ? s->ways * FOLD_LANES / s->lanes : 1;
	for (int u = 0; u < n; u++) part[u] = partial_c(em, s, acc, u);
	for (; n > 1; n /= 2)
		for (int u = 0; u < n / 2; u++) part[u] = both(em, acc, true, part[u], part[u + n / 2]);
	return fn1(em, fold_of(acc).across, F32, s->lanes > 1, part[0]);
}

/* The same in an array: to its first FOLD_LANES. */
static void fold_array(Emit *em, const Sums *s, const Acc *acc)
{
	const char *name = partial_c(em, s, acc, 0);
	for (int n = s->ways * FOLD_LANES / 2; n >= FOLD_LANES; n /= 2) {
		line(em->w, "for (int lane = 0; lane < %d; lane++)", n);
		line(em->w, "\t%s[lane] = %s;", name,
			both(em, acc, false, arena_printf(em->cx->arena, "%s[lane]", name),
				arena_printf(em->cx->arena, "%s[lane + %d]", name, n)));
	}
}

/* Nothing is there but the partial sums, which begin at the neutral element: it need not be added again. */
static bool is_alone(const Sums *s, const Acc *acc) { return is_whole(s) && !acc->init && !acc->into; }

void emit_fold(Emit *em, Acc *const *accs, int n)
{
	Writer *w = em->w;
	const int n_vars = accs[0]->n_vars;
	Sums s = {.n = n, .accs = accs, .var = accs[0]->vars[n_vars - 1], .lanes = em->k->schedule.fold_lanes};
	s.ways = fold_ways(n, s.var);
	for (int i = 0; i < n; i++) {
		if (accs[i]->into) continue;
		const char *name = acc_name(em, accs[i], 0, 0);
		if (is_alone(&s, accs[i])) line(w, "float %s;", name);
		else
			line(w, "float %s = %s;", name,
				expr_c(em, accs[i]->init ? accs[i]->init : neutral(em, accs[i]), 0, 0));
	}
	open_block(w, "%s", "");
	for (int i = 0; i < n; i++) emit_partials(em, &s, accs[i]);
	for (int r = 0; r < n_vars - 1; r++) {
		const char *outer = var_c(em, accs[0]->vars[r]);
		open_block(w, "for (int64_t %s = 0; %s < %s; %s++)", outer, outer, size_c(em, accs[0]->vars[r]->extent),
			outer);
	}
	emit_rounds(em, &s, s.ways * FOLD_LANES);
	if (s.ways > 1) emit_rounds(em, &s, FOLD_LANES);
	emit_last(em, &s);
	for (int r = 0; r < n_vars - 1; r++) close_block(w);
	for (int i = 0; i < n; i++) {
		if (s.lanes == 1) fold_array(em, &s, accs[i]);
		const char *name = acc_name(em, accs[i], 0, 0), *sum = folded_c(em, &s, accs[i]);
		line(w, "%s = %s;", name, is_alone(&s, accs[i]) ? sum : both(em, accs[i], false, name, sum));
	}
	close_block(w);
}
