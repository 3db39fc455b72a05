"""What each reader tells, by hand and beside scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score, r2_score

from allegory.adapting import scoring
from allegory.adapting.heads import Linear, Neighbours, Shape
from allegory.adapting.readers import KS, STRENGTHS, Standard, linear, neighbours, prototypes
from allegory.adapting.target import Task
from allegory.core import Problem

RNG = np.random.default_rng(0)
Z = torch.as_tensor((RNG.normal(size=(60, 4)) * [1, 5, 0.1, 1] + 3).astype(np.float32))
ABC = Task("kind", "class", ("a", "b", "c"))
PLAIN = Standard(torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64))


def test_linear_is_logistic_regression_on_standardised_codes():
    y = torch.arange(60) % 3
    standard = Standard.of(Z)
    found = [head for _, head in linear(Z, y, ABC, standard)]
    assert len(found) == len(STRENGTHS)
    for strength, head in zip(STRENGTHS, found, strict=True):
        peer = LogisticRegression(C=1 / (60 * strength), tol=1e-8, max_iter=5000).fit(standard(Z).numpy(), y.numpy())
        p = torch.softmax(head(Z), 1).numpy()
        np.testing.assert_allclose(p, peer.predict_proba(standard(Z).numpy()), atol=5e-3)  # ours stops at a gradient of 1e-4


def test_linear_of_numbers_is_ridge_regression_also_with_fewer_items_than_numbers():
    y = torch.as_tensor(RNG.normal(size=60) + Z[:, 1].numpy())
    for rows in (slice(None), slice(0, 3)):
        standard = Standard.of(Z)
        for strength, (_, head) in zip(STRENGTHS, linear(Z[rows], y[rows], Task("n", "continuous"), standard), strict=True):
            x = standard(Z).numpy()
            peer = Ridge(alpha=strength * len(y[rows])).fit(x[rows], y[rows])
            np.testing.assert_allclose(head(Z)[:, 0], peer.predict(x), rtol=1e-5, atol=1e-5)


def test_labels_are_read_one_by_one_where_they_are_known():
    y = torch.as_tensor(np.stack([Z[:, 0] > 3, Z[:, 1] > 3, np.ones(60)], 1).astype(np.int64))
    y[::4, 0] = -1
    head = [head for _, head in linear(Z, y, Task("t", "multi-label", ("p", "q", "always")), Standard.of(Z))][2]
    told = torch.sigmoid(head(Z))
    assert ((told[:, :2] > 0.5).long() == torch.as_tensor(np.stack([Z[:, 0] > 3, Z[:, 1] > 3], 1)).long()).double().mean() > 0.95
    assert torch.allclose(told[:, 2], torch.tensor(60.5 / 61, dtype=torch.float64)), "(60 + 1/2) / (60 + 1)"


def test_prototypes_by_hand():
    """Means (0, 0) and (4, 0); four deviations of 1 along the first axis, 2 of them free: C = diag(2, 0) and tr C^2 / tr C = 2.

    At (1, 0) the squared distances are 1 and 9, so the logits differ by (9 - 1) / (2 x 2) = 2; with a second axis that only repeats
    the first, distances and s^2 are both doubled, and nothing changes."""
    z, two = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [3.0, 0.0], [5.0, 0.0]]), Task("k", "class", ("l", "r"))
    y = torch.tensor([0, 0, 1, 1])
    for codes, query in ((z, [1.0, 0.0]), (z[:, [0, 0]], [1.0, 1.0])):
        ((_, head),) = prototypes(codes, y, two, PLAIN)
        logits = head(torch.tensor([query]))[0]
        assert logits[0] - logits[1] == pytest.approx(2.0)
    assert list(prototypes(z, torch.zeros(4), Task("n", "continuous"), PLAIN)) == []


def test_a_class_without_items_is_never_told():
    z = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    ((_, head),) = prototypes(z, torch.tensor([0, 2]), ABC, PLAIN)
    assert head(z)[:, 1].max() < -500 and head(z).argmax(1).tolist() == [0, 2]


def test_neighbours_by_hand():
    """Directions from the centre 0: the query looks along +x; both +x items say a, so a has 2 votes + 1/2, b 1/2."""
    bank = torch.tensor([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [-2.0, 0.0]])
    values = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    head = Neighbours.of(bank, values, 2, "class")
    logits = head(torch.tensor([[3.0, 0.0]]))[0]
    assert logits.tolist() == pytest.approx([math.log(2.5), math.log(0.5)])
    number = Neighbours.of(bank, torch.tensor([[1.0], [3.0], [9.0], [9.0]]), 2, "continuous")
    assert number(torch.tensor([[0.5, 0.0]])).item() == pytest.approx(2.0)
    label = Neighbours.of(bank, torch.tensor([[1.0], [1.0], [0.0], [0.0]]), 2, "multi-label")
    assert label(torch.tensor([[1.0, 0.0]])).item() == pytest.approx(math.log(2.5 / 0.5))


def test_neighbours_ask_no_more_items_than_there_are():
    found = list(neighbours(Z[:7], torch.arange(7) % 3, ABC, Standard.of(Z)))
    assert [head.shape.k for _, head in found] == [min(k, 7) for k in KS]
    assert all(head.bank is found[0][1].bank for _, head in found), "one bank for all"


def test_a_constant_number_of_the_codes_is_not_read():
    z = torch.cat([Z, torch.full((60, 1), 7.0)], 1)
    head = next(iter(linear(z, torch.arange(60) % 3, ABC, Standard.of(z))))[1]
    assert isinstance(head, Linear) and head.weight[4].abs().max() == 0


@pytest.mark.parametrize("sizes", [{"inputs": 0}, {"inputs": 10**9, "outputs": 10**9}, {"form": "neighbours", "items": 3, "k": 4}])
def test_impossible_heads_are_refused(sizes):
    with pytest.raises(Problem, match="head"):
        Shape(**({"form": "linear", "inputs": 2, "outputs": 2} | sizes))


def test_average_precision_is_scikit_learns_with_ties_and_unknown_labels():
    truth = RNG.integers(0, 2, (80, 3))
    scores = np.round(RNG.normal(size=(80, 3)) + truth, 1)
    expected = np.mean([average_precision_score(truth[:, i], scores[:, i]) for i in range(3)])
    found = scoring.evidence(torch.as_tensor(scores), torch.as_tensor(truth), "multi-label")["mean_average_precision"]
    assert found.value == pytest.approx(expected)
    low, high = found.interval()
    assert low < found.value < high and high - low < 0.3
    half = truth.copy()
    half[40:, 1] = -1
    expected = np.mean([average_precision_score(t[t >= 0], s[t >= 0]) for t, s in zip(half.T, scores.T, strict=True)])
    assert scoring.value(torch.as_tensor(scores), torch.as_tensor(half), "multi-label")[0] == pytest.approx(expected)


def test_r2_is_scikit_learns():
    y = RNG.normal(size=50) + 100
    told = y + 0.5 * RNG.normal(size=50)
    found = scoring.evidence(torch.as_tensor(told)[:, None], torch.as_tensor(y), "continuous")["r2"]
    assert found.value == pytest.approx(r2_score(y, told), abs=1e-5)
    assert found.interval()[0] < found.value < found.interval()[1]
