"""A network that goes on learning, from labels, from whatever weights it has."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from allegory import train, views
from allegory.core import Optim, fenced
from allegory.data import Items, Source
from allegory.methods.supervised.classifier import Classifier, ClassifierNet
from allegory.questions.encoders import Seeing
from allegory.representation import Representation
from allegory.train.plan import Precision, resolve


@dataclass(frozen=True)
class How:
    """`steps` of `batch` items at a learning rate that falls from `rate`."""

    steps: int
    rate: float = 1e-3
    batch: int = 128


def fine_tuned(
    rep: Representation, width: int, source: Source, index: Int[np.ndarray, " n"], y: Int[Tensor, " n"], how: How, seed: int
) -> Seeing:
    """What gives class probabilities of stored observations after all weights of `rep`, and a new linear layer on its code of `width`
    numbers, learned from the items at `index` of classes `y`, in the default views of such data. `rep` is left as it is.

    Raises `NotFinite` when learning diverges.
    """
    assert source.labels is not None, "there are labels to learn from"
    classes = len(source.labels.names)
    method = Classifier(of=rep.method, classes=classes, views=views.augment(rep.spec, source.mirror))
    with fenced(seed):
        net = ClassifierNet(copy.deepcopy(rep.net), width, classes).to(rep.device, rep.dtype)
    items = Items(source, rep.intake, index, rep.device)
    precision: Precision = "float64" if rep.dtype == torch.float64 else "float32"
    settings = train.Settings(seed, how.steps, batch=min(how.batch, len(index)), optim=Optim(lr=how.rate), precision=precision)
    plan = resolve(settings, method.recipe, list(method.players(net)), len(index), str(rep.device))
    for _ in train.steps(train.Learner(method, net, items, plan, y.to(rep.device))):
        pass
    return Seeing(lambda x: method.predict(net, x), rep.intake, None, (net,), rep.device, rep.dtype)
