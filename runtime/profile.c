/* profile.c: what rnncc_tick() adds up. */
#include "runtime/profile.h"

#include <string.h>
#include <time.h>

static struct {
	int n;
	double *seconds;
	long *calls;
	double last, clock; /* seconds: when the kernel that runs began; what asking for the time takes */
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
		const double seconds = t - profile.last - profile.clock;
		profile.seconds[kernel] += seconds > 0 ? seconds : 0;
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

static double clock_seconds(void)
{
	enum { TIMES = 100 };
	double least = 1;
	for (int i = 0; i < TIMES; i++) {
		const double t = now(), between = now() - t;
		if (between < least) least = between;
	}
	return least;
}

void profile_start(int n, double *seconds, long *calls)
{
	profile.clock = clock_seconds();
	profile.n = n;
	profile.seconds = seconds;
	profile.calls = calls;
}
