"""Watched while learning: is the code still a code? An alarm names the likely cause and the knob."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from allegory import measures
from allegory.core import Dice, Solved, can, tree
from allegory.train.learner import Learner
from allegory.train.steps import Tick
from allegory.views import Pair

WATCHED = 256
LEAST_SPREAD = 0.05
LEAST_RANK = 1.5
LEAST_KL = 0.05  # nats; the posterior of a latent that the objective has dropped wanders by about 0.01 on small data
FEW = 0.25  # share of latents; a beta too large left none to 2 of 10 on tables, and healthy digits, sprites and tables 6 in 10 or more
MOST_VARIANCE = 4.0  # a draw that says nothing has the prior's variance, 1
LATE = 0.5  # latents wake one after the other
UNSAID = 0.5  # share of the variance: where less is left unsaid, few latents are enough, as for data of one or two factors

# Fixed and confirmed by benchmarks/collapse.py.
LEAST_PROJECTION = 0.2
LEAST_DIRECTIONS = 1.6
LEAST_DEVIATION = 0.1
LEAST_USE = 0.02  # share of the prototypes
LEAST_SHARPNESS = 0.02
LEAST_MEMORY = 0.1
LEAST_CODES = 0.05  # share of a codebook that a batch could meet; an encoder that says the same of all meets one code

# Terms of losses that are figures of health: the least that a healthy training shows, the alarm, and what to do.
OF_TARGETS = {
    "projection_spread": (LEAST_PROJECTION, "collapse of the projection", "above the head all items are nearly the same, so the loss says "
                          "nothing any more: check the stop-gradient, the negatives or the variance term, lower --lr"),
    "projection_rank": (LEAST_DIRECTIONS, "dimensional collapse of the projection", "above the head the items lie on a line, so the loss "
                        "tells them apart by one number: check the stop-gradient and the predictor, or the covariance term, lower --lr"),
    "projection_deviation": (LEAST_DEVIATION, "shrinking projection", "the projections draw together until the loss sees no difference: "
                             "raise the weight of the variance term"),
    "prototype_use": (LEAST_USE, "prototype collapse", "nearly all items are of one prototype: centre or balance the assignments more "
                      "(momentum of the centre, Sinkhorn's eps), lower --lr, or freeze the prototypes longer"),
    "target_sharpness": (LEAST_SHARPNESS, "uniform targets", "the targets say nothing, every prototype is as likely: lower the teacher's "
                         "temperature (or Sinkhorn's eps), or slow the centre down"),
    "memory_spread": (LEAST_MEMORY, "collapsed memory", "all codes that are kept are nearly the same, so no negative is one: lower --lr, "
                      "raise the teacher's tau, or use stronger views"),
    "codebook_use": (LEAST_CODES, "dead codes", "few of the codes are ever the nearest, the rest say nothing: lower gamma, so that the "
                     "codebook follows faster, raise beta, lower k or --lr"),
}  # fmt: skip


@dataclass(frozen=True)
class Alarm:
    """What is wrong, since which step, and what to do."""

    name: str
    step: int
    text: str


def symptoms(method: Any, net: nn.Module, x: Any) -> dict[str, float]:
    """Figures of the codes of some items: spread on the sphere times sqrt(z) (1 fills it), effective rank, active latents, the share of
    the items' variance that reconstructions leave unsaid, and, where the method shows pairs of views, their alignment and uniformity."""
    was = net.training
    try:
        with torch.no_grad():
            return _figures(method, net.eval(), x) | _of_pairs(method, net, x)
    finally:
        net.train(was)


def _of_pairs(method: Any, net: nn.Module, x: Any) -> dict[str, float]:
    """Alignment and uniformity of the codes of two views, on the sphere (Wang and Isola 2020)."""
    if not isinstance(getattr(method, "views", None), Pair):
        return {}
    pair = method.views(x, Dice.roll(0, 0, torch.arange(tree.length(x), device=next(tree.leaves(x)).device), "health"))
    first, second = (measures.on_sphere(method.encode(net, view).float()) for view in pair)
    return {"alignment": float(measures.alignment(first, second)), "uniformity": float(measures.uniformity(first))}


def reported(terms: Mapping[str, Tensor]) -> dict[str, float]:
    """The figures of health among the terms of a step: how many prototypes are in use (share), how sharp targets are (0 uniform, 1 one of
    all), how far the codes of a queue or bank are spread (1 fills the sphere)."""
    return {name: float(v) for path, v in terms.items() if (name := path.rpartition("/")[2]) in OF_TARGETS}


