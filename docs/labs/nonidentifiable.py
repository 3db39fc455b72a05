"""Writes docs/labs/nonidentifiable.md and its pictures: codes that mix every factor, and that no likelihood can tell from the right ones.

python docs/labs/nonidentifiable.py     half a minute on one core; the words are in nonidentifiable.txt
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.stats import norm
from torch import Tensor

from allegory.core import files
from allegory.measures import samples
from allegory.measures.disentanglement.mig import mig
from allegory.pages import drawings, plots

HERE = Path(__file__).resolve().parent
D, WIDE, N, BINS = 4, 12, 6000, 8
DEGREES = (0, 5, 10, 15, 20, 25, 30, 35, 40, 45)
NOISE = 0.3


def rotation(degrees: float) -> Float[np.ndarray, "d d"]:
    """Turns by this angle in the planes (1, 2) and (3, 4), then in (1, 3) and (2, 4): at 45 degrees all entries are 1/2 or -1/2."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned = np.eye(D)
    for planes in (((0, 1), (2, 3)), ((0, 2), (1, 3))):
        step = np.eye(D)
        for i, j in planes:
            step[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
        turned = step @ turned
    return turned


def mixed(u: Float[np.ndarray, "n d"], turn: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "n d"]:
    """The bijection of the theorem on uniform factors: to Gaussians, turned, and back. It keeps the distribution of u."""
    return np.asarray(norm.cdf(norm.ppf(u) @ turn.T))


@dataclass(frozen=True)
class Line:
    """What is known of the codes at an angle."""

    degrees: int
    mig: float
    evidence: float
    apart: float
    moved: float


class World:
    """Independent uniform factors, observations made of them, and pairs in which one factor has changed."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.u = rng.uniform(size=(N, D))
        self.others = rng.uniform(size=(N, D))
        self.maker = rng.normal(size=(WIDE, D))
        self.noise = NOISE * rng.normal(size=(N, WIDE))
        which = rng.integers(0, D, N)
        self.partners = np.where(np.arange(D) == which[:, None], self.others, self.u)

    def at(self, degrees: int) -> Line:
        """The codes v = mixed(u), and the generative model that has them for its factors."""
        turn = rotation(degrees)
        v = mixed(self.u, turn)
        right, _ = samples.told_apart(torch.as_tensor(v), torch.as_tensor(self.others), np.random.default_rng(1))
        gap = mig(self.classes(), v, np.random.default_rng(2)).score
        change = np.abs(mixed(self.partners, turn) - v)
        moved = (change.sum(1) ** 2 / np.maximum(np.square(change).sum(1), 1e-12)).mean()
        return Line(degrees, gap, self.evidence(turn), 100.0 * float(right.mean()), float(moved))

    def classes(self) -> Int[np.ndarray, "n d"]:
        """The factors in equal bins: MIG asks for classes."""
        return np.minimum((self.u * BINS).astype(np.int64), BINS - 1)

    def evidence(self, turn: Float[np.ndarray, "d d"]) -> float:
        """Mean log p(x) in nats of the Gaussian model x = W z + noise with the factors z turned: W R' for W, exactly."""
        z = norm.ppf(self.u)
        x = torch.as_tensor(z @ self.maker.T + self.noise)
        maker = torch.as_tensor(self.maker @ turn.T)
        covariance = maker @ maker.T + NOISE**2 * torch.eye(WIDE)
        return float(gaussian(x, covariance).mean())


def gaussian(x: Float[Tensor, "n d"], covariance: Float[Tensor, "d d"]) -> Float[Tensor, " n"]:
    """log N(x; 0, covariance)."""
    distance = (x * torch.linalg.solve(covariance, x.T).T).sum(1)
    return -0.5 * (distance + torch.logdet(covariance) + len(covariance) * math.log(2 * math.pi))


def curves(lines: list[Line]) -> dict[str, str]:
    """The pictures by name."""
    across = plots.Axis(-2.0, 47.0, tuple((float(d), str(d)) for d in (0, 15, 30, 45)), "degrees of the turn")

    def series(name: str, css: str, mark: str, values: list[float]) -> plots.Series:
        return plots.Series(name, css, tuple((float(line.degrees), v) for line, v in zip(lines, values, strict=True)), mark=mark)

    gap = [series("MIG of the codes", "own", "circle", [line.mig for line in lines])]
    apart = [series("told from the true factors, percent", "raw", "square", [line.apart for line in lines])]
    moved = [series("codes that move when one factor does", "pca", "diamond", [line.moved for line in lines])]
    up = plots.Axis(0.0, 1.0, tuple((t / 5, f"{t / 5:g}") for t in range(6)))
    percent = plots.Axis(40.0, 100.0, tuple((float(t), str(t)) for t in range(40, 101, 10)))
    count = plots.Axis(0.0, float(D), tuple((float(t), str(t)) for t in range(D + 1)))
    return {
        "nonidentifiable_mig": drawings.drawing(gap, across, up, "MIG falls from near 1 to near 0 as the codes are turned by 45 degrees"),
        "nonidentifiable_apart": drawings.drawing(apart, across, percent, "A network tells turned codes from true factors at chance"),
        "nonidentifiable_pairs": drawings.drawing(moved, across, count, "One code moves at 0 degrees, between 3 and 4 at 45"),
    }


def page(lines: list[Line]) -> str:
    """The Markdown."""
    head = ["degrees", "MIG", "mean log p(x), nats", "told from true factors, %", "codes that move with one factor"]
    table = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    table += [f"| {r.degrees} | {r.mig:.2f} | {r.evidence:.6f} | {r.apart:.1f} | {r.moved:.2f} |" for r in lines]
    return (HERE / "nonidentifiable.txt").read_text().format(
        table="\n".join(table), d=D, n=f"{N:,}", first=f"{lines[0].mig:.2f}", last=f"{lines[-1].mig:.2f}",
        spread=f"{max(r.evidence for r in lines) - min(r.evidence for r in lines):.0e}",
        moved_first=f"{lines[0].moved:.1f}", moved_last=f"{lines[-1].moved:.1f}",
    )  # fmt: skip


def main() -> None:
    world = World()
    lines = [world.at(degrees) for degrees in DEGREES]
    for name, text in curves(lines).items():
        files.atomic_write(HERE / "images" / f"{name}.svg", text)
    files.atomic_write(HERE / "nonidentifiable.md", page(lines))


if __name__ == "__main__":
    main()
