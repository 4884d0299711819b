"""One recurrent layer as an ONNX model: LSTM, GRU (linear_before_reset = 1, as torch has it) or RNN, hidden size H, input
size H, batch 1.  T = 1 takes and gives the states, for streaming; a longer sequence starts from zero states."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def weights(cell, hidden):
    rng = np.random.default_rng(hidden)
    rows, scale = GATES[cell] * hidden, 1 / np.sqrt(hidden)
    shapes = {"W": (1, rows, hidden), "R": (1, rows, hidden), "B": (1, 2 * rows)}
    return {name: rng.uniform(-scale, scale, shape).astype(np.float32) for name, shape in shapes.items()}


def make(cell, hidden, length):
    """The model, and {output: input} of its states."""
    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    states = [] if length > 1 else [("h0", "Y_h"), ("c0", "Y_c")][: 2 if cell == "LSTM" else 1]
    inputs = [value("X", length, 1, hidden)] + [value(i, 1, 1, hidden) for i, _ in states]
    outputs = [value("Y", length, 1, 1, hidden)] + [value(o, 1, 1, hidden) for _, o in states]
    attributes = {"linear_before_reset": 1} if cell == "GRU" else {}
    node = helper.make_node(cell, ["X", "W", "R", "B", "", *(i for i, _ in states)] if states else ["X", "W", "R", "B"],
                            ["Y", *(o for _, o in states)], name="cell", hidden_size=hidden, **attributes)
    graph = helper.make_graph([node], "recurrent", inputs, outputs,
                              [numpy_helper.from_array(w, name) for name, w in weights(cell, hidden).items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model, {o: i for i, o in states}
