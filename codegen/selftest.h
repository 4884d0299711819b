/* selftest.h: a C program that tests the generated C with stored numbers. */
#ifndef CODEGEN_SELFTEST_H
#define CODEGEN_SELFTEST_H

#include "passes/passes.h"

/* A call of NAME_run, or of NAME_step where there is no run.  Tensors follow the entry point's graph. */
typedef struct {
	const char *name; /* for messages: "test_data_set_0" */
	const Tensor *const
		*inputs; /* of all params, the states among them: NULL entries there: as the call before left them */
	const Tensor *const *wanted; /* of all results, the states among them; NULL entries: anything */
	bool reset;                  /* the state, before */
	const int64_t *dims;         /* values of the entry point's */
} SelfTestCall;
typedef struct {
	int n_calls;
	const SelfTestCall *calls;
	double rtol, atol; /* |seen - wanted| <= atol + rtol |wanted| */
} SelfTest;
/* NAME_test.c.  It needs libc and libm, prints what differs and `N passed, N failed`, and returns 0 or 1. */
OutFile selftest_file(Ctx *, const Compiled *, const SelfTest *);

#endif
