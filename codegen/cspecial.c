/* cspecial.c: primitives that are no map and no reduction, each as a C function over whole arrays: argreduce, cumulative, sort
 * and scatter_nd.  Those with an axis see an array as [outer][n][inner]. */
#include "codegen/emit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

typedef struct {
	const char *x, *y; /* arrays */
	const char *ctype;
	const char *outer, *n, *inner; /* extents */
} Axis;

/* Parameters are named in0, in1 .., out: the arrays' own names might be those of local variables. */
static const char *operand(Emit *em, const Stmt *s, int k)
{
	int n = 0;
	for (int i = 0; i < k; i++) {
		bool new = true;
		for (int j = 0; j < i; j++) new &= buffer_root(s->ins[j]) != buffer_root(s->ins[i]);
		if (buffer_root(s->ins[i]) == buffer_root(s->ins[k])) break;
		n += new;
	}
	return arena_printf(em->cx->arena, "in%d", n);
}

static Axis axis_of(Emit *em, const Stmt *s, int axis)
{
	Ctx *cx = em->cx;
	const Type *t = s->val->args[0]->type;
	return (Axis){operand(em, s, 0), "out", elem_info[t->elem].ctype, size_c(em, dim_product(cx, axis, t->dims)),
		size_c(em, t->dims[axis]), size_c(em, dim_product(cx, t->rank - axis - 1, t->dims + axis + 1))};
}

/* Sizes of 1 are neither looped over nor multiplied with. */
static bool is_one(const char *size) { return strcmp(size, "1") == 0; }

static void open_axis(Writer *w, const Axis *a)
{
	if (!is_one(a->outer)) open_block(w, "for (int64_t o = 0; o < %s; o++)", a->outer);
	if (!is_one(a->inner)) open_block(w, "for (int64_t i = 0; i < %s; i++)", a->inner);
}

static void close_axis(Writer *w, const Axis *a)
{
	if (!is_one(a->outer)) close_block(w);
	if (!is_one(a->inner)) close_block(w);
}

static const char *times(Ctx *cx, const char *i, const char *size)
{
	if (is_one(size)) return i;
	return arena_printf(cx->arena, "%s * %s", factor_c(cx, i), factor_c(cx, size));
}

static const char *plus(Ctx *cx, const char *a, const char *b)
{
	return !*a ? b : !*b ? a : arena_printf(cx->arena, "%s + %s", a, b);
}

/* Where the outer and the inner index are in an array that has n elements along the axis. */
static const char *along(Ctx *cx, const Axis *a, const char *n)
{
	const char *outer = is_one(a->outer) ? "" : times(cx, times(cx, "o", n), a->inner);
	return plus(cx, outer, is_one(a->inner) ? "" : "i");
}

static const char *element(Ctx *cx, const char *array, const char *i, const Axis *a)
{
	return arena_printf(cx->arena, "%s[%s]", array, times(cx, i, a->inner));
}

/* The element's value as a number to compare: narrow floats widen. */
static const char *number(Emit *em, Elem e, const char *text)
{
	return elem_is_narrow(e) ? cast_c(em, e, F32, text) : text;
}

static const char *wide(Elem e) { return elem_is_narrow(e) ? "float" : elem_info[e].ctype; }

static void emit_argreduce(Emit *em, const Stmt *s)
{
	Writer *w = em->w;
	const Val *v = s->val;
	Elem e = v->args[0]->type->elem;
	Axis a = axis_of(em, s, (int)val_int(v, A_AXIS));
	bool max = strcmp(val_str(v, A_KIND), "max") == 0, last = val_int(v, A_FLAGS);
	const char *cmp = arena_printf(em->cx->arena, "%c%s", max ? '>' : '<', last ? "=" : "");
	open_axis(w, &a);
	line(w, "const %s *x = %s;", a.ctype, plus(em->cx, a.x, along(em->cx, &a, a.n)));
	line(w, "%s best = %s;", wide(e), number(em, e, "x[0]"));
	line(w, "int64_t at = 0;");
	open_block(w, "for (int64_t j = 1; j < %s; j++)", a.n);
	line(w, "%s v = %s;", wide(e), number(em, e, element(em->cx, "x", "j", &a)));
	/* NaN wins, the first one (or the last one) of several. */
	if (elem_is_float(e) && !last) line(w, "if (best == best && (v %s best || v != v)) {", cmp);
	else if (elem_is_float(e)) line(w, "if (v != v || (best == best && v %s best)) {", cmp);
	else line(w, "if (v %s best) {", cmp);
	line(w, "\tbest = v;");
	line(w, "\tat = j;");
	line(w, "}");
	close_block(w);
	const char *to = along(em->cx, &a, "1");
	line(w, "%s[%s] = at;", a.y, *to ? to : "0");
	close_axis(w, &a);
}

