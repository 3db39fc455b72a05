"""The map of a report by any method that makes a flat map of codes, and what a map keeps of them."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory import methods
from allegory.core import Dice, Method, Misuse, Problem, Solved, fenced, key
from allegory.data import Given
from allegory.measures import neighbourhoods

USUAL = "neighbours"  # the report's own quick map
FAMILY, SIZE = "spectral", "latent"
RANKED, MOST = 12, 2000


@dataclass(frozen=True)
class Kept:
    """What a map keeps of codes: in [0, 1], of at most 2,000 items."""

    trustworthiness: float
    continuity: float


def finite(z: np.ndarray) -> Float[Tensor, "n z"]:
    """Codes (n, z) in float32, 0 where there is no number."""
    return torch.from_numpy(np.nan_to_num(z.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0))


def chosen(name: str) -> Method[Any] | None:
    """The method of a map's name, with a code of two numbers; None for the usual map. Raises `Misuse` for what makes no flat map."""
    if key(name) == USUAL:
        return None
    cls = methods.find(name)
    if cls.card.family != FAMILY or not issubclass(cls, Solved) or SIZE not in {f.name for f in fields(cls)}:
        raise Misuse(f"--map: {cls.__name__} makes no map of two numbers; choose {USUAL}, PCA, TSNE or UMAP")
    return cls(**{SIZE: 2})


def places(z: np.ndarray, method: Method[Any]) -> np.ndarray:
    """(n, 2) float32: the places that `method` gives the codes (n, z). The same on every call."""
    items = Given(finite(z))
    with fenced(0), torch.no_grad():
        net = method.build(items.spec, len(items))
        method.prepare(net, items, Dice.roll(0, -1, torch.empty(0, dtype=torch.int64), "map"))
        y = torch.cat([method.encode(net.eval(), batch) for batch in items.batches()])  # type: ignore[attr-defined]
    if not bool(y.isfinite().all()):
        raise Problem(f"--map: {type(method).__name__} found no places for these codes; choose another")
    return torch.nn.functional.pad(y, (0, max(0, 2 - y.shape[1])))[:, :2].float().numpy()


def kept(z: np.ndarray, y: np.ndarray) -> Kept | None:
    """Trustworthiness and continuity of a map `y` (n, 2) of codes `z`; None for too few items."""
    some = np.unique(np.linspace(0, len(z) - 1, min(MOST, len(z))).astype(int))
    if len(some) <= 2 * RANKED:
        return None
    a, b = finite(z[some]), torch.from_numpy(y[some])
    return Kept(neighbourhoods.trustworthiness(a, b, RANKED), neighbourhoods.continuity(a, b, RANKED))
