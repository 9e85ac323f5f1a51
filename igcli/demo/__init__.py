"""The demo network's scenes, training and evaluation."""
