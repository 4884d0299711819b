"""The smallest case that still fails in the same way: fewer outputs, nodes replaced by what they give or by an operand,
nodes in bodies bypassed, fewer data sets.  Each candidate is a whole new case, answered anew by the peer."""
import shutil

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto as T
from onnx import numpy_helper

import fuzz
import peer
from cases import write_case
from graph import Value, free_names


class Case:
    def __init__(self, opset, nodes, leaves, outputs):
        self.opset, self.nodes, self.leaves, self.outputs = opset, nodes, leaves, outputs


def as_held(tensor):
    array = numpy_helper.to_array(tensor)
    return array.astype(np.float32) if tensor.data_type == T.BFLOAT16 else array


def read(folder):
    """One Case for each data set; the sizes that are symbols become numbers."""
    model = onnx.load(folder / "model.onnx")
    opset = next(o.version for o in model.opset_import if not o.domain)
    g = model.graph
    constants = {t.name: Value(t.name, t.data_type, as_held(t), None, True) for t in g.initializer}
    inputs = [i for i in g.input if i.name not in constants]
    found = []
    for where in sorted(folder.glob("test_data_set_*")):
        leaves = dict(constants)
        for i, value in enumerate(inputs):
            tensor = onnx.TensorProto.FromString((where / f"input_{i}.pb").read_bytes())
            leaves[value.name] = Value(value.name, tensor.data_type, as_held(tensor), None, True, None, True)
        found.append(Case(opset, list(g.node), leaves, [o.name for o in g.output]))
    return found


def values_of(case):
    """The peer's value of each name; nodes after one that it refuses are an error."""
    values = dict(case.leaves)
    for n in case.nodes:
        if n.op_type == "Constant":
            values[n.output[0]] = Value(n.output[0], n.attribute[0].t.data_type, as_held(n.attribute[0].t), None, True)
            continue
        session_values = {k: values[k] for k in free_names([n])}
        fed = [v for v in session_values.values() if not v.leaf or v.is_input]
        constants = [peer.to_tensor(v.array, v.elem, v.name) for v in session_values.values() if v.leaf and not v.is_input]
        names = [o for o in n.output if o]
        session = peer.Session([n], case.opset, {v.name: (v.elem, v.shape) for v in fed}, constants, names)
        for name, array in zip(names, session.run({v.name: v.array for v in fed})):
            values[name] = Value(name, session.types[name], array)
    return values


def pruned(case):
    needed, nodes = set(case.outputs), []
    for n in reversed(case.nodes):
        if any(o in needed for o in n.output):
            nodes.append(n)
            needed.update(free_names([n]))
    leaves = {k: v for k, v in case.leaves.items() if k in needed}
    return Case(case.opset, nodes[::-1], leaves, case.outputs)


def renamed(node, old, new):
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for i, name in enumerate(copy.input):
        if name == old:
            copy.input[i] = new
    for a in copy.attribute:
        if a.type == AttributeProto.GRAPH:
            inner = [renamed(n, old, new) for n in a.g.node]
            del a.g.node[:]
            a.g.node.extend(inner)
    return copy


def without(case, drop, values):
    """The case with a node's results as inputs of the graph."""
    leaves = dict(case.leaves)
    for o in drop.output:
        if o:
            leaves[o] = Value(o, values[o].elem, values[o].array, None, True, None, True)
    nodes = [n for n in case.nodes if n is not drop]
    return Case(case.opset, nodes, leaves, [o for o in case.outputs if o not in drop.output] or case.outputs)


