/* inspect.c: `rnncc inspect`: what is in a model, and what it needs. */
#include "cli/cli.h"
#include "cli/json.h"

#include <stdio.h>
#include <string.h>

/* ---- the constants ---- */

typedef struct {
	Ctx *cx;
	Map seen; /* graphs and values */
	int n, cap;
	const Val **constants;
	int64_t n_elements, size_bytes;
} Constants;

static void add_constants(Constants *c, const Graph *g)
{
	if (map_get(&c->seen, g)) return;
	map_put(&c->seen, g, g);
	const Order order = graph_order(c->cx->arena, g);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		if (map_get(&c->seen, v)) continue;
		map_put(&c->seen, v, v);
		for (int k = 0; k < v->n_attrs; k++)
			for (int b = 0; v->attrs[k].key == A_BODY && b < v->attrs[k].n; b++)
				add_constants(c, v->attrs[k].graphs[b]);
		if (v->op != OP_const) continue;
		if (c->n == c->cap) {
			c->cap = c->cap ? 2 * c->cap : 64;
			const Val **more = NEWN(c->cx->arena, const Val *, c->cap);
			if (c->n) memcpy(more, c->constants, sizeof *more * (size_t)c->n);
			c->constants = more;
		}
		c->constants[c->n++] = v;
		c->n_elements += val_attr(v, A_DATA)->tensor->count;
		c->size_bytes += (int64_t)tensor_size_bytes(val_attr(v, A_DATA)->tensor);
	}
}

/* ---- the sizes ---- */

typedef struct {
	Ctx *cx;
	Map seen;
	int n, cap;
	const Sym **syms;
} Symbols;

static void add_symbol(void *user, const Sym *s)
{
	Symbols *all = user;
	if (map_get(&all->seen, s)) return;
	map_put(&all->seen, s, s);
	if (all->n == all->cap) {
		all->cap = all->cap ? 2 * all->cap : 16;
		const Sym **more = NEWN(all->cx->arena, const Sym *, all->cap);
		if (all->n) memcpy(more, all->syms, sizeof *more * (size_t)all->n);
		all->syms = more;
	}
	all->syms[all->n++] = s;
}

static Symbols symbols_of(Ctx *cx, const Graph *g)
{
	Symbols all = {.cx = cx};
	map_init(&all.seen, cx->arena);
	for (int i = 0; i < g->n_params; i++)
		for (int d = 0; d < g->params[i]->type->rank; d++)
			dim_each_sym(g->params[i]->type->dims[d], add_symbol, &all);
	return all;
}

/* ---- all of it ---- */

typedef struct {
	Ctx *cx;
	const Model *model;
	const Graph *graph;
	Symbols symbols;
	Constants constants;
	const Compiled *compiled; /* NULL: it cannot be compiled ... */
	const char *why_not;      /* ... for this reason */
} Facts;

static void print_values(const Facts *f, const char *title, int n, const char *const *names, const Val *const *vals)
{
	printf("%s:\n", title);
	for (int i = 0; i < n; i++)
		printf("  %s: %s\n", printable(f->cx->arena, names[i]), type_str(f->cx, vals[i]->type));
}

static void print_compiled(const Facts *f)
{
	const Compiled *c = f->compiled;
	const Graph *g = f->graph;
	if (!c) {
		printf("compiled: no: %s\n", f->why_not);
		return;
	}
	for (int i = 0; i < c->n_states; i++)
		printf("%s  %s -> %s\n", i ? "" : "states (output -> input of the next call):\n",
			printable(f->cx->arena, g->result_names[c->state_result[i]]),
			printable(f->cx->arena, g->param_names[c->state_param[i]]));
	printf("compiled:\n  weights %s\n  state %s\n", human_bytes(f->cx->arena, c->weight_bytes),
		human_bytes(f->cx->arena, c->state_bytes));
	if (c->workspace_bytes < 0) puts("  workspace depends on the sizes");
	else printf("  workspace %s\n", human_bytes(f->cx->arena, c->workspace_bytes));
	printf("  step %s%s\n", c->has_step ? "yes" : "no: ",
		c->has_step                 ? ""
			: c->no_step_reason ? c->no_step_reason
					    : "");
}

