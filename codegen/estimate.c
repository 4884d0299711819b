/* estimate.c: how long axes are, for choices between schedules.
 *
 * A size that is open has a typical value.  For a length (of sequences, of images) that will do.  Of a batch it says little: most
 * have a single sample, and what is best for many of them may be the worst for one.  So choices look at the fewest samples, too;
 * the typical size counts three times as much, in a geometric mean, for which only ratios matter.  Lengths are known by what is
 * done along them: loops and sums, pads and strides; of a batch, each sample has the same done to it.
 */
#include "codegen/lower.h"

#include <math.h>

/* lengths: every other size is as small as it can be; NULL: all are typical. */
static double estimate(const Dim *d, const Map *lengths)
{
	enum { TYPICAL = 64 };
	double sum = 0;
	for (int i = 0; i < d->n_terms; i++) {
		double t = (double)d->terms[i].coef;
		for (int k = 0; k < d->terms[i].n_syms; k++) {
			const Sym *s = d->terms[i].syms[k];
			double v = TYPICAL;
			if (s->kind == SYM_FLOORDIV) {
				v = estimate(s->a, lengths) / estimate(s->b, lengths);
				v = v < 1 ? 1
					  : v; /* of frames in a signal shorter than one: its typical size is another */
			} else if (s->lo > TYPICAL) v = (double)s->lo;
			else if (lengths && s->kind == SYM_NAMED && !map_get(lengths, s))
				v = s->lo > 1 ? (double)s->lo : 1;
			else if (s->hi < TYPICAL) v = (double)s->hi;
			t *= v;
		}
		sum += t;
	}
	return sum;
}

double dim_estimate(const Dim *d) { return estimate(d, NULL); }

double dim_fewest(const Dim *d, const Map *lengths)
{
	const double n = estimate(d, lengths);
	return n < 1 ? 1 : n;
}

static bool is_factor(const Dim *d, const Sym *s)
{
	for (int i = 0; i < d->n_terms; i++) {
		bool found = false;
		for (int k = 0; k < d->terms[i].n_syms; k++) found |= d->terms[i].syms[k] == s;
		if (!found) return false;
	}
	return true;
}

/* The sizes that it is made of.  An axis may be a batch, or one merged with others: not those that all of it is a multiple of. */
static void note_sizes(Map *to, const Dim *d, bool axis)
{
	for (int i = 0; i < d->n_terms; i++)
		for (int k = 0; k < d->terms[i].n_syms; k++) {
			const Sym *s = d->terms[i].syms[k];
			if (axis && s->kind == SYM_NAMED && is_factor(d, s)) continue;
			if (map_get(to, s)) continue;
			map_put(to, s, s);
			if (s->kind == SYM_NAMED) continue;
			note_sizes(to, s->a, false);
			note_sizes(to, s->b, false);
		}
}

static void note_lengths(void *user, Stmt *s)
{
	Map *to = user;
	const Kernel *k = s->kernel;
	if (s->kind == ST_LOOP && s->length) note_sizes(to, s->length, false);
	if (!k) return;
	for (int i = 0; i < k->n_vars; i++) note_sizes(to, k->vars[i]->extent, true);
	for (int i = 0; i < k->n_accs; i++) /* others than of floats check what callers pass */
		for (int r = 0; k->accs[i]->elem == F32 && r < k->accs[i]->n_vars; r++)
			note_sizes(to, k->accs[i]->vars[r]->extent, false);
}

void lengths_of(const Program *p, Map *to)
{
	map_init(to, p->arena);
	block_each(&p->block, note_lengths, to);
}

double tile_waste(double n, int tile)
{
	const double tiles = (double)(int64_t)((n + tile - 1) / tile);
	return tiles * tile / n;
}

double robust_cost(double typical, double fewest) { return sqrt(sqrt(typical * typical * typical * fewest)); }
