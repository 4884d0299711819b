/* ops_nms.c: NonMaxSuppression: a scan over the boxes in the order of their scores, in a scan over the classes, in one over
 * the batch.  Each step keeps a box that overlaps no kept one too much; how many are kept, only run time knows. */
#include "frontend/onnx/compose.h"

typedef struct { /* of [S] boxes, or of one */
	const Val *y_lo, *x_lo, *y_hi, *x_hi, *area;
} Boxes;

/* boxes: [S, 4], corners in any order or centre and size. */
static Boxes corners(Ctx *cx, const Val *boxes, bool from_center)
{
	const Val *c[4];
	for (int i = 0; i < 4; i++) c[i] = b_squeeze(cx, b_slice(cx, boxes, 1, dim_int(cx, i), dim_int(cx, 1), 1), 1);
	Boxes b;
	if (from_center) {
		const Val *half_w = with_number(cx, OP_EW_div, c[2], 2), *half_h = with_number(cx, OP_EW_div, c[3], 2);
		b.x_lo = binary(cx, OP_EW_sub, c[0], half_w);
		b.x_hi = binary(cx, OP_EW_add, c[0], half_w);
		b.y_lo = binary(cx, OP_EW_sub, c[1], half_h);
		b.y_hi = binary(cx, OP_EW_add, c[1], half_h);
	} else {
		b.y_lo = binary(cx, OP_EW_min, c[0], c[2]);
		b.y_hi = binary(cx, OP_EW_max, c[0], c[2]);
		b.x_lo = binary(cx, OP_EW_min, c[1], c[3]);
		b.x_hi = binary(cx, OP_EW_max, c[1], c[3]);
	}
	b.area = binary(cx, OP_EW_mul, binary(cx, OP_EW_sub, b.x_hi, b.x_lo), binary(cx, OP_EW_sub, b.y_hi, b.y_lo));
	return b;
}

static const Val *both(Ctx *cx, const Val *a, const Val *b) { return binary(cx, OP_EW_and, a, b); }

/* bool[S]: which boxes share more than the threshold with box i?  Those without an area share nothing. */
static const Val *overlaps(Ctx *cx, const Boxes *b, const Val *i, const Val *threshold)
{
	const Val *y_lo = binary(cx, OP_EW_max, b->y_lo, b_gather(cx, b->y_lo, i, 0));
	const Val *y_hi = binary(cx, OP_EW_min, b->y_hi, b_gather(cx, b->y_hi, i, 0));
	const Val *x_lo = binary(cx, OP_EW_max, b->x_lo, b_gather(cx, b->x_lo, i, 0));
	const Val *x_hi = binary(cx, OP_EW_min, b->x_hi, b_gather(cx, b->x_hi, i, 0));
	const Val *area = b_gather(cx, b->area, i, 0), *zero = b_scalar(cx, threshold->type->elem, 0);
	const Val *shared = binary(cx, OP_EW_mul, binary(cx, OP_EW_sub, x_hi, x_lo), binary(cx, OP_EW_sub, y_hi, y_lo));
	const Val *all = binary(cx, OP_EW_sub, binary(cx, OP_EW_add, b->area, area), shared);
	const Val *meet = both(cx, binary(cx, OP_EW_gt, y_hi, y_lo), binary(cx, OP_EW_gt, x_hi, x_lo));
	const Val *solid = both(cx, binary(cx, OP_EW_gt, b->area, zero), binary(cx, OP_EW_gt, area, zero));
	const Val *much = binary(cx, OP_EW_gt, binary(cx, OP_EW_div, shared, all), threshold);
	return both(cx, both(cx, meet, solid), both(cx, much, binary(cx, OP_EW_gt, shared, zero)));
}

/* Parameters of the types of vals. */
static void params_of(Ctx *cx, int n, const Val *const *vals, const Val **params)
{
	for (int i = 0; i < n; i++) params[i] = val_param(cx, i, vals[i]->type);
}

static const Val *element_param(Ctx *cx, int i, const Val *array)
{
	const Type *t = array->type;
	return val_param(cx, i, type_new(cx, t->elem, t->rank - 1, t->dims + 1));
}

enum { MAX_BOXES, IOU, SCORE }; /* the limits, scalars */

typedef struct {
	bool from_center, any_score; /* any_score: SCORE says nothing */
} Options;

