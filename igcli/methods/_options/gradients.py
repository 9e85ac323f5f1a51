"""Options of gradients."""

from igcli.methods._options._multiplied import Multiplied


class GradientsOptions(Multiplied):
    """Gradients: at the image itself."""


OPTIONS = GradientsOptions
