"""Fine-tuning: the network goes on learning from labels, from its learned weights, with a linear layer that starts at the linear head.

Linear probing first and fine-tuning then (Kumar et al. 2022, section 3.4, LP-FT) leaves the learned features less distorted than a
random layer does; the learning rates that are tried are a half and a tenth of what a new network gets. Items are shown with the mild
augmentation of the supervised ceiling, which keeps classes; numbers may be about what it changes (light, size), so then as they are.
"""

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allegory import nets, views
from allegory.adapting.heads import Linear
from allegory.adapting.target import Kind, Task
from allegory.core import Batch, Card, Loss, Method, Moment, Optim, Player, Recipe, Solved, Spec, Trained, batch_mean, fenced, tree
from allegory.data import Items, Source
from allegory.methods.supervised.classifier import Classifier, ClassifierNet, width_of_code
from allegory.representation import Representation
from allegory.train import Learner, Plan, Settings, steps
from allegory.train.plan import Precision, resolve

RATES = (2e-4, 1e-3)
EPOCHS, LEAST_STEPS, MOST_STEPS = 30, 60, 300
FEWEST = 8  # labelled items


@final
@dataclass(frozen=True)
class Teller(Trained[ClassifierNet]):
    """A network of another method, trained to tell several labels at once (cross-entropy of each known one, in nats) or a number (half
    the squared error). Not in the registry: `Classifier` is its sibling there.

    of: the method whose network and code are used. kind: what is told. outputs: how many labels, or 1.
    """

    of: Method[Any]
    kind: Kind = "continuous"
    outputs: int = 1

    recipe: ClassVar[Recipe] = Classifier.recipe
    card: ClassVar[Card] = dataclasses.replace(
        Classifier.card, title="Teller", modelled="p(y|x)", minimised=r"-\log p(y|x)", falls="teller/loss", claims=()
    )

    def build(self, spec: Spec, n: int) -> ClassifierNet:
        inner = self.of.build(spec, n)
        return ClassifierNet(inner, width_of_code(self.of, inner, spec), self.outputs)

    def players(self, net: ClassifierNet) -> Sequence[Player]:
        return [Player("teller", (net,), partial(self._loss, net), additive=not nets.has_batch_statistics(net))]

    def _loss(self, net: ClassifierNet, batch: Batch, now: Moment) -> Loss:
        del now
        assert batch.y is not None, "the card says labels"
        told, y = net.top(self.encode(net, batch.views)), batch.y.to(net.top.weight.dtype)
        if self.kind == "continuous":
            loss = batch_mean(0.5 * (told[:, 0] - y).square())
        else:
            each = F.binary_cross_entropy_with_logits(told, y.clamp_min(0), reduction="none")
            loss = batch_mean((each * (y >= 0)).sum(1))
        return Loss(loss, {"loss": loss})

    def encode(self, net: ClassifierNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = self.of.encode(net.inner, x)  # type: ignore[attr-defined]
        return h


def why_not(rep: Representation, source: Source, items: int) -> str:
    """Why the network cannot be fine-tuned; "" when it can."""
    if isinstance(rep.method, Solved):
        return f"{type(rep.method).__name__} is solved, so it has no network to tune"
    if items < FEWEST:
        return f"{items} labelled items are too few (of {FEWEST})"
    x = tree.to(rep.intake(tree.to(source.take(slice(0, 2)), rep.device)), rep.device, rep.dtype)
    with torch.enable_grad():
        z: Tensor = rep.method.encode(rep.net.eval(), x)  # type: ignore[attr-defined]
    return "" if z.requires_grad else f"no gradient reaches the code of {type(rep.method).__name__}"


def tuned(
    rep: Representation, source: Source, index: Any, y: Tensor, task: Task, start: Linear, rate: float = RATES[0], seed: int = 0
) -> tuple[Representation, Linear]:
    """The representation after learning from the items at `index` with the values `y`, and the head that reads its codes.

    `rep` and its network are left as they are. Raises `NotFinite` when learning diverges.
    """
    shift, spread = (float(y.mean()), float(y.std()) or 1.0) if task.kind == "continuous" else (0.0, 1.0)
    method = _method(rep, source, task)
    with fenced(seed):
        net = ClassifierNet(copy.deepcopy(rep.net), start.shape.inputs, task.outputs).to(rep.device, rep.dtype)
    with torch.no_grad():
        net.top.weight.copy_((start.weight / spread).T)
        net.top.bias.copy_((start.bias - shift) / spread)
    items = Items(source, rep.intake, index, rep.device)
    labels = (y if task.kind != "continuous" else (y - shift) / spread).to(rep.device)
    for _ in steps(
        Learner(method, net, items, _plan(method, net, items, Settings(seed, optim=Optim(lr=rate), precision=_precision(rep))), labels)
    ):
        pass
    top = net.top.weight.detach().double().cpu().T * spread, net.top.bias.detach().double().cpu() * spread + shift
    return Representation(method, net.eval(), rep.intake, dict(rep.facts)), Linear.of(*top)


def _method(rep: Representation, source: Source, task: Task) -> Trained[Any]:
    if task.kind == "continuous":
        return Teller(rep.method, task.kind)
    shown = views.augment(rep.spec, source.mirror)
    if task.kind == "class":
        return Classifier(of=rep.method, classes=task.outputs, views=shown)
    return Teller(rep.method, task.kind, task.outputs, views=shown)


def _precision(rep: Representation) -> Precision:
    return "float64" if rep.dtype == torch.float64 else "float32"


def _plan(method: Trained[Any], net: nn.Module, items: Items, settings: Settings) -> Plan:
    """30 epochs, but at least 60 and at most 300 steps."""
    batch = min(method.recipe.batch, len(items))
    steps_ = max(LEAST_STEPS, min(MOST_STEPS, EPOCHS * len(items) // batch))
    settings = dataclasses.replace(settings, steps=steps_, batch=batch)
    return resolve(settings, method.recipe, list(method.players(net)), len(items), str(items.device))
