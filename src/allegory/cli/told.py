"""What `allegory learn` can be told, as dataclasses: their fields are the flags. No torch here, so that --help is quick.

`Training` and `Optimiser` mirror `train.Settings` and `core.Optim` (tested); None everywhere means "not said".
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from cyclopts import Parameter

Json = Annotated[bool, Parameter(negative=(), help="print one JSON document")]
Overwrite = Annotated[bool, Parameter(negative=(), help="replace a file that is there")]
RunFolder = Annotated[str, Parameter(help="the folder of a run")]
DataOptions = Annotated[list[str] | None, Parameter(name="--data", negative=(), help="an option of the data, as size=64")]


@dataclass(frozen=True)
class What:
    """What to learn from, and with which method.

    method: its name; `allegory methods` lists them, --method NAME --help shows its own flags (default: SimCLR for images, BetaVAE else).
    labels: "folders", a column, a csv of (id or path, label), or "none"; they are only used to judge, and may be partial.
    options: an option of the data, as size=64; may be repeated.
    all: learn from all items and not from the training part only; every score will say so.
    config: a RUN/config.yaml; does it again, with whatever else is said changed.
    """

    method: str | None = None
    labels: str | None = None
    options: Annotated[list[str], Parameter(name="--data")] = field(default_factory=list)
    all: bool = False
    config: str | None = None


@dataclass(frozen=True)
class Where:
    """Where the run goes.

    out: the run's folder (default: runs/DATA-METHOD).
    resume: go on where a run stopped, with its own settings, to the same weights bit for bit; --out alone is enough.
    overwrite: replace the run that is there.
    save_every: seconds between two checkpoints.
    """

    out: str | None = None
    resume: bool = False
    overwrite: bool = False
    save_every: float = 10.0


@dataclass(frozen=True)
class Training:
    """How long, and on what.

    epochs: passes over the training items.
    steps: how many updates (default: the method's recipe).
    budget: a time, as 60s, 5m or 1h; turned into steps once, by timing some.
    seed: everything random follows from it.
    seeds: train this many, from --seed on, for intervals over training seeds.
    batch: items a step.
    micro: items at once, to save memory, where that leaves the loss as it is.
    logical_batch: items that the loss compares, --batch of them at once in memory; exact, for nets without batch statistics.
    device: cpu, cuda, cuda:1; auto takes the GPU when there is one.
    precision: of the computation.
    compile: with torch.compile; slow to begin, then faster.
    log_every: steps between two logged ones.
    """

    epochs: float | None = None
    steps: int | None = None
    budget: str | None = None
    seed: int | None = None
    seeds: int | None = None
    batch: int | None = None
    micro: int | None = None
    logical_batch: int | None = None
    device: str | None = None
    precision: Literal["float32", "bf16", "float64"] | None = None
    compile: bool | None = None
    log_every: int | None = None


@dataclass(frozen=True)
class Optimiser:
    """How each step is made; what is not said follows the method's recipe.

    optim: the optimiser.
    lr: learning rate.
    weight_decay: pull of weights towards 0; norms, biases and positions are spared.
    momentum: for sgd and lars.
    betas: for adamw.
    schedule: of the learning rate, after the warm-up.
    warmup: share of the steps in which the learning rate rises from 0.
    clip: greatest norm of a gradient; 0 is no bound.
    """

    optim: Literal["adamw", "sgd", "lars"] | None = None
    lr: float | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    betas: tuple[float, float] | None = None
    schedule: Literal["cosine", "constant"] | None = None
    warmup: float | None = None
    clip: float | None = None


@dataclass(frozen=True)
class After:
    """What is shown.

    evaluate: ask all questions that the data allow, beside the controls, and write the report.
    json: print one JSON document in place of tables.
    map: of the codes in the report: neighbours, PCA, TSNE, UMAP or another method of the spectral family.
    """

    evaluate: bool = True
    map: str = "neighbours"
    json: bool = False


GROUPS: dict[type, str] = {
    What: "What to learn",
    Where: "Where it goes",
    Training: "Training",
    Optimiser: "Optimiser",
    After: "Afterwards",
}
