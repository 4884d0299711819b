/* parse.c: reads what print.c writes.  The grammar is in docs/ir.md; like the printer it is generic over the tables of
 * primitives and attributes, so a new primitive needs nothing here.
 *
 * Recursive descent; only bodies recurse, and no deeper than MAX_DEPTH.  Each value is made by val_new, so the text is
 * type-checked by the one type inference there is: a printed type is only compared with the inferred one.  Text is
 * hostile: a constant must have its elements in the text before memory is taken for it, and whatever inference or the
 * dim parser object to comes out as file:line:column with the line and a caret.
 */
#include "ir/lex.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 100, MAX_TEXT_BYTES = 1 << 30 };

/* ---- labels ---- */

/* What a % or @ stands for, as an interned key: %12, %name, %"any name", %name#3, @name#1. */
static const char *parse_label(Parser *p, char sigil)
{
	lex_space(p);
	const char *start = p->at;
	if (*p->at != sigil) lex_wanted(p, sigil == '%' ? "a value (%name or %1)" : "a graph (@name)");
	p->at++;
	size_t digits = strspn(p->at, "0123456789");
	if (digits && sigil == '%') {
		p->at += digits;
		return intern(p->cx, arena_strn(p->scratch, start, digits + 1));
	}
	const char *name = lex_name(p, "a name");
	size_t suffix = *p->at == '#' ? strspn(p->at + 1, "0123456789") + 1 : 0;
	const char *key = arena_printf(p->scratch, "%.*s\"%s", suffix > 1 ? (int)suffix : 0, p->at, name);
	p->at += suffix > 1 ? suffix : 0;
	return intern(p->cx, key);
}

static const char *label_name(const char *key) { return strchr(key, '"') + 1; }

static bool label_has_suffix(const char *key) { return key[0] == '#'; }

/* ---- types and constants ---- */

static const Type *parse_type(Parser *p)
{
	lex_space(p);
	const Type *volatile type = NULL;
	const char *volatile end = p->at;
	TRY (p->cx) {
		const char *e;
		type = type_parse(p->cx, p->at, &e);
		end = e;
	} else {
		lex_relay(p, p->at, NULL);
	}
	p->at = end;
	return type;
}

static const Type *parse_plain_type(Parser *p)
{
	lex_space(p);
	const char *start = p->at;
	const Type *t = parse_type(p);
	if (t->is_tuple) lex_fail(p, start, "an array's type wanted, a tuple's seen");
	return t;
}

static const Dim *parse_dim(Parser *p)
{
	lex_space(p);
	const Dim *volatile dim = NULL;
	const char *volatile end = p->at;
	TRY (p->cx) {
		const char *e;
		dim = dim_parse(p->cx, p->at, &e);
		end = e;
	} else {
		lex_relay(p, p->at, NULL);
	}
	p->at = end;
	return dim;
}

static void parse_float(Parser *p, Tensor *t, int64_t i)
{
	const char *start = p->at;
	char *end;
	size_t size = (size_t)elem_info[t->elem].size;
	if (strncmp(start, "nan(0x", 6) == 0) { /* a NaN by its bits */
		uint64_t bits = strtoull(start + 4, &end, 16);
		memcpy((char *)t->data + (size_t)i * size, &bits, size);
		if (*end != ')' || !isnan(tensor_get(t, i)) || (size < 8 && bits >> (8 * size)))
			lex_fail(p, start, "these are not the bits of a NaN of %s", elem_info[t->elem].name);
		p->at = end + 1;
		return;
	}
	if (isspace((unsigned char)*start)) /* which strtod would skip */
		lex_wanted(p, "a number");
	double wide = strtod(start, &end);
	if (end == start) lex_wanted(p, "a number");
	tensor_set(t, i, t->elem == F32 ? (double)strtof(start, NULL) : wide); /* rounded once */
	bool says_infinity = tolower((unsigned char)start[*start == '-' || *start == '+']) == 'i';
	if (isinf(tensor_get(t, i)) && !says_infinity)
		lex_fail(p, start, "the number does not fit into %s", elem_info[t->elem].name);
	p->at = end;
}

