/* ops_rearrange.c: moving elements by a rule: DepthToSpace, SpaceToDepth, ReverseSequence, Col2Im. */
#include "frontend/onnx/operands.h"

/* ------------------------------------------------------------------------------------ DepthToSpace, SpaceToDepth */

static const char *const orders[] = {"DCR", "CRD", NULL};

static int64_t block_size(const Node *n, const Val *x)
{
	int64_t size = node_required_int(n, "blocksize");
	if (size < 1) node_fail(n, "attribute blocksize: %lld", (long long)size);
	if (x->type->rank != 4)
		node_fail(n, "[batch, channels, height, width] wanted, %s seen", type_str(n->cx, x->type));
	return size;
}

static const Dim *divided(const Node *n, const Dim *d, int64_t by, const char *what)
{
	const Dim *q = dim_div_exact(n->cx, d, dim_int(n->cx, by));
	if (!q) node_fail(n, "%s, %s, is no multiple of %lld", what, dim_text(n->cx, d), (long long)by);
	return q;
}

static void import_depth_to_space(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "input");
	int64_t size = block_size(n, x);
	const Dim *const *d = x->type->dims, *b = dim_int(cx, size);
	const Dim *depth = divided(n, divided(n, d[1], size, "the channels"), size, "the channels");
	bool depth_last = node_choice(n, "mode", orders) == 0;
	const Dim *split[] = {depth_last ? b : depth, b, depth_last ? depth : b};
	x = replace_dims(cx, x, 1, 1, 3, split); /* [N, b, b, C, H, W] or [N, C, b, b, H, W] */
	x = b_permute(cx, x, depth_last ? (const int[]){0, 3, 4, 1, 5, 2} : (const int[]){0, 1, 4, 2, 5, 3});
	const Dim *result[] = {d[0], depth, dim_mul(cx, d[2], b), dim_mul(cx, d[3], b)};
	out[0] = b_reshape(cx, x, 4, result);
}

static void import_space_to_depth(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "input");
	int64_t size = block_size(n, x);
	const Dim *const *d = x->type->dims, *b = dim_int(cx, size);
	const Dim *height = divided(n, d[2], size, "the height"), *width = divided(n, d[3], size, "the width");
	bool depth_last = node_choice(n, "mode", orders) == 0;
	const Dim *split[] = {height, b, width, b};
	x = replace_dims(cx, x, 2, 2, 4, split); /* [N, C, H, b, W, b] */
	x = b_permute(cx, x, depth_last ? (const int[]){0, 3, 5, 1, 2, 4} : (const int[]){0, 1, 3, 5, 2, 4});
	const Dim *result[] = {d[0], dim_mul(cx, d[1], dim_mul(cx, b, b)), height, width};
	out[0] = b_reshape(cx, x, 4, result);
}

/* ---------------------------------------------------------------------------------------------------- ReverseSequence */

/* y[b, t] = x[b, len - 1 - t] where t < len[b], else x[b, t]. */
static void import_reverse_sequence(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "input"), *lens = node_integers(n, 1, "sequence_lens");
	int rank = x->type->rank, batch = node_axis(n, node_int(n, "batch_axis", 1), rank);
	int time = node_axis(n, node_int(n, "time_axis", 0), rank);
	if (batch == time) node_fail(n, "batch_axis and time_axis are both %d", time);
	if (lens->type->rank != 1)
		node_fail(n, "input sequence_lens: one dim wanted, %s seen", type_str(cx, lens->type));
	node_same_dim(n, x->type->dims[batch], lens->type->dims[0], "sequence_lens and the batch");
	/* [batch, time, ..] and back */
	int time_after = time < batch ? time + 1 : time;
	const Val *rows = move_axis(cx, move_axis(cx, x, batch, 0), time_after, 1);
	const Val *len = b_unsqueeze(cx, b_cast(cx, lens, I64), 1), *t = b_iota(cx, I64, 2, rows->type->dims, 1);
	const Val *back = binary(cx, OP_EW_sub, binary(cx, OP_EW_sub, len, b_scalar_int(cx, I64, 1)), t);
	const Val *from = b_select(cx, binary(cx, OP_EW_lt, t, len), back, t);
	rows = b_gather_nd(cx, rows, b_unsqueeze(cx, from, 2), 1);
	out[0] = move_axis(cx, move_axis(cx, rows, 1, time_after), 0, batch);
}

/* ---------------------------------------------------------------------------------------------------- Col2Im */

enum { MAX_SPATIAL = 8 };

/* n numbers >= lowest of an attribute, or their default. */
static const int64_t *spatial(const Node *n, const char *attr, int count, int64_t lowest, int64_t default_value)
{
	const int64_t *given;
	int64_t *values = NEWN(n->cx->arena, int64_t, count);
	int n_given = node_ints(n, attr, &given);
	if (n_given >= 0 && n_given != count)
		node_fail(n, "attribute %s: %d numbers wanted, %d seen", attr, count, n_given);
	for (int i = 0; i < count; i++) {
		values[i] = n_given < 0 ? default_value : given[i];
		if (values[i] < lowest || values[i] > INT32_MAX)
			node_fail(n, "attribute %s: %lld", attr, (long long)values[i]);
	}
	return values;
}

