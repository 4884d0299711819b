/* test_gradient.c: reverse-mode differentiation against central differences in f64.
 *
 * Of each graph the pass `gradient` makes (params.., seeds..) -> gradients; with random seeds these are compared, element by
 * element, with (f(x + h) - f(x - h)) / 2h.  Then the same is asked of the graph of gradients, so that all that derivatives are
 * made of is differentiated, too.  Element-wise primitives come from the table, the others from the list below; one that
 * has a derivative and is in no graph is a failure.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "passes/passes.h"

enum { MAX_OPERANDS = 16, MAX_COUNT = 4096 };

static void eval_on(Ctx *cx, const Graph *g, const Tensor *const *inputs, const Tensor **results)
{
	Eval e = {.cx = cx, .arena = cx->arena};
	dimenv_init(&e.env, cx->arena);
	eval_bind(&e, g, inputs);
	eval_graph(&e, g, inputs, results);
}

/* Sum over the results of floats of seed * result. */
static double seeded(Ctx *cx, const Graph *g, const Tensor *const *inputs, const Tensor *const *seeds)
{
	const Tensor *y[MAX_OPERANDS];
	double total = 0;
	eval_on(cx, g, inputs, y);
	for (int i = 0, k = 0; i < g->n_results; i++) {
		if (!elem_is_float(y[i]->elem)) continue;
		for (int64_t j = 0; j < y[i]->count; j++) total += tensor_get(y[i], j) * tensor_get(seeds[k], j);
		k++;
	}
	return total;
}

static double difference(Ctx *cx, const Graph *g, const Tensor **inputs, const Tensor *const *seeds, int i, int64_t at)
{
	const double h = 1e-5;
	const Tensor *const x = inputs[i];
	double side[2];
	for (int k = 0; k < 2; k++) {
		Tensor *moved = tensor_new(cx->arena, x->elem, x->rank, x->dims);
		memcpy(moved->data, x->data, tensor_size_bytes(x));
		tensor_set(moved, at, tensor_get(x, at) + (k ? -h : h));
		inputs[i] = moved;
		side[k] = seeded(cx, g, inputs, seeds);
	}
	inputs[i] = x;
	return (side[0] - side[1]) / (2 * h);
}

/* Distinct numbers of both signs, none near 0: no ties, and no kinks. */
static Tensor *numbers(Ctx *cx, Elem elem, int rank, const int64_t *dims, uint32_t *state)
{
	Tensor *t = tensor_new(cx->arena, elem, rank, dims);
	cr_assert(t && t->count < MAX_COUNT);
	for (int64_t i = 0; i < t->count; i++) {
		*state = *state * 1664525 + 1013904223;
		const double u = 0.25 + (double)(*state >> 8) / (1 << 24);
		tensor_set(t, i, *state >> 31 ? -u : u);
	}
	return t;
}

static void check_against_differences(Ctx *cx, const char *what, const Graph *g, const Graph *d, const Tensor **inputs)
{
	const Tensor *all[MAX_OPERANDS], *grads[MAX_OPERANDS];
	uint32_t state = 7;
	int n = g->n_params, n_grads = 0;
	graph_verify(cx, d);
	for (int i = 0; i < n; i++) all[i] = inputs[i];
	const Tensor *y[MAX_OPERANDS];
	eval_on(cx, g, inputs, y);
	for (int i = 0; i < g->n_results; i++)
		if (elem_is_float(y[i]->elem)) all[n++] = numbers(cx, y[i]->elem, y[i]->rank, y[i]->dims, &state);
	cr_assert_eq(n, d->n_params, "%s", what);
	eval_on(cx, d, all, grads);
	for (int i = 0; i < g->n_params; i++) {
		if (!elem_is_float(inputs[i]->elem)) continue;
		const Tensor *got = grads[n_grads++];
		cr_assert_eq(got->count, inputs[i]->count, "%s", what);
		for (int64_t k = 0; k < got->count; k++) {
			const double want = difference(cx, g, inputs, all + g->n_params, i, k),
				     seen = tensor_get(got, k);
			cr_expect(fabs(seen - want) <= 2e-7 * fmax(1, fabs(want)),
				"%s: gradient of '%s', element %lld: %.12g, differences give %.12g", what,
				g->param_names[i], (long long)k, seen, want);
		}
	}
	cr_assert_eq(n_grads, d->n_results, "%s", what);
	/* what is seeded is an input of the next derivative */
	for (int i = 0; i < n; i++) inputs[i] = all[i];
}

