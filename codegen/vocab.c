/* vocab.c: instantiates the templates of codegen/vocab/ for the types that the generated C uses.
 *
 * A template file is a list of definitions.  Each begins with a line
 *     ## NAME KINDS [fma|muladd] [lanes=N] [ulp=BOUND]
 * and runs to the next.  KINDS are letters, what it can be made for:
 *     v f32 vector   m mask vector   s f32   d f64   i signed integers   u unsigned integers   b bool
 *     c cast from one type to another (chosen by vocab_cast)   r the same of the bits   p plain: made once, no prefix
 * fma or muladd: for that profile only.  lanes: for vectors of so many only.  ulp: the stated error bound.  The first definition that fits is taken.
 * In its text
 *     $name      function `name` of the same kind, with its prefix (v_ s_ d_ i8_ bool_), or else the plain one
 *     $s.name    function `name` of the scalar f32 kind, from a vector one
 *     $set(x)    in a scalar kind: x
 *     $!         the error bound
 *     $F $I $U   float, int32_t, uint32_t or their vectors;  of integers $U is the unsigned type to compute in
 *     $M         the type of truth values
 *     $T $E      the element's C type and name;     $R $D: the same of the type that it is cast to
 *     $W $L $H   width in bits, least and greatest value (of the type cast to, in a cast)
 *     $N $P      the floats at which saturation begins, below and above
 *     $A $B $Z   casts from $E to f32, from f32 to $D, from f64 to $D
 *     $V         lanes of a vector
 *     $inline    static inline; of vectors always, which a call would have to save
 *     $each(x)   x for each lane, which stands for #, separated by commas
 *     $[word]    a number of the type that has fewer bits than C's, of those in a cast: see layout()
 * and everything that is mentioned is noted as used, before it, so that definitions come in order of dependency.
 */
#include "codegen/vocab.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ir/embed.h"

typedef struct {
	const char *name, *kinds;
	char profile; /* 'f': fma, 'm': muladd, 0: both */
	int lanes;    /* of vectors; 0: any */
	double ulp;   /* < 0: not stated */
	const char *text, *end;
} Def;

typedef struct { /* a definition made for a type */
	const Def *def;
	char kind;
	Elem elem, to; /* to: of casts, else elem */
	const char *name, *text;
} Use;

struct Vocab {
	Ctx *cx;
	int vl;
	bool fma;
	int n_defs, n_uses, cap_uses;
	Def *defs;
	Use **uses;
};

static Use *use(Vocab *, const Def *, char kind, Elem, Elem to);

/* ---------------------------------------------------------------------------------------------- reading templates */

static const char *line_end(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));
	return newline ? newline : end;
}

static bool at_header(const char *at, const char *end) { return end - at > 3 && memcmp(at, "## ", 3) == 0; }

static Def read_header(Ctx *cx, const char *at, const char *end)
{
	Def def = {.ulp = -1};
	char *rest = NULL;
	for (char *word = strtok_r(arena_strn(cx->arena, at, (size_t)(end - at)), " ", &rest); word;
		word = strtok_r(NULL, " ", &rest)) {
		if (!strcmp(word, "##")) continue;
		if (!def.name) def.name = word;
		else if (!def.kinds) def.kinds = word;
		else if (!strcmp(word, "fma")) def.profile = 'f';
		else if (!strcmp(word, "muladd")) def.profile = 'm';
		else if (!strncmp(word, "lanes=", 6)) def.lanes = atoi(word + 6);
		else if (!strncmp(word, "ulp=", 4)) def.ulp = strtod(word + 4, NULL);
		else fail(cx, "vocabulary: '## %s': '%s' is none of fma, muladd, lanes=, ulp=", def.name, word);
	}
	assert(def.kinds);
	return def;
}

