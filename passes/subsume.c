/* subsume.c: a scan that another one computes as well is left to that one.
 *
 *     s = scan(c, h, x; h' = f, y = g)   t = scan(c, h, x; h' = f, y = g, z = e)   =>   what is read from s is read from t
 *
 * Two scans on the same operands whose carries are the same, and one of which gives all that the other gives: a model's own, and
 * the one that stacks its carries for a gradient.  Done at the start of canon, before unused results go.
 * Keeps: everything.
 */
#include "passes/rewrite.h"

#include <string.h>

enum { MAX_ALIKE = 64 }; /* scans on one operand that are compared with each other */

typedef struct Alike {
	const Val *scan;
	const struct Alike *next;
	int n;
} Alike;

/* Where v's body has result i of the other, or -1. */
static int place_of(const Graph *body, const Graph *other, int n_carries, int i)
{
	if (i < n_carries) return body->results[i] == other->results[i] ? i : -1;
	for (int k = n_carries; k < body->n_results; k++)
		if (body->results[k] == other->results[i]) return k;
	return -1;
}

static bool gives_all(const Val *v, const Val *other)
{
	const int64_t *a = val_ints(v, A_COUNTS), *b = val_ints(other, A_COUNTS);
	const Graph *more = val_body(v, 0), *less = val_body(other, 0);
	if (v->n_args != other->n_args || a[0] != b[0] || a[1] != b[1] || more->n_results < less->n_results ||
		val_dims(v, A_LENGTH)[0] != val_dims(other, A_LENGTH)[0] ||
		val_int(v, A_REVERSE) != val_int(other, A_REVERSE) ||
		memcmp(v->args, other->args, sizeof *v->args * (size_t)v->n_args) != 0)
		return false;
	for (int i = 0; i < less->n_results; i++)
		if (place_of(more, less, (int)a[1], i) < 0) return false;
	return true;
}

/* Of those that give all the same, the oldest stays. */
static bool is_better(const Val *v, const Val *than)
{
	const int n = val_body(v, 0)->n_results, m = val_body(than, 0)->n_results;
	return n > m || (n == m && v->id < than->id);
}

static bool find_subsumed(Ctx *cx, const Graph *g, Map *instead)
{
	Order order = graph_order(cx->arena, g);
	Map alike;
	map_init(&alike, cx->arena);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		if (v->op != OP_scan || v->n_args == 0) continue;
		const Val *key = v->args[v->n_args - 1];
		const Alike *have = map_get(&alike, key);
		Alike *a = NEW(cx->arena, Alike);
		*a = (Alike){v, have, have ? have->n + 1 : 1};
		if (a->n <= MAX_ALIKE) map_put(&alike, key, a);
	}
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i], *best = v;
		if (v->op != OP_scan || v->n_args == 0) continue;
		for (const Alike *a = map_get(&alike, v->args[v->n_args - 1]); a; a = a->next)
			if (is_better(a->scan, best) && gives_all(a->scan, v)) best = a->scan;
		if (best != v) map_put(instead, v, best);
	}
	return instead->n > 0;
}

/* instead: scan -> the one that gives its results, too. */
static const Val **subsume(Rewrite *rw, void *instead, const Val *old, const Val *now)
{
	const Val *better = map_get(instead, old);
	if (!better) return NULL;
	const Val *other = rewrite_val(rw, better);
	const Graph *less = val_body(now, 0), *more = val_body(other, 0);
	const Val **parts = NEWN(rw->cx->arena, const Val *, less->n_results + 1);
	for (int i = 0; i < less->n_results; i++)
		parts[i] = val_get(rw->cx, other, place_of(more, less, (int)val_ints(now, A_COUNTS)[1], i));
	return parts;
}

const Graph *subsume_scans(Ctx *cx, const Graph *g)
{
	Map instead;
	map_init(&instead, cx->arena);
	return find_subsumed(cx, g, &instead) ? replace_control(cx, g, false, subsume, &instead) : g;
}
