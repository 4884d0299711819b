"""Recurrent layers as ONNX models, and weights that depend on the name only.

    make_models.py FOLDER NAME...          NAME: CELL_H_step, CELL_H_T100, CELL_H_T100_B16 (a batch of 16); H: hidden units, and as
                                           many inputs; 32x16: 32 units, 16 inputs

writes FOLDER/NAME.onnx, and prints a line for each: its path, and the --state options that make a stream of it.

A step takes and gives the states, for streaming; a sequence starts from zero states. LSTM, GRU and RNN are the operators of
these names; the rows of CELLS below are other attributes of them, and cells that ONNX has no operator for, written out in its
elementary ones. Two layers, or both directions: 2xLSTM, biLSTM, 2xbiLSTM, of sequences only.
"""

import pathlib
import re
import sys
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
# ONNX's operator, its attributes, whether it takes peepholes. GRU: the reset gate after the product, as torch has it.
OPERATORS = {
    "LSTM": ("LSTM", {}, False),
    "PeepholeLSTM": ("LSTM", {}, True),
    "CoupledLSTM": ("LSTM", {"input_forget": 1}, False),
    "GRU": ("GRU", {"linear_before_reset": 1}, False),
    "ResetFirstGRU": ("GRU", {}, False),
    "RNN": ("RNN", {}, False),
}
# Steps in elementary operators: the gates in x W and in h R, the states, and the nodes "y = Op a b : attribute=value".
# xw and hr are the products; x, h and c the input and the states; b the bias, where there is one.
CELLS = {
    # Ba, Kiros, Hinton 2016, "Layer Normalization": both products normalised, and the cell.
    "LayerNormLSTM": (4, 4, "hc", """
        nx = LayerNormalization xw gain_x b ; nh = LayerNormalization hr gain_h
        a = Add nx nh ; i o f g = Split a
        si = Sigmoid i ; so = Sigmoid o ; sf = Sigmoid f ; tg = Tanh g ; keep = Mul sf c ; new = Mul si tg
        c' = Add keep new ; nc = LayerNormalization c' gain_c ; tc = Tanh nc ; h' = Mul so tc"""),
    # Feng et al. 2024, "Were RNNs All We Needed?": the gate and the candidate see the input only.
    "MinGRU": (2, 0, "h", """
        a = Add xw b ; z u = Split a ; sz = Sigmoid z ; keep = Sub one sz
        old = Mul keep h ; new = Mul sz u ; h' = Add old new"""),
    # Nobody's: a gate, a candidate through x / (1 + |x|), and a leak that the second state integrates.
    "Invented": (2, 2, "hc", """
        p = Add xw hr ; a = Add p b ; z u = Split a ; sz = Sigmoid z
        au = Abs u ; du = Add au one ; su = Div u du ; d = Sub su c ; part = Mul d leak ; c' = Add c part
        e = Sub c' h ; move = Mul sz e ; m = Add h move ; h' = Tanh m"""),
}


class Name:
    """CELL_H_step or CELL_H_T100[_B16] taken apart; H is a number, or two with an x between."""

    def __init__(self, text):
        found = re.fullmatch(r"(2x)?(bi)?([A-Za-z]+)_(\d+)(?:x(\d+))?_(step|T(\d+))(?:_B(\d+))?", text)
        if not found or found[3] not in {**OPERATORS, **CELLS}:
            raise ValueError(f"{text}: not CELL_H_step, CELL_H_T100 or CELL_H_T100_B16 of {', '.join([*OPERATORS, *CELLS])}")
        self.layers, self.directions, self.cell = 2 if found[1] else 1, 2 if found[2] else 1, found[3]
        self.hidden, self.inputs = int(found[4]), int(found[5] or found[4])
        self.length, self.batch = int(found[7] or 1), int(found[8] or 1)
        if self.length == 1 and self.layers * self.directions > 1:
            raise ValueError(f"{text}: a step has one layer and one direction")
        if self.cell in CELLS and self.length > 1:
            raise ValueError(f"{text}: {self.cell} has steps only")


def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


class Weights:
    """Uniform numbers of the size that training starts from."""

    def __init__(self, text, hidden):
        self.rng, self.scale, self.all = np.random.default_rng(zlib.crc32(text.encode())), 1 / np.sqrt(hidden), {}

    def add(self, name, *shape):
        self.all[name] = self.rng.uniform(-self.scale, self.scale, shape).astype(np.float32)
        return name

    def initializers(self):
        return [numpy_helper.from_array(w, name) for name, w in self.all.items()]


