"""Styles of showing an attribution: one file a style, its name the file's name.

Each module has the functions of `Style`.
"""

from typing import TYPE_CHECKING, Protocol, cast

from igcli import registry

if TYPE_CHECKING:
    from igcli.records import Array, Pixels
    from igcli.render.colorbar import Bar
    from igcli.render.options import StyleOptions


class Style(Protocol):
    """What the module of a style offers.

    Shared parameters:
        image: uint8 (H, W, 3), 0...255.
        attributions: float32 (H, W, 3), or their channel mean (H, W); any unit.
        scales: Magnitudes shown at full strength, as `scales` returns them.
        options: The options of every style; each reads its own.
    """

    def scales(self, attributions: "Array", options: "StyleOptions") -> tuple[float, ...]:
        """Return the magnitudes to show at full strength, 0 where nothing stands out.

        More than one where parts of the attributions are scaled on their own.
        """
        ...

    def picture(
        self,
        image: "Pixels",
        attributions: "Array",
        *,
        scales: tuple[float, ...],
        options: "StyleOptions",
    ) -> "Pixels":
        """Return the picture, uint8 (H, W, 3); parts with a scale of 0 are not highlighted."""
        ...

    def plain(self, image: "Pixels", options: "StyleOptions") -> "Pixels":
        """Return the picture, uint8 (H, W, 3), with nothing highlighted."""
        ...

    def bar(
        self, attributions: "Array", *, scales: tuple[float, ...], options: "StyleOptions"
    ) -> "Bar":
        """Return the colours that stand for the attributions up to `scales`."""
        ...


def names() -> tuple[str, ...]:
    """Return the names of the styles, sorted."""
    return registry.names(__path__)


def load(name: str) -> Style:
    """Return the style called `name`."""
    return cast(Style, registry.load(__name__, name))
