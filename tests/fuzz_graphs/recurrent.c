/* recurrent.c: a random graph of what the passes over time are for: layers of cells upon each other and both ways, batches of
 * sequences of several lengths, softmaxes, norms, attention and sums over all steps between them.
 *
 * Weights keep the states small, so that a difference is no chaos.
 */
#include "fuzz_graphs.h"

enum { MAX_SEQUENCES = 24, MAX_ENDS = 24, MAX_ARGS = 16 };

typedef struct {
	Ctx *cx;
	uint64_t *seed;
	const Dim *T, *B;
	bool causal;      /* needs no future: there is a stream */
	int64_t sizes[2]; /* of units: few, so that layers fit each other */
	int n_params;
	const Val *params[40];
	const Val *lengths; /* i32[B]; NULL: no layer asked for them yet */
	int n, n_ends;
	const Val *sequences[MAX_SEQUENCES]; /* f32[T, B, size] */
	const Val *ends[MAX_ENDS];           /* f32[B, size] */
} Model;

typedef struct {
	Model *m;
	int n;
	const Val *args[MAX_ARGS], *params[MAX_ARGS];
} Body;

static int pick(Model *m, int n) { return (int)(random_next(m->seed) % (uint64_t)n); }
static bool chance(Model *m, int percent) { return pick(m, 100) < percent; }
static const Dim *number(Model *m, int64_t n) { return dim_int(m->cx, n); }
static int64_t units_of(const Val *v)
{
	int64_t n = 0;
	dim_is_int(v->type->dims[v->type->rank - 1], &n);
	return n;
}

static const Type *type_of(Model *m, int rank, const Dim *a, const Dim *b, const Dim *c)
{
	return type_new(m->cx, F32, rank, (const Dim *[]){a, b, c});
}

static const Val *input(Model *m, const Type *t)
{
	const Val *v = m->params[m->n_params] = val_param(m->cx, m->n_params, t);
	m->n_params++;
	return v;
}

/* Numbers with all bits of a float, of a size that makes the results of a product as large as its operand. */
static const Val *floats(Model *m, Elem elem, int rank, const int64_t *dims, double most)
{
	Tensor *t = tensor_new(m->cx->arena, elem, rank, dims);
	for (int64_t i = 0; i < t->count; i++)
		tensor_set(t, i, ((double)(random_next(m->seed) >> 11) / 0x1p52 - 1) * most);
	return val_const(m->cx, t);
}

