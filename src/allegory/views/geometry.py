"""Where each pixel of the view comes from: crop, flip, affine.

A geometric view is a map of pixel coordinates, (b, 2, 3), from the view back to the image. Coordinates are in pixels, x to the
right and y down, with the origin in the middle of the picture. So the maps of views that follow one another are multiplied, and
the image is sampled once, bilinearly (without a low-pass filter: views much smaller than what they show alias).
"""

import abc
import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from allegory.core import Dice
from allegory.views.draws import between, column, constant, ranges
from allegory.views.view import View

Outside = Literal["black", "edge", "mirror"]
_PADDING: dict[Outside, str] = {"black": "zeros", "edge": "border", "mirror": "reflection"}
TRIES = 10


@dataclass(frozen=True)
class Geometry(View):
    """A view that moves pixels. It draws the map from its own coordinates to those of the image, (b, 2, 3)."""

    @property
    def beyond(self) -> Outside:
        """What is seen where the view looks past the border of the image."""
        return "edge"

    @property
    def upright(self) -> bool:
        """Rows stay rows and columns columns: no map of this view turns or shears."""
        return True

    @abc.abstractmethod
    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Float[Tensor, "b 2 3"]: ...

    def show(self, x: Float[Tensor, "b c h w"], drawn: Float[Tensor, "b 2 3"]) -> Float[Tensor, "b c h2 w2"]:
        _, h, w = self.shape(tuple(x.shape[1:]))
        return (stretch if self.upright else sample)(x, drawn, h, w, self.beyond)


