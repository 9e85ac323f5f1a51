"""Which of several devices is free, which has failed, and what is too large for which."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from igcli.errors import DeviceError, OutOfMemoryError

if TYPE_CHECKING:
    from igcli.models.network.network import TensorFlowNetwork

T = TypeVar("T")

TOO_LARGE = "out of memory on {}: the other devices compute {} of {}"
LOST = "{}; the run goes on without this device"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked of a device.

    Attributes:
        kind: What is computed, such as "batches"; each kind takes memory of its own.
        size: How many at a time.
    """

    kind: str
    size: int


class DevicePool:
    """The same network on several devices; safe for several threads.

    Attributes:
        members: The network on each device, those that failed included.
    """

    def __init__(self, members: Sequence["TensorFlowNetwork"]) -> None:
        self.members = tuple(members)
        self._lost: dict[TensorFlowNetwork, Exception] = {}
        self._too_large: dict[tuple[TensorFlowNetwork, str], int] = {}
        streams = max(member.streams for member in members)
        # The last one is taken first: every device before any gets a second batch.
        self._idle = [
            member
            for stream in reversed(range(streams))
            for member in reversed(self.members)
            if stream < member.streams
        ]
        self._changed = threading.Condition()

    @property
    def alive(self) -> list["TensorFlowNetwork"]:
        """The members that have not failed, in order."""
        return [member for member in self.members if member not in self._lost]

    def compute(
        self, function: Callable[["TensorFlowNetwork"], T], work: Work
    ) -> tuple["TensorFlowNetwork", T]:
        """Call a function of a member that is free; wait until one is.

        If the member runs out of memory or fails, another one computes the same.

        Returns:
            The member, and what the function returned.

        Raises:
            OutOfMemoryError: It is too large for every member.
            DeviceError: All members have failed.
        """
        while True:
            with self._free(work) as member:
                try:
                    return member, function(member)
                except (OutOfMemoryError, DeviceError) as error:
                    self.note(member, work, error)

    def at_once(self, function: Callable[["TensorFlowNetwork"], T], work: Work) -> T:
        """Call a function of any member without waiting for a free one.

        Raises:
            OutOfMemoryError: It is too large for every member.
            DeviceError: All members have failed.
        """
        while True:
            with self._changed:
                usable = self._usable(work)
                member = self._next(usable) or usable[0]
            try:
                return function(member)
            except (OutOfMemoryError, DeviceError) as error:
                self.note(member, work, error)

    def note(
        self, member: "TensorFlowNetwork", work: Work, error: OutOfMemoryError | DeviceError
    ) -> None:
        """Remember that a member is too small for some work, or that it has failed.

        A warning says so, once for each member and kind of work, unless no member is left.
        """
        with self._changed:
            if isinstance(error, OutOfMemoryError):
                key = member, work.kind
                is_new = key not in self._too_large
                self._too_large[key] = min(work.size, self._too_large.get(key, work.size))
                message = TOO_LARGE.format(member.device, work.kind, work.size)
                others = any(self._fits(other, work) for other in self.alive)
            else:
                is_new = member not in self._lost
                self._lost.setdefault(member, error)
                message, others = LOST.format(error), bool(self.alive)
            self._changed.notify_all()
        if is_new and others:
            log.warning("%s", message)

    @contextmanager
    def _free(self, work: Work) -> Iterator["TensorFlowNetwork"]:
        """Take a member that is free and large enough."""
        with self._changed:
            while True:
                member = self._next(self._usable(work))
                if member is not None:
                    break
                self._changed.wait()
            self._idle.remove(member)
        try:
            yield member
        finally:
            with self._changed:
                self._idle.append(member)
                self._changed.notify_all()

    def _next(self, usable: Sequence["TensorFlowNetwork"]) -> "TensorFlowNetwork | None":
        """Return the member that was free last: calls one by one stay where all is compiled."""
        return next((member for member in reversed(self._idle) if member in usable), None)

    def _usable(self, work: Work) -> list["TensorFlowNetwork"]:
        alive = self.alive
        if not alive:
            raise list(self._lost.values())[-1]
        usable = [member for member in alive if self._fits(member, work)]
        if not usable:
            raise OutOfMemoryError("model: out of memory; lower --batch-size")
        return usable

    def _fits(self, member: "TensorFlowNetwork", work: Work) -> bool:
        limit = self._too_large.get((member, work.kind))
        return limit is None or work.size < limit
