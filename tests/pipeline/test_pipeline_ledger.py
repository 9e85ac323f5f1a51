"""A fleet's ledger, called as an actor of one thread is."""

import asyncio
from collections.abc import Sequence

from igcli.errors import IgcliError, ModelError
from igcli.pipeline.distributed.coordinator import (
    MOST_DEATHS,
    MOST_KILLERS,
    MOST_STARTS,
    Assignment,
    Ledger,
)
from igcli.pipeline.image.outcome import Outcome
from igcli.records import Source


def handed(*names: str) -> list[Assignment]:
    return [Assignment(Source(f"/in/{name}", name)) for name in names]


def done(name: str) -> Outcome:
    return Outcome({"image": name, "status": "ok"})


def names(images: Sequence[Assignment]) -> list[str]:
    return [each.source.name for each in images]


async def filled(*images: str, workers: int = 1) -> Ledger:
    ledger = Ledger(workers, room=10)
    await ledger.exchange(handed(*images), closed=False)
    await ledger.exchange((), closed=True)
    return ledger


def test_images_are_handed_out_once_and_heard_of_once() -> None:
    async def run() -> None:
        ledger = await filled("a", "b", "c", workers=2)
        assert [await ledger.begin(0), await ledger.begin(1)] == [[], []]
        assert names(await ledger.take(0, 2)) == ["a", "b"]
        assert names(await ledger.take(1, 2)) == ["c"]
        assert await ledger.take(0, 2) == []
        for ticket, name in ((0, "a"), (1, "c"), (0, "b")):
            await ledger.done(ticket, done(name))
        news = await ledger.exchange((), closed=True)
        assert [each.record["image"] for each in news.outcomes] == ["a", "c", "b"]
        assert not await ledger.exchange((), closed=True)
        assert await ledger.begin(0) is None

    asyncio.run(run())


def test_what_a_dead_worker_had_in_hand_is_done_alone_and_last() -> None:
    async def run() -> None:
        ledger = await filled("a", "b", "c", "d")
        await ledger.begin(0)
        await ledger.take(0, 3)
        await ledger.done(0, done("a"))
        lost = await ledger.begin(0)  # Its place is taken.
        assert lost is not None
        assert names(lost) == ["b", "c"]
        await ledger.lose(0, [done("b")])  # It had recorded it, and no time to tell.
        assert names(await ledger.take(0, 3)) == ["d"]
        assert await ledger.take(0, 3) == []
        alone = await ledger.take_alone(0)
        assert alone is not None
        assert alone.source.name == "c"
        assert await ledger.take_alone(0) is None
        for name in ("c", "d"):
            await ledger.done(0, done(name))
        news = await ledger.exchange((), closed=True)
        assert [each.record["image"] for each in news.outcomes] == ["a", "b", "c", "d"]
        assert not news.killers

    asyncio.run(run())


def test_an_image_that_kills_alone_is_given_up() -> None:
    async def run() -> None:
        ledger = await filled("a", "killer")
        await ledger.begin(0)
        await ledger.take(0, 2)
        for _ in range(MOST_DEATHS):
            assert names(await ledger.begin(0) or []) != []
            await ledger.lose(0, ())
            while (alone := await ledger.take_alone(0)) and alone.source.name != "killer":
                await ledger.done(0, done(alone.source.name))
            assert alone is not None
            assert not (await ledger.exchange((), closed=True)).killers
        await ledger.begin(0)
        await ledger.lose(0, ())
        assert names((await ledger.exchange((), closed=True)).killers) == ["killer"]
        assert await ledger.take_alone(0) is None
        assert await ledger.begin(0) is None

    asyncio.run(run())


def test_workers_that_never_begin_end_the_run() -> None:
    async def run() -> None:
        ledger = await filled("a")
        for _ in range(MOST_STARTS):
            assert await ledger.begin(0) == []
        assert await ledger.begin(0) is None
        error = (await ledger.exchange((), closed=True)).error
        assert isinstance(error, IgcliError)
        assert "before its first image" in str(error)
        assert await ledger.take(0, 1) == []

    asyncio.run(run())


def test_workers_that_every_image_kills_end_the_run() -> None:
    async def run() -> None:
        ledger = await filled(*map(str, range(MOST_KILLERS + 1)))
        await ledger.begin(0)
        await ledger.take(0, MOST_KILLERS + 1)
        while await ledger.begin(0):
            await ledger.lose(0, ())
            await ledger.take_alone(0)
        news = await ledger.exchange((), closed=True)
        assert len(news.killers) == MOST_KILLERS
        assert news.error is not None
        assert "in a row" in str(news.error)

    asyncio.run(run())


def test_the_first_reason_to_stop_counts_and_nothing_is_handed_out_any_more() -> None:
    async def run() -> None:
        ledger = Ledger(1, room=10)
        await ledger.begin(0)
        waiting = asyncio.create_task(ledger.take(0, 1))
        ready = asyncio.create_task(ledger.ready({"device": "CPU:0"}))
        await asyncio.sleep(0)
        await ledger.fail(ModelError("broken"))
        await ledger.fail(ModelError("later"))
        assert await waiting == []
        assert await ready is None
        news = await ledger.exchange(handed("a"), closed=False)
        assert str(news.error) == "broken"
        assert news.facts == [{"device": "CPU:0"}]
        assert await ledger.begin(0) is None

    asyncio.run(run())


def test_a_line_that_many_workers_log_is_told_once() -> None:
    async def run() -> None:
        ledger = Ledger(2, room=10)
        for line in ("odd", "odd", "other"):
            await ledger.tell(30, line)
        assert (await ledger.exchange((), closed=False)).told == [(30, "odd"), (30, "other")]

    asyncio.run(run())
