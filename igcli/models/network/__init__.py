"""A TensorFlow function as the engine's network: scores and gradients of points on lines."""
