/* hand_peer.c: a recurrent layer as we would write it by hand, with AVX-512 intrinsics, for one size: what rnncc's C is held
 * against.  layer_peer.h says how it is compiled and called.
 *
 * The sums of all gates of a tile, two blocks of 16 units (RNN: four), stay in registers while the input and the old state go
 * by; a panel holds a tile's weights in the order in which they are read.  Every second step takes the tiles from the last to
 * the first: what the cache still holds of the step before comes first.  Of a sequence, the products with the inputs are made
 * before, six steps at a time.
 */
#include "layer_peer.h"

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* What is summed for a unit: the gates as ONNX orders them, of a GRU the candidate's products with x and with h apart. */
#if defined LSTM
enum { IN, OUT, FORGET, CELL, N_GATES, N_SUMS = N_GATES, WIDEST = 2 };
#elif defined GRU
enum { UPDATE, RESET, NEW, N_GATES, NEW_H = N_GATES, N_SUMS, WIDEST = 2 };
#else
enum { NEW, N_GATES, N_SUMS = N_GATES, WIDEST = 4 };
#endif
enum {
	LANES = 16,
	N_BLOCKS = HIDDEN / LANES,
	WIDTH = N_BLOCKS % WIDEST == 0 ? WIDEST
		: N_BLOCKS % 2         ? 1
				       : 2, /* blocks of a tile */
	N_TILES = N_BLOCKS / WIDTH,
	ROW = WIDTH * N_GATES * LANES, /* a panel's floats for one input */
	STEPS_AT_ONCE = 6
};
_Static_assert(HIDDEN % LANES == 0, "whole vectors only");

#define ALIGNED __attribute__((aligned(64)))
static ALIGNED float x_panel[N_TILES][INPUTS][ROW], h_panel[N_TILES][HIDDEN][ROW];
static ALIGNED float bias[N_BLOCKS][N_SUMS][LANES], state[2][HIDDEN], cell[HIDDEN];
static ALIGNED float projected[LENGTH][N_BLOCKS][N_GATES][LANES]; /* of a sequence */
static bool turn;

static float *weight(float *panel, int gate, int unit)
{
	return panel + ((unit / LANES % WIDTH) * N_GATES + gate) * LANES + unit % LANES;
}

void layer_pack(const float *w, const float *r, const float *b)
{
	const int tile = WIDTH * LANES;
	for (int g = 0; g < N_GATES; g++)
		for (int u = 0; u < HIDDEN; u++) {
			const int row = g * HIDDEN + u;
			for (int k = 0; k < INPUTS; k++) *weight(x_panel[u / tile][k], g, u) = w[row * INPUTS + k];
			for (int k = 0; k < HIDDEN; k++) *weight(h_panel[u / tile][k], g, u) = r[row * HIDDEN + k];
			float *sums = &bias[u / LANES][0][u % LANES];
			sums[g * LANES] = b[row];
			const bool apart = N_SUMS > N_GATES && g == N_GATES - 1;
			sums[(apart ? N_SUMS - 1 : g) * LANES] += b[N_GATES * HIDDEN + row];
		}
}

void layer_reset(void)
{
	memset(state, 0, sizeof state);
	memset(cell, 0, sizeof cell);
}

/* Rational, within 2e-7 on the whole line. */
INLINE __m512 tanh_of(__m512 x)
{
	static const float top[] = {-2.76076847742355e-16f, 2.00018790482477e-13f, -8.60467152213735e-11f,
		5.12229709037114e-08f, 1.48572235717979e-05f, 6.37261928875436e-04f, 4.89352455891786e-03f};
	static const float bottom[] = {
		1.19825839466702e-06f, 1.18534705686654e-04f, 2.26843463243900e-03f, 4.89352518554385e-03f};
	const __m512 limit = _mm512_set1_ps(7.90531110763549805f);
	x = _mm512_min_ps(_mm512_max_ps(x, -limit), limit);
	const __m512 x2 = x * x;
	__m512 p = _mm512_set1_ps(top[0]), q = _mm512_set1_ps(bottom[0]);
	UNROLL for (int i = 1; i < 7; i++) p = _mm512_fmadd_ps(p, x2, _mm512_set1_ps(top[i]));
	UNROLL for (int i = 1; i < 4; i++) q = _mm512_fmadd_ps(q, x2, _mm512_set1_ps(bottom[i]));
	return p * x / q;
}

INLINE __m512 sigmoid(__m512 x)
{
	const __m512 half = _mm512_set1_ps(0.5f);
	return _mm512_fmadd_ps(tanh_of(half * x), half, half);
}

