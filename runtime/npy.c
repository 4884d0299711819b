/* npy.c: NumPy's array format, versions 1.0 to 3.0: a magic string, a header that is a Python dict literal, the data.
 *
 * Source: NumPy Enhancement Proposal 1 and numpy.lib.format.  Read strictly: exactly the three keys, each once, and exactly
 * as much data as the shape says.  Both byte orders and both memory orders are read, strings too; little-endian C order
 * is written.
 */
#include "runtime/tensor_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { NPY_MAX_RANK = 64, NPY_ALIGN = 64 };
static const char MAGIC[] = "\x93NUMPY";

static const struct {
	Elem elem;
	char kind, order; /* order: what is written; one byte has none */
} npy_types[N_ELEMS] = {
	{F64, 'f', '<'},
	{F32, 'f', '<'},
	{F16, 'f', '<'},
	{BF16, 'V', '<'},
	{I8, 'i', '|'},
	{I16, 'i', '<'},
	{I32, 'i', '<'},
	{I64, 'i', '<'},
	{U8, 'u', '|'},
	{U16, 'u', '<'},
	{U32, 'u', '<'},
	{U64, 'u', '<'},
	{BOOL, 'b', '|'},
	/* what NumPy has no name for is written as the bytes that hold it */
	{F8E4M3FN, 'u', '|'},
	{F8E4M3FNUZ, 'u', '|'},
	{F8E5M2, 'u', '|'},
	{F8E5M2FNUZ, 'u', '|'},
	{F8E8M0, 'u', '|'},
	{F4E2M1, 'u', '|'},
	{I4, 'i', '|'},
	{U4, 'u', '|'},
	{I2, 'i', '|'},
	{U2, 'u', '|'},
};

/* ---- the header's dict ---- */

typedef struct {
	Ctx *cx;
	const char *what;
	const char *at, *end;
	Elem elem;
	bool swapped, fortran;
	int64_t width; /* of a string: characters, 4 bytes each */
	int rank;
	int64_t dims[NPY_MAX_RANK];
} Npy;

static void skip_space(Npy *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t')) p->at++;
}

static bool accept(Npy *p, char c)
{
	skip_space(p);
	if (p->at == p->end || *p->at != c) return false;
	p->at++;
	return true;
}

static void expect(Npy *p, char c)
{
	if (!accept(p, c)) fail(p->cx, "%s: damaged .npy header: '%c' expected", p->what, c);
}

static const char *parse_string(Npy *p)
{
	skip_space(p);
	if (p->at == p->end || (*p->at != '\'' && *p->at != '"'))
		fail(p->cx, "%s: damaged .npy header: a string expected", p->what);
	const char quote = *p->at++, *start = p->at;
	const char *stop = memchr(start, quote, (size_t)(p->end - start));
	if (!stop) fail(p->cx, "%s: damaged .npy header: a string without end", p->what);
	p->at = stop + 1;
	return arena_strn(p->cx->arena, start, (size_t)(stop - start));
}

static bool accept_word(Npy *p, const char *word)
{
	skip_space(p);
	const size_t n = strlen(word);
	if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n)) return false;
	p->at += n;
	return true;
}

static void parse_descr(Npy *p)
{
	skip_space(p);
	if (p->at < p->end && *p->at == '[') fail(p->cx, "%s: structured arrays are not supported", p->what);
	const char *descr = parse_string(p);
	const size_t n = strlen(descr);
	const char order = descr[0];
	if (n > 2 && descr[1] == 'U' && strchr("<>", order) && descr[2] != '0' &&
		strspn(descr + 2, "0123456789") == n - 2 && n < 12) {
		p->elem = STR;
		p->width = strtoll(descr + 2, NULL, 10);
		p->swapped = order == '>';
		return;
	}
	bool found = false;
	for (int i = 0; n == 3 && i < N_ELEMS && !found; i++) /* i8 and u8 are before what else is a byte */
		if (descr[1] == npy_types[i].kind && descr[2] - '0' == elem_info[npy_types[i].elem].size) {
			p->elem = npy_types[i].elem;
			found = true;
		}
	const bool one_byte = found && elem_info[p->elem].size == 1;
	if (!found || !(order == '<' || order == '>' || (order == '|' && (one_byte || p->elem == BF16))))
		fail(p->cx, "%s: arrays of type '%s' are not supported", p->what, descr);
	p->swapped = !one_byte && order == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '>' : '<');
}

