"""Has the code the holes that the data have? Pieces and loops that last, in the code and in the data (persistent homology, H0 and H1).

An object seen from all sides lies on a circle, and a code that lays it on a line has torn it somewhere. `measures.homology` finds at
which distance loops appear and at which they are filled; the ratio of the two says how much of a hole there is (1: none), at any scale.
A loop stands out when its ratio, less its uncertainty, exceeds the largest of clouds without holes: normal ones with the same number of
items, and the same covariance or the same intrinsic dimension (TwoNN). A piece stands out when its distance to the rest, over the median
step between landmarks, exceeds theirs.

Landmarks are few, so small loops are not seen, and noise as wide as the hole fills it. Nothing said of loops is nothing proven: "none
stands out" is not "there is none".
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float

from allegory.core import Paper
from allegory.data import Part
from allegory.measures import dimension, homology, neighbours
from allegory.questions import intervals, items
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Picture, Points, Series
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

HALVES = 8
TITLE = "Ripser: efficient computation of Vietoris-Rips persistence barcodes"


@dataclass(frozen=True)
class Shape:
    """What lasts in a cloud: the largest ratio of death to birth of a loop, all ratios, and the steps of pieces over the median one."""

    loops: np.ndarray
    steps: np.ndarray

    @staticmethod
    def of(z: Float[np.ndarray, "n d"], landmarks: int) -> "Shape":
        """Of the landmarks of a cloud."""
        pieces, loops = homology.bars(z[homology.landmarks(z, landmarks)])
        if not len(pieces):
            return Shape(np.zeros(0), np.zeros(0))
        return Shape(loops[:, 1] / loops[:, 0], pieces[:, 1] / np.median(pieces[:, 1]))

    @property
    def longest(self) -> float:
        """1 without any loop."""
        return float(self.loops.max(initial=1.0))


@final
@dataclass(frozen=True)
class PersistentHomology(items.OnItems):
    """Of `landmarks` far from each other among at most `most` training items; `clouds` without holes to compare with."""

    most: int = 1000
    landmarks: int = 100
    clouds: int = 19

    part: ClassVar[Part] = "train"
    fewest: ClassVar[int] = 64
    card: ClassVar[QuestionCard] = QuestionCard(
        name="persistent_homology", asks="Has the code the holes that the data have?", needs=(), better="depends",
        bounds=(0.0, float("inf")), beside=("raw input", "pca", "untrained"),
        paper=Paper("Bauer", TITLE, 2021, "https://arxiv.org/abs/1908.02518", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"Vietoris-Rips over Z/2 of {self.landmarks} max-min landmarks of at most {self.most} training items; against {self.clouds} "
            "normal clouds of the same covariance or intrinsic dimension"
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        z = subject.z[self.rows(features)].numpy().astype(np.float64)
        if len(np.unique(z, axis=0)) < 8:
            return items.unanswered(subject, "fewer than 8 of the codes differ; they have no shape")
        plain = [Shape.of(cloud, self.landmarks) for cloud in self.without_holes(z, features.seed)]
        ratio, step = max(s.longest for s in plain), max(s.steps.max() for s in plain)
        longest = items.halving(lambda rows: Shape.of(z[rows.numpy()], self.landmarks).longest, len(z), features.seed, HALVES)
        unsure = longest.value - longest.interval()[0]
        shape = Shape.of(z, self.landmarks)
        counts = {"loops": (shape.loops - unsure > ratio).sum(), "pieces": 1 + (shape.steps > step).sum(), "longest_by_chance": ratio}
        return {name: _fixed(float(n)) for name, n in counts.items()} | {"longest_loop": longest}

    def without_holes(self, z: Float[np.ndarray, "n d"], seed: int) -> list[Float[np.ndarray, "n _"]]:
        """Normal clouds in their principal axes: by turns with the covariance of z, and with as many equal axes as z has dimensions.

        Sampled surfaces have larger gaps than sampled solids, so a surface that fills many axes needs the second kind beside the first.
        """
        spread = np.linalg.svd(z - z.mean(0), compute_uv=False)
        distances, _ = neighbours.nearest(neighbours.distinct(torch.as_tensor(z)), 2)
        near = dimension.two_nn(distances[distances[:, 0] > 0])
        flat = np.ones(max(1, round(near)) if near < len(spread) else len(spread))
        rng = np.random.default_rng([seed, 41])
        axes = [flat if i % 2 else spread for i in range(self.clouds)]
        return [rng.standard_normal((len(z), len(scale))) * scale for scale in axes]

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        rows = self.rows(features).numpy()
        clouds = {"the code": subject.z}
        if raw := features.sets.get("raw input"):
            clouds["the data"] = raw.seeds[0]
        series = []
        for name, codes in clouds.items():
            z = codes.numpy()[rows].astype(np.float64)
            _, loops = homology.bars(z[homology.landmarks(z, self.landmarks)])
            scale = max(loops.max(initial=0.0), 1e-12)
            series.append(Series(name, tuple((loops[:, 0] / scale).tolist()), tuple((loops[:, 1] / scale).tolist())))
        title = "Loops: where they appear and where they are filled, over the largest distance of each"
        return (Points(title, "appears", "is filled", tuple(series), diagonal=True),)

    def words(self, scores: Scores) -> str:
        own, data, length = scores.get("loops"), scores.get("loops", "raw input"), scores.get("longest_loop")
        if own is None or length is None:
            return ""
        chance = scores.get("longest_by_chance")
        first = f"{_said('The code', own.value)} ({length.value:.2f} times as wide when filled as when it appears"
        first += f"; {chance.value:.2f} comes about by chance)." if chance else ")."
        if data is None:
            return first
        return f"{_said('The data', data.value)}. {first} {_verdict(round(data.value), round(own.value))}"


def _fixed(value: float) -> Evidence:
    """A count or a threshold, which has no interval of its own."""
    return Evidence(np.array([value]), np.full(intervals.REPLICATES, value))


def _said(what: str, loops: float) -> str:
    n = round(loops)
    return (
        f"{what} {'have' if what == 'The data' else 'has'} {'no loop that stands out' if not n else 'a loop' if n == 1 else f'{n} loops'}"
    )


def _verdict(data: int, code: int) -> str:
    if data == code:
        return "They agree." if data else "So there is no hole to keep or to lose."
    return "The code has closed or torn what was round." if code < data else "The code has made a hole that the data do not have."
