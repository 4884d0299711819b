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


def characters(w, x):
    e, parts = [torch.tensor(w["y.e.E"])[word].T[None] for word in x["text"]], []
    for name, width in zip("abd", (1, 2, 3)):
        kernel = torch.stack([torch.tensor(w["y.%s.W%d" % (name, k)]) for k in range(width)], 2)
        bias = torch.tensor(w["y.%s.b" % name])
        conv = [torch.conv1d(torch.nn.functional.pad(v, (0, width - 1)), kernel, bias) for v in e]
        parts.append(torch.stack([torch.tanh(v)[0].max(1)[0] for v in conv]))
    u = torch.cat(parts, 1)
    t = torch.sigmoid(torch.nn.functional.linear(u, torch.tensor(w["y.t.W0"]), torch.tensor(w["y.t.b"])))
    return [None, t * torch.relu(torch.nn.functional.linear(u, torch.tensor(w["y.W0"]), torch.tensor(w["y.b"]))) + (1 - t) * u]


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
    "charaware": characters,
}


def main():
    passed = failed = 0
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
