/* test_codegen.c: generated C against the interpreter.
 *
 * tests/codegen/NAME.ir are graphs, one idea each; besides, every primitive for every element type, made from the table.
 * Each is compiled at every level, for every target that this CPU runs, by the JIT, gcc and clang, for one and two threads,
 * without a warning, and called.  Results may differ from the interpreter's by the roundings that lie between inputs and
 * results, times the unit of the coarsest float type (compiled.h: count_roundings), of the tensor's largest element.
 * Compilers, levels of theirs, numbers of threads, lanes of one numeric profile, and chunks of steps may not differ at all.
 */
#include "tests/unit/compiled.h"
#include "tests/unit/read_file.h"

#include <criterion/criterion.h>
#include <glob.h>

/* Results are bit-equal within a profile (docs/numerics.md): 0 of -O0, which sums in another order; 1 muladd; 2 fma. */
static const struct {
	Variant v;
	int profile;
} variants[] = {
	{{"-O0 generic, JIT", "generic", 0, 1, NULL, 1, false, false, .weights = WEIGHTS_AUTO}, 0},
	{{"-O0 generic, gcc", "generic", 0, 1, "gcc", 1, true, false, .weights = WEIGHTS_AUTO}, 0},
	{{"-O1 generic, clang", "generic", 1, 1, "clang-14", 2, true, false, .weights = WEIGHTS_INLINE}, 1},
	{{"-O2 generic, gcc sanitized", "generic", 2, 1, "gcc", 1, false, true, .weights = WEIGHTS_STRING}, 1},
	{{"-O2 x86-64, gcc", "x86-64", 2, 1, "gcc", 2, true, false, .weights = WEIGHTS_AUTO}, 1},
	{{"-O2 x86-64, chunks of 2, JIT", "x86-64", 2, 1, NULL, 1, false, false, .weights = WEIGHTS_AUTO, .chunk = 2},
		1},
	{{"-O1 x86-64-v3, JIT", "x86-64-v3", 1, 1, NULL, 1, false, false, .weights = WEIGHTS_AUTO}, 2},
	{{"-O3 x86-64-v3, chunks of 3, gcc", "x86-64-v3", 3, 1, "gcc", 1, true, false, .weights = WEIGHTS_AUTO,
		 .chunk = 3},
		2},
	{{"-O2 x86-64-v3, chunks of 2, clang sanitized", "x86-64-v3", 2, 1, "clang-14", 1, true, true,
		 .weights = WEIGHTS_AUTO, .chunk = 2},
		2},
	{{"-O3 x86-64-v4, JIT", "x86-64-v4", 3, 1, NULL, 1, false, false, .weights = WEIGHTS_AUTO}, 2},
	{{"-O2 x86-64-v4, chunks of 2, gcc, 2 threads", "x86-64-v4", 2, 2, "gcc", 2, true, false,
		 .weights = WEIGHTS_AUTO, .chunk = 2},
		2},
};
enum { N_VARIANTS = sizeof variants / sizeof *variants, MAX_CASES = 256 };

typedef struct {
	Ctx *cx;
	int n;
	Case *cases[MAX_CASES];
} Suite;

static void suite_add(Suite *s, const char *name, const char *text)
{
	volatile bool done = false;
	Ctx *cx = ctx_new();
	TRY (cx) {
		s->cases[s->n++] = case_new(cx, name, text);
		done = true;
	}
	cr_assert(done, "%s: %s", name, cx->error);
}

static void suite_free(Suite *s)
{
	for (int i = 0; i < s->n; i++) ctx_free(s->cases[i]->cx);
	ctx_free(s->cx);
}

static int count_unequal_bits(const Suite *s, const Tensor **const seen[][MAX_RUNS],
	const Tensor **const first[][MAX_RUNS], const char *variant)
{
	int n = 0;
	for (int i = 0; i < s->n; i++)
		for (int r = 0; r < s->cases[i]->n_runs; r++)
			for (int k = 0; k < s->cases[i]->g->n_results; k++) {
				const Tensor *x = first[i][r][k], *y = seen[i][r][k];
				int64_t at = 0;
				while (at < x->count && same_number(x, y, at)) at++;
				if (at == x->count) continue;
				fprintf(stderr,
					"FAIL %s, %s [%s]: %%%s, element %lld is %.9g, %.9g in others of that profile\n",
					s->cases[i]->name, variant, s->cases[i]->runs[r].dims,
					s->cases[i]->g->result_names[k], (long long)at, tensor_get(y, at),
					tensor_get(x, at));
				n++;
			}
	return n;
}

