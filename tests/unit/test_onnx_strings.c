/* test_onnx_strings.c: texts, which exist while a model is imported, and the operators that take them.
 *
 * Expected texts are by hand, from ONNX's documentation; of the matching of expressions from RE2's.
 */
#include <criterion/criterion.h>

#include "onnx_run.h"
#include "onnx_writer.h"

enum { TO_STRING = STRING };

/* A tensor of texts, words separated by '|'; the shape is words, "" a scalar. */
static Buf texts(Ctx *cx, const char *name, const char *shape, const char *words)
{
	Buf t = message(cx);
	int64_t count = 1;
	for (const char *at = shape; *at; at += *at == ' ') {
		char *end;
		const long dim = strtol(at, &end, 10);
		put_int(&t, 1, dim);
		count *= dim;
		at = end;
	}
	put_int(&t, 2, STRING);
	for (int64_t i = 0; i < count; i++) {
		const size_t n = strcspn(words, "|");
		put_bytes(&t, 6, words, n);
		words += n + (words[n] == '|');
	}
	put_str(&t, 8, name);
	return t;
}

static void put_attr_strs(Ctx *cx, Buf *n, const char *name, const char *words)
{
	Buf a = attribute(cx, name, 8);
	for (const char *at = words; *at; at += *at == '|') {
		const size_t size = strcspn(at, "|");
		put_bytes(&a, 9, at, size);
		at += size;
	}
	put_message(n, 5, a);
}

/* A model of one node with constant texts x, and y where it is given. */
static Buf one_node(Ctx *cx, Buf n, const char *x_shape, const char *x, const char *y_shape, const char *y)
{
	Buf g = message(cx), m = message(cx);
	put_message(&g, 1, n);
	put_message(&g, 5, texts(cx, "x", x_shape, x));
	if (y) put_message(&g, 5, texts(cx, "y", y_shape, y));
	put_output(cx, &g, "z");
	put_int(&m, 1, 10);
	put_message(&m, 7, g);
	put_message(&m, 8, opset(cx, "", 24));
	put_message(&m, 8, opset(cx, "ai.onnx.ml", 4));
	return m;
}

static const Tensor *result_of(Ctx *cx, Buf m)
{
	const OnnxImportOptions keep = {.keep_texts = true};
	Ctx *volatile context = cx;
	const Graph *volatile g = NULL;
	TRY (context) { g = onnx_import(context, onnx_read_memory(context, m.text, m.size, NULL), &keep); }
	return run_model(cx, g, NULL)[0];
}

static void expect_texts(Ctx *cx, Buf m, const char *shape, const char *words)
{
	const Tensor *t = result_of(cx, m);
	cr_assert_eq(t->elem, STR);
	for (int i = 0; i < t->rank; i++) {
		cr_expect_eq(
			strtol(shape, (char **)(uintptr_t)&shape, 10), t->dims[i], "dim %d is %d", i, (int)t->dims[i]);
	}
	cr_expect_eq(*shape, '\0', "rank %d", t->rank);
	for (int64_t i = 0; i < t->count; i++) {
		const size_t n = strcspn(words, "|");
		const char *seen = text_numbered(cx, tensor_get_int(t, i));
		cr_expect(strlen(seen) == n && memcmp(seen, words, n) == 0, "[%d] is '%s', not '%.*s'", (int)i, seen,
			(int)n, words);
		words += n + (words[n] == '|');
	}
}

static void expect_numbers(Ctx *cx, Buf m, int n, const double *wanted)
{
	const Tensor *t = result_of(cx, m);
	cr_assert_eq(t->count, n);
	for (int i = 0; i < n; i++)
		cr_expect((isnan(wanted[i]) && isnan(tensor_get(t, i))) || tensor_get(t, i) == wanted[i],
			"[%d] is %g, not %g", i, tensor_get(t, i), wanted[i]);
}

