"""A small convolutional encoder of series (c, t), such as sound, whose depth follows the length."""

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.encoder import Encoder
from allegory.nets.init import he
from allegory.nets.norm import Norm, norms
from allegory.nets.scales import NARROWEST, WIDEST

FAST, SHORTEST = 16, 4  # times: longer maps shrink by 4 at once, and none shrinks below the shortest


def strides(length: int) -> list[int]:
    """By how much each layer shrinks a series of `length` times; [1] for what is short already.

    256 goes 4, 4, 2, 2 to 4 times. (van den Oord et al. 2018, section 3.1, take 5, 4, 2, 2, 2 to 1 in 160 for sound at 16 kHz.)
    """
    found = []
    while length > SHORTEST:
        found.append(4 if length > FAST else 2)
        length = max(1, length // found[-1])
    return found or [1]


class Wave(Encoder):
    """One convolution a scale, twice as long as its stride, and the mean over the times: (b, c, t) -> (b, out)."""

    def __init__(self, shape: tuple[int, int], norm: Norm = "batch"):
        super().__init__()
        before, length = shape
        layers: list[nn.Module] = []
        for i, stride in enumerate(strides(length)):
            after = min(WIDEST // 2, NARROWEST * 2**i)
            kernel = 2 * stride if stride > 1 else 3
            padding = stride // 2 if stride > 1 else 1
            layers += [nn.Conv1d(before, after, kernel, stride, padding, bias=norm == "none"), *norms(norm, after), nn.ReLU()]
            before = after
        self.layers = nn.Sequential(*layers)
        self.out = before
        he(self)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b out"]:
        return self.layers(x).mean(2)
