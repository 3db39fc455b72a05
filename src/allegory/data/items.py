"""The training part as methods see it, and batches of any part, on the device when it fits; and rows that are there already."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allegory.core import Array, Spec, Tree, tree
from allegory.data.intake import Intake
from allegory.data.leaves import file_of
from allegory.data.source import Source

RESIDENT_BYTES = 2 << 30
MAPPED_BYTES = 256 << 20  # of a file that is mapped into memory already, a copy on the CPU is worth no more


class Items:
    """Some items of a source, through the intake. `len`, `take`, `batches`; see `core.Items`.

    Up to `RESIDENT_BYTES` of them are kept on the device as stored; more are read (or rendered, or decoded) batch by batch, and so is
    what is mapped from a larger file on the CPU.
    """

    def __init__(self, source: Source, intake: Intake, index: np.ndarray, device: torch.device | str = "cpu"):
        self.source = source = intake.accept(source)
        self.intake, self.index, self.device = intake, np.asarray(index), torch.device(device)
        self.spec: Spec = intake.spec
        self._resident: Tree | None = None
        mapped = self.device.type == "cpu" and any(file_of(leaf) for leaf in tree.leaves(source.x))
        if source.item_bytes * len(self.index) <= min(RESIDENT_BYTES, MAPPED_BYTES if mapped else math.inf):
            self._resident = tree.to(source.take(self.index), self.device)

    def __len__(self) -> int:
        return len(self.index)

    def take(self, index: Tensor | np.ndarray | slice) -> Tree:
        """The observations at `index` (numbers within these items), float32 on the device."""
        if self._resident is not None:
            raw = tree.take(self._resident, torch.as_tensor(index, device=self.device) if isinstance(index, np.ndarray) else index)
        else:
            raw = tree.to(self.source.take(self.index[index.cpu().numpy() if isinstance(index, Tensor) else index]), self.device)
        with torch.no_grad():
            return self.intake(raw)

    def batches(self, size: int = 1024) -> Iterator[Tree]:
        """All observations in order."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    def whole(self) -> Tree:
        """All observations at once; for methods that solve."""
        return tree.cat(list(self.batches()))


class Given:
    """Observations that are there already, as a method sees its items: no source, no intake. See `core.Items`."""

    def __init__(self, x: Tensor, levels: int | None = None):
        self.x = x
        self.spec: Spec = Array(tuple(x.shape[1:]), levels)

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: Any) -> Tensor:
        return self.x[index]

    def batches(self, size: int = 1024) -> Iterator[Tensor]:
        yield from self.x.split(size)

    def whole(self) -> Tensor:
        return self.x
