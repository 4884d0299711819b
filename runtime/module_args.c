/* module_args.c: what all ways of loading a module share, in the library that has the JIT too: flags, texts, lists of words. */
#include "module.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool module_is_source(const ModuleFile *file)
{
	size_t length = strlen(file->name);
	return length > 2 && !strcmp(file->name + length - 2, ".c");
}

void module_flags(ModuleArgs *args, const ModuleOptions *options)
{
	int opt = options->opt == MODULE_OPT_NONE ? 0 : options->opt == MODULE_OPT_DEFAULT ? 2 : options->opt;
	module_arg(args, options->portable ? "-std=c99" : "-std=gnu99");
	module_arg(args, "-O%d", opt);
	module_arg(args, "-fPIC");
	/* Without errno, sqrtf is an instruction. Without contraction, a*b+c is rounded twice everywhere: the generated
	 * code says fmaf where it wants one rounding. */
	module_arg(args, "-fno-math-errno");
	module_arg(args, "-ffp-contract=off");
	if (options->march) module_arg(args, "-march=%s", options->march);
	if (options->openmp) module_arg(args, "-fopenmp");
	if (options->werror) module_words(args, MODULE_WARNINGS);
	if (options->werror && options->portable) module_words(args, MODULE_PORTABLE);
	if (options->sanitize) {
		module_arg(args, "-fsanitize=undefined");
		module_arg(args, "-fsanitize-undefined-trap-on-error");
	}
	if (options->include_dir) module_arg(args, "-I%s", options->include_dir);
}

void *module_need(void *memory)
{
	if (!memory) {
		fputs("rnncc: out of memory\n", stderr);
		abort();
	}
	return memory;
}

static char *format_text(const char *format, va_list values)
{
	char *text = NULL;
	if (vasprintf(&text, format, values) < 0) text = NULL;
	return module_need(text);
}

char *module_text(const char *format, ...)
{
	va_list values;
	va_start(values, format);
	char *text = format_text(format, values);
	va_end(values);
	return text;
}

void module_arg(ModuleArgs *args, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	args->word = module_need(realloc(args->word, (args->n + 2) * sizeof *args->word));
	args->word[args->n++] = format_text(format, values);
	args->word[args->n] = NULL;
	va_end(values);
}

void module_words(ModuleArgs *args, const char *text)
{
	for (const char *word = text; *(word += strspn(word, " ")); word += strcspn(word, " "))
		module_arg(args, "%.*s", (int)strcspn(word, " "), word);
}

void module_args_free(ModuleArgs *args)
{
	for (size_t i = 0; i < args->n; i++) free(args->word[i]);
	free(args->word);
	*args = (ModuleArgs){0};
}

void module_strip(char *messages, const char *directory)
{
	size_t length = strlen(directory);
	for (char *at = messages; (at = strstr(at, directory));) memmove(at, at + length, strlen(at + length) + 1);
}
