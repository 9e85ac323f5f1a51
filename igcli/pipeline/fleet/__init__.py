"""A run on many machines: Ray keeps the workers, a ledger says what is left to do."""
