"""The rows of the model zoo: which model file, which inputs, which reference; and the vectors that they make.

A row is registered where its reference is:

    @row("R02", "lstm", x=seq(5))
    def lstm(w, x):
        ...
        return hs, h, c

that is: models/lstm.rnn takes x[T, 5]; for one sequence, with the parameters w, its outputs are those three. A reference is
written in float64, one sequence at a time, without masks, in the most naive way; it shares nothing with the compiler.

w("hs.i.W0", 28, 5) is the parameter of that name. Its values are drawn when the vectors are made, by the order of names, and
read from the file of vectors from then on. All values are multiples of 1/128, so that f16, f32 and f64 hold the same.
"""
import os
import zlib

import numpy as np

SEEDS = 3
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors")
ROWS = []  # in the order of registration

# Lengths of the ragged axes: three sequences, one of them of length 1. A nested axis has a list per element.
LENGTHS = {"T": [5, 1, 3], "S": [3, 4, 1], "U": [2, 4, 1]}
NESTED = [[2, 4, 1], [3, 1, 1, 2], [5]]  # of T in doc[S, T]


class Input:
    """kind: real, id (0 to bound-1), order (a permutation), bit (0 or 1), gap (positive). axes: ragged axes, outermost first; dims: the fixed ones."""

    def __init__(self, kind, axes, dims, bound=0):
        self.kind, self.axes, self.dims, self.bound = kind, axes, dims, bound
        self.integer = kind in ("id", "order")

    def draw(self, rng, lengths):
        shape = tuple(lengths) + self.dims
        if self.kind == "id":
            return rng.randint(0, self.bound, shape).astype(np.int64)
        if self.kind == "bit":
            return rng.randint(0, 2, shape).astype(np.float64)
        if self.kind == "order":
            return rng.permutation(shape[0]).astype(np.int64)
        low = 4 if self.kind == "gap" else -192
        return rng.randint(low, 193, shape) / 128.0


def seq(*dims, axis="T"):
    return Input("real", [axis], dims)


def bits(*dims, axis="T"):
    return Input("bit", [axis], dims)


def gaps(axis="T"):
    return Input("gap", [axis], ())


def ids(bound, axis="T"):
    return Input("id", [axis], (), bound)


def order(axis="S"):
    return Input("order", [axis], ())


def fixed(*dims):
    return Input("real", [], dims)


def documents(bound):
    return Input("id", ["S", "T"], (), bound)


class Row:
    def __init__(self, name, model, inputs, reference, options):
        self.name, self.model, self.inputs, self.reference = name, model, inputs, reference
        nested = any(len(spec.axes) == 2 for spec in inputs.values())
        self.lengths = dict(LENGTHS, **dict({"T": NESTED} if nested else {}, **options.pop("lengths", {})))
        self.streams = options.pop("streams", True)  # False: a result needs the future, so there is no step
        self.path = os.path.join(VECTORS, "%s.npz" % model)
        assert not options, options

    def of_sequence(self, b):
        """The lengths of sequence b: for each ragged axis one, for a nested one a list."""
        return {axis: lengths[b] for axis, lengths in self.lengths.items()}

    def ragged_axes(self):
        """The names of its ragged axes, in the order in which the inputs have them."""
        return list(dict.fromkeys(a for spec in self.inputs.values() for a in spec.axes))


def row(name, model, **inputs):
    options = {k: inputs.pop(k) for k in ("lengths", "streams") if k in inputs}

    def register(reference):
        ROWS.append(Row(name, model, inputs, reference, options))
        return reference

    return register


