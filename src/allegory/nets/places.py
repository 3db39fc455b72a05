"""The same small net at every place of a map."""

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.init import he
from allegory.nets.norm import Norm, norms


class PlaceHead(nn.Module):
    """Two 1x1 convolutions with a norm and ReLU between: (b, c, h, w) -> (b, places, out), row by row."""

    def __init__(self, channels: int, hidden: int, out: int, norm: Norm):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, hidden, 1, bias=norm == "none"), *norms(norm, hidden), nn.ReLU())
        he(self.first)
        self.last = nn.Conv2d(hidden, out, 1)

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b places out"]:
        return self.last(self.first(maps)).flatten(2).transpose(1, 2)