@dataclass(frozen=True)
class ResizedCrop(Geometry):
    """A rectangle with a uniform share of the area and a log-uniform ratio of width to height, resized to the whole view.

    The law of Szegedy et al. (2015) as torchvision draws it: ten tries to fit the rectangle into the image, then the largest
    centred one whose ratio is allowed. The rectangle is not rounded to pixels, and pixels just outside it are seen at its rim:
    `PIL.Image.resize(size, BILINEAR, box=rectangle)` wherever the view is not smaller than the rectangle. `side` gives square views
    of that size; None keeps the image's.
    """

    area: tuple[float, float] = (0.2, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    side: int | None = None

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[0], self.side, self.side) if self.side else shape

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Float[Tensor, "b 2 3"]:
        h, w = shape[1:]
        left, top, width, height = self.rectangles(dice, h, w)
        view_h, view_w = self.shape(shape)[1:]
        zero = torch.zeros_like(left)
        across = (width / view_w, zero, left + (width - w) / 2)
        down = (zero, height / view_h, top + (height - h) / 2)
        return torch.stack([*across, *down], 1).view(-1, 2, 3)

    def rectangles(self, dice: Dice, h: int, w: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Left, top, width and height in pixels, each (b,)."""
        u = dice.uniform("crop", 2, TRIES + 1)
        area = between(u[:, 0, :TRIES], self.area[0] * h * w, self.area[1] * h * w)
        ratio = between(u[:, 1, :TRIES], math.log(self.ratio[0]), math.log(self.ratio[1])).exp_()
        width, height = (area * ratio).sqrt_(), (area / ratio).sqrt_()
        fits = (width <= w) & (height <= h)
        found, first = fits.max(1, keepdim=True)
        allowed = min(max(w / h, self.ratio[0]), self.ratio[1])
        width = torch.where(found, width.gather(1, first), min(w, h * allowed))[:, 0]
        height = torch.where(found, height.gather(1, first), min(h, w / allowed))[:, 0]
        at = torch.where(found, u[:, :, TRIES], 0.5)
        return at[:, 0] * (w - width), at[:, 1] * (h - height), width, height


@dataclass(frozen=True)
class Flip(Geometry):
    """Left and right exchanged, with probability `p`."""

    p: float = 0.5

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Float[Tensor, "b 2 3"]:
        del shape
        maps = constant((((1.0, 0, 0), (0, 1, 0)), ((-1, 0, 0), (0, 1, 0))), torch.float32, dice.keys.device)
        return maps[dice.chance("flip", self.p).long()]

    def show(self, x: Float[Tensor, "b c h w"], drawn: Float[Tensor, "b 2 3"]) -> Float[Tensor, "b c h w"]:
        return torch.lerp(x.flip(-1), x, column(drawn[:, 0, 0] > 0, x))  # exact: lerp returns its ends as they are


@dataclass(frozen=True)
class Affine(Geometry):
    """Shear, scale and rotation about the middle of the image, then a shift; each uniform on a range about nothing happening.

    `rotation` in degrees, on [-rotation, rotation), positive clockwise. `scale`: the factor is on [1 - scale, 1 + scale). `shift`
    (x, y) in shares of width and height, positive to the right and down. `shear` (x, y): x grows by shear times y, and y by shear
    times x. `ends` draws only the two ends of every range. `outside` is what comes in from beyond the border.
    """

    rotation: float = 20.0
    scale: float = 0.25
    shift: tuple[float, float] = (0.1, 0.1)
    shear: tuple[float, float] = (0.2, 0.2)
    outside: Outside = "black"
    ends: bool = False

    @property
    def beyond(self) -> Outside:
        return self.outside

    @property
    def upright(self) -> bool:
        return not (self.rotation or any(self.shear))

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Float[Tensor, "b 2 3"]:
        return affine_map(self.parameters(dice), *shape[1:])

    def parameters(self, dice: Dice) -> Float[Tensor, "b 6"]:
        """Rotation in radians, scale factor, shift x, shift y, shear x, shear y."""
        turn = math.radians(self.rotation)
        limits = [(-turn, turn), (1 - self.scale, 1 + self.scale), *((-r, r) for r in (*self.shift, *self.shear))]
        return ranges(dice.uniform("affine", 6), limits, self.ends)


@dataclass(frozen=True)
class Fused(Geometry):
    """Geometric views one after the other, in one resampling.

    Past the border is seen what the first view with an opinion other than "edge" says. Where a later view looks past the border of
    an earlier one, it sees the image that is there.
    """

    views: tuple[Geometry, ...]

    @property
    def beyond(self) -> Outside:
        return next((view.beyond for view in self.views if view.beyond != "edge"), "edge")

    @property
    def upright(self) -> bool:
        return all(view.upright for view in self.views)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        for view in self.views:
            shape = view.shape(shape)
        return shape

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Float[Tensor, "b 2 3"]:
        maps = self.views[0].draw(dice.split(0), shape)
        for i, view in enumerate(self.views[1:], start=1):
            shape = self.views[i - 1].shape(shape)
            step = view.draw(dice.split(i), shape)
            linear, shift = maps[:, :, :2], maps[:, :, 2]
            maps = linear @ step
            maps[:, :, 2] += shift
        return maps


def affine_map(p: Float[Tensor, "b 6"], h: int, w: int) -> Float[Tensor, "b 2 3"]:
    """The inverse of q -> scale R(turn) [[1, shear_x], [shear_y, 1]] q + shift, for `Affine.parameters`."""
    turn, scale, shift_x, shift_y, shear_x, shear_y = p.unbind(1)
    cos, sin = turn.cos(), turn.sin()
    a, b = cos - sin * shear_y, cos * shear_x - sin
    c, d = sin + cos * shear_y, sin * shear_x + cos
    x, y = shift_x * w, shift_y * h
    inverse = torch.stack([d, -b, b * y - d * x, -c, a, c * x - a * y], 1)
    return (inverse / (scale * (1 - shear_x * shear_y))[:, None]).view(-1, 2, 3)


def sample(
    x: Float[Tensor, "b c h w"], maps: Float[Tensor, "b 2 3"], h: int, w: int, outside: Outside = "edge"
) -> Float[Tensor, "b c h2 w2"]:
    """An h x w bilinear view of `x` through `maps`."""
    size = constant((x.shape[-1], x.shape[-2]), torch.int64, x.device)[:, None]
    m = (maps * (2.0 / size)).to(x.dtype)  # grid_sample counts the picture from -1 to 1
    # One complex number a point: its sum of a row and a column is one fast broadcast addition, where pairs would be a slow one.
    z = torch.complex(m[:, 0], m[:, 1])
    right = torch.arange(w, device=x.device, dtype=x.dtype) - (w - 1) / 2
    down = torch.arange(h, device=x.device, dtype=x.dtype) - (h - 1) / 2
    points = (z[:, 0, None] * right)[:, None, :] + (z[:, 1, None] * down + z[:, 2, None])[:, :, None]
    raised = x + 1 if outside == "black" else x  # grid_sample pads with 0, and black is -1
    out = F.grid_sample(raised, torch.view_as_real(points), mode="bilinear", padding_mode=_PADDING[outside], align_corners=False)
    return out.sub_(1) if outside == "black" else out


def stretch(
    x: Float[Tensor, "b c h w"], maps: Float[Tensor, "b 2 3"], h: int, w: int, outside: Outside = "edge"
) -> Float[Tensor, "b c h2 w2"]:
    """`sample` for maps that neither turn nor shear, in half the time: first rows are blended, then columns."""
    b, c, height, width = x.shape
    maps = maps.to(x.dtype)
    down, right = positions(maps[:, 1, 1:], h, height, outside), positions(maps[:, 0, ::2], w, width, outside)

    above, below, share = _neighbours(down, height)
    rows = x.reshape(b * c * height, width)
    top = torch.arange(0, len(rows), height, device=x.device).view(b, c, 1)  # where each channel's rows start
    upper, lower = (rows.index_select(0, (top + at[:, None]).flatten()).view(b, c, h, width) for at in (above, below))
    x = upper.lerp_(lower, share[:, None, :, None])

    left, right_of, share = _neighbours(right, width)
    one, other = (x.gather(3, at[:, None, None].expand(b, c, h, w)) for at in (left, right_of))
    x = one.lerp_(other, share[:, None, None])

    if outside != "black":
        return x
    seen = _seen(down, height)[:, None, :, None] * _seen(right, width)[:, None, None]
    return x.add_(1).mul_(seen).sub_(1)


def positions(line: Float[Tensor, "b 2"], n: int, size: int, outside: Outside) -> Float[Tensor, "b n"]:
    """Where `n` view pixels lie among `size` image pixels, counted from 0, for the scale and shift of each `line`."""
    at = line[:, :1] * torch.arange(0.5 - n / 2, n / 2, device=line.device, dtype=line.dtype) + (line[:, 1:] + (size - 1) / 2)
    return size - 0.5 - ((at + 0.5) % (2 * size) - size).abs() if outside == "mirror" else at


def _neighbours(at: Float[Tensor, "b n"], size: int) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n"], Float[Tensor, "b n"]]:
    """The two of `size` pixels that each position lies between, and the share of the second."""
    at = at.clamp(0, size - 1)
    first = at.long()
    return first, (first + 1).clamp_(max=size - 1), at - first


def _seen(at: Float[Tensor, "b n"], size: int) -> Float[Tensor, "b n"]:
    """How much of the picture each position sees where all past the border is black."""
    return (1 - (at - at.clamp(0, size - 1)).abs_()).clamp_(min=0)
