/* elaborate.c: the tree of an operator, on operands, to IR: names, statements, calls.
 *
 * Everything but tensors is decided here, at compile time: which branch of an if, how often an unroll, which activation a
 * cell calls.  Functions live apart from values, so that an attribute h that is a function and an operand h can stand side
 * by side, as ONNX has them: h(c) calls, h is the value.
 *
 * Work is bounded, as a text may come from anywhere: depth of calls and expressions, nodes elaborated.
 */
#include "frontend/lang/model.h"

#include <math.h>
#include <string.h>

enum { MAX_CALLS = 64, MAX_DEPTH = 1000, MAX_STEPS = 1 << 20 };

Elab *elab_new(Ctx *cx, const Library *lib)
{
	Elab *e = NEW(cx->arena, Elab);
	e->cx = cx;
	e->lib = lib;
	return e;
}

/* ------------------------------------------------------------------------------------------------ places of errors */

const char *elab_attempt(Elab *e, void (*fn)(Elab *, void *), void *user)
{
	const char *loc = e->cx->loc;
	volatile bool done = false;
	TRY (e->cx) {
		fn(e, user);
		done = true;
	}
	if (done) return NULL;
	/* fail() put the location first and took it away; it comes back in front of the place in the text. */
	const char *text = e->cx->error;
	size_t n = loc ? strlen(loc) : 0;
	if (n && !strncmp(text, loc, n) && !strncmp(text + n, ": ", 2)) text += n + 2;
	e->cx->loc = loc;
	return text;
}

void elab_guard(Elab *e, void (*fn)(Elab *, void *), void *user)
{
	const char *message = elab_attempt(e, fn, user);
	if (!message) return;
	if (!e->at.src) fail(e->cx, "%s", message);
	Buf out;
	buf_init(&out, e->cx->arena);
	buf_puts(&out, message);
	int shown = 0;
	for (const Frame *f = e->frame; f && shown < 4; f = f->up) {
		bool here = f->called.src == e->at.src && f->called.start == e->at.start;
		if (!f->op || !f->called.src || here) continue;
		buf_printf(&out, " (in %s, called at %s)", f->op->name, span_str(e->cx, f->called));
		shown++;
	}
	fail_at(e->cx, e->at, "%s", out.text);
}

/* ------------------------------------------------------------------------------------------------ names */

static bool is_fn(const Value *v) { return v->kind == V_FN || v->kind == V_CLOSURE; }

void elab_bind(Elab *e, const char *name, Value value)
{
	Frame *f = e->frame;
	for (int i = 0; i < f->n; i++)
		if (!strcmp(f->vars[i].name, name) && is_fn(&f->vars[i].value) == is_fn(&value)) {
			f->vars[i].value = value;
			return;
		}
	if (f->n == f->cap) {
		int cap = f->cap ? 2 * f->cap : 4;
		Binding *vars = NEWN(e->cx->arena, Binding, cap);
		for (int i = 0; i < f->n; i++) vars[i] = f->vars[i];
		f->vars = vars;
		f->cap = cap;
	}
	f->vars[f->n++] = (Binding){name, value};
}

const Value *elab_lookup(const Frame *f, const char *name, bool fn)
{
	for (; f; f = f->outer)
		for (int i = 0; i < f->n; i++)
			if (!strcmp(f->vars[i].name, name) && is_fn(&f->vars[i].value) == fn) return &f->vars[i].value;
	return NULL;
}

bool elab_is_function(const Elab *e, const char *name)
{
	Op op;
	return library_find(e->lib, name) || (e->model ? model_fn_has(name) : builtin_has(name)) ||
		(op_parse(name, &op) && op_info[op].is_ew);
}

