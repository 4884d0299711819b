"""Rules for nodes with bodies (If, Loop, Scan), and for sequences."""
import numpy as np
from onnx import TensorProto as T
from onnx import helper

import peer
from graph import ANY, FLOATS, Builder, Reject, Value
from rules import opset_rules, rule

SAFE = {"binary", "unary", "activation", "matmul", "reduce", "concat", "slice_", "transpose", "reshape", "where", "cast", "compare",
        "softmax", "gather", "split", "unsqueeze", "squeeze", "limited", "logic", "clip", "expand", "shape_of", "cumulative",
        "gemm", "topk", "pad", "scatter_elements", "if_", "constant_of_shape", "argreduce", "layer_norm"}


def depth(g):
    return 1 + depth(g.parent) if g.parent else 0


def grow(g, count):
    """count rules at random; in a body those that suit one (no operand may come to be what an operator cannot take)."""
    rules = opset_rules(g.opset)
    if g.parent:
        rules = [r for r in rules if r[3].__name__ in SAFE and not (r[3].__name__ == "if_" and depth(g) > 1)]
    for _ in range(count):
        for _ in range(30):
            if g.attempt(g.rng.weighted([r[3] for r in rules], [r[0] for r in rules])):
                break


def info(name, value, shaped=True):
    return helper.make_tensor_value_info(name, value.elem, value.shape if shaped else None)


def body_graph(g, name, inputs, results):
    """inputs: [(name, Value)]; a result that no node of the body makes passes through an Identity."""
    made = {o for n in g.nodes for o in n.output}
    outputs, seen = [], set()
    for v in results:
        if v.name in seen or v.name not in made:
            w = g.node("Identity", [v])
        else:
            w = v
        seen.add(w.name)
        outputs.append(w)
    graph = helper.make_graph(g.nodes, name, [info(v.name, v, g.rng.chance(0.7)) for v in inputs], [info(w.name, w, False) for w in outputs])
    return graph, outputs


def param(g, like):
    """A body's own input that has the value `like` the first time."""
    err = like.err
    value = Value(g.name("p"), like.elem, like.array, err)
    return g.add(value)


def like_one(g, value):
    """A value of the body of this type and shape, preferably new; else None."""
    found = [v for v in g.own if v.elem == value.elem and v.shape == value.shape]
    return g.rng.weighted(found, [1 + 2 * i for i in range(len(found))]) if found else None


@rule(2, 11)
def if_(g):
    rng = g.rng
    conditions = [v for v in g.visible() if v.elem == T.BOOL and v.array.size == 1 and v.rank <= 1]
    condition = rng.choice(conditions) if conditions and rng.chance(0.6) else g.leaf(T.BOOL, [])
    then, other = Builder(rng, g.opset, g), Builder(rng, g.opset, g)
    grow(then, rng.between(1, 4))
    grow(other, rng.between(1, 4))
    pairs = []
    for a in then.own:
        for b in other.own:
            if a.elem == b.elem and a.shape == b.shape and a.elem != T.BFLOAT16:
                pairs.append((a, b))
    if not pairs:
        base = g.pick(FLOATS, fresh=0)
        pairs = [(then.node("Neg", [base]), other.node("Abs", [base]))]
    pairs = rng.sample(pairs, rng.between(1, 2))
    a, _ = body_graph(then, "then", [], [p[0] for p in pairs])
    b, _ = body_graph(other, "else", [], [p[1] for p in pairs])
    g.node("If", [condition], [True] * len(pairs), then_branch=a, else_branch=b)


@rule(2, 11)
def loop(g):
    rng = g.rng
    if depth(g) > 1:
        raise Reject("deep enough")
    body = Builder(rng, g.opset, g)
    carried = [g.pick(ANY, ok=lambda v: v.array.size < 200) for _ in range(rng.between(0 if rng.chance(0.2) else 1, 2))]
    steps = rng.between(0 if rng.chance(0.1) else 1, 4)
    index = body.add(Value(g.name("i"), T.INT64, np.asarray(0, np.int64)))
    going = body.add(Value(g.name("c"), T.BOOL, np.asarray(True)))
    params = [param(body, v) for v in carried]
    grow(body, rng.between(1, 5))
    next_ = [like_one(body, p) or p for p in params]
    if rng.chance(0.3):
        limit = body.constant(rng.between(0, 3), T.INT64)
        go = body.node("Less", [index, limit])
    else:
        go = going
    ys = [v for v in body.own if v.elem != T.BFLOAT16 and v.name not in (index.name, going.name)]
    ys = rng.sample(ys, rng.between(0 if carried else 1, min(2, len(ys))))
    graph, _ = body_graph(body, "body", [index, going] + params, [go] + next_ + ys)
    count = g.ints(steps, run_time=0.2) if rng.chance(0.9) else None
    if count is None and go is going:
        raise Reject("without end")
    g.node("Loop", [count, g.leaf(T.BOOL, [], constant=True) if rng.chance(0.1) else None] + carried, [True] * (len(carried) + len(ys)), body=graph)


@rule(2, 9)
def scan(g):
    rng = g.rng
    if depth(g) > 1:
        raise Reject("deep enough")
    body = Builder(rng, g.opset, g)
    first = g.pick(ANY, rank=(1, 4), ok=lambda v: 0 not in v.shape)
    axis = rng.below(first.rank)
    n = first.shape[axis]
    xs = [(first, axis)]
    if rng.chance(0.4):
        found = [(v, k) for v in g.visible() for k in range(v.rank) if v.shape[k] == n and 0 not in v.shape]
        if found:
            xs.append(rng.choice(found))
    carried = [g.pick(ANY, ok=lambda v: v.array.size < 200) for _ in range(rng.between(0, 2))]
    states = [param(body, v) for v in carried]
    reverse = [rng.below(2) if rng.chance(0.3) else 0 for _ in xs]
    elements = []
    for (v, k), r in zip(xs, reverse):
        at = n - 1 if r else 0
        err = None if v.err is None else np.take(v.err, at, k)
        elements.append(body.add(Value(g.name("e"), v.elem, np.asarray(np.take(v.array, at, k)), err)))
    grow(body, rng.between(1, 5))
    next_ = [like_one(body, p) or p for p in states]
    ys = [v for v in body.own if v.elem != T.BFLOAT16]
    ys = rng.sample(ys, rng.between(0 if carried else 1, min(2, len(ys))))
    graph, made = body_graph(body, "body", states + elements, next_ + ys)
    made = made[len(carried):]
    attrs = {}
    if any(reverse):
        attrs["scan_input_directions"] = reverse
    if any(k for _, k in xs):
        attrs["scan_input_axes"] = [k - v.rank if g.opset >= 11 and rng.chance(0.3) else k for v, k in xs]
    if ys and rng.chance(0.3):
        attrs["scan_output_directions"] = [rng.below(2) for _ in ys]
    if ys and rng.chance(0.3):
        attrs["scan_output_axes"] = [rng.between(0, y.rank) for y in made]
    g.node("Scan", carried + [v for v, _ in xs], [True] * (len(carried) + len(ys)), body=graph, num_scan_inputs=len(xs), **attrs)
