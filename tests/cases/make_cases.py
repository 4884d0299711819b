#!/usr/bin/env python3
"""Makes the cases in this folder: small recurrent models and what they compute, in the ONNX backend-test layout.

    tests/cases/make_cases.py [FOLDER]        deterministic; needs NumPy only

The expected outputs are those of the float64 model below, written from the text of the ONNX specification (operators RNN,
LSTM, GRU, Scan, Loop, If, those on strings) and rounded to float32 once. The files are written by the few lines of tests/protobuf.py,
so that no other tool's reading of ONNX is in between.
"""
import json
import os
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from protobuf import data, number, varint  # noqa: E402

# ------------------------------------------------------------------------------------------------ ONNX


TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9}


def tensor(name, a):
    if a.dtype.kind == "U":
        return b"".join(number(1, d) for d in a.shape) + number(2, 8) + b"".join(data(6, s) for s in a.flat) + data(8, name)
    return b"".join(number(1, d) for d in a.shape) + number(2, TYPES[a.dtype.name]) + data(8, name) + data(9, a.tobytes())


def attribute(name, value):
    head = data(1, name)
    if isinstance(value, Graph):
        return head + number(20, 5) + data(6, value.bytes())
    if isinstance(value, float):
        return head + number(20, 1) + varint(2 << 3 | 5) + np.float32(value).tobytes()
    if isinstance(value, int):
        return head + number(20, 2) + number(3, value)
    if isinstance(value, str):
        return head + number(20, 3) + data(4, value)
    if isinstance(value[0], float):
        return head + number(20, 6) + b"".join(varint(7 << 3 | 5) + np.float32(v).tobytes() for v in value)
    if isinstance(value[0], int):
        return head + number(20, 7) + b"".join(number(8, v) for v in value)
    return head + number(20, 8) + b"".join(data(9, v) for v in value)


class Graph:
    """inputs: (name, dtype, dims), a dim a number or a name; dims None: any shape."""

    def __init__(self, name="g"):
        self.name, self.nodes, self.weights, self.inputs, self.outputs = name, [], [], [], []
        self.domains = set()

    def node(self, op, inputs, outputs, domain="", **attributes):
        n = b"".join(data(1, i) for i in inputs.split(",")) if inputs else b""
        n += b"".join(data(2, o) for o in outputs.split(",")) + data(3, "/" + outputs.split(",")[0]) + data(4, op)
        n += data(7, domain) if domain else b""
        self.domains |= {domain} if domain else set()
        self.nodes.append(n + b"".join(data(5, attribute(k, v)) for k, v in attributes.items()))

    def weight(self, name, a):
        self.weights.append(tensor(name, a))

    @staticmethod
    def info(name, dtype, dims):
        kind = number(1, TYPES[dtype])
        if dims is not None:
            kind += data(2, b"".join(data(1, number(1, d) if isinstance(d, int) else data(2, d)) for d in dims))
        return data(1, name) + data(2, data(1, kind))

    def bytes(self):
        return (
            b"".join(data(1, n) for n in self.nodes)
            + data(2, self.name)
            + b"".join(data(5, w) for w in self.weights)
            + b"".join(data(11, self.info(*i)) for i in self.inputs)
            + b"".join(data(12, self.info(*o)) for o in self.outputs)
        )

    def model(self, opset=14):
        versions = {"ai.onnx.preview.training": 1, "ai.onnx.ml": 4, "com.microsoft": 1}
        return number(1, 8) + data(2, "rnncc") + data(7, self.bytes()) + data(8, number(2, opset)) + b"".join(
            data(8, data(1, d) + number(2, versions[d])) for d in sorted(self.domains)
        )


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)


def case(name, graph, sets, opset=14, spec=None):
    """sets: (inputs, outputs) by name, in the order of the model; None: an input that is not given."""
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    write(os.path.join(folder, "model.onnx"), graph.model(opset))
    if spec:
        write(os.path.join(folder, "case.json"), json.dumps(spec).encode() + b"\n")
    for k, (inputs, outputs) in enumerate(sets):
        for kind, values, described in (("input", inputs, graph.inputs), ("output", outputs, graph.outputs)):
            for i, (a, what) in enumerate(zip(values, described)):
                a = np.asarray(a, dtype=what[1], order="C")
                write(os.path.join(folder, f"test_data_set_{k}", f"{kind}_{i}.pb"), tensor(what[0], a))


# ------------------------------------------------------------------------------------------------ the float64 model

