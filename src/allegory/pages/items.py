"""Single items as the page shows them, and which ones it chooses."""

from dataclasses import dataclass

import numpy as np

from allegory.data import Part, Source
from allegory.pages import pictures

SHOWN_SIDE = 96


@dataclass(frozen=True)
class Item:
    """An item by its picture (None for vectors), id, label (None where missing) and, for neighbours, distance and agreement."""

    uri: str | None
    id: str
    label: str | None
    distance: float | None = None
    same: bool | None = None

    @property
    def words(self) -> str:
        """The item in words, for those who do not see the picture."""
        return f"item {self.id}" + (f", label {self.label}" if self.label is not None else "")


def label(source: Source, i: int) -> str | None:
    """The name of item i's label, None where it has none."""
    if source.labels is None or source.labels.values[i] < 0:
        return None
    return str(source.labels.names[source.labels.values[i]])


def uris(images: np.ndarray) -> list[str]:
    """Pictures (n, h, w, 3) as data URIs, at most 96 pixels on the longer edge."""
    return [pictures.uri(p) for p in pictures.resized(images, SHOWN_SIDE)]


def of_part(source: Source, index: np.ndarray, part: Part) -> np.ndarray:
    """The places in `index` whose items are of a part; all places when there are fewer than two."""
    places = np.flatnonzero(np.isin(index, source.part(part)))
    return places if len(places) > 1 else np.arange(len(index))


def spread(source: Source, index: np.ndarray, places: np.ndarray, n: int) -> np.ndarray:
    """`n` of the `places`, one a class in turn where labels are known, in the order of `index`, which is a hash's."""
    if source.labels is None:
        return places[:n]
    classes = source.labels.values[index[places]]
    turn = np.zeros(len(places), dtype=np.int64)
    for c in np.unique(classes):
        turn[classes == c] = np.arange((classes == c).sum()) + (len(places) if c < 0 else 0)
    order = np.lexsort((np.arange(len(places)), classes, turn))
    return places[np.sort(order[:n]) if len(np.unique(classes)) < 2 else order[:n]]
