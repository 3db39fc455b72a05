"""A small algebra of bijections: each layer puts x at z, says by how much it stretches volume there, and goes back.

    z, log_det = f(x)        log_det (b,) = log |det dz/dx| of every example, in nats
    x = f.inverse(z)

None looks at another example: an item's z is the same in any batch.
"""

import abc
import math
from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from allegory.nets.curves import Curve

EDGE = 1e-6  # of the unit interval, on both sides: what lies farther out is put there


class Bijection(nn.Module, abc.ABC):
    """One layer, or many."""

    @abc.abstractmethod
    def forward(self, x: Float[Tensor, "b *d"]) -> tuple[Float[Tensor, "b *e"], Float[Tensor, " b"]]:
        """z, and log |det dz/dx| of every example."""

    @abc.abstractmethod
    def inverse(self, z: Float[Tensor, "b *e"]) -> Float[Tensor, "b *d"]:
        """The x that `forward` puts at z."""


class Chain(Bijection):
    """One after the other."""

    def __init__(self, layers: Iterable[Bijection]):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Float[Tensor, "b *d"]) -> tuple[Float[Tensor, "b *e"], Float[Tensor, " b"]]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return x, total

    def inverse(self, z: Float[Tensor, "b *e"]) -> Float[Tensor, "b *d"]:
        for layer in reversed(self.layers):
            assert isinstance(layer, Bijection)
            z = layer.inverse(z)
        return z


