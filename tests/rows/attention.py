"""R34 to R39, R49: encoders and decoders, attention, transformers, coverage, copying, pointing."""
import numpy as np

from cells import embed, gru, lin, lstm, mul, norm, relu, scan, sigm, softmax, zeros
from table import ids, order as places, row, seq


def shift(y, first):
    """What a decoder is fed when it is forced: the word before."""
    return np.concatenate([[first], y[:-1]])


def both_ways(cell, w, path, n, x, first="", second="_2"):
    f = scan(cell, w, path + first, x, *zeros(*n))[0]
    return np.concatenate([f, scan(cell, w, path + second, x, *zeros(*n), reverse=True)[0]], 1)


def encode_reply(w, src):
    c = scan(gru, w, "e", embed(w, "e", 11, 5, src), *zeros(7))[-1]
    return c, lambda path, s, y: gru(w, path + ".s", np.concatenate([embed(w, path + ".s", 9, 4, y), c]), s)[0]


@row("R34", "seq2seq", src=ids(11, "S"), tgt=ids(9, "U"))
def reply(w, src, tgt):
    c, step = encode_reply(w, src)
    s, logits = np.tanh(lin(w, "logits.s", 7, c)), []
    for y in shift(tgt, 1):
        s = step("logits", s, y)
        logits.append(lin(w, "logits", 9, s, c))
    return c, np.array(logits)


@row("R34", "greedy", src=ids(11, "S"))
def reply_freely(w, src):
    c, step = encode_reply(w, src)
    s, y, out = np.tanh(lin(w, "out.s", 7, c)), 1, []
    for _ in range(6):
        s = step("out", s, y)
        y = int(np.argmax(lin(w, "out", 9, s, c)))
        if y == 2:
            break
        out.append(y)
    return np.array(out, np.int64)


def search(step, s, first, stop, most, width, penalty):
    """The best sequence and its score.  A hypothesis: (log probability, words, state, last word, whether it has ended)."""
    def rank(h):
        return h[0] / ((5 + len(h[1]) + (h[3] == stop)) / 6) ** penalty

    hypotheses = [(0.0, (), s, first, most == 0)]
    while not all(h[4] for h in hypotheses):
        found = [h for h in hypotheses if h[4]]
        for total, words, s, y, ended in hypotheses:
            if ended:
                continue
            s, logits = step(s, y)
            for word, p in enumerate(np.log(softmax(logits))):
                more = words if word == stop else words + (word,)
                found.append((total + p, more, s, word, word == stop or len(more) == most))
        hypotheses = sorted(found, key=rank, reverse=True)[:width]
    return np.array(hypotheses[0][1], np.int64), rank(hypotheses[0])


@row("R35", "beam", src=ids(11, "S"), streams=False)
def translate(w, src):
    hs = scan(gru, w, "hs", embed(w, "hs", 11, 5, src), *zeros(7))[0]
    k = np.array([mul(w, "k", 6, h) for h in hs])

    def step(s, y):
        a = softmax(np.array([w("d.v", 6) @ np.tanh(kj + mul(w, "d.a", 6, s)) for kj in k]))
        c = sum(aj * h for aj, h in zip(a, hs))
        s = gru(w, "d.s", np.concatenate([embed(w, "d.s", 9, 4, y), c]), s)[0]
        return s, 4 * lin(w, "d", 9, s, c)

    s = np.tanh(lin(w, "d.s", 7, hs[-1]))
    plain, long = search(step, s, 1, 2, 6, 4, 0), search(step, s, 1, 2, 2 * len(src) + 1, 3, 0.8)
    return plain[0], long[0], long[1]


@row("R35", "attention", src=ids(11, "S"), tgt=ids(9, "U"), streams=False)
def align(w, src, tgt):
    hs = both_ways(gru, w, "hs", [7], embed(w, "e", 11, 5, src))
    s, logits, alphas = np.tanh(lin(w, "logits.s", 7, hs[0])), [], []
    for y in shift(tgt, 1):
        e = [w("logits.v", 6) @ np.tanh(mul(w, "k", 6, h) + mul(w, "logits.q", 6, s)) for h in hs]
        a = softmax(np.array(e))
        c = sum(aj * h for aj, h in zip(a, hs))
        s = gru(w, "logits.s", np.concatenate([embed(w, "logits.s", 9, 4, y), c]), s)[0]
        logits.append(lin(w, "logits", 9, s, c))
        alphas.append(a)
    return np.array(logits), np.array(alphas)


