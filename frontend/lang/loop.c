/* loop.c: bounded loops, generation, and solvers of differential equations. */
#include "frontend/lang/model.h"

#include <string.h>

Value model_loop(Elab *e, const Node *node)
{
	(void)node;
	fail(e->cx, "loop is not supported yet");
}

Value model_generate(Elab *e, const Node *node)
{
	(void)node;
	fail(e->cx, "generate is not supported yet");
}

bool solver_has(const char *name) { return !strcmp(name, "rk4"); }

Value solver_call(Elab *e, const ModelCall *c)
{
	fail(e->cx, "%s is not supported yet", c->name);
}
