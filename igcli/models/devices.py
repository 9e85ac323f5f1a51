"""Which devices a setting names; TensorFlow is not needed to read it."""

import re
from dataclasses import dataclass

WORDS = "auto, all, cpu, gpu or numbers as in gpu:0,2"
"""What may be given, in words."""

_NUMBERED = "{0}(:[0-9]{{1,4}}(, ?({0}:)?[0-9]{{1,4}}){{0,63}})?"

PATTERN = f"^(auto|all|{_NUMBERED.format('cpu')}|{_NUMBERED.format('gpu')})$"
"""Of the texts; "gpu:0,gpu:2" is the same as "gpu:0,2"."""


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices that were asked for.

    Attributes:
        kind: "CPU" or "GPU"; None for GPUs if there are any, else the CPU.
        numbers: TensorFlow's numbers of the devices; None for every one.
    """

    kind: str | None
    numbers: tuple[int, ...] | None


def parse_devices(text: object) -> Devices:
    """Return the devices that "auto", "all", "cpu", "gpu", "gpu:1" or "gpu:0,2" names.

    Args:
        text: The text; a list, as YAML may have it, is first joined by `as_text`.

    Raises:
        ValueError: It is none of these, or names a device twice.
    """
    if not isinstance(text, str) or not re.fullmatch(PATTERN, text):
        raise ValueError(f"must be {WORDS}, not {text!r}")
    if text in ("auto", "all"):
        return Devices(None, None if text == "all" else (0,))
    kind, _, listed = text.partition(":")
    numbers = tuple(map(int, re.findall("[0-9]+", listed))) if listed else (0,)
    twice = next((number for number in numbers if numbers.count(number) > 1), None)
    if twice is not None:
        raise ValueError(f"names {kind}:{twice} twice")
    return Devices(kind.upper(), numbers)


def as_text(value: object) -> object:
    """Return a list of devices, as in [gpu:0, gpu:2], as one text; any other value as it is."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return value


def check_devices(text: str) -> str:
    """Return a setting that names devices as it is.

    Raises:
        ValueError: As `parse_devices`.
    """
    parse_devices(text)
    return text
