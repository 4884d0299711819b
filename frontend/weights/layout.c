/* layout.c: PyTorch's and Keras' layers as parameters of a model: gate orders, transposition, two biases or one.
 *
 * Both sides are sorted into layers: those of the file by the names that the framework gives (layer_names.c), those of the
 * model by its parameters: what lies under one path, and what the statement assigns that they stand in, for that has the
 * order of gates.  Recognised are
 *
 *     LSTM   i, f, g, o = split(lin[4*H](x, h), 4)     in any order; g may have another name
 *     GRU    z, r = split(sigm(lin[2*H](x, h)), 2)     in any order; z may be u; and as the only others in the cell
 *            n = tanh(lin[H](x) + r*lin[H](h))         r after the product (PyTorch, Keras), or
 *            n = tanh(lin[H](x, r*h))                  r before it (Keras' reset_after = False)
 *     RNN    h' = f(lin[H](x, h))                      and nothing else in the cell
 *     lin    any other: y = lin[n](a, b) is one layer of the file, cut by columns
 *     embed, norm
 *
 * The input is the first operand, the state the second.  A layer of the file is a layer of the model where the names say so,
 * else where kind, direction, and order or shape leave one choice.  What is left over has no rule, and assign.c says so.
 */
#include "frontend/weights/layer.h"

#include <string.h>

/* ---- the layers of a model ---- */

typedef struct {
	const char *path, *up, *name; /* "dec.hs.i", "dec.hs", "i" */
	int n_params, n_weights;
	const Param *weights[MAX_LIN_WEIGHTS], *bias;
	const Param *table, *gain; /* with gain, bias is the norm's */
	const char *letters;       /* "ifgo": what its statement assigns, where these are single letters; else "" */
	bool other;                /* has parameters of its own, too */
	bool taken;
} Place;

typedef struct {
	LayerKind kind;
	Place *gates;
	Place *candidate, *of_state; /* of a GRU; of_state: what r acts behind, NULL where it acts before */
	const char *path;
	bool taken;
} ModelLayer;

typedef struct {
	Ctx *cx;
	WeightMap *map;
	const char *framework;
	int n_places, n_layers, n_file;
	Place *places;
	ModelLayer *layers;
	FileLayer *file;
} Matching;

static const char *dir_of(Ctx *cx, const char *path)
{
	const char *dot = strrchr(path, '.');
	return intern(cx, dot ? arena_strn(cx->arena, path, (size_t)(dot - path)) : "");
}

static const char *last_of(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot ? dot + 1 : path;
}

static Place *place_of(Matching *m, const char *path)
{
	for (int i = 0; i < m->n_places; i++)
		if (m->places[i].path == path) return &m->places[i];
	Place *p = &m->places[m->n_places++];
	*p = (Place){.path = path, .up = dir_of(m->cx, path), .name = last_of(path)};
	return p;
}

static const char *letters_of(Ctx *cx, const Param *p)
{
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "");
	for (const char *c = p->assigned; *c; c += c[1] ? 2 : 1) {
		if (c[1] && c[1] != ' ') return "";
		buf_write(&b, c, 1);
	}
	return b.text;
}

static void add_param(Matching *m, const Param *p)
{
	Place *place = place_of(m, dir_of(m->cx, p->name));
	const char *leaf = last_of(p->name);
	place->n_params++;
	place->letters = letters_of(m->cx, p);
	if (leaf[0] == 'W' && leaf[1] == '0' + place->n_weights && !leaf[2] && place->n_weights < MAX_LIN_WEIGHTS &&
		p->rank == 2)
		place->weights[place->n_weights++] = p;
	else if ((!strcmp(leaf, "b") || !strcmp(leaf, "bias")) && p->rank == 1) place->bias = p;
	else if (!strcmp(leaf, "E") && p->rank == 2) place->table = p;
	else if (!strcmp(leaf, "gain") && p->rank == 1) place->gain = p;
	else place->other = true;
}

static bool is_linear(const Place *p, int n_weights)
{
	return !p->taken && !p->other && !p->table && !p->gain &&
		(n_weights ? p->n_weights == n_weights : p->n_weights > 0);
}

static bool has_letters(const char *name, const char *letters)
{
	for (; *letters; letters++)
		if (!strchr(name, *letters)) return false;
	return true;
}

