/* prescan.c: a walk over the protobuf wire format before protobuf-c sees it.
 *
 * protobuf_c_message_unpack() recurses without a limit and allocates whatever it is told: 54 KB of nested messages
 * overflow the stack, 10 MB of empty nodes become a gigabyte.  This walk needs no memory, and bounds depth, number of
 * fields and the memory that unpacking will take.  It also proves that every length stays inside its message.
 *
 * Source: protobuf's encoding, https://protobuf.dev/programming-guides/encoding/
 */
#include "frontend/onnx/prescan.h"

#include <stdbool.h>

/* ONNX needs 3 levels of messages per nested subgraph. */
const PrescanLimits prescan_limits = {.max_depth = 100, .max_members = (size_t)1 << 22, .max_bytes = (size_t)2 << 30};

/* What protobuf-c keeps for each field while it unpacks (its ScannedMember), and an allocator's rounding. */
enum { MEMBER_BYTES = 48 };

typedef struct {
	const PrescanLimits *limits;
	size_t members, bytes;
	int depth;
	const char *error;
} Prescan;

typedef struct {
	const uint8_t *at, *end;
} Wire;

static bool varint(Wire *w, uint64_t *value)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (w->at == w->end) return false;
		uint8_t byte = *w->at++;
		if (shift == 63 && byte > 1) return false;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*value = v;
			return true;
		}
	}
	return false;
}

static bool skip(Wire *w, size_t n)
{
	if ((size_t)(w->end - w->at) < n) return false;
	w->at += n;
	return true;
}

static bool is_packable(const ProtobufCFieldDescriptor *field)
{
	return field->label == PROTOBUF_C_LABEL_REPEATED && field->type != PROTOBUF_C_TYPE_STRING &&
		field->type != PROTOBUF_C_TYPE_BYTES && field->type != PROTOBUF_C_TYPE_MESSAGE;
}

/* A packed array of varints grows: one byte on the wire may become an element of eight. */
static bool is_fixed_width(ProtobufCType type)
{
	return type == PROTOBUF_C_TYPE_FLOAT || type == PROTOBUF_C_TYPE_DOUBLE || type == PROTOBUF_C_TYPE_FIXED32 ||
		type == PROTOBUF_C_TYPE_FIXED64 || type == PROTOBUF_C_TYPE_SFIXED32 || type == PROTOBUF_C_TYPE_SFIXED64;
}

static bool spend(Prescan *p, size_t bytes)
{
	if (bytes > p->limits->max_bytes - p->bytes) {
		p->error = "needs too much memory";
		return false;
	}
	p->bytes += bytes;
	return true;
}

static bool message(Prescan *p, const ProtobufCMessageDescriptor *, Wire w);

static bool field_value(Prescan *p, const ProtobufCFieldDescriptor *field, unsigned wire_type, Wire *w)
{
	uint64_t v;
	p->error = "is truncated or damaged, or none of ONNX";
	switch (wire_type) {
	case PROTOBUF_C_WIRE_TYPE_VARINT: return varint(w, &v) && spend(p, 8);
	case PROTOBUF_C_WIRE_TYPE_64BIT: return skip(w, 8) && spend(p, 8);
	case PROTOBUF_C_WIRE_TYPE_32BIT: return skip(w, 4) && spend(p, 8);
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED: break;
	default: return false; /* groups are not part of ONNX */
	}
	const uint8_t *start;
	if (!varint(w, &v) || v > (uint64_t)(w->end - w->at)) return false;
	start = w->at;
	w->at += v;
	if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
		return message(p, field->descriptor, (Wire){start, start + v});
	size_t grows = field && is_packable(field) && !is_fixed_width(field->type) ? 8 : 1;
	/* v is at most the size of the file, which is below 2 GiB: no overflow */
	return spend(p, (size_t)v * grows);
}

static bool message(Prescan *p, const ProtobufCMessageDescriptor *type, Wire w)
{
	if (++p->depth > p->limits->max_depth) {
		p->error = "is nested too deeply";
		return false;
	}
	if (!spend(p, type->sizeof_message)) return false;
	const ProtobufCFieldDescriptor *field = NULL;
	while (w.at < w.end) {
		uint64_t key;
		p->error = "is truncated or damaged, or none of ONNX";
		if (!varint(&w, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff) return false;
		if (++p->members > p->limits->max_members) {
			p->error = "has too many parts";
			return false;
		}
		unsigned id = (unsigned)(key >> 3);
		if (!field || field->id != id) field = protobuf_c_message_descriptor_get_field(type, id);
		if (!spend(p, MEMBER_BYTES) || !field_value(p, field, (unsigned)(key & 7), &w)) return false;
	}
	p->depth--;
	return true;
}

const char *prescan(
	const ProtobufCMessageDescriptor *type, const void *data, size_t size_bytes, const PrescanLimits *limits)
{
	if (size_bytes == 0) return NULL; /* a message of nothing; data may be NULL */
	Prescan p = {.limits = limits};
	const uint8_t *bytes = data;
	return message(&p, type, (Wire){bytes, bytes + size_bytes}) ? NULL : p.error;
}
