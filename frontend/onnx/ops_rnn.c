/* ops_rnn.c: RNN, GRU and LSTM: a scan whose body is a cell of the operator library (frontend/ops/cells.rnn).
 *
 * A reverse direction is a reverse scan, both directions are two scans and a concat, layout 1 is a permute.  Sequence
 * lengths hold the state and give 0 from step `len` on:  h' = select(t < len, cell, h),  y = select(t < len, h', 0);  a
 * reverse scan meets those steps first and holds the initial state, which is what ONNX means.  (ONNX Runtime gives zeros as
 * Y_h of a sequence of length 0; here it is the initial state, as the text has it.)
 *
 * DynamicQuantizeLSTM, which ONNX Runtime's quantize_dynamic() makes of an LSTM, has its weights as 8-bit integers and
 * transposed.  X is quantised once, by the range of all its steps that any sequence has, so that the scan walks over X W;  h is
 * quantised at every step, by its range over the batch.  (Where sequences differ in length, ONNX Runtime's range leaves out those
 * that it no longer runs, and aligns those that run backwards by their ends: results differ by roundings.)
 */
#include "frontend/lang/lang.h"
#include "frontend/onnx/quant.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { MAX_ACTIVATIONS = 3, MAX_STATES = 2, MAX_WEIGHTS = 7 };

typedef struct {
	const char *cell;
	int n_gates, n_states, n_activations;
	const char *activation_attrs[MAX_ACTIVATIONS]; /* of the cell */
	const char *defaults[MAX_ACTIVATIONS];
	bool quantized; /* W and R are 8-bit integers, transposed, with scales and zero points */
} Kind;
static const Kind rnn = {"rnn_cell", 1, 1, 1, {"f"}, {"Tanh"}, false};
static const Kind gru = {"gru_cell", 3, 1, 2, {"f", "g"}, {"Sigmoid", "Tanh"}, false};
static const Kind lstm = {"lstm_cell", 4, 2, 3, {"f", "g", "out"}, {"Sigmoid", "Tanh", "Tanh"}, false};
static const Kind quantized_lstm = {"lstm_of_sums", 4, 2, 3, {"f", "g", "out"}, {"Sigmoid", "Tanh", "Tanh"}, true};

/* One node, with its operands in layout 0. */
typedef struct {
	Node *n;
	const Kind *kind;
	const Dim *steps, *batch, *input, *hidden;
	int n_directions;
	const Val *x, *w, *r, *b, *lengths, *init[MAX_STATES], *peephole; /* NULL: omitted */
	const Val *w_scale, *r_scale;                                     /* of quantized weights */
	LibAttr attrs[MAX_ACTIVATIONS + 2];
	int n_attrs;
} Rnn;

/* -------------------------------------------------------------------------------------------------- activations */

/* ONNX's activations, what they take from activation_alpha and activation_beta, and its defaults. */
static const struct {
	const char *onnx, *name;
	bool has_alpha, has_beta;
	double alpha, beta;
} activations[] = {
	{"Relu", "relu", false, false, 0, 0},
	{"Tanh", "tanh", false, false, 0, 0},
	{"Sigmoid", "sigmoid", false, false, 0, 0},
	{"Softsign", "softsign", false, false, 0, 0},
	{"Softplus", "softplus", false, false, 0, 0},
	{"Affine", "affine", true, true, 1, 0},
	{"LeakyRelu", "leaky_relu", true, false, 0.01, 0},
	{"ThresholdedRelu", "thresholded_relu", true, false, 1, 0},
	{"ScaledTanh", "scaled_tanh", true, true, 1, 1},
	{"HardSigmoid", "hard_sigmoid", true, true, 0.2, 0.5},
	{"Elu", "elu", true, false, 1, 0},
};
enum { N_ACTIVATIONS = sizeof activations / sizeof *activations };

/* The values of activation_alpha or _beta: each activation that takes one takes the next, or its default. */
typedef struct {
	const char *attr;
	const double *values;
	int n, next, n_takers;
} Scales;

