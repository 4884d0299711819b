#!/usr/bin/env python3
"""The references against PyTorch, in float64, where PyTorch has the operation: the stored vectors' weights and inputs are
given to torch.nn, which must give the stored outputs.

    tests/rows/check_torch.py        a line per model; exit status 77 without PyTorch
"""
import sys

import numpy as np

try:
    import torch
except ImportError:
    print("skipped: PyTorch is not installed")
    sys.exit(77)

import references
from table import SEEDS, Vectors

torch.set_default_dtype(torch.float64)


def parameter(a):
    return torch.nn.Parameter(torch.tensor(a))


def set_layer(net, w, path, suffix):
    """Weights of the cell at path into torch's arrays of that layer; our one bias is torch's first, the other is 0."""
    wx, wh, b = w[path + ".W0"], w[path + ".W1"], w[path + ".b"]
    setattr(net, "weight_ih_" + suffix, parameter(wx))
    setattr(net, "weight_hh_" + suffix, parameter(wh))
    setattr(net, "bias_ih_" + suffix, parameter(b))
    setattr(net, "bias_hh_" + suffix, parameter(np.zeros_like(b)))


def set_gru(net, w, path, suffix):
    """torch has the gates r, z, n in one; ours are z, r and then n."""
    def swap(a):
        z, r = np.split(a, 2)
        return [r, z]

    z, n, m = path + ".z", path + ".n", path + ".n_2"
    setattr(net, "weight_ih_" + suffix, parameter(np.concatenate(swap(w[z + ".W0"]) + [w[n + ".W0"]])))
    setattr(net, "weight_hh_" + suffix, parameter(np.concatenate(swap(w[z + ".W1"]) + [w[m + ".W0"]])))
    setattr(net, "bias_ih_" + suffix, parameter(np.concatenate(swap(w[z + ".b"]) + [w[n + ".b"]])))
    setattr(net, "bias_hh_" + suffix, parameter(np.concatenate([np.zeros_like(w[z + ".b"]), w[m + ".b"]])))


def recurrent(kind, names, setter, gate, n_out=1, **options):
    """A model that is one torch network: layers (and directions) named by paths, outputs y and the last states."""
    def run(w, x):
        net = kind(5, 7, **options)
        for path, suffix in names:
            setter(net, w, path + gate, suffix)
        y, state = net(torch.tensor(x["x"])[:, None])
        states = [s[0, 0] for s in (state if isinstance(state, tuple) else (state,))]
        return [y[:, 0]] + states[:n_out - 1]
    return run


def projection(w, x):
    net = torch.nn.LSTM(5, 7, proj_size=4)
    set_layer(net, w, "h.i", "l0")
    net.weight_hr_l0 = parameter(w["h.h.W0"])
    return [net(torch.tensor(x["x"])[:, None])[0][:, 0]]


def both(w, x):
    net = torch.nn.LSTM(5, 7, bidirectional=True)
    set_layer(net, w, "f.i", "l0")
    set_layer(net, w, "back.i", "l0_reverse")
    y, (h, _) = net(torch.tensor(x["x"])[:, None])
    return [y[:, 0], y[:, 0, 7:], h[0, 0], h[1, 0]]


def transformer(w, x):
    def heads(path, norm1, ff, norm2, first):
        net = torch.nn.TransformerEncoderLayer(8, 2, 12, dropout=0, norm_first=first)
        parts = [np.concatenate([w["%s.%s.%d.%s" % (path, v, h, part)] for v in "qkv" for h in (0, 1)]) for part in ("W0", "b")]
        net.self_attn.in_proj_weight, net.self_attn.in_proj_bias = map(parameter, parts)
        for layer, name in ((net.self_attn.out_proj, path + ".o"), (net.linear1, ff + "_2"), (net.linear2, ff)):
            layer.weight, layer.bias = parameter(w[name + ".W0"]), parameter(w[name + ".b"])
        for layer, name in ((net.norm1, norm1), (net.norm2, norm2)):
            layer.weight, layer.bias = parameter(w[name + ".gain"]), parameter(w[name + ".bias"])
        return net.train()(torch.tensor(x["x"])[:, None])[:, 0]  # train: not torch's fused path, which is f32

    return [heads("u", "u", "y", "y", False), heads("w", "n", "y2", "y2", True)]


def layer(kind, setter, w, path, x, width, **options):
    """The outputs of one layer of torch's over x[T, I]."""
    net = kind(x.shape[1], width, **options)
    setter(net, w, path, "l0")
    return net(x[:, None])[0][:, 0]


