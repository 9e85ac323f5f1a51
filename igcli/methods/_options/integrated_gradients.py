"""Options of integrated gradients."""

from igcli.methods._options._multiplied import Multiplied


class IntegratedOptions(Multiplied):
    """Integrated gradients: the mean of the gradients on the way from the baseline."""


OPTIONS = IntegratedOptions
