/* bench.h: what the files of `rnncc bench` share: cli/bench.c runs and prints, bench_profile.c times kernels, bench_plot.c
 * draws. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli/cli.h"
#include "cli/json.h"

typedef struct { /* of one call, microseconds */
	int calls;
	double min_us, median_us, mean_us, p90_us;
	size_t workspace_bytes;
} Times;

/* The model compiled in one way. */
typedef struct {
	const char *label;
	int opt, threads;
	const char *target;
	Times times;
	const char *why_not; /* NULL: it ran */
} Run;
typedef struct {
	int n;
	Run *items;
} Runs;

typedef struct {
	const CompiledKernel *kernel;
	double us; /* of all its calls in one call of the model */
	double calls;
	double bound_us; /* what they take at the machine's limit */
	bool by_memory;  /* which limit: reading, else arithmetic */
} KernelTime;
typedef struct {
	int n; /* those that are called */
	KernelTime *kernels;
	double us, bound_us; /* sums */
	const char *
		open; /* the inputs of open sizes, as they were; NULL: there are none. FLOP and bytes would be those of typical sizes */
	double flops_per_second;
	int n_reads; /* of what sizes the bandwidth was needed */
	const struct ReadLimit *reads;
} Profile;

/* bench.c */
Ready bench_open(Ctx *, const Options *, bool profile, const Tensor ***inputs);
double bench_calls(Ctx *, SessionCall *, SessionState *, int n); /* seconds of n calls */

/* bench_profile.c: of each kernel, all its calls in one call of the model, the best of many; and how many calls. */
void bench_kernels(Ctx *, const Ready *, const Tensor *const *inputs, double *us, double *calls);
/* Compiles the model with a clock after each kernel. */
Profile bench_profile(Ctx *, const Options *);
void profile_print(Ctx *, const Options *, const Profile *);
void profile_json(cJSON *, const Profile *);

/* bench_plot.c: both before anything is measured and after it. */
void plot_check(Ctx *, const Options *);
void plot_draw(Ctx *, const Options *, const Runs *, const Profile *);

#endif
