/* ops_sequence.c: sequences of tensors, which exporters use to collect a loop's outputs, and optionals.
 *
 * A sequence never reaches the IR's users: it is a `call @sequence` of chunks, each a tensor [n, ..element], that these
 * importers build and take apart.  A loop that only appends to a sequence stacks its outputs (ops_loop.c).  Whether an
 * optional has a value is known when a model is imported: it is its value, or a `call @absent`.
 */
#include "frontend/onnx/operands.h"

#include <string.h>

bool is_sequence(const Val *v) { return v->op == OP_call && strcmp(val_str(v, A_NAME), "sequence") == 0; }

const Val *sequence_new(Ctx *cx, int n, const Val *const *chunks)
{
	const Val **params = NEWN(cx->arena, const Val *, n);
	for (int i = 0; i < n; i++) params[i] = val_param(cx, i, chunks[i]->type);
	return b_call(cx, "sequence", graph_new(cx, "sequence", n, params, NULL, n, params, NULL), n, chunks);
}

const Val *absent_new(Ctx *cx)
{
	return b_call(cx, "absent", graph_new(cx, "absent", 0, NULL, NULL, 0, NULL, NULL), 0, NULL);
}

bool is_absent(const Val *v) { return v->op == OP_call && strcmp(val_str(v, A_NAME), "absent") == 0; }

static const Val *sequence_in(const Node *n, int i)
{
	const Val *v = node_in(n, i, "input_sequence");
	if (!is_sequence(v)) node_fail(n, "input_sequence: a sequence wanted, %s seen", type_str(n->cx, v->type));
	return v;
}

static const Dim *chunk_length(const Val *chunk) { return chunk->type->dims[0]; }

static const Dim *sequence_length(Ctx *cx, const Val *s)
{
	const Dim *length = dim_int(cx, 0);
	for (int i = 0; i < s->n_args; i++) length = dim_add(cx, length, chunk_length(s->args[i]));
	return length;
}

int sequence_elements(Ctx *cx, const Val *s, const Val ***elements)
{
	int64_t n;
	if (!dim_is_int(sequence_length(cx, s), &n) || n > ONNX_MAX_ELEMENTS) return -1;
	*elements = NEWN(cx->arena, const Val *, n);
	const Dim *one = dim_int(cx, 1);
	for (int i = 0, at = 0; i < s->n_args; i++) {
		const Val *chunk = s->args[i];
		int64_t rows = 0;
		if (!dim_is_int(chunk_length(chunk), &rows)) return -1;
		for (int64_t r = 0; r < rows; r++) {
			const Val *row = rows == 1 ? chunk : b_slice(cx, chunk, 0, dim_int(cx, r), one, 1);
			(*elements)[at++] = b_squeeze(cx, row, 0);
		}
	}
	return (int)n;
}

static const Val *element_in(const Node *n, int i, const char *what)
{
	const Val *v = node_in(n, i, what);
	if (v->type->is_tuple) node_fail(n, "%s: a tensor wanted, a sequence seen", what);
	return v;
}

static void sequence_empty(Node *n, const Val **out)
{
	onnx_elem(n->cx, (int32_t)node_int(n, "dtype", 1), "attribute dtype");
	out[0] = sequence_new(n->cx, 0, NULL);
}

static void sequence_construct(Node *n, const Val **out)
{
	const Val **chunks = NEWN(n->cx->arena, const Val *, n->n_in);
	for (int i = 0; i < n->n_in; i++) chunks[i] = b_unsqueeze(n->cx, element_in(n, i, "inputs"), 0);
	out[0] = sequence_new(n->cx, n->n_in, chunks);
}

/* A position: one integer known at compile time; of a sequence whose chunks are single elements unless it is the end. */
static bool position(const Node *n, int i, int64_t *value)
{
	const int64_t *ints;
	int count = node_const_ints(n, i, "position", &ints);
	if (count >= 0 && count != 1) node_fail(n, "input position: one integer wanted, %d seen", count);
	if (count == 1) *value = ints[0];
	return count == 1;
}

static int chunk_at(const Node *n, const Val *s, int64_t at, int64_t limit)
{
	for (int i = 0; i < s->n_args; i++)
		if (!dim_is(chunk_length(s->args[i]), 1))
			node_fail(n, "input position: the sequence comes from a loop, so only its end is known");
	if (at < 0) at += s->n_args;
	if (at < 0 || at >= limit) node_fail(n, "input position: outside of the sequence of %d", s->n_args);
	return (int)at;
}

static void sequence_insert(Node *n, const Val **out)
{
	const Val *s = sequence_in(n, 0), *x = element_in(n, 1, "tensor");
	int at = s->n_args;
	int64_t given;
	if (position(n, 2, &given)) at = chunk_at(n, s, given, (int64_t)s->n_args + 1);
	const Val **chunks = NEWN(n->cx->arena, const Val *, s->n_args + 1);
	for (int i = 0; i < s->n_args; i++) chunks[i < at ? i : i + 1] = s->args[i];
	chunks[at] = b_unsqueeze(n->cx, x, 0);
	out[0] = sequence_new(n->cx, s->n_args + 1, chunks);
}

