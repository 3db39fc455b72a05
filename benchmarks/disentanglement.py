"""Seconds of every disentanglement measure on 10,000 points, and how near fast DCI is to plain DCI.

    python benchmarks/disentanglement.py [--plain] [--json]      6 factors, 10 codes; --plain: DCI with scikit-learn's trees too (minutes)
    python benchmarks/disentanglement.py --agree [--json]        fast and plain DCI of five models, three of them trained here (minutes)

The points of BetaVAE and FactorVAE are 10,000 batches to learn from and 5,000 to judge on, readers learn from 10,000 items and are
judged on 5,000 others, as in disentanglement_lib. One process; the threads are those of numpy.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import allegory as al
from allegory.measures import disentanglement as d
from allegory.measures.disentanglement.factored import Parts, parts_of

SIZES = (3, 6, 10, 16, 16, 4)
ITEMS, GOAL = 15_000, 60.0
MEASURES: dict[str, Callable[..., Any]] = {
    "mig": d.mig, "modularity": d.modularity, "explicitness": d.explicitness, "sap": d.sap, "irs": d.irs, "beta_vae": d.beta_vae,
    "factor_vae": d.factor_vae, "dci": d.dci,
}  # fmt: skip
GRID = "sprites:size=16,scales=5,orientations=8,xs=10,ys=10"
BETAS = (1.0, 4.0, 8.0)


def mixed(factors: np.ndarray, degrees: float, noise: int, rng: np.random.Generator) -> np.ndarray:
    """The factors with noise of .2, two pairs of them turned into each other, beside codes of noise alone."""
    y = (factors - factors.mean(0)) / factors.std(0)
    z = y + 0.2 * rng.normal(size=y.shape)
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    for i, j in ((1, 2), (3, 4)):
        z[:, [i, j]] = z[:, [i, j]] @ np.array([[cos, -sin], [sin, cos]])
    return np.concatenate([z, rng.normal(size=(len(z), noise))], 1)


def timed(plain: bool) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(0, s, ITEMS) for s in SIZES], 1)
    codes = mixed(factors, 20.0, 4, rng)
    found = {}
    measures = MEASURES | ({"plain dci": lambda *a: d.dci(*a, trees="plain")} if plain else {})
    for name, measure in measures.items():
        wall, busy = time.perf_counter(), time.process_time()
        got = measure(factors, codes, np.random.default_rng(1))
        score = got.disentanglement if isinstance(got, d.DCI) else got.score
        found[name] = {"seconds": time.perf_counter() - wall, "processor_seconds": time.process_time() - busy, "score": score}
    return found


def models() -> tuple[np.ndarray, dict[str, np.ndarray], Parts]:
    """The factors of a grid of sprites and five codes of it."""
    source = al.load(GRID)
    factors = source.factors.values[:, 1:]
    codes = {f"factors turned by {turn:g} degrees": mixed(factors, turn, 5, np.random.default_rng(1)) for turn in (0.0, 20.0)}
    for seed, beta in enumerate(BETAS):
        rep = al.learn(source, al.BetaVAE(beta=beta, latent=10), steps=300, seed=seed)
        codes[f"beta-VAE, beta {beta:g}, 300 steps"] = np.asarray(rep.encode(source), dtype=np.float64)
    return factors, codes, parts_of(len(factors), np.random.default_rng(5))


def agreement() -> dict[str, dict[str, list[float]]]:
    factors, codes, parts = models()
    found = {}
    for name, z in codes.items():
        both = {}
        for trees in ("fast", "plain"):
            busy = time.process_time()
            got = d.dci(factors, z, np.random.default_rng(0), parts, trees)
            both[trees] = [got.disentanglement, got.completeness, got.informativeness, time.process_time() - busy]
        found[name] = both
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--agree", action="store_true")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    found: dict[str, Any] = agreement() if told.agree else timed(told.plain)
    if told.json:
        print(json.dumps(found))
    elif told.agree:
        print(f"{'DCI fast / plain':34} disentanglement  completeness     informativeness  processor seconds")
        for name, both in found.items():
            print(f"{name:34} " + "  ".join(f"{a:6.3f} /{b:6.3f}" for a, b in zip(both["fast"], both["plain"], strict=True)))
        apart = np.abs([np.subtract(both["fast"], both["plain"])[:3] for both in found.values()]).mean(0)
        print(f"mean difference: {apart[0]:.4f} {apart[1]:.4f} {apart[2]:.4f} (goal: under 0.02)")
    else:
        for name, row in found.items():
            print(f"{name:14} {row['seconds']:7.2f} s  {row['processor_seconds']:7.2f} processor s   score {row['score']:.3f}")
        total = sum(row["seconds"] for name, row in found.items() if name != "plain dci")
        print(f"all together {total:.1f} s (goal: at most {GOAL:.0f})")


if __name__ == "__main__":
    main()
