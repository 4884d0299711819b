#!/usr/bin/env python3
"""random_reference.py: the numbers of tests/unit/test_random.c, by another implementation.

Philox4x32-10 from the paper (Salmon et al., SC 2011), on Python's integers; the normal distribution's inverse from Python's
own statistics module, which has libm's logarithm; linear algebra by NumPy.  These agree to some digits.  The tables named
..._bits must agree to the last bit: the same operations in the same order, on Python's floats, one by one.  Prints C tables.
"""
import hashlib
import math
import re
import statistics

import numpy as np

M32 = 0xFFFFFFFF


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & M32, (p0 >> 32) ^ c[3] ^ k[1], p0 & M32]
        k = [(k[0] + 0x9E3779B9) & M32, (k[1] + 0xBB67AE85) & M32]
    return c


def uniform(seed, name, i):
    digest = hashlib.sha256(name.encode()).hexdigest()
    stream = [int(digest[:8], 16), int(digest[8:16], 16)]
    block = philox([(i // 2) & M32, (i // 2) >> 32] + stream, [seed & M32, seed >> 32])
    low, high = block[i % 2 * 2 : i % 2 * 2 + 2]
    return ((high << 32 | low) >> 12) / 2**52 + 2**-53


def uniforms(seed, name, shape):
    return np.array([uniform(seed, name, i) for i in range(int(np.prod(shape)))]).reshape(shape)


def normals(seed, name, shape):
    inverse = statistics.NormalDist().inv_cdf
    return np.array([inverse(u) for u in uniforms(seed, name, shape).ravel()]).reshape(shape)


def orthogonal(seed, name, rows, columns):
    """Q of the QR decomposition with a positive diagonal of R, of the transpose where that is higher than wide."""
    n, length = min(rows, columns), max(rows, columns)
    q, r = np.linalg.qr(normals(seed, name, (n, length)).T)
    q = q * np.sign(np.diag(r))
    return q if rows > columns else q.T


def spectral_radius(a):
    return np.abs(np.linalg.eigvals(a)).max()


# ---- to the last bit


def logarithm_bits(x):
    m, e = math.frexp(x)
    if m < 0.70710678118654752:
        m, e = 2 * m, e - 1
    s = (m - 1) / (m + 1)
    z, total = s * s, 0.0
    for k in range(25, 2, -2):
        total = (total + 1.0 / k) * z
    return e * float.fromhex("0x1.62e42fefa3800p-1") + (e * float.fromhex("0x1.ef35793c76730p-45") + 2 * (s + s * total))


# the coefficients as Python's library spells them
SOURCE = open(statistics.__file__, encoding="utf-8").read().split("def _normal_dist_inv_cdf")[1]
COEFFICIENTS = [float(c) for c in re.findall(r"[+(](\d\.[\d_]+(?:e[+-]\d+)?)", SOURCE.replace(" ", "").replace("\n", ""))][:48]


def normal_bits(u):
    def ratio(k, r, factor=1.0):
        sums = []
        for part in (COEFFICIENTS[16 * k : 16 * k + 8], COEFFICIENTS[16 * k + 8 : 16 * k + 16]):
            y = part[0]
            for c in part[1:]:
                y = y * r + c
            sums.append(y)
        return factor * sums[0] / sums[1]

    q = u - 0.5
    if abs(q) <= 0.425:
        return ratio(0, 0.180625 - q * q, q)
    r = math.sqrt(-logarithm_bits(min(u, 1 - u)))
    return math.copysign(ratio(1, r - 1.6) if r <= 5 else ratio(2, r - 5), q)


def dot_bits(a, b):
    sums, whole = [0.0] * 4, len(a) // 4 * 4
    for i in range(len(a)):
        sums[i % 4 if i < whole else 0] += float(a[i]) * float(b[i])
    return (sums[0] + sums[1]) + (sums[2] + sums[3])


def orthonormal_bits(seed, name, n, length):
    rows = [[normal_bits(u) for u in row] for row in uniforms(seed, name, (n, length))]
    for i, row in enumerate(rows):
        for _ in range(2):
            for other in rows[:i]:
                factor = -dot_bits(row, other)
                row[:] = [x + factor * y for x, y in zip(row, other)]
        inverse = 1 / math.sqrt(dot_bits(row, row))
        row[:] = [x * inverse for x in row]
    return rows


def spectral_bits(a):
    a, n, norms = [float(x) for x in a.ravel()], len(a), []
    for k in range(25):
        norms.append(math.sqrt(dot_bits(a, a)))
        inverse = 1 / norms[k]
        a = [x * inverse for x in a]
        square = [0.0] * (n * n)
        for i in range(n):
            for j in range(n):
                for c in range(n):
                    square[i * n + c] += a[i * n + j] * a[j * n + c]
        a = square
    radius = norms[24]
    for norm in reversed(norms[:24]):
        radius = norm * math.sqrt(radius)
    return radius


# ----


def table(name, values):
    print(f"static const double {name}[] = {{" + ", ".join(float(v).hex() for v in np.ravel(values)) + "};")


def main():
    table("uniform_expected", [uniform(seed, name, i) for seed, name, i in [
        (0, "w", 0), (0, "w", 1), (0, "w", 2), (1, "w", 0), (1 << 32, "w", 0), (0, "v", 0), (2**63 - 1, "cell.W0:0", 10**12)]])
    p = [2**-53, 1e-15, 1e-12, 1e-6, 0.01, 0.0749, 0.0751, 0.3, 0.5 - 2**-30, 0.5, 0.7, 0.99, 1 - 1e-9, 1 - 2**-53]
    table("quantile_at", p)
    table("quantile_expected", [statistics.NormalDist().inv_cdf(x) for x in p])
    assert len(COEFFICIENTS) == 48
    table("quantile_bits", [normal_bits(x) for x in p])
    table("glorot_expected", (2 * uniforms(7, "a:0", (4, 2)) - 1).astype(np.float64) * np.sqrt(6 / 6))
    table("wide_expected", orthogonal(7, "q:0", 2, 3))
    table("wide_bits", orthonormal_bits(7, "q:0", 2, 3))
    table("long_bits", orthonormal_bits(7, "q:0", 1, 7))
    table("high_expected", orthogonal(7, "q:0", 3, 2))
    kept = uniforms(7, "s:1", (5, 5)) < 0.6
    a = np.where(kept, 2 * uniforms(7, "s:0", (5, 5)) - 1, 0)
    table("reservoir_expected", a * 0.9 / spectral_radius(a))
    table("reservoir_bits", a * (0.9 / spectral_bits(a)))


if __name__ == "__main__":
    main()
