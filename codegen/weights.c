/* weights.c: constants of the model as C.
 *
 *   inline   arrays of numbers, to be read; for small models and any compiler
 *   string   the bytes of all but small arrays as string literals in rows (a compiler reads them ten times as fast as numbers)
 *   incbin   NAME_weights.bin, taken in by the assembler
 *   blob     NAME_weights.bin, loaded by the program: NAME_load checks it, functions take the weights first
 * All are little-endian and 64-byte aligned.
 */
#include "codegen/codegen.h"
#include "codegen/emit.h"

#include <inttypes.h>
#include <string.h>

enum {
	ALIGN = 64,
	INLINE_LIMIT = 64 * 1024,
	SMALL = 512,
	ROW = 4000
}; /* C99 compilers must take literals of 4095 characters */

static int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

Weights weights_collect(Ctx *cx, int n_programs, Program *const *programs, const CompileOptions *options)
{
	Weights ws = {.mode = options->weights};
	int n = 0;
	for (int i = 0; i < n_programs; i++) n += programs[i] ? programs[i]->n_buffers : 0;
	ws.buffers = NEWN(cx->arena, Buffer *, n);
	ws.offsets = NEWN(cx->arena, int64_t, n);
	for (int i = 0; i < n_programs; i++)
		for (int k = 0; programs[i] && k < programs[i]->n_buffers; k++) {
			Buffer *b = programs[i]->buffers[k];
			bool have = false;
			for (int j = 0; j < ws.n; j++) have |= ws.buffers[j]->name == b->name;
			if (b->kind != BUF_CONST || !b->used || have) continue;
			ws.offsets[ws.n] = ws.size_bytes;
			ws.buffers[ws.n++] = b;
			ws.size_bytes = round_up(ws.size_bytes + (int64_t)tensor_size_bytes(b->data), ALIGN);
		}
	if (ws.mode == WEIGHTS_AUTO) ws.mode = ws.size_bytes <= INLINE_LIMIT ? WEIGHTS_INLINE : WEIGHTS_STRING;
	return ws;
}

void number_print(Buf *out, const Tensor *t, int64_t i)
{
	switch (elem_info[t->elem].cls) {
	case 'f':
		if (elem_is_narrow(t->elem)) {
			buf_printf(out, "%u",
				elem_info[t->elem].size == 1 ? ((const uint8_t *)t->data)[i]
							     : ((const uint16_t *)t->data)[i]);
			break;
		}
		buf_puts(out, float_c(out->arena, tensor_get(t, i), t->elem == F32));
		break;
	case 'u':
		buf_printf(
			out, t->elem == U64 ? "UINT64_C(%" PRIu64 ")" : "%" PRIu64 "u", (uint64_t)tensor_get_int(t, i));
		break;
	default: {
		int64_t n = tensor_get_int(t, i);
		if (n == INT64_MIN) buf_puts(out, "INT64_MIN");
		else buf_printf(out, t->elem == I64 ? "INT64_C(%" PRId64 ")" : "%" PRId64, n);
	}
	}
}

void array_print(Buf *out, const char *name, const char *attributes, const Tensor *t)
{
	enum { PER_LINE = 8 };
	int64_t n = t->count;
	buf_printf(out, "static const %s %s[%" PRId64 "]%s = {", elem_info[t->elem].ctype, name, n ? n : 1, attributes);
	for (int64_t i = 0; i < n; i++) {
		buf_puts(out, i % PER_LINE ? ", " : i ? ",\n\t" : "\n\t");
		number_print(out, t, i);
	}
	buf_puts(out, n ? "\n};\n" : "0};\n");
}

/* Bytes as the inside of a string literal; text has room for four characters a byte.  Its length is given back. */
static size_t escape(const unsigned char *p, int64_t n, char *text)
{
	char *to = text;
	for (int64_t i = 0; i < n; i++) {
		bool digit_next = i + 1 < n && p[i + 1] >= '0' && p[i + 1] <= '9';
		if (p[i] >= ' ' && p[i] < 127 && p[i] != '"' && p[i] != '\\' && p[i] != '?') {
			*to++ = (char)p[i];
			continue;
		}
		*to++ = '\\';
		if (digit_next || p[i] >= 64) *to++ = (char)('0' + (p[i] >> 6));
		if (digit_next || p[i] >= 8) *to++ = (char)('0' + (p[i] >> 3 & 7));
		*to++ = (char)('0' + (p[i] & 7));
	}
	return (size_t)(to - text);
}

