"""Say what a teacher says, view by view, where the teacher sees some of the views and the student all."""

import torch
from jaxtyping import Float
from torch import Tensor


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
