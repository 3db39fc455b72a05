"""NT-Xent and InfoNCE against sums written out, and against what one is tempted to write."""

import math

import pytest
import torch
from helpers.distributed import over_processes
from helpers.numbers import assert_other, assert_same, generic

from allegory.core import batch_mean, rank
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


def corrected(positive, negatives, tau, tau_plus, beta):
    """Chuang et al. 2020, the estimator g of section 4, and Robinson et al. 2021, its weights, for one example, term by term."""
    n = len(negatives)
    weights = [torch.exp(beta * s / tau) for s in negatives]
    mean = sum(weights) / n
    below = sum(w / mean * torch.exp(s / tau) for w, s in zip(weights, negatives, strict=True))
    below = (below - tau_plus * n * torch.exp(positive / tau)) / (1.0 - tau_plus)
    below = torch.clamp(below, min=n * math.exp(-1.0 / tau))
    return -torch.log(torch.exp(positive / tau) / (torch.exp(positive / tau) + below))


def corrected_nt_xent_by_loops(z1, z2, tau_plus=0.0, beta=0.0, tau=TAU):
    n, z = len(z1), [*z1, *z2]
    losses = []
    for i in range(2 * n):
        j = (i + n) % (2 * n)
        losses.append(corrected(cos(z[i], z[j]), [cos(z[i], z[k]) for k in range(2 * n) if k not in (i, j)], tau, tau_plus, beta))
    return sum(losses) / (2 * n)


def corrected_info_nce_by_loops(q, k, tau_plus=0.0, beta=0.0, tau=TAU, queue=None):
    losses = []
    for i in range(len(q)):
        others = [k[j] for j in range(len(k)) if j != i] if queue is None else queue
        losses.append(corrected(cos(q[i], k[i]), [cos(q[i], other) for other in others], tau, tau_plus, beta))
    return torch.stack(losses)


CORRECTIONS = pytest.mark.parametrize(("tau_plus", "beta"), [(0.1, 0.0), (0.0, 1.0), (0.1, 1.5), (0.6, 0.5)])


@CORRECTIONS
def test_corrected_nt_xent_and_its_gradient(tau_plus, beta):
    """tau+ = .6 takes more off than there is for some examples: the least value holds."""
    assert_same(
        lambda a, b: nt_xent(a, b, TAU, tau_plus, beta),
        lambda a, b: corrected_nt_xent_by_loops(a, b, tau_plus, beta),
        generic(5, 3), generic(5, 3, seed=1),
    )  # fmt: skip


@CORRECTIONS
def test_corrected_info_nce_and_its_gradient(tau_plus, beta):
    q, k, queue = generic(4, 3), generic(4, 3, seed=1), generic(6, 3, seed=2)
    assert_same(
        lambda a, b: info_nce(a, b, TAU, debias=tau_plus, hardness=beta),
        lambda a, b: corrected_info_nce_by_loops(a, b, tau_plus, beta),
        q, k,
    )  # fmt: skip
    assert_same(
        lambda a, b, c: info_nce(a, b, TAU, c, tau_plus, beta),
        lambda a, b, c: corrected_info_nce_by_loops(a, b, tau_plus, beta, queue=c),
        q, k, queue,
    )  # fmt: skip


def test_a_corrected_number_by_hand():
    """Cosines: positive 1/2, negatives 0 and 1; tau 1/2, tau+ 1/4, beta 1, N = 2.

    Weights 1 and e^2 over their mean (1 + e^2)/2; R = (2 + 2 e^4)/(1 + e^2) = 13.2549; less 2/4 e gives 11.8958, over 3/4: 15.8610;
    the loss is log(1 + 15.8610/e) = 1.922049.
    """
    q, k = at(0), at(60)
    queue = at(90, 0)
    assert float(info_nce(q, k, TAU, queue, 0.25, 1.0)) == pytest.approx(1.922049, abs=1e-6)
    e = math.e
    r = ((2 + 2 * e**4) / (1 + e**2) - 0.5 * e) / 0.75
    assert float(info_nce(q, k, TAU, queue, 0.25, 1.0)) == pytest.approx(math.log(1 + r / e), abs=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a, b: corrected_nt_xent_by_loops(a, b, 0.0, 1.0),  # no debiasing
        lambda a, b: corrected_nt_xent_by_loops(a, b, 0.1, 0.0),  # no weights
        lambda a, b: corrected_nt_xent_by_loops(a, b, 0.1, -1.0),  # easy negatives for hard ones
        lambda a, b: corrected_nt_xent_by_loops(a, b, 0.1, TAU),  # weights exp(beta s) for exp(beta s / tau)
        lambda a, b: corrected_nt_xent_by_loops(a, b, 0.1, 1.0, 1 / TAU),  # multiplied by the temperature
    ],
)
def test_the_corrected_loss_is_none_of_these(wrong):
    assert_other(lambda a, b: nt_xent(a, b, TAU, 0.1, 1.0), wrong, generic(5, 3), generic(5, 3, seed=1))


