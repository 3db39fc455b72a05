"""Whole policies: what to show by default, and RandAugment."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from torch import Tensor

from allegory.core import Array, Dice, Parts, Problem, Spec
from allegory.views.blur import Blur, Sharpness
from allegory.views.colour import ColourJitter, Grey
from allegory.views.combine import Compose, OneOf, Part, Sometimes
from allegory.views.geometry import Affine, Flip, ResizedCrop
from allegory.views.noise import Drop, Noise
from allegory.views.tone import AutoContrast, Equalize, Posterize, Solarize
from allegory.views.view import Identity, View

SMALL = 32


def augment(spec: Spec, mirror: bool = False) -> View:
    """The default view of one observation of `spec`; `mirror` says that a left-right flip keeps its meaning.

    Small images that are not coloured (digits, letters): affine, light and noise. Other images: SimCLR's crop, flip, colour and
    grey, and blur where it can be seen. Vectors, which the intake standardises: noise and dropped features. Parts: each its own.
    """
    if isinstance(spec, Parts):
        return Compose(tuple(Part(name, augment(part, mirror)) for name, part in spec.parts))
    if not isinstance(spec, Array):
        raise Problem(f"no default views for {type(spec).__name__} observations yet; set the method's views")
    if not spec.is_image:
        return Compose((Noise(0.1), Drop(0.3)))
    channels, *sides = spec.shape
    flip = (Flip(),) if mirror else ()
    if channels != 3 and max(sides) <= SMALL:
        light = ColourJitter(brightness=0.2, contrast=0.2, saturation=0, hue=0)
        return Compose((Affine(rotation=20, scale=0.25, shift=(0.1, 0.1), shear=(0.2, 0.2)), *flip, light, Noise(0.1)))
    blur = (Sometimes(Blur(), 0.5),) if min(sides) > SMALL else ()
    return Compose((ResizedCrop(), *flip, ColourJitter(), Grey(), *blur))


def mild(spec: Spec, mirror: bool = False) -> View:
    """What a network that learns from labels is shown: images shifted by up to a tenth, mirrored where `mirror` says that this keeps their
    meaning; vectors with a little noise; of anything else the default view.

    The default view makes two images of a thing look unlike each other, which is too much here: with labels it costs accuracy.
    """
    if isinstance(spec, Parts):
        return Compose(tuple(Part(name, mild(part, mirror)) for name, part in spec.parts))
    if not isinstance(spec, Array):
        return augment(spec, mirror)
    if not spec.is_image:
        return Noise(0.1)
    return Compose((Affine(rotation=0, scale=0, shift=(0.1, 0.1), shear=(0, 0)), *((Flip(),) if mirror else ())))


@dataclass(frozen=True)
class RandAugment(View):
    """RandAugment (Cubuk et al. 2020): `n` changes in a row, each drawn from 14, of one `magnitude` in [0, 1] with a random sign.

    A magnitude of 1 is the paper's 30; its ranges are those of torchvision.
    """

    n: int = 2
    magnitude: float = 0.3

    def draw(self, dice: Dice, shape: tuple[int, ...]) -> Any:
        return _rand_augment(self.n, self.magnitude).draw(dice, shape)

    def show(self, x: Tensor, drawn: Any) -> Tensor:
        return _rand_augment(self.n, self.magnitude).show(x, drawn)


@lru_cache(maxsize=32)
def _rand_augment(n: int, magnitude: float) -> Compose:
    """The policy in views that exist already."""
    m = magnitude
    still = Affine(rotation=0, scale=0, shift=(0, 0), shear=(0, 0), ends=True)
    plain = ColourJitter(brightness=0, contrast=0, saturation=0, hue=0, p=1, ends=True)
    moves = [
        replace(still, rotation=30 * m),
        *(replace(still, shear=shear) for shear in ((0.3 * m, 0.0), (0.0, 0.3 * m))),
        *(replace(still, shift=shift) for shift in ((0.45 * m, 0.0), (0.0, 0.45 * m))),
    ]
    colours = [replace(plain, brightness=0.9 * m), replace(plain, contrast=0.9 * m), replace(plain, saturation=0.9 * m)]
    tones = [Solarize((1 - m, 1 - m)), Posterize(8 - round(4 * m)), AutoContrast(), Equalize()]
    return Compose((OneOf((Identity(), *moves, *colours, Sharpness(0.9 * m, ends=True), *tones)),) * n)
