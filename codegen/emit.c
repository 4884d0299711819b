/* emit.c: the files of C: a header with the interface, a source with everything else.
 *
 * Both are meant to be read: the header says shapes, ownership and errors; the source goes from the vocabulary over the
 * weights and the kernels to the entry points.
 */
#include "codegen/codegen.h"
#include "codegen/emit.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
	Ctx *cx;
	const EmitJob *job;
	const char *upper; /* NAME */
	int n_syms;
	const Sym **syms; /* dims that are arguments: the same list for every entry point of a shape */
	int n_computed;
	const Sym **computed; /* sizes that the outputs have: told after a call */
	Weights weights;
	Kernels kernels;
} Files;

static const char *upper_case(Ctx *cx, const char *name)
{
	char *text = arena_printf(cx->arena, "%s", name);
	for (char *p = text; *p; p++) *p = (char)toupper((unsigned char)*p);
	return text;
}

/* ---- dims ---- */

typedef struct {
	Ctx *cx;
	int n;
	const Sym **syms;
} Syms;

static void add_any(Syms *list, const Sym *s)
{
	for (int i = 0; i < list->n; i++)
		if (list->syms[i] == s) return;
	const Sym **more = NEWN(list->cx->arena, const Sym *, list->n + 1);
	if (list->n) memcpy(more, list->syms, sizeof *more * (size_t)list->n);
	more[list->n++] = s;
	list->syms = more;
}

static void add_sym(void *user, const Sym *s)
{
	if (!s->computed) add_any(user, s);
}

static void add_computed(void *user, const Sym *s)
{
	if (s->computed) add_any(user, s);
}

/* Sizes of outputs that the model computes, in order of first appearance. */
static Syms program_computed(Ctx *cx, const Program *p)
{
	Syms list = {.cx = cx};
	for (int i = 0; i < p->n_outputs; i++)
		for (int d = 0; d < p->graph->results[i]->type->rank; d++)
			dim_each_sym(p->graph->results[i]->type->dims[d], add_computed, &list);
	return list;
}

static void add_bounds(Syms *list, const Dim *d) { dim_each_sym(dim_most(list->cx, d), add_sym, list); }

static void add_length(void *list, Stmt *s)
{
	if (s->kind == ST_LOOP && s->size) add_bounds(list, s->length);
}

/* In order of first appearance in the inputs, then in the outputs; then the bounds of sizes that the model computes. */
static Syms program_syms(Ctx *cx, const Program *p)
{
	Syms list = {.cx = cx};
	for (int i = 0; i < p->graph->n_params; i++)
		for (int d = 0; d < p->graph->params[i]->type->rank; d++)
			dim_each_sym(p->graph->params[i]->type->dims[d], add_sym, &list);
	for (int i = 0; i < p->graph->n_results; i++)
		for (int d = 0; d < p->graph->results[i]->type->rank; d++)
			dim_each_sym(p->graph->results[i]->type->dims[d], add_sym, &list);
	for (int i = 0; i < p->n_outputs; i++)
		for (int d = 0; d < p->graph->results[i]->type->rank; d++)
			add_bounds(&list, p->graph->results[i]->type->dims[d]);
	for (int i = 0; i < p->n_slots; i++) add_bounds(&list, p->slot_bytes[i]);
	block_each(&p->block, add_length, &list);
	return list;
}

/* Whether callers bound sizes that it computes. */
static bool has_bounds(const Program *p)
{
	Syms syms = {0};
	if (p) syms = program_syms(p->cx, p);
	for (int i = 0; i < syms.n; i++)
		if (syms.syms[i]->most_of) return true;
	return false;
}

static const char *dim_args(Ctx *cx, const Syms *syms, const char *before)
{
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < syms->n; i++)
		buf_printf(&b, "%s%s%s", b.size ? ", " : "", before, dim_name(cx, syms->syms[i]));
	return b.size ? b.text : "";
}

