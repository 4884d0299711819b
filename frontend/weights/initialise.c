/* initialise.c: what stands after `~`: the table of initialisers, and their chains.
 *
 * A chain begins with values and goes on with what changes them: `sparse(0.1) spectral(0.9)`, `orthogonal gate(1, 4, 0)`.
 * Sources: glorot: Glorot and Bengio 2010; he: He, Zhang, Ren and Sun 2015; uniform without arguments: PyTorch's layers;
 * orthogonal: Saxe, McClelland and Ganguli 2014; identity: Le, Jaitly and Hinton 2015; gate: the forget gate's bias of
 * Jozefowicz, Zaremba and Sutskever 2015; sparse, spectral: Jaeger 2001.
 */
#include "frontend/weights/weights.h"

#include <math.h>
#include <string.h>

/* X(name, fewest and most arguments, may it begin a chain, may it go on with one, doc) */
#define INITS(X)                                                                                               \
	X(zeros, 0, 0, true, false, "zeros: 0")                                                                \
	X(ones, 0, 0, true, false, "ones: 1")                                                                  \
	X(const, 1, 1, true, false, "const(v): v")                                                             \
	X(uniform, 0, 2, true, false,                                                                          \
		"uniform(a, b): evenly from a to b; without: from -1/sqrt(fan in) to 1/sqrt(fan in)")          \
	X(normal, 0, 2, true, false, "normal(m, s): normal, of mean m (0) and standard deviation s (1)")       \
	X(glorot, 0, 0, true, false, "glorot: evenly within sqrt(6 / (fan in + fan out)) of 0")                \
	X(he, 0, 0, true, false, "he: normal, of standard deviation sqrt(2 / fan in)")                         \
	X(orthogonal, 0, 1, true, false, "orthogonal(g): rows, or columns, that are orthonormal, times g (1)") \
	X(identity, 0, 1, true, false, "identity(v): v (1) on the diagonal, else 0")                           \
	X(sparse, 1, 1, false, true,                                                                           \
		"sparse(p): keeps each element with probability p, else 0; first: of uniform(-1, 1)")          \
	X(spectral, 1, 1, false, true, "spectral(r): a square matrix scaled to spectral radius r")             \
	X(gate, 3, 3, false, true, "gate(k, n, v): v in part k, from 0, of the n equal parts of the first axis")

typedef enum {
#define X(name, ...) INIT_##name,
	INITS(X)
#undef X
		N_INITS
} InitKind;

static const struct {
	const char *name;
	int least, most;
	bool first, later;
	const char *doc;
} inits[N_INITS] = {
#define X(name, ...) {#name, __VA_ARGS__},
	INITS(X)
#undef X
};

static InitKind find(Ctx *cx, const InitStep *step)
{
	for (int i = 0; i < N_INITS; i++)
		if (!strcmp(inits[i].name, step->name)) return (InitKind)i;
	Buf names;
	buf_init(&names, cx->arena);
	for (int i = 0; i < N_INITS; i++)
		buf_printf(&names, "%s%s", i == 0 ? "" : i + 1 < N_INITS ? ", " : " and ", inits[i].name);
	fail(cx, "there is no initialiser '%s': %s exist", step->name, names.text);
}

void init_check(Ctx *cx, const InitStep *step)
{
	const InitKind kind = find(cx, step);
	/* a uniform distribution has two bounds, or those of its shape */
	if (step->n_args < inits[kind].least || step->n_args > inits[kind].most ||
		(kind == INIT_uniform && step->n_args == 1))
		fail(cx, "initialiser '%s' is given %d argument%s: %s", step->name, step->n_args,
			step->n_args == 1 ? "" : "s", inits[kind].doc);
}

const char *init_table(Ctx *cx)
{
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < N_INITS; i++) buf_printf(&b, "%s\n", inits[i].doc);
	return b.text;
}

const char *init_text(Ctx *cx, int n_steps, const InitStep *steps)
{
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "");
	for (int i = 0; i < n_steps; i++) {
		buf_printf(&b, "%s%s", i ? " " : "", steps[i].name);
		for (int k = 0; k < steps[i].n_args; k++) buf_printf(&b, "%s%.9g", k ? ", " : "(", steps[i].args[k]);
		if (steps[i].n_args) buf_puts(&b, ")");
	}
	return b.text;
}

