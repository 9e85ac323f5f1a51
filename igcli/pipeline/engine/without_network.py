"""Runs jobs that ask for calls in the background alone, and for nothing of a network."""

from collections.abc import Generator, Iterable
from typing import Any, TypeVar, cast

from igcli.pipeline.engine.engine import BackgroundCall, Job

T = TypeVar("T")


def run_without_network(jobs: Iterable[Job[T]]) -> Generator[T]:
    """Yield the result of each job, one after the other; an exception in a job ends the run."""
    for job in jobs:
        yield _result(job)


def _result(job: Job[T]) -> T:
    try:
        requests = next(job)
        while True:
            try:
                answers: list[Any] = [cast(BackgroundCall, call).function() for call in requests]
            except Exception as error:
                requests = job.throw(error)
            else:
                requests = job.send(answers)
    except StopIteration as stop:
        result: T = stop.value
        return result
