"""Networks: where they come from, their graphs, and TensorFlow, which is imported when needed."""