static double scale(Scales *s, double default_value)
{
	s->n_takers++;
	return s->next < s->n ? s->values[s->next++] : default_value;
}

static Scales scales(const Node *n, const char *attr)
{
	Scales s = {.attr = attr};
	s.n = node_floats(n, attr, &s.values);
	if (s.n < 0) s.n = 0;
	return s;
}

static void all_taken(const Node *n, const Scales *s)
{
	if (s->n_takers && s->next < s->n)
		node_fail(n, "attribute %s: %d values, but the activations take only %d", s->attr, s->n, s->next);
}

static LibAttr activation(const Node *n, const char *attr, const char *name, Scales *alpha, Scales *beta)
{
	for (int i = 0; i < N_ACTIVATIONS; i++) {
		if (strcasecmp(activations[i].onnx, name) != 0) continue;
		LibAttr *bound = NEWN(n->cx->arena, LibAttr, 2);
		int n_bound = 0;
		if (activations[i].has_alpha)
			bound[n_bound++] = (LibAttr){.name = "alpha", .num = scale(alpha, activations[i].alpha)};
		if (activations[i].has_beta)
			bound[n_bound++] = (LibAttr){.name = "beta", .num = scale(beta, activations[i].beta)};
		return (LibAttr){
			.name = attr, .kind = LIB_FN, .str = activations[i].name, .n = n_bound, .bound = bound};
	}
	node_fail(n, "attribute activations: %s is not supported", onnx_quote(n->cx, name));
}

/* Per direction: the cell's attributes. */
static void read_attributes(Rnn *r, Rnn *directions)
{
	const Node *n = r->n;
	const Kind *kind = r->kind;
	const char *const *names;
	int n_wanted = kind->n_activations * r->n_directions, n_names = node_strs(n, "activations", &names);
	if (n_names >= 0 && n_names != n_wanted)
		node_fail(n, "attribute activations: %d wanted, %d seen", n_wanted, n_names);
	Scales alpha = scales(n, "activation_alpha"), beta = scales(n, "activation_beta");
	double clip = node_float(n, "clip", 0);
	if (node_has(n, "clip") && !(clip > 0)) node_fail(n, "attribute clip: a positive number wanted, %g seen", clip);
	for (int d = 0; d < r->n_directions; d++) {
		directions[d] = *r;
		LibAttr *attrs = directions[d].attrs;
		int k = 0;
		for (; k < kind->n_activations; k++)
			attrs[k] = activation(n, kind->activation_attrs[k],
				n_names < 0 ? kind->defaults[k] : names[d * kind->n_activations + k], &alpha, &beta);
		if (node_has(n, "clip")) attrs[k++] = (LibAttr){.name = "clip", .num = clip};
		if (kind->n_states == 2 && node_int(n, "input_forget", 0))
			attrs[k++] = (LibAttr){.name = "input_forget", .num = 1};
		if (kind == &gru && node_int(n, "linear_before_reset", 0))
			attrs[k++] = (LibAttr){.name = "linear_before_reset", .num = 1};
		directions[d].n_attrs = k;
	}
	all_taken(n, &alpha);
	all_taken(n, &beta);
}

/* -------------------------------------------------------------------------------------------------- operands */

static void want_type(const Rnn *r, const Val *v, const char *what, Elem elem, int rank, Dims dims)
{
	Ctx *cx = r->n->cx;
	const Type *wanted = type_new(cx, elem, rank, dims), *seen = v->type;
	if (seen == wanted) return;
	if (seen->rank != rank || seen->elem != wanted->elem)
		node_fail(r->n, "input %s: %s wanted, %s seen", what, type_str(cx, wanted), type_str(cx, seen));
	for (int i = 0; i < rank; i++)
		node_same_dim(r->n, dims[i], seen->dims[i],
			arena_printf(cx->arena, "input %s: %s wanted, %s seen", what, type_str(cx, wanted),
				type_str(cx, seen)));
}

static void want_shape(const Rnn *r, const Val *v, const char *what, int rank, Dims dims)
{
	want_type(r, v, what, r->x->type->elem, rank, dims);
}

