"""Say what is hidden: regression on the hidden parts of an example."""

from jaxtyping import Float
from torch import Tensor


def standardised(v: Float[Tensor, "*n d"], eps: float = 1e-6, unbiased: bool = True) -> Float[Tensor, "*n d"]:
    """Each vector less its mean, over sqrt(variance + eps): the normalised patches of He et al. (2022), whose variance is unbiased.

    With `unbiased` False it is a layer norm without weights.
    """
    return (v - v.mean(-1, keepdim=True)) / (v.var(-1, correction=int(unbiased), keepdim=True) + eps).sqrt()


def masked_regression(prediction: Float[Tensor, "b *m d"], target: Float[Tensor, "b *m d"]) -> Float[Tensor, " b"]:
    """The mean squared error of an example over its hidden parts and their d numbers; no gradient reaches the target."""
    return (prediction - target.detach()).square().flatten(1).mean(1)


def pieces(x: Float[Tensor, "b c h w"], patch: int) -> Float[Tensor, "b n d"]:
    """The patches of an image row by row, the numbers of each in the order row, column, channel. `patch` divides both sides."""
    b, c, h, w = x.shape
    cut = x.reshape(b, c, h // patch, patch, w // patch, patch).permute(0, 2, 4, 3, 5, 1)  # (b, rows, columns, patch, patch, c)
    return cut.reshape(b, (h // patch) * (w // patch), c * patch * patch)
