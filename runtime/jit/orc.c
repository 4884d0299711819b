/* orc.c: modules by way of Clang and LLVM inside the process: what the library of its own that jit.c loads is made of.
 *
 *     text ─ clang_shim.cpp ─► optimised LLVM IR ─ ORC LLJIT ─► machine code in memory, with its symbols linked
 *
 * Everything is compiled and linked before rnncc_jit_load returns, so every error is reported there and module_symbol
 * is a look-up in a table.
 *
 * Generated code depends on nothing, and the linker enforces it: it may refer to the host's symbols that it was given
 * and to the names that may_use knows, all else is refused by name. The code lives in a library of ORC's of its own,
 * because the main one links against the whole process since LLVM 17.
 *
 * Source: https://releases.llvm.org/14.0.0/docs/ORCv2.html
 */
#include "clang_shim.h"

#include <dlfcn.h>
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <llvm/Config/llvm-config.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if LLVM_VERSION_MAJOR < 15
typedef LLVMJITCSymbolMapPair LLVMOrcCSymbolMapPair;
#endif

/* Where Clang's own headers (stddef.h, stdint.h) are: as found when rnncc was built, else where LLVM's packages are. */
#define TO_TEXT_(x) #x
#define TO_TEXT(x) TO_TEXT_(x)
#ifndef RNNCC_CLANG_RESOURCE_DIR
#define RNNCC_CLANG_RESOURCE_DIR ""
#endif
static const char *const resource_dirs[] = {
	RNNCC_CLANG_RESOURCE_DIR,
	"/usr/lib/llvm-" TO_TEXT(LLVM_VERSION_MAJOR) "/lib/clang/" LLVM_VERSION_STRING,
	"/usr/lib/llvm-" TO_TEXT(LLVM_VERSION_MAJOR) "/lib/clang/" TO_TEXT(LLVM_VERSION_MAJOR),
};

typedef struct {
	Module base;
	LLVMOrcLLJITRef lljit;
	LLVMOrcJITDylibRef library;
	ModuleArgs names;    /* what the files define, ... */
	uint64_t *addresses; /* ... and where that is */
	ModuleArgs refused;  /* what they refer to and may not */
	ModuleArgs troubles; /* what LLVM reported aside from the errors that it returned */
} Jit;

/* ---- once per process ---- */

static const char *resource_dir; /* NULL: not found */

/* LLVM ends the process after this. */
static void report_fatal(const char *reason)
{
	fprintf(stderr,
		"rnncc: internal error in LLVM: %s\n"
		"rnncc: the C compiler, in a process of its own, is a way around it: --aot\n",
		reason);
}

static void initialise(void)
{
	LLVMInstallFatalErrorHandler(report_fatal);
	LLVMInitializeNativeTarget();
	LLVMInitializeNativeAsmPrinter();
	LLVMInitializeNativeAsmParser();
	for (size_t i = 0; !resource_dir && i < sizeof resource_dirs / sizeof *resource_dirs; i++) {
		char *probe = module_text("%s/include/stddef.h", resource_dirs[i]);
		if (*resource_dirs[i] && !access(probe, R_OK)) resource_dir = resource_dirs[i];
		free(probe);
	}
}

/* ---- what generated code may refer to ---- */

/* ISO C's mathematics, each also with the suffix f, and what optimisers make of it. */
static const char *const math_names[] = {"acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil",
	"copysign", "cos", "cosh", "erf", "erfc", "exp", "exp10", "exp2", "expm1", "fabs", "floor", "fma", "fmax",
	"fmin", "fmod", "frexp", "hypot", "ldexp", "lgamma", "llrint", "log", "log10", "log1p", "log2", "lrint", "modf",
	"nearbyint", "pow", "rint", "remainder", "round", "roundeven", "scalbn", "sin", "sincos", "sinh", "sqrt", "tan",
	"tanh", "tgamma", "trunc"};

/* Calls that compilers put in by themselves. */
static const char *const memory_names[] = {"bcmp", "memcmp", "memcpy", "memmove", "memset"};

