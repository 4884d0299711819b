/* model.c: from a path and options to a model that is ready to run. */
#include "cli/cli.h"
#include "runtime/file.h"

static LoadOptions load_options(const Options *o)
{
	return (LoadOptions){.no_lengths = o->no_lengths,
		.weights_seed = o->weights_seed,
		.weights = o->weights,
		.n_dims = o->dims.n,
		.dims = o->dims.items};
}

const Model *load_model(Ctx *cx, const Options *o, const char *path)
{
	cx->f64 = o->f64;
	const LoadOptions lo = load_options(o);
	return model_load(cx, path, o->bindings.n, o->bindings.items, &lo);
}

const Model *load_model_for(Ctx *cx, const Options *o, const char *path, const DataSet *set, bool bind_scalars)
{
	const char **files = NEWN(cx->arena, const char *, set->n_inputs);
	for (int i = 0; i < set->n_inputs; i++) files[i] = data_set_file(cx, set, "input", i);
	cx->f64 = o->f64;
	const LoadOptions lo = load_options(o);
	return model_load_like(cx, path, o->bindings.n, o->bindings.items, set->n_inputs, files, bind_scalars, &lo);
}

Ready ready_for(Ctx *cx, const Options *o, const char *path, const DataSet *set)
{
	volatile Ready ready = {.made_for = set};
	/* first for the shapes alone, then with the single integers and the texts built in: the former may say what a sequence is made
	 * of, and only the compiler knows the latter */
	for (volatile int attempt = 0; attempt < 2 && !ready.session; attempt++) {
		TRY (cx) {
			const Model *m = load_model_for(cx, o, path, set, attempt);
			const CompileOptions co = options_compile(cx, o, m);
			const Compiled *c;
			Session *s = open_model(cx, o, m, &co, &c);
			ready.model = m;
			ready.compiled = c;
			ready.session = s;
			ready.built_in = attempt;
		}
	}
	if (!ready.session) fail(cx, "%s", cx->error);
	return (Ready){ready.model, ready.session, ready.compiled, set, ready.built_in};
}

Session *open_model(Ctx *cx, const Options *o, const Model *m, const CompileOptions *co, const Compiled **compiled)
{
	const SessionOptions so = options_session(o);
	const bool plain = so.via == VIA_INTERPRET && !co->n_states && !co->detect_states && !co->n_dims &&
		!weights_dtype_name(co->weights_elem);
	CompileOptions here = *co;
	here.run_only = true;
	const Compiled *c = plain ? NULL : compile_graph(cx, m->graph, &here);
	if (compiled) *compiled = c;
	return session_open(cx, m->graph, c, &so);
}
