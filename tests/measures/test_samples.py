import math

import numpy as np
import pytest
import torch
from scipy import stats

from allegory.measures import samples


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def normal(n, d, seed, mean=0.0, scale=1.0):
    return torch.as_tensor(mean + scale * np.random.default_rng(seed).normal(size=(n, d)))


def test_mmd_by_hand():
    """x = 0, 2; y = 1, 1; sigma 1: e^-2 + 1 - 2 e^(-1/2). With items paired with themselves it would be another number."""
    got = samples.mmd2(column(0, 2), column(1, 1), 1.0)
    assert got == pytest.approx(math.exp(-2) + 1 - 2 * math.exp(-0.5), rel=1e-12)
    assert samples.mmd2(column(0, 2), column(1, 1), 2.0) == pytest.approx(math.exp(-0.5) + 1 - 2 * math.exp(-1 / 8), rel=1e-12)


def test_mmd_of_two_gaussians():
    """E k of N(0, 1) and N(m, 1) in closed form: s / sqrt(s^2 + 2) exp(-m^2 / (2 (s^2 + 2))) with the kernel's width s."""
    k = lambda m: math.sqrt(1 / 3) * math.exp(-m * m / 6)
    got = samples.mmd2(normal(3000, 1, 0), normal(3000, 1, 1, mean=1.5), 1.0)
    assert got == pytest.approx(2 * k(0) - 2 * k(1.5), abs=0.02)


def test_mmd_is_unbiased():
    values = [samples.mmd2(normal(20, 2, 2 * i), normal(20, 2, 2 * i + 1), 1.0) for i in range(300)]
    assert min(values) < 0 and abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(300)


def test_energy_distance_by_hand():
    """x = 0, 2; y = 1, 4: E|x - y| = (1 + 4 + 1 + 2) / 4, E|x - x'| = 2, E|y - y'| = 3."""
    assert samples.energy_distance(column(0, 2), column(1, 4)) == pytest.approx(2 * 2 - 2 - 3)


def test_energy_distance_is_twice_the_squared_cramer_distance():
    """With items paired with themselves (scipy: the root of it), ours with its own pairs scaled by (n - 1) / n."""
    x, y = normal(40, 1, 0), normal(30, 1, 1, mean=0.7)
    own = lambda s: float(torch.pdist(s).sum()) * 2 / len(s) ** 2
    with_itself = samples.energy_distance(x, y) + own(x) / (len(x) - 1) + own(y) / (len(y) - 1)
    assert with_itself == pytest.approx(stats.energy_distance(x.flatten(), y.flatten()) ** 2, rel=1e-9)


def test_leaving_groups_out():
    x, y = normal(30, 2, 0), normal(40, 2, 1, mean=1.0)
    value, without = samples.discrepancies(samples.gaussian_kernel(torch.cat([x, y]), 1.3), 30, 4)
    assert value == pytest.approx(samples.mmd2(x, y, 1.3), rel=1e-12)
    for g in range(4):
        kept_x, kept_y = x[torch.arange(30) % 4 != g], y[torch.arange(40) % 4 != g]
        assert without[g] == pytest.approx(samples.mmd2(kept_x, kept_y, 1.3), rel=1e-10)


def test_median_distance_by_hand():
    assert samples.median_distance(column(0, 1, 5)) == 4.0
    assert samples.median_distance(torch.zeros(5, 2, dtype=torch.float64)) == 1.0


def test_sliced_wasserstein_by_hand():
    """Along the axes: (0, 2) against (1, 4) is (1 + 4) / 2; the other axis agrees; the mean of 2.5 and 0, rooted."""
    x, y = torch.tensor([[0.0, 5.0], [2.0, 7.0]]), torch.tensor([[4.0, 5.0], [1.0, 7.0]])
    assert samples.sliced_wasserstein(x, y, torch.tensor([[3.0, 0.0], [0.0, 0.1]])) == pytest.approx(math.sqrt(1.25))


def test_sliced_wasserstein_of_a_shift():
    """Shifted by m in d dimensions: |m| / sqrt(d) over all directions."""
    x = normal(500, 3, 0)
    got = samples.sliced_wasserstein(x, x + torch.tensor([3.0, 0.0, 0.0]), normal(3, 4000, 1))
    assert got == pytest.approx(3 / math.sqrt(3), rel=0.03)


def test_precision_and_recall_by_hand():
    """Real at 0, 1, 3, 10 with k = 1: radii 1, 1, 2, 7. Generated at 1.5 and 4.9 are covered, at -1.1 and 17.5 not."""
    real, fake = column(0, 1, 3, 10), column(1.5, 4.9, -1.1, 17.5)
    assert samples.covered(real, fake, k=1).tolist() == [True, True, False, False]
    # radii of the generated: 2.6, 3.4, 2.6, 12.6
    assert samples.covered(fake, real, k=1).tolist() == [True, True, True, True]


def test_one_mode_of_two_is_precise_and_does_not_recall():
    real = torch.cat([normal(200, 2, 0), normal(200, 2, 1, mean=20.0)])
    fake = normal(400, 2, 2, scale=0.7)
    assert samples.covered(real, fake).double().mean() > 0.95
    assert 0.35 < samples.covered(fake, real).double().mean() < 0.52


def test_the_classifier_tells_apart_what_differs_only():
    rng = np.random.default_rng(0)
    same, side = samples.told_apart(normal(300, 3, 0), normal(300, 3, 1), rng)
    assert len(same) == 300 and side.sum() == 150 and 0.4 < same.mean() < 0.6
    wider, _ = samples.told_apart(normal(300, 3, 0), normal(300, 3, 1, scale=3.0), rng)
    assert wider.mean() > 0.8  # means agree; a linear classifier could not
    again = [samples.told_apart(normal(60, 3, 0), normal(60, 3, 1), np.random.default_rng(7))[0] for _ in range(2)]
    assert (again[0] == again[1]).all()


def test_constant_samples_are_told_apart_by_nothing():
    same, _ = samples.told_apart(torch.ones(20, 2), torch.ones(20, 2), np.random.default_rng(0))
    assert same.mean() == 0.5
