"""What nodes a random graph is made of: a rule makes one, or a few that go together, on operands that suit it.

A rule may ask for what does not exist: the peer refuses it, and another rule gets its turn.
"""
import numpy as np
from onnx import TensorProto as T

from graph import ANY, FLOATS, INTS, NUMBERS, SIGNED, UNSIGNED, Reject

RULES = []  # (weight, first opset, last opset, rule)
F32 = [T.FLOAT]
F = [T.FLOAT, T.DOUBLE]


def rule(weight=1.0, since=1, until=99):
    def add(function):
        RULES.append((weight, since, until, function))
        return function
    return add


def opset_rules(opset):
    return [r for r in RULES if r[1] <= opset <= r[2]]


# ------------------------------------------------------------------------------------------------ element by element

UNARY = [("Abs", 6, NUMBERS), ("Neg", 6, FLOATS + SIGNED), ("Floor", 6, FLOATS), ("Ceil", 6, FLOATS), ("Round", 11, FLOATS),
         ("Sign", 9, NUMBERS), ("Relu", 6, FLOATS + SIGNED), ("Sigmoid", 6, FLOATS), ("Tanh", 6, FLOATS), ("Erf", 9, FLOATS),
         ("Softplus", 1, FLOATS), ("Softsign", 1, FLOATS), ("Sin", 7, FLOATS), ("Cos", 7, FLOATS), ("Atan", 7, FLOATS),
         ("Asinh", 9, FLOATS), ("IsNaN", 9, FLOATS), ("Not", 1, [T.BOOL]), ("Identity", 1, ANY + [T.BFLOAT16]), ("BitwiseNot", 18, INTS),
         ("HardSwish", 14, FLOATS), ("Mish", 18, FLOATS)]
LIMITED = [("Sqrt", 6, 0, 1e4), ("Exp", 6, -8, 8), ("Log", 6, 0.02, 1e4), ("Reciprocal", 6, 0.1, 100), ("Asin", 7, -0.95, 0.95),
           ("Acos", 7, -0.95, 0.95), ("Tan", 7, -1.3, 1.3), ("Sinh", 9, -5, 5), ("Cosh", 9, -5, 5), ("Acosh", 9, 1.1, 100),
           ("Atanh", 9, -0.9, 0.9)]


@rule(8)
def unary(g):
    op, since, types = g.rng.choice(UNARY)
    if g.opset < since:
        raise Reject("later")
    g.node(op, [g.pick(types, kind="special")])


@rule(4)
def limited(g):
    op, since, lo, hi = g.rng.choice(LIMITED)
    if g.opset < since:
        raise Reject("later")
    x = g.pick(FLOATS)
    g.node(op, [g.within(x, lo, hi) if g.rng.chance(0.9) else x])


@rule(4)
def activation(g):
    rng, x = g.rng, g.pick(FLOATS)
    a, b = float(np.float32(rng.uniform((), 0.1, 2))), float(np.float32(rng.uniform((), 0.1, 1)))
    given = rng.chance(0.7)
    op = rng.choice(["LeakyRelu", "Elu", "Selu", "HardSigmoid", "ThresholdedRelu", "Celu", "Gelu", "Shrink", "Swish"])
    attrs = {"LeakyRelu": {"alpha": a}, "Elu": {"alpha": a}, "Selu": {"alpha": a, "gamma": b}, "HardSigmoid": {"alpha": b, "beta": a / 4},
             "ThresholdedRelu": {"alpha": a}, "Celu": {"alpha": a}, "Gelu": {"approximate": "tanh"},
             "Shrink": {"lambd": a, "bias": b}, "Swish": {"alpha": a}}[op]
    g.node(op, [x], **(attrs if given else {}))


@rule(12)
def binary(g):
    op = g.rng.choice(["Add", "Sub", "Mul", "Add", "Mul", "Max", "Min", "Div"])
    a = g.pick(NUMBERS, kind="special")
    b = g.partner(a)
    if g.opset < 8 and op in ("Max", "Min") and a.shape != b.shape:
        raise Reject("no broadcasting yet")
    if op == "Div":
        if a.elem in INTS:
            if np.any(b.array == 0) or (a.elem in SIGNED and np.any(b.array == -1)) or not (b.leaf and not b.is_input):
                b = g.leaf(a.elem, b.shape, lo=1, hi=9)
        elif g.rng.chance(0.9):
            b = g.leaf(a.elem, b.shape, lo=0.5, hi=3)
            if g.rng.chance(0.5):
                a, b = b, g.within(g.partner(b), 0.5, 100)
    if g.rng.chance(0.3) and op not in ("Div",):
        a, b = b, a
    g.node(op, [a, b])