def flat(x, w, path):
    return torch.nn.functional.linear(x, torch.tensor(w[path + ".W0"]), torch.tensor(w[path + ".b"]) if path + ".b" in w else None)


def starts(w, x):
    def begun(path, h):
        net = torch.nn.RNN(5, 7)
        set_layer(net, w, path + ".h", "l0")
        return net(torch.tensor(x["x"])[:, None], torch.as_tensor(h)[None, None])[0][:, 0]

    return [begun("zero", torch.zeros(7)), begun("caller", x["given"]), begun("learned", w["h0"]),
            begun("computed", torch.tanh(flat(torch.tensor(x["e"]), w, "s")))]


def readouts(w, x):
    h = layer(torch.nn.GRU, set_gru, w, "hs", torch.tensor(x["x"]), 7)
    return [torch.softmax(flat(v, w, name), -1) for name, v in
            (("p", h[-1]), ("q", h.mean(0)), ("r", h.max(0)[0]), ("tags", h))]


def contextual(w, x):
    e = torch.nn.functional.embedding(torch.tensor(x["w"]), torch.tensor(w["e.E"]))
    f1, b1 = (layer(torch.nn.LSTM, set_layer, w, "f1.i", e, 7), layer(torch.nn.LSTM, set_layer, w, "b1.i", e.flip(0), 7))
    f2, b2 = (layer(torch.nn.LSTM, set_layer, w, "f2.i", f1, 7), layer(torch.nn.LSTM, set_layer, w, "b2.i", b1, 7))
    layers = torch.stack([flat(e, w, "mix"), torch.cat([f1, b1.flip(0)], 1), torch.cat([f2, b2.flip(0)], 1)])
    return [e, torch.tensor(w["gamma"]) * (torch.softmax(torch.tensor(w["a"]), 0)[:, None, None] * layers).sum(0)]


def normalised(w, x):
    def norm(path, a):
        return torch.nn.functional.layer_norm(a, a.shape[-1:], torch.tensor(w[path + ".gain"]), torch.tensor(w[path + ".bias"]), 1e-5)

    def product(path, k, a):
        return torch.tensor(w["%s.W%d" % (path, k)]) @ a

    h, hs = torch.zeros(7), []
    for xt in torch.tensor(x["x"]):
        h = torch.tanh(norm("r.h", product("r.h", 0, xt) + product("r.h", 1, h) + torch.tensor(w["r.h.b"])))
        hs.append(h)
    results = [torch.stack(hs)]
    for path, name in (("l", ".h"), ("s", ".c")):
        h, c, hs = torch.zeros(7), torch.zeros(7), []
        for xt in torch.tensor(x["x"]):
            i, f, g, o = (norm(path + ".i", product(path + ".i", 0, xt)) + norm(path + ".i_2", product(path + ".i_2", 0, h))
                          + torch.tensor(w[path + ".b"])).chunk(4)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            normed = norm(path + name, c)
            c = normed if path == "s" else c
            h = torch.sigmoid(o) * torch.tanh(normed)
            hs.append(h)
        results.append(torch.stack(hs))
    return results


def convolved(w, x):
    """A causal Conv1d of width 3: W0 is of the step itself, W1 and W2 of the two before."""
    kernel = torch.stack([torch.tensor(w["u.W%d" % k]) for k in (2, 1, 0)], 2)
    padded = torch.nn.functional.pad(torch.tensor(x["x"]).T[None], (2, 0))
    u = torch.relu(torch.conv1d(padded, kernel, torch.tensor(w["u.b"])))[0].T
    return [torch.log_softmax(flat(layer(torch.nn.LSTM, set_layer, w, "h.i", u, 7), w, "l"), -1)]


def causal(p, x):
    def block(path, norm1, ff, inner, norm2, v):
        net = torch.nn.TransformerEncoderLayer(8, 2, 12, dropout=0, norm_first=True)
        parts = [np.concatenate([p["%s.%s.%d.%s" % (path, q, h, part)] for q in "qkv" for h in (0, 1)]) for part in ("W0", "b")]
        net.self_attn.in_proj_weight, net.self_attn.in_proj_bias = map(parameter, parts)
        for to, name in ((net.self_attn.out_proj, path + ".o"), (net.linear1, inner), (net.linear2, ff)):
            to.weight, to.bias = parameter(p[name + ".W0"]), parameter(p[name + ".b"])
        for to, name in ((net.norm1, norm1), (net.norm2, norm2)):
            to.weight, to.bias = parameter(p[name + ".gain"]), parameter(p[name + ".bias"])
        hidden = torch.triu(torch.full((len(v), len(v)), float("-inf")), 1)
        return net.train()(v[:, None], src_mask=hidden)[:, 0]

    v = torch.tensor(p["x.E"])[x["w"]] + torch.tensor(p["x_2.E"])[x["place"]]
    for l in range(2):
        v = block("y.%d" % l, "u.%d" % l, "x.%d" % l, "x_2.%d" % l, "n.%d" % l, v)
    gain, bias = torch.tensor(p["logits.gain"]), torch.tensor(p["logits.bias"])
    return [flat(torch.nn.functional.layer_norm(v, (8,), gain, bias, 1e-5), p, "logits")]


