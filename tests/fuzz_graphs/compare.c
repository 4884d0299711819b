/* compare.c: graphs, compiled in one module, against the interpreter.
 *
 * Exact values must be equal; the others may differ by what rounding explains: the interpreter is asked again with inputs
 * changed by a millionth, and a hundred times that change is tolerated.
 */
#include "fuzz_graphs.h"

#include <signal.h>
#include <sys/wait.h>

const Variant variants[] = {
	{"O0 generic jit", "generic", 0, 1, NULL, MODULE_OPT_NONE, false, false, .weights = WEIGHTS_AUTO},
	{"O2 generic jit", "generic", 2, 1, NULL, MODULE_OPT_NONE, false, false, .weights = WEIGHTS_AUTO},
	{"O2 x86-64 jit", "x86-64", 2, 1, NULL, MODULE_OPT_NONE, false, false, .weights = WEIGHTS_STRING},
	{"O2 x86-64-v3 jit", "x86-64-v3", 2, 1, NULL, MODULE_OPT_NONE, false, false, .weights = WEIGHTS_AUTO},
	{"O3 x86-64-v4 jit", "x86-64-v4", 3, 1, NULL, 1, false, false, .weights = WEIGHTS_AUTO},
	{"O2 x86-64-v3 chunks of 2 gcc", "x86-64-v3", 2, 1, "gcc", 1, true, false, .weights = WEIGHTS_INLINE,
		.chunk = 2},
	{"O2 x86-64-v4 gcc 2 threads", "x86-64-v4", 2, 2, "gcc", 2, true, false, .weights = WEIGHTS_AUTO},
	{"O1 generic clang", "generic", 1, 1, "clang-14", 1, true, true, .weights = WEIGHTS_AUTO},
	{"O2 x86-64-v3 small jit 2 threads", "x86-64-v3", 2, 2, NULL, 1, false, false, .weights = WEIGHTS_AUTO,
		.small = true},
	{"O3 x86-64-v4 small jit 4 threads", "x86-64-v4", 3, 4, NULL, 1, false, false, .weights = WEIGHTS_AUTO,
		.small = true},
	{"O2 generic small jit 3 threads", "generic", 2, 3, NULL, 1, false, false, .weights = WEIGHTS_AUTO,
		.small = true},
	{"O2 x86-64-v3 small jit", "x86-64-v3", 2, 1, NULL, 1, false, false, .weights = WEIGHTS_AUTO, .small = true},
	{"O2 x86-64-v3 bf16 jit", "x86-64-v3", 2, 1, NULL, 1, false, false, .weights_elem = BF16},
	{"O2 x86-64-v3 f16 jit", "x86-64-v3", 2, 1, NULL, 1, false, false, .weights_elem = F16},
	{"O2 x86-64-v4-bf16 bf16 jit", "x86-64-v4-bf16", 2, 1, NULL, 1, false, false, .weights_elem = BF16},
	{"O2 x86-64-v4-bf16 products jit", "x86-64-v4-bf16", 2, 1, NULL, 1, false, false, .weights_elem = BF16,
		.bf16_products = true},
	{"O0 generic products jit", "generic", 0, 1, NULL, 1, false, false, .weights_elem = BF16,
		.bf16_products = true},
	{"O2 x86-64-v3 products small jit 2 threads", "x86-64-v3", 2, 2, NULL, 1, false, false, .weights_elem = BF16,
		.bf16_products = true, .small = true},
	{"O2 x86-64-v4 f16 small jit 2 threads", "x86-64-v4", 2, 2, NULL, 1, false, false, .weights_elem = F16,
		.small = true},
	{"O2 x86-64-v3 int8 jit", "x86-64-v3", 2, 1, NULL, 1, false, false, .weights_elem = I8},
	{"O2 x86-64-v4 int8 small jit 2 threads", "x86-64-v4", 2, 2, NULL, 1, false, false, .weights_elem = I8,
		.small = true},
	{"O2 x86-64 small chunks of 5 gcc 2 threads", "x86-64", 2, 2, "gcc", 1, true, true, .weights = WEIGHTS_AUTO,
		.chunk = 5, .small = true},
};
const int n_variants = sizeof variants / sizeof *variants;

bool narrows(const Variant *v) { return weights_dtype_name(v->weights_elem); }

int profile_of(const Variant *v)
{
	const int numbers = v->weights_elem == I8 ? 4
		: v->weights_elem == F16          ? 1
		: v->weights_elem != BF16         ? 0
		: v->bf16_products                ? 2
						  : 3;
	const int target = strncmp(v->target, "x86-64-v", 8) ? 1 : strcmp(v->target, "x86-64-v4-bf16") ? 2 : 3;
	return v->opt == 0 ? 0 : target + 3 * numbers;
}

enum { N_SIZES = 2, N_SHAKES = 2 };
typedef struct {
	uint64_t seed;
	const Graph *g;
	struct {
		DimEnv env;
		const Tensor **inputs, **wanted;
		double *tolerance; /* of each result; 0: exact */
	} at[N_SIZES];
} Subject;