Test(onnx_strings, concat)
{
	Ctx *cx = ctx_new();
	const Buf n = node(cx, "StringConcat", "x y", "z");
	expect_texts(cx, one_node(cx, n, "2", "a|b", "2", ".com|.net"), "2", "a.com|b.net");
	expect_texts(cx, one_node(cx, n, "2 1", "a|é", "3", "x||日本"), "2 3", "ax|a|a日本|éx|é|é日本");
	expect_texts(cx, one_node(cx, n, "", "a", "", "b"), "", "ab");
	expect_texts(cx, one_node(cx, n, "0 2", "", "1", "b"), "0 2", "");
	expect_error(cx, one_node(cx, n, "2", "a|b", "3", "a|b|c"), NULL, "broadcast");
	ctx_free(cx);
}

/* A long string in every element of a large tensor. */
Test(onnx_strings, too_often)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "StringConcat", "many x", "z");
	char *text = arena_alloc(cx->arena, 1001);
	memset(text, 'a', 1000);
	put_message(&g, 5, texts(cx, "x", "", text));
	put_message(&g, 5, tensor(cx, "shape", INT64, 1, (int64_t[]){1}, (int64_t[]){1 << 20}, 8));
	put_message(&g, 1, node(cx, "Expand", "x shape", "many"));
	put_message(&g, 1, n);
	put_output(cx, &g, "z");
	expect_error(cx, model(cx, g, 20), NULL, "strings of more than 268435456 bytes in one tensor");
	ctx_free(cx);
}

/* Doubled until there is no memory for it. */
Test(onnx_strings, too_much)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx);
	put_message(&g, 5, texts(cx, "s0", "1", "0123456789abcdef"));
	for (int i = 0; i < 40; i++) {
		const char *in = arena_printf(cx->arena, "s%d s%d", i, i), *out = arena_printf(cx->arena, "s%d", i + 1);
		put_message(&g, 1, node(cx, "StringConcat", in, out));
	}
	put_output(cx, &g, "s40");
	expect_error(cx, model(cx, g, 20), NULL, "the strings take more than");
	ctx_free(cx);
}

Test(onnx_strings, split)
{
	static const struct {
		const char *delimiter; /* NULL: none */
		int64_t most;          /* -1: none */
		const char *x, *shape, *wanted;
		double counts[2];
	} cases[] = {
		{NULL, -1, "hello world!|hello  world !", "2 3", "hello|world!||hello|world|!", {2, 3}},
		{NULL, -1, "  a\t b\n|", "2 2", "a|b||", {2, 0}},
		{NULL, 1, " a  b c |d", "2 2", "a|b c |d|", {2, 1}},
		{"", 0, "  a b |", "2 1", "a b |", {1, 0}},
		{"-", -1, "a--b-|-", "2 4", "a||b||||||", {4, 2}},
		{"-", 1, "a-b-c|", "2 2", "a|b-c||", {2, 1}},
		{"ab", -1, "xabaab|aba", "2 3", "x|a|||a|", {3, 2}},
		{"-", 0, "a-b|c", "2 1", "a-b|c", {1, 1}},
	};
	Ctx *cx = ctx_new();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int second = 0; second < 2; second++) {
			Buf n = node(cx, "StringSplit", "x", second ? "y z" : "z");
			if (cases[i].delimiter) put_attr_str(cx, &n, "delimiter", cases[i].delimiter);
			if (cases[i].most >= 0) put_attr_int(cx, &n, "maxsplit", cases[i].most);
			const Buf m = one_node(cx, n, "2", cases[i].x, "", NULL);
			if (second) expect_numbers(cx, m, 2, cases[i].counts);
			else expect_texts(cx, m, cases[i].shape, cases[i].wanted);
		}
	expect_texts(cx, one_node(cx, node(cx, "StringSplit", "x", "z"), "0 3", "", "", NULL), "0 3 0", "");
	ctx_free(cx);
}