/* The blocks' columns added up where they were taken from.  x is [N, C*block, blocks]; its elements go to
 * place l*stride + k*dilation - pad of each dim, and those in the padding outside. */
static void import_col2im(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "input");
	const Dim *const *image, *const *block;
	node_in(n, 1, "image_shape");
	node_in(n, 2, "block_shape");
	int d = node_dims(n, 1, "image_shape", &image), n_block = node_dims_from(n, 2, "block_shape", 1, &block);
	if (d < 1 || d > MAX_SPATIAL || n_block != d || x->type->rank != 3)
		node_fail(n, "%s, image_shape of %d numbers, block_shape of %d", type_str(cx, x->type), d, n_block);
	const int64_t *dilations = spatial(n, "dilations", d, 1, 1), *strides = spatial(n, "strides", d, 1, 1);
	const int64_t *pads = spatial(n, "pads", 2 * d, 0, 0);

	const Dim *const *in = x->type->dims, *channels, *n_blocks = dim_int(cx, 1), *all = n_blocks;
	const Dim *grid[2 * MAX_SPATIAL]; /* block.., blocks.. */
	for (int i = 0; i < d; i++) {
		if (dim_lo(block[i]) < 1) node_fail(n, "input block_shape: %s", dim_text(cx, block[i]));
		const Dim *gaps = dim_mul(cx, dim_sub(cx, block[i], dim_int(cx, 1)), dim_int(cx, dilations[i]));
		const Dim *room = dim_sub(cx, dim_add(cx, image[i], dim_int(cx, pads[i] + pads[d + i] - 1)), gaps);
		grid[i] = dim_min(cx, block[i], in[1]); /* no block is larger than all columns */
		if (grid[i] != block[i]) node_check_size(n, b_dim(cx, block[i]), grid[i]);
		all = dim_mul(cx, all, grid[i]);
		grid[d + i] = dim_add(cx, dim_floordiv(cx, room, dim_int(cx, strides[i])), dim_int(cx, 1));
		n_blocks = dim_mul(cx, n_blocks, grid[d + i]);
	}
	int64_t of_block;
	if (dim_is_int(all, &of_block)) {
		channels = divided(n, in[1], of_block, "the channels times the block");
		node_same_dim(n, n_blocks, in[2], "the number of blocks");
	} else { /* the reshape compares the counts */
		channels = node_size(
			n, binary(cx, OP_EW_div, b_dim(cx, in[1]), b_dim(cx, all)), result_dim_name(n, 0, 1), 0, in[1]);
		node_check_size(n, b_dim(cx, n_blocks), in[2]);
	}

	const Val *places[MAX_SPATIAL];
	for (int i = 0; i < d; i++) {
		const Val *l = b_iota(cx, I64, 2 * d, grid, d + i), *k = b_iota(cx, I64, 2 * d, grid, i);
		const Val *at = binary(cx, OP_EW_add, with_number(cx, OP_EW_mul, l, (double)strides[i]),
			with_number(cx, OP_EW_mul, k, (double)dilations[i]));
		places[i] = b_unsqueeze(cx, with_number(cx, OP_EW_sub, at, (double)pads[i]), 2 * d);
	}
	/* [N, C, block.., blocks..] -> [block.., blocks.., N, C] */
	const Dim *dims[2 * MAX_SPATIAL + 2] = {in[0], channels}, *result[MAX_SPATIAL + 2];
	int perm[2 * MAX_SPATIAL + 2], back[MAX_SPATIAL + 2] = {d, d + 1};
	for (int i = 0; i < 2 * d; i++) {
		dims[2 + i] = grid[i];
		perm[i] = 2 + i;
	}
	perm[2 * d] = 0;
	perm[2 * d + 1] = 1;
	for (int i = 0; i < d; i++) {
		result[i] = image[i];
		back[2 + i] = i;
	}
	result[d] = in[0];
	result[d + 1] = channels;
	x = b_permute(cx, b_reshape(cx, x, 2 * d + 2, dims), perm);
	const Val *sum =
		b_scatter_nd(cx, b_zeros(cx, x->type->elem, d + 2, result), b_concat(cx, d, places, 2 * d), x, "add");
	out[0] = b_permute(cx, sum, back);
}

const Importer onnx_ops_rearrange[] = {
	{"", "DepthToSpace", 1, 10, "blocksize", 1, 1, 1, import_depth_to_space},
	{"", "DepthToSpace", 11, 0, "blocksize mode", 1, 1, 1, import_depth_to_space},
	{"", "SpaceToDepth", 1, 27, "blocksize", 1, 1, 1, import_space_to_depth},
	{"", "SpaceToDepth", 28, 0, "blocksize mode", 1, 1, 1, import_space_to_depth},
	{"", "ReverseSequence", 10, 0, "batch_axis time_axis", 2, 2, 1, import_reverse_sequence},
	{"", "Col2Im", 18, 0, "dilations pads strides", 3, 3, 1, import_col2im},
	{.op = NULL},
};