static void sequence_erase(Node *n, const Val **out)
{
	const Val *s = sequence_in(n, 0);
	int64_t given = -1;
	position(n, 1, &given);
	int at = chunk_at(n, s, given, s->n_args);
	const Val **chunks = NEWN(n->cx->arena, const Val *, s->n_args);
	for (int i = 0; i < s->n_args; i++)
		if (i != at) chunks[i < at ? i : i - 1] = s->args[i];
	out[0] = sequence_new(n->cx, s->n_args - 1, chunks);
}

static void sequence_at(Node *n, const Val **out)
{
	const Val *s = sequence_in(n, 0);
	if (s->n_args == 1) { /* also one that a loop made: indexing its stack, from the end when negative */
		const Val *at = b_cast(n->cx, element_in(n, 1, "position"), I64), *zero = b_scalar_int(n->cx, I64, 0);
		int64_t count;
		if (!dim_is_int(type_count(n->cx, at->type), &count) || count != 1)
			node_fail(n, "input position: one integer wanted, %s seen", type_str(n->cx, at->type));
		at = b_reshape(n->cx, at, 0, NULL);
		const Val *wrapped = b_ew2(n->cx, OP_EW_add, at, b_dim(n->cx, chunk_length(s->args[0])));
		at = b_select(n->cx, b_ew2(n->cx, OP_EW_lt, at, zero), wrapped, at);
		out[0] = b_gather(n->cx, s->args[0], at, 0);
		return;
	}
	int64_t given = 0;
	if (!position(n, 1, &given)) node_fail(n, "input position is missing");
	out[0] = b_squeeze(n->cx, s->args[chunk_at(n, s, given, s->n_args)], 0);
}

static void sequence_length_of(Node *n, const Val **out)
{
	out[0] = b_dim(n->cx, sequence_length(n->cx, sequence_in(n, 0)));
}

/* The elements along `axis`: joined along it, or stacked as a new axis. */
static void concat_from_sequence(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *s = sequence_in(n, 0);
	bool new_axis = node_int(n, "new_axis", 0) != 0;
	if (!node_has(n, "axis")) node_fail(n, "attribute axis is missing");
	if (s->n_args == 0) node_fail(n, "the sequence is empty");
	int rank = s->args[0]->type->rank - 1, axis = node_axis(n, node_int(n, "axis", 0), new_axis ? rank + 1 : rank);
	int *perm = NEWN(cx->arena, int, rank + 1);
	const Val **parts = NEWN(cx->arena, const Val *, s->n_args);
	for (int i = 0; i < s->n_args; i++) {
		const Val *chunk = s->args[i];
		if (chunk->type->rank != rank + 1)
			node_fail(n, "elements of one rank wanted, %s and %s seen", type_str(cx, s->args[0]->type),
				type_str(cx, chunk->type));
		/* [n, d0, .., d_axis, ..] -> [d0, .., n, d_axis, ..]; without a new axis, n and d_axis become one */
		for (int k = 0, from = 1; k <= rank; k++) perm[k] = k == axis ? 0 : from++;
		parts[i] = b_permute(cx, chunk, perm);
		if (new_axis) continue;
		const Type *t = parts[i]->type;
		const Dim **dims = NEWN(cx->arena, const Dim *, rank);
		for (int k = 0, from = 0; k < rank; k++, from++) {
			dims[k] = t->dims[from];
			if (k == axis) dims[k] = dim_mul(cx, dims[k], t->dims[++from]);
		}
		parts[i] = b_reshape(cx, parts[i], rank, dims);
	}
	out[0] = s->n_args == 1 ? parts[0] : b_concat(cx, s->n_args, parts, axis);
}

/* Cuts along an axis: into parts of one size, the last of them smaller, or into those sizes, which run time may say. */
static void split_to_sequence(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = element_in(n, 0, "input");
	int axis = node_axis(n, node_int(n, "axis", 0), x->type->rank);
	const Dim *const *sizes, *length = x->type->dims[axis], *sum = dim_int(cx, 0), *at = sum;
	int count = node_dims(n, 1, "split", &sizes);
	bool keep = count >= 0 || node_int(n, "keepdims", 1) != 0, equal = count < 0 || n->in[1]->type->rank == 0;
	int64_t n_parts = count, part = 1, all;
	if (equal) {
		if (count > 0 && !dim_is_int(sizes[0], &part))
			node_fail(n,
				"input split: it says how many tensors there are, and is computed at run time, which is not supported");
		if (part <= 0) node_fail(n, "input split: parts of %lld elements", (long long)part);
		if (!dim_is_int(length, &all))
			node_fail(n, "an axis of known length wanted, %s seen", type_str(cx, x->type));
		n_parts = all / part + (all % part != 0);
	}
	if (n_parts > INT16_MAX) node_fail(n, "more than %d parts", INT16_MAX);
	const Val **chunks = NEWN(cx->arena, const Val *, n_parts);
	const Dim **lengths = NEWN(cx->arena, const Dim *, n_parts);
	for (int64_t i = 0; i < n_parts; i++) {
		lengths[i] = equal ? dim_int(cx, all - i * part < part ? all - i * part : part) : sizes[i];
		if (dim_hi(lengths[i]) < 0) node_fail(n, "input split: parts of %s elements", dim_text(cx, lengths[i]));
		sum = dim_add(cx, sum, lengths[i]);
	}
	node_same_dim(n, length, sum, "input split: the axis and the sum of the parts");
	for (int64_t i = 0; i < n_parts; i++) {
		const Val *v = b_slice(cx, x, axis, at, lengths[i], 1);
		chunks[i] = b_unsqueeze(cx, keep ? v : b_squeeze(cx, v, axis), 0);
		at = dim_add(cx, at, lengths[i]);
	}
	out[0] = sequence_new(cx, (int)n_parts, chunks);
}