def candidates(case, values):
    """Smaller cases, the smallest first."""
    for o in case.outputs:
        if len(case.outputs) > 1:
            yield Case(case.opset, case.nodes, case.leaves, [o])
    made = [o for n in case.nodes for o in n.output if o and values[o].elem != T.BFLOAT16]
    for o in made:
        if [o] != case.outputs and len(case.nodes) > 1:
            yield Case(case.opset, case.nodes, case.leaves, [o])
    for n in case.nodes:
        if not any(o in case.outputs for o in n.output) and all(not o or values[o].elem != T.BFLOAT16 for o in n.output):
            yield without(case, n, values)
    for n in case.nodes:  # an operand in place of a result
        for o in n.output:
            for i in n.input:
                if o and i and o not in case.outputs and values[i].elem == values[o].elem and values[i].shape == values[o].shape:
                    yield Case(case.opset, [renamed(m, o, i) for m in case.nodes if m is not n], case.leaves, case.outputs)
    for n in case.nodes:
        for k, attribute in enumerate(n.attribute):
            if attribute.type != AttributeProto.GRAPH:
                optional = onnx.NodeProto()
                optional.CopyFrom(n)
                del optional.attribute[k]
                yield Case(case.opset, [optional if m is n else m for m in case.nodes], case.leaves, case.outputs)
                continue
            for j, inner in enumerate(attribute.g.node):
                for i in inner.input:
                    if not i:
                        continue
                    copy = onnx.NodeProto()
                    copy.CopyFrom(n)
                    g = copy.attribute[k].g
                    rest = [renamed(m, inner.output[0], i) for at, m in enumerate(g.node) if at != j]
                    if any(out.name == inner.output[0] for out in g.output):
                        continue
                    del g.node[:]
                    g.node.extend(rest)
                    yield Case(case.opset, [copy if m is n else m for m in case.nodes], case.leaves, case.outputs)
    for n in case.nodes:
        for i in range(len(n.input) - 1, 0, -1):
            if n.input[i]:
                copy = onnx.NodeProto()
                copy.CopyFrom(n)
                copy.input[i] = ""
                while not copy.input[-1]:
                    del copy.input[-1]
                yield Case(case.opset, [copy if m is n else m for m in case.nodes], case.leaves, case.outputs)


def kind_of(reason):
    return "difference" if fuzz.is_difference(reason) else fuzz.normal(reason)


def fails(case, values, folder, options):
    """The reason, or None."""
    shutil.rmtree(folder, ignore_errors=True)
    leaves = list(case.leaves.values())
    outputs = []
    for name in case.outputs:
        v = values[name]
        y = v.array.astype(np.float64) if v.array.dtype != np.bool_ else v.array
        scale = 1e-3 * float(np.abs(y[np.isfinite(y)]).max()) if v.array.dtype.kind == "f" and np.isfinite(y).any() else 0
        outputs.append(Value(name, v.elem, v.array, np.full(v.array.shape, scale / 8)))
    try:
        write_case(folder, case.opset, case.nodes, leaves, outputs, [{**values, **{o.name: o for o in outputs}}])
    except Exception:
        return None
    verdict, reason = next(iter(fuzz.run_cases(options.rnncc, folder, options.via).values()))
    return reason if verdict == "fail" else None


def shrink(options):
    found = None
    for start in read(options.case):
        try:
            values = values_of(start)
        except peer.Refused:
            continue
        reason = fails(start, values, options.folder, options)
        if reason:
            found = (start, values, reason)
            break
    if not found:
        print(f"{options.case}: does not fail by itself with fixed sizes, or not by much")
        return 1
    case, values, reason = found
    kind, smaller = kind_of(reason), True
    trial = options.folder.with_name(options.folder.name + ".trial")
    while smaller:
        smaller = False
        for c in candidates(case, values):
            c = pruned(c)
            if len(c.nodes) > len(case.nodes) or not c.nodes:
                continue
            try:
                v = values_of(c)
            except (peer.Refused, KeyError, ValueError):
                continue
            why = fails(c, v, trial, options)
            if why and kind_of(why) == kind:
                case, values, reason, smaller = c, v, why, True
                break
    fails(case, values, options.folder, options)
    shutil.rmtree(trial, ignore_errors=True)
    print(f"{options.folder}: {len(case.nodes)} nodes ({', '.join(n.op_type for n in case.nodes)}): {reason}")
    return 0
