"""NT-Xent and InfoNCE against sums written out, and against what one is tempted to write."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import info_nce, nt_xent

TAU = 0.5


def cos(a, b):
    return (a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt())


def nt_xent_by_loops(z1, z2, left_out=lambda i, j: i, similar=cos, tau=TAU):
    """Chen et al. 2020, eq. 1, term by term. `left_out`: the k that the denominator lacks."""
    n = len(z1)
    z = [*z1, *z2]
    total = 0.0
    for i in range(2 * n):
        j = (i + n) % (2 * n)
        below = sum(torch.exp(similar(z[i], z[k]) / tau) for k in range(2 * n) if k != left_out(i, j))
        total = total - torch.log(torch.exp(similar(z[i], z[j]) / tau) / below)
    return total / (2 * n)


def at(*degrees):
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=torch.float64)


def test_nt_xent_by_hand():
    # views at 0 and 90 degrees, their partners at 30 and 150. Cosines over tau: 0-30 a, 0-90 0, 0-150 -a, 90-30 s, 90-150 s, 30-150 -s
    a, s = math.cos(math.radians(30)) / TAU, 0.5 / TAU
    e = math.exp
    losses = [
        -a + math.log(e(a) + e(0) + e(-a)),  # at 0, partner at 30
        -s + math.log(e(s) + e(0) + e(s)),  # at 90, partner at 150
        -a + math.log(e(a) + e(s) + e(-s)),  # at 30, partner at 0
        -s + math.log(e(s) + e(-a) + e(-s)),  # at 150, partner at 90
    ]
    assert sum(losses) / 4 == pytest.approx(0.4173732, abs=1e-7)
    assert float(nt_xent(at(0, 90), at(30, 150), TAU)) == pytest.approx(sum(losses) / 4, abs=1e-12)


def test_nt_xent_and_its_gradient():
    assert_same(lambda a, b: nt_xent(a, b, TAU), nt_xent_by_loops, generic(5, 3), generic(5, 3, seed=1))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a, b: nt_xent_by_loops(a, b, left_out=lambda i, j: j),  # the positive left out of the denominator, the example itself kept
        lambda a, b: nt_xent_by_loops(a, b, left_out=lambda i, j: None),  # nothing left out
        lambda a, b: nt_xent_by_loops(a, b, similar=lambda x, y: (x * y).sum()),  # codes not normalised
        lambda a, b: nt_xent_by_loops(a, b, similar=lambda x, y: cos(x, x)),  # z_i.z_i: no gradient, log(2N - 1) for ever
        lambda a, b: nt_xent_by_loops(a, b, tau=1 / TAU),  # multiplied by the temperature
        lambda a, b: nt_xent_by_loops(a, b) * 2,  # a sum over the two directions for their mean
        lambda a, b: nt_xent_by_loops(a, b.roll(1, 0)),  # swapped partners
        lambda a, b: (info_nce(a, b, TAU) + info_nce(b, a, TAU)).mean() / 2,  # only the other view's codes as negatives
    ],
)
def test_nt_xent_is_none_of_these(wrong):
    assert_other(lambda a, b: nt_xent(a, b, TAU), wrong, generic(5, 3), generic(5, 3, seed=1))


def test_the_silent_mistake_agrees_on_perfect_and_on_collapsed_codes():
    """k != j for k != i: why the numbers above are taken on generic codes."""
    perfect, collapsed = at(0, 90, 180, 270), at(0, 0, 0, 0)
    for z in (perfect, collapsed):
        silent = nt_xent_by_loops(z, z, left_out=lambda i, j: j)
        assert float(nt_xent(z, z, TAU)) == pytest.approx(float(silent), abs=1e-12)


def info_nce_by_loops(q, k, tau=TAU):
    """van den Oord et al. 2018, eq. 4, term by term."""
    losses = []
    for i in range(len(q)):
        below = sum(torch.exp(cos(q[i], k[j]) / tau) for j in range(len(k)))
        losses.append(-torch.log(torch.exp(cos(q[i], k[i]) / tau) / below))
    return torch.stack(losses)


def test_info_nce_and_its_gradient():
    q, k = generic(4, 3), generic(4, 3, seed=1)
    assert info_nce(q, k, TAU).shape == (4,)
    assert_same(lambda a, b: info_nce(a, b, TAU), info_nce_by_loops, q, k)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda q, k: info_nce_by_loops(k, q),  # queries and keys swapped
        lambda q, k: info_nce_by_loops(q, k, 1 / TAU),  # multiplied by the temperature
        lambda q, k: -info_nce_by_loops(q, k),  # the sign
        lambda q, k: info_nce_by_loops(q, k).mean(),  # a mean where one value an example is due
    ],
)
def test_info_nce_is_none_of_these(wrong):
    assert_other(lambda a, b: info_nce(a, b, TAU), wrong, generic(4, 3), generic(4, 3, seed=1))


def test_both_stay_finite_at_a_small_temperature():
    z = at(0, 120, 240).float()
    assert float(nt_xent(z, z, 0.001)) == pytest.approx(0.0, abs=1e-6)
    assert info_nce(z, z.flip(0), 0.001).isfinite().all()
