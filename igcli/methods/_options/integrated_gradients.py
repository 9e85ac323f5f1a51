"""Options of integrated gradients."""

from igcli.methods._options._multiplied import Multiplied


class IntegratedOptions(Multiplied):
    """Integrated gradients: average the gradients along the path from the baseline."""


OPTIONS = IntegratedOptions
