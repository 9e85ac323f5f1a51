"""What methods share that multiply gradients by the input."""

from igcli.options import Options


class Multiplied(Options):
    """Gradients times the input, or its difference from the baseline."""

    multiply_by_input: bool = True
    """Whether gradients are multiplied by the input, or by its difference from the baseline; false
    gives gradients alone, which sum to nothing in particular."""
