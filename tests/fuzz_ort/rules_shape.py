"""Rules for nodes that move, choose and count."""
import numpy as np
from onnx import TensorProto as T

from graph import ANY, FLOATS, INTS, NUMBERS, Reject
from rules import F, F32, rule

ALL = ANY + [T.BFLOAT16]


def sign_axis(g, axis, rank, since=11):
    return axis - rank if g.opset >= since and g.rng.chance(0.3) else axis


@rule(5, 5)
def reshape(g):
    rng, a = g.rng, g.pick(ALL, kind="special")
    count = a.array.size
    if count == 0:
        target = [0 if n == 0 else n for n in a.shape] + ([1] if rng.chance(0.5) else [])
        g.node("Reshape", [a, g.ints(target)])
        return
    primes, n = [], count
    for p in (2, 3, 5, 7, 11, 17):
        while n % p == 0:
            primes.append(p)
            n //= p
    target = [1] * rng.between(0 if count == 1 else 1, 4)
    for p in primes + ([n] if n > 1 else []):
        target[rng.below(len(target))] *= p
    if target and rng.chance(0.4):
        target[rng.below(len(target))] = -1
    for i in range(min(len(target), a.rank)):
        if target[i] == a.shape[i] and rng.chance(0.3):
            target[i] = 0
    g.node("Reshape", [a, g.ints(target)])


@rule(1)
def flatten(g):
    a = g.pick(ALL if g.opset >= 9 else FLOATS, kind="special")
    g.node("Flatten", [a], axis=sign_axis(g, g.rng.between(0, a.rank), a.rank) if g.rng.chance(0.8) else None)


@rule(2)
def squeeze(g):
    a = g.pick(ALL, kind="special")
    ones = [i for i, n in enumerate(a.shape) if n == 1]
    if not ones:
        raise Reject("nothing to squeeze")
    axes = sorted(g.rng.sample(ones, g.rng.between(1, len(ones))))
    axes = [sign_axis(g, x, a.rank) for x in axes]
    if g.rng.chance(0.2):
        g.node("Squeeze", [a])
    elif g.opset >= 13:
        g.node("Squeeze", [a, g.ints(axes)])
    else:
        g.node("Squeeze", [a], axes=axes)


@rule(3)
def unsqueeze(g):
    a = g.pick(ALL, rank=(0, 4), kind="special")
    rank = a.rank + g.rng.between(1, 2)
    axes = [sign_axis(g, x, rank) for x in sorted(g.rng.sample(range(rank), rank - a.rank))]
    if g.opset >= 13:
        g.node("Unsqueeze", [a, g.ints(axes)])
    else:
        g.node("Unsqueeze", [a], axes=axes)


@rule(5)
def transpose(g):
    a = g.pick(ALL, kind="special")
    g.node("Transpose", [a], perm=g.rng.shuffled(range(a.rank)) if a.rank and g.rng.chance(0.8) else None)


@rule(5, 4)
def concat(g):
    a = g.pick(ALL, rank=(1, 5), kind="special")
    axis = g.rng.below(a.rank)
    parts = [a]
    for _ in range(g.rng.between(0, 3)):
        found = [v for v in g.visible() if v.elem == a.elem and v.rank == a.rank and
                 all(x == y for i, (x, y) in enumerate(zip(v.shape, a.shape)) if i != axis)]
        if found and g.rng.chance(0.7):
            parts.append(g.rng.choice(found))
        else:
            shape = list(a.shape)
            shape[axis] = g.rng.between(0 if g.rng.chance(0.1) else 1, 4)
            parts.append(g.leaf(a.elem, shape))
    g.node("Concat", g.rng.shuffled(parts), axis=sign_axis(g, axis, a.rank))


