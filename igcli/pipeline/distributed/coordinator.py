"""What a fleet has left to do, what is under way and where, and what became of it."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from igcli.errors import IgcliError
from igcli.pipeline.distributed.messages import RunConfig
from igcli.pipeline.image.outcome import Outcome, Record
from igcli.records import Source

MOST_DEATHS = 2
"""Deaths of workers that had an image alone, after which it is given up."""

MOST_STARTS = 3
"""Deaths of a worker before its first image, after which the run is given up."""

MOST_KILLERS = 10
"""Images given up without one done in between, after which the run is."""

PAUSE, PATIENCE = 0.05, 0.5

NO_START = (
    "--engine ray: a worker died {} times before its first image: is there memory for "
    "{} networks? (--workers)"
)
NO_END = (
    "--engine ray: {} images in a row each killed their worker, alone, {} times: "
    "is there memory for the network? (--workers, batch_size)"
)


@dataclass(frozen=True, slots=True)
class Assignment:
    """An image handed to a worker, with its record of an earlier run."""

    source: Source
    earlier: Record | None = None


@dataclass(slots=True)
class Updates:
    """What the driver has not heard yet.

    Attributes:
        outcomes: Of images that are recorded.
        killers: Images that are given up; nobody recorded them.
        facts: What each worker that began says of its network.
        told: What workers log: levels and lines.
        error: Why the run cannot go on.
        room: How many more images the ledger takes.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    killers: list[Assignment] = field(default_factory=list)
    facts: list[Record] = field(default_factory=list)
    told: list[tuple[int, str]] = field(default_factory=list)
    error: IgcliError | None = None
    room: int = 0

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.killers or self.facts or self.told or self.error)


class Ledger:
    """An actor of one thread that all workers and the driver call.

    Workers have tickets, 0 to N-1; one that takes a dead one's place has its ticket. What a dead
    one had in hand is handed out last and alone, so that an image that kills is told from those
    that were only there.
    """

    def __init__(self, workers: int, room: int) -> None:
        """Begin with nothing to do.

        Args:
            workers: Number of tickets.
            room: Number of images kept until somebody takes them.
        """
        self._workers, self._room = workers, room
        self._waiting: deque[Assignment] = deque()
        self._closed = False
        self._hands: dict[int, dict[str, Assignment]] = {number: {} for number in range(workers)}
        self._suspects: deque[Assignment] = deque()
        self._deaths: dict[str, int] = {}
        self._starts: Counter[int] = Counter()
        self._killers = 0
        self._told: set[str] = set()
        self._error: IgcliError | None = None
        self._news = Updates()
        self._terms: RunConfig | None = None

    async def open(self, terms: RunConfig) -> None:
        """Let workers begin once they have their networks."""
        self._terms = terms

    async def exchange(self, offered: Sequence[Assignment], *, closed: bool) -> Updates:
        """Take images from the driver and tell the news; waits a moment where there are none.

        Args:
            offered: Images to be done.
            closed: Whether they are the last.
        """
        self._waiting.extend(offered)
        self._closed = closed
        end = time.monotonic() + PATIENCE
        while not self._news and not (offered and self._free) and time.monotonic() < end:
            await asyncio.sleep(PAUSE)
        news, self._news = self._news, Updates()
        news.room = self._free
        return news

    @property
    def _free(self) -> int:
        return max(0, self._room - len(self._waiting))

    async def begin(self, ticket: int) -> list[Assignment] | None:
        """Return what the ticket's last worker had in hand, None where nothing is left to do."""
        lost = list(self._hands[ticket].values())
        self._starts[ticket] = 1 if lost else self._starts[ticket] + 1
        if self._starts[ticket] > MOST_STARTS:
            await self.fail(IgcliError(NO_START.format(MOST_STARTS, self._workers)))
        idle = self._closed and not (lost or self._waiting or self._suspects)
        return None if idle or self._error else lost

    async def lose(self, ticket: int, finished: Sequence[Outcome]) -> None:
        """Sort what the ticket's last worker had in hand.

        Args:
            ticket: Of the worker.
            finished: What became of those of its images that it recorded.
        """
        for outcome in finished:
            await self.done(ticket, outcome)
        for name, handed in self._hands[ticket].items():
            # Images are alone once they are suspected.
            self._deaths[name] = self._deaths.get(name, -1) + 1
            if self._deaths[name] < MOST_DEATHS:
                self._suspects.append(handed)
            else:
                self._news.killers.append(handed)
                self._killers += 1
        self._hands[ticket] = {}
        if self._killers >= MOST_KILLERS:
            await self.fail(IgcliError(NO_END.format(MOST_KILLERS, MOST_DEATHS)))

    async def take(self, ticket: int, most: int) -> list[Assignment]:
        """Hand out images, none where there will be no more but suspects."""
        while not (self._waiting or self._closed or self._error):
            await asyncio.sleep(PAUSE)
        if self._error:
            return []
        handed = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._hands[ticket] |= {each.source.name: each for each in handed}
        return handed

    async def take_alone(self, ticket: int) -> Assignment | None:
        """Hand out a suspect, to be done with no other beside it; None where there is none."""
        if self._error or not self._suspects:
            return None
        handed = self._suspects.popleft()
        self._hands[ticket][handed.source.name] = handed
        return handed

    async def done(self, ticket: int, outcome: Outcome) -> None:
        """Hear of an image that is recorded."""
        self._hands[ticket].pop(outcome.record["image"], None)
        self._news.outcomes.append(outcome)
        self._killers = 0

    async def ready(self, facts: Record) -> RunConfig | None:
        """Hear of a worker that has its network; return how it is to work, None if not at all."""
        self._news.facts.append(facts)
        while not (self._terms or self._error):
            await asyncio.sleep(PAUSE)
        return self._terms

    async def tell(self, level: int, line: str) -> None:
        """Hear of what a worker logs; a line that several log is told once."""
        if line not in self._told and len(self._told) < self._room:
            self._told.add(line)
            self._news.told.append((level, line))

    async def fail(self, error: IgcliError) -> None:
        """Hear why the run cannot go on; nothing more is handed out."""
        if self._error is None:
            self._error = self._news.error = error