/* Both derivatives of a graph whose inputs are given: room for the seeds of both. */
static void check_twice(Ctx *cx, const char *what, const Graph *g, const Tensor **inputs)
{
	const Graph *first = pass_run(cx, "gradient", g);
	check_against_differences(cx, what, g, first, inputs);
	const Graph *second = pass_run(cx, "gradient", first);
	check_against_differences(cx, arena_printf(cx->arena, "%s, twice", what), first, second, inputs);
}

/* ------------------------------------------------------------------------------------------------ element-wise */

/* Away from kinks and jumps; those outside of a primitive's domain, where it is not finite, are left out. */
static const double points[][3] = {{0.37, 1.7, -0.4}, {-0.62, 0.45, 0.9}, {1.83, 0.7, 0.2}, {2.6, 1.2, -3.1},
	{0.11, 3.3, 2.2}, {-1.4, 2.3, 0.6}, {3.75, -1.6, 1.5}, {0.9, 0.31, -0.8}};
enum { N_POINTS = sizeof points / sizeof *points };

static bool takes_bool(Op op, int operand) { return op == OP_EW_select && operand == 0; }

static const Graph *one_primitive(Ctx *cx, Op op, int64_t n)
{
	const Dim *dims[] = {dim_int(cx, n)};
	const Val *params[3];
	Attr to = attr_elem(F64);
	for (int i = 0; i < op_info[op].n_args; i++)
		params[i] = val_param(cx, i, type_new(cx, takes_bool(op, i) ? BOOL : F64, 1, dims));
	const Val *y = val_new(cx, op, op_info[op].n_args, params, op == OP_EW_cast ? &to : NULL);
	return graph_new(
		cx, op_info[op].name, op_info[op].n_args, params, (const char *[]){"a", "b", "c"}, 1, &y, NULL);
}

static int fill_points(Ctx *cx, Op op, const bool *use, const Tensor **inputs)
{
	int n = 0;
	for (int p = 0; p < N_POINTS; p++) n += use[p];
	for (int i = 0; i < op_info[op].n_args; i++) {
		Tensor *t = tensor_new(cx->arena, takes_bool(op, i) ? BOOL : F64, 1, (int64_t[]){n});
		for (int p = 0, at = 0; p < N_POINTS; p++)
			if (use[p]) tensor_set(t, at++, takes_bool(op, i) ? p % 2 : points[p][i]);
		inputs[i] = t;
	}
	return n;
}

static void check_primitive(Ctx *cx, Op op)
{
	const Tensor *inputs[MAX_OPERANDS], *y;
	bool use[N_POINTS];
	memset(use, true, sizeof use);
	fill_points(cx, op, use, inputs);
	eval_on(cx, one_primitive(cx, op, N_POINTS), inputs, &y);
	for (int p = 0; p < N_POINTS; p++) use[p] = isfinite(tensor_get(y, p));
	const int n = fill_points(cx, op, use, inputs);
	cr_expect_geq(n, 3, "%s: only %d points are in its domain", op_info[op].name, n);
	check_twice(cx, op_info[op].name, one_primitive(cx, op, n), inputs);
}

static void try_primitive(Op op)
{
	Ctx *cx = ctx_new();
	TRY (cx) {
		check_primitive(cx, op);
	} else {
		cr_expect(false, "%s: %s", op_info[op].name, cx->error);
	}
	ctx_free(cx);
}

Test(gradient, element_wise)
{
	for (int op = 0; op < N_OPS; op++)
		if (op_info[op].is_ew && *op_info[op].gradient) try_primitive((Op)op);
}

/* ------------------------------------------------------------------------------------------------ structural */