ACTIVATIONS = {  # name: (function of x, alpha, beta; default alpha, default beta); None: takes none
    "Tanh": (lambda x, a, b: np.tanh(x), None, None),
    "Sigmoid": (lambda x, a, b: 1 / (1 + np.exp(-x)), None, None),
    "Relu": (lambda x, a, b: np.maximum(x, 0), None, None),
    "Softsign": (lambda x, a, b: x / (1 + np.abs(x)), None, None),
    "LeakyRelu": (lambda x, a, b: np.where(x < 0, a * x, x), 0.01, None),
    "Elu": (lambda x, a, b: np.where(x < 0, a * (np.exp(x) - 1), x), 1.0, None),
    "Affine": (lambda x, a, b: a * x + b, 1.0, 0.0),
    "HardSigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), 0.2, 0.5),
}
DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def functions(op, directions, attributes):
    """Per direction the activations; alpha and beta go to those that take one, in order."""
    names = attributes.get("activations", DEFAULTS[op] * directions)
    alphas, betas = iter(attributes.get("activation_alpha", [])), iter(attributes.get("activation_beta", []))
    made = []
    for n in names:
        f, a, b = ACTIVATIONS[n]
        a = next(alphas, a) if a is not None else 0
        b = next(betas, b) if b is not None else 0
        made.append(lambda x, f=f, a=a, b=b: f(x, a, b))
    return np.reshape(np.array(made, dtype=object), (directions, -1))


