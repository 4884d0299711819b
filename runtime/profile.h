/* profile.h: time by kernel.  Code compiled with CompileOptions.profile calls rnncc_tick() after each kernel.
 *
 * One profile at a time in a process: the code knows the function only by its name. */
#ifndef RUNTIME_PROFILE_H
#define RUNTIME_PROFILE_H

#include "runtime/module.h"

ModuleSymbol profile_symbol(void); /* for ModuleOptions.symbols */

/* Starts counting for kernels 0 .. n-1; the arrays are the caller's and are added to. */
void profile_start(int n, double *seconds, long *calls);

#endif