static void read_file(Vocab *v, const Embedded *file, bool store)
{
	const char *at = file->text, *end = at + file->size;
	while (at < end && !at_header(at, end)) at = line_end(at, end) + 1; /* the file's head comment */
	while (at < end) {
		const char *eol = line_end(at, end), *body = eol < end ? eol + 1 : end;
		const char *next = body;
		while (next < end && !at_header(next, end)) {
			const char *newline = line_end(next, end);
			next = newline < end ? newline + 1 : end;
		}
		if (store) {
			Def def = read_header(v->cx, at, eol);
			def.text = body, def.end = next;
			while (def.end > body && def.end[-1] == '\n') def.end--;
			v->defs[v->n_defs] = def;
		}
		v->n_defs++;
		at = next;
	}
}

Vocab *vocab_new(Ctx *cx, int vl, bool fma)
{
	assert(vl == 1 || vl == 4 || vl == 8 || vl == 16);
	Vocab *v = NEW(cx->arena, Vocab);
	*v = (Vocab){.cx = cx, .vl = vl, .fma = fma};
	for (const Embedded *file = embedded_vocab; file->name; file++) read_file(v, file, false);
	v->defs = NEWN(cx->arena, Def, v->n_defs);
	v->n_defs = 0;
	for (const Embedded *file = embedded_vocab; file->name; file++) read_file(v, file, true);
	return v;
}

static const Def *find(const Vocab *v, const char *name, size_t n, char kind)
{
	if ((kind == 'v' || kind == 'm') && v->vl == 1) return NULL;
	for (int i = 0; i < v->n_defs; i++) {
		const Def *def = &v->defs[i];
		if (strlen(def->name) == n && !memcmp(def->name, name, n) && strchr(def->kinds, kind) &&
			(!def->profile || def->profile == (v->fma ? 'f' : 'm')) && (!def->lanes || def->lanes == v->vl))
			return def;
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------------------- instantiation */

static char kind_of(Elem elem, bool vector)
{
	if (vector) return elem == F32 ? 'v' : elem == BOOL ? 'm' : 0;
	switch (elem) {
	case F32: return 's';
	case F64: return 'd';
	default: return elem_is_narrow(elem) ? 0 : elem_info[elem].cls;
	}
}

static const char *prefix(Vocab *v, char kind, Elem elem)
{
	switch (kind) {
	case 'p': return "";
	case 'i':
	case 'u':
	case 'b': return arena_printf(v->cx->arena, "%s_", elem_info[elem].name);
	default: return arena_printf(v->cx->arena, "%c_", kind);
	}
}

/* One definition has all vector types. */
static const char *vector_type(Vocab *v, const char *name)
{
	use(v, find(v, "vectors", 7, 'p'), 'p', F32, F32);
	return name;
}

static const char *limit(Vocab *v, Elem elem, bool high)
{
	const ElemInfo *info = &elem_info[elem];
	if (info->cls == 'u' && !high) return "0";
	const int above =
		info->cls == 'u' ? 1 << (info->bits & 7) : 1 << (info->bits & 7) >> 1; /* of less than a byte */
	if (info->bits < 8) return arena_printf(v->cx->arena, "%d", high ? above - 1 : -above);
	return arena_printf(v->cx->arena, "%sINT%d_%s", info->cls == 'u' ? "U" : "", info->bits, high ? "MAX" : "MIN");
}

/* Both are powers of two, or 0, and so exact in every float type. */
static const char *saturation(Vocab *v, Elem from, Elem to, bool high)
{
	const ElemInfo *info = &elem_info[to];
	double bound = info->cls == 'u' ? 1 : 0.5;
	for (int i = 0; i < info->bits; i++) bound *= 2;
	if (!high) bound = info->cls == 'u' ? 0 : -bound;
	return arena_printf(v->cx->arena, "%.1f%s", bound, from == F32 ? "f" : "");
}

/* What a cast needs to know of the layout of a type that C lacks.  Narrow floats: f32's exponent is rebiased by arithmetic
 * on its bits, or, below the least normal number, by a sum with `magic`, whose last place is that of the subnormals. */
static const char *layout(Vocab *v, const Use *u, const char *word, size_t n)
{
	const Elem elem = elem_info[u->elem].cls == 'f' && elem_is_narrow(u->elem) && u->to == F32 ? u->elem : u->to;
	Arena *a = v->cx->arena;
	const bool is_float = u->kind == 'c' && elem_is_narrow(elem);
	const NarrowFormat *f = is_float ? narrow_format(elem) : NULL;
	const unsigned top = is_float ? 1U << (f->exponent + f->mantissa) : 1U << (elem_info[elem].bits - 1);
	const unsigned mask = is_float ? top - 1 : 2 * top - 1;
	if (n == 3 && !memcmp(word, "top", n)) return arena_printf(a, "%u", top);
	if (n == 4 && !memcmp(word, "mask", n)) return arena_printf(a, "%u", mask);
	assert(is_float && f->kind != NARROW_POWER);
	const int shift = 23 - f->mantissa, magic = 24 - f->bias - f->mantissa;
	const unsigned largest = narrow_largest(elem), nan = narrow_nan(elem);
	const bool fnuz = f->kind == NARROW_FNUZ, finite = f->kind == NARROW_FINITE;
	const char *signed_nan = arena_printf(a, fnuz || finite ? "%u" : "sign | %u", nan);
	const struct {
		const char *word, *text;
	} words[] = {
		{"shift", arena_printf(a, "%d", shift)},
		{"sign", arena_printf(a, "%d", 31 - f->exponent - f->mantissa)},
		{"scale", arena_printf(a, "0x1p%d", 127 - f->bias)},
		{"special",
			finite         ? ""
				: fnuz ? arena_printf(a, "(a == %u ? 0x7fc00000u : 0) | ", nan)
				       : arena_printf(a, "(magnitude > %u ? 0x7f800000u : 0) | ", largest)},
		{"least", arena_printf(a, "0x%08x", (unsigned)(128 - f->bias) << 23)},
		{"rebias", arena_printf(a, "0x%08x", ((unsigned)(127 - f->bias) << 23) + 1 - (1U << (shift - 1)))},
		{"magic", arena_printf(a, "0x1p%d", magic)},
		{"magic_bits", arena_printf(a, "0x%08x", (unsigned)(127 + magic) << 23)},
		{"largest", arena_printf(a, "%u", largest)},
		{"nan", signed_nan},
		{"overflow",
			f->kind == NARROW_IEEE ? arena_printf(a, "sign | %u", largest + 1)
				: finite       ? arena_printf(a, "sign | %u", largest)
					       : signed_nan},
		{"result", fnuz ? "code ? sign | code : 0" : "sign | code"},
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i].word) == n && !memcmp(words[i].word, word, n)) return words[i].text;
	fail(v->cx, "vocabulary: '## %s': unknown placeholder $[%.*s]", u->def->name, (int)n, word);
}

