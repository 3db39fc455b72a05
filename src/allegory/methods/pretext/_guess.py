"""What the puzzles with an answer share: a view that hides something, a net that names it out of finitely many, and cross-entropy."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allegory import nets, views
from allegory.core import Array, Batch, Loss, Moment, Player, Spec, Trained, batch_mean


class PuzzleNet(nn.Module):
    """An encoder and a linear answer."""

    def __init__(self, spec: Spec, encoder: str, answers: int):
        super().__init__()
        self.body = nets.encoder(encoder, spec)
        self.answer: nn.Module = nn.Linear(self.body.out, answers)

    def forward(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b k"]:
        logits: Tensor = self.answer(self.body(x))
        return logits


class PatchNet(nn.Module):
    """One encoder for all patches, whose codes are laid side by side for the answer: the context-free network of Noroozi and Favaro
    (2016), and for two patches the late fusion of Doersch et al. (2015).

    shape: that of the puzzle, (v, c, p, q).
    """

    def __init__(self, shape: tuple[int, ...], encoder: str, hidden: int, answers: int):
        super().__init__()
        self.body = nets.encoder(encoder, Array(shape[1:]))
        norm: nets.Norm = "batch" if nets.has_batch_statistics(self.body) else "group"
        self.answer: nn.Module = nets.head((shape[0] * self.body.out, hidden, answers), norm)

    def codes(self, x: Float[Tensor, "b v c p q"]) -> Float[Tensor, "b vz"]:
        """The codes of all patches, side by side in the order shown."""
        h: Tensor = self.body(x.flatten(0, 1))
        return h.reshape(len(x), -1)

    def forward(self, x: Float[Tensor, "b v c p q"]) -> Float[Tensor, "b k"]:
        logits: Tensor = self.answer(self.codes(x))
        return logits


@dataclass(frozen=True)
class Guess(Trained[Any]):
    """A family with one hole, the puzzle: `default_views` shows it, and the net that `build` makes gives logits (b, k) for its x.

    encoder: name of a net.
    """

    encoder: str = "default"

    def players(self, net: nn.Module) -> Sequence[Player]:
        return [Player("encoder", (net,), partial(self._loss, net), additive=not nets.has_batch_statistics(net))]

    def _loss(self, net: nn.Module, batch: Batch, now: Moment) -> Loss:
        del now
        puzzle: views.Puzzle = batch.views
        logits = net(puzzle.x)
        loss = batch_mean(F.cross_entropy(logits, puzzle.answer, reduction="none"))
        right = batch_mean((logits.argmax(1) == puzzle.answer).to(logits.dtype))
        return Loss(loss, {"cross_entropy": loss, "accuracy": right})
