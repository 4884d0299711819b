/* emit.c: the files of C: a header with the interface (interface.c), a source with everything else.
 *
 * Both are meant to be read: the source goes from the vocabulary over the weights and the kernels to the entry points.
 */
#include "codegen/files.h"

#include <inttypes.h>
#include <string.h>

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
	Files f = files_new(cx, job);
	Program *const *programs = job->programs, *step = programs[ENTRY_STEP];
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
	out->n_dims = f.dims.n;
	out->dims = f.dims.syms;
	out->n_computed = f.computed.n;
	out->computed = f.computed.syms;
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
