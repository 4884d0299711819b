/* spatial.h: windows that slide over the spatial dims of [N, C, spatial..]: convolution and pooling (spatial.c). */
#ifndef FRONTEND_ONNX_SPATIAL_H
#define FRONTEND_ONNX_SPATIAL_H

#include "frontend/onnx/compose.h"

enum { MAX_SPATIAL = 16 };

/* A window per spatial dim. */
typedef struct {
	int n;
	int64_t kernel[MAX_SPATIAL], stride[MAX_SPATIAL], dilation[MAX_SPATIAL];
	const Dim *lo[MAX_SPATIAL], *hi[MAX_SPATIAL]; /* padding */
	/* The result's size where ceil_mode makes it larger; the windows then reach over the padding by `over`. */
	const Dim *size[MAX_SPATIAL], *over[MAX_SPATIAL];
} Spatial;

/* How many spatial dims a value has; fails by name where there are not even N and C, or too many. */
int spatial_rank(const Node *, const Val *x, const char *what);
/* `count` integers of an attribute, each in [lo, INT32_MAX]; NULL when absent. */
const int64_t *spatial_ints(const Node *, const char *attr, int count, int64_t lo);
/* kernel_shape, strides and dilations.  A kernel that the weights tell, else NULL, must agree with kernel_shape. */
void spatial_kernel(const Node *, Spatial *, int n, Dims weights);
/* pads, auto_pad and ceil_mode, for spatial dims of these sizes. */
void spatial_pads(const Node *, Spatial *, Dims sizes);
typedef enum { PAD_NOTSET, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_VALID } AutoPad;
AutoPad spatial_auto_pad(const Node *);
/* x with its spatial dims, from `first` on, padded; and the same without what ceil_mode reaches over. */
const Val *spatial_pad(Ctx *, const Spatial *, const Val *x, int first, const Val *value);
const Val *spatial_pad_plain(Ctx *, const Spatial *, const Val *x, int first, const Val *value);
/* The windows of a padded x.  Each spatial dim becomes the window's number, a last dim the place in it; the letters say
 * which are there: a dim of one window, or of windows of one place, is left out.  `letters` describes all dims of the
 * result, and comes with those before the spatial ones filled in. */
#define SPATIAL_NUMBERS "ABCDEFGHIJKLMNOP"
#define SPATIAL_PLACES "abdefhijklopqrst" /* without c, g, m, n */
const Val *spatial_windows(Ctx *, const Spatial *, const Val *x, char letters[64]);
/* The sizes of the result's spatial dims for those of an input. */
void spatial_sizes(Ctx *, const Spatial *, Dims sizes, const Dim **out);

#endif
