/* tune.c: `rnncc compile --tune`: the schedules that are fastest on this machine.
 *
 * Each kernel has some schedules besides that of the rules (codegen/unroll.c lists them).  One build tries one of them in every
 * kernel at the same time, and the kernels' times come from the clocks of a profiling build (as `rnncc bench` has them), so that
 * there are no more builds than one kernel has schedules.  What is MARGIN faster than the rules' is taken.  What threads share, and
 * whether products leave their loops, shows in the time of a whole call only: that is tried one by one.  In the end the whole call
 * must be faster than by the rules, or the file says nothing: a schedule that changes how an array is stored can make its readers
 * slower.  Times are the best of many.
 */
#include "cli/bench.h"
#include "codegen/codegen.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SHARED = 6, CALLS_AT_A_TIME = 5, TURNS = 60 };
static const double MARGIN = 0.03,
		    WORTH = 0.01; /* of a kernel's time; of the call's, below which a kernel is left alone */

typedef struct {
	uint64_t key;
	const char *name;
	bool parallel;
	int n_choices;
	const GivenSchedule *choices;
	double rules_us, best_us, now_us; /* all its calls in one call of the model */
	GivenSchedule best;
	bool found;
} Tuned;
typedef struct {
	Ctx *cx;
	const Options *o;
	const char *target;
	Hoisting hoist;
	int n;
	Tuned *kernels;
	int n_builds;
} Tuning;

static Schedules *schedules_new(const Tuning *t)
{
	Schedules *s = NEW(t->cx->arena, Schedules);
	*s = (Schedules){.file = "--tune", .target = t->target, .hoist = t->hoist};
	s->items = NEWN(t->cx->arena, GivenSchedule, t->n);
	return s;
}

static Ready open_with(Tuning *t, Schedules *s, bool profile, const Tensor ***inputs)
{
	Options at = *t->o;
	at.schedules = s;
	at.list_choices = true;
	at.target = t->target;
	t->n_builds++;
	return bench_open(t->cx, &at, profile, inputs);
}

static Tuned *tuned_of(const Tuning *t, uint64_t key)
{
	for (int i = 0; i < t->n; i++)
		if (t->kernels[i].key == key) return &t->kernels[i];
	return NULL;
}

/* Fills now_us; the first time, the list too. */
static void time_kernels(Tuning *t, Schedules *s)
{
	const Tensor **inputs;
	const Ready r = open_with(t, s, true, &inputs);
	const Compiled *c = r.compiled;
	double *us = NEWN(t->cx->arena, double, c->n_kernels), *calls = NEWN(t->cx->arena, double, c->n_kernels),
	       sum = 0;
	bench_kernels(t->cx, &r, inputs, us, calls);
	for (int i = 0; i < c->n_kernels; i++) sum += us[i];
	const bool first = !t->kernels;
	if (first) t->kernels = NEWN(t->cx->arena, Tuned, c->n_kernels);
	for (int i = 0; i < t->n; i++) t->kernels[i].now_us = 0;
	for (int i = 0; i < c->n_kernels; i++) {
		const CompiledKernel *k = &c->kernels[i];
		if (first && k->key && us[i] >= WORTH * sum && !tuned_of(t, k->key))
			t->kernels[t->n++] = (Tuned){.key = k->key,
				.name = k->name,
				.parallel = k->parallel,
				.n_choices = k->n_choices,
				.choices = k->choices};
		Tuned *of = tuned_of(t, k->key);
		if (of) of->now_us += us[i];
	}
}

/* ---- by kernel ---- */

static void time_rules(Tuning *t, Schedules *none)
{
	time_kernels(t, none);
	for (int i = 0; i < t->n; i++) {
		Tuned *k = &t->kernels[i];
		k->rules_us = k->rules_us > 0 ? fmin(k->rules_us, k->now_us) : k->now_us;
	}
}

static void try_choices(Tuning *t)
{
	int most = 0;
	for (int i = 0; i < t->n; i++) most = t->kernels[i].n_choices > most ? t->kernels[i].n_choices : most;
	for (int choice = 0; choice < most; choice++) {
		Schedules *s = schedules_new(t);
		for (int i = 0; i < t->n; i++)
			if (choice < t->kernels[i].n_choices) s->items[s->n++] = t->kernels[i].choices[choice];
		time_kernels(t, s);
		for (int i = 0; i < t->n; i++) {
			Tuned *k = &t->kernels[i];
			if (choice >= k->n_choices || (k->found && k->now_us >= k->best_us)) continue;
			k->found = true;
			k->best_us = k->now_us;
			k->best = k->choices[choice];
		}
	}
	time_rules(t, schedules_new(t)); /* once more: what was slow at first was perhaps not the schedule */
}

static Schedules *chosen(const Tuning *t, bool other_axes)
{
	Schedules *s = schedules_new(t);
	for (int i = 0; i < t->n; i++) {
		const Tuned *k = &t->kernels[i];
		if (!k->found || k->best_us > (1 - MARGIN) * k->rules_us) continue;
		const bool same_axis = k->best.vector && k->n_choices && k->choices[0].vector &&
			!strcmp(k->best.vector, k->choices[0].vector);
		if (!other_axes && !same_axis) continue;
		s->items[s->n] = k->best;
		s->items[s->n++].remark = arena_printf(
			t->cx->arena, "%s: %.4g us a call, by the rules %.4g", k->name, k->best_us, k->rules_us);
	}
	return s;
}

