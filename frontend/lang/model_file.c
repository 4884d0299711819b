/* model_file.c: .rnn files: what they use, which models they have, and the door to all of it (rnn.h). */
#include "frontend/lang/model.h"
#include "frontend/lang/rnn.h"
#include "runtime/file.h"

#include <string.h>

enum { MAX_FILES = 64 };

typedef struct {
	Ctx *cx;
	int n_files, n_items;
	const char *paths[MAX_FILES];
	struct Item {
		const Source *src;
		const Node *node;
	} * items;
	int cap;
} Loading;

static const char *folder_of(Ctx *cx, const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? arena_strn(cx->arena, path, (size_t)(slash - path + 1)) : "";
}

static void add_item(Loading *l, const Source *src, const Node *node)
{
	if (l->n_items == l->cap) {
		int cap = l->cap ? 2 * l->cap : 64;
		struct Item *more = NEWN(l->cx->arena, struct Item, cap);
		if (l->n_items) memcpy(more, l->items, sizeof(*more) * (size_t)l->n_items);
		l->items = more;
		l->cap = cap;
	}
	l->items[l->n_items++] = (struct Item){src, node};
}

static void load_source(Loading *l, const char *path, const Source *src)
{
	Ctx *cx = l->cx;
	if (memchr(src->text, 0, src->size)) fail(cx, "%s: is not a text", path);
	Unit unit = parse_unit(cx, src);
	if (unit.n_ops)
		fail_at(cx, (Span){src, unit.ops[0].start, unit.ops[0].end},
			"operators are of the library: a model's functions are def");
	if (unit.n_examples) {
		const Node *call = unit.examples[0].call;
		fail_at(cx, (Span){src, call->start, call->end}, "examples are of operators");
	}
	for (int i = 0; i < unit.n_items; i++) {
		const Node *item = unit.items[i];
		if (item->kind != N_USE) {
			add_item(l, src, item);
			continue;
		}
		const char *used = *item->text == '/'
			? item->text
			: arena_printf(cx->arena, "%s%s", folder_of(cx, path), item->text);
		bool seen = false;
		for (int k = 0; k < l->n_files; k++) seen |= !strcmp(l->paths[k], used);
		if (seen) continue;
		if (l->n_files == MAX_FILES)
			fail_at(cx, (Span){src, item->start, item->end}, "more than %d files", MAX_FILES);
		if (!path_exists(used))
			fail_at(cx, (Span){src, item->start, item->end}, "%s: there is no such file", used);
		l->paths[l->n_files++] = used;
		Source *other = NEW(cx->arena, Source);
		size_t size;
		const char *text = file_read(cx, used, &size);
		*other = (Source){used, text, size};
		load_source(l, used, other);
	}
}

/* ------------------------------------------------------------------------------------------------ the frame of a file */

typedef struct {
	const Source *src;
	const Node *node;
} Item;

static void bind_item(Elab *e, void *user)
{
	const Item *item = user;
	const Node *node = item->node;
	e->at = (Span){item->src, node->start, node->end};
	bool fn = node->kind == N_DECL || node->kind == N_SHARE;
	const char *name = node->kind == N_PARAM ? node->kids[0]->text : node->text;
	for (int i = 0; i < e->frame->n; i++)
		if (!strcmp(e->frame->vars[i].name, name) && fn == (e->frame->vars[i].value.kind == V_CLOSURE))
			fail(e->cx, "a second %s", name);
	if (node->kind == N_CONST) {
		Value v = elab_expr(e, node->kids[0]);
		if (v.kind == V_TENSOR || v.kind == V_AXIS) fail(e->cx, "const %s is not known at compile time", name);
		elab_bind(e, name, v);
	} else if (node->kind == N_DECL) {
		Closure *closure = NEW(e->cx->arena, Closure);
		*closure = (Closure){.decl = node->decl, .env = e->frame};
		elab_bind(e, name, (Value){.kind = V_CLOSURE, .fn = closure});
	} else {
		int n;
		Value results[MAX_RESULTS];
		model_statement(e, node, false, &n, results);
	}
}

static Elab *new_elab(Ctx *cx, const RnnOptions *o, bool streaming)
{
	Elab *e = elab_new(cx, library_builtin(cx));
	ModelElab *m = NEW(cx->arena, ModelElab);
	*m = (ModelElab){.lengths = o->lengths && !streaming,
		.streaming = streaming,
		.source = o->source,
		.user = o->user,
		.seed = o->seed,
		.elements_left = o->elements ? o->elements : INT64_C(1) << 33};
	m->contexts[0].size = streaming ? dim_int(cx, 1) : dim_sym(cx, "B");
	m->n_contexts = 1;
	if (!streaming) sym_bound(cx, "B", 1, INT64_MAX);
	e->model = m;
	e->typed = true;
	e->elem = F32;
	m->at = (Place){.cell = "", .statement = "", .round = "", .assigned = ""};
	e->frame = NEW(cx->arena, Frame);
	for (int i = 0; i < e->lib->n_fns; i++) {
		Closure *fn = NEW(cx->arena, Closure);
		*fn = (Closure){.decl = e->lib->fns[i], .env = e->frame};
		elab_bind(e, fn->decl->name, (Value){.kind = V_CLOSURE, .fn = fn});
	}
	Frame *file = NEW(cx->arena, Frame); /* its names go before those */
	file->outer = e->frame;
	e->frame = file;
	return e;
}

