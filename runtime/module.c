/* module.c: loading a module: checks, and which way. */
#include "module.h"

#include <string.h>

/* Names become paths in a directory of ours, real or virtual: they must stay inside it, and differ. */
static char *check_files(const ModuleFile *files, size_t n_files)
{
	size_t n_sources = 0;
	for (size_t i = 0; i < n_files; i++) {
		const char *name = files[i].name;
		if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
			return module_text("module: bad file name `%s`: wanted a plain name such as model.c", name);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(files[j].name, name)) return module_text("module: two files are named `%s`", name);
		n_sources += module_is_source(&files[i]);
	}
	return n_sources ? NULL : module_text("module: nothing to compile: no file is named *.c");
}

Module *module_load(const ModuleFile *files, size_t n_files, const ModuleOptions *options, char **error)
{
	*error = check_files(files, n_files);
	if (*error) return NULL;
	return (options->kind == MODULE_JIT ? module_load_jit : module_load_cc)(files, n_files, options, error);
}

void *module_symbol(const Module *module, const char *name) { return module->symbol(module, name); }

void module_free(Module *module)
{
	if (module) module->unload(module);
}

ModuleKind module_default_kind(void) { return module_jit_available() ? MODULE_JIT : MODULE_CC; }
