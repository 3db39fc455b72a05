"""UMAP's cross-entropy between memberships in the data and among places (McInnes, Healy and Melville 2018, definition 10 and section 3.2).

A pair of places at distance d belongs together to the degree 1 / (1 + a d^(2b)). An edge's term is -log of it, a stranger's -log of 1
minus it. `pull` and `push` are the factors of (y_i - y_j) in their slopes.
"""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import curve_fit
from torch import Tensor

NEAR = 1e-3  # added to the square in the push's denominator: places that meet are not thrown apart
LONGEST = 4.0  # of a term's slope on an axis


@lru_cache(maxsize=16)
def curve(min_dist: float, spread: float) -> tuple[float, float]:
    """a and b for which 1 / (1 + a d^(2b)) is nearest to 1 up to `min_dist` and exp(-(d - min_dist) / spread) beyond (definition 11)."""
    d = np.linspace(0.0, 3.0 * spread, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist) / spread))
    (a, b), _ = curve_fit(lambda d, a, b: 1.0 / (1.0 + a * d ** (2.0 * b)), d, wanted)
    return float(a), float(b)


def pull(square: Float[Tensor, " *e"], a: float, b: float) -> Float[Tensor, " *e"]:
    """2 a b d^(2b - 2) / (1 + a d^(2b)); 0 where places coincide."""
    safe = square.clamp_min(torch.finfo(square.dtype).tiny)
    power = safe.pow(b)
    return torch.where(square > 0.0, 2.0 * a * b * power / (safe * (1.0 + a * power)), 0.0)


def push(square: Float[Tensor, " *e"], a: float, b: float) -> Float[Tensor, " *e"]:
    """-2 b / ((0.001 + d^2) (1 + a d^(2b)))."""
    return -2.0 * b / ((NEAR + square) * (1.0 + a * square.pow(b)))


def clipped(slope: Float[Tensor, " *e"]) -> Float[Tensor, " *e"]:
    """A term's slope on an axis, between -4 and 4."""
    return slope.clamp(-LONGEST, LONGEST)
