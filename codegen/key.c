/* key.c: what names a kernel in a file of schedules: a hash of what it computes.
 *
 * The kernel is written down with its variables, arrays and expressions numbered in the order in which they are met, so that the
 * key depends on their structure, sizes and types only: not on names, on where in the program the kernel is, nor on what its
 * constant arrays hold.  Layers of one shape have one key, and training a model anew changes none.  The text is hashed by FNV-1a.
 * (A change of what is written here makes old files useless: then their version, in schedule.c, must change.)
 */
#include "codegen/kernel.h"

#include <inttypes.h>

typedef struct {
	Buf text;
	Map numbers; /* Var, Buffer, Expr, Acc -> its number, plus 1 */
	int n;
} Key;

static bool is_new(Key *key, const void *what)
{
	if (map_get(&key->numbers, what)) return false;
	map_put(&key->numbers, what, (void *)(intptr_t)++key->n);
	return true;
}

static int number_of(const Key *key, const void *what) { return (int)(intptr_t)map_get(&key->numbers, what); }

static void write_expr(Key *, const Expr *);

static void write_var(Key *key, const Var *v)
{
	if (!is_new(key, v)) return;
	buf_printf(&key->text, "%d var ", number_of(key, v));
	dim_print(&key->text, v->extent);
	buf_puts(&key->text, "\n");
}

static void write_buffer(Key *key, const Buffer *b)
{
	if (!is_new(key, b)) return;
	buf_printf(&key->text, "%d %s %s", number_of(key, b), b->kind == BUF_CONST ? "const" : "array",
		elem_info[b->elem].name);
	for (int d = 0; d < b->rank; d++) {
		buf_puts(&key->text, ", ");
		dim_print(&key->text, b->dims[d]);
	}
	buf_puts(&key->text, "\n");
}

/* First what the index refers to, then itself, within a line. */
static void visit_index(Key *key, const Index *x)
{
	for (int i = 0; i < x->n_terms; i++) {
		const Atom *a = x->terms[i].atom;
		if (a->kind == ATOM_VAR) write_var(key, a->var);
		else if (a->kind == ATOM_EXPR) write_expr(key, a->expr);
		else visit_index(key, a->a);
	}
}

static void put_index(Key *key, const Index *x)
{
	Buf *b = &key->text;
	buf_puts(b, " [");
	dim_print(b, x->base);
	for (int i = 0; i < x->n_terms; i++) {
		const Atom *a = x->terms[i].atom;
		buf_puts(b, " + ");
		dim_print(b, x->terms[i].coef);
		if (a->kind == ATOM_VAR) {
			buf_printf(b, " * %d", number_of(key, a->var));
			continue;
		}
		buf_puts(b, a->kind == ATOM_DIV ? " * div " : a->kind == ATOM_MOD ? " * mod " : " * clamp ");
		dim_print(b, a->n);
		if (a->kind == ATOM_EXPR) buf_printf(b, " of %d", number_of(key, a->expr));
		else put_index(key, a->a);
	}
	buf_puts(b, "]");
}

static void write_acc(Key *key, const Acc *a)
{
	static const char *const kinds[] = {
		[ACC_SUM] = "sum", [ACC_PROD] = "prod", [ACC_MAX] = "max", [ACC_MIN] = "min"};
	if (map_get(&key->numbers, a)) return;
	for (int i = 0; i < a->n_vars; i++) write_var(key, a->vars[i]);
	if (a->init) write_expr(key, a->init);
	write_expr(key, a->value);
	is_new(key, a);
	buf_printf(&key->text, "%d %s %s %d %d of", number_of(key, a), kinds[a->kind], elem_info[a->elem].name,
		a->init ? number_of(key, a->init) : 0, number_of(key, a->value));
	for (int i = 0; i < a->n_vars; i++) buf_printf(&key->text, " %d", number_of(key, a->vars[i]));
	buf_puts(&key->text, "\n");
}

static void write_expr(Key *key, const Expr *e)
{
	Buf *b = &key->text;
	if (map_get(&key->numbers, e)) return;
	for (int i = 0; i < e->n_args; i++) write_expr(key, e->args[i]);
	if (e->kind == EX_INDEX) visit_index(key, e->value);
	if (e->kind == EX_ACC) write_acc(key, e->acc);
	if (e->kind == EX_LOAD) {
		write_buffer(key, e->buffer);
		for (int d = 0; d < e->buffer->rank; d++) visit_index(key, e->index[d]);
	}
	is_new(key, e);
	buf_printf(b, "%d %s ", number_of(key, e), elem_info[e->elem].name);
	switch (e->kind) {
	case EX_CONST: buf_printf(b, "const %a %" PRId64, e->number, e->integer); break;
	case EX_DIM: dim_print(b, e->dim); break;
	case EX_INDEX: put_index(key, e->value); break;
	case EX_LOAD:
		buf_printf(b, "load %d", number_of(key, e->buffer));
		for (int d = 0; d < e->buffer->rank; d++) put_index(key, e->index[d]);
		break;
	case EX_ACC: buf_printf(b, "of %d", number_of(key, e->acc)); break;
	case EX_ROUND: buf_puts(b, "round"); break;
	case EX_OP: buf_puts(b, op_info[e->op].name); break;
	}
	for (int i = 0; i < e->n_args; i++) buf_printf(b, " %d", number_of(key, e->args[i]));
	buf_puts(b, "\n");
}

static uint64_t fnv1a(const char *text, size_t n)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++) hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t kernel_key(const Kernel *k)
{
	Arena *scratch = arena_new();
	Key key = {0};
	buf_init(&key.text, scratch);
	map_init(&key.numbers, scratch);
	for (int i = 0; i < k->n_vars; i++) write_var(&key, k->vars[i]);
	for (int i = 0; i < k->n_accs; i++) write_acc(&key, k->accs[i]);
	for (int i = 0; i < k->n_stores; i++) {
		const Store *s = &k->stores[i];
		write_expr(&key, s->value);
		write_buffer(&key, s->buffer);
		for (int d = 0; d < s->buffer->rank; d++) visit_index(&key, s->index[d]);
		buf_printf(&key.text, "store %d", number_of(&key, s->buffer));
		for (int d = 0; d < s->buffer->rank; d++) put_index(&key, s->index[d]);
		buf_printf(&key.text, " = %d\n", number_of(&key, s->value));
	}
	const uint64_t hash = fnv1a(key.text.text, key.text.size);
	arena_free(scratch);
	return hash;
}
