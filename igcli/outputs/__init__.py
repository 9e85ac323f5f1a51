"""Names of outputs, whole writes and records; knows nothing of how anything was computed."""
