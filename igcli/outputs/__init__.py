"""Output folders, local or in stores: atomic writes, names, records, locks and shards."""
