"""Styles of showing an attribution: one file a style, its name the file's name.

Each module has the functions of `Style`.
"""

from typing import TYPE_CHECKING, Protocol, cast

from igcli import registry

if TYPE_CHECKING:
    from igcli.records import Array, Pixels
    from igcli.render.options import StyleOptions


class Style(Protocol):
    """What the module of a style offers.

    Shared parameters:
        image: uint8 (H, W, 3), 0...255.
        attributions: float32 (H, W, 3), or their channel mean (H, W); any unit.
        options: The options of every style; each reads its own.
    """

    def scale(self, attributions: "Array", options: "StyleOptions") -> float:
        """Return the magnitude shown at full strength, 0 where nothing stands out."""
        ...

    def picture(
        self, image: "Pixels", attributions: "Array", *, scale: float, options: "StyleOptions"
    ) -> "Pixels":
        """Return the picture, uint8 (H, W, 3), of the attributions at a scale above 0."""
        ...

    def plain(self, image: "Pixels") -> "Pixels":
        """Return the picture, uint8 (H, W, 3), with nothing highlighted."""
        ...


def names() -> tuple[str, ...]:
    """Return the names of the styles, sorted."""
    return registry.names(__path__)


def load(name: str) -> Style:
    """Return the style called `name`."""
    return cast(Style, registry.load(__name__, name))