@row("R35", "luong", src=seq(5, axis="S"), tgt=seq(4, axis="U"), streams=False)
def align_after(w, src, tgt):
    hs = scan(lstm, w, "hs", src, *zeros(7, 7))[0]
    (s, m), results = zeros(7, 7), []
    for y in tgt:
        _, s, m = lstm(w, "o.s", y, s, m)
        a = softmax(np.array([s @ h for h in hs]))
        b = softmax(np.array([s @ mul(w, "g", 7, h) for h in hs]))
        d = softmax(np.array([w("o.v", 6) @ np.tanh(mul(w, "o.d", 6, s, h)) for h in hs]))
        c = sum(weight * h for weight, h in zip(a + b + d, hs))
        results.append((np.tanh(mul(w, "o", 7, c, s)), a, b, d))
    return tuple(np.array(r) for r in zip(*results))


@row("R36", "self_attention", x=seq(5), streams=False)
def sentence(w, x):
    h = np.concatenate([scan(lstm, w, "f", x, *zeros(7, 7))[0], scan(lstm, w, "b", x, *zeros(7, 7), reverse=True)[0]], 1)
    a = softmax(mul(w, "s", 3, np.tanh(mul(w, "s_2", 6, h))).T)
    return a @ h, a


def heads(w, path, x, causal=False):
    results = []
    for head in range(2):
        q, k, v = (lin(w, "%s.%s.%d" % (path, name, head), 4, x) for name in "qkv")
        r = []
        for t, qt in enumerate(q):
            seen = slice(0, t + 1 if causal else len(k))
            r.append(softmax(np.array([qt @ kj / 2 for kj in k[seen]])) @ v[seen])
        results.append(np.array(r))
    return lin(w, path + ".o", 8, np.concatenate(results, 1))


def feed(w, outer, inner, x):
    return lin(w, outer, 8, relu(lin(w, inner, 12, x)))


@row("R36", "transformer", x=seq(8), streams=False)
def block(w, x):
    u = norm(w, "u", x + heads(w, "u", x))
    y = norm(w, "y", u + feed(w, "y", "y_2", u))
    v = x + heads(w, "w", norm(w, "n", x))
    return y, v + feed(w, "y2", "y2_2", norm(w, "y2", v))


@row("R36", "transformer_causal", w=ids(11), place=ids(9), streams=False)
def words(p, w, place):
    x = embed(p, "x", 11, 8, w) + embed(p, "x_2", 9, 8, place)
    for layer in range(2):
        y = x + heads(p, "y.%d" % layer, norm(p, "u.%d" % layer, x), causal=True)
        x = y + feed(p, "x.%d" % layer, "x_2.%d" % layer, norm(p, "n.%d" % layer, y))
    return lin(p, "logits", 11, norm(p, "logits", x))


@row("R36", "transformer_cached", x=seq(8), lengths={"T": [9, 1, 3]})
def block_causal(w, x):
    q, k, v = (lin(w, "y." + name, 4, x) for name in "qkv")
    u = []
    for t in range(len(x)):
        seen = range(max(0, t - 5), t + 1)
        a = softmax(np.array([q[t] @ k[j] / 2 for j in seen]))
        u.append(x[t] + lin(w, "y.u", 8, sum(aj * v[j] for aj, j in zip(a, seen))))
    u = norm(w, "y.u", np.array(u))
    return norm(w, "y", u + feed(w, "y", "y_2", u))


@row("R37", "coverage", src=ids(11, "S"), tgt=ids(9, "U"), streams=False)
def summarise(w, src, tgt):
    hs = scan(gru, w, "hs", embed(w, "hs", 11, 5, src), *zeros(7))[0]
    s, cov, results = np.tanh(lin(w, "logits.s", 7, hs[-1])), np.zeros(len(src)), []
    for y in shift(tgt, 1):
        q = lin(w, "logits.q", 6, s)
        a = softmax(np.array([w("logits.v", 6) @ np.tanh(mul(w, "k", 6, h) + q + w("logits.wc", 6) * cj)
                              for h, cj in zip(hs, cov)]))
        c = a @ hs
        s = gru(w, "logits.s", np.concatenate([embed(w, "logits.s", 9, 4, y), c]), s)[0]
        results.append((lin(w, "logits", 9, s, c), np.minimum(a, cov).sum(), a))
        cov = cov + a
    return tuple(np.array(r) for r in zip(*results))


