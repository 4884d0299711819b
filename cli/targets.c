/* targets.c: `rnncc targets`: the table of targets that schedules are chosen by (codegen/target.c). */
#include "cli/cli.h"
#include "cli/json.h"
#include "codegen/codegen.h"

#include <stdio.h>
#include <string.h>

typedef struct {
	const char *key, *label, *unit; /* in JSON; for people */
	double value;
} Fact;
enum { N_FACTS = 18 };

static void facts_of(const TargetInfo *t, Fact *facts)
{
	const Fact list[N_FACTS] = {
		{"lanes", "lanes of f32", "", t->lanes},
		{"registers", "vector registers", "", t->registers},
		{"spare_registers", "  of these not for sums", "", t->spare_registers},
		{"fma_latency", "multiply-add, latency", "cycles", t->fma_latency},
		{"fmas_per_cycle", "  vectors started", "a cycle", t->fmas_per_cycle},
		{"narrow_sums", "sums of widened weights", "at a time", t->narrow_sums},
		{"gather_loads", "gather or scatter", "loads", t->gather_loads},
		{"max_vectors", "register tile, vectors", "at most", t->max_vectors},
		{"max_rows", "  rows", "at most", t->max_rows},
		{"l1_bytes", "L1 data cache", "bytes", (double)t->l1_bytes},
		{"l2_bytes", "L2 cache", "bytes", (double)t->l2_bytes},
		{"l3_bytes", "L3 cache, a core's share", "bytes", (double)t->l3_bytes},
		{"l1_rate", "reading from L1", "bytes a cycle", t->l1_rate},
		{"l2_rate", "  from L2", "bytes a cycle", t->l2_rate},
		{"l3_rate", "  from L3", "bytes a cycle", t->l3_rate},
		{"memory_rate", "  from memory", "bytes a cycle", t->memory_rate},
		{"barrier", "threads: a barrier", "cycles", t->barrier},
		{"fork", "  to start a team", "cycles", t->fork},
	};
	memcpy(facts, list, sizeof list);
}

static void print_text(const char *native)
{
	Fact facts[N_FACTS];
	printf("%-26s", "");
	for (int i = 0; target_row(i); i++) printf(" %14s", target_row(i)->name);
	putchar('\n');
	for (int f = 0; f < N_FACTS; f++) {
		for (int i = 0; target_row(i); i++) {
			facts_of(target_row(i), facts);
			if (!i) printf("%-26s", facts[f].label);
			printf(" %14.0f", facts[f].value);
		}
		printf("%s%s\n", *facts[f].unit ? "  " : "", facts[f].unit);
	}
	printf("native: %s\n", native);
}

static void print_json(const char *native)
{
	Fact facts[N_FACTS];
	cJSON *json = cJSON_CreateObject(), *rows = cJSON_AddObjectToObject(json, "targets");
	for (int i = 0; target_row(i); i++) {
		cJSON *row = cJSON_AddObjectToObject(rows, target_row(i)->name);
		facts_of(target_row(i), facts);
		for (int f = 0; f < N_FACTS; f++) cJSON_AddNumberToObject(row, facts[f].key, facts[f].value);
		cJSON_AddBoolToObject(row, "fma", target_row(i)->fma);
		cJSON_AddBoolToObject(row, "bf16_dot", target_row(i)->bf16_dot);
	}
	cJSON_AddStringToObject(json, "native", native);
	json_print(json);
}

static int run(Ctx *cx, const Options *o)
{
	const char *native = target_find(cx, "native")->name;
	if (o->json) print_json(native);
	else print_text(native);
	return STATUS_OK;
}

const Command command_targets = {
	.name = "targets",
	.flag = TARGETS,
	.operands = "",
	.min_args = 0,
	.max_args = 0,
	.summary = "what is known of each target, which schedules are chosen by",
	.details =
		"Prints the table of targets: registers, latencies, caches and their bandwidth, and what threads cost.  Which axis\n"
		"of a kernel is in the lanes, how many sums stay in registers, and what threads share is chosen by these numbers\n"
		"alone, unless a file says otherwise (rnncc compile --tune, --schedule).",
	.examples = "  rnncc targets\n"
		    "  rnncc targets --json\n",
	.run = run,
};
