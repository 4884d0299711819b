#!/usr/bin/env python3
"""make_vectors.py: weights as PyTorch and Keras lay them out, and what those networks compute.

    make_vectors.py FOLDER [NAME...]       writes NAME.npz or NAME.safetensors (weights) and NAME.io.npz (x, lengths, y)

torch_*: torch.nn modules of random weights, state_dict and output (Debian's python3-torch).  keras_*: Keras is not needed:
its documented equations in NumPy, float64, with the names and shapes of its `weights`:
    LSTM        z = x kernel + h recurrent_kernel + bias, split into i f c o
    GRU         split into z r h; reset_after: candidate tanh(x K_h + b0_h + r (h R_h + b1_h)), else tanh(x K_h + (r h) R_h + b_h)
    SimpleRNN   tanh(x kernel + h recurrent_kernel + bias)
Sequences of several lengths; y is 0 behind their ends.
"""
import json
import struct
import sys

import numpy as np

LENGTHS, I, H = [5, 1, 3], 5, 7
MAKERS = {}


def maker(f):
    MAKERS[f.__name__] = f
    return f


def inputs(seed):
    return np.random.default_rng(seed).standard_normal((len(LENGTHS), max(LENGTHS), I)).astype(np.float32)


# ---- PyTorch


class Torch:
    """Runs modules on each sequence alone."""

    def __init__(self, seed):
        import torch

        self.torch = torch
        torch.manual_seed(seed)

    def each(self, x, run):
        rows = []
        with self.torch.no_grad():
            for b, n in enumerate(LENGTHS):
                y = run(self.torch.tensor(x[b : b + 1, :n]))[0].numpy()
                rows.append(np.pad(y, ((0, max(LENGTHS) - n), (0, 0))))
        return np.stack(rows)


def state(*modules):
    weights = {}
    for prefix, module in modules:
        for k, v in module.state_dict().items():
            weights[prefix + k] = v.numpy()
    return weights


@maker
def torch_lstm():
    t, x = Torch(1), inputs(1)
    rnn = t.torch.nn.LSTM(I, H, batch_first=True)
    return state(("", rnn)), x, t.each(x, lambda s: rnn(s)[0])


@maker
def torch_gru():
    """Two layers in both directions, a Linear over both."""
    t, x = Torch(2), inputs(2)
    rnn = t.torch.nn.GRU(I, H, 2, batch_first=True, bidirectional=True)
    fc = t.torch.nn.Linear(2 * H, 3)
    return state(("rnn.", rnn), ("fc.", fc)), x, t.each(x, lambda s: fc(rnn(s)[0]))


@maker
def torch_rnn():
    """Two modules, which only their names tell apart; LayerNorm between."""
    t, x = Torch(3), inputs(3)
    first, second = t.torch.nn.RNN(I, H, batch_first=True), t.torch.nn.RNN(H, H, batch_first=True)
    norm = t.torch.nn.LayerNorm(H)
    t.torch.nn.init.normal_(norm.weight)
    t.torch.nn.init.normal_(norm.bias)
    weights = state(("second.", second), ("norm.", norm), ("first.", first))
    return weights, x, t.each(x, lambda s: second(norm(first(s)[0]))[0])


# ---- Keras


def sigm(a):
    return 1 / (1 + np.exp(-a))


def keras_weights(rng, path, n_in, units, gates, bias):
    shapes = {"kernel": (n_in, gates * units), "recurrent_kernel": (units, gates * units), "bias": bias}
    return {f"{path}/{k}:0": rng.standard_normal(v).astype(np.float32) / 2 for k, v in shapes.items()}


def parts(w, path):
    return [w[f"{path}/{k}:0"].astype(np.float64) for k in ("kernel", "recurrent_kernel", "bias")]


def scan(x, w, path, step, state, backward=False):
    rows = []
    for t in reversed(range(len(x))) if backward else range(len(x)):
        state = step(x[t], state, *parts(w, path))
        rows.append(state[0])
    return np.stack(rows[::-1] if backward else rows)


