"""Predict one code from another."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def negative_cosine(prediction: Float[Tensor, "b z"], target: Float[Tensor, "b z"]) -> Float[Tensor, " b"]:
    """-cos(prediction, sg(target)) (Chen and He 2021, eq. 1 and 3); no gradient reaches the target."""
    return -F.cosine_similarity(prediction, target.detach(), dim=1)


def cosine_regression(prediction: Float[Tensor, "b z"], target: Float[Tensor, "b z"]) -> Float[Tensor, " b"]:
    """2 - 2 cos(prediction, sg(target)) = |normalised difference|^2 (Grill et al. 2020, eq. 2); no gradient reaches the target."""
    return 2.0 + 2.0 * negative_cosine(prediction, target)
