"""The workers of a run: Ray actors that take images from a coordinator; dead ones are replaced."""

import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

from igcli.errors import IgcliError, ModelError
from igcli.pipeline.distributed.cluster import cluster, worker_resources
from igcli.pipeline.distributed.coordinator import Coordinator
from igcli.pipeline.distributed.messages import Assignment, RunConfig, Updates, WorkerConfig
from igcli.pipeline.runs.summary import EngineFacts

QUEUE_PER_WORKER = 64
"""Images kept ready for each worker."""

STOP_SECONDS = 10
"""Time for killed workers to be gone."""

NOT_STARTED = "--engine ray: a worker could not be started: {}"
COORDINATOR_LOST = "--engine ray: the coordinator died; run the same command again to continue"

OTHER_MODEL = (
    "--engine ray: workers have loaded different networks, SHA-256 {:.12}... and {:.12}...: "
    "is the file the same on all machines?"
)

log = logging.getLogger(__name__)


class Worker:
    """The actor of one worker. The driver imports this module, but not TensorFlow."""

    def __init__(self, config: WorkerConfig, cpus: int) -> None:
        """Prepare the process before TensorFlow is imported.

        Args:
            config: What the worker has to load.
            cpus: Number of threads for the network; by default TensorFlow would use all cores.
        """
        self._config = config
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(cpus))
        with suppress(OSError):  # A machine without this folder can still open absolute paths.
            os.chdir(config.folder)

    def run(self, coordinator: Any, *, ticket: int, lost: Sequence[Assignment]) -> None:
        """Attribute images until none is left.

        Args:
            coordinator: Actor handle of the coordinator.
            ticket: Ticket of the worker.
            lost: The images that the previous worker with this ticket had taken.
        """
        from igcli.pipeline.distributed.worker import work

        work(coordinator, self._config, ticket=ticket, lost=lost)


class Pool:
    """One worker for each ticket, and the coordinator that they share.

    The driver hands images to the coordinator rather than to workers. These take several at a time,
    so that their batches stay full, and the coordinator knows what a dead worker had taken.

    Attributes:
        config: What the workers load.
        workers: Number of workers.
        facts: What the first worker reports about its network.
    """

    def __init__(self, config: WorkerConfig, *, workers: int | None, address: str | None) -> None:
        """Start the workers and wait until one of them has loaded its network.

        Args:
            config: What the workers load.
            workers: Number of workers; None to derive it from the size of the cluster.
            address: Address of an existing cluster; None to start one.

        Raises:
            UsageError: The cluster is too small, or it has no such device.
            IgcliError: The cluster could not be reached or started, or the network not loaded.
        """
        self.config = config
        self.facts: EngineFacts = {}
        self._running: dict[Any, tuple[int, Any]] = {}
        with ExitStack() as stack:
            self._ray = stack.enter_context(cluster(address, workers))
            stack.callback(self._kill_workers)
            self._resources = worker_resources(self._ray.nodes(), workers, config.settings.device)
            log.info("Ray: %s", self._resources)
            self.workers = self._resources.workers
            self._coordinator = self._start_coordinator()
            for ticket in range(self.workers):
                self._start_worker(ticket)
            self._wait_until_ready()
            self._stack = stack.pop_all()

    def open(self, run_config: RunConfig) -> None:
        """Let the workers start on the images."""
        self._call("open", run_config)

    def exchange(self, images: Sequence[Assignment], *, closed: bool) -> Updates:
        """Hand over images and return what has happened; see `Coordinator.exchange`.

        Raises:
            ModelError: Workers have loaded different networks.
            IgcliError: The coordinator died.
        """
        self._replace_dead_workers()
        updates: Updates = self._call("exchange", images, closed=closed)
        for level, message in updates.logs:
            log.log(level, "%s", message)
        for facts in updates.facts:
            self.facts = self.facts or facts
            _refuse_other_model(self.facts["model_sha256"], facts["model_sha256"])
        return updates

    def stop(self) -> None:
        """Stop the workers, whatever they are doing."""
        self._stack.close()

    def _wait_until_ready(self) -> None:
        while not self.facts:
            updates = self.exchange((), closed=False)
            if updates.error is not None:
                raise updates.error

    def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        call = getattr(self._coordinator, method).remote(*arguments, **options)
        try:
            return self._ray.get(call)
        except self._ray.exceptions.RayActorError as error:
            raise IgcliError(COORDINATOR_LOST) from error

    def _start_coordinator(self) -> Any:
        ray = self._ray
        this_node = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=True
        )
        actor = ray.remote(Coordinator).options(
            num_cpus=0,
            max_concurrency=2 * self.workers + 10,  # Some calls wait for images.
            scheduling_strategy=this_node,
        )
        return actor.remote(self.workers, self.workers * QUEUE_PER_WORKER)

    def _start_worker(self, ticket: int) -> None:
        """Start a worker, unless there is nothing left to do for it."""
        lost = self._call("start", ticket)
        if lost is None:
            return
        resources = self._resources
        device = {"device": "gpu" if resources.gpus else "cpu"}
        settings = self.config.settings.model_copy(update=device)
        actor = self._ray.remote(Worker).options(num_cpus=resources.cpus, num_gpus=resources.gpus)
        worker = actor.remote(replace(self.config, settings=settings), resources.cpus)
        run = worker.run.remote(self._coordinator, ticket=ticket, lost=lost)
        self._running[run] = ticket, worker

    def _replace_dead_workers(self) -> None:
        """Forget workers that have finished, and replace those that died."""
        runs = list(self._running)
        ended, _ = self._ray.wait(runs, num_returns=len(runs), timeout=0) if runs else ([], [])
        exceptions = self._ray.exceptions
        for run in ended:
            ticket, worker = self._running.pop(run)
            try:
                self._ray.get(run)
            except (exceptions.RayActorError, exceptions.OutOfMemoryError) as error:
                if isinstance(error, exceptions.RayActorError) and error.actor_init_failed:
                    reason = str(error).strip().splitlines()[-1]
                    raise IgcliError(NOT_STARTED.format(reason)) from error
                log.debug("worker %d died: %s", ticket, " ".join(str(error).split()))
                self._ray.kill(worker)  # It may be alive if it only became unreachable.
                self._start_worker(ticket)

    def _kill_workers(self) -> None:
        """Kill workers and wait until they are gone, so that they write nothing more."""
        for _, worker in self._running.values():
            self._ray.kill(worker)
        runs = list(self._running)
        if runs:
            self._ray.wait(runs, num_returns=len(runs), timeout=STOP_SECONDS)


def _refuse_other_model(first: str, other: str) -> None:
    if other != first:
        raise ModelError(OTHER_MODEL.format(first, other))
