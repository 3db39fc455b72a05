"""Writes docs/labs/provable.md and its pictures: when does predicting one half of an observation from the other help, and when not?

python docs/labs/provable.py     two or three minutes on one core; the words are in provable.txt
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from allegory.core import files
from allegory.measures import conditional
from allegory.measures.mixtures import Mixture, ring
from allegory.pages import drawings, plots

HERE = Path(__file__).resolve().parent
EPSILONS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 4.0)
LABELS = (10, 30, 100, 300, 1000, 3000)
UNLABELLED, TESTED, DRAWS = 20_000, 10_000, 5
LABELLED = 3000


class Data:
    """Draws of a process: unlabelled pairs to learn from, labelled ones, and test items with everything that is known of them."""

    def __init__(self, process: Mixture):
        self.process = process
        self.x1, self.x2, cell = process.draw(UNLABELLED, np.random.default_rng(1))
        self.y = process.label[cell]
        self.test1, self.test2, cell = process.draw(TESTED, np.random.default_rng(2))
        self.truth = process.label[cell]
        self.posterior = process.classes(process.cells_given_x1(self.test1))

    def accuracy(self, scores: np.ndarray) -> float:
        """Percent of the test items whose class has the highest score."""
        return 100.0 * float((scores.argmax(1) == self.truth).mean())

    def ceilings(self) -> tuple[float, float]:
        """Bayes given X1 alone, and given X1 and X2."""
        both = self.process.classes(self.process.cells_given_both(self.test1, self.test2))
        return self.accuracy(self.posterior), self.accuracy(both)

    def by_labels(self, psi: Callable[[np.ndarray], np.ndarray], rows: slice = slice(0, LABELLED)) -> float:
        """The accuracy of a linear regression of the labels of some rows on psi."""
        weights = conditional.readout(psi(self.x1[rows]), conditional.one_hot(self.y[rows], 3))
        return self.accuracy(conditional.read(psi(self.test1), weights))

    def recovered(self, constant: bool = True) -> tuple[float, float]:
        """(accuracy, largest error in the posterior) of the best linear reader of the exact E[X2|X1]."""
        exact = self.process.mean_given_x1
        target = self.process.classes(self.process.cells_given_x1(self.x1))
        said = conditional.read(exact(self.test1), conditional.readout(exact(self.x1), target, constant))
        return self.accuracy(said), float(np.abs(said - self.posterior).max())

    def learned(self) -> conditional.Learned:
        """psi learned from the unlabelled pairs."""
        return conditional.conditional_mean(self.x1, self.x2, np.random.default_rng(3))


def direct_path() -> tuple[list[plots.Series], list[list[str]], dict[str, float]]:
    """What a direct path from X1 to X2 past the class costs."""
    rows = []
    for epsilon in EPSILONS:
        data = Data(ring().but(epsilon=epsilon))
        alone, both = data.ceilings()
        linear = data.by_labels(lambda x: x)
        rows.append((epsilon, data.process.dependence, data.recovered()[0], data.by_labels(data.learned()), alone, both, linear))
    columns = list(zip(*rows, strict=True))
    places = range(len(EPSILONS))
    names = (("linear on the exact E[X2|X1]", "own", "circle"), ("linear on the learned E[X2|X1]", "untrained", "triangle"),
             ("Bayes given X1", "ceiling", ""), ("Bayes given X1 and X2", "pca", ""), ("linear on X1 itself", "raw", "square"))  # fmt: skip
    series = [plots.Series(n, css, tuple(zip(places, ys, strict=True)), mark=m) for (n, css, m), ys in zip(names, columns[2:], strict=True)]
    table = [[f"{e:g}", f"{d:.2f}", *(f"{v:.1f}" for v in rest)] for e, d, *rest in rows]
    return series, table, dict(zip(("exact", "learned", "alone", "both", "linear"), rows[0][2:], strict=True))


def rank() -> tuple[list[plots.Series], list[list[str]]]:
    """What it costs when X2 has fewer numbers than there are cells."""
    rows = []
    for p in range(1, 9):
        data = Data(ring(p=8).but(p=p))
        kept = int(np.linalg.matrix_rank(data.process.A))
        rows.append((p, kept, *data.recovered(constant=False), *data.recovered(), data.ceilings()[0]))
    p, _, bare, _, constant, _, bayes = zip(*rows, strict=True)
    named = (
        ("with a constant", "own", "circle", constant),
        ("without a constant", "raw", "square", bare),
        ("Bayes given X1", "ceiling", "", bayes),
    )
    series = [plots.Series(name, css, tuple(zip(p, ys, strict=True)), mark=mark) for name, css, mark, ys in named]
    return series, [[str(r[0]), str(r[1]), f"{r[2]:.1f}", error(r[3]), f"{r[4]:.1f}", error(r[5])] for r in rows]


def few_labels() -> tuple[list[plots.Series], float]:
    """How many labels the linear reader needs, beside least squares on the same random features of X1 without the unlabelled pairs."""
    data = Data(ring())
    psi = data.learned()
    ours, theirs = [], []
    for n in LABELS:
        parts = [slice(i * n, (i + 1) * n) for i in range(min(DRAWS, UNLABELLED // n))]
        ours.append(spread([data.by_labels(psi, rows) for rows in parts]))
        theirs.append(spread([data.accuracy(supervised(data, rows)(data.test1)) for rows in parts]))
    named = (("linear on the learned E[X2|X1]", "own", "circle", ours), ("the same regression on X1, labels only", "raw", "square", theirs))
    series = [_spread_series(name, css, mark, values) for name, css, mark, values in named]
    return series, data.ceilings()[0]


def supervised(data: Data, rows: slice) -> conditional.Learned:
    """The regression of the pretext task, on labels in place of X2."""
    return conditional.conditional_mean(data.x1[rows], conditional.one_hot(data.y[rows], 3), np.random.default_rng(4))


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, least and largest."""
    return float(np.mean(values)), min(values), max(values)