def test_without_corrections_nothing_changes():
    """Bit for bit, and the corrected form agrees where it corrects next to nothing."""
    a, b = generic(5, 3), generic(5, 3, seed=1)
    assert torch.equal(nt_xent(a, b, TAU, 0.0, 0.0), nt_xent(a, b, TAU))
    assert torch.equal(info_nce(a, b, TAU, None, 0.0, 0.0), info_nce(a, b, TAU))
    assert_same(lambda x, y: nt_xent(x, y, TAU, 1e-13, 0.0), lambda x, y: nt_xent(x, y, TAU), a, b)
    assert_same(lambda x, y: info_nce(x, y, TAU, None, 0.0, 1e-13), lambda x, y: info_nce(x, y, TAU), a, b)


def test_negatives_from_a_queue_stand_in_for_the_batch():
    """He et al. 2020, eq. 1: the other keys of the batch are no negatives."""
    q, k, queue = generic(4, 3), generic(4, 3, seed=1), generic(6, 3, seed=2)

    def by_loops(q, k, queue):
        losses = []
        for i in range(len(q)):
            positive = torch.exp(cos(q[i], k[i]) / TAU)
            losses.append(-torch.log(positive / (positive + sum(torch.exp(cos(q[i], other) / TAU) for other in queue))))
        return torch.stack(losses)

    ours = lambda a, b, c: info_nce(a, b, TAU, c)
    assert_same(ours, by_loops, q, k, queue)
    assert_other(ours, lambda a, b, c: by_loops(a, b, [*c, *b]), q, k, queue)
    assert_other(ours, lambda a, b, c: by_loops(a, b.roll(1, 0), c), q, k, queue)


HOSTILE = {
    "duplicates": (torch.ones(4, 3), torch.ones(4, 3)),
    "zeros": (torch.zeros(4, 3), torch.zeros(4, 3)),
    "two": (torch.eye(2), -torch.eye(2)),
    "huge": (1e4 * torch.eye(4), 1e4 * torch.ones(4, 4)),
    "opposite": (torch.ones(4, 3), -torch.ones(4, 3)),
}


@pytest.mark.parametrize("batch", HOSTILE)
@pytest.mark.parametrize(("tau_plus", "beta"), [(0.0, 0.0), (0.3, 0.0), (0.0, 2.0), (0.9, 2.0)])
@pytest.mark.parametrize("tau", [0.5, 0.01])
def test_hostile_batches_give_finite_values_and_gradients(batch, tau_plus, beta, tau):
    a, b = (z.clone().requires_grad_() for z in HOSTILE[batch])
    queue = torch.cat([a.detach(), b.detach()])
    for loss in (
        nt_xent(a, b, tau, tau_plus, beta),
        info_nce(a, b, tau, None, tau_plus, beta).sum(),
        info_nce(a, b, tau, queue, tau_plus, beta).sum(),
    ):
        gradients = torch.autograd.grad(loss, (a, b))
        assert loss.isfinite()
        assert all(g.isfinite().all() for g in gradients)


def nt_xent_over_two(part, tau_plus, beta):
    """The loss and the gradient of this process's rows."""
    a, b = (generic(6, 3, seed=s).detach() for s in (0, 1))
    rows = slice(rank() * 3, rank() * 3 + 3)
    mine = [z[rows].requires_grad_() for z in (a, b)]
    loss = nt_xent(*mine, TAU, tau_plus, beta) if part == "nt_xent" else batch_mean(info_nce(*mine, TAU, None, tau_plus, beta))
    return loss, *torch.autograd.grad(loss, mine)


@pytest.mark.parametrize("part", ["nt_xent", "info_nce"])
def test_two_processes_see_each_others_negatives(part):
    a, b = generic(6, 3), generic(6, 3, seed=1)
    whole = nt_xent(a, b, TAU, 0.1, 1.0) if part == "nt_xent" else info_nce(a, b, TAU, None, 0.1, 1.0).mean()
    gradients = torch.autograd.grad(whole, (a, b))
    for i, (loss, *found) in enumerate(over_processes(nt_xent_over_two, part, 0.1, 1.0)):
        assert loss == pytest.approx(float(whole.detach()), abs=1e-12)
        for g, expected in zip(found, gradients, strict=True):  # each process's loss is the whole one: two add up to twice the gradient
            torch.testing.assert_close(torch.as_tensor(g), 2 * expected[3 * i : 3 * i + 3], rtol=1e-9, atol=1e-12)