static const Val *swap_first(Ctx *cx, const Val *v) { return b_permute(cx, v, (const int[]){1, 0, 2}); }

/* Weights [D, K, G*H] of 8 bits, with scales and zero points of each direction, or of each of its columns: made what
 * dynamic_product() takes. */
static const Val *read_quantized_weights(const Rnn *r, const Val *w, const char *what, const Dim *depth,
	const Dim *directions, const Dim *gates, int at, const Val **scale)
{
	const Node *n = r->n;
	Ctx *cx = n->cx;
	if (!elem_is_int(w->type->elem) || elem_info[w->type->elem].size != 1)
		node_fail(n, "input %s: integers of 8 bits wanted, %s seen", what, type_str(cx, w->type));
	want_type(r, w, what, w->type->elem, 3, (const Dim *[]){directions, depth, gates});
	const char *of_scale = arena_printf(cx->arena, "%s_scale", what),
		   *of_zero = arena_printf(cx->arena, "%s_zero_point", what);
	const Val *zero = node_in(n, at + 1, of_zero);
	*scale = node_in(n, at, of_scale);
	const Dim *columns[] = {directions, gates};
	want_type(r, *scale, of_scale, F32, (*scale)->type->rank == 1 ? 1 : 2, columns);
	want_type(r, zero, of_zero, w->type->elem, zero->type->rank == 1 ? 1 : 2, columns);
	if (zero->type->rank == 1) zero = b_unsqueeze(cx, zero, 1);
	return dynamic_weights(n, w, b_unsqueeze(cx, zero, 1));
}

static void read_operands(Rnn *r, bool batch_first)
{
	const Node *n = r->n;
	Ctx *cx = n->cx;
	r->x = node_in(n, 0, "X"), r->w = node_in(n, 1, "W"), r->r = node_in(n, 2, "R");
	const Type *x = r->x->type;
	if (x->rank != 3 || !elem_is_float(x->elem))
		node_fail(n, "input X: floats of 3 dims wanted, %s seen", type_str(cx, x));
	if (batch_first) r->x = swap_first(cx, r->x);
	x = r->x->type;
	r->steps = x->dims[0], r->batch = x->dims[1], r->input = x->dims[2];
	if (r->r->type->rank != 3) node_fail(n, "input R: 3 dims wanted, %s seen", type_str(cx, r->r->type));
	r->hidden = r->r->type->dims[r->kind->quantized ? 1 : 2];
	int64_t hidden_size = node_int(n, "hidden_size", -1);
	if (node_has(n, "hidden_size") && !dim_is(r->hidden, hidden_size))
		node_fail(n, "attribute hidden_size is %lld, but R is %s", (long long)hidden_size,
			type_str(cx, r->r->type));
	const Dim *directions = dim_int(cx, r->n_directions),
		  *gates = dim_mul(cx, dim_int(cx, r->kind->n_gates), r->hidden);
	if (r->kind->quantized) {
		if (x->elem != F32) node_fail(n, "input X: f32 wanted, %s seen", type_str(cx, x));
		r->w = read_quantized_weights(r, r->w, "W", r->input, directions, gates, 8, &r->w_scale);
		r->r = read_quantized_weights(r, r->r, "R", r->hidden, directions, gates, 10, &r->r_scale);
	} else {
		want_shape(r, r->w, "W", 3, (const Dim *[]){directions, gates, r->input});
		want_shape(r, r->r, "R", 3, (const Dim *[]){directions, gates, r->hidden});
	}
	r->b = node_opt(n, 3);
	if (r->b) want_shape(r, r->b, "B", 2, (const Dim *[]){directions, dim_mul(cx, dim_int(cx, 2), gates)});
	r->lengths = node_opt(n, 4);
	if (r->lengths) {
		const Type *t = r->lengths->type;
		if (t->rank != 1 || !elem_is_int(t->elem))
			node_fail(n, "input sequence_lens: an integer for each sequence wanted, %s seen",
				type_str(cx, t));
		node_same_dim(n, r->batch, t->dims[0], "sequence_lens and the batch of X");
	}
	for (int s = 0; s < r->kind->n_states; s++) {
		r->init[s] = node_opt(n, 5 + s);
		if (!r->init[s]) continue;
		const char *what = s ? "initial_c" : "initial_h";
		if (batch_first && r->init[s]->type->rank == 3) r->init[s] = swap_first(cx, r->init[s]);
		want_shape(r, r->init[s], what, 3, (const Dim *[]){directions, r->batch, r->hidden});
	}
	r->peephole = r->kind->n_states == 2 ? node_opt(n, 7) : NULL;
	if (r->peephole)
		want_shape(r, r->peephole, "P", 2, (const Dim *[]){directions, dim_mul(cx, dim_int(cx, 3), r->hidden)});
}