static void emit_cumulative(Emit *em, const Stmt *s)
{
	Writer *w = em->w;
	const Val *v = s->val;
	Elem e = v->args[0]->type->elem, c = elem_is_narrow(e) ? F32 : e;
	Axis a = axis_of(em, s, (int)val_int(v, A_AXIS));
	const char *kind = val_str(v, A_KIND);
	const char *op = strcmp(kind, "sum") == 0 ? "add" : strcmp(kind, "prod") == 0 ? "mul" : "max";
	bool exclusive = val_ints(v, A_FLAGS)[0], reverse = val_ints(v, A_FLAGS)[1];
	const char *out = e == c ? "sum" : cast_c(em, c, e, "sum");
	const char *infix = vocab_infix(op, c, false), *next;
	const char *x = number(em, e, "x[j]");
	if (infix) next = arena_printf(em->cx->arena, "sum %s %s", infix, x);
	else next = arena_printf(em->cx->arena, "%s(sum, %s)", vocab_fn(em->vocab, op, c, false), x);
	bool first_is_value = strcmp(op, "max") == 0; /* has no neutral element that every type can say */
	open_axis(w, &a);
	line(w, "const %s *x = %s;", a.ctype, plus(em->cx, a.x, along(em->cx, &a, a.n)));
	line(w, "%s *y = %s;", a.ctype, plus(em->cx, a.y, along(em->cx, &a, a.n)));
	line(w, "%s sum = %s;", wide(e), strcmp(op, "mul") == 0 ? "1" : "0");
	open_block(w, "for (int64_t k = 0; k < %s; k++)", a.n);
	line(w, "int64_t j = %s;",
		times(em->cx, reverse ? arena_printf(em->cx->arena, "%s - 1 - k", a.n) : "k", a.inner));
	if (exclusive) line(w, "y[j] = %s;", out);
	line(w, first_is_value ? "sum = k ? %s : %s;" : "sum = %s;", next, x);
	if (!exclusive) line(w, "y[j] = %s;", out);
	close_block(w);
	close_axis(w, &a);
}

/* Insertion by binary search: stable, without memory.  NaN sorts after every number (ascending). */
static void emit_sort(Emit *em, const Stmt *s)
{
	Writer *w = em->w;
	const Val *v = s->val;
	Elem e = v->args[0]->type->elem;
	Axis a = axis_of(em, s, (int)val_int(v, A_AXIS));
	bool down = val_int(v, A_FLAGS);
	const char *at = element(em->cx, "x", element(em->cx, "y", "mid", &a), &a);
	open_axis(w, &a);
	line(w, "const %s *x = %s;", a.ctype, plus(em->cx, a.x, along(em->cx, &a, a.n)));
	line(w, "int64_t *y = %s;", plus(em->cx, a.y, along(em->cx, &a, a.n)));
	open_block(w, "for (int64_t j = 0; j < %s; j++)", a.n);
	line(w, "const %s v = %s;", wide(e), number(em, e, element(em->cx, "x", "j", &a)));
	line(w, "int64_t lo = 0, hi = j;");
	open_block(w, "while (lo < hi)");
	line(w, "int64_t mid = (lo + hi) / 2;");
	line(w, "const %s m = %s;", wide(e), number(em, e, at));
	if (elem_is_float(e) && down) line(w, "if (v > m || (v != v && m == m))");
	else if (elem_is_float(e)) line(w, "if (v < m || (m != m && v == v))");
	else line(w, "if (v %c m)", down ? '>' : '<');
	line(w, "\thi = mid;");
	line(w, "else");
	line(w, "\tlo = mid + 1;");
	close_block(w);
	line(w, "for (int64_t k = j; k > lo; k--)");
	line(w, "\t%s = %s;", element(em->cx, "y", "k", &a), element(em->cx, "y", "k - 1", &a));
	line(w, "%s = j;", element(em->cx, "y", "lo", &a));
	close_block(w);
	close_axis(w, &a);
}

