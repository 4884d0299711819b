/* ops_attention.c: Attention, RotaryEmbedding, LinearAttention, CausalConvWithState: the parts of language models.
 *
 * Heads stay where they are: [B, S, H, D] and [B, H, S, D] differ in the letters of contractions only.  With
 * groups of query heads that share a key head, the head dim of the query is split in two letters, and nothing is
 * repeated.
 */
#include "frontend/onnx/arith.h"
#include "frontend/onnx/nn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A number of heads that divides a dim. */
static int64_t heads_attr(const Node *n, const char *attr, const Dim *hidden)
{
	int64_t heads = node_required_int(n, attr);
	if (heads < 1 || heads > INT32_MAX || !dim_div_exact(n->cx, hidden, dim_int(n->cx, heads)))
		node_fail(n, "attribute %s: %lld heads of %s", attr, (long long)heads, dim_text(n->cx, hidden));
	return heads;
}

/* [.., heads * d] as [.., heads, d]. */
static const Val *split_heads(Ctx *cx, const Val *x, int64_t heads)
{
	int last = x->type->rank - 1;
	const Dim *count = dim_int(cx, heads), *size = dim_div_exact(cx, x->type->dims[last], count);
	return replace_dims(cx, x, last, 1, 2, (const Dim *[]){count, size});
}

static void want_rank(const Node *n, const Val *x, int rank, const char *what)
{
	if (x && x->type->rank != rank)
		node_fail(n, "input %s: %d dims wanted, %s seen", what, rank, type_str(n->cx, x->type));
}

/* ---------------------------------------------------------------------------------------------------- Attention */

typedef struct {
	const Val *q, *k, *v; /* q [B, H, G, S, D] or [B, S, H, G, D]; k, v [B, H, T, D] or [B, T, H, D] */
	bool packed;          /* the second of them: 3-D inputs */
	const Dim *batch, *kv_heads, *group, *queries, *keys;
	const Val *allowed, *bias; /* NULL or broadcast to [B, H, G, S, T] */
	bool may_be_empty;         /* a query may have no key at all */
} Heads;

static void allow(Ctx *cx, Heads *h, const Val *mask) { h->allowed = h->allowed ? both(cx, h->allowed, mask) : mask; }

/* Queries and keys, with those of the past in front. */
static void take_heads(const Node *n, Heads *h, const Val **present_k, const Val **present_v)
{
	Ctx *cx = n->cx;
	const Val *q = node_in(n, 0, "Q"), *k = node_in(n, 1, "K"), *v = node_in(n, 2, "V");
	const Val *past_k = node_opt(n, 4), *past_v = node_opt(n, 5);
	h->packed = q->type->rank == 3;
	if (!h->packed) want_rank(n, q, 4, "Q");
	want_rank(n, k, q->type->rank, "K");
	want_rank(n, v, q->type->rank, "V");
	if (h->packed) {
		int64_t kv_heads = heads_attr(n, "kv_num_heads", k->type->dims[2]);
		q = split_heads(cx, q, heads_attr(n, "q_num_heads", q->type->dims[2]));
		k = split_heads(cx, k, kv_heads);
		v = split_heads(cx, v, heads_attr(n, "kv_num_heads", v->type->dims[2]));
	} else {
		if (!dim_is(q->type->dims[1], node_int(n, "q_num_heads", 0)) && node_has(n, "q_num_heads"))
			node_fail(n, "attribute q_num_heads: Q is %s", type_str(cx, q->type));
		if (!dim_is(k->type->dims[1], node_int(n, "kv_num_heads", 0)) && node_has(n, "kv_num_heads"))
			node_fail(n, "attribute kv_num_heads: K is %s", type_str(cx, k->type));
	}
	int head = h->packed ? 2 : 1, row = h->packed ? 1 : 2;
	node_same_dim(n, q->type->dims[0], k->type->dims[0], "the batch sizes of Q and K");
	node_same_dim(n, k->type->dims[0], v->type->dims[0], "the batch sizes of K and V");
	node_same_dim(n, k->type->dims[head], v->type->dims[head], "the heads of K and V");
	node_same_dim(n, k->type->dims[row], v->type->dims[row], "the lengths of K and V");
	node_same_dim(n, q->type->dims[3], k->type->dims[3], "the head sizes of Q and K");
	if (!past_k != !past_v) node_fail(n, "inputs past_key and past_value: one is missing");
	if (h->packed && (past_k || n->n_out > 1)) { /* as the past has them */
		k = move_axis(cx, k, 2, 1);
		v = move_axis(cx, v, 2, 1);
	}
	bool split = h->packed && !(past_k || n->n_out > 1);
	if (past_k) {
		want_rank(n, past_k, 4, "past_key");
		want_rank(n, past_v, 4, "past_value");
		node_same_dim(
			n, past_k->type->dims[2], past_v->type->dims[2], "the lengths of past_key and past_value");
		for (int i = 0; i < 4; i++) {
			if (i == 2) continue;
			node_same_dim(n, k->type->dims[i], past_k->type->dims[i], "the dims of K and past_key");
			node_same_dim(n, v->type->dims[i], past_v->type->dims[i], "the dims of V and past_value");
		}
		k = b_concat(cx, 2, (const Val *[]){past_k, k}, 2);
		v = b_concat(cx, 2, (const Val *[]){past_v, v}, 2);
	}
	*present_k = k;
	*present_v = v;
	if (split) {
		k = move_axis(cx, k, 2, 1);
		v = move_axis(cx, v, 2, 1);
	}
	h->batch = q->type->dims[0];
	h->kv_heads = k->type->dims[1];
	h->group = dim_div_exact(cx, q->type->dims[head], h->kv_heads);
	if (!h->group)
		node_fail(n, "%s heads of Q for %s of K", dim_text(cx, q->type->dims[head]), dim_text(cx, h->kv_heads));
	h->queries = q->type->dims[row];
	h->keys = k->type->dims[2];
	h->q = replace_dims(cx, q, head, 1, 2, (const Dim *[]){h->kv_heads, h->group});
	h->k = k;
	h->v = v;
}

