/* inputs.c: a graph's declared inputs and outputs: element types, shapes, symbols.
 *
 * A named dim is a symbol of that name (made an identifier), one that is not known gets a name from its input.  A symbol
 * that was given its value before (--dim T=7: sym_bound(cx, "T", 7, 7)) is that number from the start.  Exporters
 * often leave dims unnamed that must be equal: the node that needs it says so by node_same_dim(), and the import starts
 * again with one symbol in place of the two.
 */
#include "frontend/onnx/operands.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ symbols */

/* The text form reads symbols as identifiers, and these three as functions. */
static const char *identifier(Run *run, const char *raw)
{
	Ctx *cx = run->cx;
	Buf b;
	buf_init(&b, cx->arena);
	if (!*raw || isdigit((unsigned char)*raw)) buf_puts(&b, "d");
	for (const char *c = raw; *c; c++)
		buf_write(&b, isalnum((unsigned char)*c) && (unsigned char)*c < 0x80 ? c : "_", 1);
	if (strcmp(b.text, "floor") == 0 || strcmp(b.text, "min") == 0 || strcmp(b.text, "max") == 0) buf_puts(&b, "_");
	const char *name = intern(cx, b.text);
	for (int i = 2; map_get(&run->symbols, name); i++)
		name = intern(cx, arena_printf(cx->arena, "%s_%d", b.text, i));
	map_put(&run->symbols, name, name);
	return name;
}

/* A dim that is one named symbol of the model's inputs, else NULL. */
static const Sym *bare_symbol(const Dim *d)
{
	const Sym *s = dim_symbol(d);
	return s && !s->computed ? s : NULL;
}

/* The symbol of that name, or what an earlier attempt found it equal to, or its value where its bounds leave only one. */
static const Dim *symbol_or_equal(Run *run, const char *name)
{
	const Dim *dim = map_get(run->equal, name);
	Sym *known = sym_find(run->cx, name);
	if (known) known->declared = true;
	if (known && known->lo == known->hi) return dim_int(run->cx, known->lo);
	if (!dim) return dim_sym(run->cx, name);
	const Sym *s = bare_symbol(dim);
	return s ? symbol_or_equal(run, s->name) : dim;
}

static const Dim *symbol(Run *run, const char *raw)
{
	const char *key = intern(run->cx, raw), *name = map_get(&run->dim_names, key);
	if (!name) map_put(&run->dim_names, key, name = identifier(run, raw));
	return symbol_or_equal(run, name);
}

static const Dim *computed_named(Run *run, const char *name, int64_t lo, int64_t most)
{
	const Dim *dim = dim_sym(run->cx, name);
	Sym *s = sym_find(run->cx, name);
	if (s->step > 1) fail(run->cx, "--dim %s: the model computes that size; only bounds can be given", name);
	sym_bound(run->cx, name, lo, most);
	s->computed = true;
	return dim;
}

const Dim *computed_symbol(Run *run, const char *raw, int64_t lo, int64_t most)
{
	return computed_named(run, identifier(run, raw), lo, most);
}

typedef struct {
	Run *run;
	Map found;
} Resolving;

static void resolve(void *user, const Sym *s)
{
	Resolving *r = user;
	const Dim *is = map_get(r->run->equal, s->name) ? symbol_or_equal(r->run, s->name) : NULL;
	if (is) map_put(&r->found, s, is);
}

/* What an attempt found a symbol to be may mention others that a later one found. */
static const Dim *resolved(Run *run, const Dim *is)
{
	for (const Dim *before = NULL; before != is;) {
		Resolving r = {.run = run};
		map_init(&r.found, run->cx->arena);
		dim_each_sym(is, resolve, &r);
		before = is;
		is = dim_subst(run->cx, is, &r.found);
	}
	return is;
}

const Dim *open_symbol(Run *run, const char *raw, int64_t lo, int64_t most, bool *known)
{
	const char *name = identifier(run, raw);
	const Dim *is = map_get(run->equal, name);
	*known = is != NULL;
	if (is) return resolved(run, is);
	const Dim *dim = computed_named(run, name, lo, most);
	const Sym *s = sym_find(run->cx, name);
	map_put(&run->open, s, s);
	return dim;
}

