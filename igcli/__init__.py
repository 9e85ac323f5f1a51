"""Shows what an image classifier's prediction rests on."""
