/* ops_signal.c: DFT, STFT, windows, MelWeightMatrix.
 *
 * A transform is a contract with tables of cosines and sines, which are made here where their size is known.  The angle of
 * row j and column k is 2 pi (j k mod n)/n, exact up to the last rounding, in f64.
 */
#include "frontend/onnx/operands.h"

static const double pi = 3.14159265358979323846;

static Elem wide_elem(Elem elem) { return elem == F16 || elem == BF16 ? F32 : elem; }

static const Val *as_f64(Ctx *cx, const Dim *d) { return b_cast(cx, b_dim(cx, d), F64); }

/* ---------------------------------------------------------------------------------------------------- tables */

typedef struct {
	const Val *re, *im; /* im NULL: all 0 */
} Complex;

/* e^(-i 2 pi j k / n), [rows, columns]. */
static Complex powers(Ctx *cx, const Dim *rows, const Dim *columns, const Dim *n)
{
	const Dim *dims[] = {rows, columns};
	const Val *jk = binary(cx, OP_EW_mul, b_iota(cx, I64, 2, dims, 0), b_iota(cx, I64, 2, dims, 1));
	const Val *angle = b_cast(cx, binary(cx, OP_EW_mod, jk, b_dim(cx, n)), F64);
	angle = binary(cx, OP_EW_div, with_number(cx, OP_EW_mul, angle, 2 * pi), as_f64(cx, n));
	return (Complex){b_ew1(cx, OP_EW_cos, angle), b_ew1(cx, OP_EW_neg, b_ew1(cx, OP_EW_sin, angle))};
}

/* The same for the inverse: conjugated, and divided by n. */
static Complex inverse_powers(Ctx *cx, const Dim *rows, const Dim *columns, const Dim *n)
{
	Complex w = powers(cx, rows, columns, n);
	const Val *size = as_f64(cx, n);
	return (Complex){binary(cx, OP_EW_div, w.re, size), binary(cx, OP_EW_div, b_ew1(cx, OP_EW_neg, w.im), size)};
}

static Complex finished(Ctx *cx, Complex w, Elem elem)
{
	return (Complex){folded(cx, b_cast(cx, w.re, elem)), folded(cx, b_cast(cx, w.im, elem))};
}

/* x [.., j] times a table [j, k]. */
static const Val *times(Ctx *cx, const Val *x, const Val *table)
{
	const Dim **dims = dims_with_room(cx, x->type, 0);
	int last = x->type->rank - 1;
	const Dim *flat[] = {dim_product(cx, last, dims), dims[last]};
	dims[last] = table->type->dims[1];
	return b_reshape(cx, b_contract(cx, "mj,jk->mk", b_reshape(cx, x, 2, flat), table), last + 1, dims);
}

static Complex product(Ctx *cx, Complex x, Complex w)
{
	Complex y = {times(cx, x.re, w.re), times(cx, x.re, w.im)};
	if (x.im) {
		y.re = binary(cx, OP_EW_sub, y.re, times(cx, x.im, w.im));
		y.im = binary(cx, OP_EW_add, y.im, times(cx, x.im, w.re));
	}
	return y;
}

/* The parts of [.., 1] or [.., 2]. */
static Complex parts(const Node *n, const Val *x, const char *what)
{
	Ctx *cx = n->cx;
	int last = x->type->rank - 1;
	int64_t count;
	if (last < 0 || !dim_is_int(x->type->dims[last], &count) || (count != 1 && count != 2))
		node_fail(n, "input %s: a last dim of 1 or 2 wanted, %s seen", what, type_str(cx, x->type));
	const Dim *one = dim_int(cx, 1), *zero = dim_int(cx, 0);
	const Val *im = count == 2 ? b_squeeze(cx, b_slice(cx, x, last, one, one, 1), last) : NULL;
	return (Complex){b_squeeze(cx, b_slice(cx, x, last, zero, one, 1), last), im};
}

static const Val *together(Ctx *cx, Complex x)
{
	int rank = x.re->type->rank;
	const Val *both[] = {b_unsqueeze(cx, x.re, rank), b_unsqueeze(cx, x.im, rank)};
	return b_concat(cx, 2, both, rank);
}

static const Dim *one_sided(Ctx *cx, const Dim *n)
{
	return dim_add(cx, dim_floordiv(cx, n, dim_int(cx, 2)), dim_int(cx, 1));
}

/* ---------------------------------------------------------------------------------------------------- DFT */

