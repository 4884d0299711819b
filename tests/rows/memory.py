"""R44 to R48: external memory, adaptive time, continuous time, missing values, reservoirs."""
import numpy as np

from cells import gru, lin, lstm, mul, scan, sigm, softmax, softplus, zeros
from table import bits, gaps, row, seq


def address(w, path, h, memory, before):
    n, width = memory.shape
    key, beta, gate, shifts, gamma = np.split(lin(w, path + ".key", width + 6, h), np.cumsum([width, 1, 1, 3]))
    cosine = [key @ m / (np.linalg.norm(key) * np.linalg.norm(m)) for m in memory]
    found = softmax(softplus(beta) * np.array(cosine))
    found = sigm(gate) * found + (1 - sigm(gate)) * before
    s = softmax(shifts)
    moved = np.array([s[0] * found[(i - 1) % n] + s[1] * found[i] + s[2] * found[(i + 1) % n] for i in range(n)])
    sharp = (moved + 1e-16) ** (1 + softplus(gamma))
    return sharp / sharp.sum()


@row("R44", "ntm", x=seq(5))
def copy(w, x):
    h, c, r = zeros(7, 7, 3)
    reading = writing = np.full(6, 1 / 6)
    memory, results = np.full((6, 3), 1e-6), []
    for xt in x:
        _, h, c = lstm(w, "h.h", np.concatenate([xt, r]), h, c)
        writing = address(w, "h.ww", h, memory, writing)
        erase, add = sigm(lin(w, "h.M", 3, h)), np.tanh(lin(w, "h.M_2", 3, h))
        memory = np.array([m * (1 - wi * erase) + wi * add for m, wi in zip(memory, writing)])
        reading = address(w, "h.wr", h, memory, reading)
        r = reading @ memory
        results.append((sigm(lin(w, "y", 4, h, r)), reading, writing))
    return tuple(np.array(v) for v in zip(*results))


@row("R45", "act", x=seq(5))
def parity(w, x):
    s, results = np.zeros(7), []
    for xt in x:
        states, halts = [s], []
        while sum(halts) < 1 - 0.01 and len(halts) < 6:
            states.append(np.tanh(lin(w, "s.st.st", 7, xt, float(not halts), states[-1])))
            halts.append(sigm(lin(w, "s.st.p", 1, states[-1]))[0])
        remainder = 1 - sum(halts[:-1])
        s = sum(p * state for p, state in zip(halts[:-1] + [remainder], states[1:]))
        results.append((s, float(len(halts)), remainder))
    return tuple(np.array(v) for v in zip(*results))


@row("R46", "ctrnn", x=seq(5), dt=gaps())
def leaky(w, x, dt):
    y, results = np.zeros(7), []
    for xt, d in zip(x, dt):
        y = y + d / w("y.tau", 7, positive=True) * (mul(w, "y.y", 7, xt) + lin(w, "y.y_2", 7, sigm(y)) - y)
        results.append(y)
    return np.array(results)


def runge_kutta(f, y, dt, n):
    for _ in range(n):
        h = dt / n
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(y + h * k3))
    return y


@row("R46", "odernn", x=seq(5), dt=gaps())
def next_value(w, x, dt):
    h, results = np.zeros(7), []
    for xt, d in zip(x, dt):
        before = runge_kutta(lambda v: lin(w, "before.hp.d", 7, np.tanh(lin(w, "before.hp.d_2", 6, v))), h, d, 2)
        h = gru(w, "before.h", xt, before)[0]
        results.append((before, h))
    return tuple(np.array(v) for v in zip(*results))


@row("R46", "gruode", x=seq(5), dt=gaps())
def flow(w, x, dt):
    h, results = np.zeros(7), []
    for xt, d in zip(x, dt):
        for _ in range(3):
            z, r = np.split(sigm(lin(w, "h.y.z", 14, h)), 2)
            h = h + d / 3 * (1 - z) * (np.tanh(lin(w, "h.y.d", 7, r * h)) - h)
        h = gru(w, "h.h", xt, h)[0]
        results.append(h)
    return np.array(results)


@row("R47", "grud", x=seq(5), m=bits(5), dt=gaps())
def icu(w, x, m, dt):
    h, last, delta, results = np.zeros(7), np.zeros(5), np.zeros(5), []
    for t in range(len(x)):
        delta = dt[t] + (delta * (1 - m[t - 1]) if t else np.zeros(5))
        gamma_x = np.exp(-np.maximum(0, w("h.w", 5) * delta + w("h.b", 5)))
        gamma_h = np.exp(-np.maximum(0, lin(w, "h.gh", 7, delta)))
        xh = np.where(m[t] == 1, x[t], gamma_x * last + (1 - gamma_x) * w("h.mu", 5))
        last = np.where(m[t] == 1, x[t], last)
        h = gamma_h * h
        z, r = np.split(sigm(lin(w, "h.z", 14, xh, h, m[t])), 2)
        h = (1 - z) * h + z * np.tanh(lin(w, "h.n", 7, xh, r * h, m[t]))
        results.append(h)
    return np.array(results)


@row("R48", "esn", u=seq(1))
def reservoir(w, u):
    x, xs = np.zeros(13), []
    for ut in u:
        x = 0.7 * x + 0.3 * np.tanh(w("xs.Win", 13, 2) @ [1, ut[0]] + w("xs.W", 13, 13) @ x)
        xs.append(x)
    return lin(w, "y", 2, u, np.array(xs)), np.array(xs)
