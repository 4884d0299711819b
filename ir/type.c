/* type.c: element type and dims, interned. */
#include "ir/intern.h"

#include <ctype.h>
#include <string.h>

static const Type *type_intern(Ctx *cx, const Type *want)
{
	Intern *in = cx->intern;
	uint64_t hash = hash_bytes(
		(uint64_t)want->elem * 2 + want->is_tuple, want->dims, sizeof *want->dims * (size_t)want->rank);
	hash = hash_bytes(hash, want->parts, sizeof *want->parts * (size_t)want->n_parts);
	size_t at = 0;
	for (const Type *t; (t = table_next(&in->types, hash, &at));)
		if (t->elem == want->elem && t->is_tuple == want->is_tuple && t->rank == want->rank &&
			t->n_parts == want->n_parts &&
			(t->rank == 0 || memcmp(t->dims, want->dims, sizeof *t->dims * (size_t)t->rank) == 0) &&
			(t->n_parts == 0 || memcmp(t->parts, want->parts, sizeof *t->parts * (size_t)t->n_parts) == 0))
			return t;
	Type *t = NEW(in->arena, Type);
	*t = *want;
	t->dims = arena_copy(in->arena, want->dims, sizeof *t->dims * (size_t)t->rank);
	t->parts = arena_copy(in->arena, want->parts, sizeof *t->parts * (size_t)t->n_parts);
	t->id = in->n_types++;
	table_put(in->arena, &in->types, hash, t);
	return t;
}

const Type *type_new(Ctx *cx, Elem elem, int rank, Dims dims)
{
	return type_intern(cx, &(Type){.elem = elem, .rank = rank, .dims = dims});
}

const Type *type_scalar(Ctx *cx, Elem elem) { return type_new(cx, elem, 0, NULL); }

const Type *type_tuple(Ctx *cx, int n_parts, const Type *const *parts)
{
	return type_intern(cx, &(Type){.is_tuple = true, .n_parts = n_parts, .parts = parts});
}

const Type *type_with_elem(Ctx *cx, const Type *t, Elem elem) { return type_new(cx, elem, t->rank, t->dims); }

const Dim *type_count(Ctx *cx, const Type *t) { return dim_product(cx, t->rank, t->dims); }

bool type_is_static(const Type *t)
{
	for (int i = 0; i < t->n_parts; i++)
		if (!type_is_static(t->parts[i])) return false;
	for (int i = 0; i < t->rank; i++)
		if (!dim_is_int(t->dims[i], NULL)) return false;
	return true;
}

void type_print(Buf *b, const Type *t)
{
	buf_puts(b, t->is_tuple ? "(" : elem_info[t->elem].name);
	for (int i = 0; i < t->n_parts; i++) {
		buf_puts(b, i ? ", " : "");
		type_print(b, t->parts[i]);
	}
	buf_puts(b, t->is_tuple ? ")" : "[");
	for (int i = 0; i < t->rank; i++) {
		buf_puts(b, i ? ", " : "");
		dim_print(b, t->dims[i]);
	}
	buf_puts(b, t->is_tuple ? "" : "]");
}

static const char *skip(const char *s)
{
	while (*s == ' ' || *s == '\t' || *s == '\n') s++;
	return s;
}

enum { MAX_RANK = 64, MAX_PARTS = 4096 }; /* of the text form; the IR itself has no limit */

const Type *type_parse(Ctx *cx, const char *text, const char **end)
{
	const char *s = skip(text);
	if (*s == '(') {
		const Type **parts = NEWN(cx->arena, const Type *, 8);
		int n = 0, cap = 8;
		for (s = skip(s + 1); *s != ')';) {
			if (n == MAX_PARTS || *s == '(')
				fail(cx, "type: a tuple of at most %d plain types wanted", MAX_PARTS);
			if (n == cap) {
				const Type **more = NEWN(cx->arena, const Type *, 2 * cap);
				memcpy(more, parts, sizeof *parts * (size_t)n);
				parts = more;
				cap *= 2;
			}
			parts[n++] = type_parse(cx, s, &s);
			s = skip(s);
			if (*s == ',') s = skip(s + 1);
			else if (*s != ')') fail(cx, "type: ',' or ')' wanted at '%.12s'", s);
		}
		*end = s + 1;
		return type_tuple(cx, n, parts);
	}
	char name[16] = "";
	size_t len = 0;
	while (isalnum((unsigned char)s[len]) && len + 1 < sizeof name) {
		name[len] = s[len];
		len++;
	}
	Elem elem;
	if (!elem_parse(name, &elem) || s[len] != '[')
		fail(cx, "type: an element type and '[' wanted (f32[T, 64]), seen '%.12s'", s);
	const Dim *dims[MAX_RANK];
	int rank = 0;
	for (s = skip(s + len + 1); *s != ']';) {
		if (rank == MAX_RANK) fail(cx, "type: more than %d dims", MAX_RANK);
		dims[rank++] = dim_parse(cx, s, &s);
		s = skip(s);
		if (*s == ',') s = skip(s + 1);
		else if (*s != ']') fail(cx, "type: ',' or ']' wanted at '%.12s'", s);
	}
	*end = s + 1;
	return type_new(cx, elem, rank, dims);
}

const char *type_str(Ctx *cx, const Type *t)
{
	Buf b;
	buf_init(&b, cx->arena);
	type_print(&b, t);
	return b.text;
}
