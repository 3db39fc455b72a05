"""Every setting of a training, resolved: flag > player's > recipe > default. What was resolved is written down."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from allegory import nets
from allegory.core import DEFAULT, Misuse, Optim, Player, Recipe, processes

Precision = Literal["float32", "bf16", "float64"]


@dataclass(frozen=True)
class Settings:
    """What a person may say about a training; None leaves it to the method's recipe. `budget` is in seconds.

    `logical_batch`: items that a loss compares, `batch` of them at once in memory (gradient caching).
    `optim` holds for every player; `optims` for some, by name (a configuration that was written down says all of them).
    """

    seed: int = 0
    steps: int | None = None
    epochs: float | None = None
    budget: float | None = None
    batch: int | None = None
    micro: int | None = None
    logical_batch: int | None = None
    optim: Optim = field(default_factory=Optim)
    optims: Mapping[str, Optim] = field(default_factory=dict)
    device: str = "auto"
    precision: Precision = "float32"
    compile: bool = False
    log_every: int | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("steps", "epochs", "budget") if getattr(self, name) is not None]
        if len(given) > 1:
            raise Misuse(f"expected one of steps, epochs and budget, got {' and '.join(given)}; keep one")
        for name in ("steps", "epochs", "budget", "batch", "micro", "logical_batch", "log_every"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise Misuse(f"{name} must be above 0, got {value}")


@dataclass(frozen=True)
class Plan:
    """A training, fully said. `batch` counts the items of all processes together."""

    seed: int
    steps: int
    batch: int
    micro: int
    optims: dict[str, Optim]
    device: str
    precision: Precision
    compile: bool
    log_every: int

    @property
    def own(self) -> int:
        """How many items of a batch this process learns from."""
        return self.batch // processes()


def resolve(settings: Settings, recipe: Recipe, players: list[Player], n: int, device: str) -> Plan:
    """The plan for `n` training items. A batch larger than the data becomes the data; steps scale with nothing but what is said."""
    at_once = settings.batch or recipe.batch
    batch = min(settings.logical_batch or at_once, n)
    batch -= batch % processes()
    if batch < 2 * processes():
        raise Misuse(f"a batch of {batch} is too small: every process needs at least 2 items; raise --batch or bring more than {n} items")
    steps = settings.steps or (math.ceil(settings.epochs * max(1, n // batch)) if settings.epochs else recipe.steps)
    micro = min(settings.micro or at_once, batch)
    if micro < batch and (reasons := [f"{p.name}: {why}" for p in players if (why := why_not_in_pieces(p))]):
        raise Misuse(f"pieces of {micro} would change the loss of a batch of {batch} ({'; '.join(reasons)})")
    said = {p.name: settings.optim.over(settings.optims.get(p.name)) for p in players}
    optims = {p.name: said[p.name].over(p.optim).over(recipe.optim).over(DEFAULT) for p in players}
    log_every = settings.log_every or max(1, min(50, steps // 20))
    return Plan(settings.seed, steps, batch, micro, optims, device, settings.precision, settings.compile, log_every)


def why_not_in_pieces(player: Player) -> str:
    """Why the batches of a player cannot pass through its nets in pieces, and what to do; "" when they can."""
    if player.additive:
        return ""
    if any(nets.has_batch_statistics(module) for module in player.modules):
        return "its nets use batch statistics; take an --encoder without them, such as convnet-group or vit-mini, or a smaller --batch"
    return "" if player.embed else "it compares the examples of a batch and knows no gradient caching; take a smaller --batch"


def rate(optim: Optim, progress: float) -> float:
    """The learning rate at `progress` in [0, 1]: linear warm-up, then constant or a half cosine to zero."""
    assert optim.lr is not None and optim.warmup is not None
    if progress < optim.warmup:
        return optim.lr * (progress / optim.warmup)
    if optim.schedule == "constant":
        return optim.lr
    done = (progress - optim.warmup) / max(1e-12, 1.0 - optim.warmup)
    return optim.lr * 0.5 * (1.0 + math.cos(math.pi * done))
