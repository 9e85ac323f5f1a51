"""The embedded model `demo` and the generator of the scenes it knows."""
