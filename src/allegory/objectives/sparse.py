r"""Sparse codes: an item as a sum of few atoms of a dictionary D (k, d), a row each.

**Lasso**: $\min_z \tfrac12 |x - z D|^2 + \lambda |z|_1$ (Mairal et al. 2009, eq. 2), by FISTA (Beck and Teboulle 2009, eqs. 4.1 to 4.3,
constant step) in batches on any device. **At most s atoms**: $\min_z |x - z D|^2$ with $|z|_0 \le s$, greedily, by orthogonal matching
pursuit (Pati, Rezaiifar and Krishnaprasad 1993), in batches too. An item's code depends on no other item: each stops on its own.
"""

import torch
from jaxtyping import Float
from torch import Tensor

MOST = 2000
Dictionary = Float[Tensor, "k d"]


def lasso(x: Float[Tensor, "b d"], D: Dictionary, z: Float[Tensor, "b k"], penalty: float | Tensor) -> Float[Tensor, " b"]:
    """The objective of every item."""
    return 0.5 * (x - z @ D).square().sum(1) + penalty * z.abs().sum(1)


def fista(
    x: Float[Tensor, "b d"], D: Dictionary, penalty: float | Tensor, tolerance: float = 1e-6, most: int = MOST
) -> Float[Tensor, "b k"]:
    """The codes that minimise `lasso`. An item is left as it is once a step moves it by less than `tolerance` of its length, at the
    latest after `most` steps. Momentum begins anew where it points uphill (O'Donoghue and Candes 2015, section 3.2)."""
    G, c = D @ D.T, x @ D.T
    step = 1.0 / torch.linalg.eigvalsh(G)[-1].clamp_min(torch.finfo(x.dtype).tiny)
    z = y = torch.zeros_like(c)
    t, live = torch.ones_like(c[:, :1]), torch.ones_like(c[:, :1], dtype=torch.bool)
    for _ in range(most):
        after = shrunk(y + step * (c - y @ G), step * penalty)
        moved = after - z
        t = torch.where(((y - after) * moved).sum(1, keepdim=True) > 0, 1.0, t)
        later = 0.5 * (1.0 + (1.0 + 4.0 * t.square()).sqrt())
        y = torch.where(live, after + (t - 1.0) / later * moved, y)
        z, t = torch.where(live, after, z), later
        live = live & (moved.norm(dim=1, keepdim=True) > tolerance * after.norm(dim=1, keepdim=True))
        if not bool(live.any()):
            break
    return z


def shrunk(z: Float[Tensor, "b k"], by: float | Tensor) -> Float[Tensor, "b k"]:
    """Every number moved towards 0 by `by`, and no further than 0."""
    return z - z.clamp(-by, by) if not isinstance(by, Tensor) else z - z.maximum(-by).minimum(by)


def pursuit(x: Float[Tensor, "b d"], D: Dictionary, s: int, tolerance: float = 1e-5) -> Float[Tensor, "b k"]:
    """Orthogonal matching pursuit: s times the atom that fits best what is left joins, and all that have joined are fitted anew.

    An item that is said to within `tolerance` of its length takes no more atoms. Atoms count by direction, not by length.
    """
    length = D.norm(dim=1).clamp_min(torch.finfo(D.dtype).tiny)
    unit = D / length[:, None]
    G, c = unit @ unit.T, x @ unit.T
    least = tolerance * x.norm(dim=1)
    z, chosen, live = torch.zeros_like(c), c.new_zeros(len(c), 0, dtype=torch.long), c.new_zeros(len(c), 0, dtype=torch.bool)
    for _ in range(min(s, *D.shape)):
        left = (c - z @ G).abs().scatter(1, chosen, -1.0)
        most, best = left.max(1)
        chosen, live = torch.cat([chosen, best[:, None]], 1), torch.cat([live, (most > least)[:, None]], 1)
        both = live[:, :, None] & live[:, None, :]
        own = torch.eye(chosen.shape[1], dtype=D.dtype, device=D.device)
        normal = torch.where(both, G[chosen[:, :, None], chosen[:, None, :]], own)
        fitted = torch.linalg.solve(normal, torch.where(live, c.gather(1, chosen), 0.0)[:, :, None])[:, :, 0]
        z = torch.zeros_like(c).scatter(1, chosen, fitted)
    return z / length
