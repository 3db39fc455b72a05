"""A loss or gradient that is not finite stops learning, and nothing is updated by it.

On the CPU every turn is looked at. An accelerator would have to be waited for, and would run dry: there the turns that follow the
first fault move no parameter, on the device itself, and the host looks every so often, at least every `plan.log_every` steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from allegory.core import Loss, Misuse, Player, Problem


class NotFinite(Problem):
    """A loss or gradient became NaN or infinite. No parameter was updated by it: they are those of the step before."""


@dataclass(eq=False)
class Faults:
    """What was not finite first, kept on the device: for each of `names` whether it was at fault, and in which step."""

    names: tuple[str, ...]
    found: Tensor
    step: Tensor


class Guard:
    """Looks at every turn of every player; `lags`: on the device, and the host only when it is told to."""

    def __init__(self, lags: bool):
        self.lags = lags
        self.faults: dict[str, Faults] = {}

    def check(self, player: Player, step: int, loss: Loss, gradients: Sequence[Tensor], optimiser: torch.optim.Optimizer) -> None:
        """Raises `NotFinite` for a fault, now or (where it lags) at the next `look`; `Misuse` for a player that moves nothing.

        Where it lags, the optimiser is told by `found_inf`, 1.0 from the first fault on: a fused one then leaves all as it is.
        """
        if not gradients:
            raise Misuse(f"the player {player.name!r} has nothing to move: none of its modules has a parameter that requires a gradient")
        if not self.lags:
            # Nothing that is not finite has a finite sum; a sum that overflows only calls for the closer look.
            sums = torch.stack([g.sum() for g in gradients])
            if not bool(torch.isfinite(sums.sum() + loss.total.detach())):
                names, found = _faults(loss, gradients)
                if bool(found.any()):
                    self._raise(player.name, step, names, found)
            return
        names, found = _faults(loss, gradients)
        faults = self.faults.get(player.name)
        if faults is None:
            faults = Faults(names, found, torch.full_like(found, step, dtype=torch.int64))
        else:
            first = faults.found.any()
            faults.found = torch.where(first, faults.found, found)
            faults.step = torch.where(first, faults.step, step)
        self.faults[player.name] = faults
        optimiser.found_inf = faults.found.any().float()  # type: ignore[attr-defined]

    def look(self) -> None:
        """Waits for the device and raises `NotFinite` if anything was."""
        for name, faults in self.faults.items():
            if bool(faults.found.any()):
                self._raise(name, int(faults.step[0]), faults.names, faults.found)

    def _raise(self, player: str, step: int, names: Sequence[str], found: Tensor) -> None:
        bad = [name for name, at_fault in zip(names, found.tolist(), strict=True) if at_fault]
        terms = [name for name in bad if name not in ("total", "gradient")] or bad[:1]
        raise NotFinite(
            f"step {step + 1}: {', '.join(terms)} of {player!r} is not finite. The state of the step before is kept. "
            "Try a lower --lr, --clip 1, or --precision float32"
        )


def _faults(loss: Loss, gradients: Sequence[Tensor]) -> tuple[tuple[str, ...], Tensor]:
    """By name, whether it is not finite: every term, the total, the gradient as a whole."""
    largest = torch.stack(torch._foreach_norm(list(gradients), float("inf")))
    found = [*loss.terms.values(), loss.total]
    fine = [torch.isfinite(value.detach()).all() for value in found]
    return (*loss.terms, "total", "gradient"), ~torch.stack([*fine, torch.isfinite(largest).all()])