/* Symbols are 3.  A square or a product behind a linear primitive makes its second derivative say something. */
static const char *const graphs[] = {
	"graph @reshape(%x: f64[2, 6]) -> (%y: f64[3, 4]) { %1 = reshape %x shape=[3, 4] %2 = mul %1 %1 return %2 }",
	"graph @permute(%x: f64[2, 3, 2]) -> (%y: f64[3, 2, 2]) { %1 = permute %x perm=[1, 2, 0] %2 = mul %1 %1 return %2 }",
	"graph @slice(%x: f64[4, T]) -> (%y: f64[2, T]) { %1 = slice %x start=[1, 0] size=[2, T] step=[1, 1] %2 = mul %1 %1 return %2 }",
	"graph @strided(%x: f64[11, 4]) -> (%y: f64[4, 4]) { %1 = slice %x start=[1, 3] size=[4, 4] step=[3, -1] %2 = mul %1 %1 return %2 }",
	"graph @backwards(%x: f64[9]) -> (%y: f64[3]) { %1 = slice %x start=[7] size=[3] step=[-2] %2 = mul %1 %1 return %2 }",
	"graph @flipped(%x: f64[T, 2]) -> (%y: f64[T, 2]) { %1 = slice %x start=[T-1, 0] size=[T, 2] step=[-1, 1] %2 = mul %1 %1 return %2 }",
	"graph @nothing(%x: f64[3]) -> (%y: f64[0]) { %1 = slice %x start=[1] size=[0] step=[2] return %1 }",
	"graph @pad(%x: f64[2, T], %v: f64[]) -> (%y: f64[5, T+1]) { %1 = pad %x %v lo=[1, 0] hi=[2, 1] %2 = mul %1 %1 return %2 }",
	"graph @expand(%x: f64[1, T]) -> (%y: f64[2, 3, T]) { %1 = expand %x shape=[2, 3, T] %2 = mul %1 %1 return %2 }",
	"graph @expand_scalar(%x: f64[]) -> (%y: f64[4]) { %1 = expand %x shape=[4] %2 = mul %1 %1 return %2 }",
	"graph @window(%x: f64[2, 9, 2]) -> (%y: f64[2, 3, 2, 3]) { %1 = window %x axis=[1] window=[3, 2, 2] %2 = mul %1 %1 return %2 }",
	"graph @concat(%x: f64[2, T], %z: f64[2, 2]) -> (%y: f64[2, 2*T+2]) { %1 = concat %x %z %x axis=[1] %2 = mul %1 %1 return %2 }",
	"graph @gather(%x: f64[2, 4, 3]) -> (%y: f64[2, 2, 3, 3]) { %i = const i32[2, 3] {0, 3, 3, 9, -1, 2} %1 = gather %x %i axis=[1]"
	" %2 = mul %1 %1 return %2 }",
	"graph @gather_one(%x: f64[T, 2]) -> (%y: f64[2]) { %i = const i64[] {1} %1 = gather %x %i axis=[0] %2 = mul %1 %1 return %2 }",
	"graph @gather_nd(%x: f64[2, 3, 4, 2]) -> (%y: f64[2, 3, 2]) { %i = const i64[2, 3, 2] {0, 1, 0, 1, 2, 9, 1, 1, 2, 0, -3, 3}"
	" %1 = gather_nd %x %i batch=[1] %2 = mul %1 %1 return %2 }",
	"graph @gather_rows(%x: f64[3, 4]) -> (%y: f64[2, 3, 4]) { %i = const i64[2, 0] {} %1 = gather_nd %x %i batch=[0] %2 = mul %1 %1 return %2 }",
	"graph @scatter_set(%x: f64[4, 2], %u: f64[4, 2]) -> (%y: f64[4, 2]) { %i = const i64[4, 1] {1, 3, 1, 7}"
	" %1 = scatter_nd %x %i %u kind=\"set\" %2 = mul %1 %1 return %2 }",
	"graph @scatter_add(%x: f64[3, 2], %u: f64[4]) -> (%y: f64[3, 2]) { %i = const i64[4, 2] {1, 1, 0, 0, 1, 1, 3, 0}"
	" %1 = scatter_nd %x %i %u kind=\"add\" %2 = mul %1 %1 return %2 }",
	"graph @product(%a: f64[2, T], %b: f64[T, 4]) -> (%y: f64[2, 4]) { %1 = contract %a %b spec=\"bk,kn->bn\" return %1 }",
	"graph @batched(%a: f64[2, 3, 2], %b: f64[2, 2, 4]) -> (%y: f64[4, 2, 3]) { %1 = contract %a %b spec=\"bik,bkj->jbi\" return %1 }",
	"graph @alone(%a: f64[2, 3, 2], %b: f64[3, 4]) -> (%y: f64[3]) { %1 = contract %a %b spec=\"xiz,iw->i\" return %1 }",
	"graph @outer(%a: f64[2], %b: f64[3]) -> (%y: f64[3, 2]) { %1 = contract %a %b spec=\"i,j->ji\" return %1 }",
	"graph @sum(%x: f64[2, 3, 2]) -> (%y: f64[3]) { %1 = reduce %x kind=\"sum\" axes=[0, 2] %2 = mul %1 %1 return %2 }",
	"graph @max(%x: f64[2, 3, 2]) -> (%y: f64[2, 2]) { %1 = reduce %x kind=\"max\" axes=[1] %2 = mul %1 %1 return %2 }",
	"graph @min(%x: f64[2, T]) -> (%y: f64[]) { %1 = reduce %x kind=\"min\" axes=[0, 1] %2 = mul %1 %1 return %2 }",
	"graph @prod(%x: f64[2, 3, T]) -> (%y: f64[3]) { %1 = reduce %x kind=\"prod\" axes=[0, 2] return %1 }",
	"graph @prod_with_zero(%x: f64[3]) -> (%y: f64[]) { %z = const f64[3] {1, 0, 1} %0 = mul %x %z %1 = reduce %0 kind=\"prod\" axes=[0] return %1 }",
	"graph @cumulative_sum(%x: f64[2, T]) -> (%y: f64[2, T]) { %1 = cumulative %x kind=\"sum\" axis=[1] flags=[1, 0] %2 = mul %1 %1 return %2 }",
	"graph @cumulative_back(%x: f64[3, 2]) -> (%y: f64[3, 2]) { %1 = cumulative %x kind=\"sum\" axis=[0] flags=[0, 1] %2 = mul %1 %1 return %2 }",
	"graph @cond(%a: f64[T], %b: f64[T]) -> (%y: f64[T], %z: f64[T]) { %f = const bool[] {0} %t = const bool[] {1}"
	" %1 = cond %f %a %b body={ graph @then(%a: f64[T], %b: f64[T]) -> (%y: f64[T]) { %1 = add %a %b return %1 }"
	"  graph @else(%a: f64[T], %b: f64[T]) -> (%y: f64[T]) { %1 = mul %a %a return %1 } }"
	" %2 = get %1 index=[0]"
	" %3 = cond %t %a %b body={ graph @then(%a: f64[T], %b: f64[T]) -> (%y: f64[T]) { %1 = mul %a %b return %1 }"
	"  graph @else(%a: f64[T], %b: f64[T]) -> (%y: f64[T]) { return %b } }"
	" %4 = get %3 index=[0] return %2 %4 }",
	"graph @call(%a: f64[T]) -> (%y: f64[T]) { %1 = call %a name=\"cube\" body={ graph @cube(%a: f64[T]) -> (%y: f64[T]) {"
	" %1 = mul %a %a %2 = mul %1 %a return %2 } } %2 = get %1 index=[0] return %2 }",
	"graph @after(%x: f64[T]) -> (%y: f64[T]) { %n = const i64[] {3} %1 = after %x %n %2 = mul %1 %1 return %2 }",
	"graph @guard(%x: f64[T]) -> (%y: f64[T]) { %ok = eq %x %x %1 = guard %x %ok name=\"a number\" %2 = mul %1 %1 return %2 }",
	"graph @cumulative_product(%x: f64[2, 4]) -> (%y: f64[2, 4]) { %1 = cumulative %x kind=\"prod\" axis=[1] flags=[0, 0] return %1 }",
	"graph @cumulative_others(%x: f64[4, 2]) -> (%y: f64[4, 2]) { %1 = cumulative %x kind=\"prod\" axis=[0] flags=[1, 1] return %1 }",
	/* a recurrent layer: weights, a bias, two carries of which one is not used outside, all results used */
	"graph @recurrence(%W: f64[2, 3], %R: f64[2, 2], %b: f64[2], %h: f64[2], %c: f64[2], %x: f64[T, 3]) -> (%h: f64[2], %y: f64[T, 2]) {"
	" %1 = scan %W %R %b %h %c %x counts=[3, 2] length=[T] reverse=[0] body={"
	" graph @cell(%W: f64[2, 3], %R: f64[2, 2], %b: f64[2], %h: f64[2], %c: f64[2], %x: f64[3]) -> (%h: f64[2], %c: f64[2], %y: f64[2]) {"
	" %1 = contract %W %x spec=\"oi,i->o\" %2 = contract %R %h spec=\"oi,i->o\" %3 = add %1 %2 %4 = add %3 %b %5 = tanh %4"
	" %6 = mul %5 %c %7 = sigmoid %4 %8 = add %6 %7 %9 = mul %8 %h return %9 %8 %5 } }"
	" %2 = get %1 index=[0] %3 = get %1 index=[2] return %2 %3 }",
	"graph @backwards_in_batches(%W: f64[4, 2], %b: f64[2], %h: f64[3, 2], %x: f64[T, 3, 2]) -> (%y: f64[T, 3, 2]) {"
	" %1 = scan %W %b %h %x counts=[2, 1] length=[T] reverse=[1] body={"
	" graph @cell(%W: f64[4, 2], %b: f64[2], %h: f64[3, 2], %x: f64[3, 2]) -> (%h: f64[3, 2], %y: f64[3, 2]) {"
	" %1 = concat %x %h axis=[1] %2 = contract %1 %W spec=\"bi,io->bo\" %3 = expand %b shape=[3, 2] %4 = add %2 %3 %5 = sin %4"
	" %6 = mul %5 %3 return %6 %5 } }"
	" %2 = get %1 index=[1] return %2 }",
	/* the gradient of what drives it is a product with the carry of the scan back itself; the weight is a constant */
	"graph @driven(%h: f64[2], %x: f64[T, 2]) -> (%h: f64[2]) { %W = const f64[2, 2] {0.5, -1, 2, 0.25}"
	" %1 = scan %W %h %x counts=[1, 1] length=[T] reverse=[0] body={"
	" graph @cell(%W: f64[2, 2], %h: f64[2], %x: f64[2]) -> (%h: f64[2]) { %1 = contract %W %x spec=\"oi,i->o\""
	" %2 = sin %h %3 = add %1 %2 return %3 } }"
	" %2 = get %1 index=[0] return %2 }",
	/* a counter as a carry, a step that holds, a const that is used by itself */
	"graph @held(%k: f64[], %h: f64[], %x: f64[4]) -> (%h: f64[]) { %0 = const i64[] {0}"
	" %1 = scan %k %0 %h %x counts=[1, 2] length=[4] reverse=[0] body={"
	" graph @cell(%k: f64[], %t: i64[], %h: f64[], %x: f64[]) -> (%t: i64[], %h: f64[]) { %one = const i64[] {1} %three = const i64[] {3}"
	" %1 = add %t %one %2 = lt %t %three %3 = mul %h %x %4 = add %3 %k %5 = mul %4 %k %6 = select %2 %5 %h return %1 %6 } }"
	" %2 = get %1 index=[1] return %2 }",
	"graph @scan_in_scan(%k: f64[2], %h: f64[2], %x: f64[3, T, 2]) -> (%h: f64[2], %y: f64[3, 2]) {"
	" %1 = scan %k %h %x counts=[1, 1] length=[3] reverse=[0] body={"
	" graph @outer(%k: f64[2], %h: f64[2], %x: f64[T, 2]) -> (%h: f64[2], %y: f64[2]) {"
	"  %1 = scan %k %h %x counts=[1, 1] length=[T] reverse=[1] body={"
	"  graph @inner(%k: f64[2], %h: f64[2], %x: f64[2]) -> (%h: f64[2]) { %1 = mul %k %h %2 = add %1 %x %3 = tanh %2 return %3 } }"
	"  %2 = get %1 index=[0] %3 = mul %2 %k return %2 %3 } }"
	" %2 = get %1 index=[0] %3 = get %1 index=[1] return %2 %3 }",
	"graph @no_steps(%k: f64[2], %h: f64[2], %x: f64[0, 2]) -> (%h: f64[2]) { %1 = scan %k %h %x counts=[1, 1] length=[0] reverse=[0] body={"
	" graph @cell(%k: f64[2], %h: f64[2], %x: f64[2]) -> (%h: f64[2]) { %1 = mul %k %h return %1 } }"
	" %2 = get %1 index=[0] %3 = mul %2 %2 return %3 }",
	"graph @counted(%k: f64[2], %h: f64[2]) -> (%h: f64[2]) { %n = const i64[] {3} %go = const bool[] {1}"
	" %1 = loop %n %go %k %h counts=[1, 1] length=[3] body={"
	" graph @cell(%i: i64[], %k: f64[2], %h: f64[2]) -> (%go: bool[], %h: f64[2]) { %go = const bool[] {1} %1 = mul %k %h %2 = sin %1 return %go %2 } }"
	" %2 = get %1 index=[1] return %2 }",
	/* paths that have no gradient, a param that nothing needs, a value that several use */
	"graph @paths(%x: f64[T], %n: i64[T], %unused: f64[2]) -> (%y: f64[T], %k: i64[T], %z: f64[T]) { %1 = cast %x elem=i64"
	" %2 = add %1 %n %3 = cast %2 elem=f64 %4 = mul %3 %x %5 = add %4 %4 %6 = mul %5 %x return %6 %2 %5 }",
};

