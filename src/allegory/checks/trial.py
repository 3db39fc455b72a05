"""What every check works with: tiny data, the method at its tiny size, and nets that have learned for a few steps."""

import dataclasses
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from allegory import train
from allegory.core import Array, Method, Problem, Trained, Tree, tree
from allegory.core.recipe import Optim
from allegory.data import Intake, Items, Labels, Source
from allegory.data.hierarchy import open_tree
from allegory.representation import config
from allegory.train import Learner, Settings, fit

STEPS, FEW, BATCH, ITEMS, CLASSES = 40, 4, 32, 96, 4
RUN = ("steps", "batch")  # what a card's `tiny` may say beside fields


class Breach(Problem):
    """A promise of the contract that a method breaks: what was expected, what came, what to do."""


def expect(kept: bool, expected: str, came: Any, do: str) -> None:
    """Raises `Breach` unless `kept`."""
    if not kept:
        raise Breach(f"expected {expected}; got {came}. {do[0].upper()}{do[1:]}")


def tiny(method: type[Method[Any]] | Method[Any]) -> Method[Any]:
    """A method class at the size that its card's `tiny` says; an instance as it is."""
    if isinstance(method, Method):
        return method
    return method(**{k: v for k, v in method.card.tiny.items() if k not in RUN})


def settings(method: Method[Any], **said: Any) -> Settings:
    """Few steps on the CPU; the card's `tiny` goes first, then `said`."""
    few = {k: v for k, v in method.card.tiny.items() if k in RUN}
    said = {"steps": STEPS, "batch": BATCH, "device": "cpu", **few, **said}
    return Settings(**said)


@lru_cache
def images() -> Source:
    """96 grey images of 8 x 8 in 17 levels: one bar each, of 4 directions (the classes) and any place, width and brightness."""
    rng = np.random.default_rng(0)
    classes = np.arange(ITEMS) % CLASSES
    angle = classes * np.pi / CLASSES + rng.normal(0, 0.1, ITEMS)
    row, column = np.mgrid[:8, :8] - 3.5
    across = row[None] * np.cos(angle)[:, None, None] + column[None] * np.sin(angle)[:, None, None] - rng.uniform(-2, 2, (ITEMS, 1, 1))
    light = rng.uniform(8, 16, (ITEMS, 1, 1)) * np.exp(-((across / rng.uniform(0.7, 1.5, (ITEMS, 1, 1))) ** 2))
    x = np.clip(light + rng.uniform(0, 1, (ITEMS, 8, 8)), 0, 16).astype(np.uint8)[:, None]
    return Source("bars", Array((1, 8, 8), levels=17), x, labels=_labels(classes))


@lru_cache
def vectors() -> Source:
    """96 vectors of 6 numbers that 3 hidden numbers explain but for a little noise, in 4 classes."""
    rng = np.random.default_rng(1)
    classes = np.arange(ITEMS) % CLASSES
    hidden = rng.normal(size=(ITEMS, 3)) + 2.0 * rng.normal(size=(CLASSES, 3))[classes]
    x = np.tanh(hidden @ rng.normal(size=(3, 6))) + 0.1 * rng.normal(size=(ITEMS, 6))
    return Source("vectors", Array((6,)), x.astype(np.float32), labels=_labels(classes))


@lru_cache
def marks() -> Source:
    """A tree of 85 nodes, each seen by what it lies under, in 4 classes, its branches."""
    tree = open_tree(depth=3, branches=4).source
    assert tree.ids is not None
    return dataclasses.replace(tree, labels=_labels(np.array([int(node.split(".")[1]) if "." in node else 0 for node in tree.ids])))


def _labels(classes: np.ndarray) -> Labels:
    return Labels(classes.astype(np.int64), tuple("abcd"))


DATA = {"image": images, "marks": marks, "vector": vectors}


def data(method: Method[Any]) -> Source:
    """Tiny data that the method reads: images when it can."""
    for kind, source in DATA.items():
        if kind in method.card.specs:
            return fitting(method, source())
    raise Breach(
        f"expected a method that reads {' or '.join(DATA)} observations; got {', '.join(method.card.specs)}. Name one in card.specs"
    )


def fitting(method: Method[Any], source: Source) -> Source:
    """With pairs for a method that wants some."""
    return paired(source) if method.card.supervision == "pairs" else source


@lru_cache
def paired(source: Source) -> Source:
    """The same items; those of a class make a group, out of which pairs come."""
    assert source.labels is not None
    return dataclasses.replace(source, groups=[source.labels.names[v] for v in source.labels.values])