static double coarsest(const Tensor *t)
{
	return t->elem == BF16 ? 0x1p-5 : t->elem == F16 ? 0x1p-8 : t->elem == F64 ? 1e-10 : 3e-5;
}

static const Tensor *shaken(Arena *arena, uint64_t *seed, const Tensor *t, double by)
{
	if (t->elem != F32 && t->elem != F64) return t;
	Tensor *s = tensor_new(arena, t->elem, t->rank, t->dims);
	for (int64_t i = 0; i < t->count; i++)
		tensor_set(s, i, tensor_get(t, i) * (1 + by * ((double)(random_next(seed) % 2001) / 1000 - 1)));
	return s;
}

/* What the interpreter is asked: with the weights, and what they are multiplied with, in the types that they are to have. */
static const Graph *truth_of(Ctx *cx, const Graph *g, const Variant *v)
{
	if (!narrows(v)) return g;
	g = pass_canon(cx, pass_inline(cx, g));
	g = v->weights_elem == I8 ? pass_quantise(cx, g) : pass_narrow(cx, g, v->weights_elem);
	return v->bf16_products ? pass_products(cx, g) : g;
}

/* Whether numbers are rounded to bf16 on the way: then rounding explains more, and inputs are to be changed by more to show it. */
static bool rounds_on_the_way(const Variant *v)
{
	return v->weights_elem == BF16 && (v->bf16_products || strcmp(v->target, "x86-64-v4-bf16") == 0);
}

/* False where the interpreter refuses. */
static bool subject_fill(Ctx *cx, Subject *s, const Variant *v)
{
	volatile bool done = false;
	static const int ts[] = {0, 1, 2, 3, 7, 9, 12, 13, 24, 31, 49, 95, 96, 97, 200}, bs[] = {1, 2, 3, 5, 16, 17};
	TRY (cx) {
		const Graph *truth = truth_of(cx, s->g, v);
		const bool coarse = rounds_on_the_way(v);
		Map exact;
		map_init(&exact, cx->arena);
		for (int i = 0; i < s->g->n_params; i++) map_put(&exact, s->g->params[i], "");
		find_exact(cx->arena, s->g, &exact);
		bool has_f64 = false;
		Order order = graph_order(cx->arena, s->g);
		for (int i = 0; i < order.n; i++)
			has_f64 |= !order.vals[i]->type->is_tuple && order.vals[i]->type->elem == F32;
		for (int k = 0; k < N_SIZES; k++) {
			uint64_t seed = s->seed * 3 + (uint64_t)k;
			dimenv_init(&s->at[k].env, cx->arena);
			set_dim(cx, &s->at[k].env, "T", ts[random_next(&seed) % (s->seed % 2 ? 15 : 6)]);
			set_dim(cx, &s->at[k].env, "B", bs[random_next(&seed) % 6]);
			s->at[k].inputs = NEWN(cx->arena, const Tensor *, s->g->n_params + 1);
			s->at[k].wanted = NEWN(cx->arena, const Tensor *, s->g->n_results + 1);
			s->at[k].tolerance = NEWN(cx->arena, double, s->g->n_results + 1);
			const Tensor **shake = NEWN(cx->arena, const Tensor *, s->g->n_params + 1),
				     **other = NEWN(cx->arena, const Tensor *, s->g->n_results + 1);
			for (int i = 0; i < s->g->n_params; i++)
				s->at[k].inputs[i] =
					random_input(cx, cx->arena, &seed, s->g->params[i]->type, &s->at[k].env, false);
			Eval e = {.cx = cx, .arena = cx->arena, .env = s->at[k].env, .max_bytes = 64 << 20};
			eval_graph(&e, truth, s->at[k].inputs, s->at[k].wanted);
			for (int n = 0; n < N_SHAKES; n++) {
				for (int i = 0; i < s->g->n_params; i++)
					shake[i] = shaken(cx->arena, &seed, s->at[k].inputs[i], coarse ? 0x1p-8 : 1e-6);
				eval_graph(&e, truth, shake, other);
				for (int i = 0; i < s->g->n_results; i++) {
					const Tensor *w = s->at[k].wanted[i];
					if (map_get(&exact, s->g->results[i]) || !elem_is_float(w->elem)) continue;
					double dev = 0, scale = 1;
					for (int64_t j = 0; j < w->count; j++) {
						const double p = tensor_get(w, j), q = tensor_get(other[i], j),
							     d = fabs(p - q);
						if (isfinite(p) != isfinite(q)) dev = INFINITY;
						if (d > dev) dev = d;
						if (isfinite(p) && fabs(p) > scale) scale = fabs(p);
					}
					const double least = has_f64 && w->elem == F64 ? 3e-5 : coarsest(w);
					const double tol =
						coarse ? 8 * dev / scale + 0x1p-6 : 100 * dev / scale + least;
					if (tol > s->at[k].tolerance[i]) s->at[k].tolerance[i] = tol;
				}
			}
		}
		done = true;
	}
	return done;
}

