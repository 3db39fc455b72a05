"""Settings beside one of them: which seeds are paired, the interval by hand, and what is said of it."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from allegory.questions import Score
from allegory.studies import findings, relations, report
from allegory.studies.against import against, difference
from allegory.studies.grid import parsed
from allegory.studies.population import Population, Training

TEXT = """
data: [digits]
methods: {BetaVAE: {beta: [1.0, 4.0, 16.0], latent: [2]}}
against: BetaVAE beta 1.0
seeds: 4
questions: [mig, reconstruction]
roles: {nature: ["mig:mig", "reconstruction:mse"]}
"""
MIG = {"1.0": (0.1, 0.2, 0.3, 0.4), "4.0": (0.2, 0.4, 0.4, 0.6), "16.0": (0.0, 0.1, 0.2, 0.3)}
MSE = {"1.0": (1.0, 1.0, 1.0, 1.0), "4.0": (1.2, 1.3, 1.2, 1.3), "16.0": (0.9, 1.1, 0.8, 1.2)}


@pytest.fixture
def population():
    grid = parsed(TEXT, "g")

    def of(cell):
        beta = cell.label.split()[-1]
        scores = {name: by[beta][cell.seed] for name, by in (("mig:mig", MIG), ("reconstruction:mse", MSE))}
        made = {name: Score(*name.split(":"), v, None, None, 10, 1, "test", None, "") for name, v in scores.items()}
        return Training(cell, SimpleNamespace(facts={"seconds": 1.0}, told={}), made)

    return Population(grid, tuple(of(cell) for cell in reversed(grid.cells)))


def test_the_interval_by_hand():
    """Differences .1, .2, .1, .2: mean .15, deviation .0577, t(3) at .975 = 3.182, half 3.182 * .0577 / 2 = .0919."""
    d = difference(np.array([0.2, 0.4, 0.4, 0.6]), np.array([0.1, 0.2, 0.3, 0.4]))
    assert d is not None and d.n == 4
    assert (d.mean, d.low, d.high) == pytest.approx((0.15, 0.15 - 0.0919, 0.15 + 0.0919), abs=1e-4)
    assert d.clear
    assert difference(np.array([1.0, 2.0, np.nan]), np.zeros(3)) is None


def test_seeds_are_paired_whatever_their_order_and_good_is_told_from_high(population):
    found = against(population, ("mig:mig", "reconstruction:mse"))
    assert found is not None and found.of == "BetaVAE beta 1.0" and found.settings == ("BetaVAE beta 4.0", "BetaVAE beta 16.0")
    assert found.better("mig:mig") == ["BetaVAE beta 4.0"] and found.worse("mig:mig") == ["BetaVAE beta 16.0"]
    assert found.better("reconstruction:mse") == [] and found.worse("reconstruction:mse") == ["BetaVAE beta 4.0"]


def test_a_seed_that_is_missing_leaves_its_pair_out(population):
    some = dataclasses.replace(population, trainings=population.trainings[1:])  # the last seed of beta 16
    found = against(some, ("mig:mig",))
    assert found is not None
    assert {s: d.n for (s, _), d in found.differences.items()} == {"BetaVAE beta 4.0": 4, "BetaVAE beta 16.0": 3}


def test_nothing_is_said_where_no_setting_is_named(population):
    grid = dataclasses.replace(population.grid, against=None)
    assert against(dataclasses.replace(population, grid=grid), ("mig:mig",)) is None


def test_it_is_told(population, monkeypatch):
    monkeypatch.setattr(report, "standings", lambda _: None)
    found = relations.relations(population)
    said = findings.found(found, report.beside(population))
    assert said == [
        "MIG beside BetaVAE beta 1.0, by the paired interval over 4 seeds: better BetaVAE beta 4.0; worse BetaVAE beta 16.0.",
        "reconstruction: mse beside BetaVAE beta 1.0, by the paired interval over 4 seeds: worse BetaVAE beta 4.0; not told apart BetaVAE "
        "beta 16.0.",
    ]
    text, page = report.markdown(population, found), report.page(population, found)
    assert "## Beside BetaVAE beta 1.0" in text and "**+0.15 (0.06 to 0.24)**" in text
    assert (
        "<strong>+0.15 (0.06 to 0.24)</strong>" in page
        and "Rank correlations" not in page
        and "Spearman" not in text
        and "correlation over a population" not in text
    )
