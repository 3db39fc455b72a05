"""From a method and a source to a fitted net: the intake, the nets, the loop, and whatever listens to it."""

import contextlib
import dataclasses
import math
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from allegory.core import Dice, Method, Misuse, Problem, Trained, fenced, plain
from allegory.data import Intake, Items, Source, namable, pairs_of
from allegory.train import budget
from allegory.train.distribution import anyone, own
from allegory.train.learner import Learner, compiled
from allegory.train.plan import Plan, Settings, resolve
from allegory.train.steps import Tick, steps
from allegory.train.stop import Interrupted, on_request

Listener = Callable[[Learner, Tick], None]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What is left after learning. `method` is resolved (its views are said); `plan` is None for a method that was solved."""

    method: Method[Any]
    net: nn.Module
    intake: Intake
    plan: Plan | None
    facts: dict[str, Any]


def fit(
    method: Method[Any],
    source: Source,
    settings: Settings | None = None,
    *,
    index: np.ndarray | None = None,
    on_start: Callable[[Learner], None] | None = None,
    listeners: Sequence[Listener] = (),
    **said: Any,
) -> Fitted:
    """Learns `method` on the items at `index` (the training part) of `source`.

    `said` are fields of `Settings` (seed, steps, epochs, budget in seconds, batch, device ...). `on_start` gets the learner before its
    first step (to take up a checkpoint, or to write the plan down); `listeners` get every tick.
    Raises `Problem` when the data do not suit the method, `NotFinite` when learning diverges, `Interrupted` on Ctrl-C.
    """
    settings = settings or Settings(**said)
    begun = time.perf_counter()
    method, net, items = begin(method, source, settings, index)
    plan = None
    if isinstance(method, Trained):
        with memory_advice(min(settings.batch or method.recipe.batch, len(items))):
            plan = _train(learner_for(method, net, items, source, settings), settings, on_start, listeners)
    peak = peak_memory(str(items.device))
    facts: dict[str, Any] = {} if plan is None else {"steps": plan.steps, "batch": plan.batch, "optims": plain.plain(plan.optims)}
    facts |= {"items": len(items), "seconds": time.perf_counter() - begun, "peak_memory_bytes": peak, "seed": settings.seed}
    return Fitted(method, net.eval(), items.intake, plan, facts)


def begin(method: Method[Any], source: Source, settings: Settings, index: np.ndarray | None = None) -> tuple[Method[Any], nn.Module, Items]:
    """Everything before the first step: the resolved method, its net (built and prepared), and the training items on their device."""
    device = own(pick_device(settings.device))
    index = usable(method, source, source.part("train") if index is None else index)
    suits(method, source.spec, len(index))
    intake = Intake.fit(source, index, method.reads_holes)
    method = method.resolved(intake.spec, source)
    with fenced(settings.seed):
        net = method.build(intake.spec, len(index)).to(device)
    if settings.precision == "float64":
        net = net.double()
    items = Items(source, intake.to(device), index, device)
    dice = Dice.roll(settings.seed, -1, torch.empty(0, dtype=torch.int64, device=items.device), "prepare")
    with fenced(settings.seed):
        method.prepare(net, items, dice)
    return method, net, items


def learner_for(method: Trained[Any], net: nn.Module, items: Items, source: Source, settings: Settings) -> Learner:
    """What `begin` gave, with optimisers and a plan, before the first step."""
    plan = resolve(settings, method.recipe_for(items.spec), list(method.players(net)), len(items), str(items.device))
    pairs = pairs_of(source, items, method.differing) if method.card.supervision == "pairs" else None
    factors = factors_of(source, items) if method.card.supervision == "factors" else None
    return Learner(method, net, items, plan, labels_of(method, source, items), pairs, factors)


def _train(learner: Learner, settings: Settings, on_start: Callable[[Learner], None] | None, listeners: Sequence[Listener]) -> Plan:
    if settings.budget is not None:
        learner.plan = dataclasses.replace(learner.plan, steps=budget.in_steps(learner, settings.budget))
    if on_start is not None:
        on_start(learner)
    if settings.compile:
        compiled(learner.net)
    with on_request() as wish:
        for tick in steps(learner):
            for listen in listeners:
                listen(learner, tick)
            if anyone(wish.asked) and tick.step < learner.plan.steps:
                learner.guard.look()
                raise Interrupted(f"stopped after step {tick.step} of {learner.plan.steps}; everything is kept")
    return learner.plan


def usable(method: Method[Any], source: Source, index: np.ndarray) -> np.ndarray:
    """All items; for a method that learns from labels, those that have one."""
    if method.card.supervision != "labels":
        return index
    told = source.told(method.card.groups)
    if told is None:
        wanted, passed = ("labels or groups", "labels or groups") if method.card.groups else ("labels", "--labels")
        raise Problem(f"{type(method).__name__} learns from {wanted}, and {source.name} has none; pass {passed}, or choose another method")
    return index[told.known[index]]


def labels_of(method: Method[Any], source: Source, items: Items) -> torch.Tensor | None:
    """The class numbers of the items that the method may learn from, on their device; None where there are none."""
    told = source.told(method.card.groups)
    return None if told is None else torch.as_tensor(told.values[items.index], device=items.device)


def factors_of(source: Source, items: Items) -> torch.Tensor:
    """The number of the value of each factor that has a name, (n, f) on the items' device, -1 where it is unknown."""
    return torch.as_tensor(np.stack([a.values[items.index] for a in namable(source)], 1), device=items.device)


def suits(method: Method[Any], spec: Any, n: int) -> None:
    """Raises `Problem` when a method cannot read observations of `spec`."""
    kind = {True: "image", False: "vector"}.get(getattr(spec, "is_image", None), type(spec).__name__.lower())  # type: ignore[arg-type]
    name = type(method).__name__
    if kind not in method.card.specs:
        other = "al.BetaVAE for vectors" if kind == "vector" else "another method (allegory methods lists them by what they read)"
        raise Problem(f"{name} reads {' or '.join(method.card.specs)} observations; got {kind}s ({spec}). Use {other}")
    if kind == "image" and spec.holes and not method.reads_holes:
        raise Problem(f"{name} does not read images with missing pixels; leave them out with missing='drop', or use al.VAE or its kin")
    if n < 2:
        raise Problem(f"{name} needs at least 2 training items, got {n}; bring more data")


def pick_device(name: str) -> str:
    """ "auto" is the GPU when there is one."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise Misuse(f"no CUDA device is available, but --device {name} was asked for; use --device cpu")
    return name


@contextlib.contextmanager
def memory_advice(batch: int) -> Iterator[None]:
    """Turns "out of memory" within the block into one line with a batch size to try."""
    try:
        yield
    except (MemoryError, RuntimeError) as e:  # torch.OutOfMemoryError is a RuntimeError, and so is what its CPU allocator raises
        if not isinstance(e, (MemoryError, torch.OutOfMemoryError)) and "can't allocate memory" not in str(e):
            raise
        raise Problem(f"out of memory with a batch of {batch}; try --batch {max(2, batch // 2)}, or --precision bf16 on a GPU") from e


def peak_memory(device: str) -> int:
    """Bytes: of the GPU when one is used, else of the process."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def every(seconds: float) -> Callable[[], bool]:
    """True once, and again each time `seconds` have passed."""
    last = -math.inf

    def due() -> bool:
        nonlocal last
        if time.monotonic() - last < seconds:
            return False
        last = time.monotonic()
        return True

    return due
