/* layer_peer.h: one recurrent layer of a fixed size as a shared library of its own, for race.c.
 *
 * Compiled for one case: LSTM, GRU (linear_before_reset) or RNN defined, HIDDEN, INPUTS and LENGTH numbers, STATEFUL 0 or 1.
 */
#ifndef BENCH_LAYER_PEER_H
#define BENCH_LAYER_PEER_H

#ifdef __cplusplus
extern "C" {
#endif

/* Once, before all others: ONNX's W [gate][unit][input], R [gate][unit][hidden unit] and B [2][gate][unit]. */
void layer_pack(const float *w, const float *r, const float *b);
void layer_reset(void);
/* x[LENGTH][INPUTS] to y[LENGTH][HIDDEN], both at multiples of 64 bytes; states go on from the last call where STATEFUL, else
 * they start from zero. */
void layer_run(const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
