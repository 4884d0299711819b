/* jit.c: the JIT is a shared library of its own (jit/), loaded when it is first wanted.
 *
 * Clang and LLVM are 130 MB of shared libraries, whose relocations take 20 ms at the start of every process that is linked with
 * them; most of rnncc's work needs neither.  Nor does then a program that is linked with librnncc, nor a machine on which
 * the command is installed without them.  The library is found as any other is: by the program's RUNPATH, or the system's.
 */
#include "module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The version is in the name, because what both share is no interface: ModuleOptions may differ in every one. */
#define JIT_LIBRARY "librnncc-jit-" RNNCC_VERSION ".so"

static ModuleLoader *loader; /* NULL: not there, */
static char *missing;        /* and why */

static void load(void)
{
	void *library = dlopen(JIT_LIBRARY, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE), *symbol = NULL;
	if (library) symbol = dlsym(library, "rnncc_jit_load");
	if (symbol)
		memcpy(&loader, &symbol,
			sizeof loader); /* ISO C has no cast from an object's pointer to a function's */
	else missing = module_text("%s", dlerror());
}

static void load_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
}

bool module_jit_available(void)
{
	load_once();
	return loader;
}

Module *module_load_jit(const ModuleFile *files, size_t n_files, const ModuleOptions *options, char **error)
{
	load_once();
	if (loader) return loader(files, n_files, options, error);
	*error = module_text(
		"module: the JIT (Clang and LLVM) is not there: %s; a C compiler can do its work (MODULE_CC)", missing);
	return NULL;
}
