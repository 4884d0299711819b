/* ops_strings.c: operators that look into texts: StringNormalizer, StringConcat, StringSplit, and casts from and to texts.
 *
 * They compute with constants, while the model is imported: see strings.c.
 */
#include "frontend/onnx/compose.h"
#include "frontend/onnx/onnx_tensor.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

enum { MAX_TEXTS = 1 << 24 }; /* in one tensor */

static Tensor *texts_new(const Node *n, Elem elem, int rank, const int64_t *dims)
{
	int64_t count = 1;
	bool overflows = false;
	for (int i = 0; i < rank; i++) overflows |= __builtin_mul_overflow(count, dims[i], &count);
	if (overflows || count > MAX_TEXTS) node_fail(n, "more than %d strings", MAX_TEXTS);
	return tensor_new(n->cx->arena, elem, rank, dims);
}

static const char *text_of(const Node *n, const Tensor *t, int64_t i)
{
	return text_numbered(n->cx, tensor_get_int(t, i));
}

/* ---------------------------------------------------------------------------------------------------- StringNormalizer */

typedef wint_t CaseFn(wint_t, locale_t);

/* Each character of a text in the other case, by Unicode's tables of one character for another. */
static const char *change_case(const Node *n, const char *text, CaseFn *fn, locale_t locale)
{
	Buf b;
	buf_init(&b, n->cx->arena);
	buf_puts(&b, "");
	const locale_t before = uselocale(locale); /* for the two conversions: UTF-8 */
	mbstate_t from = {0}, to = {0};
	size_t size = 0;
	for (const char *at = text; *at && size != (size_t)-1; at += size) {
		wchar_t c;
		char bytes[MB_LEN_MAX];
		size = mbrtowc(&c, at, strnlen(at, MB_LEN_MAX), &from);
		if (size == (size_t)-2) size = (size_t)-1;
		if (size != (size_t)-1) buf_write(&b, bytes, wcrtomb(bytes, (wchar_t)fn((wint_t)c, locale), &to));
	}
	uselocale(before);
	if (size == (size_t)-1) node_fail(n, "%s is no UTF-8", onnx_quote(n->cx, text));
	return b.text;
}

static void locale_free(void *locale) { freelocale((locale_t)locale); }

/* Letters are the same in all languages but these, whose rules are not in Unicode's plain tables. */
static locale_t locale_of(const Node *n)
{
	static const char *const others[] = {"az", "lt", "tr"};
	const char *name = node_str(n, "locale", "en_US");
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strncmp(name, others[i], 2) == 0 && strchr("_.-", name[2]))
			node_fail(n, "attribute locale: the letters of %s are not supported", onnx_quote(n->cx, name));
	const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!locale) node_fail(n, "this machine's C library has no locale C.UTF-8");
	arena_defer(n->cx->arena, locale_free, locale);
	return locale;
}

static void import_string_normalizer(Node *n, const Val **out)
{
	static const char *const actions[] = {"NONE", "LOWER", "UPPER", NULL};
	static CaseFn *const fns[] = {NULL, towlower_l, towupper_l};
	Ctx *cx = n->cx;
	const Tensor *x = node_texts(n, 0, "X");
	const locale_t locale = locale_of(n);
	CaseFn *fn = fns[node_choice(n, "case_change_action", actions)];
	const bool exact = node_int(n, "is_case_sensitive", 0) != 0;
	if (x->rank < 1 || x->rank > 2 || (x->rank == 2 && x->dims[0] != 1))
		node_fail(n, "input X: [C] or [1, C] wanted, %s seen", type_str(cx, n->in[0]->type));
	const char *const *words = NULL;
	const int n_words = node_strs(n, "stopwords", &words);
	Map stop; /* interned */
	map_init(&stop, cx->arena);
	for (int i = 0; i < n_words; i++) {
		const char *word = intern(cx, exact ? words[i] : change_case(n, words[i], towlower_l, locale));
		map_put(&stop, word, word);
	}
	int64_t left = 0, dims[2] = {1, 1}, *kept = NEWN(cx->arena, int64_t, x->count);
	for (int64_t i = 0; i < x->count; i++) {
		const char *text = text_of(n, x, i);
		if (map_get(&stop, intern(cx, exact ? text : change_case(n, text, towlower_l, locale)))) continue;
		kept[left++] = text_number(cx, fn ? change_case(n, text, fn, locale) : text);
	}
	dims[x->rank - 1] = left ? left : 1; /* nothing is left: one empty text */
	Tensor *y = tensor_new(cx->arena, STR, x->rank, dims);
	for (int64_t i = 0; i < left; i++) tensor_set_int(y, i, kept[i]);
	out[0] = val_const(cx, y);
}

