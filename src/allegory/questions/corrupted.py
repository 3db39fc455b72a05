"""Observations made worse, as stored: with Gaussian noise, or with a share of their numbers missing.

Noise is in units of the range of the pixels, or of a column's standard deviation. What is missing is a pixel with all its channels, or one
number of a vector; the mean of the channel or column over training items stands in its place, so that nothing but its absence is told.
Categories take no noise; a missing one becomes -1, which is no category.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from allegory.core import Array, Parts, Problem, Tree
from allegory.data import Column, Source


@dataclass(frozen=True, eq=False)
class Scale:
    """What is known of one leaf: the `unit` of its noise and the `middle` that stands for what is missing, both broadcast over items; the
    bounds that stored numbers keep; whether they are whole; whether it is an image, whose channels go missing together."""

    unit: np.ndarray
    middle: np.ndarray
    low: float = -np.inf
    high: float = np.inf
    whole: bool = False
    image: bool = False

    @staticmethod
    def of(spec: Array, sample: np.ndarray, columns: tuple[Column, ...] = ()) -> "Scale":
        """From stored training items (n, *shape)."""
        x = np.where(np.isfinite(sample), sample, np.nan).astype(np.float64)
        known = np.asarray(np.isfinite(x).any(axis=(0, 2, 3) if spec.is_image else 0))
        if spec.is_image:
            low, high = (
                (0.0, spec.levels - 1.0) if spec.levels else (float(np.nanmin(x)), float(np.nanmax(x))) if known.any() else (0.0, 1.0)
            )
            middle = np.array([np.nanmean(c) if k else low for c, k in zip(x.swapaxes(0, 1), known, strict=True)])[:, None, None]
            return Scale(np.array(high - low), np.rint(middle) if spec.levels else middle, low, high, spec.levels is not None, True)
        x = np.where(known, x, 0.0)
        over = (0, 2) if spec.is_series else 0
        unit, middle = np.nanstd(x, over, keepdims=spec.is_series), np.nanmean(x, over, keepdims=spec.is_series)
        category = np.array([c.kind == "category" for c in columns] or np.zeros(spec.shape, dtype=bool))
        return Scale(np.where(category, 0.0, unit), np.where(category, -1.0, middle))

    def noisy(self, x: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
        """x + strength * unit * standard normal, rounded where numbers are whole, kept within the bounds."""
        moved = np.clip(x + strength * self.unit * rng.standard_normal(x.shape), self.low, self.high)
        return self._stored(np.rint(moved) if self.whole else moved, x)

    def masked(self, x: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
        """`share` of the places of every item, drawn anew for each, replaced by the middle."""
        shape = x.shape[2:] if self.image else x.shape[1:]
        size = int(np.prod(shape))
        hidden = rng.random((len(x), size)).argsort(1).argsort(1) < round(share * size)
        hidden = hidden.reshape(len(x), *((1,) if self.image else ()), *shape)
        return self._stored(np.where(hidden, self.middle, x), x)

    def _stored(self, moved: np.ndarray, x: np.ndarray) -> np.ndarray:
        """In the type of what is stored, where that can hold it."""
        keeps = self.whole or np.issubdtype(x.dtype, np.floating)
        return np.asarray(moved.astype(x.dtype if keeps else np.float64))


Corruption = Callable[[Scale, np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True, eq=False)
class Scales:
    """The scale of every part of an observation, "" for a bare one."""

    by: dict[str, Scale]

    @staticmethod
    def of(source: Source, sample: Tree) -> "Scales":
        """From some stored training items. Raises `Problem` for observations that are no arrays."""
        if not isinstance(source.spec, Parts):
            return Scales({"": Scale.of(_array(source.spec), np.asarray(sample), source.columns)})
        return Scales({name: Scale.of(_array(spec), np.asarray(sample[name])) for name, spec in source.spec.parts})

    def changed(self, stored: Tree, how: Corruption, rng: np.random.Generator) -> Tree:
        """Stored observations after `how`."""
        if "" in self.by:
            return how(self.by[""], np.asarray(stored), rng)
        return {name: how(self.by[name], np.asarray(x), rng) for name, x in stored.items()}


def _array(spec: Any) -> Array:
    if not isinstance(spec, Array):
        raise Problem(f"noise and missing numbers are defined for arrays, images and tables, not for {type(spec).__name__}")
    return spec