def make_operator(name, weights):
    """Layers of ONNX's own operators: nodes, inputs, outputs, {output: the input that it feeds}."""
    op, attributes, peepholes = OPERATORS[name.cell]
    gates, n_hidden, n_dirs = GATES[op], name.hidden, name.directions
    states = [] if name.length > 1 else [("h0", "Y_h"), ("c0", "Y_c")][: 2 if op == "LSTM" else 1]
    nodes, x, n_in = [], "X", name.inputs
    for k in range(name.layers):
        mark = f"_{k}" if name.layers > 1 else ""
        given = [x, weights.add("W" + mark, n_dirs, gates * n_hidden, n_in),
                 weights.add("R" + mark, n_dirs, gates * n_hidden, n_hidden),
                 weights.add("B" + mark, n_dirs, 2 * gates * n_hidden), "", *(i for i, _ in states)]
        if peepholes:
            given += [""] * (7 - len(given)) + [weights.add("P" + mark, n_dirs, 3 * n_hidden)]
        last = k == name.layers - 1
        y = "Y" if last else f"Y_{k}"
        nodes.append(helper.make_node(op, given, [y, *(o for _, o in states)], name="cell" + mark, hidden_size=n_hidden,
                                      **attributes, **({"direction": "bidirectional"} if n_dirs == 2 else {})))
        if not last:  # [T, directions, B, H] to the next layer's [T, B, directions * H]
            weights.all["next_shape"] = np.array([name.length, name.batch, n_dirs * n_hidden])
            nodes += [helper.make_node("Transpose", [y], [y + "t"], perm=[0, 2, 1, 3]),
                      helper.make_node("Reshape", [y + "t", "next_shape"], [y + "r"])]
            x, n_in = y + "r", n_dirs * n_hidden
    inputs = [value("X", name.length, name.batch, name.inputs)] + [value(i, 1, name.batch, n_hidden) for i, _ in states]
    outputs = [value("Y", name.length, n_dirs, name.batch, n_hidden)] + [value(o, 1, name.batch, n_hidden) for _, o in states]
    return nodes, inputs, outputs, {o: i for i, o in states}


def make_cell(name, weights):
    """A step written out."""
    x_gates, h_gates, states, text = CELLS[name.cell]
    n_hidden = name.hidden
    known = {"x": "X", "h": "h0", "c": "c0", "h'": "Y", "c'": "Y_c", "b": weights.add("b", x_gates * n_hidden)}
    weights.all["one"], weights.all["leak"] = np.ones(1, np.float32), np.full(1, 0.1, np.float32)
    for gain, gates in ("gain_x", x_gates), ("gain_h", h_gates), ("gain_c", 1):
        if gain in text:
            weights.all[gain] = np.ones(gates * n_hidden, np.float32)
    nodes = [helper.make_node("MatMul", ["X", weights.add("W", name.inputs, x_gates * n_hidden)], ["xw"])]
    if h_gates:
        nodes.append(helper.make_node("MatMul", ["h0", weights.add("R", n_hidden, h_gates * n_hidden)], ["hr"]))
    for row in re.split(r"[;\n]", text):
        if row.strip():
            left, right = row.split("=")
            op, *given = right.split()
            nodes.append(helper.make_node(op, [known.get(g, g) for g in given], [known.get(r, r) for r in left.split()],
                                          **({"axis": -1} if op in ("Split", "LayerNormalization") else {})))
    carry = {"h": ("h0", "Y"), "c": ("c0", "Y_c")}
    # The output is the state h: a copy of it, as the operators have, so that Y is an output as well.
    nodes.append(helper.make_node("Identity", ["Y"], ["Y_h"]))
    inputs = [value("X", name.batch, name.inputs)] + [value(carry[s][0], name.batch, n_hidden) for s in states]
    outputs = [value("Y", name.batch, n_hidden), value("Y_h", name.batch, n_hidden)]
    outputs += [value("Y_c", name.batch, n_hidden)] if "c" in states else []
    if "one" not in text:
        del weights.all["one"]
    if "leak" not in text:
        del weights.all["leak"]
    return nodes, inputs, outputs, {"Y_h": "h0"} | ({"Y_c": "c0"} if "c" in states else {})


def make(text):
    """The model, {output: input} of its states, and its weights."""
    name = Name(text)
    weights = Weights(text, name.hidden)
    nodes, inputs, outputs, carry = (make_cell if name.cell in CELLS else make_operator)(name, weights)
    graph = helper.make_graph(nodes, "recurrent", inputs, outputs, weights.initializers())
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model, carry, weights.all


def main(folder, *names):
    for text in names:
        path = pathlib.Path(folder) / f"{text}.onnx"
        model, carry, _ = make(text)
        path.write_bytes(model.SerializeToString())
        print(path, *(f"--state {o}={i}" for o, i in carry.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])