/* ---------------------------------------------------------------------------------------------------- StringConcat */

static void import_string_concat(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Tensor *x[2];
	const Dim **shape;
	const Type *types[2];
	for (int i = 0; i < 2; i++) {
		x[i] = node_texts(n, i, i ? "Y" : "X");
		types[i] = val_const(cx, x[i])->type;
	}
	shape = NEWN(cx->arena, const Dim *, types[0]->rank + types[1]->rank);
	const int rank = broadcast_shape(cx, types[0], types[1], shape);
	int64_t *dims = NEWN(cx->arena, int64_t, rank);
	for (int i = 0; i < rank; i++) dim_is_int(shape[i], &dims[i]);
	Tensor *y = texts_new(n, STR, rank, dims);
	for (int i = 0; i < 2; i++) x[i] = known_tensor(cx, b_expand(cx, val_const(cx, x[i]), rank, shape));
	for (int i = 0; i < 2; i++) texts_bytes(n, x[i]);
	for (int64_t i = 0; i < y->count; i++)
		tensor_set_int(y, i,
			text_number(cx, arena_printf(cx->arena, "%s%s", text_of(n, x[0], i), text_of(n, x[1], i))));
	out[0] = val_const(cx, y);
}

/* ---------------------------------------------------------------------------------------------------- StringSplit */

/* The next part of the text at *at, of which `more` may follow; false at the end.  No delimiter: white space, which neither
 * begins nor ends a part. */
static bool next_part(const char **at, const char *delimiter, bool more, const char **part, size_t *size)
{
	static const char space[] = " \t\n\v\f\r";
	if (!*at) return false;
	if (!*delimiter) *at += strspn(*at, space);
	if (!*delimiter && !**at) return false;
	*part = *at;
	const size_t n = *delimiter ? strlen(delimiter) : 0;
	const char *end = NULL;
	if (more && *delimiter) end = strstr(*at, delimiter);
	else if (more) end = (*at)[strcspn(*at, space)] ? *at + strcspn(*at, space) : NULL;
	*size = end ? (size_t)(end - *at) : strlen(*at);
	*at = end ? end + n : NULL;
	return true;
}

static void import_string_split(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Tensor *x = node_texts(n, 0, "X");
	const char *delimiter = node_str(n, "delimiter", ""), *part;
	const int64_t most = node_int(n, "maxsplit", -1);
	node_rank(n, x->rank + 1);
	Tensor *counts = tensor_new(cx->arena, I64, x->rank, x->dims);
	int64_t width = 0, *dims = NEWN(cx->arena, int64_t, x->rank + 1);
	size_t size;
	for (int64_t i = 0; i < x->count; i++) {
		int64_t parts = 0;
		for (const char *at = text_of(n, x, i);
			next_part(&at, delimiter, most < 0 || parts < most, &part, &size);)
			parts++;
		tensor_set_int(counts, i, parts);
		if (parts > width) width = parts;
	}
	memcpy(dims, x->dims, sizeof *dims * (size_t)x->rank);
	dims[x->rank] = width;
	Tensor *y = texts_new(n, STR, x->rank + 1, dims);
	for (int64_t i = 0; i < x->count; i++) {
		int64_t k = 0;
		for (const char *at = text_of(n, x, i); next_part(&at, delimiter, most < 0 || k < most, &part, &size);
			k++)
			tensor_set_int(y, i * width + k, text_number(cx, arena_strn(cx->arena, part, size)));
	}
	out[0] = val_const(cx, y);
	if (n->n_out > 1) out[1] = val_const(cx, counts);
}

/* ---------------------------------------------------------------------------------------------------- casts */

/* A number as ONNX writes them: digits, a point and an exponent, or one of NaN, INF, +INF, -INF in any case. */
static bool is_number(const char *text, bool is_float)
{
	const char *at = text + (*text == '+' || *text == '-');
	if (is_float && (!strcasecmp(text, "NaN") || !strcasecmp(at, "INF"))) return true;
	const size_t whole = strspn(at, "0123456789");
	at += whole;
	if (!is_float) return whole && !*at;
	const size_t fraction = *at == '.' ? strspn(at + 1, "0123456789") : 0;
	at += *at == '.' ? 1 + fraction : 0;
	if (!whole && !fraction) return false;
	if (*at == 'e' || *at == 'E') {
		at += 1 + (at[1] == '+' || at[1] == '-');
		const size_t exponent = strspn(at, "0123456789");
		at += exponent;
		if (!exponent) return false;
	}
	return !*at;
}

