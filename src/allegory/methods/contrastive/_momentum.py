"""What the methods with a slow second network share: a student that learns, and a teacher that follows it and makes the keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from jaxtyping import Float
from torch import Tensor, nn

from allegory import nets, views
from allegory.core import Moment, Spec, Trained, Views, move_average


class MomentumNet(nn.Module):
    """Student, an encoder with a head, and teacher, its moving average, at rest."""

    def __init__(self, spec: Spec, encoder: str, hidden: int, out: int, depth: int):
        super().__init__()
        self.student = nets.Projected(spec, encoder, hidden, out, depth)
        self.teacher = nets.teacher_of(self.student)


N = TypeVar("N", bound=MomentumNet)


@dataclass(frozen=True)
class Momentum(Trained[N]):
    """A family with two holes, `build` and `players`.

    tau: temperature. keep: how much of itself the teacher keeps each step, after the first ones. encoder: name of a net.
    hidden, projection: widths of the head (hidden 0: as wide as the code). depth: layers of the head.
    """

    tau: float = 0.2
    keep: float = 0.99
    encoder: str = "default"
    hidden: int = 0
    projection: int = 64
    depth: int = 2

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.Pair(views.augment(spec, source.mirror))

    def after_step(self, net: N, now: Moment, memos: Mapping[str, Any]) -> None:
        del memos
        # Deviates: at first the teacher follows faster, so that a short training does not look back on the untrained net for long.
        move_average(net.teacher, net.student, min(self.keep, (1.0 + now.step) / (10.0 + now.step)))

    def encode(self, net: N, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.student.body(x)
        return h
