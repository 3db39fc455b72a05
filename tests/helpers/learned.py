"""Small trained models, each learned once, and the features gathered of them."""

import functools

import allegory as al
from allegory.questions import Features
from allegory.questions.gathering import gather


@functools.cache
def learned(name: str, source: str, steps: int | None, **settings) -> Features:
    """A method by name with `settings`, on a built-in source, beside its untrained network."""
    rep = al.learn(source, getattr(al, name)(**settings), steps=steps, seed=0)
    return gather(rep, source, controls=("untrained",))[0]


def vae() -> Features:
    """A VAE of digits, small and barely trained."""
    return learned("VAE", "digits", 100, latent=4, encoder="mlp-plain", decoder="mlp")