/* The body on each element of the first input; other inputs are sequences of the same length, or tensors for all. */
static void sequence_map(Node *n, const Val **out)
{
	enum { MAX_MAPPED = 1 << 20 };
	Ctx *cx = n->cx;
	const Val ***in = NEWN(cx->arena, const Val **, n->n_in), **args = NEWN(cx->arena, const Val *, n->n_in);
	int count = 0;
	for (int i = 0; i < n->n_in; i++) {
		args[i] = i ? node_in(n, i, "additional_inputs") : sequence_in(n, 0);
		if (!is_sequence(args[i])) continue;
		int length = sequence_elements(cx, args[i], &in[i]);
		if (length < 0) node_fail(n, "input %d: the sequence's length must be known, and small", i);
		if (i && length != count) node_fail(n, "input %d: %d elements wanted, %d seen", i, count, length);
		count = length;
	}
	if ((int64_t)n->n_out * count > MAX_MAPPED) node_fail(n, "gives more than %d elements", MAX_MAPPED);
	const Val **chunks = NEWN(cx->arena, const Val *, n->n_out *count);
	for (int k = 0; k < count; k++) {
		const Val *const *results;
		for (int i = 0; i < n->n_in; i++)
			if (in[i]) args[i] = in[i][k];
		int n_results = node_inline(n, "body", k, n->n_in, args, &results);
		if (n->n_out > n_results) node_fail(n, "the body gives only %d results", n_results);
		for (int i = 0; i < n->n_out; i++) {
			if (results[i]->type->is_tuple) node_fail(n, "a body that gives sequences is not supported");
			chunks[i * count + k] = b_unsqueeze(cx, results[i], 0);
		}
	}
	for (int i = 0; i < n->n_out; i++) out[i] = sequence_new(cx, count, chunks + i * count);
}

/* ---------------------------------------------------------------------------------------------------- optionals */

/* Of sequences, optionals and tensors alike. */
static void identity(Node *n, const Val **out) { out[0] = node_in(n, 0, "input"); }

static void optional(Node *n, const Val **out)
{
	const Val *v = node_opt(n, 0);
	out[0] = v ? v : absent_new(n->cx);
}

static void optional_has_element(Node *n, const Val **out)
{
	const Val *v = node_opt(n, 0);
	out[0] = b_scalar_int(n->cx, BOOL, v && !is_absent(v));
}

static void optional_get_element(Node *n, const Val **out)
{
	out[0] = node_in(n, 0, "input");
	if (is_absent(out[0])) node_fail(n, "input: the optional has no element");
}

const Importer onnx_ops_sequence[] = {
	{"", "Identity", 1, 0, "", 1, 1, 1, identity},
	{"", "Optional", 15, 0, "type", 0, 1, 1, optional},
	{"", "OptionalHasElement", 15, 0, "", 0, 1, 1, optional_has_element},
	{"", "OptionalGetElement", 15, 0, "", 1, 1, 1, optional_get_element},
	{"", "SequenceEmpty", 11, 0, "dtype", 0, 0, 1, sequence_empty},
	{"", "SequenceConstruct", 11, 0, "", 1, -1, 1, sequence_construct},
	{"", "SequenceInsert", 11, 0, "", 2, 3, 1, sequence_insert},
	{"", "SequenceErase", 11, 0, "", 1, 2, 1, sequence_erase},
	{"", "SequenceAt", 11, 0, "", 2, 2, 1, sequence_at},
	{"", "SequenceLength", 11, 0, "", 1, 1, 1, sequence_length_of},
	{"", "ConcatFromSequence", 11, 0, "axis new_axis", 1, 1, 1, concat_from_sequence},
	{"", "SequenceMap", 17, 0, "body", 1, -1, -1, sequence_map},
	{"", "SplitToSequence", 11, 0, "axis keepdims", 1, 2, 1, split_to_sequence},
	{.op = NULL},
};
