/* pack.c: constants in the order in which a kernel reads them.
 *
 * A reduction loop that reads weights along the lanes reads them once, in order: so they are stored that way at compile time,
 * as panels [vector block][k][gate][vector of the block][lane].  Whatever the model's own layout was (transposed, sliced,
 * gates apart), the loop then walks one contiguous stream.  The last block has what the others leave; lanes beyond the extent
 * are zero, so that it needs no special code for weights.  Constants of bf16 and f16 stay so; two vectors of bf16 are stored as
 * one of 32-bit words, a shift and a mask away from both.  Where the target adds up products of bf16 in twos and the loop is
 * nothing but that, the weights that are multiplied together are neighbours instead.
 */
#include "codegen/kernel.h"

#include <string.h>

enum { MAX_PACK_BYTES = 1 << 30 };

typedef struct {
	Program *p;
	Kernel *k;
	const Var *v;
	const Acc *acc;
	Pack *pack;
	const Var *outer[16];
	int n_outer;
} Packing;

static bool is_var_of(const Var *v, int n, const Var *const *vars)
{
	for (int i = 0; i < n; i++)
		if (vars[i] == v) return true;
	return false;
}

/* The load's address is a sum of the kernel's own variables, along the lanes but not along the tiled rows. */
static bool is_packable(Packing *c, const Expr *e)
{
	const Kernel *k = c->k;
	if (e->kind != EX_LOAD || e->buffer->kind != BUF_CONST || (e->elem != F32 && !elem_widens(e->elem)))
		return false;
	if (c->pack->n_slots && e->elem != c->pack->elem) /* one stream is of one type */
		return false;
	const Index *at = buffer_offset(c->p, e->buffer, e->index);
	bool along = false;
	for (int i = 0; i < at->n_terms; i++) {
		const Atom *a = at->terms[i].atom;
		if (a->kind != ATOM_VAR || !dim_is_int(at->terms[i].coef, NULL) || !dim_is_int(a->var->extent, NULL))
			return false;
		bool row = k->schedule.rows >= 0 && a->var == k->vars[k->schedule.rows];
		if (row || (!is_var_of(a->var, k->n_vars, k->vars) && !is_var_of(a->var, c->acc->n_vars, c->acc->vars)))
			return false;
		along |= a->var == c->v;
	}
	return along && dim_is_int(at->base, NULL);
}

static void collect(void *user, const Expr *e)
{
	Packing *c = user;
	if (!is_packable(c, e)) return;
	Pack *pk = c->pack;
	pk->elem = e->elem;
	for (int i = 0; i < pk->n_slots; i++)
		if (pk->loads[i] == e) return;
	const Expr **loads = NEWN(c->p->arena, const Expr *, pk->n_slots + 1);
	if (pk->n_slots) memcpy(loads, pk->loads, sizeof *loads * (size_t)pk->n_slots);
	loads[pk->n_slots++] = e;
	pk->loads = loads;
	const Index *at = buffer_offset(c->p, e->buffer, e->index);
	for (int i = 0; i < c->k->n_vars; i++) {
		const Var *v = c->k->vars[i];
		if (v != c->v && index_uses(at, v) && !is_var_of(v, c->n_outer, c->outer) && c->n_outer < 16)
			c->outer[c->n_outer++] = v;
	}
}

static int64_t extent_of(const Var *v)
{
	int64_t n = 1;
	dim_is_int(v->extent, &n);
	return n;
}

typedef struct {
	const Var *var;
	int64_t value;
} Setting;

static int64_t address(const Index *at, int n, const Setting *settings)
{
	int64_t a = 0, c;
	dim_is_int(at->base, &a);
	for (int i = 0; i < at->n_terms; i++)
		for (int s = 0; s < n; s++)
			if (settings[s].var == at->terms[i].atom->var) {
				dim_is_int(at->terms[i].coef, &c);
				a += c * settings[s].value;
			}
	return a;
}