@rule(3, 2)
def split(g):
    rng = g.rng
    a = g.pick(ALL, rank=(1, 5), kind="special")
    axis = rng.below(a.rank)
    n = a.shape[axis]
    parts = rng.between(1, min(max(n, 1), 4))
    sizes = None
    if rng.chance(0.6) or n % parts:
        cuts = sorted(rng.between(0, n) for _ in range(parts - 1))
        sizes = [b - a for a, b in zip([0] + cuts, cuts + [n])]
    at = sign_axis(g, axis, a.rank)
    if g.opset >= 13:
        inputs = [a] + ([g.ints(sizes)] if sizes else [])
        g.node("Split", inputs, [True] * parts, axis=at, num_outputs=parts if g.opset >= 18 and not sizes else None)
    else:
        g.node("Split", [a], [True] * parts, axis=at, split=sizes)


@rule(3, 8)
def expand(g):
    a = g.pick(ALL, kind="special")
    shape = [g.rng.between(1, 4) if n == 1 else (1 if g.rng.chance(0.2) else n) for n in a.shape]
    if g.rng.chance(0.3):
        shape = [g.rng.between(1, 3)] + shape
    g.node("Expand", [a, g.ints(shape)])


@rule(2, 6)
def tile(g):
    a = g.pick(ALL, kind="special")
    g.node("Tile", [a, g.ints([g.rng.weighted([0, 1, 2, 3], [0.1, 3, 3, 1]) for _ in a.shape])])


@rule(5)
def slice_(g):
    rng = g.rng
    a = g.pick(ALL, rank=(1, 5), kind="special")
    axes = rng.sample(range(a.rank), rng.between(1, a.rank))
    starts, ends, steps = [], [], []
    for x in axes:
        n = a.shape[x]
        step = rng.weighted([1, 2, 3, -1, -2], [6, 1, 0.5, 2, 1]) if g.opset >= 10 else 1
        starts.append(rng.between(-n - 1, n + 1))
        ends.append(rng.weighted([rng.between(-n - 1, n + 1), 2**31 - 1, -(2**31), n], [4, 1, 1, 2]))
        if rng.chance(0.6):  # something remains
            lo, hi = sorted([rng.between(0, n), rng.between(0, n)])
            starts[-1], ends[-1] = (lo, hi) if step > 0 else (hi, lo - 1 if lo else -n - 1)
        steps.append(step)
    if g.opset >= 10:
        elem = rng.choice([T.INT64, T.INT64, T.INT32])
        inputs = [a, g.ints(starts, elem=elem), g.ints(ends, elem=elem)]
        if axes != list(range(len(axes))) or steps != [1] * len(steps) or rng.chance(0.5):
            inputs += [g.ints([sign_axis(g, x, a.rank, 10) for x in axes], elem=elem)]
            if steps != [1] * len(steps):
                inputs += [g.ints(steps, elem=elem)]
        g.node("Slice", inputs)
    else:
        g.node("Slice", [a], starts=starts, ends=ends, axes=axes)


@rule(4, 2)
def pad(g):
    rng = g.rng
    a = g.pick(FLOATS if g.opset < 13 else NUMBERS + [T.BOOL], rank=(1, 4))
    mode = rng.weighted(["constant", "reflect", "edge", "wrap"], [4, 2, 2, 1 if g.opset >= 19 else 0])
    lo, hi = [], []
    for n in a.shape:
        most = n - 1 if mode == "reflect" else (n if mode == "wrap" else 3)
        lo.append(rng.between(0, max(0, min(2, most))))
        hi.append(rng.between(0, max(0, min(2, most))))
        if mode == "constant" and n > 2 and rng.chance(0.1):
            lo[-1] = -1
    if g.opset >= 11:
        value = g.leaf(a.elem, [], kind="few") if mode == "constant" and rng.chance(0.5) else None
        axes = None
        if g.opset >= 18 and rng.chance(0.3):
            axes = rng.sample(range(a.rank), rng.between(1, a.rank))
            lo, hi = [lo[x] for x in axes], [hi[x] for x in axes]
            axes = g.ints([sign_axis(g, x, a.rank) for x in axes])
        g.node("Pad", [a, g.ints(lo + hi), value, axes], mode=mode if mode != "constant" or rng.chance(0.3) else None)
    else:
        g.node("Pad", [a], pads=lo + hi, mode=mode, value=rng.choice([None, 1.5]))


