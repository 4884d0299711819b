/* provide.c: a .rnn model with the weights of a file: elaborated once to learn its parameters, and again with their values. */
#include "frontend/weights/files.h"
#include "runtime/file.h"

#include <string.h>

bool weight_layout_parse(const char *text, WeightLayout *layout)
{
	static const char *const names[] = {"rnncc", "pytorch", "keras"};
	for (int i = 0; i < 3; i++)
		if (!strcmp(text, names[i])) {
			*layout = (WeightLayout)i;
			return true;
		}
	return false;
}

static const Tensor *zeros(void *user, Ctx *cx, const Param *p)
{
	(void)user;
	return tensor_new(cx->arena, F32, p->rank, p->dims);
}

typedef struct {
	const RnnModel *known;
	const Tensor **values;
} Given;

static const Tensor *given(void *user, Ctx *cx, const Param *p)
{
	(void)cx;
	const Given *g = user;
	for (int i = 0; i < g->known->n_params; i++)
		if (!strcmp(g->known->params[i].name, p->name)) return g->values[i];
	return NULL;
}

static WeightMap read_map(Ctx *cx, const char *path)
{
	WeightMap map = {0};
	if (!path) return map;
	size_t size;
	const char *text = file_read(cx, path, &size);
	if (strlen(text) != size) fail(cx, "%s: is not a text", path);
	weight_map_parse(cx, &map, path, text);
	return map;
}

const RnnModel *weights_load_rnn(Ctx *cx, const char *path, const char *text, size_t size, const RnnOptions *options,
	const WeightChoice *choice, const char *const **from)
{
	RnnOptions o = *options;
	if (!choice->file) {
		if (choice->map || choice->layout)
			fail(cx, "%s: a map or layout of weights, but no file of them", path);
		const RnnModel *model = rnn_load(cx, path, text, size, &o);
		const char **inits = NEWN(cx->arena, const char *, model->n_params + 1);
		for (int i = 0; i < model->n_params; i++)
			inits[i] = init_text(cx, model->params[i].n_inits, model->params[i].inits);
		*from = inits;
		return model;
	}
	o.source = zeros;
	const RnnModel *model = rnn_load(cx, path, text, size, &o);
	const WeightFile file = weight_file_read(cx, choice->file);
	WeightMap map = read_map(cx, choice->map);
	weight_layout(cx, &map, choice->layout, model->n_params, model->params, &file);
	Given all = {model, weights_assign(cx, model->n_params, model->params, &file, &map)};
	const char **sources = NEWN(cx->arena, const char *, model->n_params + 1);
	for (int i = 0; i < model->n_params; i++) {
		const Param *p = &model->params[i];
		const WeightRule *rule = weight_map_find(&map, p->name);
		sources[i] = !rule                  ? p->name
			: rule->kind == RULE_RANDOM ? init_text(cx, p->n_inits, p->inits)
						    : weight_rule_text(cx, rule);
	}
	*from = sources;
	o.source = given;
	o.user = &all;
	return rnn_load(cx, path, text, size, &o);
}
