"""What a transformation of the data does to the code: nothing (invariance), something lawful (equivariance), or something else.

    invariance error    E |z(g x) - z(x)|^2 / E |z(x') - z(x)|^2         x' another item
    equivariance error  E |z(g x) - M_g z(x) - b_g|^2 / E |z(g x) - E z(g x)|^2

M_g, b_g is the best linear map, fitted on other items than it is judged on (Lenc and Vedaldi 2015, arXiv:1411.5908, section 3).
An invariant code is equivariant as well (M_g = 1); a code that is equivariant and not invariant knows what was done.
"""

import numpy as np
import torch
from jaxtyping import Float
from sklearn.linear_model import RidgeCV
from torch import Tensor

PENALTIES = tuple(10.0**e for e in range(-6, 5))


def movement(z: Float[Tensor, "n d"], moved: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """|z(g x) - z(x)|^2 of every item over the mean squared distance of two items: the mean over items is the invariance error.

    0 when nothing moves, 1 when the transformed item is as far as another item is. NaN when all items have one code.
    """
    z, moved = z.double(), moved.double()
    apart = 2.0 * (z - z.mean(0)).square().sum() / (len(z) - 1)
    return (moved - z).square().sum(1) / apart


def residual(z: Float[Tensor, "n d"], moved: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """|z(g x) - M_g z(x) - b_g|^2 of every item over the mean squared distance from their mean: the mean is the equivariance error.

    Each half of the items (even and odd numbers) is judged by the map fitted on the other: ridge regression, its penalty chosen by
    leaving one out. About 1 when nothing can be foretold (a little above is possible), NaN when all moved items have one code.
    """
    z, moved = z.double(), moved.double()
    scale = z.std(0).mean().clamp_min(1e-300)
    left = torch.empty(len(z), dtype=torch.float64)
    for half in (0, 1):
        fit, judged = torch.arange(len(z)) % 2 != half, torch.arange(len(z)) % 2 == half
        known = (z / scale).numpy()
        model = RidgeCV(PENALTIES).fit(known[fit.numpy()], (moved[fit] / scale).numpy())
        foretold = torch.as_tensor(np.asarray(model.predict(known[judged.numpy()]))).reshape(-1, z.shape[1]) * scale
        left[judged] = (moved[judged] - foretold).square().sum(1)
    return left / (moved - moved.mean(0)).square().sum(1).mean()