static Value eval_name(Elab *e, const char *name)
{
	const Value *v = elab_lookup(e->frame, name, false);
	if (!v) v = elab_lookup(e->frame, name, true);
	if (v && v->kind == V_ERROR) e->model->follow_up = true;
	if (v) return *v;
	if (!strcmp(name, "true")) return value_num(1);
	if (!strcmp(name, "false")) return value_num(0);
	if (!strcmp(name, "inf")) return value_num((double)INFINITY);
	if (!strcmp(name, "nan")) return value_num((double)NAN);
	if (!strcmp(name, "pi")) return value_num(3.14159265358979323846);
	if (!strcmp(name, "none")) return (Value){.kind = V_NONE};
	if (e->model && !strcmp(name, "shared")) return value_str(name); /* drop(x, p, shared) */
	if (elab_is_function(e, name)) return (Value){.kind = V_FN, .str = name};
	fail(e->cx, "%s is not known here%s", name, e->model ? did_you_mean(e, name, false) : "");
}

/* ------------------------------------------------------------------------------------------------ calls */

static const Value *argument(int n_args, const Value *args, const char *const *names, const char *name)
{
	for (int i = 0; i < n_args; i++)
		if (names && names[i] && !strcmp(names[i], name)) return &args[i];
	return NULL;
}

static const ParamDecl *find_param(const OpDecl *op, const char *name)
{
	for (int i = 0; i < op->n_operands; i++)
		if (!strcmp(op->operands[i].name, name)) return &op->operands[i];
	for (int i = 0; i < op->n_attrs; i++)
		if (!strcmp(op->attrs[i].name, name)) return &op->attrs[i];
	return NULL;
}

static void check_names(Elab *e, const OpDecl *op, int n_args, const char *const *names)
{
	for (int i = 0; i < n_args; i++) {
		const char *name = names ? names[i] : NULL;
		if (!name) continue;
		if (!find_param(op, name)) fail(e->cx, "%s has no argument called %s", op->name, name);
		for (int k = 0; k < i; k++)
			if (names[k] && !strcmp(names[k], name)) fail(e->cx, "%s: %s is given twice", op->name, name);
	}
}

static Value eval(Elab *e, const Node *node);

/* An attribute and an operand may have the same name (the h of an LSTM): a named argument that is a function, or the name
 * of no operand, is the attribute. */
static void bind_operands(Elab *e, const OpDecl *op, int n_args, const Value *args, const char *const *names)
{
	int next = 0; /* the next argument without a name */
	for (int i = 0; i < op->n_operands; i++) {
		const ParamDecl *p = &op->operands[i];
		while (next < n_args && names && names[next]) next++;
		if (p->variadic) {
			Value *items = NEWN(e->cx->arena, Value, n_args + 1);
			int n = 0;
			for (; next < n_args; next++)
				if (!names || !names[next]) {
					bool literal = e->typed && args[next].kind == V_LIST;
					items[n++] = literal ? value_tensor(value_as_tensor(e, &args[next], p->name))
							     : args[next];
				}
			bool list = n == 1 && items[0].kind == V_LIST;
			elab_bind(e, p->name, list ? items[0] : value_list(e->cx, n, items));
			continue;
		}
		const Value *v = next < n_args ? &args[next++] : argument(n_args, args, names, p->name);
		if (v && v->kind == V_FN) v = NULL;
		Value value = v ? *v : (Value){.kind = V_NONE};
		if (value.kind == V_NONE && !p->optional) fail(e->cx, "%s: operand %s is missing", op->name, p->name);
		if (value.kind == V_LIST && e->typed) value = value_tensor(value_as_tensor(e, &value, p->name));
		if (value.kind == V_LIST || value.kind == V_STR)
			fail(e->cx, "%s: operand %s must be a tensor, this is %s", op->name, p->name,
				value_str_of(e, &value));
		elab_bind(e, p->name, value);
	}
	while (next < n_args && names && names[next]) next++;
	if (next < n_args) fail(e->cx, "%s takes %d operands; attributes are given by name", op->name, op->n_operands);
}

