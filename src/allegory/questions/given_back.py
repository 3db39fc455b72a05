"""Observations as methods see and give them, for questions about decoders, samplers and densities: float32, images in [-1, 1], tables
standardised; flat where a measure wants vectors."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Array, Problem, Tree, tree
from allegory.data.intake import Intake, Pixels
from allegory.questions.encoders import raw_input
from allegory.questions.features import Features
from allegory.representation import Representation, at_rest


@dataclass(frozen=True, eq=False)
class Terms:
    """In what terms the method speaks: its model, and the spec of what it sees."""

    rep: Representation

    @staticmethod
    def of(features: Features) -> "Terms":
        """Those of the method's first training seed. Raises `Problem` when there is none."""
        first = next(iter(features.sets[None].subjects(None)))
        if first.rep is None:
            raise Problem("these are codes without a model; ask it of a representation")
        return Terms(first.rep)

    @property
    def intake(self) -> Intake:
        return self.rep.intake

    @property
    def levels(self) -> int | None:
        """How many levels the numbers of the data have; None when they are continuous, or of several kinds."""
        spec = self.rep.spec
        return spec.levels if isinstance(spec, Array) and spec.is_image else None

    @property
    def step(self) -> float:
        """The distance of two neighbouring levels as the method sees them."""
        assert self.levels is not None, "asked of levels only"
        return 2.0 / (self.levels - 1)

    @property
    def scale(self) -> float:
        """How many stored units make one of the method's: for images; 1 for standardised columns, whose units differ."""
        rules = list(self.intake.rules.values())
        return (rules[0].high - rules[0].low) / 2.0 if len(rules) == 1 and isinstance(rules[0], Pixels) else 1.0

    def seen(self, features: Features, index: Int[Tensor, " q"], holes: bool = False) -> Tree:
        """What the method sees of these items, on the CPU; what is missing is 0, or NaN with `holes`."""
        device = self.rep.device
        with at_rest(self.intake):
            x = tree.to(self.intake(tree.to(features.stored(index), device), holes=True), "cpu", torch.float32)
        return x if holes else tree.map(lambda leaf: leaf.masked_fill(leaf.isnan(), 0.0), x)

    def vectors(self, x: Tree) -> Float[Tensor, "n d"]:
        """Observations as methods see or give them, on the levels of the data where these have some, as vectors; images of more than
        3072 numbers are averaged down."""
        return raw_input(tree.map(self.on_levels, tree.to(x, "cpu"))).double()

    def on_levels(self, x: Float[Tensor, "n *d"]) -> Float[Tensor, "n *d"]:
        """The nearest levels, when the data have levels (and were not averaged down); else as it is."""
        spec = self.rep.spec
        if self.levels is None or not isinstance(spec, Array) or x[0].numel() != spec.size:
            return x
        return ((x.clamp(-1.0, 1.0) + 1.0) / self.step).round() * self.step - 1.0


def flat(x: Tree) -> Float[Tensor, "n d"]:
    """All numbers of each observation side by side, float64."""
    return torch.cat([leaf.flatten(1).double() for leaf in tree.leaves(tree.to(x, "cpu"))], 1)