static const char *placeholder(Vocab *v, char letter, const Use *u)
{
	bool vector = u->kind == 'v' || u->kind == 'm', is_int = u->kind == 'i' || u->kind == 'u';
	switch (letter) {
	case 'F': return vector ? vector_type(v, "vf") : u->kind == 'd' ? "double" : "float";
	case 'I': return vector ? vector_type(v, "vi") : u->kind == 'd' ? "int64_t" : "int32_t";
	case 'U':
		if (vector) return vector_type(v, "vu");
		return u->kind == 'd' || (is_int && elem_info[u->elem].size == 8) ? "uint64_t" : "uint32_t";
	case 'M': return vector ? vector_type(v, "vi") : "uint8_t";
	case 'T': return elem_info[u->elem].ctype;
	case 'E': return elem_info[u->elem].name;
	case 'R': return elem_info[u->to].ctype;
	case 'D': return elem_info[u->to].name;
	case 'W': return arena_printf(v->cx->arena, "%d", elem_info[u->to].bits);
	case 'L': return limit(v, u->to, false);
	case 'H': return limit(v, u->to, true);
	case 'N': return saturation(v, u->elem, u->to, false);
	case 'P': return saturation(v, u->elem, u->to, true);
	case 'A': return vocab_cast(v, u->elem, F32, false);
	case 'B': return vocab_cast(v, F32, u->to, false);
	case 'Z': return vocab_cast(v, F64, u->to, false);
	case 'V': return arena_printf(v->cx->arena, "%d", v->vl);
	case '!': return arena_printf(v->cx->arena, "%.2f ulp", u->def->ulp);
	}
	fail(v->cx, "vocabulary: '## %s': unknown placeholder $%c", u->def->name, letter);
}

