"""A population of trained representations, and what their scores have to do with each other."""
