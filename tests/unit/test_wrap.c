/* test_wrap.c: lines of generated C that are too wide, and what they are broken into, by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "codegen/emit.h"

static void wraps(const char *text, const char *wanted)
{
	Arena *arena = arena_new();
	Buf out;
	buf_init(&out, arena);
	wrap_lines(&out, text);
	cr_expect_str_eq(out.text, wanted);
	arena_free(arena);
}

#define FORTY "forty_characters_are_in_what_this_is_all"

Test(wrap, what_fits_stays)
{
	wraps("\tx = y;\n\n\t\treturn 0;\n", "\tx = y;\n\n\t\treturn 0;\n");
	wraps(FORTY FORTY FORTY "\n",
		FORTY FORTY FORTY "\n"); /* 120 columns; and there is no place to break one more */
	wraps(FORTY FORTY FORTY "x\n", FORTY FORTY FORTY "x\n");
}

Test(wrap, between_arguments)
{
	wraps("\tf(" FORTY ", " FORTY ", g(" FORTY ", b));\n", "\tf(" FORTY ", " FORTY ",\n\t\tg(" FORTY ", b));\n");
}

Test(wrap, a_head_farther_in_than_its_body)
{
	wraps("\tif (" FORTY " && " FORTY " && " FORTY ") {\n",
		"\tif (" FORTY " && " FORTY " &&\n\t\t\t" FORTY ") {\n");
}

Test(wrap, outside_of_parentheses_first)
{
	wraps("x = (" FORTY " + " FORTY ") * a + (" FORTY " + b);\n",
		"x = (" FORTY " + " FORTY ") * a +\n\t(" FORTY " + b);\n");
}

Test(wrap, comments)
{
	wraps("/* one, two, " FORTY " " FORTY " " FORTY " */\n", "/* one, two, " FORTY " " FORTY "\n * " FORTY " */\n");
	wraps(" *   h[i] = sum(" FORTY ", " FORTY ", " FORTY ")\n",
		" *   h[i] = sum(" FORTY ", " FORTY ",\n *       " FORTY ")\n");
	wraps("\treturn " FORTY FORTY "; /* " FORTY ", x */\n", "\treturn " FORTY FORTY ";\n\t\t/* " FORTY ", x */\n");
}

Test(wrap, directives)
{
	wraps("#pragma omp parallel firstprivate(" FORTY ", " FORTY ", " FORTY ")\n",
		"#pragma omp parallel firstprivate(" FORTY ", " FORTY ", \\\n\t" FORTY ")\n");
	wraps("#define " FORTY " (" FORTY ", " FORTY ")\n", "#define " FORTY " (" FORTY ", " FORTY ")\n");
}

Test(wrap, no_string_and_no_table)
{
	wraps("\tf(\"" FORTY ", " FORTY ", " FORTY "\");\n", "\tf(\"" FORTY ", " FORTY ", " FORTY "\");\n");
	wraps("\t-1.5f, " FORTY ", " FORTY ", " FORTY ",\n", "\t-1.5f, " FORTY ", " FORTY ", " FORTY ",\n");
}

static double memory_of(int n_arguments)
{
	Arena *arena = arena_new();
	Buf text, out;
	buf_init(&text, arena);
	buf_puts(&text, "int f(");
	for (int i = 0; i < n_arguments; i++) buf_puts(&text, "const float *x, ");
	buf_puts(&text, "void *workspace);\n");
	const double before = (double)arena_size(arena);
	buf_init(&out, arena);
	wrap_lines(&out, text.text);
	const double size = (double)arena_size(arena) - before;
	arena_free(arena);
	return size;
}

/* Eight times as many, eight times as much: not each line with a copy of all that follow. */
Test(wrap, a_signature_of_thousands)
{
	const double few = memory_of(4000), many = memory_of(32000);
	cr_expect_lt(many, 16 * few, "%.0f bytes for 4000 arguments, %.0f for 32000", few, many);
}
