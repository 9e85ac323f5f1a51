"""How far the attributions of two runs agree."""
