"""How well outputs tell what is known, with evidence for intervals: one measure a kind to choose by, and a finer one for draws.

- classes: balanced accuracy (accuracy stands beside it), then the log loss;
- several labels: mean average precision over the labels that occur, then the log loss;
- numbers: R^2, then nothing.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.adapting.calibration import log_loss
from allegory.adapting.target import Kind
from allegory.questions import intervals
from allegory.questions.intervals import Evidence

CHOICE: dict[Kind, str] = {"class": "balanced_accuracy", "multi-label": "mean_average_precision", "continuous": "r2"}


def evidence(outputs: Float[Tensor, "n k"], y: Tensor, kind: Kind, seed: int = 0) -> dict[str, Evidence]:
    """Every measure of the kind; the one to choose by is `CHOICE[kind]`. A higher value is better."""
    if kind == "class":
        hits = (outputs.argmax(1) == y)[None].numpy()
        accuracy, balanced = intervals.of_hits(hits, y.numpy(), seed)
        return {"balanced_accuracy": balanced, "accuracy": accuracy}
    drawn = np.vstack([np.ones(len(y), dtype=np.float32), intervals.resamplings(len(y), seed)])
    values = _r2(outputs[:, 0], y, drawn) if kind == "continuous" else _mean_precision(outputs, y, drawn)
    return {CHOICE[kind]: Evidence(values[:1], values[1:])}


def value(outputs: Float[Tensor, "n k"], y: Tensor, kind: Kind) -> tuple[float, float]:
    """What candidates are compared by: the measure, then minus the log loss. Without intervals, so it is quick."""
    if kind == "class":
        right = (outputs.argmax(1) == y).double()
        size = torch.bincount(y)
        return float((torch.bincount(y, right)[size > 0] / size[size > 0]).mean()), -log_loss(outputs, y, kind)
    once = np.ones((1, len(y)), dtype=np.float32)
    if kind == "continuous":
        return float(_r2(outputs[:, 0], y, once)[0]), 0.0
    return float(_mean_precision(outputs, y, once)[0]), -log_loss(outputs, y, kind)


def _r2(told: Float[Tensor, " n"], y: Float[Tensor, " n"], drawn: Float[np.ndarray, "r n"]) -> Float[np.ndarray, " r"]:
    """1 - sum of squared errors / sum of squared differences from the mean, on each resampling."""
    t, y_ = told.numpy(), y.numpy()
    n = drawn.sum(1)
    error, mean = drawn @ np.square(t - y_), (drawn @ y_) / n
    return 1.0 - error / np.maximum(drawn @ np.square(y_) - n * mean**2, 1e-300)


def _mean_precision(outputs: Float[Tensor, "n k"], y: Tensor, drawn: Float[np.ndarray, "r n"]) -> Float[np.ndarray, " r"]:
    """The mean over labels of average precision: the sum over answers, surest first, of the precision so far times the gain in recall;
    equal answers count together. Labels that do not occur in a resampling are left out of it."""
    total, count = np.zeros(len(drawn)), np.zeros(len(drawn))
    for scores, truth in zip(outputs.numpy().T, y.numpy().T, strict=True):
        order = np.argsort(-scores, kind="stable")
        order = order[truth[order] >= 0]
        if not len(order):
            continue
        weight, hit = drawn[:, order], truth[order] == 1
        last = np.searchsorted(-scores[order], -scores[order], side="right") - 1
        seen, found = np.cumsum(weight, 1, dtype=np.float64), np.cumsum(weight * hit, 1, dtype=np.float64)
        gain = (weight * hit * found[:, last] / np.maximum(seen[:, last], 1e-12)).sum(1)
        total += gain / np.maximum(found[:, -1], 1e-12)
        count += found[:, -1] > 0
    return total / np.maximum(count, 1.0)
