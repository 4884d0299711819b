/* attrs.c: what importers ask of a node: its attributes and inputs, and how they complain.
 *
 * In a model-local function an attribute may refer to one of the call (ref_attr_name), which may refer further up; a call
 * that does not give it leaves the function's default, or else the operator's.
 */
#include "frontend/onnx/operands.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define KIND(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

_Noreturn void node_fail(const Node *n, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *message = arena_vprintf(n->cx->arena, format, args);
	va_end(args);
	fail(n->cx, "%s", message); /* the node itself is the context's location */
}

/* ---------------------------------------------------------------------------------------------------- attributes */

static const Onnx__AttributeProto *by_name(size_t n, Onnx__AttributeProto *const *attrs, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (attrs[i]->name && strcmp(attrs[i]->name, name) == 0) return attrs[i];
	return NULL;
}

const Onnx__AttributeProto *resolve_attr(const Frame *frame, const Onnx__AttributeProto *a)
{
	while (a && a->ref_attr_name && *a->ref_attr_name) {
		assert(frame); /* the check saw to it */
		const char *name = a->ref_attr_name;
		a = by_name(frame->call->n_attribute, frame->call->attribute, name);
		if (!a) return by_name(frame->function->n_attribute_proto, frame->function->attribute_proto, name);
		frame = frame->up;
	}
	return a;
}

static const Onnx__AttributeProto *find(const Node *n, const char *name)
{
	return resolve_attr(
		n->core->scope->frame, by_name(n->core->proto->n_attribute, n->core->proto->attribute, name));
}

static const Onnx__AttributeProto *find_kind(const Node *n, const char *name, Onnx__AttributeProto__AttributeType kind)
{
	const Onnx__AttributeProto *a = find(n, name);
	if (a && onnx_attr_type(a) != kind)
		node_fail(n, "attribute %s: %s wanted, %s seen", name, onnx_attr_type_name(kind),
			onnx_attr_type_name(onnx_attr_type(a)));
	return a;
}

bool node_has(const Node *n, const char *attr) { return find(n, attr) != NULL; }

int64_t node_int(const Node *n, const char *attr, int64_t default_value)
{
	const Onnx__AttributeProto *a = find_kind(n, attr, KIND(INT));
	return a ? a->i : default_value;
}

double node_float(const Node *n, const char *attr, double default_value)
{
	const Onnx__AttributeProto *a = find_kind(n, attr, KIND(FLOAT));
	return a ? (double)a->f : default_value;
}

static const char *text(const Node *n, const char *attr, const ProtobufCBinaryData *bytes)
{
	if (bytes->len && memchr(bytes->data, 0, bytes->len)) node_fail(n, "attribute %s: a NUL in the text", attr);
	return bytes->len ? arena_strn(n->cx->arena, (const char *)bytes->data, bytes->len) : "";
}

const char *node_str(const Node *n, const char *attr, const char *default_value)
{
	const Onnx__AttributeProto *a = find_kind(n, attr, KIND(STRING));
	return a ? text(n, attr, &a->s) : default_value;
}

static int count(const Node *n, const char *attr, size_t count)
{
	if (count > INT32_MAX) node_fail(n, "attribute %s: too many values", attr);
	return (int)count;
}

int node_ints(const Node *n, const char *attr, const int64_t **values)
{
	const Onnx__AttributeProto *a = find_kind(n, attr, KIND(INTS));
	if (!a) return -1;
	*values = a->ints;
	return count(n, attr, a->n_ints);
}

int node_floats(const Node *n, const char *attr, const double **values)
{
	const Onnx__AttributeProto *a = find_kind(n, attr, KIND(FLOATS));
	if (!a) return -1;
	double *doubles = NEWN(n->cx->arena, double, a->n_floats);
	for (size_t i = 0; i < a->n_floats; i++) doubles[i] = (double)a->floats[i];
	*values = doubles;
	return count(n, attr, a->n_floats);
}

int node_strs(const Node *n, const char *attr, const char *const **values)
{
	const Onnx__AttributeProto *a = find_kind(n, attr, KIND(STRINGS));
	if (!a) return -1;
	const char **texts = NEWN(n->cx->arena, const char *, a->n_strings);
	for (size_t i = 0; i < a->n_strings; i++) texts[i] = text(n, attr, &a->strings[i]);
	*values = texts;
	return count(n, attr, a->n_strings);
}

const Tensor *node_tensor(const Node *n, const char *attr)
{
	const Onnx__AttributeProto *a = find(n, attr);
	if (a && onnx_attr_type(a) == KIND(SPARSE_TENSOR))
		return onnx_sparse_tensor(n->cx, a->sparse_tensor, n->core->run->model->dir);
	a = find_kind(n, attr, KIND(TENSOR));
	return a ? onnx_tensor(n->cx, a->t, n->core->run->model->dir) : NULL;
}

const Onnx__GraphProto *node_graph_proto(const Node *n, const char *attr)
{
	const Onnx__AttributeProto *own = by_name(n->core->proto->n_attribute, n->core->proto->attribute, attr);
	const Onnx__AttributeProto *a = find_kind(n, attr, KIND(GRAPH));
	if (!a) node_fail(n, "attribute %s is missing", attr);
	/* its names would be the caller's */
	if (a != own) node_fail(n, "attribute %s: a graph given by reference is not supported", attr);
	return a->g;
}

/* ---------------------------------------------------------------------------------------------------- inputs */

const Val *node_opt(const Node *n, int i) { return i < n->n_in ? n->in[i] : NULL; }

const Val *node_in(const Node *n, int i, const char *what)
{
	const Val *v = node_opt(n, i);
	if (!v) node_fail(n, "input %s is missing", what);
	return v;
}

int node_const_ints(const Node *n, int i, const char *what, const int64_t **values)
{
	int count;
	if (!node_ints_if_known(n, i, what, &count, values))
		node_fail(n, "input %s is computed at run time, which is not supported", what);
	return count;
}

int node_axis(const Node *n, int64_t axis, int rank)
{
	if (axis < -rank || axis >= rank)
		node_fail(n, "axis %lld is outside of [%d, %d)", (long long)axis, -rank, rank);
	return (int)(axis < 0 ? axis + rank : axis);
}
