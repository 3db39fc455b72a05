"""Two large views of an item and several small ones, which should all say the same."""

from dataclasses import dataclass
from typing import Any

from allegory.core import Array, Dice, Parts, Problem, Spec, Tree
from allegory.views.blur import Blur
from allegory.views.colour import ColourJitter, Grey
from allegory.views.combine import Compose, Part, Sometimes
from allegory.views.geometry import Flip, ResizedCrop
from allegory.views.noise import Drop, Noise
from allegory.views.policies import SMALL
from allegory.views.view import View

GLOBALS = 2
LARGE, SMALLER = ResizedCrop(area=(0.4, 1.0)), ResizedCrop(area=(0.15, 0.4))


@dataclass(frozen=True)
class MultiCrop(View):
    """A tuple of independent views of the same examples: two by `global_view`, then `locals` by `local_view` (Caron et al. 2020, 2021).

    The local views may be smaller than the global ones; `multi_crop` makes one that suits the data.
    """

    global_view: View = LARGE
    local_view: View = SMALLER
    locals: int = 4

    @property
    def views(self) -> tuple[View, ...]:
        """The view of each place of the tuple."""
        return (self.global_view,) * GLOBALS + (self.local_view,) * self.locals

    def draw(self, dice: Dice, shape: Any) -> Any:
        return tuple(view.draw(dice.split(i), shape) for i, view in enumerate(self.views))

    def show(self, x: Tree, drawn: Any) -> tuple[Tree, ...]:
        return tuple(view.show(x, of) for view, of in zip(self.views, drawn, strict=True))

    def shape(self, shape: Any) -> Any:
        return tuple(view.shape(shape) for view in self.views)


def multi_crop(
    spec: Spec, mirror: bool = False, locals: int = 4, split: float = 0.4, least: float = 0.15, smaller: bool = True
) -> MultiCrop:
    """Global and local views of observations of `spec`; `mirror` says that a left-right flip keeps its meaning.

    Images: global crops have more than the share `split` of the area, local ones a share from `least` to `split`, shown at half the
    side, or, where `smaller` is False, at the side of the image. Vectors keep their size: local views lose more of the features.
    Deviates: `least` is .05 in the papers, at 224 pixels; that is a piece of 6 x 6 pixels of a small image.
    """
    return MultiCrop(_view(spec, mirror, (split, 1.0), False, smaller), _view(spec, mirror, (least, split), True, smaller), locals)


def _view(spec: Spec, mirror: bool, area: tuple[float, float], local: bool, smaller: bool) -> View:
    if isinstance(spec, Parts):
        return Compose(tuple(Part(name, _view(part, mirror, area, local, smaller)) for name, part in spec.parts))
    if not isinstance(spec, Array):
        raise Problem(f"no default crops for {type(spec).__name__} observations yet; set the method's views")
    if not spec.is_image:
        return Compose((Noise(0.2), Drop(0.5)) if local else (Noise(0.1), Drop(0.3)))
    channels, *sides = spec.shape
    crop = ResizedCrop(area, side=-(-min(sides) // 2) if local and smaller else None)
    flip = (Flip(),) if mirror else ()
    if channels != 3 and max(sides) <= SMALL:
        light = ColourJitter(brightness=0.2, contrast=0.2, saturation=0, hue=0)
        return Compose((crop, *flip, light, Noise(0.1)))
    blur = (Sometimes(Blur(), 0.5),) if min(sides) > SMALL else ()
    return Compose((crop, *flip, ColourJitter(), Grey(), *blur))