/* Bytes at the largest dims; -1 where there is no bound, or none that anybody would reserve: then a function says. */
static int64_t bounded_bytes(Program *p)
{
	const int64_t MAX_MACRO_BYTES = INT64_C(1) << 32;
	int64_t sum = 0;
	for (int i = 0; i < p->n_slots; i++) {
		int64_t most = dim_hi(p->slot_bytes[i]);
		if (most > MAX_MACRO_BYTES || sum > MAX_MACRO_BYTES) return -1;
		sum += most;
	}
	return sum;
}

/* ---- interface ---- */

static const char *const entry_names[N_ENTRIES] = {"run", "step", "steps"};

/* What stands in the names of its workspace.  A model without a run has one function, and so one workspace. */
static const char *workspace_prefix(const Files *f, EntryKind kind)
{
	return kind == ENTRY_RUN || !f->job->programs[ENTRY_RUN] ? ""
								 : arena_printf(f->cx->arena, "%s_", entry_names[kind]);
}

static const char *workspace_macro(const Files *f, EntryKind kind)
{
	return arena_printf(
		f->cx->arena, "%s_%sWORKSPACE_BYTES", f->upper, upper_case(f->cx, workspace_prefix(f, kind)));
}

static const char *workspace_function(const Files *f, EntryKind kind)
{
	return arena_printf(f->cx->arena, "%s_%sworkspace_bytes", f->job->name, workspace_prefix(f, kind));
}

static const char *shape_c(Ctx *cx, const Type *t)
{
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < t->rank; i++) buf_printf(&b, "[%s]", dim_c(cx, t->dims[i]));
	return b.size ? b.text : "";
}

/* mark: after the names of pointers to computed sizes, which inside of the function are themselves variables. */
static const char *signature(const Files *f, EntryKind kind, const char *mark)
{
	Ctx *cx = f->cx;
	const Program *p = f->job->programs[kind];
	const Graph *g = p->graph;
	Syms syms = program_syms(cx, p);
	Buf b;
	buf_init(&b, cx->arena);
	buf_printf(&b, "int %s_%s(", f->job->name, entry_names[kind]);
	const char *sep = "";
	if (f->weights.mode == WEIGHTS_BLOB) {
		buf_printf(&b, "const %s_weights *weights", f->job->name);
		sep = ", ";
	}
	for (int i = 0; i < syms.n; i++, sep = ", ") buf_printf(&b, "%sint64_t %s", sep, dim_name(cx, syms.syms[i]));
	if (kind != ENTRY_RUN) {
		buf_printf(&b, "%s%s_state *state", sep, f->job->name);
		sep = ", ";
	}
	for (int i = 0; i < p->n_inputs; i++, sep = ", ")
		buf_printf(&b, "%sconst %s *%s", sep, elem_info[g->params[i]->type->elem].ctype, p->inputs[i]->name);
	for (int i = 0; i < p->n_outputs; i++, sep = ", ")
		buf_printf(&b, "%s%s *%s", sep, elem_info[g->results[i]->type->elem].ctype, p->outputs[i]->name);
	Syms computed = program_computed(cx, p);
	for (int i = 0; i < computed.n; i++, sep = ", ")
		buf_printf(&b, "%sint64_t *%s%s", sep, dim_name(cx, computed.syms[i]), mark);
	buf_printf(&b, "%svoid *workspace)", sep);
	return b.text;
}

const char *comment_text(Ctx *cx, const char *text)
{
	char *safe = arena_printf(cx->arena, "%s", text ? text : "");
	for (char *p = safe; *p; p++)
		if ((p[0] == '*' && p[1] == '/') || (p[0] == '/' && p[1] == '*') ||
			(p[0] == '?' && p[1] == '?') /* a trigraph */ || (unsigned char)*p < ' ' || *p == '\\')
			*p = ' ';
	return safe;
}