/* Counts settings up like an odometer, the last fastest; false after the last. */
static bool advance(int n, Setting *s)
{
	for (int i = n - 1; i >= 0; i--) {
		if (++s[i].value < extent_of(s[i].var)) return true;
		s[i].value = 0;
	}
	return false;
}

/* Every sum of the loop is of products of a weight with a number of bf16 that is the same in all lanes; numbers follow each
 * other in memory, and there is an even number of them. */
static bool is_of_dots(const Packing *c, int first, int last)
{
	const Pack *pk = c->pack;
	const Var *along = pk->vars[pk->n_vars - 1];
	if (pk->elem != BF16 || extent_of(along) % 2 != 0) return false;
	for (int i = first; i < last; i++) {
		const Acc *a = c->k->accs[i];
		if (a->kind != ACC_SUM || a->elem != F32 || a->value->kind != EX_OP || a->value->op != OP_EW_mul)
			return false;
		const Expr *x = load_under(a->value->args[0]), *y = load_under(a->value->args[1]);
		if (!x || !y || x->elem != BF16 || y->elem != BF16) return false;
		const bool swapped = x->buffer->kind == BUF_CONST;
		const Expr *numbers = swapped ? y : x, *weights = swapped ? x : y;
		const Dim *stride = index_stride(c->p, buffer_offset(c->p, numbers->buffer, numbers->index), along);
		if (numbers->buffer->kind == BUF_CONST || expr_uses(numbers, c->v) || !stride || !dim_is(stride, 1))
			return false;
		bool packed = false;
		for (int l = 0; l < pk->n_slots; l++) packed |= pk->loads[l] == weights;
		if (!packed) return false;
	}
	return true;
}

/* Where lane `lane` of vector i of n is, k being the last variable. */
static int64_t place_in(const Pack *pk, int64_t i, int64_t n, int64_t lanes, int64_t lane, int64_t k)
{
	if (pk->dotted) return 2 * (i * lanes + lane) + k % 2;
	return pk->paired && (i | 1) < n ? (i & ~INT64_C(1)) * lanes + 2 * lane + (i & 1) : i * lanes + lane;
}

/* out is zero where nothing is put. */
static void fill(Packing *c, unsigned char *out)
{
	Pack *pk = c->pack;
	const Schedule *sc = &c->k->schedule;
	const int64_t n = extent_of(c->v), lanes = sc->lanes, all = (n + lanes - 1) / lanes;
	const int64_t main_vectors = n / (lanes * sc->unroll) * sc->unroll;
	int n_fixed = c->n_outer + pk->n_vars + 1;
	Setting *s = NEWN(c->p->arena, Setting, n_fixed);
	const Index **at = NEWN(c->p->arena, const Index *, pk->n_slots);
	for (int i = 0; i < pk->n_slots; i++) at[i] = buffer_offset(c->p, pk->loads[i]->buffer, pk->loads[i]->index);
	for (int i = 0; i < c->n_outer; i++) s[i].var = c->outer[i];
	for (int i = 0; i < pk->n_vars; i++) s[c->n_outer + i].var = pk->vars[i];
	Setting *lane = &s[n_fixed - 1];
	lane->var = c->v;
	size_t size = (size_t)elem_info[pk->elem].size;
	do {
		for (int64_t first = 0; first * lanes < n;) {
			int64_t block = first < main_vectors ? sc->unroll : all - first, vectors = pk->n_slots * block;
			for (int i = 0; i < pk->n_vars; i++) s[c->n_outer + i].value = 0;
			do {
				const int64_t k = s[c->n_outer + pk->n_vars - 1].value;
				for (int64_t i = 0; i < vectors; i++)
					for (int64_t l = 0; l < lanes; l++) {
						lane->value = (first + i % block) * lanes + l;
						const unsigned char *w = pk->loads[i / block]->buffer->data->data;
						if (lane->value < n)
							memcpy(out +
									(size_t)place_in(pk, i, vectors, lanes, l, k) *
										size,
								w + (size_t)address(at[i / block], n_fixed, s) * size,
								size);
					}
				if (!pk->dotted) out += (size_t)(vectors * lanes) * size;
				else if (k % 2 != 0) out += (size_t)(2 * vectors * lanes) * size;
			} while (advance(pk->n_vars, s + c->n_outer));
			first += block;
		}
	} while (advance(c->n_outer, s));
}