/* The suite as one variant; false when something failed.  seen: the results of all runs of all cases. */
static bool suite_run(const Suite *s, const Variant *v, const Tensor **seen[][MAX_RUNS])
{
	Compiled *all[MAX_CASES] = {NULL};
	volatile bool ok = true;
	for (volatile int i = 0; i < s->n; i++) {
		Ctx *cx = s->cases[i]->cx;
		TRY (cx) all[i] = compile_as(cx, s->cases[i]->g, v, arena_printf(cx->arena, "g%d", i));
		else ok = false;
		if (all[i]) continue;
		fprintf(stderr, "FAIL %s, %s: %s\n", s->cases[i]->name, v->name, cx->error);
		return false;
	}
	char *error;
	Module *m = load_all(s->cx->arena, s->n, all, v, &error);
	if (!m) {
		fprintf(stderr, "FAIL %s: %.4000s\n", v->name, error);
		free(error);
		return false;
	}
	for (int i = 0; i < s->n; i++) ok = case_check(s->cases[i], m, all[i], v->name, seen[i]) && ok;
	module_free(m);
	return ok;
}

/* Every `stride`th variant from the first one on. */
static void suite_test(const Suite *s, int stride)
{
	static const Tensor **seen[2][MAX_CASES][MAX_RUNS], **firsts[3][MAX_CASES][MAX_RUNS];
	bool have[3] = {false};
	int n_failed = 0, n_run = 0;
	for (int i = 0; i < N_VARIANTS; i += stride) {
		const Variant *v = &variants[i].v;
		const int p = variants[i].profile;
		if (!variant_runs(v)) {
			fprintf(stderr, "skipped: %s: the CPU or the compiler is not there\n", v->name);
			continue;
		}
		n_run++;
		if (!suite_run(s, v, have[p] ? seen[0] : firsts[p])) n_failed++;
		else if (have[p]) n_failed += count_unequal_bits(s, seen[0], firsts[p], v->name) > 0;
		else have[p] = true;
	}
	fprintf(stderr, "%d graphs, %d variants, %d failed\n", s->n, n_run, n_failed);
	cr_assert(n_failed == 0);
}

static void suite_files(Suite *s)
{
	const char *root = getenv("RNNCC_SOURCE_DIR");
	glob_t found;
	cr_assert(glob(arena_printf(s->cx->arena, "%s/tests/codegen/*.ir", root ? root : RNNCC_SOURCE_DIR), 0, NULL,
			  &found) == 0,
		"no files");
	for (size_t i = 0; i < found.gl_pathc; i++)
		suite_add(s, arena_printf(s->cx->arena, "%s", strrchr(found.gl_pathv[i], '/') + 1),
			read_file(found.gl_pathv[i], s->cx->arena));
	globfree(&found);
}

Test(codegen, files, .timeout = 1800)
{
	Suite s = {.cx = ctx_new()};
	suite_files(&s);
	suite_test(&s, 1);
	suite_free(&s);
}

/* ---- every primitive for every element type ---- */

static bool takes(char ew_class, Elem e)
{
	if (elem_is_storage(e) && ew_class != 'c' && ew_class != 's') return false;
	switch (ew_class) {
	case 'a': return e != BOOL;
	case 'f':
	case 'p': return elem_is_float(e);
	case 'i': return elem_is_int(e);
	case 'l': return !elem_is_float(e);
	default: return true;
	}
}

/* All pairs of types to compute with; one for storage with those that its cast goes through. */
static bool casts_to(Elem from, Elem to)
{
	const Elem other = elem_is_storage(from) ? to : from;
	if (!elem_is_storage(from) && !elem_is_storage(to)) return true;
	return other == F32 || other == F64 || other == F16 || other == I32 || other == I4 || other == U2;
}

