/* map.c: which tensors of a file make which parameter: the rules, and their text. */
#include "frontend/weights/files.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

WeightRule *weight_map_add(Ctx *cx, WeightMap *map)
{
	if (map->n == map->cap) {
		map->cap = map->cap ? 2 * map->cap : 32;
		WeightRule *more = NEWN(cx->arena, WeightRule, map->cap);
		if (map->n) memcpy(more, map->rules, sizeof *more * (size_t)map->n);
		map->rules = more;
	}
	return &map->rules[map->n++];
}

static void add_ignored(Ctx *cx, WeightMap *map, const char *pattern)
{
	if (map->n_ignored == map->cap_ignored) {
		map->cap_ignored = map->cap_ignored ? 2 * map->cap_ignored : 8;
		const char **more = NEWN(cx->arena, const char *, map->cap_ignored);
		if (map->n_ignored) memcpy(more, map->ignored, sizeof *more * (size_t)map->n_ignored);
		map->ignored = more;
	}
	map->ignored[map->n_ignored++] = pattern;
}

const WeightRule *weight_map_find(const WeightMap *map, const char *param)
{
	for (int i = 0; i < map->n; i++)
		if (!strcmp(map->rules[i].param, param)) return &map->rules[i];
	for (int i = 0; i < map->n; i++)
		if (map->rules[i].kind != RULE_TERMS && !fnmatch(map->rules[i].param, param, 0)) return &map->rules[i];
	return NULL;
}

bool weight_map_uses(const WeightMap *map, const char *tensor)
{
	for (int i = 0; i < map->n; i++)
		for (int k = 0; k < map->rules[i].n_terms; k++)
			if (!strcmp(map->rules[i].terms[k].tensor, tensor)) return true;
	for (int i = 0; i < map->n_ignored; i++)
		if (!fnmatch(map->ignored[i], tensor, 0)) return true;
	return false;
}

/* ---- printing ---- */

/* A name of the file, which may hold anything: quoted where a map needs it. */
static void print_name(Buf *b, const char *name)
{
	const bool plain = *name && !strpbrk(name, " \t\"#=+");
	if (!plain) buf_puts(b, "\"");
	for (; *name; name++) {
		const unsigned char c = (unsigned char)*name;
		if (c < ' ' || c == 127) buf_puts(b, "?"); /* nothing for a terminal to obey */
		else buf_write(b, name, 1);
	}
	if (!plain) buf_puts(b, "\"");
}

static void print_step(Buf *b, const WeightStep *step)
{
	switch (step->kind) {
	case TERM_ROW: buf_printf(b, " row %lld", (long long)step->k); break;
	case TERM_PART: buf_printf(b, " part %lld of %lld", (long long)step->k, (long long)step->n); break;
	case TERM_COLUMNS: buf_printf(b, " columns %lld to %lld", (long long)step->k, (long long)step->n); break;
	case TERM_TRANSPOSE: buf_puts(b, " transpose"); break;
	case TERM_GATES: buf_printf(b, " gates %s->%s", step->from, step->to); break;
	}
}

const char *weight_rule_text(Ctx *cx, const WeightRule *rule)
{
	if (rule->kind != RULE_TERMS) return rule->kind == RULE_ZEROS ? "zeros" : "random";
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < rule->n_terms; i++) {
		if (i) buf_puts(&b, " + ");
		print_name(&b, rule->terms[i].tensor);
		for (int k = 0; k < rule->terms[i].n_steps; k++) print_step(&b, &rule->terms[i].steps[k]);
	}
	return b.text;
}

/* ---- parsing ---- */

typedef struct {
	Ctx *cx;
	const char *at;   /* "map.txt:3" */
	const char *text; /* what is left of the line */
	const char *word; /* the next one; NULL at the end */
	bool quoted;
} LineParser;

static void next_word(LineParser *p)
{
	while (*p->text == ' ' || *p->text == '\t' || *p->text == '\r') p->text++;
	p->quoted = *p->text == '"';
	p->word = NULL;
	if (p->quoted) {
		const char *end = strchr(++p->text, '"');
		if (!end) fail(p->cx, "%s: a quoted name without end", p->at);
		p->word = arena_strn(p->cx->arena, p->text, (size_t)(end - p->text));
		p->text = end + 1;
	} else if (*p->text && *p->text != '#') {
		const size_t n = *p->text == '=' || *p->text == '+' ? 1 : strcspn(p->text, " \t\r\"#=+");
		p->word = arena_strn(p->cx->arena, p->text, n);
		p->text += n;
	}
}

static bool is(const LineParser *p, const char *word) { return p->word && !p->quoted && !strcmp(p->word, word); }

static bool accept(LineParser *p, const char *word)
{
	if (!is(p, word)) return false;
	next_word(p);
	return true;
}

