"""Readers at work: what each of them tells of items that it has not seen, and the model that it would be."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.adapting import scoring, tuning
from allegory.adapting.heads import Head, Linear
from allegory.adapting.readers import READERS, Standard
from allegory.adapting.split import Split
from allegory.adapting.target import Kind, Target
from allegory.core import Problem
from allegory.data import Source
from allegory.questions.encoders import raw_input
from allegory.representation import Representation
from allegory.representation.reading import batches
from allegory.representation.representation import CHUNK

TUNING = "fine-tuning"
REFERENCE = 8192  # training items, labelled or not, by which codes are standardised


@dataclass(frozen=True, eq=False)
class Work:
    """What is adapted to what; `source` is as the representation's intake reads it."""

    rep: Representation
    source: Source
    target: Target
    split: Split
    seed: int

    @property
    def kind(self) -> Kind:
        return self.target.task.kind

    def y(self, index: np.ndarray) -> Tensor:
        """What is known of these items."""
        return self.target.at(index)


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of the items at `rows` (sorted), and their standard."""

    rows: np.ndarray
    z: Float[Tensor, "m d"]
    standard: Standard

    def at(self, index: np.ndarray) -> Float[Tensor, "i d"]:
        """The codes of these items, which are among the rows."""
        return self.z[torch.as_tensor(np.searchsorted(self.rows, index))]


@dataclass(frozen=True, eq=False)
class Final:
    """A reader that has learned from all that it may: its representation, its head, and what it tells of items by number."""

    rep: Representation
    head: Head
    tell: Callable[[np.ndarray], Tensor]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A reader in its best setting: what it told of the held-out items, in their order, and how to finish it.

    `heads`: one for each fold. `quality` is compared: the measure that one chooses by, then a finer one.
    """

    name: str
    setting: str
    outputs: Float[Tensor, "h k"]
    quality: tuple[float, float]
    heads: Sequence[Head]
    final: Callable[[], Final]


def codes_of(work: Work, encode: Callable[[np.ndarray], Tensor]) -> Codes:
    """The codes of all labelled items that are used, and of at most 8,192 training items to standardise by."""
    train = work.source.part("train")
    train = train if len(train) else np.arange(len(work.source))
    reference = train[np.unique(np.linspace(0, len(train) - 1, min(len(train), REFERENCE)).astype(np.int64))]
    rows = np.union1d(work.split.rows, reference)
    z = encode(rows)
    if not torch.isfinite(z).all():
        raise Problem(f"the codes of {int((~torch.isfinite(z)).any(1).sum())} items are NaN or infinite; learn again with a smaller --lr")
    return Codes(rows, z, Standard.of(z[torch.as_tensor(np.searchsorted(rows, reference))]))


def encoded(work: Work) -> Callable[[np.ndarray], Tensor]:
    """Item numbers to codes."""
    return lambda index: torch.as_tensor(work.rep.encode(work.source.subset(index)))


def raw(work: Work) -> Callable[[np.ndarray], Tensor]:
    """Item numbers to the raw input, as it is probed elsewhere."""

    def each(index: np.ndarray) -> Iterator[Tensor]:
        for x, n in batches(work.source.subset(index), work.rep.intake, CHUNK, work.rep.device, torch.float32):
            yield raw_input(x)[:n].cpu()

    return lambda index: torch.cat(list(each(index)))


def frozen(name: str, codes: Codes, work: Work) -> Candidate | None:
    """The best setting of a reader of frozen codes by what it tells of held-out items; the first of equally good ones. None when the
    reader does not tell this kind of task."""

    def heads(index: np.ndarray) -> list[tuple[str, Head]]:
        return list(READERS[name](codes.at(index), work.y(index), work.target.task, codes.standard))

    folds = [(heads(seen), codes.at(held)) for seen, held in work.split.folds]
    settings = len(folds[0][0])
    if not settings:
        return None
    told = [torch.cat([found[i][1](z) for found, z in folds]) for i in range(settings)]
    truth = work.y(work.split.held)
    quality = [scoring.value(outputs, truth, work.kind) for outputs in told]
    i = quality.index(max(quality))

    def final() -> Final:
        head = heads(work.split.final)[i][1] if work.split.crossed else folds[0][0][i][1]
        return Final(work.rep, head, lambda index: head(codes.at(index)))

    return Candidate(name, folds[0][0][i][0], told[i], quality[i], [found[i][1] for found, _ in folds], final)


def tuned(start: Candidate, work: Work) -> Candidate:
    """Fine-tuning at its best rate, once a fold, each time from the learned weights and the linear head of that fold."""
    return max((_tuned_at(rate, start, work) for rate in tuning.RATES), key=lambda c: c.quality)


def _tuned_at(rate: float, start: Candidate, work: Work) -> Candidate:
    def learned(index: np.ndarray, head: Head) -> Final:
        assert isinstance(head, Linear)
        rep, top = tuning.tuned(work.rep, work.source, index, work.y(index), work.target.task, head, rate, work.seed)
        return Final(rep, top, lambda others: top(torch.as_tensor(rep.encode(work.source.subset(others)))))

    done = [learned(seen, head) for (seen, _), head in zip(work.split.folds, start.heads, strict=True)]
    outputs = torch.cat([fold.tell(held) for fold, (_, held) in zip(done, work.split.folds, strict=True)])
    quality = scoring.value(outputs, work.y(work.split.held), work.kind)

    def final() -> Final:
        return learned(work.split.final, start.final().head) if work.split.crossed else done[0]

    return Candidate(TUNING, f"rate {rate:g}", outputs, quality, [fold.head for fold in done], final)
