"""A last layer of unit vectors, which a code on the sphere is compared with."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Prototypes(nn.Linear):
    """(b, z) -> (b, k): the cosines of each code with k learned directions, whose lengths do not matter.

    That is the end of DINO's head (Caron et al. 2021): codes of norm 1, and a linear layer without bias, weight-normalised to norm 1.
    """

    def __init__(self, width: int, k: int):
        super().__init__(width, k, bias=False)

    def forward(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b k"]:
        return F.linear(F.normalize(z, dim=1), F.normalize(self.weight, dim=1))
