/* model.c: from a path and options to a model that is ready to run. */
#include "cli/cli.h"

const Model *load_model(Ctx *cx, const Options *o, const char *path)
{
	cx->f64 = o->f64;
	return model_load(cx, path, o->bindings.n, o->bindings.items);
}

Session *open_model(Ctx *cx, const Options *o, const Model *m, const CompileOptions *co, const Compiled **compiled)
{
	const SessionOptions so = options_session(o);
	const bool plain = so.via == VIA_INTERPRET && !co->n_states && !co->detect_states;
	const Compiled *c = plain ? NULL : compile_graph(cx, m->graph, co);
	if (compiled) *compiled = c;
	return session_open(cx, m->graph, c, &so);
}
