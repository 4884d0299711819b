/* csize.c: sizes as C text.
 *
 * A polynomial over the names of dims is written out; a quotient, a minimum or a maximum in it gets a name of its own at the start
 * of the function that uses it, once, however often sizes and addresses need it:
 *
 *     const int64_t size = (samples - 512) / 160;
 */
#include "codegen/emit.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* The model's name of a dim as an identifier of C; argument names are the same in every function. */
const char *dim_name(Ctx *cx, const Sym *s)
{
	char *name = arena_printf(cx->arena, "%s", s->name);
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p)) *p = '_';
	/* Beside what is reserved everywhere: the local variables of cspecial.c. */
	static const char *const locals[] = {
		"o", "j", "k", "x", "y", "v", "m", "lo", "hi", "mid", "at", "best", "sum", "to", "inside"};
	bool taken = !isalpha((unsigned char)*name) || name_is_reserved(name);
	for (size_t i = 0; i < sizeof locals / sizeof *locals; i++) taken |= strcmp(name, locals[i]) == 0;
	if (taken) name = arena_printf(cx->arena, "dim_%s", name);
	while (strcmp(name, s->name) != 0 && sym_find(cx, name)) /* another dim's own name */
		name = arena_printf(cx->arena, "%s_", name);
	return name;
}

static const char *text_of(Ctx *, Emit *, const Dim *);

static const char *composite_c(Ctx *cx, Emit *em, const Sym *s)
{
	const char *a = text_of(cx, em, s->a), *b = text_of(cx, em, s->b);
	if (s->kind == SYM_MIN || s->kind == SYM_MAX)
		return arena_printf(cx->arena, "%s %c %s ? %s : %s", a, s->kind == SYM_MIN ? '<' : '>', b, a, b);
	const char *top = paren_c(cx, a), *bottom = paren_c(cx, b);
	if (dim_lo(s->a) >= 0) return arena_printf(cx->arena, "%s / %s", top, bottom);
	/* floor, for a dividend that may be negative and a divisor that is not */
	return arena_printf(cx->arena, "%s >= 0 ? %s / %s : -((%s - 1 - %s) / %s)", a, top, bottom, b, top, bottom);
}

static void see_computed(void *user, const Sym *s) { *(bool *)user |= s->computed; }

/* It can be computed where the function starts: its divisor is not 0, and the sizes in it are known there. */
static bool may_name(const Emit *em, const Sym *s)
{
	bool computed = false;
	if (!em || !em->sizes || (s->kind == SYM_FLOORDIV && dim_lo(s->b) < 1)) return false;
	dim_each_sym(s->a, see_computed, &computed);
	dim_each_sym(s->b, see_computed, &computed);
	return em->k || !computed;
}

/* The name of what is defined as that text. */
static const char *size_name(Emit *em, const void *key, const char *wish, const char *text)
{
	const char *name = map_get(&em->p->sizes, key);
	if (!name) {
		name = unique_local(em->p, wish);
		map_put(&em->p->sizes, key, name);
	}
	SizeNames *known = em->sizes;
	known->items = arena_grow(em->cx->arena, known->items, known->n, &known->cap, sizeof *known->items);
	known->items[known->n++] = (SizeName){key, name, text}; /* behind those that its text names */
	return name;
}

static const char *known_name(const Emit *em, const void *key)
{
	for (int i = 0; i < em->sizes->n; i++)
		if (em->sizes->items[i].key == key) return em->sizes->items[i].name;
	return NULL;
}

static const char *sym_c(Ctx *cx, Emit *em, const Sym *s)
{
	if (s->kind == SYM_NAMED) return dim_name(cx, s);
	if (!may_name(em, s)) return arena_printf(cx->arena, "(%s)", composite_c(cx, em, s));
	const char *known = known_name(em, s);
	return known ? known : size_name(em, s, "size", composite_c(cx, em, s));
}

/* T / 4 of a T that is a multiple of 4. */
static const char *factor_of_term(Ctx *cx, Emit *em, const Factor *f)
{
	if (f->by == 1) return sym_c(cx, em, f->sym);
	const char *name = dim_name(cx, f->sym), *text = arena_printf(cx->arena, "%s / %" PRId64, name, f->by);
	if (!em || !em->sizes) return arena_printf(cx->arena, "(%s)", text);
	const char *key = intern(cx, text), *known = known_name(em, key);
	return known ? known : size_name(em, key, arena_printf(cx->arena, "%s_%" PRId64, name, f->by), text);
}

static const char *text_of(Ctx *cx, Emit *em, const Dim *d)
{
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < d->n_terms; i++) {
		const Term *t = &d->terms[i];
		Factor factors[DIM_DEGREE];
		const int64_t c = term_factors(t, factors);
		if (i) buf_puts(&b, c < 0 ? " - " : " + ");
		else if (c < 0) buf_puts(&b, "-");
		uint64_t size = c < 0 ? 0 - (uint64_t)c : (uint64_t)c;
		if (size != 1 || t->n_syms == 0) buf_printf(&b, t->n_syms ? "%" PRIu64 " * " : "%" PRIu64, size);
		for (int k = 0; k < t->n_syms; k++)
			buf_printf(&b, k ? " * %s" : "%s", factor_of_term(cx, em, &factors[k]));
	}
	return b.size ? b.text : "0";
}

const char *dim_c(Ctx *cx, const Dim *d) { return text_of(cx, NULL, d); }

const char *size_c(Emit *em, const Dim *d) { return text_of(em->cx, em, d); }

/* ---- their definitions ---- */

const char *find_word(const char *text, const char *word)
{
	const size_t n = strlen(word);
	for (const char *at = text; (at = strstr(at, word)); at += n)
		if ((at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_')) &&
			!isalnum((unsigned char)at[n]) && at[n] != '_')
			return at;
	return NULL;
}

bool is_read(const char *text, const char *name)
{
	for (const char *at = text; (at = find_word(at, name));) {
		at += strlen(name);
		if (strncmp(at, " = ", 3) != 0) return true;
	}
	return false;
}

void sizes_begin(Emit *em)
{
	em->sizes = NEW(em->cx->arena, SizeNames);
	*em->sizes = (SizeNames){.at = em->w->buf.size};
}

void sizes_end(Emit *em)
{
	const SizeNames *s = em->sizes;
	Buf *b = &em->w->buf;
	em->sizes = NULL;
	if (!s->n) return;
	const char *body = arena_strn(em->cx->arena, b->text + s->at, b->size - s->at);
	bool *used = NEWN(em->cx->arena, bool, s->n);
	for (int i = s->n - 1; i >= 0; i--) { /* what was asked for and then not printed is not defined */
		used[i] = find_word(body, s->items[i].name);
		for (int k = i + 1; k < s->n; k++) used[i] |= used[k] && find_word(s->items[k].text, s->items[i].name);
	}
	b->size = s->at;
	for (int i = 0; i < s->n; i++)
		if (used[i]) line(em->w, "const int64_t %s = %s;", s->items[i].name, s->items[i].text);
	buf_puts(b, body);
}
