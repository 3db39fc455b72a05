"""What the codes of tables and vectors keep, column by column: reconstruction, traversals and samples in numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from allegory.core import Array
from allegory.data import Source
from allegory.pages.codes_map import Encoded
from allegory.pages.items import of_part

MOST = 2000
COLUMNS = 24
WIDE = 12
DIMENSIONS = 10


@dataclass(frozen=True)
class Kept:
    """A column and the share of its variance that the reconstruction gives back (below 0: worse than the mean)."""

    name: str
    share: float

    @property
    def bar(self) -> float:
        """The share as the length of a bar, 0 to 100."""
        return 100 * min(1.0, max(0.0, self.share))


@dataclass(frozen=True)
class Heat:
    """How far every column moves, in standard deviations, when one dimension of the code goes from -2 to +2 of its own."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True)
class Drawn:
    """A column's 10th, 50th and 90th percentile, in standard deviations, in the data and in the method's samples."""

    name: str
    data: tuple[float, ...]
    samples: tuple[float, ...]


def flat(rep: Any) -> bool:
    """True for vectors."""
    return isinstance(rep.intake.spec, Array) and len(rep.intake.spec.shape) == 1


def names(source: Source, size: int) -> list[str]:
    """The names of what a method sees: number columns, then one name a category; numbers where the source has no names."""
    numeric = [c.name for c in source.columns if c.kind == "number"]
    kinds = [f"{c.name} = {k}" for c in source.columns if c.kind == "category" for k in c.categories]
    found = numeric + kinds
    return found if len(found) == size else [f"column {i + 1}" for i in range(size)]


def _seen(rep: Any, source: Source, index: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return rep.intake(torch.as_tensor(source.take(index), device=rep.device)).double().cpu().numpy()


def reconstructed(source: Source, items: Encoded, rep: Any) -> tuple[Kept, ...]:
    """What comes back of each column, on test items; the columns that lose most first, at most 24."""
    places = of_part(source, items.index, "test")[:MOST]
    x = _seen(rep, source, items.index[places])
    error = np.square(x - np.asarray(rep.decode(items.z[places]), dtype=np.float64)).mean(0)
    share = 1.0 - error / np.maximum(x.var(0), 1e-12)
    named = names(source, x.shape[1])
    order = [i for i in np.argsort(share, kind="stable") if x[:, i].var() > 1e-12][:COLUMNS]
    return tuple(Kept(named[i], float(share[i])) for i in order)


def traversed(source: Source, items: Encoded, rep: Any) -> Heat:
    """The columns that each dimension moves; at most 10 dimensions and 12 columns, those that move most."""
    middle, deviation = items.z.mean(0), items.z.std(0)
    dimensions = np.argsort(-deviation)[:128]
    ends = np.repeat(middle[None, None], 2 * len(dimensions), 0).reshape(len(dimensions), 2, -1)
    for row, d in enumerate(dimensions):
        ends[row, :, d] = middle[d] + np.array([-2, 2]) * deviation[d]
    decoded = np.asarray(rep.decode(ends.reshape(2 * len(dimensions), -1).astype(np.float32)), dtype=np.float64)
    change = decoded.reshape(len(dimensions), 2, -1)
    change = change[:, 1] - change[:, 0]
    wide = np.sort(np.argsort(-np.abs(change).max(0), kind="stable")[:WIDE])
    rows = np.argsort(-np.abs(change).max(1), kind="stable")[:DIMENSIONS]
    named = names(source, change.shape[1])
    return Heat(tuple(named[i] for i in wide), tuple((f"{dimensions[r] + 1}", tuple(float(v) for v in change[r, wide])) for r in rows))


def drawn(source: Source, items: Encoded, rep: Any) -> tuple[Drawn, ...]:
    """The spread of each column in the data and in 1,000 samples, at most 24 columns."""
    x = _seen(rep, source, items.index[:MOST])
    new = np.asarray(rep.sample(1000, seed=0), dtype=np.float64)
    old, fresh = (np.quantile(v, (0.1, 0.5, 0.9), axis=0).T for v in (x, new))
    named = names(source, x.shape[1])
    return tuple(Drawn(named[i], tuple(map(float, old[i])), tuple(map(float, fresh[i]))) for i in range(min(COLUMNS, x.shape[1])))
