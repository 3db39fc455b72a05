"""Gradient descent as t-SNE does it: momentum, and a gain for every number that grows while its gradient keeps its sign."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.objectives.sums import total

LEAST_GAIN, LONGEST = 0.01, 5.0


@dataclass(frozen=True)
class Phase:
    """So many steps with the attraction exaggerated; the rate is n / exaggeration (Belkina et al. 2019)."""

    steps: int
    exaggeration: float = 1.0
    momentum: float = 0.8


def descended(
    y: Float[Tensor, "z n"], slope: Callable[[Tensor, float], Tensor], phases: Sequence[Phase], rate: float, centred: bool = True
) -> Float[Tensor, "z n"]:
    """Down `slope(y, exaggeration)` at `rate` / exaggeration. No step is longer than 5. `centred`: places are only relative."""
    for phase in phases:
        step, gain = torch.zeros_like(y), torch.ones_like(y)
        for _ in range(phase.steps):
            g = slope(y, phase.exaggeration)
            gain = torch.where(step.sign() != g.sign(), gain + 0.2, gain * 0.8 + LEAST_GAIN)
            step = phase.momentum * step - (rate / phase.exaggeration) * gain * g
            step = step * (LONGEST / step.square().sum(0).sqrt().clamp_min(LONGEST))
            y = y + step
            if centred:
                y = y - (total(y) / y.shape[1])[:, None]
    return y
