"""What stands behind the numbers of a code: the picture that each adds, where the decoder is a sum of pictures, and the spectrum."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from allegory.pages import pictures, plots
from allegory.pages.codes_map import Encoded
from allegory.pages.numbers import decimals, number, plural
from allegory.pages.strips import SIDE

MOST = 100
COLUMNS = 10
ALIKE = 1e-4
MARKED = 60  # up to so many points each has its mark


@dataclass(frozen=True)
class Adds:
    """One picture of all, `columns` a row, of `shown` of the `size` numbers of a code."""

    uri: str
    shown: int
    size: int
    columns: int


def adds(items: Encoded, rep: Any) -> Adds | None:
    """What a unit of each number adds to a picture, those that move pictures most first; None where that depends on the other numbers.

    Each is scaled by itself: grey is nothing, white and black are its largest number, of one sign and the other.
    """
    if pictures.image_part(rep.intake.spec) != "" or len(items.z) < 2:
        return None
    z = np.asarray(items.z, dtype=np.float32)
    nothing, first, last, both = rep.decode(np.stack([0 * z[0], z[0], z[-1], z[0] + z[-1]])).astype(np.float64)
    if np.abs(both - first - last + nothing).max() > ALIKE * max(np.abs(both).max(), np.abs(first).max(), np.abs(last).max(), 1e-12):
        return None
    loud = np.argsort(-z.std(0), kind="stable")[: 10 * MOST]
    alone = rep.decode(np.eye(z.shape[1], dtype=np.float32)[loud]) - nothing
    moves = z.std(0)[loud] * np.sqrt(np.square(alone).sum((1, 2, 3)))
    order = np.argsort(-moves, kind="stable")[:MOST]
    alone = alone[order] / np.maximum(np.abs(alone[order]).max((1, 2, 3), keepdims=True), 1e-12)
    shown = pictures.resized(pictures.seen(rep.intake.spec, alone), SIDE)
    columns = min(COLUMNS, len(shown))
    return Adds(pictures.uri(pictures.grid(shown, columns)), len(shown), z.shape[1], columns)


@dataclass(frozen=True)
class Scree:
    """The spectrum as a drawing, what its numbers are, and what they say in words."""

    drawing: Markup
    name: str
    words: str


def scree(rep: Any) -> Scree | None:
    """None for a method without a spectrum."""
    if "spectrum" not in rep.can():
        return None
    found = rep.spectrum()
    values = [float(v) for v in found.values]
    whole = None if found.total is None or float(found.total) <= 0 else float(found.total)
    shown = values if whole is None else [100 * v / whole for v in values]
    what = found.name if whole is None else f"% of the {found.name}"
    places = tuple((float(i), v) for i, v in enumerate(shown, 1))
    x = plots.axis([1.0, float(max(2, len(shown)))], "number of the code", air=0.03)
    y = plots.axis([0.0, *shown])
    alt = f"{what} of {plural(len(shown), 'number')} of the code: first {number(shown[0])}, last {number(shown[-1])}"
    line = plots.Series(what, "own", places, mark="circle" if len(places) <= MARKED else "")
    return Scree(plots.plot([line], x, y, alt), what, _words(found.name, values, whole))


def _words(name: str, values: list[float], whole: float | None) -> str:
    if whole is None:
        return f"From {number(values[0])} at the first number of the code to {number(values[-1])} at the last."
    shares = np.cumsum(values) / whole
    half = int(np.searchsorted(shares, 0.5)) + 1
    text = f"The first number of the code has {decimals(100 * shares[0], 1)} % of the {name}"
    if len(values) == 1:
        return f"{text}."
    text += f", all {len(values)} together {decimals(100 * shares[-1], 1)} %"
    return text + (f"; half of it is reached with {half}." if half <= len(values) else "; that is less than half.")