class Rearrange(Bijection, abc.ABC):
    """Moves numbers about; volume stays as it is."""

    def forward(self, x: Float[Tensor, "b *d"]) -> tuple[Float[Tensor, "b *e"], Float[Tensor, " b"]]:
        return self.there(x), x.new_zeros(len(x))

    @abc.abstractmethod
    def there(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b *e"]:
        """The same numbers at other places."""


class Flat(Rearrange):
    """(b, *shape) -> (b, d)."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.shape = shape

    def there(self, x: Float[Tensor, "b *shape"]) -> Float[Tensor, "b d"]:
        return x.flatten(1)

    def inverse(self, z: Float[Tensor, "b d"]) -> Float[Tensor, "b *shape"]:
        return z.view(len(z), *self.shape)


class Squeeze(Rearrange):
    """(b, c, h, w) -> (b, 4 c, h / 2, w / 2): the four pixels of each 2 x 2 block become channels (Dinh et al. 2017, section 3.6).

    The pixels of one diagonal come first, all their channels, so that the halves of the channels are two checkerboards.
    """

    places: Int[Tensor, " 4"]
    back: Int[Tensor, " 4"]

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("places", torch.tensor([0, 3, 1, 2]), persistent=False)
        self.register_buffer("back", torch.tensor([0, 2, 3, 1]), persistent=False)

    def there(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c4 h2 w2"]:
        return F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4)).transpose(1, 2)[:, self.places].flatten(1, 2)

    def inverse(self, z: Float[Tensor, "b c4 h2 w2"]) -> Float[Tensor, "b c h w"]:
        return F.pixel_shuffle(z.unflatten(1, (4, -1))[:, self.back].transpose(1, 2).flatten(1, 2), 2)


class Scale(Bijection):
    """z = (x - shift) exp(-log_scale), both learned: batch normalisation's place without its batch (Kingma and Dhariwal 2018, 3.1).

    `shape` broadcasts over that of an example: (c, 1, 1) for channels of images.
    """

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.shift, self.log_scale = nn.Parameter(torch.zeros(shape)), nn.Parameter(torch.zeros(shape))

    def forward(self, x: Float[Tensor, "b *d"]) -> tuple[Float[Tensor, "b *d"], Float[Tensor, " b"]]:
        log_det = -self.log_scale.expand(x.shape[1:]).sum()
        return (x - self.shift) * torch.exp(-self.log_scale), log_det.expand(len(x))

    def inverse(self, z: Float[Tensor, "b *d"]) -> Float[Tensor, "b *d"]:
        return z * torch.exp(self.log_scale) + self.shift

    @torch.no_grad()
    def fit(self, x: Float[Tensor, "n *d"]) -> None:
        """Gives these observations mean 0 and standard deviation 1; a number that never varies keeps its scale."""
        over = [0, *(i + 1 for i, side in enumerate(self.shift.shape) if side == 1 < x.shape[i + 1])]
        std = x.std(over, correction=0, keepdim=True)[0]
        self.shift.copy_(x.mean(over, keepdim=True)[0])
        self.log_scale.copy_(torch.where(std > EDGE, std, 1.0).log())


class Logit(Bijection):
    """Images of `levels` levels in [-1, 1], each moved within its cell, to the real line (Dinh et al. 2017, section 4.1).

    u in [0, 1] is the place between the outer edges of the outermost cells, and z = logit(alpha + (1 - 2 alpha) u).
    """

    def __init__(self, levels: int, alpha: float = 0.05):
        super().__init__()
        self.alpha = alpha
        self.low, self.wide = -levels / (levels - 1), 2.0 * levels / (levels - 1)

    def forward(self, x: Float[Tensor, "b *d"]) -> tuple[Float[Tensor, "b *d"], Float[Tensor, " b"]]:
        p = (self.alpha + (1.0 - 2.0 * self.alpha) * (x - self.low) / self.wide).clamp(EDGE, 1.0 - EDGE)
        log_slope = math.log((1.0 - 2.0 * self.alpha) / self.wide) - p.log() - torch.log1p(-p)
        return torch.logit(p), log_slope.flatten(1).sum(1)

    def inverse(self, z: Float[Tensor, "b *d"]) -> Float[Tensor, "b *d"]:
        return self.low + self.wide * (torch.sigmoid(z) - self.alpha) / (1.0 - 2.0 * self.alpha)


class Mixing(Bijection):
    """z = P L U x over the channels: any invertible matrix, at first a permutation (Kingma and Dhariwal 2018, 3.2; Durkan et al. 2019, 4).

    Of (b, c) or (b, c, *places). P is drawn once; L has ones on its diagonal, U exp(log_scale): the determinant is their product.
    """

    order: Int[Tensor, " c"]

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("order", torch.argsort(nn.init.uniform_(torch.empty(channels))))
        self.lower, self.upper = (nn.Parameter(torch.zeros(channels, channels)) for _ in range(2))
        self.log_scale = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "b c *places"]) -> tuple[Float[Tensor, "b c *places"], Float[Tensor, " b"]]:
        lower, upper = self._triangles()
        z = torch.einsum("oc,bcp->bop", (lower @ upper)[self.order], x.reshape(*x.shape[:2], -1))
        return z.view(x.shape), (self.log_scale.sum() * z.shape[2]).expand(len(x))

    def inverse(self, z: Float[Tensor, "b c *places"]) -> Float[Tensor, "b c *places"]:
        lower, upper = self._triangles()
        y = z[:, torch.argsort(self.order)].reshape(*z.shape[:2], -1)
        y = torch.linalg.solve_triangular(lower, y, upper=False, unitriangular=True)
        return torch.linalg.solve_triangular(upper, y, upper=True).view(z.shape)

    def _triangles(self) -> tuple[Float[Tensor, "c c"], Float[Tensor, "c c"]]:
        one = torch.eye(len(self.order), dtype=self.lower.dtype, device=self.lower.device)
        return self.lower.tril(-1) + one, self.upper.triu(1) + torch.diag(self.log_scale.exp())


class Coupling(Bijection):
    """The numbers where `kept` stay; the others go through the curve whose numbers the net reads off the kept ones (Dinh et al., eq. 9).

    The Jacobian is triangular: its determinant is the product of the curve's slopes. `net`: (b, *d) with zeros where not kept ->
    (b, numbers * d[0], *d[1:]).
    """

    kept: Bool[Tensor, "*d"]

    def __init__(self, kept: Bool[Tensor, "*d"], net: nn.Module, curve: Curve):
        super().__init__()
        self.register_buffer("kept", kept)
        self.net, self.curve = net, curve

    def forward(self, x: Float[Tensor, "b *d"]) -> tuple[Float[Tensor, "b *d"], Float[Tensor, " b"]]:
        y, log_slope = self.curve(x, self._raw(x))
        return torch.where(self.kept, x, y), torch.where(self.kept, 0.0, log_slope).flatten(1).sum(1)

    def inverse(self, z: Float[Tensor, "b *d"]) -> Float[Tensor, "b *d"]:
        return torch.where(self.kept, z, self.curve.inverse(z, self._raw(z)))

    def _raw(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b k *d"]:
        raw: Tensor = self.net(torch.where(self.kept, x, 0.0))
        return raw.unflatten(1, (self.curve.numbers, -1))


class Scales(Bijection):
    """Half of the channels is done after each scale but the last (Dinh et al. 2017, eq. 14 to 16): (b, c, h, w) -> (b, d), finest first.

    `shapes`: of what leaves each scale, the halves that are done and, last, the whole that is left.
    """

    def __init__(self, scales: Iterable[Bijection], shapes: tuple[tuple[int, ...], ...]):
        super().__init__()
        self.scales, self.shapes = nn.ModuleList(scales), shapes

    def forward(self, x: Float[Tensor, "b c h w"]) -> tuple[Float[Tensor, "b d"], Float[Tensor, " b"]]:
        total, done = x.new_zeros(len(x)), []
        for scale in self.scales[:-1]:
            x, log_det = scale(x)
            total = total + log_det
            out, x = x.chunk(2, 1)
            done.append(out.flatten(1))
        x, log_det = self.scales[-1](x)
        return torch.cat([*done, x.flatten(1)], 1), total + log_det

    def inverse(self, z: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
        parts = z.split([math.prod(shape) for shape in self.shapes], 1)
        *done, x = (part.view(len(z), *shape) for part, shape in zip(parts, self.shapes, strict=True))
        x = self._back(-1, x)
        for i in range(len(done) - 1, -1, -1):
            x = self._back(i, torch.cat([done[i], x], 1))
        return x

    def _back(self, i: int, z: Tensor) -> Tensor:
        scale = self.scales[i]
        assert isinstance(scale, Bijection)
        return scale.inverse(z)
