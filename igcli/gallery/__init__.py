"""Results in, a page to look at them out: one file of HTML that needs no network."""
