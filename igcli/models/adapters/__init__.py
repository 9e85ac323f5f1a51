"""Any differentiable function, with any inputs, as a network."""
