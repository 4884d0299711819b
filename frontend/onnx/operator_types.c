/* operator_types.c: which element types the first input of an operator may have, found by importing models of one node.
 *
 * The types are nowhere written down: they are what an operator's primitives take.  So a node is tried on operands of a few
 * shapes, the others of the first one's type or of one that is common for indices, masks and the like; an operator that none
 * of these suits has no types here.
 */
#include "frontend/onnx/model.h"

#include <string.h>

enum { MAX_OPERANDS = 4, MAX_RANK = 4, LAST_DATA_TYPE = 26 };

/* What another operand is. */
typedef enum { LIKE_FIRST, INTEGERS, A_CONSTANT, FLOATS, TRUTHS, N_OTHERS } Other;
typedef struct {
	int rank;
	int64_t dims[MAX_RANK];
} Shape;
static const Shape shapes[] = {
	{2, {2, 2}}, {1, {4}}, {4, {1, 4, 4, 4}}, {3, {1, 2, 2}}, {1, {1}}, {2, {1, 1}}, {0, {0}}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* Attributes without a default, where an operator has one of that name and is refused without. */
typedef struct {
	const char *name;
	int type, n;
	int64_t ints[2];
	const char *text;
} Given;
static const Given given[] = {{"to", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, 0, {1, 0}, NULL},
	{"axis", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, 0, {0, 0}, NULL},
	{"blocksize", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, 0, {1, 0}, NULL},
	{"num_groups", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, 0, {1, 0}, NULL},
	{"kernel_shape", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, 2, {1, 1}, NULL},
	{"pooled_shape", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, 2, {1, 1}, NULL},
	{"size", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, 0, {1, 0}, NULL},
	{"equation", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, 0, {0}, "ij->ji"},
	{"direction", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, 0, {0}, "LEFT"},
	{"pattern", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, 0, {0}, "1"}};
enum { N_GIVEN = sizeof given / sizeof *given };

typedef struct {
	const Shape *shape;
	int n; /* operands */
	Other others[MAX_OPERANDS];
	bool attributes;
} Trial;

static bool has_word(const char *words, const char *word)
{
	const size_t n = strlen(word);
	for (const char *at = words; (at = strstr(at, word)); at++)
		if ((at == words || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return true;
	return false;
}

static int data_type_of(Other other, int first)
{
	switch (other) {
	case INTEGERS:
	case A_CONSTANT: return ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	case FLOATS: return ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	case TRUTHS: return ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
	default: return first;
	}
}

static Onnx__ValueInfoProto *input(Ctx *cx, char *name, int data_type, const Shape *shape)
{
	Onnx__ValueInfoProto *v = NEW(cx->arena, Onnx__ValueInfoProto);
	Onnx__TypeProto *type = NEW(cx->arena, Onnx__TypeProto);
	Onnx__TypeProto__Tensor *tensor = NEW(cx->arena, Onnx__TypeProto__Tensor);
	Onnx__TensorShapeProto *dims = NEW(cx->arena, Onnx__TensorShapeProto);
	onnx__value_info_proto__init(v);
	onnx__type_proto__init(type);
	onnx__type_proto__tensor__init(tensor);
	onnx__tensor_shape_proto__init(dims);
	dims->n_dim = (size_t)shape->rank;
	dims->dim = NEWN(cx->arena, Onnx__TensorShapeProto__Dimension *, shape->rank);
	for (int i = 0; i < shape->rank; i++) {
		Onnx__TensorShapeProto__Dimension *d = dims->dim[i] = NEW(cx->arena, Onnx__TensorShapeProto__Dimension);
		onnx__tensor_shape_proto__dimension__init(d);
		d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		d->dim_value = shape->dims[i];
	}
	tensor->has_elem_type = true;
	tensor->elem_type = data_type;
	tensor->shape = dims;
	type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	type->tensor_type = tensor;
	v->name = name;
	v->type = type;
	return v;
}

static Onnx__AttributeProto *attribute(Ctx *cx, const Given *g)
{
	Onnx__AttributeProto *a = NEW(cx->arena, Onnx__AttributeProto);
	onnx__attribute_proto__init(a);
	a->name = arena_printf(cx->arena, "%s", g->name);
	a->type = (Onnx__AttributeProto__AttributeType)g->type;
	a->has_type = a->has_i = true;
	a->i = g->ints[0];
	a->n_ints = (size_t)g->n;
	a->ints = arena_copy(cx->arena, g->ints, sizeof g->ints);
	if (g->text) {
		a->has_s = true;
		a->s.data = arena_copy(cx->arena, g->text, strlen(g->text));
		a->s.len = strlen(g->text);
	}
	return a;
}

/* Ones, as integers or texts. */
static Onnx__TensorProto *constant(Ctx *cx, char *name, int data_type, const Shape *shape)
{
	Onnx__TensorProto *c = NEW(cx->arena, Onnx__TensorProto);
	onnx__tensor_proto__init(c);
	c->name = name;
	c->has_data_type = true;
	c->data_type = data_type;
	c->n_dims = (size_t)shape->rank;
	c->dims = arena_copy(cx->arena, shape->dims, sizeof shape->dims);
	size_t count = 1;
	for (int i = 0; i < shape->rank; i++) count *= (size_t)shape->dims[i];
	if (data_type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING) {
		c->string_data = NEWN(cx->arena, ProtobufCBinaryData, count);
		c->n_string_data = count;
		for (size_t i = 0; i < count; i++)
			c->string_data[i] = (ProtobufCBinaryData){1, arena_copy(cx->arena, "1", 1)};
	} else {
		c->int64_data = NEWN(cx->arena, int64_t, count);
		c->n_int64_data = count;
		for (size_t i = 0; i < count; i++) c->int64_data[i] = 1;
	}
	return c;
}

/* A model of that node alone. */
static OnnxModel *one_node(Ctx *cx, const OnnxOperator *o, int version, const Trial *t, int first)
{
	OnnxModel *m = NEW(cx->arena, OnnxModel);
	Onnx__ModelProto *proto = NEW(cx->arena, Onnx__ModelProto);
	Onnx__OperatorSetIdProto *set = NEW(cx->arena, Onnx__OperatorSetIdProto);
	Onnx__GraphProto *graph = NEW(cx->arena, Onnx__GraphProto);
	Onnx__NodeProto *node = NEW(cx->arena, Onnx__NodeProto);
	Onnx__ValueInfoProto *y = NEW(cx->arena, Onnx__ValueInfoProto);
	onnx__model_proto__init(proto);
	onnx__operator_set_id_proto__init(set);
	onnx__graph_proto__init(graph);
	onnx__node_proto__init(node);
	onnx__value_info_proto__init(y);
	const int n = t->n;
	graph->input = NEWN(cx->arena, Onnx__ValueInfoProto *, n);
	graph->initializer = NEWN(cx->arena, Onnx__TensorProto *, n);
	node->input = NEWN(cx->arena, char *, n);
	node->n_input = (size_t)n;
	for (int i = 0; i < n; i++) {
		node->input[i] = arena_printf(cx->arena, "x%d", i);
		const int data_type = i ? data_type_of(t->others[i], first) : first;
		if (data_type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING)
			graph->initializer[graph->n_initializer++] = constant(cx, node->input[i], data_type, t->shape);
		else if (i && t->others[i] == A_CONSTANT)
			graph->initializer[graph->n_initializer++] =
				constant(cx, node->input[i], data_type, &(Shape){1, {1}});
		else graph->input[graph->n_input++] = input(cx, node->input[i], data_type, t->shape);
	}
	node->op_type = arena_printf(cx->arena, "%s", o->name);
	node->domain = arena_printf(cx->arena, "%s", o->domain);
	node->name = node->op_type;
	node->output = NEWN(cx->arena, char *, 1);
	node->n_output = 1;
	node->output[0] = y->name = arena_printf(cx->arena, "y");
	node->attribute = NEWN(cx->arena, Onnx__AttributeProto *, N_GIVEN);
	for (int i = 0; i < N_GIVEN && t->attributes; i++)
		if (has_word(o->attrs, given[i].name)) node->attribute[node->n_attribute++] = attribute(cx, &given[i]);
	graph->name = node->op_type;
	graph->node = arena_copy(cx->arena, &node, sizeof(void *));
	graph->output = arena_copy(cx->arena, &y, sizeof(void *));
	graph->n_node = graph->n_output = 1;
	set->domain = node->domain;
	set->version = version;
	proto->has_ir_version = set->has_version = true;
	proto->ir_version = ONNX_NEWEST_IR;
	proto->opset_import = arena_copy(cx->arena, &set, sizeof(void *));
	proto->n_opset_import = 1;
	proto->graph = graph;
	m->proto = proto;
	map_init(&m->functions, cx->arena);
	return m;
}

static bool imports(const OnnxOperator *o, int version, const Trial *t, int first)
{
	Ctx *cx = ctx_new();
	volatile bool fine = false;
	TRY (cx) {
		OnnxModel *m = one_node(cx, o, version, t, first);
		onnx_check(cx, m);
		const Graph *g = onnx_import(
			cx, m, &(OnnxImportOptions){.keep_texts = first == ONNX__TENSOR_PROTO__DATA_TYPE__STRING});
		if (first != ONNX__TENSOR_PROTO__DATA_TYPE__STRING) graph_verify(cx, g);
		fine = true;
	}
	ctx_free(cx);
	return fine;
}

/* Tries what may be, one after the other, until something fits. */
static bool find_trial(const OnnxOperator *o, int version, int first, Trial *t)
{
	const int least = o->min_in ? o->min_in : 1;
	for (t->n = least; t->n <= MAX_OPERANDS && t->n <= least + 1 && (o->max_in < 0 || t->n <= o->max_in); t->n++) {
		int ways = 1;
		for (int i = 1; i < t->n; i++) ways *= N_OTHERS;
		for (int k = 0; k < 2 * N_SHAPES * ways; k++) {
			t->attributes = k / (N_SHAPES * ways);
			t->shape = &shapes[k / ways % N_SHAPES];
			for (int i = 1, rest = k % ways; i < t->n; i++, rest /= N_OTHERS)
				t->others[i] = (Other)(rest % N_OTHERS);
			if (imports(o, version, t, first)) return true;
		}
	}
	return false;
}

void onnx_operator_types(Ctx *cx, OnnxOperator *o, int version)
{
	static const int starts[] = {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
		ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, ONNX__TENSOR_PROTO__DATA_TYPE__UINT8,
		ONNX__TENSOR_PROTO__DATA_TYPE__STRING};
	enum { N_STARTS = sizeof starts / sizeof *starts };
	Trial t = {0};
	bool found = false;
	for (int i = 0; i < N_STARTS && !found; i++) found = find_trial(o, version, starts[i], &t);
	for (int data_type = 1; data_type <= LAST_DATA_TYPE && found; data_type++) {
		volatile int elem = -1;
		TRY (cx) { elem = (int)onnx_elem(cx, data_type, ""); }
		if (elem >= 0 && imports(o, version, &t, data_type)) o->takes[elem] = true;
	}
}
