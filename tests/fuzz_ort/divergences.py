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
         "BatchNormalization", "LpPool", "GlobalLpPool", "Attention", "DFT"}
# Sums that cancel, of operands that may be constants: the error is of the size of the largest, not of each element.  Weights of
# Resize come from coordinates that are rounded; the ends of a Blackman window are 0.42 - 0.5 + 0.08.
CANCELLING = {"DFT", "STFT", "RNN", "GRU", "LSTM", "Conv", "ConvTranspose", "DeformConv", "Gemm", "MatMul", "Einsum", "Resize",
              "BlackmanWindow", "InstanceNormalization"}


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


def whole_numbers(value):
    return value.elem not in (T.FLOAT, T.DOUBLE, T.FLOAT16, T.BFLOAT16) and value.array.size


def overflow(attrs, x, opset):
    if not whole_numbers(x[0]):
        return False
    magnitude = np.abs(x[0].array.astype(np.float64))
    return max(magnitude.max() ** 2 * magnitude.size, np.maximum(magnitude, 1).prod()) > 2.0**31


def overflowing_sum(attrs, x, opset):
    most = 1.0
    for v in x:
        if v is not None and whole_numbers(v):
            most *= np.abs(v.array.astype(np.float64)).max() + 1
    return most * x[0].array.size > 2.0**31


def same_without_padding(attrs, x, opset):
    strides, kernel = attrs.get("strides", [1]), attrs.get("kernel_shape") or x[1].shape[2:]
    return b"SAME" in attrs.get("auto_pad", b"") and any(k < s for k, s in zip(kernel, strides))


def shape_beyond(attrs, x, opset):
    """output_shape larger than what no padding at all gives."""
    shape = attrs.get("output_shape")
    if shape is None:
        return False
    n = len(shape)
    strides, dilations = attrs.get("strides", [1] * n), attrs.get("dilations", [1] * n)
    full = [s * (i - 1) + (k - 1) * d + 1 for s, i, k, d in zip(strides, x[0].shape[2:], x[1].shape[2:], dilations)]
    return any(want > size for want, size in zip(shape[-len(full):], full))


def one_hot(attrs, x, opset):
    index = x[0].array
    return (opset < 11 and np.any(index < 0)) or np.any((index != np.floor(index)) & (index < 0))


def compress_long(attrs, x, opset):
    n = x[0].shape[attrs["axis"]] if "axis" in attrs else x[0].array.size
    return x[1].array.size > n


def far_from_mean(attrs, x, opset):
    if len(x[0].shape) < 3 or x[1].array.shape != (x[0].shape[1],):
        return False  # refused by both
    flat = x[0].array.astype(np.float64).reshape(x[0].shape[0], x[0].shape[1], -1)
    if not flat.size or not x[0].finite:
        return False
    scale = np.abs(x[1].array.astype(np.float64)) / np.sqrt(flat.var(2) + attrs.get("epsilon", 1e-5))
    return bool((np.abs(flat.mean(2)) * scale > 4).any())


def near_tie(attrs, x, opset):
    """A nearest element that the rounding of a coordinate decides."""
    if attrs.get("mode", b"nearest") != b"nearest" or len(x) < 3:
        return False
    if x[2] is not None and x[2].array.size:
        scales = x[2].array.astype(np.float64)
    else:
        scales = x[3].array / np.maximum(x[0].shape, 1)
    return any(s * 8 != round(s * 8) for s in scales)


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
    ("overflowing_sum", "ReduceSum ReduceL1 Einsum ReduceMean CumSum", "the same of sums", overflowing_sum),
    ("mean_of_nothing", "ReduceMean", "of no elements: the peer gives 0, and 0 / 0 is NaN; the specification leaves it open",
     lambda attrs, x, opset: 0 in x[0].shape),
    ("same_without_padding", "Conv MaxPool AveragePool LpPool ConvInteger QLinearConv", "auto_pad = SAME_* where less than nothing would "
     "have to be padded: the peer begins inside the image", same_without_padding),
    ("shape_beyond", "ConvTranspose", "an output_shape larger than what is there without padding: the specification's negative padding "
     "is split, the peer puts all of it at the end", shape_beyond),
    ("one_hot", "OneHot", "negative indices before opset 11, which are \"outside the range [0, depth)\", and negative fractions: \"the "
     "values will be casted to int64 before use\", the peer adds depth before", one_hot),
    ("compress_long", "Compress", "a condition longer than the axis", compress_long),
    ("far_from_mean", "InstanceNormalization", "x * s + (b - mean * s) in the peer: one element alone is b but for the rounding of a "
     "mean that is far larger; in f64 it is b", far_from_mean),
    ("near_tie", "Resize Upsample", "the nearest element, where the coordinate's rounding decides", near_tie),
    ("loop_of_no_steps", "Loop", "stacked results of no step: their other sizes are those of the body for us, 0 for the peer",
     lambda attrs, x, opset: (x and x[0] is not None and x[0].array.size and x[0].array.flat[0] <= 0)
     or (len(x) > 1 and x[1] is not None and not x[1].array.all())),
    ("order_of_nan", "ReduceMin ReduceMax ArgMin ArgMax TopK MaxPool GlobalMaxPool Unique", "which of NaN and numbers comes first",
     lambda attrs, x, opset: not x[0].finite),
    ("sign_of_nan", "Sign", "the peer gives 0 of an f16 NaN", lambda attrs, x, opset: not x[0].finite),
    ("cast_of_nan", "Cast CastLike", "NaN or infinity to integers: undefined",
     lambda attrs, x, opset: not x[0].finite and (attrs.get("to") or x[1].elem) not in (T.FLOAT, T.DOUBLE, T.FLOAT16, T.BFLOAT16, T.BOOL)),
]


def known(node, values, opset):
    """The name of the row that the node falls under, or None."""
    operands = [values[i] if i else None for i in node.input]
    attrs = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return next((name for name, ops, _, test in KNOWN if node.op_type in ops.split() and test(attrs, operands, opset)), None)
