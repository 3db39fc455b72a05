"""What a representation is."""
