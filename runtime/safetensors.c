/* safetensors.c: Hugging Face's .safetensors: the size of a header, the header, which is JSON, and the data.
 *
 *     u64 little-endian N;  N bytes {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...};  data
 *
 * Source: the format's description in github.com/huggingface/safetensors.  Read as strictly as its own reader does: offsets
 * are of the data, each tensor has exactly the bytes that its type and shape need, and together they cover the data
 * without gap or overlap.  So no byte of a file is hidden, and no two tensors share one.  The JSON is read by cJSON; its
 * numbers are doubles, which are exact up to 2^53, and what is beyond is refused.
 */
#include "runtime/tensor_file.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	SIZE_BYTES = 8,
	MAX_HEADER_BYTES = 32 << 20, /* the parsed header takes some 30 times as much memory */
	MAX_RANK = 64,
	MAX_TENSORS = 1 << 16,
	MAX_SHOWN = 200, /* characters of a name in messages */
};

static const struct {
	const char *name;
	Elem elem;
} dtypes[] = {
	{"F64", F64},
	{"F32", F32},
	{"F16", F16},
	{"BF16", BF16},
	{"I8", I8},
	{"I16", I16},
	{"I32", I32},
	{"I64", I64},
	{"U8", U8},
	{"U16", U16},
	{"U32", U32},
	{"U64", U64},
	{"BOOL", BOOL},
	{"F8_E4M3", F8E4M3FN},
	{"F8_E5M2", F8E5M2},
	{"F8_E8M0", F8E8M0},
};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

typedef struct {
	int64_t begin, end;
} Range;

static void delete_json(void *json) { cJSON_Delete(json); }

static const char *shown(Ctx *cx, const char *name)
{
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "'");
	for (int i = 0; i < MAX_SHOWN && name[i]; i++) {
		const unsigned char c = (unsigned char)name[i];
		if (c < ' ' || c == 127) buf_printf(&b, "\\x%02x", c);
		else buf_write(&b, name + i, 1);
	}
	buf_puts(&b, strlen(name) > MAX_SHOWN ? "...'" : "'");
	return b.text;
}

/* ---- the header ---- */

static cJSON *parse_json(Ctx *cx, const char *text, size_t size, const char *what)
{
	if (!size || *text != '{') fail(cx, "%s: is not a .safetensors file: its header begins with no '{'", what);
	const char *end = NULL;
	cJSON *json = cJSON_ParseWithLengthOpts(text, size, &end, false);
	if (!json) fail(cx, "%s: damaged .safetensors header: no JSON, at byte %zu", what, (size_t)(end - text));
	arena_defer(cx->arena, delete_json, json);
	for (; end < text + size; end++)
		if (*end != ' ') fail(cx, "%s: damaged .safetensors header: text after its end", what);
	return json;
}

static int64_t whole(Ctx *cx, const cJSON *item, const char *what, const char *key)
{
	const double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
	if (!(value >= 0 && value <= 0x1p53 && value == floor(value)))
		fail(cx, "%s: %s must hold whole numbers from 0 to 2^53", what, key);
	return (int64_t)value;
}

static Elem parse_dtype(Ctx *cx, const cJSON *item, const char *what)
{
	if (!cJSON_IsString(item)) fail(cx, "%s: dtype must be a string", what);
	for (int i = 0; i < N_DTYPES; i++)
		if (!strcmp(dtypes[i].name, item->valuestring)) return dtypes[i].elem;
	fail(cx, "%s: tensors of type %s are not supported", what, shown(cx, item->valuestring));
}

/* The three keys, each once; other keys are none of the format's. */
static void find_keys(Ctx *cx, const cJSON *entry, const char *what, const cJSON *found[3])
{
	static const char *const keys[] = {"dtype", "shape", "data_offsets"};
	if (!cJSON_IsObject(entry)) fail(cx, "%s: must be an object", what);
	for (const cJSON *item = entry->child; item; item = item->next) {
		int k = 0;
		while (k < 3 && strcmp(keys[k], item->string)) k++;
		if (k == 3 || found[k]) fail(cx, "%s: unexpected key %s", what, shown(cx, item->string));
		found[k] = item;
	}
	for (int k = 0; k < 3; k++)
		if (!found[k]) fail(cx, "%s: has no %s", what, keys[k]);
}

