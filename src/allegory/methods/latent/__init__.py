"""Prescribed latent variables and autoencoders: a code is what is needed to say the observation again."""