/* Some are stored narrow, in a float type or as bytes with a scale a column. */
static const Val *weights(Model *m, int rank, int64_t rows, int64_t columns)
{
	static const Elem elems[] = {I8, U8, F16, BF16};
	const int64_t dims[] = {rows, columns};
	const Elem elem = chance(m, 90) ? F32 : elems[pick(m, 4)];
	const double most = rank == 2 ? 1.5 / sqrt((double)rows) : 0.5;
	if (elem_is_float(elem)) return b_cast(m->cx, floats(m, elem, rank, dims, most), F32);
	Tensor *t = tensor_new(m->cx->arena, elem, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set_int(t, i, pick(m, 256) - (elem == I8 ? 128 : 0));
	const Val *x = b_cast(m->cx, val_const(m->cx, t), F32),
		  *scales = floats(m, F32, 1, dims + rank - 1, most / 128);
	return b_ew2(m->cx, OP_EW_mul, elem == I8 ? x : b_ew2(m->cx, OP_EW_sub, x, b_scalar(m->cx, F32, 128)), scales);
}

static const Val *ew1(Model *m, Op op, const Val *x) { return b_ew1(m->cx, op, x); }
static const Val *ew2(Model *m, Op op, const Val *x, const Val *y) { return b_ew2(m->cx, op, x, y); }
static const Val *scalar(Model *m, double x) { return b_scalar(m->cx, F32, x); }

static const Val *part_of(Model *m, const Val *x, int64_t n, int which)
{
	return b_slice(m->cx, x, x->type->rank - 1, number(m, n * which), number(m, n), 1);
}

/* x less its mean over an axis, over its deviation. */
static const Val *norm(Model *m, const Val *x, int axis)
{
	const double n = (double)units_of(x);
	const Val *mean = ew2(m, OP_EW_div, b_reduce(m->cx, "sum", x, 1, &axis, true), scalar(m, n)),
		  *d = ew2(m, OP_EW_sub, x, mean), *v = b_reduce(m->cx, "sum", ew2(m, OP_EW_mul, d, d), 1, &axis, true);
	v = ew2(m, OP_EW_add, ew2(m, OP_EW_div, v, scalar(m, n)), scalar(m, 0.5));
	return ew2(m, OP_EW_div, d, ew1(m, OP_EW_sqrt, v));
}

static const Val *softmax(Model *m, const Val *x, int axis)
{
	const Val *e = ew1(m, OP_EW_exp, ew2(m, OP_EW_sub, x, b_reduce(m->cx, "max", x, 1, &axis, true)));
	return ew2(m, OP_EW_div, e, b_reduce(m->cx, "sum", e, 1, &axis, true));
}

/* ---- bodies ---- */

static const Val *body_param(Body *b, const Val *arg, const Type *t)
{
	b->args[b->n] = arg;
	b->params[b->n] = val_param(b->m->cx, b->n, t);
	return b->params[b->n++];
}

static const Val *body_const(Body *b, const Val *arg) { return body_param(b, arg, arg->type); }

static const Val *body_x(Body *b, const Val *arg)
{
	return body_param(b, arg, type_new(b->m->cx, arg->type->elem, arg->type->rank - 1, arg->type->dims + 1));
}

static const Graph *body_graph(Body *b, int n, const Val *const *results)
{
	static const char *const names[] = {
		"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "n", "o", "p", "q"};
	return graph_new(b->m->cx, "body", b->n, b->params, names, n, results, names);
}

/* h through a product and a tanh, as often as `count` says, which a step's input may give, or a known number of times: a loop in
 * a step. */
static const Val *refine(Model *m, const Val *h, const Val *R, const Val *count)
{
	Ctx *cx = m->cx;
	Body in = {.m = m};
	const bool counts = chance(m, 40);
	const Val *args[4];
	int n = 0;
	if (counts) {
		args[n++] = chance(m, 70) ? count : b_scalar_int(cx, I64, pick(m, 4));
		args[n++] = b_scalar_int(cx, BOOL, 1);
		body_const(&in, b_scalar_int(cx, I64, 0));
	}
	const Val *W = body_const(&in, R), *s = body_const(&in, h);
	args[n++] = R, args[n++] = h;
	const Val *next = ew1(m, OP_EW_tanh, ew2(m, OP_EW_add, b_contract(cx, "bh,hg->bg", s, W), s));
	if (!counts) {
		const Graph *body = body_graph(&in, 1, &next);
		return val_get(cx, b_scan(cx, body, 1, 1, n, args, number(m, 1 + pick(m, 3)), false), 0);
	}
	const Val *results[] = {
		val_new(cx, OP_EW_lt, 2, (const Val *[]){in.params[0], b_scalar_int(cx, I64, 2)}, NULL), next};
	return val_get(cx, b_loop(cx, body_graph(&in, 2, results), 1, 1, n, args, number(m, 4)), 1);
}

/* One of two formulas, by a flag of the step. */
static const Val *either(Model *m, const Val *flag, const Val *h, const Val *u)
{
	const Graph *bodies[2];
	for (int i = 0; i < 2; i++) {
		Body in = {.m = m};
		const Val *a = body_const(&in, h), *b = body_const(&in, u);
		const Val *y = i ? ew2(m, OP_EW_mul, a, ew1(m, OP_EW_sigmoid, b))
				 : ew1(m, OP_EW_tanh, ew2(m, OP_EW_sub, a, b));
		bodies[i] = body_graph(&in, 1, &y);
	}
	return val_get(m->cx, b_cond(m->cx, flag, bodies[0], bodies[1], 2, (const Val *[]){h, u}), 0);
}

/* ---- layers ---- */

typedef enum { RNN, LSTM, GRU, LINEAR, NORMED, LOOKING, REFINED, BRANCHING, N_CELLS } Cell;

/* The new states, h first.  flag: of this step, what `either` or `refine` goes by. */
static void cell_step(Body *b, Cell cell, int64_t n, const Val *x, const Val *flag, const Val *W, const Val *R,
	const Val *bias, const Val *memory, const Val *h, const Val **c)
{
	Model *m = b->m;
	Ctx *cx = m->cx;
	const Val *u = ew2(m, OP_EW_add, b_contract(cx, "bi,ig->bg", x, W), bias),
		  *v = b_contract(cx, "bh,hg->bg", h, R);
	const Val *sum = ew2(m, OP_EW_add, u, v);
	switch (cell) {
	case LSTM: {
		const Val *i = ew1(m, OP_EW_sigmoid, part_of(m, sum, n, 0)),
			  *f = ew1(m, OP_EW_sigmoid, part_of(m, sum, n, 1)),
			  *o = ew1(m, OP_EW_sigmoid, part_of(m, sum, n, 2)),
			  *g = ew1(m, OP_EW_tanh, part_of(m, sum, n, 3));
		c[1] = ew2(m, OP_EW_add, ew2(m, OP_EW_mul, f, c[1]), ew2(m, OP_EW_mul, i, g));
		c[0] = ew2(m, OP_EW_mul, o, ew1(m, OP_EW_tanh, c[1]));
		return;
	}
	case GRU: {
		const Val *z = ew1(m, OP_EW_sigmoid, part_of(m, sum, n, 0)),
			  *r = ew1(m, OP_EW_sigmoid, part_of(m, sum, n, 1)), *g;
		if (chance(m, 50)) g = ew2(m, OP_EW_mul, r, part_of(m, v, n, 2));
		else g = b_contract(cx, "bh,hg->bg", ew2(m, OP_EW_mul, r, h), part_of(m, R, n, 2));
		g = ew1(m, OP_EW_tanh, ew2(m, OP_EW_add, part_of(m, u, n, 2), g));
		c[0] = ew2(m, OP_EW_add, ew2(m, OP_EW_mul, z, h),
			ew2(m, OP_EW_mul, ew2(m, OP_EW_sub, scalar(m, 1), z), g));
		return;
	}
	case LINEAR: {
		const Val *z = ew1(m, OP_EW_sigmoid, part_of(m, u, n, 0));
		c[0] = ew2(m, OP_EW_add, ew2(m, OP_EW_mul, z, h), part_of(m, u, n, 1));
		c[0] = ew2(m, OP_EW_mul, c[0], scalar(m, 0.75));
		return;
	}
	case NORMED: c[0] = ew1(m, OP_EW_tanh, norm(m, sum, 1)); return;
	case LOOKING: {
		const Val *p = softmax(m, b_contract(cx, "bh,mh->bm", h, memory), 1);
		c[0] = ew1(m, OP_EW_tanh, ew2(m, OP_EW_add, u, b_contract(cx, "bm,mh->bh", p, memory)));
		return;
	}
	case REFINED: c[0] = refine(m, ew1(m, OP_EW_tanh, sum), R, flag); return;
	case BRANCHING: c[0] = either(m, flag, h, u); return;
	default: c[0] = ew1(m, chance(m, 50) ? OP_EW_tanh : OP_EW_sigmoid, sum); return;
	}
}

static const Val *initial(Model *m, const Type *t)
{
	if (m->n_params < 30 && chance(m, 20)) return input(m, t);
	int64_t units = 0;
	dim_is_int(t->dims[1], &units);
	if (m->causal && chance(m, 30)) return b_expand(m->cx, weights(m, 1, units, 0), 2, t->dims);
	for (int i = m->n_ends - 1; i >= 0 && !m->causal; i--)
		if (m->ends[i]->type == t && chance(m, 30)) return m->ends[i];
	return b_zeros(m->cx, F32, t->rank, t->dims);
}

static const Val *layer(Model *m, const Val *x, int64_t n, bool reverse)
{
	Ctx *cx = m->cx;
	const Cell cell = (Cell)pick(m, chance(m, 60) ? 3 : N_CELLS);
	const int n_gates = cell == LSTM ? 4
		: cell == GRU            ? 3
		: cell == LINEAR         ? 2
					 : 1,
		  n_states = cell == LSTM ? 2 : 1;
	const bool ragged = !m->causal && chance(m, 25);
	const Type *state = type_of(m, 2, m->B, number(m, n), NULL);
	Body b = {.m = m};
	const int64_t wide = n * n_gates;
	const Val *W = weights(m, 2, units_of(x), wide);
	if (m->n_params < 30 && chance(m, 10)) W = input(m, W->type);
	const Val *bW = body_const(&b, W), *bR = body_const(&b, weights(m, 2, n, wide)),
		  *bb = body_const(&b, weights(m, 1, wide, 0)), *memory = body_const(&b, weights(m, 2, 5, n)),
		  *lengths = NULL, *step = NULL, *flag = NULL;
	if (ragged) {
		if (!m->lengths) {
			m->lengths = input(m, type_new(cx, I32, 1, &m->B));
			if (chance(m, 70))
				m->lengths = b_ew2(cx, OP_EW_mul, m->lengths, b_scalar_int(cx, I32, 1 + pick(m, 9)));
		}
		lengths = body_const(&b, m->lengths);
	}
	const int n_consts = b.n;
	const Val *now[2], *next[2];
	for (int i = 0; i < n_states; i++) now[i] = next[i] = body_const(&b, initial(m, state));
	const Val *x_t = body_x(&b, x);
	if (ragged) step = body_x(&b, b_iota(cx, I32, 1, &m->T, 0));
	if (cell == BRANCHING || cell == REFINED) {
		const Elem elem = cell == BRANCHING ? BOOL : I64;
		const Type *t = type_new(cx, elem, 1, &m->T);
		flag = body_x(&b, m->n_params < 30 ? input(m, t) : b_fill(cx, b_scalar_int(cx, elem, 1), 1, &m->T));
	}
	cell_step(&b, cell, n, x_t, flag, bW, bR, bb, memory, now[0], next);
	const Val *y = chance(m, 85) ? next[0] : ew2(m, OP_EW_add, next[0], now[0]);
	if (ragged) {
		const Val *in_time = b_ew2(cx, OP_EW_lt, step, lengths);
		in_time = b_expand(cx, b_unsqueeze(cx, in_time, 1), 2, state->dims);
		for (int i = 0; i < n_states; i++) next[i] = b_select(cx, in_time, next[i], now[i]);
		y = b_select(cx, in_time, y, b_zeros(cx, F32, 2, state->dims));
	}
	const Val *results[3] = {next[0], next[1], y};
	if (n_states == 1) results[1] = y;
	const Val *s =
		b_scan(cx, body_graph(&b, n_states + 1, results), n_consts, n_states, b.n, b.args, m->T, reverse);
	for (int i = 0; i < n_states && m->n_ends < MAX_ENDS; i++) m->ends[m->n_ends++] = val_get(cx, s, i);
	return val_get(cx, s, n_states);
}

/* ---- what is between them ---- */

static int64_t some_size(Model *m) { return m->sizes[pick(m, 2)]; }

/* Each step's rows by all others', of one example. */
static const Val *attention(Model *m, const Val *x)
{
	const Val *scores = ew2(m, OP_EW_mul, b_contract(m->cx, "tbi,sbi->bts", x, x), scalar(m, 0.25));
	return b_contract(m->cx, "bts,sbi->tbi", softmax(m, scores, 2), x);
}

static const Val *shifted(Model *m, const Val *x)
{
	Ctx *cx = m->cx;
	const Dim *zero = number(m, 0), *one = number(m, 1), *none[] = {zero, zero, zero}, *first[] = {one, zero, zero};
	const bool later = m->causal || chance(m, 50);
	x = b_pad(cx, x, later ? first : none, later ? none : first, scalar(m, 0.5));
	return b_slice(cx, x, 0, later ? zero : one, m->T, 1);
}

static const Val *between(Model *m, const Val *x)
{
	static const Op maps[] = {OP_EW_tanh, OP_EW_sigmoid, OP_EW_abs, OP_EW_neg};
	Ctx *cx = m->cx;
	const Val *other = m->sequences[pick(m, m->n)];
	switch (pick(m, m->causal ? 7 : 11)) {
	case 0: return b_contract(cx, "tbi,ij->tbj", x, weights(m, 2, units_of(x), some_size(m)));
	case 1: return ew1(m, maps[pick(m, 4)], x);
	case 2: return softmax(m, x, m->causal || chance(m, 70) ? 2 : pick(m, 2));
	case 3: return norm(m, x, 2);
	case 4: return other->type == x->type ? ew2(m, chance(m, 70) ? OP_EW_add : OP_EW_mul, x, other) : NULL;
	case 5: return units_of(x) + units_of(other) < 80 ? b_concat(cx, 2, (const Val *[]){x, other}, 2) : NULL;
	case 6: return shifted(m, x);
	case 7: return attention(m, x);
	case 8: return b_slice(cx, x, 0, dim_sub(cx, m->T, number(m, 1)), m->T, -1);
	case 9: {
		const Val *end = m->n_ends ? m->ends[pick(m, m->n_ends)] : NULL;
		return end && units_of(end) == units_of(x) ? ew2(m, OP_EW_add, x, end) : NULL;
	}
	default: {
		const int axis = 0;
		const Val *most = b_reduce(cx, chance(m, 50) ? "max" : "sum", ew1(m, OP_EW_tanh, x), 1, &axis, false);
		if (m->n_ends < MAX_ENDS) m->ends[m->n_ends++] = ew1(m, OP_EW_tanh, most);
		return NULL;
	}
	}
}

static void add(Model *m, const Val *v)
{
	if (v && m->n < MAX_SEQUENCES) m->sequences[m->n++] = v;
}

static void grow(Model *m)
{
	const Val *x = m->sequences[chance(m, 70) ? m->n - 1 : pick(m, m->n)];
	const int64_t n = some_size(m);
	const bool reverse = !m->causal && chance(m, 20);
	if (chance(m, 40)) {
		add(m, between(m, x));
	} else if (!m->causal && chance(m, 20)) {
		const Val *both[] = {layer(m, x, n, false), layer(m, x, n, true)};
		add(m, b_concat(m->cx, 2, both, 2));
	} else {
		for (int k = 1 + (chance(m, 30) ? pick(m, 4) : 0); k > 0; k--) add(m, x = layer(m, x, n, reverse));
	}
}

/* An input, time or the batch first, or what a table has for its elements. */
static const Val *first_sequence(Model *m)
{
	Ctx *cx = m->cx;
	const int64_t n = some_size(m);
	if (chance(m, 15)) {
		const Val *ids = input(m, type_new(cx, I64, 2, (const Dim *[]){m->T, m->B}));
		return b_gather(cx, weights(m, 2, 8, n), ids, 0);
	}
	if (chance(m, 25))
		return b_permute(cx, input(m, type_of(m, 3, m->B, m->T, number(m, n))), (const int[]){1, 0, 2});
	return input(m, type_of(m, 3, m->T, m->B, number(m, n)));
}

/* As users have it: time or the batch first, or all of a step in one dim. */
static const Val *arranged(Model *m, const Val *x)
{
	const Dim *flat[] = {m->T, dim_mul(m->cx, m->B, number(m, units_of(x)))};
	if (chance(m, 20)) return b_permute(m->cx, x, (const int[]){1, 0, 2});
	return chance(m, 20) ? b_reshape(m->cx, x, 2, flat) : x;
}

const Graph *random_recurrent(Ctx *cx, uint64_t seed)
{
	static const int units[] = {1, 2, 3, 4, 5, 8, 12, 16, 17, 24, 32, 33},
			 steps[] = {1, 2, 5, 12, 13, 24, 25, 36, 50, 96, 97}, batches[] = {1, 1, 2, 3, 5, 16};
	uint64_t state = seed * UINT64_C(0xda942042e4dd58b5) + 1;
	Model m = {.cx = cx, .seed = &state};
	sym_bound(cx, "T", 0, INT64_MAX);
	sym_bound(cx, "B", 1, INT64_MAX);
	m.T = chance(&m, 60) ? dim_sym(cx, "T") : number(&m, steps[pick(&m, 11)]);
	m.causal = chance(&m, 50);
	m.B = !m.causal && chance(&m, 25) ? dim_sym(cx, "B") : number(&m, batches[pick(&m, 6)]);
	for (int i = 0; i < 2; i++) m.sizes[i] = units[pick(&m, 12)];
	add(&m, first_sequence(&m));
	for (int k = 2 + pick(&m, 6), tries = 0; k > 0 && tries < 30 && m.n_params < 30; tries++) {
		const int before = m.n;
		grow(&m);
		k -= m.n > before;
	}
	const Val *results[12];
	int n = 0;
	for (int i = m.n - 1; i > 0 && n < 6; i--)
		if (i == m.n - 1 || chance(&m, 20)) results[n++] = arranged(&m, m.sequences[i]);
	for (int i = 0; i < m.n_ends && n < 12; i++)
		if (chance(&m, 40)) results[n++] = m.ends[i];
	const char *pn[40], *rn[12];
	for (int i = 0; i < m.n_params; i++) pn[i] = arena_printf(cx->arena, "p%d", i);
	for (int i = 0; i < n; i++) rn[i] = arena_printf(cx->arena, "r%d", i);
	return graph_new(cx, "recurrent", m.n_params, m.params, pn, n, results, rn);
}
