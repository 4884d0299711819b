/* rnn_model.h: recurrent ONNX models made in memory, and what they are to compute, in float64 from the text of the ONNX
 * specification.
 *
 * One cell has one set of weights for each direction: a forward and a reverse model may share one, and a bidirectional
 * model has both.  Weights are initialisers; X, sequence_lens and the initial states are inputs, T and B symbols.
 */
#ifndef TESTS_UNIT_RNN_MODEL_H
#define TESTS_UNIT_RNN_MODEL_H

#include "compiled.h"
#include "frontend/onnx/import.h"
#include "onnx_writer.h"

enum { RNN_I = 5, RNN_H = 19, RNN_MAX_GATES = 4, RNN_MAX_STATES = 2 }; /* a SIMD width and a rest, all odd */

typedef struct {
	const char *name, *op;
	int n_gates, n_states;
	bool peephole, input_forget, linear_before_reset;
} Cell;
static const Cell cells[] = {
	{"rnn", "RNN", 1, 1, false, false, false},
	{"lstm", "LSTM", 4, 2, false, false, false},
	{"lstm_peephole", "LSTM", 4, 2, true, false, false},
	{"lstm_coupled", "LSTM", 4, 2, true, true, false},
	{"gru", "GRU", 3, 1, false, false, false},
	{"gru_linear", "GRU", 3, 1, false, false, true},
};
enum { N_CELLS = sizeof cells / sizeof *cells };

typedef struct {
	float w[RNN_MAX_GATES * RNN_H * RNN_I], r[RNN_MAX_GATES * RNN_H * RNN_H], b[2 * RNN_MAX_GATES * RNN_H],
		p[3 * RNN_H];
} Weights;

static inline void fill_weights(float *at, int n, uint64_t *seed)
{
	for (int i = 0; i < n; i++) at[i] = (float)((int)(random_next(seed) >> 40 & 255) - 128) / 256.0f;
}

/* Of one direction. */
static inline Weights cell_weights(const Cell *cell, int direction)
{
	Weights w;
	uint64_t seed = 1000 * (uint64_t)(cell - cells) + (uint64_t)direction;
	fill_weights(w.w, RNN_MAX_GATES * RNN_H * RNN_I, &seed);
	fill_weights(w.r, RNN_MAX_GATES * RNN_H * RNN_H, &seed);
	fill_weights(w.b, 2 * RNN_MAX_GATES * RNN_H, &seed);
	fill_weights(w.p, 3 * RNN_H, &seed);
	return w;
}

/* ---- the float64 model ---- */

static inline double logistic(double a) { return 1 / (1 + exp(-a)); }

static inline double weighted_sum(int n, const float *w, const double *x)
{
	double sum = 0;
	for (int i = 0; i < n; i++) sum += (double)w[i] * x[i];
	return sum;
}

/* One step of one sequence.  Gates in ONNX's order: LSTM iofc, peepholes iof, GRU zrh. */
static inline void reference_step(const Cell *cell, const Weights *w, const double *x, double *h, double *c)
{
	enum { H = RNN_H };
	double a[RNN_MAX_GATES][H], u[RNN_MAX_GATES][H], rh[H], old[H];
	for (int g = 0; g < cell->n_gates; g++)
		for (int n = 0; n < H; n++) {
			a[g][n] = weighted_sum(RNN_I, w->w + (g * H + n) * RNN_I, x) + (double)w->b[g * H + n];
			u[g][n] =
				weighted_sum(H, w->r + (g * H + n) * H, h) + (double)w->b[(cell->n_gates + g) * H + n];
		}
	for (int n = 0; n < H; n++) {
		old[n] = h[n];
		if (cell->n_gates == 3) rh[n] = logistic(a[1][n] + u[1][n]) * h[n];
	}
	for (int n = 0; n < H; n++) {
		if (cell->n_gates == 1) h[n] = tanh(a[0][n] + u[0][n]);
		if (cell->n_gates == 3) {
			const double z = logistic(a[0][n] + u[0][n]), r = logistic(a[1][n] + u[1][n]);
			const double before = weighted_sum(H, w->r + (2 * H + n) * H, rh) + (double)w->b[5 * H + n];
			h[n] = (1 - z) * tanh(a[2][n] + (cell->linear_before_reset ? r * u[2][n] : before)) +
				z * old[n];
		}
		if (cell->n_gates == 4) {
			const double pi = cell->peephole ? (double)w->p[n] : 0,
				     po = cell->peephole ? (double)w->p[H + n] : 0;
			const double pf = cell->peephole ? (double)w->p[2 * H + n] : 0;
			const double i = logistic(a[0][n] + u[0][n] + pi * c[n]);
			const double f = cell->input_forget ? 1 - i : logistic(a[2][n] + u[2][n] + pf * c[n]);
			c[n] = f * c[n] + i * tanh(a[3][n] + u[3][n]);
			h[n] = logistic(a[1][n] + u[1][n] + po * c[n]) * tanh(c[n]);
		}
	}
}

