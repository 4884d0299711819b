/* onednn_peer.c: a layer as who uses oneDNN in earnest would set it up: weights reordered once into the form that the primitive
 * asks for, all memory made before, two sets of arguments so that a step's new state is the next one's old state without a copy.
 *
 * Built with -DWITH_ONEDNN where libdnnl-dev is; else it says that it is not there.
 */
#include "onednn_peer.h"

#include <stddef.h>

#ifndef WITH_ONEDNN

Onednn *onednn_new(const OnednnLayer *l) { return (void)l, NULL; }
const char *onednn_version(void) { return ""; }
void onednn_set_input(Onednn *o, const float *x) { (void)o, (void)x; }
void onednn_reset(Onednn *o) { (void)o; }
void onednn_run(Onednn *o) { (void)o; }
void onednn_get_output(Onednn *o, float *y) { (void)o, (void)y; }

#else

#include <dnnl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARGS = 9 };

struct Onednn {
	OnednnLayer layer;
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	dnnl_primitive_t primitive;
	void *input, *output, *state[2], *cell[2]; /* what the memories hold */
	size_t n_state;
	dnnl_exec_arg_t args[2][MAX_ARGS];
	int n_args, turn;
};

static void check(dnnl_status_t status, const char *what)
{
	if (status == dnnl_success) return;
	fprintf(stderr, "race: oneDNN: %s: status %d\n", what, (int)status);
	exit(1);
}

static void *allocate(size_t size_bytes)
{
	void *p = aligned_alloc(64, (size_bytes + 64) / 64 * 64);
	if (!p) exit(1);
	memset(p, 0, (size_bytes + 64) / 64 * 64);
	return p;
}

static dnnl_memory_desc_t plain(int rank, const int64_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
	dnnl_memory_desc_t md;
	dnnl_dims_t all = {0}; /* which is what the function says that it reads */
	memcpy(all, dims, sizeof *dims * (size_t)rank);
	check(dnnl_memory_desc_init_by_tag(&md, rank, all, type, tag), "memory");
	return md;
}

static dnnl_memory_t memory(Onednn *o, const dnnl_memory_desc_t *md, void *data)
{
	dnnl_memory_t m;
	check(dnnl_memory_create(&m, md, o->engine, data), "memory");
	return m;
}

static dnnl_memory_t reordered(
	Onednn *o, dnnl_memory_t from, const dnnl_memory_desc_t *from_md, const dnnl_memory_desc_t *to_md)
{
	dnnl_memory_t to = memory(o, to_md, DNNL_MEMORY_ALLOCATE);
	dnnl_primitive_desc_t pd;
	dnnl_primitive_t reorder;
	check(dnnl_reorder_primitive_desc_create(&pd, from_md, o->engine, to_md, o->engine, NULL), "reorder");
	check(dnnl_primitive_create(&reorder, pd), "reorder");
	const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
	check(dnnl_primitive_execute(reorder, o->stream, 2, args), "reorder");
	check(dnnl_stream_wait(o->stream), "reorder");
	return to;
}

/* Rounded to bf16 first, where it is asked for, then into the form that the primitive has chosen. */
static dnnl_memory_t weights(Onednn *o, const float *data, const dnnl_memory_desc_t *f32,
	const dnnl_memory_desc_t *type, dnnl_primitive_desc_t pd, int arg)
{
	void *copy = allocate(dnnl_memory_desc_get_size(f32));
	memcpy(copy, data, dnnl_memory_desc_get_size(f32));
	dnnl_memory_t m = memory(o, f32, copy);
	if (o->layer.bf16) m = reordered(o, m, f32, type);
	return reordered(o, m, type, dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, arg));
}

static void add_arg(Onednn *o, int arg, dnnl_memory_t a, dnnl_memory_t b)
{
	o->args[0][o->n_args] = (dnnl_exec_arg_t){arg, a};
	o->args[1][o->n_args++] = (dnnl_exec_arg_t){arg, b};
}

