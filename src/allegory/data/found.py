"""What an opener hands over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allegory.data.source import Source


@dataclass(frozen=True, eq=False)
class Found:
    """A source, and the values that stand beside its items by name (the columns of a table, the folders of files, the keys of an .npz).

    `labels`: those that come with the data. `used`: the numbers of the inputs that became items, when some were left out. `root`: the
    folder that the ids are relative to.
    """

    source: Source
    beside: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    labels: Sequence[Any] | None = None
    used: np.ndarray | None = None
    root: str = ""
