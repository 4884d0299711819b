/* print.c: a graph as text, one value a line.  parse.c reads it back; the grammar is in docs/ir.md.
 *
 * The printer knows no primitive by name except const: operands, attributes by their kind, bodies, type.  Values are
 * numbered in graph_order, so equal graphs give equal text whatever built them.  A body that occurs more than once is
 * printed at its first occurrence, as `graph @name#1(..)`, and referred to as `@name#1` from then on: text stays linear
 * in the size of the graph even where bodies share bodies that share bodies.
 */
#include "ir/ir.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the survey learns of a graph before anything is printed. */
typedef struct {
	Order order;
	int n_uses;
	int number; /* among the shared ones, once printed */
} Use;

typedef struct {
	Buf *out;
	PrintOptions options;
	Arena *scratch;
	Map uses; /* Graph* -> Use* */
	Map seen; /* Sym* that were looked at */
	int n_shared;
	int indent;
} Printer;

/* The values of one graph by number, and which of its parameter names are taken by an earlier parameter. */
typedef struct {
	const Graph *g;
	Map numbers; /* Val* -> int* */
	const bool *repeated;
} Scope;

/* ---- names and strings ---- */

static bool is_identifier(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_') return false;
	while (isalnum((unsigned char)*s) || *s == '_' || *s == '.') s++;
	return *s == 0;
}

static void print_string(Buf *b, const char *s)
{
	buf_puts(b, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\') buf_printf(b, "\\%c", *s);
		else if (*s == '\n') buf_puts(b, "\\n");
		else if ((unsigned char)*s < 32 || *s == 127) buf_printf(b, "\\x%02x", (unsigned)*s);
		else buf_write(b, s, 1);
	}
	buf_puts(b, "\"");
}

static void print_name(Buf *b, const char *name)
{
	if (is_identifier(name)) buf_puts(b, name);
	else print_string(b, name);
}

/* Parameters by name, as in the model.  A name that an earlier one has is made unique by the parameter's index. */
static void print_param(Printer *p, const Scope *scope, int i)
{
	buf_puts(p->out, "%");
	print_name(p->out, scope->g->param_names[i]);
	if (scope->repeated[i]) buf_printf(p->out, "#%d", i);
}

static void print_operand(Printer *p, const Scope *scope, const Val *v)
{
	const int *number = map_get(&scope->numbers, v);
	int64_t index = v->op == OP_param ? val_int(v, A_INDEX) : -1;
	if (number) buf_printf(p->out, "%%%d", *number);
	else if (index >= 0 && index < scope->g->n_params && scope->g->params[index] == v)
		print_param(p, scope, (int)index);
	else /* the graph is not closed: graph_verify says so, a dump still has to come out */
		buf_printf(p->out, "%%?%lld", (long long)index);
}

/* ---- constants ---- */

static double read_back(Elem elem, const char *text)
{
	switch (elem) {
	case F32: return strtof(text, NULL);
	case F64: return strtod(text, NULL);
	default: return narrow_to_f32(elem, narrow_from_f64(elem, strtod(text, NULL)));
	}
}

/* The fewest digits that read back as the same number.  A NaN other than the usual one keeps its bits. */
static void print_float(Buf *b, const Tensor *t, int64_t i)
{
	static const struct {
		int first, last; /* digits: always kept, always enough */
	} limits[N_ELEMS] = {[F64] = {15, 17}, [F32] = {6, 9}, [F16] = {3, 5}, [BF16] = {2, 4}}, few = {1, 4};
	const int first = elem_is_storage(t->elem) ? few.first : limits[t->elem].first;
	const int last = elem_is_storage(t->elem) ? few.last : limits[t->elem].last;
	const uint64_t nan = t->elem == F64 ? 0x7ff8000000000000 : t->elem == F32 ? 0x7fc00000 : narrow_nan(t->elem);
	double v = tensor_get(t, i);
	if (isnan(v)) {
		uint64_t bits = 0; /* little-endian, like all targets of this compiler */
		int size = elem_info[t->elem].size;
		memcpy(&bits, (const char *)t->data + i * size, (size_t)size);
		if (bits == nan) buf_puts(b, "nan");
		else buf_printf(b, "nan(0x%llx)", (unsigned long long)bits);
		return;
	}
	char text[40];
	for (int digits = first; digits <= last; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (read_back(t->elem, text) == v) break;
	}
	buf_puts(b, text);
}

