"""Networks known by name, and what is kept of them on this machine."""
