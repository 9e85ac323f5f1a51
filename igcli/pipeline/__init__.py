"""The order of work, from the images of a run to their records.

`preflight` checks settings, `model_inspection` checks networks, `fonts` finds fonts for labels, and
`read` fits images to a network. The packages, each of which
imports only those before it: `engine` keeps batches full, `explain` computes the attributions of
one image, `resume` continues earlier runs, `image` takes one image from its file to its record,
`calibration` settles what the first images decide for all, `runs` holds whole runs, and
`distributed` spreads them over Ray workers.
"""
