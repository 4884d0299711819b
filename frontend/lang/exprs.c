/* exprs.c: bare expressions over named values, and so the gradient texts of the element-wise primitives (ir/prim.def).
 *
 * Those texts are parsed once a process and elaborated for each value that is differentiated, on its own operands: what
 * comes out is primitives again, so the derivative of a derivative needs nothing more.
 */
#include "frontend/lang/ast.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

typedef struct {
	int n_names, n_exprs;
	const char *const *names;
	const Val *const *vals;
	const Node *const *exprs; /* NULL: none */
	const Source *src;
	const Val **results; /* NULL where there is no expression */
} Exprs;

static void run_exprs(Elab *e, void *user)
{
	Exprs *x = user;
	Frame *f = NEW(e->cx->arena, Frame);
	f->n = f->cap = x->n_names;
	f->vars = NEWN(e->cx->arena, Binding, x->n_names + 1);
	for (int i = 0; i < x->n_names; i++) f->vars[i] = (Binding){x->names[i], value_tensor(x->vals[i])};
	e->frame = f;
	e->typed = x->n_names > 0;
	if (e->typed) e->elem = x->vals[0]->type->elem;
	for (int i = 0; i < x->n_exprs; i++) {
		x->results[i] = NULL;
		if (!x->exprs[i]) continue;
		e->at = (Span){x->src, x->exprs[i]->start, x->exprs[i]->end};
		Value v = elab_expr(e, x->exprs[i]);
		x->results[i] = value_as_tensor(e, &v, "the expression");
	}
}

int lang_exprs(Ctx *cx, const char *text, int n_names, const char *const *names, const Val *const *vals,
	int max_results, const Val **results)
{
	const Source src = {"expression", text, strlen(text)};
	const Node **exprs;
	const int n = parse_exprs(cx, &src, &exprs);
	Exprs x = {n_names, n < max_results ? n : max_results, names, vals, exprs, &src, results};
	elab_guard(elab_new(cx, library_builtin(cx)), run_exprs, &x);
	return n;
}

/* ------------------------------------------------------------------------------------------------ gradient texts */

enum { MAX_OPERANDS = 3 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct {
	Source src;
	const Node **exprs; /* one an operand; NULL: there are none */
} gradients[N_OPS];

static void parse_gradients(void)
{
	Ctx *cx = ctx_new(); /* lives as long as the process: the trees are shared by all threads */
	bool done = false;
	TRY (cx) {
		for (int op = 0; op < N_OPS; op++) {
			const char *text = op_info[op].gradient;
			if (!op_info[op].is_ew || !*text) continue;
			gradients[op].src = (Source){op_info[op].name, text, strlen(text)};
			const int n = parse_exprs(cx, &gradients[op].src, &gradients[op].exprs);
			assert(n == op_info[op].n_args && n <= MAX_OPERANDS);
		}
		done = true;
	}
	assert(done);
}

bool lang_gradient(Ctx *cx, const Val *v, const Val *g, const bool *wanted, const Val **grads)
{
	static const char *const operands[MAX_OPERANDS] = {"a", "b", "c"};
	pthread_once(&once, parse_gradients);
	if (!gradients[v->op].exprs) return false;
	const char *names[MAX_OPERANDS + 2];
	const Val *vals[MAX_OPERANDS + 2];
	const Node *exprs[MAX_OPERANDS];
	const int n = v->n_args;
	for (int i = 0; i < n; i++) {
		names[i] = operands[i];
		vals[i] = v->args[i];
		exprs[i] = wanted[i] ? gradients[v->op].exprs[i] : NULL;
	}
	names[n] = "y", vals[n] = v;
	names[n + 1] = "g", vals[n + 1] = g;
	Exprs x = {n + 2, n, names, vals, exprs, &gradients[v->op].src, grads};
	elab_guard(elab_new(cx, library_builtin(cx)), run_exprs, &x);
	return true;
}
