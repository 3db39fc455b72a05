"""Is a collapse seen, and is a healthy training left alone? Planted collapses and healthy runs, and what the watch says of each.

    python benchmarks/collapse.py [--json] [--only NAME ...]

The thresholds of train/health.py were fixed on the first ten and ten, on digits, and confirmed on the second ten and ten: other methods,
on small sprites. A planted collapse takes from a method what keeps it from collapsing: the stop-gradient, the negatives, the
variance term, the balance of the prototypes, a rate that is not absurd. It is seen when any alarm stands at the end, and a healthy run is
left alone when none does.

Measured (150 steps, one seed): 10 of 10 planted collapses are seen and 10 of 10 healthy runs left alone in both sets. A head falls to a
point, or to a line, while the code below it stays as spread as ever (effective rank 20 to 60): figures of the code alone saw 8 of 15. So
losses report a pulse of their projections. In the first set it tells .03 to .19 of the sphere from .59 and more, 1.45 directions from 1.95
and more, and for VICReg, whose scale falls, a standard deviation of .016 from .49. On Fashion-MNIST the lowest healthy ones are those of
local aggregation (.27, its memory .23). So the thresholds stand at .2 of the sphere, .1 of a memory, 1.6 directions, a deviation of .1.

Three plants were exchanged since they do not collapse: SimSiam without its stop-gradient on sprites (its last norm keeps the projection as
spread as that of a healthy run, and it uses as many directions), NNCLR without negatives (a predictor and targets without a gradient are
left, as in BYOL), and Barlow Twins at a rate of 30. PIRL without negatives is given 600 steps, for its memory falls slowly (.21 after
150). MoCo on digits is the weakest of the healthy ones: 1.95 directions.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional as F

import allegory as al
from allegory import train
from allegory.core import Method, Optim
from allegory.methods import contrastive, metric, pretext  # noqa: F401  (their modules are patched by name)
from allegory.train import Learner, Settings
from allegory.train.health import Watch

SPRITES = "sprites:size=16,scales=3,orientations=4,xs=8,ys=8"
STEPS, BATCH = 150, 128
Patch = tuple[str, str, Any]  # module or class by its full name, attribute, replacement


@dataclass(frozen=True)
class Case:
    """A training; `planted`: it should be called. `patches` hold while it learns; `start` changes the net before the first step."""

    name: str
    method: Method[Any]
    data: str
    planted: bool
    patches: tuple[Patch, ...] = ()
    start: Callable[[Learner], None] | None = None
    lr: float | None = None
    steps: int = STEPS


def away(q: Tensor, k: Tensor, *rest: Any, **more: Any) -> Tensor:
    """Pulling alone: the squared distance on the sphere, with a gradient on both sides and no negatives."""
    del rest, more
    return 2.0 - 2.0 * F.cosine_similarity(q, k.reshape(q.shape), dim=1)


def pulled_mean(first: Tensor, second: Tensor, *rest: Any, **more: Any) -> Tensor:
    return away(first, second, *rest, **more).mean()


def pulled_senses(z: Sequence[Tensor], *rest: Any) -> Tensor:
    return pulled_mean(z[0], z[1], *rest)


def own_code(self: Any, net: Any, view: Any, z: Tensor) -> Tensor:
    """A target that is the student's own, with its gradient."""
    del self, net, view
    return z


def without_predictor(learner: Learner) -> None:
    learner.net.q.forward = lambda z: z  # type: ignore[attr-defined, operator]


def dead_teacher(learner: Learner) -> None:
    with torch.no_grad():
        for p in learner.net.teacher.head[-1].parameters():  # type: ignore[union-attr, index]
            p.zero_()
        learner.net.teacher.head[-1].bias.fill_(1.0)  # type: ignore[union-attr, index]
        learner.net.queue.push(learner.net.queue.codes[:1].expand_as(learner.net.queue.codes))  # type: ignore[union-attr, operator]


def of(path: str) -> str:
    return f"allegory.methods.{path}"


