"""The truth, the truth with noise beside it, a rotation of it, every code twice, and pure noise."""

import numpy as np
import pytest

from allegory.measures import disentanglement as d

SIZES = (3, 5, 8)
N = 1200


def factors():
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(0, s, N) for s in SIZES], 1)


def cases():
    rng = np.random.default_rng(1)
    y = factors()
    truth = (y - y.mean(0)) / y.std(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return {
        "truth": truth,
        "beside noise": np.concatenate([truth, rng.normal(size=(N, 2))], 1),
        "rotated": truth @ turn,
        "twice": np.concatenate([truth, truth], 1),
        "noise": rng.normal(size=(N, 3)),
    }


MEASURES = {
    "mig": lambda y, z: d.mig(y, z, np.random.default_rng(2)).score,
    "sap": lambda y, z: d.sap(y, z, np.random.default_rng(2)).score,
    "modularity": lambda y, z: d.modularity(y, z, np.random.default_rng(2)).score,
    "explicitness": lambda y, z: d.explicitness(y, z, np.random.default_rng(2)).score,
    "irs": lambda y, z: d.irs(y, z, np.random.default_rng(2)).score,
    "beta_vae": lambda y, z: d.beta_vae(y, z, np.random.default_rng(2), points=(1000, 500)).score,
    "factor_vae": lambda y, z: d.factor_vae(y, z, np.random.default_rng(2), points=(1000, 500)).score,
}
OF_DCI = ("disentanglement", "completeness", "informativeness")


@pytest.fixture(scope="module")
def table():
    y, codes = factors(), cases()
    found = {name: {case: measure(y, z) for case, z in codes.items()} for name, measure in MEASURES.items()}
    dci = {case: d.dci(y, z, np.random.default_rng(2)) for case, z in codes.items()}
    return found | {name: {case: getattr(dci[case], name) for case in codes} for name in OF_DCI}


@pytest.mark.parametrize("name", [*MEASURES, *OF_DCI])
def test_truth_is_above_a_rotation_and_that_above_noise(table, name):
    got = table[name]
    assert got["truth"] >= got["rotated"] - 1e-9 and got["rotated"] > got["noise"] - 0.02
    assert got["truth"] > got["noise"] + 0.1


@pytest.mark.parametrize("name", [name for name in (*MEASURES, *OF_DCI) if name not in ("sap", "completeness")])
def test_truth_is_near_the_top(table, name):
    assert table[name]["truth"] > 0.98


def test_sap_of_the_truth_is_low(table):
    """A line in one feature tells few of many ordered values apart."""
    assert 0.1 < table["sap"]["truth"] < 0.6


def test_noise_beside_the_truth_costs_little(table):
    for name in ("mig", "irs", "beta_vae", "factor_vae", "disentanglement", "informativeness", "explicitness", "sap"):
        limit = 0.5 if name == "irs" else 0.05  # a code of noise is moved by whatever changes, and IRS weighs it by its largest deviation
        assert table[name]["beside noise"] > table[name]["truth"] - limit, name


def test_every_code_twice_hurts_what_asks_for_one_code_a_factor(table):
    for name in ("mig", "sap"):
        assert table[name]["twice"] == pytest.approx(0.0, abs=1e-9)
    assert table["modularity"]["twice"] == pytest.approx(table["modularity"]["truth"])
    assert table["factor_vae"]["twice"] > 0.98 and table["informativeness"]["twice"] > 0.98


def test_scores_of_batches_of_noise_are_chance(table):
    """500 points of one in three: the standard error is .021."""
    for name in ("beta_vae", "factor_vae"):
        assert table[name]["noise"] == pytest.approx(1 / 3, abs=0.09)


def test_a_continuous_factor_is_binned_and_an_unknown_one_left_out():
    y, z = factors(), cases()["truth"]
    value = np.random.default_rng(5).uniform(size=N)
    mixed = np.concatenate([y.astype(float), value[:, None]], 1)
    mixed[::10, 0] = np.nan
    z = np.concatenate([z, value[:, None]], 1)
    assert d.mig(mixed, z, np.random.default_rng(0)).gaps == pytest.approx([1.0, 1.0, 1.0, 1.0], abs=0.05)
    sap = d.sap(mixed, z, np.random.default_rng(0))
    assert sap.matrix[3, 3] == pytest.approx(1.0) and sap.matrix[0, 3] < 0.01
    assert d.factor_vae(mixed, z, np.random.default_rng(0), points=(500, 250)).score > 0.98


def test_perfect_codes_of_a_small_grid_stay_below_one():
    """Factors of 32 values in 20 bins, 1,000 items: what bins cannot tell, and what chance tells of the other factors."""
    rng = np.random.default_rng(0)
    y = np.stack([rng.integers(0, s, 1000) for s in (3, 32, 32)], 1)
    got = d.mig(y, y.astype(float), rng).score
    assert 0.5 < got < 0.9


@pytest.mark.parametrize("measure", [d.beta_vae, d.factor_vae])
def test_leaving_out_no_item_changes_nothing_and_leaving_out_some_little(measure):
    y = factors()
    z = cases()["rotated"] + 4.0 * np.random.default_rng(3).normal(size=(N, 3))  # so that some batches are told wrongly
    whole = measure(y, z, np.random.default_rng(0), points=(600, 300))
    parts = measure(y, z, np.random.default_rng(0), points=(600, 300), groups=5)
    assert parts.score == whole.score and len(parts.without) == 5
    assert np.abs(parts.without - whole.score).max() < 0.12
    assert (parts.without != whole.score).any()


def test_codes_of_small_deviation_take_no_part():
    y, z = factors(), cases()["truth"]
    got = d.factor_vae(y, z * [1, 0.04, 1], np.random.default_rng(0), points=(500, 250))
    assert got.active == 2 and got.score < 0.8
    assert d.factor_vae(y, 0.01 * z, np.random.default_rng(0)).score == 0.0


def test_without_a_group_is_the_score_without_it():
    """Explicitness leaves test items out and keeps the reader."""
    y, z = factors(), cases()["rotated"]
    rows = np.arange(N)
    whole = d.explicitness(y, z, np.random.default_rng(0), (rows[:1000], rows[1000:]), groups=4)
    test = rows[1000:][np.arange(200) % 4 != 1]
    left = d.explicitness(y, z, np.random.default_rng(0), (rows[:1000], test), groups=4)
    assert left.score == pytest.approx(whole.without[1], abs=1e-9)