@rule(1)
def variadic(g):
    op = g.rng.choice(["Sum", "Mean", "Max", "Min"])
    a = g.pick(FLOATS if op in ("Sum", "Mean") else NUMBERS)
    rest = [g.partner(a) for _ in range(g.rng.below(3))]
    g.node(op, [a] + rest)


@rule(1.5, 7)
def power(g):
    a = g.pick(FLOATS + [T.INT32, T.INT64])
    if a.elem in INTS:
        a, b = g.pick([a.elem], lo=-5, hi=5), g.leaf(a.elem, [] if g.rng.chance(0.5) else a.shape, lo=0, hi=4)
    elif g.rng.chance(0.5):
        b = g.constant(g.rng.choice([2, 0.5, 3, -1, 1, 0, -0.5]), a.elem)
        if b.array < 0 or b.array % 1:
            a = g.within(a, 0.1, 10)
    else:
        a = g.within(a, 0.1, 10)
        b = g.leaf(a.elem if g.opset < 12 or g.rng.chance(0.7) else g.elem(F + [T.INT32, T.INT64]), a.shape, lo=-2, hi=3)
    g.node("Pow", [a, b])


@rule(1, 10)
def modulo(g):
    a = g.pick(NUMBERS)
    b = g.leaf(a.elem, [] if g.rng.chance(0.4) else a.shape, lo=1, hi=9)
    if a.elem in SIGNED and g.rng.chance(0.4):
        b = g.leaf(a.elem, b.shape, lo=-7, hi=-2)
    g.node("Mod", [a, b], fmod=1 if a.elem in FLOATS or g.rng.chance(0.3) else None)


@rule(4)
def compare(g):
    op = g.rng.choice(["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"])
    a = g.pick(ANY if op == "Equal" else NUMBERS, kind="special")
    g.node(op, [a, g.partner(a, kind="special")])


@rule(2)
def logic(g):
    a = g.pick([T.BOOL])
    g.node(g.rng.choice(["And", "Or", "Xor"]), [a, g.partner(a)])


@rule(1.5, 11)
def bitwise(g):
    op = g.rng.choice(["BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"])
    if op == "BitShift":
        a = g.pick(UNSIGNED)
        g.node(op, [a, g.leaf(a.elem, a.shape if g.rng.chance(0.6) else [], lo=0, hi=7)], direction=g.rng.choice(["LEFT", "RIGHT"]))
    else:
        a = g.pick(INTS)
        g.node(op, [a, g.partner(a)])


@rule(3, 9)
def where(g):
    a = g.pick(ANY, kind="special")
    b = g.partner(a, kind="special")
    c = g.partner(a, [T.BOOL])
    g.node("Where", [c, a, b])


@rule(1.5, 7)
def prelu(g):
    a = g.pick(FLOATS + [T.INT32, T.INT64])
    g.node("PRelu", [a, g.leaf(a.elem, a.shape[g.rng.below(a.rank + 1):])])


@rule(3)
def clip(g):
    a = g.pick(NUMBERS if g.opset >= 12 else FLOATS)
    lo, hi = sorted([g.rng.between(-4, 2) / 2, g.rng.between(0, 6) / 2])
    if a.elem in INTS:
        lo, hi = int(max(lo, 0)), int(hi) + 1
    if g.opset < 11:
        g.node("Clip", [a], min=float(lo) if g.rng.chance(0.8) else None, max=float(hi) if g.rng.chance(0.8) else None)
    else:
        ends = [g.constant(lo, a.elem) if g.rng.chance(0.8) else None, g.leaf(a.elem, [], lo=hi, hi=hi + 1) if g.rng.chance(0.8) else None]
        g.node("Clip", [a] + ends)


