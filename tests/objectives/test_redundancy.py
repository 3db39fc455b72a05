"""Barlow Twins' and VICReg's terms against sums written out, and against what one is tempted to write."""

import pytest
import torch
from helpers.distributed import over_processes
from helpers.numbers import assert_other, assert_same, generic

from allegory.core import batch_mean, rank
from allegory.objectives import covariance_penalty, cross_correlation, decorrelation, variance_hinge, whitened

LAM = 0.02


def mean(column):
    return sum(column) / len(column)


def correlation_by_loops(a, b, eps=0.0):
    """Zbontar et al. 2021, eq. 2, entry by entry; the text says that the columns are centred. `eps`: added to each variance."""
    n, p = a.shape
    rows = []
    for i in range(p):
        row = []
        for j in range(p):
            u, v = a[:, i] - mean(a[:, i]), b[:, j] - mean(b[:, j])
            above = sum(u[k] * v[k] for k in range(n))
            below = torch.sqrt(sum(x * x for x in u) + n * eps) * torch.sqrt(sum(x * x for x in v) + n * eps)
            row.append(above / below)
        rows.append(torch.stack(row))
    return torch.stack(rows)


def barlow_by_loops(a, b, eps=0.0, lam=LAM, same=1.0):
    """Eq. 1, term by term. `same`: what the diagonal should be."""
    c = correlation_by_loops(a, b, eps)
    p = len(c)
    on = sum((same - c[i, i]) ** 2 for i in range(p))
    return on + lam * sum(c[i, j] ** 2 for i in range(p) for j in range(p) if j != i)


def barlow(a, b, eps=0.0):
    invariance, redundancy = decorrelation(cross_correlation(a, b, eps))
    return invariance + LAM * redundancy


def covariance_by_loops(z, less=1):
    """C(Z) = 1/(n - 1) sum_i (z_i - mean)(z_i - mean)^T, entry by entry."""
    n, p = z.shape
    u = [z[:, j] - mean(z[:, j]) for j in range(p)]
    return [[sum(u[i][k] * u[j][k] for k in range(n)) / (n - less) for j in range(p)] for i in range(p)]


def variance_by_loops(z, gamma=1.0, eps=1e-4, less=1, root=torch.sqrt, sign=1.0):
    p = z.shape[1]
    hinges = [gamma - root(covariance_by_loops(z, less)[j][j] + eps) for j in range(p)]
    return sum(torch.clamp(sign * h, min=0.0) for h in hinges) / p


def covariance_penalty_by_loops(z, less=1):
    p = z.shape[1]
    c = covariance_by_loops(z, less)
    return sum(c[i][j] ** 2 for i in range(p) for j in range(p) if i != j) / p


def test_by_hand():
    """Two items, (1, 1) and (-1, 3): the columns have means 0 and 2, differences of 2 and -2, variances 2 and covariance -2 (n - 1 = 1)."""
    z = torch.tensor([[1.0, 1.0], [-1.0, 3.0]], dtype=torch.float64)
    assert float(covariance_penalty(z)) == pytest.approx((4 + 4) / 2, abs=1e-12)
    assert float(variance_hinge(z / 4)) == pytest.approx(1 - (2 / 16 + 1e-4) ** 0.5, abs=1e-12)
    assert float(variance_hinge(z)) == 0.0, "a standard deviation of sqrt 2 is above 1: no pull"
    c = cross_correlation(z, z, eps=0.0)
    torch.testing.assert_close(c, torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64))
    assert [float(term) for term in decorrelation(c)] == pytest.approx([0.0, 2.0])
    assert [float(term) for term in decorrelation(-c)] == pytest.approx([8.0, 2.0]), "columns that disagree cost (1 + 1)^2 each"


@pytest.mark.parametrize("eps", [0.0, 1e-5, 0.3])
def test_barlow_twins_and_its_gradient(eps):
    assert_same(lambda a, b: barlow(a, b, eps), lambda a, b: barlow_by_loops(a, b, eps), generic(5, 3), generic(5, 3, seed=1))


def test_the_cross_correlation_is_not_its_transpose():
    a, b = generic(5, 3), generic(5, 3, seed=1)
    torch.testing.assert_close(cross_correlation(a, b, 0.0), correlation_by_loops(a, b), rtol=1e-9, atol=1e-9)
    assert (cross_correlation(a, b) - cross_correlation(b, a)).abs().max() > 0.1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a, b: barlow_by_loops(a, b, same=0.0),  # the diagonal pulled to 0
        lambda a, b: barlow_by_loops(a, b, lam=1.0),  # all entries alike
        lambda a, b: barlow_by_loops(a, a),  # one view with itself
        lambda a, b: barlow_by_loops(a, b) / 3,  # a mean for a sum
        lambda a, b: barlow_by_loops(a.T, b.T),  # along the features instead of the batch
        lambda a, b: barlow_by_loops(a, b.roll(1, 0)),  # partners swapped
    ],
)
def test_barlow_twins_is_none_of_these(wrong):
    assert_other(barlow, wrong, generic(4, 4), generic(4, 4, seed=1))


def test_variance_and_covariance_and_their_gradients():
    z = (generic(5, 3) * 0.6).detach().requires_grad_()
    assert 0.0 < variance_hinge(z).item() < 0.9
    assert_same(variance_hinge, variance_by_loops, z)
    assert_same(covariance_penalty, covariance_penalty_by_loops, generic(5, 3))


