"""Data sets of torchvision and Hugging Face, where those packages are installed."""

import importlib
from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from allegory.core import Problem, nearest, needs
from allegory.data.datasets import open_dataset
from allegory.data.found import Found


class Joined:
    """Several map-style data sets, end to end."""

    def __init__(self, pieces: Sequence[Any]):
        self.pieces = pieces
        self.ends = np.cumsum([len(piece) for piece in pieces])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, i: int) -> Any:
        which = int(np.searchsorted(self.ends, i, side="right"))
        return self.pieces[which][i - (int(self.ends[which - 1]) if which else 0)]

    def parts(self, numbers: Sequence[int]) -> np.ndarray:
        """(n,) the part of each item, from the part of each piece."""
        return np.repeat(numbers, [len(piece) for piece in self.pieces])


def open_torchvision(
    name: str, aside: Sequence[str] = (), *, root: str = "~/.cache/allegory/torchvision", download: bool = True, size: int | None = None
) -> Found:
    """`torchvision:CIFAR10`: both its parts, training and test, which stay the split."""
    try:
        sets = importlib.import_module("torchvision.datasets")
    except Exception:  # it is not installed, or it does not go with this torch (it then raises RuntimeError)
        raise needs("vision", "torchvision", f"torchvision:{name}") from None
    kinds = {
        k: v for k, v in vars(sets).items() if isinstance(v, type) and issubclass(v, sets.VisionDataset) and v is not sets.VisionDataset
    }
    match = {k.lower(): k for k in kinds}.get(name.lower())
    if match is None:
        raise nearest(name, sorted(kinds), "data set of torchvision")
    takes = signature(kinds[match]).parameters
    if "train" in takes:
        pieces: list[dict[str, Any]] = [{"train": True}, {"train": False}]
    else:
        pieces = [{"split": "train"}, {"split": "test"}] if "split" in takes else [{}]
    also = {"download": download} if "download" in takes else {}
    try:
        made = [kinds[match](str(Path(root).expanduser()), **piece, **also) for piece in pieces]
    except Exception as e:  # a download, a missing file, an argument that only this data set has
        raise Problem(f"torchvision:{match} cannot be opened: {' '.join(str(e).split())[:200]}") from None
    return _joined(match, made, [0, 2][: len(made)] if len(made) > 1 else None, aside, size)


def open_hub(name: str, aside: Sequence[str] = (), *, config: str | None = None, size: int | None = None) -> Found:
    """`hf:OWNER/NAME`: its splits train, validation and test, with an image and a label in each row."""
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        raise needs("data", "datasets", f"hf:{name}") from None
    try:
        loaded = datasets.load_dataset(name, config)
    except Exception as e:  # no network, no such data set, a data set that wants to run code
        raise Problem(f"hf:{name} cannot be opened: {' '.join(str(e).split())[:200]}") from None
    known = {split: part for split, part in (("train", 0), ("validation", 1), ("test", 2)) if split in loaded}
    splits = list(known) or list(loaded)[:1]
    return _joined(name, [loaded[split] for split in splits], [*known.values()] if len(known) > 1 else None, aside, size)


def _joined(name: str, pieces: Sequence[Any], numbers: Sequence[int] | None, aside: Sequence[str], size: int | None) -> Found:
    whole = Joined(pieces)
    found = open_dataset(whole, aside, name=name, size=size)
    if numbers is None or found.used is None:
        return found
    note = "the data set's own split is kept"
    source = replace(found.source, parts=whole.parts(numbers)[found.used], notes=(*found.source.notes, note))
    return replace(found, source=source)