void keep_sizer(Run *run, const Val *sizer)
{
	const Val **sizers = NEWN(run->cx->arena, const Val *, run->n_sizers + 1);
	copy_vals(sizers, run->sizers, run->n_sizers);
	sizers[run->n_sizers++] = sizer;
	run->sizers = sizers;
}

_Noreturn static void differ(const Node *n, const Dim *a, const Dim *b, const char *what)
{
	Buf hint;
	buf_init(&hint, n->cx->arena);
	dim_hint(n->cx, &hint, a, b);
	node_fail(
		n, "%s: %s and %s differ%s", what, dim_text(n->cx, a), dim_text(n->cx, b), hint.size ? hint.text : "");
}

/* What the user said of a symbol holds for what it is, too. */
static void keep_range(const Node *n, const Sym *gone, const Dim *is, const char *what)
{
	Ctx *cx = n->cx;
	const Sym *s = bare_symbol(is);
	int64_t size;
	if (s) sym_narrow(cx, &(SizeRange){s->name, gone->lo, gone->hi, gone->step});
	else if (dim_is_int(is, &size) && !sym_takes(gone, size))
		node_fail(n, "%s: %s is %s, but %lld is wanted", what, gone->name, sym_values(cx, gone, ".."),
			(long long)size);
}

void node_same_dim(const Node *n, const Dim *a, const Dim *b, const char *what)
{
	if (a == b) return;
	Run *run = n->core->run;
	const Sym *gone = bare_symbol(b);
	const Dim *stays = a;
	if (!gone) gone = bare_symbol(a), stays = b;
	/* Only symbols against symbols or numbers: anything else could be an equation for the user to look at. */
	bool plain = bare_symbol(stays) || dim_is_int(stays, NULL);
	/* names of symbols are interned */
	if (!gone || !plain || !map_get(&run->symbols, gone->name)) {
		if (node_equate(n, a, b)) return;
		differ(n, a, b, what);
	}
	keep_range(n, gone, stays, what);
	note(n->cx, "%s: %s: %s is %s", n->cx->loc, what, gone->name, dim_text(n->cx, stays));
	assert(!map_get(run->equal, gone->name)); /* else it would be found for ever */
	map_put(run->equal, gone->name, stays);
	run->restart = true;
	differ(n, a, b, what);
}

/* ------------------------------------------------------------------------------------------------ types */

static const Dim *declared_dim(Run *run, const Onnx__TensorShapeProto__Dimension *d, const char *input, size_t i)
{
	Ctx *cx = run->cx;
	if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && d->dim_value >= 0)
		return dim_int(cx, d->dim_value);
	/* -1 is how some writers say unknown */
	if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && d->dim_value != -1)
		fail(cx, "input %s: dim %zu is negative: %lld", onnx_quote(cx, input), i, (long long)d->dim_value);
	/* and ? is how Paddle2ONNX says it, of several dims that need not be equal */
	if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && *d->dim_param &&
		strcmp(d->dim_param, "?") != 0)
		return symbol(run, d->dim_param);
	return symbol(run, arena_printf(cx->arena, "%s_dim%zu", input, i));
}

OnnxKind onnx_kind(const Onnx__ValueInfoProto *info)
{
	Onnx__TypeProto__ValueCase is = info->type ? info->type->value_case : ONNX__TYPE_PROTO__VALUE__NOT_SET;
	return is == ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE    ? ONNX_IS_SEQUENCE
		: is == ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE ? ONNX_IS_OPTIONAL
							      : ONNX_IS_TENSOR;
}

