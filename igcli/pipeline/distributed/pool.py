"""The workers of a fleet, kept alive by Ray Data."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from igcli.errors import IgcliError
from igcli.pipeline.distributed.cluster import Crew, cluster, crew_of
from igcli.pipeline.distributed.coordinator import Assignment, Ledger, Updates
from igcli.pipeline.distributed.messages import RunConfig, WorkerConfig
from igcli.pipeline.image.outcome import Record

ROOM = 64
"""Images kept ready for each worker."""

LOST = "--engine ray: the fleet's ledger is gone; the same command goes on where it ended"

log = logging.getLogger(__name__)


class Pool:
    """Workers that take images from a ledger.

    Ray Data is given a ticket for each worker rather than the images: its actors, which it
    replaces as they die, take these themselves, so that their batches stay full, nobody holds the
    names of all images, and what a dead one had in hand is known.

    Attributes:
        order: What the workers were told.
        workers: How many there are.
        facts: What the first one says of its network.
    """

    def __init__(self, order: WorkerConfig, *, workers: int | None, address: str | None) -> None:
        """Start the workers and wait until one has its network.

        Args:
            order: What they are told.
            workers: How many; None for as many as the cluster is made for.
            address: Of a cluster; None for one of our own.

        Raises:
            UsageError: The cluster has no room for them, or the device is not there.
            IgcliError: It cannot be reached or started, or the network cannot be loaded.
        """
        self.order = order
        self.facts: Record = {}
        with ExitStack() as stack:
            self._ray = stack.enter_context(cluster(address, workers))
            crew = crew_of(self._ray.nodes(), workers, order.settings.device)
            log.info("Ray: %s", crew)
            self.workers = crew.workers
            self._ledger = self._new_ledger()
            keeper = ThreadPoolExecutor(1, "igcli-fleet")
            stack.callback(keeper.shutdown, wait=False)
            self._ended: Future[None] = keeper.submit(_consume, self._work(crew))
            self._wait()
            self._stack = stack.pop_all()

    def open(self, terms: RunConfig) -> None:
        """Let the workers begin."""
        self._ray.get(self._ledger.open.remote(terms))

    def stop(self) -> None:
        """End the workers, whatever they do."""
        self._stack.close()

    @property
    def is_over(self) -> bool:
        """Whether all workers have nothing left to do; raises what none of them should have."""
        return self._ended.done() and self._ended.result() is None

    def exchange(self, offered: Sequence[Assignment], *, closed: bool) -> Updates:
        """Hand over images and hear the news; arguments as in `Ledger.exchange`.

        Raises:
            IgcliError: The ledger is gone.
        """
        try:
            news: Updates = self._ray.get(self._ledger.exchange.remote(offered, closed=closed))
        except self._ray.exceptions.RayError as error:
            raise IgcliError(LOST) from error
        return news

    def _wait(self) -> None:
        while not self.facts and not self.is_over:
            news = self.exchange((), closed=False)
            for level, line in news.told:
                log.log(level, "%s", line)
            if news.error is not None:
                raise news.error
            self.facts = next(iter(news.facts), {})

    def _new_ledger(self) -> Any:
        ray = self._ray
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=True
        )
        actor = ray.remote(Ledger).options(
            num_cpus=0,
            max_concurrency=2 * self.workers + 10,  # Some wait for images while others report.
            scheduling_strategy=here,
        )
        return actor.remote(self.workers, self.workers * ROOM)

    def _work(self, crew: Crew) -> Any:
        from igcli.pipeline.distributed.worker import Worker  # This imports Ray.

        data = self._ray.data
        tickets = [{"ticket": number} for number in range(crew.workers)]
        return data.from_items(tickets, override_num_blocks=crew.workers).map_batches(
            Worker,
            fn_constructor_args=(self._ledger, self.order),
            fn_constructor_kwargs={"cpus": crew.cpus, "gpus": crew.gpus},
            batch_size=1,
            num_cpus=crew.cpus,
            num_gpus=crew.gpus,
            compute=data.ActorPoolStrategy(size=crew.workers, max_tasks_in_flight_per_actor=1),
        )


def _consume(work: Any) -> None:
    for _ in work.iter_batches(batch_size=None):
        pass
