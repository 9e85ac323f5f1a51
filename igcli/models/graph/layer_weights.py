"""The weights of a network by layer, and the network with the weights of some layers permuted.

All kinds of sources are alike here: once a function's variables are constants, weights are what is
computed of constants alone and meets what is computed of the input. A layer is a product with such
a weight (a convolution or a matrix product) and the weights between it and the next product: its
bias, its normalization. What precedes the first product prepares pixels and is no layer.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.errors import ModelError
from igcli.models.graph import custom_gradients
from igcli.models.graph.freeze import convert_variables, function_from_graph
from igcli.models.runtime import tensorflow

tf = tensorflow()

_PRODUCTS = frozenset(
    (
        *("Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3D", "MatMul"),
        *("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"),
    )
)

CUSTOM_GRADIENTS = (
    "model: it has custom gradients of its author's, which refer to its weights as they are, so "
    "these cannot be randomized: save the network without custom gradients"
)
NO_WEIGHTS = (
    "model: no weights were found in it (no convolution or matrix product of constants), so there "
    "is nothing to randomize"
)

Function = Callable[[Any], Any]


@dataclass(slots=True, eq=False)
class Layer:
    """A product, and the weights up to the next one.

    Attributes:
        name: Name of the product in the graph.
        weights: Names of the tensors of its weights.
        depth: Number of products between it and the output, on the longest way.
    """

    name: str
    weights: list[str] = field(default_factory=list)
    depth: int = 0


class LayerWeights:
    """A function of one input with its weights apart from it, by layer.

    Attributes:
        layers: The layers, those nearest to the output first.
        values: The weights, by the names that the layers have for them.
    """

    def __init__(self, function: Function, input_shape: tuple[int, ...]) -> None:
        """Trace `function` and find its weights.

        Args:
            function: From inputs (N, ...), float32, to one tensor.
            input_shape: Shape of one input.

        Raises:
            ModelError: It has no weights, or custom gradients of its author's.
        """
        spec = tf.TensorSpec((None, *input_shape), tf.float32)
        frozen = convert_variables(tf.function(function).get_concrete_function(spec))
        operations = frozen.graph.get_operations()
        if any(custom_gradients.has_authors_gradient(op) for op in operations):
            raise ModelError(CUSTOM_GRADIENTS)
        self.layers = _layers_of(frozen)
        if not self.layers:
            raise ModelError(NO_WEIGHTS)
        definition = frozen.graph.as_graph_def()
        for op in filter(custom_gradients.is_replaceable, operations):
            custom_gradients.replace(definition, op)
        names = [name for layer in self.layers for name in layer.weights]
        self.values = _values_of(definition, names)
        self._inputs, self._outputs = frozen.inputs, [tensor.name for tensor in frozen.outputs]
        self._definition = _leading_to(definition, self._outputs, cut=names)

    def permuted(self, chosen: Collection[int], seed: int) -> Function:
        """Return the function with the weights of some layers permuted.

        The values of each weight change places among themselves, so they keep their distribution:
        no file says how a network was initialized, and normal draws of the same mean and deviation
        would make variances and scales negative. Weights of one size in a layer change places in
        the same way: the scale and the shift of a channel stay together, without which more
        activations die. A layer's permutation does not depend on which others are chosen.

        Source: Adebayo et al. 2018 (arXiv 1810.03292), section 3, who initialize the weights anew;
        Quantus (Hedström et al. 2023) permutes those of Keras layers.

        Args:
            chosen: Indices of the layers.
            seed: Seed of the permutations.
        """
        weights = dict(self.values)
        for index in chosen:
            for name in self.layers[index].weights:
                rng = np.random.default_rng((seed, index, weights[name].size))
                weights[name] = _permuted(weights[name], rng)
        tensors = {name: tf.constant(value) for name, value in weights.items()}
        graph = function_from_graph(self._definition, tensors, self._inputs, self._outputs)
        return lambda inputs: graph(inputs)[0]


def _permuted(values: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    permuted: npt.NDArray[Any] = rng.permutation(values.reshape(-1)).reshape(values.shape)
    return permuted


def _layers_of(frozen: Any) -> tuple[Layer, ...]:
    """Return the layers of a function without variables, those nearest to the output first."""
    computed = {tensor.name for tensor in frozen.inputs}
    """Names of the tensors that depend on the input."""
    layers: list[Layer] = []
    latest: dict[str, int] = {}
    """The last layer, by its index, that leads to an operation."""
    found: set[str] = set()
    operations = [op for op in frozen.graph.get_operations() if op.inputs]
    for op in operations:  # In the order in which they were added: inputs come first.
        if not any(tensor.name in computed for tensor in op.inputs):
            continue
        computed.update(tensor.name for tensor in op.outputs)
        before = [latest[tensor.op.name] for tensor in op.inputs if tensor.op.name in latest]
        weights = [name for name in _weights_of(op, computed) if name not in found]
        if weights and op.type in _PRODUCTS:
            latest[op.name] = len(layers)
            layers.append(Layer(op.name))
        elif before:
            latest[op.name] = max(before)
        if op.name in latest:
            layers[latest[op.name]].weights += weights
            found.update(weights)
    depths = _depths(operations, frozen.outputs, {layer.name for layer in layers})
    reached = [layer for layer in reversed(layers) if layer.name in depths]
    for layer in reached:
        layer.depth = depths[layer.name]
    return tuple(sorted(reached, key=lambda layer: layer.depth))


def _weights_of(op: Any, computed: Collection[str]) -> Iterator[str]:
    """Yield the names of an operation's inputs that are weights."""
    for tensor in op.inputs:
        size = tensor.shape.num_elements()
        if tensor.name not in computed and tensor.dtype.is_floating and (size is None or size > 1):
            yield _stored(tensor).name