static void emit_scatter(Emit *em, const Stmt *s)
{
	Ctx *cx = em->cx;
	Writer *w = em->w;
	const Type *x = s->val->args[0]->type, *index = s->val->args[1]->type;
	const char *kind = val_str(s->val, A_KIND), *ctype = elem_info[x->elem].ctype, *y = "out";
	int64_t depth = 0;
	dim_is_int(index->dims[index->rank - 1], &depth);
	const char *tuples = size_c(em, dim_product(cx, index->rank - 1, index->dims));
	const char *chunk = size_c(em, dim_product(cx, x->rank - (int)depth, x->dims + depth));
	line(w, "for (int64_t i = 0; i < %s; i++)", size_c(em, type_count(cx, x)));
	line(w, "\t%s[i] = %s[i];", y, operand(em, s, 0));
	open_block(w, "for (int64_t i = 0; i < %s; i++)", tuples);
	line(w, "int64_t at = 0;");
	line(w, "int inside = 1;");
	for (int d = 0; d < depth; d++) {
		const char *n = size_c(em, x->dims[d]), *i = times(cx, "i", arena_printf(cx->arena, "%d", (int)depth));
		const char *of = arena_printf(
			cx->arena, "%s[%s]", operand(em, s, 1), d ? arena_printf(cx->arena, "%s + %d", i, d) : i);
		const char *j = index->elem == I64 ? of : arena_printf(cx->arena, "(int64_t)%s", of);
		line(w, "inside &= %s >= 0 && %s < %s;", j, j, n);
		line(w, "at = inside ? %s : 0;", d ? plus(cx, times(cx, "at", n), j) : j);
	}
	line(w, "if (!inside)");
	line(w, "\tcontinue;");
	const char *k = is_one(chunk) ? "" : "k";
	if (*k) open_block(w, "for (int64_t k = 0; k < %s; k++)", chunk);
	line(w, "%s *to = %s;", ctype, plus(cx, y, plus(cx, times(cx, "at", chunk), k)));
	const char *u = number(
		em, x->elem, arena_printf(cx->arena, "%s[%s]", operand(em, s, 2), plus(cx, times(cx, "i", chunk), k)));
	if (strcmp(kind, "set") != 0) {
		Elem c = elem_is_narrow(x->elem) ? F32 : x->elem;
		const char *f =
			c == BOOL ? (strcmp(kind, "max") == 0 || strcmp(kind, "add") == 0 ? "or" : "and") : kind;
		const char *infix = vocab_infix(f, c, false), *old = number(em, x->elem, "*to");
		u = infix ? arena_printf(cx->arena, "%s %s %s", old, infix, u)
			  : arena_printf(cx->arena, "%s(%s, %s)", vocab_fn(em->vocab, f, c, false), old, u);
	}
	if (elem_is_narrow(x->elem)) u = cast_c(em, F32, x->elem, u);
	line(w, "*to = %s;", u);
	if (*k) close_block(w);
	close_block(w);
}

static const char *what(Ctx *cx, const Val *v)
{
	const char *kind = v->op == OP_sort ? NULL : val_str(v, A_KIND);
	if (v->op == OP_scatter_nd) return arena_printf(cx->arena, "in0 with in2 put at in1: %s", kind);
	const int axis = (int)val_int(v, A_AXIS);
	const int64_t *flags = val_ints(v, A_FLAGS);
	if (v->op == OP_argreduce)
		return arena_printf(
			cx->arena, "where the %s %s along axis %d is", flags[0] ? "last" : "first", kind, axis);
	if (v->op == OP_cumulative)
		return arena_printf(cx->arena, "running %s along axis %d%s%s", kind, axis,
			flags[1] ? ", from the end" : "", flags[0] ? ", without the element itself" : "");
	return arena_printf(
		cx->arena, "the indices along axis %d in %s order", axis, flags[0] ? "descending" : "ascending");
}

static void print_comment(Emit *em, const Stmt *s, const char *name)
{
	Ctx *cx = em->cx;
	const Val *v = s->val;
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < v->n_args; i++)
		buf_printf(&b, "%s%s %s", i ? ", " : "", operand(em, s, i), type_str(cx, v->args[i]->type));
	line(em->w, "/* %s: %s", name, what(cx, v));
	line(em->w, " *   %s%s", comment_text(cx, b.text), v->loc ? "" : " */");
	if (v->loc) line(em->w, " *   from %s */", comment_text(cx, v->loc));
}

void emit_special(Emit *em, const Stmt *s, const char *name)
{
	Writer *w = em->w;
	Params ps = special_params(em->p, s);
	Buf b;
	buf_init(&b, em->cx->arena);
	for (int i = 0; i < ps.n_syms; i++)
		buf_printf(&b, "%sint64_t %s", b.size ? ", " : "", dim_name(em->cx, ps.syms[i]));
	for (int i = 0; i < ps.n_buffers; i++)
		buf_printf(&b, "%s%s%s *restrict %s", b.size ? ", " : "", ps.written[i] ? "" : "const ",
			elem_info[ps.buffers[i]->elem].ctype,
			ps.written[i] ? "out" : arena_printf(em->cx->arena, "in%d", i));
	print_comment(em, s, name);
	line(w, OUT_OF_LINE "void %s(%s)", name, b.text);
	open_block(w, "%s", "");
	em->k = NULL;
	sizes_begin(em);
	switch (s->val->op) {
	case OP_argreduce: emit_argreduce(em, s); break;
	case OP_cumulative: emit_cumulative(em, s); break;
	case OP_sort: emit_sort(em, s); break;
	default: assert(s->val->op == OP_scatter_nd); emit_scatter(em, s);
	}
	sizes_end(em);
	close_block(w);
	line(w, "%s", "");
}
