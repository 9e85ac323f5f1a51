"""Lines of progress where no bar is shown."""

import logging

import pytest

from igcli.cli import terminal
from igcli.cli.terminal import ProgressLines


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []

    def say(message: str, level: int) -> None:
        assert level == logging.INFO
        lines.append(message)

    monkeypatch.setattr(terminal, "say", say)
    return lines


def test_a_line_at_each_tenth(said: list[str]) -> None:
    times = iter(range(1000))
    lines = ProgressLines(25, clock=lambda: next(times) / 10)
    for _ in range(25):
        lines.tick()
    done = [3, 5, 8, 10, 13, 15, 18, 20, 23, 25]
    assert said == [f"{count} of 25 images, {round(count / 10)} s" for count in done]


def test_a_line_after_thirty_seconds(said: list[str]) -> None:
    now = 0.0
    lines = ProgressLines(None, clock=lambda: now)
    for now in (10.0, 29.9, 30.0, 59.0, 61.0):  # noqa: B007 - the clock reads it
        lines.tick()
    assert said == ["3 images, 30 s", "5 images, 61 s"]
