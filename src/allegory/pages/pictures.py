"""Observations as pictures: pixels in [-1, 1] to bytes, strips and grids as data URIs, and one bounded atlas of thumbnails."""

import base64
import copy
import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from allegory.core import Array, Parts, Spec, Tree, tree
from allegory.data import Intake

ATLAS_SIDE = 4608
ATLAS_BYTES = 5_500_000
LARGEST = 64
SMALL = 24_000


def image_part(spec: Spec) -> str | None:
    """Where the pictures of an observation are: "" for an image, the name of the first image of several parts, None without one."""
    if isinstance(spec, Array):
        return "" if spec.is_image else None
    if isinstance(spec, Parts):
        return next((name for name, part in spec.parts if isinstance(part, Array) and part.is_image), None)
    return None


def stored(intake: Intake, x: Tree) -> np.ndarray:
    """Stored observations through the intake, as pictures (n, h, w, 3) uint8."""
    with torch.no_grad():
        return seen(intake.spec, intake(tree.to(x, "cpu")))


def seen(spec: Spec, x: Tree) -> np.ndarray:
    """Observations as methods see them (float, [-1, 1]) as pictures (n, h, w, 3) uint8; what is not finite is black."""
    part = image_part(spec)
    leaf = torch.as_tensor(x[part] if part else x).float()
    pixels = torch.nan_to_num(leaf, nan=-1.0).clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    c = pixels.shape[1]
    pixels = pixels[:, :3] if c >= 3 else pixels[:, :1].expand(-1, 3, -1, -1)
    return pixels.permute(0, 2, 3, 1).numpy()


def resized(pictures: np.ndarray, side: int) -> np.ndarray:
    """Pictures (n, h, w, 3) shrunk to at most `side` on the longer edge, anti-aliased; smaller ones stay as they are."""
    n, h, w, _ = pictures.shape
    if max(h, w) <= side or n == 0:
        return pictures
    size = (max(1, round(h * side / max(h, w))), max(1, round(w * side / max(h, w))))
    x = torch.as_tensor(pictures).permute(0, 3, 1, 2).float()
    small = functional.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)
    return small.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def uri(picture: np.ndarray) -> str:
    """A picture (h, w, 3) as a data URI: PNG when that is small, else JPEG."""
    png = _encoded(picture, "PNG")
    jpeg = _encoded(picture, "JPEG", quality=88, subsampling=0) if len(png) > SMALL else png
    return _data("jpeg", jpeg) if len(jpeg) < len(png) else _data("png", png)


def _encoded(picture: np.ndarray, kind: str, **options: int) -> bytes:
    grey = bool((picture[..., 0] == picture[..., 1]).all() and (picture[..., 1] == picture[..., 2]).all())
    out = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(picture[..., 0] if grey else picture))
    if grey and kind == "JPEG":
        options.pop("subsampling", None)
    image.save(out, kind, optimize=kind == "PNG", **options)
    return out.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def grid(pictures: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Pictures (n, h, w, 3) side by side, `columns` a row, parted by `gap` grey pixels."""
    n, h, w, _ = pictures.shape
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, 3), 128, dtype=np.uint8)
    for i, picture in enumerate(pictures):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        sheet[top : top + h, left : left + w] = picture
    return sheet


@dataclass(frozen=True)
class Atlas:
    """All thumbnails in one picture: tile i lies at column i % columns, row i // columns; tiles are `tile` pixels apart."""

    uri: str
    tile: int
    columns: int
    width: int
    height: int


class Sheet:
    """The atlas while it is filled, batch by batch, so that only thumbnails are ever held."""

    def __init__(self, n: int, height: int, width: int):
        self.columns = math.ceil(math.sqrt(n))
        room = min(LARGEST, ATLAS_SIDE // self.columns)
        side = max(height, width)
        self.side = min(side, room)
        # Tiles of whole JPEG blocks: no block holds pixels of two items.
        self.tile = self.side if n * self.side**2 <= 400_000 else min(8 * math.ceil(self.side / 8), 8 * max(1, room // 8))
        self.side = min(self.side, self.tile)
        self.filled = 0
        self.shape = (0, 0)
        rows = math.ceil(n / self.columns)
        self.pixels = np.zeros((rows * self.tile, self.columns * self.tile, 3), dtype=np.uint8)

    def add(self, pictures: np.ndarray) -> None:
        """The next items' pictures (n, h, w, 3)."""
        small = resized(pictures, self.side)
        h, w = self.shape = small.shape[1:3]
        for i, picture in enumerate(small, self.filled):
            top, left = (i // self.columns) * self.tile, (i % self.columns) * self.tile
            tile = self.pixels[top : top + self.tile, left : left + self.tile]
            tile[:h, :w] = picture
            # The edge is repeated into what is left of the tile: cheaper to encode than a jump to black.
            tile[:h, w:], tile[h:] = picture[:, -1:], tile[h - 1 : h]
        self.filled += len(small)

    def atlas(self, budget: int = ATLAS_BYTES) -> Atlas:
        """The finished atlas in at most about `budget` bytes: lossless when that fits, else JPEG at the best quality that does."""
        h, w = self.shape
        if self.pixels.size <= 6_000_000:
            png = _encoded(self.pixels, "PNG")
            if len(png) <= budget // 3:
                return Atlas(_data("png", png), self.tile, self.columns, w, h)
        for quality in (82, 70, 55, 40, 25, 10):
            content = _encoded(self.pixels, "JPEG", quality=quality, subsampling=0)
            if len(content) <= budget:
                return Atlas(_data("jpeg", content), self.tile, self.columns, w, h)
        return self._halved().atlas(budget)

    def _halved(self) -> "Sheet":
        """The sheet at half its size, for what even the lowest quality cannot hold (pure noise)."""
        half = copy.copy(self)
        blocks = self.pixels.reshape(self.pixels.shape[0] // 2, 2, self.pixels.shape[1] // 2, 2, 3)
        half.pixels = blocks.mean((1, 3), dtype=np.float32).astype(np.uint8)
        half.tile, half.shape = self.tile // 2, (max(1, self.shape[0] // 2), max(1, self.shape[1] // 2))
        return half
