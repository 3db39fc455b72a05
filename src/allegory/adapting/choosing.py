"""From a representation and some labels to a model: every reader tells the held-out items, the best is kept, calibrated, and measured.

The test part is read once, by the chosen reader and by the control, after everything is chosen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allegory.adapting import scoring, tuning
from allegory.adapting.adapted import Adapted, Calibration
from allegory.adapting.calibration import LEVEL, probabilities, radius, reliability, temperature
from allegory.adapting.candidates import TUNING, Candidate, Codes, Final, Work, codes_of, encoded, frozen, raw, tuned
from allegory.adapting.heads import Linear
from allegory.adapting.readers import READERS
from allegory.adapting.split import Split, split
from allegory.adapting.spread import spread
from allegory.adapting.target import Target
from allegory.core import Misuse, nearest, plain
from allegory.data import Source
from allegory.questions import intervals
from allegory.questions.intervals import Evidence
from allegory.representation import Representation
from allegory.train import NotFinite

CANDIDATES = (*READERS, TUNING)
CONTROL = "raw input"
DRAWN = 500  # points of a plot
MOST_CONFUSED = 50  # classes, beyond which no table of confusions is kept
Facts = dict[str, Any]


def adapt(
    rep: Representation, source: Source, target: Target, readers: Sequence[str] | None = None, seed: int = 0, how: Split | None = None
) -> Adapted:
    """The best of the `readers` (names among linear, prototypes, neighbours, fine-tuning; None: all that apply) by held-out items.

    `source` as stored, which the intake of `rep` accepts; `how`: who is held out, by default `split(source, target, seed)`. A linear
    head on the raw input stands beside as a control and cannot be chosen. `rep` and its network are left as they are.
    Raises `Problem` when the labels do not suffice and `Misuse` for unknown names.
    """
    names = chosen_names(readers)
    if "encode" not in rep.can():
        raise Misuse(f"{type(rep.method).__name__} gives no codes to read; learn with a method that does")
    source = rep.intake.accept(source)
    work = Work(rep, source, target, how or split(source, target, seed), seed)
    codes = codes_of(work, encoded(work))
    found, notes = candidates(names, codes, work)
    best = max(found, key=lambda c: c.quality)
    control = frozen("linear", codes_of(work, raw(work)), work)
    assert control is not None, "the linear reader tells every kind of task"
    final = best.final()
    calibration, wide = calibrated(best, final, codes, work)
    adapted = Adapted(final.rep, final.head, target.task, calibration, wide)
    facts = {
        "data": source.name, "fingerprint": source.fingerprint, "seed": seed, "how": work.split.how, "items": len(source),
        "labelled": int(target.known.sum()), "learned_from": len(work.split.final), "held": len(work.split.held),
        "choice": scoring.CHOICE[work.kind],
        "candidates": [_row(c, work, c is best) for c in found] + [_row(control, work) | {"name": CONTROL}],
        "test": tested(final, control, work), "told": measured(adapted, best, final, work), "notes": notes,
    }  # fmt: skip
    return Adapted(final.rep, final.head, target.task, calibration, wide, facts)


def chosen_names(readers: Sequence[str] | None) -> tuple[str, ...]:
    """The names of readers, in their usual order; all for None. Raises `Misuse` for an unknown one."""
    for name in readers or ():
        if name not in CANDIDATES:
            raise nearest(name, list(CANDIDATES), "reader")
    return tuple(name for name in CANDIDATES if readers is None or name in readers)


def candidates(names: Sequence[str], codes: Codes, work: Work) -> tuple[list[Candidate], list[str]]:
    """Those of these names that apply, and notes on those that do not."""
    tried = {name: frozen(name, codes, work) for name in READERS if name in names or (name == "linear" and TUNING in names)}
    found = [c for name, c in tried.items() if c is not None and name in names]
    notes = [f"{name}: not for {work.target.task}" for name, c in tried.items() if c is None]
    if TUNING in names:
        fewest = min(len(seen) for seen, _ in work.split.folds)
        reason = tuning.why_not(work.rep, work.source, fewest)
        start = tried["linear"]
        assert start is not None, "the linear reader tells every kind of task"
        try:
            found += [] if reason else [tuned(start, work)]
        except NotFinite as e:
            reason = f"it diverged ({e})"
        notes += [f"{TUNING}: {reason}"] if reason else []
    if not found:
        raise Misuse(f"none of {', '.join(names)} can be used here ({'; '.join(notes)}); choose others, or leave --readers out")
    return found, notes


def calibrated(best: Candidate, final: Final, codes: Codes, work: Work) -> tuple[Calibration, Linear | None]:
    """The calibration of the chosen reader by what it told of held-out items; and the spread of numbers."""
    truth = work.y(work.split.held)
    if work.kind != "continuous":
        fair = fairly_told(work)
        return Calibration(temperature=temperature(best.outputs[fair], truth[fair], work.kind)), None
    z = codes.at(work.split.held) if final.rep is work.rep else torch.as_tensor(final.rep.encode(work.source.subset(work.split.held)))
    standard = codes.standard if final.rep is work.rep else type(codes.standard).of(z)
    wide, scaled = spread(z, (best.outputs[:, 0] - truth).numpy(), standard)
    return Calibration(radius=radius(scaled), level=LEVEL), wide


def fairly_told(work: Work) -> Tensor:
    """Which held-out items are of a class that their fold could learn: a class of one item is told wrongly however sure one is."""
    if work.kind != "class":
        return torch.ones(len(work.split.held), dtype=torch.bool)
    return torch.cat([torch.isin(work.y(held), work.y(seen)) for seen, held in work.split.folds])


def tested(final: Final, control: Candidate, work: Work) -> Facts | None:
    """The test scores of the chosen reader and of the control, and the paired gain. None without labelled test items."""
    test = work.split.test
    if not len(test):
        return None
    truth = work.y(test)
    mine = scoring.evidence(final.tell(test), truth, work.kind, work.seed)
    other = scoring.evidence(control.final().tell(test), truth, work.kind, work.seed)
    gain = {name: mine[name].minus(other[name]) for name in mine}
    return {"n": len(test), "scores": _said(mine), "control": _said(other), "gain": _said(gain)}


def measured(adapted: Adapted, best: Candidate, final: Final, work: Work) -> Facts:
    """How far the answers mean what they say: on test items, or, without any, on the held-out items that it was calibrated by."""
    where, index = ("test", work.split.test) if len(work.split.test) else ("held-out", work.split.held)
    outputs, truth = (final.tell(index) if where == "test" else best.outputs), work.y(index)
    facts: Facts = {"on": where, "n": len(index)}
    if work.kind == "continuous":
        return facts | _numbers(adapted, outputs, index, work)
    before, after = (reliability(probabilities(outputs, work.kind, t), truth, work.kind) for t in (1.0, adapted.calibration.temperature))
    facts |= {"before": plain.plain(before), "after": plain.plain(after)}
    if work.kind == "class" and adapted.task.outputs <= MOST_CONFUSED:
        k = adapted.task.outputs
        facts["confusion"] = torch.bincount(truth * k + outputs.argmax(1), minlength=k * k).view(k, k).tolist()
    return facts


def _numbers(adapted: Adapted, outputs: Tensor, index: np.ndarray, work: Work) -> Facts:
    """How many test items lie in the interval of each level, and some told and true numbers to be drawn."""
    some = np.unique(np.linspace(0, len(index) - 1, min(len(index), DRAWN)).astype(np.int64))
    told, truth = outputs[:, 0].numpy(), work.y(index).numpy()
    facts: Facts = {"points": np.stack([told[some], truth[some]], 1).tolist()}
    if not len(work.split.test):
        return facts
    half = np.concatenate([t.doubt for t in adapted.stream(work.source.subset(index))]) / 2
    hits = np.abs(told - truth) <= half
    covered, _ = intervals.of_hits(hits[None], np.zeros(len(hits), dtype=np.int64), work.seed)
    return facts | {"level": LEVEL, "covered": [covered.value, *covered.interval(0.0, 1.0)], "width": float(np.median(2 * half))}


def _row(c: Candidate, work: Work, chosen: bool = False) -> Facts:
    found = scoring.evidence(c.outputs, work.y(work.split.held), work.kind, work.seed)
    return {"name": c.name, "setting": c.setting, "chosen": chosen, "scores": _said(found)}


def _said(found: Mapping[str, Evidence]) -> Facts:
    """Each measure as [value, low, high]."""
    return {name: [e.value, *e.interval()] for name, e in found.items()}