/* The real signal of a one-sided spectrum: all bins but the first, and the one at n/2, stand for two. */
static const Val *real_inverse(Ctx *cx, Complex x, const Dim *n)
{
	const Val *re = x.re;
	const Dim *bins = re->type->dims[re->type->rank - 1], *column[] = {bins, dim_int(cx, 1)};
	const Val *k = b_iota(cx, I64, 2, column, 0);
	const Val *single = binary(cx, OP_EW_or, binary(cx, OP_EW_eq, k, b_scalar_int(cx, I64, 0)),
		binary(cx, OP_EW_eq, with_number(cx, OP_EW_mul, k, 2), b_dim(cx, n)));
	const Val *weight = b_select(cx, single, b_scalar(cx, F64, 1), b_scalar(cx, F64, 2));
	Complex w = inverse_powers(cx, bins, n, n);
	w = (Complex){binary(cx, OP_EW_mul, w.re, weight), binary(cx, OP_EW_mul, w.im, weight)};
	return product(cx, x, finished(cx, w, re->type->elem)).re;
}

typedef struct {
	bool inverse, onesided;
	const Dim *length; /* NULL: not given */
} Transform;

/* How many elements of an axis of that size are transformed, and how many come out. */
static const Dim *length_of(const Node *n, const Transform *t, const Dim *size)
{
	Ctx *cx = n->cx;
	const Dim *length = t->length, *one = dim_int(cx, 1);
	return length ? length : t->onesided && t->inverse ? dim_mul(cx, dim_sub(cx, size, one), dim_int(cx, 2)) : size;
}

static const Dim *bins_of(const Node *n, const Transform *t, const Dim *size)
{
	const Dim *length = length_of(n, t, size);
	return t->onesided && !t->inverse ? one_sided(n->cx, length) : length;
}

static const Val *dft(const Node *n, const Transform *t, const Val *x, int axis)
{
	Ctx *cx = n->cx;
	Elem elem = x->type->elem;
	int rank = x->type->rank, last = rank - 2;
	Complex c = parts(n, b_cast(cx, x, wide_elem(elem)), "input");
	if (t->onesided && !t->inverse && c.im)
		node_fail(n, "attribute onesided: a complex input has no one-sided spectrum");
	const Dim *size = x->type->dims[axis], *length = length_of(n, t, size);
	if (dim_hi(length) < 1) node_fail(n, "the length is %s", dim_text(cx, length));
	/* elements beyond the length are cut off; those that are missing are 0 */
	const Dim *used = dim_min(cx, size, t->onesided && t->inverse ? one_sided(cx, length) : length);
	c.re = b_slice(cx, move_axis(cx, c.re, axis, last), last, dim_int(cx, 0), used, 1);
	if (c.im) c.im = b_slice(cx, move_axis(cx, c.im, axis, last), last, dim_int(cx, 0), used, 1);
	if (t->onesided && t->inverse)
		return b_cast(
			cx, b_unsqueeze(cx, move_axis(cx, real_inverse(cx, c, length), last, axis), rank - 1), elem);
	Complex w = (t->inverse ? inverse_powers : powers)(cx, used, bins_of(n, t, size), length);
	c = product(cx, c, finished(cx, w, c.re->type->elem));
	return b_cast(
		cx, together(cx, (Complex){move_axis(cx, c.re, last, axis), move_axis(cx, c.im, last, axis)}), elem);
}

/* Cut to those dims, or with zeros up to them. */
static const Val *fitted(Ctx *cx, const Val *x, Dims dims)
{
	for (int i = 0; i < x->type->rank; i++) {
		if (x->type->dims[i] == dims[i]) continue;
		const Dim **lo = dims_with_room(cx, x->type, 0), **hi = dims_with_room(cx, x->type, 0),
			  *zero = dim_int(cx, 0);
		for (int k = 0; k < x->type->rank; k++) lo[k] = hi[k] = zero;
		hi[i] = dims[i]; /* more than enough: its own size may be less */
		x = b_slice(cx, b_pad(cx, x, lo, hi, b_scalar(cx, x->type->elem, 0)), i, zero, dims[i], 1);
	}
	return x;
}

static bool has_transform(const Node *n, const Transform *t, const Val *x, int axis)
{
	return axis < x->type->rank - 1 && dim_hi(length_of(n, t, x->type->dims[axis])) >= 1;
}