Test(onnx_strings, normalize)
{
	static const struct {
		const char *action, *stop;
		int64_t exact;
		const char *x, *shape, *wanted;
	} cases[] = {
		{"LOWER", "monday", 1, "monday|Tuesday|Monday", "2", "tuesday|monday"},
		{"LOWER", "monday", 0, "monday|Tuesday|Monday", "1", "tuesday"},
		{"UPPER", "MONDAY", 0, "monday|Ünï|Monday", "1", "ÜNÏ"},
		{"NONE", "a", 1, "A|a b|", "3", "A|a b|"},
		{"NONE", "a", 0, "A|a|A", "1", ""},
		{"UPPER", NULL, 1, "straße|ωδή|x", "3", "STRAßE|ΩΔΉ|X"},
	};
	Ctx *cx = ctx_new();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf n = node(cx, "StringNormalizer", "x", "z");
		put_attr_str(cx, &n, "case_change_action", cases[i].action);
		put_attr_int(cx, &n, "is_case_sensitive", cases[i].exact);
		if (cases[i].stop) put_attr_strs(cx, &n, "stopwords", cases[i].stop);
		expect_texts(cx, one_node(cx, n, "3", cases[i].x, "", NULL), cases[i].shape, cases[i].wanted);
		expect_texts(cx, one_node(cx, n, "1 3", cases[i].x, "", NULL),
			arena_printf(cx->arena, "1 %s", cases[i].shape), cases[i].wanted);
	}
	Buf n = node(cx, "StringNormalizer", "x", "z");
	expect_error(cx, one_node(cx, n, "2 1", "a|b", "", NULL), NULL, "[C] or [1, C] wanted");
	put_attr_str(cx, &n, "locale", "tr_TR");
	expect_error(cx, one_node(cx, n, "1", "a", "", NULL), NULL, "the letters of \"tr_TR\" are not supported");
	ctx_free(cx);
}

Test(onnx_strings, regex_full_match)
{
	static const struct {
		const char *pattern, *x; /* two of them */
		double wanted[2];
	} cases[] = {
		{"www\\.[\\w.-]+\\.\\bcom\\b", "www.google.com|www.facebook.org", {1, 0}},
		{"(\\W|^)[\\w.\\-]{0,25}@(yahoo|gmail)\\.com(\\W|$)", "account@gmail.com|account@hotmail.com", {1, 0}},
		{"a|ab", "ab|abc", {1, 0}}, {"(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac|ab", {0, 1}},
		{"", "|a", {1, 0}}, {"a.", "aé|a\n", {1, 0}}, {"(?s)a.", "a\n|a", {1, 0}}, {"a$", "a|a\n", {1, 0}},
		{"(?m)a$\\nb", "a\nb|a", {1, 0}}, {"(?m)a$\\n^", "a\n|a", {1, 0}}, {"a(?m:$)\\n?$", "a\n|a", {1, 1}},
		{"(?m)(a(?-m)$)\\n?b?$", "a|a\nb", {1, 0}}, {"(?i)straße", "STRAßE|strase", {1, 0}},
		{"\\s", " |\v", {1, 0}}, {"[\\s]", "\f|\v", {1, 0}}, {"\\S", "\v| ", {1, 0}},
		{"[^\\S]", " |\v", {1, 0}}, {"\\v", "\v|\n", {1, 0}}, {"[[:space:]]", "\v|x", {1, 0}},
		{"\\d+", "123|١٢", {1, 0}}, {"\\p{Greek}+", "αβ|ab", {1, 0}}, {"\\p{^Greek}\\pL", "aα|αa", {1, 0}},
		{"\\Qa.b\\E*", "a.bbb|axb", {1, 0}}, {"\\101\\x42\\x{43}", "ABC|abc", {1, 0}},
		{"[]a]+[^]b]", "]ac|a]", {1, 0}}, {"x{2}{y}", "xx{y}|xxy", {1, 0}}, {"x{,2}", "x{,2}|xx", {1, 0}},
		{"(?P<first>a)(?:b)(?i:C)", "abc|aBc", {1, 0}}, {"[[a]", "[|b", {1, 0}},
		{"\\bé", "é|e", {0, 0}}, /* a word is of ASCII */
	};
	Ctx *cx = ctx_new();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf n = node(cx, "RegexFullMatch", "x", "z");
		put_attr_str(cx, &n, "pattern", cases[i].pattern);
		const Tensor *t = result_of(cx, one_node(cx, n, "2", cases[i].x, "", NULL));
		for (int k = 0; k < 2; k++)
			cr_expect_eq(tensor_get(t, k), cases[i].wanted[k], "%s: %d is %g", cases[i].pattern, k,
				tensor_get(t, k));
	}
	ctx_free(cx);
}

