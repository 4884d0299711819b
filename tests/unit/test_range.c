/* test_range.c: the bounds of sizes that are made of each other, against all values of their symbols. */
#include <criterion/criterion.h>

#include "ir/ir.h"
#include "compiled.h"

static const Dim *parsed(Ctx *cx, const char *text)
{
	const char *end;
	return dim_parse(cx, text, &end);
}

Test(range, terms_that_cancel)
{
	static const struct {
		const char *text;
		int64_t lo, hi; /* exactly, whatever T is */
	} wanted[] = {
		{"max(T, 8)-T", 0, 8},
		{"T-min(T, 8)", 0, INT64_MAX},
		{"4*floor((T+3)/(4))-T", 0, 3},
		{"T-4*floor((T)/(4))", 0, 3},
		{"8*floor((max(T, 8)+7)/(8))-max(T, 8)", 0, 7},
		{"floor((T+3)/(4))-floor((T)/(4))", 0, 1}, /* neither has a factor to cancel T by */
		{"max(floor((T)/(4)), 1)-floor((max(T, 4)+3)/(4))", -1, 0},
	};
	Ctx *cx = ctx_new();
	dim_sym(cx, "T");
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		const DimRange r = dim_range(parsed(cx, wanted[i].text));
		cr_expect(r.lo == wanted[i].lo && r.hi == wanted[i].hi, "%s: %lld..%lld", wanted[i].text,
			(long long)r.lo, (long long)r.hi);
	}
	ctx_free(cx);
}

Test(range, padded_to_a_least_length)
{
	Ctx *cx = ctx_new();
	const Dim *T = dim_sym(cx, "T"), *zero = dim_int(cx, 0), *lack = dim_sub(cx, dim_int(cx, 256), T);
	const Dim *padded = dim_add(cx, T, dim_max(cx, lack, zero));
	cr_expect_eq(padded, dim_max(cx, T, dim_int(cx, 256)));
	const Dim *blocks = dim_ceildiv(cx, padded, dim_int(cx, 256)), *all = dim_mul(cx, blocks, dim_int(cx, 256));
	const Dim *rest = dim_sub(cx, all, padded);
	cr_expect_eq(dim_max(cx, rest, zero), rest, "which is not negative");
	cr_expect_eq(dim_div_exact(cx, dim_add(cx, padded, rest), dim_int(cx, 256)), blocks);
	ctx_free(cx);
}

static int64_t quotient(int64_t a, int64_t b) /* b is above 0 */ { return a / b - (a % b < 0); }

typedef struct {
	const Dim *dim;
	int64_t value; /* at T and S */
} Valued;

static Valued random_dim(Ctx *cx, uint64_t *seed, int depth, int64_t T, int64_t S)
{
	const uint64_t r = random_next(seed) >> 33;
	const int64_t k = (int64_t)(r / 6 % 7) - 3, n = (int64_t)(r / 6 % 4) + 1;
	if (depth == 0)
		return r % 3 == 0    ? (Valued){dim_int(cx, k), k}
			: r % 3 == 1 ? (Valued){dim_sym(cx, "T"), T}
				     : (Valued){dim_sym(cx, "S"), S};
	const Valued a = random_dim(cx, seed, depth - 1, T, S), b = random_dim(cx, seed, depth - 1, T, S);
	switch (r % 6) {
	case 0: return (Valued){dim_add(cx, a.dim, b.dim), a.value + b.value};
	case 1: return (Valued){dim_sub(cx, a.dim, b.dim), a.value - b.value};
	case 2: return (Valued){dim_mul(cx, a.dim, dim_int(cx, k)), a.value * k};
	case 3: return (Valued){dim_floordiv(cx, a.dim, dim_int(cx, n)), quotient(a.value, n)};
	case 4: return (Valued){dim_max(cx, a.dim, b.dim), a.value > b.value ? a.value : b.value};
	default: return (Valued){dim_min(cx, a.dim, b.dim), a.value < b.value ? a.value : b.value};
	}
}

/* Never narrower than what there is; and what bounds decide, when a size is made, is right. */
Test(range, holds_for_random_sizes)
{
	int exact = 0;
	for (uint64_t i = 0; i < 3000; i++) {
		Ctx *cx = ctx_new();
		const int64_t T_lo = (int64_t)(i % 3), T_hi = (int64_t)(4 + i % 5), S_hi = (int64_t)(1 + i % 4);
		sym_bound(cx, "T", T_lo, T_hi);
		sym_bound(cx, "S", 0, S_hi);
		DimRange is = {INT64_MAX, INT64_MIN}, r = is;
		for (int64_t T = T_lo; T <= T_hi; T++)
			for (int64_t S = 0; S <= S_hi; S++) {
				uint64_t seed = i;
				const Valued d = random_dim(cx, &seed, 4, T, S);
				DimEnv env;
				dimenv_init(&env, cx->arena);
				dimenv_set(&env, sym_find(cx, "T"), T);
				dimenv_set(&env, sym_find(cx, "S"), S);
				cr_assert_eq(dim_eval(cx, d.dim, &env), d.value, "case %d", (int)i);
				is = (DimRange){d.value < is.lo ? d.value : is.lo, d.value > is.hi ? d.value : is.hi};
				r = dim_range(d.dim);
			}
		cr_assert(r.lo <= is.lo && r.hi >= is.hi, "case %d: %lld..%lld, but it is %lld..%lld", (int)i,
			(long long)r.lo, (long long)r.hi, (long long)is.lo, (long long)is.hi);
		exact += r.lo == is.lo && r.hi == is.hi;
		ctx_free(cx);
	}
	cr_expect(exact > 1500, "%d of 3000 are exact", exact);
}
