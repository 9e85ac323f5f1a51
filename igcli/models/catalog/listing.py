"""What can be had, and what is known of a network, in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from igcli.models.catalog import published
from igcli.models.catalog.applications import APPLICATIONS, PREFIX, cached_weights
from igcli.models.catalog.published import RELEASES
from igcli.models.options import Normalization


@dataclass(frozen=True, slots=True)
class Available:
    """A network known by name.

    Attributes:
        name: What `model` is set to.
        size: Height and width of its input.
        is_here: Whether its weights are on this machine.
        origin: Where they come from.
    """

    name: str
    size: int
    is_here: bool
    origin: str


def available() -> Iterator[Available]:
    """Yield all networks known by name, without importing TensorFlow."""
    yield Available("demo", 224, True, "embedded")
    for release in RELEASES.values():
        yield Available(release.name, 224, published.is_cached(release), release.url)
    for name, known in APPLICATIONS.items():
        yield Available(f"{PREFIX}{name}", known.size, cached_weights(name).is_file(), "Keras")


def preprocessing_in_words(mode: str | Normalization) -> str:
    """Return a preprocessing as it is written in YAML."""
    if isinstance(mode, str):
        return mode
    mean, std = (list(part) if isinstance(part, tuple) else part for part in (mode.mean, mode.std))
    return f"{{mean: {mean}, std: {std}}}"


def labels_in_words(labels: tuple[str, ...] | None) -> str:
    """Return how many labels there are, and the first and last."""
    if not labels:
        return "none (set model.labels)"
    return f"{len(labels):,} names: {labels[0]} ... {labels[-1]}"
