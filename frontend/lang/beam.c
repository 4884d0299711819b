/* beam.c: generate cell start A stop B max n beam K lenpen a: the K most probable sequences, side by side.
 *
 * The hypotheses are a context, like the j of `for j in K`: the cell is elaborated once and runs for all of them.  In each round
 * every one that goes on is continued by every class, one that has ended competes as it is, and the best K of them all are
 * kept, each with the states of the one that it continues:
 *
 *     total[k, v] = score[k] + log softmax(scores of the cell)[k, v],   rank = total / ((5 + n) / 6)^a    (Wu et al. 2016)
 *
 * n counts the tokens with the stop.  Of equals the one that was better before, then the lower class, goes first.  A hypothesis
 * ends with the stop, or at its bound; an example stops when all have, or, without penalty, when the best one has: then totals
 * only fall.  Each round writes its tokens and how far it went back, and a scan from the end reads the best sequence off.
 *
 * Tensors of this file have K as their first axis and the other contexts in `over`; first all but the first hypothesis are
 * impossible (-inf), or all would be equal for ever.
 */
#include "frontend/lang/model.h"

#include <math.h>

typedef struct {
	const Generating *g;
	Looping *l;
	const FnDecl *decl;
	int n_states, bit;
	int64_t width;
	double penalty;
	uint64_t over;    /* without the hypotheses */
	const Axis *axis; /* of K */
	Value index;      /* 0 .. K-1 */
	Value runs, rank, score, count, ended,
		token; /* what is carried beside the states: of each example; of each hypothesis */
} Beam;

enum { RANK, SCORE, COUNT, ENDED, TOKEN, N_OWN };

/* ------------------------------------------------------------------------------------------------ short words */

static Value binary(Elab *e, int op, Value a, Value b) { return value_binary(e, op, &a, &b); }
static Value choose(Elab *e, Value c, Value a, Value b) { return model_select(e, &c, &a, &b); }
static Value num(double x) { return value_num(x); }
static Value whole(Elab *e, int64_t x)
{
	Value v = value_num((double)x);
	return model_integer(e, &v, "");
}
static Value no(Elab *e, Value a) { return value_ew(e, OP_EW_not, 1, &a); }
/* [K] beside [K, V], an example's beside [K] */
static Value column(Elab *e, Value v) { return model_ones(e, &v, 1); }
static Value of_each(Elab *e, const Beam *b, Value v)
{
	return model_tensor(e, model_expand(e, &v, b->over, 1, &b->axis), b->over, 1, &b->axis);
}
static Value at_first(Elab *e, Value v) { return model_at_dim(e, &v, dim_int(e->cx, 0)); }
static Value possible(Elab *e, Value rank) { return binary(e, OP_EW_gt, rank, num(-INFINITY)); }

/* The hypotheses as the first axis, and as a context. */
static Value as_axis(Elab *e, const Value *v)
{
	Value y = context_close(e, v);
	e->model->n_contexts++;
	return y;
}
static Value as_context(Elab *e, const Beam *b, const Value *v) { return context_take(e, v, b->bit); }

/* ------------------------------------------------------------------------------------------------ one round */

/* The axes K and V as one. */
static Value flat(Elab *e, Value v)
{
	Ctx *cx = e->cx;
	const Type *t = v.val->type;
	const Dim **dims = NEWN(cx->arena, const Dim *, t->rank);
	for (int i = 0; i < t->rank - 2; i++) dims[i] = t->dims[i];
	dims[t->rank - 2] = dim_mul(cx, t->dims[t->rank - 2], t->dims[t->rank - 1]);
	const Axis *axis = axis_plain(e, dims[t->rank - 2]);
	return model_tensor(e, b_reshape(cx, v.val, t->rank - 1, dims), v.lay->over, 1, &axis);
}

/* The places of the K largest, the largest first. */
static Value best_places(Elab *e, const Beam *b, Value ranks)
{
	Ctx *cx = e->cx;
	const Axis *all = ranks.lay->axes[0];
	Value place = model_tensor(e, b_iota(cx, I64, 1, &all->size, 0), 0, 1, &all);
	const Val **found = NEWN(cx->arena, const Val *, b->width);
	for (int64_t i = 0; i < b->width; i++) {
		Value at = model_argmax(e, &ranks, "");
		at.classes = NULL;
		found[i] = b_unsqueeze(cx, at.val, at.val->type->rank);
		if (i + 1 < b->width) ranks = choose(e, binary(e, OP_EW_eq, place, at), num(-INFINITY), ranks);
	}
	return model_tensor(e, b_concat(cx, (int)b->width, found, found[0]->type->rank - 1), b->over, 1, &b->axis);
}

