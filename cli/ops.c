/* ops.c: `rnncc ops`: the operators of ONNX that are supported, from the importer's tables and the operator library. */
#include "cli/cli.h"
#include "cli/json.h"
#include "frontend/onnx/import.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	char class;
	int least_bits;
} groups[] = {{"floats", 'f', 16}, {"signed", 'i', 8}, {"unsigned", 'u', 8}};
enum { N_GROUPS = sizeof groups / sizeof *groups };

static bool in_group(int g, int elem)
{
	return elem_info[elem].cls == groups[g].class && elem_info[elem].bits >= groups[g].least_bits;
}

/* "floats bool i64": whole groups by their names. */
static const char *types(Ctx *cx, const OnnxOperator *o)
{
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "");
	bool told[N_ELEMS + 1] = {false}, all = true;
	for (int e = 0; e < N_ELEMS; e++) all &= o->takes[e];
	if (all) return o->takes[STR] ? "all str" : "all";
	for (int g = 0; g < N_GROUPS; g++) {
		bool whole = true;
		for (int e = 0; e < N_ELEMS; e++) whole &= !in_group(g, e) || o->takes[e];
		for (int e = 0; e < N_ELEMS && whole; e++) told[e] |= in_group(g, e);
		if (whole) buf_printf(&b, "%s%s", b.size ? " " : "", groups[g].name);
	}
	for (int e = 0; e <= N_ELEMS; e++)
		if (o->takes[e] && !told[e]) buf_printf(&b, "%s%s", b.size ? " " : "", elem_info[e].name);
	return b.size ? b.text : "-";
}

static const char *count(Ctx *cx, int least, int most)
{
	if (most < 0) return arena_printf(cx->arena, "%d..", least);
	return arena_printf(cx->arena, least == most ? "%d" : "%d..%d", least, most);
}

static void print_json(Ctx *cx, int n, const OnnxOperator *list)
{
	cJSON *json = cJSON_CreateArray();
	for (int i = 0; i < n; i++) {
		const OnnxOperator *o = &list[i];
		cJSON *row = cJSON_CreateObject();
		cJSON_AddItemToArray(json, row);
		cJSON_AddStringToObject(row, "domain", o->domain);
		cJSON_AddStringToObject(row, "name", o->name);
		cJSON_AddStringToObject(row, "versions", o->versions);
		cJSON_AddStringToObject(row, "inputs", count(cx, o->min_in, o->max_in));
		cJSON_AddStringToObject(row, "outputs", count(cx, 1, o->max_out));
		cJSON *elems = cJSON_AddArrayToObject(row, "types");
		for (int e = 0; e <= N_ELEMS; e++)
			if (o->takes[e]) cJSON_AddItemToArray(elems, cJSON_CreateString(elem_info[e].name));
		cJSON_AddStringToObject(row, "attributes", o->attrs);
		cJSON_AddStringToObject(row, "library", o->texts);
	}
	json_print(json);
}

static void print_text(Ctx *cx, int n, const OnnxOperator *list)
{
	const char *domain = NULL;
	for (int i = 0; i < n; i++) {
		const OnnxOperator *o = &list[i];
		if (!domain || strcmp(o->domain, domain) != 0)
			printf("%s%s\n", domain ? "\n" : "", *o->domain ? o->domain : "ai.onnx");
		domain = o->domain;
		printf("  %s %s: inputs %s, outputs %s; types %s\n", o->name, o->versions,
			count(cx, o->min_in, o->max_in), count(cx, 1, o->max_out), types(cx, o));
		if (*o->attrs) printf("      attributes %s\n", o->attrs);
		if (*o->texts) printf("      library %s\n", o->texts);
	}
}

static int run(Ctx *cx, const Options *o)
{
	const OnnxOperator *list;
	const char *name = o->n_args ? o->args[0] : NULL;
	const int n = onnx_operators(cx, name, &list);
	if (!n) fail(cx, "operator %s is not supported (`rnncc ops` lists those that are)", printable(cx->arena, name));
	if (o->json) print_json(cx, n, list);
	else print_text(cx, n, list);
	return STATUS_OK;
}

const Command command_ops = {
	.name = "ops",
	.flag = OPS,
	.operands = "[NAME]",
	.min_args = 0,
	.max_args = 1,
	.summary = "list the operators of ONNX that are supported",
	.details =
		"Prints, from the tables that the importer itself uses, each operator, or those called NAME: the versions of the\n"
		"operator set, how many inputs and outputs, the element types of the first input (found by importing models of\n"
		"one node; - where none tells; str: strings, where they are constants), the attributes that are honoured, and the\n"
		"operators of the library that say what it computes.  A model with another operator, version, attribute or type is refused by name.",
	.examples = "  rnncc ops\n"
		    "  rnncc ops LSTM\n"
		    "  rnncc ops --json Resize\n",
	.run = run,
};
