/* test_threads.c: --threads: the same bits for 1, 2, 3 and 4 threads, called again and again so that a missing barrier shows.
 *
 * The models are just large enough that a team runs them (codegen/parallel.c): products of a step that all threads share, two
 * directions side by side, kernels that wait for another one within a step, sizes that are not known and no multiple of
 * anything, branches.
 */
#include <criterion/criterion.h>

#include <sys/wait.h>
#include <unistd.h>

#include "compiled.h"

enum { CALLS = 20, MAX_VALUES = 8, MAX_THREADS = 4 };

static const struct {
	const char *name, *dims, *text;
} models[] = {
	{"two directions, shared", "T=13",
		"dim T = 0..4096\n"
		"graph @m(%x: f32[T, 100], %h0: f32[100], %R: f32[100, 300], %S: f32[100, 300]) -> (%y: f32[T, 200]) {\n"
		"  %f = scan %R %h0 %x counts=[1, 1] length=[T] reverse=[0] body={\n"
		"    graph @b(%R: f32[100, 300], %h: f32[100], %x: f32[100]) -> (%n: f32[100], %y: f32[100]) {\n"
		"      %u = contract %h %R spec=\"i,ij->j\"\n"
		"      %p = slice %u start=[0] size=[100] step=[1]\n"
		"      %q = slice %u start=[100] size=[100] step=[1]\n"
		"      %r = slice %u start=[200] size=[100] step=[1]\n"
		"      %s = sigmoid %p\n"
		"      %a = add %q %x\n"
		"      %t = tanh %a\n"
		"      %m = mul %s %t\n"
		"      %n = add %m %r\n"
		"      %o = tanh %n\n"
		"      return %o %o\n"
		"    }\n"
		"  }\n"
		"  %g = scan %S %h0 %x counts=[1, 1] length=[T] reverse=[1] body={\n"
		"    graph @b(%R: f32[100, 300], %h: f32[100], %x: f32[100]) -> (%n: f32[100], %y: f32[100]) {\n"
		"      %u = contract %h %R spec=\"i,ij->j\"\n"
		"      %p = slice %u start=[0] size=[100] step=[1]\n"
		"      %q = slice %u start=[100] size=[100] step=[1]\n"
		"      %r = slice %u start=[200] size=[100] step=[1]\n"
		"      %a = add %q %x\n"
		"      %m = mul %p %a\n"
		"      %n = add %m %r\n"
		"      %o = tanh %n\n"
		"      return %o %o\n"
		"    }\n"
		"  }\n"
		"  %fy = get %f index=[1]\n"
		"  %gy = get %g index=[1]\n"
		"  %y = concat %fy %gy axis=[1]\n"
		"  return %y\n"
		"}\n"},
	{"rows of a softmax, each thread with its own", "N=517",
		"dim N = 500..4096\n"
		"graph @m(%x: f32[N, 300]) -> (%y: f32[N, 300], %z: f32[N, 300]) {\n"
		"  %m = reduce %x kind=\"max\" axes=[1]\n"
		"  %m1 = reshape %m shape=[N, 1]\n"
		"  %me = expand %m1 shape=[N, 300]\n"
		"  %d = sub %x %me\n"
		"  %e = exp %d\n"
		"  %s = reduce %e kind=\"sum\" axes=[1]\n"
		"  %s1 = reshape %s shape=[N, 1]\n"
		"  %se = expand %s1 shape=[N, 300]\n"
		"  %y = div %e %se\n"
		"  %l = log %s\n"
		"  %l1 = reshape %l shape=[N, 1]\n"
		"  %le = expand %l1 shape=[N, 300]\n"
		"  %z = sub %d %le\n"
		"  return %y %z\n"
		"}\n"},
	{"rows of attention", "K=311",
		"dim K = 300..512\n"
		"graph @m(%a: f32[2, K, K], %mask: f32[K, K], %v: f32[2, K, 40]) -> (%y: f32[2, K, 40]) {\n"
		"  %mm = reshape %mask shape=[1, K, K]\n"
		"  %mx = expand %mm shape=[2, K, K]\n"
		"  %b = add %a %mx\n"
		"  %m = reduce %b kind=\"max\" axes=[2]\n"
		"  %m1 = reshape %m shape=[2, K, 1]\n"
		"  %me = expand %m1 shape=[2, K, K]\n"
		"  %d = sub %b %me\n"
		"  %e = exp %d\n"
		"  %t = reduce %e kind=\"sum\" axes=[2]\n"
		"  %t1 = reshape %t shape=[2, K, 1]\n"
		"  %te = expand %t1 shape=[2, K, K]\n"
		"  %p = div %e %te\n"
		"  %y = contract %p %v spec=\"hij,hjd->hid\"\n"
		"  return %y\n"
		"}\n"},
	{"rows in a loop", "",
		"graph @m(%h0: f32[600, 160], %g: f32[160], %x: f32[5, 160]) -> (%h: f32[600, 160], %r: f32[5, 600]) {\n"
		"  %s = scan %g %h0 %x counts=[1, 1] length=[5] reverse=[0] body={\n"
		"    graph @b(%g: f32[160], %h: f32[600, 160], %x: f32[160]) -> (%n: f32[600, 160], %r: f32[600]) {\n"
		"      %xe = expand %x shape=[600, 160]\n"
		"      %a = add %h %xe\n"
		"      %q = mul %a %a\n"
		"      %v = reduce %q kind=\"sum\" axes=[1]\n"
		"      %eps = const f32[] {0.001}\n"
		"      %ee = expand %eps shape=[600]\n"
		"      %w = add %v %ee\n"
		"      %r = sqrt %w\n"
		"      %r1 = reshape %r shape=[600, 1]\n"
		"      %re = expand %r1 shape=[600, 160]\n"
		"      %z = div %a %re\n"
		"      %ge = expand %g shape=[600, 160]\n"
		"      %n = mul %z %ge\n"
		"      return %n %r\n"
		"    }\n"
		"  }\n"
		"  %h = get %s index=[0]\n"
		"  %r = get %s index=[1]\n"
		"  return %h %r\n"
		"}\n"},
	{"two directions, side by side", "",
		"graph @m(%x: f32[301, 24], %h0: f32[24], %R: f32[24, 24], %S: f32[24, 24]) -> (%h: f32[24], %y: f32[301, 24]) {\n"
		"  %f = scan %R %h0 %x counts=[1, 1] length=[301] reverse=[0] body={\n"
		"    graph @b(%R: f32[24, 24], %h: f32[24], %x: f32[24]) -> (%n: f32[24], %y: f32[24]) {\n"
		"      %u = contract %h %R spec=\"i,ij->j\"\n"
		"      %a = add %u %x\n"
		"      %n = tanh %a\n"
		"      return %n %n\n"
		"    }\n"
		"  }\n"
		"  %g = scan %S %h0 %x counts=[1, 1] length=[301] reverse=[1] body={\n"
		"    graph @b(%R: f32[24, 24], %h: f32[24], %x: f32[24]) -> (%n: f32[24], %y: f32[24]) {\n"
		"      %u = contract %h %R spec=\"i,ij->j\"\n"
		"      %a = add %u %x\n"
		"      %n = tanh %a\n"
		"      return %n %n\n"
		"    }\n"
		"  }\n"
		"  %fy = get %f index=[1]\n"
		"  %gy = get %g index=[1]\n"
		"  %fh = get %f index=[0]\n"
		"  %gh = get %g index=[0]\n"
		"  %h = add %fh %gh\n"
		"  %y = mul %fy %gy\n"
		"  return %h %y\n"
		"}\n"},
	{"two products a step, and a branch", "T=9",
		"dim T = 0..4096\n"
		"graph @m(%x: f32[T, 190], %h0: f32[190], %c: bool[T], %R: f32[190, 190], %S: f32[190, 190]) -> (%h: f32[190], %y: f32[T, 190]) {\n"
		"  %f = scan %R %S %h0 %x %c counts=[2, 1] length=[T] reverse=[0] body={\n"
		"    graph @b(%R: f32[190, 190], %S: f32[190, 190], %h: f32[190], %x: f32[190], %c: bool[]) -> (%n: f32[190], %y: f32[190]) {\n"
		"      %u = contract %h %R spec=\"i,ij->j\"\n"
		"      %r = sigmoid %u\n"
		"      %q = mul %r %h\n"
		"      %v = cond %c %q %S %x body={\n"
		"        graph @yes(%q: f32[190], %S: f32[190, 190], %x: f32[190]) -> (%o: f32[190]) {\n"
		"          %p = contract %q %S spec=\"i,ij->j\"\n"
		"          %a = add %p %x\n"
		"          %o = tanh %a\n"
		"          return %o\n"
		"        }\n"
		"        graph @no(%q: f32[190], %S: f32[190, 190], %x: f32[190]) -> (%o: f32[190]) {\n"
		"          %a = add %q %x\n"
		"          %o = sigmoid %a\n"
		"          return %o\n"
		"        }\n"
		"      }\n"
		"      %w = get %v index=[0]\n"
		"      return %w %w\n"
		"    }\n"
		"  }\n"
		"  %h = get %f index=[0]\n"
		"  %y = get %f index=[1]\n"
		"  return %h %y\n"
		"}\n"},
	{"open size in the lanes", "T=301",
		"dim T = 0..4096\n"
		"graph @m(%x: f32[90, T], %R: f32[90, 110], %S: f32[110, 70]) -> (%y: f32[70, T]) {\n"
		"  %u = contract %x %R spec=\"it,ij->jt\"\n"
		"  %a = tanh %u\n"
		"  %y = contract %a %S spec=\"it,ij->jt\"\n"
		"  return %y\n"
		"}\n"},
};
enum { N_MODELS = sizeof models / sizeof *models };