/* The other places of a cell, at most two. */
static int others(Matching *m, const Place *place, Place *found[2])
{
	int n = 0;
	for (int i = 0; i < m->n_places; i++) {
		Place *p = &m->places[i];
		if (p == place || p->up != place->up) continue;
		if (n < 2) found[n] = p;
		n++;
	}
	return n;
}

/* n_2, of n: the second lin of a statement */
static bool is_second(Ctx *cx, const Place *first, const Place *second)
{
	return !strcmp(second->name, arena_printf(cx->arena, "%s_2", first->name));
}

static bool find_candidate(Matching *m, ModelLayer *l)
{
	Place *found[2];
	const int n = others(m, l->gates, found);
	if (n == 1 && is_linear(found[0], 2)) {
		l->candidate = found[0];
		return true;
	}
	if (n != 2 || !is_linear(found[0], 1) || !is_linear(found[1], 1)) return false;
	const bool turned = is_second(m->cx, found[1], found[0]);
	l->candidate = found[turned];
	l->of_state = found[!turned];
	return turned || is_second(m->cx, found[0], found[1]);
}

/* A cell, by the parameters of its gates. */
static bool find_cell(Matching *m, Place *p, ModelLayer *l)
{
	if (!is_linear(p, 2) || !*p->up) return false;
	Place *found[2];
	const int64_t rows = p->weights[1]->dims[0], hidden = p->weights[1]->dims[1];
	const size_t n = strlen(p->letters);
	*l = (ModelLayer){.gates = p, .path = p->up};
	if (n == 4 && has_letters(p->letters, "ifo") && rows == 4 * hidden) l->kind = LAYER_LSTM;
	else if (n == 2 && strchr(p->letters, 'r') && strpbrk(p->letters, "zu") && rows == 2 * hidden &&
		find_candidate(m, l))
		l->kind = LAYER_GRU;
	else if (n == 1 && rows == hidden && others(m, p, found) == 0) l->kind = LAYER_RNN;
	else return false;
	return true;
}

static bool find_layer(Place *p, ModelLayer *l)
{
	*l = (ModelLayer){.gates = p, .path = p->path};
	if (p->taken || p->other) return false;
	if (p->table && p->n_params == 1) l->kind = LAYER_EMBED;
	else if (p->gain && p->bias && p->n_params == 2) l->kind = LAYER_NORM;
	else if (is_linear(p, 0)) l->kind = LAYER_LIN;
	else return false;
	return true;
}

static void find_layers(Matching *m)
{
	for (int i = 0; i < m->n_places; i++) {
		ModelLayer *l = &m->layers[m->n_layers];
		if (!find_cell(m, &m->places[i], l)) continue;
		l->gates->taken = true;
		if (l->candidate) l->candidate->taken = true;
		if (l->of_state) l->of_state->taken = true;
		m->n_layers++;
	}
	for (int i = 0; i < m->n_places; i++)
		if (find_layer(&m->places[i], &m->layers[m->n_layers])) m->n_layers++;
}

/* ---- rules ---- */

static WeightRule *rule_for(Matching *m, const Param *p)
{
	WeightRule *rule = weight_map_add(m->cx, m->map);
	*rule = (WeightRule){.param = p->name, .at = m->framework};
	return rule;
}

static WeightTerm *add_term(WeightRule *rule, const char *tensor)
{
	WeightTerm *term = &rule->terms[rule->n_terms++];
	*term = (WeightTerm){.tensor = tensor};
	return term;
}

static void add_step(WeightTerm *term, WeightStep step) { term->steps[term->n_steps++] = step; }

static void add_gates(WeightTerm *term, const char *from, const char *to)
{
	if (from && to && strcmp(from, to)) add_step(term, (WeightStep){.kind = TERM_GATES, .from = from, .to = to});
}

static void weight_rule(Matching *m, const Param *p, const FileLayer *f, const char *tensor, const char *to)
{
	WeightTerm *term = add_term(rule_for(m, p), tensor);
	if (f->transposed) add_step(term, (WeightStep){.kind = TERM_TRANSPOSE});
	add_gates(term, f->gates, to);
}