/* ---- the ONNX model ---- */

typedef enum { FORWARD, REVERSE, BIDIRECTIONAL } Direction;
static const char *const direction_names[] = {"forward", "reverse", "bidirectional"};
typedef enum { INIT_INPUT, INIT_ZERO, INIT_CONSTANT } Init;

typedef struct {
	const Cell *cell;
	Direction direction;
	int weights; /* which set a model of one direction has */
	int layout;
	bool lengths;
	Init init; /* the initial states */
	int batch; /* 0: the symbol B */
} RnnSpec;

static inline float initial_constant(int state, int n) { return (float)((n * 7 + state * 3) % 11 - 5) / 8.0f; }

/* part: w r b p; an initialiser [directions, rows, columns], columns 0: [directions, rows]. */
static inline void put_weights(Ctx *cx, Buf *g, const RnnSpec *s, const char *name, size_t part, int rows, int columns)
{
	const int n = s->direction == BIDIRECTIONAL ? 2 : 1, count = rows * (columns ? columns : 1);
	float *all = NEWN(cx->arena, float, n *count);
	for (int d = 0; d < n; d++) {
		const Weights w = cell_weights(s->cell, n == 2 ? d : s->weights);
		memcpy(all + d * count, (const char *)&w + part, sizeof *all * (size_t)count);
	}
	put_message(g, 5,
		tensor(cx, name, FLOAT, columns ? 3 : 2, (int64_t[]){n, rows, columns}, all,
			sizeof *all * (size_t)(n * count)));
}

static inline void put_initial_states(Ctx *cx, Buf *g, const RnnSpec *s, const char *batch)
{
	static const char *const names[] = {"initial_h", "initial_c"};
	const int n = s->direction == BIDIRECTIONAL ? 2 : 1;
	const char *directions = n == 2 ? "2" : "1";
	for (int k = 0; k < s->cell->n_states; k++) {
		if (s->init == INIT_INPUT)
			put_input(cx, g, names[k], FLOAT,
				arena_printf(cx->arena, "%s %s %d", s->layout ? batch : directions,
					s->layout ? directions : batch, RNN_H));
		if (s->init != INIT_CONSTANT) continue;
		const int count = n * s->batch * RNN_H;
		float *all = NEWN(cx->arena, float, count);
		for (int i = 0; i < count; i++) all[i] = initial_constant(k, i);
		const int64_t dims[] = {s->layout ? s->batch : n, s->layout ? n : s->batch, RNN_H};
		put_message(g, 5, tensor(cx, names[k], FLOAT, 3, dims, all, sizeof *all * (size_t)count));
	}
}

static inline const Graph *rnn_import(Ctx *cx, const RnnSpec *s)
{
	const Cell *cell = s->cell;
	const char *batch = s->batch ? arena_printf(cx->arena, "%d", s->batch) : "B";
	Buf g = message(cx);
	Buf n = node(cx, cell->op,
		arena_printf(cx->arena, "X W R bias %s %s %s %s", s->lengths ? "lengths" : "-",
			s->init == INIT_ZERO ? "-" : "initial_h",
			s->init == INIT_ZERO || cell->n_states < 2 ? "-" : "initial_c", cell->peephole ? "P" : "-"),
		cell->n_states == 2 ? "Y Y_h Y_c" : "Y Y_h");
	put_attr_int(cx, &n, "hidden_size", RNN_H);
	put_attr_str(cx, &n, "direction", direction_names[s->direction]);
	if (s->layout) put_attr_int(cx, &n, "layout", s->layout);
	if (cell->input_forget) put_attr_int(cx, &n, "input_forget", 1);
	if (cell->linear_before_reset) put_attr_int(cx, &n, "linear_before_reset", 1);
	put_message(&g, 1, n);
	put_input(cx, &g, "X", FLOAT, arena_printf(cx->arena, s->layout ? "%s T %d" : "T %s %d", batch, RNN_I));
	if (s->lengths) put_input(cx, &g, "lengths", INT32, batch);
	put_initial_states(cx, &g, s, batch);
	put_weights(cx, &g, s, "W", offsetof(Weights, w), cell->n_gates * RNN_H, RNN_I);
	put_weights(cx, &g, s, "R", offsetof(Weights, r), cell->n_gates * RNN_H, RNN_H);
	put_weights(cx, &g, s, "bias", offsetof(Weights, b), 2 * cell->n_gates * RNN_H, 0);
	if (cell->peephole) put_weights(cx, &g, s, "P", offsetof(Weights, p), 3 * RNN_H, 0);
	static const char *const outputs[] = {"Y", "Y_h", "Y_c"};
	for (int i = 0; i <= cell->n_states; i++) put_output(cx, &g, outputs[i]);
	const Buf m = model(cx, g, 14);
	return onnx_import(cx, onnx_read_memory(cx, m.text, m.size, NULL), NULL);
}

#endif
