"""What the first images of a run settle for all of them."""