Test(onnx_strings, regex_refused)
{
	static const char *const patterns[] = {"(a)\\1", "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?>a)", "(?R)",
		"(?1)", "(?#x)", "(?x)a", "(?|a|b)", "(?P=n)", "(?P>n)", "(*UTF)", "a*+", "a++", "a**", "a{2}{3}",
		"a?\?\?", "\\R", "\\X", "\\h", "\\K", "\\G", "\\Z", "\\C", "\\N", "\\k<n>", "\\g1", "\\e", "\\ca",
		"\\o{1}", "a{1001}", "a{3,2}", "\\p{Nonsense}", "(", ")", "[a", "\\", "*", "[b-a]", "(?P<n>a)(?P<n>b)",
		"a)(b", "\\p", "(?", "(?<n", "\\p{L", "\\8", "\\é"};
	Ctx *cx = ctx_new();
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		Buf n = node(cx, "RegexFullMatch", "x", "z");
		put_attr_str(cx, &n, "pattern", patterns[i]);
		const Buf m = one_node(cx, n, "1", "a", "", NULL);
		cx->error = NULL;
		cr_expect_null(import_model(cx, m, NULL, NULL), "accepted: %s", patterns[i]);
		cr_expect(cx->error && strstr(cx->error, "attribute pattern: "), "%s: %s", patterns[i], cx->error);
	}
	Buf n = node(cx, "RegexFullMatch", "x", "z");
	put_attr_str(cx, &n, "pattern", "a*");
	expect_error(cx, one_node(cx, n, "1", "\xff", "", NULL), NULL, "input X: ");
	ctx_free(cx);
}

Test(onnx_strings, casts)
{
	Ctx *cx = ctx_new();
	Buf to_float = node(cx, "Cast", "x", "z"), to_int = node(cx, "Cast", "x", "z"),
	    back = node(cx, "Cast", "x", "z");
	put_attr_int(cx, &to_float, "to", FLOAT);
	put_attr_int(cx, &to_int, "to", INT32);
	put_attr_int(cx, &back, "to", TO_STRING);
	expect_numbers(cx, one_node(cx, to_float, "9", "3.14|-1e-5|1E8|+INF|-inf|nan|.5|5.|16777217", "", NULL), 9,
		(const double[]){(double)3.14f, (double)-1e-5f, 1e8, INFINITY, -INFINITY, NAN, 0.5, 5, 16777216});
	expect_numbers(
		cx, one_node(cx, to_int, "3", "-7|+12|2147483647", "", NULL), 3, (const double[]){-7, 12, 2147483647});
	expect_texts(cx, one_node(cx, back, "2", "a|b", "", NULL), "2", "a|b");
	static const char *const no_floats[] = {"", " 1", "1 ", "0x10", "1e", "infinity", "nan(1)", ".", "1,5", "--1"};
	for (size_t i = 0; i < sizeof no_floats / sizeof *no_floats; i++)
		expect_error(cx, one_node(cx, to_float, "1", no_floats[i], "", NULL), NULL, "is no number of type f32");
	static const char *const no_ints[] = {"1.0", "1e3", "x", ""};
	for (size_t i = 0; i < sizeof no_ints / sizeof *no_ints; i++)
		expect_error(cx, one_node(cx, to_int, "1", no_ints[i], "", NULL), NULL, "is no number of type i32");
	expect_error(cx, one_node(cx, to_int, "1", "2147483648", "", NULL), NULL, "does not fit in i32");
	expect_error(cx, one_node(cx, to_int, "1", "99999999999999999999", "", NULL), NULL, "does not fit in i32");
	ctx_free(cx);
}