const Type *declared_type(Run *run, const Onnx__ValueInfoProto *info)
{
	Ctx *cx = run->cx;
	const char *what = arena_printf(cx->arena, "input %s", onnx_quote(cx, info->name));
	if (!info->type || info->type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET)
		fail(cx, "%s: has no type", what);
	switch (info->type->value_case) {
	case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE: break;
	case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
		fail(cx, "%s: sequences are not supported without a data set, which tells their lengths", what);
	case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
		fail(cx, "%s: optionals are not supported without a data set, which tells whether they are there",
			what);
	case ONNX__TYPE_PROTO__VALUE_MAP_TYPE: fail(cx, "%s: maps are not supported", what);
	case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE: fail(cx, "%s: sparse tensors are not supported", what);
	default: fail(cx, "%s: opaque types are not supported", what);
	}
	const Onnx__TypeProto__Tensor *t = info->type->tensor_type;
	Elem elem = onnx_elem(cx, t->has_elem_type ? t->elem_type : 0, what);
	if (!t->shape) fail(cx, "%s: its rank is not known", what);
	if (t->shape->n_dim > ONNX_MAX_RANK)
		fail(cx, "%s: %zu dims; at most %d are supported", what, t->shape->n_dim, ONNX_MAX_RANK);
	const Dim *dims[ONNX_MAX_RANK];
	for (size_t i = 0; i < t->shape->n_dim; i++) dims[i] = declared_dim(run, t->shape->dim[i], info->name, i);
	return type_new(cx, elem, (int)t->shape->n_dim, dims);
}

/* ------------------------------------------------------------------------------------------------ the main graph */

static const Tensor *bound_value(const OnnxImportOptions *o, const char *name)
{
	for (int i = 0; o && i < o->n_binds; i++)
		if (strcmp(o->bind_names[i], name) == 0) return o->bind_values[i];
	return NULL;
}

static bool has_default(const Onnx__GraphProto *g, const char *name)
{
	for (size_t i = 0; i < g->n_initializer; i++)
		if (strcmp(g->initializer[i]->name, name) == 0) return true;
	for (size_t i = 0; i < g->n_sparse_initializer; i++)
		if (strcmp(g->sparse_initializer[i]->values->name, name) == 0) return true;
	return false;
}

/* A value that is known decides a symbol of its input's shape. */
static void decide(Run *run, const Sym *s, int64_t size, const char *input)
{
	if (!sym_takes(s, size))
		fail(run->cx, "input %s: %s = %lld is not within its bounds, %s", onnx_quote(run->cx, input), s->name,
			(long long)size, sym_values(run->cx, s, ".."));
	map_put(run->equal, s->name, dim_int(run->cx, size));
}

/* --bind: the value must be one that the input could have; it decides the symbols of the input's shape. */
static const Val *bind(Run *run, const Onnx__ValueInfoProto *info, const Tensor *value)
{
	Ctx *cx = run->cx;
	const Type *type = declared_type(run, info);
	bool same = type->elem == value->elem && type->rank == value->rank;
	for (int i = 0; same && i < type->rank; i++) {
		const Sym *s = bare_symbol(type->dims[i]);
		if (s) decide(run, s, value->dims[i], info->name);
		else same = dim_is(type->dims[i], value->dims[i]);
	}
	if (!same)
		fail(cx, "--bind %s: %s wanted, %s seen", info->name, type_str(cx, type),
			type_str(cx, val_const(cx, value)->type));
	return val_const(cx, value);
}

static void bind_inputs(Run *run, Scope *scope)
{
	const Onnx__GraphProto *g = run->model->proto->graph;
	const OnnxImportOptions *o = run->options;
	for (int b = 0; o && b < o->n_binds; b++) {
		const Onnx__ValueInfoProto *info = NULL;
		for (size_t i = 0; i < g->n_input && !info; i++)
			if (strcmp(g->input[i]->name, o->bind_names[b]) == 0) info = g->input[i];
		if (!info) fail(run->cx, "--bind %s: the model has no input of that name", o->bind_names[b]);
		scope_put(run, scope, info->name, bind(run, info, o->bind_values[b]));
	}
}

