"""Paths, quadrature and baselines: the mathematics shared by all methods."""