/* Along that one of the axes up to `most` which `place` says: only its transform is computed.  Zeros where it says none. */
static const Val *dft_one_of(const Node *n, const Transform *t, const Val *x, const Val *place, int most, Dims dims)
{
	Ctx *cx = n->cx;
	if (most < 0) return b_zeros(cx, x->type->elem, x->type->rank, dims);
	if (!has_transform(n, t, x, most)) return dft_one_of(n, t, x, place, most - 1, dims);
	const Val *args[] = {x, place}, *params[] = {val_param(cx, 0, x->type), val_param(cx, 1, place->type)};
	const Val *this = fitted(cx, dft(n, t, params[0], most), dims);
	const Val *others = dft_one_of(n, t, params[0], params[1], most - 1, dims);
	const char *const names[] = {"x", "axis"};
	const Graph *then_body = graph_new(cx, "this", 2, params, names, 1, &this, NULL);
	const Graph *else_body = graph_new(cx, "others", 2, params, names, 1, &others, NULL);
	const Val *is_it = binary(cx, OP_EW_eq, place, b_scalar_int(cx, I64, most));
	return val_get(cx, b_cond(cx, is_it, then_body, else_body, 2, args), 0);
}

static const Val *dft_by_value(const Node *n, const Transform *t, const Val *x, const Val *axis)
{
	Ctx *cx = n->cx;
	int rank = x->type->rank;
	const Val *place = wrapped_axis(n, axis, operand_name(n, 2, 0), rank);
	const Dim **dims = dims_with_room(cx, x->type, 0);
	for (int i = 0; i < rank; i++) {
		const Dim *bins = bins_of(n, t, dims[i]), *most = dim_max(cx, bins, dims[i]);
		const Val *is_it = binary(cx, OP_EW_eq, place, b_scalar_int(cx, I64, i));
		bool can = has_transform(n, t, x, i);
		if (!can) node_check_size(n, b_cast(cx, is_it, I64), dim_int(cx, 0));
		if (!can || bins == dims[i]) continue;
		const Val *size = b_select(cx, is_it, b_dim(cx, bins), b_dim(cx, dims[i]));
		dims[i] = node_size(n, size, result_dim_name(n, 0, i), 0, most);
	}
	dims[rank - 1] = dim_int(cx, t->onesided && t->inverse ? 1 : 2);
	return dft_one_of(n, t, x, place, rank - 2, dims);
}

static const Val *dft_input(const Node *n, Transform *t)
{
	const Val *x = node_in(n, 0, "input");
	t->inverse = node_int(n, "inverse", 0) != 0;
	t->onesided = node_int(n, "onesided", 0) != 0;
	t->length = node_dim(n, 1, "dft_length");
	if (!elem_is_float(x->type->elem) || x->type->rank < 2)
		node_fail(n, "floats [.., 1 or 2] wanted, %s seen", type_str(n->cx, x->type));
	return x;
}

static int signal_axis(const Node *n, const Val *x, int64_t given)
{
	int axis = node_axis(n, given, x->type->rank);
	if (axis == x->type->rank - 1) node_fail(n, "axis %d is that of real and imaginary parts", axis);
	return axis;
}

static void import_dft(Node *n, const Val **out)
{
	Transform t;
	const Val *x = dft_input(n, &t), *axis = node_opt(n, 2);
	int64_t known = -2;
	if (axis) {
		node_integers(n, 2, "axis");
		axis = b_cast(n->cx, node_scalar(n, 2, "axis"), I64);
	}
	if (axis && !known_int(n->cx, axis, &known)) out[0] = dft_by_value(n, &t, x, axis);
	else out[0] = dft(n, &t, x, signal_axis(n, x, known));
}

static void import_dft_17(Node *n, const Val **out)
{
	Transform t;
	const Val *x = dft_input(n, &t);
	out[0] = dft(n, &t, x, signal_axis(n, x, node_int(n, "axis", 1)));
}

/* ---------------------------------------------------------------------------------------------------- STFT */

