"""Small networks in ONNX files, in the forms in which PyTorch and others export them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

SIDE = 8
CLASSES = 3

Shape = Sequence[int | str | None]

SHAPE = ("batch", 3, SIDE, SIDE)
"""Shape of an input of any number of images."""


class Builder:
    """Adds nodes and weights of a fixed seed, and makes a model of them."""

    def __init__(self, *, half: bool = False) -> None:
        self.rng = np.random.default_rng(7)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.dtype = np.float16 if half else np.float32

    def weight(self, *shape: int, scale: float | None = None, mean: float = 0.0) -> str:
        """Add normally distributed numbers, by default such that a product keeps its size."""
        spread = scale if scale is not None else 1 / np.sqrt(np.prod(shape[1:]) or 1)
        return self.tensor(self.rng.normal(mean, spread, shape).astype(self.dtype))

    def tensor(self, array: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def ints(self, *values: int) -> str:
        return self.tensor(np.array(values, np.int64))

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.nodes_of(kind, *inputs, count=1, **attributes)[0]

    def nodes_of(self, kind: str, *inputs: str, count: int, **attributes: Any) -> list[str]:
        outputs = [f"{kind.lower()}{len(self.nodes)}_{index}" for index in range(count)]
        name = f"/{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=name, **attributes))
        return outputs

    def model(
        self, outputs: str | Sequence[str], *, shape: Shape = SHAPE, opset: int = 17
    ) -> onnx.ModelProto:
        """Return the model from the input "images" to outputs."""
        names = [outputs] if isinstance(outputs, str) else outputs
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("images", kind, shape)],
            [helper.make_tensor_value_info(name, kind, None) for name in names],
            self.weights,
        )
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=8 if opset < 20 else 10,
            producer_name="pytorch",
        )


def _stem(b: Builder, channels: int = 6) -> str:
    """Scale pixels 0...255 by small weights, with zeros around the image."""
    kernel = b.weight(channels, 3, 3, 3, scale=0.004)
    return b.node("Conv", "images", kernel, b.weight(channels, scale=0.1), pads=[1, 1, 1, 1])


def _head(b: Builder, x: str, channels: int, *, ends: str | None = "Softmax") -> str:
    x = b.node("Gemm", x, b.weight(CLASSES, channels), b.weight(CLASSES, scale=0.1), transB=1)
    return b.node(ends, x, axis=-1) if ends else x


def _normalized(b: Builder, x: str, channels: int) -> str:
    parts = [b.weight(channels, scale=0.1, mean=mean) for mean in (1.0, 0.0, 0.0)]
    spread = b.tensor(np.linspace(0.5, 1.5, channels).astype(b.dtype))
    return b.node("BatchNormalization", x, *parts, spread, epsilon=1e-3)


def _shape_part(b: Builder, x: str, axis: int) -> str:
    """Return one side of a shape, as a vector, as PyTorch's exporter computes it."""
    side = b.node("Gather", b.node("Shape", x), b.tensor(np.array(axis, np.int64)), axis=0)
    return b.node("Unsqueeze", side, b.ints(0))


def convolutional(*, opset: int = 17, half: bool = False) -> onnx.ModelProto:
    """Convolutions, in groups as well, batch normalization, pooling, a softmax."""
    b = Builder(half=half)
    x = b.node("Relu", _normalized(b, _stem(b), 6))
    x = b.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    x = b.node("Conv", x, b.weight(6, 3, 3, 3), pads=[0, 0, 1, 1], group=2, strides=[2, 2])
    x = b.node("AveragePool", x, kernel_shape=[2, 2], auto_pad="SAME_UPPER")
    x = b.node("Flatten", b.node("GlobalAveragePool", b.node("Relu", x)))
    return b.model(_head(b, x, 6), opset=opset)


