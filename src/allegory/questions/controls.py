"""What a representation is compared with: the raw input, PCA of the same size, features that people made by hand (images only), the same
network untrained, and a supervised ceiling.

The first three need only data; the other two need a method, so somebody else's codes are compared without them.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from jaxtyping import Float, Int
from sklearn.decomposition import PCA
from torch import Tensor

from allegory import train
from allegory.core import Recipe, Solved, fenced, nearest, tree
from allegory.data import Source
from allegory.methods.supervised.classifier import Classifier
from allegory.questions.features import CodeSet
from allegory.representation import Representation

Control = Literal["raw input", "pca", "hand-made", "untrained", "supervised"]
CONTROLS: tuple[Control, ...] = ("raw input", "pca", "hand-made", "untrained", "supervised")
OF_METHODS: tuple[Control, ...] = ("untrained", "supervised")
EPOCHS, MOST = 10, 1500


@dataclass(frozen=True)
class Ceiling:
    """How the supervised ceiling is trained: `steps` of its recipe, which bounds its time; None is as many as the recipe has or, where
    there are many items, as many as show each of them `EPOCHS` times, `MOST` at most."""

    steps: int | None = None
    batch: int | None = None

    def long_enough(self, recipe: Recipe, n: int) -> int:
        """Steps for `n` items."""
        return self.steps or max(recipe.steps, min(MOST, math.ceil(EPOCHS * n / (self.batch or recipe.batch))))


def chosen(names: tuple[str, ...] | None) -> tuple[Control, ...]:
    """The controls of these names, in the usual order; all of them for None. Raises `Misuse` for an unknown name."""
    for name in names or ():
        if name not in CONTROLS:
            raise nearest(name, list(CONTROLS), "control")
    return tuple(c for c in CONTROLS if names is None or c in names)


def untrained(rep: Representation, n: int) -> Representation:
    """The network of `rep` with the weights its training began with: the same seed, the same build."""
    with fenced(int(rep.facts.get("seed", 0))):
        net = rep.method.build(rep.spec, n)
    return Representation(rep.method, net.to(rep.device, rep.dtype), rep.intake, {"seed": rep.facts.get("seed", 0), "items": n})


def why_not_untrained(rep: Representation) -> str:
    """Why there is no untrained network to compare with; "" when there is one."""
    if isinstance(rep.method, Solved):
        return f"no untrained control: {type(rep.method).__name__} is solved, it has no network to leave untrained"
    return ""


def why_no_ceiling(source: Source, reason: str) -> str:
    """Why no ceiling is trained; `reason` is why classes cannot be probed."""
    if reason:
        return f"no supervised ceiling: {reason}"
    assert source.labels is not None, "else there is a reason"
    few = int(source.labels.known[source.part("train")].sum())
    return "" if few >= 2 * len(source.labels.names) else f"no supervised ceiling: {few} labelled training items are too few to train on"


def supervised(rep: Representation, source: Source, seed: int, how: Ceiling) -> Representation:
    """A network trained on the labels of the training part, end to end: that of the method where gradients reach its code, else the
    default one."""
    index = source.part("train")
    method = Classifier(of=rep.method if carries_gradient(rep, source, len(index)) else None)
    steps = how.long_enough(method.recipe, len(index))
    fitted = train.fit(method, source, index=index, seed=seed, device=str(rep.device), steps=steps, batch=how.batch)
    return Representation.of(fitted)


def carries_gradient(rep: Representation, source: Source, n: int) -> bool:
    """Whether labels could train the code of this method."""
    if isinstance(rep.method, (Solved, Classifier)):
        return False
    fresh = untrained(rep, n)
    stored = tree.to(source.take(slice(0, 2)), rep.device)
    with torch.enable_grad():
        z = cast(Any, fresh.method).encode(fresh.net, tree.to(rep.intake(stored), rep.device, rep.dtype))
    return bool(z.requires_grad)


def pca(raw: Float[Tensor, "n d"], fit_on: Int[Tensor, " t"], size: int) -> CodeSet:
    """Principal components of the raw input, as many as the code has numbers or as there are; one decomposition of the training part."""
    model = components(raw, fit_on, size)
    return CodeSet((project(model, raw),))


def components(raw: Float[Tensor, "n d"], fit_on: Int[Tensor, " t"], size: int) -> PCA:
    """The decomposition; the axes and not the scaling, as probes standardise and neighbours should not be whitened."""
    size = min(size, raw.shape[1], len(fit_on))
    return PCA(size, random_state=0).fit(raw[fit_on].numpy())


def project(model: PCA, raw: Float[Tensor, "n d"]) -> Float[Tensor, "n z"]:
    """Components of the raw input."""
    return torch.as_tensor(model.transform(raw.numpy())).to(torch.float32)