/* x [batch, length] -> [batch, frames, size]: a frame every `step`, an i64 scalar, as many as fit. */
static const Val *frames_of(const Node *n, const Val *x, const Dim *size, const Val *step)
{
	Ctx *cx = n->cx;
	int64_t known_size, known_step;
	const Dim *length = x->type->dims[1];
	bool known = known_int(cx, step, &known_step), fits = dim_is_int(size, &known_size) && known_size >= 1;
	if (known && (known_step < 1 || known_step > INT32_MAX))
		node_fail(n, "frames every %lld", (long long)known_step);
	if (dim_hi(size) < 1) node_fail(n, "frames of %s", dim_text(cx, size));
	if (known && fits) return b_window(cx, x, 1, known_size, known_step, 1);
	const Val *zero = b_scalar_int(cx, I64, 0), *one = b_scalar_int(cx, I64, 1);
	const Val *room = binary(cx, OP_EW_sub, b_dim(cx, length), b_dim(cx, size));
	const Val *count = binary(cx, OP_EW_add, binary(cx, OP_EW_div, room, step), one);
	count = b_select(cx, binary(cx, OP_EW_lt, room, zero), zero, count);
	const Val *wrong =
		binary(cx, OP_EW_or, binary(cx, OP_EW_lt, step, one), binary(cx, OP_EW_lt, b_dim(cx, size), one));
	count = b_select(cx, wrong, b_scalar_int(cx, I64, -1), count); /* an error */
	const Dim *frames = node_size(n, count, result_dim_name(n, 0, 1), 0, dim_add(cx, length, dim_int(cx, 1)));
	const Dim *dims[] = {frames, size};
	const Val *index = binary(cx, OP_EW_mul, index_along(cx, 2, dims, 0), step);
	return b_gather(cx, x, binary(cx, OP_EW_add, index, index_along(cx, 2, dims, 1)), 1);
}

static void import_stft(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "signal"), *window = node_opt(n, 2);
	Elem elem = x->type->elem;
	bool onesided = node_int(n, "onesided", 1) != 0;
	if (x->type->rank != 3 || !elem_is_float(elem))
		node_fail(n, "input signal: floats [batch, length, 1 or 2] wanted, %s seen", type_str(cx, x->type));
	const Dim *size = node_dim(n, 3, "frame_length");
	if (window) {
		if (window->type->rank != 1 || window->type->elem != elem)
			node_fail(n, "input window: %s[n] wanted, %s seen", elem_info[elem].name,
				type_str(cx, window->type));
		if (size && dim_is_int(size, NULL))
			node_same_dim(n, size, window->type->dims[0], "frame_length and the window");
		else if (size) node_check_size(n, b_dim(cx, size), window->type->dims[0]);
		size = window->type->dims[0];
	}
	if (!size) size = x->type->dims[1];
	node_integers(n, 1, "frame_step");
	const Val *step = b_cast(cx, node_scalar(n, 1, "frame_step"), I64);
	Complex c = parts(n, b_cast(cx, x, wide_elem(elem)), "signal");
	if (onesided && c.im) node_fail(n, "attribute onesided: a complex signal has no one-sided spectrum");
	const Val **each[] = {&c.re, &c.im};
	for (int i = 0; i < 2 && *each[i]; i++) {
		*each[i] = frames_of(n, *each[i], size, step);
		if (window) *each[i] = binary(cx, OP_EW_mul, *each[i], b_cast(cx, window, wide_elem(elem)));
	}
	Complex w = powers(cx, size, onesided ? one_sided(cx, size) : size, size);
	out[0] = b_cast(cx, together(cx, product(cx, c, finished(cx, w, wide_elem(elem)))), elem);
}

/* ---------------------------------------------------------------------------------------------------- windows */

/* a - b cos(2 pi i/n) + c cos(4 pi i/n);  n is the size, or one less when symmetric. */
static void window(const Node *n, double a, double b, double c, const Val **out)
{
	Ctx *cx = n->cx;
	node_in(n, 0, "size");
	const Dim *size = node_dim(n, 0, "size"), *one = dim_int(cx, 1);
	if (dim_hi(size) < 0) node_fail(n, "input size: %s", dim_text(cx, size));
	Elem elem = onnx_elem(cx, (int32_t)node_int(n, "output_datatype", 1), "attribute output_datatype");
	const Val *period = as_f64(cx, node_int(n, "periodic", 1) ? size : dim_sub(cx, size, one));
	const Val *at = with_number(cx, OP_EW_mul, b_iota(cx, F64, 1, &size, 0), 2 * pi);
	at = binary(cx, OP_EW_div, at, period);
	const Val *y = with_number(cx, OP_EW_mul, b_ew1(cx, OP_EW_cos, at), -b);
	const Val *twice = b_ew1(cx, OP_EW_cos, with_number(cx, OP_EW_mul, at, 2));
	if (c != 0) y = binary(cx, OP_EW_add, y, with_number(cx, OP_EW_mul, twice, c));
	out[0] = folded(cx, b_cast(cx, with_number(cx, OP_EW_add, y, a), elem));
}

static void import_hann(Node *n, const Val **out) { window(n, 0.5, 0.5, 0, out); }
static void import_hamming(Node *n, const Val **out) { window(n, 25.0 / 46, 21.0 / 46, 0, out); }
static void import_blackman(Node *n, const Val **out) { window(n, 0.42, 0.5, 0.08, out); }

/* ---------------------------------------------------------------------------------------------------- MelWeightMatrix */

