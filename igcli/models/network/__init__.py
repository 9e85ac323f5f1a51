"""A frozen function as a network: scores and gradients on a device."""
