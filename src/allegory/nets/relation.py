"""The Wild Relation Network (Barrett et al. 2018, arXiv:1807.04225), after Santoro et al. (2017, arXiv:1706.01427), on codes of panels."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.mlp import head

PANELS = 9


class RelationNet(nn.Module):
    """Scores each candidate for the ninth panel of a 3 x 3 matrix: f(1/9 sum over ordered pairs of panels of g(one, other)).

    A panel is its code and its place (one of nine, hot). A candidate is scored without a look at the others, so their order cannot matter.
    The 64 pairs among the eight given panels are the same for every candidate and are taken once: 166 pairs for six candidates, not 486.
    """

    places: Float[Tensor, "9 9"]

    def __init__(self, width: int, edge: Sequence[int] = (128, 128), graph: Sequence[int] = (128,)):
        """`width`: numbers of a code; `edge` and `graph`: hidden layers of g and of f, all with ReLU."""
        super().__init__()
        self.register_buffer("places", torch.eye(PANELS), persistent=False)
        self.first = nn.Linear(width + PANELS, edge[0])
        self.second = nn.Linear(width + PANELS, edge[0], bias=False)  # g's first layer on a pair: one part for each panel of it
        self.g = nn.Sequential(nn.ReLU(), head(edge, norm="none"), nn.ReLU()) if len(edge) > 1 else nn.ReLU()
        self.f = head((edge[-1], *graph, 1), norm="none")

    def forward(self, context: Float[Tensor, "b 8 z"], answers: Float[Tensor, "b k z"]) -> Float[Tensor, "b k"]:
        given = self._placed(context, self.places[:8])  # (b, 8, z + 9)
        asked = self._placed(answers, self.places[8].expand(answers.shape[1], -1))  # (b, k, z + 9)
        one, other = self.first(given), self.second(given)  # g's first layer, (b, 8, e)
        as_one, as_other = self.first(asked), self.second(asked)  # (b, k, e)
        among = self.g(one[:, :, None] + other[:, None]).sum((1, 2))  # (b, e)
        to = self.g(one[:, None] + as_other[:, :, None]).sum(2)  # (b, k, e): from the given panels to a candidate
        back = self.g(as_one[:, :, None] + other[:, None]).sum(2)
        itself = self.g(as_one + as_other)
        # The sum of 81 is divided by 9, so that the first steps are of a usual size.
        scores: Tensor = self.f((among[:, None] + to + back + itself) / PANELS)
        return scores.squeeze(2)

    @staticmethod
    def _placed(codes: Tensor, places: Tensor) -> Tensor:
        return torch.cat([codes, places.to(codes.dtype).expand(len(codes), -1, -1)], dim=2)
