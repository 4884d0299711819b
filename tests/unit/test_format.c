/* test_format.c: the canonical layout: what it decides, what it keeps, and that it is a fixed point. */
#include <criterion/criterion.h>

#include "frontend/lang/lang.h"
#include "ir/embed.h"

#include <string.h>

static const char *format(Ctx *cx, const char *text)
{
	const char *volatile formatted = NULL;
	TRY (cx) formatted = lang_format(cx, "t.rnn", text, strlen(text));
	else cr_assert(false, "%s", cx->error);
	return formatted;
}

static void check(const char *text, const char *expected)
{
	Ctx *cx = ctx_new();
	const char *once = format(cx, text);
	cr_expect_str_eq(once, expected);
	cr_expect_str_eq(format(cx, once), once, "not a fixed point");
	ctx_free(cx);
}

/* The statements of an operator's body. */
static void check_body(const char *body, const char *expected)
{
	Ctx *cx = ctx_new();
	const char *text = arena_printf(cx->arena, "op f(x) {\n%s\n}\n", body);
	check(text, arena_printf(cx->arena, "op f(x) {\n%s\n}\n", expected));
	ctx_free(cx);
}

Test(format, spaces)
{
	check_body("  y=x+1;z  =  -x", "\ty = x + 1; z = -x");
	check_body("y=f ( x,a = 1 ) [ 0 ,1 ]", "\ty = f(x, a = 1)[0, 1]");
	check_body("y = x  if  not(a)and(b) else[ 1,2 ]", "\ty = x if not (a) and (b) else [1, 2]");
	check_body("y=x<=1 or x==-2", "\ty = x <= 1 or x == -2");
	check_body("y = x [ ..., : : -1 , none ]", "\ty = x[..., ::-1, none]");
	check_body("y = x[ 1 : n ]", "\ty = x[1:n]");
	check_body("if   x{y}else{ z }", "\tif x { y } else { z }");
	check_body("c',  h'=  f(x) , \"a  b\"", "\tc', h' = f(x), \"a  b\"");
	check("op  f( x,y?,z... ;a=1,b? )onnx  F 1 .. 6,com . ms . F 2{x}",
		"op f(x, y?, z...; a = 1, b?) onnx F 1..6, com.ms.F 2 { x }\n");
}

/* Products are as tight as the author made them on both sides; sums only between [ and ]. */
Test(format, tightness)
{
	check_body("y = a*b + c * d", "\ty = a*b + c * d");
	check_body("y = a* b-c /d", "\ty = a * b - c / d");
	check_body("y = x[n-1] + x[n - 1] + x[f(2*n+1)]", "\ty = x[n-1] + x[n - 1] + x[f(2*n+1)]");
	check_body("y = 2*-x", "\ty = 2*-x");
	check_body("y = 2 * - x", "\ty = 2 * -x");
	check_body("y = a**b//c", "\ty = a**b//c");
}

Test(format, indents)
{
	check_body("if a {\nif b {\nx\n}\n}", "\tif a {\n\t\tif b {\n\t\t\tx\n\t\t}\n\t}");
	check_body("y = f(a,\nb,\ng(c,\nd)\n)", "\ty = f(a,\n\t\tb,\n\t\tg(c,\n\t\t\td)\n\t)");
	check_body("y = f(g([1,\n2],\n3))", "\ty = f(g([1,\n\t\t2],\n\t\t3))");
	/* the block of a head of two lines is one deeper than the head */
	check("op f(x;\na = 1) {\nx\n}\n", "op f(x;\n\ta = 1) {\n\tx\n}\n");
}

Test(format, blank_lines)
{
	check("\n\n\nop f(x) { x }\n\n\n\nop g(x) { x }\n\n", "op f(x) { x }\n\nop g(x) { x }\n");
	check("op f(x) {\n\n\ny = x\n\n\ny\n\n}", "op f(x) {\n\ty = x\n\n\ty\n}\n");
	check("op f(x) { x }\r\n\r\nop g(x) { x }\r\n", "op f(x) { x }\n\nop g(x) { x }\n");
	check("", "");
	check("\n\n", "");
}

Test(format, comments)
{
	check("#a  \n\n\n# b\t\nop f(x) { x }# c\n#d", "#a\n\n# b\nop f(x) { x }  # c\n#d\n");
	/* one column for lines that follow each other */
	check_body("y = x # a\nlonger = y # b\nif z { # c\n# d\nx # e\n}",
		"\ty = x       # a\n\tlonger = y  # b\n\tif z {      # c\n\t\t# d\n\t\tx  # e\n\t}");
	check_body("y = x # a\n\nlonger = y # b\n", "\ty = x  # a\n\n\tlonger = y  # b");
	check_body("y = f(a, # a\nbb # b\n)", "\ty = f(a,  # a\n\t\tbb  # b\n\t)");
	check_body("y = \"\303\251\" # a\nz = \"e\" # b",
		"\ty = \"\303\251\"  # a\n\tz = \"e\"  # b"); /* one character wide */
}

Test(format, the_library_is_laid_out)
{
	Ctx *cx = ctx_new();
	for (const Embedded *file = embedded_ops; file->name; file++)
		cr_expect_str_eq(format(cx, file->text), file->text, "%s", file->name);
	ctx_free(cx);
}

Test(format, refuses_what_does_not_parse)
{
	static const char nul[] = "op f(x) { x } # a\0b";
	Ctx *cx = ctx_new();
	volatile int n = 0;
	TRY (cx) {
		lang_format(cx, "t.rnn", "op f(x { x }", 12);
	} else n += strstr(cx->error, "t.rnn:1:8: ") == cx->error;
	TRY (cx) {
		lang_format(cx, "t.rnn", nul, sizeof nul - 1);
	} else n += strstr(cx->error, "t.rnn:1:18: a NUL character in a comment") == cx->error;
	cr_expect_eq(n, 2, "%s", cx->error);
	ctx_free(cx);
}
