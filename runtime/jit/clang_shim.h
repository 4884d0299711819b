/* clang_shim.h: the two things that the JIT needs and that LLVM's C interface cannot do. */
#ifndef RNNCC_CLANG_SHIM_H
#define RNNCC_CLANG_SHIM_H

#include "runtime/module.h"

#include <llvm-c/Core.h>
#include <llvm-c/Orc.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The directory that the files seem to be in; messages name it. */
#define CLANG_SHIM_DIRECTORY "/rnncc-module/"

/* Compiles files[source], which sees the other files, to an optimised LLVM module owned by context. flags are those of
 * the clang command. Returns NULL on failure. *messages is malloc'd: what Clang has to say, "" if nothing. */
LLVMModuleRef clang_shim_compile(const ModuleFile *files, size_t n_files, size_t source, const ModuleArgs *flags,
	const char *resource_dir, LLVMContextRef context, char **messages);

/* Links everything that the named symbols need and finds their addresses. Returns NULL, or a malloc'd reason. */
char *clang_shim_link(LLVMOrcExecutionSessionRef session, LLVMOrcJITDylibRef library, char *const *names,
	size_t n_names, uint64_t *addresses);

#ifdef __cplusplus
}
#endif
#endif
