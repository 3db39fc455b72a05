"""Learning from labels: what the others are compared with."""
