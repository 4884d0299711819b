"""R24, R41 to R43, R57: connections through depth and time, products of input and state, light cells."""
import numpy as np

from cells import (cifg, fastgrnn, hwlstm, indrnn, lin, lstm, lstmp, mingru, mirnn, mlstm, mrnn, qrnn, reslstm, rhn, rnn, scan,
                   sigm, sru, zeros)
from table import row, seq


@row("R41", "skip", x=seq(5))
def skip(w, x):
    a = scan(lstm, w, "a", x, *zeros(7, 7))[0]
    b = scan(lstm, w, "b", np.concatenate([x, a], 1), *zeros(7, 7))[0]
    c = scan(lstm, w, "c", np.concatenate([x, b], 1), *zeros(7, 7))[0]
    z = []  # z[t] sees z[t-1] and z[t-3]
    for t, xt in enumerate(x):
        one, three = (z[t - d] if t >= d else np.zeros(7) for d in (1, 3))
        z.append(np.tanh(lin(w, "z.h", 7, xt, one, three)))
    return lin(w, "y", 4, a, b, c), np.array(z)


@row("R41", "residual", x=seq(5))
def residual(w, x):
    y = x
    for layer in range(3):
        y = y + scan(lstm, w, "y.%d" % layer, y, *zeros(5, 5))[0]
    return y, scan(reslstm, w, "z", y, *zeros(7, 7))[0]


@row("R41", "highway", x=seq(5))
def highway(w, x):
    y = scan(rnn, w, "y", x, *zeros(7))[0]
    for layer in range(2):
        t = sigm(lin(w, "t.%d" % layer, 7, y))
        y = t * np.tanh(lin(w, "y.%d" % layer, 7, y)) + (1 - t) * y
    return y


@row("R41", "highway_lstm", x=seq(5))
def highway_lstm(w, x):
    def first(w, p, x, h, c):
        h, _, c = lstm(w, p + ".h", x, h, c)
        return (h, c), h, c

    (a, m), *_ = scan(first, w, "a", x, *zeros(7, 7))
    (y, c), *_ = scan(hwlstm, w, "y", (a, m), *zeros(7, 7))
    return y, c


@row("R41", "rhn", x=seq(5))
def deep_transition(w, x):
    return scan(rhn, w, "s", x, *zeros(7))[0]


@row("R42", "dilated", x=seq(5), lengths={"T": [9, 1, 3]})
def dilated(w, x):
    for layer, d in enumerate([1, 2, 4]):
        h = []
        for t, xt in enumerate(x):
            h.append(rnn(w, "y.%d" % layer, xt, h[t - d] if t >= d else np.zeros(7))[0])
        x = np.array(h)
    return x


def light(name, cell, states, width=5):
    @row("R43" if cell in (mrnn, mlstm, mirnn) else "R57", name, x=seq(width))
    def model(w, x):
        return scan(cell, w, "h", x, *zeros(*states))[0]


@row("R57", "fastgrnn_low_rank", x=seq(5))
def low_rank(w, x):
    h, hs = np.zeros(7), []
    for xt in x:
        a = w("h.a.W1", 7, 2) @ w("h.a.W0", 2, 5) @ xt + w("h.a_2.W1", 7, 3) @ w("h.a_2.W0", 3, 7) @ h
        z = sigm(a + w("h.bz", 7))
        h = (sigm(w("h.zeta", 1)) * (1 - z) + sigm(w("h.nu", 1))) * np.tanh(a + w("h.bh", 7)) + z * h
        hs.append(h)
    return np.array(hs)


@row("R24", "zoneout", x=seq(5))
def zoned(w, x):
    h, c, hs = np.zeros(7), np.zeros(7), []
    for xt in x:
        _, new_h, new_c = lstm(w, "h", xt, h, c)
        h, c = h / 8 + new_h * 7 / 8, c / 8 + new_c * 7 / 8
        hs.append(h)
    return np.array(hs)


light("mrnn", mrnn, [7])
light("mlstm", mlstm, [7, 7])
light("mirnn", mirnn, [7])
light("fastgrnn", fastgrnn, [7])
light("sru", sru, [5])
light("qrnn", qrnn, [7, 5])
light("mingru", mingru, [7])
light("indrnn", indrnn, [7])
light("cifg", cifg, [7, 7])
light("lstmp", lstmp, [4, 7])
