/* assign.c: the values that a file gives to parameters, and everything about them that does not fit. */
#include "frontend/weights/files.h"

#include <string.h>

/* ---- one parameter ---- */

typedef struct {
	Ctx *cx;
	int n_params;
	const Param *params;
	const WeightFile *file;
	const WeightMap *map;
	Buf problems;
	int n_problems;
	bool *used; /* tensors */
} Assigning;

enum { MAX_PROBLEMS = 20, MAX_LINE = 1000 };

static void problem(Assigning *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void problem(Assigning *a, const char *format, ...)
{
	if (a->n_problems++ >= MAX_PROBLEMS) return;
	va_list args;
	va_start(args, format);
	char *text = arena_vprintf(a->cx->arena, format, args);
	va_end(args);
	for (char *c = text; *c; c++) /* names are the file's: neither lines of their own, nor what a terminal obeys */
		if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
	const bool long_names = strlen(text) > MAX_LINE;
	buf_printf(&a->problems, "\n  %.*s%s", MAX_LINE, text, long_names ? "..." : "");
}

static Tensor *as_f64(Ctx *cx, const Tensor *t)
{
	Tensor *wide = tensor_new(cx->arena, F64, t->rank, t->dims);
	for (int64_t i = 0; wide && i < t->count; i++) tensor_set(wide, i, tensor_get(t, i));
	return wide;
}

/* Of the first axis n pieces of `size` each, one behind the other.  A tensor without elements may have any dims: work is by
 * elements, never by dims. */
static Tensor *take_pieces(Ctx *cx, const Tensor *t, int64_t size, int n, const int64_t *starts)
{
	int64_t *dims = arena_copy(cx->arena, t->dims, sizeof *dims * (size_t)t->rank);
	const int64_t row = dims[0] ? t->count / dims[0] : 0;
	dims[0] = n * size;
	Tensor *out = tensor_new(cx->arena, F64, t->rank, dims);
	for (int i = 0; i < n && out->count; i++)
		memcpy((double *)out->data + i * size * row, (const double *)t->data + starts[i] * row,
			sizeof(double) * (size_t)(size * row));
	return out;
}

static Tensor *take_range(Ctx *cx, const Tensor *t, int64_t start, int64_t size)
{
	return take_pieces(cx, t, size, 1, &start);
}

static Tensor *drop_first(Ctx *cx, Tensor *t)
{
	t->rank--;
	t->dims = arena_copy(cx->arena, t->dims + 1, sizeof *t->dims * (size_t)t->rank);
	return t;
}

static Tensor *transpose(Ctx *cx, const Tensor *t)
{
	Tensor *out = tensor_new(cx->arena, F64, 2, (const int64_t[]){t->dims[1], t->dims[0]});
	const double *from = t->data;
	double *to = out->data;
	for (int64_t i = 0; i < t->count; i++) to[i % t->dims[1] * t->dims[0] + i / t->dims[1]] = from[i];
	return out;
}

static Tensor *take_gates(Ctx *cx, const Tensor *t, const char *from, const char *to)
{
	const int64_t size = t->dims[0] / (int64_t)strlen(from);
	const int n = (int)strlen(to);
	int64_t *starts = NEWN(cx->arena, int64_t, n);
	for (int g = 0; g < n; g++) starts[g] = (strchr(from, to[g]) - from) * size;
	return take_pieces(cx, t, size, n, starts);
}

/* NULL: it cannot be done to a tensor of this shape. */
static Tensor *apply(Ctx *cx, Tensor *t, const WeightStep *step)
{
	const int64_t n = t->rank ? t->dims[0] : 0, n_last = t->rank ? t->dims[t->rank - 1] : 0;
	switch (step->kind) {
	case TERM_ROW: return step->k < n ? drop_first(cx, take_range(cx, t, step->k, 1)) : NULL;
	case TERM_PART: return n && n % step->n == 0 ? take_range(cx, t, step->k * (n / step->n), n / step->n) : NULL;
	case TERM_COLUMNS:
		if (t->rank != 2 || step->k > step->n || step->n > n_last) return NULL;
		return transpose(cx, take_range(cx, transpose(cx, t), step->k, step->n - step->k));
	case TERM_TRANSPOSE: return t->rank == 2 ? transpose(cx, t) : NULL;
	case TERM_GATES:
		return n && n % (int64_t)strlen(step->from) == 0 ? take_gates(cx, t, step->from, step->to) : NULL;
	}
	return NULL;
}

static bool same_shape(const Tensor *t, int rank, const int64_t *dims)
{
	bool same = t->rank == rank;
	for (int d = 0; same && d < rank; d++) same = t->dims[d] == dims[d];
	return same;
}

static const Tensor *find_tensor(Assigning *a, const char *name)
{
	for (int i = 0; i < a->file->n; i++)
		if (!strcmp(a->file->tensors[i].name, name)) {
			a->used[i] = true;
			return a->file->tensors[i].tensor;
		}
	return NULL;
}

static bool is_param(const Assigning *a, const char *name)
{
	for (int i = 0; i < a->n_params; i++)
		if (!strcmp(a->params[i].name, name)) return true;
	return false;
}

/* Among those that are not some parameter's own. */
static const char *nearest_tensor(Assigning *a, const char *name)
{
	if (a->n_problems >= MAX_PROBLEMS) return "";
	const char **names = NEWN(a->cx->arena, const char *, a->file->n + 1);
	int n = 0;
	for (int i = 0; i < a->file->n; i++)
		if (!is_param(a, a->file->tensors[i].name)) names[n++] = a->file->tensors[i].name;
	const char *near = nearest_name(name, (int)strlen(name) / 2, n, names);
	return near ? arena_printf(a->cx->arena, "; did you mean %s?", near) : "";
}

/* A term's tensor, cut and turned; NULL after a problem. */
static Tensor *term_value(Assigning *a, const Param *p, const WeightRule *rule, const WeightTerm *term)
{
	Ctx *cx = a->cx;
	const Tensor *t = find_tensor(a, term->tensor);
	if (!t) {
		problem(a, "%s: there is no tensor %s for parameter %s%s", rule->at, term->tensor, p->name,
			nearest_tensor(a, term->tensor));
		return NULL;
	}
	if (!elem_is_float(t->elem)) {
		problem(a, "parameter %s: tensor %s is %s, no float", p->name, term->tensor, elem_info[t->elem].name);
		return NULL;
	}
	Tensor *value = as_f64(cx, t);
	for (int i = 0; value && i < term->n_steps; i++) value = apply(cx, value, &term->steps[i]);
	if (!value)
		problem(a, "%s: parameter %s: tensor %s has shape %s, of which this cannot be made: %s", rule->at,
			p->name, term->tensor, shape_text(cx, t->rank, t->dims), weight_rule_text(cx, rule));
	return value;
}

static const Tensor *rule_value(Assigning *a, const Param *p, const WeightRule *rule)
{
	Tensor *out = tensor_new(a->cx->arena, F32, p->rank, p->dims);
	if (!out) fail(a->cx, "parameter %s is too large", p->name);
	double *sum = NEWN(a->cx->arena, double, out->count + 1);
	bool fine = true;
	for (int i = 0; i < rule->n_terms; i++) {
		const Tensor *value = term_value(a, p, rule, &rule->terms[i]);
		fine &= value != NULL;
		if (!value) continue;
		if (!same_shape(value, p->rank, p->dims)) {
			const bool turned =
				p->rank == 2 && same_shape(value, 2, (const int64_t[]){p->dims[1], p->dims[0]});
			problem(a, "parameter %s is %s, but %s is %s%s", p->name, shape_text(a->cx, p->rank, p->dims),
				weight_rule_text(a->cx, rule), shape_text(a->cx, value->rank, value->dims),
				turned ? ": it is transposed" : "");
			fine = false;
			continue;
		}
		for (int64_t k = 0; k < out->count; k++) sum[k] += ((const double *)value->data)[k];
	}
	for (int64_t k = 0; k < out->count; k++) tensor_set(out, k, sum[k]);
	return fine ? out : NULL;
}

/* ---- all of them ---- */

static bool any_param(const Assigning *a, const WeightRule *rule)
{
	for (int i = 0; i < a->n_params; i++)
		if (weight_map_find(a->map, a->params[i].name) == rule) return true;
	return false;
}

static void check_rules(Assigning *a)
{
	const char **names = NEWN(a->cx->arena, const char *, a->n_params + 1);
	for (int i = 0; i < a->n_params; i++) names[i] = a->params[i].name;
	for (int i = 0; i < a->map->n; i++) {
		const WeightRule *rule = &a->map->rules[i];
		if (any_param(a, rule)) continue;
		const char *near = nearest_name(rule->param, (int)strlen(rule->param) / 2, a->n_params, names);
		problem(a, "%s: the model has no parameter %s%s%s%s", rule->at, rule->param,
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	}
}

static bool looks_like(const WeightFile *file, const char *ending)
{
	for (int i = 0; i < file->n; i++)
		if (strstr(file->tensors[i].name, ending)) return true;
	return false;
}

_Noreturn static void fail_with(const Assigning *a)
{
	const int rest = a->n_problems - MAX_PROBLEMS;
	const char *more = rest > 0 ? arena_printf(a->cx->arena, "\n  and %d more", rest) : "";
	const char *hint = looks_like(a->file, "weight_hh")
		? "\n  (these look like PyTorch's names: --weights-layout pytorch)"
		: looks_like(a->file, "recurrent_kernel") ? "\n  (these look like Keras' names: --weights-layout keras)"
							  : "";
	for (int i = 0; i < a->map->n; i++)
		if (a->map->rules[i].kind == RULE_TERMS) hint = ""; /* a layout or a map was given */
	fail(a->cx, "%s: does not fit the model:%s%s%s", a->file->path, a->problems.text, more, hint);
}

const Tensor **weights_assign(Ctx *cx, int n_params, const Param *params, const WeightFile *file, const WeightMap *map)
{
	Assigning a = {.cx = cx, .n_params = n_params, .params = params, .file = file, .map = map};
	buf_init(&a.problems, cx->arena);
	a.used = NEWN(cx->arena, bool, file->n + 1);
	const Tensor **values = NEWN(cx->arena, const Tensor *, n_params + 1);
	check_rules(&a);
	for (int i = 0; i < n_params; i++) {
		const Param *p = &params[i];
		const WeightRule *rule = weight_map_find(map, p->name);
		const WeightRule same = {
			.param = p->name, .n_terms = 1, .terms = {{.tensor = p->name}}, .at = file->path};
		if (!rule && !weight_find(file, p->name)) {
			problem(&a, "there is no tensor for parameter %s %s%s", p->name,
				shape_text(cx, p->rank, p->dims), nearest_tensor(&a, p->name));
			continue;
		}
		if (!rule || rule->kind != RULE_RANDOM) values[i] = rule_value(&a, p, rule ? rule : &same);
	}
	for (int i = 0; i < file->n; i++)
		if (!a.used[i] && !weight_map_uses(map, file->tensors[i].name))
			problem(&a, "no parameter takes tensor %s %s", file->tensors[i].name,
				shape_text(cx, file->tensors[i].tensor->rank, file->tensors[i].tensor->dims));
	if (a.n_problems) fail_with(&a);
	return values;
}
