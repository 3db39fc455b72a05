"""Writes docs/labs/masking.md and its pictures: why predicting what is hidden can beat saying again what is seen.

python docs/labs/masking.py     half an hour on one core; what was trained is kept under runs/masking; the words are in masking.txt
"""

import dataclasses
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

import allegory as al
from allegory import questions, views
from allegory.core import Array, Method, files, plain
from allegory.data import Source
from allegory.methods.latent.autoencoder import Autoencoder
from allegory.methods.pretext.context_encoder import ContextEncoder
from allegory.methods.pretext.denoising import Denoising
from allegory.methods.spectral.pca import PCA
from allegory.pages import drawings, plots
from allegory.questions.intervals import student
from allegory.train import Settings

HERE = Path(__file__).resolve().parent
RUNS = HERE.parent.parent / "runs" / "masking"
D, K, QUIET = 24, 3, 0.5  # numbers of an observation, factors, variance of the quiet numbers' own noise
LOUD = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
TOGETHER, SHARED = 4, 4.0  # numbers that share a noise in the second world, and its variance
LONELY = 6.0  # how much one number shows of the factor that no other number shows
WORLDS, STARTS = 10, 3

SIDE, SEEDS, STEPS = 8, 5, 1000
PAPER, CONTRAST, NOISE = 96, 64, 25  # of the clouded digits: grey of nothing, that of full ink above it, deviation of the noise
CHOSEN = "masked squares, 0.5"  # chosen by a trial of one seed; the best of a row would flatter
NET: dict[str, Any] = {"latent": 10, "encoder": "mlp-plain", "decoder": "mlp"}
Matrix = Float[np.ndarray, "a b"]


def loadings(seed: int) -> Matrix:
    """(D, K): what each number shows of each factor."""
    return np.random.default_rng(seed).normal(size=(D, K))