@rule(4)
def cast(g):
    a = g.pick(ANY + [T.BFLOAT16], kind="special")
    to = g.elem(ANY + [T.BFLOAT16])
    if a.elem in FLOATS + [T.BFLOAT16] and to in INTS:
        info = np.iinfo(np.dtype({T.INT8: "i1", T.INT16: "i2", T.INT32: "i4", T.INT64: "i8", T.UINT8: "u1", T.UINT16: "u2",
                                  T.UINT32: "u4", T.UINT64: "u8"}[to]))
        x = a.array.astype(np.float64)
        if x.size and not (np.isfinite(x).all() and x.min() >= max(info.min, -1e15) and x.max() <= min(info.max, 1e15)):
            if a.elem == T.BFLOAT16:
                raise Reject("not in range")
            a = g.within(a, 0, 100)
    if g.opset >= 15 and g.rng.chance(0.2):
        g.node("CastLike", [a, g.leaf(to, g.shape(1))])
    else:
        g.node("Cast", [a], to=to)


@rule(0.5, 9)
def is_inf(g):
    a = g.pick(F, kind="special")
    g.node("IsInf", [a], detect_negative=g.rng.choice([None, 0, 1]), detect_positive=g.rng.choice([None, 0, 1]))


@rule(0.7, 12)
def dropout(g):
    a = g.pick(FLOATS)
    g.node("Dropout", [a] + ([g.constant(0.5, T.FLOAT)] if g.rng.chance(0.5) else []), outputs=[True, g.rng.chance(0.4)])


# ------------------------------------------------------------------------------------------------ reductions and products

def axes_of(g, rank, least=0):
    axes = g.rng.sample(range(rank), g.rng.between(min(least, rank), rank))
    return [a - rank if g.rng.chance(0.3) else a for a in axes]


@rule(6)
def reduce(g):
    op = g.rng.choice(["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare"])
    a = g.pick(NUMBERS if op not in ("LogSum", "LogSumExp", "L2", "Mean") else FLOATS)
    if op == "LogSum":
        a = g.within(a, 0.5, 100)
    axes = axes_of(g, a.rank)
    keep = g.rng.choice([None, 0, 1])
    if g.opset >= (13 if op == "Sum" else 18):
        none = not axes or g.rng.chance(0.2)
        g.node("Reduce" + op, [a] + ([] if none else [g.ints(axes)]), keepdims=keep,
               noop_with_empty_axes=g.rng.choice([None, 0, 1]) if none else None)
    else:
        g.node("Reduce" + op, [a], axes=axes or None, keepdims=keep)


@rule(2)
def argreduce(g):
    a = g.pick(F + [T.INT32, T.INT64, T.INT8, T.UINT8], rank=(1, 4))
    g.node(g.rng.choice(["ArgMax", "ArgMin"]), [a], axis=g.rng.between(-a.rank, a.rank - 1), keepdims=g.rng.choice([None, 0, 1]),
           select_last_index=g.rng.choice([None, 0, 1]) if g.opset >= 12 else None)


@rule(2, 11)
def cumulative(g):
    a = g.pick(F + [T.INT32, T.INT64], rank=(1, 4))
    g.node("CumSum", [a, g.ints(g.rng.between(-a.rank, a.rank - 1), elem=g.rng.choice([T.INT32, T.INT64]))],
           exclusive=g.rng.choice([None, 0, 1]), reverse=g.rng.choice([None, 0, 1]))


@rule(2, 10)
def topk(g):
    a = g.pick(F + [T.INT32, T.INT64], rank=(1, 4), ok=lambda v: 0 not in v.shape)
    axis = g.rng.between(-a.rank, a.rank - 1)
    k = g.ints([g.rng.between(1, a.shape[axis])])
    if g.opset >= 11:
        g.node("TopK", [a, k], 2, axis=axis, largest=g.rng.choice([None, 0, 1]))
    else:
        g.node("TopK", [a, k], 2, axis=axis)


@rule(6)
def matmul(g):
    rng = g.rng
    a = g.pick(F + [T.FLOAT16, T.INT32, T.INT64, T.UINT32], rank=(1, 4))
    k = a.shape[-1]
    n = rng.between(1, 9) if rng.chance(0.8) else rng.choice([16, 17, 33])
    shape = [k] if rng.chance(0.15) else [k, n]
    if len(shape) == 2 and rng.chance(0.3):
        shape = [1 if rng.chance(0.3) else d for d in (a.shape[:-2] or [rng.between(1, 3)])] + shape
    found = [v for v in g.visible() if v.elem == a.elem and v.rank >= 2 and v.shape[-2] == k]
    b = rng.choice(found) if found and rng.chance(0.4) else g.leaf(a.elem, shape)
    g.node("MatMul", [a, b])


