"""LARS: a rate of its own for every layer, for very large batches (You, Gitman and Ginsburg 2017, arXiv:1708.03888, algorithm 1).

    local = trust * |w| / (|g| + decay * |w|)
    v    <- momentum * v + lr * local * (g + decay * w)
    w    <- w - v

The rate stands inside the momentum, so a change of `lr` acts on new gradients only. SimCLR's code divides by |g + decay * w| where the
paper has the sum of the norms; at its decay of 1e-6 they are the same number. As there, local = 1 where w or g is zero.
"""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor


class LARS(torch.optim.Optimizer):
    """Groups with `adapt=False` (norm gains, biases, positions; give them `weight_decay=0`) take plain steps: local = 1.

    `found_inf`: as torch's fused optimisers have it; where it is 1, a step leaves all as it is.
    """

    found_inf: Tensor | None = None

    def __init__(
        self, params: Iterable[Any], lr: float, momentum: float = 0.9, weight_decay: float = 0.0, trust: float = 1e-3, adapt: bool = True
    ):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust, "adapt": adapt})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    self._move(w, w.grad, group)
        return loss

    def _move(self, w: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        decay = group["weight_decay"]
        state = self.state[w]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(w)
        step = g.add(w, alpha=decay)
        if group["adapt"]:
            step *= _local_rate(w, g, decay, group["trust"])
        velocity = (state["velocity"] * group["momentum"]).add_(step, alpha=group["lr"])
        moved = w - velocity
        if self.found_inf is not None:
            velocity, moved = (torch.where(self.found_inf > 0, old, new) for old, new in ((state["velocity"], velocity), (w, moved)))
        state["velocity"].copy_(velocity)
        w.copy_(moved)


def _local_rate(w: Tensor, g: Tensor, decay: float, trust: float) -> Tensor:
    size, slope = torch.linalg.vector_norm(w), torch.linalg.vector_norm(g)
    rate = trust * size / (slope + decay * size)
    return torch.where((size > 0) & (slope > 0), rate, torch.ones_like(rate))