static void print_text(const Facts *f)
{
	const Graph *g = f->graph;
	printf("%s  (SHA-256 %s)\n", printable(f->cx->arena, f->model->source_name), f->model->digest);
	print_values(f, "inputs", g->n_params, g->param_names, g->params);
	print_values(f, "outputs", g->n_results, g->result_names, g->results);
	for (int i = 0; i < f->symbols.n; i++)
		printf("%s  %s: %s\n", i ? "" : "sizes:\n", f->symbols.syms[i]->name,
			sym_values(f->cx, f->symbols.syms[i], ".."));
	for (int i = 0; i < f->model->n_operators; i++)
		printf("%s  %5d %s\n", i ? "" : "operators:\n", f->model->operators[i].count,
			printable(f->cx->arena, f->model->operators[i].name));
	printf("parameters: %lld in %d constants, %s\n", (long long)f->constants.n_elements, f->constants.n,
		human_bytes(f->cx->arena, f->constants.size_bytes));
	print_compiled(f);
}

static int64_t param_count(const Param *p)
{
	int64_t n = 1;
	for (int d = 0; d < p->rank; d++) n *= p->dims[d];
	return n;
}

/* The parameters of a .rnn: what a file of weights may name. */
static void print_params(const Facts *f)
{
	const RnnModel *rnn = f->model->rnn;
	Arena *arena = f->cx->arena;
	int widest = 4, widest_shape = 5;
	int64_t n = 0;
	for (int i = 0; i < rnn->n_params; i++) {
		const int name = (int)strlen(rnn->params[i].name),
			  shape = (int)strlen(shape_text(f->cx, rnn->params[i].rank, rnn->params[i].dims));
		widest = name > widest ? name : widest;
		widest_shape = shape > widest_shape ? shape : widest_shape;
		n += param_count(&rnn->params[i]);
	}
	printf("parameters:\n  %-*s %-*s %10s %10s  %s\n", widest, "name", widest_shape, "shape", "elements", "f32",
		"from");
	for (int i = 0; i < rnn->n_params; i++) {
		const Param *p = &rnn->params[i];
		printf("  %-*s %-*s %10lld %10s  %s%s\n", widest, p->name, widest_shape,
			shape_text(f->cx, p->rank, p->dims), (long long)param_count(p),
			human_bytes(arena, 4 * param_count(p)), printable(arena, f->model->weights_from[i]),
			p->fixed ? "  (fixed)" : "");
	}
	printf("  %-*s %-*s %10lld %10s\n", widest, "all", widest_shape, "", (long long)n, human_bytes(arena, 4 * n));
}

static void print_weights(const Facts *f)
{
	if (f->model->rnn) {
		print_params(f);
		return;
	}
	puts("constants:");
	for (int i = 0; i < f->constants.n; i++) {
		const Val *v = f->constants.constants[i];
		printf("  %-24s %10s  %s\n", type_str(f->cx, v->type),
			human_bytes(f->cx->arena, (int64_t)tensor_size_bytes(val_attr(v, A_DATA)->tensor)),
			v->loc ? printable(f->cx->arena, v->loc) : "");
	}
}

/* ---- as JSON ---- */

static void json_values(Ctx *cx, cJSON *json, const char *key, int n, const char *const *names, const Val *const *vals)
{
	cJSON *list = cJSON_AddArrayToObject(json, key);
	for (int i = 0; i < n; i++) {
		cJSON *row = cJSON_CreateObject();
		cJSON_AddItemToArray(list, row);
		cJSON_AddStringToObject(row, "name", names[i]);
		cJSON_AddStringToObject(row, "type", elem_info[vals[i]->type->elem].name);
		cJSON *shape = cJSON_AddArrayToObject(row, "shape");
		for (int d = 0; d < vals[i]->type->rank; d++) {
			int64_t size;
			Buf text;
			buf_init(&text, cx->arena);
			dim_print(&text, vals[i]->type->dims[d]);
			const bool fixed = dim_is_int(vals[i]->type->dims[d], &size);
			cJSON_AddItemToArray(
				shape, fixed ? cJSON_CreateNumber((double)size) : cJSON_CreateString(text.text));
		}
	}
}

static void json_params(const Facts *f, cJSON *json)
{
	const RnnModel *rnn = f->model->rnn;
	cJSON *list = cJSON_AddArrayToObject(json, "weights");
	for (int i = 0; i < rnn->n_params; i++) {
		const Param *p = &rnn->params[i];
		cJSON *row = cJSON_CreateObject();
		cJSON_AddItemToArray(list, row);
		cJSON_AddStringToObject(row, "name", p->name);
		json_dims(row, "shape", p->rank, p->dims);
		cJSON_AddNumberToObject(row, "elements", (double)param_count(p));
		cJSON_AddNumberToObject(row, "bytes", 4. * (double)param_count(p));
		cJSON_AddStringToObject(row, "initialiser", init_text(f->cx, p->n_inits, p->inits));
		cJSON_AddStringToObject(row, "from", f->model->weights_from[i]);
		cJSON_AddBoolToObject(row, "fixed", p->fixed);
		cJSON_AddStringToObject(row, "at", p->at);
	}
}