static void parse_integer(Parser *p, Tensor *t, int64_t i)
{
	const char *start = p->at;
	int bits = t->elem == BOOL ? 1 : elem_info[t->elem].bits;
	bool fits;
	if (t->elem == U64 && *start != '-') {
		char *end;
		errno = 0;
		uint64_t v = strtoull(start, &end, 10);
		if (end == start) lex_wanted(p, "an integer");
		fits = errno == 0;
		p->at = end;
		tensor_set_int(t, i, (int64_t)v);
	} else {
		int64_t v = lex_int(p);
		bool is_signed = elem_info[t->elem].cls == 'i';
		int64_t hi = is_signed ? INT64_MAX >> (64 - bits) : bits < 64 ? ((int64_t)1 << bits) - 1 : 0;
		fits = v >= (is_signed ? -hi - 1 : 0) && v <= hi;
		tensor_set_int(t, i, v);
	}
	if (!fits) lex_fail(p, start, "the number does not fit into %s", elem_info[t->elem].name);
}

typedef struct {
	Tensor *t;
	int64_t n;
} TensorItems;

static void parse_element(Parser *p, void *user)
{
	TensorItems *items = user;
	lex_space(p);
	if (items->n == items->t->count)
		lex_fail(p, p->at, "more than the %lld elements that the type says", (long long)items->t->count);
	if (elem_is_float(items->t->elem)) parse_float(p, items->t, items->n++);
	else parse_integer(p, items->t, items->n++);
}

/* f32[3] {1, 2.5, -0} */
static const Tensor *parse_tensor(Parser *p)
{
	lex_space(p);
	const char *start = p->at;
	const Type *type = parse_plain_type(p);
	int64_t *dims = NEWN(p->scratch, int64_t, type->rank), count = 1;
	for (int i = 0; i < type->rank; i++)
		if (!dim_is_int(type->dims[i], &dims[i]) || dims[i] < 0)
			lex_fail(p, start, "the dims of a constant must be numbers");
	for (int i = 0; i < type->rank; i++)
		if (__builtin_mul_overflow(count, dims[i], &count))
			lex_fail(p, start, "the constant has too many elements");
	lex_space(p);
	const char *data = p->at;
	lex_expect(p, "{");
	if (lex_accept(p, "..."))
		lex_fail(p, data,
			"this text was printed without the data of large constants, so it cannot be read back");
	p->at = data;
	if (count > p->end - data) /* each takes a character at least */
		lex_fail(p, data, "the type says %lld elements, the text is too short for them", (long long)count);
	TensorItems items = {.t = tensor_new(p->scratch, type->elem, type->rank, dims)};
	if (!items.t) lex_fail(p, start, "the constant is too large");
	lex_list(p, "{", "}", parse_element, &items);
	if (items.n != count)
		lex_fail(p, data, "the type says %lld elements, %lld seen", (long long)count, (long long)items.n);
	return tensor_intern(p->cx, items.t);
}

/* ---- attributes ---- */

static const Graph *parse_graph(Parser *);

static void parse_int_item(Parser *p, void *user)
{
	int64_t v = lex_int(p);
	buf_write(user, &v, sizeof v);
}

static void parse_dim_item(Parser *p, void *user)
{
	const Dim *d = parse_dim(p);
	buf_write(user, &d, sizeof d);
}

/* One body: a graph, or @name#1 for one that stands earlier. */
static const Graph *parse_body(Parser *p)
{
	if (lex_accept_word(p, "graph")) return parse_graph(p);
	lex_space(p);
	const char *start = p->at;
	const char *key = parse_label(p, '@');
	const Graph *g = map_get(&p->bodies, key);
	if (!g) lex_fail(p, start, "no body of this name stands before");
	return g;
}

