"""Pure functions of codes. Training health and the questions both use them; nothing here learns, draws or reads labels."""

from allegory.measures.geometry import alignment, normalised_spread, on_sphere, uniformity
from allegory.measures.latents import active_units, kl_per_latent
from allegory.measures.rank import effective_rank, entropy_rank, participation_ratio, spectrum

__all__ = [
    "active_units", "alignment", "effective_rank", "entropy_rank", "kl_per_latent", "normalised_spread", "on_sphere",
    "participation_ratio", "spectrum", "uniformity",
]  # fmt: skip
