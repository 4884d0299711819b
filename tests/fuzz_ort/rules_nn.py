"""Rules for layers: convolutions, pooling, resizing, quantisation, attention and recurrent nodes."""
import numpy as np
from onnx import TensorProto as T

from graph import FLOATS, Reject
from rules import F, F32, rule


def image(g, types=F32, rank=None, least=1, most_channels=4):
    """[batch, channels, spatial...]"""
    rng = g.rng
    rank = rank or rng.weighted([3, 4, 5], [4, 5, 1])
    shape = [rng.between(1, 2), rng.between(1, most_channels)] + [rng.between(max(3, least), 9 if rank < 5 else 5) for _ in range(rank - 2)]
    return g.pick(types, rank=rank, ok=lambda v: 0 not in v.shape and v.shape[1] <= 9 and min(v.shape[2:]) >= least,
                  shape=shape if rng.chance(0.5) else None, fresh=0.3)


def geometry(g, kernel):
    """Random strides, dilations and pads, as the node's attributes."""
    rng = g.rng
    n, attrs = len(kernel), {}
    dilations = [rng.weighted([1, 2], [4, 1]) for _ in range(n)]
    if any(d != 1 for d in dilations):
        attrs["dilations"] = dilations
    if rng.chance(0.5):
        attrs["strides"] = [rng.between(1, 3) for _ in range(n)]
    how = rng.below(6)
    if how == 0 and "dilations" not in attrs:
        attrs["auto_pad"] = rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
    elif how < 4:
        attrs["pads"] = [rng.between(0, min(2, k - 1)) for k in kernel * 2]
    return attrs


