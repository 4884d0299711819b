/* ops_text.c: TfIdfVectorizer, on words that are numbers, as texts are, too.
 *
 * All windows of n words, for each allowed distance between them, are compared with all n-grams of the pool; a window counts
 * where all words agree.  Counts are summed per n-gram, and a matrix puts each n-gram, times its weight, at its coordinate.
 */
#include "frontend/onnx/compose.h"

typedef struct {
	const Node *n;
	const int64_t *starts, *coordinates;
	const Tensor *pool; /* i64: the words, or their texts' numbers */
	int n_starts, n_pool, n_coordinates;
	bool once;                     /* IDF: whether it occurs, not how often */
	const double *weights;         /* NULL: all 1 */
	int64_t min, max, skips, size; /* of the result: the largest coordinate + 1 */
} Ngrams;

static const Tensor *pool_of(const Node *n)
{
	const int64_t *words;
	const char *const *texts;
	int64_t count = node_strs(n, "pool_strings", &texts);
	const bool as_texts = count >= 0;
	if (!as_texts) count = node_ints(n, "pool_int64s", &words);
	if (count < 0) node_fail(n, "attribute pool_int64s or pool_strings is wanted");
	Tensor *t = tensor_new(n->cx->arena, I64, 1, &count);
	for (int64_t i = 0; i < count; i++) tensor_set_int(t, i, as_texts ? text_number(n->cx, texts[i]) : words[i]);
	return t;
}

static Ngrams ngrams_of(const Node *n)
{
	Ngrams g = {.n = n,
		.min = node_required_int(n, "min_gram_length"),
		.max = node_required_int(n, "max_gram_length"),
		.skips = node_required_int(n, "max_skip_count")};
	g.n_starts = node_ints(n, "ngram_counts", &g.starts);
	g.pool = pool_of(n);
	g.n_pool = (int)g.pool->count;
	g.n_coordinates = node_ints(n, "ngram_indexes", &g.coordinates);
	if (g.n_starts < 0 || g.n_coordinates < 1) node_fail(n, "attributes ngram_counts and ngram_indexes are wanted");
	if (g.min < 1 || g.max < g.min || g.max > g.n_starts || g.skips < 0 || g.skips > 4096)
		node_fail(n, "n-grams of %lld to %lld words, %lld skipped, of a pool of up to %d words each",
			(long long)g.min, (long long)g.max, (long long)g.skips, g.n_starts);
	int64_t n_grams = 0;
	for (int i = 0; i < g.n_starts; i++) {
		const int64_t end = i + 1 < g.n_starts ? g.starts[i + 1] : g.n_pool;
		if (g.starts[i] < 0 || end < g.starts[i] || end > g.n_pool || (end - g.starts[i]) % (i + 1))
			node_fail(n, "attribute ngram_counts: no whole n-grams of %d words from %lld to %lld", i + 1,
				(long long)g.starts[i], (long long)end);
		n_grams += (end - g.starts[i]) / (i + 1);
	}
	if (n_grams != g.n_coordinates)
		node_fail(n, "attribute ngram_indexes: %lld wanted, %d seen", (long long)n_grams, g.n_coordinates);
	static const char *const modes[] = {"TF", "IDF", "TFIDF", NULL};
	const int mode = node_choice(n, "mode", modes), n_weights = node_floats(n, "weights", &g.weights);
	g.once = mode == 1;
	if (mode == 0 || n_weights < 0) g.weights = NULL;
	else if (n_weights != n_grams)
		node_fail(n, "attribute weights: %lld wanted, %d seen", (long long)n_grams, n_weights);
	for (int i = 0; i < g.n_coordinates; i++) {
		if (g.coordinates[i] < 0 || g.coordinates[i] >= 1 << 24)
			node_fail(n, "attribute ngram_indexes: %lld is out of range", (long long)g.coordinates[i]);
		if (g.coordinates[i] >= g.size) g.size = g.coordinates[i] + 1;
	}
	return g;
}

