/* matrix.c: what initialisers need of linear algebra, in an order of operations that is the same everywhere.
 *
 * orthonormalise: Gram and Schmidt's procedure, each row twice against those before it, which leaves them orthogonal to the
 * last bits (Giraud, Langou, Rozloznik and van den Eshof, 2005).  Of normal random rows it makes the Q of a QR decomposition
 * whose R has a positive diagonal: evenly distributed over all orthogonal matrices (Mezzadri 2007).
 *
 * spectral_radius: Gelfand's formula, rho(A) = lim |A^m|^(1/m), by repeated squaring: A = s0 A0, A0^2 = s1 A1, ... with
 * norms of 1, gives rho = s0 sqrt(s1 sqrt(s2 ...)).  Complex pairs need no special case, and what is neglected after k
 * squarings, a bounded factor, is under a root of 2^k.
 */
#include "frontend/weights/weights.h"

#include <math.h>
#include <string.h>

/* Four sums side by side: fast without leave to reorder. */
static double dot(const double *a, const double *b, int64_t n)
{
	double sum[4] = {0};
	int64_t i = 0;
	for (; i + 4 <= n; i += 4)
		for (int k = 0; k < 4; k++) sum[k] += a[i + k] * b[i + k];
	for (; i < n; i++) sum[0] += a[i] * b[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void add_scaled(double *a, double factor, const double *b, int64_t n)
{
	for (int64_t i = 0; i < n; i++) a[i] += factor * b[i];
}

static void scale(double *a, double factor, int64_t n)
{
	for (int64_t i = 0; i < n; i++) a[i] *= factor;
}

bool orthonormalise(double *rows, int64_t n, int64_t length)
{
	for (int64_t i = 0; i < n; i++) {
		double *row = rows + i * length;
		const double before = sqrt(dot(row, row, length));
		for (int pass = 0; pass < 2; pass++)
			for (int64_t j = 0; j < i; j++)
				add_scaled(row, -dot(row, rows + j * length, length), rows + j * length, length);
		const double norm = sqrt(dot(row, row, length));
		if (!(norm > 1e-12 * before)) return false;
		scale(row, 1 / norm, length);
	}
	return true;
}

static void multiply(double *c, const double *a, const double *b, int64_t n)
{
	memset(c, 0, sizeof *c * (size_t)(n * n));
	for (int64_t i = 0; i < n; i++)
		for (int64_t k = 0; k < n; k++)
			if (a[i * n + k] != 0) add_scaled(c + i * n, a[i * n + k], b + k * n, n);
}

double spectral_radius(double *a, double *work, int64_t n)
{
	enum { SQUARINGS = 24 };
	double norms[SQUARINGS + 1];
	for (int k = 0;; k++) {
		norms[k] = sqrt(dot(a, a, n * n));
		if (!(norms[k] > 0)) return 0; /* a power is zero: so are all eigenvalues */
		if (k == SQUARINGS) break;
		scale(a, 1 / norms[k], n * n);
		multiply(work, a, a, n);
		double *swap = a;
		a = work;
		work = swap;
	}
	double radius = norms[SQUARINGS];
	for (int k = SQUARINGS - 1; k >= 0; k--) radius = norms[k] * sqrt(radius);
	return radius;
}
