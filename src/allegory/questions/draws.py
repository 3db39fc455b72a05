"""Many classifiers, each fitted on a small draw of the same rows, and what they say of other rows.

With fewer rows n than features d the weights of a classifier lie in the span of its centred rows (the representer theorem: Kimeldorf and
Wahba 1971; Schölkopf, Herbrich and Smola 2001), W = X^T A, so nothing but inner products is needed. Those of all drawn rows are taken
once for all draws, and each draw of n rows then costs what n features would, whatever d is. The solution is that of `logistic.fit`.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.questions import logistic

AT_ONCE = 1 << 20  # numbers of the draws that are solved together: many small problems, or one large
QUERIES = 4096


def logits(
    z: Float[Tensor, "n d"], draws: Int[Tensor, "m r"], y: Int[Tensor, "m r"], classes: int, at: Int[Tensor, " q"],
    strength: float = 1.0, tolerance: float = 1e-4,
) -> Float[Tensor, "m q k"]:  # fmt: skip
    """The scores of every class for the rows `at` of `z`, by one classifier for each draw of rows with classes `y`."""
    wide = draws.shape[1] < z.shape[1]
    together = max(1, AT_ONCE // (draws.shape[1] * min(draws.shape[1], z.shape[1])))
    if wide:
        return _by_inner_products(z, draws, y, classes, at, (strength, tolerance), together)
    pairs = zip(draws.split(together), y.split(together), strict=True)
    return torch.cat([logistic.fit(z[rows], of, classes, strength, tolerance).logits(z[at]) for rows, of in pairs])


def _by_inner_products(
    z: Tensor, draws: Tensor, y: Tensor, classes: int, at: Tensor, how: tuple[float, float], together: int
) -> Float[Tensor, "m q k"]:
    rows, place = draws.unique(return_inverse=True)
    known = z[rows].double()
    mean = known.mean(0)
    known -= mean  # inner products lose fewer digits around the mean
    gram = known @ known.T
    solved = [_solved(gram, p, of, classes, z.dtype, *how) for p, of in zip(place.split(together), y.split(together), strict=True)]
    inner, bias = (torch.cat(parts) for parts in zip(*solved, strict=True))
    found = torch.empty(len(draws), len(at), classes, dtype=z.dtype)
    for start in range(0, len(at), QUERIES):
        cross = ((z[at[start : start + QUERIES]].double() - mean) @ known.T).to(z.dtype)
        for m in range(len(draws)):
            found[m, start : start + QUERIES] = cross[:, place[m]] @ inner[m].to(z.dtype) + bias[m].to(z.dtype)
    return found


def _solved(
    gram: Float[Tensor, "u u"], place: Int[Tensor, "m r"], y: Int[Tensor, "m r"], classes: int, dtype: torch.dtype,
    strength: float, tolerance: float,
) -> tuple[Float[Tensor, "m r k"], Float[Tensor, "m k"]]:  # fmt: skip
    """A and the bias of each draw: the scores of a row x are sum_j <x, x_j> A_j + bias, over the rows x_j of the draw.

    The columns of A sum to 0, as the centred rows do; so of the centring of <x, x_j> only its mean over the draw for each j is left, and
    that is a constant.
    """
    inner = gram[place[:, :, None], place[:, None, :]]
    over = inner.mean(1, keepdim=True)
    centred = inner - over - over.mT + over.mean(2, keepdim=True)
    turned, back = logistic.turns(centred)
    rows = logistic.Rows(turned.to(dtype), y, classes, turned.new_zeros(len(y), turned.shape[2]), back)
    linear = rows.unturned(logistic.solve(rows, strength, tolerance=tolerance))
    return linear.weight, linear.bias - (over @ linear.weight)[:, 0]
