"""Paths, quadrature, refinement and baselines: the mathematics that methods share."""