def standardized(*, opset: int = 17, by_node: bool = True) -> onnx.ModelProto:
    """A network without normalization whose filters are standardized, as timm's NFNets.

    Args:
        opset: Version of the operators; before 14, five outputs say that a node is in training.
        by_node: Whether a node standardizes the filters; the weights are standardized otherwise.
    """
    b = Builder()
    shape, gain = (6, 3, 3, 3), np.linspace(0.001, 0.003, 6).astype(np.float32)
    filters = b.rng.normal(0.3, 2, shape).astype(np.float32)
    if by_node:
        rows = b.node("Reshape", b.tensor(filters), b.ints(1, 6, -1))
        rest = [b.tensor(np.full(6, value, np.float32)) for value in (0, 0, 1)]
        mode: dict[str, Any] = {} if opset < 14 else {"training_mode": 1}
        parts = (rows, b.tensor(gain), *rest)
        count = 3 if mode else 5
        rows, *_ = b.nodes_of("BatchNormalization", *parts, count=count, epsilon=1e-3, **mode)
        kernel = b.node("Reshape", rows, b.ints(*shape))
    else:
        mean, variance = filters.mean((1, 2, 3)), filters.var((1, 2, 3))
        factor = gain / np.sqrt(variance + np.float32(1e-3))
        kernel = b.tensor((filters - mean[:, None, None, None]) * factor[:, None, None, None])
    x = b.node("Tanh", b.node("Conv", "images", kernel))
    x = b.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    head = b.tensor(np.linspace(-3, 3, 6 * CLASSES).reshape(6, -1).astype(np.float32))
    return b.model(b.node("Softmax", b.node("MatMul", x, head), axis=-1), opset=opset)


def mobile() -> onnx.ModelProto:
    """Depthwise convolution, hard swish, squeeze and excitation, a residual."""
    b = Builder()
    stem = b.node("HardSwish", _stem(b))
    x = b.node("Conv", stem, b.weight(6, 1, 3, 3), pads=[1, 1, 1, 1], group=6)
    x = b.node("HardSwish", _normalized(b, x, 6))
    gate = b.node("GlobalAveragePool", x)
    gate = b.node("Relu", b.node("Conv", gate, b.weight(2, 6, 1, 1), b.weight(2, scale=0.1)))
    gate = b.node("HardSigmoid", b.node("Conv", gate, b.weight(6, 2, 1, 1)), alpha=1 / 6)
    x = b.node("Add", stem, b.node("Mul", x, gate))
    x = b.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    return b.model(_head(b, x, 6, ends=None))


def _attention(b: Builder, x: str, *, width: int, heads: int, lead: Sequence[str]) -> str:
    """Self-attention; `lead` names the number of images and of tokens."""
    depth = width // heads
    qkv = b.node("Add", b.node("MatMul", x, b.weight(width, 3 * width)), b.weight(3 * width))
    shape = b.node("Concat", *lead, b.ints(3), b.ints(heads), b.ints(depth), axis=0)
    qkv = b.node("Transpose", b.node("Reshape", qkv, shape), perm=[2, 0, 3, 1, 4])
    query, key, value = (
        b.node("Gather", qkv, b.tensor(np.array(index, np.int64)), axis=0) for index in range(3)
    )
    scale = b.tensor(np.array(depth**-0.5, np.float32))
    scores = b.node(
        "MatMul", b.node("Mul", query, scale), b.node("Transpose", key, perm=[0, 1, 3, 2])
    )
    mixed = b.node("MatMul", b.node("Softmax", scores, axis=-1), value)
    shape = b.node("Concat", *lead, b.ints(width), axis=0)
    mixed = b.node("Reshape", b.node("Transpose", mixed, perm=[0, 2, 1, 3]), shape)
    return b.node("MatMul", mixed, b.weight(width, width))


def _layer_norm(b: Builder, x: str, width: int) -> str:
    return b.node(
        "LayerNormalization", x, b.weight(width, scale=0.1, mean=1.0), b.weight(width), axis=-1
    )


