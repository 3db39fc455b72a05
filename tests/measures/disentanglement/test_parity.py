"""Beside disentanglement_lib, from the outputs that benchmarks/parity/disentanglement.py has stored."""

import json
from pathlib import Path

import numpy as np
import pytest

from allegory.measures import disentanglement as d
from allegory.measures.disentanglement.dci import completeness, disentanglement

STORED = json.loads((Path(__file__).parents[3] / "benchmarks/parity/disentanglement.json").read_text())
GAVE = STORED["gave"]
FACTORS, CODES = np.array(STORED["factors"]), np.array(STORED["codes"])
PARTS = (np.arange(200), np.arange(200, 300))
SIZES = (3, 5, 4)


def rng():
    return np.random.default_rng(0)


def test_measures_of_information():
    assert d.mig(FACTORS, CODES, rng()).score == pytest.approx(GAVE["mig"], abs=1e-12)
    assert d.modularity(FACTORS, CODES, rng()).score == pytest.approx(GAVE["modularity"], abs=1e-12)
    assert d.irs(FACTORS, CODES, rng()).score == pytest.approx(GAVE["irs"], abs=1e-12)


def test_sap():
    """Its solver stops at a tolerance of 1e-4 and ours at the optimum: an item on the border may fall to the other side."""
    got = d.sap(FACTORS, CODES, rng(), PARTS)
    assert np.abs(got.matrix - GAVE["sap_matrix"]).max() <= 0.0100001
    assert got.score == pytest.approx(GAVE["sap"], abs=0.01)
    continuous = FACTORS + 1e-9 * np.arange(300)[:, None]  # more than 20 values: taken as continuous
    assert d.sap(continuous, CODES, rng(), PARTS).score == pytest.approx(GAVE["sap_continuous"], abs=1e-6)


def test_explicitness():
    """The tolerance is that of its logistic regression."""
    got = d.explicitness(FACTORS, CODES, rng(), PARTS)
    assert (got.train, got.score) == pytest.approx(GAVE["explicitness"], abs=1e-3)


def test_dci_with_plain_trees():
    """Its trees break ties between equal splits at random, which moves an importance by a few thousandths."""
    got = d.dci(FACTORS, CODES, rng(), PARTS, trees="plain")
    assert np.abs(got.importance - GAVE["importance"]).max() < 0.03
    assert got.disentanglement == pytest.approx(GAVE["disentanglement"], abs=0.02)
    assert got.completeness == pytest.approx(GAVE["completeness"], abs=0.02)
    assert (got.informativeness, got.informativeness_train) == pytest.approx(GAVE["informativeness"], abs=0.02)


def test_scores_of_importances():
    R = np.array(GAVE["importance"])
    assert disentanglement(R) == pytest.approx(GAVE["disentanglement"], abs=1e-6)  # stored with 8 digits
    assert completeness(R) == pytest.approx(GAVE["completeness"], abs=1e-6)


@pytest.mark.parametrize("measure", [d.beta_vae, d.factor_vae])
def test_scores_of_batches(measure):
    """Both draw; with 1,000 points the standard error of a share near .6 is .016, and that of a difference .022. The bound is 2.5 of it."""
    grid = np.stack([g.ravel() for g in np.meshgrid(*map(np.arange, SIZES), indexing="ij")], 1)
    got = [measure(grid, np.array(STORED["grid"]), np.random.default_rng(s), points=(2000, 1000)).score for s in (0, 1)]
    stored = [GAVE[f"{measure.__name__} {which}"] for which in ("first", "second")]
    assert np.mean(got) == pytest.approx(np.mean(stored), abs=0.04)
