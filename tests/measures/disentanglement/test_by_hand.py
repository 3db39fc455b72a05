"""Numbers worked by hand on matrices that fit on a line."""

import math

import numpy as np
import pytest

from allegory.core import Misuse, Problem
from allegory.measures import disentanglement as d
from allegory.measures.disentanglement import importance, line_svm
from allegory.measures.disentanglement.batches import Mates
from allegory.measures.disentanglement.dci import completeness, disentanglement, per_code
from allegory.measures.disentanglement.factored import parts_of
from allegory.measures.disentanglement.information import binned, entropies, mutual_information
from allegory.measures.disentanglement.mig import gap_of
from allegory.measures.disentanglement.modularity import mean_area, modularity_of
from allegory.measures.disentanglement.udr import relative_strength

SQUARE = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def rng():
    return np.random.default_rng(0)


def test_bins_have_equal_width_and_the_last_is_closed():
    x = np.array([0.0, 0.049, 0.05, 0.5, 0.999, 1.0])[:, None]
    assert binned(x)[:, 0].tolist() == [0, 0, 1, 10, 19, 19]
    assert binned(np.full((3, 1), 7.0)).tolist() == [[0], [0], [0]]


def test_information_by_hand():
    """z = y: I = H = log 2. z tells y in half of the cases: counts (2, 0), (1, 1) of 4."""
    y = np.array([[0], [0], [0], [1]])
    z = np.array([[0, 0], [0, 0], [1, 0], [1, 1]])
    expected = 0.5 * math.log(0.5 / (0.5 * 0.75)) + 0.25 * math.log(0.25 / (0.5 * 0.75)) + 0.25 * math.log(0.25 / (0.5 * 0.25))
    h = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert mutual_information(z, y)[:, 0] == pytest.approx([expected, h], abs=1e-12)
    assert entropies(y) == pytest.approx([h])


def test_unknown_factors_are_left_out_for_that_factor():
    y = np.array([[0, 0], [1, -1], [0, 1], [1, 0]])
    z = np.array([[0], [1], [1], [1]])
    assert mutual_information(z, y)[0, 1] == pytest.approx(mutual_information(z[[0, 2, 3]], y[[0, 2, 3], 1:])[0, 0])


def test_mig_by_hand():
    """Factor 0 is code 0 exactly and code 1 tells nothing of it: gap 1. Factor 1 is told by codes 1 and 2 both: gap 0. Mean 1/2."""
    z = np.stack([SQUARE[:, 0], SQUARE[:, 1], 5.0 - SQUARE[:, 1]], 1)
    got = d.mig(SQUARE, z, rng())
    assert got.gaps == pytest.approx([1.0, 0.0]) and got.score == pytest.approx(0.5)
    assert got.matrix == pytest.approx(np.array([[1, 0], [0, 1], [0, 1]]), abs=1e-12)


def test_gap_is_between_the_two_best_codes():
    assert gap_of(np.array([[0.1, 0.9], [0.5, 0.2], [0.7, 0.3]]), (0, 1)).gaps == pytest.approx([0.2, 0.6])


def test_modularity_by_hand():
    """(2, 1): 1 - 1/4; (3, 0): 1; (0, 0): 0; with three factors (2, 1, 1): 1 - 2 / (4 * 2)."""
    assert modularity_of(np.array([[2.0, 1.0], [3.0, 0.0], [0.0, 0.0]])) == pytest.approx([0.75, 1.0, 0.0])
    assert modularity_of(np.array([[2.0, 1.0, 1.0]])) == pytest.approx([0.75])


def test_area_by_hand():
    """Class 0 scores (3, 1) inside, (2, 0) outside: 3 of 4 pairs in order. Class 1 is tied throughout: 1/2."""
    scores = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 1.0], [0.0, 1.0]])
    hit = np.array([[True, False], [True, False], [False, True], [False, True]])
    assert mean_area(scores, hit) == pytest.approx((0.75 + 0.5) / 2)
    assert mean_area(scores[:, :1], hit[:, :1]) == pytest.approx(0.75)


