/* layer_names.c: what PyTorch and Keras call the tensors of their layers, and how they lay them out.
 *
 * PyTorch (torch.nn, state_dict): PATH.weight_ih_l0 [gates*H, I], weight_hh_l0 [gates*H, H], bias_ih_l0, bias_hh_l0, then _l1
 * ..., backward ones _reverse; a cell alone has no _l0.  Gates: LSTM i f g o, GRU r z n, with r behind the product.
 * PATH.weight [out, in] and bias of Linear, PATH.weight of Embedding, PATH.weight [n] and bias of LayerNorm.
 *
 * Keras: PATH/kernel [I, gates*H], recurrent_kernel [H, gates*H], bias, with :0 or not; backward_NAME of Bidirectional;
 * NAME, NAME_1, NAME_2 as they were made.  Gates: LSTM i f c o, GRU z r h; bias [2, 3*H] where r is behind the product.
 * PATH/kernel [in, out] and bias of Dense, embeddings, gamma and beta of LayerNormalization.
 */
#include "frontend/weights/layer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	Ctx *cx;
	const WeightFile *file;
	int n;
	FileLayer *layers;
} Naming;

static bool starts(const char *text, const char *start) { return !strncmp(text, start, strlen(start)); }

static FileLayer *layer_of(Naming *names, const char *path, int layer, bool reversed)
{
	for (int i = 0; i < names->n; i++) {
		FileLayer *f = &names->layers[i];
		if (f->path == path && f->layer == layer && f->reversed == reversed) return f;
	}
	FileLayer *f = &names->layers[names->n++];
	const char *dot = strrchr(path, '.');
	*f = (FileLayer){
		.path = path, .name = dot ? dot + 1 : path, .stack = path, .layer = layer, .reversed = reversed};
	return f;
}

static const Tensor *matrix(const Naming *names, const char *name)
{
	const Tensor *t = name ? weight_find(names->file, name) : NULL;
	return t && t->rank == 2 ? t : NULL;
}

/* Those whose tensors are of no layer's form are left out: their tensors are then too many, and named. */
static int keep_known(Naming *names, bool (*finish)(const Naming *, FileLayer *))
{
	int n = 0;
	for (int i = 0; i < names->n; i++)
		if (finish(names, &names->layers[i])) names->layers[n++] = names->layers[i];
	return n;
}

static bool cell_kind(FileLayer *f, int64_t n_gates, const char *lstm, const char *gru)
{
	f->kind = n_gates == 4 ? LAYER_LSTM : n_gates == 3 ? LAYER_GRU : LAYER_RNN;
	f->gates = n_gates == 4 ? lstm : n_gates == 3 ? gru : NULL;
	return n_gates == 4 || n_gates == 3 || n_gates == 1;
}

/* ---- PyTorch ---- */

/* "_l3_reverse", or nothing. */
static bool parse_suffix(const char *suffix, int *layer, bool *reversed)
{
	*layer = 0;
	*reversed = false;
	if (!*suffix) return true;
	if (!starts(suffix, "_l") || !isdigit((unsigned char)suffix[2])) return false;
	char *end;
	const long number = strtol(suffix + 2, &end, 10);
	*layer = number < 1000000 ? (int)number : 1000000;
	*reversed = !strcmp(end, "_reverse");
	return !*end || *reversed;
}