/* -------------------------------------------------------------------------------------------------- one direction */

/* v[d], and of that the part-th block of `size` along the first dim. */
static const Val *of_direction(Ctx *cx, const Val *v, int d)
{
	return b_squeeze(cx, b_slice(cx, v, 0, dim_int(cx, d), dim_int(cx, 1), 1), 0);
}

static const Val *block(Ctx *cx, const Val *v, int part, const Dim *size)
{
	return b_slice(cx, v, 0, dim_mul(cx, dim_int(cx, part), size), size, 1);
}

/* Part i of the biases, of the input's sums or of the state's; NULL: omitted. */
static const Val *bias_of(const Rnn *r, int d, int i)
{
	Ctx *cx = r->n->cx;
	return r->b ? block(cx, of_direction(cx, r->b, d), i, dim_mul(cx, dim_int(cx, r->kind->n_gates), r->hidden))
		    : NULL;
}

enum { WEIGHTS, SCALE, OF_CELL }; /* the first weights of quantized_lstm's body; the cell's own follow */

/* The weights that the body reads, the cell's in its order after the states; NULL: omitted. */
static void weights(const Rnn *r, int d, const Val *out[MAX_WEIGHTS])
{
	Ctx *cx = r->n->cx;
	const Val *p = r->peephole ? of_direction(cx, r->peephole, d) : NULL;
	if (r->kind->quantized) {
		out[WEIGHTS] = of_direction(cx, r->r, d);
		out[SCALE] = of_direction(cx, r->r_scale, d);
	} else {
		out[0] = of_direction(cx, r->w, d);
		out[1] = of_direction(cx, r->r, d);
		for (int i = 0; i < 2; i++) out[2 + i] = bias_of(r, d, i);
	}
	int at = r->kind->quantized ? OF_CELL : 4;
	for (int i = 0; i < 3; i++) out[at++] = p ? block(cx, p, i, r->hidden) : NULL;
	while (at < MAX_WEIGHTS) out[at++] = NULL;
}

/* X W and both biases for all steps [T, B, G*H].  Where sequences end early, the steps that none has are not in the range of X. */
static const Val *quantized_input_sums(const Rnn *r, int d)
{
	Ctx *cx = r->n->cx;
	const Val *x = r->x;
	if (r->lengths) {
		const Val *longest = b_reduce(cx, "max", b_cast(cx, r->lengths, I64), 1, (int[]){0}, false),
			  *runs = binary(cx, OP_EW_lt, index_along(cx, x->type->rank, x->type->dims, 0), longest);
		x = b_select(cx, b_expand(cx, runs, x->type->rank, x->type->dims), x,
			b_zeros(cx, F32, x->type->rank, x->type->dims));
	}
	x = dynamic_product(r->n, x, of_direction(cx, r->w, d), of_direction(cx, r->w_scale, d));
	for (int i = 0; i < 2; i++)
		if (r->b) x = binary(cx, OP_EW_add, x, bias_of(r, d, i));
	return x;
}

/* select(t < len, new, old) over a batch [B, H]. */
static const Val *while_running(Ctx *cx, const Val *runs, const Val *new, const Val *old)
{
	const Val *column = b_unsqueeze(cx, runs, 1);
	return b_select(cx, b_expand(cx, column, new->type->rank, new->type->dims), new, old);
}