/* How often each of `count` n-grams of n words stands in the rows of x: f32[rows, count]. */
static const Val *occurrences(Ctx *cx, const Val *x, int64_t n, int64_t distance, const Val *grams)
{
	/* Windows may hang over the end, into zeros, and then do not count: so x may be shorter than a window. */
	const int64_t over = (n - 1) * distance;
	const Dim *length = x->type->dims[1], *zero = dim_int(cx, 0);
	const Val *padded = b_pad(cx, x, (const Dim *[]){zero, zero}, (const Dim *[]){zero, dim_int(cx, over)},
		b_scalar_int(cx, x->type->elem, 0));
	const Val *windows = b_unsqueeze(cx, b_window(cx, padded, 1, n, 1, distance), 2); /* [rows, length, 1, n] */
	const Val *same = b_reduce(cx, "min", binary(cx, OP_EW_eq, windows, grams), 1, (const int[]){3}, false);
	const Val *whole = binary(cx, OP_EW_lt, b_iota(cx, I64, 1, &length, 0),
		binary(cx, OP_EW_sub, b_dim(cx, length), b_scalar_int(cx, I64, over)));
	same = binary(
		cx, OP_EW_and, same, b_reshape(cx, whole, 3, (const Dim *[]){dim_int(cx, 1), length, dim_int(cx, 1)}));
	return b_reduce(cx, "sum", b_cast(cx, same, F32), 1, (const int[]){1}, false);
}

/* Of one length of n-grams: their occurrences at all distances, at their coordinates. */
static const Val *counted(const Ngrams *g, const Val *x, int64_t n, int64_t first, int64_t count)
{
	Ctx *cx = g->n->cx;
	Tensor *words = tensor_new(cx->arena, I64, 2, (const int64_t[]){count, n});
	Tensor *places = tensor_new(cx->arena, F32, 2, (const int64_t[]){count, g->size});
	if (!words || !places) node_fail(g->n, "the pool is too large");
	for (int64_t i = 0; i < count * n; i++) tensor_set_int(words, i, tensor_get_int(g->pool, g->starts[n - 1] + i));
	for (int64_t i = 0; i < count; i++)
		tensor_set(places, i * g->size + g->coordinates[first + i], g->weights ? g->weights[first + i] : 1);
	const Val *grams = val_const(cx, words), *sum = NULL;
	for (int64_t skip = 0; skip <= (n > 1 ? g->skips : 0); skip++) {
		const Val *here = occurrences(cx, x, n, skip + 1, grams);
		sum = sum ? binary(cx, OP_EW_add, sum, here) : here;
	}
	if (g->once) sum = with_number(cx, OP_EW_min, sum, 1);
	return b_contract(cx, "rg,gc->rc", sum, val_const(cx, places));
}

static void import_tfidf(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Ngrams g = ngrams_of(n);
	const Val *x = node_in(n, 0, "X");
	if ((x->type->elem == STR) != node_has(n, "pool_strings"))
		node_fail(n, "input X: %s, but the pool is of another type", type_str(cx, x->type));
	if (x->type->elem == STR) x = val_new(cx, OP_EW_bitcast, 1, &x, (Attr[]){attr_elem(I32)});
	x = b_cast(cx, x, I64);
	const int rank = x->type->rank;
	if (rank < 1 || rank > 2) node_fail(n, "input X: [C] or [N, C] wanted, %s seen", type_str(cx, x->type));
	if (rank == 1) x = b_unsqueeze(cx, x, 0);
	const Val *y = b_zeros(cx, F32, 2, (const Dim *[]){x->type->dims[0], dim_int(cx, g.size)});
	int64_t first = 0;
	for (int64_t k = 1; k <= g.n_starts; k++) {
		const int64_t end = k < g.n_starts ? g.starts[k] : g.n_pool, count = (end - g.starts[k - 1]) / k;
		if (k >= g.min && k <= g.max && count) y = binary(cx, OP_EW_add, y, counted(&g, x, k, first, count));
		first += count;
	}
	out[0] = rank == 1 ? b_squeeze(cx, y, 0) : y;
}

const Importer onnx_ops_text[] = {
	{"", "TfIdfVectorizer", 9, 0,
		"max_gram_length max_skip_count min_gram_length mode ngram_counts ngram_indexes pool_int64s pool_strings weights",
		1, 1, 1, import_tfidf},
	{.op = NULL},
};