def indices(g, shape, n, negative=True):
    if n == 0:
        raise Reject("nothing to choose from")
    return g.leaf(g.rng.choice([T.INT32, T.INT64, T.INT64]), shape, lo=-n if negative and g.opset >= 11 else 0, hi=n - 1)


@rule(4)
def gather(g):
    a = g.pick(ALL, rank=(1, 4), kind="special")
    axis = g.rng.below(a.rank)
    g.node("Gather", [a, indices(g, g.shape(g.rng.below(3)), a.shape[axis])], axis=sign_axis(g, axis, a.rank))


@rule(2, 11)
def gather_elements(g):
    a = g.pick(ANY, rank=(1, 4))
    axis = g.rng.below(a.rank)
    shape = [g.rng.between(1, max(n, 1)) for n in a.shape]
    shape[axis] = g.rng.between(1, 5)
    g.node("GatherElements", [a, indices(g, shape, a.shape[axis])], axis=sign_axis(g, axis, a.rank))


def nd_indices(g, a, lead, batch=0, distinct=False):
    depth = g.rng.between(1, a.rank - batch)
    sizes = a.shape[batch:batch + depth]
    if 0 in sizes:
        raise Reject("nothing to choose from")
    count = int(np.prod(lead, dtype=np.int64))
    rng = g.rng
    if distinct:
        total = int(np.prod(sizes))
        if count > total:
            raise Reject("too many")
        at = np.array(rng.sample(range(total), count), np.int64)
        columns = np.stack(np.unravel_index(at, sizes), -1) if count else np.zeros((0, depth), np.int64)
    else:
        columns = np.stack([rng.integers([count], -n, n - 1) for n in sizes], -1)
    array = columns.astype(np.int64).reshape(list(lead) + [depth])
    return g.ints(array, run_time=0.5), depth


@rule(2, 11)
def gather_nd(g):
    a = g.pick(ANY, rank=(1, 4))
    batch = g.rng.below(a.rank) if g.opset >= 12 and g.rng.chance(0.4) else 0
    lead = a.shape[:batch] + g.shape(g.rng.below(3))
    index, _ = nd_indices(g, a, lead, batch)
    g.node("GatherND", [a, index], batch_dims=batch or None)


@rule(2, 11)
def scatter_elements(g):
    rng = g.rng
    a = g.pick(ANY, rank=(1, 4))
    axis = rng.below(a.rank)
    kinds = ["none"] + (["add", "mul"] if g.opset >= 16 else []) + (["min", "max"] if g.opset >= 18 else [])
    kind = rng.choice(kinds)
    shape = [rng.between(1, max(n, 1)) for n in a.shape]
    n = a.shape[axis]
    if n == 0:
        raise Reject("nothing to choose from")
    if kind == "none":  # which of two equal indices wins is not said
        shape[axis] = rng.between(1, n)
        count = int(np.prod(shape)) // shape[axis]
        rows = np.stack([np.array(rng.sample(range(n), shape[axis])) for _ in range(count)])
        order = [x for i, x in enumerate(shape) if i != axis] + [shape[axis]]
        array = np.moveaxis(rows.reshape(order), -1, axis)
        index = g.ints(array - n * rng.integers(array.shape, 0, 1), run_time=0.5)
    else:
        shape[axis] = rng.between(1, 5)
        index = indices(g, shape, n)
    if kind != "none" and a.elem == T.BOOL:
        raise Reject("no sums of truth values")
    g.node("ScatterElements", [a, index, g.leaf(a.elem, shape)], axis=sign_axis(g, axis, a.rank),
           reduction=kind if kind != "none" else None)