static const Val *numbers_from(const Node *n, Elem to)
{
	Ctx *cx = n->cx;
	const Tensor *x = node_texts(n, 0, "input");
	Tensor *y = tensor_new(cx->arena, to, x->rank, x->dims);
	if (to == BOOL || elem_is_storage(to))
		node_fail(n, "a cast from strings to %s is not supported", elem_info[to].name);
	for (int64_t i = 0; i < x->count; i++) {
		const char *text = text_of(n, x, i);
		if (!is_number(text, elem_is_float(to)))
			node_fail(n, "%s is no number of type %s", onnx_quote(cx, text), elem_info[to].name);
		errno = 0;
		if (to == F32) tensor_set(y, i, (double)strtof(text, NULL));
		else if (elem_is_float(to)) tensor_set(y, i, strtod(text, NULL));
		else if (to == U64) tensor_set_int(y, i, (int64_t)strtoull(text, NULL, 10));
		else tensor_set_int(y, i, strtoll(text, NULL, 10));
		const bool lost = !elem_is_float(to) &&
			(to == U64 ? *text == '-' : tensor_get_int(y, i) != strtoll(text, NULL, 10));
		if (!elem_is_float(to) && (errno == ERANGE || lost))
			node_fail(n, "%s does not fit in %s", onnx_quote(cx, text), elem_info[to].name);
	}
	return val_const(cx, y);
}

/* Plain, and with the fewest digits that give the same number again. */
static const char *float_text(Ctx *cx, const Tensor *x, int64_t i)
{
	const double v = tensor_get(x, i);
	if (isnan(v)) return "NaN";
	if (isinf(v)) return v < 0 ? "-INF" : "INF";
	Tensor *one = tensor_new(cx->arena, x->elem, 0, NULL);
	char text[40];
	int digits = 0; /* after the first */
	do {
		snprintf(text, sizeof text, "%.*e", digits, v);
		tensor_set(one, 0, x->elem == F32 ? (double)strtof(text, NULL) : strtod(text, NULL));
	} while (tensor_get(one, 0) != v && ++digits < 17);
	const int decimals = digits - atoi(strchr(text, 'e') + 1);
	return arena_printf(cx->arena, "%.*f", decimals > 0 ? decimals : 0, v);
}

static const Val *texts_from(const Node *n)
{
	Ctx *cx = n->cx;
	const Tensor *x = known_tensor(cx, node_in(n, 0, "input"));
	if (!x) node_fail(n, "a cast to strings of what only run time knows is not supported");
	Tensor *y = texts_new(n, STR, x->rank, x->dims);
	for (int64_t i = 0; i < x->count; i++) {
		const int64_t integer = tensor_get_int(x, i);
		const char *text = elem_is_float(x->elem) ? float_text(cx, x, i)
			: x->elem == U64                  ? arena_printf(cx->arena, "%llu", (unsigned long long)integer)
							  : arena_printf(cx->arena, "%lld", (long long)integer);
		tensor_set_int(y, i, text_number(cx, text));
	}
	return val_const(cx, y);
}

bool cast_texts(const Node *n, const Val **out)
{
	const bool like = strcmp(n->op, "CastLike") == 0;
	if (*n->domain || (!like && strcmp(n->op, "Cast") != 0)) return false;
	const Type *from = node_in(n, 0, "input")->type;
	Elem to;
	if (like) to = node_in(n, 1, "target_type")->type->elem;
	else if (n->opset < 6) to = strcmp(node_str(n, "to", ""), "STRING") == 0 ? STR : F32;
	else to = onnx_elem(n->cx, (int32_t)node_int(n, "to", 0), "attribute to");
	if (from->elem != STR && to != STR) return false;
	if (from->elem == to) out[0] = n->in[0];
	else out[0] = to == STR ? texts_from(n) : numbers_from(n, to);
	return true;
}

const Importer onnx_ops_strings[] = {
	{"", "StringConcat", 20, 0, "", 2, 2, 1, import_string_concat},
	{"", "StringNormalizer", 10, 0, "case_change_action is_case_sensitive locale stopwords", 1, 1, 1,
		import_string_normalizer},
	{"", "StringSplit", 20, 0, "delimiter maxsplit", 1, 1, 2, import_string_split},
	{.op = NULL},
};
