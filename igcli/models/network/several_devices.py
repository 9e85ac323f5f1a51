"""The same network on several devices as one network: each batch goes to a device that is free.

Which device that is changes nothing: lines and totals are in NumPy's memory between batches, and
a total gets the terms of its line in path order, wherever these were computed.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from igcli.errors import DeviceError, OutOfMemoryError
from igcli.integration.network import PointGradients, Points
from igcli.integration.requests import LayerGradients
from igcli.models.network.device_pool import LOST, DevicePool, Work
from igcli.models.network.network import TensorFlowNetwork
from igcli.records import Array

T = TypeVar("T")

log = logging.getLogger(__name__)


class SeveralDevices:
    """A network on several devices; the attributes are those of `TensorFlowNetwork`.

    A batch of a device that fails or runs out of memory is computed by another one.
    """

    def __init__(self, members: Sequence[TensorFlowNetwork], *, lost: Sequence[str] = ()) -> None:
        """Join networks.

        Args:
            members: The network on each device.
            lost: TensorFlow's names of devices that failed before they had a network.
        """
        self._pool = DevicePool(members)
        self._lost = tuple(lost)
        first = members[0]
        self.input_shape, self.small_batches = first.input_shape, first.small_batches
        self.outputs, self.positions = first.outputs, first.positions
        self.activation, self.is_binary = first.activation, first.is_binary
        self.explained, self.has_bfloat16 = first.explained, first.has_bfloat16

    @property
    def device(self) -> str:
        """The devices in words, such as "GPU:0, GPU:1 (lost)"."""
        alive = self._pool.alive
        names = [
            member.device if member in alive else f"{member.device} (lost)"
            for member in self._pool.members
        ]
        return ", ".join([*names, *(f"{name} (lost)" for name in self._lost)])

    @property
    def devices(self) -> tuple[str, ...]:
        """TensorFlow's names of the devices in use."""
        return tuple(member.device for member in self._pool.alive)

    @property
    def streams(self) -> int:
        """Number of batches that all devices compute at the same time."""
        return sum(member.streams for member in self._pool.alive)

    @property
    def precision(self) -> Literal["float32", "bfloat16"]:
        """The precision of gradients."""
        return self._pool.members[0].precision

    @precision.setter
    def precision(self, precision: Literal["float32", "bfloat16"]) -> None:
        for member in self._pool.members:
            member.precision = precision

    def uncompiled(self) -> TensorFlowNetwork:
        """Return the network on one of the devices without compiled gradients."""
        return self._pool.alive[0].uncompiled()

    def place(self, start: Array, direction: Array) -> "_Line":
        """Keep a straight line until devices need it."""
        return _Line(start, direction)

    def predict(self, inputs: Array) -> Array:
        """Return scores as a single network does."""
        work = Work("predictions", len(inputs))
        return self._pool.compute(lambda member: member.predict(inputs), work)[1]

    def gradients(
        self,
        points: Points,
        *,
        per_point: bool = False,
        slopes: bool = False,
        interior: bool = False,
    ) -> PointGradients:
        """Differentiate each point's target score on a device that is free."""

        def compute(member: TensorFlowNetwork) -> PointGradients:
            lines = [line.on(member) for line in points.lines]
            on_device = replace(points, lines=lines)
            return member.gradients(
                on_device, per_point=per_point, slopes=slopes, interior=interior
            )

        batch = _Batch(self._pool, compute, len(points.line))
        scores, summands, gradients, along, maps = (
            _Part(batch, field.name, slice(None)) for field in fields(PointGradients)
        )
        return PointGradients(
            scores,
            summands,
            gradients if per_point else None,
            along if slopes else None,
            maps if interior else None,
        )

    def layer_gradients(
        self,
        inputs: Array,
        targets: npt.NDArray[np.int32],
        layer: str | None,
        *,
        masks: Array | None = None,
    ) -> list[LayerGradients]:
        """Return values and gradients at a layer as a single network does."""

        def compute(member: TensorFlowNetwork) -> list[LayerGradients]:
            return member.layer_gradients(inputs, targets, layer, masks=masks)

        return self._pool.compute(compute, Work("gradients at layers", len(inputs)))[1]

    def check_layer(self, layer: str | None) -> None:
        """Refuse a layer whose gradients cannot be computed.

        Raises:
            ModelError: The message says why.
        """
        self._pool.at_once(lambda member: member.check_layer(layer), Work("gradients at layers", 1))

    def forget_layers(self) -> None:
        """Free the memory that only `layer_gradients` needs."""
        for member in self._pool.members:
            member.forget_layers()

    def rows(self, placed: "_Part", rows: slice) -> "_Part":
        """Return a part of an array, still where it is."""
        return replace(placed, rows=rows)

    def accumulate(self, total: Array | None, summands: "_Part", weights: Array) -> Array:
        """Add weights times summands to a total, where the summands are; return it from there."""

        def add(member: TensorFlowNetwork, terms: Any) -> Array:
            return member.fetch(member.accumulate(total, terms, weights))

        return summands.use(add)

    def gradient_of(self, total: Array) -> Array:
        """Return the gradient in pixel space of a total."""
        return self._pool.at_once(lambda member: member.gradient_of(total), Work("gradients", 1))

    def fetch(self, placed: "_Part | Array") -> Array:
        """Return a part of a batch's results, or a total."""
        if isinstance(placed, _Part):
            return placed.use(lambda member, array: member.fetch(array))
        return placed