def _figures(method: Any, net: nn.Module, x: Any) -> dict[str, float]:
    z: Tensor = method.encode(net, x).float()
    if not bool(z.isfinite().all()):
        return dict.fromkeys(("spread", "effective_rank", "scale"), math.nan)
    found = {
        "spread": float(measures.spread(z)),
        "effective_rank": float(measures.effective_rank(z - z.mean(0))),
        "scale": float(z.norm(dim=1).mean()),
    }
    codes = method.codes(net, x) if "codes" in can(method) else {}
    if "log_variance" in codes:
        found["widest"] = float(codes["log_variance"].values.exp().mean(0).max())
    if "kl" in codes:
        kl = codes["kl"].values.mean(0)
        found |= {"rate": float(kl.sum()), "active_latents": float((kl > LEAST_KL).sum()), "latents": float(len(kl))}
    if "decode" in can(method) and tree.is_leaf(x) and bool((variance := (x - x.mean(0)).square().sum()) > 0):
        found["unsaid"] = float((x - method.decode(net, method.encode(net, x))).square().sum() / variance)
    return found


def diagnose(found: dict[str, float], progress: float) -> dict[str, str]:
    """Alarms by name for the figures of `symptoms`; early in training (the first tenth) only divergence is called, and too few active
    latents only in its second half."""
    alarms: dict[str, str] = {}
    if not all(math.isfinite(v) for v in found.values()):
        return {"divergence": "codes are not finite: lower --lr or set --clip 1"}
    if progress < 0.1:
        return alarms
    if found["spread"] < LEAST_SPREAD:
        alarms["collapse"] = (
            "all items have nearly the same code: lower --lr; where views are compared, check the stop-gradient and the views, and raise "
            "the teacher's tau"
        )
    elif found["effective_rank"] < LEAST_RANK:
        alarms["dimensional collapse"] = (
            "the codes lie on a line: learn longer or lower --lr; where views are compared, take stronger views, a lower tau, or a wider "
            "projection"
        )
    if found.get("widest", 0.0) > MOST_VARIANCE:
        alarms["exploding variance"] = (
            f"the posterior of a latent has {found['widest']:.3g} times the prior's variance, so its draws say nothing and go where no "
            "other latent's do: lower --lr, or set --clip 1"
        )
    if "rate" in found:
        alarms |= _unused(found, progress)
    return alarms | {name: text for figure, (least, name, text) in OF_TARGETS.items() if figure in found and found[figure] < least}


def _unused(found: dict[str, float], progress: float) -> dict[str, str]:
    """The alarm for latents that stay at the prior: all of them, or nearly all while the code leaves much unsaid."""
    active, latents, unsaid = int(found["active_latents"]), int(found["latents"]), found.get("unsaid", 0.0)
    if not active:
        return {"posterior collapse": f"no latent carries more than {LEAST_KL:g} nats: lower beta, or choose another likelihood"}
    if progress < LATE or active >= FEW * latents or unsaid < UNSAID:
        return {}
    few = f"only {active} of {latents} latents carry more than {LEAST_KL:g} nats, and {unsaid:.0%} of the variance is left unsaid"
    return {"partial posterior collapse": f"{few}: lower beta (or gamma), or learn longer"}


@dataclass(eq=False)
class Watch:
    """A listener: takes the pulse every `plan.log_every` steps, keeps the last figures and the alarms that still stand at the end."""

    last: dict[str, float] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    loud: bool = False

    def look(self, method: Any, net: nn.Module) -> None:
        """At the solution of a method that has no steps."""
        if isinstance(method, Solved):
            self._hear(method.alarms(net), 0)

    def __call__(self, learner: Learner, tick: Tick) -> None:
        if tick.step % learner.plan.log_every and tick.step != learner.plan.steps:
            return
        n = len(learner.items)
        some = Dice.roll(0, 0, torch.arange(1)).permutation("watched", min(n, 65536))[0, : min(WATCHED, n)]
        x = learner.items.take(some.to(learner.items.device))
        if learner.plan.precision == "float64":
            x = tree.to(x, learner.items.device, torch.float64)
        self.last = symptoms(learner.method, learner.net, x) | reported(tick.terms)
        self._hear(diagnose(self.last, tick.step / learner.plan.steps), tick.step)

    def _hear(self, now: Mapping[str, str], step: int) -> None:
        for name, text in now.items():
            if name not in self.alarms:
                self.alarms[name] = Alarm(name, step, text)
                if self.loud:
                    sys.stderr.write(f"\nhealth: {name}{f' at step {step}' if step else ''}: {text}\n")
        self.alarms = {name: alarm for name, alarm in self.alarms.items() if name in now}
