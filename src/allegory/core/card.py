"""A method's card: the facts by which the field can be navigated. Docs, tables, filters and tests are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Density = Literal["fully observed", "prescribed latent", "implicit latent", "energy", "not modelled"]
Manifold = Literal["stays on the data manifold", "Euclidean space", "hypersphere", "other space"]
Level = Literal["statistical", "causal", "physical"]
Approach = Literal["built-in structure", "proxy task"]
Principle = Literal[
    "compression", "prediction of the future", "prediction of masked parts", "prediction of a hidden property", "contrast",
    "clustering", "adversary", "reconstruction under noise", "imputation",
]  # fmt: skip
Supervision = Literal["none", "pairs", "labels", "factors", "reward"]
Decoder = Literal["none", "network", "renderer or simulator"]
OutOfSample = Literal["exact", "nystroem", "barycentric", "optimised"]


@dataclass(frozen=True)
class Paper:
    """The source. `equation` says which equation the objective is: its number, or where it stands."""

    authors: str
    title: str
    year: int
    url: str
    equation: str

    @property
    def place(self) -> str:
        """Where in the paper: "equation 5", "section 3", "the planes of best fit"."""
        return f"equation {self.equation}" if self.equation[:1].isdigit() else self.equation


@dataclass(frozen=True)
class CodeKind:
    """What a code is like: smaller or larger than x, continuous or discrete, fixed or variable, flat or structured ..."""

    size: Literal["smaller", "larger", "either"] = "smaller"
    values: Literal["continuous", "discrete"] = "continuous"
    length: Literal["fixed", "variable"] = "fixed"
    form: Literal["flat", "structured"] = "flat"
    stochastic: bool = False
    disentangled: bool = False


@dataclass(frozen=True)
class Claim:
    """What the method must reach: `metric` of `question` on `data`, mean over seeds, with `recipe` (learn's own settings)."""

    question: str
    metric: str
    data: str
    at_least: float
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 5


@dataclass(frozen=True)
class Dial:
    """A field of a method that trades what its code takes (rate) for what is left to say (distortion), and values that show it, rising."""

    field: str
    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.field}: {', '.join(f'{v:g}' for v in self.values)}"


@dataclass(frozen=True)
class Card:
    """Facts about a method, never behaviour. `modelled` and `minimised` are LaTeX in the letters of the code.

    `tiny` changes sizes and steps only, for the contract tests. `laws` names symmetries that the tests apply.
    `specs`: what it reads; marks are vectors of 0 and 1, as the nodes of a hierarchy are seen.
    `falls` names the reported term that must fall when learning works. `unit` is that of `Loss.total`. `groups`: a method that learns
    from labels takes the groups of the data for classes where there are no labels. `dial`: the setting that trades rate for distortion.
    `out_of_sample`: how a new item gets its code: by what was learned itself (exact), by similarities to the training items with the
    eigenvectors they were solved for (nystroem), as a mean of its neighbours' codes (barycentric), or by descending the objective for
    it alone while all others stay (optimised).
    """

    family: str
    title: str
    paper: Paper
    density: Density
    manifold: Manifold
    principle: Principle
    modelled: str
    minimised: str
    unit: str
    buys: str
    costs: str
    fails: str
    level: Level = "statistical"
    approach: Approach = "proxy task"
    code: CodeKind = CodeKind()
    decoder: Decoder = "none"
    specs: tuple[str, ...] = ("image", "vector")
    supervision: Supervision = "none"
    out_of_sample: OutOfSample = "exact"
    groups: bool = False
    falls: str = "total"
    tiny: Mapping[str, Any] = field(default_factory=dict)
    laws: tuple[str, ...] = ()
    dial: Dial | None = None
    claims: tuple[Claim, ...] = ()
    xfail: str = ""

    @property
    def learns_from(self) -> str:
        """What it must be told, in words."""
        return "data alone" if self.supervision == "none" else self.supervision + " or groups" * self.groups