/* One graph an element type: each element-wise primitive on rows of 37, which no number of lanes divides. */
static void add_elementwise(Suite *s, Elem e)
{
	Buf params, results, lines, names;
	Buf *all[] = {&params, &results, &lines, &names};
	for (int i = 0; i < 4; i++) buf_init(all[i], s->cx->arena);
	const char *t = elem_info[e].name;
	for (int op = 0; op < N_OPS; op++) {
		const OpInfo *info = &op_info[op];
		if (!info->is_ew || strchr("tb", info->ew_class) || !takes(info->ew_class, e)) continue;
		const bool truth = info->ew_class == 'c' || info->ew_class == 'p';
		buf_printf(&results, "%s%%r_%s: %s[3, 37]", results.size ? ", " : "", info->name, truth ? "bool" : t);
		buf_printf(&lines, "  %%r_%s = %s %s%s%s\n", info->name, info->name, info->ew_class == 's' ? "%p " : "",
			"%a", info->ew_class == 's' || info->n_args == 2 ? " %b" : "");
		buf_printf(&names, " %%r_%s", info->name);
	}
	for (int to = 0; to < N_ELEMS; to++) {
		if (to == (int)e || !casts_to(e, (Elem)to)) continue;
		buf_printf(&results, ", %%to_%s: %s[3, 37]", elem_info[to].name, elem_info[to].name);
		buf_printf(&lines, "  %%to_%s = cast %%a elem=%s\n", elem_info[to].name, elem_info[to].name);
		buf_printf(&names, " %%to_%s", elem_info[to].name);
		if (elem_is_storage((Elem)to) && e == F32) { /* rounded also where it is not stored */
			buf_printf(&results, ", %%via_%s: f32[3, 37]", elem_info[to].name);
			buf_printf(
				&lines, "  %%via_%s = cast %%to_%s elem=f32\n", elem_info[to].name, elem_info[to].name);
			buf_printf(&names, " %%via_%s", elem_info[to].name);
		}
		if (elem_info[to].bits != elem_info[e].bits) continue;
		buf_printf(&results, ", %%as_%s: %s[3, 37]", elem_info[to].name, elem_info[to].name);
		buf_printf(&lines, "  %%as_%s = bitcast %%a elem=%s\n", elem_info[to].name, elem_info[to].name);
		buf_printf(&names, " %%as_%s", elem_info[to].name);
	}
	suite_add(s, arena_printf(s->cx->arena, "elementwise on %s", t),
		arena_printf(s->cx->arena,
			"# special\ngraph @ew(%%a: %s[3, 37], %%b: %s[3, 37], %%p: bool[3, 37]) -> (%s) {\n%s  return%s\n}\n",
			t, t, results.text, lines.text, names.text));
}

/* The same of the structural ones. */
static void add_structural(Suite *s, Elem e)
{
	static const struct {
		const char *type, *line; /* of the result; @ is the element type */
		char takes;              /* * anything, n numbers, o what has an order */
	} rows[] = {
		{"@[37, 3]", "permute %x perm=[1, 0]", '*'},
		{"@[111]", "reshape %x shape=[111]", '*'},
		{"@[2, 19]", "slice %x start=[2, 36] size=[2, 19] step=[-2, -2]", '*'},
		{"@[4, 38]", "pad %x %v lo=[1, 0] hi=[0, 1]", '*'},
		{"@[2, 3, 37]", "expand %x shape=[2, 3, 37]", '*'},
		{"@[3, 18, 3]", "window %x axis=[1] window=[3, 2, 1]", '*'},
		{"@[6, 37]", "concat %x %y axis=[0]", '*'},
		{"@[3, 4]", "gather %x %i axis=[1]", '*'},
		{"@[4]", "gather_nd %x %n batch=[0]", '*'},
		{"@[3, 37]", "scatter_nd %x %n %u kind=\"set\"", '*'},
		{"@[3, 37]", "scatter_nd %x %n %u kind=\"add\"", 'n'},
		{"@[3, 37]", "scatter_nd %x %n %u kind=\"mul\"", 'n'},
		{"@[3, 37]", "scatter_nd %x %n %u kind=\"min\"", 'n'},
		{"@[3, 37]", "scatter_nd %x %n %u kind=\"max\"", 'n'},
		{"@[3, 3]", "contract %x %y spec=\"ik,jk->ij\"", 'n'},
		{"@[37, 37]", "contract %x %y spec=\"ki,kj->ij\"", 'n'},
		{"@[3]", "reduce %x kind=\"max\" axes=[1]", 'o'},
		{"@[37]", "reduce %x kind=\"min\" axes=[0]", 'o'},
		{"@[3]", "reduce %x kind=\"sum\" axes=[1]", 'n'},
		{"@[37]", "reduce %x kind=\"prod\" axes=[0]", 'n'},
		{"i64[3]", "argreduce %x kind=\"max\" axis=[1] flags=[0]", 'n'},
		{"i64[37]", "argreduce %x kind=\"min\" axis=[0] flags=[1]", 'n'},
		{"@[3, 37]", "cumulative %x kind=\"sum\" axis=[0] flags=[0, 1]", 'n'},
		{"@[3, 37]", "cumulative %x kind=\"prod\" axis=[0] flags=[1, 0]", 'n'},
		{"@[3, 37]", "cumulative %x kind=\"max\" axis=[1] flags=[0, 0]", 'n'},
		{"i64[3, 37]", "sort %x axis=[1] flags=[0]", 'n'},
		{"i64[3, 37]", "sort %x axis=[0] flags=[1]", 'n'},
		{"@[3, 37]", "iota elem=@ shape=[3, 37] axis=[1]", 'n'},
	};
	Buf results, lines, names;
	buf_init(&results, s->cx->arena);
	buf_init(&lines, s->cx->arena);
	buf_init(&names, s->cx->arena);
	const char *t = elem_info[e].name;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if ((rows[i].takes == 'n' && e == BOOL) || (rows[i].takes != '*' && elem_is_storage(e))) continue;
		buf_printf(&results, "%s%%r%zu: ", results.size ? ", " : "", i);
		buf_printf(&lines, "  %%r%zu = ", i);
		for (const char *p = rows[i].type; *p; p++)
			*p == '@' ? buf_puts(&results, t) : buf_write(&results, p, 1);
		for (const char *p = rows[i].line; *p; p++) *p == '@' ? buf_puts(&lines, t) : buf_write(&lines, p, 1);
		buf_puts(&lines, "\n");
		buf_printf(&names, " %%r%zu", i);
	}
	suite_add(s, arena_printf(s->cx->arena, "structural on %s", t),
		arena_printf(s->cx->arena,
			"graph @st(%%x: %s[3, 37], %%y: %s[3, 37], %%v: %s[], %%u: %s[4], %%i: i64[4], %%n: i32[4, 2]) -> (%s) {\n%s  return%s\n}\n",
			t, t, t, t, results.text, lines.text, names.text));
}

