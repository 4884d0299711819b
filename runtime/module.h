/* module.h: C source text in, callable functions out.
 *
 * Generated code is run in two ways that must not differ in a single bit:
 *   MODULE_JIT  Clang inside the process and LLVM's ORC linker (jit.c, jit/): no file is written, no program started;
 *   MODULE_CC   the user's C compiler, a shared library in a private directory, dlopen (aot.c): needs no LLVM, and
 *               keeps LLVM's fatal errors, which end the process, away.
 * Both get the same flags, from one place: module_flags.
 *
 *     ModuleFile file = {"twice.c", "int twice(int x) { return 2 * x; }"};
 *     char *error;
 *     Module *m = module_load(&file, 1, &(ModuleOptions){.kind = module_default_kind()}, &error);
 *     int (*twice)(int) = (int (*)(int))module_symbol(m, "twice");
 *
 * Thread-safety: modules may be loaded, used and freed from any thread; one module is freed once, when none of its
 * functions runs any more.
 */
#ifndef RNNCC_MODULE_H
#define RNNCC_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Module Module;

typedef enum { MODULE_JIT, MODULE_CC } ModuleKind;

/* What generated code compiles under without a word, by GCC and by Clang; where it is C99 alone, as C99 alone. */
#define MODULE_WARNINGS "-Wall -Wextra -Wconversion -Wshadow -Werror"
#define MODULE_PORTABLE "-std=c99 -Wpedantic"

/* Optimisation levels besides 1, 2 and 3. Zero means the default, so that a zeroed ModuleOptions is a good one. */
enum { MODULE_OPT_NONE = -1, MODULE_OPT_DEFAULT = 0 };

/* A file that exists in memory only. Those named *.c are compiled, the others can be #included by name. */
typedef struct {
	const char *name; /* a plain name, without a directory */
	const char *text; /* NUL-terminated */
} ModuleFile;

/* A datum of the host (mapped weights) that the source declares: extern const float weights[]; */
typedef struct {
	const char *name;
	const void *address; /* must outlive the module */
} ModuleSymbol;

typedef struct {
	ModuleKind kind;
	const char *cc;          /* MODULE_CC: the compiler's command, split at spaces; NULL: $RNNCC_CC, else cc */
	const char *march;       /* "native", "x86-64-v3", ...; NULL: the compiler's baseline */
	int opt;                 /* 1, 2, 3 for -O1 ...; MODULE_OPT_DEFAULT for -O2, MODULE_OPT_NONE for -O0 */
	bool openmp;             /* -fopenmp */
	bool werror;             /* MODULE_WARNINGS */
	bool portable;           /* C99 alone, without GNU's extensions; with werror also -Wpedantic */
	bool sanitize;           /* undefined behaviour traps (SIGILL); needs no runtime library */
	const char *include_dir; /* searched after the files given; may be NULL */
	const ModuleSymbol *symbols;
	size_t n_symbols;
} ModuleOptions;

/* Compiles the files and loads the result. The texts are not needed afterwards.
 * Returns NULL on failure, then *error is a malloc'd text, several lines long where it holds the compiler's
 * messages, which name the files as given here; on success *error is NULL. */
Module *module_load(const ModuleFile *files, size_t n_files, const ModuleOptions *options, char **error);

/* The address of an external function or datum that the files define, NULL when they define none of that name. */
void *module_symbol(const Module *module, const char *name);

/* Unloads the code: every address got from it dies. NULL is allowed. */
void module_free(Module *module);

/* Whether the JIT is there: loads it, once, which takes some 20 ms; a process that forks does so before. */
bool module_jit_available(void);

/* MODULE_JIT where available, else MODULE_CC. There is no silent fallback: who asks for a kind gets it or an error. */
ModuleKind module_default_kind(void);

/* ---- From here on: what module.c, jit.c, jit/ and aot.c share. ---- */

/* A loaded module begins with how to use it; each kind appends what it needs. */
struct Module {
	void *(*symbol)(const Module *module, const char *name);
	void (*unload)(Module *module);
};

typedef Module *ModuleLoader(const ModuleFile *files, size_t n_files, const ModuleOptions *options, char **error);
ModuleLoader module_load_jit, module_load_cc;

/* A growing, NULL-terminated argument vector. */
typedef struct {
	char **word;
	size_t n;
} ModuleArgs;

void module_arg(ModuleArgs *args, const char *format, ...) __attribute__((format(printf, 2, 3)));
void module_words(ModuleArgs *args, const char *text); /* an argument for each, split at spaces */
void module_args_free(ModuleArgs *args);

/* The flags that decide what the code computes: the same for both kinds. */
void module_flags(ModuleArgs *args, const ModuleOptions *options);

/* Whether a file is to be compiled, not just #included. */
bool module_is_source(const ModuleFile *file);

/* printf to a malloc'd string. */
char *module_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Removes every occurrence of a directory from messages, in place, so that they name files as the caller does. */
void module_strip(char *messages, const char *directory);

/* Returns memory as it is; running out of it ends the process, as it does within LLVM. */
void *module_need(void *memory);

#ifdef __cplusplus
}
#endif
#endif