/* One class: scores [S], boxes [S, 4].  Gives the boxes in the order of their scores, and which of them are kept. */
static void one_class(Ctx *cx, const Val *boxes, const Val *scores, const Val *const *limits, Options options,
	const Val **order, const Val **kept)
{
	const Dim *const *size = scores->type->dims;
	*order = b_sort(cx, scores, 0, true);
	/* consts: boxes, scores, limits; carries: how many, and which; x: a box */
	const Val *args[] = {boxes, scores, limits[MAX_BOXES], limits[IOU], limits[SCORE], b_scalar_int(cx, I64, 0),
		b_zeros(cx, BOOL, 1, size), *order};
	const Val *p[8];
	params_of(cx, 7, args, p);
	p[7] = element_param(cx, 7, *order);
	const Val *count = p[5], *taken = p[6], *i = p[7];
	Boxes b = corners(cx, p[0], options.from_center);
	const Val *crossed =
		b_reduce(cx, "max", both(cx, taken, overlaps(cx, &b, i, p[3])), 1, (const int[]){0}, false);
	const Val *good = binary(cx, OP_EW_lt, count, p[2]);
	if (!options.any_score) good = both(cx, good, binary(cx, OP_EW_gt, b_gather(cx, p[1], i, 0), p[4]));
	const Val *keep = both(cx, good, b_ew1(cx, OP_EW_not, crossed));
	const Val *here = both(cx, binary(cx, OP_EW_eq, b_iota(cx, I64, 1, size, 0), i), keep);
	const Val *results[] = {
		binary(cx, OP_EW_add, count, b_cast(cx, keep, I64)), binary(cx, OP_EW_or, taken, here), keep};
	const Graph *body = graph_new(cx, "suppress", 8, p, NULL, 3, results, NULL);
	*kept = val_get(cx, b_scan(cx, body, 5, 2, 8, args, size[0], false), 2);
}

/* scores [B, C, S], boxes [B, S, 4] -> order, kept: [B, C, S]. */
static void all_classes(Ctx *cx, const Val *boxes, const Val *scores, const Val *const *limits, Options options,
	const Val **order, const Val **kept)
{
	const Val *outer_args[] = {limits[0], limits[1], limits[2], boxes, scores}, *outer[5], *inner[5], *results[2];
	params_of(cx, 3, limits, outer);
	outer[3] = element_param(cx, 3, boxes);
	outer[4] = element_param(cx, 4, scores);
	params_of(cx, 4, outer, inner);
	inner[4] = element_param(cx, 4, outer[4]);
	one_class(cx, inner[3], inner[4], inner, options, &results[0], &results[1]);
	const Graph *body = graph_new(cx, "class", 5, inner, NULL, 2, results, NULL);
	const Val *classes = b_scan(cx, body, 4, 0, 5, outer, scores->type->dims[1], false);
	results[0] = val_get(cx, classes, 0);
	results[1] = val_get(cx, classes, 1);
	body = graph_new(cx, "example", 5, outer, NULL, 2, results, NULL);
	const Val *examples = b_scan(cx, body, 3, 0, 5, outer_args, scores->type->dims[0], false);
	*order = val_get(cx, examples, 0);
	*kept = val_get(cx, examples, 1);
}

static const Val *limit(const Node *n, int i, const char *what, const Val *otherwise)
{
	const Val *v = node_scalar(n, i, what);
	return v ? b_cast(n->cx, v, otherwise->type->elem) : otherwise;
}

static void import_nms(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *boxes = node_in(n, 0, "boxes"), *scores = node_in(n, 1, "scores");
	const Type *b = boxes->type, *s = scores->type;
	if (b->rank != 3 || s->rank != 3 || !dim_is(b->dims[2], 4) || b->elem != s->elem)
		node_fail(n, "boxes [B, S, 4] and scores [B, C, S] wanted, %s and %s seen", type_str(cx, b),
			type_str(cx, s));
	node_same_dim(n, b->dims[0], s->dims[0], "the batches of boxes and scores");
	node_same_dim(n, b->dims[1], s->dims[2], "the number of boxes and scores");
	int64_t from_center = node_int(n, "center_point_box", 0);
	if (from_center != 0 && from_center != 1)
		node_fail(n, "attribute center_point_box: %lld", (long long)from_center);
	Options options = {.from_center = from_center == 1, .any_score = !node_opt(n, 4)};
	const Val *limits[] = {limit(n, 2, "max_output_boxes_per_class", b_scalar_int(cx, I64, 0)),
		limit(n, 3, "iou_threshold", b_scalar(cx, s->elem, 0)),
		limit(n, 4, "score_threshold", b_scalar(cx, s->elem, 0))};
	const Val *order, *kept;
	all_classes(cx, boxes, scores, limits, options, &order, &kept);

	const Dim *total = type_count(cx, s), *one = dim_int(cx, 1);
	const Val *at = true_indices(n, b_reshape(cx, kept, 1, &total)), *n_classes = b_dim(cx, s->dims[1]);
	const Val *line = binary(cx, OP_EW_div, at, b_dim(cx, s->dims[2]));
	const Dim *columns[] = {at->type->dims[0], one};
	const Val *parts[] = {b_reshape(cx, binary(cx, OP_EW_div, line, n_classes), 2, columns),
		b_reshape(cx, binary(cx, OP_EW_rem, line, n_classes), 2, columns),
		b_reshape(cx, b_gather(cx, b_reshape(cx, order, 1, &total), at, 0), 2, columns)};
	out[0] = b_concat(cx, 3, parts, 1);
}

const Importer onnx_ops_nms[] = {
	{"", "NonMaxSuppression", 10, 0, "center_point_box", 2, 5, 1, import_nms},
	{.op = NULL},
};
