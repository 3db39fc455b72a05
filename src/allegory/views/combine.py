"""Views of views: in sequence, sometimes, one of several, twice, or of one part of an observation."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

from torch import Tensor

from allegory.core import Dice, Misuse, Tree
from allegory.views.geometry import Fused, Geometry
from allegory.views.view import View, put


@dataclass(frozen=True)
class Compose(View):
    """One view after the other. Neighbouring geometric views are resampled once, so nothing is blurred twice."""

    views: tuple[View, ...] = ()

    def draw(self, dice: Dice, shape: Any) -> Any:
        drawn = []
        for i, stage in enumerate(_stages(self.views)):
            drawn.append(stage.draw(dice.split(i), shape))
            shape = stage.shape(shape)
        return tuple(drawn)

    def show(self, x: Tree, drawn: Any) -> Tree:
        shown = x
        for stage, of in zip(_stages(self.views), drawn, strict=True):
            shown = (stage.show if shown is x else stage.show_)(shown, of)
        return shown

    def show_(self, x: Tree, drawn: Any) -> Tree:
        for stage, of in zip(_stages(self.views), drawn, strict=True):
            x = stage.show_(x, of)
        return x

    def shape(self, shape: Any) -> Any:
        for view in self.views:
            shape = view.shape(shape)
        return shape


@lru_cache(maxsize=256)
def _stages(views: tuple[View, ...]) -> tuple[View, ...]:
    """`views` with every run of geometric ones made one."""
    stages: list[View] = []
    for geometric, group in groupby(views, key=lambda view: isinstance(view, Geometry)):
        run = tuple(group)
        stages += [Fused(run)] if geometric and len(run) > 1 else run  # type: ignore[arg-type]
    return tuple(stages)


@dataclass(frozen=True)
class Sometimes(View):
    """`view` with probability `p` for each example, else the example itself. `view` must keep the shape."""

    view: View
    p: float = 0.5

    def draw(self, dice: Dice, shape: Any) -> Any:
        _keeps_shape(self.view, shape)
        return dice.chance("sometimes", self.p), self.view.draw(dice.split("view"), shape)

    def show(self, x: Tensor, drawn: Any) -> Tensor:
        chosen, of = drawn
        return put(x, chosen, self.view.show, of)


@dataclass(frozen=True)
class OneOf(View):
    """One of `views` for each example, each as likely as the others. All must keep the shape."""

    views: tuple[View, ...]

    def draw(self, dice: Dice, shape: Any) -> Any:
        for view in self.views:
            _keeps_shape(view, shape)
        return dice.integers("which", len(self.views)), tuple(view.draw(dice.split(i), shape) for i, view in enumerate(self.views))

    def show(self, x: Tensor, drawn: Any) -> Tensor:
        which, draws = drawn
        shown = x
        for i, view in enumerate(self.views):
            shown = put(shown, which == i, view.show, draws[i])
        return shown


@dataclass(frozen=True)
class Pair(View):
    """Two independent views of the same examples: a tuple of interchangeable views."""

    view: View

    def draw(self, dice: Dice, shape: Any) -> Any:
        return self.view.draw(dice.split(0), shape), self.view.draw(dice.split(1), shape)

    def show(self, x: Tree, drawn: Any) -> tuple[Tree, Tree]:
        return self.view.show(x, drawn[0]), self.view.show(x, drawn[1])

    def shape(self, shape: Any) -> Any:
        return self.view.shape(shape), self.view.shape(shape)


@dataclass(frozen=True)
class Part(View):
    """`view` of the part called `name` of a `Parts` observation; the other parts stay as they are."""

    name: str
    view: View

    def draw(self, dice: Dice, shape: Any) -> Any:
        if not isinstance(shape, dict) or self.name not in shape:
            has = f"parts {sorted(shape)}" if isinstance(shape, dict) else "no parts"
            raise Misuse(f"a view of the part {self.name!r} got an observation with {has}; name one of its parts, or leave Part out")
        return self.view.draw(dice.split(self.name), shape[self.name])

    def show(self, x: Tree, drawn: Any) -> Tree:
        return {**x, self.name: self.view.show(x[self.name], drawn)}

    def shape(self, shape: Any) -> Any:
        return {**shape, self.name: self.view.shape(shape[self.name])}


def _keeps_shape(view: View, shape: Any) -> None:
    """What is shown for some examples must be able to stand beside the others."""
    after = view.shape(shape)
    if after != shape:
        raise Misuse(f"{type(view).__name__} makes {tuple(after)} of {tuple(shape)}, so it cannot be shown for some examples only")