/* $set(x) of a scalar is x; parentheses stay where x is more than a word. */
static const char *write_set(Buf *out, const char *at, const char *end)
{
	const char *close = at + 1;
	while (close < end && (isalnum((unsigned char)*close) || strchr("._-", *close))) close++;
	if (close == end || *close != ')') return at;
	buf_write(out, at + 1, (size_t)(close - at - 1));
	return close + 1;
}

static const char *write_each(const Vocab *v, Buf *out, const char *at, const char *end)
{
	const char *close = at;
	for (int depth = 1; ++close < end && depth;) depth += *close == '(' ? 1 : *close == ')' ? -1 : 0;
	const int a_line = close - at > 4 ? 4 : 16;
	for (int lane = 0; lane < v->vl; lane++) {
		buf_puts(out, !lane ? "" : lane % a_line ? ", " : ",\n\t\t");
		for (const char *c = at + 1; c < close - 1; c++)
			if (*c == '#') buf_printf(out, "%d", lane);
			else buf_write(out, c, 1);
	}
	return close;
}

static void expand(Vocab *v, const Use *u, Buf *out)
{
	for (const char *at = u->def->text, *end = u->def->end; at < end;) {
		const char *dollar = memchr(at, '$', (size_t)(end - at));
		buf_write(out, at, (size_t)((dollar ? dollar : end) - at));
		if (!dollar) break;
		at = dollar + 1;
		char kind = u->kind;
		if (end - at > 2 && at[0] == 's' && at[1] == '.') kind = 's', at += 2;
		size_t n = 0;
		while (at + n < end && (islower((unsigned char)at[n]) || isdigit((unsigned char)at[n]) || at[n] == '_'))
			n++;
		const char *close = at < end && *at == '[' ? memchr(at, ']', (size_t)(end - at)) : NULL;
		if (close) {
			buf_puts(out, layout(v, u, at + 1, (size_t)(close - at - 1)));
			at = close + 1;
		} else if (n == 0) {
			buf_puts(out, placeholder(v, *at++, u));
		} else if (n == 3 && !memcmp(at, "set", 3) && kind != 'v' && at[3] == '(') {
			at = write_set(out, at + 3, end);
		} else if (n == 6 && !memcmp(at, "inline", 6)) {
			buf_puts(out, kind == 'v' || kind == 'm' ? vector_type(v, "V_INLINE") : "static inline");
			at += 6;
		} else if (n == 4 && !memcmp(at, "each", 4)) {
			at = write_each(v, out, at + 4, end);
		} else {
			const Def *def = find(v, at, n, kind);
			if (!def) def = find(v, at, n, kind = 'p');
			if (!def)
				fail(v->cx, "vocabulary: '## %s' needs '%.*s', which there is not", u->def->name,
					(int)n, at);
			if (def == u->def && kind == u->kind) buf_puts(out, u->name);
			else buf_puts(out, use(v, def, kind, u->elem, u->to)->name);
			at += n;
		}
	}
}

/* In a line of #if or #elif: whether it is for so many lanes as there are, "8 == 16"; that part of it is taken out of `text`. */
typedef enum { OF_ANY, OF_THESE, OF_OTHERS } LanesWanted;
static LanesWanted lanes_wanted(Arena *arena, const char **text)
{
	const char *equals = strstr(*text, " == "), *from = equals, *to = equals ? equals + 4 : NULL;
	if (!equals || !isdigit((unsigned char)equals[-1]) || !isdigit((unsigned char)equals[4])) return OF_ANY;
	while (isdigit((unsigned char)from[-1])) from--;
	while (isdigit((unsigned char)*to)) to++;
	if (strtol(from, NULL, 10) != strtol(equals + 4, NULL, 10)) return OF_OTHERS;
	if (strncmp(to, " && ", 4) == 0) to += 4;
	else if (from - *text > 4 && strncmp(from - 4, " && ", 4) == 0) from -= 4;
	*text = arena_printf(arena, "%.*s%s", (int)(from - *text), *text, to);
	return OF_THESE;
}