Test(codegen, elementwise, .timeout = 1800)
{
	Suite s = {.cx = ctx_new()};
	for (int e = 0; e < N_ELEMS; e++) add_elementwise(&s, (Elem)e);
	suite_test(&s, 3);
	suite_free(&s);
}

Test(codegen, structural, .timeout = 1800)
{
	Suite s = {.cx = ctx_new()};
	for (int e = 0; e < N_ELEMS; e++) /* of those for storage one of each width and class */
		if (!elem_is_storage((Elem)e) || e == F8E4M3FN || e == F4E2M1 || e == I4 || e == U2)
			add_structural(&s, (Elem)e);
	suite_test(&s, 3);
	suite_free(&s);
}

/* ---- what the files promise ---- */

static Compiled *compile_text(Ctx *cx, const Case *of, const Variant *v, const char *prefix)
{
	Compiled *volatile c = NULL;
	TRY (cx) c = compile_as(cx, graph_parse(cx, of->text, of->name), v, prefix);
	cr_assert(c, "%s: %s", of->name, cx->error);
	return c;
}

/* Two compilations, each by itself, give the same files byte for byte. */
Test(codegen, deterministic, .timeout = 1800)
{
	Suite s = {.cx = ctx_new()};
	suite_files(&s);
	for (int i = 0; i < s.n; i++)
		for (int v = 0; v < N_VARIANTS; v += 4) {
			Ctx *one = ctx_new(), *other = ctx_new();
			intern(other, "not the same addresses");
			arena_alloc(other->arena, 12345);
			const Compiled *a = compile_text(one, s.cases[i], &variants[v].v, "m");
			const Compiled *b = compile_text(other, s.cases[i], &variants[v].v, "m");
			cr_assert(a->n_files == b->n_files);
			for (int f = 0; f < a->n_files; f++)
				cr_expect(a->files[f].size == b->files[f].size &&
						!memcmp(a->files[f].data, b->files[f].data, a->files[f].size),
					"%s, %s: %s differs", s.cases[i]->name, variants[v].v.name, a->files[f].name);
			ctx_free(one);
			ctx_free(other);
		}
	suite_free(&s);
}

/* ---- memory: a program under AddressSanitizer and UBSan, every array exactly as large as the header says ---- */