static void bind_attrs(Elab *e, const OpDecl *op, int n_args, const Value *args, const char *const *names)
{
	Frame *callee = e->frame;
	for (int i = 0; i < op->n_attrs; i++) {
		const ParamDecl *p = &op->attrs[i];
		const Value *v = argument(n_args, args, names, p->name);
		if (v && v->kind == V_TENSOR && find_param(op, p->name) != p) v = NULL;
		Value value = v ? *v : (Value){.kind = V_NONE};
		if (value.kind == V_NONE && p->initial) {
			Span at = e->at;
			e->at.src = op->src;
			value = eval(e, p->initial);
			e->at = at;
		}
		if (value.kind == V_NONE && !p->optional) fail(e->cx, "%s: attribute %s is missing", op->name, p->name);
		if (value.kind == V_TENSOR)
			fail(e->cx, "%s: attribute %s must be known at compile time", op->name, p->name);
		e->frame = callee;
		elab_bind(e, p->name, value);
	}
}


int elab_op(Elab *e, const OpDecl *op, int n_args, const Value *args, const char *const *names, Value *results)
{
	if (++e->calls > MAX_CALLS) fail(e->cx, "calls nested too deeply: does %s call itself?", op->name);
	check_names(e, op, n_args, names);
	Frame *caller = e->frame, *f = NEW(e->cx->arena, Frame);
	*f = (Frame){.op = op, .called = e->at, .up = caller};
	e->frame = f;
	bool typed = e->typed;
	Span at = e->at;
	bind_operands(e, op, n_args, args, names);
	e->typed = false; /* inside, types come from the operands */
	bind_attrs(e, op, n_args, args, names);
	e->at = (Span){op->src, op->start, op->end};
	int n = 0;
	if (!elab_block(e, op->body, true, &n, results)) fail(e->cx, "%s gives no result", op->name);
	e->typed = typed;
	e->frame = caller;
	e->at = at;
	e->calls--;
	return n;
}

static Value call_named(Elab *e, const char *name, int n_args, const Value *args, const char *const *names)
{
	const OpDecl *decl = library_find(e->lib, name);
	if (decl) {
		Value results[MAX_RESULTS];
		int n = elab_op(e, decl, n_args, args, names, results);
		return n == 1 ? results[0] : value_list(e->cx, n, results);
	}
	Op op;
	bool ew = op_parse(name, &op) && op_info[op].is_ew;
	bool named = false;
	for (int i = 0; i < n_args; i++) named |= names && names[i];
	/* min(a, b) is the primitive, min(x) and min(x, axis = 0) reduce */
	bool primitive = ew && n_args == 2 && op_info[op].n_args == 2 && !named;
	if (builtin_has(name) && !primitive) return builtin_call(e, name, n_args, args, names);
	if (!ew) fail(e->cx, "no operator, primitive or function is called %s", name);
	if (named) fail(e->cx, "%s has no attributes", name);
	if (n_args != op_info[op].n_args)
		fail(e->cx, "%s takes %d operand%s, not %d", name, op_info[op].n_args,
			op_info[op].n_args == 1 ? "" : "s", n_args);
	return value_ew(e, op, n_args, args);
}

static Value eval_call(Elab *e, const Node *node)
{
	if (node->n > MAX_ARGS) fail(e->cx, "more than %d arguments", MAX_ARGS);
	if (node->n_sizes || node->n_states)
		fail(e->cx, "%s is an operator: it has no sizes and no states", node->text);
	Value args[MAX_ARGS];
	const char *names[MAX_ARGS];
	Span at = e->at;
	for (int i = 0; i < node->n; i++) {
		args[i] = eval(e, node->kids[i]);
		names[i] = node->names[i];
	}
	e->at = at;
	int n = node->n;
	const char *name = node->text;
	const Value *fn = elab_lookup(e->frame, name, true);
	if (!fn) return call_named(e, name, n, args, names);
	for (int i = 0; i < fn->n; i++) {
		if (n == MAX_ARGS) fail(e->cx, "more than %d arguments", MAX_ARGS);
		args[n] = fn->bound[i].value;
		names[n++] = fn->bound[i].name;
	}
	return call_named(e, fn->str, n, args, names);
}

