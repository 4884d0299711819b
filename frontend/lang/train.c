/* train.c: `train` blocks, as far as the compiler goes: names, shapes and options are checked, nothing is run.
 *
 * A block sees every name of its model, and inputs of its own.  It assigns `loss`, a number, `opt`, an optimiser, and perhaps
 * `metric`.  A cell that the model uses has the same parameters here.
 */
#include "frontend/lang/model.h"

#include <string.h>

/* What a function takes: predictions [.., K] with classes [..]; two of one shape; classes with classes; scores [.., K] with classes
 * and a number; only scores or options. */
typedef enum { WITH_CLASSES, SAME_SHAPE, TOKENS, RANKED, OPTIONS } Takes;
static const struct TrainFn {
	const char *name;
	Takes takes;
	int min_args, max_args;
	const char *options; /* by name, numbers */
} functions[] = {
	{"accuracy", WITH_CLASSES, 2, 2, ""},
	{"adagrad", OPTIONS, 0, 0, "lr decay clip_norm clip_value weight_decay"},
	{"adam", OPTIONS, 0, 0, "lr beta1 beta2 eps clip_norm clip_value weight_decay"},
	{"auc", SAME_SHAPE, 2, 2, ""},
	{"bce", SAME_SHAPE, 2, 2, ""},
	{"bleu", TOKENS, 2, 2, ""},
	{"bpr_max", WITH_CLASSES, 2, 2, "reg"},
	{"ctc", TOKENS, 2, 2, "blank"},
	{"mae", SAME_SHAPE, 2, 2, ""},
	{"mrr", RANKED, 3, 3, ""},
	{"mse", SAME_SHAPE, 2, 2, ""},
	{"perplexity", WITH_CLASSES, 2, 2, ""},
	{"recall", RANKED, 3, 3, ""},
	{"ridge", OPTIONS, 0, 0, "lambda washout"},
	{"rmsprop", OPTIONS, 0, 0, "lr decay momentum eps clip_norm clip_value"},
	{"sgd", OPTIONS, 0, 0, "lr momentum nesterov decay clip_norm clip_value weight_decay average"},
	{"top1", WITH_CLASSES, 2, 2, "reg"},
	{"xent", WITH_CLASSES, 2, 2, "smoothing"},
};

static const struct TrainFn *find(const char *name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (!strcmp(functions[i].name, name)) return &functions[i];
	return NULL;
}

bool train_fn_has(const char *name) { return find(name) != NULL; }

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = words; (at = strstr(at, word)); at += n)
		if ((at == words || at[-1] == ' ') && (at[n] == 0 || at[n] == ' ')) return true;
	return false;
}

static int check_options(Elab *e, const ModelCall *c, const struct TrainFn *fn)
{
	int n = 0;
	for (int i = 0; i < c->n_args; i++) {
		if (!c->names[i]) {
			n++;
			continue;
		}
		if (!has_word(fn->options, c->names[i]))
			fail(e->cx, "%s has no option %s%s%s", c->name, c->names[i], *fn->options ? "; it has " : "",
				fn->options);
		if (c->args[i].kind != V_NUM)
			fail(e->cx, "%s = %s: a number was wanted", c->names[i], value_str_of(e, &c->args[i]));
	}
	return n;
}

/* Classes [..] stand beside scores [.., K]. */
static void check_classes(Elab *e, const ModelCall *c, const Value *scores, const Value *classes)
{
	Value s = model_float(e, scores, c->name),
	      k = model_integer(e, classes, arena_printf(e->cx->arena, "the classes of %s", c->name));
	bool fits = s.lay->n == k.lay->n + 1;
	for (int i = 0; fits && i < k.lay->n; i++)
		fits = axis_same(s.lay->axes[i], k.lay->axes[i]) || s.lay->axes[i]->generated;
	if (!fits)
		fail(e->cx, "%s wants scores with one more axis than the classes: %s and %s", c->name,
			layout_str(e, &s), layout_str(e, &k));
	int64_t n, m;
	if (k.classes && dim_is_int(k.classes, &m) && dim_is_int(s.lay->axes[s.lay->n - 1]->size, &n) && n < m)
		fail(e->cx, "%s: %lld scores for %lld classes", c->name, (long long)n, (long long)m);
}

