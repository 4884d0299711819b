/* onnx_writer.h: just enough of a protobuf writer to make ONNX models in tests, sound ones and hostile ones.
 *
 * Field numbers are those of onnx.proto.  A message under construction is a Buf; put_message() closes it into another.
 */
#ifndef TESTS_UNIT_ONNX_WRITER_H
#define TESTS_UNIT_ONNX_WRITER_H

#include "ir/ir.h"

#include <stdlib.h>
#include <string.h>

static inline Buf message(Ctx *cx)
{
	Buf b;
	buf_init(&b, cx->arena);
	return b;
}

static inline void put_varint(Buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7) buf_write(b, &(char){(char)(v | 0x80)}, 1);
	buf_write(b, &(char){(char)v}, 1);
}

static inline void put_int(Buf *b, unsigned field, int64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, (uint64_t)v);
}

static inline void put_float(Buf *b, unsigned field, float v)
{
	put_varint(b, field << 3 | 5);
	buf_write(b, &v, sizeof v);
}

static inline void put_bytes(Buf *b, unsigned field, const void *data, size_t n)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, n);
	buf_write(b, data, n);
}

static inline void put_str(Buf *b, unsigned field, const char *text) { put_bytes(b, field, text, strlen(text)); }
static inline void put_message(Buf *b, unsigned field, Buf m) { put_bytes(b, field, m.text ? m.text : "", m.size); }

/* Space-separated words; "-" is an empty name. */
static inline void put_words(Buf *b, unsigned field, const char *words)
{
	for (const char *at = words; *at; at += *at == ' ') {
		size_t n = strcspn(at, " ");
		put_bytes(b, field, at, n == 1 && *at == '-' ? 0 : n);
		at += n;
	}
}

enum { FLOAT = 1, INT32 = 6, INT64 = 7, STRING = 8, BOOLEAN = 9, FLOAT6 = 27 }; /* TensorProto.DataType */

/* A TensorProto with raw data. */
static inline Buf tensor(
	Ctx *cx, const char *name, int type, int rank, const int64_t *dims, const void *data, size_t size_bytes)
{
	Buf t = message(cx);
	for (int i = 0; i < rank; i++) put_int(&t, 1, dims[i]);
	put_int(&t, 2, type);
	put_str(&t, 8, name);
	put_bytes(&t, 9, data, size_bytes);
	return t;
}

/* A ValueInfoProto; shape is words: "2 T ?". */
static inline Buf value_info(Ctx *cx, const char *name, int type, const char *shape)
{
	Buf info = message(cx), type_proto = message(cx), tensor_type = message(cx), dims = message(cx);
	for (const char *at = shape; *at; at += *at == ' ') {
		size_t n = strcspn(at, " ");
		Buf dim = message(cx);
		if (*at >= '0' && *at <= '9') put_int(&dim, 1, strtol(at, NULL, 10));
		else if (*at != '?') put_bytes(&dim, 2, at, n);
		put_message(&dims, 1, dim);
		at += n;
	}
	put_int(&tensor_type, 1, type);
	put_message(&tensor_type, 2, dims);
	put_message(&type_proto, 1, tensor_type);
	put_str(&info, 1, name);
	put_message(&info, 2, type_proto);
	return info;
}

static inline Buf node(Ctx *cx, const char *op, const char *inputs, const char *outputs)
{
	Buf n = message(cx);
	put_words(&n, 1, inputs);
	put_words(&n, 2, outputs);
	put_str(&n, 4, op);
	return n;
}

/* Attributes, into a node. */
static inline Buf attribute(Ctx *cx, const char *name, int type)
{
	Buf a = message(cx);
	put_str(&a, 1, name);
	put_int(&a, 20, type);
	return a;
}

static inline void put_attr_int(Ctx *cx, Buf *n, const char *name, int64_t v)
{
	Buf a = attribute(cx, name, 2);
	put_int(&a, 3, v);
	put_message(n, 5, a);
}

static inline void put_attr_float(Ctx *cx, Buf *n, const char *name, float v)
{
	Buf a = attribute(cx, name, 1);
	put_float(&a, 2, v);
	put_message(n, 5, a);
}

static inline void put_attr_str(Ctx *cx, Buf *n, const char *name, const char *v)
{
	Buf a = attribute(cx, name, 3);
	put_str(&a, 4, v);
	put_message(n, 5, a);
}

static inline void put_attr_ints(Ctx *cx, Buf *n, const char *name, int count, const int64_t *v)
{
	Buf a = attribute(cx, name, 7);
	for (int i = 0; i < count; i++) put_int(&a, 8, v[i]);
	put_message(n, 5, a);
}

static inline void put_attr_message(Ctx *cx, Buf *n, const char *name, bool is_graph, Buf v)
{
	Buf a = attribute(cx, name, is_graph ? 5 : 4);
	put_message(&a, is_graph ? 6 : 5, v);
	put_message(n, 5, a);
}

/* An attribute of a node in a function that refers to one of the function. */
static inline void put_attr_ref(Ctx *cx, Buf *n, const char *name, int type, const char *refers_to)
{
	Buf a = attribute(cx, name, type);
	put_str(&a, 21, refers_to);
	put_message(n, 5, a);
}

/* Into a graph. */
static inline void put_input(Ctx *cx, Buf *g, const char *name, int type, const char *shape)
{
	put_message(g, 11, value_info(cx, name, type, shape));
}

static inline void put_output(Ctx *cx, Buf *g, const char *name)
{
	Buf info = message(cx);
	put_str(&info, 1, name);
	put_message(g, 12, info);
}

static inline Buf opset(Ctx *cx, const char *domain, int64_t version)
{
	Buf o = message(cx);
	if (*domain) put_str(&o, 1, domain);
	put_int(&o, 2, version);
	return o;
}

static inline Buf model(Ctx *cx, Buf graph, int version)
{
	Buf m = message(cx);
	put_int(&m, 1, 8);
	put_message(&m, 7, graph);
	put_message(&m, 8, opset(cx, "", version));
	return m;
}

#endif
