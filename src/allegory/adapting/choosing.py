"""From a representation and some labels to a model: every reader tells the held-out items, the best is kept, calibrated, and measured."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from allegory.adapting import tuning
from allegory.adapting.adapted import Adapted, Calibration
from allegory.adapting.calibration import LEVEL, radius, temperature
from allegory.adapting.candidates import TUNING, Candidate, Codes, Final, Work, codes_of, encoded, frozen, raw, tuned
from allegory.adapting.heads import Linear
from allegory.adapting.measuring import CONTROL, measured, row
from allegory.adapting.readers import READERS, Standard
from allegory.adapting.split import Split, split
from allegory.adapting.spread import spread
from allegory.adapting.target import Target
from allegory.core import Misuse, nearest
from allegory.data import Source
from allegory.representation import Representation
from allegory.train import NotFinite

CANDIDATES = (*READERS, TUNING)


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
        "candidates": [*(row(c, work) | {"chosen": c is best} for c in found), row(control, work) | {"name": CONTROL, "chosen": False}],
        "notes": [*notes, *remarks(work)], **measured(adapted, best, final, control, work),
    }  # fmt: skip
    return replace(adapted, facts=facts)


def remarks(work: Work) -> list[str]:
    """What people should know about the split."""
    found = []
    if work.rep.facts.get("trained_on") == "all":
        found.append("the representation was learned from all items of its data, without their labels: the test part is not new to it")
    if unfair := int((~fairly_told(work)).sum()):
        found.append(f"{unfair} held-out items are of a class that no other one shows; they count as errors and do not calibrate")
    return found


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
        return Calibration(temperature(best.outputs[fair], truth[fair], work.kind) if fair.any() else 1.0), None
    z = codes.at(work.split.held) if final.rep is work.rep else torch.as_tensor(final.rep.encode(work.source.subset(work.split.held)))
    standard = codes.standard if final.rep is work.rep else Standard.of(z)
    wide, scaled = spread(z, (best.outputs[:, 0] - truth).numpy(), standard)
    return Calibration(radius=radius(scaled), level=LEVEL), wide


def fairly_told(work: Work) -> Tensor:
    """Which held-out items are of a class that their fold could learn: a class of one item is told wrongly however sure one is."""
    if work.kind != "class":
        return torch.ones(len(work.split.held), dtype=torch.bool)
    return torch.cat([torch.isin(work.y(held), work.y(seen)) for seen, held in work.split.folds])
