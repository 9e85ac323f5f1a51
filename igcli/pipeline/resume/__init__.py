"""What earlier runs left, and what of it is up to date."""