def _stored(tensor: Any) -> Any:
    """Return the tensor that `tensor` is a copy of, so that a weight used twice has one name."""
    return _stored(tensor.op.inputs[0]) if tensor.op.type == "Identity" else tensor


def _depths(operations: list[Any], outputs: list[Any], products: Collection[str]) -> dict[str, int]:
    """Return the number of products behind each operation that leads to an output."""
    depths = {tensor.op.name: 0 for tensor in outputs}
    for op in reversed(operations):
        if op.name not in depths:
            continue
        depth = depths[op.name] + (op.name in products)
        for tensor in op.inputs:
            depths[tensor.op.name] = max(depth, depths.get(tensor.op.name, 0))
    return depths


def _values_of(definition: Any, names: list[str]) -> dict[str, npt.NDArray[Any]]:
    """Return the values of tensors that are computed of constants alone."""
    bare = type(definition)()
    bare.CopyFrom(definition)
    for node in bare.node:  # What they are told to wait for may depend on the input.
        node.input[:] = [name for name in node.input if name[0] != "^"]
    values = function_from_graph(_leading_to(bare, names), {}, [], names)()
    return dict(zip(names, (value.numpy() for value in values), strict=True))


def _leading_to(definition: Any, tensors: Iterable[str], *, cut: Iterable[str] = ()) -> Any:
    """Return the part of a GraphDef that leads to some tensors, but not through those in `cut`."""
    nodes = {node.name: node for node in definition.node}
    removed = {_node_name(name) for name in cut}
    pending, needed = [_node_name(name) for name in tensors], set(removed)
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += map(_node_name, nodes[name].input)
    kept = [node for node in definition.node if node.name in needed - removed]
    part = type(definition)(node=kept, library=definition.library, versions=definition.versions)
    for node in part.node:
        waits = [name for name in node.input if name[0] == "^" and name[1:] in removed]
        node.input[:] = [name for name in node.input if name not in waits]
    return part


def _node_name(name: str) -> str:
    """Return the name of the node that an input or a tensor refers to: "^a", "a" or "a:1"."""
    return name.removeprefix("^").partition(":")[0]
