"""R40, R50 to R53: documents of sentences, characters, convolutions, trees of words, sessions."""
import numpy as np

from attention import both_ways, shift
from cells import conv, embed, gru, lin, lstm, pool, relu, scan, sigm, softmax, zeros
from table import bits, documents, ids, row, seq


@row("R40", "hierarchical", doc=documents(11), streams=False)
def document(w, doc):
    s = np.array([scan(lstm, w, "s", embed(w, "s", 11, 5, sentence), *zeros(6, 6))[-2] for sentence in doc])
    return scan(lstm, w, "d", s, *zeros(7, 7))[-2], s


@row("R40", "han", doc=documents(11), streams=False)
def han(w, doc):
    def attend(path, h):
        a = softmax(np.array([w(path + ".u", 4) @ np.tanh(lin(w, path + ".a", 4, ht)) for ht in h]))
        return a @ h

    v = np.array([attend("v", both_ways(gru, w, "v.h", [6], embed(w, "v.e", 11, 5, sentence))) for sentence in doc])
    h = both_ways(gru, w, "h", [7], v)
    return softmax(lin(w, "p", 3, attend("p", h))), v


@row("R40", "hred", doc=documents(11), reply=ids(11, "U"), streams=False)
def dialogue(w, doc, reply):
    u = [scan(gru, w, "u", embed(w, "u", 11, 5, utterance), *zeros(6))[-1] for utterance in doc]
    c = scan(gru, w, "c", u, *zeros(7))[-1]
    s, logits = np.tanh(lin(w, "logits.s", 6, c)), []
    for y in shift(reply, 1):
        s = gru(w, "logits.s", embed(w, "logits.s", 11, 5, y), s)[0]
        logits.append(lin(w, "logits", 11, s))
    return np.array(logits), c


@row("R50", "charrnn", w=ids(11))
def text(p, w):
    h = scan(lstm, p, "h", embed(p, "h", 11, 5, w), *zeros(7, 7))[0]
    return lin(p, "logits", 11, scan(lstm, p, "logits", h, *zeros(7, 7))[0])


@row("R50", "charaware", text=documents(11), lengths={"T": [[3, 5, 1], [2, 7, 1, 4], [6]]})
def words(w, text):
    vectors = []
    for word in text:
        e, u = embed(w, "y.e", 11, 4, word), []
        for name, width in zip("abd", (1, 2, 3)):  # zeros behind the end of the word
            after = np.concatenate([e, np.zeros((2, 4))])
            columns = [after[k:k + len(e)] for k in range(width)]
            u.append(np.tanh(lin(w, "y." + name, 3, *columns)).max(0))
        u = np.concatenate(u)
        t = sigm(lin(w, "y.t", 9, u))
        vectors.append(t * relu(lin(w, "y", 9, u)) + (1 - t) * u)
    return lin(w, "logits", 6, scan(lstm, w, "logits", vectors, *zeros(7, 7))[0]), np.array(vectors)


@row("R51", "cnnrnn", x=seq(5))
def speech(w, x):
    padded = np.concatenate([np.zeros((2, 5)), x])
    u = relu(lin(w, "u", 6, x, padded[1:-1], padded[:-2]))
    scores = lin(w, "l", 5, scan(lstm, w, "h", u, *zeros(7, 7))[0])
    return np.log(softmax(scores))


@row("R51", "convolution", x=seq(3), streams=False)
def signal(w, x):
    c = np.tanh(conv(w, "c", 4, x, 3, dilate=2, left=4)) + conv(w, "c_2", 4, x, 1)
    u = pool(np.max, relu(conv(w, "h", 6, c, 5, stride=2)), 2, 2)
    return c, scan(gru, w, "h", u, *zeros(5))[0], pool(np.mean, c, 3, 2, left=1)


@row("R52", "hsoftmax", x=seq(5))
def score(w, x):
    h = scan(gru, w, "h", x, *zeros(7))[0]
    tree, P = sigm(lin(w, "s", 7, h)), np.ones((len(x), 8))
    for word in range(8):
        node = 0  # the children of node n are 2n+1 and 2n+2
        for bit in (word >> 2 & 1, word >> 1 & 1, word & 1):
            P[:, word] *= tree[:, node] if bit else 1 - tree[:, node]
            node = 2 * node + 1 + bit
    c = softmax(lin(w, "c", 2, h))
    within = [softmax(lin(w, name, 3, h)) for name in "ab"]
    return P, np.concatenate([c[:, :1] * within[0], c[:, 1:] * within[1]], 1)


@row("R53", "gru4rec", item=ids(11), fresh=bits())
def gru4rec(w, item, fresh):
    h, scores = np.zeros(7), []
    for i, begins in zip(item, fresh):
        h = gru(w, "score.h", np.eye(11)[i], np.zeros(7) if begins else h)[0]
        scores.append(lin(w, "score", 11, h))
    return np.array(scores)