@rule(2, 11)
def scatter_nd(g):
    rng = g.rng
    a = g.pick(ANY, rank=(1, 4))
    kinds = ["none"] + (["add", "mul"] if g.opset >= 16 else []) + (["min", "max"] if g.opset >= 18 else [])
    kind = rng.choice(kinds)
    if kind != "none" and a.elem == T.BOOL:
        raise Reject("no sums of truth values")
    lead = [rng.between(1, 4) for _ in range(rng.between(1, 2))]
    index, depth = nd_indices(g, a, lead, distinct=kind == "none")
    g.node("ScatterND", [a, index, g.leaf(a.elem, lead + a.shape[depth:])], reduction=kind if kind != "none" else None)


@rule(1)
def depth_space(g):
    rng, b = g.rng, 2
    if rng.chance(0.5):
        a = g.pick(F if g.opset >= 13 else F32, rank=4, ok=lambda v: v.shape[1] and v.shape[1] % 4 == 0, shape=None if rng.chance(0.3) else [2, 4, 3, 2])
        g.node("DepthToSpace", [a], blocksize=b, mode=rng.choice([None, "DCR", "CRD"]) if g.opset >= 11 else None)
    else:
        a = g.pick(F if g.opset >= 13 else F32, rank=4, ok=lambda v: v.shape[2] % 2 == 0 and v.shape[3] % 2 == 0, shape=None if rng.chance(0.3) else [1, 3, 4, 2])
        g.node("SpaceToDepth", [a], blocksize=b)


@rule(1, 10)
def reverse_sequence(g):
    a = g.pick(ANY, rank=(2, 4), ok=lambda v: 0 not in v.shape[:2])
    time = g.rng.below(2)
    lens = g.leaf(T.INT64, [a.shape[1 - time]], lo=1, hi=a.shape[time])
    g.node("ReverseSequence", [a, lens], time_axis=time, batch_axis=1 - time)


@rule(1.5, 14)
def trilu(g):
    a = g.pick(FLOATS + [T.INT64, T.INT32, T.BOOL], rank=(2, 4))
    g.node("Trilu", [a] + ([g.ints(g.rng.between(-3, 3))] if g.rng.chance(0.6) else []), upper=g.rng.choice([None, 0, 1]))


@rule(0.5, 9)
def eye_like(g):
    a = g.pick(NUMBERS, rank=2)
    g.node("EyeLike", [a], dtype=g.rng.choice([None, T.FLOAT, T.INT64]), k=g.rng.between(-2, 2))


@rule(3)
def shape_of(g):
    a = g.pick(ANY)
    if g.rng.chance(0.2):
        g.node("Size", [a])
    elif g.opset >= 15 and g.rng.chance(0.4):
        g.node("Shape", [a], start=g.rng.between(-3, 3), end=g.rng.between(-3, 4) if g.rng.chance(0.6) else None)
    else:
        g.node("Shape", [a])


@rule(2, 9)
def constant_of_shape(g):
    from onnx import helper
    found = [v for v in g.visible() if v.elem == T.INT64 and v.rank == 1 and v.array.size < 5 and np.all(v.array >= 0) and np.all(v.array < 9)]
    shape = g.rng.choice(found) if found and g.rng.chance(0.5) else g.ints(g.shape())
    value = None
    if g.rng.chance(0.7):
        elem = g.elem(ANY)
        value = helper.make_tensor("v", elem, [1], [g.rng.between(0, 3)])
    g.node("ConstantOfShape", [shape], value=value)


@rule(1, 11)
def range_(g):
    elem = g.elem([T.FLOAT, T.DOUBLE, T.INT32, T.INT64, T.INT16])
    start, step, n = g.rng.between(-4, 4), g.rng.choice([1, 2, 3, -1, -2]), g.rng.between(0, 6)
    part = 0.5 if elem in FLOATS else 1
    g.node("Range", [g.constant(start * part, elem), g.constant((start + step * n) * part, elem), g.constant(step * part, elem)])


