"""Where the peer is known not to do what the specification says, or what it leaves open.

Each row: a name, the reason, and a predicate on (model, reason of the failure).
"""
import onnx

KNOWN = []


def nodes_of(graph):
    for n in graph.node:
        yield n
        for a in n.attribute:
            if a.type == onnx.AttributeProto.GRAPH:
                yield from nodes_of(a.g)


def attrs(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def explain(folder, reason):
    model = onnx.load(folder / "model.onnx")
    for name, why, test in KNOWN:
        if any(test(n, attrs(n), model, reason) for n in nodes_of(model.graph)):
            return f"{name}: {why}"
    return None
