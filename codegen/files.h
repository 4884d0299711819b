/* files.h: what the files share that print a model's interface (interface.c, describe.c) and its source (emit.c). */
#ifndef CODEGEN_FILES_H
#define CODEGEN_FILES_H

#include "codegen/codegen.h"
#include "codegen/emit.h"

typedef struct {
	Ctx *cx;
	int n;
	const Sym **syms;
} Syms;

typedef struct {
	Ctx *cx;
	const EmitJob *job;
	const char *upper; /* NAME */
	Syms dims;         /* that are arguments: the same list for every entry point of a shape */
	Syms computed;     /* sizes that the outputs have: told after a call */
	Weights weights;
	Kernels kernels;
} Files;
Files files_new(Ctx *, const EmitJob *);

Syms program_syms(Ctx *, const Program *);                     /* the dims that callers give, in order */
Syms program_computed(Ctx *, const Program *);                 /* the sizes that it tells, in order */
const char *dim_args(Ctx *, const Syms *, const char *before); /* "int64_t T, int64_t B" */
int64_t bounded_bytes(Program *);                              /* of its workspace, or -1: a function says */
extern const char *const entry_names[N_ENTRIES];               /* run, step, steps */
const char *workspace_macro(const Files *, EntryKind);         /* where bounded_bytes() are known */
const char *workspace_function(const Files *, EntryKind);      /* where not */
const char *signature(const Files *, EntryKind, const char *mark);
bool state_turns(const EmitJob *); /* whether the state has a turn */
void print_banner(const Files *, Writer *, const char *file);
const char *print_header(const Files *);
void print_describe(const Files *, Writer *);

#endif
