"""The evaluation of attributions: metrics of each image, beside controls, and their statistics."""