def private(loud: float) -> Matrix:
    """The covariance of noise that each number has to itself; one half of them is loud."""
    return np.diag(np.where(np.arange(D) < D // 2, loud, QUIET))


def neighbourly(loud: float, together: int) -> Matrix:
    """Noise that `together` neighbours share, and a little that each has to itself."""
    return QUIET * np.eye(D) + loud * np.kron(np.eye(D // together), np.ones((together, together)))


def told(E: Matrix, A: Matrix, S: Matrix) -> float:
    """The share of the factors' variance that a linear reader of the code z = E x finds."""
    return float(np.trace(A.T @ E.T @ np.linalg.solve(E @ S @ E.T, E @ A)) / A.shape[1])


def restoring(C: Matrix, T: Matrix) -> Matrix:
    """The encoder of the best linear net of K units that says all of x from what is shown of it, x'.

    C: E[x x'^T], T: E[x' x'^T]. Reduced-rank regression (Izenman 1975): with no noise, x' = x, these are the principal components.
    """
    _, axes = np.linalg.eigh(C @ np.linalg.solve(T, C.T))
    return axes[:, -K:].T @ C @ np.linalg.inv(T)


def autoencoder(S: Matrix) -> Matrix:
    return restoring(S, S)


def dropping(S: Matrix, share: float) -> Matrix:
    """The denoising autoencoder: a share of the numbers is set to 0, and all are to be said."""
    seen = 1 - share
    return restoring(seen * S, seen**2 * S + seen * share * np.diag(np.diag(S)))


def masked(S: Matrix, share: float, together: int = 1) -> Matrix:
    """The encoder of the best linear net of K units that says what is hidden from what is seen; `together` neighbours are hidden as one.

    With B = D E, the expected squared error of the hidden is, but for a factor, tr S - 2 p <B, S> + <B T, B> over entries of B between
    numbers that are not hidden as one, with p = 1 - share and T = p^2 S + p share S o G, where G is 1 within those that are. No draws
    are taken: it is minimised as it stands.
    """
    group = torch.as_tensor(np.kron(np.eye(D // together), np.ones((together, together))))
    cov, seen = torch.as_tensor(S), 1 - share
    T = seen**2 * cov + seen * share * cov * group

    def error(decoder: Tensor, encoder: Tensor) -> Tensor:
        B = (decoder @ encoder) * (1 - group)
        return cov.trace() - 2 * seen * (B * cov).sum() + ((B @ T) * B).sum()

    found = [lowest(error, start) for start in range(STARTS)]
    return min(found, key=lambda pair: pair[0])[1]


def lowest(error: Any, start: int) -> tuple[float, Matrix]:
    """The lowest error that a descent reaches from a random start, and the encoder there."""
    draw = torch.Generator().manual_seed(start)
    small = lambda *shape: (0.1 * torch.randn(*shape, dtype=torch.float64, generator=draw)).requires_grad_()
    decoder, encoder = small(D, K), small(K, D)
    descent = torch.optim.LBFGS(
        [decoder, encoder], max_iter=2000, line_search_fn="strong_wolfe", tolerance_grad=1e-9, tolerance_change=1e-12
    )

    def again() -> Tensor:
        descent.zero_grad()
        loss: Tensor = error(decoder, encoder)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    descent.step(again)  # type: ignore[no-untyped-call]
    return float(error(decoder, encoder).detach()), encoder.detach().numpy()


def by_loudness() -> dict[str, list[float]]:
    """Over the loudness of private noise, the mean share of the factors that each code tells."""
    found: dict[str, list[float]] = {name: [] for name in ("masked", "denoising", "autoencoder", "all of x")}
    for loud in LOUD:
        rows = []
        for world in range(WORLDS):
            A = loadings(world)
            S = A @ A.T + private(loud)
            rows.append([told(E, A, S) for E in (masked(S, 0.5), dropping(S, 0.5), autoencoder(S), np.eye(D))])
        for name, value in zip(found, np.mean(rows, 0), strict=True):
            found[name].append(float(value))
    return found


def by_share() -> dict[str, list[float]]:
    """Over the share that is hidden, for noise that neighbours share: hidden one by one, and with those that share it."""
    found: dict[str, list[float]] = {name: [] for name in ("hidden with its neighbours", "hidden one by one", "autoencoder")}
    for share in SHARES:
        rows = []
        for world in range(WORLDS):
            A = loadings(world)
            S = A @ A.T + neighbourly(SHARED, TOGETHER)
            rows.append([told(E, A, S) for E in (masked(S, share, TOGETHER), masked(S, share), autoencoder(S))])
        for name, value in zip(found, np.mean(rows, 0), strict=True):
            found[name].append(float(value))
    return found


def lonely() -> tuple[float, float]:
    """How much of a factor that a single number shows is told by the code of the masked net, half hidden, and by the autoencoder's."""
    rows = []
    for world in range(WORLDS):
        A = loadings(world)
        A[:, -1], A[0, -1] = 0.0, LONELY
        S = A @ A.T + private(QUIET)
        rows.append([told(E, A[:, -1:], S) for E in (masked(S, 0.5), autoencoder(S))])
    by_masked, by_autoencoder = np.mean(rows, 0)
    return float(by_masked), float(by_autoencoder)


def clouded(source: Source, patch: int, share: float) -> Source:
    """Digits in faint ink, with noise that is the same within patches; only this share of the patches has any."""
    rng = np.random.default_rng(0)
    x, n = np.asarray(source.take(slice(None))), len(source)
    cells = SIDE // patch
    noise = NOISE * rng.normal(size=(n, 1, cells, cells)) * (rng.permutation(cells**2) < share * cells**2).reshape(cells, cells)
    grey = PAPER + CONTRAST * (x / x.max()) + noise.repeat(patch, 2).repeat(patch, 3)
    seen = np.clip(grey, 0, 255).round().astype(np.uint8)
    name = f"clouded by {NOISE} in patches of {patch}, ink {CONTRAST}"
    return dataclasses.replace(source, name=name, spec=Array((1, SIDE, SIDE), 256), x=seen, keys=None)


def digits() -> dict[str, Source]:
    """As they are, with noise of single pixels in one half of them, and with noise of squares of four."""
    plain_ = al.load("digits")
    return {"as they are": plain_, "noise of pixels": clouded(plain_, 1, 0.5), "noise of squares": clouded(plain_, 2, 1.0)}


def matched() -> dict[str, Method]:
    """The methods, all with the same encoder, decoder and code."""
    found: dict[str, Method] = {"autoencoder": Autoencoder(**NET)}
    found |= {f"denoising, {share:g} dropped": Denoising(views=views.Drop(share), **NET) for share in SHARES}
    for patch, name in ((1, "pixels"), (2, "squares")):
        found |= {f"masked {name}, {share:g}": ContextEncoder(views=views.Masks(patch, share), **NET) for share in SHARES}
    return found | {"PCA": PCA(latent=NET["latent"])}


@dataclass(frozen=True)
class Score:
    """Percent of test items that are told right with one label a class: the mean over seeds, and Student's 95 % interval."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def half(self) -> float:
        return student(np.asarray(self.values)) if len(self.values) > 1 else 0.0

    def __str__(self) -> str:
        return f"{self.mean:.1f} ± {self.half:.1f}" if len(self.values) > 1 else f"{self.mean:.1f}"


def accuracy(source: Source, method: Method, seed: int) -> float:
    """Percent that are told right with one label a class, 20 draws of the labels; from its file where it was measured before."""
    key = json.dumps(plain.plain([source.name, type(method).__name__, method, STEPS, seed]), sort_keys=True)
    path = RUNS / f"{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"
    if path.exists():
        return float(json.loads(path.read_text()))
    rep = al.learn(source, method, settings=Settings(seed=seed, steps=STEPS, batch=128, device="cpu"), quiet=True)
    score = questions.ask(rep, source, questions=["few_labels"], controls=()).get("accuracy@1")
    assert score is not None, "digits have labels"
    RUNS.mkdir(parents=True, exist_ok=True)
    files.atomic_write(path, json.dumps(100.0 * score.value))
    return 100.0 * score.value


def measured() -> dict[str, dict[str, Score]]:
    """By digits and method."""
    found: dict[str, dict[str, Score]] = {}
    for name, source in digits().items():
        found[name] = {}
        for label, method in matched().items():
            seeds = range(1 if label == "PCA" else SEEDS)
            found[name][label] = Score(tuple(accuracy(source, method, seed) for seed in seeds))
            sys.stderr.write(f"{name}: {label}: {found[name][label]}\n")
    return found


def pictures(loud: dict[str, list[float]], share: dict[str, list[float]], scores: dict[str, dict[str, Score]]) -> dict[str, str]:
    """By name."""
    looks = {
        "masked": ("own", "circle"), "denoising": ("untrained", "triangle"), "autoencoder": ("raw", "square"), "all of x": ("ceiling", ""),
        "hidden with its neighbours": ("own", "circle"), "hidden one by one": ("untrained", "triangle"),
    }  # fmt: skip
    lines = lambda found, at: [
        plots.Series(name, looks[name][0], tuple(zip(at, values, strict=True)), mark=looks[name][1]) for name, values in found.items()
    ]
    doubled = [float(np.log2(v)) for v in LOUD]
    across = plots.Axis(doubled[0] - 0.2, doubled[-1] + 0.2, tuple((x, f"{v:g}") for x, v in zip(doubled, LOUD, strict=True)),
                        "variance of the loud half's own noise")  # fmt: skip
    told_ = plots.Axis(0.0, 1.0, tuple((t / 5, f"{t / 5:g}") for t in range(6)))
    return {
        "masking_loud": drawings.drawing(
            lines(loud, doubled), across, told_, "Share of the factors in the code over the loudness of noise"
        ),
        "masking_shared": drawings.drawing(
            lines(share, SHARES), hidden(), told_, "Share of the factors in the code over the share that is hidden"
        ),
    } | {f"masking_digits_{i}": of_digits(name, each) for i, (name, each) in enumerate(scores.items())}


def hidden() -> plots.Axis:
    return plots.Axis(0.05, 0.95, tuple((s, f"{s:g}") for s in SHARES), "share that is hidden")


def of_digits(name: str, scores: dict[str, Score]) -> str:
    """Percent right over the share that is hidden or dropped, with the autoencoder's and PCA's as lines."""
    over = lambda label: [scores[label.format(share)] for share in (f"{s:g}" for s in SHARES)]
    flat = lambda label: [scores[label]] * len(SHARES)
    named = (
        ("squares hidden", "own", "circle", over("masked squares, {}")), ("pixels hidden", "pca", "diamond", over("masked pixels, {}")),
        ("pixels dropped", "untrained", "triangle", over("denoising, {} dropped")),
        ("autoencoder", "raw", "", flat("autoencoder")),
    )  # fmt: skip
    series = [series_of(*each) for each in named]
    values = [v for s in series for low_high in s.bounds if low_high for v in low_high] + [v for s in series for _, v in s.points]
    return drawings.drawing(series, hidden(), plots.axis(values), f"Percent of digits told right with one label a class, {name}", columns=2)


def series_of(name: str, css: str, mark: str, scores: Sequence[Score]) -> plots.Series:
    points = tuple((share, s.mean) for share, s in zip(SHARES, scores, strict=True))
    return plots.Series(name, css, points, tuple((s.mean - s.half, s.mean + s.half) for s in scores) if mark else (), mark)


def page(loud: dict[str, list[float]], share: dict[str, list[float]], scores: dict[str, dict[str, Score]]) -> str:
    """The Markdown."""
    rows = ["| | " + " | ".join(f"digits, {name}" for name in scores) + " |", "|---" * (len(scores) + 1) + "|"]
    rows += [f"| {label} | " + " | ".join(str(each[label]) for each in scores.values()) + " |" for label in next(iter(scores.values()))]
    loud_at = {name: f"{values[LOUD.index(16.0)]:.2f}" for name, values in loud.items()}
    share_at = {name: f"{values[SHARES.index(0.5)]:.2f}" for name, values in share.items()}
    by_masked, by_autoencoder = lonely()
    return (HERE / "masking.txt").read_text().format(
        table="\n".join(rows), d=D, k=K, worlds=WORLDS, quiet=QUIET, together=TOGETHER, shared=f"{SHARED:g}", seeds=SEEDS,
        steps=f"{STEPS:,}", code=NET["latent"], masked=loud_at["masked"], auto=loud_at["autoencoder"], drop=loud_at["denoising"],
        all_of_x=loud_at["all of x"], alone=share_at["hidden one by one"], group=share_at["hidden with its neighbours"],
        group_auto=share_at["autoencoder"], lonely=LONELY, lonely_masked=f"{by_masked:.2f}", lonely_auto=f"{by_autoencoder:.2f}",
        paper=PAPER, contrast=CONTRAST, noise=NOISE, verdict=verdict(scores),
    )  # fmt: skip


def verdict(scores: dict[str, dict[str, Score]]) -> str:
    """For each kind of digits, one setting beside the autoencoder by the paired differences of the seeds."""
    said = []
    for name, each in scores.items():
        d = Score(tuple(np.subtract(each[CHOSEN].values, each["autoencoder"].values)))
        clear = "beyond" if abs(d.mean) > d.half else "not beyond"
        said.append(f"- *Digits, {name}*: {d.mean:+.1f} ± {d.half:.1f} points, {clear} the scatter of the seeds.")
    return "\n".join(said)


def main() -> None:
    torch.set_num_threads(1)
    loud, share, scores = by_loudness(), by_share(), measured()
    for name, text in pictures(loud, share, scores).items():
        files.atomic_write(HERE / "images" / f"{name}.svg", text)
    files.atomic_write(HERE / "masking.md", page(loud, share, scores))


if __name__ == "__main__":
    main()