AnyNetwork = TensorFlowNetwork | SeveralDevices
"""A network, wherever it computes."""


def on_devices(network: TensorFlowNetwork, devices: Iterable[str]) -> AnyNetwork:
    """Return a network on its own device and on others; those that fail are left out.

    Args:
        network: The network.
        devices: TensorFlow's names of all devices.
    """
    members, lost = [network], []
    for device in devices:
        if device == network.device:
            continue
        try:
            members.append(network.on(device))
            continue
        except OutOfMemoryError:
            reason = f"model: {device} has too little memory for the network"
        except DeviceError as error:
            reason = str(error)
        log.warning("%s", LOST.format(reason))
        lost.append(device)
    return SeveralDevices(members, lost=lost) if len(members) + len(lost) > 1 else network


class _Line:
    """A straight line, brought to the memory of each device at the first batch there."""

    def __init__(self, start: Array, direction: Array) -> None:
        self._ends = start, direction
        self._placed: dict[str, Any] = {}
        self._lock = threading.Lock()

    def on(self, member: TensorFlowNetwork) -> Any:
        """Return the line as the network on a device takes it."""
        with self._lock:
            if member.memory not in self._placed:
                self._placed[member.memory] = member.place(*self._ends)
            return self._placed[member.memory]


class _Batch:
    """The results of a batch on the device that computed it.

    A device may fail between the end of a batch and the use of its results: then another one
    computes the batch again.
    """

    def __init__(
        self, pool: DevicePool, compute: Callable[[TensorFlowNetwork], PointGradients], size: int
    ) -> None:
        """Compute the batch on a device that is free; raises as `DevicePool.compute`."""
        self._pool, self._compute, self._work = pool, compute, Work("batches", size)
        self._member, self._results = pool.compute(compute, self._work)

    def use(self, function: Callable[[TensorFlowNetwork, Any], T], name: str, rows: slice) -> T:
        """Call a function of the device that has the results and of some rows of one of them."""
        while True:
            member, results = self._member, getattr(self._results, name)
            try:
                return function(member, member.rows(results, rows))
            except (OutOfMemoryError, DeviceError) as error:
                self._pool.note(member, self._work, error)
                self._member, self._results = self._pool.compute(self._compute, self._work)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Rows of one of a batch's results.

    Attributes:
        batch: The batch.
        name: Which of the results, an attribute of `PointGradients`.
        rows: The rows.
    """

    batch: _Batch
    name: str
    rows: slice

    def use(self, function: Callable[[TensorFlowNetwork, Any], T]) -> T:
        """Call a function of the device that has the rows, and of the rows there."""
        return self.batch.use(function, self.name, self.rows)