static Elab *bind_file(Ctx *cx, const Loading *l, const RnnOptions *o, bool streaming)
{
	Elab *e = new_elab(cx, o, streaming);
	for (int i = 0; i < l->n_items; i++) {
		Item item = {l->items[i].src, l->items[i].node};
		if (item.node->kind == N_DECL && item.node->decl->kind >= FN_MODEL) continue;
		elab_guard(e, bind_item, &item);
	}
	report_fail(cx, &e->model->report);
	return e;
}

static _Noreturn void fail_without_model(const Loading *l, const char *path)
{
	const char *name = strrchr(path, '/'), *example = NULL;
	Buf names;
	buf_init(&names, l->cx->arena);
	int n = 0;
	for (int i = 0; i < l->n_items; i++) {
		const Node *node = l->items[i].node;
		if (node->kind != N_DECL || node->decl->kind >= FN_MODEL) continue;
		if (n < 12) buf_printf(&names, "%s%s", n ? ", " : "", node->text);
		if (!example && node->decl->kind == FN_CELL && node->decl->n_inputs == 1 && node->decl->n_sizes == 1)
			example = node->text;
		n++;
	}
	name = name ? name + 1 : path;
	if (!n) fail(l->cx, "%s: has no model, nothing can be made of it: model NAME(inputs) -> outputs { ... }", path);
	fail(l->cx,
		"%s: has no model, only cells and functions (%s%s) for other files: there, use \"%s\" and "
		"model m(x[T, 8]) -> y[T, 16] { y = scan %s over x }",
		path, names.text, n > 12 ? " ..." : "", name,
		example ? arena_printf(l->cx->arena, "%s[16]", example) : "CELL[16]");
}

static const FnDecl *find_model(Ctx *cx, const Loading *l, const char *path, const char *wanted)
{
	const FnDecl *found = NULL;
	Buf names;
	buf_init(&names, cx->arena);
	int n = 0;
	for (int i = 0; i < l->n_items; i++) {
		const Node *node = l->items[i].node;
		if (node->kind != N_DECL || node->decl->kind != FN_MODEL) continue;
		buf_printf(&names, "%s%s", n++ ? ", " : "", node->text);
		if (!wanted || !strcmp(wanted, node->text)) found = node->decl;
	}
	if (!n) fail_without_model(l, path);
	if (!found) fail(cx, "%s: has no model %s; it has %s", path, wanted, names.text);
	if (n > 1 && !wanted) fail(cx, "%s: has several models, %s: choose one by %s:NAME", path, names.text, path);
	return found;
}

static void check_trains(Elab *e, const Loading *l, const FnDecl *d)
{
	for (int i = 0; i < l->n_items; i++) {
		const Node *node = l->items[i].node;
		if (node->kind != N_DECL || node->decl->kind != FN_TRAIN) continue;
		bool known = false;
		for (int k = 0; k < l->n_items && !known; k++)
			known = l->items[k].node->kind == N_DECL && l->items[k].node->decl->kind == FN_MODEL &&
				!strcmp(l->items[k].node->text, node->text);
		if (!known)
			fail_at(l->cx, (Span){l->items[i].src, node->decl->start, node->decl->end},
				"no model is called %s", node->text);
		if (!strcmp(node->text, d->name)) train_check(e, node->decl);
	}
}

const RnnModel *rnn_load(Ctx *cx, const char *path, const char *text, size_t size, const RnnOptions *o)
{
	Loading *l = NEW(cx->arena, Loading);
	l->cx = cx;
	l->paths[l->n_files++] = path;
	Source *src = NEW(cx->arena, Source);
	*src = (Source){path, text, size};
	load_source(l, path, src);
	const FnDecl *d = find_model(cx, l, path, o->model);
	RnnModel *model = NEW(cx->arena, RnnModel);
	Elab *e = bind_file(cx, l, o, false);
	model->name = d->name;
	model->graph = model_graph(e, d);
	model->n_params = e->model->n_params;
	model->params = e->model->params;
	check_trains(e, l, d);
	model->stream = model_graph(bind_file(cx, l, o, true), d);
	return model;
}