static void print_tensor(Printer *p, const Tensor *t)
{
	Buf *b = p->out;
	buf_printf(b, "%s[", elem_info[t->elem].name);
	for (int i = 0; i < t->rank; i++) buf_printf(b, i ? ", %lld" : "%lld", (long long)t->dims[i]);
	buf_puts(b, "] {");
	if (p->options.max_data >= 0 && t->count > p->options.max_data) {
		buf_printf(b, "... digest=%016llx}", (unsigned long long)hash_bytes(0, t->data, tensor_size_bytes(t)));
		return;
	}
	for (int64_t i = 0; i < t->count; i++) {
		buf_puts(b, i ? ", " : "");
		if (elem_is_float(t->elem)) print_float(b, t, i);
		else if (t->elem == U64) buf_printf(b, "%llu", (unsigned long long)tensor_get_int(t, i));
		else buf_printf(b, "%lld", (long long)tensor_get_int(t, i));
	}
	buf_puts(b, "}");
}

/* ---- values ---- */

static void print_line(Printer *p)
{
	buf_puts(p->out, "\n");
	for (int i = 0; i < p->indent; i++) buf_puts(p->out, "  ");
}

static void print_graph(Printer *, const Graph *);

static void print_bodies(Printer *p, const Attr *a)
{
	bool was_broken = false;
	buf_puts(p->out, "{");
	p->indent++;
	for (int i = 0; i < a->n; i++) {
		const Use *use = map_get(&p->uses, a->graphs[i]);
		if (use->number) {
			buf_puts(p->out, i ? " @" : "@");
			print_name(p->out, a->graphs[i]->name);
			buf_printf(p->out, "#%d", use->number);
		} else {
			print_line(p);
			print_graph(p, a->graphs[i]);
			was_broken = true;
		}
	}
	p->indent--;
	if (was_broken) print_line(p);
	buf_puts(p->out, "}");
}

static void print_attr(Printer *p, const Attr *a)
{
	Buf *b = p->out;
	switch (attr_info[a->key].kind) {
	case ATTR_INTS:
		buf_puts(b, "[");
		for (int i = 0; i < a->n; i++) buf_printf(b, i ? ", %lld" : "%lld", (long long)a->ints[i]);
		buf_puts(b, "]");
		break;
	case ATTR_DIMS:
		buf_puts(b, "[");
		for (int i = 0; i < a->n; i++) {
			buf_puts(b, i ? ", " : "");
			dim_print(b, a->dims[i]);
		}
		buf_puts(b, "]");
		break;
	case ATTR_STR: print_string(b, a->str); break;
	case ATTR_TENSOR: print_tensor(p, a->tensor); break;
	case ATTR_ELEM: buf_puts(b, elem_info[a->elem].name); break;
	case ATTR_GRAPHS: print_bodies(p, a); break;
	}
}

static void print_value(Printer *p, const Scope *scope, const Val *v)
{
	Buf *b = p->out;
	print_line(p);
	print_operand(p, scope, v);
	buf_printf(b, " = %s", op_info[v->op].name);
	for (int i = 0; i < v->n_args; i++) {
		buf_puts(b, " ");
		print_operand(p, scope, v->args[i]);
	}
	if (v->op == OP_const) { /* the data says the type */
		buf_puts(b, " ");
		print_attr(p, val_attr(v, A_DATA));
	} else {
		for (int i = 0; i < v->n_attrs; i++) {
			buf_printf(b, " %s=", attr_info[v->attrs[i].key].name);
			print_attr(p, &v->attrs[i]);
		}
		buf_puts(b, " : ");
		type_print(b, v->type);
	}
	if (p->options.locations && v->loc) {
		buf_puts(b, "  #@ ");
		print_string(b, v->loc);
	}
}

/* ---- graphs ---- */

static const bool *find_repeated(Arena *scratch, const Graph *g)
{
	bool *repeated = NEWN(scratch, bool, g->n_params);
	Map names; /* interned, so equal names are one pointer */
	map_init(&names, scratch);
	for (int i = 0; i < g->n_params; i++) {
		repeated[i] = map_get(&names, g->param_names[i]);
		map_put(&names, g->param_names[i], g);
	}
	return repeated;
}

