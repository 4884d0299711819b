#!/usr/bin/env python3
"""minimax.py: the polynomials of codegen/vocab, fitted.

    python3 scripts/minimax.py            prints the coefficients of every polynomial, lowest power first, and its error
    python3 scripts/minimax.py --check    fails if one of them is not in the templates

Each is a minimax fit on a grid of Chebyshev points, in float64, of a function known to 40 digits: it makes the largest
weighted error |weight(x) (sum c_j x^p_j - f(x))| least, by iterated least squares (Lawson 1961). The coefficients are
then rounded to float32 one after the other, the most important (lowest power) first, and the others fitted again, so
that they make up for the rounding.
Printed errors are those of the rounded polynomial in exact arithmetic, relative to the function that it serves.
Needs NumPy and mpmath (Debian: python3-numpy, python3-mpmath).
"""
import pathlib
import re
import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 40
LN2 = mp.log(2)
SCALE = mp.mpf("1.78558826")  # e^r is multiplied by it, since a table has 2^(i/8) divided by it: codegen/vocab/exp.c.in

# name, domain, powers of x, target (the polynomial's value), weight (relative error of the function served).
POLYNOMIALS = [
    ("exp", 0.3468, [0, 1, 2, 3, 4], lambda r: (mp.expm1(r) - r) / r**2, lambda r: r**2 / mp.exp(r), True),
    ("eighth", 0.0434, [0, 1], lambda r: SCALE * (mp.expm1(r) - r) / r**2, lambda r: r**2 / mp.exp(r) / SCALE, True),
    ("expm1", 0.1734, [0, 1, 2, 3, 4], lambda r: (mp.expm1(2 * r) / 2 - r) / r**2, lambda r: 2 * r**2 / mp.expm1(2 * r), True),
    ("log", (mp.sqrt(0.5) - 1, mp.sqrt(2) - 1), [0, 1, 2, 3, 4, 5, 6, 7, 8],
     lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3, lambda f: f**3 / mp.log1p(f), True),
    ("log1p", (0, mp.mpf(1) / 3), [0, 2, 4, 6, 8], lambda s: (2 * mp.atanh(s) - 2 * s) / s**3,
     lambda s: s**3 / mp.atanh(s) / 2, False),
    ("sin", (0, mp.pi / 4), [0, 2, 4], lambda x: (mp.sin(x) - x) / x**3, lambda x: x**3 / mp.sin(x), False),
    ("cos", (0, mp.pi / 4), [0, 2, 4], lambda x: (mp.cos(x) - 1 + x**2 / 2) / x**4, lambda x: x**4 / mp.cos(x), False),
    ("atan", (0, 1), list(range(0, 18, 2)), lambda x: (mp.atan(x) - x) / x**3, lambda x: x**3 / mp.atan(x), False),
    ("asin", (0, 0.5), list(range(0, 10, 2)), lambda x: (mp.asin(x) - x) / x**3, lambda x: x**3 / mp.asin(x), False),
    ("sinh", (0, 1), [0, 2, 4, 6], lambda x: (mp.sinh(x) - x) / x**3, lambda x: x**3 / mp.sinh(x), False),
    ("erf", (0, 0.92), [0, 2, 4, 6, 8, 10], lambda x: (mp.erf(x) / x - 1), lambda x: x / mp.erf(x), False),
    ("erfc", (0.9, 4.0), list(range(0, 8)), lambda x: mp.log(mp.erfc(x)) / x,
     lambda x: mp.erfc(x) * x / mp.erf(x), False),
]


def grid(lo, hi, n=400):
    k = np.arange(n)
    x = (lo + hi) / 2 + (hi - lo) / 2 * np.cos(np.pi * (k + 0.5) / n)
    return np.sort(x)


def minimax(basis, target, weight):
    """The coefficients c that make max |weight (basis c - target)| least: Lawson's iteration of least squares."""
    a = basis * weight[:, None]
    scale = np.sqrt((a * a).sum(0))
    a, f = a / scale, weight * target
    importance = np.full(len(f), 1 / len(f))
    best, best_error = None, np.inf
    for _ in range(150):
        root = np.sqrt(importance)
        c = np.linalg.lstsq(a * root[:, None], f * root, rcond=None)[0]
        error = np.abs(a @ c - f)
        if error.max() < best_error:
            best, best_error = c, error.max()
        importance = importance * (error + 1e-3 * error.max())
        importance /= importance.sum()
    return best / scale


def fit(domain, powers, target, weight, symmetric):
    lo, hi = (-domain, domain) if symmetric and not isinstance(domain, tuple) else domain
    lo, hi = float(lo), float(hi)
    x = grid(lo, hi)
    exact = [mp.mpf(float(v)) for v in x]
    f = np.array([float(target(v)) for v in exact])
    w = np.abs(np.array([float(weight(v)) for v in exact]))
    basis = np.stack([x**p for p in powers], 1)
    rounded = np.zeros(0)
    for i in range(len(powers)):
        c = minimax(basis[:, i:], f - basis[:, :i] @ rounded, w)
        rounded = np.append(rounded, float(np.float32(c[0])))
    return rounded, np.abs(w * (basis @ rounded - f)).max()


def main():
    templates = "".join(p.read_text() for p in
                        (pathlib.Path(__file__).parent.parent / "codegen" / "vocab").glob("*.c.in"))
    numbers = set(re.findall(r"\d+\.\d+(?:e[-+]\d+)?f", templates))  # e^-r has other signs than e^r
    missing = 0
    for name, domain, powers, target, weight, symmetric in POLYNOMIALS:
        c, error = fit(domain, powers, target, weight, symmetric)
        text = ["%sf" % (t if "." in t else t.replace("e", ".0e") if "e" in t else t + ".0")
                for t in ("%.9g" % v for v in c)]
        absent = [t for t in text if t.lstrip("-") not in numbers]
        missing += len(absent)
        print("%-6s error 2^%.1f  %s" % (name, np.log2(error), " ".join(text)))
        if "--check" in sys.argv and absent:
            print("       not in codegen/vocab: " + " ".join(absent))
    if "--check" in sys.argv:
        sys.exit(missing != 0)


main()
