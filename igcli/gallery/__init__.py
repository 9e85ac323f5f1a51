"""The gallery: the results of a run as a single HTML page that needs no network."""