/* With %R and %S as constants. */
static const Graph *read_model(Ctx *cx, int i)
{
	const Graph *g = graph_parse(cx, models[i].text, models[i].name);
	graph_verify(cx, g);
	const Tensor **values = NEWN(cx->arena, const Tensor *, g->n_params);
	DimEnv env;
	dimenv_init(&env, cx->arena);
	uint64_t seed = 7;
	for (int k = 0; k < g->n_params; k++)
		if (strchr("RS", g->param_names[k][0])) {
			Tensor *t = (Tensor *)(uintptr_t)random_input(
				cx, cx->arena, &seed, g->params[k]->type, &env, false);
			for (int64_t n = 0; n < t->count; n++) tensor_set(t, n, tensor_get(t, n) / 16);
			values[k] = t;
		}
	return with_constants(cx, g, values);
}

/* In the child: Criterion waits for ever after an assertion that fails in a process that it does not know. */
#define must(condition, ...)                  \
	do {                                  \
		if (condition) break;         \
		fprintf(stderr, __VA_ARGS__); \
		fputc('\n', stderr);          \
		_exit(1);                     \
	} while (0)

static void try_variant(Ctx *cx, Variant v, bool first, const Tensor *wanted[N_MODELS][MAX_VALUES])
{
	Compiled *builds[N_MODELS];
	const Graph *graphs[N_MODELS];
	for (int i = 0; i < N_MODELS; i++) {
		graphs[i] = read_model(cx, i);
		builds[i] = compile_as(cx, graphs[i], &v, arena_printf(cx->arena, "m%d", i));
		const bool team = strstr(builds[i]->files[0].data, "#pragma omp parallel") != NULL;
		must(team == (v.threads > 1), "%s: %d threads, %s team", models[i].name, v.threads, team ? "a" : "no");
	}
	char *error;
	Module *m = load_all(cx->arena, N_MODELS, builds, &v, &error);
	must(m, "%s: %s", v.name, error);
	for (int i = 0; i < N_MODELS; i++) {
		const Tensor *inputs[MAX_VALUES], *seen[MAX_VALUES];
		DimEnv env;
		dimenv_init(&env, cx->arena);
		bind_run(cx, &env, models[i].dims);
		uint64_t seed = 5;
		for (int k = 0; k < graphs[i]->n_params; k++)
			inputs[k] = random_input(cx, cx->arena, &seed, graphs[i]->params[k]->type, &env, false);
		for (int call = 0; call < CALLS; call++) {
			const char *wrong =
				call_compiled(cx, cx->arena, m, builds[i], builds[i]->graph, &env, inputs, seen);
			must(!wrong, "%s, %s: %s", models[i].name, v.name, wrong);
			for (int r = 0; r < graphs[i]->n_results; r++) {
				const size_t size = tensor_size_bytes(seen[r]);
				if (first && !call) wanted[i][r] = seen[r];
				must(memcmp(seen[r]->data, wanted[i][r]->data, size) == 0,
					"%s, %s, %d threads: other bits in call %d", models[i].name, v.name, v.threads,
					call);
			}
		}
	}
	module_free(m);
}

static void run_all(Variant v)
{
	Ctx *cx = ctx_new();
	const Tensor *wanted[N_MODELS][MAX_VALUES];
	TRY (cx) {
		for (v.threads = 1; v.threads <= MAX_THREADS; v.threads++) try_variant(cx, v, v.threads == 1, wanted);
	} else must(false, "%s", cx->error);
	ctx_free(cx);
}

/* In a process of its own, which does not exit but _exits: the tracer of LeakSanitizer crashes in any program that has
 * opened libomp with dlopen and has had threads of it. */
static void same_bits(Variant v)
{
	if (!variant_runs(&v)) return;
	const pid_t child = fork();
	if (!child) {
		run_all(v);
		_exit(0);
	}
	int status = 0;
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %d", v.name, status);
}

Test(threads, scalar, .timeout = 300)
{
	same_bits((Variant){
		.name = "generic, gcc", .target = "generic", .opt = 2, .cc = "gcc", .cc_opt = 1, .werror = true});
}

Test(threads, vectors, .timeout = 300)
{
	same_bits((Variant){.name = "x86-64-v3, JIT", .target = "x86-64-v3", .opt = 2});
}