/* attn_mask as [B, H, G, S, T], each dim perhaps 1. */
static const Val *take_mask(const Node *n, const Heads *h, const Val *mask)
{
	Ctx *cx = n->cx;
	const Type *t = mask->type;
	if (t->rank > 4 || t->rank < 1) node_fail(n, "input attn_mask: up to 4 dims wanted, %s seen", type_str(cx, t));
	const Dim *last = t->dims[t->rank - 1], *zero = dim_int(cx, 0), *one = dim_int(cx, 1);
	if (n->opset >= 24 && last != h->keys && dim_lo(dim_sub(cx, h->keys, last)) >= 0) { /* none of the rest */
		const Dim **lo = NEWN(cx->arena, const Dim *, t->rank), **hi = NEWN(cx->arena, const Dim *, t->rank);
		for (int i = 0; i < t->rank; i++) lo[i] = hi[i] = zero;
		hi[t->rank - 1] = dim_sub(cx, h->keys, last);
		if (t->elem != BOOL && !elem_is_float(t->elem)) mask = b_cast(cx, mask, h->q->type->elem);
		mask = b_pad(
			cx, mask, lo, hi, b_scalar(cx, mask->type->elem, mask->type->elem == BOOL ? 0 : -INFINITY));
	} else if (!dim_is(last, 1)) {
		node_same_dim(n, h->keys, last, "the keys and attn_mask");
	}
	const Dim *dims[5] = {one, one, one, one, one}, *const *of = mask->type->dims;
	int rank = t->rank;
	dims[4] = of[rank - 1];
	if (rank > 1) dims[3] = of[rank - 2];
	if (rank > 2 && !dim_is(of[rank - 3], 1)) {
		node_same_dim(n, dim_mul(cx, h->kv_heads, h->group), of[rank - 3], "the heads and attn_mask");
		dims[1] = h->kv_heads;
		dims[2] = h->group;
	}
	if (rank > 3) dims[0] = of[0];
	if (!dim_is(dims[3], 1)) node_same_dim(n, h->queries, dims[3], "the queries and attn_mask");
	if (!dim_is(dims[0], 1)) node_same_dim(n, h->batch, dims[0], "the batch size and attn_mask");
	return b_reshape(cx, mask, 5, dims);
}