/* sum += weights of n inputs, of which `width` blocks are wanted, times the inputs of some steps. */
INLINE void add_products(const int n_steps, const int width, const int candidate, __m512 sum[][WIDTH][N_SUMS],
	const float *weights, const float *x, const int n)
{
#pragma GCC unroll 2
	for (int k = 0; k < n; k++, weights += ROW) {
		__m512 a[STEPS_AT_ONCE];
		UNROLL for (int s = 0; s < n_steps; s++) a[s] = _mm512_set1_ps(x[s * n + k]);
		UNROLL for (int j = 0; j < width; j++) UNROLL for (int g = 0; g < N_GATES; g++)
		{
			const __m512 w = _mm512_load_ps(weights + (j * N_GATES + g) * LANES);
			const int at = g == N_GATES - 1 ? candidate : g;
			UNROLL for (int s = 0; s < n_steps; s++) sum[s][j][at] =
				_mm512_fmadd_ps(a[s], w, sum[s][j][at]);
		}
	}
}

/* The states of 16 units from their sums. */
INLINE void finish(const __m512 *sum, int unit, const float *h, float *h_new, float *y)
{
#if defined LSTM
	const __m512 old = sigmoid(sum[FORGET]) * _mm512_load_ps(cell + unit);
	const __m512 c = _mm512_fmadd_ps(sigmoid(sum[IN]), tanh_of(sum[CELL]), old);
	_mm512_store_ps(cell + unit, c);
	const __m512 new = sigmoid(sum[OUT]) * tanh_of(c);
#elif defined GRU
	const __m512 n = tanh_of(_mm512_fmadd_ps(sigmoid(sum[RESET]), sum[NEW_H], sum[NEW]));
	const __m512 new = _mm512_fmadd_ps(sigmoid(sum[UPDATE]), _mm512_load_ps(h + unit) - n, n);
#else
	const __m512 new = tanh_of(sum[NEW]);
#endif
	(void)h;
	_mm512_store_ps(h_new + unit, new);
	_mm512_store_ps(y + unit, new);
}

INLINE void run_tile(int t, const float *x, float (*before)[N_GATES][LANES], const float *h, float *h_new, float *y)
{
	__m512 sum[1][WIDTH][N_SUMS];
	UNROLL for (int j = 0; j < WIDTH; j++)
	{
		const int block = t * WIDTH + j;
		UNROLL for (int s = 0; s < N_SUMS; s++) sum[0][j][s] = _mm512_load_ps(bias[block][s]);
		UNROLL for (int g = 0; before && g < N_GATES; g++) sum[0][j][g] = _mm512_load_ps(before[block][g]);
	}
	if (!before) add_products(1, WIDTH, N_GATES - 1, sum, x_panel[t][0], x, INPUTS);
	add_products(1, WIDTH, N_SUMS - 1, sum, h_panel[t][0], h, HIDDEN);
	UNROLL for (int j = 0; j < WIDTH; j++) finish(sum[0][j], (t * WIDTH + j) * LANES, h, h_new, y);
}

/* x, or the products with it, which were made before. */
INLINE void run_step(const float *x, float (*before)[N_GATES][LANES], float *y)
{
	const float *h = state[turn];
	float *h_new = state[turn ^= 1];
	if (turn)
		for (int t = 0; t < N_TILES; t++) run_tile(t, x, before, h, h_new, y);
	else
		for (int t = N_TILES - 1; t >= 0; t--) run_tile(t, x, before, h, h_new, y);
}

INLINE void project(const int n_steps, const float *x, int block, int first)
{
	__m512 sum[STEPS_AT_ONCE][WIDTH][N_SUMS];
	UNROLL for (int s = 0; s < n_steps; s++) UNROLL for (int g = 0; g < N_GATES; g++) sum[s][0][g] =
		_mm512_load_ps(bias[block][g]);
	const float *panel = x_panel[block / WIDTH][0] + block % WIDTH * N_GATES * LANES;
	add_products(n_steps, 1, N_GATES - 1, sum, panel, x + first * INPUTS, INPUTS);
	UNROLL for (int s = 0; s < n_steps; s++) UNROLL for (int g = 0; g < N_GATES; g++)
		_mm512_store_ps(projected[first + s][block][g], sum[s][0][g]);
}

void layer_run(const float *x, float *y)
{
	if (!STATEFUL) layer_reset();
	if (LENGTH == 1) {
		run_step(x, NULL, y);
		return;
	}
	for (int j = 0; j < N_BLOCKS; j++) {
		int t = 0;
		for (; t + STEPS_AT_ONCE <= LENGTH; t += STEPS_AT_ONCE) project(STEPS_AT_ONCE, x, j, t);
		for (; t < LENGTH; t++) project(1, x, j, t);
	}
	for (int t = 0; t < LENGTH; t++) run_step(x, projected[t], y + t * HIDDEN);
}