void init_fans(int rank, const int64_t *dims, double *fan_in, double *fan_out)
{
	double sizes = 1;
	for (int d = 2; d < rank; d++) sizes *= (double)dims[d];
	*fan_in = rank == 0 ? 1 : (double)dims[rank > 1] * sizes;
	*fan_out = rank < 2 ? 1 : (double)dims[0] * sizes;
}

/* ---- one step ---- */

typedef struct {
	Ctx *cx;
	const char *name;
	int rank;
	const int64_t *dims;
	int64_t count, n_rows, n_columns; /* as a matrix: the first axis, all others */
	double fan_in, fan_out;
	double *values;
	const InitStep *step;
	const char *first; /* the chain's first initialiser */
	Random random;
} Filling;

_Noreturn static void wrong(const Filling *f, const char *message)
{
	Buf shape;
	buf_init(&shape, f->cx->arena);
	for (int d = 0; d < f->rank; d++) buf_printf(&shape, "%s%lld", d ? ", " : "", (long long)f->dims[d]);
	fail(f->cx, "parameter '%s' [%s]: initialiser '%s': %s", f->name, f->rank ? shape.text : "", f->step->name,
		message);
}

static double arg(const Filling *f, int i, double otherwise)
{
	return i < f->step->n_args ? f->step->args[i] : otherwise;
}

static void fill(const Filling *f, double value)
{
	for (int64_t i = 0; i < f->count; i++) f->values[i] = value;
}

static void fill_uniform(const Filling *f, double lo, double hi)
{
	if (!(lo <= hi) || !isfinite(hi - lo)) wrong(f, "its bounds must be finite and in order");
	for (int64_t i = 0; i < f->count; i++) f->values[i] = lo + (hi - lo) * random_uniform(&f->random, i);
}

static void fill_normal(const Filling *f, double mean, double deviation)
{
	if (!(deviation >= 0) || !isfinite(mean + deviation))
		wrong(f, "its numbers must be finite, the second not negative");
	for (int64_t i = 0; i < f->count; i++) f->values[i] = mean + deviation * random_normal(&f->random, i);
}

/* Of a matrix that is higher than wide the columns are made orthonormal: the rows of its transpose. */
static void fill_orthogonal(const Filling *f, double gain)
{
	if (f->rank < 2) wrong(f, "only a matrix can be orthogonal");
	const bool high = f->n_rows > f->n_columns;
	const int64_t n = high ? f->n_columns : f->n_rows, length = high ? f->n_rows : f->n_columns;
	double *rows = NEWN(f->cx->arena, double, n *length + 1);
	for (int64_t i = 0; i < n * length; i++) rows[i] = random_normal(&f->random, i);
	if (!orthonormalise(rows, n, length)) wrong(f, "its random rows are dependent: try another --seed");
	for (int64_t i = 0; i < n; i++)
		for (int64_t k = 0; k < length; k++)
			f->values[high ? k * f->n_columns + i : i * f->n_columns + k] = gain * rows[i * length + k];
}

static void fill_identity(const Filling *f, double value)
{
	if (f->rank != 2) wrong(f, "only a matrix has a diagonal");
	fill(f, 0);
	for (int64_t i = 0; i < f->n_rows && i < f->n_columns; i++) f->values[i * f->n_columns + i] = value;
}

static void keep_some(const Filling *f, double p)
{
	if (!(p >= 0 && p <= 1)) wrong(f, "a probability is from 0 to 1");
	for (int64_t i = 0; i < f->count; i++)
		if (random_uniform(&f->random, i) >= p) f->values[i] = 0;
}

static void scale_spectrum(const Filling *f, double radius)
{
	if (f->rank != 2 || f->n_rows != f->n_columns) wrong(f, "only a square matrix has eigenvalues");
	if (!(radius >= 0) || !isfinite(radius)) wrong(f, "a radius is finite and not negative");
	double *a = arena_copy(f->cx->arena, f->values, sizeof *a * (size_t)f->count),
	       *work = NEWN(f->cx->arena, double, f->count + 1);
	const double seen = spectral_radius(a, work, f->n_rows);
	if (seen == 0 && f->count) wrong(f, "all eigenvalues are 0: no factor changes that");
	for (int64_t i = 0; i < f->count; i++) f->values[i] *= radius / seen;
}