@dataclass(frozen=True, eq=False)
class Learned:
    """A method that has learned on tiny data: its resolved self, its net, what it saw, and every reported figure by step."""

    method: Any
    net: nn.Module
    fitted: train.Fitted
    x: Tree
    history: list[dict[str, float]]

    @property
    def codes(self) -> Tensor:
        """The codes (n, z) of all training items, from a net at rest."""
        return encode(self.method, self.net, self.x)


@lru_cache(maxsize=64)
def learned(method: Method[Any], steps: int | None = None, seed: int = 0, precision: Any = "float32") -> Learned:
    """The method after its tiny training (or `steps` of it). Kept, and shared by the checks: look, do not touch."""
    return learn_on(data(method), method, steps, seed, precision)


def learn_on(source: Source, method: Method[Any], steps: int | None = None, seed: int = 0, precision: Any = "float32") -> Learned:
    """As `learned`, on a source of one's own, and afresh."""
    said: dict[str, Any] = {"seed": seed, "precision": precision} | ({} if steps is None else {"steps": steps})
    history: list[dict[str, float]] = []
    index = np.arange(len(source))
    listen = lambda _, tick: history.append({k: float(v) for k, v in tick.terms.items()})
    fitted = fit(method, source, settings(method, **said), index=index, listeners=[listen])
    x = Items(source, fitted.intake, index).whole()
    x = tree.to(x, "cpu", torch.float64) if precision == "float64" else x
    return Learned(fitted.method, fitted.net, fitted, x, history)


def start(method: Method[Any], **said: Any) -> Learner:
    """A learner on tiny data before its first step; `said` are settings."""
    source, wanted = data(method), settings(method, **said)
    full, net, items = train.begin(method, source, wanted, np.arange(len(source)))
    assert isinstance(full, Trained)
    return train.learner_for(full, net, items, source, wanted)


def start_exactly(method: Method[Any], **said: Any) -> Learner:
    """A learner in float64 whose optimisers are linear in the gradient, so that rounding stays rounding."""
    return start(method, precision="float64", optim=Optim(name="sgd", momentum=0.0), **said)


def encode(method: Any, net: nn.Module, x: Tree) -> Tensor:
    """The codes of `x`, the net at rest."""
    net.eval()
    with torch.no_grad():
        z: Tensor = method.encode(net, x)
    return z


def tensors(net: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers of a net by name, themselves."""
    return {**dict(net.named_parameters()), **dict(net.named_buffers())}


def snapshot(net: nn.Module) -> dict[str, Tensor]:
    """Copies of all parameters and buffers by name."""
    return {name: t.detach().clone() for name, t in tensors(net).items()}


def changed(net: nn.Module, before: dict[str, Tensor]) -> set[str]:
    """The names of the tensors that are no longer as in `before`, to the bit (a NaN is as a NaN)."""
    now = tensors(net)
    return {name for name in now.keys() | before.keys() if name not in now or name not in before or not same(now[name], before[name])}


def same(a: Tensor, b: Tensor) -> bool:
    """Equal to the bit."""
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(torch.nan_to_num(a.detach()), torch.nan_to_num(b.detach()))


def distance(a: Tensor, b: Tensor, least: float = 1e-30) -> float:
    """The largest difference, relative to the largest number, or to `least` where that is larger."""
    if a.shape != b.shape:
        return float("inf")
    scale = max(float(a.abs().max()), float(b.abs().max()), least) if a.numel() else 1.0
    return float((a - b).abs().max()) / scale if a.numel() else 0.0


def listed(names: Any, most: int = 4) -> str:
    """Some names for a message."""
    names = sorted(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def resolved(method: Method[Any]) -> Method[Any]:
    """The method with every field said that follows from its tiny data."""
    source = data(method)
    return method.resolved(Intake.fit(source, np.arange(len(source))).spec, source)


def written(method: Method[Any]) -> Any:
    """What a saved representation would say of the resolved method, through JSON and back; `representation.config` reads it."""
    source = data(method)
    intake = Intake.fit(source, np.arange(len(source)))
    told = config.Config(resolved(method), intake.spec, len(source), "float32", intake.config(), {}).written()
    return json.loads(json.dumps(told))


def relabelled(source: Source) -> Source:
    """The same items, each with another's label."""
    assert source.labels is not None
    return dataclasses.replace(source, labels=Labels(np.roll(source.labels.values, 1), source.labels.names))
