"""How far a number that is told may be wrong, item by item: locally weighted conformal prediction (Lei et al. 2018, section 5.2).

The log of the absolute residuals of unseen items is told from their codes by ridge regression. Its strength is chosen by the
leave-one-out error, and the residuals are scaled by what is told of each when it is left out; so the interval's width follows the item
and the share of intervals that hold the truth stays what it says.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.adapting.heads import Linear
from allegory.adapting.readers import Standard

STRENGTHS = (1e4, 1e2, 1e1, 1.0, 1e-1, 1e-2)  # the first leaves the spread nearly the same for all
FEWEST, MOST = 50, 2000
FLOOR = 0.03  # of the median residual, so that a residual of nearly nothing does not weigh most


def spread(z: Float[Tensor, "n d"], residuals: Float[np.ndarray, " n"], standard: Standard) -> tuple[Linear, Float[np.ndarray, " m"]]:
    """The head whose output is the log of the spread, and the absolute residuals over the spread, of 2,000 items at most."""
    if len(z) > MOST:
        chosen = np.linspace(0, len(z) - 1, MOST).astype(np.int64)
        z, residuals = z[torch.as_tensor(chosen)], residuals[chosen]
    size = np.abs(residuals)
    if len(z) < FEWEST or not size.any():
        return Linear.of(torch.zeros(z.shape[1], 1), torch.zeros(1)), size
    x = standard(z)
    mean = x.mean(0)
    t = torch.as_tensor(np.log(size + FLOOR * max(float(np.median(size)), 1e-12)))
    axes_size, axes = torch.linalg.eigh((x - mean) @ (x - mean).T)
    tries = [_left_out(axes_size.clamp_min(0.0), axes, t, strength * len(z)) for strength in STRENGTHS]
    dual, left_out = min(tries, key=lambda found: float((found[1] - t).square().mean()))
    weight = (x - mean).T @ dual[:, None]
    return standard.folded(weight, t.mean() - mean @ weight), size / torch.exp(left_out).numpy()


def _left_out(size: Tensor, axes: Tensor, t: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Ridge regression in its dual form: the weights of the items, and what is told of each by the others."""
    n = len(t)
    centred = t - t.mean()
    share = size / (size + strength)
    told = axes @ (share * (axes.T @ centred))
    own = (axes.square() @ share) + 1.0 / n
    return axes @ ((axes.T @ centred) / (size + strength)), t - (centred - told) / (1.0 - own).clamp_min(1e-6)
