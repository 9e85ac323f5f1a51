"""Values of records and summaries, of any type, as texts and numbers of a page."""

import math

from igcli.printable import printable


def text(value: object) -> str:
    """Return a value as printable text; empty for None."""
    return "" if value is None else printable(str(value))


def lines(value: object) -> str:
    """Return a value as printable text that keeps its line breaks."""
    return "\n".join(printable(line) for line in str(value).split("\n"))


def number(value: object) -> float | None:
    """Return a finite number unchanged, and None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def percent(value: object) -> str:
    """Return a fraction in percent with three digits, or "undefined" if it is not a number."""
    fraction = number(value)
    return "undefined" if fraction is None else f"{100 * fraction:.3g}%"


def duration(seconds: float) -> str:
    """Return a duration as people write it: "0.42 s", "3 min 5 s", "2 h 3 min"."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"