/* Which keys each query may see. */
static void take_masks(const Node *n, Heads *h, const Dim *past)
{
	Ctx *cx = n->cx;
	const Val *mask = node_opt(n, 3), *lengths = node_opt(n, 6);
	const Dim *one = dim_int(cx, 1), *const shape[] = {h->queries, h->keys};
	const Val *i = index_along(cx, 2, shape, 0), *j = index_along(cx, 2, shape, 1), *offset = b_dim(cx, past);
	if (lengths) {
		if (node_opt(n, 4)) node_fail(n, "inputs nonpad_kv_seqlen and past_key are both given");
		want_rank(n, lengths, 1, "nonpad_kv_seqlen");
		node_same_dim(n, h->batch, lengths->type->dims[0], "the batch size and nonpad_kv_seqlen");
		lengths = b_reshape(cx, b_cast(cx, lengths, I64), 5, (const Dim *[]){h->batch, one, one, one, one});
		offset = sub(cx, lengths, b_dim(cx, h->queries));
		allow(cx, h, is_below(cx, j, lengths));
		h->may_be_empty = true;
	}
	int64_t left = node_int(n, "left_window_size", -1), right = node_int(n, "right_window_size", -1);
	if (left < -1 || right < -1) node_fail(n, "attributes left_window_size, right_window_size: -1 or more wanted");
	const Val *at = add(cx, i, offset); /* the query's place among the keys */
	bool causal = node_int(n, "is_causal", 0) != 0;
	bool sees_all = !lengths && dim_hi(dim_sub(cx, h->keys, dim_add(cx, past, one))) <= 0;
	if (causal && !sees_all) allow(cx, h, is_at_most(cx, j, at));
	if (left >= 0) allow(cx, h, is_at_least(cx, add(cx, j, b_scalar_int(cx, I64, left)), at));
	if (right >= 0) allow(cx, h, is_at_most(cx, j, add(cx, at, b_scalar_int(cx, I64, right))));
	h->may_be_empty |= mask || left >= 0;
	if (!mask) return;
	mask = take_mask(n, h, mask);
	if (mask->type->elem == BOOL) allow(cx, h, mask);
	else h->bias = b_cast(cx, mask, h->q->type->elem);
}

static const Val *softmax(Ctx *cx, const Val *x, bool may_be_empty)
{
	int last = x->type->rank - 1;
	const Val *most = b_reduce(cx, "max", x, 1, &last, true);
	const Val *zero = number(cx, x, 0);
	if (may_be_empty) most = b_select(cx, is_equal(cx, most, number(cx, x, -INFINITY)), zero, most);
	const Val *e = b_ew1(cx, OP_EW_exp, sub(cx, x, most)), *sum = b_reduce(cx, "sum", e, 1, &last, true);
	if (may_be_empty) sum = b_select(cx, is_equal(cx, sum, zero), number(cx, x, 1), sum);
	if (x->type->elem == F16 || x->type->elem == BF16) return quotient(cx, e, sum); /* as softmax.rnn */
	return mul(cx, e, quotient(cx, number(cx, x, 1), sum));
}

static Elem softmax_elem(const Node *n, Elem elem)
{
	int64_t type = node_int(n, "softmax_precision", 0);
	if (type < 0 || type > INT32_MAX) node_fail(n, "attribute softmax_precision: %lld is no type", (long long)type);
	if (type) elem = onnx_elem(n->cx, (int32_t)type, "attribute softmax_precision");
	if (!elem_is_float(elem)) node_fail(n, "attribute softmax_precision: %s is no float", elem_info[elem].name);
	return elem;
}

/* The factor of the scores: 1 / sqrt(head size) unless given. */
static const Val *scale_of(const Node *n, const Val *q)
{
	Ctx *cx = n->cx;
	if (node_has(n, "scale")) return number(cx, q, node_float(n, "scale", 0));
	const Val *root = b_ew1(cx, OP_EW_sqrt, size_as(cx, q->type->dims[q->type->rank - 1], F64));
	return folded(cx, b_cast(cx, quotient(cx, b_scalar(cx, F64, 1), root), q->type->elem));
}

