r"""Does a picture have one orientation, as an edge or a grating has, or several, or none?

**Coherence** of the gradient's structure tensor $J = \sum g g^T$ over the picture: $(\lambda_1 - \lambda_2) / (\lambda_1 + \lambda_2)$ with
$\lambda_1 \ge \lambda_2$ its eigenvalues (Bigun and Granlund 1987): 1 where all change is along one direction, 0 where it is along all
alike, as for a blob or a checkerboard. The mean of a picture and its contrast do not matter.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def coherence(pictures: Float[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Between 0 and 1 a picture; 0 for one without any change. Needs at least 2 x 2 pixels; gradients are those of 2 x 2 squares."""
    x = pictures.double()
    a, b, c, d = x[:, :-1, :-1], x[:, :-1, 1:], x[:, 1:, :-1], x[:, 1:, 1:]
    across, down = (b + d - a - c) / 2, (c + d - a - b) / 2
    xx, yy, xy = (v.flatten(1).sum(1) for v in (across.square(), down.square(), across * down))
    return ((xx - yy).square() + 4 * xy.square()).sqrt() / (xx + yy).clamp_min(torch.finfo(torch.float64).tiny)
