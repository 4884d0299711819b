"""Rows that are normalised, as ONNX models: softmaxes, layer norms, attention.

make("softmax_512x1024"), make("LayerNorm_4096x768"), make("attention_256x64"): rows of so many numbers; attention of so many
queries, keys and values of that size each, which are the inputs."""

import re

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NAMES = ("softmax_64x256", "softmax_512x1024", "softmax_4096x768", "LayerNorm_64x256", "LayerNorm_512x1024", "LayerNorm_4096x768",
         "attention_256x64")


def make(name):
    kind, n, width = re.fullmatch(r"(\w+)_(\d+)x(\d+)", name).groups()
    shape = [int(n), int(width)]
    inputs, constants = ["x"], {}
    if kind == "softmax":
        nodes = [("Softmax", ["x"], "y", {"axis": -1})]
    elif kind == "LayerNorm":
        rng = np.random.default_rng(1)
        constants = {k: rng.uniform(0.5, 1.5, shape[1]).astype(np.float32) for k in ("gain", "bias")}
        nodes = [("LayerNormalization", ["x", "gain", "bias"], "y", {"axis": -1})]
    else:
        inputs, constants = ["q", "k", "v"], {"scale": np.float32(1 / np.sqrt(shape[1]))}
        nodes = [("Transpose", ["k"], "kt", {"perm": [1, 0]}), ("MatMul", ["q", "kt"], "s", {}), ("Mul", ["s", "scale"], "a", {}),
                 ("Softmax", ["a"], "p", {"axis": -1}), ("MatMul", ["p", "v"], "y", {})]

    def value(k):
        return helper.make_tensor_value_info(k, TensorProto.FLOAT, shape)

    graph = helper.make_graph([helper.make_node(op, given, [y], **attributes) for op, given, y, attributes in nodes], "rows",
                              [value(k) for k in inputs], [value("y")],
                              [numpy_helper.from_array(np.asarray(a), k) for k, a in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model
