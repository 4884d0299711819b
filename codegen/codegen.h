/* codegen.h: programs to the files of C that the user gets. */
#ifndef CODEGEN_CODEGEN_H
#define CODEGEN_CODEGEN_H

#include "codegen/kernel.h"
#include "passes/passes.h"

/* emit.c.  The functions of a model, NAME_run, NAME_step and NAME_steps: any may be absent, but not all. */
typedef enum { ENTRY_RUN, ENTRY_STEP, ENTRY_STEPS, N_ENTRIES } EntryKind;
typedef struct {
	const char *name; /* prefix */
	Program *programs[N_ENTRIES];
	const Step *states; /* of step and steps */
	const CompileOptions *options;
	const TargetInfo *target;
	const char *no_step_reason, *no_steps_reason;
} EmitJob;
void emit_files(Ctx *, const EmitJob *, Compiled *);

/* weights.c: the constants of all programs, in the mode asked for. */
typedef struct {
	int n;
	Buffer **buffers; /* one for each different content */
	int64_t *offsets; /* bytes, in the blob */
	int64_t size_bytes;
	WeightsMode mode;
} Weights;
Weights weights_collect(Ctx *, int n_programs, Program *const *, const CompileOptions *);
void number_print(Buf *, const Tensor *, int64_t i); /* one element as a C constant */
void array_print(
	Buf *, const char *name, const char *attributes, const Tensor *); /* a definition, of at least one element */
void weights_print(Ctx *, const Weights *, const char *name, Buf *out);   /* the definitions, as C */
const void *weights_blob(Ctx *, const Weights *, size_t *size);

#endif