static bool may_use_name(const char *name)
{
	if (!strncmp(name, "__kmpc_", 7) || !strncmp(name, "omp_", 4)) return true;
	for (size_t i = 0; i < sizeof memory_names / sizeof *memory_names; i++)
		if (!strcmp(name, memory_names[i])) return true;
	for (size_t i = 0; i < sizeof math_names / sizeof *math_names; i++) {
		size_t length = strlen(math_names[i]);
		if (!strncmp(name, math_names[i], length) && (!name[length] || !strcmp(name + length, "f")))
			return true;
	}
	return false;
}

/* ORC asks this for every symbol that the module needs and nobody has defined. */
static int may_use(void *context, LLVMOrcSymbolStringPoolEntryRef entry)
{
	Jit *jit = context;
	const char *name = LLVMOrcSymbolStringPoolEntryStr(entry);
	if (may_use_name(name)) return true;
	module_arg(&jit->refused, "%s", name);
	return false;
}

/* ---- errors ---- */

static char *take_error(LLVMErrorRef failure)
{
	char *message = LLVMGetErrorMessage(failure);
	char *text = module_text("%s", message);
	LLVMDisposeErrorMessage(message);
	return text;
}

/* What ORC has to say. */
static void report_trouble(void *context, LLVMErrorRef failure)
{
	Jit *jit = context;
	char *reason = take_error(failure);
	module_arg(&jit->troubles, "%s", reason);
	free(reason);
}

/* What LLVM's code generator has to say, of assembly for example. Without this it would end the process. */
static void report_diagnostic(LLVMDiagnosticInfoRef diagnostic, void *context)
{
	if (LLVMGetDiagInfoSeverity(diagnostic) != LLVMDSError) return;
	Jit *jit = context;
	char *description = LLVMGetDiagInfoDescription(diagnostic);
	module_arg(&jit->troubles, "%s", description);
	LLVMDisposeMessage(description);
}

/* True when all is well. */
static bool check(LLVMErrorRef failure, char **error)
{
	if (!failure) return true;
	char *reason = take_error(failure);
	*error = module_text("module: LLVM's JIT: %s", reason);
	free(reason);
	return false;
}

/* ---- loading ---- */

/* The OpenMP run-time must be the one that Clang compiles for, be visible to ORC, and stay: its threads do. */
static bool load_openmp(char **error)
{
	if (dlopen("libomp.so.5", RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE) ||
		dlopen("libomp.so", RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE))
		return true;
	*error = module_text("module: LLVM's OpenMP run-time is missing: %s", dlerror());
	return false;
}

static bool create_jit(Jit *jit, char **error)
{
	/* No processor is set: Clang attaches one to every function. */
	if (!check(LLVMOrcCreateLLJIT(&jit->lljit, NULL), error)) return false;
	LLVMOrcExecutionSessionRef session = LLVMOrcLLJITGetExecutionSession(jit->lljit);
	LLVMOrcExecutionSessionSetErrorReporter(session, report_trouble, jit);
	jit->library = LLVMOrcExecutionSessionCreateBareJITDylib(session, "model");
	LLVMOrcDefinitionGeneratorRef process;
	char prefix = LLVMOrcLLJITGetGlobalPrefix(jit->lljit);
	if (!check(LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(&process, prefix, may_use, jit), error))
		return false;
	LLVMOrcJITDylibAddGenerator(jit->library, process);
	return true;
}

static bool define_symbols(Jit *jit, const ModuleOptions *options, char **error)
{
	if (!options->n_symbols) return true;
	LLVMOrcCSymbolMapPair *pairs = module_need(calloc(options->n_symbols, sizeof *pairs));
	for (size_t i = 0; i < options->n_symbols; i++) {
		pairs[i].Name = LLVMOrcLLJITMangleAndIntern(jit->lljit, options->symbols[i].name);
		pairs[i].Sym.Address = (uintptr_t)options->symbols[i].address;
		pairs[i].Sym.Flags.GenericFlags = LLVMJITSymbolGenericFlagsExported;
	}
	LLVMOrcMaterializationUnitRef unit = LLVMOrcAbsoluteSymbols(pairs, options->n_symbols);
	free(pairs);
	LLVMErrorRef failure = LLVMOrcJITDylibDefine(jit->library, unit);
	if (failure) LLVMOrcDisposeMaterializationUnit(unit);
	return check(failure, error);
}