static void parse_order(Npy *p)
{
	p->fortran = accept_word(p, "True");
	if (!p->fortran && !accept_word(p, "False"))
		fail(p->cx, "%s: damaged .npy header: fortran_order must be True or False", p->what);
}

static void parse_shape(Npy *p)
{
	expect(p, '(');
	while (!accept(p, ')')) {
		int64_t size = 0;
		bool digits = false, overflow = false;
		skip_space(p);
		for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++, digits = true)
			overflow |= __builtin_mul_overflow(size, 10, &size) ||
				__builtin_add_overflow(size, *p->at - '0', &size);
		if (p->at < p->end && *p->at == 'L') p->at++; /* Python 2 */
		if (!digits || overflow || p->rank == NPY_MAX_RANK)
			fail(p->cx, "%s: damaged .npy header: bad shape", p->what);
		p->dims[p->rank++] = size;
		if (!accept(p, ',')) {
			expect(p, ')');
			break;
		}
	}
}

static void parse_header(Npy *p)
{
	static const struct {
		const char *name;
		void (*parse)(Npy *);
	} keys[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};
	enum { N_KEYS = sizeof keys / sizeof *keys };
	bool seen[N_KEYS] = {0};
	int n_seen = 0;
	expect(p, '{');
	while (!accept(p, '}')) {
		const char *name = parse_string(p);
		int k = 0;
		while (k < N_KEYS && strcmp(keys[k].name, name)) k++;
		if (k == N_KEYS || seen[k]) fail(p->cx, "%s: damaged .npy header: unexpected key", p->what);
		seen[k] = true;
		n_seen++;
		expect(p, ':');
		keys[k].parse(p);
		if (!accept(p, ',')) {
			expect(p, '}');
			break;
		}
	}
	skip_space(p);
	if (p->at != p->end) fail(p->cx, "%s: damaged .npy header: text after its end", p->what);
	if (n_seen != N_KEYS) fail(p->cx, "%s: damaged .npy header: descr, fortran_order and shape expected", p->what);
}

/* ---- the data ---- */

/* bytes; -1 when they are more than any file has */
static int64_t data_size(const Npy *p)
{
	int64_t size = p->elem == STR ? 4 * p->width : elem_info[p->elem].size;
	for (int i = 0; i < p->rank; i++)
		if (p->dims[i] == 0) return 0;
	for (int i = 0; i < p->rank; i++)
		if (__builtin_mul_overflow(size, p->dims[i], &size)) return -1;
	return size;
}

/* Column-major to row-major. */
static void transpose(const Tensor *t, const char *from)
{
	const size_t size = (size_t)elem_info[t->elem].size;
	int64_t index[NPY_MAX_RANK] = {0}, stride[NPY_MAX_RANK] = {0}, step = 1, at = 0;
	for (int d = 0; d < t->rank; step *= t->dims[d++]) stride[d] = step;
	for (int64_t i = 0; i < t->count; i++) {
		memcpy((char *)t->data + (size_t)i * size, from + (size_t)at * size, size);
		for (int d = t->rank - 1; d >= 0; d--) {
			at += stride[d];
			if (++index[d] < t->dims[d]) break;
			at -= stride[d] * t->dims[d];
			index[d] = 0;
		}
	}
}

static void swap_bytes(const Tensor *t)
{
	const int size = elem_info[t->elem].size;
	char *bytes = t->data;
	for (int64_t i = 0; i < t->count; i++, bytes += size)
		for (int lo = 0, hi = size - 1; lo < hi; lo++, hi--) {
			const char byte = bytes[lo];
			bytes[lo] = bytes[hi];
			bytes[hi] = byte;
		}
}

static void put_utf8(Buf *b, uint32_t c)
{
	const int more = (c >= 0x80) + (c >= 0x800) + (c >= 0x10000); /* bytes after the first */
	static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
	buf_write(b, &(unsigned char){(unsigned char)(first[more] | c >> 6 * more)}, 1);
	for (int k = more - 1; k >= 0; k--)
		buf_write(b, &(unsigned char){(unsigned char)(0x80 | (c >> 6 * k & 0x3f))}, 1);
}

