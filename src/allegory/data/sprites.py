"""Sprites with exactly known factors: the grid of dSprites (Matthey, Higgins, Hassabis and Lerchner 2017), rendered on demand.

Three shapes (square, ellipse, heart) in white on black, at 6 scales, 40 orientations, 32 x 32 positions. Unlike the original the edges are
anti-aliased, from the signed distance to the shape, and the orientations are evenly spaced in [0, 2 pi) without the end point.
"""

import math
from collections.abc import Sequence

import numpy as np

from allegory.core import Array, Misuse
from allegory.data.found import Found
from allegory.data.hashing import fold
from allegory.data.source import Factors, Labels, Source

SHAPES = ("square", "ellipse", "heart")
SYMMETRY = np.array([4, 2, 1])  # the turns by which a shape is mapped onto itself
NAMES = ("colour", "shape", "scale", "orientation", "x", "y")
FULL = (1, 3, 6, 40, 32, 32)
SQUARE, ELLIPSE, HEART = 0.16, (0.22, 0.12), 0.34  # half a side, two radii, a unit: in widths of the picture, at scale 1
REACH = 0.24  # no shape is larger
CHUNK = 512


class Sprites:
    """The images of a grid of factors as an array (n, 1, size, size) of uint8; nothing is rendered before it is asked for."""

    def __init__(self, size: int, sizes: tuple[int, ...]):
        self.size, self.sizes = size, sizes
        self.shape: tuple[int, ...] = (math.prod(sizes), 1, size, size)
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def factors(self, index: np.ndarray) -> np.ndarray:
        """(k, 6) int64: the grid point of each item; the last factor runs fastest, as in dSprites."""
        return np.stack(np.unravel_index(index, self.sizes), 1).astype(np.int64)

    def states(self, index: np.ndarray) -> tuple[np.ndarray, ...]:
        """Shape number, scale in [0.5, 1], angle in radians, x and y in [0, 1], each (k,). An angle that looks like 0 is 0."""
        _, shape, scale, turn, x, y = self.factors(index).T
        _, _, scales, turns, xs, ys = self.sizes
        symmetry = SYMMETRY[shape]
        angle = (turn * symmetry % turns) * (2 * np.pi / turns) / symmetry
        return shape, _grid(0.5, 1.0, scales)[scale], angle, _grid(0.0, 1.0, xs)[x], _grid(0.0, 1.0, ys)[y]

    def keys(self) -> np.ndarray:
        """(n,) uint64 from the factors: equal for grid points that look the same (a square turned by 90 degrees)."""
        return fold(*self.states(np.arange(len(self))))

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        index = np.asarray(index).reshape(-1)
        out = np.empty((len(index), *self.shape[1:]), dtype=np.uint8)
        for start in range(0, len(index), CHUNK):
            rows = slice(start, start + CHUNK)
            out[rows, 0] = render(*self.states(index[rows]), size=self.size)
        return out


def render(shape: np.ndarray, scale: np.ndarray, angle: np.ndarray, x: np.ndarray, y: np.ndarray, *, size: int) -> np.ndarray:
    """(k, size, size) uint8. A pixel's value is the share of it inside, taken as linear in the distance of its centre to the edge.

    `x`, `y` in [0, 1] put the centre of the shape into the middle half of the picture; y grows downwards, `angle` turns clockwise.
    """
    window = min(size, math.ceil(2 * REACH * size) + 2)
    x, y = ((0.25 + 0.5 * v) * size for v in (x, y))
    left, top = (np.clip(np.floor(v - window / 2).astype(int), 0, size - window)[:, None] + np.arange(window) for v in (x, y))
    dx, dy = (((at + 0.5 - v[:, None]) / size).astype(np.float32) for at, v in ((left, x), (top, y)))
    cos, sin = (f(angle).astype(np.float32)[:, None] for f in (np.cos, np.sin))
    along = (cos * dx)[:, None, :] + (sin * dy)[:, :, None]
    across = (cos * dy)[:, :, None] - (sin * dx)[:, None, :]
    scale = scale.astype(np.float32)[:, None, None]
    share = np.empty_like(along)
    for number, outside in enumerate((_square, _ellipse, _heart)):
        rows = shape == number
        share[rows] = 0.5 - outside(along[rows] / scale[rows], across[rows] / scale[rows]) * scale[rows] * size
    out = np.zeros((len(shape), size, size), dtype=np.uint8)
    out[np.arange(len(shape))[:, None, None], top[:, :, None], left[:, None, :]] = np.rint(255 * np.clip(share, 0, 1))
    return out


def _norm(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sqrt(a * a + b * b)


def _square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    a, b = abs(u) - SQUARE, abs(v) - SQUARE
    return _norm(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0)


def _ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """To first order at the edge, which is all that anti-aliasing needs: f (f - 1) / |grad f|."""
    rx, ry = ELLIPSE
    f = _norm(u / rx, v / ry)
    slope = np.maximum(_norm(u / rx**2, v / ry**2), 1e-9)
    return f * (f - 1) / slope


def _heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Exact distance to the heart of Inigo Quilez (https://iquilezles.org/articles/distfunctions2d), tip down, centred."""
    u, v = abs(u) / HEART, 0.55 - v / HEART
    lobe = _norm(u - 0.25, v - 0.75) - math.sqrt(2) / 4
    middle = 0.5 * np.maximum(u + v, 0)
    below = np.minimum(_norm(u, v - 1), _norm(u - middle, v - middle)) * np.sign(u - v)
    return np.where(u + v > 1, lobe, below) * HEART


def _grid(low: float, high: float, n: int) -> np.ndarray:
    """n even values from low to high; a single one is `high` for scales and the middle for positions."""
    return np.linspace(low, high, n) if n > 1 else np.array([high if low else (low + high) / 2])


def open_sprites(
    _: str = "", aside: Sequence[str] = (), *,
    size: int = 32, shapes: int = 3, scales: int = 6, orientations: int = 10, xs: int = 16, ys: int = 16,
) -> Found:  # fmt: skip
    """A grid of sprites, `size` 16, 32 or 64 pixels. The default grid of 46,080 is thinner than dSprites' 737,280, for laptops."""
    del aside
    sizes = (1, shapes, scales, orientations, xs, ys)
    for name, value, most in zip(NAMES, sizes, FULL, strict=True):
        if not isinstance(value, int) or not 1 <= value <= most:
            raise Misuse(f"sprites: expected 1 to {most} values for {name}, got {value!r}")
    if size not in (16, 32, 64):
        raise Misuse(f"sprites: expected a size of 16, 32 or 64 pixels, got {size!r}")
    x = Sprites(size, sizes)
    values = x.factors(np.arange(len(x)))
    notes = ["rendered on demand; squares look the same after 90 degrees, ellipses after 180, and stay in one part of the split"]
    if sizes != FULL:
        notes.append("a thinner grid than dSprites, for laptops; the whole one: sprites:size=64,orientations=40,xs=32,ys=32")
    source = Source(
        "sprites", Array((1, size, size), 256), x, Labels(values[:, 1], SHAPES[:shapes]), Factors(NAMES, sizes, values), notes=tuple(notes)
    )
    return Found(source)
