/* fuzz_onnx.c: any bytes as an ONNX model.  They are refused with a message, or they give a sound graph.
 *
 * Half of the mutations work on the message tree: a field of the wire format is removed, doubled, or put in the place of
 * another of the same kind, with all lengths around it made right again; random bytes alone rarely stay a message.
 */
#include "frontend/onnx/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
size_t LLVMFuzzerCustomMutator(uint8_t *, size_t, size_t, unsigned);
size_t LLVMFuzzerMutate(uint8_t *, size_t, size_t); /* libFuzzer's own */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Ctx *cx = ctx_new();
	volatile bool was_read = false;
	TRY (cx) {
		const Graph *g = onnx_import(cx, onnx_read_memory(cx, data, size, NULL), NULL);
		was_read = true;
		graph_verify(cx, g);
	} else if (was_read) {
		fprintf(stderr, "%s\n", cx->error);
		abort();
	}
	ctx_free(cx);
	return 0;
}

/* ------------------------------------------------------------------------------------------------ mutation */

typedef struct {
	size_t at, body, end; /* tag, what follows tag and length, end */
	unsigned wire_type, field;
	int parent; /* index; -1: none */
} Part;

enum { MAX_PARTS = 4096 };
typedef struct {
	const uint8_t *data;
	Part parts[MAX_PARTS];
	int n;
} Tree;

static bool varint(const uint8_t *data, size_t *at, size_t end, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 63 && *at < end; shift += 7) {
		uint8_t byte = data[(*at)++];
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) return true;
	}
	return false;
}

/* Takes apart what looks like a message; false, and nothing added, when it does not. */
static bool parse(Tree *t, size_t at, size_t end, int parent, int depth)
{
	int start = t->n;
	while (at < end) {
		uint64_t key, value;
		Part p = {.at = at, .parent = parent};
		bool ok = t->n < MAX_PARTS && varint(t->data, &at, end, &key) && key >> 3 > 0 && key >> 3 < 100;
		p.wire_type = ok ? (unsigned)key & 7 : 7;
		p.field = ok ? (unsigned)(key >> 3) : 0;
		p.body = at;
		switch (p.wire_type) {
		case 0: ok = varint(t->data, &at, end, &value); break;
		case 1: ok = end - at >= 8, at += 8; break;
		case 5: ok = end - at >= 4, at += 4; break;
		case 2:
			ok = varint(t->data, &at, end, &value) && value <= end - at;
			p.body = at;
			if (ok) at += (size_t)value;
			break;
		default: ok = false;
		}
		if (!ok) {
			t->n = start;
			return false;
		}
		p.end = at;
		int index = t->n;
		t->parts[t->n++] = p;
		if (p.wire_type == 2 && depth < 30) parse(t, p.body, p.end, index, depth + 1);
	}
	return true;
}

static size_t put_varint(uint8_t *to, uint64_t v)
{
	size_t n = 0;
	for (; v >= 0x80; v >>= 7) to[n++] = (uint8_t)(v | 0x80);
	to[n++] = (uint8_t)v;
	return n;
}

/* The children of `parent` in order, with the bytes of part `hole` replaced by n others. */
static size_t rebuild(
	const Tree *t, int parent, size_t from, size_t end, int hole, const uint8_t *with, size_t n, uint8_t *to)
{
	size_t out = 0, at = from;
	bool is_ancestor[MAX_PARTS] = {false};
	for (int i = t->parts[hole].parent; i >= 0; i = t->parts[i].parent) is_ancestor[i] = true;
	for (int i = 0; i < t->n; i++) {
		const Part *p = &t->parts[i];
		if (p->parent != parent || (i != hole && !is_ancestor[i])) continue;
		memcpy(to + out, t->data + at, p->at - at);
		out += p->at - at;
		at = p->end;
		if (i == hole) {
			memcpy(to + out, with, n);
			out += n;
			continue;
		}
		uint8_t *inner = malloc(p->end - p->at + n + 16);
		size_t size = rebuild(t, i, p->body, p->end, hole, with, n, inner);
		out += put_varint(to + out, p->field << 3 | 2);
		out += put_varint(to + out, size);
		memcpy(to + out, inner, size);
		out += size;
		free(inner);
	}
	memcpy(to + out, t->data + at, end - at);
	return out + (end - at);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	Tree *t = calloc(1, sizeof *t);
	t->data = data;
	if (seed % 2 == 0 || size == 0 || !parse(t, 0, size, -1, 0) || t->n == 0) {
		free(t);
		return LLVMFuzzerMutate(data, size, max_size);
	}
	srandom(seed);
	int hole = (int)(random() % t->n), donor = hole;
	for (int tries = 0; tries < 30; tries++) {
		donor = (int)(random() % t->n);
		if (t->parts[donor].wire_type == t->parts[hole].wire_type &&
			(tries > 15 || t->parts[donor].field == t->parts[hole].field))
			break;
	}
	const Part *h = &t->parts[hole], *d = &t->parts[donor];
	size_t n_hole = h->end - h->at, n_donor = d->end - d->at, n = 0;
	uint8_t *with = malloc(2 * (n_hole + n_donor) + 32),
		*out = malloc(2 * size + 2 * (n_hole + n_donor) + 64 + 8 * 32);
	switch (random() % 4) {
	case 0: break; /* removed */
	case 1:        /* followed by the donor */
		memcpy(with, data + h->at, n_hole);
		memcpy(with + n_hole, data + d->at, n_donor);
		n = n_hole + n_donor;
		break;
	case 2: /* the donor's value under its own field number */
		if (h->wire_type == d->wire_type) {
			n = put_varint(with, h->field << 3 | h->wire_type);
			if (h->wire_type == 2) n += put_varint(with + n, d->end - d->body);
			memcpy(with + n, data + d->body, d->end - d->body);
			n += d->end - d->body;
			break;
		}
		/* fallthrough */
	default: /* another value, by libFuzzer's own mutations */
		n = put_varint(with, h->field << 3 | h->wire_type);
		memcpy(out, data + h->body, h->end - h->body);
		size_t room = h->wire_type == 2 ? h->end - h->body + 16 : h->end - h->body;
		size_t size_value = LLVMFuzzerMutate(out, h->end - h->body, room > n_hole + 16 ? n_hole + 16 : room);
		if (h->wire_type == 2) n += put_varint(with + n, size_value);
		memcpy(with + n, out, size_value);
		n += size_value;
	}
	size_t total = rebuild(t, -1, 0, size, hole, with, n, out);
	if (total <= max_size) memcpy(data, out, total);
	free(with);
	free(out);
	free(t);
	return total <= max_size ? total : size;
}
