"""The one gateway by which image files become pixels. Whatever is wrong with an item comes out as `Bad`, with a short reason."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from stat import S_ISREG
from threading import Lock
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

MAX_BYTES = 256 << 20
MAX_PIXELS = 100_000_000
LARGE_PIXELS = 16_000_000
# A closed list: EPS would start Ghostscript, TGA has no signature and takes anything for an image.
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
GREY_MODES = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip

_one_large_at_a_time = Lock()  # the others wait: memory stays bounded however many threads decode


class Bad(Exception):
    """An item that cannot be decoded; its text is the reason."""


@dataclass(frozen=True)
class Header:
    """What the first bytes of an image say: its size in pixels once upright, and whether it is stored as grey."""

    width: int
    height: int
    grey: bool


@contextmanager
def quiet() -> Iterator[None]:
    """PIL warns about odd metadata and large images; the gateway has its own bounds. Enter it before starting threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def header(item: Path | Image.Image) -> Header:
    """The header of an image, without decoding its pixels."""
    try:
        with _file(item) as file:
            image = _opened(file)
            width, height = image.size
            turned = _orientation(image) in (5, 6, 7, 8)
            return Header(height if turned else width, width if turned else height, image.mode in GREY_MODES)
    except Exception as e:  # decoders raise anything from SyntaxError to struct.error on malformed files
        raise Bad(_reason(e)) from None


def pixels(item: Path | Image.Image, size: tuple[int, int], channels: int) -> np.ndarray:
    """(channels, h, w) uint8: upright, on white, the middle part with the proportions of `size` = (h, w), resized to it."""
    try:
        with _file(item) as file:
            image = _opened(file)
            with _one_large_at_a_time if image.width * image.height > LARGE_PIXELS else nullcontext():
                return _fitted(image, size, "L" if channels == 1 else "RGB", own=file is not item)
    except Exception as e:  # as in `header`
        raise Bad(_reason(e)) from None


def _fitted(image: Image.Image, size: tuple[int, int], mode: str, own: bool) -> np.ndarray:
    orientation = _orientation(image)
    if own and image.format in ("JPEG", "MPO"):
        image.draft(None, (2 * max(size), 2 * max(size)))  # decodes at 1/2, 1/4 or 1/8 where that is still twice the size needed
    image.load()
    image = _eight_bits(image, mode)
    if orientation in UPRIGHT:
        image = image.transpose(UPRIGHT[orientation])
    height, width = size
    scale = min(image.width / width, image.height / height)
    left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
    box = (left, top, image.width - left, image.height - top)
    image = image.resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.atleast_3d(np.asarray(image)).transpose(2, 0, 1)


def _file(item: Path | Image.Image) -> AbstractContextManager[BinaryIO | Image.Image]:
    """A regular file of at most MAX_BYTES, opened (a named pipe would wait for ever, a device never end); an image as it is."""
    if isinstance(item, Image.Image):
        return nullcontext(item)
    status = item.stat()
    if not S_ISREG(status.st_mode):
        raise Bad("not a regular file")
    if status.st_size > MAX_BYTES:
        raise Bad(f"too large: more than {MAX_BYTES >> 20} MiB")
    if not status.st_size:
        raise Bad("empty file")
    return item.open("rb")


def _opened(item: BinaryIO | Image.Image) -> Image.Image:
    """The image at its first frame, within the bounds."""
    image = item if isinstance(item, Image.Image) else Image.open(item, formats=_formats())
    if image.width * image.height > MAX_PIXELS:
        raise Bad(f"too large: more than {MAX_PIXELS // 1_000_000} million pixels")
    if min(image.size) < 1:
        raise Bad("has no pixels")
    return image


@cache
def _formats() -> tuple[str, ...]:
    """Those of FORMATS that this build of PIL reads; it looks for its plug-ins only when told to."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) when there is none or it cannot be read."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # broken metadata does not make the pixels unusable
        return 1


def _eight_bits(image: Image.Image, mode: str) -> Image.Image:
    """The image as "L" or "RGB": deep pixels scaled to 8 bits, what is transparent laid on white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        image = Image.fromarray(_scaled(np.asarray(image)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert(mode)


def _scaled(deep: np.ndarray) -> np.ndarray:
    """Grey pixels of more than 8 bits to uint8. 16-bit values over their full range; real numbers and wider integers by what they hold."""
    if not np.isfinite(deep).all():
        raise Bad("has NaN or infinite pixels")
    low, high = float(deep.min()), float(deep.max())
    if deep.dtype.kind in "iu":
        low, high = (0.0, 65535.0) if low >= 0 and high <= 65535 else (low, max(high, low + 1))
    else:
        low, high = next(((0.0, top) for top in (1.0, 255.0, 65535.0) if low >= 0 and high <= top), (low, max(high, low + 1)))
    return np.rint((deep.astype(np.float32) - low) * (255.0 / (high - low))).astype(np.uint8)


def _reason(e: Exception) -> str:
    """One short line, without the address of an object or the path (which the item's id already says)."""
    if isinstance(e, Bad):
        return str(e)
    if isinstance(e, UnidentifiedImageError):
        return "not an image"
    if isinstance(e, Image.DecompressionBombError):
        return f"too large: more than {MAX_PIXELS // 1_000_000} million pixels"
    if isinstance(e, FileNotFoundError):
        return "no such file (a broken link?)"
    if isinstance(e, OSError) and e.strerror:
        return e.strerror.lower()
    return f"cannot be decoded: {' '.join(str(e).split())[:100] or type(e).__name__}"