/* Strings of UCS-4, filled up with zeros. */
static void strings(const Npy *p, Tensor *t, const unsigned char *bytes)
{
	for (int64_t i = 0; i < t->count; i++) {
		Buf b;
		buf_init(&b, p->cx->arena);
		buf_puts(&b, "");
		bool ended = false;
		for (int64_t k = 0; k < p->width; k++, bytes += 4) {
			uint32_t c = 0;
			for (int j = 0; j < 4; j++) c |= (uint32_t)bytes[p->swapped ? 3 - j : j] << 8 * j;
			if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (ended && c))
				fail(p->cx, "%s: string %lld has character 0x%lx", p->what, (long long)i,
					(unsigned long)c);
			ended = !c;
			if (c) put_utf8(&b, c);
		}
		tensor_set_int(t, i, text_number(p->cx, b.text));
	}
}

const Tensor *npy_parse(Ctx *cx, const void *data, size_t size_bytes, const char *what)
{
	const unsigned char *bytes = data;
	const size_t n_magic = sizeof MAGIC - 1;
	if (size_bytes < n_magic + 4 || memcmp(bytes, MAGIC, n_magic)) fail(cx, "%s: is not an .npy file", what);
	const int major = bytes[n_magic];
	if (major < 1 || major > 3 || bytes[n_magic + 1] != 0)
		fail(cx, "%s: .npy version %d.%d is not supported", what, major, bytes[n_magic + 1]);
	size_t at = n_magic + 2, n_header = 0;
	const size_t n_length = major == 1 ? 2 : 4;
	if (size_bytes < at + n_length) fail(cx, "%s: truncated .npy header", what);
	for (size_t i = 0; i < n_length; i++) n_header |= (size_t)bytes[at + i] << (8 * i);
	at += n_length;
	if (n_header > size_bytes - at) fail(cx, "%s: truncated .npy header", what);

	Npy p = {.cx = cx, .what = what, .at = (const char *)bytes + at, .end = (const char *)bytes + at + n_header};
	parse_header(&p);
	at += n_header;
	const int64_t want = data_size(&p);
	if (want < 0) fail(cx, "%s: its shape needs more bytes than any file has", what);
	if ((uint64_t)want != size_bytes - at)
		fail(cx, "%s: holds %zu bytes of data, but its shape needs %lld", what, size_bytes - at,
			(long long)want);
	Tensor *t = tensor_new(cx->arena, p.elem, p.rank, p.dims);
	if (!t) fail(cx, "%s: the array is too large", what);
	if (p.elem == STR) {
		strings(&p, t, bytes + at);
		if (p.fortran && p.rank > 1) transpose(t, arena_copy(cx->arena, t->data, tensor_size_bytes(t)));
		return t;
	}
	if (p.fortran && p.rank > 1) transpose(t, (const char *)bytes + at);
	else if (want) memcpy(t->data, bytes + at, (size_t)want);
	if (p.swapped) swap_bytes(t);
	if (t->elem == BOOL)
		for (int64_t i = 0; i < t->count; i++) ((uint8_t *)t->data)[i] = ((uint8_t *)t->data)[i] != 0;
	return t;
}

void npy_print(Buf *out, const Tensor *t)
{
	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "data is written as it is in memory");
	Buf header;
	buf_init(&header, out->arena);
	int i = 0;
	assert(t->elem < N_ELEMS); /* no model gives strings */
	while (npy_types[i].elem != t->elem) i++;
	buf_printf(&header, "{'descr': '%c%c%d', 'fortran_order': False, 'shape': (", npy_types[i].order,
		npy_types[i].kind, elem_info[t->elem].size);
	for (int d = 0; d < t->rank; d++)
		buf_printf(&header, "%s%lld%s", d ? " " : "", (long long)t->dims[d],
			t->rank == 1 || d + 1 < t->rank ? "," : "");
	buf_puts(&header, "), }");
	/* version 2.0 only where the length needs it, as NumPy does */
	const size_t n_magic = sizeof MAGIC - 1;
	const bool wide = n_magic + 4 + header.size + NPY_ALIGN > UINT16_MAX;
	const size_t n_before = n_magic + (wide ? 6 : 4);
	while ((n_before + header.size + 1) % NPY_ALIGN) buf_puts(&header, " ");
	buf_puts(&header, "\n");

	buf_write(out, MAGIC, n_magic);
	buf_write(out, wide ? "\2\0" : "\1\0", 2);
	for (size_t k = 0; k < (wide ? 4u : 2u); k++) {
		const unsigned char byte = (unsigned char)(header.size >> (8 * k));
		buf_write(out, &byte, 1);
	}
	buf_write(out, header.text, header.size);
	buf_write(out, t->data, tensor_size_bytes(t));
}
