"""What a representation enables."""
