"""ONNX Runtime, its optimisations off: runs a list of nodes on arrays.

Types that NumPy lacks (bf16) are held as f32: such a graph input or output gets a Cast around it.
"""
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper

onnxruntime.set_default_logger_severity(4)
IR_VERSIONS = [(7, 3), (9, 4), (10, 5), (11, 6), (14, 7), (18, 8), (20, 9), (22, 10), (23, 11), (24, 12), (99, 13)]
NUMPY = {T.FLOAT: np.float32, T.DOUBLE: np.float64, T.FLOAT16: np.float16, T.BFLOAT16: np.float32, T.INT8: np.int8,
         T.INT16: np.int16, T.INT32: np.int32, T.INT64: np.int64, T.UINT8: np.uint8, T.UINT16: np.uint16,
         T.UINT32: np.uint32, T.UINT64: np.uint64, T.BOOL: np.bool_}
NAMES = {"float": T.FLOAT, "double": T.DOUBLE, "float16": T.FLOAT16, "bfloat16": T.BFLOAT16, "int8": T.INT8,
         "int16": T.INT16, "int32": T.INT32, "int64": T.INT64, "uint8": T.UINT8, "uint16": T.UINT16,
         "uint32": T.UINT32, "uint64": T.UINT64, "bool": T.BOOL}


class Refused(Exception):
    """The peer does not run it."""


def session_options():
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return options


OPTIONS = session_options()


def opset_imports(opset, domains=()):
    return [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in domains]


def ir_version(opset):
    return next(ir for last, ir in IR_VERSIONS if opset <= last)


def make_model(nodes, opset, inputs, constants, outputs, name="graph"):
    """inputs: {name: (type, shape)}; constants: [TensorProto]; outputs: {name: type, or None: inferred}."""
    domains = sorted({n.domain for n in nodes if n.domain})
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()],
        [helper.make_empty_tensor_value_info(n) if t is None else helper.make_tensor_value_info(n, t, None)
         for n, t in outputs.items()], constants)
    if ir_version(opset) < 4:  # an initialiser must be an input too
        known = {i.name for i in graph.input}
        graph.input.extend(helper.make_tensor_value_info(c.name, c.data_type, c.dims)
                           for c in constants if c.name not in known)
    model = helper.make_model(graph, opset_imports=opset_imports(opset, domains))
    model.ir_version = ir_version(opset)
    return model


class Session:
    def __init__(self, nodes, opset, inputs, constants, output_names):
        """inputs: {name: (type, shape)}."""
        before, after, feeds = [], [], {}
        for name, (elem, shape) in inputs.items():
            if elem == T.BFLOAT16:
                before.append(helper.make_node("Cast", [name + "_fed"], [name], to=elem))
                feeds[name + "_fed"] = (T.FLOAT, shape)
            else:
                feeds[name] = (elem, shape)
        names = {n: n for n in output_names}
        self.types = {}
        while True:
            model = make_model(before + nodes + after, opset, feeds, constants, dict.fromkeys(names.values()))
            try:
                self.session = onnxruntime.InferenceSession(model.SerializeToString(), OPTIONS,
                                                            providers=["CPUExecutionProvider"])
            except Exception as e:  # its exceptions have no common base of their own
                raise Refused(str(e)) from None
            exotic = False
            for output in self.session.get_outputs():
                if not output.type.startswith("tensor("):
                    raise Refused("a result of type " + output.type)
                elem = NAMES.get(output.type[7:-1])
                if elem is None:
                    raise Refused("a result of type " + output.type)
                name = output.name.removesuffix("_read")
                self.types.setdefault(name, elem)
                if elem == T.BFLOAT16:
                    exotic = True
                    after.append(helper.make_node("Cast", [name], [name + "_read"], to=T.FLOAT))
                    names[name] = name + "_read"
            if not exotic:
                break
        self.outputs = output_names
        self.fed = {n: n + "_fed" if e == T.BFLOAT16 else n for n, (e, _) in inputs.items()}
        self.read = [names[n] for n in output_names]

    def run(self, feeds):
        try:
            return [np.asarray(a) for a in
                    self.session.run(self.read, {self.fed[n]: a for n, a in feeds.items()})]
        except Exception as e:
            raise Refused(str(e)) from None


def to_tensor(array, elem, name):
    if elem == T.BFLOAT16:
        bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
        tensor = onnx.TensorProto(data_type=elem, name=name, dims=array.shape)
        tensor.raw_data = (bits >> 16).astype("<u2").tobytes()  # values are bf16 already
        return tensor
    return onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
