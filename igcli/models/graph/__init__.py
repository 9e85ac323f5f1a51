"""From TensorFlow functions to frozen graphs, and rewriting them."""