static void add_pytorch(Naming *names, const char *name)
{
	static const char *const leaves[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
	const char *dot = strrchr(name, '.'), *leaf = dot ? dot + 1 : name;
	const char *path = intern(names->cx, dot ? arena_strn(names->cx->arena, name, (size_t)(dot - name)) : "");
	int layer;
	bool reversed;
	for (int i = 0; i < 4; i++) {
		if (!starts(leaf, leaves[i]) || !parse_suffix(leaf + strlen(leaves[i]), &layer, &reversed)) continue;
		FileLayer *f = layer_of(names, path, layer, reversed);
		if (i == 0) f->input = name;
		else if (i == 1) f->hidden = name;
		else f->biases[i - 2] = name;
	}
	if (!strcmp(leaf, "weight")) layer_of(names, path, -1, false)->input = name;
	if (!strcmp(leaf, "bias")) layer_of(names, path, -1, false)->biases[0] = name;
}

static bool finish_pytorch(const Naming *names, FileLayer *f)
{
	const Tensor *w = f->input ? weight_find(names->file, f->input) : NULL, *hidden = matrix(names, f->hidden);
	f->n_biases = (f->biases[0] != NULL) + (f->biases[1] != NULL);
	if (!w || w->rank < 1 || w->rank > 2) return false;
	f->n_out = w->dims[0];
	f->n_in = w->dims[w->rank - 1];
	if (f->layer < 0) {
		f->kind = w->rank == 1 ? LAYER_NORM : LAYER_LIN;
		f->may_embed = w->rank == 2 && !f->n_biases;
		return true;
	}
	if (w->rank != 2 || !hidden || f->n_biases == 1 || !hidden->dims[1] || hidden->dims[0] % hidden->dims[1])
		return false;
	f->n_out = hidden->dims[1];
	f->reset_after = true;
	return cell_kind(f, hidden->dims[0] / hidden->dims[1], "ifgo", "rzn");
}

int pytorch_layers(Ctx *cx, const WeightFile *file, const WeightMap *map, FileLayer *layers)
{
	Naming names = {.cx = cx, .file = file, .layers = layers};
	for (int i = 0; i < file->n; i++)
		if (!weight_map_uses(map, file->tensors[i].name)) add_pytorch(&names, file->tensors[i].name);
	return keep_known(&names, finish_pytorch);
}

/* ---- Keras ---- */

/* The parts of a name between slashes and points, without the leaf, and without what says the same again. */
typedef struct {
	const char *path, *leaf, *stack;
	int layer;
	bool reversed;
} KerasName;

/* lstm_2 -> lstm, and 2 */
static const char *without_number(Ctx *cx, const char *part, int *number)
{
	const char *bar = strrchr(part, '_');
	if (!bar || !isdigit((unsigned char)bar[1])) return part;
	char *end;
	const long value = strtol(bar + 1, &end, 10);
	if (*end || value > 1000000) return part;
	*number = (int)value;
	return arena_strn(cx->arena, part, (size_t)(bar - part));
}

static KerasName parse_keras(Ctx *cx, const char *name)
{
	KerasName k = {.leaf = ""};
	Buf path, stack;
	buf_init(&path, cx->arena);
	buf_init(&stack, cx->arena);
	buf_puts(&path, "");
	buf_puts(&stack, "");
	const size_t n = strlen(name);
	char *rest = arena_strn(cx->arena, name, n > 2 && !strcmp(name + n - 2, ":0") ? n - 2 : n);
	const char *last = "";
	for (const char *part; (part = strsep(&rest, "/."));) {
		if (!rest) {
			k.leaf = part;
			break;
		}
		if (strstr(part, "_cell") || !strcmp(part, last)) continue; /* lstm/lstm/lstm_cell_1 is lstm */
		last = part;
		buf_printf(&path, "%s%s", path.size ? "." : "", part);
		const bool backward = starts(part, "backward_");
		k.reversed |= backward;
		int number = -1;
		const char *bare = without_number(
			cx, backward || starts(part, "forward_") ? strchr(part, '_') + 1 : part, &number);
		if (number >= 0 && !k.layer) k.layer = number;
		buf_printf(&stack, "%s%s", stack.size ? "." : "", bare);
	}
	k.path = intern(cx, path.text);
	k.stack = stack.text;
	return k;
}

static void add_keras(Naming *names, const char *name)
{
	const KerasName k = parse_keras(names->cx, name);
	static const char *const leaves[] = {"kernel", "embeddings", "gamma", "recurrent_kernel", "bias", "beta"};
	int i = 0;
	while (i < 6 && strcmp(k.leaf, leaves[i])) i++;
	if (i == 6) return;
	FileLayer *f = layer_of(names, k.path, k.layer, k.reversed);
	f->stack = k.stack;
	f->kind = i == 1 ? LAYER_EMBED : i == 2 ? LAYER_NORM : f->kind;
	if (i < 3) f->input = name;
	else if (i == 3) f->hidden = name;
	else f->biases[0] = name;
}

static bool finish_keras(const Naming *names, FileLayer *f)
{
	const Tensor *w = f->input ? weight_find(names->file, f->input) : NULL, *hidden = matrix(names, f->hidden),
		     *bias = f->biases[0] ? weight_find(names->file, f->biases[0]) : NULL;
	if (!w || w->rank < 1 || w->rank > 2 || (f->hidden && (!hidden || w->rank != 2))) return false;
	f->n_biases = bias != NULL;
	f->n_out = w->dims[0];
	f->n_in = w->dims[w->rank - 1];
	if (f->kind == LAYER_EMBED) return w->rank == 2 && !bias;
	if (f->kind == LAYER_NORM) return w->rank == 1;
	f->transposed = true;
	f->n_in = w->dims[0];
	f->n_out = w->dims[w->rank - 1];
	if (!hidden) {
		f->kind = LAYER_LIN;
		return w->rank == 2;
	}
	if (!hidden->dims[0] || hidden->dims[1] % hidden->dims[0]) return false;
	f->n_out = hidden->dims[0];
	if (bias && bias->rank == 2) {
		if (bias->dims[0] != 2) return false;
		f->bias_rows = f->reset_after = true;
		f->n_biases = 2;
		f->biases[1] = f->biases[0];
	}
	return cell_kind(f, hidden->dims[1] / hidden->dims[0], "ifco", "zrh");
}

int keras_layers(Ctx *cx, const WeightFile *file, const WeightMap *map, FileLayer *layers)
{
	Naming names = {.cx = cx, .file = file, .layers = layers};
	for (int i = 0; i < file->n; i++)
		if (!weight_map_uses(map, file->tensors[i].name)) add_keras(&names, file->tensors[i].name);
	return keep_known(&names, finish_keras);
}