/* Plain, as the documentation has it, with the fewest digits (ONNX Runtime writes 1e+08, NumPy 1.0). */
Test(onnx_strings, numbers_as_texts)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "Cast", "w", "z");
	put_attr_int(cx, &n, "to", TO_STRING);
	put_message(&g, 1, n);
	put_message(&g, 5,
		tensor(cx, "w", FLOAT, 1, (int64_t[]){8},
			(float[]){0.1f, 1, -2.5f, 100000000, 1e-5f, NAN, -INFINITY, 0.064147495f}, 8 * sizeof(float)));
	put_output(cx, &g, "z");
	expect_texts(cx, model(cx, g, 19), "8", "0.1|1|-2.5|100000000|0.00001|NaN|-INF|0.064147495");
	ctx_free(cx);
}

/* ---- texts that move ---- */

static Buf labels(Ctx *cx, const char *inputs, const char *output, bool to_texts)
{
	Buf n = node(cx, "LabelEncoder", inputs, output);
	put_str(&n, 7, "ai.onnx.ml");
	put_attr_strs(cx, &n, to_texts ? "values_strings" : "keys_strings", "cat|dog|bird");
	put_attr_ints(cx, &n, to_texts ? "keys_int64s" : "values_int64s", 3, (int64_t[]){10, 20, 30});
	return n;
}

static Buf ml_model(Ctx *cx, Buf g)
{
	Buf m = message(cx);
	put_int(&m, 1, 10);
	put_message(&m, 7, g);
	put_message(&m, 8, opset(cx, "", 24));
	put_message(&m, 8, opset(cx, "ai.onnx.ml", 4));
	return m;
}

static const Tensor *integers(Ctx *cx, int n, const int64_t *values)
{
	Tensor *t = tensor_new(cx->arena, I64, 1, (int64_t[]){n});
	for (int i = 0; i < n; i++) tensor_set_int(t, i, values[i]);
	return t;
}

/* What only run time knows may become a text and be compared, as long as none goes out. */
Test(onnx_strings, labels_at_run_time)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx);
	put_message(&g, 1, labels(cx, "x", "label", true));
	put_message(&g, 5, texts(cx, "dog", "", "dog"));
	put_message(&g, 5, texts(cx, "unknown", "1", "_Unused"));
	put_message(&g, 1, node(cx, "Equal", "label dog", "is_dog"));
	put_message(&g, 1, node(cx, "Where", "is_dog unknown label", "fewer"));
	put_message(&g, 1, labels(cx, "fewer", "y", false));
	put_input(cx, &g, "x", INT64, "4");
	put_output(cx, &g, "y");
	put_output(cx, &g, "is_dog");
	const Graph *imported = import_model(cx, ml_model(cx, g), NULL, NULL);
	const Tensor *x = integers(cx, 4, (int64_t[]){30, 20, 10, 7});
	expect_result(cx, imported, &x, 0, 4, (double[]){30, -1, 10, -1});
	expect_result(cx, imported, &x, 1, 4, (double[]){0, 1, 0, 0});
	Buf out = message(cx);
	put_message(&out, 1, labels(cx, "x", "label", true));
	put_input(cx, &out, "x", INT64, "4");
	put_output(cx, &out, "label");
	expect_error(cx, ml_model(cx, out), NULL, "output \"label\": strings are known to the compiler only");
	put_message(&out, 1, node(cx, "StringConcat", "label label", "twice"));
	put_output(cx, &out, "twice");
	expect_error(cx, ml_model(cx, out), NULL, "input X: strings that only run time knows are not supported");
	ctx_free(cx);
}