def _spread_series(name: str, css: str, mark: str, values: Sequence[tuple[float, float, float]]) -> plots.Series:
    points = tuple((float(i), mean) for i, (mean, _, _) in enumerate(values))
    return plots.Series(name, css, points, tuple((low, high) for _, low, high in values), mark)


def error(value: float) -> str:
    """An error of rounding is called 0."""
    return "0" if value < 1e-9 else f"{value:.2f}"


def axes(ticks: Sequence[str], title: str, first: float = 0.0) -> tuple[plots.Axis, plots.Axis]:
    """Evenly spaced named places across, percent up."""
    across = plots.Axis(first - 0.3, first + len(ticks) - 0.7, tuple((first + i, t) for i, t in enumerate(ticks)), title)
    return across, plots.Axis(30.0, 100.0, tuple((t, f"{t:g}") for t in range(30, 101, 10)))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


def main() -> None:
    broken, told, start = direct_path()
    ranks, rank_rows = rank()
    few, bayes = few_labels()
    for name, picture in pictures(broken, ranks, few, bayes).items():
        files.atomic_write(HERE / "images" / f"{name}.svg", picture)
    whole = {
        "A": ring().A.shape, "start": {k: f"{v:.1f}" for k, v in start.items()}, "draws": DRAWS,
        "unlabelled": f"{UNLABELLED:,}", "labelled": f"{LABELLED:,}",
        "few": f"{few[0].points[1][1]:.0f}", "alone": f"{few[1].points[1][1]:.0f}",
        "direct": table(["epsilon", "epsilon_CI squared", "exact", "learned", "Bayes, X1", "Bayes, X1 and X2", "linear on X1"], told),
        "rank": table(["numbers of X2", "rank of A", "without a constant", "largest error", "with a constant", "largest error"], rank_rows),
    }  # fmt: skip
    files.atomic_write(HERE / "provable.md", (HERE / "provable.txt").read_text().format(**whole))


def pictures(broken: list[plots.Series], ranks: list[plots.Series], few: list[plots.Series], bayes: float) -> dict[str, str]:
    """The three drawings by the name of their file."""
    chance = (100.0 / 3.0, "chance")
    of_direct = axes([f"{e:g}" for e in EPSILONS], "epsilon: strength of the direct path")
    of_rank = axes([str(p) for p in range(1, 9)], "numbers of X2", 1.0)
    of_labels = axes([f"{n:,}" for n in LABELS], "labels")
    return {
        "provable_direct": drawings.drawing(broken, *of_direct, "Accuracy by strength of the direct path"),
        "provable_rank": drawings.drawing(ranks, *of_rank, "Accuracy by size of X2", rules=(chance,)),
        "provable_labels": drawings.drawing(few, *of_labels, "Accuracy by number of labels", rules=(chance, (bayes, "Bayes given X1"))),
    }


if __name__ == "__main__":
    main()
