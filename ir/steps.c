/* steps.c: the iteration that scan and loop share: run a body again and again, and carry some of its results over.
 *
 * A step's values live in an arena of their own, which is thrown away before it grows large; so memory does not grow with
 * the number of steps.  Carries are copied out into double buffers: a body may return one carry in another's place.
 */
#include "ir/prim.h"

#include <string.h>

static const size_t RENEW_BYTES = (size_t)1 << 20;

static void release_arena(void *holder) { arena_free(*(Arena **)holder); }

Steps *steps_new(Eval *e, const Graph *body, int n_carries, const Tensor **carries)
{
	Steps *s = eval_memory(e, 1, sizeof *s);
	*s = (Steps){.outer = e, .plan = plan_new(e, body, false), .n_carries = n_carries, .carries = carries};
	s->results = eval_memory(e, body->n_results, sizeof *s->results);
	s->spare = eval_memory(e, n_carries, sizeof *s->spare);
	s->own = eval_memory(e, n_carries, sizeof *s->own);
	s->arena = eval_memory(e, 1, sizeof *s->arena);
	arena_defer(e->arena, release_arena, s->arena);
	return s;
}

void steps_run(Steps *s, const Tensor *const *inputs)
{
	if (*s->arena && arena_size(*s->arena) > RENEW_BYTES) steps_end(s);
	if (!*s->arena) *s->arena = arena_new();
	Eval inner = *s->outer;
	inner.arena = *s->arena;
	inner.max_bytes -= (int64_t)arena_size(s->outer->arena);
	plan_run(&inner, s->plan, inputs, s->results);
	s->outer->env = inner.env; /* the body may have given a computed symbol its value */
}

static bool same_sizes(const Tensor *x, const Tensor *y)
{
	return x->count == y->count &&
		(x->rank == 0 || memcmp(x->dims, y->dims, sizeof *x->dims * (size_t)x->rank) == 0);
}

void steps_carry(Steps *s, int first_carry)
{
	for (int i = 0; i < s->n_carries; i++) {
		const Tensor *x = s->results[first_carry + i];
		if (!s->spare[i] || !same_sizes(s->spare[i], x))
			s->spare[i] = eval_tensor(s->outer, x->elem, x->rank, x->dims);
		if (x->count) memcpy(s->spare[i]->data, x->data, tensor_size_bytes(x));
	}
	for (int i = 0; i < s->n_carries; i++) {
		Tensor *written = s->spare[i];
		s->spare[i] = s->own[i]; /* NULL at first: the initial carry is not ours to write */
		s->own[i] = written;
		s->carries[i] = written;
	}
}

void steps_end(Steps *s)
{
	arena_free(*s->arena);
	*s->arena = NULL;
}

void stack_row(Eval *e, const Val *v, const Tensor *stack, int64_t i, const Tensor *row)
{
	/* A symbol that the body itself computes may differ from step to step. */
	if (row->rank && memcmp(stack->dims + 1, row->dims, sizeof *row->dims * (size_t)row->rank) != 0)
		eval_fail(e, v, "step %lld gives a result of another size than the steps before it", (long long)i);
	const size_t size_bytes = tensor_size_bytes(row);
	if (size_bytes) memcpy((char *)stack->data + (size_t)i * size_bytes, row->data, size_bytes);
}