def test_importances_by_hand():
    """Row (3, 1): entropy of (.75, .25) in base 2 is .8113, so D = .1887; row (0, 4): D = 1. Weights equal: .5943.
    Column (3, 0): C = 1; column (1, 4): entropy of (.2, .8) is .7219, C = .2781; weights 3/8 and 5/8."""
    R = np.array([[3.0, 1.0], [0.0, 4.0]])
    assert per_code(R) == pytest.approx([0.188722, 1.0], abs=1e-5)
    assert disentanglement(R) == pytest.approx(0.594361, abs=1e-5)
    assert completeness(R) == pytest.approx(3 / 8 + 5 / 8 * 0.278072, abs=1e-5)
    assert disentanglement(np.zeros((2, 2))) == pytest.approx(0.0, abs=1e-9)


def test_irs_by_hand():
    """Code 0 is factor 0 with factor 1 added in part: z = y0 + y1 / 4 over {0, 1}^2. In each value of y0 it lies 1/8 from its mean, in
    each of y1 1/2; the largest deviation from 5/8 is 5/8. So 1 - .2 = .8 and 1 - .8 = .2; code 1 does not vary and takes no part."""
    z = np.stack([SQUARE[:, 0] + SQUARE[:, 1] / 4, np.full(4, 3.0)], 1)
    got = d.irs(SQUARE, z, rng())
    assert got.matrix == pytest.approx(np.array([[0.8, 0.2]])) and got.score == pytest.approx(0.8)
    assert got.active.tolist() == [0]
    assert d.irs(SQUARE, np.zeros((4, 2)), rng()).score == 0.0


def test_irs_takes_the_99th_percentile_and_weighs_codes():
    """201 items a value: deviations from 0 are 0 but one of 1 (up) and one of 1 (down): the 99th percentile is 0, the largest 1."""
    one = np.zeros(201)
    one[0], one[1] = 1.0, -1.0
    y = np.repeat([0, 1], 201)[:, None]
    z = np.stack([np.concatenate([one, one]), np.repeat([0.0, 6.0], 201)], 1)
    assert d.irs(y, z, rng()).matrix[:, 0] == pytest.approx([1.0, 1.0])
    assert d.irs(y, z, rng(), percentile=100.0).matrix[:, 0] == pytest.approx([0.0, 1.0])
    assert d.irs(y, z, rng(), percentile=100.0).score == pytest.approx(3 / 4)  # weights 1 and 3


def test_line_svm_by_hand():
    """x = -1 in class 0 and 1 in class 1, C = 1/2: b = 0 and w^2 / 2 + 2 * (1/2) (1 - w)^2 is least at w = 2/3."""
    got = line_svm.fit(np.array([-1.0, 1.0]), np.array([0, 1]), 2, C=0.5)
    assert got.w == pytest.approx([-2 / 3, 2 / 3]) and got.b == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize(("classes", "scale"), [(2, 1.0), (3, 0.05), (7, 10.0)])
def test_line_svm_is_scikit_learns(classes, scale):
    from sklearn.svm import LinearSVC

    draw = np.random.default_rng(classes)
    y = np.minimum(draw.integers(0, classes + 2, 400), classes - 1)  # the last class is larger: the balance matters
    x = scale * (0.5 * y + draw.normal(size=400))
    ours = line_svm.fit(x, y, classes, C=0.01)
    theirs = LinearSVC(C=0.01, class_weight="balanced", tol=1e-10, max_iter=10**6, dual=True, random_state=0).fit(x[:, None], y)
    first = 0 if classes > 2 else 1  # two classes: it keeps one of the two mirrored machines
    assert ours.w[first:] == pytest.approx(theirs.coef_[:, 0], rel=1e-5, abs=1e-7)
    assert ours.b[first:] == pytest.approx(theirs.intercept_, rel=1e-5, abs=1e-7)
    assert ours.classes(x).tolist() == theirs.predict(x[:, None]).tolist()


def test_sap_by_hand():
    """Code 0 is the binary factor, code 1 gets one of four test items wrong: 1 - 3/4; the squared correlation for a continuous one."""
    y = np.tile([0, 1], 20)[:, None]
    z = np.stack([2.0 * y[:, 0] - 1.0, 2.0 * y[:, 0] - 1.0], 1)
    z[-1, 1] *= -1
    got = d.sap(y, z, rng(), (np.arange(36), np.arange(36, 40)))
    assert got.matrix[:, 0] == pytest.approx([1.0, 0.75]) and got.score == pytest.approx(0.25)
    v = np.arange(40.0)
    continuous = d.sap(v[:, None], np.stack([-3 * v, (v - 19.5) ** 2], 1), rng(), (np.arange(40), np.arange(40)))
    assert continuous.matrix[:, 0] == pytest.approx([1.0, 0.0], abs=1e-12)


