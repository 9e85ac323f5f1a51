"""Numbers that options take, refused in the words of the settings."""

import math
from typing import Any

import click


class PositiveInteger(click.IntRange):
    """An integer of at least 1."""

    def __init__(self) -> None:
        super().__init__(min=1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"must be an integer of at least 1, not {value!r}", param, ctx)


class Similarity(click.FloatRange):
    """A correlation or structural similarity, from -1 to 1."""

    def __init__(self) -> None:
        super().__init__(-1, 1)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = math.nan
        if math.isnan(number):  # Which compares with nothing, so that nothing would be beyond it.
            self.fail(f"must be a number from -1 to 1, not {value!r}", param, ctx)
        return number
