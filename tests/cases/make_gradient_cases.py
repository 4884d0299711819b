#!/usr/bin/env python3
"""Makes the cases gradient_* of this folder: models with ai.onnx.preview.training's Gradient, and what they compute.

    tests/cases/make_gradient_cases.py [FOLDER]        deterministic; needs NumPy and PyTorch (Debian's python3-torch)

The expected outputs are those of PyTorch's autograd in float64, rounded to float32 once. Recurrent layers are PyTorch's own, with
ONNX's weights put in PyTorch's order.
"""
import os
import sys

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from make_cases import Graph, case, uniform  # noqa: E402

DOMAIN = "ai.onnx.preview.training"


def gradient(g, y, xs, zs=(), inputs=None, outputs=None):
    attributes = {"xs": list(xs), "y": y}
    if zs:
        attributes["zs"] = list(zs)
    g.node("Gradient", ",".join(inputs or [*xs, *zs]), ",".join(outputs or ["d" + x for x in xs]), DOMAIN, **attributes)


def declared(values):
    return [(name, np.asarray(a).dtype.name, list(np.asarray(a).shape)) for name, a in values.items()]


def leaves(values):
    """Floats as float64 leaves of autograd."""
    return {k: torch.tensor(a.astype(np.float64), requires_grad=True) if a.dtype == np.float32 else torch.tensor(a)
            for k, a in values.items()}  # fmt: skip


def write(name, g, values, results, opset=17):
    """results: name -> tensor, in the order of the outputs."""
    g.inputs = declared(values)
    g.outputs = [(k, "float32", list(v.shape)) for k, v in results.items()]
    case(name, g, [(list(values.values()), [v.detach().numpy() for v in results.values()])], opset)


def differentiated(name, g, values, function, xs, zs=(), opset=17, extra=None):
    """The graph's `loss`, and its gradients by the xs."""
    gradient(g, "loss", xs, zs)
    t = leaves(values)
    loss = function(**t)
    grads = torch.autograd.grad(loss, [t[x] for x in xs])
    write(name, g, values, {"loss": loss, **{"d" + x: d for x, d in zip(xs, grads)}, **(extra or {})}, opset)


# ------------------------------------------------------------------------------------------------ layers


def perceptron():
    """Gemm, Relu, Gemm with a transposed weight, cross entropy by LogSoftmax."""
    rng, g = np.random.RandomState(201), Graph("perceptron")
    g.node("Gemm", "x,w1,b1", "h")
    g.node("Relu", "h", "r")
    g.node("Gemm", "r,w2,b2", "s", transB=1)
    g.node("LogSoftmax", "s", "p", axis=1)
    g.node("NegativeLogLikelihoodLoss", "p,target", "loss")
    values = {"x": uniform(rng, 6, 4, scale=1.0), "w1": uniform(rng, 4, 7), "b1": uniform(rng, 7),
              "w2": uniform(rng, 3, 7), "b2": uniform(rng, 3), "target": np.array([0, 2, 1, 1, 2, 0])}  # fmt: skip

    def function(x, w1, b1, w2, b2, target):
        return F.cross_entropy(F.linear(F.relu(x @ w1 + b1), w2, b2), target)

    differentiated("gradient_perceptron", g, values, function, ["x", "w1", "b1", "w2", "b2"])


def layer_norm():
    """MatMul of a batch, LayerNormalization, Gelu's tanh by hand, Softmax, a weighted mean."""
    rng, g = np.random.RandomState(202), Graph("layer_norm")
    g.node("MatMul", "x,w", "a")
    g.node("LayerNormalization", "a,scale,shift", "n", axis=-1)
    g.node("Tanh", "n", "t")
    g.node("Mul", "t,n", "m")
    g.node("Softmax", "m", "s", axis=-1)
    g.node("Mul", "s,v", "u")
    g.node("ReduceMean", "u", "loss", keepdims=0)
    values = {"x": uniform(rng, 2, 3, 4, scale=1.0), "w": uniform(rng, 4, 5), "scale": uniform(rng, 5) + np.float32(1),
              "shift": uniform(rng, 5), "v": uniform(rng, 3, 5, scale=1.0)}  # fmt: skip

    def function(x, w, scale, shift, v):
        n = F.layer_norm(x @ w, [5], scale, shift)
        return (F.softmax(torch.tanh(n) * n, -1) * v).mean()

    differentiated("gradient_layer_norm", g, values, function, ["x", "w", "scale", "shift"], ["v"])


