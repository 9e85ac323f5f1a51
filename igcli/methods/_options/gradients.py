"""Options of gradients."""

from igcli.methods._options._multiplied import Multiplied


class GradientsOptions(Multiplied):
    """Gradients: of the score, at the image itself."""


OPTIONS = GradientsOptions