/* FNV-1a, Fowler, Noll, Vo 1991, of all bits but those of a NaN. */
static void digest(uint64_t *sum, const Tensor *t)
{
	const size_t size = (size_t)elem_info[t->elem].size;
	for (int64_t i = 0; i < t->count; i++)
		for (size_t k = 0; k < size; k++) {
			const bool nan = elem_is_float(t->elem) && isnan(tensor_get(t, i));
			*sum = (*sum ^ (nan ? 0xff : ((const unsigned char *)t->data)[(size_t)i * size + k])) *
				UINT64_C(0x100000001b3);
		}
}

static int subject_check(
	Ctx *cx, const Subject *s, const Module *m, const Compiled *c, const Variant *v, bool quiet, uint64_t *sum)
{
	*sum = UINT64_C(0xcbf29ce484222325);
	for (int k = 0; k < N_SIZES; k++) {
		const Tensor **seen = NEWN(cx->arena, const Tensor *, s->g->n_results + 1),
			     **again = NEWN(cx->arena, const Tensor *, s->g->n_results + 1);
		const char *wrong = call_compiled(cx, cx->arena, m, c, s->g, &s->at[k].env, s->at[k].inputs, seen);
		if (!wrong)
			wrong = call_entry(cx, cx->arena, m, c, s->g, &(Call){.fill = NOT_NUMBERS}, &s->at[k].env,
				s->at[k].inputs, again);
		for (int i = 0; i < s->g->n_results && !wrong; i++)
			if (memcmp(seen[i]->data, again[i]->data, tensor_size_bytes(seen[i])) != 0)
				wrong = "other bits where the workspace was filled with something else";
		if (!wrong) wrong = check_stream(cx, m, c, &s->at[k].env, s->at[k].inputs, s->at[k].tolerance);
		if (wrong) {
			if (!quiet) fprintf(stderr, "seed %llu, %s: %s\n", (unsigned long long)s->seed, v->name, wrong);
			return DIFFERS;
		}
		for (int i = 0; i < s->g->n_results; i++) {
			const Tensor *w = s->at[k].wanted[i];
			digest(sum, seen[i]);
			if (!(s->at[k].tolerance[i] < 1e3)) continue; /* chaos, or infinities that come and go */
			const int64_t at = first_difference(w, seen[i], s->at[k].tolerance[i]);
			if (at < 0) continue;
			if (!quiet)
				fprintf(stderr,
					"seed %llu, %s: result %s, call %d, element %lld: wanted %.9g, seen %.9g (tolerance %g)\n",
					(unsigned long long)s->seed, v->name, s->g->result_names[i], k, (long long)at,
					tensor_get(w, at), tensor_get(seen[i], at), s->at[k].tolerance[i]);
			return DIFFERS;
		}
	}
	return OK;
}

static int check_batch(Ctx *cx, const Job *job, const Subject *subjects)
{
	const Variant *v = &variants[job->variant];
	const int n = job->n;
	const bool quiet = job->quiet;
	Compiled **all = NEWN(cx->arena, Compiled *, n);
	int outcome = OK;
	for (int i = 0; i < n; i++) {
		if (!subjects[i].g) continue;
		TRY (cx) {
			Compiled *c = compile_as(cx, subjects[i].g, v, arena_printf(cx->arena, "g%d", i));
			all[i] = c;
		} else {
			if (!quiet)
				fprintf(stderr, "seed %llu, %s: error: %s\n", (unsigned long long)subjects[i].seed,
					v->name, cx->error);
			outcome = REFUSED;
		}
	}
	char *error;
	Module *m = load_all(cx->arena, n, all, v, &error);
	if (!m) {
		if (!quiet) fprintf(stderr, "%s: %.3000s\n", v->name, error);
		return NOT_C;
	}
	for (int i = 0; i < n; i++)
		if (all[i]) {
			uint64_t sum;
			const int one = subject_check(cx, &subjects[i], m, all[i], v, quiet, &sum);
			if (job->digests) job->digests[i] = sum;
			outcome = one ? one : outcome;
		}
	module_free(m);
	return outcome;
}

static int run_job(const Job *job)
{
	Ctx *cx = ctx_new();
	Subject *subjects = NEWN(cx->arena, Subject, job->n);
	for (int i = 0; i < job->n; i++) {
		Subject *s = &subjects[i];
		s->seed = job->first + (uint64_t)i;
		TRY (cx) {
			const Graph *g = job->text ? graph_parse(cx, job->text, "text") : random_graph(cx, s->seed);
			graph_verify(cx, g);
			s->g = g;
		} else {
			fprintf(stderr, "seed %llu: the graph is refused: %s\n", (unsigned long long)s->seed,
				cx->error);
			return REFUSED;
		}
		if (!subject_fill(cx, s, &variants[job->variant])) s->g = NULL;
	}
	return check_batch(cx, job, subjects);
}


int run_in_child(const Job *job, bool quiet)
{
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		alarm(120);
		if (quiet && !freopen("/dev/null", "w", stderr)) _exit(99);
		_exit(run_job(job));
	}
	int status = 0;
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
}