def convolution():
    """Conv with strides, pads and groups, MaxPool, a mean over places."""
    rng, g = np.random.RandomState(203), Graph("convolution")
    g.node("Conv", "x,w,b", "c", kernel_shape=[3, 3], strides=[2, 1], pads=[1, 1, 1, 0], group=2)
    g.node("MaxPool", "c", "p", kernel_shape=[2, 2], strides=[2, 2])
    g.node("GlobalAveragePool", "p", "m")
    g.node("Mul", "m,m", "q")
    g.node("ReduceSum", "q", "loss", keepdims=0)
    values = {"x": uniform(rng, 2, 4, 9, 8, scale=1.0), "w": uniform(rng, 6, 2, 3, 3), "b": uniform(rng, 6)}

    def function(x, w, b):
        c = F.conv2d(F.pad(x, (1, 0, 1, 1)), w, b, stride=(2, 1), groups=2)
        return F.max_pool2d(c, 2).mean((2, 3)).square().sum()

    differentiated("gradient_convolution", g, values, function, ["x", "w", "b"])


def embedding():
    """Gather of rows, some twice, and of none; indices that the caller gives."""
    rng, g = np.random.RandomState(204), Graph("embedding")
    g.node("Gather", "table,ids", "e")
    g.node("ReduceMean", "e", "m", axes=[1], keepdims=0)
    g.node("Sigmoid", "m", "s")
    g.node("ReduceProd", "s", "p", axes=[1], keepdims=0)
    g.node("ReduceSum", "p", "loss", keepdims=0)
    values = {"table": uniform(rng, 7, 3, scale=1.0), "ids": np.array([[1, 4, 1], [6, 6, 6], [0, 2, -1]])}
    differentiated("gradient_embedding", g, values,
                   lambda table, ids: torch.sigmoid(table[ids].mean(1)).prod(1).sum(), ["table"])  # fmt: skip


def elsewhere():
    """The gradient of a part, at other values than those of the model: dL/dh at h = k."""
    rng, g = np.random.RandomState(205), Graph("elsewhere")
    g.node("MatMul", "x,w", "h")
    g.node("Erf", "h", "a")
    g.node("Mul", "a,v", "b")
    g.node("ReduceSumSquare", "b", "loss", keepdims=0)
    gradient(g, "loss", ["h", "v"], inputs=["k", "v"])
    values = {"x": uniform(rng, 3, 4), "w": uniform(rng, 4, 2), "v": uniform(rng, 2), "k": uniform(rng, 5, 2, scale=1.0)}
    t = leaves(values)

    def loss(h):
        return (torch.erf(h) * t["v"]).square().sum()

    dh, dv = torch.autograd.grad(loss(t["k"]), [t["k"], t["v"]])
    write("gradient_elsewhere", g, values, {"loss": loss(t["x"] @ t["w"]), "dh": dh, "dv": dv})


def second_order():
    """A Gradient of a Gradient: d(dL/dw)/dx and d2L/dw2, summed over the elements of dL/dw."""
    rng, g = np.random.RandomState(206), Graph("second_order")
    g.node("MatMul", "x,w", "a")
    g.node("Tanh", "a", "t")
    g.node("Sub", "t,l", "e")
    g.node("Mul", "e,e", "q")
    g.node("ReduceSum", "q", "loss", keepdims=0)
    gradient(g, "loss", ["x", "w"], ["l"], outputs=["dx", "dw"])
    gradient(g, "dw", ["x", "w"], ["l"], outputs=["dwx", "dww"])
    values = {"x": uniform(rng, 3, 4, scale=1.0), "w": uniform(rng, 4, 2), "l": uniform(rng, 3, 2)}
    t = leaves(values)
    loss = (torch.tanh(t["x"] @ t["w"]) - t["l"]).square().sum()
    dx, dw = torch.autograd.grad(loss, [t["x"], t["w"]], create_graph=True)
    dwx, dww = torch.autograd.grad(dw.sum(), [t["x"], t["w"]])
    write("gradient_second_order", g, values, {"loss": loss, "dx": dx, "dw": dw, "dwx": dwx, "dww": dww})


# ------------------------------------------------------------------------------------------------ recurrence

