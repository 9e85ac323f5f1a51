"""The coordinator of a distributed run, called as the actor is; and the end of a dead driver."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, cast

from igcli.errors import IgcliError, ModelError
from igcli.pipeline.distributed.cluster import ENDED
from igcli.pipeline.distributed.coordinator import (
    MAX_DEATHS_ALONE,
    MAX_KILLERS,
    MAX_STARTS,
    Coordinator,
)
from igcli.pipeline.distributed.messages import Assignment, RunConfig
from igcli.pipeline.image.outcome import Outcome
from igcli.records import Source


def assignments(*names: str) -> list[Assignment]:
    return [Assignment(Source(f"/in/{name}", name)) for name in names]


def done(name: str) -> Outcome:
    return Outcome({"image": name, "status": "ok"})


def names(images: Sequence[Assignment]) -> list[str]:
    return [image.source.name for image in images]


async def coordinator_with(*images: str, workers: int = 1) -> Coordinator:
    coordinator = Coordinator(workers, capacity=10)
    await coordinator.exchange(assignments(*images), closed=False)
    await coordinator.exchange((), closed=True)
    return coordinator


def test_images_are_handed_out_once_and_reported_once() -> None:
    async def run() -> None:
        coordinator = await coordinator_with("a", "b", "c", workers=2)
        assert [await coordinator.start(0), await coordinator.start(1)] == [[], []]
        assert names(await coordinator.take(0, 2)) == ["a", "b"]
        assert names(await coordinator.take(1, 2)) == ["c"]
        assert await coordinator.take(0, 2) == []
        for ticket, name in ((0, "a"), (1, "c"), (0, "b")):
            await coordinator.done(ticket, done(name))
        updates = await coordinator.exchange((), closed=True)
        assert [outcome.record["image"] for outcome in updates.outcomes] == ["a", "c", "b"]
        assert not (await coordinator.exchange((), closed=True)).has_news
        assert await coordinator.start(0) is None

    asyncio.run(run())


def test_a_run_is_finished_once_workers_have_closed_their_files() -> None:
    async def run() -> None:
        coordinator = await coordinator_with("a", workers=3)
        for ticket in range(3):
            await coordinator.start(ticket)
        run_config = cast("RunConfig", object())
        await coordinator.open(run_config)
        assert [await coordinator.ready(ticket, {}) for ticket in (0, 1)] == [run_config] * 2
        await coordinator.take(0, 1)
        await coordinator.done(0, done("a"))
        assert not (await coordinator.exchange((), closed=True)).finished
        await coordinator.stop(0)
        assert not (await coordinator.exchange((), closed=True)).finished
        assert await coordinator.start(1) is None  # Its worker died, with nothing taken.
        assert (await coordinator.exchange((), closed=True)).finished
        assert await coordinator.ready(2, {}) is None  # It took too long to load its network.
        assert (await coordinator.exchange((), closed=True)).finished

    asyncio.run(run())


def test_images_of_a_dead_worker_are_attributed_alone_and_last() -> None:
    async def run() -> None:
        coordinator = await coordinator_with("a", "b", "c", "d")
        await coordinator.start(0)
        await coordinator.take(0, 3)
        await coordinator.done(0, done("a"))
        lost = await coordinator.start(0)  # The worker died and is replaced.
        assert lost is not None
        assert names(lost) == ["b", "c"]
        await coordinator.report_lost(0, [done("b")])  # Recorded, but not reported.
        assert names(await coordinator.take(0, 3)) == ["d"]
        assert await coordinator.take(0, 3) == []
        suspect = await coordinator.take_suspect(0)
        assert suspect is not None
        assert suspect.source.name == "c"
        assert await coordinator.take_suspect(0) is None
        assert not (await coordinator.exchange((), closed=True)).finished
        for name in ("c", "d"):
            await coordinator.done(0, done(name))
        updates = await coordinator.exchange((), closed=True)
        assert [outcome.record["image"] for outcome in updates.outcomes] == ["c", "d"]
        assert not updates.killers
        assert updates.finished

    asyncio.run(run())


def test_an_image_that_kills_its_worker_alone_fails() -> None:
    async def run() -> None:
        coordinator = await coordinator_with("a", "killer")
        await coordinator.start(0)
        await coordinator.take(0, 2)
        for _ in range(MAX_DEATHS_ALONE):
            assert names(await coordinator.start(0) or []) != []
            await coordinator.report_lost(0, ())
            while (suspect := await coordinator.take_suspect(0)) and (
                suspect.source.name != "killer"
            ):
                await coordinator.done(0, done(suspect.source.name))
            assert suspect is not None
            assert not (await coordinator.exchange((), closed=True)).killers
        await coordinator.start(0)
        await coordinator.report_lost(0, ())
        assert names((await coordinator.exchange((), closed=True)).killers) == ["killer"]
        assert await coordinator.take_suspect(0) is None
        assert await coordinator.start(0) is None

    asyncio.run(run())


def test_workers_that_die_before_their_first_image_end_the_run() -> None:
    async def run() -> None:
        coordinator = await coordinator_with("a")
        for _ in range(MAX_STARTS):
            assert await coordinator.start(0) == []
        assert await coordinator.start(0) is None
        error = (await coordinator.exchange((), closed=True)).error
        assert isinstance(error, IgcliError)
        assert "before its first image" in str(error)
        assert await coordinator.take(0, 1) == []

    asyncio.run(run())


def test_workers_that_die_before_they_report_lost_images_end_the_run() -> None:
    async def run() -> None:
        coordinator = await coordinator_with("a", "b")
        await coordinator.start(0)
        await coordinator.take(0, 1)
        for _ in range(MAX_STARTS):
            assert names(await coordinator.start(0) or []) == ["a"]
        assert await coordinator.start(0) is None
        assert (await coordinator.exchange((), closed=True)).error is not None

    asyncio.run(run())


def test_workers_that_every_image_kills_end_the_run() -> None:
    async def run() -> None:
        coordinator = await coordinator_with(*map(str, range(MAX_KILLERS + 1)))
        await coordinator.start(0)
        await coordinator.take(0, MAX_KILLERS + 1)
        while await coordinator.start(0):
            await coordinator.report_lost(0, ())
            await coordinator.take_suspect(0)
        updates = await coordinator.exchange((), closed=True)
        assert len(updates.killers) == MAX_KILLERS
        assert updates.error is not None
        assert "in a row" in str(updates.error)

    asyncio.run(run())


def test_the_first_error_counts_and_nothing_more_is_handed_out() -> None:
    async def run() -> None:
        coordinator = Coordinator(1, capacity=10)
        await coordinator.start(0)
        waiting = asyncio.create_task(coordinator.take(0, 1))
        ready = asyncio.create_task(coordinator.ready(0, {"device": "CPU:0"}))
        await asyncio.sleep(0)
        await coordinator.fail(ModelError("broken"))
        await coordinator.fail(ModelError("later"))
        assert await waiting == []
        assert await ready is None
        updates = await coordinator.exchange(assignments("a"), closed=False)
        assert str(updates.error) == "broken"
        assert updates.facts == [{"device": "CPU:0"}]
        assert await coordinator.start(0) is None

    asyncio.run(run())


def test_a_message_that_several_workers_log_is_passed_on_once() -> None:
    async def run() -> None:
        coordinator = Coordinator(2, capacity=10)
        for message in ("odd", "odd", "other"):
            await coordinator.log(30, message)
        logs = (await coordinator.exchange((), closed=False)).logs
        assert logs == [(30, "odd"), (30, "other")]

    asyncio.run(run())


def ended_by(statement: str) -> "subprocess.CompletedProcess[str]":
    """Run a statement where Ray could end the process."""
    script = (
        "import os, sys\n"
        "from igcli.models.runtime import quiet_stderr\n"
        "from igcli.pipeline.distributed.cluster import abrupt_end_reported\n"
        f"with abrupt_end_reported(), quiet_stderr():\n    {statement}\n"
    )
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": False}
    return subprocess.run([sys.executable, "-c", script], **options)


def test_a_driver_that_native_code_ends_has_one_line_on_standard_error() -> None:
    result = ended_by("os._exit(1)")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"{ENDED}\n"


def test_a_driver_that_ends_otherwise_speaks_for_itself() -> None:
    result = ended_by("sys.exit(5)")
    assert (result.returncode, result.stdout, result.stderr) == (5, "", "")