def first() -> Iterator[Case]:
    """On these the thresholds were fixed: digits."""
    healthy = (
        al.SimCLR(),
        al.BYOL(),
        al.SimSiam(),
        al.VICReg(),
        al.BarlowTwins(),
        al.SwAV(),
        al.DINO(),
        al.MoCo(),
        al.Rotation(),
        al.SupCon(),
    )
    for method in healthy:
        yield Case(type(method).__name__, method, "digits", False)
    c = "contrastive"
    yield Case("SimCLR, no negatives", al.SimCLR(), "digits", True, ((of(f"{c}.simclr"), "nt_xent", pulled_mean),))
    byol = ((of(f"{c}.byol.BYOL"), "target", own_code), (of(f"{c}.byol"), "cosine_regression", away))
    yield Case("BYOL, no teacher, no predictor", al.BYOL(), "digits", True, byol, without_predictor)
    siam = ((of(f"{c}.sim_siam.SimSiam"), "target", own_code), (of(f"{c}.sim_siam"), "negative_cosine", away))
    yield Case("SimSiam, no stop-gradient", al.SimSiam(), "digits", True, siam, without_predictor)
    yield Case("VICReg, no variance term", al.VICReg(mu=0.0, nu=0.0), "digits", True)
    yield Case("VICReg, hardly any variance term", al.VICReg(mu=0.01, nu=0.0), "digits", True)
    yield Case("SwAV, nothing balanced", al.SwAV(iterations=0, eps=0.01), "digits", True)
    yield Case("SwAV, codes that say nothing", al.SwAV(eps=50.0), "digits", True)
    yield Case("DINO, no centre", al.DINO(m=1.0, tau_t=0.01), "digits", True, (), lambda learner: learner.net.centre.zero_())  # type: ignore[union-attr]
    yield Case("DINO, nothing sharpened", al.DINO(tau_t=5.0), "digits", True)
    dead = ((of(f"{c}._momentum"), "move_average", lambda *_: None),)
    yield Case("MoCo, a dead teacher", al.MoCo(), "digits", True, dead, dead_teacher)


def second() -> Iterator[Case]:
    """Other methods, on other data: do the thresholds hold?"""
    healthy = (al.MoCoV3(), al.NNCLR(), al.PIRL(), al.CMC(), al.AMDIM(), al.CPC(), al.InstanceClassification(), al.DeepCluster(),
               al.Triplet(), al.Siamese())  # fmt: skip
    for method in healthy:
        yield Case(type(method).__name__, method, SPRITES, False)
    c = "contrastive"
    yield Case("MoCo v3, no negatives", al.MoCoV3(), SPRITES, True, ((of(f"{c}.moco_v3"), "info_nce", away),), without_predictor)
    yield Case("CMC, no negatives", al.CMC(), SPRITES, True, ((of(f"{c}.cmc"), "full_graph_nce", pulled_senses),))
    yield Case("PIRL, no negatives", al.PIRL(), SPRITES, True, ((of(f"{c}.pirl"), "nce", away),), steps=600)
    yield Case("Siamese, no margin", al.Siamese(margin=0.0), SPRITES, True)
    yield Case("Barlow Twins, nothing against redundancy", al.BarlowTwins(lam=0.0), SPRITES, True)
    yield Case("SupCon, an absurd rate", al.SupCon(), SPRITES, True, lr=30.0)
    yield Case("DINO, no centre", al.DINO(m=1.0, tau_t=0.01), SPRITES, True, (), lambda learner: learner.net.centre.zero_())  # type: ignore[union-attr]
    yield Case("SwAV, nothing balanced", al.SwAV(iterations=0, eps=0.01), SPRITES, True)
    yield Case("W-MSE, nothing whitened", al.WMSE(), SPRITES, True, ((of(f"{c}.wmse"), "whitened", lambda z: z),))
    yield Case("VICReg, no variance term", al.VICReg(mu=0.0, nu=0.0), SPRITES, True)


def run(case: Case) -> dict[str, Any]:
    """The figures at the end of a training, and the alarms that stand."""
    watch, source = Watch(), al.load(case.data)
    settings = Settings(seed=0, steps=case.steps, batch=BATCH, optim=Optim(lr=case.lr), device="cpu")
    with contextlib.ExitStack() as stack:
        for where, name, new in case.patches:
            stack.enter_context(mock.patch(f"{where}.{name}", new))
        try:
            train.fit(case.method, source, settings, on_start=case.start, listeners=[watch])
            alarms = sorted(watch.alarms)
        except train.NotFinite:
            alarms = ["divergence"]
    figures = {k: round(v, 4) for k, v in watch.last.items()}
    return {"name": case.name, "planted": case.planted, "alarms": alarms, "right": bool(alarms) == case.planted, **figures}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="+", help="cases whose name begins so")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    right = True
    for title, cases in (("fixed on", first()), ("confirmed on", second())):
        rows = []
        for case in cases:
            if asked.only and not case.name.startswith(tuple(asked.only)):
                continue
            rows.append(row := run(case))
            shown = ", ".join(f"{k} {v:.3g}" for k, v in row.items() if isinstance(v, float))
            print(json.dumps({"set": title, **row}) if asked.json else
                  f"{'ok  ' if row['right'] else 'FAIL'} {'planted' if case.planted else 'healthy'} {case.name}: "
                  f"{', '.join(row['alarms']) or 'no alarm'} ({shown})", flush=True)  # fmt: skip
        right &= all(row["right"] for row in rows)
        if not asked.json:
            seen = sum(row["right"] for row in rows if row["planted"])
            quiet = sum(row["right"] for row in rows if not row["planted"])
            planted = sum(row["planted"] for row in rows)
            print(
                f"{title}: {seen} of {planted} planted collapses seen, {quiet} of {len(rows) - planted} healthy runs left alone", flush=True
            )
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
