/* onednn_peer.h: one recurrent layer by oneDNN's own primitives, for race.c. */
#ifndef BENCH_ONEDNN_PEER_H
#define BENCH_ONEDNN_PEER_H

#include <stdbool.h>

typedef struct {
	const char *cell; /* LSTM, GRU (linear_before_reset), ResetFirstGRU, RNN */
	bool bf16;        /* weights, input, output and h; else f32 */
	bool stateful;    /* h and c of a call go into the next one; else each starts from zeros */
	int length, batch, n_inputs, n_hidden;
	/* as oneDNN orders them: [input][gate][unit], [hidden][gate][unit], [gate or bias][unit] */
	const float *weights_input, *weights_hidden, *bias;
} OnednnLayer;

typedef struct Onednn Onednn;
/* NULL: the race was built without oneDNN.  Ends the process where oneDNN refuses. */
Onednn *onednn_new(const OnednnLayer *);
const char *onednn_version(void);
void onednn_set_input(Onednn *, const float *x); /* [length][batch][n_inputs], converted where bf16 */
void onednn_reset(Onednn *);
void onednn_run(Onednn *); /* the primitive, and nothing else */
void onednn_get_output(Onednn *, float *y);

#endif