/* row: of a bias [2, ...], -1: the sum of what there is. */
static void bias_rule(Matching *m, const Param *p, const FileLayer *f, int row, const char *to)
{
	WeightRule *rule = rule_for(m, p);
	if (!f->n_biases) {
		rule->kind = RULE_ZEROS; /* bias = False */
		return;
	}
	for (int i = row < 0 ? 0 : row; i < f->n_biases && (row < 0 || i == row); i++) {
		WeightTerm *term = add_term(rule, f->biases[i]);
		if (f->bias_rows) add_step(term, (WeightStep){.kind = TERM_ROW, .k = i});
		add_gates(term, f->gates, to);
	}
}

/* The model's letters in the words of the framework: the one that is none of `known` is `other`. */
static const char *in_words(Ctx *cx, const char *name, const char *known, char other)
{
	char *words = arena_strn(cx->arena, name, strlen(name));
	for (char *c = words; *c; c++)
		if (!strchr(known, *c)) *c = other;
	return words;
}

static void cell_rules(Matching *m, const ModelLayer *l, const FileLayer *f)
{
	const char *to = NULL;
	if (l->kind == LAYER_LSTM) to = in_words(m->cx, l->gates->letters, "ifo", strchr(f->gates, 'g') ? 'g' : 'c');
	if (l->kind == LAYER_GRU) to = in_words(m->cx, l->gates->letters, "r", 'z');
	const Place *g = l->gates, *n = l->candidate, *of_state = l->of_state;
	weight_rule(m, g->weights[0], f, f->input, to);
	weight_rule(m, g->weights[1], f, f->hidden, to);
	if (g->bias) bias_rule(m, g->bias, f, -1, to);
	if (!n) return;
	if (f->reset_after != (of_state != NULL))
		fail(m->cx, "%s: r of GRU '%s' acts %s the product with the state, that of '%s' in the model %s it",
			m->framework, f->path, f->reset_after ? "after" : "before", l->path,
			of_state ? "after" : "before");
	const char *last = strchr(f->gates, 'n') ? "n" : "h";
	weight_rule(m, n->weights[0], f, f->input, last);
	weight_rule(m, of_state ? of_state->weights[0] : n->weights[1], f, f->hidden, last);
	if (n->bias) bias_rule(m, n->bias, f, of_state && of_state->bias ? 0 : -1, last);
	if (of_state && of_state->bias) bias_rule(m, of_state->bias, f, 1, last);
}

static void lin_rules(Matching *m, const ModelLayer *l, const FileLayer *f)
{
	const Place *p = l->gates;
	int64_t at = 0;
	for (int i = 0; i < p->n_weights; i++) {
		weight_rule(m, p->weights[i], f, f->input, NULL);
		const int64_t n = p->weights[i]->dims[1];
		WeightRule *rule = &m->map->rules[m->map->n - 1];
		if (p->n_weights > 1)
			add_step(&rule->terms[0], (WeightStep){.kind = TERM_COLUMNS, .k = at, .n = at + n});
		at += n;
	}
	if (p->bias) bias_rule(m, p->bias, f, -1, NULL);
}

static void add_rules(Matching *m, ModelLayer *l, FileLayer *f)
{
	l->taken = f->taken = true;
	switch (l->kind) {
	case LAYER_LSTM:
	case LAYER_GRU:
	case LAYER_RNN: cell_rules(m, l, f); break;
	case LAYER_LIN: lin_rules(m, l, f); break;
	case LAYER_EMBED: add_term(rule_for(m, l->gates->table), f->input); break;
	case LAYER_NORM:
		add_term(rule_for(m, l->gates->gain), f->input);
		bias_rule(m, l->gates->bias, f, -1, NULL);
		break;
	}
}

/* ---- which is which ---- */

static bool is_cell(LayerKind kind) { return kind == LAYER_LSTM || kind == LAYER_GRU || kind == LAYER_RNN; }

static bool fits(const ModelLayer *l, const FileLayer *f)
{
	const Place *p = l->gates;
	if (l->taken || f->taken || (l->kind != f->kind && !(l->kind == LAYER_EMBED && f->may_embed))) return false;
	if (is_cell(l->kind))
		return p->weights[0]->reversed == f->reversed && p->weights[0]->dims[1] == f->n_in &&
			p->weights[1]->dims[1] == f->n_out;
	if (l->kind == LAYER_EMBED) return p->table->dims[0] == f->n_out && p->table->dims[1] == f->n_in;
	if (l->kind == LAYER_NORM) return p->gain->dims[0] == f->n_out;
	int64_t n_in = 0;
	for (int i = 0; i < p->n_weights; i++) n_in += p->weights[i]->dims[1];
	return n_in == f->n_in && p->weights[0]->dims[0] == f->n_out && (p->bias || !f->n_biases);
}