def test_udr_by_hand():
    """R = ((.8, .2), (0, .6)): columns .64 / .8 and .36 / .8, mean .625; rows .64 / 1 and .36 / .6, mean .62; together .6225."""
    assert relative_strength(np.array([[0.8, 0.2], [0.0, 0.6]])) == pytest.approx(0.6225)
    assert relative_strength(np.zeros((2, 0))) == 0.0


def test_udr_is_blind_to_order_and_sign_and_leaves_dead_codes_out():
    z = np.random.default_rng(1).normal(size=(500, 3))
    other = np.concatenate([-2 * z[:, [2, 0, 1]], 0.001 * z[:, :1]], 1)
    got = d.udr([z, other], how="spearman")
    assert got.informative.tolist() == [3, 3]
    assert (got.scores > 0.85).all() and got.pairs[0, 0] == 0.0  # below 1 by what the other ranks correlate by chance
    lasso = d.udr([z, other]).scores  # weights of independent codes are shrunk by alpha: .9^2 / .9
    assert lasso == pytest.approx([0.9, 0.9], abs=1e-6)


def test_udr_is_the_median_over_the_other_runs():
    draw = np.random.default_rng(2)
    z = draw.normal(size=(400, 2))
    turned = z @ np.array([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2)
    got = d.udr([z, z, z, turned])
    assert got.scores[:3] == pytest.approx([0.9, 0.9, 0.9], abs=1e-6)
    assert got.scores[3] < 0.4


def test_mates_share_a_value_that_two_items_have():
    y = np.array([0, 0, 1, 2, 2, -1, 2])
    mates = Mates.of(y)
    rows = mates.draw(200, 5, rng())
    assert all(len(set(y[r])) == 1 for r in rows) and set(rows.ravel()) == {0, 1, 3, 4, 6}
    one, two = mates.pairs(200, 5, rng())
    assert (y[one] == y[two]).all() and not (y[one] == y[one][:, :1]).all()
    share = (y[rows[:, 0]] == 2).mean()
    assert 0.5 < share < 0.7  # three of the five items that can be drawn
    assert Mates.of(np.array([0, 0, 1])) is None


def test_dependence_by_hand():
    y = np.array([[0, 0, 0, 5], [0, 0, 1, 5], [1, 1, 0, 5], [1, 1, 1, 5]])
    share = d.dependence(y)
    assert share[0, 1] == pytest.approx(1.0) and share[0, 2] == pytest.approx(0.0, abs=1e-12) and np.isnan(share[0, 3])


def test_parts_are_disjoint_and_as_large_as_the_data_allow():
    train, test = parts_of(20_000, rng())
    assert (len(train), len(test), len(set(train) & set(test))) == (10_000, 5_000, 0)
    train, test = parts_of(10, rng())
    assert (len(train), len(test)) == (7, 3)


def test_what_is_not_defined_is_said():
    z = np.random.default_rng(0).normal(size=(4, 2))
    with pytest.raises(Problem, match="2 codes"):
        d.mig(SQUARE, z[:, :1], rng())
    with pytest.raises(Problem, match="at least 2 factors"):
        d.modularity(SQUARE * [1, 0], z, rng())
    with pytest.raises(Problem, match="NaN"):
        d.irs(SQUARE, np.where(z > 0, np.nan, z), rng())
    with pytest.raises(Problem, match="still"):
        d.factor_vae(np.stack([np.arange(4), np.arange(4) % 2], 1), z, rng())
    with pytest.raises(Misuse, match="2 runs"):
        d.udr([z])


def test_gains_are_summed_by_code():
    """Only code 1 tells of the factor; the trees must not credit another."""
    draw = np.random.default_rng(3)
    y = draw.integers(0, 3, 600)
    x = np.stack([draw.normal(size=600), y + 0.01 * draw.normal(size=600), draw.normal(size=600)], 1)
    read = importance.fast(x[:400], y[:400], x[400:], y[400:], 0)
    assert read.importance[1] > 0.99 and read.importance.sum() == pytest.approx(1.0) and read.test > 0.97  # the cuts lie at ranks
