"""Runs the metrics of disentanglement_lib once and keeps what they gave.

    pip download disentanglement_lib==1.5 --no-deps, unpack, then
    PYTHONPATH=<where it was unpacked> python benchmarks/parity/disentanglement.py > benchmarks/parity/disentanglement.json

Its metrics need numpy, scipy and scikit-learn alone; tensorflow, gin, absl and six, which it imports beside, are stood in for below, so
settings are handed over as arguments. tests/measures/disentanglement/test_parity.py reads the file and needs none of them.
"""

import json
import sys
import types
from importlib.metadata import version
from typing import Any

import numpy as np

PEERS = ("numpy", "scipy", "scikit-learn")
SIZES = (3, 5, 4)


def stand_in() -> None:
    """Modules with the few names that the metrics ask for."""
    gin, gin_tf = types.ModuleType("gin"), types.ModuleType("gin.tf")
    gin.REQUIRED, gin.tf = None, gin_tf

    def configurable(*names: Any, **more: Any) -> Any:
        del more
        return names[0] if names and callable(names[0]) else lambda f: f

    gin.configurable = configurable
    absl, six, moves = types.ModuleType("absl"), types.ModuleType("six"), types.ModuleType("six.moves")
    absl.logging = types.SimpleNamespace(info=print_nothing)
    moves.range, six.moves = range, moves
    sys.modules |= {"gin": gin, "gin.tf": gin_tf, "absl": absl, "six": six, "six.moves": moves}


def print_nothing(*said: Any) -> None:
    del said


class Grid:
    """The whole grid of factors as its own observations: what disentanglement_lib calls ground-truth data."""

    num_factors = len(SIZES)

    def sample_factors(self, num: int, random_state: Any) -> np.ndarray:
        return np.stack([random_state.randint(s, size=num) for s in SIZES], 1)

    def sample_observations_from_factors(self, factors: np.ndarray, random_state: Any) -> np.ndarray:
        del random_state
        return factors

    def sample_observations(self, num: int, random_state: Any) -> np.ndarray:
        return self.sample_factors(num, random_state)


def drawn(factors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Codes with structure: one clean, one of two factors, one noisy, one of noise, one constant."""
    y = (factors - factors.mean(0)) / factors.std(0)
    noise = rng.normal(size=(len(y), 4))
    parts = (y[:, 0], 0.8 * y[:, 1] - 0.6 * y[:, 2] + 0.1 * noise[:, 1], y[:, 2] + 0.5 * noise[:, 2], noise[:, 3], 0.3 + 0 * y[:, 0])
    return np.round(np.stack(parts, 1), 2)


def main() -> None:
    stand_in()
    from disentanglement_lib.evaluation.metrics import beta_vae, dci, factor_vae, irs, mig, modularity_explicitness, sap_score, utils

    utils.make_discretizer = lambda target: utils._histogram_discretize(target, 20)
    rng = np.random.default_rng(2019)
    y = np.stack([rng.integers(0, s, 300) for s in SIZES], 1)
    z = drawn(y, rng)
    train, test = slice(0, 200), slice(200, 300)
    m = utils.discrete_mutual_info(utils.make_discretizer(z.T), y.T)
    mean, scale = z[train].mean(0), np.where(z[train].std(0) > 0, z[train].std(0), 1.0)
    x = ((z - mean) / scale).T
    areas = [modularity_explicitness.explicitness_per_factor(x[:, train], y[train, j], x[:, test], y[test, j]) for j in range(3)]
    importance, right, right_test = dci.compute_importance_gbt(z[train].T, y[train].T, z[test].T, y[test].T)
    grid = np.stack([g.ravel() for g in np.meshgrid(*map(np.arange, SIZES), indexing="ij")], 1)
    mixing, noise = np.random.default_rng(7).normal(size=(2, 3, 3)), np.random.default_rng(8).normal(size=(len(grid), 3))
    codes = np.round((grid - grid.mean(0)) @ mixing[0] + 2.0 * noise, 2)
    look_up = {tuple(f): c for f, c in zip(grid.tolist(), codes, strict=True)}

    def encode(observations: np.ndarray) -> np.ndarray:
        return np.array([look_up[tuple(f)] for f in observations.tolist()])

    gave: dict[str, Any] = {
        "mig": mig._compute_mig(z.T, y.T)["discrete_mig"],
        "modularity": modularity_explicitness.modularity(m),
        "explicitness": [float(a) for a in np.mean(areas, 0)],
        "sap": sap_score._compute_sap(z[train].T, y[train].T, z[test].T, y[test].T, False)["SAP_score"],
        "sap_matrix": sap_score.compute_score_matrix(z[train].T, y[train].T, z[test].T, y[test].T, False).tolist(),
        "sap_continuous": sap_score._compute_sap(z[train].T, y[train].T.astype(float), z[test].T, y[test].T, True)["SAP_score"],
        "irs": irs.scalable_disentanglement_score(utils.make_discretizer(y.T).T, z[:, :4])["avg_score"],
        "importance": np.round(importance, 8).tolist(),
        "disentanglement": dci.disentanglement(importance),
        "completeness": dci.completeness(importance),
        "informativeness": [right_test, right],
    }
    for name, seed in (("first", 0), ("second", 1)):
        state = np.random.RandomState(seed)
        gave[f"beta_vae {name}"] = beta_vae.compute_beta_vae_sklearn(Grid(), encode, state, None, 64, 2000, 1000)["eval_accuracy"]
        factor_vae._prune_dims.__defaults__ = (0.05,)
        gave[f"factor_vae {name}"] = factor_vae.compute_factor_vae(Grid(), encode, state, None, 64, 2000, 1000, 2000)["eval_accuracy"]
    kept = {
        "peers": {"disentanglement_lib": "1.5"} | {p: version(p) for p in PEERS}, "factors": y.tolist(), "codes": z.tolist(),
        "grid": codes.tolist(), "gave": gave,
    }  # fmt: skip
    print(json.dumps(kept))


if __name__ == "__main__":
    main()
