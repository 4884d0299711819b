/* cfold.c: sums in lanes of their own, as C: a kernel without an axis for the lanes (the sums of a norm, of a softmax, a dot product).
 *
 *     FOLD_LANES partial sums in vectors, or in an array where there are none; the last elements one by one; the tree.
 * The order of summation is the same for vectors of any width and for none.
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

/* Partial sums: a vector, by number, or the array of all. */
static const char *partial_c(Emit *em, const Acc *acc, int lanes, int u)
{
	int r = acc_register(em->k, acc);
	return lanes == 1 || lanes == FOLD_LANES ? arena_printf(em->cx->arena, "s%d", r)
						 : arena_printf(em->cx->arena, "s%d%c", r, 'a' + u);
}

static void emit_partials(Emit *em, const Acc *acc, int lanes)
{
	Writer *w = em->w;
	const char *zero = expr_c(em, neutral(em, acc), 0, 0);
	if (lanes > 1) {
		for (int u = 0; u < FOLD_LANES / lanes; u++)
			line(w, "%s %s = %s;", vocab_type(em->vocab, F32, true), partial_c(em, acc, lanes, u),
				fn1(em, "set", F32, true, zero));
		return;
	}
	line(w, "float %s[%d];", partial_c(em, acc, 1, 0), FOLD_LANES);
	line(w, "for (int lane = 0; lane < %d; lane++)", FOLD_LANES);
	line(w, "\t%s[lane] = %s;", partial_c(em, acc, 1, 0), zero);
}

/* One round: FOLD_LANES elements. */
static void emit_round(Emit *em, Acc *const *accs, int n, const Var *v, int lanes)
{
	Writer *w = em->w;
	int memo = em->n_memo;
	if (lanes > 1) {
		em->vector = v;
		em->lanes = lanes;
		em->n_vectors = FOLD_LANES / lanes;
		map_init(&em->flags, em->cx->arena);
		for (int i = 0; i < n; i++)
			for (int u = 0; u < em->n_vectors; u++) {
				const char *name = partial_c(em, accs[i], lanes, u),
					   *sum = sum_c(em, accs[i], name, true, 0, u);
				line(w, "%s = %s;", name, sum);
			}
		em->vector = NULL;
		em->lanes = em->n_vectors = 1;
		map_init(&em->flags, em->cx->arena);
	} else {
		open_block(w, "for (int lane = 0; lane < %d; lane++, %s++)", FOLD_LANES, var_c(em, v));
		for (int i = 0; i < n; i++) {
			const char *name = arena_printf(em->cx->arena, "%s[lane]", partial_c(em, accs[i], 1, 0));
			const char *sum = sum_c(em, accs[i], name, false, 0, 0);
			line(w, "%s = %s;", name, sum);
		}
		close_block(w);
	}
	em->n_memo = memo;
}

/* The whole rounds. */
static void emit_rounds(Emit *em, Acc *const *accs, int n, const Var *var, int lanes)
{
	Writer *w = em->w;
	const char *v = var_c(em, var), *step = lanes > 1 ? arena_printf(em->cx->arena, "%s += %d", v, FOLD_LANES) : "";
	int64_t extent;
	if (!dim_is_int(var->extent, &extent)) {
		line(w, "int64_t %s = 0;", v);
		open_block(w, "for (; %s + %d <= %s; %s)", v, FOLD_LANES, size_c(em, var->extent), step);
	} else if (extent % FOLD_LANES) {
		line(w, "int64_t %s = 0;", v);
		open_block(w, "for (; %s < %" PRId64 "; %s)", v, extent / FOLD_LANES * FOLD_LANES, step);
	} else {
		open_block(w, "for (int64_t %s = 0; %s < %" PRId64 "; %s)", v, v, extent, step);
	}
	emit_round(em, accs, n, var, lanes);
	close_block(w);
}

static void emit_last(Emit *em, Acc *const *accs, int n, const Var *v)
{
	Writer *w = em->w;
	int64_t extent;
	if (dim_is_int(v->extent, &extent) && extent % FOLD_LANES == 0) return;
	open_block(w, "for (; %s < %s; %s++)", var_c(em, v), size_c(em, v->extent), var_c(em, v));
	int memo = em->n_memo;
	for (int i = 0; i < n; i++) {
		const char *name = acc_name(em, accs[i], 0, 0), *sum = sum_c(em, accs[i], name, false, 0, 0);
		line(w, "%s = %s;", name, sum);
	}
	em->n_memo = memo;
	close_block(w);
}

/* The vectors onto the first one, upper half onto lower, then its lanes: the tree of all FOLD_LANES. */
static const char *folded_c(Emit *em, const Acc *acc, int lanes)
{
	const char *part[FOLD_LANES];
	int n = lanes > 1 ? FOLD_LANES / lanes : 1;
	for (int u = 0; u < n; u++) part[u] = partial_c(em, acc, lanes, u);
	for (; n > 1; n /= 2)
		for (int u = 0; u < n / 2; u++) part[u] = both(em, acc, true, part[u], part[u + n / 2]);
	return fn1(em, fold_of(acc).across, F32, lanes > 1, part[0]);
}

void emit_fold(Emit *em, Acc *const *accs, int n)
{
	Writer *w = em->w;
	int n_vars = accs[0]->n_vars, lanes = em->k->schedule.fold_lanes;
	const Var *last = accs[0]->vars[n_vars - 1];
	for (int i = 0; i < n; i++) {
		if (accs[i]->into) continue;
		const char *from = expr_c(em, accs[i]->init ? accs[i]->init : neutral(em, accs[i]), 0, 0);
		line(w, "float %s = %s;", acc_name(em, accs[i], 0, 0), from);
	}
	open_block(w, "%s", "");
	for (int i = 0; i < n; i++) emit_partials(em, accs[i], lanes);
	for (int r = 0; r < n_vars - 1; r++) {
		const char *outer = var_c(em, accs[0]->vars[r]);
		open_block(w, "for (int64_t %s = 0; %s < %s; %s++)", outer, outer, size_c(em, accs[0]->vars[r]->extent),
			outer);
	}
	emit_rounds(em, accs, n, last, lanes);
	emit_last(em, accs, n, last);
	for (int r = 0; r < n_vars - 1; r++) close_block(w);
	for (int i = 0; i < n; i++) {
		const char *name = acc_name(em, accs[i], 0, 0);
		line(w, "%s = %s;", name, both(em, accs[i], false, name, folded_c(em, accs[i], lanes)));
	}
	close_block(w);
}
