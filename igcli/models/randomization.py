"""A network whose weights can be randomized layer by layer, whatever kind of source it is from."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from igcli.models.graph.layer_weights import LayerWeights
from igcli.models.load import Model, from_source, head_options_of, scores_of_pixels
from igcli.models.network.head import HeadOptions
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.network.several_devices import on_devices
from igcli.models.options import Explained, ModelOptions
from igcli.models.runtime import choose_devices
from igcli.models.sources.input_shape import input_layout
from igcli.models.sources.open import open_source

_CALLS = re.compile(r"^((Stateful)?PartitionedCall(_\d+)?/)+")
"""What TensorFlow puts in front of the names of operations in inlined functions."""


@dataclass(frozen=True, slots=True, eq=False)
class RandomizableModel:
    """A network, and what it takes to make randomized ones of it.

    Attributes:
        intact: The network as it is.
        weights: Its weights by layer.
        head_options: How its output becomes scores.
    """

    intact: Model
    weights: LayerWeights
    head_options: HeadOptions

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers in the graph, those nearest to the output first."""
        return tuple(_CALLS.sub("", layer.name) for layer in self.weights.layers)

    def randomized(self, layers: Collection[int], *, seed: int) -> Model:
        """Return the network with the weights of some layers permuted, frozen anew.

        Args:
            layers: Indices of the layers.
            seed: Seed of the permutations.
        """
        intact = self.intact.network
        network = TensorFlowNetwork(
            self.weights.permuted(layers, seed),
            intact.input_shape,
            device=intact.devices[0],
            head_options=self.head_options,
        )
        return replace(self.intact, network=on_devices(network, intact.devices))


def load_randomizable(
    options: ModelOptions, *, device: str, explain: Explained, trust: bool = False
) -> RandomizableModel:
    """Open a network whose weights can be randomized; gradients are in float32.

    Args:
        options: The network, and how images are prepared for it.
        device: As `choose_devices` takes it.
        explain: The scores to explain: "probability" or "logit".
        trust: Whether a Keras file may run its author's code.

    Raises:
        UsageError: The device or a file does not exist.
        ModelError: The network cannot be read, does not take RGB or grey images, or has no weights
            that can be randomized.
    """
    devices = choose_devices(device)
    opened = open_source(options, trust=trust)
    intact = from_source(opened, options, devices=devices, explain=explain)
    scores = scores_of_pixels(opened, input_layout(opened, options), options)
    weights = LayerWeights(scores, intact.network.input_shape)
    return RandomizableModel(intact, weights, head_options_of(options, explain))
