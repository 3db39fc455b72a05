import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from allegory.questions import logistic


def problem(n, d, k, seed=0, correlated=False):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    x = rng.normal(size=(n, d)) + 0.8 * rng.normal(size=(k, d))[y]
    if correlated:  # condition number about 1e4, and an offset that the unpenalised bias must carry
        x = x @ rng.normal(size=(d, d)) * np.logspace(0, -2, d) + 3.0
    return x, y


@pytest.mark.parametrize(
    ("n", "d", "k", "strength", "correlated"),
    [(300, 10, 4, 1.0, False), (300, 10, 4, 100.0, True), (200, 20, 3, 0.1, True), (12, 40, 4, 1.0, False), (30, 64, 10, 1.0, True)],
)
def test_agrees_with_scikit_learn(n, d, k, strength, correlated):
    """More rows than features, and fewer (the Gram way); coefficients to 1e-3 of their largest."""
    x, y = problem(n, d, k, correlated=correlated)
    ours = logistic.fit(torch.tensor(x)[None], torch.tensor(y)[None], k, strength, tolerance=1e-8)
    theirs = LogisticRegression(C=1 / strength, tol=1e-9, max_iter=100_000).fit(x, y)
    scale = np.abs(theirs.coef_).max()
    assert np.abs(ours.weight[0].numpy().T - theirs.coef_).max() < 1e-3 * scale
    assert np.abs(ours.bias[0].numpy() - theirs.intercept_).max() < 1e-3 * max(1.0, np.abs(theirs.intercept_).max())


def test_two_classes_are_scikit_learns_with_twice_the_c():
    x, y = problem(200, 6, 2)
    ours = logistic.fit(torch.tensor(x)[None], torch.tensor(y)[None], 2, strength=4.0, tolerance=1e-9)
    theirs = LogisticRegression(C=2 / 4.0, tol=1e-10, max_iter=10_000).fit(x, y)
    difference = (ours.weight[0, :, 1] - ours.weight[0, :, 0]).numpy()
    assert np.abs(difference - theirs.coef_[0]).max() < 1e-4


def test_one_number_by_hand():
    """Rows -1, 1 of classes 0, 1; strength s: W = (-w, w), b = 0, and w s = 2 (1 - sigmoid(2 w)). At w = 1/2: s = 4 - 4 sigmoid(1)."""
    strength = 4 - 4 / (1 + np.exp(-1.0))
    ours = logistic.fit(torch.tensor([[[-1.0], [1.0]]]), torch.tensor([[0, 1]]), 2, strength, tolerance=1e-10)
    assert ours.weight[0, 0].tolist() == pytest.approx([-0.5, 0.5], abs=1e-6)
    assert ours.bias[0].tolist() == pytest.approx([0.0, 0.0], abs=1e-6)


def test_a_batch_of_problems_is_each_problem_alone():
    cases = [problem(40, 15, 4, seed) for seed in range(5)]
    x, y = torch.tensor(np.stack([c[0] for c in cases])), torch.tensor(np.stack([c[1] for c in cases]))
    together = logistic.fit(x, y, 4, 1.0, tolerance=1e-8)
    for i in range(5):
        alone = logistic.fit(x[i : i + 1], y[i : i + 1], 4, 1.0, tolerance=1e-8)
        assert torch.allclose(together.weight[i], alone.weight[0], atol=1e-5)


def test_the_path_ends_where_a_cold_start_does():
    x, y = problem(400, 12, 5)
    x, y = torch.tensor(x), torch.tensor(y)
    *_, warm = logistic.path(x, y, 5, (100.0, 10.0, 1.0), tolerance=1e-8)
    cold = logistic.fit(x[None], y[None], 5, 1.0, tolerance=1e-8)
    assert torch.allclose(warm.weight, cold.weight, atol=1e-4)


def test_float32_agrees_with_float64_over_several_chunks():
    x, y = problem(3 * logistic.CHUNK + 7, 16, 5)
    exact = logistic.fit(torch.tensor(x)[None], torch.tensor(y)[None], 5, 10.0, tolerance=1e-8)
    single = logistic.fit(torch.tensor(x, dtype=torch.float32)[None], torch.tensor(y)[None], 5, 10.0, tolerance=1e-6)
    assert torch.allclose(exact.weight, single.weight, atol=1e-3)


def test_dead_and_doubled_features_do_no_harm():
    x, y = problem(100, 5, 3)
    wide = np.concatenate([x, x[:, :2], np.zeros((100, 3))], 1)
    ours = logistic.fit(torch.tensor(wide)[None], torch.tensor(y)[None], 3, 1.0, tolerance=1e-9)
    assert torch.allclose(ours.weight[0, :2], ours.weight[0, 5:7], atol=1e-5)
    assert ours.weight[0, 7:].abs().max() < 1e-9


def test_logits_are_x_w_plus_b():
    linear = logistic.Linear(torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]]).double(), torch.tensor([[0.5, 0.0], [0.0, -1.0]]).double())
    assert linear.logits(torch.tensor([[2.0]]).double()).tolist() == [[[2.5, 4.0]], [[6.0, 7.0]]]