ORDER = {"LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2], "RNN": [0]}  # PyTorch's gates, as places in ONNX's


def layer(op, x, w, r, b, h0, c0=None, lens=None):
    """PyTorch's layer of the same name: Y [T, directions, B, H] and the last states."""
    n, hidden = w.shape[0], r.shape[2]
    gates = len(ORDER[op])

    def gate_order(a):
        return a.reshape(gates, hidden, *a.shape[1:])[ORDER[op]].reshape(a.shape)

    weights = []
    for d in range(n):
        weights += [gate_order(w[d]), gate_order(r[d]), *map(gate_order, b[d].chunk(2))]
    run = {"LSTM": torch.lstm, "GRU": torch.gru, "RNN": torch.rnn_tanh}[op]
    state = h0 if c0 is None else (h0, c0)
    if lens is None:
        y, *last = run(x, state, weights, True, 1, 0.0, False, n == 2, False)
    else:  # of which only GRU is wanted
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lens, enforce_sorted=False)
        y, h = run(packed.data, packed.batch_sizes, h0[:, packed.sorted_indices], weights, True, 1, 0.0, False, n == 2)
        packed = torch.nn.utils.rnn.PackedSequence(y, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(packed, total_length=x.shape[0])
        last = [h[:, packed.unsorted_indices]]
    return y.reshape(x.shape[0], x.shape[1], n, hidden).transpose(1, 2), *last


def recurrent_values(rng, op, n, T, B, I, H):
    gates = len(ORDER[op])
    values = {"x": uniform(rng, T, B, I, scale=1.0), "w": uniform(rng, n, gates * H, I),
              "r": uniform(rng, n, gates * H, H), "b": uniform(rng, n, 2 * gates * H), "h0": uniform(rng, n, B, H)}  # fmt: skip
    if op == "LSTM":
        values["c0"] = uniform(rng, n, B, H)
    return values


def lstm():
    rng, g, H = np.random.RandomState(211), Graph("lstm"), 5
    values = recurrent_values(rng, "LSTM", 1, 7, 3, 4, H)
    values["v"] = uniform(rng, 7, 1, 3, H, scale=1.0)
    g.node("LSTM", "x,w,r,b,,h0,c0", "Y,Yh,Yc", hidden_size=H)
    g.node("Mul", "Y,v", "m")
    g.node("ReduceSum", "m", "s1", keepdims=0)
    g.node("ReduceSumSquare", "Yc", "s2", keepdims=0)
    g.node("Add", "s1,s2", "loss")

    def function(x, w, r, b, h0, c0, v):
        y, _, c = layer("LSTM", x, w, r, b, h0, c0)
        return (y * v).sum() + c.square().sum()

    differentiated("gradient_lstm", g, values, function, ["x", "w", "r", "b", "h0", "c0"], ["v"])


def gru_both_lengths():
    rng, g, H = np.random.RandomState(212), Graph("gru"), 3
    values = recurrent_values(rng, "GRU", 2, 6, 4, 5, H)
    values["lens"] = np.array([6, 2, 1, 5], dtype=np.int32)
    g.node("GRU", "x,w,r,b,lens,h0", "Y,Yh", hidden_size=H, direction="bidirectional", linear_before_reset=1)
    g.node("ReduceSumSquare", "Y", "s1", keepdims=0)
    g.node("ReduceSum", "Yh", "s2", keepdims=0)
    g.node("Sub", "s1,s2", "loss")

    def function(x, w, r, b, h0, lens):
        y, h = layer("GRU", x, w, r, b, h0, lens=lens.long())
        return y.square().sum() - h.sum()

    differentiated("gradient_gru_both_lengths", g, values, function, ["x", "w", "r", "b", "h0"], ["lens"])


def rnn_second_order():
    """The second derivative through time."""
    rng, g, H = np.random.RandomState(213), Graph("rnn"), 3
    values = recurrent_values(rng, "RNN", 1, 4, 2, 2, H)
    g.node("RNN", "x,w,r,b,,h0", "Y,Yh", hidden_size=H)
    g.node("ReduceSumSquare", "Y", "loss", keepdims=0)
    names = ["x", "w", "r", "b", "h0"]
    gradient(g, "loss", names)
    gradient(g, "dr", names, outputs=["dr" + x for x in names])
    t = leaves(values)
    y, _ = layer("RNN", **t)
    first = torch.autograd.grad(y.square().sum(), [t[x] for x in names], create_graph=True)
    second = torch.autograd.grad(first[2].sum(), [t[x] for x in names])
    write("gradient_rnn_second_order", g, values,
          {"dr": first[2], **{"dr" + x: d for x, d in zip(names, second)}})  # fmt: skip


def scan_and_loop():
    """A Scan with a weight captured from outside, and a Loop of a known number of steps behind it."""
    rng, g, H = np.random.RandomState(214), Graph("scan"), 3
    values = {"x": uniform(rng, 5, H, scale=1.0), "w": uniform(rng, H, H, scale=1.0), "h0": uniform(rng, H)}
    body = Graph("step")
    body.node("MatMul", "h,w", "a")
    body.node("Add", "a,xt", "s")
    body.node("Tanh", "s", "hn")
    body.node("Mul", "hn,xt", "y")
    body.inputs = [("h", "float32", [H]), ("xt", "float32", [H])]
    body.outputs = [("hn", "float32", [H]), ("y", "float32", [H])]
    g.node("Scan", "h0,x", "hT,ys", num_scan_inputs=1, body=body)
    again = Graph("again")
    again.node("MatMul", "k,w", "ka")
    again.node("Sigmoid", "ka", "kn")
    again.node("Identity", "go", "gon")
    again.inputs = [("i", "int64", []), ("go", "bool", []), ("k", "float32", [H])]
    again.outputs = [("gon", "bool", []), ("kn", "float32", [H])]
    g.weight("three", np.array(3))
    g.weight("true", np.array(True))
    g.node("Loop", "three,true,hT", "kT", body=again)
    g.node("Mul", "kT,kT", "q")
    g.node("Add", "ys,q", "z")
    g.node("ReduceSum", "z", "loss", keepdims=0)

    def function(x, w, h0):
        h, ys = h0, []
        for xt in x:
            h = torch.tanh(h @ w + xt)
            ys.append(h * xt)
        for _ in range(3):
            h = torch.sigmoid(h @ w)
        return (torch.stack(ys) + h * h).sum()

    differentiated("gradient_scan_and_loop", g, values, function, ["x", "w", "h0"])


def training_step():
    """A whole step of training: two LSTMs, a classifier, cross entropy, its gradients, and Momentum on all the weights."""
    rng, g, I, H, K = np.random.RandomState(215), Graph("training_step"), 4, 6, 3
    sizes = {"w1": (1, 4 * H, I), "r1": (1, 4 * H, H), "b1": (1, 8 * H), "w2": (1, 4 * H, H), "r2": (1, 4 * H, H),
             "b2": (1, 8 * H), "v": (K, H), "a": (K,)}  # fmt: skip
    values = {"x": uniform(rng, 8, 2, I, scale=1.0), "target": np.array([2, 0]), "rate": np.array(0.1, dtype=np.float32),
              "count": np.array(3)}  # fmt: skip
    weights = {k: uniform(rng, *s) for k, s in sizes.items()}
    moved = {"m" + k: uniform(rng, *s) for k, s in sizes.items()}
    g.node("LSTM", "x,w1,r1,b1", "Y1", hidden_size=H)
    g.node("Squeeze", "Y1,one", "h1")
    g.node("LSTM", "h1,w2,r2,b2", ",Yh2", hidden_size=H)
    g.node("Squeeze", "Yh2,zero", "h2")
    g.node("Gemm", "h2,v,a", "s", transB=1)
    g.node("SoftmaxCrossEntropyLoss", "s,target", "loss")
    g.weight("one", np.array([1]))
    g.weight("zero", np.array([0]))
    names = list(sizes)
    gradient(g, "loss", names, ["x", "target"])
    g.node("Momentum", ",".join(["rate", "count", *names, *["d" + k for k in names], *moved]),
           ",".join(["n" + k for k in [*names, *moved]]), DOMAIN, alpha=0.9, beta=0.8, norm_coefficient=0.01, mode="standard")  # fmt: skip
    values.update(weights)
    values.update(moved)
    t = leaves(values)
    zero = torch.zeros(1, 2, H, dtype=torch.float64)
    y1, _, _ = layer("LSTM", t["x"], t["w1"], t["r1"], t["b1"], zero, zero)
    _, h2, _ = layer("LSTM", y1[:, 0], t["w2"], t["r2"], t["b2"], zero, zero)
    loss = F.cross_entropy(F.linear(h2[0], t["v"], t["a"]), t["target"])
    grads = torch.autograd.grad(loss, [t[k] for k in names])
    new_m = [0.9 * t["m" + k] + 0.8 * (d + 0.01 * t[k]) for k, d in zip(names, grads)]
    new = [t[k] - 0.1 * m for k, m in zip(names, new_m)]
    results = {"loss": loss, **{"n" + k: a for k, a in zip(names, new)}, **{"nm" + k: a for k, a in zip(names, new_m)}}
    write("gradient_training_step", g, values, results)


perceptron()
layer_norm()
convolution()
embedding()
elsewhere()
second_order()
lstm()
gru_both_lengths()
rnn_second_order()
scan_and_loop()
training_step()