/* ((5 + n) / 6)^a */
static Value length_factor(Elab *e, const Beam *b, Value n)
{
	Value x = binary(e, OP_EW_div, binary(e, OP_EW_add, n, num(5)), num(6));
	return binary(e, OP_EW_pow, x, num(b->penalty));
}

static void carry_on(Beam *b, int i, Value v) { b->l->next[b->n_states + i] = v.val; }

/* From what the cell gives, [K, V], the K best continuations, and what each is made of. */
static void round_of(Elab *e, Beam *b, const Value *logp, const Value *next_states)
{
	const Axis *classes = logp->lay->axes[1];
	Value more = binary(e, OP_EW_add, b->count, whole(e, 1)),
	      totals = binary(e, OP_EW_add, column(e, b->score), *logp);
	Value ranks = b->penalty > 0 ? binary(e, OP_EW_div, totals, column(e, length_factor(e, b, more))) : totals;
	Value class = model_tensor(e, b_iota(e->cx, I64, 1, &classes->size, 0), 0, 1, &classes);
	Value is_first =
		binary(e, OP_EW_eq, class, whole(e, 0)); /* one that has ended has one place, the others are empty */
	Value as_it_is = choose(e, is_first, column(e, b->rank), num(-INFINITY));
	ranks = flat(e, choose(e, column(e, b->ended), as_it_is, ranks));
	totals = flat(e, totals);

	Value place = best_places(e, b, ranks), n_classes = value_dim(e->cx, classes->size);
	n_classes = model_integer(e, &n_classes, "");
	Value from = model_floor_div(e, &place, &n_classes);
	Value token = binary(e, OP_EW_sub, place, binary(e, OP_EW_mul, from, n_classes));
	Value rank = model_gather(e, &ranks, &place), score = model_gather(e, &totals, &place);
	Value ended = model_gather(e, &b->ended, &from), count = model_gather(e, &b->count, &from);
	score = choose(e, possible(e, rank), score, num(-INFINITY));
	Value given = no(e, ended);
	if (b->g->stop.kind != V_NONE) {
		Value is_stop = binary(e, OP_EW_eq, token, column(e, b->g->stop));
		ended = binary(e, OP_EW_or, ended, is_stop);
		given = binary(e, OP_EW_and, given, no(e, is_stop));
	}
	count = choose(e, given, binary(e, OP_EW_add, count, whole(e, 1)), count);
	ended = binary(e, OP_EW_or, ended, binary(e, OP_EW_ge, count, column(e, b->g->limit)));
	ended = binary(e, OP_EW_or, ended, no(e, possible(e, rank)));

	Value goes_on = column(e, b->runs), none = whole(e, 0);
	for (int i = 0; i < b->n_states; i++) {
		Value state = as_axis(e, &next_states[i]);
		b->l->next[i] = model_gather(e, &state, &from).val;
	}
	ended = choose(e, goes_on, ended, b->ended);
	carry_on(b, RANK, choose(e, goes_on, rank, b->rank));
	carry_on(b, SCORE, score);
	carry_on(b, COUNT, choose(e, goes_on, count, b->count));
	carry_on(b, ENDED, ended);
	carry_on(b, TOKEN, token);
	int axis = count_bits(b->over);
	Value done = b->penalty > 0
		? model_tensor(e, b_reduce(e->cx, "min", ended.val, 1, &axis, false), b->over, 0, NULL)
		: at_first(e, ended);
	carry_on(b, N_OWN, binary(e, OP_EW_and, b->runs, no(e, done)));
	/* what rounds that are not made leave, zeros, is: nothing given, each continues itself */
	Value back = binary(e, OP_EW_sub, from, b->index), is_given = binary(e, OP_EW_and, goes_on, given);
	b->l->ys[b->l->n_ys++] = choose(e, is_given, token, none).val;
	b->l->ys[b->l->n_ys++] = choose(e, goes_on, back, none).val;
}

/* ------------------------------------------------------------------------------------------------ the best sequence */

/* x[k] for each example: x is [contexts, K], k [contexts]. */
static const Val *taken(Ctx *cx, const Val *x, const Val *k)
{
	return b_gather_nd(cx, x, b_unsqueeze(cx, k, k->type->rank), k->type->rank);
}