def characters(w, x):
    e, parts = [torch.tensor(w["y.e.E"])[word].T[None] for word in x["text"]], []
    for name, width in zip("abd", (1, 2, 3)):
        kernel = torch.stack([torch.tensor(w["y.%s.W%d" % (name, k)]) for k in range(width)], 2)
        bias = torch.tensor(w["y.%s.b" % name])
        conv = [torch.conv1d(torch.nn.functional.pad(v, (0, width - 1)), kernel, bias) for v in e]
        parts.append(torch.stack([torch.tanh(v)[0].max(1)[0] for v in conv]))
    u = torch.cat(parts, 1)
    t = torch.sigmoid(flat(u, w, "y.t"))
    y = t * torch.relu(flat(u, w, "y")) + (1 - t) * u
    return [flat(layer(torch.nn.LSTM, set_layer, w, "logits.i", y, 7), w, "logits"), y]


MODELS = {
    "rnn": recurrent(torch.nn.RNN, [("hs", "l0")], set_layer, ".h", 2),
    "rnn_relu": recurrent(torch.nn.RNN, [("hs", "l0")], set_layer, ".h", 2, nonlinearity="relu"),
    "lstm": recurrent(torch.nn.LSTM, [("hs", "l0")], set_layer, ".i", 3),
    "gru_reset_after": recurrent(torch.nn.GRU, [("hs", "l0")], set_gru, "", 2),
    "stacked": recurrent(torch.nn.LSTM, [("y.%d" % l, "l%d" % l) for l in range(3)], set_layer, ".i", num_layers=3),
    "stacked_bidirectional": recurrent(
        torch.nn.GRU, [("%s.%d" % (d, l), "l%d%s" % (l, s)) for l in (0, 1) for d, s in (("f", ""), ("b", "_reverse"))],
        set_gru, "", num_layers=2, bidirectional=True),
    "lstmp": projection,
    "bidirectional": both,
    "transformer": transformer,
    "transformer_causal": causal,
    "initial": starts,
    "heads": readouts,
    "embedding": contextual,
    "layernorm": normalised,
    "cnnrnn": convolved,
    "charaware": characters,
}


def packed():
    """How far a padded batch is, as PyTorch packs it, from the stored outputs of each sequence: lengths end at the real end."""
    r, worst = next(r for r in references.ROWS if r.model == "bidirectional"), 0.0
    for seed in range(SEEDS):
        v = Vectors(r, seed)
        net = torch.nn.LSTM(5, 7, bidirectional=True)
        set_layer(net, v.weights, "f.i", "l0")
        set_layer(net, v.weights, "back.i", "l0_reverse")
        lengths = [len(x["x"]) for x in v.inputs]
        batch = torch.nn.utils.rnn.pad_sequence([torch.tensor(x["x"]) for x in v.inputs], padding_value=float("nan"))
        together = torch.nn.utils.rnn.pack_padded_sequence(batch, lengths, enforce_sorted=False)
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(net(together)[0])
        for b, n in enumerate(lengths):
            worst = max(worst, abs(y[:n, b].detach().numpy() - v.outputs[b][0]).max(), abs(y[n:, b].detach().numpy()).sum())
    return worst


def main():
    far = packed()
    passed, failed = int(far <= 1e-12), int(far > 1e-12)
    print("%s R06 R13 bidirectional, packed: %.1e from torch" % ("FAIL" if failed else "PASS", far))
    for r in references.ROWS:
        run = MODELS.get(r.model)
        if not run:
            continue
        worst = 0.0
        for seed in range(SEEDS):
            v = Vectors(r, seed)
            for x, wanted in zip(v.inputs, v.outputs):
                for got, want in zip(run(v.weights, x), wanted):
                    if got is not None:
                        worst = max(worst, abs(got.detach().numpy() - want).max())
        good = worst <= 1e-12
        passed, failed = passed + good, failed + (not good)
        print("%s %s %s: %.1e from torch" % ("PASS" if good else "FAIL", r.name, r.model, worst))
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
