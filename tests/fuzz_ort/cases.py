"""From a seed to a case: a folder in the layout of ONNX's backend tests, with the peer's answers."""
import json

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper

import peer
import rules_nn  # noqa: F401  their rules are found by being imported
import rules_shape  # noqa: F401
from graph import EPSILON, Builder, Reject, Value, all_ops, evaluate, free_names
from rng import Rng
from rules_control import grow

OPSETS = [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]
OPSET_WEIGHTS = [1, 1, 1, 1, 2, 1, 3, 1, 1, 1, 3, 3, 1, 1, 4, 2, 4, 4]


def build(seed):
    rng = Rng(seed)
    g = Builder(rng, rng.weighted(OPSETS, OPSET_WEIGHTS))
    while not g.nodes:
        size = rng.weighted([rng.between(1, 4), rng.between(3, 12), rng.between(10, 30)], [3, 5, 2])
        grow(g, size)
    return g


def used(nodes):
    names = set()
    for n in nodes:
        names.update(free_names([n]))
    return names


def finish(g):
    """Outputs: what nobody uses, and some others.  Types that tensor files of old lack are cast."""
    consumed = used(g.nodes)
    made = [o for n in g.nodes for o in n.output if o]
    outputs = [o for o in made if o not in consumed] + [o for o in made if o in consumed and g.rng.chance(0.1)]
    kept = []
    for name in outputs[:12]:
        v = g.values[name]
        if v.elem == T.BFLOAT16:
            v = g.node("Cast", [v], to=T.FLOAT)
        if v.leaf:
            continue  # a Constant that nobody uses
        kept.append(v)
    return kept


def live(g, outputs):
    needed, nodes = {v.name for v in outputs}, []
    for n in reversed(g.nodes):
        if any(o in needed for o in n.output):
            nodes.append(n)
            needed.update(free_names([n]))
    return nodes[::-1], needed


def symbolic_sizes(g, leaves):
    """{size: name}: which sizes of the inputs are symbols.  None is 1: a symbol that meets a size is taken to be that size, and
    rnncc tells so; no code is made that broadcasts or not."""
    rng = g.rng
    if not rng.chance(0.45):
        return {}
    sizes = sorted({n for v in leaves if v.is_input and v.make for n in v.shape if n != 1})
    names = rng.shuffled(["N", "T", "batch", "seq len", "C"])
    return dict(zip(rng.sample(sizes, rng.between(1, 2)), names))


def again(g, nodes, leaves, sizes):
    """All values with other sizes in place of the symbols'; Reject, or Refused, where that is not this graph any more."""
    values = {}
    for v in leaves:
        shape = [sizes.get(n, n) for n in v.shape] if v.is_input and v.make else v.shape
        array = v.make(shape) if v.make and v.is_input else v.array
        values[v.name] = Value(v.name, v.elem, array, None, True, v.make, v.is_input)
    for n in nodes:
        if n.op_type == "Constant":
            values[n.output[0]] = g.values[n.output[0]]
            continue
        for made in evaluate(n, g.opset, values, g.rng):
            values[made[0]] = Value(*made)
    return values


def tolerance(value, array):
    """{rtol, atol} of an output; what the peer gave in the whole graph counts."""
    if value.elem not in EPSILON:
        return {"rtol": 0, "atol": 0}
    eps = EPSILON[value.elem]
    rtol = max(1e-5, 16 * eps) if value.elem != T.DOUBLE else 1e-9
    y = array.astype(np.float64)
    finite = np.isfinite(y)
    scale = np.abs(y[finite]).max() if finite.any() else 1.0
    atol = max(1e-30, 16 * eps * min(scale, 1.0))
    if value.err is not None and finite.any():
        atol = max(atol, float((8 * value.err - rtol * np.abs(np.where(finite, y, 0))).max()))
    return {"rtol": rtol, "atol": atol}


def write_case(folder, opset, nodes, leaves, outputs, data_sets, sizes=None, shapes=None):
    """data_sets: [{name: Value}].  leaves: what nodes use; outputs: [Value]."""
    sizes = sizes or {}
    inputs = {v.name: (v.elem, [sizes.get(n, n) if v.make else n for n in v.shape]) for v in leaves if v.is_input}
    constants = [peer.to_tensor(v.array, v.elem, v.name) for v in leaves if not v.is_input]
    model = peer.make_model(nodes, opset, inputs, constants, {v.name: v.elem for v in outputs}, "fuzz")
    if shapes:
        for o in model.graph.output:
            if o.name in shapes:
                o.CopyFrom(helper.make_tensor_value_info(o.name, o.type.tensor_type.elem_type, shapes[o.name]))
    session = peer.onnxruntime.InferenceSession(model.SerializeToString(), peer.OPTIONS, providers=["CPUExecutionProvider"]) \
        if not any(v.elem == T.BFLOAT16 and v.is_input for v in leaves) else None
    folder.mkdir(parents=True, exist_ok=True)
    limits = {}
    for k, values in enumerate(data_sets):
        where = folder / f"test_data_set_{k}"
        where.mkdir(exist_ok=True)
        feeds = {name: values[name].array for name in inputs}
        for i, name in enumerate(inputs):
            (where / f"input_{i}.pb").write_bytes(peer.to_tensor(feeds[name], values[name].elem, name).SerializeToString())
        if session:
            arrays = session.run([v.name for v in outputs], feeds)
        else:
            arrays = peer.Session(nodes, opset, {n: (values[n].elem, values[n].shape) for n in inputs}, constants,
                                  [v.name for v in outputs]).run(feeds)
        for i, (v, array) in enumerate(zip(outputs, arrays)):
            array = np.asarray(array)
            (where / f"output_{i}.pb").write_bytes(peer.to_tensor(array, v.elem, v.name).SerializeToString())
            limit = tolerance(values[v.name], array)
            had = limits.setdefault(v.name, limit)
            limits[v.name] = {key: max(had[key], limit[key]) for key in had}
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "case.json").write_text(json.dumps({"outputs": limits}))
    (folder / "facts.json").write_text(json.dumps({"opset": opset, "ops": [o for n in nodes for o in all_ops(n)]}))


def write(seed, folder):
    g = build(seed)
    outputs = finish(g)
    if not outputs:
        return
    nodes, needed = live(g, outputs)
    leaves = [v for v in g.own if v.leaf and v.name in needed and not any(v.name in n.output for n in nodes)]
    sizes = symbolic_sizes(g, leaves)
    data_sets = [g.values]
    if sizes and g.rng.chance(0.7):
        try:
            data_sets.append(again(g, nodes, leaves, {n: g.rng.between(1, 9) for n in sizes}))
        except (Reject, peer.Refused):
            pass
    shapes = {v.name: v.shape for v in outputs if g.rng.chance(0.5)} if not sizes else None
    try:
        write_case(folder, g.opset, nodes, leaves, outputs, data_sets, sizes, shapes)
    except Exception as e:  # the peer runs each node, but not all of them together
        print(f"seed {seed}: {e}")
