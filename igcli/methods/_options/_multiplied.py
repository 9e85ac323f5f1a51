"""What methods share that multiply gradients by the input."""

from igcli.options import Options


class Multiplied(Options):
    """Gradients times the input, or its difference from the baseline."""

    multiply_by_input: bool = True
    """Multiply gradients by the input, or by its difference from the baseline; gradients alone do
    not add up to the score."""