def shuffle() -> onnx.ModelProto:
    """Two blocks of ShuffleNet: half of the channels convolved, then shuffled with the others."""
    b, width = Builder(), 8
    x = b.node("Relu", _stem(b, width))
    for _ in range(2):
        half, other = b.nodes_of("Split", x, b.ints(width // 2, width // 2), count=2, axis=1)
        half = b.node("Conv", half, b.weight(width // 2, width // 2, 3, 3), pads=[1, 1, 1, 1])
        x = b.node("Concat", b.node("Relu", half), other, axis=1)
        groups = b.node("Concat", _shape_part(b, x, 0), b.ints(2, -1, SIDE, SIDE), axis=0)
        x = b.node("Transpose", b.node("Reshape", x, groups), perm=[0, 2, 1, 3, 4])
        x = b.node("Reshape", x, b.ints(-1, width, SIDE, SIDE))
    x = b.node("Conv", x, b.weight(width, width, 3, 3), strides=[2, 2])
    x = b.node("ReduceMean", b.node("Relu", x), axes=[2, 3], keepdims=0)
    return b.model(_head(b, x, width, ends=None))


def transformer() -> onnx.ModelProto:
    """A vision transformer: patches, a class token by Expand, shapes computed from the input."""
    b, width, tokens = Builder(), 8, 5
    x = b.node("Conv", "images", b.weight(width, 3, 4, 4, scale=0.002), strides=[4, 4])
    batch = _shape_part(b, x, 0)
    shape = b.node("Concat", batch, _shape_part(b, x, 1), b.ints(-1), axis=0)
    x = b.node("Transpose", b.node("Reshape", x, shape), perm=[0, 2, 1])
    token_shape = b.node("Concat", batch, b.ints(-1), b.ints(-1), axis=0)
    ones = b.node("ConstantOfShape", b.ints(3), value=helper.make_tensor("", 7, [1], [1]))
    minus = b.node("Mul", ones, b.tensor(np.array(-1, np.int64)))
    is_open = b.node("Equal", token_shape, minus)
    token_shape = b.node("Where", is_open, ones, token_shape)
    token = b.node("Expand", b.weight(1, 1, width, scale=0.5), token_shape)
    x = b.node("Add", b.node("Concat", token, x, axis=1), b.weight(1, tokens, width, scale=0.3))
    inner = _layer_norm(b, x, width)
    lead = (_shape_part(b, inner, 0), _shape_part(b, inner, 1))
    x = b.node("Add", x, _attention(b, inner, width=width, heads=2, lead=lead))
    inner = b.node("MatMul", _layer_norm(b, x, width), b.weight(width, 16))
    erf = b.node("Erf", b.node("Div", inner, b.tensor(np.float32(np.sqrt(2)))))
    inner = b.node(
        "Mul",
        b.node("Mul", inner, b.node("Add", erf, b.tensor(np.float32(1)))),
        b.tensor(np.float32(0.5)),
    )
    x = b.node("Add", x, b.node("MatMul", inner, b.weight(16, width)))
    x = b.node("Gather", _layer_norm(b, x, width), b.tensor(np.array(0, np.int64)), axis=1)
    return b.model(_head(b, x, width, ends=None))


def _rolled(b: Builder, x: str, shift: int) -> str:
    """Roll height and width, as the exporter of PyTorch writes torch.roll."""
    for axis in (1, 2):
        end = b.ints(np.iinfo(np.int64).max)
        first = b.node("Slice", x, b.ints(shift), end, b.ints(axis))
        last = b.node("Slice", x, b.ints(0), b.ints(shift), b.ints(axis))
        x = b.node("Concat", first, last, axis=axis)
    return x


def windows() -> onnx.ModelProto:
    """A Swin transformer's block: channels last, rolled, in windows of 4 x 4, and back."""
    b, width, side, window = Builder(), 6, SIDE, 4
    parts = side // window
    x = b.node("Transpose", _stem(b, width), perm=[0, 2, 3, 1])
    batch = _shape_part(b, x, 0)
    inner = _rolled(b, _layer_norm(b, x, width), 2)
    cut = (b.ints(parts), b.ints(window), b.ints(parts), b.ints(window), b.ints(width))
    inner = b.node("Reshape", inner, b.node("Concat", batch, *cut, axis=0))
    inner = b.node("Transpose", inner, perm=[0, 1, 3, 2, 4, 5])
    inner = b.node("Reshape", inner, b.ints(-1, window * window, width))
    count = b.node("Mul", batch, b.ints(parts * parts))
    lead = (count, b.ints(window * window))
    inner = _attention(b, inner, width=width, heads=2, lead=lead)
    cut = (b.ints(parts), b.ints(parts), b.ints(window), b.ints(window), b.ints(-1))
    inner = b.node("Reshape", inner, b.node("Concat", batch, *cut, axis=0))
    inner = b.node("Transpose", inner, perm=[0, 1, 3, 2, 4, 5])
    inner = b.node("Reshape", inner, b.node("Concat", batch, b.ints(side, side, width), axis=0))
    x = b.node("Add", x, _rolled(b, inner, side - 2))
    x = b.node("Transpose", _layer_norm(b, x, width), perm=[0, 3, 1, 2])
    x = b.node("Flatten", b.node("GlobalAveragePool", x), axis=1)
    return b.model(_head(b, x, width, ends=None))


def fixed_batch(images: int = 1) -> onnx.ModelProto:
    """A network exported for one image or more, with their number written into its shapes."""
    b, width = Builder(), 8
    x = b.node("Conv", "images", b.weight(width, 3, 4, 4, scale=0.002), strides=[4, 4])
    x = b.node("Transpose", b.node("Reshape", x, b.ints(images, width, 4)), perm=[0, 2, 1])
    token = b.rng.normal(0, 0.5, (1, 1, width)).astype(np.float32)
    x = b.node("Concat", b.tensor(token.repeat(images, 0)), x, axis=1)
    lead = (b.ints(images), b.ints(5))
    x = b.node("Add", x, _attention(b, _layer_norm(b, x, width), width=width, heads=2, lead=lead))
    x = b.node("Reshape", x, b.ints(images, -1))
    return b.model(_head(b, x, 5 * width), shape=(images, 3, SIDE, SIDE))


def open_size() -> onnx.ModelProto:
    """A network for images of any size, resized within."""
    b = Builder()
    x = b.node("Relu", _stem(b))
    x = b.node("Resize", x, "", b.tensor(np.array([1, 1, 1.5, 1.5], np.float32)), mode="linear")
    x = b.node("Pad", x, b.ints(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")
    x = b.node("ReduceMean", b.node("Relu", _normalized(b, x, 6)), axes=[2, 3], keepdims=0)
    return b.model(_head(b, x, 6), shape=("batch", 3, "height", "width"))


def grey() -> onnx.ModelProto:
    """A network of grey images that scales pixels itself, as those for MNIST."""
    b = Builder()
    x = b.node("Sub", "images", b.tensor(np.float32(127.5)))
    x = b.node("Div", x, b.tensor(np.float32(127.5)))
    x = b.node("Tanh", b.node("Conv", x, b.weight(4, 1, 3, 3), strides=[2, 2]))
    x = b.node("Reshape", x, b.ints(0, -1))
    return b.model(_head(b, x, 36, ends="LogSoftmax"), shape=("batch", 1, SIDE, SIDE))


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    make.__name__: make
    for make in (
        *(convolutional, standardized, mobile, shuffle, transformer, windows),
        *(fixed_batch, open_size, grey),
    )
}


def save(model: onnx.ModelProto, folder: Path, *, external: str | None = None) -> Path:
    """Write a model, with its weights in another file if that has a name."""
    path = folder / "net.onnx"
    onnx.save_model(
        model,
        path,
        save_as_external_data=external is not None,
        location=external,
        size_threshold=0,
    )
    return path


def onnx_runtime(path: Path) -> Callable[[Any], Any]:
    """Return the scores of images (N, H, W, C) as ONNX Runtime computes them."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    [source] = session.get_inputs()
    is_half = source.type == "tensor(float16)"
    size = source.shape[0]

    def scores(images: Any) -> Any:
        batch = np.moveaxis(np.asarray(images), -1, 1).astype(np.float16 if is_half else np.float32)
        batches = np.split(batch, len(batch) // size) if isinstance(size, int) else [batch]
        return np.concatenate([session.run(None, {source.name: part})[0] for part in batches])

    return scores