/* Without the branches for other numbers of lanes.  Such conditions do not nest. */
static void write_branches(Vocab *v, Buf *out, const char *text)
{
	Arena *arena = v->cx->arena;
	int n_left = 0;
	bool skipped = false;
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = text + strcspn(text, "\n");
		const char *at = arena_strn(arena, text, (size_t)(end - text)), *newline = *end ? "\n" : "";
		const bool begins = strncmp(at, "#if", 3) == 0, ends = strncmp(at, "#endif", 6) == 0;
		const bool otherwise = strncmp(at, "#else", 5) == 0;
		if (begins) n_left = 0;
		if (begins || strncmp(at, "#elif", 5) == 0) {
			skipped = lanes_wanted(arena, &at) == OF_OTHERS;
			if (!skipped && !begins && n_left == 0)
				at = arena_printf(arena, "#%s", at + 3); /* the first left */
			n_left += !skipped;
		} else if (otherwise || ends) {
			skipped = n_left == 0; /* the directive, not what follows */
		}
		if (!skipped) buf_printf(out, "%s%s", at, newline);
		if (otherwise || ends) skipped = false;
	}
}

static Use *use(Vocab *v, const Def *def, char kind, Elem elem, Elem to)
{
	assert(def);
	const char *name = kind == 'c' || kind == 'r'
		? arena_printf(
			  v->cx->arena, "%s_%s_%s", elem_info[elem].name, kind == 'c' ? "to" : "as", elem_info[to].name)
		: arena_printf(v->cx->arena, "%s%s", prefix(v, kind, elem), def->name);
	for (int i = 0; i < v->n_uses; i++)
		if (!strcmp(v->uses[i]->name, name)) return v->uses[i];
	Use *u = NEW(v->cx->arena, Use);
	*u = (Use){.def = def, .kind = kind, .elem = elem, .to = to, .name = name};
	Buf all, out;
	buf_init(&all, v->cx->arena);
	buf_init(&out, v->cx->arena);
	expand(v, u, &all); /* first what it needs */
	write_branches(v, &out, all.text);
	u->text = out.text;
	if (v->n_uses == v->cap_uses) {
		v->cap_uses = v->cap_uses ? 2 * v->cap_uses : 64;
		Use **uses = NEWN(v->cx->arena, Use *, v->cap_uses);
		if (v->n_uses) memcpy(uses, v->uses, sizeof(*uses) * (size_t)v->n_uses);
		v->uses = uses;
	}
	return v->uses[v->n_uses++] = u;
}

/* ------------------------------------------------------------------------------------------------------- the API */

int vocab_lanes(const Vocab *v) { return v->vl; }

bool vocab_has(const Vocab *v, const char *name, Elem elem, bool vector)
{
	char kind = elem_is_storage(elem) && strcmp(name, "select") != 0 ? 0 : kind_of(elem, vector);
	return kind && find(v, name, strlen(name), kind);
}

const char *vocab_fn(Vocab *v, const char *name, Elem elem, bool vector)
{
	if (!vocab_has(v, name, elem, vector))
		fail(v->cx, "vocabulary: no '%s' for %s of %s at %d lanes", name, vector ? "vectors" : "scalars",
			elem_info[elem].name, v->vl);
	char kind = kind_of(elem, vector);
	return use(v, find(v, name, strlen(name), kind), kind, elem, elem)->name;
}

