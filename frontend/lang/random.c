/* random.c: initial values of parameters, from a counter-based generator.
 *
 * Element i of a parameter is a function of the seed, its name and i alone: SplitMix64 (Steele, Lea & Flood 2014) of a
 * counter that starts at a hash of seed and name.  So values depend neither on order nor on the machine, and adding a
 * parameter changes no other.
 */
#include "frontend/lang/params.h"

#include <math.h>
#include <string.h>

static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* In [0, 1), 53 bits. */
static double uniform(uint64_t key, int64_t i)
{
	return (double)(mix(key + (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15)) >> 11) * 0x1p-53;
}

static const struct {
	const char *kind;
	int min_args, max_args;
} kinds[] = {{"default", 0, 0}, {"zeros", 0, 0}, {"ones", 0, 0}, {"const", 1, 1}, {"uniform", 1, 2}, {"glorot", 0, 0}};

bool init_known(const char *kind, int n_args)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].kind, kind)) return n_args >= kinds[i].min_args && n_args <= kinds[i].max_args;
	return false;
}

const char *init_list(void) { return "zeros, ones, const(x), uniform(lo, hi), glorot"; }

static double range_of(const Param *p, const Init *init)
{
	if (!strcmp(init->kind, "glorot")) {
		double out = p->rank > 1 ? (double)p->dims[0] : 1;
		return sqrt(6.0 / ((double)p->fan_in + out));
	}
	return 1 / sqrt((double)(p->fan_in > 0 ? p->fan_in : 1));
}

const Tensor *param_random(Ctx *cx, const Param *p, uint64_t seed)
{
	Tensor *t = tensor_new(cx->arena, F32, p->rank, p->dims);
	if (!t) fail(cx, "parameter %s is too large", p->name);
	const Init *init = &p->inits[0];
	const uint64_t key = mix(hash_bytes(seed, p->name, strlen(p->name)));
	double lo = -range_of(p, init), hi = -lo;
	bool constant = true;
	double value = 0;
	if (!strcmp(init->kind, "ones")) value = 1;
	else if (!strcmp(init->kind, "const")) value = init->args[0];
	else constant = !strcmp(init->kind, "zeros");
	if (!strcmp(init->kind, "uniform")) {
		hi = init->n > 1 ? init->args[1] : init->args[0];
		lo = init->n > 1 ? init->args[0] : -hi;
	}
	for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, constant ? value : lo + (hi - lo) * uniform(key, i));
	return t;
}
