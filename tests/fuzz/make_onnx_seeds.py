#!/usr/bin/env python3
"""make_onnx_seeds.py FOLDER: small ONNX models, one of each kind of part, for fuzz_onnx to start from.

Needs no onnx package: the protobuf wire format is written by hand, field numbers are those of onnx.proto.
tests/fuzz/corpus/onnx is its output.
"""
import os
import struct
import sys


def varint(v):
    v &= (1 << 64) - 1
    out = b""
    while v >= 0x80:
        out += bytes([v & 0x7F | 0x80])
        v >>= 7
    return out + bytes([v])


def field(number, value):
    """One field: int, float, str, bytes, or a list of any."""
    if isinstance(value, list):
        return b"".join(field(number, v) for v in value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(fields):
    return b"".join(field(number, value) for number, value in fields)


FLOAT, UINT8, INT8, INT32, INT64, BOOL = 1, 2, 3, 6, 7, 9


def tensor(name, kind, dims, values):
    code = {FLOAT: "f", UINT8: "B", INT8: "b", INT32: "i", INT64: "q", BOOL: "?"}[kind]
    return message([(1, list(dims)), (2, kind), (8, name), (9, struct.pack(f"<{len(values)}{code}", *values))])


def info(name, kind, dims):
    shape = message([(1, [message([(1 if isinstance(d, int) else 2, d)]) for d in dims])])
    return message([(1, name), (2, message([(1, message([(1, kind), (2, shape)]))]))])


def attribute(name, value, reference=None):
    if reference:
        return message([(1, name), (20, value), (21, reference)])
    if isinstance(value, list) and value and isinstance(value[0], float):
        return message([(1, name), (7, value), (20, 6)])
    if isinstance(value, list) and value and isinstance(value[0], str):
        return message([(1, name), (9, value), (20, 8)])
    if isinstance(value, list):
        return message([(1, name), (8, value), (20, 7)])
    if isinstance(value, tuple):  # ("graph" or "tensor", bytes)
        number, kind = {"graph": (6, 5), "tensor": (5, 4)}[value[0]]
        return message([(1, name), (number, value[1]), (20, kind)])
    number, kind = {float: (2, 1), int: (3, 2), str: (4, 3)}[type(value)]
    return message([(1, name), (number, value), (20, kind)])


def node(op, inputs, outputs, domain=None, **attributes):
    fields = [(1, inputs.split(",")), (2, outputs.split(",")), (4, op)]
    fields += [(5, attribute(name, value)) for name, value in attributes.items()]
    return message(fields + ([(7, domain)] if domain else []))


def graph(nodes, inputs, outputs, initialisers=()):
    return message([(1, list(nodes)), (2, "g"), (5, list(initialisers)), (11, list(inputs)),
                    (12, [message([(1, name)]) for name in outputs])])


def model(g, opset=14, functions=(), domains=()):
    sets = [message([(2, opset)])] + [message([(1, d), (2, 1)]) for d in domains]
    return message([(1, 8), (7, g), (8, sets), (25, list(functions))])


def recurrent(op, gates, **attributes):
    both = attributes.get("direction") == "bidirectional"
    d, h = 2 if both else 1, 2
    weights = [tensor("W", FLOAT, [d, gates * h, 1], [0.5] * d * gates * h),
               tensor("R", FLOAT, [d, gates * h, h], [0.25] * d * gates * h * h),
               tensor("B", FLOAT, [d, 2 * gates * h], [0.125] * d * 2 * gates * h)]
    n = node(op, "x,W,R,B,lens,h0", "Y,Yh", hidden_size=h, **attributes)
    return model(graph([n], [info("x", FLOAT, ["T", "B", 1]), info("lens", INT32, ["B"]), info("h0", FLOAT, [d, "N", h])],
                       ["Y", "Yh"], weights))


def quantized_lstm():
    h = 2
    weights = [tensor(name, INT8, [1, k, 4 * h], [1, -2] * 2 * k * h) for name, k in (("W", 3), ("R", h))]
    for name in "WR":
        weights += [tensor(name + "_scale", FLOAT, [1], [0.5]), tensor(name + "_zero", INT8, [1], [1])]
    n = node("DynamicQuantizeLSTM", "x,W,R,,,,,,W_scale,W_zero,R_scale,R_zero", "Y,Yh,Yc", "com.microsoft", hidden_size=h)
    return model(graph([n], [info("x", FLOAT, ["T", "B", 3])], ["Y", "Yh", "Yc"], weights), domains=["com.microsoft"])


def quantized():
    """Quantised in blocks and back, multiplied and convolved as integers."""
    numbers = [tensor("s", FLOAT, [2, 2], [0.5, 1.0, 2.0, 4.0]), tensor("z", UINT8, [2, 2], [0, 1, 128, 255]),
               tensor("one", FLOAT, [], [0.25]), tensor("zero", UINT8, [], [3]), tensor("k", INT8, [1, 1, 2], [3, -4]),
               tensor("w", INT8, [4, 2], [1, -1, 2, -2, 3, -3, 4, -4])]
    nodes = [node("QuantizeLinear", "x,s,z", "q", axis=1, block_size=2), node("DequantizeLinear", "q,s,z", "back", axis=1, block_size=2),
             node("DynamicQuantizeLinear", "back", "d,d_scale,d_zero"), node("MatMulInteger", "d,w,d_zero", "m"),
             node("Unsqueeze", "d,at", "u"), node("ConvInteger", "u,k,d_zero", "c"),
             node("QLinearMatMul", "d,d_scale,d_zero,w,one,w_zero,one,zero", "l")]
    numbers += [tensor("at", INT64, [1], [1]), tensor("w_zero", INT8, [], [0])]
    return model(graph(nodes, [info("x", FLOAT, [2, 4])], ["back", "m", "c", "l"], numbers), opset=21)


def seeds():
    x = info("x", FLOAT, ["T", 2])
    w = tensor("w", FLOAT, [2], [1.0, 2.0])
    typed = message([(1, [2]), (2, FLOAT), (4, struct.pack("<2f", 1, 2)), (8, "w")])
    yield "add", model(graph([node("Add", "x,w", "y")], [x], ["y"], [w]))
    yield "typed", model(graph([node("Add", "x,w", "y")], [x], ["y"], [typed]))
    yield "constant", model(graph([node("Constant", "", "c", value=("tensor", w)), node("Constant", "", "d", value_ints=[1, 2]),
                                   node("Add", "x,c", "y")], [x], ["y", "d"]))
    yield "rnn", recurrent("RNN", 1, activations=["LeakyRelu"], activation_alpha=[0.1], clip=3.0)
    yield "gru", recurrent("GRU", 3, direction="bidirectional", linear_before_reset=1)
    yield "lstm", recurrent("LSTM", 4, direction="reverse", input_forget=1)

    yield "quantized_lstm", quantized_lstm()
    yield "quantized", quantized()

    then = graph([node("Add", "x,x", "a")], [], ["a"])
    other = graph([node("Mul", "x,w", "m")], [], ["m"])
    choice = node("If", "c", "y", then_branch=("graph", then), else_branch=("graph", other))
    yield "if", model(graph([choice], [info("c", BOOL, []), x], ["y"], [w]))

    body = graph([node("Add", "s,x", "s2"), node("Identity", "c", "c2")],
                 [info("i", INT64, []), info("c", BOOL, []), info("s", FLOAT, ["T", 2])], ["c2", "s2", "s2"])
    loop = node("Loop", "m,,x", "last,all", body=("graph", body))
    three = tensor("m", INT64, [], [3])
    yield "loop_scan", model(graph([loop], [x], ["last", "all"], [three]))
    yield "loop", model(graph([loop], [x, info("m", INT64, [])], ["last", "all"]))

    collect = graph([node("SequenceInsert", "q,x", "q2"), node("Identity", "c", "c2")],
                    [info("i", INT64, []), info("c", BOOL, []), info("q", FLOAT, [])], ["c2", "q2"])
    yield "sequence", model(graph([node("SequenceEmpty", "", "e"), node("Loop", "m,,e", "q", body=("graph", collect)),
                                   node("ConcatFromSequence", "q", "y", axis=0, new_axis=1)], [x], ["y"], [three]))

    grow = graph([node("Concat", "q,x", "q2", axis=0), node("Identity", "c", "c2")],
                 [info("i", INT64, []), info("c", BOOL, []), info("q", FLOAT, ["n", 2])], ["c2", "q2"])
    yield "growing", model(graph([node("Loop", "m,,x", "q", body=("graph", grow))], [x], ["q"], [three]))

    step = graph([node("Add", "s,e", "s2"), node("Mul", "s2,w", "y")], [info("s", FLOAT, [2]), info("e", FLOAT, [2])], ["s2", "y"])
    yield "scan", model(graph([node("Scan", "w,x", "last,all", num_scan_inputs=1, body=("graph", step), scan_input_directions=[1],
                                    scan_output_axes=[1])], [x], ["last", "all"], [w]))
    yield "scan_8", model(graph([node("Scan", "lens,s0,xs", "last,all", num_scan_inputs=1, body=("graph", step))],
                                [info("lens", INT64, ["B"]), info("s0", FLOAT, ["B", 2]), info("xs", FLOAT, ["B", "T", 2])],
                                ["last", "all"], [w]), opset=8)

    leaky = message([(1, "a"), (2, "r"), (4, "LeakyRelu"), (5, attribute("alpha", 1, "k"))])
    default = message([(1, "k"), (2, 0.5), (20, 1)])
    function = message([(1, "f"), (4, "a"), (5, "r"), (7, leaky), (9, message([(2, 14)])), (10, "mine"), (11, default)])
    yield "function", model(graph([node("f", "x", "y", domain="mine")], [x], ["y"]), functions=[function], domains=["mine"])


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, data in seeds():
        with open(os.path.join(sys.argv[1], name + ".onnx"), "wb") as f:
            f.write(data)