/* tokens, backs: [rounds, contexts, K].  From the last round to the first:  token = tokens[k],  k' = k + backs[k]. */
static const Val *read_back(Elab *e, const Val *tokens, const Val *backs)
{
	Ctx *cx = e->cx;
	const Type *t = tokens->type, *round = type_new(cx, I64, t->rank - 1, t->dims + 1);
	const Type *example = type_new(cx, I64, t->rank - 2, t->dims + 1);
	const Val *k = val_param(cx, 0, example), *token = val_param(cx, 1, round), *back = val_param(cx, 2, round);
	const Val *results[] = {b_ew2(cx, OP_EW_add, k, taken(cx, back, k)), taken(cx, token, k)};
	const Graph *body = graph_new(cx, "read_back", 3, (const Val *[]){k, token, back},
		(const char *[]){"k", "token", "back"}, 2, results, (const char *[]){"k'", "y"});
	const Val *best = b_expand(cx, b_scalar_int(cx, I64, 0), example->rank, example->dims);
	const Val *args[] = {best, tokens, backs};
	return val_get(cx, b_scan(cx, body, 0, 1, 3, args, t->dims[0], true), 1);
}

/* ------------------------------------------------------------------------------------------------ generate */

static Value carried(Elab *e, Beam *b, int i, const char *name, Value first)
{
	return looping_carry(e, b->l, b->n_states + i, name, &first);
}

static void begin(Elab *e, Beam *b)
{
	Value is_first = binary(e, OP_EW_eq, b->index, whole(e, 0));
	Value runs = binary(e, OP_EW_gt, b->g->limit, whole(e, 0)), score = choose(e, is_first, num(0), num(-INFINITY));
	runs = model_tensor(e, model_expand(e, &runs, b->over, 0, NULL), b->over, 0, NULL);
	Value live = binary(e, OP_EW_and, is_first, column(e, runs));
	b->rank = carried(e, b, RANK, "rank", of_each(e, b, score));
	b->score = carried(e, b, SCORE, "score", of_each(e, b, score));
	b->count = carried(e, b, COUNT, "count", of_each(e, b, whole(e, 0)));
	b->ended = carried(e, b, ENDED, "ended", of_each(e, b, no(e, live)));
	b->token = carried(e, b, TOKEN, "token", of_each(e, b, column(e, b->g->start)));
	b->token.classes = b->g->start.classes;
	b->runs = carried(e, b, N_OWN, "runs", runs);
}

Value beam_search(Elab *e, const Node *node, CellUse *u, const Generating *g, int64_t width, double penalty)
{
	Ctx *cx = e->cx;
	const FnDecl *d = u->fn->decl;
	int n = d->n_states;
	Beam *b = NEW(cx->arena, Beam);
	*b = (Beam){.g = g, .decl = d, .n_states = n, .width = width, .penalty = penalty, .over = all_contexts(e)};
	b->axis = axis_plain(e, dim_int(cx, width));
	b->index = model_tensor(e, b_iota(cx, I64, 1, &b->axis->size, 0), 0, 1, &b->axis);
	b->l = looping_new(e, n + N_OWN, d->name);
	begin(e, b);
	b->bit = context_open(e, b->axis);
	cell_use_enter(e, u);
	Value states[MAX_RESULTS], next[MAX_RESULTS], ys[2 * MAX_RESULTS];
	for (int i = 0; i < n; i++) {
		Value initial = cell_use_state(e, u, i), closed = as_axis(e, &initial);
		Value hole = looping_carry(e, b->l, i, d->states[i]->text, &closed);
		states[i] = as_context(e, b, &hole);
	}
	Value input = as_context(e, b, &b->token);
	int n_ys;
	cell_use_run(e, u, 1, &input, states, &n_ys, ys, next);
	cell_use_leave(e, u);
	Value logp = model_log_softmax(e, n_ys ? &ys[0] : &next[0]);
	if (logp.lay->n != 1) fail(cx, "generate chooses one class a step, %s gives %s", d->name, layout_str(e, &logp));
	logp = as_axis(e, &logp);
	round_of(e, b, &logp, next);
	e->model->n_contexts--;

	const Val *tuple = looping_close(e, b->l, g->axis->size);
	int first_y = 1 + n + N_OWN + 1;
	Value counts = model_tensor(e, val_get(cx, tuple, 1 + n + COUNT), b->over, 1, &b->axis);
	Value ranks = model_tensor(e, val_get(cx, tuple, 1 + n + RANK), b->over, 1, &b->axis);
	const Val *tokens = read_back(e, val_get(cx, tuple, first_y), val_get(cx, tuple, first_y + 1));
	Value length = at_first(e, counts), rank = at_first(e, ranks);
	Value out = generated(e, g, tokens, &length);
	const Axis *classes = logp.lay->axes[1];
	out.classes = classes->name ? NULL : classes->size;
	return as_results(e, node, 2, (const Value[]){out, rank});
}