@rule(4, 7)
def gemm(g):
    rng = g.rng
    a = g.pick(FLOATS + [T.INT32], rank=2)
    ta, tb = rng.below(2), rng.below(2)
    m, k = (a.shape[1], a.shape[0]) if ta else a.shape
    n = rng.between(1, 9) if rng.chance(0.8) else rng.choice([16, 17, 33])
    b = g.leaf(a.elem, [n, k] if tb else [k, n])
    c = g.leaf(a.elem, rng.choice([[n], [m, n], [1, n], [m, 1], [], [1]])) if rng.chance(0.7) else None
    if c is None and g.opset < 11:
        c = g.leaf(a.elem, [n])
    floats = a.elem in FLOATS
    g.node("Gemm", [a, b, c], transA=ta or None, transB=tb or None, alpha=rng.choice([None, 0.5, 2.0]) if floats else None,
           beta=rng.choice([None, 0.25, 0.0, 2.0]) if floats else None)


@rule(3, 12)
def einsum(g):
    rng = g.rng
    a = g.pick(F + [T.INT32, T.INT64], rank=(1, 4))
    letters = "abcd"[:a.rank]
    size = dict(zip(letters, a.shape))
    form = rng.below(4)
    if form == 0:  # a permutation and sum of one
        out = "".join(rng.sample(letters, rng.between(0, a.rank)))
        g.node("Einsum", [a], equation=f"{letters}->{out}")
        return
    if form == 1 and a.rank >= 2 and a.shape[0] == a.shape[1]:  # a diagonal
        g.node("Einsum", [a], equation=f"aa{letters[2:]}->a{letters[2:]}")
        return
    other = rng.sample(letters, rng.between(1, a.rank)) + rng.sample("ef", rng.below(3))
    other = rng.shuffled(other)
    for x in other:
        size.setdefault(x, rng.between(1, 5))
    b = g.leaf(a.elem, [size[x] for x in other])
    letters_b, inputs, known = "".join(other), [a, b], sorted(set(letters) | set(other))
    text = f"{letters},{letters_b}"
    if form == 3:
        third = rng.sample(known, rng.between(1, 2))
        inputs.append(g.leaf(a.elem, [size[x] for x in third]))
        text += "," + "".join(third)
    if rng.chance(0.8):
        text += "->" + "".join(rng.sample(known, rng.between(0, min(4, len(known)))))
    g.node("Einsum", inputs, equation=text)


@rule(0.5, 11)
def det(g):
    n = g.rng.between(1, 4)
    a = g.pick(F, rank=(2, 3), ok=lambda v: v.shape[-1] == v.shape[-2]) if g.rng.chance(0.3) else g.leaf(T.FLOAT, [2, n, n])
    g.node("Det", [a])


# ------------------------------------------------------------------------------------------------ normalisations

@rule(4)
def softmax(g):
    a = g.pick(FLOATS, rank=(1, 4))
    op = g.rng.choice(["Softmax", "LogSoftmax", "Softmax", "Hardmax"])
    g.node(op, [a], axis=g.rng.between(-a.rank if g.opset >= 11 else 0, a.rank - 1) if g.rng.chance(0.8) else None)


@rule(3, 17)
def layer_norm(g):
    rng = g.rng
    a = g.pick(FLOATS, rank=(1, 4), ok=lambda v: 0 not in v.shape)
    axis = rng.between(-a.rank, a.rank - 1)
    shape = a.shape[axis % a.rank:]
    if rng.chance(0.6) or g.opset < 23:
        bias = g.leaf(a.elem, shape) if rng.chance(0.6) else None
        g.node("LayerNormalization", [a, g.leaf(a.elem, shape), bias], outputs=[True, rng.chance(0.2), rng.chance(0.2)], axis=axis,
               epsilon=rng.choice([None, 0.1]))
    else:
        g.node("RMSNormalization", [a, g.leaf(a.elem, shape)], axis=axis, epsilon=rng.choice([None, 0.1]))


