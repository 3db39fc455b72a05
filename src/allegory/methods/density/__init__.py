"""Densities of the observations themselves, fully observed: what the next number is given the ones before, or where a bijection puts it."""
