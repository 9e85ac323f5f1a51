"""Which devices a setting names; TensorFlow is not needed to read it."""

import re
from dataclasses import dataclass

WORDS = "auto, all, cpu, gpu or numbers as in gpu:0,2"
"""What may be given, in words."""

PATTERN = "^(auto|all|(cpu|gpu)(:[0-9]{1,4}(, ?[0-9]{1,4}){0,63})?)$"


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

    Raises:
        ValueError: It is none of these, or names a device twice.
    """
    if not isinstance(text, str) or not re.fullmatch(PATTERN, text):
        raise ValueError(f"must be {WORDS}, not {text!r}")
    if text in ("auto", "all"):
        return Devices(None, None if text == "all" else (0,))
    kind, _, listed = text.partition(":")
    numbers = tuple(map(int, listed.split(","))) if listed else (0,)
    twice = next((number for number in numbers if numbers.count(number) > 1), None)
    if twice is not None:
        raise ValueError(f"names {kind}:{twice} twice")
    return Devices(kind.upper(), numbers)


def check_devices(text: str) -> str:
    """Return a setting that names devices as it is.

    Raises:
        ValueError: As `parse_devices`.
    """
    parse_devices(text)
    return text
