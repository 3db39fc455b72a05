"""What the latents of a posterior cost and carry: nats a latent, those in use, and the draws of all items beside the prior."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from allegory.data import Source
from allegory.measures import active_units
from allegory.pages.codes_map import Encoded
from allegory.pages.items import of_part
from allegory.pages.numbers import decimals, number, plural

MOST = 2000
ROWS = 16
SILENT = 0.05  # nats: what carries less is left out


@dataclass(frozen=True)
class Posterior:
    """Of each latent, over `n` test items: its mean `kl` in nats; whether it is `active`, where there are posterior means; and, where the
    prior is N(0, 1), the `mean` and `deviation` of draws of the posteriors of all items (the aggregate posterior)."""

    n: int
    kl: np.ndarray
    active: np.ndarray | None = None
    mean: np.ndarray | None = None
    deviation: np.ndarray | None = None

    @property
    def standard(self) -> bool:
        """Whether the prior of every latent is N(0, 1)."""
        return self.mean is not None

    @property
    def order(self) -> np.ndarray:
        """The latents, those that carry most first."""
        return np.argsort(-self.kl, kind="stable")


def posterior(source: Source, items: Encoded, rep: Any) -> Posterior | None:
    """None where the method names no code "kl"."""
    if "codes" not in rep.can():
        return None
    named = rep.codes(source.take(items.index[:1]))
    wanted = tuple(name for name in ("kl", "mean", "log_variance") if name in named)
    if "kl" not in wanted:
        return None
    places = of_part(source, items.index, "test")[:MOST]
    codes = {name: code.values.flatten(1).double() for name, code in rep.codes(source.take(items.index[places]), wanted).items()}
    kl = codes["kl"]
    if len(wanted) < 3 or not codes["mean"].shape == codes["log_variance"].shape == kl.shape:
        return Posterior(len(kl), kl.mean(0).numpy())
    mu, variance = codes["mean"], codes["log_variance"].exp()
    active = active_units(mu).numpy()
    # The KL to N(0, 1) follows from mean and variance; that to another prior (learned, or given the latents before) is another number.
    of_standard = 0.5 * (mu.square() + variance - 1.0 - codes["log_variance"])
    if not np.allclose(of_standard.numpy(), kl.numpy(), rtol=1e-3, atol=1e-4):
        return Posterior(len(kl), kl.mean(0).numpy(), active)
    deviation = (mu.var(0, unbiased=False) + variance.mean(0)).sqrt()
    return Posterior(len(kl), kl.mean(0).numpy(), active, mu.mean(0).numpy(), deviation.numpy())


@dataclass(frozen=True)
class Row:
    """A latent: its nats, these as a bar of 0 to 100, and the mean and deviation of its draws, where they are compared."""

    name: str
    nats: str
    bar: float
    mean: str = ""
    deviation: str = ""


@dataclass(frozen=True)
class Rate:
    """The latents that carry most first, at most 16, and what is said of them all."""

    rows: tuple[Row, ...]
    words: tuple[str, ...]
    compared: bool


def rate(q: Posterior) -> Rate:
    """The rate in words, latent by latent and in all."""
    chosen, most = q.order[:ROWS], max(float(q.kl.max()), 1e-12)
    rows = tuple(
        Row(f"latent {i + 1}", decimals(float(q.kl[i])), 100 * min(1.0, max(0.0, float(q.kl[i]) / most)), *_draws(q, i)) for i in chosen
    )
    whole = float(q.kl.sum())
    words = [
        f"An item takes {number(whole)} nats ({number(whole / math.log(2))} bits) on average, over {plural(q.n, 'test item')}.",
        f"{_of(int((q.kl >= SILENT).sum()), len(q.kl))} {SILENT} nats or more.",
    ]
    if q.active is not None:
        some = int(q.active.sum())
        words.append(f"{plural(some, 'is', 'are')} active: the variance over items of the posterior's mean is above 0.01.")
    if len(q.kl) > ROWS:
        words.append(f"The table has the {ROWS} that carry most.")
    return Rate(rows, (*words, *_worst(q)), q.standard)


def _of(some: int, every: int) -> str:
    if some == every:
        return f"All {every} latents carry" if every > 1 else "The one latent carries"
    return f"{some or 'None'} of the {plural(every, 'latent')} {'carry' if some > 1 else 'carries'}"


def _draws(q: Posterior, i: int) -> tuple[str, str]:
    return ("", "") if q.mean is None or q.deviation is None else (decimals(float(q.mean[i])), decimals(float(q.deviation[i])))


def _worst(q: Posterior) -> list[str]:
    """The active latent whose draws, taken for Gaussian, are most nats from the prior."""
    if q.mean is None or q.deviation is None or q.active is None or not q.active.any():
        return []
    apart = 0.5 * (np.square(q.mean) + np.square(q.deviation) - 1.0) - np.log(q.deviation)
    worst = int(np.argmax(np.where(q.active, apart, -np.inf)))
    mean, deviation = _draws(q, worst)
    return [
        f"Furthest from the prior among the active is latent {worst + 1}: its draws over all items have mean {mean} and standard deviation "
        f"{deviation}, where the prior has 0\u00a0and\u00a01."
    ]