@pytest.mark.parametrize(
    ("ours", "wrong"),
    [
        (variance_hinge, lambda z: variance_by_loops(z, less=0)),  # the biased variance
        (variance_hinge, lambda z: variance_by_loops(z, root=lambda v: v)),  # a hinge on the variance, whose slope dies at a point
        (variance_hinge, lambda z: variance_by_loops(z, eps=0.05)),
        (variance_hinge, lambda z: variance_by_loops(z, sign=-1.0)),  # spread punished
        (variance_hinge, lambda z: variance_by_loops(z) * z.shape[1]),  # a sum for a mean
        (covariance_penalty, lambda z: covariance_penalty_by_loops(z, less=0)),
        (covariance_penalty, lambda z: covariance_penalty_by_loops(z) / 2),  # each pair once
        (covariance_penalty, lambda z: covariance_penalty_by_loops(z) * z.shape[1]),
    ],
)
def test_the_terms_are_none_of_these(ours, wrong):
    assert_other(ours, wrong, generic(4, 3) * 0.5)


def whitened_by_loops(z, eps=0.0):
    """Cholesky's factor L of the covariance, entry by entry, and L v = z - mean solved from the top (Ermolov et al. 2021, section 3)."""
    n, p = z.shape
    c = covariance_by_loops(z)
    level = sum(c[j][j] for j in range(p)) / p + eps
    c = [[(1 - eps) * c[i][j] + (eps * level if i == j else 0.0) for j in range(p)] for i in range(p)]
    factor = [[None] * p for _ in range(p)]
    for i in range(p):
        for j in range(i + 1):
            left = c[i][j] - sum(factor[i][k] * factor[j][k] for k in range(j))
            factor[i][j] = torch.sqrt(left) if i == j else left / factor[j][j]
    rows = []
    for k in range(n):
        v = []
        for i in range(p):
            v.append((z[k, i] - mean(z[:, i]) - sum(factor[i][j] * v[j] for j in range(i))) / factor[i][i])
        rows.append(torch.stack(v))
    return torch.stack(rows)


@pytest.mark.parametrize("eps", [0.0, 1e-3, 0.2])
def test_whitening_and_its_gradient(eps):
    weights = generic(6, 3, seed=2).detach()  # a sum would be 0: the columns are centred
    assert_same(lambda z: whitened(z, eps) * weights, lambda z: whitened_by_loops(z, eps) * weights, generic(6, 3))


def test_what_is_whitened_is_white():
    v = whitened(generic(8, 3) * torch.tensor([1.0, 10.0, 0.1]) + 5, eps=0.0).detach()
    torch.testing.assert_close(v.mean(0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-9)
    torch.testing.assert_close(v.T @ v / 7, torch.eye(3, dtype=torch.float64), rtol=1e-9, atol=1e-9)


def test_a_point_is_pushed_apart():
    """At a nearly collapsed batch one step down the variance term widens it, and the slope does not die (that is what the root is for)."""
    z = torch.tensor([[0.0, 0.0], [0.01, 0.02], [0.02, -0.01]], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(variance_hinge(z), z)
    assert float((z - 0.1 * g).detach().var(0).sum()) > 1.5 * float(z.detach().var(0).sum())


HOSTILE = {
    "duplicates": torch.ones(6, 3) * torch.tensor([1.0, -2.0, 0.5]),
    "zeros": torch.zeros(4, 3),
    "a batch of 2": torch.tensor([[0.3, 1.0, -2.0], [0.1, 0.0, 4.0]]),
    "norms of 1e4": generic(5, 3).detach().float() * 1e4,
    "one constant number": generic(5, 3).detach().float() * torch.tensor([1.0, 0.0, 1.0]),
    "copied numbers": generic(5, 1).detach().float().repeat(1, 3),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_finite_on_hostile_batches(name):
    z = HOSTILE[name].clone().requires_grad_()
    for f in (
        lambda a: sum(decorrelation(cross_correlation(a, a.flip(0)))),
        variance_hinge,
        covariance_penalty,
        lambda a: whitened(a).square().sum(),
    ):
        value = f(z)
        (g,) = torch.autograd.grad(value, z)
        assert value.isfinite()
        assert g.isfinite().all()


def every_term(a, b):
    return barlow(a, b) + variance_hinge(a) + covariance_penalty(b) + batch_mean((whitened(a) - whitened(b)).abs().sum(1))


def halves(a, b):
    """The terms and their gradients at this process's half of the rows."""
    a, b = (torch.tensor(t, dtype=torch.float64).chunk(2)[rank()].requires_grad_() for t in (a, b))
    total = every_term(a, b)
    return total.detach(), torch.cat(torch.autograd.grad(total, (a, b)))


def test_two_processes_see_one_batch():
    a, b = (generic(6, 3) * 0.5).detach().requires_grad_(), (generic(6, 3, seed=1) * 0.5).detach().requires_grad_()
    total = every_term(a, b)
    of_a, of_b = torch.autograd.grad(total, (a, b))
    for part, (value, gradient) in enumerate(over_processes(halves, a.tolist(), b.tolist())):
        assert float(value) == pytest.approx(total.item(), abs=1e-12)
        expected = torch.cat([of_a.chunk(2)[part], of_b.chunk(2)[part]]) * 2  # summed over processes here; the engine averages
        torch.testing.assert_close(torch.as_tensor(gradient), expected, rtol=1e-9, atol=1e-12)