static void import_attention(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	Heads h = {0};
	const Val *present_k, *present_v;
	take_heads(n, &h, &present_k, &present_v);
	take_masks(n, &h, node_opt(n, 4) ? node_opt(n, 4)->type->dims[2] : dim_int(cx, 0));
	Elem elem = h.q->type->elem;
	double cap = node_float(n, "softcap", 0);
	const Val *q = mul(cx, h.q, scale_of(n, h.q));
	const Val *scores = b_contract(cx, h.packed ? "bshgd,bhtd->bhgst" : "bhgsd,bhtd->bhgst", q, h.k), *shown[4];
	shown[0] = scores;
	if (cap > 0) {
		scores = b_ew1(cx, OP_EW_tanh, with_number(cx, OP_EW_div, scores, cap));
		scores = with_number(cx, OP_EW_mul, scores, cap);
	}
	shown[1] = scores;
	if (h.bias) scores = add(cx, scores, h.bias);
	if (h.allowed) scores = b_select(cx, h.allowed, scores, number(cx, scores, -INFINITY));
	shown[2] = scores;
	const Val *weights = softmax(cx, b_cast(cx, scores, softmax_elem(n, elem)), h.may_be_empty);
	weights = shown[3] = b_cast(cx, weights, elem);
	const Dim *heads = dim_mul(cx, h.kv_heads, h.group), *v_size = h.v->type->dims[3];
	const Val *v = b_cast(cx, h.v, elem);
	const Val *y = b_contract(cx, h.packed ? "bhgst,bhtd->bshgd" : "bhgst,bhtd->bhgsd", weights, v);
	const Dim *packed[] = {h.batch, h.queries, dim_mul(cx, heads, v_size)};
	const Dim *whole[] = {h.batch, heads, h.queries, v_size};
	out[0] = h.packed ? b_reshape(cx, y, 3, packed) : b_reshape(cx, y, 4, whole);
	if (n->n_out > 1) out[1] = present_k;
	if (n->n_out > 2) out[2] = present_v;
	int64_t mode = node_int(n, "qk_matmul_output_mode", 0);
	if (mode < 0 || mode > 3) node_fail(n, "attribute qk_matmul_output_mode: %lld", (long long)mode);
	if (n->n_out > 3) out[3] = b_reshape(cx, shown[mode], 4, (const Dim *[]){h.batch, heads, h.queries, h.keys});
}

/* ---------------------------------------------------------------------------------------------------- FlexAttention */

/* What a body attribute makes of a value, whose shape it keeps; the value itself when it is absent. */
static const Val *modified(const Node *n, const char *attr, const Val *x)
{
	Ctx *cx = n->cx;
	int n_captures;
	const Val *const *captures;
	if (!node_has(n, attr)) return x;
	const Graph *body = node_graph(n, attr, 1, &x->type, -1, &n_captures, &captures);
	if (body->n_params != 1 + n_captures || body->n_results != 1 || body->results[0]->type != x->type)
		node_fail(n, "attribute %s: one input and one output of %s wanted", attr, type_str(cx, x->type));
	const Val **args = NEWN(cx->arena, const Val *, n_captures + 1), *y;
	args[0] = x;
	for (int i = 0; i < n_captures; i++) args[1 + i] = captures[i];
	graph_splice(cx, body, args, &y);
	return y;
}

static void import_flex_attention(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	Heads h = {0};
	const Val *k, *v;
	want_rank(n, node_in(n, 0, "Q"), 4, "Q");
	take_heads(n, &h, &k, &v);
	Elem elem = h.q->type->elem, wide = softmax_elem(n, elem == F64 ? F64 : F32);
	const Dim *heads = dim_mul(cx, h.kv_heads, h.group);
	const Dim *const split[] = {h.batch, h.kv_heads, h.group, h.queries, h.keys};
	const Val *scores = b_contract(cx, "bhgsd,bhtd->bhgst", mul(cx, h.q, scale_of(n, h.q)), h.k);
	scores = b_reshape(cx, b_cast(cx, scores, wide), 4, (const Dim *[]){h.batch, heads, h.queries, h.keys});
	const Val *weights = modified(n, "prob_mod", softmax(cx, modified(n, "score_mod", scores), false));
	const Val *y = b_contract(cx, "bhgst,bhtd->bhgsd", b_reshape(cx, weights, 5, split), b_cast(cx, h.v, wide));
	out[0] = b_cast(cx, b_reshape(cx, y, 4, (const Dim *[]){h.batch, heads, h.queries, h.v->type->dims[3]}), elem);
}