/* ------------------------------------------------------------------------------------------------ expressions */

static Value eval_logic(Elab *e, const Node *node)
{
	bool is_or = node->kind == N_OR;
	Value left = eval(e, node->kids[0]);
	if (value_known(&left) && value_true(e, &left) == is_or) return value_num(is_or);
	Value right = eval(e, node->kids[1]);
	e->at = (Span){e->at.src, node->start, node->end};
	if (value_known(&left) && value_known(&right)) return value_num(value_true(e, &right));
	if (value_known(&left)) return right; /* true and x, false or x */
	if (value_known(&right)) return value_true(e, &right) == is_or ? value_num(is_or) : left;
	return value_ew(e, is_or ? OP_EW_or : OP_EW_and, 2, (const Value[]){left, right});
}

static Value eval_cond(Elab *e, const Node *node)
{
	Value cond = eval(e, node->kids[1]);
	if (value_known(&cond)) return eval(e, node->kids[value_true(e, &cond) ? 0 : 2]);
	Value then = eval(e, node->kids[0]), otherwise = eval(e, node->kids[2]);
	e->at = (Span){e->at.src, node->start, node->end};
	return value_select(e, &cond, &then, &otherwise);
}

static Value eval_list(Elab *e, const Node *node)
{
	Value *items = NEWN(e->cx->arena, Value, node->n + 1);
	for (int i = 0; i < node->n; i++) items[i] = eval(e, node->kids[i]);
	return (Value){.kind = V_LIST, .n = node->n, .items = items};
}

static Value eval_kind(Elab *e, const Node *node)
{
	switch (node->kind) {
	case N_NUM: return value_num(node->num);
	case N_STR: return value_str(node->text);
	case N_NAME: return eval_name(e, node->text);
	case N_LIST: return eval_list(e, node);
	case N_UNARY: {
		Value a = eval(e, node->kids[0]);
		e->at = (Span){e->at.src, node->start, node->end};
		if (node->op == OP_EW_neg && a.kind == V_NUM) return value_num(-a.num);
		if (node->op == OP_EW_not && value_known(&a)) return value_num(!value_true(e, &a));
		return value_ew(e, (Op)node->op, 1, &a);
	}
	case N_BINARY: {
		Value a = eval(e, node->kids[0]), b = eval(e, node->kids[1]);
		e->at = (Span){e->at.src, node->start, node->end};
		return value_binary(e, node->op, &a, &b);
	}
	case N_AND:
	case N_OR: return eval_logic(e, node);
	case N_COND: return eval_cond(e, node);
	case N_CALL: return e->model ? model_call(e, node) : eval_call(e, node);
	case N_INDEX: {
		Value x = eval(e, node->kids[0]);
		return e->model ? model_index(e, node, x) : elab_index(e, node, x);
	}
	case N_EACH:
	case N_SCAN:
	case N_GENERATE:
	case N_LOOP:
		if (e->model) return model_form(e, node);
		fail(e->cx, "this belongs into a model");
	case N_TUPLE: fail(e->cx, "only the sequences of a scan stand in ( , )");
	default: fail(e->cx, "this belongs into x[...]");
	}
}

static Value eval(Elab *e, const Node *node)
{
	if (++e->depth > MAX_DEPTH) fail(e->cx, "an expression nested more than %d deep", MAX_DEPTH);
	if (++e->steps > MAX_STEPS) fail(e->cx, "more than %d steps of elaboration", MAX_STEPS);
	Span at = e->at;
	e->at = (Span){at.src, node->start, node->end};
	Value v = eval_kind(e, node);
	e->at = at;
	e->depth--;
	return v;
}