/* What the caller says about each input; NULL: nothing. */
static const OnnxValue **input_likes(Run *run)
{
	const Onnx__GraphProto *g = run->model->proto->graph;
	const OnnxImportOptions *o = run->options;
	const OnnxValue **likes = NEWN(run->cx->arena, const OnnxValue *, g->n_input);
	int k = 0;
	for (size_t i = 0; o && i < g->n_input && k < o->n_likes; i++) {
		if (has_default(g, g->input[i]->name)) continue;
		likes[i] = o->likes[k].form != ONNX_UNKNOWN ? &o->likes[k] : NULL;
		k++;
	}
	return likes;
}

/* The shapes that the caller will use: what the declared type leaves open is decided. */
static void use_shapes(Run *run, Scope *scope, const OnnxValue *const *likes)
{
	const Onnx__GraphProto *g = run->model->proto->graph;
	const OnnxImportOptions *o = run->options;
	for (size_t i = 0; i < g->n_input; i++) {
		const OnnxValue *like = likes[i];
		if (!like || like->form != ONNX_TENSOR || onnx_kind(g->input[i]) != ONNX_IS_TENSOR) continue;
		const Tensor *shape = like->tensors[0];
		const Type *type = declared_type(run, g->input[i]);
		for (int d = 0; type->rank == shape->rank && d < type->rank; d++) {
			const Sym *s = bare_symbol(type->dims[d]);
			if (s) decide(run, s, shape->dims[d], g->input[i]->name);
		}
		if (o->bind_scalars && (shape->elem == STR || (shape->count == 1 && !elem_is_float(shape->elem))) &&
			!bound_value(o, g->input[i]->name))
			scope_put(run, scope, g->input[i]->name, bind(run, g->input[i], shape));
	}
}

typedef struct {
	const Val **vals;
	const char **names;
	int n;
} Params;

static const Val *add_param(Run *run, Params *params, const char *name, const Type *type)
{
	if (type->elem == STR)
		fail(run->cx, "input %s: strings are known to the compiler only: --bind NAME=TEXT makes it a constant",
			onnx_quote(run->cx, name));
	params->names[params->n] = name;
	params->vals[params->n] = val_param(run->cx, params->n, type);
	return params->vals[params->n++];
}

/* The type of the tensors in a sequence or an optional; NULL: they are none. */
static const Onnx__TypeProto__Tensor *innermost(const Onnx__TypeProto *t)
{
	if (t && t->value_case == ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE) t = t->optional_type->elem_type;
	if (t && t->value_case == ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE) t = t->sequence_type->elem_type;
	return t && t->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? t->tensor_type : NULL;
}

static const Val *element_param(
	Run *run, Params *params, const Onnx__ValueInfoProto *info, bool in_sequence, int i, const Tensor *like)
{
	Ctx *cx = run->cx;
	const Onnx__GraphProto *g = run->model->proto->graph;
	const char *name = onnx_element_name(cx, info->name, in_sequence, i);
	const char *what = arena_printf(cx->arena, "input %s", onnx_quote(cx, name));
	const Onnx__TypeProto__Tensor *t = innermost(info->type);
	if (!t) fail(cx, "%s: only tensors, and sequences of them, are supported in sequences and optionals", what);
	Elem elem = onnx_elem(cx, t->has_elem_type ? t->elem_type : 0, what);
	if (elem != like->elem)
		fail(cx, "%s: %s wanted, %s seen", what, elem_info[elem].name, elem_info[like->elem].name);
	for (size_t k = 0; in_sequence && k < g->n_input; k++)
		if (strcmp(g->input[k]->name, name) == 0)
			fail(cx, "%s is also an element of %s", what, onnx_quote(cx, info->name));
	const Dim *dims[ONNX_MAX_RANK];
	for (int d = 0; d < like->rank; d++) dims[d] = dim_int(cx, like->dims[d]);
	return add_param(run, params, name, type_new(cx, elem, like->rank, dims));
}