@rule(2)
def instance_norm(g):
    a = g.pick(FLOATS, rank=(3, 5), ok=lambda v: 0 not in v.shape)
    c = a.shape[1]
    if g.opset >= 18 and g.rng.chance(0.5):
        groups = g.rng.choice([n for n in range(1, c + 1) if c % n == 0])
        m = c if g.opset >= 21 else groups
        g.node("GroupNormalization", [a, g.leaf(a.elem, [m]), g.leaf(a.elem, [m])], num_groups=groups, epsilon=0.1)
    else:
        g.node("InstanceNormalization", [a, g.leaf(a.elem, [c]), g.leaf(a.elem, [c])], epsilon=g.rng.choice([0.1, 0.01]))


@rule(2, 7)
def batch_norm(g):
    a = g.pick(FLOATS, rank=(2, 5))
    c = a.shape[1]
    g.node("BatchNormalization", [a, g.leaf(a.elem, [c]), g.leaf(a.elem, [c]), g.leaf(a.elem, [c]), g.leaf(a.elem, [c], lo=0.5, hi=2)],
           epsilon=g.rng.choice([None, 0.1]))


@rule(1)
def other_norm(g):
    op = g.rng.choice(["LpNormalization", "MeanVarianceNormalization", "LRN"])
    a = g.pick(FLOATS, rank=(3, 4) if op != "LpNormalization" else (1, 4), ok=lambda v: 0 not in v.shape)
    if op == "LpNormalization":
        g.node(op, [a], axis=g.rng.between(-a.rank, a.rank - 1), p=g.rng.choice([None, 1, 2]))
    elif op == "LRN":
        g.node(op, [a], size=g.rng.choice([1, 3, 5]), alpha=0.5, beta=0.5, bias=2.0)
    else:
        g.node(op, [a], axes=sorted(g.rng.sample(range(a.rank), g.rng.between(1, a.rank - 1))))


@rule(1, 12)
def loss(g):
    rng = g.rng
    a = g.pick(F32, rank=(2, 4), ok=lambda v: 0 not in v.shape)
    classes = a.shape[1]
    labels = g.leaf(rng.choice([T.INT32, T.INT64]), [a.shape[0]] + a.shape[2:], lo=0, hi=classes - 1)
    weight = g.leaf(a.elem, [classes], lo=0.5, hi=2) if rng.chance(0.5) else None
    op = rng.choice(["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"])
    g.node(op, [a, labels, weight], reduction=rng.choice([None, "mean", "sum", "none"]), ignore_index=rng.choice([None, None, 0]))


# ------------------------------------------------------------------------------------------------ signal

@rule(0.7, 17)
def window(g):
    op = g.rng.choice(["HannWindow", "HammingWindow", "BlackmanWindow"])
    g.node(op, [g.ints(g.rng.between(2, 17))], periodic=g.rng.choice([None, 0, 1]), output_datatype=g.rng.choice([None, T.FLOAT, T.DOUBLE]))


@rule(1, 17)
def dft(g):
    rng = g.rng
    n = rng.choice([1, 2, 3, 4, 5, 8])
    a = g.leaf(g.elem(F), [rng.between(1, 2), n, rng.between(1, 4), rng.choice([1, 2])])
    inverse = rng.choice([None, 0, 1])
    onesided = 1 if a.shape[-1] == 1 and not inverse and rng.chance(0.5) else None
    length = g.ints(rng.between(1, 9)) if rng.chance(0.3) else None
    if g.opset >= 20:
        g.node("DFT", [a, length, g.ints(rng.choice([1, 2, -2, -3])) if rng.chance(0.6) else None], inverse=inverse, onesided=onesided)
    else:
        g.node("DFT", [a, length], axis=rng.choice([None, 1, 2]), inverse=inverse, onesided=onesided)


@rule(0.5, 17)
def stft(g):
    rng = g.rng
    frame, step = rng.choice([4, 8]), rng.between(1, 4)
    a = g.leaf(g.elem(F), [rng.between(1, 2), rng.between(frame, 20), 1])
    w = g.leaf(a.elem, [frame], lo=0.1, hi=1) if rng.chance(0.6) else None
    g.node("STFT", [a, g.ints(step), w, g.ints(frame) if w is None or rng.chance(0.5) else None], onesided=rng.choice([None, 0, 1]))


@rule(0.3, 17)
def mel(g):
    bins, n = g.rng.between(2, 8), g.rng.choice([16, 32])
    g.node("MelWeightMatrix", [g.ints(bins), g.ints(n), g.ints(8000), g.constant(10.0, T.FLOAT), g.constant(3900.0, T.FLOAT)])