/* ------------------------------------------------------------------------------------------ RotaryEmbedding */

/* Every second element of the last dim, from `first` on; or one half of it. */
static const Val *part(Ctx *cx, const Val *x, const Dim *half, int which, bool interleaved)
{
	const Dim *start = interleaved ? dim_int(cx, which) : which ? half : dim_int(cx, 0);
	return b_slice(cx, x, x->type->rank - 1, start, half, interleaved ? 2 : 1);
}

/* Angles for x [B, S, H, D] or [B, H, S, D]. */
static const Val *angles(const Node *n, int i, const char *what, const Val *x, const Dim *half, bool packed)
{
	Ctx *cx = n->cx;
	const Val *cache = node_in(n, i, what), *at = node_opt(n, 3);
	want_rank(n, cache, at ? 2 : 3, what);
	if (at) cache = b_gather(cx, cache, wrap_index(cx, at, b_dim(cx, cache->type->dims[0])), 0);
	want_rank(n, cache, 3, what);
	node_same_dim(n, half, cache->type->dims[2], "half of the rotated size and the cache");
	node_same_dim(n, x->type->dims[packed ? 1 : 2], cache->type->dims[1], "the lengths of X and the angles");
	return b_unsqueeze(cx, cache, packed ? 2 : 1);
}

static void import_rotary_embedding(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X");
	const Type *type = x->type;
	bool packed = type->rank == 3, interleaved = node_int(n, "interleaved", 0) != 0;
	if (packed) x = split_heads(cx, x, heads_attr(n, "num_heads", type->dims[2]));
	else want_rank(n, x, 4, "X");
	if (!packed && node_int(n, "num_heads", 0) && !dim_is(type->dims[1], node_int(n, "num_heads", 0)))
		node_fail(n, "attribute num_heads: X is %s", type_str(cx, type));
	int64_t rotated = node_int(n, "rotary_embedding_dim", 0);
	const Dim *size = x->type->dims[3], *turned = rotated ? dim_int(cx, rotated) : size;
	const Dim *half = dim_div_exact(cx, turned, dim_int(cx, 2)), *rest = dim_sub(cx, size, turned);
	if (!half || rotated < 0 || dim_lo(rest) < 0)
		node_fail(n, "rotating %s of %s is not supported", dim_text(cx, turned), dim_text(cx, size));
	const Val *c = angles(n, 1, "cos_cache", x, half, packed), *s = angles(n, 2, "sin_cache", x, half, packed);
	const Val *whole = b_slice(cx, x, 3, dim_int(cx, 0), turned, 1);
	const Val *a = part(cx, whole, half, 0, interleaved), *b = part(cx, whole, half, 1, interleaved);
	const Val *parts[3] = {sub(cx, mul(cx, c, a), mul(cx, s, b)), add(cx, mul(cx, s, a), mul(cx, c, b)),
		b_slice(cx, x, 3, turned, rest, 1)};
	int n_rest = dim_is(rest, 0) ? 0 : 1;
	const Val *y;
	if (interleaved) {
		for (int i = 0; i < 2; i++) parts[i] = b_unsqueeze(cx, parts[i], 4);
		y = replace_dims(cx, b_concat(cx, 2, parts, 4), 3, 2, 1, &turned);
		if (n_rest) y = b_concat(cx, 2, (const Val *[]){y, parts[2]}, 3);
	} else {
		y = b_concat(cx, 2 + n_rest, parts, 3);
	}
	out[0] = b_reshape(cx, y, type->rank, type->dims);
}

/* ------------------------------------------------------------------------------------------ LinearAttention */

/* An input [B, T, heads * d] as the steps [T, B, heads, d] of a scan, in f32. */
static const Val *steps_of(const Node *n, int i, const char *what, int64_t heads, const Val *like)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, i, what);
	want_rank(n, x, 3, what);
	if (!dim_div_exact(cx, x->type->dims[2], dim_int(cx, heads)))
		node_fail(n, "input %s: %s in %lld heads", what, type_str(cx, x->type), (long long)heads);
	for (int k = 0; k < 2 && like; k++)
		node_same_dim(n, like->type->dims[k], x->type->dims[k], "the batch size or length");
	return move_axis(cx, split_heads(cx, b_cast(cx, x, F32), heads), 1, 0);
}

