/* interface.c: what callers see: the dims that they give, the names of functions and macros, signatures, and the header, which
 * says shapes, ownership and errors.
 */
#include "codegen/files.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static const char *upper_case(Ctx *cx, const char *name)
{
	char *text = arena_printf(cx->arena, "%s", name);
	for (char *p = text; *p; p++) *p = (char)toupper((unsigned char)*p);
	return text;
}

/* ---- dims ---- */

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
Syms program_computed(Ctx *cx, const Program *p)
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
Syms program_syms(Ctx *cx, const Program *p)
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

const char *dim_args(Ctx *cx, const Syms *syms, const char *before)
{
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < syms->n; i++)
		buf_printf(&b, "%s%s%s", b.size ? ", " : "", before, dim_name(cx, syms->syms[i]));
	return b.size ? b.text : "";
}

/* Bytes at the largest dims; -1 where there is no bound, or none that anybody would reserve: then a function says. */
int64_t bounded_bytes(Program *p)
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

/* Of all entry points: hosts that do not know the model give the dims of all. */
Files files_new(Ctx *cx, const EmitJob *job)
{
	Syms all = {.cx = cx}, computed = {.cx = cx};
	for (EntryKind k = 0; k < N_ENTRIES; k++) {
		const Program *p = job->programs[k];
		if (!p) continue;
		Syms some = program_syms(cx, p);
		for (int i = 0; i < some.n; i++) add_sym(&all, some.syms[i]);
		some = program_computed(cx, p);
		for (int i = 0; i < some.n; i++) add_computed(&computed, some.syms[i]);
	}
	return (Files){.cx = cx, .job = job, .upper = upper_case(cx, job->name), .dims = all, .computed = computed};
}

/* ---- interface ---- */

const char *const entry_names[N_ENTRIES] = {"run", "step", "steps"};

/* What stands in the names of its workspace.  A model without a run has one function, and so one workspace. */
static const char *workspace_prefix(const Files *f, EntryKind kind)
{
	return kind == ENTRY_RUN || !f->job->programs[ENTRY_RUN] ? ""
								 : arena_printf(f->cx->arena, "%s_", entry_names[kind]);
}

const char *workspace_macro(const Files *f, EntryKind kind)
{
	return arena_printf(
		f->cx->arena, "%s_%sWORKSPACE_BYTES", f->upper, upper_case(f->cx, workspace_prefix(f, kind)));
}

const char *workspace_function(const Files *f, EntryKind kind)
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
const char *signature(const Files *f, EntryKind kind, const char *mark)
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

void print_banner(const Files *f, Writer *w, const char *file)
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
bool state_turns(const EmitJob *job)
{
	const Program *step = job->programs[ENTRY_STEP], *steps = job->programs[ENTRY_STEPS];
	return (step && step->turn) || (steps && steps->turn);
}

const char *print_header(const Files *f)
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