static void print_string(const Buffer *b, Buf *out)
{
	char text[4 * ROW];
	const unsigned char *p = b->data->data;
	const int64_t size = (int64_t)tensor_size_bytes(b->data), rows = round_up(size, ROW) / ROW;
	const int64_t row = round_up(round_up(size, rows) / rows, 8); /* all as long: no more than a number over */
	const char *ctype = elem_info[b->elem].ctype;
	buf_printf(out,
		"static const union {\n\tunsigned char bytes[%" PRId64 "][%" PRId64 "];\n\t%s value[%" PRId64
		"];\n} %s_data_ __attribute__((aligned(64))) = {{",
		rows, row, ctype, rows * row / elem_info[b->elem].size, b->name);
	for (int64_t r = 0; r < rows; r++) {
		buf_puts(out, "\n\t{\"");
		int64_t end = (r + 1) * row < size ? (r + 1) * row : size;
		buf_write(out, text, escape(p + r * row, end - r * row, text));
		buf_puts(out, r + 1 < rows ? "\"}," : "\"}");
	}
	buf_printf(out, "\n}};\nstatic const %s *const %s = %s_data_.value;\n", ctype, b->name, b->name);
}

void weights_print(Ctx *cx, const Weights *ws, const char *name, Buf *out)
{
	if (ws->mode == WEIGHTS_INCBIN && ws->n)
		buf_printf(out,
			"#ifndef %s_WEIGHTS_FILE\n#define %s_WEIGHTS_FILE \"%s_weights.bin\" /* as the assembler finds it */\n#endif\n"
			"#if defined(__APPLE__)\n#error \"weights by .incbin are for ELF targets; use --weights string\"\n#endif\n"
			"__asm__(\".pushsection .rodata.%s, \\\"a\\\"\\n.balign 64\\n.global %s_weights_data\\n%s_weights_data:\\n\"\n"
			"\t\".incbin \\\"\" %s_WEIGHTS_FILE \"\\\"\\n.popsection\\n\");\n"
			"extern const unsigned char %s_weights_data[];\n",
			name, name, name, name, name, name, name, name);
	for (int i = 0; i < ws->n; i++) {
		const Buffer *b = ws->buffers[i];
		Buf type;
		buf_init(&type, cx->arena);
		type_print(&type, type_new(cx, b->elem, b->rank, b->dims));
		buf_printf(out, "/* %s: %s */\n", type.text, comment_text(cx, b->role));
		const bool small = tensor_size_bytes(b->data) <= SMALL;
		if (ws->mode == WEIGHTS_INLINE || (ws->mode == WEIGHTS_STRING && small))
			array_print(out, b->name, " __attribute__((aligned(64)))", b->data);
		else if (ws->mode == WEIGHTS_STRING) print_string(b, out);
		else if (ws->mode == WEIGHTS_INCBIN)
			buf_printf(out,
				"static const %s *const %s = (const %s *)(const void *)(%s_weights_data + %" PRId64
				");\n",
				elem_info[b->elem].ctype, b->name, elem_info[b->elem].ctype, name, ws->offsets[i]);
		else /* of the functions' first parameter */
			buf_printf(out, "#define %s ((const %s *)(const void *)(weights->bytes + %" PRId64 "))\n",
				b->name, elem_info[b->elem].ctype, ws->offsets[i]);
	}
	if (ws->n) buf_puts(out, "\n");
}

/* A blob is a magic with the version, the size and the FNV-1a hash of the data, then the data at byte 64. */
const void *weights_blob(Ctx *cx, const Weights *ws, size_t *size)
{
	size_t head = ws->mode == WEIGHTS_BLOB ? ALIGN : 0;
	unsigned char *bytes = arena_alloc(cx->arena, head + (size_t)ws->size_bytes + 1);
	for (int i = 0; i < ws->n; i++)
		memcpy(bytes + head + ws->offsets[i], ws->buffers[i]->data->data,
			tensor_size_bytes(ws->buffers[i]->data));
	*size = head + (size_t)ws->size_bytes;
	if (!head) return bytes;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = head; i < *size; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	uint64_t words[2] = {(uint64_t)ws->size_bytes, hash};
	memcpy(bytes, "RNNCCW1", 8);
	memcpy(bytes + 8, words, sizeof words);
	return bytes;
}