def lstm_step(x, state, kernel, recurrent, bias):
    h, c = state
    i, f, n, o = np.split(x @ kernel + h @ recurrent + bias, 4)
    c = sigm(f) * c + sigm(i) * np.tanh(n)
    return sigm(o) * np.tanh(c), c


def gru_step(x, state, kernel, recurrent, bias):
    (h,) = state
    if bias.ndim == 2:
        xz, xr, xh = np.split(x @ kernel + bias[0], 3)
        hz, hr, hh = np.split(h @ recurrent + bias[1], 3)
        z, r = sigm(xz + hz), sigm(xr + hr)
        n = np.tanh(xh + r * hh)
    else:
        xz, xr, xh = np.split(x @ kernel + bias, 3)
        rz, rr, rh = np.split(recurrent, 3, axis=1)
        z, r = sigm(xz + h @ rz), sigm(xr + h @ rr)
        n = np.tanh(xh + (r * h) @ rh)
    return (z * h + (1 - z) * n,)


def rnn_step(x, state, kernel, recurrent, bias):
    return (np.tanh(x @ kernel + state[0] @ recurrent + bias),)


def each(x, run):
    rows = []
    for b, n in enumerate(LENGTHS):
        y = run(x[b, :n].astype(np.float64))
        rows.append(np.pad(y, ((0, max(LENGTHS) - n), (0, 0))))
    return np.stack(rows)


@maker
def keras_lstm():
    """Bidirectional, and a Dense over both."""
    rng, x = np.random.default_rng(4), inputs(4)
    paths = [f"bidirectional/{way}_lstm/lstm_cell" for way in ("forward", "backward")]
    w = {}
    for path in paths:
        w.update(keras_weights(rng, path, I, H, 4, (4 * H,)))
    w["dense/kernel:0"] = rng.standard_normal((2 * H, 3)).astype(np.float32)
    w["dense/bias:0"] = rng.standard_normal(3).astype(np.float32)

    def run(s):
        zero = (np.zeros(H), np.zeros(H))
        both = [scan(s, w, path, lstm_step, zero, k == 1) for k, path in enumerate(paths)]
        return np.concatenate(both, axis=1) @ w["dense/kernel:0"] + w["dense/bias:0"]

    return w, x, each(x, run)


@maker
def keras_gru():
    """reset_after; two of them, numbered as Keras does."""
    rng, x = np.random.default_rng(5), inputs(5)
    w = keras_weights(rng, "gru_1/gru_cell_1", H, H, 3, (2, 3 * H))
    w.update(keras_weights(rng, "gru/gru_cell", I, H, 3, (2, 3 * H)))

    def run(s):
        first = scan(s, w, "gru/gru_cell", gru_step, (np.zeros(H),))
        return scan(first, w, "gru_1/gru_cell_1", gru_step, (np.zeros(H),))

    return w, x, each(x, run)


@maker
def keras_gru_before():
    """reset_after = False."""
    rng, x = np.random.default_rng(6), inputs(6)
    w = keras_weights(rng, "gru", I, H, 3, (3 * H,))
    return w, x, each(x, lambda s: scan(s, w, "gru", gru_step, (np.zeros(H),)))


@maker
def keras_rnn():
    rng, x = np.random.default_rng(7), inputs(7)
    w = keras_weights(rng, "simple_rnn/simple_rnn_cell", I, H, 1, (H,))
    return w, x, each(x, lambda s: scan(s, w, "simple_rnn/simple_rnn_cell", rnn_step, (np.zeros(H),)))


# ---- files


def write_safetensors(path, weights):
    """As the format says; names in order, as the safetensors package writes them."""
    header, data = {}, b""
    for name in sorted(weights):
        bytes_ = weights[name].astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(weights[name].shape), "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def main():
    folder, names = sys.argv[1], sys.argv[2:] or list(MAKERS)
    for name in names:
        weights, x, y = MAKERS[name]()
        np.savez(f"{folder}/{name}.npz", **weights)
        if name == "torch_gru":
            write_safetensors(f"{folder}/{name}.safetensors", weights)
        np.savez(f"{folder}/{name}.io.npz", x=x, lengths=np.array(LENGTHS, np.int64), y=y.astype(np.float32))


if __name__ == "__main__":
    main()