Onednn *onednn_new(const OnednnLayer *l)
{
	Onednn *o = calloc(1, sizeof *o);
	if (!o) exit(1);
	o->layer = *l;
	check(dnnl_engine_create(&o->engine, dnnl_cpu, 0), "engine");
	check(dnnl_stream_create(&o->stream, o->engine, dnnl_stream_default_flags), "stream");
	const bool lstm = !strcmp(l->cell, "LSTM"), lbr = !strcmp(l->cell, "GRU"),
		   gru = !strcmp(l->cell, "ResetFirstGRU");
	const int64_t t = l->length, b = l->batch, i = l->n_inputs, h = l->n_hidden, g = lstm ? 4 : lbr || gru ? 3 : 1;
	const dnnl_data_type_t type = l->bf16 ? dnnl_bf16 : dnnl_f32;
	const dnnl_memory_desc_t x = plain(3, (int64_t[]){t, b, i}, type, dnnl_tnc),
				 y = plain(3, (int64_t[]){t, b, h}, type, dnnl_tnc);
	const dnnl_memory_desc_t hidden = plain(4, (int64_t[]){1, 1, b, h}, type, dnnl_ldnc),
				 cell = plain(4, (int64_t[]){1, 1, b, h}, dnnl_f32, dnnl_ldnc);
	const dnnl_memory_desc_t bias = plain(4, (int64_t[]){1, 1, lbr ? 4 : g, h}, dnnl_f32, dnnl_ldgo);
	const int64_t w_dims[] = {1, 1, i, g, h}, r_dims[] = {1, 1, h, g, h};
	const dnnl_memory_desc_t w_any = plain(5, w_dims, type, dnnl_format_tag_any),
				 r_any = plain(5, r_dims, type, dnnl_format_tag_any);
	const dnnl_memory_desc_t w_type = plain(5, w_dims, type, dnnl_ldigo),
				 r_type = plain(5, r_dims, type, dnnl_ldigo);
	const dnnl_memory_desc_t w_f32 = plain(5, w_dims, dnnl_f32, dnnl_ldigo),
				 r_f32 = plain(5, r_dims, dnnl_f32, dnnl_ldigo);
	const dnnl_memory_desc_t *hs = l->stateful ? &hidden : NULL, *cs = l->stateful ? &cell : NULL; /* NULL: zeros */
	const dnnl_prop_kind_t kind = dnnl_forward_inference;
	const dnnl_rnn_direction_t way = dnnl_unidirectional_left2right;

	dnnl_rnn_desc_t desc;
	check(lstm ? dnnl_lstm_forward_desc_init(&desc, kind, way, &x, hs, cs, &w_any, &r_any, &bias, &y, hs, cs, 0)
			: lbr
			? dnnl_lbr_gru_forward_desc_init(&desc, kind, way, &x, hs, &w_any, &r_any, &bias, &y, hs, 0)
			: gru ? dnnl_gru_forward_desc_init(&desc, kind, way, &x, hs, &w_any, &r_any, &bias, &y, hs, 0)
			      : dnnl_vanilla_rnn_forward_desc_init(&desc, kind, dnnl_eltwise_tanh, way, &x, hs, &w_any,
					&r_any, &bias, &y, hs, 0, 0, 0),
		l->cell);
	dnnl_primitive_desc_t pd;
	check(dnnl_primitive_desc_create(&pd, &desc, NULL, o->engine, NULL), l->cell);
	check(dnnl_primitive_create(&o->primitive, pd), l->cell);

	o->input = allocate(dnnl_memory_desc_get_size(&x));
	o->output = allocate(dnnl_memory_desc_get_size(&y));
	dnnl_memory_t in = memory(o, &x, o->input), out = memory(o, &y, o->output);
	add_arg(o, DNNL_ARG_SRC_LAYER, in, in);
	add_arg(o, DNNL_ARG_DST_LAYER, out, out);
	dnnl_memory_t w = weights(o, l->weights_input, &w_f32, &w_type, pd, DNNL_ARG_WEIGHTS_LAYER);
	dnnl_memory_t r = weights(o, l->weights_hidden, &r_f32, &r_type, pd, DNNL_ARG_WEIGHTS_ITER);
	void *b_copy = allocate(dnnl_memory_desc_get_size(&bias));
	memcpy(b_copy, l->bias, dnnl_memory_desc_get_size(&bias));
	dnnl_memory_t b_memory = memory(o, &bias, b_copy);
	add_arg(o, DNNL_ARG_WEIGHTS_LAYER, w, w);
	add_arg(o, DNNL_ARG_WEIGHTS_ITER, r, r);
	add_arg(o, DNNL_ARG_BIAS, b_memory, b_memory);
	if (l->stateful) {
		o->n_state = dnnl_memory_desc_get_size(&hidden);
		dnnl_memory_t h_memory[2], c_memory[2];
		for (int k = 0; k < 2; k++) {
			h_memory[k] = memory(o, &hidden, o->state[k] = allocate(o->n_state));
			c_memory[k] = memory(o, &cell, o->cell[k] = allocate(dnnl_memory_desc_get_size(&cell)));
		}
		add_arg(o, DNNL_ARG_SRC_ITER, h_memory[0], h_memory[1]);
		add_arg(o, DNNL_ARG_DST_ITER, h_memory[1], h_memory[0]);
		if (lstm) {
			add_arg(o, DNNL_ARG_SRC_ITER_C, c_memory[0], c_memory[1]);
			add_arg(o, DNNL_ARG_DST_ITER_C, c_memory[1], c_memory[0]);
		}
	}
	return o;
}

const char *onednn_version(void)
{
	static char text[64];
	const dnnl_version_t *v = dnnl_version();
	snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
	return text;
}

void onednn_set_input(Onednn *o, const float *x)
{
	const size_t n = (size_t)o->layer.length * (size_t)o->layer.batch * (size_t)o->layer.n_inputs;
	if (!o->layer.bf16) {
		memcpy(o->input, x, n * sizeof *x);
		return;
	}
	for (size_t k = 0; k < n; k++) { /* to nearest even; no NaN comes here */
		uint32_t bits;
		memcpy(&bits, &x[k], sizeof bits);
		((uint16_t *)o->input)[k] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
	}
}

void onednn_reset(Onednn *o)
{
	for (int k = 0; k < 2 && o->layer.stateful; k++) {
		memset(o->state[k], 0, o->n_state);
		memset(o->cell[k], 0, (size_t)o->layer.batch * (size_t)o->layer.n_hidden * sizeof(float));
	}
}

void onednn_run(Onednn *o)
{
	check(dnnl_primitive_execute(o->primitive, o->stream, o->n_args, o->args[o->turn]), "execute");
	check(dnnl_stream_wait(o->stream), "execute");
	o->turn ^= 1;
}

void onednn_get_output(Onednn *o, float *y)
{
	const size_t n = (size_t)o->layer.length * (size_t)o->layer.batch * (size_t)o->layer.n_hidden;
	if (!o->layer.bf16) {
		memcpy(y, o->output, n * sizeof *y);
		return;
	}
	for (size_t k = 0; k < n; k++) {
		const uint32_t bits = (uint32_t)((const uint16_t *)o->output)[k] << 16;
		memcpy(&y[k], &bits, sizeof bits);
	}
}

#endif
