"""Readers of growing complexity that read one thing off codes: a linear map, the nearest neighbours, boosted trees, a small network.

Each is fitted on some items, chooses its one setting by others, and answers for further ones: a score for every class, or one number. The
linear reader asks whether the codes lie ready for use; neighbours whether like is near like; trees whether single code numbers tell;
the network whether the information is there at all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor

from allegory.questions import logistic, probing, ridge

STRENGTHS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)  # of |W|^2 / 2 against the mean loss, strong to weak
KS = (1, 5, 10, 20, 50)
ROUNDS, RATE, LEAVES = 50, 0.1, 31
HIDDEN, BATCH, EPOCHS, LEARNING_RATE, DECAY, PATIENCE = 256, 128, 40, 1e-3, 1e-4, 5
QUERIES = 1024


@dataclass(frozen=True, eq=False)
class Known:
    """Standardised codes to fit on with what is known of them, and others to choose by. `y`: class numbers below `classes`, or float64
    numbers when `classes` is 0."""

    x: Float[Tensor, "n d"]
    y: Tensor
    seen: Float[Tensor, "v d"]
    seen_y: Tensor
    classes: int

    def quality(self, answer: Float[Tensor, "v k"]) -> float:
        """What a setting is chosen by: balanced accuracy, or minus the mean squared error."""
        if self.classes:
            return probing.balanced(answer.argmax(1) == self.seen_y, self.seen_y)
        return -float((answer[:, 0] - self.seen_y).square().mean())

    def best(self, each: Iterator[tuple[Tensor, Tensor]]) -> Tensor:
        """The answers of the best setting, from pairs of answers (for the items to choose by, for the others)."""
        return max(each, key=lambda pair: self.quality(pair[0]))[1]


Reader = Callable[[Known, Tensor, int], Tensor]  # known, codes (q, d) to answer for, seed -> (q, classes) scores, or (q, 1) numbers


def linear(known: Known, at: Float[Tensor, "q d"], seed: int) -> Float[Tensor, "q k"]:
    """Multinomial logistic regression, or ridge regression."""
    del seed
    if known.classes:
        path = logistic.path(known.x, known.y, known.classes, [s * len(known.x) for s in STRENGTHS], 1e-4)
        return known.best((found.logits(known.seen)[0], found.logits(at)[0]) for found in path)
    return known.best((known.seen.double() @ w + b, at.double() @ w + b) for w, b in ridge.path(known.x.double(), known.y, STRENGTHS))


def neighbours(known: Known, at: Float[Tensor, "q d"], seed: int) -> Float[Tensor, "q k"]:
    """The shares of the classes among the k nearest, or their mean; Euclidean distance of standardised codes."""
    del seed
    value = torch.nn.functional.one_hot(known.y, known.classes).double() if known.classes else known.y[:, None]
    ks = [k for k in KS if k <= len(known.x)]
    return known.best(zip(_near(known.x, value, known.seen, ks), _near(known.x, value, at, ks), strict=True))


def _near(bank: Tensor, value: Float[Tensor, "n k"], at: Tensor, ks: list[int]) -> list[Float[Tensor, "q k"]]:
    near = [torch.cdist(queries, bank).topk(max(ks), 1, largest=False).indices for queries in at.split(QUERIES)]
    values = value[torch.cat(near)] if near else value[:0, None]
    return [values[:, :k].mean(1) for k in ks]


def trees(known: Known, at: Float[Tensor, "q d"], seed: int) -> Float[Tensor, "q k"]:
    """Gradient boosting over histograms."""
    settings = {"max_iter": ROUNDS, "learning_rate": RATE, "max_leaf_nodes": LEAVES, "early_stopping": False, "random_state": seed}
    x, y, new = known.x.numpy(), known.y.numpy(), at.numpy()
    if not known.classes:
        return torch.as_tensor(HistGradientBoostingRegressor(**settings).fit(x, y).predict(new))[:, None]
    found = torch.zeros(len(at), known.classes, dtype=torch.float64)
    classes = np.unique(y)
    shares = HistGradientBoostingClassifier(**settings).fit(x, y).predict_proba(new) if len(classes) > 1 else np.ones((len(at), 1))
    found[:, classes] = torch.as_tensor(shares)
    return found


def network(known: Known, at: Float[Tensor, "q d"], seed: int) -> Float[Tensor, "q k"]:
    """One hidden layer of 256 ReLU, Adam; the epoch of the best loss on the items to choose by."""
    middle, scale = (0.0, 1.0) if known.classes else (float(known.y.mean()), float(known.y.std(correction=0)) or 1.0)
    rng = np.random.default_rng([seed, 21])
    weights = [torch.as_tensor(w, dtype=torch.float32).requires_grad_() for w in _start(known.x.shape[1], max(1, known.classes), rng)]

    def loss(x: Tensor, y: Tensor) -> Tensor:
        out = _net(weights, x)
        return torch.nn.functional.cross_entropy(out, y) if known.classes else ((y - middle) / scale - out[:, 0]).square().mean()

    _descend(weights, loss, known, rng)
    with torch.no_grad():
        return _net(weights, at.float()).double() * scale + middle


def _start(inputs: int, outputs: int, rng: np.random.Generator) -> list[np.ndarray]:
    """He initialisation of both layers."""
    first = rng.standard_normal((inputs, HIDDEN)) * np.sqrt(2.0 / inputs)
    return [first, np.zeros(HIDDEN), rng.standard_normal((HIDDEN, outputs)) * np.sqrt(1.0 / HIDDEN), np.zeros(outputs)]


def _net(weights: list[Tensor], x: Tensor) -> Tensor:
    w, b, v, c = weights
    return torch.relu(x @ w + b) @ v + c


def _descend(weights: list[Tensor], loss: Callable[[Tensor, Tensor], Tensor], known: Known, rng: np.random.Generator) -> None:
    """Leaves the weights of the best epoch; ends after some epochs without a better one."""
    x, y, seen = known.x.float(), known.y if known.classes else known.y.float(), known.seen.float()
    optimiser = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=DECAY)
    best, least, since = [w.detach().clone() for w in weights], np.inf, 0
    for _ in range(EPOCHS):
        for rows in torch.as_tensor(rng.permutation(len(x))).split(BATCH):
            with torch.enable_grad():
                step = loss(x[rows], y[rows])
            for weight, gradient in zip(weights, torch.autograd.grad(step, weights), strict=True):
                weight.grad = gradient
            optimiser.step()
        with torch.no_grad():
            now = float(loss(seen, known.seen_y if known.classes else known.seen_y.float()))
        if now < least:
            best, least, since = [w.detach().clone() for w in weights], now, 0
        elif (since := since + 1) == PATIENCE:
            break
    with torch.no_grad():
        for weight, kept in zip(weights, best, strict=True):
            weight.copy_(kept)


READERS: dict[str, Reader] = {"linear": linear, "kNN": neighbours, "trees": trees, "MLP": network}
SETTINGS = (
    f"linear: L2 strength from {STRENGTHS} times n; kNN: k from {KS}, Euclidean; trees: histogram boosting, {ROUNDS} rounds at {RATE}, "
    f"{LEAVES} leaves; MLP: {HIDDEN} hidden, AdamW {LEARNING_RATE} with decay {DECAY}, batch {BATCH}, at most {EPOCHS} epochs; "
    f"settings by validation"
)
