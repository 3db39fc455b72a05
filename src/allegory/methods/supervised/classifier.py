r"""Learn from labels, end to end: the ceiling that representations learned without labels are compared with.

**Model.** $p(y|x)$ by a linear layer on the code of a network; the network may be that of any other method (`of`).

**Objective.** $-\log p(y|x)$ on mildly augmented items.

**Notation.** `of`: the method whose network is trained; None takes the default encoder.

**When it fails.** Few labels: it fits them and little else; look at the validation accuracy.

**Reference.** R. A. Fisher, The use of multiple measurements in taxonomic problems, 1936, for the linear case.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allegory import nets, views
from allegory.core import (
    Batch,
    Card,
    Claim,
    CodeKind,
    Loss,
    Method,
    Misuse,
    Moment,
    Optim,
    Paper,
    Player,
    Recipe,
    Solved,
    Spec,
    Trained,
    Views,
    batch_mean,
)


class ClassifierNet(nn.Module):
    """A network that gives codes, and a linear layer to the classes."""

    def __init__(self, inner: nn.Module, width: int, classes: int):
        super().__init__()
        self.inner = inner
        self.top = nn.Linear(width, classes)


@final
@dataclass(frozen=True)
class Classifier(Trained[ClassifierNet]):
    """Supervised classification (Fisher 1936 for the linear case): minimises the cross-entropy of the labels, in nats.

    of: a trained method whose network and code are used (differentiable `encode`). encoder: name of the net that is used without `of`.
    classes: how many; None follows the data.
    """

    of: Method[Any] | None = None
    encoder: str = "default"
    classes: int | None = None

    recipe: ClassVar[Recipe] = Recipe(steps=300, batch=128, optim=Optim(lr=2e-3))
    card: ClassVar[Card] = Card(
        family="supervised",
        title="Classifier",
        paper=Paper("Fisher", "The use of multiple measurements in taxonomic problems", 1936,
                    "https://doi.org/10.1111/j.1469-1809.1936.tb02137.x", "the linear case"),
        density="not modelled", manifold="Euclidean space", principle="prediction of a hidden property",
        modelled=r"p(y|x)", minimised=r"-\log p(y|x)", unit="nats per example",
        buys="What labels can buy: the ceiling.", costs="Needs a label for every item.",
        fails="With few labels it remembers them; look at the validation accuracy.",
        supervision="labels", code=CodeKind(), tiny={}, falls="classifier/cross_entropy",
        laws=("order of examples",),
        claims=(Claim("linear_probe", "accuracy", "digits", 0.98, {}, seeds=3),),
    )  # fmt: skip

    def resolved(self, spec: Spec, source: Any) -> Self:
        if isinstance(self.of, Solved):
            raise Misuse(f"Classifier(of=...) needs a network that is trained; {type(self.of).__name__} is solved. Leave `of` out")
        filled = super().resolved(spec, source)
        if self.classes is None and source.labels is not None:
            filled = dataclasses.replace(filled, classes=len(source.labels.names))
        return filled if self.of is None else dataclasses.replace(filled, of=self.of.resolved(spec, source))

    @property
    def reads_holes(self) -> bool:
        return self.of is not None and self.of.reads_holes

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.mild(spec, source.mirror)

    def build(self, spec: Spec, n: int) -> ClassifierNet:
        if self.of is None:
            body = nets.encoder(self.encoder, spec)
            return ClassifierNet(body, body.out, self.classes or 2)
        inner = self.of.build(spec, n)
        return ClassifierNet(inner, width_of_code(self.of, inner, spec), self.classes or 2)

    def players(self, net: ClassifierNet) -> Sequence[Player]:
        return [Player("classifier", (net,), partial(self._loss, net), additive=not nets.has_batch_statistics(net))]

    def _loss(self, net: ClassifierNet, batch: Batch, now: Moment) -> Loss:
        del now
        assert batch.y is not None, "the card says labels"
        logits = net.top(self.encode(net, batch.views))
        loss = batch_mean(F.cross_entropy(logits, batch.y, reduction="none"))
        right = batch_mean((logits.argmax(1) == batch.y).to(logits.dtype))
        return Loss(loss, {"cross_entropy": loss, "accuracy": right})

    def encode(self, net: ClassifierNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.inner(x) if self.of is None else self.of.encode(net.inner, x)  # type: ignore[attr-defined]
        return h

    def predict(self, net: ClassifierNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b k"]:
        return F.softmax(net.top(self.encode(net, x)), dim=1)


def width_of_code(method: Method[Any], net: nn.Module, spec: Any) -> int:
    """The size of a method's code, by encoding two empty observations in eval mode."""
    was = net.training
    with torch.no_grad():
        z: Tensor = method.encode(net.eval(), torch.zeros(2, *spec.shape))  # type: ignore[attr-defined]
    net.train(was)
    return z.shape[1]