static void run_graph(Ctx *cx, const char *text)
{
	const Graph *g = graph_parse(cx, text, "graph.ir");
	graph_verify(cx, g);
	const Tensor *inputs[MAX_OPERANDS];
	uint32_t state = 1;
	for (int i = 0; i < g->n_params; i++) {
		const Type *t = g->params[i]->type;
		int64_t dims[8];
		DimEnv env;
		dimenv_init(&env, cx->arena);
		if (sym_find(cx, "T")) dimenv_set(&env, sym_find(cx, "T"), 3);
		for (int d = 0; d < t->rank; d++) dims[d] = dim_eval(cx, t->dims[d], &env);
		inputs[i] = numbers(cx, t->elem, t->rank, dims, &state);
	}
	check_twice(cx, g->name, g, inputs);
}

static void try_graph(const char *text)
{
	Ctx *cx = ctx_new();
	TRY (cx) {
		run_graph(cx, text);
	} else {
		cr_expect(false, "%s\nin: %s", cx->error, text);
	}
	ctx_free(cx);
}

Test(gradient, structural)
{
	for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) try_graph(graphs[i]);
}

/* Whatever has a derivative is in one of the graphs. */
Test(gradient, all_are_there)
{
	Ctx *cx = ctx_new();
	bool there[N_OPS] = {false};
	TRY (cx) {
		for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) {
			Order order = graph_order(cx->arena, graph_parse(cx, graphs[i], "graph.ir"));
			for (int k = 0; k < order.n; k++) there[order.vals[k]->op] = true;
		}
	} else {
		cr_expect(false, "%s", cx->error);
	}
	cr_expect(there[OP_cond] && there[OP_scan] && there[OP_loop]); /* in gradient_control.c */
	for (int op = 0; op < N_OPS; op++)
		cr_expect(there[op] || !op_adjoint[op], "%s has a derivative and no test", op_info[op].name);
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ kinks, by hand */