/* What C's type does not say. */
static const char *storage_note(Ctx *cx, const Type *t)
{
	if (!elem_is_storage(t->elem)) return "";
	const int each = 8 / elem_info[t->elem].bits;
	return each == 1
		? arena_printf(cx->arena, "   %s, its bits", elem_info[t->elem].name)
		: arena_printf(cx->arena, "   %s, %d in a byte, the first in the low bits", type_str(cx, t), each);
}

/* Where C's name of an array is another. */
static const char *model_name(Ctx *cx, const Buffer *b, const char *name)
{
	return strcmp(b->name, name) == 0 ? "" : arena_printf(cx->arena, "   %s", comment_text(cx, name));
}

static void print_tables(const Files *f, Writer *w, Program *p)
{
	Ctx *cx = f->cx;
	const Graph *g = p->graph, *face = p->face;
	for (int i = 0; i < p->n_inputs; i++)
		line(w, " *   in   %s: %s%s%s%s", p->inputs[i]->name, elem_info[g->params[i]->type->elem].ctype,
			shape_c(cx, g->params[i]->type), model_name(cx, p->inputs[i], g->param_names[i]),
			storage_note(cx, face->params[i]->type));
	for (int i = 0; i < p->n_outputs; i++)
		line(w, " *   out  %s: %s%s%s%s", p->outputs[i]->name, elem_info[g->results[i]->type->elem].ctype,
			shape_c(cx, g->results[i]->type), model_name(cx, p->outputs[i], g->result_names[i]),
			storage_note(cx, face->results[i]->type));
	Syms syms = program_syms(cx, p);
	for (int i = 0; i < syms.n; i++) {
		const Sym *s = syms.syms[i];
		if (s->most_of)
			line(w, " *   dim  %s: what %s may be at most: the caller's choice; 0 or more", dim_name(cx, s),
				dim_name(cx, s->most_of));
		else line(w, " *   dim  %s: %s", dim_name(cx, s), sym_values(cx, s, " to "));
	}
	Syms computed = program_computed(cx, p);
	for (int i = 0; i < computed.n; i++)
		line(w, " *   out dim  %s: at most %s", dim_name(cx, computed.syms[i]),
			dim_c(cx, dim_most(cx, dim_sym(cx, computed.syms[i]->name))));
	if (computed.n)
		line(w, " *   Arrays whose size has an out dim are as large as it can be; the call writes its value, and so many elements.");
}

static void print_workspace_interface(const Files *f, Writer *w, EntryKind kind)
{
	Program *p = f->job->programs[kind];
	int64_t bytes = bounded_bytes(p);
	if (bytes >= 0) {
		line(w, "#define %s %" PRId64, workspace_macro(f, kind), bytes);
	} else {
		Syms syms = program_syms(f->cx, p);
		line(w, "size_t %s(%s);", workspace_function(f, kind), dim_args(f->cx, &syms, "int64_t "));
	}
}

static void print_banner(const Files *f, Writer *w, const char *file)
{
	const CompileOptions *o = f->job->options;
	line(w, "/* %s: generated by rnncc from %s.  C99, stands alone.", file,
		comment_text(f->cx, o->source_name ? o->source_name : "a graph"));
	if (o->digest) line(w, " * model sha256 %s", o->digest);
	line(w, " * target %s%s, -O%d", f->job->target->name,
		f->job->target->lanes > 1
			? arena_printf(f->cx->arena, " (%d lanes; compile with -march=%s -std=gnu99 -ffp-contract=off)",
				  f->job->target->lanes, f->job->target->march)
			: " (no vector types)",
		o->opt);
	line(w, " */");
}

static bool is_guarded(const Program *p) { return p && p->guarded; }

static void print_codes(const Files *f, Writer *w, bool more)
{
	line(w, "/* What refused calls return; outputs and state are untouched.  A dim is outside its bounds; a number in the");
	line(w, " * inputs is out of its range: an id that is none, a length beyond its array. */");
	line(w, "enum { %s_EDIM = -1, %s_EVALUE = -3 };%s", f->upper, f->upper, more ? "" : "\n");
}