class Params:
    def __init__(self, rng=None, values=None):
        self.rng, self.values, self.used = rng, {} if values is None else values, set()

    def __call__(self, name, *shape, scale=None, positive=False):
        if name not in self.values:
            assert self.rng is not None, "no parameter " + name
            bound = scale if scale is not None else 1.5 / np.sqrt(shape[-1]) if len(shape) > 1 else 0.5
            top = max(1, int(128 * bound))
            low, high = (64, 192) if positive else (-top, top)
            self.values[name] = self.rng.randint(low, high + 1, shape) / 128.0
        assert self.values[name].shape == shape, (name, self.values[name].shape, shape)
        self.used.add(name)
        return self.values[name].astype(np.float64)


def draw_input(spec, rng, lengths):
    if len(spec.axes) == 2:
        return [spec.draw(rng, [n]) for n in lengths[spec.axes[1]]]
    return spec.draw(rng, [lengths[a] for a in spec.axes])


def compute(r, seed):
    """(parameters, per sequence inputs by name, per sequence list of outputs), drawn anew."""
    w = Params(rng=np.random.RandomState(zlib.crc32(("%s/%d" % (r.model, seed)).encode())))
    rng = np.random.RandomState(zlib.crc32(("%s/%d/inputs" % (r.model, seed)).encode()))
    inputs, outputs = [], []
    for b in range(len(r.lengths["T"])):
        inputs.append({k: draw_input(spec, rng, r.of_sequence(b)) for k, spec in r.inputs.items()})
        outputs.append(evaluate(r, w, inputs[b]))
    return w, inputs, outputs


def evaluate(r, w, inputs):
    out = r.reference(w, **inputs)
    return [np.asarray(y) for y in (out if isinstance(out, tuple) else (out,))]


# ------------------------------------------------------------------------------------------------------------- files
#
# MODEL.npz: "w/NAME" [seed, ...]; "in/NAME/B" and "out/K/B" [seed, ...] of sequence B, nested ones "in/NAME/B/S".


def flatten(r, w, inputs, outputs):
    arrays = {"w/" + k: v for k, v in sorted(w.values.items())}
    for b, (x, y) in enumerate(zip(inputs, outputs)):
        for k, v in x.items():
            if isinstance(v, list):
                arrays.update({"in/%s/%d/%d" % (k, b, s): part for s, part in enumerate(v)})
            else:
                arrays["in/%s/%d" % (k, b)] = v
        arrays.update({"out/%d/%d" % (k, b): v for k, v in enumerate(y)})
    return arrays


def make(r):
    """The arrays of the row's file."""
    per_seed = [flatten(r, *compute(r, seed)) for seed in range(SEEDS)]
    arrays = {}
    for key in per_seed[0]:
        parts = [p[key] for p in per_seed]
        if len({v.shape for v in parts}) > 1:  # words that a decoder chose: -1 after the last
            longest = max(len(v) for v in parts)
            parts = [np.pad(v, (0, longest - len(v)), constant_values=-1) for v in parts]
        a = np.stack(parts)
        if a.dtype.kind == "i":
            a = a.astype(np.int16)
        elif not key.startswith("out/"):
            assert (a == a.astype(np.float16)).all(), key
            a = a.astype(np.float16)
        arrays[key] = a
    return arrays


class Vectors:
    """One seed of a row's file: weights by name, inputs[b] by name, outputs[b] in order."""

    def __init__(self, r, seed, arrays=None):
        if arrays is None:
            with np.load(r.path) as f:
                arrays = {k: f[k] for k in f.files}
        self.weights, n = {}, len(r.lengths["T"])
        self.inputs, self.outputs = [{} for _ in range(n)], [[] for _ in range(n)]
        for key, a in arrays.items():
            kind, rest = key.split("/", 1)
            v = a[seed].astype(np.int64 if a.dtype.kind == "i" else np.float64)
            if kind == "w":
                self.weights[rest] = v
                continue
            name, *place = rest.split("/")
            b = int(place[0])
            if kind == "out":
                self.outputs[b].append(v[v >= 0] if v.dtype.kind == "i" else v)
            elif len(place) == 2:
                self.inputs[b].setdefault(name, []).append(v)
            else:
                self.inputs[b][name] = v