/* Through the bodies of an If that run time decides, one of which uses a text from outside. */
Test(onnx_strings, in_bodies)
{
	Ctx *cx = ctx_new();
	Buf then_body = message(cx), else_body = message(cx), constant = node(cx, "Constant", "", "c"),
	    branch = node(cx, "If", "which", "label"), g = message(cx);
	put_message(&then_body, 1, node(cx, "Identity", "dog", "d"));
	put_output(cx, &then_body, "d");
	put_attr_strs(cx, &constant, "value_strings", "bird|cat");
	put_message(&else_body, 1, constant);
	put_output(cx, &else_body, "c");
	put_attr_message(cx, &branch, "then_branch", true, then_body);
	put_attr_message(cx, &branch, "else_branch", true, else_body);
	put_message(&g, 5, texts(cx, "dog", "2", "dog|cat"));
	put_message(&g, 1, branch);
	put_message(&g, 1, labels(cx, "label", "y", false));
	put_input(cx, &g, "which", BOOLEAN, "");
	put_output(cx, &g, "y");
	const Graph *imported = import_model(cx, ml_model(cx, g), NULL, NULL);
	for (int which = 0; which < 2; which++) {
		Tensor *t = tensor_new(cx->arena, BOOL, 0, NULL);
		tensor_set_int(t, 0, which);
		const Tensor *inputs[] = {t};
		expect_result(cx, imported, inputs, 0, 2, which ? (double[]){20, 10} : (double[]){30, 10});
	}
	ctx_free(cx);
}

/* One mechanism: what moves elements moves texts. */
Test(onnx_strings, moved)
{
	static const struct {
		const char *op, *shape, *wanted;
		int64_t operand[2]; /* i64; n of them */
		int n;
	} cases[] = {
		{"Identity", "2 3", "a|b|c|d|e|f", {0}, 0},
		{"Transpose", "3 2", "a|d|b|e|c|f", {0}, 0},
		{"Flatten", "2 3", "a|b|c|d|e|f", {0}, 0},
		{"Reshape", "3 2", "a|b|c|d|e|f", {3, 2}, 2},
		{"Unsqueeze", "1 2 3", "a|b|c|d|e|f", {0}, 1},
		{"Tile", "2 6", "a|b|c|a|b|c|d|e|f|d|e|f", {1, 2}, 2},
		{"Expand", "2 3", "a|b|c|d|e|f", {1, 3}, 2},
		{"Gather", "2 3", "d|e|f|a|b|c", {1, 0}, 2},
		{"Concat", "4 3", "a|b|c|d|e|f|a|b|c|d|e|f", {0}, -1},
	};
	Ctx *cx = ctx_new();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf n = node(cx, cases[i].op,
			    cases[i].n > 0           ? "x k"
				    : cases[i].n < 0 ? "x x"
						     : "x",
			    "z"),
		    g = message(cx);
		if (cases[i].n < 0) put_attr_int(cx, &n, "axis", 0);
		put_message(&g, 1, n);
		put_message(&g, 5, texts(cx, "x", "2 3", "a|b|c|d|e|f"));
		if (cases[i].n > 0)
			put_message(&g, 5,
				tensor(cx, "k", INT64, 1, (int64_t[]){cases[i].n}, cases[i].operand,
					(size_t)cases[i].n * sizeof(int64_t)));
		put_output(cx, &g, "z");
		expect_texts(cx, model(cx, g, 20), cases[i].shape, cases[i].wanted);
	}
	ctx_free(cx);
}