@rule(2, 9)
def one_hot(g):
    depth = g.rng.between(1, 6)
    a = g.pick([T.INT32, T.INT64, T.FLOAT], rank=(0, 3), lo=-depth, hi=depth - 1, ok=lambda v: np.all(v.array == np.floor(v.array)))
    values = g.leaf(g.elem([T.FLOAT, T.INT32, T.INT64]), [2])
    g.node("OneHot", [a, g.ints([depth] if g.rng.chance(0.5) else depth), values], axis=g.rng.between(-1, a.rank))


@rule(1, 9)
def non_zero(g):
    g.node("NonZero", [g.pick([T.FLOAT, T.INT32, T.INT64, T.BOOL, T.UINT8], rank=(1, 4))])


@rule(1, 9)
def compress(g):
    a = g.pick(ANY, rank=(1, 4))
    axis = g.rng.choice([None] + list(range(a.rank)))
    n = a.array.size if axis is None else a.shape[axis]
    g.node("Compress", [a, g.leaf(T.BOOL, [g.rng.between(min(1, n), n)])], axis=axis)


@rule(1, 11)
def unique(g):
    a = g.pick([T.FLOAT, T.INT64, T.INT8, T.DOUBLE, T.BOOL], rank=(1, 3), ok=lambda v: 0 not in v.shape)
    wanted = [True] + [g.rng.chance(0.5) for _ in range(3)]
    g.node("Unique", [a], wanted, axis=g.rng.between(-a.rank, a.rank - 1) if g.rng.chance(0.5) else None, sorted=g.rng.choice([None, 0, 1]))


@rule(1, 18)
def center_crop_pad(g):
    a = g.pick(FLOATS + [T.INT32], rank=(1, 4))
    axes = g.rng.sample(range(a.rank), g.rng.between(1, a.rank))
    g.node("CenterCropPad", [a, g.ints([g.rng.between(1, 6) for _ in axes])], axes=axes)


@rule(0.7, 18)
def col2im(g):
    k = [g.rng.between(1, 2), g.rng.between(1, 3)]
    image = [g.rng.between(k[0], 5), g.rng.between(k[1], 5)]
    blocks = (image[0] - k[0] + 1) * (image[1] - k[1] + 1)
    a = g.leaf(g.elem(F32), [g.rng.between(1, 2), k[0] * k[1] * g.rng.between(1, 3), blocks])
    g.node("Col2Im", [a, g.ints(image), g.ints(k)])


@rule(0.7, 10)
def non_max_suppression(g):
    rng = g.rng
    n, classes = rng.between(1, 8), rng.between(1, 2)
    corner = rng.uniform([1, n, 2], 0, 4)
    boxes = np.concatenate([corner, corner + rng.uniform([1, n, 2], 0.5, 3)], -1).astype(np.float32)
    scores = g.leaf(T.FLOAT, [1, classes, n], lo=0.1, hi=1)
    g.node("NonMaxSuppression", [g.constant(boxes, T.FLOAT), scores, g.ints([rng.between(0, 4)]), g.constant([0.35], T.FLOAT),
                                 g.constant([0.3], T.FLOAT) if rng.chance(0.5) else None], center_point_box=rng.choice([None, 0]))


@rule(0.7, 24)
def tensor_scatter(g):
    rng = g.rng
    a = g.pick(F, rank=(3, 4), ok=lambda v: 0 not in v.shape)
    n = rng.between(1, a.shape[-2])
    update = g.leaf(a.elem, a.shape[:-2] + [n] + a.shape[-1:])
    g.node("TensorScatter", [a, update, g.leaf(T.INT64, [a.shape[0]], lo=0, hi=a.shape[-2] - n)], mode=rng.choice([None, "linear", "circular"]))
