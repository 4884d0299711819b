/* session.h: a model made ready to run, by the interpreter or as compiled code, behind one face.
 *
 *     Session *s = session_open(cx, graph, NULL, &(SessionOptions){.via = VIA_INTERPRET});
 *     SessionCall *call = session_prepare(s, inputs);       binds the dims, allocates results and workspace
 *     session_call(call, NULL);                             any number of times: call->results
 *     session_call_free(call);
 *
 * Compiled code runs in session_call only, which touches neither the Ctx nor the session: calls prepared from one session
 * may run in several threads at once.  The rest, and every call of the interpreter, belongs to the thread of the Ctx.
 */
#ifndef RUNTIME_SESSION_H
#define RUNTIME_SESSION_H

#include "ir/ir.h"
#include "passes/passes.h"

typedef enum { VIA_AUTO, VIA_INTERPRET, VIA_JIT, VIA_GCC, VIA_CLANG, VIA_CC } Via;
bool via_parse(const char *text, Via *);
const char *via_name(Via);
/* VIA_AUTO decided: jit where it was built in, else cc. */
Via via_decide(Via);

typedef struct {
	Via via;
	const char *target; /* as CompileOptions; NULL: generic */
	int opt;            /* of the C compiler: 0 .. 3 */
	bool openmp;
	bool stream;   /* a call is some steps of a stream: NAME_steps, or NAME_step where that is all there is */
	bool werror;   /* warnings of the generated C are errors */
	bool profile;  /* the code was compiled with CompileOptions.profile: runtime/profile.h */
	bool sanitize; /* gcc, cc: by AddressSanitizer and UBSan, which must be in this process; see session_sanitized */
} SessionOptions;

typedef struct Session Session;
typedef struct SessionState SessionState;

/* Ready to run; lives until the Ctx is freed.  compiled: what the code is; with VIA_INTERPRET it may be NULL, then `graph`
 * is run as it is.  Fails with the C compiler's messages. */
Session *session_open(Ctx *, const Graph *, const Compiled *compiled, const SessionOptions *);

/* Whether AddressSanitizer's run-time is in this process.  If not, starting it again with $LD_PRELOAD set to what
 * session_sanitizer says puts it there: a library that a sanitized module needs must be loaded first. */
bool session_sanitized(void);
const char *session_sanitizer(Ctx *, Via);

/* The inputs and outputs of a call: the parameters and results of its graph without those that are states. */
int session_n_inputs(const Session *);
int session_n_outputs(const Session *);
const char *session_input_name(const Session *, int i);
const char *session_output_name(const Session *, int i);
const Type *session_input_type(const Session *, int i);
const Type *session_output_type(const Session *, int i);
const Graph *session_graph(const Session *);

/* The state of one stream, as after reset.  NULL for models without one. */
SessionState *session_state_new(const Session *);
void session_state_reset(SessionState *);
void session_state_free(SessionState *);
size_t session_state_bytes(const Session *);

typedef struct {
	const Tensor **results; /* after session_call, until the next one or session_call_free */
	size_t workspace_bytes;
} SessionCall;

/* Fails naming the input that does not fit. */
SessionCall *session_prepare(Session *, const Tensor *const *inputs);
/* Other inputs of the same shapes and types, in place of those given before.  False: they differ, prepare anew. */
bool session_inputs(SessionCall *, const Tensor *const *inputs);
/* state: NULL: a stream of one call.  Fails by fail() when interpreting; compiled code returns its code, negative for an
 * error, else 0. */
int session_call(SessionCall *, SessionState *state);
/* After RNNCC_EMORE: makes room for larger sizes that the model computes, in the thread of the Ctx; then call again.  False: there
 * is no room left. */
bool session_more(SessionCall *);
void session_call_free(SessionCall *);

/* What a call's code means. */
const char *session_error(Arena *, int code);
/* Prepares, calls, copies the results into the arena, frees.  seconds, of the call alone, may be NULL. */
void session_run(
	Session *, Arena *, const Tensor *const *inputs, SessionState *state, const Tensor **results, double *seconds);

#endif