/* Of what the panels are made, and for whom. */
static const char *packed_role(Program *p, const Pack *pk, const Kernel *k)
{
	Buf names;
	buf_init(&names, p->arena);
	int n = 0;
	for (int i = 0; i < pk->n_slots; i++) {
		bool listed = false;
		for (int j = 0; j < i; j++) listed |= pk->loads[j]->buffer == pk->loads[i]->buffer;
		if (!listed) buf_printf(&names, "%s%s", n++ ? ", " : "", pk->loads[i]->buffer->name);
	}
	return arena_printf(p->arena, "%s, in the order in which %s reads %s: %s", names.text, k->name,
		n > 1 ? "them" : "it", pk->loads[0]->buffer->role);
}

static void pack_loop(Program *p, Kernel *k, int first, int last, const Target *t)
{
	Pack pack = {.acc = k->accs[first], .vars = k->accs[first]->vars, .n_vars = k->accs[first]->n_vars};
	Packing c = {.p = p, .k = k, .v = k->vars[k->schedule.vector], .acc = k->accs[first], .pack = &pack};
	Arena *scratch = arena_new();
	Map seen;
	map_init(&seen, scratch);
	for (int i = first; i < last; i++) expr_each(k->accs[i]->value, &seen, collect, &c);
	arena_free(scratch);
	if (!pack.n_slots) return;
	int64_t steps = 1, outer = 1, lanes = k->schedule.lanes, vectors = (extent_of(c.v) + lanes - 1) / lanes;
	for (int i = 0; i < pack.n_vars; i++) {
		if (!dim_is_int(pack.vars[i]->extent, NULL)) return;
		steps *= extent_of(pack.vars[i]);
	}
	for (int i = 0; i < c.n_outer; i++) outer *= extent_of(c.outer[i]);
	pack.dotted = t->cpu->bf16_dot && lanes > 1 && is_of_dots(&c, first, last);
	pack.paired = pack.elem == BF16 && lanes > 1 && !pack.dotted;
	pack.block_size = steps * pack.n_slots * lanes;
	pack.outer_size = pack.block_size * vectors;
	pack.n_outer = c.n_outer;
	pack.outer = arena_copy(p->arena, c.outer, sizeof *c.outer * (size_t)c.n_outer);
	int64_t total = outer * pack.outer_size;
	if (!total || total > MAX_PACK_BYTES / elem_info[pack.elem].size) return;
	Tensor *panels = tensor_new(p->arena, pack.elem, 1, &total);
	memset(panels->data, 0, tensor_size_bytes(panels));
	fill(&c, panels->data);
	pack.buffer = const_new(p, arena_printf(p->arena, "w_%s", k->name), packed_role(p, &pack, k), panels);
	Pack *packs = NEWN(p->arena, Pack, k->n_packs + 1);
	if (k->n_packs) memcpy(packs, k->packs, sizeof *packs * (size_t)k->n_packs);
	packs[k->n_packs++] = pack;
	k->packs = packs;
}

bool same_loop(const Acc *a, const Acc *b)
{
	return a->level == b->level && a->n_vars == b->n_vars &&
		memcmp(a->vars, b->vars, sizeof *a->vars * (size_t)a->n_vars) == 0;
}

typedef struct {
	Program *p;
	const Target *target;
} Visit;

static void visit(void *user, Stmt *s)
{
	const Visit *v = user;
	Kernel *k = s->kernel;
	if (!k || k->schedule.vector < 0) return;
	for (int first = 0, last; first < k->n_accs; first = last) {
		for (last = first + 1; last < k->n_accs && same_loop(k->accs[first], k->accs[last]); last++)
			;
		pack_loop(v->p, k, first, last, v->target);
	}
}

Program *pass_pack(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	if (target->pack) block_each(&p->block, visit, &(Visit){p, target});
	return p;
}
