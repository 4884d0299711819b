/* operators.c: which operators of ONNX are supported: the rows of the importer's tables and the operators of the library that
 * stand for one, put together by name.
 *
 * The versions of an operator are the union of what its rows are for; its attributes and arity are those of all of them.
 */
#include "frontend/lang/lang.h"
#include "frontend/onnx/model.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
	const char *domain, *op, *attrs, *text; /* text: the library's name of it, or NULL */
	int since, until, min_in, max_in, max_out;
} Row;

static int by_name(const void *a, const void *b)
{
	const Row *x = a, *y = b;
	int order = strcmp(x->domain, y->domain);
	if (!order) order = strcmp(x->op, y->op);
	return order ? order : x->since - y->since;
}

/* All rows, of both kinds, by domain, name and version.  A row of the tables wins over the library's. */
static int all_rows(Ctx *cx, Row **rows)
{
	const LibOnnx *texts;
	const int n_texts = lib_onnx(cx, &texts);
	int n = 0;
	for (int t = 0; onnx_tables[t]; t++)
		for (const Importer *row = onnx_tables[t]; row->op; row++) n++;
	*rows = NEWN(cx->arena, Row, n + n_texts);
	n = 0;
	for (int t = 0; onnx_tables[t]; t++)
		for (const Importer *r = onnx_tables[t]; r->op; r++)
			(*rows)[n++] = (Row){
				r->domain, r->op, r->attrs, NULL, r->since, r->until, r->min_in, r->max_in, r->max_out};
	const int n_c = n;
	for (int i = 0; i < n_texts; i++) {
		bool hidden = false;
		for (int k = 0; k < n_c; k++)
			hidden |= !strcmp((*rows)[k].domain, texts[i].domain) && !strcmp((*rows)[k].op, texts[i].op) &&
				!(*rows)[k].until && (*rows)[k].since <= texts[i].since;
		if (hidden) continue;
		Row *r = &(*rows)[n++];
		*r = (Row){.domain = texts[i].domain,
			.op = texts[i].op,
			.text = texts[i].name,
			.since = texts[i].since,
			.until = texts[i].until};
		lib_signature(cx, r->text, &r->attrs, &r->min_in, &r->max_in, &r->max_out);
	}
	qsort(*rows, (size_t)n, sizeof **rows, by_name);
	return n;
}

static void add_words(Buf *b, const char *words)
{
	for (const char *at = words; *at; at += *at == ' ') {
		const size_t n = strcspn(at, " ");
		bool known = false;
		for (const char *have = b->text; have && *have; have += *have == ' ') {
			const size_t size = strcspn(have, " ");
			known |= size == n && !memcmp(have, at, n);
			have += size;
		}
		if (!known && n) {
			if (b->size) buf_puts(b, " ");
			buf_write(b, at, n);
		}
		at += n;
	}
}

/* "1..", "1..9, 12..": rows come by their first version. */
static const char *versions(Ctx *cx, int n, const Row *rows)
{
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < n;) {
		int until = rows[i].until, since = rows[i].since;
		for (i++; i < n && (!until || rows[i].since <= until + 1); i++)
			if (until && (!rows[i].until || rows[i].until > until)) until = rows[i].until;
		buf_printf(&b, "%s%d", b.size ? ", " : "", since);
		if (until != since) buf_puts(&b, "..");
		if (until && until != since) buf_printf(&b, "%d", until);
	}
	return b.text;
}

int onnx_operators(Ctx *cx, const char *name, const OnnxOperator **operators)
{
	Row *rows;
	const int n_rows = all_rows(cx, &rows);
	OnnxOperator *list = NEWN(cx->arena, OnnxOperator, n_rows);
	int n = 0;
	for (int i = 0, last; i < n_rows; i = last) {
		Buf attrs, texts;
		buf_init(&attrs, cx->arena);
		buf_init(&texts, cx->arena);
		OnnxOperator *o = &list[n];
		*o = (OnnxOperator){.domain = rows[i].domain, .name = rows[i].op, .min_in = rows[i].min_in};
		for (last = i;
			last < n_rows && !strcmp(rows[last].op, o->name) && !strcmp(rows[last].domain, o->domain);
			last++) {
			const Row *r = &rows[last];
			add_words(&attrs, r->attrs);
			if (r->text) add_words(&texts, r->text);
			if (r->min_in < o->min_in) o->min_in = r->min_in;
			if (o->max_in >= 0 && (r->max_in < 0 || r->max_in > o->max_in)) o->max_in = r->max_in;
			if (o->max_out >= 0 && (r->max_out < 0 || r->max_out > o->max_out)) o->max_out = r->max_out;
		}
		if (name && strcmp(name, o->name)) continue;
		o->versions = versions(cx, last - i, rows + i);
		o->attrs = attrs.size ? attrs.text : "";
		o->texts = texts.size ? texts.text : "";
		const int until = rows[last - 1].until;
		onnx_operator_types(cx, o, until ? until : *o->domain ? rows[last - 1].since : ONNX_NEWEST_OPSET);
		n++;
	}
	*operators = list;
	return n;
}