static Attr parse_attr(Parser *p, AttrKey key)
{
	Attr a = {.key = key, .n = 1};
	Buf items;
	buf_init(&items, p->scratch);
	switch (attr_info[key].kind) {
	case ATTR_INTS:
		lex_list(p, "[", "]", parse_int_item, &items);
		a.ints = (const int64_t *)(void *)items.text;
		a.n = (int)(items.size / sizeof *a.ints);
		break;
	case ATTR_DIMS:
		lex_list(p, "[", "]", parse_dim_item, &items);
		a.dims = (Dims)(void *)items.text;
		a.n = (int)(items.size / sizeof *a.dims);
		break;
	case ATTR_GRAPHS:
		lex_expect(p, "{");
		while (!lex_accept(p, "}")) {
			const Graph *g = parse_body(p);
			buf_write(&items, &g, sizeof g);
		}
		a.graphs = (const Graph *const *)(void *)items.text;
		a.n = (int)(items.size / sizeof *a.graphs);
		break;
	case ATTR_STR: a.str = intern(p->cx, lex_string(p)); break;
	case ATTR_TENSOR: a.tensor = parse_tensor(p); break;
	case ATTR_ELEM: {
		const char *name = lex_word(p, "an element type");
		if (!elem_parse(name, &a.elem))
			lex_fail(p, p->at - strlen(name), "there is no element type '%s'", name);
		break;
	}
	}
	return a;
}

/* Is there a word, other than the one that ends a graph's values? */
static bool at_word(Parser *p)
{
	lex_space(p);
	size_t n = lex_word_length(p->at);
	return n && !(n == 6 && strncmp(p->at, "return", 6) == 0);
}

/* key=value ... in any order, into the order that the table of primitives gives. */
static const Attr *parse_attrs(Parser *p, Op op, const char *op_at)
{
	const AttrKey *keys = op_info[op].attrs;
	int n = 0;
	while (keys[n] != N_ATTRS) n++;
	Attr *attrs = NEWN(p->scratch, Attr, n);
	bool *seen = NEWN(p->scratch, bool, n);
	while (at_word(p)) {
		const char *start = p->at, *name = lex_word(p, "an attribute");
		int i = 0;
		while (i < n && strcmp(attr_info[keys[i]].name, name) != 0) i++;
		if (i == n) lex_fail(p, start, "%s has no attribute '%s'", op_info[op].name, name);
		if (seen[i]) lex_fail(p, start, "attribute '%s' stands twice", name);
		seen[i] = true;
		lex_expect(p, "=");
		attrs[i] = parse_attr(p, keys[i]);
	}
	for (int i = 0; i < n; i++)
		if (!seen[i])
			lex_fail(p, op_at, "%s lacks its attribute '%s'", op_info[op].name, attr_info[keys[i]].name);
	return attrs;
}

/* ---- values ---- */

static const Val *parse_operand(Parser *p, const Map *scope)
{
	lex_space(p);
	const char *start = p->at;
	const Val *v = map_get(scope, parse_label(p, '%'));
	if (!v) lex_fail(p, start, "%.*s is not defined before this", (int)(p->at - start), start);
	return v;
}

/* Is there an operand here, or the next value, `%label =`? */
static bool at_operand(Parser *p)
{
	lex_space(p);
	if (*p->at != '%') return false;
	const char *start = p->at;
	parse_label(p, '%');
	lex_space(p);
	bool is_operand = *p->at != '=';
	p->at = start;
	return is_operand;
}

static void define(Parser *p, Map *scope, const char *start, const char *key, const Val *v)
{
	if (map_get(scope, key)) lex_fail(p, start, "the name is taken already");
	map_put(scope, key, v);
}

/* Where the value comes from: the `#@ "..."` that ends it, else its place in this text. */
static const char *parse_location(Parser *p, int line)
{
	lex_space(p);
	if (*p->at != '#') return intern(p->cx, arena_printf(p->scratch, "%s:%d", p->file, line));
	p->at += strlen(LOCATION) - 1;
	return intern(p->cx, lex_string(p));
}

static const Val *new_value(
	Parser *p, const char *at, const char *loc, Op op, int n_args, const Val *const *args, const Attr *attrs)
{
	const Val *volatile v = NULL;
	p->cx->loc = loc;
	TRY (p->cx) {
		v = val_new(p->cx, op, n_args, args, attrs);
	} else {
		lex_relay(p, at, loc);
	}
	p->cx->loc = NULL;
	return v;
}

