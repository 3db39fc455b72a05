"""Pure functions of codes, and of the factors or classes that they are measured against; all randomness is an argument. Training health
and the questions both use them. What health needs is named here; the rest is imported from its module."""

from allegory.measures.geometry import alignment, normalised_spread, on_sphere, spread, uniformity
from allegory.measures.latents import active_units, kl_per_latent
from allegory.measures.pulse import pulse
from allegory.measures.rank import effective_rank, entropy_rank, participation_ratio, spectrum

__all__ = [
    "active_units", "alignment", "effective_rank", "entropy_rank", "kl_per_latent", "normalised_spread", "on_sphere",
    "participation_ratio", "pulse", "spectrum", "spread", "uniformity",
]  # fmt: skip