/* The gradient of the sum of `y` at x, as text that computes %y from %x: f64[n]. */
static void expect_at(const char *lines, int n, const double *x, const double *want)
{
	Ctx *cx = ctx_new();
	TRY (cx) {
		const char *text = arena_printf(
			cx->arena, "graph @g(%%x: f64[%d]) -> (%%y: f64[%d]) { %s return %%y }", n, n, lines);
		const Graph *d = pass_run(cx, "gradient", graph_parse(cx, text, "g.ir"));
		Tensor *in = tensor_new(cx->arena, F64, 1, (int64_t[]){n}),
		       *seed = tensor_new(cx->arena, F64, 1, in->dims);
		for (int i = 0; i < n; i++) {
			tensor_set(in, i, x[i]);
			tensor_set(seed, i, 1);
		}
		const Tensor *grad;
		eval_on(cx, d, (const Tensor *[]){in, seed}, &grad);
		for (int i = 0; i < n; i++)
			cr_expect_eq(tensor_get(grad, i), want[i], "%s at %g: %g", lines, x[i], tensor_get(grad, i));
	} else {
		cr_expect(false, "%s", cx->error);
	}
	ctx_free(cx);
}

/* torch's choices at kinks: relu'(0) = 0, abs'(0) = 0; x^2 and x^0 at 0; equal maxima share. */
Test(gradient, kinks)
{
	expect_at("%0 = const f64[3] {0, 0, 0} %y = max %x %0", 3, (double[]){-1, 0, 2}, (double[]){0, 0, 1});
	expect_at("%y = abs %x", 3, (double[]){-1, 0, 2}, (double[]){-1, 0, 1});
	expect_at("%0 = const f64[3] {2, 0, 1} %y = pow %x %0", 3, (double[]){0, 0, 0}, (double[]){0, 0, 1});
	expect_at("%1 = reduce %x kind=\"max\" axes=[0] %y = expand %1 shape=[3]", 3, (double[]){5, 1, 5},
		(double[]){1.5, 0, 1.5});
}

