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
from allegory.questions import answers, intervals
from allegory.questions.intervals import Evidence

CHOICE: dict[Kind, str] = {"class": "balanced_accuracy", "multi-label": "mean_average_precision", "continuous": "r2"}


def evidence(outputs: Float[Tensor, "n k"], y: Tensor, kind: Kind, seed: int = 0) -> dict[str, Evidence]:
    """Every measure of the kind; the one to choose by is `CHOICE[kind]`. A higher value is better."""
    if kind == "class":
        hits = (outputs.argmax(1) == y)[None].numpy()
        accuracy, balanced = intervals.of_hits(hits, y.numpy(), seed)
        return {"balanced_accuracy": balanced, "accuracy": accuracy}
    drawn = np.vstack([np.ones(len(y), dtype=np.float32), intervals.resamplings(len(y), seed)])
    values = answers.r2_on(outputs[:, 0], y, drawn) if kind == "continuous" else _mean_precision(outputs, y, drawn)
    return {CHOICE[kind]: Evidence(values[:1], values[1:])}


def value(outputs: Float[Tensor, "n k"], y: Tensor, kind: Kind) -> tuple[float, float]:
    """What candidates are compared by: the measure, then minus the log loss. Without intervals, so it is quick."""
    if kind == "class":
        right = (outputs.argmax(1) == y).double()
        size = torch.bincount(y)
        return float((torch.bincount(y, right)[size > 0] / size[size > 0]).mean()), -log_loss(outputs, y, kind)
    once = np.ones((1, len(y)), dtype=np.float32)
    if kind == "continuous":
        return float(answers.r2_on(outputs[:, 0], y, once)[0]), 0.0
    return float(_mean_precision(outputs, y, once)[0]), -log_loss(outputs, y, kind)


def _mean_precision(outputs: Float[Tensor, "n k"], y: Tensor, drawn: Float[np.ndarray, "r n"]) -> Float[np.ndarray, " r"]:
    """The mean over labels of their average precision; labels that do not occur in a resampling are left out of it."""
    each = [
        answers.average_precision(scores[known], truth[known] == 1, drawn[:, known])
        for scores, truth in zip(outputs.double().numpy().T, y.numpy().T, strict=True) if (known := truth >= 0).any()
    ]  # fmt: skip
    found = np.stack(each) if each else np.zeros((0, len(drawn)))
    occurs = np.isfinite(found)
    return np.where(occurs, found, 0.0).sum(0) / np.maximum(occurs.sum(0), 1)
