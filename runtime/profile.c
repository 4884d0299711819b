/* profile.c: what rnncc_tick() adds up. */
#include "runtime/profile.h"

#include <string.h>
#include <time.h>

static struct {
	int n;
	double *seconds;
	long *calls;
	double last;
} profile;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void tick(int kernel)
{
	double t = now();
	if (kernel >= 0 && kernel < profile.n) {
		profile.seconds[kernel] += t - profile.last;
		profile.calls[kernel]++;
	}
	profile.last = now(); /* what the clock costs is nobody's */
}

ModuleSymbol profile_symbol(void)
{
	void (*function)(int) = tick;
	ModuleSymbol s = {.name = "rnncc_tick"};
	memcpy(&s.address, &function, sizeof function); /* ISO C has no cast from functions to objects */
	return s;
}

void profile_start(int n, double *seconds, long *calls)
{
	profile.n = n;
	profile.seconds = seconds;
	profile.calls = calls;
}