static bool same_name(const ModelLayer *l, const FileLayer *f)
{
	return *f->name && (!strcmp(f->path, l->path) || !strcmp(f->name, last_of(l->path)));
}

static void match_names(Matching *m)
{
	for (int i = 0; i < m->n_layers; i++) {
		FileLayer *found = NULL;
		int n = 0;
		for (int k = 0; k < m->n_file; k++)
			if (same_name(&m->layers[i], &m->file[k]) && fits(&m->layers[i], &m->file[k])) {
				found = &m->file[k];
				n++;
			}
		if (n == 1) add_rules(m, &m->layers[i], found);
	}
}

/* Layers of one stack, which the file numbers, against the model's in the order in which it uses them. */
static void match_stack(Matching *m, LayerKind kind, bool reversed)
{
	ModelLayer **ours = NEWN(m->cx->arena, ModelLayer *, m->n_layers + 1);
	FileLayer **theirs = NEWN(m->cx->arena, FileLayer *, m->n_file + 1);
	int n_ours = 0, n_theirs = 0;
	for (int i = 0; i < m->n_layers; i++) {
		ModelLayer *l = &m->layers[i];
		if (!l->taken && l->kind == kind && l->gates->weights[0]->reversed == reversed) ours[n_ours++] = l;
	}
	for (int k = 0; k < m->n_file; k++) {
		FileLayer *f = &m->file[k];
		if (f->taken || f->kind != kind || f->reversed != reversed) continue;
		if (n_theirs && strcmp(f->stack, theirs[0]->stack))
			return; /* several stacks: names would have to tell */
		int at = n_theirs++;
		for (; at && theirs[at - 1]->layer > f->layer; at--) theirs[at] = theirs[at - 1];
		theirs[at] = f;
	}
	if (n_ours != n_theirs) return;
	for (int i = 0; i < n_ours; i++)
		if (!fits(ours[i], theirs[i])) return;
	for (int i = 0; i < n_ours; i++) add_rules(m, ours[i], theirs[i]);
}

/* One that fits one only, which fits no other. */
static void match_shapes(Matching *m)
{
	for (bool again = true; again;) {
		again = false;
		for (int i = 0; i < m->n_layers; i++) {
			ModelLayer *l = &m->layers[i];
			FileLayer *found = NULL;
			int n = 0, n_back = 0;
			for (int k = 0; k < m->n_file; k++)
				if (fits(l, &m->file[k])) {
					found = &m->file[k];
					n++;
				}
			for (int k = 0; n == 1 && k < m->n_layers; k++) n_back += fits(&m->layers[k], found);
			if (n_back != 1) continue;
			add_rules(m, l, found);
			again = true;
		}
	}
}

void weight_layout(
	Ctx *cx, WeightMap *map, WeightLayout layout, int n_params, const Param *params, const WeightFile *file)
{
	if (layout == LAYOUT_RNNCC) return;
	Matching m = {.cx = cx, .map = map};
	m.framework = layout == LAYOUT_PYTORCH ? "PyTorch's layout" : "Keras' layout";
	m.file = NEWN(cx->arena, FileLayer, file->n + 1);
	m.n_file =
		layout == LAYOUT_PYTORCH ? pytorch_layers(cx, file, map, m.file) : keras_layers(cx, file, map, m.file);
	m.places = NEWN(cx->arena, Place, n_params + 1);
	m.layers = NEWN(cx->arena, ModelLayer, n_params + 1);
	for (int i = 0; i < n_params; i++)
		if (!weight_map_find(map, params[i].name)) add_param(&m, &params[i]);
	find_layers(&m);
	match_names(&m);
	for (int kind = LAYER_LSTM; kind <= LAYER_RNN; kind++)
		for (int reversed = 0; reversed < 2; reversed++) match_stack(&m, (LayerKind)kind, reversed);
	match_shapes(&m);
}