static void import_linear_attention(Node *n, const Val **out)
{
	static const char *const rules[] = {"gated_delta", "gated", "delta", "linear", NULL};
	Ctx *cx = n->cx;
	int rule = node_choice(n, "update_rule", rules);
	bool gated = rule <= 1, delta = rule == 0 || rule == 2;
	const Val *q = node_in(n, 0, "query"), *k = node_in(n, 1, "key");
	want_rank(n, q, 3, "query");
	want_rank(n, k, 3, "key");
	if (gated != !!node_opt(n, 4))
		node_fail(n, "input decay: %s with update_rule %s", gated ? "missing" : "given", rules[rule]);
	if (delta != !!node_opt(n, 5))
		node_fail(n, "input beta: %s with update_rule %s", delta ? "missing" : "given", rules[rule]);
	int64_t q_heads = heads_attr(n, "q_num_heads", q->type->dims[2]);
	int64_t kv_heads = heads_attr(n, "kv_num_heads", k->type->dims[2]);
	if (q_heads % kv_heads)
		node_fail(n, "attributes q_num_heads, kv_num_heads: %lld and %lld", (long long)q_heads,
			(long long)kv_heads);
	const Val *xs[5] = {steps_of(n, 0, "query", q_heads, NULL), steps_of(n, 1, "key", kv_heads, q),
		steps_of(n, 2, "value", kv_heads, q)};
	const Dim *heads = dim_int(cx, kv_heads), *group = dim_int(cx, q_heads / kv_heads);
	xs[0] = replace_dims(cx, xs[0], 2, 1, 2, (const Dim *[]){heads, group});
	const Dim *d_k = xs[1]->type->dims[3], *d_v = xs[2]->type->dims[3], *batch = q->type->dims[0],
		  *length = q->type->dims[1];
	node_same_dim(n, xs[0]->type->dims[4], d_k, "the head sizes of query and key");
	int n_xs = 3;
	if (gated) xs[n_xs++] = steps_of(n, 4, "decay", kv_heads, q);
	if (delta) {
		const Val *beta = node_in(n, 5, "beta");
		want_rank(n, beta, 3, "beta");
		xs[n_xs++] = steps_of(n, 5, "beta", dim_is(beta->type->dims[2], 1) ? 1 : kv_heads, q);
	}
	if (gated && !dim_is(xs[3]->type->dims[3], 1))
		node_same_dim(n, d_k, xs[3]->type->dims[3], "the head sizes of key and decay");
	if (delta && !dim_is(xs[n_xs - 1]->type->dims[3], 1))
		node_fail(n, "input beta: one value for each head wanted");

	const Dim *const of_state[] = {batch, heads, d_k, d_v};
	const Val *past = node_opt(n, 3);
	want_rank(n, past, 4, "past_state");
	for (int i = 0; i < 4 && past; i++)
		node_same_dim(n, of_state[i], past->type->dims[i], "the dims of past_state");
	const Val *args[6] = {past ? b_cast(cx, past, F32) : b_zeros(cx, F32, 4, of_state)}, *params[6];
	for (int i = 0; i <= n_xs; i++) {
		if (i) args[i] = xs[i - 1];
		const Type *t = args[i]->type;
		params[i] = val_param(cx, i, i ? type_new(cx, F32, t->rank - 1, t->dims + 1) : t);
	}
	const Val *state = params[0], *value = params[3];
	if (gated) state = mul(cx, state, b_unsqueeze(cx, b_ew1(cx, OP_EW_exp, params[4]), 3));
	if (delta) value = mul(cx, params[n_xs], sub(cx, value, b_contract(cx, "bhkv,bhk->bhv", state, params[2])));
	state = add(cx, state, mul(cx, b_unsqueeze(cx, params[2], 3), b_unsqueeze(cx, value, 2)));
	const Val *factor = b_scalar(cx, F32, node_float(n, "scale", 0));
	if (node_float(n, "scale", 0) == 0)
		factor = folded(cx, quotient(cx, b_scalar(cx, F32, 1), b_ew1(cx, OP_EW_sqrt, size_as(cx, d_k, F32))));
	const Val *results[] = {state, mul(cx, b_contract(cx, "bhgk,bhkv->bhgv", params[1], state), factor)};
	const Graph *body = graph_new(cx, "linear_attention", n_xs + 1, params, NULL, 2, results, NULL);
	const Val *scan = b_scan(cx, body, 0, 1, n_xs + 1, args, length, false);
	const Val *y = move_axis(cx, val_get(cx, scan, 1), 0, 1);
	const Dim *all = dim_mul(cx, dim_int(cx, q_heads), d_v);
	out[0] = b_cast(cx, replace_dims(cx, y, 2, 3, 1, &all), q->type->elem);
	if (n->n_out > 1) out[1] = b_cast(cx, val_get(cx, scan, 0), past ? past->type->elem : q->type->elem);
}