/* ---- by call ---- */

/* Best times of both, taking turns. */
static void race(Tuning *t, Schedules *a, Schedules *b, double *us_a, double *us_b)
{
	SessionCall *calls[2];
	SessionState *states[2];
	double best[2] = {INFINITY, INFINITY};
	for (int i = 0; i < 2; i++) {
		const Tensor **inputs;
		const Ready r = open_with(t, i ? b : a, false, &inputs);
		calls[i] = session_prepare(r.session, inputs);
		states[i] = session_state_new(r.session);
	}
	for (int turn = 0; turn < TURNS; turn++)
		for (int i = 0; i < 2; i++) {
			bench_calls(t->cx, calls[i], states[i], 1);
			best[i] = fmin(best[i],
				bench_calls(t->cx, calls[i], states[i], CALLS_AT_A_TIME) * 1e6 / CALLS_AT_A_TIME);
		}
	for (int i = 0; i < 2; i++) {
		session_state_free(states[i]);
		session_call_free(calls[i]);
	}
	*us_a = best[0];
	*us_b = best[1];
}

static bool is_faster(Tuning *t, Schedules *than, Schedules *s)
{
	double old, new;
	race(t, than, s, &old, &new);
	return new < (1 - MARGIN) * old;
}

static void try_hoist(Tuning *t)
{
	Schedules *plain = schedules_new(t), *inside = schedules_new(t);
	inside->hoist = HOIST_NO;
	if (is_faster(t, plain, inside)) t->hoist = HOIST_NO;
}

/* Not all kernels can be shared: those that cannot are not faster so. */
static bool may_be_faster(Tuning *t, Schedules *than, Schedules *s)
{
	volatile bool faster = false;
	TRY (t->cx) faster = is_faster(t, than, s);
	return faster;
}

/* The other way than the rules' for each of the longest kernels. */
static Schedules *try_sharing(Tuning *t, Schedules *s)
{
	bool *done = NEWN(t->cx->arena, bool, t->n);
	memset(done, 0, sizeof *done * (size_t)t->n);
	for (int round = 0; round < MOST_SHARED && round < t->n; round++) {
		int longest = -1;
		for (int i = 0; i < t->n; i++)
			if (!done[i] && (longest < 0 || t->kernels[i].rules_us > t->kernels[longest].rules_us))
				longest = i;
		const Tuned *k = &t->kernels[longest];
		done[longest] = true;
		Schedules *other = schedules_new(t);
		memcpy(other->items, s->items, sizeof *s->items * (size_t)s->n);
		other->n = s->n;
		int at = 0;
		while (at < s->n && s->items[at].key != k->key) at++;
		if (at == s->n) other->items[other->n++] = (GivenSchedule){.key = k->key, .remark = k->name};
		other->items[at].parallel = k->parallel ? SHARE_NO : SHARE_YES;
		if (may_be_faster(t, s, other)) s = other;
	}
	return s;
}

/* ---- the command ---- */

static void print_kernels(const Tuning *t)
{
	printf("  %-24s %10s %10s  %s\n", "tuned", "rules, us", "best, us", "by");
	for (int i = 0; i < t->n; i++) {
		const Tuned *k = &t->kernels[i];
		Buf b;
		buf_init(&b, t->cx->arena);
		if (k->found) given_print(&b, &k->best);
		printf("  %-24s %10.2f %10.2f  %s\n", k->name, k->rules_us,
			k->found ? fmin(k->best_us, k->rules_us) : k->rules_us,
			k->found && k->best_us <= (1 - MARGIN) * k->rules_us ? b.text + strlen("kernel ") + 17
									     : "the rules");
	}
}

Schedules *tune(Ctx *cx, const Options *o, const char *target)
{
	Tuning t = {.cx = cx, .o = o, .target = target_find(cx, target)->name};
	if (o->schedule) fail(cx, "--tune makes what --schedule reads: give one of them");
	if (o->opt == 0) fail(cx, "--tune: at -O0 there is nothing to choose");
	if (!target_runs(cx, target_find(cx, target))) fail(cx, "--tune: this CPU does not run code for %s", t.target);
	if (via_decide(o->via) == VIA_INTERPRET) fail(cx, "--tune: the interpreter has no schedules");
	try_hoist(&t);
	time_rules(&t, schedules_new(&t));
	try_choices(&t);
	print_kernels(&t);
	Schedules *rules = schedules_new(&t), *s = chosen(&t, true);
	rules->hoist = HOIST_BY_RULES;
	if (s->n && !is_faster(&t, schedules_new(&t), s)) s = chosen(&t, false);
	if (s->n && !is_faster(&t, schedules_new(&t), s)) s = schedules_new(&t);
	if (o->threads > 1) s = try_sharing(&t, s);
	double old, new;
	race(&t, rules, s, &old, &new);
	printf("  a call    %.2f us by the rules, %.2f us tuned (%d builds)\n", old, new, t.n_builds);
	return s;
}