/* %label = op operands attributes : type */
static void parse_value(Parser *p, Map *scope)
{
	lex_space(p);
	const char *start = p->at;
	lex_line(p, start);
	int line = p->line;
	const char *key = parse_label(p, '%');
	if (label_has_suffix(key)) lex_fail(p, start, "only parameters are told apart by #");
	lex_expect(p, "=");
	lex_space(p);
	const char *op_at = p->at, *name = lex_word(p, "a primitive");
	Op op;
	if (!op_parse(name, &op)) lex_fail(p, op_at, "there is no primitive '%s'", name);
	if (op == OP_param) lex_fail(p, op_at, "parameters stand in the head of the graph");
	Buf args;
	buf_init(&args, p->scratch);
	Attr data = {.key = A_DATA, .n = 1};
	const Attr *attrs = &data;
	if (op == OP_const) {
		data.tensor = parse_tensor(p);
	} else {
		while (at_operand(p)) {
			const Val *arg = parse_operand(p, scope);
			buf_write(&args, &arg, sizeof arg);
		}
		attrs = parse_attrs(p, op, op_at);
	}
	bool has_type = lex_accept(p, ":");
	lex_space(p);
	const char *type_at = p->at;
	const Type *type = has_type ? parse_type(p) : NULL;
	const char *loc = parse_location(p, line);
	const Val *v =
		new_value(p, op_at, loc, op, (int)(args.size / sizeof v), (const Val *const *)(void *)args.text, attrs);
	if (type && type != v->type)
		lex_fail(p, type_at, "the type is %s, the text says %s", type_str(p->cx, v->type),
			type_str(p->cx, type));
	define(p, scope, start, key, v);
}

/* ---- graphs ---- */

typedef struct {
	Map scope; /* interned label -> Val* */
	Buf params, param_names;
	Buf result_types, result_names;
} Head;

static void parse_param(Parser *p, void *user)
{
	Head *h = user;
	lex_space(p);
	const char *start = p->at, *key = parse_label(p, '%');
	int index = (int)(h->params.size / sizeof(const Val *));
	if (!strchr(key, '"')) lex_fail(p, start, "a parameter has a name, not a number");
	if (label_has_suffix(key) && strtol(key + 1, NULL, 10) != index)
		lex_fail(p, start, "the parameter's index is %d", index);
	lex_expect(p, ":");
	const Type *type = parse_plain_type(p);
	Attr attrs[] = {
		attr_int(p->cx, A_INDEX, index), attr_elem(type->elem), attr_dims(A_SHAPE, type->rank, type->dims)};
	const Val *v = new_value(p, start, NULL, OP_param, 0, NULL, attrs);
	const char *name = label_name(key);
	buf_write(&h->params, &v, sizeof v);
	buf_write(&h->param_names, &name, sizeof name);
	define(p, &h->scope, start, key, v);
}

static void parse_result(Parser *p, void *user)
{
	Head *h = user;
	lex_expect(p, "%");
	const char *name = lex_name(p, "a name");
	lex_expect(p, ":");
	const Type *type = parse_plain_type(p);
	buf_write(&h->result_types, &type, sizeof type);
	buf_write(&h->result_names, &name, sizeof name);
}

/* return %1 %x: each of the type that the head says. */
static void parse_return(Parser *p, const Head *h, Buf *results)
{
	const Type *const *types = (const Type *const *)(void *)h->result_types.text;
	const char *const *names = (const char *const *)(void *)h->result_names.text;
	const char *start = p->at;
	size_t n = h->result_types.size / sizeof *types, i = 0;
	for (; !lex_accept(p, "}"); i++) {
		const char *at = p->at;
		const Val *v = parse_operand(p, &h->scope);
		if (i < n && v->type != types[i])
			lex_fail(p, at, "result '%s' is %s, the head of the graph says %s", names[i],
				type_str(p->cx, v->type), type_str(p->cx, types[i]));
		buf_write(results, &v, sizeof v);
	}
	if (i != n) lex_fail(p, start, "%zu results, the head of the graph says %zu", i, n);
}