static void json_compiled(const Facts *f, cJSON *json)
{
	const Compiled *c = f->compiled;
	if (!c) {
		cJSON_AddStringToObject(json, "error", f->why_not);
		return;
	}
	cJSON *states = cJSON_AddObjectToObject(json, "states");
	for (int i = 0; i < c->n_states; i++)
		cJSON_AddStringToObject(
			states, f->graph->result_names[c->state_result[i]], f->graph->param_names[c->state_param[i]]);
	cJSON_AddNumberToObject(json, "weight_bytes", (double)c->weight_bytes);
	if (c->workspace_bytes < 0) cJSON_AddNullToObject(json, "workspace_bytes");
	else cJSON_AddNumberToObject(json, "workspace_bytes", (double)c->workspace_bytes);
	cJSON_AddNumberToObject(json, "state_bytes", (double)c->state_bytes);
	cJSON_AddBoolToObject(json, "step", c->has_step);
	if (c->no_step_reason) cJSON_AddStringToObject(json, "no_step_reason", c->no_step_reason);
}

static void print_as_json(const Facts *f)
{
	const Graph *g = f->graph;
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "model", f->model->source_name);
	cJSON_AddStringToObject(json, "sha256", f->model->digest);
	json_values(f->cx, json, "inputs", g->n_params, g->param_names, g->params);
	json_values(f->cx, json, "outputs", g->n_results, g->result_names, g->results);
	cJSON *sizes = cJSON_AddObjectToObject(json, "sizes");
	for (int i = 0; i < f->symbols.n; i++) {
		cJSON *row = cJSON_AddObjectToObject(sizes, f->symbols.syms[i]->name);
		cJSON_AddNumberToObject(row, "lo", (double)f->symbols.syms[i]->lo);
		if (f->symbols.syms[i]->hi == INT64_MAX) cJSON_AddNullToObject(row, "hi");
		else cJSON_AddNumberToObject(row, "hi", (double)f->symbols.syms[i]->hi);
		cJSON_AddNumberToObject(row, "step", (double)f->symbols.syms[i]->step);
	}
	cJSON *operators = cJSON_AddObjectToObject(json, "operators");
	for (int i = 0; i < f->model->n_operators; i++)
		cJSON_AddNumberToObject(operators, f->model->operators[i].name, f->model->operators[i].count);
	cJSON_AddNumberToObject(json, "parameters", (double)f->constants.n_elements);
	cJSON_AddNumberToObject(json, "parameter_bytes", (double)f->constants.size_bytes);
	if (f->model->rnn) json_params(f, json);
	json_compiled(f, json);
	json_print(json);
}

static int run(Ctx *cx, const Options *o)
{
	Facts f = {.cx = cx, .model = load_model(cx, o, o->args[0])};
	f.graph = f.model->graph;
	f.symbols = symbols_of(cx, f.graph);
	f.constants.cx = cx;
	map_init(&f.constants.seen, cx->arena);
	add_constants(&f.constants, f.graph);
	CompileOptions co = options_compile(cx, o, f.model);
	co.target = o->target ? o->target : "generic";
	co.detect_states = !o->no_detect_states;
	const Compiled *volatile compiled = NULL;
	TRY (cx) {
		compiled = compile_graph(cx, f.graph, &co);
	} else f.why_not = cx->error;
	f.compiled = compiled;
	print_notes(cx);
	if (o->json) print_as_json(&f);
	else print_text(&f);
	if (o->weights_table && !o->json) print_weights(&f);
	if (o->output) model_save_weights(cx, f.model, o->output);
	return STATUS_OK;
}

const Command command_inspect = {
	.name = "inspect",
	.flag = INSPECT,
	.operands = "MODEL",
	.min_args = 1,
	.max_args = 1,
	.summary = "what is in a model, and what it needs",
	.details =
		"Prints the inputs, outputs, open sizes, operators and parameters of MODEL, what would be kept as state, and\n"
		"how much memory the compiled model needs.",
	.examples =
		"  rnncc inspect model.onnx\n  rnncc inspect model.onnx --weights\n  rnncc inspect model.onnx --dim B=1 --json\n"
		"  rnncc inspect model.rnn --weights=torch.npz --weights-layout pytorch -o named.npz\n",
	.run = run,
};
