"""A decoder of images by transposed convolutions, the mirror of `ConvNet`."""

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.convnet import WIDEST, halved, halvings
from allegory.nets.init import he


class Deconv(nn.Module):
    """(b, latent) -> (b, c, h, w), real-valued. Kernels of 4 with stride 2 overlap evenly (Odena et al. 2016: no checkerboard).

    Odd sizes: every doubling is cut to the size that `ConvNet` met on its way down.
    """

    def __init__(self, shape: tuple[int, int, int], latent: int):
        super().__init__()
        channels, h, w = shape
        times = halvings(h, w)
        widths = [min(WIDEST, 32 * 2**i) for i in reversed(range(times))]
        self.sizes = [halved(h, w, k) for k in reversed(range(times + 1))]
        self.width = widths[0]
        self.seed = nn.Linear(latent, self.width * self.sizes[0][0] * self.sizes[0][1])
        self.doublings = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in zip(widths, [*widths[1:], widths[-1]], strict=True))
        he(self)
        self.last = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, z: Float[Tensor, "b latent"]) -> Float[Tensor, "b c h w"]:
        x = self.seed(z).relu().view(len(z), self.width, *self.sizes[0])
        for doubling, (h, w) in zip(self.doublings, self.sizes[1:], strict=True):
            x = doubling(x)[..., :h, :w].relu()  # (b, width, h, w)
        return self.last(x)
