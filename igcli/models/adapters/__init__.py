"""Keras models, their layers and plain callables, with any inputs, as networks."""