/* A sequence or an optional that is an input, as the data set has it. */
static const Val *structured_input(Run *run, Params *params, const Onnx__ValueInfoProto *info, const OnnxValue *like)
{
	Ctx *cx = run->cx;
	if (!like) declared_type(run, info); /* fails */
	assert(like);
	if (like->form == ONNX_ABSENT) return absent_new(cx);
	if (like->form == ONNX_TENSOR) return element_param(run, params, info, false, 0, like->tensors[0]);
	const Val **chunks = NEWN(cx->arena, const Val *, like->n);
	for (int k = 0; k < like->n; k++)
		chunks[k] = b_unsqueeze(cx, element_param(run, params, info, true, k, like->tensors[k]), 0);
	return sequence_new(cx, like->n, chunks);
}

int import_inputs(Run *run, Scope *scope, const Val ***params, const char ***names)
{
	Ctx *cx = run->cx;
	const Onnx__GraphProto *g = run->model->proto->graph;
	const OnnxValue **likes = input_likes(run);
	use_shapes(run, scope, likes);
	bind_inputs(run, scope);
	/* an initialiser with the name of an input is its default, which the compiled model has built in */
	for (size_t i = 0; i < g->n_initializer; i++)
		if (!bound_value(run->options, g->initializer[i]->name))
			scope_put_tensor(run, scope, g->initializer[i]->name, g->initializer[i], NULL);
	for (size_t i = 0; i < g->n_sparse_initializer; i++)
		if (!bound_value(run->options, g->sparse_initializer[i]->values->name))
			scope_put_tensor(
				run, scope, g->sparse_initializer[i]->values->name, NULL, g->sparse_initializer[i]);
	size_t most = g->n_input;
	for (size_t i = 0; i < g->n_input; i++) most += likes[i] ? (size_t)likes[i]->n : 0;
	Params p = {NEWN(cx->arena, const Val *, most), NEWN(cx->arena, const char *, most), 0};
	for (size_t i = 0; i < g->n_input; i++) {
		const char *name = g->input[i]->name;
		if (map_get(&scope->names, intern(cx, name))) continue;
		bool tensor = onnx_kind(g->input[i]) == ONNX_IS_TENSOR;
		scope_put(run, scope, name,
			tensor ? add_param(run, &p, name, declared_type(run, g->input[i]))
			       : structured_input(run, &p, g->input[i], likes[i]));
	}
	*params = p.vals;
	*names = p.names;
	return p.n;
}

static void note_shape(Run *run, Scope *scope, const Onnx__ValueInfoProto *info)
{
	const Onnx__TypeProto *type = info->type;
	if (info->name && type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE && type->tensor_type->shape)
		map_put(&scope->declared, intern(run->cx, info->name), type->tensor_type->shape);
}

void note_declared(Run *run, Scope *scope, const Onnx__GraphProto *g)
{
	map_init(&scope->declared, run->cx->arena);
	for (size_t i = 0; i < g->n_value_info; i++) note_shape(run, scope, g->value_info[i]);
	for (size_t i = 0; i < g->n_output; i++) note_shape(run, scope, g->output[i]);
}

/* Writers are often wrong about outputs, and nothing depends on it: tell, and go on. */
void note_outputs(Run *run, const Val *const *results)
{
	Ctx *cx = run->cx;
	const Onnx__GraphProto *g = run->model->proto->graph;
	for (size_t i = 0; i < g->n_output; i++) {
		const Onnx__TypeProto *type = g->output[i]->type;
		const Type *have = results[i]->type;
		if (have->is_tuple || !type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
			!type->tensor_type->shape)
			continue;
		const Onnx__TensorShapeProto *shape = type->tensor_type->shape;
		bool same = shape->n_dim == (size_t)have->rank;
		for (int k = 0; same && k < have->rank; k++) {
			int64_t size;
			same = shape->dim[k]->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ||
				!dim_is_int(have->dims[k], &size) || size == shape->dim[k]->dim_value;
		}
		if (!same)
			note(cx, "output %s is %s, which is not the shape that the model declares",
				onnx_quote(cx, g->output[i]->name), type_str(cx, have));
	}
}
