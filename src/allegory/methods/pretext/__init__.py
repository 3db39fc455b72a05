"""Puzzles: a label that the data carry themselves."""
