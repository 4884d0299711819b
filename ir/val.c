/* val.c: the one constructor of values: checks, infers, and returns the equal value where there is one. */
#include "ir/intern.h"

#include <assert.h>
#include <string.h>

Attr attr_ints(AttrKey key, int n, const int64_t *ints) { return (Attr){.key = key, .n = n, .ints = ints}; }

Attr attr_int(Ctx *cx, AttrKey key, int64_t value)
{
	return attr_ints(key, 1, arena_copy(cx->arena, &value, sizeof value));
}

Attr attr_dims(AttrKey key, int n, Dims dims) { return (Attr){.key = key, .n = n, .dims = dims}; }

Attr attr_str(Ctx *cx, AttrKey key, const char *text) { return (Attr){.key = key, .n = 1, .str = intern(cx, text)}; }

Attr attr_elem(Elem elem) { return (Attr){.key = A_ELEM, .n = 1, .elem = elem}; }

/* What an attribute's array holds: its bytes, for hashing and comparing.  Scalars are compared through their own copy. */
static size_t attr_bytes(const Attr *a, const void **bytes)
{
	size_t n = (size_t)a->n;
	switch (attr_info[a->key].kind) {
	case ATTR_INTS: *bytes = a->ints; return n * sizeof *a->ints;
	case ATTR_DIMS: *bytes = a->dims; return n * sizeof *a->dims;
	case ATTR_GRAPHS: *bytes = a->graphs; return n * sizeof *a->graphs;
	case ATTR_STR: *bytes = &a->str; return sizeof a->str;
	case ATTR_TENSOR: *bytes = &a->tensor; return sizeof a->tensor;
	case ATTR_ELEM: *bytes = &a->elem; return sizeof a->elem;
	}
	assert(false);
	return 0;
}

static int n_attrs_of(Op op)
{
	int n = 0;
	while (op_info[op].attrs[n] != N_ATTRS) n++;
	return n;
}

const Val *val_new(Ctx *cx, Op op, int n_args, const Val *const *args, const Attr *attrs)
{
	Intern *in = cx->intern;
	int n_attrs = n_attrs_of(op);
	uint64_t hash = hash_bytes((uint64_t)op, args, sizeof *args * (size_t)n_args);
	for (int i = 0; i < n_attrs; i++) {
		const void *bytes;
		assert(attrs[i].key == op_info[op].attrs[i]);
		size_t n = attr_bytes(&attrs[i], &bytes);
		hash = hash_bytes(hash, bytes, n);
	}
	size_t at = 0;
	for (const Val *v; (v = table_next(&in->vals, hash, &at));) {
		bool same = v->op == op && v->n_args == n_args &&
			(n_args == 0 || memcmp(v->args, args, sizeof *args * (size_t)n_args) == 0);
		for (int i = 0; same && i < n_attrs; i++) {
			const void *x, *y;
			size_t nx = attr_bytes(&v->attrs[i], &x), ny = attr_bytes(&attrs[i], &y);
			same = nx == ny && (nx == 0 || memcmp(x, y, nx) == 0);
		}
		if (same) return v;
	}
	if (op_info[op].n_args >= 0 && op_info[op].n_args != n_args)
		fail(cx, "%s: %d operands wanted, %d seen", op_info[op].name, op_info[op].n_args, n_args);
	for (int i = 0; i < n_args; i++)
		if (args[i]->type->is_tuple && op != OP_get)
			fail(cx, "%s: operand %d is a tuple, %s", op_info[op].name, i + 1, type_str(cx, args[i]->type));
	const Type *type = op_info[op].infer(cx, op, n_args, args, attrs);
	Val *v = NEW(in->arena, Val);
	*v = (Val){.op = op, .type = type, .n_args = n_args, .n_attrs = n_attrs, .loc = cx->loc, .id = in->n_vals++};
	v->args = arena_copy(in->arena, args, sizeof *args * (size_t)n_args);
	Attr *copy = arena_copy(in->arena, attrs, sizeof *attrs * (size_t)n_attrs);
	for (int i = 0; i < n_attrs; i++) {
		AttrKind kind = attr_info[copy[i].key].kind;
		const void *bytes;
		size_t n = attr_bytes(&attrs[i], &bytes);
		if (kind == ATTR_INTS || kind == ATTR_DIMS || kind == ATTR_GRAPHS)
			copy[i].ints = arena_copy(in->arena, bytes, n); /* the members of the union are all pointers */
		else copy[i].n = 1;
	}
	v->attrs = copy;
	table_put(in->arena, &in->vals, hash, v);
	return v;
}

const Val *val_param(Ctx *cx, int index, const Type *type)
{
	Attr attrs[] = {
		attr_int(cx, A_INDEX, index), attr_elem(type->elem), attr_dims(A_SHAPE, type->rank, type->dims)};
	return val_new(cx, OP_param, 0, NULL, attrs);
}

const Val *val_const(Ctx *cx, const Tensor *t)
{
	Attr data = {.key = A_DATA, .n = 1, .tensor = tensor_intern(cx, t)};
	return val_new(cx, OP_const, 0, NULL, &data);
}

const Attr *val_attr(const Val *v, AttrKey key)
{
	for (int i = 0; i < v->n_attrs; i++)
		if (v->attrs[i].key == key) return &v->attrs[i];
	assert(0 && "the op has that attribute");
	return NULL;
}

int64_t val_int(const Val *v, AttrKey key) { return val_attr(v, key)->ints[0]; }

const int64_t *val_ints(const Val *v, AttrKey key) { return val_attr(v, key)->ints; }

Dims val_dims(const Val *v, AttrKey key) { return val_attr(v, key)->dims; }

const char *val_str(const Val *v, AttrKey key) { return val_attr(v, key)->str; }

const Graph *val_body(const Val *v, int i) { return val_attr(v, A_BODY)->graphs[i]; }

const Val *val_get(Ctx *cx, const Val *v, int index)
{
	if (!v->type->is_tuple) {
		assert(index == 0);
		return v;
	}
	Attr a = attr_int(cx, A_INDEX, index);
	return val_new(cx, OP_get, 1, &v, &a);
}

const Val *val_with_attrs(Ctx *cx, const Val *old, const Val *const *args, const Attr *attrs)
{
	const char *loc = cx->loc;
	cx->loc = old->loc;
	const Val *v = val_new(cx, old->op, old->n_args, args, attrs);
	cx->loc = loc;
	return v;
}

const Val *val_with(Ctx *cx, const Val *old, const Val *const *args)
{
	if (old->n_args == 0 || memcmp(old->args, args, sizeof *args * (size_t)old->n_args) == 0) return old;
	return val_with_attrs(cx, old, args, old->attrs);
}