@rule(5)
def conv(g):
    rng = g.rng
    a = image(g, FLOATS if rng.chance(0.2) else F32)
    groups = rng.choice([d for d in range(1, a.shape[1] + 1) if a.shape[1] % d == 0]) if rng.chance(0.4) else 1
    out = groups * rng.between(1, 4)
    kernel = [rng.between(1, 3) for _ in a.shape[2:]]
    attrs = geometry(g, kernel)
    w = g.leaf(a.elem, [out, a.shape[1] // groups] + kernel, constant=rng.chance(0.8))
    b = g.leaf(a.elem, [out]) if rng.chance(0.6) else None
    g.node("Conv", [a, w, b], group=groups if groups > 1 or rng.chance(0.3) else None, kernel_shape=kernel if rng.chance(0.7) else None, **attrs)


@rule(2.5)
def conv_transpose(g):
    rng = g.rng
    a = image(g, FLOATS if rng.chance(0.2) else F32)
    n = a.rank - 2
    groups = rng.choice([d for d in range(1, a.shape[1] + 1) if a.shape[1] % d == 0]) if rng.chance(0.3) else 1
    kernel = [rng.between(1, 3) for _ in range(n)]
    attrs = geometry(g, kernel)
    strides = attrs.get("strides", [1] * n)
    if rng.chance(0.3):
        attrs["output_padding"] = [rng.below(s) for s in strides]
    elif rng.chance(0.2):
        attrs["output_shape"] = [s * x + rng.below(2) for s, x in zip(strides, a.shape[2:])]
        attrs.pop("pads", None)
    w = g.leaf(a.elem, [a.shape[1], rng.between(1, 3)] + kernel)
    b = g.leaf(a.elem, [w.shape[1] * groups]) if rng.chance(0.5) else None
    g.node("ConvTranspose", [a, w, b], group=groups if groups > 1 else None, kernel_shape=kernel if rng.chance(0.5) else None, **attrs)


@rule(4)
def pool(g):
    rng = g.rng
    op = rng.choice(["MaxPool", "AveragePool", "LpPool", "MaxPool", "AveragePool"])
    a = image(g, FLOATS if rng.chance(0.2) else F32)
    kernel = [rng.between(1, 3) for _ in a.shape[2:]]
    attrs = geometry(g, kernel)
    since = {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[op]
    if g.opset < since:
        attrs.pop("dilations", None)
    if rng.chance(0.3) and g.opset >= {"MaxPool": 10, "AveragePool": 10, "LpPool": 18}[op] and "auto_pad" not in attrs:
        attrs["ceil_mode"] = 1
    if op == "AveragePool" and g.opset >= 7 and rng.chance(0.4):
        attrs["count_include_pad"] = 1
    if op == "LpPool":
        attrs["p"] = rng.choice([1, 2, 3])
    outputs = 1
    if op == "MaxPool" and g.opset >= 8 and rng.chance(0.3):
        outputs = [True, True]
        if g.opset >= 8 and rng.chance(0.3):
            attrs["storage_order"] = rng.below(2)
    g.node(op, [a], outputs, kernel_shape=kernel, **attrs)


@rule(1)
def global_pool(g):
    a = image(g, FLOATS)
    op = g.rng.choice(["GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"])
    g.node(op, [a], p=g.rng.choice([1, 2]) if op == "GlobalLpPool" else None)


@rule(0.5, 11)
def max_unpool(g):
    a = g.leaf(T.FLOAT, [1, g.rng.between(1, 2), 2 * g.rng.between(1, 3), 2 * g.rng.between(1, 3)])
    y, index = g.node("MaxPool", [a], 2, kernel_shape=[2, 2], strides=[2, 2])
    g.node("MaxUnpool", [y, index], kernel_shape=[2, 2], strides=[2, 2])


@rule(3, 10)
def resize(g):
    rng = g.rng
    a = g.pick(F32 + ([T.DOUBLE] if rng.chance(0.1) else []), rank=(3, 4), ok=lambda v: 0 not in v.shape, shape=[1, 2, rng.between(2, 6), rng.between(2, 6)] if rng.chance(0.7) else None)
    scales = [1.0, 1.0] + [rng.choice([0.5, 1.0, 2.0, 1.5, 3.0, 0.6, 2.5]) for _ in a.shape[2:]]
    if any(int(n * s) < 1 for n, s in zip(a.shape, scales)):
        raise Reject("nothing left")
    mode = rng.choice(["nearest", "linear", "cubic"])
    if mode == "cubic" and (a.rank != 4 or g.opset < 11):
        mode = "nearest"
    if g.opset < 11:
        g.node("Resize", [a, g.constant(scales, T.FLOAT)], mode=mode)
        return
    attrs = {"mode": mode}
    ways = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"] + (["half_pixel_symmetric"] if g.opset >= 19 else [])
    if rng.chance(0.7):
        attrs["coordinate_transformation_mode"] = rng.choice(ways)
    if mode == "nearest":
        attrs["nearest_mode"] = rng.choice([None, "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    if mode == "cubic":
        attrs["cubic_coeff_a"] = rng.choice([None, -0.5])
        attrs["exclude_outside"] = rng.choice([None, 0, 1])
    if g.opset >= 18 and mode != "nearest":
        attrs["antialias"] = rng.choice([None, None, 0, 1])
    roi = None if g.opset >= 13 else g.constant(np.zeros(0), T.FLOAT)
    if rng.chance(0.5):
        g.node("Resize", [a, roi, g.constant(scales, T.FLOAT)], **attrs)
    else:
        sizes = [int(n * s) for n, s in zip(a.shape, scales)]
        g.node("Resize", [a, roi, None if g.opset >= 13 else g.constant(np.zeros(0), T.FLOAT), g.ints(sizes)], **attrs)


@rule(0.5, 7, 9)
def upsample(g):
    a = g.leaf(T.FLOAT, [1, 2, 3, 4])
    scales = [1.0, 1.0, g.rng.choice([1.0, 2.0, 3.0]), g.rng.choice([1.0, 2.0])]
    mode = g.rng.choice(["nearest", "linear"])
    if g.opset == 9:
        g.node("Upsample", [a, g.constant(scales, T.FLOAT)], mode=mode)
    else:
        g.node("Upsample", [a], mode=mode, scales=scales)


@rule(1.2, 16)
def grid_sample(g):
    rng = g.rng
    a = g.leaf(g.elem(F32), [rng.between(1, 2), rng.between(1, 2), rng.between(2, 5), rng.between(2, 5)])
    if g.opset >= 20 and rng.chance(0.4):
        theta = g.leaf(T.FLOAT, [a.shape[0], 2, 3])
        grid = g.node("AffineGrid", [theta, g.ints(a.shape[:2] + [rng.between(1, 4), rng.between(1, 4)])], align_corners=rng.choice([None, 0, 1]))
    else:
        grid = g.leaf(T.FLOAT, [a.shape[0], rng.between(1, 4), rng.between(1, 4), 2], lo=-1.3, hi=1.3)
    modes = ["linear", "nearest", "cubic"] if g.opset >= 20 else ["bilinear", "nearest", "bicubic"]
    g.node("GridSample", [a, grid], mode=rng.choice([None] + modes), padding_mode=rng.choice([None, "zeros", "border", "reflection"]),
           align_corners=rng.choice([None, 0, 1]))


@rule(0.8, 10)
def roi_align(g):
    rng = g.rng
    a = g.leaf(T.FLOAT, [rng.between(1, 2), rng.between(1, 2), rng.between(4, 8), rng.between(4, 8)])
    n = rng.between(1, 3)
    corner = rng.uniform([n, 2], 0, 2)
    boxes = np.concatenate([corner, corner + rng.uniform([n, 2], 1, 4)], 1).astype(np.float32)
    batch = rng.integers([n], 0, a.shape[0] - 1)
    g.node("RoiAlign", [a, g.constant(boxes, T.FLOAT), g.ints(batch, run_time=0.4)], output_height=rng.between(1, 3), output_width=rng.between(1, 3),
           mode=rng.choice([None, "avg", "max"]), sampling_ratio=rng.choice([None, 1, 2]), spatial_scale=rng.choice([None, 0.5]),
           coordinate_transformation_mode=rng.choice([None, "half_pixel", "output_half_pixel"]) if g.opset >= 16 else None)


@rule(0.4)
def max_roi_pool(g):
    rng = g.rng
    a = g.leaf(T.FLOAT, [1, 2, rng.between(4, 8), rng.between(4, 8)])
    rois = np.array([[0, x, y, x + rng.between(1, 3), y + rng.between(1, 3)] for x, y in [(rng.below(3), rng.below(3)) for _ in range(2)]], np.float32)
    g.node("MaxRoiPool", [a, g.constant(rois, T.FLOAT)], pooled_shape=[rng.between(1, 3), rng.between(1, 3)])


@rule(0.7, 19)
def deform_conv(g):
    rng = g.rng
    a = g.leaf(T.FLOAT, [1, 2, rng.between(3, 5), rng.between(3, 5)])
    k, out = rng.between(1, 2), rng.between(1, 3)
    size = [n - k + 1 for n in a.shape[2:]]
    offset = g.leaf(T.FLOAT, [1, 2 * k * k] + size, lo=-1, hi=1)
    mask = g.leaf(T.FLOAT, [1, k * k] + size, lo=0, hi=1) if rng.chance(0.5) else None
    g.node("DeformConv", [a, g.leaf(T.FLOAT, [out, 2, k, k]), offset, g.leaf(T.FLOAT, [out]) if rng.chance(0.5) else None, mask], kernel_shape=[k, k],
           pads=[0, 0, 0, 0])


# ------------------------------------------------------------------------------------------------ quantised

SCALES = [0.25, 0.5, 0.125, 0.0625]
EIGHT = [T.UINT8, T.INT8]


def zero(g, elem, shape=()):
    return g.constant(g.rng.integers(list(shape), 100 if elem == T.UINT8 else -9, 140 if elem == T.UINT8 else 9), elem)


@rule(2.5, 10)
def quantize(g):
    """Ties must not be decided by rounding: fractions of few bits, scales that are powers of two."""
    rng = g.rng
    elem = rng.choice(EIGHT + ([T.INT16, T.UINT16] if g.opset >= 21 else []))
    a = g.pick(F32, rank=(0, 4))
    axis, shape = None, []
    if a.rank and g.opset >= 13 and rng.chance(0.4):
        axis = rng.below(a.rank)
        shape = [a.shape[axis]]
    scale = g.constant([rng.choice(SCALES) for _ in range(shape[0])] if shape else rng.choice(SCALES), T.FLOAT)
    point = zero(g, elem, shape) if rng.chance(0.8) or elem != T.UINT8 else None
    q = g.node("QuantizeLinear", [a, scale, point], axis=axis)
    if rng.chance(0.7):
        g.node("DequantizeLinear", [q, scale, point], axis=axis)


@rule(1.5, 10)
def dequantize(g):
    elem = g.rng.choice(EIGHT + [T.INT32] + ([T.INT16, T.UINT16] if g.opset >= 21 else []))
    a = g.pick([elem], rank=(0, 4))
    scale = g.constant(float(np.float32(g.rng.uniform((), 0.01, 0.5))), T.FLOAT)
    g.node("DequantizeLinear", [a, scale, zero(g, elem) if elem != T.INT32 and g.rng.chance(0.7) else None])


@rule(0.7, 11)
def dynamic_quantize(g):
    g.node("DynamicQuantizeLinear", [g.pick(F32, ok=lambda v: v.array.size > 0)], 3)


@rule(1, 10)
def matmul_integer(g):
    a = g.pick(EIGHT, rank=2)
    elem = g.rng.choice(EIGHT)
    b = g.leaf(elem, [a.shape[1], g.rng.between(1, 9)])
    g.node("MatMulInteger", [a, b, zero(g, a.elem) if g.rng.chance(0.5) else None, zero(g, elem) if g.rng.chance(0.5) else None])


@rule(1, 10)
def qlinear_matmul(g):
    a = g.pick(EIGHT, rank=2)
    elem = g.rng.choice(EIGHT)
    b = g.leaf(elem, [a.shape[1], g.rng.between(1, 9)])

    def scale():
        return g.constant(g.rng.choice(SCALES), T.FLOAT)
    g.node("QLinearMatMul", [a, scale(), zero(g, a.elem), b, scale(), zero(g, elem), scale(), zero(g, a.elem)])


@rule(1, 10)
def conv_integer(g):
    rng = g.rng
    a = image(g, [T.UINT8], rank=4)
    out, kernel = rng.between(1, 4), [rng.between(1, 3) for _ in range(2)]
    attrs = geometry(g, kernel)
    w = g.leaf(T.UINT8 if rng.chance(0.5) else T.INT8, [out, a.shape[1]] + kernel)
    if rng.chance(0.5):
        g.node("ConvInteger", [a, w, zero(g, T.UINT8) if rng.chance(0.6) else None, zero(g, w.elem) if rng.chance(0.4) else None], **attrs)
    else:
        scales = [g.constant(rng.choice(SCALES), T.FLOAT) for _ in range(3)]
        bias = g.leaf(T.INT32, [out]) if rng.chance(0.5) else None
        g.node("QLinearConv", [a, scales[0], zero(g, T.UINT8), w, scales[1], zero(g, w.elem), scales[2], zero(g, T.UINT8), bias], **attrs)


# ------------------------------------------------------------------------------------------------ recurrent nodes, attention

@rule(4, 7)
def recurrent(g):
    rng = g.rng
    op = rng.choice(["RNN", "GRU", "LSTM"])
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
    layout = 1 if g.opset >= 14 and rng.chance(0.1) else 0
    x = g.pick(F32, rank=3, ok=lambda v: 0 not in v.shape and v.shape[2] <= 9, shape=None if rng.chance(0.3) else [rng.between(1, 5), rng.between(1, 3), rng.between(1, 5)])
    steps, batch, inputs = x.shape if not layout else (x.shape[1], x.shape[0], x.shape[2])
    direction = rng.choice([None, "forward", "reverse", "bidirectional"])
    d = 2 if direction == "bidirectional" else 1
    h = rng.between(1, 5)

    def maybe(shape, p):
        return g.leaf(T.FLOAT, shape) if rng.chance(p) else None
    operands = [x, g.leaf(T.FLOAT, [d, gates * h, inputs]), g.leaf(T.FLOAT, [d, gates * h, h]), maybe([d, 2 * gates * h], 0.7),
                g.leaf(T.INT32, [batch], lo=1, hi=steps) if rng.chance(0.4) else None, maybe([batch, d, h] if layout else [d, batch, h], 0.5)]
    attrs = {"hidden_size": h, "direction": direction, "layout": layout or None}
    count = {"RNN": 1, "GRU": 2, "LSTM": 3}[op] * d
    if rng.chance(0.3):
        attrs["activations"] = [rng.choice(["Sigmoid", "Tanh", "Relu", "Softsign", "Softplus", "HardSigmoid", "LeakyRelu", "Elu", "ThresholdedRelu"]) for _ in range(count)]
    if rng.chance(0.15):
        attrs["clip"] = rng.choice([0.5, 1.5])
    if op == "GRU":
        attrs["linear_before_reset"] = rng.choice([None, 0, 1])
    if op == "LSTM":
        operands += [maybe([batch, d, h] if layout else [d, batch, h], 0.5), maybe([d, 3 * h], 0.3)]
        attrs["input_forget"] = rng.choice([None, None, 1])
    wanted = [rng.chance(0.8), rng.chance(0.6)] + ([rng.chance(0.5)] if op == "LSTM" else [])
    if not any(wanted):
        wanted[0] = True
    g.node(op, operands, wanted, **attrs)


@rule(1.5, 23)
def attention(g):
    rng = g.rng
    b, hq, s, t, d, dv = rng.between(1, 2), rng.choice([1, 2, 4]), rng.between(1, 4), rng.between(1, 4), rng.choice([2, 4, 8]), rng.choice([2, 4])
    hk = rng.choice([n for n in (1, 2, 4) if hq % n == 0])
    elem = g.elem(F)
    if rng.chance(0.5):
        q, k, v = g.leaf(elem, [b, hq, s, d]), g.leaf(elem, [b, hk, t, d]), g.leaf(elem, [b, hk, t, dv])
        attrs = {}
    else:
        q, k, v = g.leaf(elem, [b, s, hq * d]), g.leaf(elem, [b, t, hk * d]), g.leaf(elem, [b, t, hk * dv])
        attrs = {"q_num_heads": hq, "kv_num_heads": hk}
    past, inputs = 0, [q, k, v]
    if rng.chance(0.3):
        past = rng.between(1, 3)
    mask = None
    if rng.chance(0.4):
        shape = rng.choice([[s, t + past], [1, 1, s, t + past], [b, hq, s, t + past]])
        mask = g.leaf(T.BOOL, shape) if rng.chance(0.3) else g.leaf(elem, shape)
    inputs.append(mask)
    outputs = [True]
    if past:
        inputs += [g.leaf(elem, [b, hk, past, d]), g.leaf(elem, [b, hk, past, dv])]
        outputs = [True, True, True]
    if rng.chance(0.2):
        outputs = (outputs + [False, False])[:3] + [True]
        attrs["qk_matmul_output_mode"] = rng.choice([None, 0, 1, 2, 3])
    g.node("Attention", inputs, outputs, is_causal=rng.choice([None, None, 1]), scale=rng.choice([None, 0.5]), softcap=rng.choice([None, None, 2.0]), **attrs)


@rule(1, 23)
def rotary(g):
    rng = g.rng
    b, h, s, d = rng.between(1, 2), rng.between(1, 3), rng.between(1, 4), rng.choice([2, 4, 8])
    partial = rng.choice([None, 2]) if d > 2 else None
    r = partial or d
    positions = rng.chance(0.5)
    cache = [s + 2, r // 2] if positions else [b, s, r // 2]
    elem = g.elem(F32)
    ids = g.leaf(T.INT64, [b, s], lo=0, hi=s + 1) if positions else None
    four = rng.chance(0.5)
    x = g.leaf(elem, [b, h, s, d] if four else [b, s, h * d])
    g.node("RotaryEmbedding", [x, g.leaf(elem, cache), g.leaf(elem, cache), ids], interleaved=rng.choice([None, 0, 1]),
           rotary_embedding_dim=partial, num_heads=None if four and not partial else h)