static const Tensor *read_entry(
	Ctx *cx, const cJSON *entry, const char *what, const char *data, int64_t n_data, Range *range)
{
	const cJSON *found[3] = {NULL, NULL, NULL};
	find_keys(cx, entry, what, found);
	const Elem elem = parse_dtype(cx, found[0], what);
	int64_t dims[MAX_RANK], size = elem_info[elem].size;
	int rank = 0;
	bool too_large = false, empty = false;
	if (!cJSON_IsArray(found[1])) fail(cx, "%s: shape must be a list", what);
	for (const cJSON *item = found[1]->child; item; item = item->next) {
		if (rank == MAX_RANK) fail(cx, "%s: has more than %d dims", what, MAX_RANK);
		dims[rank] = whole(cx, item, what, "shape");
		empty |= !dims[rank];
		too_large |= __builtin_mul_overflow(size, dims[rank], &size);
		rank++;
	}
	if (empty) size = 0;
	else if (too_large) fail(cx, "%s: is too large", what);

	const cJSON *begin = cJSON_IsArray(found[2]) ? found[2]->child : NULL;
	if (!begin || !begin->next || begin->next->next) fail(cx, "%s: data_offsets must be two numbers", what);
	*range = (Range){whole(cx, begin, what, "data_offsets"), whole(cx, begin->next, what, "data_offsets")};
	if (range->begin > range->end || range->end > n_data)
		fail(cx, "%s: its data is at %lld to %lld, of %lld bytes that there are", what, (long long)range->begin,
			(long long)range->end, (long long)n_data);
	if (range->end - range->begin != size)
		fail(cx, "%s: its shape needs %lld bytes, but it has %lld", what, (long long)size,
			(long long)(range->end - range->begin));
	Tensor *t = tensor_new(cx->arena, elem, rank, dims);
	if (!t) fail(cx, "%s: is too large", what);
	if (size) memcpy(t->data, data + range->begin, (size_t)size);
	if (elem == BOOL)
		for (int64_t i = 0; i < t->count; i++) ((uint8_t *)t->data)[i] = ((uint8_t *)t->data)[i] != 0;
	return t;
}

static void check_metadata(Ctx *cx, const cJSON *item, const char *what)
{
	const bool object = cJSON_IsObject(item);
	bool strings = object;
	for (const cJSON *entry = object ? item->child : NULL; entry; entry = entry->next)
		strings &= cJSON_IsString(entry) != 0;
	if (!strings) fail(cx, "%s: __metadata__ must map names to strings", what);
}

/* ---- the file ---- */

static int by_begin(const void *a, const void *b)
{
	const Range *x = a, *y = b;
	if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end); /* empty ones first */
}

static void check_cover(Ctx *cx, int n, Range *ranges, int64_t n_data, const char *what)
{
	if (n) qsort(ranges, (size_t)n, sizeof *ranges, by_begin);
	int64_t at = 0;
	for (int i = 0; i < n; at = ranges[i++].end)
		if (ranges[i].begin != at)
			fail(cx, "%s: the data of tensors %s at byte %lld", what,
				ranges[i].begin < at ? "overlaps" : "leaves a gap", (long long)at);
	if (at != n_data) fail(cx, "%s: the last %lld bytes belong to no tensor", what, (long long)(n_data - at));
}

int safetensors_parse(Ctx *cx, const void *bytes, size_t size_bytes, const char *what, const NamedTensor **tensors)
{
	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "data is read as it is in the file");
	if (size_bytes < SIZE_BYTES) fail(cx, "%s: is not a .safetensors file: it is too short", what);
	uint64_t n_header;
	memcpy(&n_header, bytes, sizeof n_header);
	if (n_header > MAX_HEADER_BYTES)
		fail(cx, "%s: is not a .safetensors file, or its header is larger than %d MiB", what,
			MAX_HEADER_BYTES >> 20);
	if (n_header > size_bytes - SIZE_BYTES) fail(cx, "%s: truncated .safetensors header", what);
	const char *header = (const char *)bytes + SIZE_BYTES, *data = header + n_header;
	const int64_t n_data = (int64_t)(size_bytes - SIZE_BYTES - n_header);

	const cJSON *json = parse_json(cx, header, n_header, what);
	const int n_items = cJSON_GetArraySize(json);
	if (n_items > MAX_TENSORS) fail(cx, "%s: has %d entries, at most %d are read", what, n_items, MAX_TENSORS);
	NamedTensor *found = NEWN(cx->arena, NamedTensor, n_items);
	Range *ranges = NEWN(cx->arena, Range, n_items);
	Map names;
	map_init(&names, cx->arena);
	int n = 0;
	for (const cJSON *item = json->child; item; item = item->next) {
		const char *name = intern(cx, item->string),
			   *entry = arena_printf(cx->arena, "%s: tensor %s", what, shown(cx, name));
		if (map_get(&names, name)) fail(cx, "%s: is there twice", entry);
		map_put(&names, name, name);
		if (!strcmp(name, "__metadata__")) {
			check_metadata(cx, item, what);
			continue;
		}
		found[n].tensor = read_entry(cx, item, entry, data, n_data, &ranges[n]);
		found[n++].name = name;
	}
	check_cover(cx, n, ranges, n_data, what);
	*tensors = found;
	return n;
}
