"""Where a network comes from, and TensorFlow; nothing here imports it before it is needed."""