def one_direction(op, x, w, r, b, p, lens, h, c, act, attributes, reverse):
    H = r.shape[1]
    clip = attributes.get("clip")
    bound = (lambda v: np.clip(v, -clip, clip)) if clip else (lambda v: v)
    T, B = x.shape[:2]
    y = np.zeros((T, B, H))
    h, c = h.copy(), c.copy()
    for i in range(B):
        order = range(lens[i])
        for t in reversed(order) if reverse else order:
            a = (w @ x[t, i] + b[: len(b) // 2]).reshape(-1, H)
            u = (r @ h[i] + b[len(b) // 2 :]).reshape(-1, H)
            if op == "RNN":
                h[i] = act[0](bound(a[0] + u[0]))
            elif op == "GRU":  # z r h
                z, s = act[0](bound(a[0] + u[0])), act[0](bound(a[1] + u[1]))
                if attributes.get("linear_before_reset"):
                    n = a[2] + s * u[2]
                else:
                    n = a[2] + r[2 * H :] @ (s * h[i]) + b[len(b) // 2 + 2 * H :]
                h[i] = (1 - z) * act[1](bound(n)) + z * h[i]
            else:  # i o f c; peepholes i o f
                g = act[0](bound(a[0] + u[0] + p[:H] * c[i]))
                f = 1 - g if attributes.get("input_forget") else act[0](bound(a[2] + u[2] + p[2 * H :] * c[i]))
                c[i] = f * c[i] + g * act[1](bound(a[3] + u[3]))
                o = act[0](bound(a[1] + u[1] + p[H : 2 * H] * c[i]))
                h[i] = o * act[2](c[i])
            y[t, i] = h[i]
    return y, h, c


def recurrent(op, x, w, r, b=None, lens=None, h=None, c=None, p=None, **attributes):
    """Gives Y, Y_h, Y_c in float64."""
    batch_first = attributes.get("layout", 0) == 1
    x = np.asarray(x, np.float64)
    x, h, c = (v if v is None or not batch_first else v.swapaxes(0, 1) for v in (x, h, c))
    D, _, H = r.shape
    T, B = x.shape[:2]
    zeros = np.zeros((D, B, H))
    b = np.zeros((D, 2 * GATES[op] * H)) if b is None else b
    p = np.zeros((D, 3 * H)) if p is None else p
    lens = [T] * B if lens is None else lens
    h = zeros if h is None else h
    c = zeros if c is None else c
    act = functions(op, D, attributes)
    done = [
        one_direction(
            op, x, *(v[d].astype(np.float64) for v in (w, r, b, p)), lens, *(v[d].astype(np.float64) for v in (h, c)),
            act[d], attributes, d == 1 or attributes.get("direction") == "reverse")
        for d in range(D)
    ]  # fmt: skip
    y, yh, yc = np.stack([d[0] for d in done], 1), np.stack([d[1] for d in done]), np.stack([d[2] for d in done])
    if batch_first:
        return y.transpose(2, 0, 1, 3), yh.swapaxes(0, 1), yc.swapaxes(0, 1)
    return y, yh, yc


# ------------------------------------------------------------------------------------------------ cases of one node


def uniform(rng, *shape, scale=0.5):
    return rng.uniform(-scale, scale, shape).astype(np.float32)


def one_node(name, op, seed, I, H, sizes, given="b", run_time="", opset=14, **attributes):
    """given: which optional inputs there are, of b(ias) l(engths) h c p(eepholes); run_time: W and R are inputs too.
    sizes: T, B of each data set."""
    rng = np.random.RandomState(seed)
    D, G = 2 if attributes.get("direction") == "bidirectional" else 1, GATES[op]
    batch_first = attributes.get("layout") == 1
    state = ["B", D, H] if batch_first else [D, "B", H]
    shapes = {
        "X": ["B", "T", I] if batch_first else ["T", "B", I],
        "W": [D, G * H, I],
        "R": [D, G * H, H],
        "b": [D, 2 * G * H],
        "l": ["B"],
        "h": state,
        "c": state,
        "p": [D, 3 * H],
    }
    constant = {k: uniform(rng, *shapes[k]) for k in ("W", "R", "b", "p") if k in "WR" + given and not run_time}
    g = Graph(name)
    inputs = ["X", "W", "R"] + [k if k in given else "" for k in "blhcp"[: 5 if op == "LSTM" else 3]]
    while not inputs[-1]:
        inputs.pop()
    outputs = ["Y", "Y_h", "Y_c"][: 3 if op == "LSTM" else 2]
    g.node(op, ",".join(inputs), ",".join(outputs), hidden_size=H, **attributes)
    for k, a in constant.items():
        g.weight(k, a)
    g.inputs = [(k, "int32" if k == "l" else "float32", shapes[k]) for k in inputs if k and k not in constant]
    full = {"Y": ["B", "T", D, H] if batch_first else ["T", D, "B", H], "Y_h": state, "Y_c": state}
    g.outputs = [(k, "float32", full[k]) for k in outputs]
    sets = []
    for T, B in sizes:
        values = {k: uniform(rng, *({"T": T, "B": B}.get(d, d) for d in dims), scale=1.0) for k, _, dims in g.inputs if k != "l"}
        lens = None
        if "l" in given:
            values["l"] = lens = np.array([[T, 0, 1, T - 1][i % 4] for i in range(B)])
            steps = values["X"].swapaxes(0, 1) if batch_first else values["X"]
            for i in range(B):
                steps[lens[i] :, i] = np.nan  # padding: never to be seen in an output
        every = {**constant, **values}
        wanted = recurrent(
            op, every["X"], every["W"], every["R"], every.get("b"), lens, every.get("h"), every.get("c"), every.get("p"), **attributes)
        sets.append(([values[k] for k, _, _ in g.inputs], wanted[: len(outputs)]))
    case(name, g, sets, opset)


# ------------------------------------------------------------------------------------------------ cases of several nodes


def integer_sums():
    """Sums of integers that f32 counts exactly, and odd ones beyond 2^24, which it cannot."""
    g = Graph("integer_sums")
    sets, rng = [], np.random.RandomState(22)
    x = np.full((2, 600), 255, np.uint8)
    x[0, 0], x[1] = 254, rng.randint(0, 256, 600)
    for k, (zero, columns) in enumerate(((0, [127, 126]), (3, [2, -5]))):
        w = np.tile(np.array(columns, np.int8), (600, 1))
        sums = (x.astype(np.int64) - zero) @ w.astype(np.int64)
        g.weight(f"w{k}", w)
        g.weight(f"zero{k}", np.array(zero, np.uint8))
        g.weight(f"near{k}", (sums // 1000 * 1000).astype(np.int32))
        g.node("MatMulInteger", f"x,w{k},zero{k}", f"sums{k}")
        g.node("Sub", f"sums{k},near{k}", f"y{k}")
        g.outputs.append((f"y{k}", "int32", [2, 2]))
        sets.append(sums % 1000)
    g.inputs = [("x", "uint8", [2, 600])]
    case("integer_sums", g, [([x], sets)])


def whole_numbers():
    """Floats made integers and floats again: cut, saturated, NaN made 0, and never -0, which the reciprocal tells."""
    g = Graph("whole_numbers")
    x = np.array([0.5, -0.5, -0.0, 2.7, -2.7, 126.9, 255.5, 256, -1, -129, 3e9, -3e9, 1e20, -1e20, np.inf, -np.inf, np.nan])
    sets = []
    for t in ("int8", "uint8", "int32", "int64"):
        g.node("Cast", "x", f"{t}", to=TYPES[t])
        g.node("Cast", f"{t}", f"{t}_x", to=TYPES["float32"])
        g.outputs.append((f"{t}_x", "float32", ["N"]))
        low, high = np.iinfo(t).min, np.iinfo(t).max
        sets.append(np.nan_to_num(np.trunc(np.clip(x.astype(np.float32).astype(np.float64), low, high))) + 0.0)
    g.node("Reciprocal", "int32_x", "reciprocal")
    g.outputs.append(("reciprocal", "float32", ["N"]))
    with np.errstate(divide="ignore"):
        sets.append(1 / sets[2])
    g.inputs = [("x", "float32", ["N"])]
    case("whole_numbers", g, [([x], sets)])


def unknown_dims():
    """Dims that are called ? need not be equal."""
    g = Graph("unknown_dims")
    g.node("Transpose", "x", "y")
    g.inputs, g.outputs = [("x", "float32", ["?", "?"])], [("y", "float32", ["?", "?"])]
    x = np.arange(6).reshape(2, 3)
    case("unknown_dims", g, [([x], [x.T])])


def convolution(x, w, stride):
    """By a window of 3 x 3, with a border of zeros; in float64."""
    n, _, height, width = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    y = np.zeros((n, len(w), height, width))
    for i, k in np.ndindex(3, 3):
        y += np.einsum("oc,nchw->nohw", w[:, :, i, k].astype(np.float64), padded[:, :, i : i + height, k : k + width])
    return y[:, :, ::stride, ::stride]


def halved_and_doubled():
    """Halved twice and doubled again, as a U-Net: joined with what it was before where height and width are multiples of 4. And
    the numbers of the rows, counted by a Range of floats, as YOLO's anchors."""
    rng, g = np.random.RandomState(31), Graph("halved_and_doubled")
    w = [uniform(rng, *shape, 3, 3) for shape in ((3, 2), (4, 3), (2, 7))]
    for k, a in enumerate(w):
        g.weight(f"w{k}", a)
    for k, a in (("scales", [1, 1, 2, 2]), ("first", 0), ("step", 1)):
        g.weight(k, np.array(a, np.float32))
    for k, a in (("axis", 2), ("column", [-1, 1])):
        g.weight(k, np.array(a, np.int64))
    around = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    g.node("Conv", "x,w0", "c1", strides=[2, 2], **around)
    g.node("Conv", "c1,w1", "c2", strides=[2, 2], **around)
    g.node("Resize", "c2,,scales", "u1", mode="nearest")
    g.node("Concat", "u1,c1", "joined", axis=1)
    g.node("Conv", "joined,w2", "d1", **around)
    g.node("Resize", "d1,,scales", "u0", mode="nearest")
    g.node("Add", "u0,x", "y")
    g.node("Shape", "c2", "shape")
    g.node("Gather", "shape,axis", "height")
    g.node("Cast", "height", "end", to=TYPES["float32"])
    g.node("Range", "first,end,step", "numbers")
    g.node("Reshape", "numbers,column", "rows")
    g.node("Mul", "c2,rows", "z")
    g.inputs = [("x", "float32", ["N", 2, "H", "W"])]
    g.outputs = [("y", "float32", ["N", 2, "H", "W"]), ("z", "float32", ["N", 4, "h", "w"])]
    sets = []
    for shape in ((1, 2, 8, 12), (2, 2, 4, 4), (1, 2, 20, 8)):
        x = uniform(rng, *shape, scale=1.0)
        c1 = convolution(x, w[0], 2)
        c2 = convolution(c1, w[1], 2)
        d1 = convolution(np.concatenate([c2.repeat(2, 2).repeat(2, 3), c1], 1), w[2], 1)
        sets.append(([x], [d1.repeat(2, 2).repeat(2, 3) + x, c2 * np.arange(c2.shape[2])[:, None]]))
    case("halved_and_doubled", g, sets)


def whole_blocks():
    """A signal of any length, padded to 8 and then to whole blocks of 8, with one more before and behind: each block and the one
    behind it. All sizes are computed from its shape."""
    g = Graph("whole_blocks")
    for k, a in (("zero", [0]), ("one", [1]), ("two", [2]), ("seven", [7]), ("eight", [8]), ("zeros", [0, 0, 0])):
        g.weight(k, np.array(a, np.int64))
    g.weight("around", np.array([0, 8, 0, 8], np.int64))
    g.weight("blocks_of_8", np.array([-1, 8], np.int64))
    g.node("Shape", "x", "shape")
    g.node("Gather", "shape,one", "n")
    g.node("Sub", "eight,n", "missing")
    g.node("Max", "missing,zero", "lack")
    g.node("Concat", "zeros,lack", "behind", axis=0)
    g.node("Pad", "x,behind", "long")
    g.node("Max", "n,eight", "length")
    g.node("Add", "length,seven", "more")
    g.node("Div", "more,eight", "blocks")
    g.node("Mul", "blocks,eight", "whole")
    g.node("Sub", "whole,length", "rest")
    g.node("Concat", "zeros,rest", "to_whole", axis=0)
    g.node("Add", "to_whole,around", "pads")
    g.node("Pad", "long,pads", "padded")
    g.node("Reshape", "padded,blocks_of_8", "rows")
    g.node("Div", "n,eight", "full")
    g.node("Max", "full,one", "count")
    for first, end in (("one", "end1"), ("two", "end2")):
        g.node("Add", f"count,{first}", end)
        g.node("Slice", f"rows,{first},{end},zero", f"from_{first}")
    g.node("Concat", "from_one,from_two", "y", axis=1)
    g.inputs, g.outputs = [("x", "float32", [1, "T"])], [("y", "float32", ["B", 16])]
    sets = []
    for n in (21, 3, 8, 16):
        x, count = np.arange(1, n + 1)[None], max(n // 8, 1)
        rows = np.pad(x[0], (8, -max(n, 8) % 8 + max(8 - n, 0) + 8)).reshape(-1, 8)
        sets.append(([x], [np.concatenate([rows[1 : 1 + count], rows[2 : 2 + count]], 1)]))
    case("whole_blocks", g, sets)


def dynamic_product(x, w, scale, zero):
    """x W of a float32 x, quantised to 8 bits by its range and 0, as DynamicQuantizeLinear has it."""
    low, high = min(x.min(), np.float32(0)), max(x.max(), np.float32(0))
    step = (high - low) / np.float32(255) if high > low else np.float32(1)
    point = np.clip(np.rint(-low / step), 0, 255)
    q = np.clip(np.rint(x / step) + point, 0, 255) - point
    return q.astype(np.float64) @ (w.astype(np.float64) - zero) * (np.float64(step) * scale)


def quantized_lstm():
    """ONNX Runtime's operator, by its documentation: one range for all of X that any sequence has, one for the states of a step.
    A scale for each column backwards and forwards; lengths, of which none is T, and peepholes."""
    rng, H, I, D = np.random.RandomState(21), 9, 7, 2
    weights = {k: rng.randint(-127, 128, (D, n, 4 * H)).astype(np.int8) for k, n in (("W", I), ("R", H))}
    weights |= {k: rng.uniform(0.001, 0.006, (D, 4 * H)).astype(np.float32) for k in ("ws", "rs")}
    weights |= {"wz": np.zeros(D, np.int8), "rz": np.zeros((D, 4 * H), np.int8)}
    weights |= {"b": uniform(rng, D, 8 * H), "p": uniform(rng, D, 3 * H)}
    g = Graph("lstm_quantized")
    g.node("DynamicQuantizeLSTM", "X,W,R,b,l,,,p,ws,wz,rs,rz", "Y,Y_h,Y_c", domain="com.microsoft", hidden_size=H,
           direction="bidirectional")  # fmt: skip
    for k, a in weights.items():
        g.weight(k, a)
    g.inputs = [("X", "float32", ["T", "B", I]), ("l", "int32", ["B"])]
    g.outputs = [("Y", "float32", ["T", D, "B", H])] + [(k, "float32", [D, "B", H]) for k in ("Y_h", "Y_c")]
    sets = []
    for lens in ([3, 5, 2], [1]):
        T, B = max(lens) + 1, len(lens)
        x, lens = uniform(rng, T, B, I, scale=1.0), np.array(lens)
        x[T - 1] = 100  # no sequence has this step: not in the range
        y, last = np.zeros((T, D, B, H)), np.zeros((2, D, B, H))
        for d in range(D):
            w, r, ws, rs, wz, rz, b, p = (weights[k][d] for k in ("W", "R", "ws", "rs", "wz", "rz", "b", "p"))
            sums = dynamic_product(x[: T - 1], w, ws, wz) + b[: 4 * H] + b[4 * H :]
            h, c, (sigmoid,) = np.zeros((B, H)), np.zeros((B, H)), functions("RNN", 1, {"activations": ["Sigmoid"]})[0]
            for t in reversed(range(T - 1)) if d else range(T - 1):
                i, o, f, n = np.split(sums[t] + dynamic_product(h.astype(np.float32), r, rs, rz), 4, axis=1)
                next_c = sigmoid(f + p[2 * H :] * c) * c + sigmoid(i + p[:H] * c) * np.tanh(n)
                next_h = sigmoid(o + p[H : 2 * H] * next_c) * np.tanh(next_c)
                runs = (t < lens)[:, None]
                y[t, d] = np.where(runs, next_h, 0)
                h, c = np.where(runs, next_h, h), np.where(runs, next_c, c)
            last[0, d], last[1, d] = h, c
        sets.append(([x, lens], [y, last[0], last[1]]))
    case("lstm_quantized", g, sets, opset=17)


def stacked_lstm():
    """Two layers, then a linear layer on the last state: what exporters make of a classifier."""
    rng, I, H, O = np.random.RandomState(101), 6, 10, 3
    g = Graph("stacked")
    g.inputs, g.outputs = [("x", "float32", ["T", 2, I])], [("scores", "float32", [2, O]), ("y", "float32", ["T", 2, H])]
    layers = []
    for k, n in enumerate((I, H)):
        w = uniform(rng, 1, 4 * H, n), uniform(rng, 1, 4 * H, H), uniform(rng, 1, 8 * H)
        layers.append(w)
        for letter, a in zip("WRB", w):
            g.weight(f"{letter}{k}", a)
        g.node("LSTM", f"{'x' if k == 0 else 'y0s'},W{k},R{k},B{k}", f"y{k},h{k}", hidden_size=H)
        g.node("Squeeze", f"y{k},one", f"y{k}s" if k == 0 else "y")
    g.weight("one", np.array([1], np.int64))
    g.weight("zero", np.array([0], np.int64))
    wo, bo = uniform(rng, O, H), uniform(rng, O)
    g.weight("WO", wo)
    g.weight("BO", bo)
    g.node("Squeeze", "h1,zero", "last")
    g.node("Gemm", "last,WO,BO", "logits", transB=1)
    g.node("Softmax", "logits", "scores", axis=-1)
    sets = []
    for T in (1, 4):
        x = uniform(rng, T, 2, I, scale=1.0)
        y0 = recurrent("LSTM", x, *layers[0])[0][:, 0]
        y1, h1, _ = recurrent("LSTM", y0, *layers[1])
        e = np.exp(h1[0] @ wo.T.astype(np.float64) + bo)
        sets.append(([x], [e / e.sum(1, keepdims=True), y1[:, 0]]))
    case("stacked_lstm", g, sets)


def stream_lstm():
    """One step a call; hn and cn of a call are h0 and c0 of the next."""
    rng, I, H = np.random.RandomState(102), 4, 9
    w = uniform(rng, 1, 4 * H, I), uniform(rng, 1, 4 * H, H), uniform(rng, 1, 8 * H)
    g = Graph("stream")
    for letter, a in zip("WRB", w):
        g.weight(letter, a)
    g.node("LSTM", "x,W,R,B,,h0,c0", "y,hn,cn", hidden_size=H)
    g.inputs = [("x", "float32", [1, 1, I]), ("h0", "float32", [1, 1, H]), ("c0", "float32", [1, 1, H])]
    g.outputs = [("y", "float32", [1, 1, 1, H]), ("hn", "float32", [1, 1, H]), ("cn", "float32", [1, 1, H])]
    x = uniform(rng, 5, 1, I, scale=1.0)
    y = recurrent("LSTM", x, *w)[0]
    sets, h, c = [], np.zeros((1, 1, H)), np.zeros((1, 1, H))
    for t in range(5):
        before = [h, c]
        _, h, c = recurrent("LSTM", x[: t + 1], *w)
        sets.append(([x[t : t + 1], *before], [y[t : t + 1], h, c]))
    case("stream_lstm", g, sets, spec={"sequences": [{"first": 0, "last": 4, "carry": {"hn": "h0", "cn": "c0"}}]})


def scan_minimal_gated_unit():
    """A cell that ONNX has no operator for, as Scan: f = s(Wf x + Uf h), h' = (1 - f) h + f tanh(Wh x + Uh (f h)); one scan
    forwards, one backwards; its weights are the outer graph's."""
    rng, I, H = np.random.RandomState(103), 5, 7
    weights = {n: uniform(rng, I if n[0] == "W" else H, H) for n in ("Wf", "Uf", "Wh", "Uh")}
    g = Graph("scan")
    for n, a in weights.items():
        g.weight(n, a)
    g.weight("one", np.array(1, np.float32))
    g.inputs = [("x", "float32", ["T", 2, I]), ("h0", "float32", [2, H])]
    g.outputs = [("hf", "float32", [2, H]), ("yf", "float32", ["T", 2, H]), ("hb", "float32", [2, H]), ("yb", "float32", ["T", 2, H])]
    for d, out in enumerate(("hf,yf", "hb,yb")):
        body = Graph(f"cell{d}")
        body.inputs = [("h", "float32", [2, H]), ("xt", "float32", [2, I])]
        body.outputs = [("h_new", "float32", [2, H]), ("y", "float32", [2, H])]
        for op, inputs, output in (
            ("MatMul", "xt,Wf", "a"), ("MatMul", "h,Uf", "b"), ("Add", "a,b", "c"), ("Sigmoid", "c", "f"),
            ("Mul", "f,h", "fh"), ("MatMul", "xt,Wh", "d"), ("MatMul", "fh,Uh", "e"), ("Add", "d,e", "i"),
            ("Tanh", "i", "n"), ("Sub", "one,f", "keep"), ("Mul", "keep,h", "old"), ("Mul", "f,n", "new"),
            ("Add", "old,new", "h_new"), ("Identity", "h_new", "y"),
        ):  # fmt: skip
            body.node(op, inputs, output)
        directions = dict(scan_input_directions=[1], scan_output_directions=[1]) if d else {}
        g.node("Scan", "h0,x", out, body=body, num_scan_inputs=1, **directions)
    w = {n: a.astype(np.float64) for n, a in weights.items()}
    sets = []
    for T in (1, 6):
        x, h0 = uniform(rng, T, 2, I, scale=1.0), uniform(rng, 2, H, scale=1.0)
        outputs = []
        for d in range(2):
            h, y = h0.astype(np.float64), np.zeros((T, 2, H))
            for t in reversed(range(T)) if d else range(T):
                f = 1 / (1 + np.exp(-(x[t] @ w["Wf"] + h @ w["Uf"])))
                h = (1 - f) * h + f * np.tanh(x[t] @ w["Wh"] + (f * h) @ w["Uh"])
                y[t] = h
            outputs += [h, y]
        sets.append(([x, h0], outputs))
    case("scan_minimal_gated_unit", g, sets)


def loop_until():
    """Loop with a condition of its own and a trip count: h' = tanh(h W); stops when the greatest |h| falls below a limit."""
    rng, H = np.random.RandomState(104), 6
    w = uniform(rng, H, H, scale=0.4)
    g = Graph("loop")
    g.weight("W", w)
    g.weight("yes", np.array(True))
    g.inputs = [("n", "int64", []), ("h0", "float32", [H]), ("limit", "float32", [])]
    g.outputs = [("h", "float32", [H]), ("count", "int64", [])]
    g.weight("none", np.array(0, np.int64))
    body = Graph("body")
    body.inputs = [("i", "int64", []), ("go", "bool", []), ("hp", "float32", [H]), ("k", "int64", [])]
    body.outputs = [("more", "bool", []), ("hn", "float32", [H]), ("kn", "int64", [])]
    body.weight("unit", np.array(1, np.int64))
    for op, inputs, output in (
        ("MatMul", "hp,W", "a"), ("Tanh", "a", "hn"), ("Abs", "hn", "m"), ("Add", "k,unit", "kn"), ("Greater", "peak,limit", "more"),
    ):  # fmt: skip
        if op == "Greater":
            body.node("ReduceMax", "m", "peak", keepdims=0)
        body.node(op, inputs, output)
    g.node("Loop", "n,yes,h0,none", "h,count", body=body)
    sets = []
    for n, limit in ((0, 0.1), (3, 0.0), (50, 0.05)):
        h0 = uniform(rng, H, scale=1.0)
        h, k = h0.astype(np.float64), 0
        while k < n:
            h, k = np.tanh(h @ w.astype(np.float64)), k + 1
            if not np.abs(h).max() > limit:
                break
        assert n != 50 or 3 < k < 50
        sets.append(([np.array(n), h0, np.array(limit)], [h, np.array(k)]))
    case("loop_until", g, sets)


def if_forward_or_reverse():
    """If on an input, with a recurrent node in each branch; weights captured from outside."""
    rng, I, H = np.random.RandomState(105), 4, 5
    w = uniform(rng, 1, 3 * H, I), uniform(rng, 1, 3 * H, H), uniform(rng, 1, 6 * H)
    g = Graph("if")
    for letter, a in zip("WRB", w):
        g.weight(letter, a)
    g.inputs, g.outputs = [("backwards", "bool", []), ("x", "float32", ["T", 1, I])], [("y", "float32", ["T", 1, 1, H])]
    branches = {}
    for direction in ("forward", "reverse"):
        b = Graph(direction)
        b.node("GRU", "x,W,R,B", direction[0] + "y", hidden_size=H, direction=direction)
        b.outputs = [(direction[0] + "y", "float32", ["T", 1, 1, H])]
        branches[direction] = b
    g.node("If", "backwards", "y", then_branch=branches["reverse"], else_branch=branches["forward"])
    sets = []
    for backwards in (False, True):
        x = uniform(rng, 4, 1, I, scale=1.0)
        y = recurrent("GRU", x, *w, direction="reverse" if backwards else "forward")[0]
        sets.append(([np.array(backwards), x], [y]))
    case("if_forward_or_reverse", g, sets)


def strings():
    """Classes at run time are labels in between, which are compared and looked up; words of a text say what each weighs."""
    rng = np.random.RandomState(106)
    names = ["cat", "dog", "hen", "owl"]
    g = Graph("strings")
    g.weight("text", np.array("cat=2 dog=x owl=-3"))
    g.weight("pair", np.array([["=", "\N{SNOWMAN}"]]))
    g.weight("owl", np.array("owl"))
    g.weight("none", np.array(["none"]))
    g.inputs, g.outputs = [("x", "int64", ["T"])], [("y", "float32", ["T"]), ("owls", "bool", ["T"]), ("good", "bool", [3, 2])]
    g.node("StringSplit", "text", "words,n")  # cat=2, dog=x, owl=-3
    g.weight("three_one", np.array([3, 1]))
    g.node("Reshape", "words,three_one", "column")
    g.node("StringConcat", "column,pair", "marked")
    g.node("RegexFullMatch", "marked", "good", pattern="[a-z]+=(-?[0-9]+)\N{SNOWMAN}")
    g.node("LabelEncoder", "x", "label", domain="ai.onnx.ml", keys_int64s=[3, 5, 8, 13], values_strings=names, default_string="?")
    g.node("Equal", "label,owl", "owls")
    g.node("Where", "owls,none,label", "known")
    g.node("LabelEncoder", "known", "y", domain="ai.onnx.ml", keys_strings=names + ["none"], values_floats=[0.5, 1.5, 2.5, 3.5, -1.0],
           default_float=9.0)  # fmt: skip
    y, sets = {3: 0.5, 5: 1.5, 8: 2.5, 13: -1.0}, []
    for n in (1, 7, 40):
        x = rng.choice([3, 5, 8, 13, 14], n)
        sets.append(([x], [np.array([y.get(v, 9.0) for v in x]), x == 13, np.array([[0, 1], [0, 0], [0, 1]])]))
    case("strings", g, sets, opset=20)


def philox(i, key, stream):
    """Philox4x32-10 (Salmon et al., SC 2011) of counters i and a stream: the first word of each."""
    mask, words = 0xFFFFFFFF, [int(i), 0, stream, 0]
    for r in range(10):
        p, q = words[0] * 0xD2511F53, words[2] * 0xCD9E8D57
        words = [(q >> 32) ^ words[1] ^ (key + r * 0x9E3779B9) & mask, q & mask,
                 (p >> 32) ^ words[3] ^ r * 0xBB67AE85 & mask, p & mask]  # fmt: skip
    return words[0]


def random_walk():
    """A Loop that draws in each step, and again in an If, with what it drew as probabilities: the stream of a step is its number + 1."""
    seeds, H = (3.0, 0.5), 6
    keys = [int(np.float32(s).view(np.uint32)) for s in seeds]
    g = Graph("walk")
    g.inputs, g.outputs = [("n", "int64", []), ("h0", "float32", [H])], [("h", "float32", [H]), ("drawn", "float32", ["T", H])]
    drop, keep, body = Graph("drop"), Graph("keep"), Graph("walk_body")
    drop.node("Bernoulli", "drawn_now", "mask", seed=seeds[1])
    drop.node("Mul", "drawn_now,mask", "dropped")
    drop.outputs = [("dropped", "float32", [H])]
    keep.node("Identity", "drawn_now", "kept")
    keep.outputs = [("kept", "float32", [H])]
    body.inputs = [("k", "int64", []), ("before", "bool", []), ("h_in", "float32", [H])]
    body.outputs = [("go", "bool", []), ("h_next", "float32", [H]), ("drawn_now", "float32", [H])]
    body.weight("two", np.array(2))
    body.weight("zero", np.array(0))
    body.node("RandomUniform", "", "drawn_now", shape=[H], seed=seeds[0])
    body.node("Mod", "k,two", "parity")
    body.node("Equal", "parity,zero", "even")
    body.node("If", "even", "taken", then_branch=drop, else_branch=keep)
    body.node("Add", "h_in,taken", "h_next")
    body.node("Identity", "before", "go")
    g.node("Loop", "n,,h0", "h,drawn", body=body)
    rng, sets = np.random.RandomState(107), []
    for n in (1, 9):
        h0 = uniform(rng, H)
        h, rows = h0.astype(np.float64), []
        for k in range(n):
            u = [np.array([philox(i, key, k + 1) >> 8 for i in range(H)]) * 2.0**-24 for key in keys]
            rows.append(u[0])
            h = h + (u[0] * (u[1] < np.float32(u[0])) if k % 2 == 0 else u[0])
        sets.append(([np.array(n), h0], [h, np.array(rows)]))
    case("random_walk", g, sets, opset=15)


def main():
    one_node("rnn_forward", "RNN", 1, 3, 5, [(4, 2), (1, 1)])
    one_node("rnn_reverse_lengths", "RNN", 2, 4, 7, [(5, 4), (2, 3)], "bl", direction="reverse")
    one_node("rnn_both_activations", "RNN", 3, 3, 4, [(6, 2)], "bh", direction="bidirectional", clip=0.75,
             activations=["LeakyRelu", "Affine"], activation_alpha=[0.3, 0.5], activation_beta=[0.1])  # fmt: skip
    one_node("rnn_opset7", "RNN", 4, 3, 4, [(3, 2)], "bh", opset=7)
    one_node("lstm_forward", "LSTM", 5, 12, 33, [(1, 1), (9, 2)])
    one_node("lstm_both_peepholes_lengths", "LSTM", 6, 5, 11, [(6, 4), (1, 2)], "blhcp", direction="bidirectional")
    one_node("lstm_reverse_coupled", "LSTM", 7, 4, 6, [(5, 3)], "bhcp", direction="reverse", input_forget=1, clip=1.5)
    one_node("lstm_batch_first", "LSTM", 8, 4, 9, [(5, 3), (3, 1)], "bhc", layout=1)
    one_node("lstm_run_time_weights", "LSTM", 9, 3, 5, [(4, 2)], "bhcp", run_time="yes")
    one_node("gru_forward_lengths", "GRU", 10, 6, 17, [(6, 4), (1, 1)], "blh")
    one_node("gru_both_linear", "GRU", 11, 5, 8, [(7, 3)], "bh", direction="bidirectional", linear_before_reset=1)
    one_node("gru_reverse_batch_first", "GRU", 12, 4, 7, [(5, 2)], "", direction="reverse", layout=1)
    one_node("gru_activations", "GRU", 13, 4, 6, [(5, 2)], "bl", activations=["HardSigmoid", "Softsign"],
             activation_alpha=[0.25], activation_beta=[0.4], linear_before_reset=1)  # fmt: skip
    integer_sums()
    whole_numbers()
    unknown_dims()
    halved_and_doubled()
    whole_blocks()
    quantized_lstm()
    stacked_lstm()
    stream_lstm()
    scan_minimal_gated_unit()
    loop_until()
    if_forward_or_reverse()
    strings()
    random_walk()


OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__":
    main()