Test(onnx_strings, ngrams)
{
	Ctx *cx = ctx_new();
	Buf n = node(cx, "TfIdfVectorizer", "x", "z");
	put_attr_str(cx, &n, "mode", "TF");
	put_attr_int(cx, &n, "min_gram_length", 1);
	put_attr_int(cx, &n, "max_gram_length", 2);
	put_attr_int(cx, &n, "max_skip_count", 0);
	put_attr_ints(cx, &n, "ngram_counts", 2, (int64_t[]){0, 2});
	put_attr_ints(cx, &n, "ngram_indexes", 4, (int64_t[]){0, 1, 2, 3});
	put_attr_strs(cx, &n, "pool_strings", "a|b|a|b|b|a");
	expect_numbers(cx, one_node(cx, n, "5", "a|b|a|c|a", "", NULL), 4, (const double[]){3, 1, 1, 1});
	ctx_free(cx);
}

Test(onnx_strings, older_mappers)
{
	Ctx *cx = ctx_new();
	for (int old = 0; old < 2; old++) {
		Buf n = node(cx, old ? "LabelEncoder" : "CategoryMapper", "x", "z"), g = message(cx), m = message(cx);
		put_str(&n, 7, "ai.onnx.ml");
		put_attr_strs(cx, &n, old ? "classes_strings" : "cats_strings", "cat|dog");
		if (!old) put_attr_ints(cx, &n, "cats_int64s", 2, (int64_t[]){5, 6});
		put_attr_int(cx, &n, "default_int64", -9);
		put_message(&g, 1, n);
		put_message(&g, 5, texts(cx, "x", "3", "dog|cat|owl"));
		put_output(cx, &g, "z");
		put_int(&m, 1, 10);
		put_message(&m, 7, g);
		put_message(&m, 8, opset(cx, "ai.onnx.ml", 1));
		expect_numbers(cx, m, 3, old ? (const double[]){1, 0, -9} : (const double[]){6, 5, -9});
	}
	ctx_free(cx);
}

/* ---- wrong ones ---- */

Test(onnx_strings, refused)
{
	static const struct {
		const char *op, *error;
	} cases[] = {
		{"Add", "input 0, \"x\": numbers wanted, str seen"},
		{"Less", "input 0, \"x\": numbers wanted, str seen"},
		{"BitCast", "input 0, \"x\": numbers or bool wanted, str seen"},
		{"Sin", "input 0, \"x\": floats wanted, str seen"},
		{"ReduceMax", "str"},
		{"Unique", "str"},
	};
	Ctx *cx = ctx_new();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf n = node(cx, cases[i].op, i < 2 ? "x x" : "x", "z"), g = message(cx);
		if (i == 2) put_attr_int(cx, &n, "to", INT32);
		put_message(&g, 1, n);
		put_message(&g, 5, texts(cx, "x", "2", "a|b"));
		put_output(cx, &g, "z");
		expect_error(cx, model(cx, g, 26), NULL, cases[i].error);
	}
	ctx_free(cx);
}

/* Fewer texts than the shape wants, strings as raw data, a NUL. */
Test(onnx_strings, damaged_tensors)
{
	static const char *const errors[] = {"tensor \"x\": 2 elements wanted, but there are 1",
		"tensor \"x\": strings as raw data", "tensor \"x\": a NUL in string 1"};
	Ctx *cx = ctx_new();
	for (int k = 0; k < 3; k++) {
		Buf t = message(cx), g = message(cx);
		put_int(&t, 1, 2);
		put_int(&t, 2, STRING);
		put_str(&t, 8, "x");
		if (k == 1) put_bytes(&t, 9, "ab", 2);
		else put_str(&t, 6, "one");
		if (k == 2) put_bytes(&t, 6, "t\0o", 3);
		put_message(&g, 5, t);
		put_message(&g, 1, node(cx, "Size", "x", "z"));
		put_output(cx, &g, "z");
		expect_error(cx, model(cx, g, 20), NULL, errors[k]);
	}
	ctx_free(cx);
}
