/* stages.c: the passes over kernels, in order: what the pipeline runs after lower, and the golden tests one by one. */
#include "codegen/kernel.h"

const KernelStage kernel_stages[] = {
	{"unread", pass_unread},
	{"accumulate", pass_accumulate},
	{"split", pass_split},
	{"chunk", pass_chunk},
	{"vectorise", pass_vectorise},
	{"unroll", pass_unroll},
	{"inplace", pass_inplace},
	{"parallel", pass_parallel},
	{"pack", pass_pack},
	{"turn", pass_turn},
	{"skip", pass_skip},
	{"rows", pass_rows},
	{"plan", pass_plan},
	{"team", pass_team},
	{NULL, NULL},
};