static void note_definition(Jit *jit, LLVMValueRef value)
{
	size_t length;
	if (!LLVMIsDeclaration(value) && LLVMGetLinkage(value) == LLVMExternalLinkage)
		module_arg(&jit->names, "%s", LLVMGetValueName2(value, &length));
}

static bool compile_file(
	Jit *jit, const ModuleFile *files, size_t n_files, size_t source, const ModuleArgs *flags, char **error)
{
	LLVMOrcThreadSafeContextRef context = LLVMOrcCreateNewThreadSafeContext();
	char *messages;
	LLVMContextRef plain = LLVMOrcThreadSafeContextGetContext(context);
	LLVMModuleRef ir = clang_shim_compile(files, n_files, source, flags, resource_dir, plain, &messages);
	if (ir) {
		LLVMContextSetDiagnosticHandler(plain, report_diagnostic, jit);
		for (LLVMValueRef f = LLVMGetFirstFunction(ir); f; f = LLVMGetNextFunction(f)) note_definition(jit, f);
		for (LLVMValueRef g = LLVMGetFirstGlobal(ir); g; g = LLVMGetNextGlobal(g)) note_definition(jit, g);
		LLVMOrcThreadSafeModuleRef safe = LLVMOrcCreateNewThreadSafeModule(ir, context);
		LLVMErrorRef failure = LLVMOrcLLJITAddLLVMIRModule(jit->lljit, jit->library, safe);
		if (failure) LLVMOrcDisposeThreadSafeModule(safe);
		check(failure, error);
	} else {
		module_strip(messages, CLANG_SHIM_DIRECTORY);
		*error = module_text("module: Clang cannot compile %s\n%s", files[source].name, messages);
	}
	free(messages);
	LLVMOrcDisposeThreadSafeContext(context);
	return !*error;
}

/* Machine code is made here: only now does ORC know what the files need from outside. */
static bool link_all(Jit *jit, char **error)
{
	jit->addresses = module_need(calloc(jit->names.n + 1, sizeof *jit->addresses));
	char *reason = clang_shim_link(LLVMOrcLLJITGetExecutionSession(jit->lljit), jit->library, jit->names.word,
		jit->names.n, jit->addresses);
	if (jit->refused.n)
		*error = module_text(
			"module: the code refers to `%s`, which generated code may not use", jit->refused.word[0]);
	else if (jit->troubles.n || reason)
		*error = module_text("module: LLVM's JIT cannot link the code: %s",
			jit->troubles.n ? jit->troubles.word[0] : reason);
	free(reason);
	return !*error;
}

static void *jit_symbol(const Module *module, const char *name)
{
	const Jit *jit = (const Jit *)module;
	for (size_t i = 0; i < jit->names.n; i++)
		if (!strcmp(jit->names.word[i], name)) return (void *)(uintptr_t)jit->addresses[i];
	return NULL;
}

static void jit_unload(Module *module)
{
	Jit *jit = (Jit *)module;
	if (jit->lljit) LLVMConsumeError(LLVMOrcDisposeLLJIT(jit->lljit));
	module_args_free(&jit->names);
	free(jit->addresses);
	module_args_free(&jit->refused);
	module_args_free(&jit->troubles);
	free(jit);
}

__attribute__((visibility("default"))) ModuleLoader rnncc_jit_load; /* all that the library shows */

Module *rnncc_jit_load(const ModuleFile *files, size_t n_files, const ModuleOptions *options, char **error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, initialise);
	if (!resource_dir) {
		*error = module_text(
			"module: Clang's headers are neither in `%s` nor in `%s`", resource_dirs[0], resource_dirs[1]);
		return NULL;
	}
	Jit *jit = module_need(calloc(1, sizeof *jit));
	jit->base = (Module){jit_symbol, jit_unload};
	ModuleArgs flags = {0};
	module_flags(&flags, options);

	bool ok = (!options->openmp || load_openmp(error)) && create_jit(jit, error) &&
		define_symbols(jit, options, error);
	for (size_t i = 0; ok && i < n_files; i++)
		ok = !module_is_source(&files[i]) || compile_file(jit, files, n_files, i, &flags, error);
	ok = ok && link_all(jit, error);

	module_args_free(&flags);
	if (ok) return &jit->base;
	jit_unload(&jit->base);
	return NULL;
}
