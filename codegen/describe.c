/* describe.c: entry points that are the same for every model, NAME_call and what it needs, for hosts that do not know the model:
 * sizes and arrays come in tables.  rnncc itself is such a host (runtime/session.c).
 */
#include "codegen/files.h"

/* Those of an entry point, in its order, from the host's table of all. */
static void print_dims(const Files *f, Buf *to, const Program *p)
{
	const Syms syms = program_syms(f->cx, p);
	for (int i = 0; i < syms.n; i++)
		for (int k = 0; k < f->dims.n; k++)
			if (f->dims.syms[k] == syms.syms[i]) buf_printf(to, "%sdims[%d]", to->size ? ", " : "", k);
}

/* Entry points of one shape, for hosts that do not know the model. */
void print_describe(const Files *f, Writer *w)
{
	Ctx *cx = f->cx;
	const char *name = f->job->name;
	Program *const *programs = f->job->programs;
	bool blob = f->weights.mode == WEIGHTS_BLOB;
	line(w, "int %s_call(int step, const int64_t *dims, const void *const *in, void *const *out, void *state, void *workspace);",
		name);
	line(w, "size_t %s_call_workspace(int step, const int64_t *dims);", name);
	line(w, "size_t %s_call_state(void);", name);
	line(w, "void %s_call_reset(void *state);\n", name);
	line(w, "int %s_call(int step, const int64_t *dims, const void *const *in, void *const *out, void *state, void *workspace)",
		name);
	open_block(w, "%s", "");
	line(w, "(void)step, (void)dims, (void)in, (void)out, (void)state;");
	if (blob) line(w, "const %s_weights *weights = in[-1];", name); /* the host puts it in front of the inputs */
	for (EntryKind s = 0; s < N_ENTRIES; s++) {
		Program *p = programs[s];
		if (!p) continue;
		Buf b;
		buf_init(&b, cx->arena);
		if (blob) buf_puts(&b, "weights");
		print_dims(f, &b, p);
		const char *sep = b.size ? ", " : "";
		if (s) buf_printf(&b, "%s(%s_state *)state", sep, name), sep = ", ";
		for (int i = 0; i < p->n_inputs; i++, sep = ", ")
			buf_printf(
				&b, "%s(const %s *)in[%d]", sep, elem_info[p->graph->params[i]->type->elem].ctype, i);
		for (int i = 0; i < p->n_outputs; i++, sep = ", ")
			buf_printf(&b, "%s(%s *)out[%d]", sep, elem_info[p->graph->results[i]->type->elem].ctype, i);
		Syms computed = program_computed(cx, p);
		for (int i = 0; i < computed.n; i++, sep = ", ")
			for (int k = 0; k < f->computed.n; k++)
				if (f->computed.syms[k] == computed.syms[i])
					buf_printf(&b, "%s(int64_t *)out[%d]", sep, p->n_outputs + k);
		line(w, "if (step == %d)", (int)s);
		line(w, "\treturn %s_%s(%s%sworkspace);", name, entry_names[s], b.size ? b.text : "", sep);
	}
	line(w, "return -3;");
	close_block(w);
	line(w, "\nsize_t %s_call_workspace(int step, const int64_t *dims)", name);
	open_block(w, "%s", "");
	line(w, "(void)step, (void)dims;");
	for (EntryKind s = 0; s < N_ENTRIES; s++) {
		Program *p = programs[s];
		if (!p) continue;
		Buf b;
		buf_init(&b, cx->arena);
		print_dims(f, &b, p);
		line(w, "if (step == %d)", (int)s);
		if (bounded_bytes(p) >= 0) line(w, "\treturn %s;", workspace_macro(f, s));
		else line(w, "\treturn %s(%s);", workspace_function(f, s), b.size ? b.text : "");
	}
	line(w, "return 0;");
	close_block(w);
	line(w, "\nsize_t %s_call_state(void)", name);
	open_block(w, "%s", "");
	line(w, programs[ENTRY_STEP] ? "return sizeof(%s_state);" : "return 0;", name);
	close_block(w);
	line(w, "\nvoid %s_call_reset(void *state)", name);
	open_block(w, "%s", "");
	line(w, programs[ENTRY_STEP] ? "%s_reset(state);" : "(void)state;", name);
	close_block(w);
}