static const double mels = 1127.0104805500103; /* 2595 / ln 10:  mel = mels * ln(1 + hertz/700) */

static const Val *mel(Ctx *cx, const Val *hertz)
{
	const Val *ratio = with_number(cx, OP_EW_add, with_number(cx, OP_EW_div, hertz, 700), 1);
	return with_number(cx, OP_EW_mul, b_ew1(cx, OP_EW_log, ratio), mels);
}

static const Val *f64_scalar(const Node *n, int i, const char *what)
{
	node_in(n, i, what);
	return b_cast(n->cx, node_scalar(n, i, what), F64);
}

/* Triangles between the bins of n + 2 frequencies that are equally spaced in mel: from the left one up to 1, then down. */
static void import_mel_weights(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	node_in(n, 0, "num_mel_bins");
	node_in(n, 1, "dft_length");
	const Dim *bands = node_dim(n, 0, "num_mel_bins"), *length = node_dim(n, 1, "dft_length");
	const Dim *edges = dim_add(cx, bands, dim_int(cx, 2));
	const Val *rate = f64_scalar(n, 2, "sample_rate"), *low = mel(cx, f64_scalar(n, 3, "lower_edge_hertz"));
	const Val *high = mel(cx, f64_scalar(n, 4, "upper_edge_hertz"));
	Elem elem = onnx_elem(cx, (int32_t)node_int(n, "output_datatype", 1), "attribute output_datatype");
	if (dim_hi(bands) < 0 || dim_hi(length) < 0)
		node_fail(n, "%s bands of a spectrum of %s", dim_text(cx, bands), dim_text(cx, length));

	const Val *step = binary(cx, OP_EW_div, binary(cx, OP_EW_sub, high, low), as_f64(cx, edges));
	const Val *at = binary(cx, OP_EW_mul, b_iota(cx, F64, 1, &edges, 0), step);
	at = b_ew1(cx, OP_EW_exp, with_number(cx, OP_EW_div, binary(cx, OP_EW_add, at, low), mels));
	const Val *hertz = with_number(cx, OP_EW_mul, with_number(cx, OP_EW_sub, at, 1), 700);
	const Val *scale = as_f64(cx, dim_add(cx, length, dim_int(cx, 1)));
	const Val *bin = b_ew1(cx, OP_EW_floor, binary(cx, OP_EW_div, binary(cx, OP_EW_mul, scale, hertz), rate));

	const Val *edge[3];
	for (int i = 0; i < 3; i++) edge[i] = b_slice(cx, bin, 0, dim_int(cx, i), bands, 1);
	const Val *left = edge[0], *middle = edge[1], *right = edge[2];
	const Dim *column[] = {one_sided(cx, length), dim_int(cx, 1)};
	const Val *j = b_iota(cx, F64, 2, column, 0), *zero = b_scalar(cx, F64, 0), *one = b_scalar(cx, F64, 1);
	const Val *up = binary(cx, OP_EW_div, binary(cx, OP_EW_sub, j, left), binary(cx, OP_EW_sub, middle, left));
	const Val *down = binary(cx, OP_EW_div, binary(cx, OP_EW_sub, right, j), binary(cx, OP_EW_sub, right, middle));
	up = b_select(cx, binary(cx, OP_EW_eq, left, middle), one, up);
	const Val *rises = binary(cx, OP_EW_and, binary(cx, OP_EW_ge, j, left), binary(cx, OP_EW_le, j, middle));
	const Val *falls = binary(cx, OP_EW_and, binary(cx, OP_EW_gt, j, middle), binary(cx, OP_EW_lt, j, right));
	const Val *y = b_select(cx, rises, up, b_select(cx, falls, down, zero));
	out[0] = folded(cx, b_cast(cx, y, elem));
}

const Importer onnx_ops_signal[] = {
	{"", "DFT", 17, 19, "axis inverse onesided", 1, 2, 1, import_dft_17},
	{"", "DFT", 20, 0, "inverse onesided", 1, 3, 1, import_dft},
	{"", "STFT", 17, 0, "onesided", 2, 4, 1, import_stft},
	{"", "HannWindow", 17, 0, "output_datatype periodic", 1, 1, 1, import_hann},
	{"", "HammingWindow", 17, 0, "output_datatype periodic", 1, 1, 1, import_hamming},
	{"", "BlackmanWindow", 17, 0, "output_datatype periodic", 1, 1, 1, import_blackman},
	{"", "MelWeightMatrix", 17, 0, "output_datatype", 5, 5, 1, import_mel_weights},
	{.op = NULL},
};
