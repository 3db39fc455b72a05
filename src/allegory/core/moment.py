"""What a loss is given and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Int
from torch import Tensor, nn

from allegory.core.dice import Dice
from allegory.core.recipe import Optim
from allegory.core.tree import Tree


@dataclass(frozen=True, eq=False)
class Moment:
    """Where learning stands: `progress` = step / all steps, in [0, 1). `dice` are those of the batch at hand."""

    step: int
    progress: float
    dice: Dice


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch. `x` is the observation, `views` what the method asked to be shown, `index` (b,) the numbers in the training part.

    `y` (b,) is None unless the card's supervision is "labels"; `pairs`, an observation that goes with each, unless it is "pairs";
    `factors` (b, f), the number of the value of each factor that has a name (-1 unknown), unless it is "factors".
    """

    x: Tree
    views: Tree
    index: Int[Tensor, " b"]
    y: Tensor | None = None
    pairs: Tree | None = None
    factors: Int[Tensor, "b f"] | None = None

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, eq=False)
class Loss:
    """`total` (scalar) is descended, in the unit of the card; `terms` (scalars) are reported; `memo` is a tree of (b, ...)."""

    total: Tensor
    terms: Mapping[str, Tensor] = field(default_factory=dict)
    memo: Any = None


@dataclass(frozen=True, eq=False)
class Player:
    """Some modules and the loss that moves them, and only them.

    `turns`: how many updates a step, each on its own batch. `optim`: settings that go before the recipe's.
    `additive`: the loss is a mean over examples without batch statistics, so that micro-batches are exact.
    `embed`, `loss_of`: for a loss that compares the examples of a batch, `loss(batch, now) = loss_of(embed(batch, now), batch, now)`,
    where `embed` gives a tree of (b, ...) row by row. Large batches then pass through the nets in pieces (`train.caching`), exactly
    where the nets keep no batch statistics. `Player.comparing` makes such a player.
    """

    name: str
    modules: Sequence[nn.Module]
    loss: Callable[[Batch, Moment], Loss]
    turns: int = 1
    optim: Optim | None = None
    additive: bool = False
    embed: Callable[[Batch, Moment], Tree] | None = None
    loss_of: Callable[[Any, Batch, Moment], Loss] | None = None

    @staticmethod
    def comparing(
        name: str, modules: Sequence[nn.Module], embed: Callable[[Batch, Moment], Tree], loss_of: Callable[[Any, Batch, Moment], Loss],
        turns: int = 1, optim: Optim | None = None,
    ) -> "Player":  # fmt: skip
        """A player whose loss compares the examples of a batch by what `embed` makes of each."""

        def loss(batch: Batch, now: Moment) -> Loss:
            return loss_of(embed(batch, now), batch, now)

        return Player(name, modules, loss, turns, optim, False, embed, loss_of)

    @property
    def parameters(self) -> list[tuple[str, nn.Parameter]]:
        """The (name, parameter) pairs that this player moves, each once, in a fixed order."""
        seen: dict[int, tuple[str, nn.Parameter]] = {}
        for i, module in enumerate(self.modules):
            for name, p in module.named_parameters():
                if p.requires_grad:
                    seen.setdefault(id(p), (f"{i}.{name}", p))
        return list(seen.values())
