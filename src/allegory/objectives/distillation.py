"""What a teacher says of a view, made certain: the targets of self-distillation, which `swapped_prediction` has the student say."""

from jaxtyping import Float
from torch import Tensor


def sharpened(teacher: Float[Tensor, "b k"], centre: Float[Tensor, " k"], tau: float) -> Float[Tensor, "b k"]:
    """softmax((teacher - centre) / tau), centred and sharpened (Caron et al. 2021, eq. 1 and section 3.1); it carries no gradient."""
    return ((teacher.detach() - centre) / tau).softmax(1)
