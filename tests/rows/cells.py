"""Cells and layers in float64, one step of one sequence: cell(w, path, x, *states) -> (output, *next states).

path is the name of the statement that scans or calls the cell; parameters are named below it.
"""
import numpy as np


def sigm(v):
    return 1 / (1 + np.exp(-v))


def relu(v):
    return np.maximum(v, 0)


def softplus(v):
    return np.log1p(np.exp(v))


def softmax(v):
    e = np.exp(v - v.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def mul(w, path, n, *args):
    """The sum of W_k a_k, over the last axis."""
    total = 0
    for k, a in enumerate(args):
        a = np.asarray(a)
        total = total + a.reshape(a.shape or 1) @ w("%s.W%d" % (path, k), n, a.shape[-1] if a.shape else 1).T
    return total


def lin(w, path, n, *args):
    return mul(w, path, n, *args) + w(path + ".b", n)


def norm(w, path, a):
    n = a.shape[-1]
    centred = a - a.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * w(path + ".gain", n) + w(path + ".bias", n)


def embed(w, path, n, width, ids):
    return w(path + ".E", n, width, scale=1.0)[ids]


def scan(cell, w, path, xs, *states, reverse=False):
    """(outputs, *final states). xs: an array, or a tuple of several."""
    steps = list(zip(*xs)) if isinstance(xs, tuple) else list(xs)
    outputs = []
    for x in reversed(steps) if reverse else steps:
        y, *states = cell(w, path, x, *states)
        outputs.append(y)
    if reverse:
        outputs.reverse()
    several = isinstance(outputs[0], tuple)
    return ([np.array(o) for o in zip(*outputs)] if several else np.array(outputs), *states)


def zeros(*n):
    return [np.zeros(k) for k in n]


def rnn(w, p, x, h, f=np.tanh):
    h = f(lin(w, p + ".h", len(h), x, h))
    return h, h


def rnn_relu(w, p, x, h):
    return rnn(w, p, x, h, relu)


def gates_to_state(gates, c):
    i, f, g, o = np.split(gates, 4)
    c = sigm(f) * c + sigm(i) * np.tanh(g)
    return sigm(o) * np.tanh(c), c


def lstm(w, p, x, h, c):
    h, c = gates_to_state(lin(w, p + ".i", 4 * len(c), x, h), c)
    return h, h, c


def peephole(w, p, x, h, c):
    pi, pf, po = w(p + ".p", 3, len(c))
    i, f, g, o = np.split(lin(w, p + ".i", 4 * len(c), x, h), 4)
    new = sigm(f + pf * c) * c + sigm(i + pi * c) * np.tanh(g)
    h = sigm(o + po * new) * np.tanh(new)
    return h, h, new


def gru(w, p, x, h):
    z, r = np.split(sigm(lin(w, p + ".z", 2 * len(h), x, h)), 2)
    n = np.tanh(lin(w, p + ".n", len(h), x, r * h))
    h = z * h + (1 - z) * n
    return h, h


def gru_pt(w, p, x, h):
    z, r = np.split(sigm(lin(w, p + ".z", 2 * len(h), x, h)), 2)
    n = np.tanh(lin(w, p + ".n", len(h), x) + r * lin(w, p + ".n_2", len(h), h))
    h = z * h + (1 - z) * n
    return h, h


def lnrnn(w, p, x, h):
    h = np.tanh(norm(w, p + ".h", lin(w, p + ".h", len(h), x, h)))
    return h, h


def lnlstm(w, p, x, h, c, keep=False):
    n = len(c)
    gates = norm(w, p + ".i", mul(w, p + ".i", 4 * n, x)) + norm(w, p + ".i_2", mul(w, p + ".i_2", 4 * n, h))
    i, f, g, o = np.split(gates + w(p + ".b", 4 * n), 4)
    c = sigm(f) * c + sigm(i) * np.tanh(g)
    normed = norm(w, p + (".c" if keep else ".h"), c)
    h = sigm(o) * np.tanh(normed)
    return h, h, normed if keep else c


def lnlstm_state(w, p, x, h, c):
    return lnlstm(w, p, x, h, c, keep=True)


def mlstm(w, p, x, h, c):
    m = mul(w, p + ".m", len(h), x) * mul(w, p + ".m_2", len(h), h)
    return lstm(w, p + ".h", x, m, c)


def mrnn(w, p, x, h):
    f = mul(w, p + ".f", 6, x) * mul(w, p + ".f_2", 6, h)
    h = np.tanh(lin(w, p + ".h", len(h), x, f))
    return h, h


def mirnn(w, p, x, h):
    alpha, b1, b2 = w(p + ".a", 3, len(h))
    wx, uh = mul(w, p + ".u", len(h), x), mul(w, p + ".v", len(h), h)
    h = np.tanh(alpha * wx * uh + b1 * uh + b2 * wx + w(p + ".b", len(h)))
    return h, h


def rhn(w, p, x, s, layers=3):
    for layer in range(layers):
        inputs = (x, s) if layer == 0 else (s,)
        h, t = np.split(lin(w, "%s.u.%d" % (p, layer), 2 * len(s), *inputs), 2)
        s = np.tanh(h) * sigm(t) + s * (1 - sigm(t))
    return s, s


def cifg(w, p, x, h, c):
    i, g, o = np.split(lin(w, p + ".i", 3 * len(c), x, h), 3)
    c = (1 - sigm(i)) * c + sigm(i) * np.tanh(g)
    h = sigm(o) * np.tanh(c)
    return h, h, c


def lstmp(w, p, x, h, c):
    full, c = gates_to_state(lin(w, p + ".i", 4 * len(c), x, h), c)
    h = mul(w, p + ".h", len(h), full)
    return h, h, c


def reslstm(w, p, x, h, c):
    i, f, g, o = np.split(lin(w, p + ".i", 4 * len(c), x, h), 4)
    c = sigm(f) * c + sigm(i) * np.tanh(g)
    h = sigm(o) * (mul(w, p + ".h", len(h), np.tanh(c)) + mul(w, p + ".h_2", len(h), x))
    return h, h, c


def hwlstm(w, p, inputs, h, c):
    x, below = inputs
    wc, wb = w(p + ".w", 2, len(c))
    i, f, g, o = np.split(lin(w, p + ".i", 4 * len(c), x, h), 4)
    d = sigm(lin(w, p + ".d", len(c), x) + wc * c + wb * below)
    c = d * below + sigm(f) * c + sigm(i) * np.tanh(g)
    h = sigm(o) * np.tanh(c)
    return (h, c), h, c


def qrnn(w, p, x, c, before):
    z, f, o = np.split(lin(w, p + ".z", 3 * len(c), x, before), 3)
    c = sigm(f) * c + (1 - sigm(f)) * np.tanh(z)
    return sigm(o) * c, c, x


def sru(w, p, x, c):
    n, f, r = np.split(lin(w, p + ".n", 3 * len(c), x), 3)
    vf, vr = w(p + ".v", 2, len(c))
    f, r = sigm(f + vf * c), sigm(r + vr * c)
    c = f * c + (1 - f) * n
    return r * c + (1 - r) * x, c


def mingru(w, p, x, h):
    z, n = np.split(lin(w, p + ".z", 2 * len(h), x), 2)
    h = (1 - sigm(z)) * h + sigm(z) * n
    return h, h


def indrnn(w, p, x, h):
    h = relu(lin(w, p + ".h", len(h), x) + w(p + ".u", len(h)) * h)
    return h, h


def fastgrnn(w, p, x, h):
    a = mul(w, p + ".a", len(h), x, h)
    z = sigm(a + w(p + ".bz", len(h)))
    n = np.tanh(a + w(p + ".bh", len(h)))
    h = (sigm(w(p + ".zeta", 1)) * (1 - z) + sigm(w(p + ".nu", 1))) * n + z * h
    return h, h


def windows(x, width, stride, dilate, left):
    """For each window the elements that are there: (which of the window's places, element)."""
    for t in range(0, len(x), stride):
        places = [(k, t + k * dilate - left) for k in range(width)]
        yield [(k, x[i]) for k, i in places if 0 <= i < len(x)]


def conv(w, path, n, x, width, stride=1, dilate=1, left=None):
    W, b = w(path + ".W0", n, x.shape[1], width), w(path + ".b", n)
    left = dilate * (width - 1) // 2 if left is None else left
    return np.array([b + sum(W[:, :, k] @ v for k, v in parts) for parts in windows(x, width, stride, dilate, left)])


def pool(f, x, width, stride, left=0):
    return np.array([f([v for _, v in parts], axis=0) for parts in windows(x, width, stride, 1, left)])
