#!/usr/bin/env python3
"""Makes, or checks, the vectors of the rows: what the references compute on small random models.

    tests/rows/make_vectors.py            writes vectors/MODEL.npz; deterministic, needs NumPy only
    tests/rows/make_vectors.py --check    nothing is written: the files must hold what the references compute
"""
import sys

import numpy as np

import references
from table import make


def differs(r, arrays):
    """Why the file does not hold these arrays, or None."""
    try:
        with np.load(r.path) as f:
            stored = {k: f[k] for k in f.files}
    except OSError:
        return "is not there"
    if sorted(stored) != sorted(arrays):
        return "has other arrays: " + " ".join(sorted(set(stored) ^ set(arrays)))
    for key, a in arrays.items():
        b = stored[key]
        if a.shape != b.shape or a.dtype != b.dtype or not np.allclose(a, b, rtol=1e-13, atol=1e-13):
            return "differs at " + key
    return None


def main():
    bad = 0
    for r in references.ROWS:
        arrays = make(r)
        if "--check" in sys.argv:
            why = differs(r, arrays)
            bad += why is not None
            print("%s %s %s%s" % ("FAIL" if why else "PASS", r.name, r.model, ": the file " + why if why else ""))
        elif differs(r, arrays):
            np.savez_compressed(r.path, **arrays)
    if "--check" in sys.argv:
        print("%d passed, %d failed" % (len(references.ROWS) - bad, bad))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