static void set_gate(const Filling *f)
{
	const double part = f->step->args[0], n = f->step->args[1];
	if (!(n >= 1 && n == floor(n) && part >= 0 && part < n && part == floor(part)))
		wrong(f, "its parts are numbered from 0 to n - 1");
	if (f->rank == 0 || (n <= (double)f->n_rows ? f->n_rows % (int64_t)n : 1) != 0)
		wrong(f, "the first axis has no such parts of equal size");
	const int64_t size = f->count / (int64_t)n;
	for (int64_t i = 0; i < size; i++) f->values[(int64_t)part * size + i] = f->step->args[2];
}

static void apply(Filling *f, bool first)
{
	const InitKind kind = find(f->cx, f->step);
	init_check(f->cx, f->step);
	if (first && !inits[kind].first) wrong(f, "changes what comes before it, and nothing does");
	if (!first && !inits[kind].later)
		wrong(f, arena_printf(f->cx->arena, "begins anew, so that '%s' before it is lost", f->first));
	switch (kind) {
	case INIT_zeros: fill(f, 0); break;
	case INIT_ones: fill(f, 1); break;
	case INIT_const: fill(f, f->step->args[0]); break;
	case INIT_uniform: fill_uniform(f, arg(f, 0, -1 / sqrt(f->fan_in)), arg(f, 1, 1 / sqrt(f->fan_in))); break;
	case INIT_normal: fill_normal(f, arg(f, 0, 0), arg(f, 1, 1)); break;
	case INIT_glorot: {
		const double bound = sqrt(6 / (f->fan_in + f->fan_out));
		fill_uniform(f, -bound, bound);
		break;
	}
	case INIT_he: fill_normal(f, 0, sqrt(2 / f->fan_in)); break;
	case INIT_orthogonal: fill_orthogonal(f, arg(f, 0, 1)); break;
	case INIT_identity: fill_identity(f, arg(f, 0, 1)); break;
	case INIT_sparse: keep_some(f, f->step->args[0]); break;
	case INIT_spectral: scale_spectrum(f, f->step->args[0]); break;
	case INIT_gate: set_gate(f); break;
	case N_INITS: break;
	}
}

/* ---- a chain ---- */

const Tensor *init_tensor(Ctx *cx, const char *name, Elem elem, int rank, const int64_t *dims, double fan_in,
	double fan_out, int n_steps, const InitStep *steps, uint64_t seed)
{
	Tensor *wide = tensor_new(cx->arena, F64, rank, dims), *t = tensor_new(cx->arena, elem, rank, dims);
	if (!wide || !t) fail(cx, "parameter '%s' is too large", name);
	Filling f = {.cx = cx,
		.name = name,
		.rank = rank,
		.dims = dims,
		.count = t->count,
		.n_rows = rank ? dims[0] : 1,
		.fan_in = fan_in > 1 ? fan_in : 1,
		.fan_out = fan_out > 1 ? fan_out : 1,
		.values = wide->data,
		.first = n_steps ? steps[0].name : ""};
	f.n_columns = f.n_rows ? f.count / f.n_rows : 0;
	if (n_steps && !strcmp(steps[0].name, "sparse")) { /* which are kept is drawn apart from their values */
		InitStep *longer = NEWN(cx->arena, InitStep, n_steps + 1);
		longer[0] = (InitStep){"uniform", 2, {-1, 1}};
		memcpy(longer + 1, steps, sizeof *steps * (size_t)n_steps);
		steps = longer;
		n_steps++;
	}
	for (int i = 0; i < n_steps; i++) {
		f.step = &steps[i];
		f.random = random_stream(cx, seed, arena_printf(cx->arena, "%s:%d", name, i));
		apply(&f, i == 0);
	}
	for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, f.values[i]);
	return t;
}
