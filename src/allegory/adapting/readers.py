"""Readers of frozen codes: a linear map, the nearest class mean, the nearest labelled items. Each in a few settings, to be chosen from.

- linear: multinomial logistic regression (one logistic regression a label, ridge regression for numbers) on standardised codes, with
  strengths of the penalty from strong to weak;
- prototypes: the nearest class mean (Snell et al. 2017, equation 2, without learning) by squared Euclidean distance of standardised
  codes, in units of the variance within the classes; it is a linear map too (section 2.4 there);
- neighbours: the k nearest labelled items (Wu et al. 2018, section 3.4).
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.adapting.heads import Head, Linear, Neighbours
from allegory.adapting.target import Task
from allegory.questions import logistic, ridge

STRENGTHS = (1.0, 1e-1, 1e-2, 1e-3, 1e-4)  # of |W|^2 / 2 against the mean loss
TOLERANCE = 1e-4
KS = (1, 5, 10, 20, 50)
NEVER = -1e3  # the logit of a class without an item to learn from


@dataclass(frozen=True, eq=False)
class Standard:
    """The mean and one over the standard deviation of every number of the codes; 0 for one that is constant."""

    mean: Float[Tensor, " d"]
    scale: Float[Tensor, " d"]

    @staticmethod
    def of(z: Float[Tensor, "n d"]) -> "Standard":
        mean = z.mean(0, dtype=torch.float64)
        std = (z.double() - mean).square().mean(0).sqrt()
        return Standard(mean, torch.where(std > 1e-6 * mean.abs() + 1e-12, 1.0 / std.clamp_min(1e-12), 0.0))

    def __call__(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return (z.double() - self.mean) * self.scale

    def folded(self, weight: Float[Tensor, "d k"], bias: Float[Tensor, " k"]) -> Linear:
        """The linear head that reads codes as they come, from one that reads standardised ones."""
        weight = self.scale[:, None] * weight
        return Linear.of(weight, bias - self.mean @ weight)


# From codes, what is known of them, the task and the standard: heads, each with its settings in words, always equally many.
Reader = Callable[[Tensor, Tensor, Task, Standard], Iterator[tuple[str, Head]]]


def linear(z: Float[Tensor, "n d"], y: Tensor, task: Task, standard: Standard) -> Iterator[tuple[str, Head]]:
    """One head for each strength."""
    maps = {"class": _classes, "multi-label": _labels, "continuous": _ridge}[task.kind](standard(z), y, task.outputs)
    for strength, (weight, bias) in zip(STRENGTHS, maps, strict=True):
        yield f"strength {strength:g}", standard.folded(weight, bias)


def prototypes(z: Float[Tensor, "n d"], y: Tensor, task: Task, standard: Standard) -> Iterator[tuple[str, Head]]:
    """log p(y|z) = -|z - m_y|^2 / (2 s^2) + const, with class means m and s^2 = tr C^2 / tr C, C the covariance within classes: the
    variance along the directions that vary, so that numbers which vary together do not count many times. For classes only."""
    if task.kind != "class":
        return
    x, size = standard(z), torch.bincount(y, minlength=task.outputs)
    mean = torch.zeros(task.outputs, z.shape[1], dtype=torch.float64).index_add(0, y, x) / size.clamp_min(1)[:, None]
    within = x - mean[y]
    gram = within @ within.T if len(x) < x.shape[1] else within.T @ within
    free, total = max(1, len(y) - int((size > 0).sum())), float(gram.trace())
    variance = float(gram.square().sum()) / (free * total) if total > 1e-12 else 1.0  # one item a class leaves nothing to measure it by
    bias = torch.where(size > 0, -0.5 * mean.square().sum(1) / variance, NEVER)
    yield "squared distance", standard.folded(mean.T / variance, bias)


def neighbours(z: Float[Tensor, "n d"], y: Tensor, task: Task, standard: Standard) -> Iterator[tuple[str, Head]]:
    """One head for each k, which is at most the number of items."""
    del standard  # directions are compared as they are: whitening lets noise vote
    if task.kind == "class":
        values = torch.nn.functional.one_hot(y, task.outputs).double()
    elif task.kind == "multi-label":
        known = (y >= 0).double()
        share = (y.clamp_min(0) * known).sum(0) / known.sum(0).clamp_min(1)
        values = torch.where(known > 0, y.double(), share)
    else:
        values = y[:, None]
    head = Neighbours.of(z, values, 1, task.kind)
    for k in KS:
        yield f"k = {min(k, len(z))}", head.asking(min(k, len(z)))


READERS: dict[str, Reader] = {"linear": linear, "prototypes": prototypes, "neighbours": neighbours}
Map = tuple[Tensor, Tensor]


def _classes(x: Float[Tensor, "n d"], y: Tensor, classes: int) -> Iterator[Map]:
    for found in logistic.path(x, y, classes, [s * len(x) for s in STRENGTHS], TOLERANCE):
        yield found.weight[0], found.bias[0]


def _labels(x: Float[Tensor, "n d"], y: Tensor, labels: int) -> Iterator[Map]:
    """One logistic regression for each label, on the items of which it is known."""
    each = [_one_label(x[y[:, label] >= 0], y[y[:, label] >= 0, label]) for label in range(labels)]
    for maps in zip(*each, strict=True):
        yield torch.stack([w for w, _ in maps], 1), torch.stack([b for _, b in maps])


def _one_label(x: Float[Tensor, "n d"], y: Tensor) -> Iterator[Map]:
    held = int(y.sum())
    if held in (0, len(y)):  # nothing to tell apart: how often it held, with an item more of each kind
        constant = torch.tensor((held + 0.5) / (len(y) - held + 0.5), dtype=torch.float64).log()
        yield from itertools.repeat((torch.zeros(x.shape[1], dtype=torch.float64), constant), len(STRENGTHS))
        return
    for weight, bias in _classes(x, y, 2):
        yield weight[:, 1] - weight[:, 0], bias[1] - bias[0]


def _ridge(x: Float[Tensor, "n d"], y: Float[Tensor, " n"], outputs: int) -> Iterator[Map]:
    """Ridge regression for all strengths."""
    del outputs
    yield from ridge.path(x, y, STRENGTHS)