static void print_signature(Printer *p, const Scope *scope)
{
	Buf *b = p->out;
	const Graph *g = scope->g;
	buf_puts(b, "(");
	for (int i = 0; i < g->n_params; i++) {
		buf_puts(b, i ? ", " : "");
		print_param(p, scope, i);
		buf_puts(b, ": ");
		type_print(b, g->params[i]->type);
	}
	buf_puts(b, ") -> (");
	for (int i = 0; i < g->n_results; i++) {
		buf_puts(b, i ? ", %" : "%");
		print_name(b, g->result_names[i]);
		buf_puts(b, ": ");
		type_print(b, g->results[i]->type);
	}
	buf_puts(b, ") {");
}

static void print_graph(Printer *p, const Graph *g)
{
	Use *use = (Use *)map_get(&p->uses, g);
	Scope scope = {.g = g, .repeated = find_repeated(p->scratch, g)};
	map_init(&scope.numbers, p->scratch);
	buf_puts(p->out, "graph @");
	print_name(p->out, g->name);
	if (use->n_uses > 1) {
		use->number = ++p->n_shared;
		buf_printf(p->out, "#%d", use->number);
	}
	print_signature(p, &scope);
	p->indent++;
	int n = 0;
	for (int i = 0; i < use->order.n; i++) {
		const Val *v = use->order.vals[i];
		if (v->op == OP_param) continue;
		int *number = NEW(p->scratch, int);
		*number = ++n;
		map_put(&scope.numbers, v, number);
		print_value(p, &scope, v);
	}
	print_line(p);
	buf_puts(p->out, "return");
	for (int i = 0; i < g->n_results; i++) {
		buf_puts(p->out, " ");
		print_operand(p, &scope, g->results[i]);
	}
	p->indent--;
	print_line(p);
	buf_puts(p->out, "}");
}

/* ---- the survey: uses of bodies, and symbols that need a declaration ---- */

/* Bounds and `computed` are properties of the symbol, not of a dim: they stand once, before the graph. */
static void declare_sym(void *printer, const Sym *s)
{
	Printer *p = printer;
	if (map_get(&p->seen, s)) return;
	map_put(&p->seen, s, s);
	const Dim *within = sym_within(s);
	if (within) dim_each_sym(within, declare_sym, p);
	if (s->lo == 0 && s->hi == INT64_MAX && s->step == 1 && !s->computed) return;
	buf_puts(p->out, "dim ");
	dim_print(p->out, &(Dim){.n_terms = 1, .terms = &(Term){1, 1, &s}});
	buf_printf(p->out, " = %lld..", (long long)s->lo);
	if (s->hi != INT64_MAX) buf_printf(p->out, "%lld", (long long)s->hi);
	if (s->step > 1) buf_printf(p->out, " / %lld", (long long)s->step);
	buf_puts(p->out, s->computed ? " computed" : "");
	if (within) {
		buf_puts(p->out, " <= ");
		dim_print(p->out, within);
	}
	buf_puts(p->out, "\n");
}

static void survey_type(Printer *p, const Type *t)
{
	for (int i = 0; i < t->n_parts; i++) survey_type(p, t->parts[i]);
	for (int i = 0; i < t->rank; i++) dim_each_sym(t->dims[i], declare_sym, p);
}

static void survey_graph(Printer *p, const Graph *g)
{
	Use *use = (Use *)map_get(&p->uses, g);
	if (use) {
		use->n_uses++;
		return;
	}
	use = NEW(p->scratch, Use);
	*use = (Use){.order = graph_order(p->scratch, g), .n_uses = 1};
	map_put(&p->uses, g, use);
	for (int i = 0; i < g->n_params; i++) survey_type(p, g->params[i]->type);
	for (int i = 0; i < use->order.n; i++) {
		const Val *v = use->order.vals[i];
		for (int k = 0; k < v->n_attrs; k++) {
			const Attr *a = &v->attrs[k];
			AttrKind kind = attr_info[a->key].kind;
			for (int j = 0; kind == ATTR_DIMS && j < a->n; j++) dim_each_sym(a->dims[j], declare_sym, p);
			for (int j = 0; kind == ATTR_GRAPHS && j < a->n; j++) survey_graph(p, a->graphs[j]);
		}
		survey_type(p, v->type);
	}
}

void graph_print(Buf *out, const Graph *g, PrintOptions options)
{
	Printer p = {.out = out, .options = options, .scratch = arena_new()};
	map_init(&p.uses, p.scratch);
	map_init(&p.seen, p.scratch);
	survey_graph(&p, g);
	print_graph(&p, g);
	buf_puts(out, "\n");
	arena_free(p.scratch);
}
