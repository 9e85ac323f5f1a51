"""TensorFlow functions as frozen graphs, and the rewrites that make them faster or differentiable.

README.md in this folder describes the rewrites and their order.
"""