/* The body: (weights.., [lengths], states.., x, [t]) -> (states'.., y); params[i] is what stands at i. */
static const Graph *make_body(const Rnn *r, int n_params, const Val *const *params, const Val *const w[MAX_WEIGHTS])
{
	Ctx *cx = r->n->cx;
	int n_states = r->kind->n_states, at = 0;
	const Val *args[1 + MAX_STATES + MAX_WEIGHTS], *results[MAX_STATES + 1];
	const char *names[MAX_WEIGHTS + MAX_STATES + 3];
	static const char *const weight_names[2][MAX_WEIGHTS] = {
		{"W", "R", "bw", "br", "pi", "po", "pf"}, {"R", "R_scale", "pi", "po", "pf"}};
	for (int i = 0; i < MAX_WEIGHTS; i++) {
		args[1 + n_states + i] = w[i] ? params[at] : NULL;
		if (w[i]) names[at++] = weight_names[r->kind->quantized][i];
	}
	const Val *lengths = r->lengths ? params[at] : NULL;
	if (lengths) names[at++] = "lengths";
	const Val *const *old = params + at;
	for (int s = 0; s < n_states; s++) {
		names[at] = s ? "c" : "h";
		args[1 + s] = params[at++];
	}
	names[at] = "x";
	args[0] = params[at++];
	if (lengths) names[at++] = "t";
	int n_args = 1 + n_states + (r->kind == &lstm ? MAX_WEIGHTS : 4);
	if (r->kind->quantized) { /* (u, c, pi, po, pf) */
		const Val *const *of = args + 1 + n_states, *h = args[1];
		args[0] = binary(cx, OP_EW_add, args[0], dynamic_product(r->n, h, of[WEIGHTS], of[SCALE]));
		args[1] = args[2];
		for (int i = 0; i < 3; i++) args[2 + i] = of[OF_CELL + i];
		n_args = 5;
	}
	lib_call(cx, r->kind->cell, n_args, args, r->n_attrs, r->attrs, n_states, results);
	const Val *y = results[0];
	if (lengths) {
		const Val *t = b_expand(cx, params[at - 1], 1, lengths->type->dims),
			  *runs = b_ew2(cx, OP_EW_lt, t, lengths);
		y = while_running(cx, runs, y, b_zeros(cx, y->type->elem, y->type->rank, y->type->dims));
		for (int s = 0; s < n_states; s++) results[s] = while_running(cx, runs, results[s], old[s]);
	}
	results[n_states] = y;
	return graph_new(cx, r->kind->cell, n_params, params, names, n_states + 1, results,
		n_states == 2 ? (const char *[]){"h'", "c'", "y"} : (const char *[]){"h'", "y"});
}

/* Gives y[T, B, H] and the final states [B, H]. */
static void run_direction(const Rnn *r, int d, bool reverse, const Val **y, const Val **states)
{
	Ctx *cx = r->n->cx;
	const Val *w[MAX_WEIGHTS], *args[MAX_WEIGHTS + MAX_STATES + 3], *params[MAX_WEIGHTS + MAX_STATES + 3];
	int n = 0, n_states = r->kind->n_states;
	weights(r, d, w);
	for (int i = 0; i < MAX_WEIGHTS; i++)
		if (w[i]) args[n++] = w[i];
	if (r->lengths) args[n++] = b_cast(cx, r->lengths, I64);
	int n_consts = n;
	for (int s = 0; s < n_states; s++)
		args[n++] = r->init[s] ? of_direction(cx, r->init[s], d)
				       : b_zeros(cx, r->x->type->elem, 2, (const Dim *[]){r->batch, r->hidden});
	args[n++] = r->kind->quantized ? quantized_input_sums(r, d) : r->x;
	if (r->lengths) args[n++] = b_iota(cx, I64, 1, &r->steps, 0);
	for (int i = 0; i < n; i++) {
		const Type *t = args[i]->type;
		params[i] =
			val_param(cx, i, i < n_consts + n_states ? t : type_new(cx, t->elem, t->rank - 1, t->dims + 1));
	}
	const Graph *body = make_body(r, n, params, w);
	const Val *tuple = b_scan(cx, body, n_consts, n_states, n, args, r->steps, reverse);
	for (int s = 0; s < n_states; s++) states[s] = val_get(cx, tuple, s);
	*y = val_get(cx, tuple, n_states);
}