static const char *expect(LineParser *p, const char *what)
{
	if (!p->word) fail(p->cx, "%s: %s expected at the end", p->at, what);
	const char *word = p->word;
	next_word(p);
	return word;
}

static int64_t expect_number(LineParser *p, const char *what)
{
	const char *word = expect(p, what);
	char *end;
	const int64_t value = strtoll(word, &end, 10);
	if (*end || !isdigit((unsigned char)*word) || value > INT32_MAX)
		fail(p->cx, "%s: '%s' is no %s", p->at, word, what);
	return value;
}

static void parse_gates(LineParser *p, WeightStep *step)
{
	const char *order = expect(p, "an order of gates, as ifgo->iofg,"), *arrow = strstr(order, "->");
	if (!arrow || arrow == order || !arrow[2])
		fail(p->cx, "%s: '%s' is no order of gates: ifgo->iofg", p->at, order);
	step->from = arena_strn(p->cx->arena, order, (size_t)(arrow - order));
	step->to = arrow + 2;
	for (const char *c = step->from; *c; c++)
		if (strchr(c + 1, *c)) fail(p->cx, "%s: gate '%c' is twice in %s", p->at, *c, step->from);
	for (const char *c = step->to; *c; c++) {
		if (!strchr(step->from, *c)) fail(p->cx, "%s: gate '%c' is not in %s", p->at, *c, step->from);
		if (strchr(c + 1, *c)) fail(p->cx, "%s: gate '%c' is twice in %s", p->at, *c, step->to);
	}
}

static bool parse_step(LineParser *p, WeightStep *step)
{
	*step = (WeightStep){0};
	if (accept(p, "row")) {
		step->kind = TERM_ROW;
		step->k = expect_number(p, "row's number");
	} else if (accept(p, "part")) {
		step->kind = TERM_PART;
		step->k = expect_number(p, "part's number");
		if (!accept(p, "of")) fail(p->cx, "%s: part K of N expected", p->at);
		step->n = expect_number(p, "number of parts");
		if (step->k >= step->n) fail(p->cx, "%s: parts are numbered from 0", p->at);
	} else if (accept(p, "columns")) {
		step->kind = TERM_COLUMNS;
		step->k = expect_number(p, "first column");
		if (!accept(p, "to")) fail(p->cx, "%s: columns A to B expected", p->at);
		step->n = expect_number(p, "column behind the last");
	} else if (accept(p, "transpose")) {
		step->kind = TERM_TRANSPOSE;
	} else if (accept(p, "gates")) {
		step->kind = TERM_GATES;
		parse_gates(p, step);
	} else return false;
	return true;
}

static void parse_term(LineParser *p, WeightRule *rule)
{
	if (rule->n_terms == MAX_TERMS) fail(p->cx, "%s: more than %d tensors", p->at, MAX_TERMS);
	WeightTerm *term = &rule->terms[rule->n_terms++];
	*term = (WeightTerm){.tensor = expect(p, "the name of a tensor")};
	WeightStep step;
	while (parse_step(p, &step)) {
		if (term->n_steps == MAX_TERM_STEPS) fail(p->cx, "%s: more than %d steps", p->at, MAX_TERM_STEPS);
		term->steps[term->n_steps++] = step;
	}
}

static void parse_rule(LineParser *p, WeightMap *map)
{
	WeightRule rule = {.param = expect(p, "the name of a parameter"), .at = p->at};
	if (!accept(p, "=")) fail(p->cx, "%s: '=' expected after '%s'", p->at, rule.param);
	for (int i = 0; i < map->n; i++)
		if (!strcmp(map->rules[i].param, rule.param))
			fail(p->cx, "%s: '%s' has a line already: %s", p->at, rule.param, map->rules[i].at);
	if (accept(p, "random")) rule.kind = RULE_RANDOM;
	else if (accept(p, "zeros")) rule.kind = RULE_ZEROS;
	else do
			parse_term(p, &rule);
		while (accept(p, "+"));
	*weight_map_add(p->cx, map) = rule;
}

void weight_map_parse(Ctx *cx, WeightMap *map, const char *path, const char *text)
{
	for (int line = 1; *text; line++) {
		const size_t n = strcspn(text, "\n");
		LineParser p = {.cx = cx,
			.at = arena_printf(cx->arena, "%s:%d", path, line),
			.text = arena_strn(cx->arena, text, n)};
		text += n + (text[n] == '\n');
		next_word(&p);
		if (!p.word) continue;
		if (accept(&p, "ignore")) add_ignored(cx, map, expect(&p, "the name of a tensor"));
		else parse_rule(&p, map);
		if (p.word) fail(cx, "%s: unexpected '%s'", p.at, p.word);
	}
}