static const char driver[] =
	"#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
	"typedef int Call(int, const int64_t *, const void *const *, void *const *, void *, void *);\n"
	"typedef size_t Size(int, const int64_t *);\n"
	"#define G(n) Call g##n##_call; Size g##n##_call_workspace;\n"
	"GRAPHS\n#undef G\n#define G(n) {g##n##_call, g##n##_call_workspace},\n"
	"static const struct { Call *call; Size *workspace; } table[] = {GRAPHS};\n"
	"static int64_t number(void) { int64_t n = 0; if (fread(&n, 8, 1, stdin) != 1) exit(0); return n; }\n"
	"static void *array(int64_t size, int filled) {\n"
	"	void *p = NULL; if (posix_memalign(&p, 64, size ? (size_t)size : 1)) exit(3);\n"
	"	memset(p, 0xa5, size ? (size_t)size : 1);\n"
	"	if (filled && size && fread(p, (size_t)size, 1, stdin) != 1) exit(4);\n"
	"	return p; }\n"
	"int main(void) { for (;;) {\n"
	"	int64_t dims[16], g = number(), n_dims = number();\n"
	"	void *in[512], *out[512];\n"
	"	for (int64_t i = 0; i < n_dims; i++) dims[i] = number();\n"
	"	int64_t n_in = number(); for (int64_t i = 0; i < n_in; i++) { int64_t n = number(); in[i] = array(n, 1); }\n"
	"	int64_t n_out = number(); for (int64_t i = 0; i < n_out; i++) out[i] = array(number(), 0);\n"
	"	void *ws = array((int64_t)table[g].workspace(0, dims), 0);\n"
	"	if (table[g].call(0, dims, (const void *const *)in, out, NULL, ws)) return 5;\n"
	"	for (int64_t i = 0; i < n_in; i++) free(in[i]);\n"
	"	for (int64_t i = 0; i < n_out; i++) free(out[i]);\n"
	"	free(ws); } }\n";

static FILE *open_in(Ctx *cx, const char *directory, const char *name)
{
	FILE *f = fopen(arena_printf(cx->arena, "%s/%s", directory, name), "wb");
	cr_assert(f, "%s/%s", directory, name);
	return f;
}

static void write_number(FILE *f, int64_t n) { fwrite(&n, sizeof n, 1, f); }

static void write_run(FILE *f, int index, const Case *c, const struct Run *r, const Compiled *compiled)
{
	write_number(f, index);
	write_number(f, compiled->n_dims);
	for (int d = 0; d < compiled->n_dims; d++) {
		int64_t value = 0;
		dimenv_get(&r->env, compiled->dims[d], &value);
		write_number(f, value);
	}
	write_number(f, c->g->n_params);
	for (int i = 0; i < c->g->n_params; i++) {
		write_number(f, (int64_t)tensor_size_bytes(r->inputs[i]));
		fwrite(r->inputs[i]->data, 1, tensor_size_bytes(r->inputs[i]), f);
	}
	write_number(f, c->g->n_results + compiled->n_computed);
	for (int i = 0; i < c->g->n_results; i++)
		write_number(f, (int64_t)most_bytes(c->cx, c->g->results[i]->type, &r->env));
	for (int i = 0; i < compiled->n_computed; i++) write_number(f, sizeof(int64_t));
}

static void check_sanitized(const Suite *s, const Variant *v, const char *flags)
{
	Ctx *cx = s->cx;
	char directory[] = "/tmp/rnncc-codegen-XXXXXX";
	cr_assert(mkdtemp(directory));
	Buf graphs;
	buf_init(&graphs, cx->arena);
	FILE *data = open_in(cx, directory, "data");
	for (int i = 0; i < s->n; i++) {
		const Compiled *c = compile_text(s->cases[i]->cx, s->cases[i], v, arena_printf(cx->arena, "g%d", i));
		for (int f = 0; f < c->n_files; f++) {
			FILE *out = open_in(cx, directory, c->files[f].name);
			fwrite(c->files[f].data, 1, c->files[f].size, out);
			fclose(out);
		}
		buf_printf(&graphs, " G(%d)", i);
		for (int r = 0; r < s->cases[i]->n_runs; r++) write_run(data, i, s->cases[i], &s->cases[i]->runs[r], c);
	}
	fclose(data);
	FILE *main_c = open_in(cx, directory, "main.c");
	fprintf(main_c, "#define GRAPHS%s\n%s", graphs.text, driver);
	fclose(main_c);
	cr_expect(
		system(arena_printf(cx->arena,
			"cd %s && gcc -std=gnu99 -O0 -ffp-contract=off %s -fsanitize=address,undefined -fno-sanitize-recover=all *.c -o run -lm && ./run <data",
			directory, flags)) == 0,
		"%s: the sanitizers object", v->name);
	cr_expect(system(arena_printf(cx->arena, "rm -r %s", directory)) == 0);
}