/* -------------------------------------------------------------------------------------------------- the node */

static void import_recurrent(Node *n, const Kind *kind, const Val **out)
{
	Ctx *cx = n->cx;
	const char *direction = node_str(n, "direction", "forward");
	bool both = strcmp(direction, "bidirectional") == 0, reverse = strcmp(direction, "reverse") == 0;
	if (!both && !reverse && strcmp(direction, "forward") != 0)
		node_fail(n, "attribute direction: forward, reverse or bidirectional wanted, %s seen",
			onnx_quote(cx, direction));
	int64_t layout = node_int(n, "layout", 0);
	if (layout != 0 && layout != 1) node_fail(n, "attribute layout: 0 or 1 wanted, %lld seen", (long long)layout);
	Rnn r = {.n = n, .kind = kind, .n_directions = both ? 2 : 1}, directions[2];
	read_operands(&r, layout == 1);
	read_attributes(&r, directions);

	const Val *y[2], *states[2][MAX_STATES], *parts[2];
	for (int d = 0; d < r.n_directions; d++) {
		run_direction(&directions[d], d, both ? d == 1 : reverse, &y[d], states[d]);
		y[d] = b_unsqueeze(cx, y[d], 1);
	}
	/* Y[T, D, B, H], or [B, T, D, H] with layout 1 */
	if (n->n_out > 0) {
		out[0] = both ? b_concat(cx, 2, y, 1) : y[0];
		if (layout == 1) out[0] = b_permute(cx, out[0], (const int[]){2, 0, 1, 3});
	}
	for (int s = 0; s + 1 < n->n_out; s++) { /* Y_h, Y_c[D, B, H], or [B, D, H] */
		for (int d = 0; d < r.n_directions; d++) parts[d] = b_unsqueeze(cx, states[d][s], 0);
		out[1 + s] = both ? b_concat(cx, 2, parts, 0) : parts[0];
		if (layout == 1) out[1 + s] = swap_first(cx, out[1 + s]);
	}
}

static void import_rnn(Node *n, const Val **out) { import_recurrent(n, &rnn, out); }
static void import_gru(Node *n, const Val **out) { import_recurrent(n, &gru, out); }
static void import_lstm(Node *n, const Val **out) { import_recurrent(n, &lstm, out); }
static void import_quantized_lstm(Node *n, const Val **out) { import_recurrent(n, &quantized_lstm, out); }

/* output_sequence said whether Y is wanted before omitted outputs did; those who ask for Y get it. */
#define COMMON "activations activation_alpha activation_beta clip direction hidden_size"
const Importer onnx_ops_rnn[] = {
	{"", "RNN", 1, 6, COMMON " output_sequence", 3, 6, 2, import_rnn},
	{"", "RNN", 7, 13, COMMON, 3, 6, 2, import_rnn},
	{"", "RNN", 14, 0, COMMON " layout", 3, 6, 2, import_rnn},
	{"", "GRU", 1, 2, COMMON " output_sequence", 3, 6, 2, import_gru},
	{"", "GRU", 3, 6, COMMON " output_sequence linear_before_reset", 3, 6, 2, import_gru},
	{"", "GRU", 7, 13, COMMON " linear_before_reset", 3, 6, 2, import_gru},
	{"", "GRU", 14, 0, COMMON " linear_before_reset layout", 3, 6, 2, import_gru},
	{"", "LSTM", 1, 6, COMMON " input_forget output_sequence", 3, 8, 3, import_lstm},
	{"", "LSTM", 7, 13, COMMON " input_forget", 3, 8, 3, import_lstm},
	{"", "LSTM", 14, 0, COMMON " input_forget layout", 3, 8, 3, import_lstm},
	{"com.microsoft", "DynamicQuantizeLSTM", 1, 0, COMMON " input_forget", 12, 12, 3, import_quantized_lstm},
	{.op = NULL},
};