/* All entry points share the state: it has what one of them wants. */
static bool state_turns(const EmitJob *job)
{
	const Program *step = job->programs[ENTRY_STEP], *steps = job->programs[ENTRY_STEPS];
	return (step && step->turn) || (steps && steps->turn);
}

static const char *print_header(const Files *f)
{
	Ctx *cx = f->cx;
	const EmitJob *job = f->job;
	Writer w;
	writer_init(&w, cx->arena);
	print_banner(f, &w, arena_printf(cx->arena, "%s.h", job->name));
	line(&w, "#ifndef %s_H\n#define %s_H\n", f->upper, f->upper);
	line(&w, "#include <stddef.h>\n#include <stdint.h>\n");
	line(&w, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
	line(&w, "#define %s_ALIGN 64 /* of workspace, in bytes */", f->upper);
	line(&w, "#define %s_WEIGHTS_BYTES %" PRId64, f->upper, f->weights.size_bytes);
	bool guarded = false, more = false;
	for (EntryKind k = 0; k < N_ENTRIES; k++) {
		guarded |= is_guarded(job->programs[k]);
		more |= has_bounds(job->programs[k]);
	}
	if (!guarded)
		line(&w, "enum { %s_EDIM = -1 }; /* a dim is outside its bounds; outputs are untouched */%s", f->upper,
			more ? "" : "\n");
	else print_codes(f, &w, more);
	if (more) {
		line(&w,
			"/* Or what the model computes is larger than one of the _max: the call needs them, and its arrays, larger. */");
		line(&w, "enum { %s_EMORE = %d };\n", f->upper, RNNCC_EMORE);
	}
	if (f->weights.mode == WEIGHTS_BLOB) {
		line(&w, "/* Weights, loaded by the caller; read only: one serves any number of threads. */");
		line(&w, "typedef struct {\n\tconst unsigned char *bytes;\n} %s_weights;", job->name);
		line(&w,
			"/* Checks %s_weights.bin in memory (64-byte aligned, to be kept while in use) and points weights into it.",
			job->name);
		line(&w, " * Returns 0 or %s_EWEIGHTS: not the weights of this model, damaged, or not aligned. */",
			f->upper);
		line(&w, "enum { %s_EWEIGHTS = -2 };", f->upper);
		line(&w, "int %s_load(%s_weights *weights, const void *blob, size_t size);\n", job->name, job->name);
	}
	if (job->programs[ENTRY_RUN]) {
		Program *p = job->programs[ENTRY_RUN];
		line(&w, "/* One call.  Arrays are dense, row-major, the caller's, and do not overlap.");
		print_tables(f, &w, p);
		line(&w, " *   workspace: %s, %s_ALIGN aligned, any contents; one per concurrent call",
			bounded_bytes(p) >= 0 ? "the macro's bytes" : "the function's bytes", f->upper);
		const char *other = is_guarded(p)
			? arena_printf(cx->arena, ", %s_EDIM or %s_EVALUE", f->upper, f->upper)
			: arena_printf(cx->arena, " or %s_EDIM", f->upper);
		if (has_bounds(p))
			other = arena_printf(cx->arena, ", %s_EMORE%s%s", f->upper, is_guarded(p) ? "" : ",", other);
		line(&w, " * Returns 0%s.  No memory is allocated, nothing is kept between calls. */", other);
		print_workspace_interface(f, &w, ENTRY_RUN);
		line(&w, "%s;\n", signature(f, ENTRY_RUN, ""));
	}
	if (job->programs[ENTRY_STEP]) {
		Program *p = job->programs[ENTRY_STEP];
		line(&w, "/* %s",
			job->programs[ENTRY_RUN]
				? "Streaming: one time step a call, the same numbers as one run over the sequence."
				: "One step a call; what the model feeds back into itself is in the state.");
		print_tables(f, &w, p);
		line(&w, " * The state is plain data of the caller: reset it first, copy it to fork a stream. */");
		line(&w, "typedef struct {");
		for (int i = 0; i < p->n_states; i++) {
			const Buffer *b = p->carries[i].now;
			line(&w, "\t%s %s%s;", elem_info[b->elem].ctype, p->members[i],
				b->rank ? shape_c(cx, type_new(cx, b->elem, b->rank, b->dims)) : "[1]");
		}
		if (!p->n_states) line(&w, "\tunsigned char none;");
		if (state_turns(job))
			line(&w,
				"\tint %s; /* whether the next step reads weights backwards: no result depends on it */",
				p->turn_member);
		line(&w, "} %s_state;", job->name);
		print_workspace_interface(f, &w, ENTRY_STEP);
		line(&w, "void %s_reset(%s_state *state);", job->name, job->name);
		line(&w, "%s;\n", signature(f, ENTRY_STEP, ""));
	} else if (job->no_step_reason) {
		line(&w, "/* There is no %s_step: %s */\n", job->name, comment_text(cx, job->no_step_reason));
	}
	if (job->programs[ENTRY_STEPS]) {
		line(&w,
			"/* Streaming in chunks: %s steps a call, on the same state.  Chunks of any size and single steps may alternate.",
			dim_c(cx, job->states->count));
		print_tables(f, &w, job->programs[ENTRY_STEPS]);
		line(&w,
			" * What the steps have in common is done once for the chunk, such as the product of the inputs with their weights. */");
		print_workspace_interface(f, &w, ENTRY_STEPS);
		line(&w, "%s;\n", signature(f, ENTRY_STEPS, ""));
	} else if (job->no_steps_reason) {
		line(&w, "/* There is no %s_steps: %s */\n", job->name, comment_text(cx, job->no_steps_reason));
	}
	line(&w, "#ifdef __cplusplus\n}\n#endif\n");
	line(&w, "#endif");
	Buf text;
	buf_init(&text, cx->arena);
	wrap_lines(&text, w.buf.text);
	return text.text;
}

/* ---- source ---- */

static void print_reset(const Files *f, Writer *w, const Program *p)
{
	line(w, "void %s_reset(%s_state *state)", f->job->name, f->job->name);
	open_block(w, "%s", "");
	for (int i = 0; i < p->n_states; i++) {
		const Buffer *b = p->carries[i].now;
		const Tensor *init = f->job->states ? f->job->states->initial[i] : NULL;
		const char *n = dim_c(f->cx, dim_product(f->cx, b->rank, b->dims)), *ctype = elem_info[b->elem].ctype;
		line(w, "%s *%s = (%s *)state->%s;", ctype, b->name, ctype, p->members[i]);
		line(w, "for (int64_t i = 0; i < %s; i++)", n);
		line(w, init ? "\t%s[i] = %s_initial[i];" : "\t%s[i] = 0;", b->name, b->name);
	}
	if (!p->n_states) line(w, "state->none = 0;");
	if (state_turns(f->job)) line(w, "state->%s = 0;", p->turn_member);
	close_block(w);
	line(w, "%s", "");
}

static void not_read(Writer *w, const char *body, const char *name)
{
	if (!is_read(body, name)) line(w, "(void)%s;", name);
}

static void print_entry(const Files *f, Emit *em, EntryKind kind)
{
	Ctx *cx = f->cx;
	Writer *w = em->w;
	Program *p = em->p;
	Syms syms = program_syms(cx, p);
	if (bounded_bytes(p) < 0) {
		line(w, "size_t %s(%s)", workspace_function(f, kind), dim_args(cx, &syms, "int64_t "));
		open_block(w, "%s", "");
		Writer body;
		writer_init(&body, cx->arena);
		body.depth = w->depth;
		em->w = &body;
		sizes_begin(em);
		line(em->w, "return (size_t)(%s);", size_c(em, workspace_bytes(p)));
		sizes_end(em);
		em->w = w;
		for (int i = 0; i < syms.n; i++) not_read(w, body.buf.text, dim_name(cx, syms.syms[i]));
		buf_puts(&w->buf, body.buf.text);
		close_block(w);
		line(w, "%s", "");
	}
	if (kind == ENTRY_STEP) print_reset(f, w, p);
	line(w, "%s", signature(f, kind, "_out"));
	open_block(w, "%s", "");
	for (int i = 0; i < syms.n; i++) {
		const Sym *s = syms.syms[i];
		const char *name = dim_name(cx, s);
		Buf refused;
		buf_init(&refused, cx->arena);
		buf_printf(&refused, "%s < %" PRId64, name, s->lo);
		if (s->hi != INT64_MAX) buf_printf(&refused, " || %s > %" PRId64, name, s->hi);
		if (s->step > 1) buf_printf(&refused, " || %s %% %" PRId64 " != 0", name, s->step);
		line(w, "if (%s)", refused.text);
		line(w, "\treturn %s_EDIM;", f->upper);
	}
	em->n_dims = syms.n;
	em->dims = syms.syms;
	Writer body;
	writer_init(&body, cx->arena);
	body.depth = w->depth;
	em->w = &body;
	emit_program(em);
	em->w = w;
	for (int i = 0; i < p->n_inputs; i++) not_read(w, body.buf.text, p->inputs[i]->name);
	if (kind != ENTRY_RUN) not_read(w, body.buf.text, "state");
	if (f->weights.mode == WEIGHTS_BLOB) not_read(w, body.buf.text, "weights");
	not_read(w, body.buf.text, "workspace");
	buf_puts(&w->buf, body.buf.text);
	Syms computed = program_computed(cx, p);
	for (int i = 0; i < computed.n; i++)
		line(w, "*%s_out = %s;", dim_name(cx, computed.syms[i]), dim_name(cx, computed.syms[i]));
	line(w, "return 0;");
	close_block(w);
	line(w, "%s", "");
}

/* Entry points of one shape, for hosts that do not know the model. */
static void print_describe(const Files *f, Writer *w)
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
		Syms syms = program_syms(cx, p);
		Buf b;
		buf_init(&b, cx->arena);
		const char *sep = "";
		if (blob) buf_puts(&b, "weights"), sep = ", ";
		for (int i = 0; i < syms.n; i++, sep = ", ")
			for (int k = 0; k < f->n_syms; k++)
				if (f->syms[k] == syms.syms[i]) buf_printf(&b, "%sdims[%d]", sep, k);
		if (s) buf_printf(&b, "%s(%s_state *)state", sep, name), sep = ", ";
		for (int i = 0; i < p->n_inputs; i++, sep = ", ")
			buf_printf(
				&b, "%s(const %s *)in[%d]", sep, elem_info[p->graph->params[i]->type->elem].ctype, i);
		for (int i = 0; i < p->n_outputs; i++, sep = ", ")
			buf_printf(&b, "%s(%s *)out[%d]", sep, elem_info[p->graph->results[i]->type->elem].ctype, i);
		Syms computed = program_computed(cx, p);
		for (int i = 0; i < computed.n; i++, sep = ", ")
			for (int k = 0; k < f->n_computed; k++)
				if (f->computed[k] == computed.syms[i])
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
		Syms syms = program_syms(cx, p);
		Buf b;
		buf_init(&b, cx->arena);
		for (int i = 0; i < syms.n; i++)
			for (int k = 0; k < f->n_syms; k++)
				if (f->syms[k] == syms.syms[i]) buf_printf(&b, "%sdims[%d]", b.size ? ", " : "", k);
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

static void print_initials(const Files *f, Writer *w)
{
	const Step *st = f->job->states;
	const Program *p = f->job->programs[ENTRY_STEP];
	for (int i = 0; st && p && i < p->n_states; i++) {
		const Tensor *t = st->initial[i] ? tensor_packed(f->cx->arena, st->initial[i]) : NULL;
		const Buffer *b = p->carries[i].now;
		if (!t) continue;
		array_print(&w->buf, arena_printf(f->cx->arena, "%s_initial", b->name), "", t);
	}
}

static void print_load(const Files *f, Writer *w)
{
	const char *name = f->job->name;
	line(w, "int %s_load(%s_weights *weights, const void *blob, size_t size)", name, name);
	open_block(w, "%s", "");
	line(w, "static const unsigned char magic[8] = {'R', 'N', 'N', 'C', 'C', 'W', '1', 0};");
	line(w, "const unsigned char *bytes = blob;");
	line(w, "uint64_t hash = UINT64_C(0xcbf29ce484222325), stated = 0, length = 0;");
	line(w, "if (size != 64 + (size_t)%s_WEIGHTS_BYTES || (uintptr_t)blob %% 64)", f->upper);
	line(w, "\treturn %s_EWEIGHTS;", f->upper);
	line(w, "for (size_t i = 0; i < 8; i++) {");
	line(w, "\tif (bytes[i] != magic[i])");
	line(w, "\t\treturn %s_EWEIGHTS;", f->upper);
	line(w, "\tlength |= (uint64_t)bytes[8 + i] << 8 * i;");
	line(w, "\tstated |= (uint64_t)bytes[16 + i] << 8 * i;");
	line(w, "}");
	line(w, "for (size_t i = 64; i < size; i++)");
	line(w, "\thash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);");
	line(w, "if (length != %s_WEIGHTS_BYTES || hash != stated)", f->upper);
	line(w, "\treturn %s_EWEIGHTS;", f->upper);
	line(w, "weights->bytes = bytes + 64;");
	line(w, "return 0;");
	close_block(w);
	line(w, "%s", "");
}

/* Without OpenMP one thread does all parts. */
static void print_openmp(Writer *w)
{
	line(w, "#if defined(_OPENMP)");
	line(w, "int omp_get_thread_num(void);\nint omp_get_num_threads(void);");
	line(w, "#else\n#define omp_get_thread_num() 0\n#define omp_get_num_threads() 1\n#endif\n");
}

/* Of two arrays that a loop swaps, Clang 14 takes `restrict` as said of all steps, and moves a load of one step over the store of
 * the step before.  And in one function with all their loops, Clang takes for those of scalars four times as long. */
static void print_kernel_macro(Writer *w)
{
	line(w, "/* Not inlined: `restrict` says of the arrays of one call that they are apart, not of those of a loop over calls. */");
	line(w, "#define KERNEL static __attribute__((noinline))\n");
}

static const char *print_source(Files *f)
{
	Ctx *cx = f->cx;
	const EmitJob *job = f->job;
	Writer body, top;
	writer_init(&body, cx->arena);
	writer_init(&top, cx->arena);
	Vocab *vocab = vocab_new(cx, job->options->opt >= 1 ? job->target->lanes : 1, job->target->fma);
	Program *const *programs = job->programs;
	Map printed;
	map_init(&printed, cx->arena);
	Emit em = {.cx = cx,
		.upper = f->upper,
		.vocab = vocab,
		.w = &body,
		.threads = job->options->threads,
		.profile = job->options->profile,
		.kernels = &f->kernels,
		.printed = &printed,
		.blob = job->options->weights == WEIGHTS_BLOB ? job->name : NULL};
	bool team = false;
	for (EntryKind k = 0; k < N_ENTRIES; k++)
		if ((em.p = programs[k])) emit_kernels(&em);
	f->weights = weights_collect(cx, N_ENTRIES, programs, job->options);
	print_initials(f, &body);
	for (EntryKind k = 0; k < N_ENTRIES; k++)
		if ((em.p = programs[k])) {
			print_entry(f, &em, k);
			team |= em.p->team < em.p->block.n;
		}
	if (job->options->describe) print_describe(f, &body);
	print_banner(f, &top, arena_printf(cx->arena, "%s.c", job->name));
	line(&top, "#include \"%s.h\"\n", job->name);
	line(&top, "#include <math.h>\n");
	if (job->options->profile)
		line(&top, "void rnncc_tick(int kernel); /* the host's: this is a profiling build */\n");
	if (team) print_openmp(&top);
	vocab_print(vocab, &top.buf);
	if (f->kernels.n) print_kernel_macro(&top);
	if (f->weights.mode == WEIGHTS_BLOB)
		print_load(f, &top); /* before the macros that weights_print makes of the model's words */
	weights_print(cx, &f->weights, job->name, &top.buf);
	wrap_lines(&top.buf, body.buf.text);
	return top.buf.text;
}

static EntryPoint entry_point(const Files *f, EntryKind kind)
{
	Program *p = f->job->programs[kind];
	if (!p) return (EntryPoint){0};
	Ctx *cx = f->cx;
	Syms syms = program_syms(cx, p);
	const char *workspace = bounded_bytes(p) >= 0
		? workspace_macro(f, kind)
		: arena_printf(cx->arena, "%s(%s)", workspace_function(f, kind), dim_args(cx, &syms, ""));
	return (EntryPoint){p->face, p->n_states, p->members, syms.n, syms.syms, workspace};
}

void emit_files(Ctx *cx, const EmitJob *job, Compiled *out)
{
	Files f = {.cx = cx, .job = job, .upper = upper_case(cx, job->name)};
	Syms all = {.cx = cx}, computed = {.cx = cx};
	Program *const *programs = job->programs, *step = programs[ENTRY_STEP];
	for (EntryKind s = 0; s < N_ENTRIES; s++) {
		Syms some = {0};
		if (programs[s]) some = program_syms(cx, programs[s]);
		for (int i = 0; i < some.n; i++) add_sym(&all, some.syms[i]);
		if (programs[s]) some = program_computed(cx, programs[s]);
		for (int i = 0; i < some.n && programs[s]; i++) add_computed(&computed, some.syms[i]);
	}
	f.n_syms = all.n;
	f.syms = all.syms;
	f.n_computed = computed.n;
	f.computed = computed.syms;
	const char *source = print_source(&f), *header = print_header(&f);
	OutFile *files = NEWN(cx->arena, OutFile, 3);
	files[0] = (OutFile){arena_printf(cx->arena, "%s.c", job->name), source, strlen(source)};
	files[1] = (OutFile){arena_printf(cx->arena, "%s.h", job->name), header, strlen(header)};
	out->n_files = 2;
	if (f.weights.mode == WEIGHTS_INCBIN || f.weights.mode == WEIGHTS_BLOB) {
		OutFile *w = &files[out->n_files++];
		w->name = arena_printf(cx->arena, "%s_weights.bin", job->name);
		w->data = weights_blob(cx, &f.weights, &w->size);
	}
	out->files = files;
	out->n_kernels = f.kernels.n;
	out->kernels = f.kernels.items;
	out->name = job->name;
	out->upper = f.upper;
	out->n_dims = all.n;
	out->dims = all.syms;
	out->n_computed = computed.n;
	out->computed = computed.syms;
	out->has_run = programs[ENTRY_RUN];
	out->has_step = step;
	out->has_steps = programs[ENTRY_STEPS];
	out->run = entry_point(&f, ENTRY_RUN);
	out->step = entry_point(&f, ENTRY_STEP);
	out->steps = entry_point(&f, ENTRY_STEPS);
	out->weights = f.weights.mode;
	out->weight_bytes = f.weights.size_bytes;
	out->workspace_bytes = bounded_bytes(out->has_run ? programs[ENTRY_RUN] : step);
	out->state_bytes = 0;
	for (int i = 0; step && i < step->n_states; i++) {
		const Buffer *b = step->carries[i].now;
		int64_t n = 0;
		dim_is_int(dim_product(cx, b->rank, b->dims), &n);
		out->state_bytes += n * elem_info[b->elem].size;
	}
	if (state_turns(job)) out->state_bytes += (int64_t)sizeof(int);
}