@row("R37", "coverage_learned", src=seq(5, axis="S"), tgt=seq(4, axis="U"), streams=False)
def cover(w, src, tgt):
    hs = scan(gru, w, "hs", src, *zeros(7))[0]
    n = 2 * sigm(mul(w, "n", 1, hs))[:, 0]
    s, neural, fill, results = np.zeros(7), np.zeros((len(src), 3)), np.zeros(len(src)), []
    for y in tgt:
        a = softmax(np.array([w("s.v", 6) @ np.tanh(mul(w, "k", 6, h) + mul(w, "s.q", 6, s) + mul(w, "s.a", 6, nj, fj))
                              for h, nj, fj in zip(hs, neural, fill)]))
        neural = np.array([gru(w, "s.C", np.concatenate([[aj], h, s]), nj)[0] for aj, h, nj in zip(a, hs, neural)])
        fill = fill + a / n
        s = gru(w, "s.s", np.concatenate([y, a @ hs]), s)[0]
        results.append((s, a, fill))
    return tuple(np.array(r) for r in zip(*results))


@row("R38", "pointer_generator", src=ids(9, "S"), ext=ids(12, "S"), tgt=ids(9, "U"), streams=False)
def point_or_generate(w, src, ext, tgt):
    hs = scan(gru, w, "hs", embed(w, "hs", 9, 5, src), *zeros(7))[0]
    s, results = np.tanh(lin(w, "P.s", 7, hs[-1])), []
    for word in shift(tgt, 1):
        y = embed(w, "P.y", 9, 4, word)
        s = gru(w, "P.s", y, s)[0]
        a = softmax(np.tanh(mul(w, "k", 6, hs) + lin(w, "P.q", 6, s)) @ w("P.v", 6))
        c = a @ hs
        g = sigm(lin(w, "P.g", 1, c, s, y))
        p = np.zeros(12)
        p[:9] = g * softmax(lin(w, "P.p", 9, s, c))
        for j, word_j in enumerate(ext):
            p[word_j] += (1 - g[0]) * a[j]
        results.append((p, g))
    return tuple(np.array(r) for r in zip(*results))


@row("R38", "copynet", src=ids(9, "S"), tgt=ids(9, "U"), streams=False)
def copy_or_generate(w, src, tgt):
    hs = scan(gru, w, "hs", embed(w, "hs", 9, 5, src), *zeros(7))[0]
    s, copied, results = np.tanh(lin(w, "P.s", 7, hs[-1])), np.zeros(len(src)), []
    for y in shift(tgt, 1):
        places = [j for j in range(len(src)) if src[j] == y]
        read, mass = np.zeros(7), sum(copied[j] for j in places)
        for j in places:
            read = read + (copied[j] / mass * hs[j] if mass > 0 else 0)
        s = gru(w, "P.s", np.concatenate([embed(w, "P.s", 9, 4, y), read]), s)[0]
        every = softmax(np.concatenate([mul(w, "P.e", 9, s), [np.tanh(mul(w, "u", 7, h)) @ s for h in hs]]))
        p, copied = every[:9].copy(), every[9:]
        for j, word_j in enumerate(src):
            p[word_j] += copied[j]
        results.append((p, copied))
    return tuple(np.array(r) for r in zip(*results))


@row("R39", "pointer", x=seq(2, axis="S"), streams=False)
def order(w, x):
    e, h, c = scan(lstm, w, "e", x, *zeros(7, 7))
    out, d = [], np.zeros(2)
    for _ in x:
        _, h, c = lstm(w, "out.h", d, h, c)
        u = [w("out.v", 6) @ np.tanh(mul(w, "k", 6, ei) + mul(w, "out.q", 6, h)) for ei in e]
        out.append(int(np.argmax(u)))
        d = x[out[-1]]
    return np.array(out, np.int64)


@row("R39", "pointer_forced", x=seq(2, axis="S"), perm=places(), streams=False)
def order_forced(w, x, perm):
    e, h, c = scan(lstm, w, "e", x, *zeros(7, 7))
    scores, d = [], np.zeros(2)
    for chosen in perm:
        _, h, c = lstm(w, "u.h", d, h, c)
        scores.append([w("u.v", 6) @ np.tanh(mul(w, "k", 6, ei) + mul(w, "u.q", 6, h)) for ei in e])
        d = x[chosen]
    return np.array(scores)


@row("R49", "skipthought", w=ids(11), prev=ids(11, "S"), next=ids(11, "U"))
def thought(p, w, prev, next):
    v = scan(gru, p, "v", embed(p, "v", 11, 5, w), *zeros(7))[-1]

    def decode(path, sentence):
        s, logits = np.zeros(6), []
        for y in shift(sentence, 1):
            e = embed(p, path + ".s", 11, 5, y)
            z, r = np.split(sigm(lin(p, path + ".s.z", 12, e, s, v)), 2)
            s = (1 - z) * s + z * np.tanh(lin(p, path + ".s.n", 6, e, r * s, v))
            logits.append(lin(p, path, 11, s))
        return np.array(logits)

    return v, decode("before", prev), decode("after", next)