const char *vocab_cast(Vocab *v, Elem from, Elem to, bool vector)
{
	assert(from != to);
	if (vector) {
		if (from == F32 && to == BOOL) return vocab_fn(v, "to_mask", F32, true);
		if (from == BOOL && to == F32) return vocab_fn(v, "to_f32", BOOL, true);
		fail(v->cx, "vocabulary: no cast from %s to %s for vectors", elem_info[from].name, elem_info[to].name);
	}
	const bool from_narrow = elem_is_narrow(from), to_narrow = elem_is_narrow(to),
		   half = from == F16 || from == BF16;
	const char *name;
	if ((half && to == F32) || ((from == F32 || from == F64) && (to == F16 || to == BF16))) { /* the plain ones */
		name = arena_printf(v->cx->arena, "%s_to_%s", elem_info[from].name, elem_info[to].name);
		return use(v, find(v, name, strlen(name), 'p'), 'p', from, to)->name;
	}
	if (from_narrow && to == F32)
		name = narrow_format(from)->kind == NARROW_POWER ? "power_to_f32" : "narrow_to_f32";
	else if (from == F32 && to_narrow)
		name = narrow_format(to)->kind == NARROW_POWER ? "f32_to_power" : "f32_to_narrow";
	else if (from_narrow) name = "cast_by_f32";
	else if (to_narrow) name = from == F64 ? "cast_by_odd" : "cast_by_f64";
	else if (to == BOOL) name = "cast_bool";
	else if (elem_is_float(from) && elem_is_int(to)) name = "cast_float_int";
	else if (elem_is_storage(to)) name = elem_info[to].cls == 'i' ? "cast_low_signed" : "cast_low_unsigned";
	else name = "cast_number";
	return use(v, find(v, name, strlen(name), 'c'), 'c', from, to)->name;
}

const char *vocab_bitcast(Vocab *v, Elem from, Elem to)
{
	assert(from != to && elem_info[from].bits == elem_info[to].bits);
	const char *name = to == BOOL      ? "bits_bool"
		: elem_info[to].bits >= 8  ? "bits"
		: elem_info[to].cls == 'i' ? "bits_low_signed"
					   : "bits_low_unsigned";
	return use(v, find(v, name, strlen(name), 'r'), 'r', from, to)->name;
}

const char *vocab_infix(const char *name, Elem elem, bool vector)
{
	static const struct {
		const char *name, *text;
		const char *
			kinds; /* 'w': unsigned of 32 and 64 bits, which wrap by themselves and are not promoted to int */
	} table[] = {
		{"add", "+", "vsdw"},
		{"sub", "-", "vsdw"},
		{"mul", "*", "vsdw"},
		{"div", "/", "vsd"},
		{"neg", "-", "vsd"},
		{"eq", "==", "vsdiub"},
		{"ne", "!=", "vsdiub"},
		{"lt", "<", "vsdiu"},
		{"le", "<=", "vsdiu"},
		{"gt", ">", "vsdiu"},
		{"ge", ">=", "vsdiu"},
		{"and", "&", "mw"},
		{"or", "|", "mw"},
		{"xor", "^", "mw"},
		{"not", "~", "mw"},
	};
	char kind = kind_of(elem, vector);
	bool wide = kind == 'u' && elem_info[elem].size >= 4;
	for (size_t i = 0; kind && i < sizeof(table) / sizeof(*table); i++)
		if (!strcmp(table[i].name, name) &&
			(strchr(table[i].kinds, kind) || (wide && strchr(table[i].kinds, 'w'))))
			return table[i].text;
	return NULL;
}

const char *vocab_type(Vocab *v, Elem elem, bool vector)
{
	if (!vector) return elem_info[elem].ctype;
	assert(v->vl > 1 && (elem == F32 || elem == BOOL));
	return vector_type(v, elem == F32 ? "vf" : "vi");
}

double vocab_ulp(const Vocab *v, const char *name)
{
	const Def *def = find(v, name, strlen(name), 's');
	return def ? def->ulp : -1;
}

void vocab_print(const Vocab *v, Buf *out)
{
	for (int i = 0; i < v->n_uses; i++) {
		buf_puts(out, v->uses[i]->text);
		buf_puts(out, "\n\n");
	}
}