/* What follows `graph`: @name(params) -> (results) { values return results } */
static const Graph *parse_graph(Parser *p)
{
	if (++p->depth > MAX_DEPTH) lex_fail(p, p->at, "bodies are nested more than %d deep", MAX_DEPTH);
	Head h;
	map_init(&h.scope, p->scratch);
	buf_init(&h.params, p->scratch);
	buf_init(&h.param_names, p->scratch);
	buf_init(&h.result_types, p->scratch);
	buf_init(&h.result_names, p->scratch);
	lex_space(p);
	const char *start = p->at, *key = parse_label(p, '@');
	lex_list(p, "(", ")", parse_param, &h);
	lex_expect(p, "->");
	lex_list(p, "(", ")", parse_result, &h);
	lex_expect(p, "{");
	while (!lex_accept_word(p, "return")) parse_value(p, &h.scope);
	Buf results;
	buf_init(&results, p->scratch);
	parse_return(p, &h, &results);
	p->depth--;
	const Graph *g = graph_new(p->cx, label_name(key), (int)(h.params.size / sizeof(const Val *)),
		(const Val *const *)(void *)h.params.text, (const char *const *)(void *)h.param_names.text,
		(int)(results.size / sizeof(const Val *)), (const Val *const *)(void *)results.text,
		(const char *const *)(void *)h.result_names.text);
	if (label_has_suffix(key)) define(p, &p->bodies, start, key, (const void *)g);
	return g;
}

/* ---- the file ---- */

/* What follows `dim`: T = 1..4096 computed <= N, or T = 32..960 / 32 */
static void parse_declaration(Parser *p)
{
	lex_space(p);
	const char *start = p->at;
	const Dim *d = parse_dim(p);
	if (!dim_symbol(d)) lex_fail(p, start, "the name of a size wanted");
	const char *name = dim_symbol(d)->name;
	Sym *s = sym_find(p->cx, name);
	lex_expect(p, "=");
	int64_t lo = lex_int(p);
	lex_expect(p, "..");
	lex_space(p);
	int64_t hi = *p->at == '-' || isdigit((unsigned char)*p->at) ? lex_int(p) : INT64_MAX;
	int64_t step = lex_accept(p, "/") ? lex_int(p) : 1;
	if (lo > hi || (step != 1 && (lo < 0 || !range_round(&(SizeRange){name, lo, hi, step}))))
		lex_fail(p, start, "the bounds of a size leave no value for it");
	bool is_bounded = s->lo != 0 || s->hi != INT64_MAX || s->step != 1;
	if (is_bounded && (s->lo != lo || s->hi != hi || s->step != step))
		lex_fail(p, start, "the size has other bounds already");
	sym_bound(p->cx, name, lo, hi);
	s->step = step;
	s->computed |= lex_accept_word(p, "computed");
	if (!s->computed || !lex_accept(p, "<=")) return;
	s->most = parse_dim(p);
	if (dim_is_int(s->most, NULL)) lex_fail(p, start, "a bound that is a number stands after '..'");
}

const Graph *graph_parse(Ctx *cx, const char *text, const char *file_name)
{
	size_t size = strlen(text);
	if (size > MAX_TEXT_BYTES) fail(cx, "%s: the text is larger than %d bytes", file_name, MAX_TEXT_BYTES);
	const char *outer_loc = cx->loc;
	Arena *scratch = arena_new();
	Parser p = {.cx = cx,
		.scratch = scratch,
		.file = file_name,
		.text = text,
		.at = text,
		.end = text + size,
		.line_start = text,
		.line = 1};
	map_init(&p.bodies, scratch);
	const Graph *volatile g = NULL;
	cx->loc = NULL;
	TRY (cx) {
		while (lex_accept_word(&p, "dim")) parse_declaration(&p);
		if (!lex_accept_word(&p, "graph")) lex_wanted(&p, "'graph'");
		g = parse_graph(&p);
		lex_space(&p);
		if (*p.at) lex_wanted(&p, "the end of the text");
	} else {
		arena_free(scratch);
		fail(cx, "%s", cx->error);
	}
	arena_free(scratch);
	cx->loc = outer_loc;
	return g;
}