/* ------------------------------------------------------------------------------------------------ what is refused */

static void refuse(const char *text, const char *message)
{
	Ctx *cx = ctx_new();
	volatile bool failed = false;
	TRY (cx) {
		pass_run(cx, "gradient", graph_parse(cx, text, "g.ir"));
	} else {
		failed = true;
		cr_expect(strstr(cx->error, message), "%s\nwanted: %s", cx->error, message);
	}
	cr_expect(failed, "not refused: %s", text);
	ctx_free(cx);
}

Test(gradient, refusals)
{
	refuse("graph @g(%x: f64[3]) -> (%y: f64[3]) { %1 = cumulative %x kind=\"max\" axis=[0] flags=[0, 0] return %1 }",
		"cumulative of kind max has no derivative");
	refuse("graph @g(%x: f64[3], %u: f64[1]) -> (%y: f64[3]) { %i = const i64[1, 1] {0} %1 = scatter_nd %x %i %u kind=\"mul\" return %1 }",
		"scatter_nd of kind mul has no derivative");
	refuse("graph @g(%x: f16[3]) -> (%y: bf16[3]) { %1 = bitcast %x elem=bf16 return %1 }",
		"bitcast has no derivative");
	refuse("graph @g(%x: f32[3]) -> (%y: f32[3]) { %1 = cast %x elem=f8e5m2 %2 = cast %1 elem=f32 return %2 }",
		"cast of f8e5m2[3] has no derivative: that type is for storage only");
	refuse("graph @g(%n: i64[], %h: f32[2]) -> (%h: f32[2]) { %go = const bool[] {1} %1 = loop %n %go %h counts=[0, 1] length=[9] body={"
	       " graph @b(%i: i64[], %h: f32[2]) -> (%go: bool[], %h: f32[2]) { %go = const bool[] {1} %1 = mul %h %h return %go %1 } }"
	       " %2 = get %1 index=[1] return %2 }",
		"loop has no derivative where only run time knows the number of its steps");
	refuse("graph @g(%x: i32[3]) -> (%y: i32[3]) { return %x }", "no parameter is of floats");
}