/* ------------------------------------------------------------------------------------------ CausalConvWithState */

static void import_causal_conv(Node *n, const Val **out)
{
	static const char *const activations[] = {"none", "silu", "swish", NULL};
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "input"), *w = node_in(n, 1, "weight"), *bias = node_opt(n, 2),
		  *past = node_opt(n, 3);
	int64_t k;
	want_rank(n, x, 3, "input");
	want_rank(n, past, 3, "past_state");
	if (w->type->rank != 3 || !dim_is(w->type->dims[1], 1) || !dim_is_int(w->type->dims[2], &k) || k < 1)
		node_fail(n, "input weight: [channels, 1, k] wanted, %s seen", type_str(cx, w->type));
	const Dim *channels = x->type->dims[1], *length = x->type->dims[2], *before = dim_int(cx, k - 1),
		  *zero = dim_int(cx, 0);
	node_same_dim(n, channels, w->type->dims[0], "the channels of input and weight");
	const Val *all;
	if (past) {
		node_same_dim(n, x->type->dims[0], past->type->dims[0], "the batch sizes of input and past_state");
		node_same_dim(n, channels, past->type->dims[1], "the channels of input and past_state");
		node_same_dim(n, before, past->type->dims[2], "k - 1 and past_state");
		all = b_concat(cx, 2, (const Val *[]){past, x}, 2);
	} else {
		const Dim *const lo[] = {zero, zero, before}, *const hi[] = {zero, zero, zero};
		all = b_pad(cx, x, lo, hi, number(cx, x, 0));
	}
	const Val *y = k == 1 ? b_contract(cx, "bct,c->bct", all, b_reshape(cx, w, 1, &channels))
			      : b_contract(cx, "bctk,ck->bct", b_window(cx, all, 2, k, 1, 1), b_squeeze(cx, w, 1));
	if (bias) {
		want_rank(n, bias, 1, "bias");
		node_same_dim(n, channels, bias->type->dims[0], "the channels of input and bias");
		y = add(cx, y, b_unsqueeze(cx, bias, 1));
	}
	if (node_choice(n, "activation", activations)) y = mul(cx, y, b_ew1(cx, OP_EW_sigmoid, y));
	out[0] = y;
	if (n->n_out > 1) out[1] = b_slice(cx, all, 2, length, before, 1);
}

#define ATTENTION "is_causal kv_num_heads q_num_heads qk_matmul_output_mode scale softcap softmax_precision"

const Importer onnx_ops_attention[] = {
	{"", "Attention", 23, 23, ATTENTION, 3, 6, 4, import_attention},
	{"", "Attention", 24, 24, ATTENTION, 3, 7, 4, import_attention},
	{"", "Attention", 25, 0, ATTENTION " left_window_size right_window_size", 3, 7, 4, import_attention},
	{"", "RotaryEmbedding", 23, 0, "interleaved num_heads rotary_embedding_dim", 3, 4, 1, import_rotary_embedding},
	{"", "LinearAttention", 27, 0, "chunk_size kv_num_heads q_num_heads scale update_rule", 3, 6, 2,
		import_linear_attention},
	{"", "CausalConvWithState", 27, 0, "activation", 2, 4, 2, import_causal_conv},
	{"ai.onnx.preview", "FlexAttention", 1, 0, "prob_mod scale score_mod softmax_precision", 3, 3, 1,
		import_flex_attention},
	{.op = NULL},
};
