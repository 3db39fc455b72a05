"""Say what a teacher says, view by view, where the teacher sees some of the views and the student all."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import batch_mean


def sharpened(teacher: Float[Tensor, "b g k"], centre: Float[Tensor, " k"], tau: float) -> Float[Tensor, "b g k"]:
    """softmax((teacher - centre) / tau), the targets of DINO (Caron et al. 2021, eq. 1 and section 3.1); they carry no gradient."""
    return ((teacher.detach() - centre) / tau).softmax(-1)


def distillation(student: Float[Tensor, "b v k"], targets: Float[Tensor, "b g k"], tau: float) -> Float[Tensor, " b"]:
    """The cross-entropy of target i and softmax(student_j / tau), meaned over the pairs i != j: i of the g first views, j of all v.

    Caron et al. 2021, eq. 3, in nats a pair.
    """
    misses = -torch.einsum("bgk,bvk->bgv", targets, (student / tau).log_softmax(-1))
    g, v = misses.shape[1:]
    others = 1.0 - torch.eye(g, v, dtype=misses.dtype, device=misses.device)
    return (misses * others).sum((1, 2)) / (g * v - g)


def prototype_use(assignments: Float[Tensor, "b k"]) -> Float[Tensor, ""]:
    """exp(entropy of the mean assignment over the global batch) / k, in (0, 1]: the share of the prototypes that are in use."""
    return _entropy(batch_mean(assignments)).exp() / assignments.shape[1]


def target_sharpness(targets: Float[Tensor, "b k"]) -> Float[Tensor, ""]:
    """1 - (mean entropy of a target) / log k, in [0, 1]: 0 where every target is uniform, 1 where each is one prototype."""
    return 1.0 - batch_mean(_entropy(targets)) / math.log(targets.shape[1])


def _entropy(p: Float[Tensor, "*b k"]) -> Float[Tensor, "*b"]:
    """In nats."""
    return -torch.special.xlogy(p, p).sum(-1)
