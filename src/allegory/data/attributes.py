"""Named things known about items, beside the one class label: classes, yes or no, several labels at once, and measurements."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from allegory.core import Problem

Kind = Literal["class", "binary", "multi-label", "continuous"]
KINDS: tuple[Kind, ...] = ("class", "binary", "multi-label", "continuous")


@dataclass(frozen=True, eq=False)
class Attribute:
    """One named attribute of n items. `names`: those of the classes, or of the several labels.

    `values`: class (n,) int64 below k, -1 missing; binary (n,) int64 of 0, 1 and -1 missing; multi-label (n, k) int64 of 0, 1 and -1
    missing; continuous (n,) float64, NaN missing. Raises `Problem` for values of another form.
    """

    name: str
    kind: Kind
    values: np.ndarray
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Problem(f"attribute {self.name!r}: expected a kind among {', '.join(KINDS)}, got {self.kind!r}")
        axes, kind = (2 if self.kind == "multi-label" else 1), ("f" if self.kind == "continuous" else "i")
        if self.values.ndim != axes or self.values.dtype.kind != kind:
            form = f"{'(n, k)' if axes == 2 else '(n,)'} {'floats' if kind == 'f' else 'integers'}"
            raise Problem(f"attribute {self.name!r}: {self.kind} values are {form}, got {self.values.dtype} {self.values.shape}")
        most = {"class": len(self.names) - 1, "binary": 1, "multi-label": 1}.get(self.kind)
        if most is not None and self.values.size and not -1 <= self.values.min() <= self.values.max() <= most:
            raise Problem(f"attribute {self.name!r}: expected whole numbers from -1 (missing) to {most}, got {self.values.max()}")
        if axes == 2 and len(self.names) != self.values.shape[1]:
            raise Problem(f"attribute {self.name!r}: {len(self.names)} names for {self.values.shape[1]} labels")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def known(self) -> np.ndarray:
        """(n,) bool: where anything is known."""
        known: np.ndarray = np.isfinite(self.values) if self.kind == "continuous" else self.values >= 0
        return np.asarray(known.any(1) if known.ndim == 2 else known)

    def take(self, index: np.ndarray) -> "Attribute":
        """The attribute of the items at `index`."""
        return replace(self, values=self.values[index])

    def content(self) -> bytes:
        """Everything that the attribute says, for fingerprints."""
        missing = np.where(np.isnan(self.values), np.nan, self.values) if self.kind == "continuous" else self.values
        return repr((self.name, self.kind, self.names)).encode() + np.ascontiguousarray(missing).tobytes()

    def __str__(self) -> str:
        what = {"class": f"{len(self.names)} classes", "multi-label": f"multi-label, {len(self.names)} labels"}.get(self.kind, self.kind)
        known = int(self.known.sum())
        return f"{self.name} ({what}{'' if known == len(self) else f', {known} of {len(self)} known'})"


def distinct(attributes: Sequence[Attribute]) -> tuple[Attribute, ...]:
    """The attributes, all of different names. Raises `Problem` where two share one."""
    names = [a.name for a in attributes]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise Problem(f"two attributes are called {double!r}; rename one of them")
    return tuple(attributes)
