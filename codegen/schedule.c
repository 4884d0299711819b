/* schedule.c: schedules that are given instead of chosen: the file that `rnncc compile --tune` writes and --schedule reads.
 *
 *     rnncc schedule 1                                      the version of this format
 *     target x86-64-v4                                      schedules are for one target
 *     hoist yes                                             or no: products of a sequence's inputs for all steps at once
 *     chunk 48                                              or no: loops over time, with what they read, so many steps at a time
 *     kernel 0123456789abcdef lanes j vectors 2 rows i 3    a kernel by its key (key.c)
 *     kernel 00c0ffee00c0ffee scalar serial                 # from here on: a comment
 *
 * What a kernel's line does not say is chosen by the rules: `lanes` which axis is in the lanes (`scalar`: none), `vectors` how
 * many along it are in registers, and so how wide the panels of packed weights are, `rows` how many points of another axis,
 * `parallel` or `serial` whether threads share it.  None of that changes the order of a sum, and so no bit of a result; `hoist` may.
 * A line that a kernel cannot obey is an error, as is everything that this page does not know; a kernel that the model does not
 * have is told.
 */
#include "codegen/kernel.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, MAX_FILE = 1 << 20, MAX_WORDS = 16 };

/* ---- reading ---- */

typedef struct {
	Ctx *cx;
	Schedules *to;
	int line;
	int n_words, at;
	const char *words[MAX_WORDS];
} Reader;

static _Noreturn void refuse(const Reader *r, const char *what)
{
	fail(r->cx, "%s:%d: %s", r->to->file, r->line, what);
}

static const char *refuse_word(const Reader *r, const char *what, const char *word)
{
	refuse(r, arena_printf(r->cx->arena, "%s expected, not '%.64s'", what, word));
}

static const char *next_word(Reader *r, const char *what)
{
	if (r->at == r->n_words) refuse(r, arena_printf(r->cx->arena, "%s expected at the end of the line", what));
	return r->words[r->at++];
}

static bool take_word(Reader *r, const char *word)
{
	if (r->at == r->n_words || strcmp(r->words[r->at], word) != 0) return false;
	r->at++;
	return true;
}

static int next_number(Reader *r, const char *what, int most)
{
	const char *word = next_word(r, what);
	const size_t n = strlen(word);
	const int value = n <= 4 && strspn(word, "0123456789") == n ? atoi(word) : 0;
	if (value < 1 || value > most) refuse_word(r, arena_printf(r->cx->arena, "%s, 1 to %d,", what, most), word);
	return value;
}

static uint64_t next_key(Reader *r)
{
	const char *word = next_word(r, "a kernel's key");
	if (strlen(word) != 16 || strspn(word, "0123456789abcdef") != 16)
		refuse_word(r, "a kernel's key, 16 digits of 0-9a-f,", word);
	return strtoull(word, NULL, 16);
}

static void read_kernel(Reader *r)
{
	GivenSchedule g = {.key = next_key(r), .line = r->line, .parallel = SHARE_BY_RULES};
	Schedules *to = r->to;
	for (int i = 0; i < to->n; i++)
		if (to->items[i].key == g.key)
			refuse(r,
				arena_printf(r->cx->arena, "kernel %016" PRIx64 " has a line already, %d", g.key,
					to->items[i].line));
	g.scalar = take_word(r, "scalar");
	if (!g.scalar && take_word(r, "lanes")) g.vector = next_word(r, "the name of an axis");
	if (!g.scalar && take_word(r, "vectors")) g.unroll = next_number(r, "a number of vectors", MAX_GIVEN_TILE);
	if (!g.scalar && g.unroll && take_word(r, "rows")) {
		g.rows = next_word(r, "the name of an axis");
		g.row_tile = next_number(r, "a number of rows", MAX_GIVEN_TILE);
	}
	if (take_word(r, "parallel")) g.parallel = SHARE_YES;
	else if (take_word(r, "serial")) g.parallel = SHARE_NO;
	if (r->at < r->n_words)
		refuse_word(r, "scalar, or lanes, vectors and rows, then parallel or serial,", r->words[r->at]);
	to->items = arena_grow(r->cx->arena, to->items, to->n, &to->cap, sizeof *to->items);
	to->items[to->n++] = g;
}

static void read_line(Reader *r)
{
	const char *word = next_word(r, "a word");
	Schedules *to = r->to;
	if (strcmp(word, "kernel") == 0) {
		if (!to->target) refuse(r, "the target must be said before the first kernel");
		read_kernel(r);
		return;
	}
	if (strcmp(word, "target") == 0) {
		if (to->target) refuse(r, "a second target");
		to->target = next_word(r, "the name of a target");
	} else if (strcmp(word, "hoist") == 0) {
		if (to->hoist != HOIST_BY_RULES) refuse(r, "a second hoist");
		const char *how = next_word(r, "yes or no");
		if (strcmp(how, "yes") != 0 && strcmp(how, "no") != 0) refuse_word(r, "yes or no", how);
		to->hoist = *how == 'y' ? HOIST_YES : HOIST_NO;
	} else if (strcmp(word, "chunk") == 0) {
		if (to->chunk) refuse(r, "a second chunk");
		to->chunk = take_word(r, "no") ? CHUNK_NO : next_number(r, "a number of steps", MAX_GIVEN_CHUNK);
		if (to->chunk == 1) refuse(r, "a chunk has 2 steps at least");
	} else {
		refuse_word(r, "target, hoist, chunk or kernel", word);
	}
	if (r->at < r->n_words) refuse_word(r, "the end of the line", r->words[r->at]);
}

