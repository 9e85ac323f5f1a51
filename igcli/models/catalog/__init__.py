"""Networks known by name, and the files kept about networks on this machine."""