Value elab_expr(Elab *e, const Node *node) { return eval(e, node); }

/* ------------------------------------------------------------------------------------------------ statements */

static void give(Elab *e, int n, const Value *values, int *n_results, Value *results)
{
	if (n > MAX_RESULTS) fail(e->cx, "more than %d results", MAX_RESULTS);
	*n_results = n;
	for (int i = 0; i < n; i++) results[i] = values[i];
}

static void run_assign(Elab *e, const Node *s)
{
	Value *values = NEWN(e->cx->arena, Value, s->n + 1);
	for (int i = 0; i < s->n; i++) values[i] = eval(e, s->kids[i]);
	const Value *from = values;
	if (s->n > s->n_names)
		fail(e->cx, "%d name%s on the left, %d values on the right", s->n_names, s->n_names == 1 ? "" : "s",
			s->n);
	if (s->n == 1 && s->n_names > 1) {
		if (values[0].kind != V_LIST || values[0].n < s->n_names)
			fail(e->cx, "%d names on the left, the right gives %s", s->n_names,
				value_str_of(e, &values[0]));
		from = values[0].items;
	}
	for (int i = 0; i < s->n_names; i++) elab_bind(e, s->names[i], from[i]);
}

static void run_unroll(Elab *e, const Node *s)
{
	Value list = eval(e, s->kids[0]);
	if (list.kind != V_LIST) fail(e->cx, "unroll wants a list, this is %s", value_str_of(e, &list));
	const char *round = e->model ? e->model->at.round : NULL;
	for (int i = 0; i < list.n; i++) {
		if (e->model) round_begin(e, round, i);
		elab_bind(e, s->text, list.items[i]);
		int n;
		Value results[MAX_RESULTS];
		elab_block(e, s->kids[1], false, &n, results);
	}
}

/* Runs a statement; true when it gave the operator's results.  `last`: its value is the result. */
bool elab_statement(Elab *e, const Node *s, bool last, int *n_results, Value *results)
{
	switch (s->kind) {
	case N_ASSIGN: run_assign(e, s); return false;
	case N_UNROLL: run_unroll(e, s); return false;
	case N_IF: {
		Value cond = eval(e, s->kids[0]);
		e->at = (Span){e->at.src, s->kids[0]->start, s->kids[0]->end};
		const Node *branch = s->kids[value_true(e, &cond) ? 1 : 2];
		if (branch && branch->kind == N_IF) return elab_statement(e, branch, last, n_results, results);
		return branch && elab_block(e, branch, last, n_results, results);
	}
	case N_YIELD: {
		if (!last) fail(e->cx, "yield stands last");
		Value values[MAX_RESULTS];
		if (s->n > MAX_RESULTS) fail(e->cx, "more than %d results", MAX_RESULTS);
		for (int i = 0; i < s->n; i++) values[i] = eval(e, s->kids[i]);
		give(e, s->n, values, n_results, results);
		return true;
	}
	default: {
		Value v = eval(e, s);
		if (!last) fail(e->cx, "the value is not used: only the last statement's is the result");
		if (v.kind == V_LIST && s->kind == N_CALL) give(e, v.n, v.items, n_results, results);
		else give(e, 1, &v, n_results, results);
		return true;
	}
	}
}

bool elab_block(Elab *e, const Node *block, bool last, int *n_results, Value *results)
{
	Span at = e->at;
	bool done = false;
	for (int i = 0; i < block->n && !done; i++) {
		const Node *s = block->kids[i];
		e->at = (Span){at.src, s->start, s->end};
		if (++e->steps > MAX_STEPS) fail(e->cx, "more than %d steps of elaboration", MAX_STEPS);
		bool is_last = last && i == block->n - 1;
		done = e->model ? model_statement(e, s, is_last, n_results, results)
				: elab_statement(e, s, is_last, n_results, results);
	}
	e->at = at;
	return done;
}
