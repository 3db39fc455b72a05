"""Figures of health that a loss reports of its projections: a head may fall to a point, or to a line, above a code that does not."""

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.measures.geometry import on_sphere, spread
from allegory.measures.rank import participation_ratio

LEAST = 8  # items


@torch.no_grad()
def pulse(z: Float[Tensor, "b p"]) -> dict[str, Float[Tensor, ""]]:
    """Terms for `Loss`: how much of the sphere the projections of a batch fill (0 one point, 1 all), and how many directions they
    use. A batch of a few items says nothing of either, and gives no terms."""
    if len(z) < LEAST:
        return {}
    return {"projection_spread": spread(z), "projection_rank": participation_ratio(on_sphere(z))}
