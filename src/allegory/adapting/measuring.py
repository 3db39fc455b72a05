"""How good a model that labels is, and how far its answers mean what they say. The test part is read here, once, after all is chosen."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allegory.adapting import scoring
from allegory.adapting.adapted import Adapted
from allegory.adapting.calibration import LEVEL, probabilities, reliability
from allegory.adapting.candidates import Candidate, Final, Work
from allegory.core import plain
from allegory.questions import intervals
from allegory.questions.intervals import Evidence

CONTROL = "raw input"
DRAWN = 500  # points of a plot
MOST_CONFUSED = 50  # classes, beyond which no table of confusions is kept
Facts = dict[str, Any]


def row(c: Candidate, work: Work) -> Facts:
    """A candidate and its scores on the held-out items."""
    return {
        "name": c.name,
        "setting": c.setting,
        "scores": _said(scoring.evidence(c.outputs, work.y(work.split.held), work.kind, work.seed)),
    }


def measured(adapted: Adapted, best: Candidate, final: Final, control: Candidate, work: Work) -> Facts:
    """ "choice": the measure that was chosen by. "test": scores of the chosen reader and of the control on the test part, and the paired
    gain, or None where no test item is labelled. "told": how far the answers mean what they say, on the test part, or else on the
    held-out items that they were calibrated by."""
    test = work.split.test
    facts: Facts = {"choice": scoring.CHOICE[work.kind]}
    if not len(test):
        held = work.split.held
        return facts | {"test": None, "told": {"on": "held-out", **_meant(adapted, best.outputs, work.y(held), work)}}
    outputs, truth = final.tell(test), work.y(test)
    told = {"on": "test", **_meant(adapted, outputs, truth, work)}
    if work.kind == "continuous":
        told |= _covered(adapted, outputs, truth, work)
    return facts | {"test": _compared(outputs, control.final().tell(test), truth, work), "told": told}


def _compared(outputs: Tensor, others: Tensor, truth: Tensor, work: Work) -> Facts:
    mine, other = (scoring.evidence(told, truth, work.kind, work.seed) for told in (outputs, others))
    gain = {name: mine[name].minus(other[name]) for name in mine}
    return {"n": len(truth), "scores": _said(mine), "control": _said(other), "gain": _said(gain)}


def _meant(adapted: Adapted, outputs: Tensor, truth: Tensor, work: Work) -> Facts:
    """Reliability before and after calibration, and confusions; of numbers, some that are told and true."""
    if work.kind == "continuous":
        some = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), DRAWN)).astype(np.int64))
        return {"n": len(truth), "points": torch.stack([outputs[:, 0], truth], 1)[torch.as_tensor(some)].tolist()}
    scaled = {"before": 1.0, "after": adapted.calibration.temperature}
    facts = {name: plain.plain(reliability(probabilities(outputs, work.kind, t), truth, work.kind)) for name, t in scaled.items()}
    k = adapted.task.outputs
    if work.kind == "class" and k <= MOST_CONFUSED:
        facts["confusion"] = torch.bincount(truth * k + outputs.argmax(1), minlength=k * k).view(k, k).tolist()
    return {"n": len(truth), **facts}


def _covered(adapted: Adapted, outputs: Tensor, truth: Tensor, work: Work) -> Facts:
    """How many true numbers lie in their intervals, and how wide these are."""
    width = np.concatenate([t.doubt for t in adapted.stream(work.source.subset(work.split.test))])
    hits = 2 * (outputs[:, 0] - truth).abs().numpy() <= width
    found, _ = intervals.of_hits(hits[None], np.zeros(len(hits), dtype=np.int64), work.seed)
    return {"level": LEVEL, "covered": [found.value, *found.interval(0.0, 1.0)], "width": float(np.median(width))}


def _said(found: Mapping[str, Evidence]) -> Facts:
    """Each measure as [value, low, high]."""
    return {name: [e.value, *e.interval()] for name, e in found.items()}
