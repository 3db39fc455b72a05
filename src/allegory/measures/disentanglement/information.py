"""Mutual information of binned codes and factors, in nats, from counts."""

import numpy as np
from jaxtyping import Float, Int

BINS = 20
LEAST = 1e-12  # nats: less is rounding, and a code that tells nothing should tell exactly nothing


def binned(values: Float[np.ndarray, "n z"], bins: int = BINS) -> Int[np.ndarray, "n z"]:
    """The number, from 0, of the bin of every value: `bins` equal widths between the smallest and the largest of its column.

    A column that does not vary is all bin 0. The edges are those of `numpy.histogram`.
    """
    found = np.zeros(values.shape, dtype=np.int64)
    for i, column in enumerate(values.T):
        low, high = (float(column.min()), float(column.max())) if len(column) else (0.0, 0.0)
        if low < high:
            found[:, i] = np.digitize(column, np.linspace(low, high, bins + 1)[:-1]) - 1
    return found


def mutual_information(bins: Int[np.ndarray, "n z"], factors: Int[np.ndarray, "n f"]) -> Float[np.ndarray, "z f"]:
    """I(z_i; y_j) in nats of every binned code and factor; the items where a factor is negative (unknown) are left out for it."""
    table = np.zeros((bins.shape[1], factors.shape[1]))
    for j, y in enumerate(factors.T):
        known = y >= 0
        if known.any():
            table[:, j] = _information(_counts(bins[known], y[known]))
    return table


def entropies(factors: Int[np.ndarray, "n f"]) -> Float[np.ndarray, " f"]:
    """H(y_j) in nats, over the items where it is known."""
    return np.array([_entropy(np.bincount(y[y >= 0])) for y in factors.T])


def _counts(bins: Int[np.ndarray, "n z"], y: Int[np.ndarray, " n"]) -> Int[np.ndarray, "z b k"]:
    z, b, k = bins.shape[1], int(bins.max()) + 1, int(y.max()) + 1
    place = (np.arange(z) * b + bins) * k + y[:, None]
    return np.bincount(place.ravel(), minlength=z * b * k).reshape(z, b, k)


def _information(counts: Int[np.ndarray, "z b k"]) -> Float[np.ndarray, " z"]:
    p = counts / counts.sum((1, 2), keepdims=True)
    apart = p.sum(1, keepdims=True) * p.sum(2, keepdims=True)
    terms: np.ndarray = p * np.log(np.where(p > 0, p, 1.0) / np.where(p > 0, apart, 1.0))
    total = terms.sum((1, 2))
    return np.where(total > LEAST, total, 0.0)


def _entropy(counts: Int[np.ndarray, " k"]) -> float:
    p = counts[counts > 0] / max(1, counts.sum())
    return float(-(p * np.log(p)).sum())