Test(codegen, sanitized, .timeout = 1800)
{
	if (!in_path("gcc")) cr_skip_test("gcc is not there");
	Suite s = {.cx = ctx_new()};
	suite_files(&s);
	static const Elem some[] = {F32, F16, I8, BOOL};
	for (size_t i = 0; i < sizeof some / sizeof *some; i++) add_structural(&s, some[i]);
	add_elementwise(&s, I64);
	check_sanitized(&s, &(Variant){.name = "-O0 generic", .target = "generic", .threads = 1}, "");
	const char *wide = cpu_runs("x86-64-v3") ? "x86-64-v3" : cpu_runs("x86-64") ? "x86-64" : NULL;
	if (wide)
		check_sanitized(&s, &(Variant){.name = wide, .target = wide, .opt = 2, .threads = 1},
			arena_printf(s.cx->arena, "-march=%s", wide));
	suite_free(&s);
}

/* Each file as C99 where it has no vectors, and what its object needs: libm, memcpy and memset; nothing writable. */
static void check_object(
	Ctx *cx, const char *directory, const Compiled *c, const char *name, const char *cc, const char *flags)
{
	for (int f = 0; f < c->n_files; f++) {
		FILE *out = fopen(arena_printf(cx->arena, "%s/%s", directory, c->files[f].name), "wb");
		cr_assert(out);
		fwrite(c->files[f].data, 1, c->files[f].size, out);
		fclose(out);
	}
	const char *command = arena_printf(cx->arena,
		"cd %s && %s %s -O2 -ffp-contract=off -fno-math-errno " MODULE_WARNINGS
		" -c %s.c -o %s.o && nm -P %s.o",
		directory, cc, flags, c->name, c->name, c->name);
	FILE *nm = popen(command, "r");
	cr_assert(nm);
	static const char *const allowed[] = {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_", "fmaf", "fma",
		"sqrtf", "sqrt", "fmodf", "fmod", "rint", "floor", "ceil", "trunc", "exp", "log", "sin", "cos", "tan",
		"asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "pow", "log1p",
		"expm1", "fabs", "copysign", "rintf", "sincos", "exp2", "log2"};
	char line[512], symbol[256], kind;
	while (fgets(line, sizeof line, nm)) {
		if (sscanf(line, "%255s %c", symbol, &kind) != 2) continue;
		cr_expect(!strchr("DdBbCGgSs", kind), "%s: %s is writable data", name, symbol);
		if (kind != 'U') continue;
		bool ok = false;
		for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) ok |= !strcmp(symbol, allowed[i]);
		cr_expect(ok, "%s, %s: needs %s", name, cc, symbol);
	}
	cr_expect(pclose(nm) == 0, "%s: %s %s: does not compile without a warning", name, cc, flags);
}

Test(codegen, stands_alone, .timeout = 1800)
{
	Suite s = {.cx = ctx_new()};
	suite_files(&s);
	add_elementwise(&s, F32);
	add_elementwise(&s, F64);
	add_elementwise(&s, F16);
	add_elementwise(&s, I8);
	add_structural(&s, U32);
	char directory[] = "/tmp/rnncc-codegen-XXXXXX";
	cr_assert(mkdtemp(directory));
	for (int i = 0; i < s.n; i++) {
		Variant plain = {.name = "generic", .target = "generic", .opt = 2, .threads = 1}, wide = plain;
		wide.target = "x86-64-v3";
		const Compiled *c[2] = {compile_text(s.cases[i]->cx, s.cases[i], &plain, "m"),
			compile_text(s.cases[i]->cx, s.cases[i], &wide, "v")};
		for (int cc = 0; cc < 2; cc++) {
			const char *command = cc ? "clang-14" : "gcc";
			if (!in_path(command)) continue;
			check_object(s.cx, directory, c[0], s.cases[i]->name, command, MODULE_PORTABLE);
			check_object(s.cx, directory, c[1], s.cases[i]->name, command, "-std=gnu99 -march=x86-64-v3");
		}
	}
	cr_expect(system(arena_printf(s.cx->arena, "rm -r %s", directory)) == 0);
	suite_free(&s);
}
