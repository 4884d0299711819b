"""Where the peer, ONNX Runtime, is known not to do what the specification says, or where the specification says nothing.

Such nodes are not made.  A row: a name, the operators, why, and whether a node is one (its attributes as a dict, its operands
as Values or None, the opset).  ROUGH lists what is only less exact there than its type.
"""
import numpy as np
from onnx import TensorProto as T
from onnx import helper

# In f64 the peer computes these with constants or attributes in f32.
ROUGH = {"HannWindow", "HammingWindow", "BlackmanWindow", "Shrink", "Gelu", "Celu", "HardSwish", "HardSigmoid", "Elu", "Selu",
         "ThresholdedRelu", "LeakyRelu", "Swish", "MelWeightMatrix", "STFT", "LayerNormalization", "RMSNormalization",
         "InstanceNormalization", "GroupNormalization", "MeanVarianceNormalization", "Resize", "LRN", "Gemm", "LpNormalization",
         "BatchNormalization", "LpPool", "GlobalLpPool"}


def windows(attrs, x):
    """The size of each window, and of what it moves over."""
    weights = x[3] if len(x) > 6 else x[1] if len(x) > 1 else None  # of QLinearConv; of others
    kernel = attrs.get("kernel_shape") or weights.shape[2:]
    n = len(kernel)
    dilations, pads = attrs.get("dilations", [1] * n), attrs.get("pads", [0] * 2 * n)
    return [((k - 1) * d + 1, size + pads[i] + pads[n + i]) for i, (k, d, size) in enumerate(zip(kernel, dilations, x[0].shape[2:]))]


def conv_transpose_same(attrs, x, opset):
    strides = attrs.get("strides", [1] * (x[0].rank - 2))
    return b"SAME" in attrs.get("auto_pad", b"") and any(k < s for k, s in zip(x[1].shape[2:], strides))


def window_does_not_fit(attrs, x, opset):
    return attrs.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID") and any(k > n for k, n in windows(attrs, x))


def resize_length(attrs, x, opset):
    mode = attrs.get("coordinate_transformation_mode", b"half_pixel")
    if len(x) < 3 or x[2] is None or not x[2].array.size or mode in (b"half_pixel", b"asymmetric"):
        return False
    return any(n * s != np.floor(n * s) for n, s in zip(x[0].shape, x[2].array.astype(float)))


def attention_causal(attrs, x, opset):
    past = len(x) > 4 and x[4] is not None
    return attrs.get("is_causal") and past and x[0].shape[-2] != x[1].shape[-2]


def slice_backwards(attrs, x, opset):
    if len(x) < 5 or x[4] is None:
        return False
    return any(step < 0 and end == 2**31 - 1 for step, end in zip(x[4].array, x[2].array))


def default_activation(attrs, x, opset):
    names = attrs.get("activations", [])
    return "activation_alpha" not in attrs and any(n.lower() in (b"affine", b"thresholdedrelu", b"scaledtanh") for n in names)


def empty_product(attrs, x, opset):
    return 0 in x[0].shape or any(v is not None and v.rank > 1 and 0 in v.shape for v in x)


def overflow(attrs, x, opset):
    if x[0].elem in (T.FLOAT, T.DOUBLE, T.FLOAT16, T.BFLOAT16) or not x[0].array.size:
        return False
    magnitude = np.abs(x[0].array.astype(np.float64))
    return max(magnitude.max() ** 2 * magnitude.size, np.maximum(magnitude, 1).prod()) > 2.0**31


KNOWN = [
    ("conv_transpose_same", "ConvTranspose", "auto_pad = SAME_* with a kernel smaller than the stride: \"output_shape[i] = "
     "input_shape[i] * strides[i]\" is not what the peer gives", conv_transpose_same),
    ("window_does_not_fit", "Conv MaxPool AveragePool LpPool ConvInteger QLinearConv",
     "a window larger than the padded image: the peer rounds the negative count towards zero, and gives one result",
     window_does_not_fit),
    ("resize_length", "Resize", "scales that give no whole number: length_resized is scale * length in the specification's tests "
     "(resize_downsample_scales_linear_align_corners), and its floor for the peer", resize_length),
    ("affine_grid_one", "AffineGrid", "align_corners with a size of 1: the specification's reference takes -1, the peer 1, PyTorch 0",
     lambda attrs, x, opset: attrs.get("align_corners") and 1 in x[1].array[2:]),
    ("attention_causal", "Attention", "is_causal, past keys and as many queries as keys or not: the specification counts queries from the "
     "past's length, the peer from the end of the keys", attention_causal),
    ("slice_backwards", "Slice", "a negative step and the end 2^31 - 1: the specification clamps it to the length, for the peer it is "
     "the other end", slice_backwards),
    ("default_activation", "RNN GRU LSTM", "without activation_alpha the default is that of the operator, 1; the peer's is 0",
     default_activation),
    ("empty_product", "QLinearMatMul MatMulInteger QLinearConv ConvInteger", "a sum of nothing: the peer leaves the result unset",
     empty_product),
    ("overflow", "ReduceProd ReduceSumSquare ReduceL2", "integers that overflow: the peer saturates, or not", overflow),
]


def known(node, values, opset):
    """The name of the row that the node falls under, or None."""
    operands = [values[i] if i else None for i in node.input]
    attrs = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return next((name for name, ops, _, test in KNOWN if node.op_type in ops.split() and test(attrs, operands, opset)), None)
