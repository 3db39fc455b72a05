"""Raven-like matrices over generative factors: 3 x 3 panels, the last one missing, six candidates for it.

As in van Steenkiste et al. (2019, arXiv:1905.12506), after Barrett et al. (2018, arXiv:1807.04225): in every row one, two or three of
the factors are constant (their number is drawn alike). The others are random and, over the first two rows, neither constant nor distinct
in every row, so that no other rule could be meant. "hard" candidates come from the right answer step by step: one of the constant factors
is drawn anew, and so are all the others; "easy" ones are random panels. A candidate that fits the rule, or is there already, is drawn
again.

The rules are blind to what a factor's value means, so right and wrong panels are uniform over the values alike, and the answer's place is
drawn apart. One leak comes with the design, where a rule is about a factor of few values: the wrong candidates share values that the right
one does not have. Who knows panels by heart and never looks at the context solves some .19 in place of 1/6 (best single value, on factors
of 3, 3, 5, 5, 5 values; .21 where a factor has two); who compares the candidates and takes the odd one out, .31 (easy: .24). The relation
network sees one candidate at a time, so only the first is open to it, and the measured floor, codes of noise, holds that part.

Deviates: the published code means to draw repeated candidates again but does not, and makes easy ones in either mode; ours does as it says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

CANDIDATES = 6
MOST_CONSTANT = 3
TRIES = 1000
Kind = Literal["hard", "easy"]


@dataclass(frozen=True, eq=False)
class Matrices:
    """m puzzles in factor values: `context` are the eight panels row by row, `answers` the candidates, `right` the number of the right
    one, `constant` which factors the rule is about."""

    context: Int[np.ndarray, "m 8 f"]
    answers: Int[np.ndarray, "m 6 f"]
    right: Int[np.ndarray, " m"]
    constant: Bool[np.ndarray, "m f"]


def matrices(m: int, sizes: Sequence[int], rng: np.random.Generator, kind: Kind = "hard") -> Matrices:
    """`m` puzzles over factors with these `sizes`, of which at least two panels must be told apart by each constant factor."""
    size = np.array(sizes)
    if (size > 1).sum() < 1 or np.prod(size.astype(float)) < 2 * CANDIDATES:
        raise ValueError(f"factors of sizes {tuple(sizes)} have too few values for {CANDIDATES} different candidates")
    constant = _constant(m, size, rng)
    panels = _panels(constant, size, rng)
    right = panels[:, 2, 2]
    found = right[:, None].copy()  # (m, 1 and more, f): the right answer, then the wrong ones
    for _ in range(CANDIDATES - 1):
        found = np.concatenate([found, _wrong(found, constant, size, rng, kind)[:, None]], axis=1)
    order = np.argsort(rng.random((m, CANDIDATES)), axis=1)
    return Matrices(panels.reshape(m, 9, -1)[:, :8], found[np.arange(m)[:, None], order], (order == 0).argmax(1), constant)


def _constant(m: int, size: np.ndarray, rng: np.random.Generator) -> Bool[np.ndarray, "m f"]:
    """Which factors are constant in every row: 1, 2 or 3 of those with more than one value (all of them where there are fewer)."""
    count = 1 + rng.integers(0, min(MOST_CONSTANT, int((size > 1).sum())), m)
    rank = np.where(size > 1, rng.random((m, len(size))), 2.0).argsort(1).argsort(1)
    return rank < count[:, None]


def _panels(constant: Bool[np.ndarray, "m f"], size: np.ndarray, rng: np.random.Generator) -> Int[np.ndarray, "m 3 3 f"]:
    """Rows and columns of panels that keep the rule, and no rule for the factors that are free."""
    m, f = constant.shape
    panels = rng.integers(0, size, (m, 3, 3, f))
    free = ~constant & (size > 1)
    for _ in range(TRIES):
        again = free & _ruled(panels[:, :2])
        if not again.any():
            break
        panels = np.where(again[:, None, None], rng.integers(0, size, (m, 3, 3, f)), panels)
    return np.where(constant[:, None, None], panels[:, :, :1], panels)


def _ruled(rows: Int[np.ndarray, "m r 3 f"]) -> Bool[np.ndarray, "m f"]:
    """Whether a factor is constant in each of these rows, or distinct in each."""
    a, b, c = np.moveaxis(rows, 2, 0)
    constant, distinct = (a == b) & (b == c), (a != b) & (b != c) & (a != c)
    return constant.all(1) | distinct.all(1)


def _wrong(found: np.ndarray, constant: np.ndarray, size: np.ndarray, rng: np.random.Generator, kind: Kind) -> Int[np.ndarray, "m f"]:
    """One more candidate a puzzle that breaks the rule and is not there yet."""
    m, f = constant.shape
    panel = found[:, -1]
    todo = np.ones(m, dtype=bool)
    for _ in range(TRIES):
        fresh = rng.integers(0, size, (m, f))
        if kind == "hard":
            broken = np.where(constant, rng.random((m, f)), -1.0).argmax(1)  # the factor of the rule that is drawn anew
            fresh = np.where((broken[:, None] == np.arange(f)) | ~constant, fresh, panel)
        panel = np.where(todo[:, None], fresh, panel)
        todo = ((panel == found[:, 0]) | ~constant).all(1) | (panel[:, None] == found).all(2).any(1)
        if not todo.any():
            break
    return panel