Value train_fn_call(Elab *e, const ModelCall *c)
{
	const struct TrainFn *fn = find(c->name);
	if (!e->model->training) fail(e->cx, "%s belongs into a train block", c->name);
	if (c->n_sizes || c->n_states) fail(e->cx, "%s has neither sizes nor states", c->name);
	int n = check_options(e, c, fn);
	bool accuracy =
		fn->takes == WITH_CLASSES && n == 1 && !strcmp(c->name, "perplexity"); /* of the loss's own scores */
	if (!accuracy && (n < fn->min_args || n > fn->max_args))
		fail(e->cx, "%s takes %d operands, not %d", c->name, fn->min_args, n);
	switch (fn->takes) {
	case OPTIONS: return value_str("optimiser");
	case WITH_CLASSES:
		if (!accuracy) check_classes(e, c, &c->args[0], &c->args[1]);
		break;
	case RANKED:
		check_classes(e, c, &c->args[0], &c->args[1]);
		size_number(e, &c->args[2], "the rank");
		break;
	case SAME_SHAPE: {
		Value ab[2] = {model_float(e, &c->args[0], c->name), model_float(e, &c->args[1], c->name)};
		model_join(e, 2, ab);
		break;
	}
	case TOKENS: model_value(e, &c->args[0], c->name), model_value(e, &c->args[1], c->name); break;
	}
	Value zero = value_num(0);
	return model_float(e, &zero, c->name);
}

static void check_result(Elab *e, const char *name, const Value *v)
{
	if (!strcmp(name, "loss")) {
		Value loss = model_float(e, v, "the loss");
		for (int i = 0; i < loss.lay->n; i++)
			if (!axis_is(loss.lay->axes[i], 1))
				fail(e->cx, "the loss must be one number, this is %s", layout_str(e, &loss));
	}
	if (!strcmp(name, "opt") && (v->kind != V_STR || strcmp(v->str, "optimiser")))
		fail(e->cx, "opt must be an optimiser, such as adam(lr = 1e-3); this is %s", value_str_of(e, v));
}

/* One of the block's statements, in model_statement's care. */
bool train_statement(Elab *e, const Node *s)
{
	bool one = s->kind == N_ASSIGN && s->n_names == 1;
	if (!one || (strcmp(s->names[0], "loss") && strcmp(s->names[0], "opt") && strcmp(s->names[0], "metric")))
		return false;
	if (s->n > 1 && strcmp(s->names[0], "metric")) fail(e->cx, "%s is one value", s->names[0]);
	for (int i = 0; i < s->n; i++) {
		Value v = elab_expr(e, s->kids[i]);
		e->at = (Span){e->at.src, s->kids[i]->start, s->kids[i]->end};
		check_result(e, s->names[0], &v);
		if (i == 0) elab_bind(e, s->names[0], v);
	}
	return true;
}

void train_check(Elab *e, const FnDecl *d)
{
	ModelElab *m = e->model;
	const int n_params = m->n_params;
	m->training = true;
	model_enter(e, d);
	int n;
	Value results[MAX_RESULTS];
	if (elab_block(e, d->body, false, &n, results)) fail_at(e->cx, e->at, "a train block has no yield");
	static const char *const wanted[] = {"loss", "opt"};
	for (int i = 0; i < 2 && !m->report.n; i++)
		if (!frame_find(e->frame, wanted[i]))
			fail_at(e->cx, (Span){d->src, d->start, d->end}, "train %s does not assign %s", d->name,
				wanted[i]);
	e->frame = e->frame->outer;
	m->training = false;
	m->n_params = n_params;
	report_fail(e->cx, &m->report);
}
