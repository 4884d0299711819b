"""R01 to R16, R22: cells, initial states, directions, stacks, heads, embeddings, masks, lengths."""
import numpy as np

from cells import (embed, gru, gru_pt, lin, lnlstm, lnlstm_state, lnrnn, lstm, peephole, rnn, rnn_relu, scan, sigm, softmax,
                   zeros)
from table import fixed, ids, bits, row, seq


@row("R01", "rnn", x=seq(5))
def simple(w, x):
    return scan(rnn, w, "hs", x, *zeros(7))


@row("R01", "rnn_relu", x=seq(5))
def rectified(w, x):
    return scan(rnn_relu, w, "hs", x, *zeros(7))


@row("R02", "lstm", x=seq(5))
def memory(w, x):
    return scan(lstm, w, "hs", x, *zeros(7, 7))


@row("R03", "gru", x=seq(5))
def gated(w, x):
    return scan(gru, w, "hs", x, *zeros(7))


@row("R03", "gru_reset_after", x=seq(5))
def gated_after(w, x):
    return scan(gru_pt, w, "hs", x, *zeros(7))


@row("R04", "peephole", x=seq(5))
def timing(w, x):
    return scan(peephole, w, "hs", x, *zeros(7, 7))


@row("R05", "initial", x=seq(5), given=fixed(7), e=fixed(3), streams=False)
def starts(w, x, given, e):
    s = np.tanh(lin(w, "s", 7, e))
    return (scan(rnn, w, "zero", x, *zeros(7))[0], scan(rnn, w, "caller", x, given)[0],
            scan(rnn, w, "learned", x, w("h0", 7))[0], scan(rnn, w, "computed", x, s)[0])


@row("R06", "bidirectional", x=seq(5), streams=False)
def both(w, x):
    f, f_last, _ = scan(lstm, w, "f", x, *zeros(7, 7))
    b, b_last, _ = scan(lstm, w, "back", x, *zeros(7, 7), reverse=True)
    return np.concatenate([f, b], 1), b, f_last, b_last


@row("R07", "stacked", x=seq(5))
def deep(w, x):
    for layer in range(3):
        x = scan(lstm, w, "y.%d" % layer, x, *zeros(7, 7))[0]
    return x


@row("R07", "stacked_bidirectional", x=seq(5), streams=False)
def deep_both(w, x):
    for layer in range(2):
        f = scan(gru_pt, w, "f.%d" % layer, x, *zeros(7))[0]
        b = scan(gru_pt, w, "b.%d" % layer, x, *zeros(7), reverse=True)[0]
        x = np.concatenate([f, b], 1)
    return x


@row("R08", "heads", x=seq(5), streams=False)
def heads(w, x):
    hs = scan(gru_pt, w, "hs", x, *zeros(7))[0]
    return (softmax(lin(w, "p", 3, hs[-1])), softmax(lin(w, "q", 3, hs.mean(0))), softmax(lin(w, "r", 3, hs.max(0))),
            softmax(lin(w, "tags", 4, hs)))


@row("R09", "embedding", w=ids(11), streams=False)
def elmo(p, w):
    e = embed(p, "e", 11, 5, w)
    f1 = scan(lstm, p, "f1", e, *zeros(7, 7))[0]
    b1 = scan(lstm, p, "b1", e, *zeros(7, 7), reverse=True)[0]
    f2 = scan(lstm, p, "f2", f1, *zeros(7, 7))[0]
    b2 = scan(lstm, p, "b2", b1, *zeros(7, 7), reverse=True)[0]
    s = softmax(p("a", 3))
    layers = lin(p, "mix", 14, e), np.concatenate([f1, b1], 1), np.concatenate([f2, b2], 1)
    return e, p("gamma", 1) * sum(sl * layer for sl, layer in zip(s, layers))


@row("R12", "denoise", x=seq(5))
def denoise(w, x):
    d = np.tanh(lin(w, "d", 6, x))
    v = scan(gru, w, "v", d, *zeros(4))[0]
    n = scan(gru, w, "n", np.concatenate([d, v, x], 1), *zeros(6))[0]
    s = scan(gru, w, "s", np.concatenate([v, n, x], 1), *zeros(7))[0]
    return sigm(lin(w, "gain", 5, s)), sigm(lin(w, "voice", 1, v))


@row("R13", "masked", x=seq(5), m=bits())
def skipping(w, x, m):
    h, y = np.zeros(7), []
    for xt, mt in zip(x, m):
        if mt:
            h = gru_pt(w, "y.n", xt, h)[0]
        y.append(h if mt else np.zeros(7))
    gru_pt(w, "y.n", x[0], h)  # all parameters, also where every step is masked
    return np.array(y), h


@row("R14", "counter", x=seq())
def count(w, x):
    n = np.arange(1, len(x) + 1)
    return float(len(x)), (n * x).sum(), n.astype(float)


@row("R16", "feedforward", x=seq(5), streams=False)
def perceptron(w, x):
    return lin(w, "y", 3, np.tanh(lin(w, "h", 7, x)))


@row("R22", "layernorm", x=seq(5))
def normalised(w, x):
    return (scan(lnrnn, w, "r", x, *zeros(7))[0], scan(lnlstm, w, "l", x, *zeros(7, 7))[0],
            scan(lnlstm_state, w, "s", x, *zeros(7, 7))[0])
