/* limits.h: what one core of this machine can do at most, measured by the loops of runtime/probe/probe.c. */
#ifndef RUNTIME_LIMITS_H
#define RUNTIME_LIMITS_H

#include "ir/ir.h"

typedef struct ReadLimit {
	double bytes, bytes_per_second;
} ReadLimit;
typedef struct Limits Limits;

/* Compiles the loops for this CPU.  Fails with the C compiler's messages. */
Limits *limits_open(Ctx *);
/* Operations on f32, a multiply-add two; measured at the first call. */
double limits_flops(Limits *);
/* Bytes a second when the same n_bytes are read again and again, from whichever cache holds them; each n_bytes is measured
 * once, some 30 ms, and listed in reads. */
double limits_read(Limits *, double n_bytes);

struct Limits {
	Ctx *cx;
	double flops_per_second;
	int n_reads;
	ReadLimit *reads;
	float (*read)(const float *, size_t);
	float (*multiply_add)(long, float, float);
	size_t block, chains;
};

#endif