static void split_words(Reader *r, char *text)
{
	r->n_words = r->at = 0;
	text[strcspn(text, "#")] = 0;
	for (char *word = text, *end; *(word += strspn(word, " \t\r")); word = end) {
		end = word + strcspn(word, " \t\r");
		if (r->n_words == MAX_WORDS) refuse(r, "too many words");
		if (*end) *end++ = 0;
		for (const char *c = word; *c; c++)
			if (*c < '!' || *c > '~') refuse(r, "a character that is not printable ASCII");
		r->words[r->n_words++] = word;
	}
}

Schedules *schedules_parse(Ctx *cx, const char *file, const char *text, size_t size)
{
	Schedules *to = NEW(cx->arena, Schedules);
	*to = (Schedules){.file = file};
	Reader r = {.cx = cx, .to = to};
	if (size > MAX_FILE)
		fail(cx, "%s: a file of schedules has at most %d bytes, this one %zu", file, MAX_FILE, size);
	if (memchr(text, 0, size)) fail(cx, "%s: is no text", file);
	bool versioned = false;
	char *copy = arena_strn(cx->arena, text, size);
	for (char *end; *copy; copy = end) {
		end = copy + strcspn(copy, "\n");
		if (*end) *end++ = 0;
		r.line++;
		split_words(&r, copy);
		if (!r.n_words) continue;
		if (versioned) {
			read_line(&r);
			continue;
		}
		if (r.n_words != 3 || strcmp(r.words[0], "rnncc") != 0 || strcmp(r.words[1], "schedule") != 0)
			refuse(&r, "'rnncc schedule 1' expected: this is no file of schedules");
		if (strcmp(r.words[2], "1") != 0) refuse_word(&r, "version 1", r.words[2]);
		versioned = true;
	}
	if (!to->target) fail(cx, "%s: says no target", file);
	return to;
}

/* ---- writing ---- */

void given_print(Buf *b, const GivenSchedule *g)
{
	buf_printf(b, "kernel %016" PRIx64, g->key);
	if (g->scalar) buf_puts(b, " scalar");
	if (g->vector) buf_printf(b, " lanes %s", g->vector);
	if (g->unroll) buf_printf(b, " vectors %d", g->unroll);
	if (g->rows) buf_printf(b, " rows %s %d", g->rows, g->row_tile);
	if (g->parallel != SHARE_BY_RULES) buf_puts(b, g->parallel == SHARE_YES ? " parallel" : " serial");
}

const GivenSchedule *schedule_of(const Program *p, const Kernel *k)
{
	const Schedule *s = &k->schedule;
	GivenSchedule *g = NEW(p->arena, GivenSchedule);
	*g = (GivenSchedule){.key = k->key, .remark = k->name, .parallel = s->parallel ? SHARE_YES : SHARE_BY_RULES};
	g->scalar = s->vector < 0 && !s->fold_lanes;
	g->vector = s->vector >= 0 ? k->vars[s->vector]->name : NULL;
	g->unroll = s->vector >= 0 && k->n_accs ? s->unroll : 0;
	g->rows = g->unroll && s->rows >= 0 ? k->vars[s->rows]->name : NULL;
	g->row_tile = s->row_tile;
	return g;
}

void schedules_print(Buf *b, const Schedules *s)
{
	buf_printf(b, "rnncc schedule %d\ntarget %s\n", VERSION, s->target);
	if (s->hoist != HOIST_BY_RULES) buf_printf(b, "hoist %s\n", s->hoist == HOIST_YES ? "yes" : "no");
	if (s->chunk == CHUNK_NO) buf_puts(b, "chunk no\n");
	else if (s->chunk) buf_printf(b, "chunk %d\n", s->chunk);
	for (int i = 0; i < s->n; i++) {
		given_print(b, &s->items[i]);
		buf_printf(b, s->items[i].remark ? "  # %s\n" : "\n", s->items[i].remark);
	}
}

/* ---- obeying ---- */

_Noreturn void given_fail(const Program *p, const Kernel *k, const char *what)
{
	fail(p->cx, "%s:%d: kernel %016" PRIx64 ", here %s: %s", k->given->from->file, k->given->line, k->key, k->name,
		what);
}

int given_axis(const Program *p, const Kernel *k, const char *name)
{
	for (int i = 0; i < k->n_vars; i++)
		if (strcmp(k->vars[i]->name, name) == 0) return i;
	given_fail(p, k, arena_printf(p->arena, "it has no axis '%.64s'", name));
}

void schedule_give(Stmt *s, Schedules *given)
{
	Kernel *k = s->kernel;
	if (!k) return;
	k->key = kernel_key(k);
	for (int i = 0; given && i < given->n; i++) {
		GivenSchedule *g = &given->items[i];
		if (g->key != k->key) continue;
		g->from = given;
		g->used = true;
		k->given = g;
	}
}

static void give(void *user, Stmt *s) { schedule_give(s, user); }

void schedules_give(Program *p, Schedules *given) { block_each(&p->block, give, given); }

void schedules_unused(Ctx *cx, const Schedules *s)
{
	if (s->chunk > 0 && !s->chunk_used)
		note(cx, "%s: chunk %d: the model has no loop over more steps that can be cut; not applied", s->file,
			s->chunk);
	for (int i = 0; i < s->n; i++)
		if (!s->items[i].used)
			note(cx, "%s:%d: kernel %016" PRIx64 ": the model has none of that key; not applied", s->file,
				s->items[i].line, s->items[i].key);
}
