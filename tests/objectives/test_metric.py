"""Metric-learning losses against sums written out over pairs and triplets, and against what one is tempted to write."""

import math

import pytest
import torch
from helpers.numbers import assert_other, assert_same, generic

from allegory.objectives import contrastive, hypersphere_softmax, n_pairs, pull_subject_to_push, sup_con, triplet

Y = torch.tensor([0, 1, 2, 0, 1, 1, 3, 0])  # class 2 and class 3 have one item each
MARGIN, TAU = 1.5, 0.3


def codes(seed=0):
    return generic(len(Y), 3, seed=seed)


def apart(a, b):
    return sum((u - v) ** 2 for u, v in zip(a, b, strict=True)) ** 0.5


def length(a):
    return sum(u * u for u in a) ** 0.5


def cos(a, b):
    return sum(u * v for u, v in zip(a, b, strict=True)) / (length(a) * length(b))


def pairs(y, alike):
    """Ordered pairs of two items."""
    return [(i, j) for i in range(len(y)) for j in range(len(y)) if i != j and bool(y[i] == y[j]) == alike]


def mean(values):
    return sum(values) / len(values)


def pull_less_push(z, y=Y):
    pull, push = pull_subject_to_push(z, y)
    return pull - push


def pull_less_push_by_loops(z, y=Y):
    """Xing et al. 2003: mean over S of |z_i - z_j|^2, less the log of the mean over D of |z_i - z_j|."""
    return mean([apart(z[i], z[j]) ** 2 for i, j in pairs(y, True)]) - torch.log(mean([apart(z[i], z[j]) for i, j in pairs(y, False)]))


def contrastive_by_loops(z, y=Y, margin=MARGIN):
    """Hadsell et al. 2006: 1/2 D^2, and 1/2 max(0, m - D)^2."""
    alike = [apart(z[i], z[j]) ** 2 / 2 for i, j in pairs(y, True)]
    unlike = [torch.clamp(margin - apart(z[i], z[j]), min=0) ** 2 / 2 for i, j in pairs(y, False)]
    return mean(alike) + mean(unlike)


def triplet_by_loops(z, y=Y, margin=0.2, keep=lambda positive, negative, margin: positive + margin > negative):
    """Schroff et al. 2015: d(a, p) - d(a, n) + margin where it is kept; d the squared distance on the sphere."""
    z = [[u / length(row) for u in row] for row in z]
    d = lambda i, j: apart(z[i], z[j]) ** 2
    kept = [
        torch.clamp(d(a, p) - d(a, n) + margin, min=0)
        for a, p in pairs(y, True)
        for n in range(len(y))
        if y[n] != y[a] and keep(d(a, p), d(a, n), margin)
    ]
    return mean(kept)


def hardest_by_loops(z, y=Y, margin=0.2):
    """Hermans et al. 2017: for every anchor max over its class, min over the others."""
    z = [[u / length(row) for u in row] for row in z]
    losses = []
    for a in range(len(y)):
        near = [apart(z[a], z[p]) ** 2 for p in range(len(y)) if p != a and y[p] == y[a]]
        far = [apart(z[a], z[n]) ** 2 for n in range(len(y)) if y[n] != y[a]]
        if near:
            losses.append(torch.clamp(max(near) - min(far) + margin, min=0))
    return mean(losses)


def n_pairs_by_loops(z, y=Y):
    """Sohn 2016, N-pair-mc, on the first two items of each class (no class here has four)."""
    of = {int(c): [i for i in range(len(y)) if y[i] == c] for c in y}
    chosen = [(members[0], members[1]) for members in of.values() if len(members) > 1]
    losses = []
    for i, (a, p) in enumerate(chosen):
        own = sum(u * v for u, v in zip(z[a], z[p], strict=True))
        rest = sum(torch.exp(sum(u * v for u, v in zip(z[a], z[q], strict=True)) - own) for j, (_, q) in enumerate(chosen) if j != i)
        losses.append(torch.log(1 + rest))
    return mean(losses)


def hypersphere_by_loops(z, W, y=Y, tau=TAU, similar=cos):
    """Wang et al. 2017 with scale 1 / tau."""
    losses = []
    for i in range(len(y)):
        scores = [torch.exp(similar(z[i], w) / tau) for w in W]
        losses.append(-torch.log(scores[y[i]] / sum(scores)))
    return mean(losses)


def sup_con_by_loops(z, y=Y, tau=TAU, inside=False, left_out=lambda i, a: a == i):
    """Khosla et al. 2020, eq. 2 (L_out), or with the logarithm outside the sum, eq. 3 (L_in)."""
    losses = []
    for i in range(len(y)):
        positives = [p for p in range(len(y)) if p != i and y[p] == y[i]]
        below = sum(torch.exp(cos(z[i], z[a]) / tau) for a in range(len(y)) if not left_out(i, a))
        shares = [torch.exp(cos(z[i], z[p]) / tau) / below for p in positives]
        if positives:
            losses.append(-torch.log(mean(shares)) if inside else -mean([torch.log(s) for s in shares]))
    return mean(losses)


def with_margin(loss, margin, *more):
    return lambda z: loss(z, Y, margin, *more)


def first_of(loss, *settings):
    return lambda z: loss(z, Y, *settings)[0]


SEMI_HARD = lambda positive, negative, margin: positive < negative < positive + margin
RIGHT = {
    "pull subject to push": (pull_less_push, pull_less_push_by_loops),
    "contrastive": (with_margin(contrastive, MARGIN), contrastive_by_loops),
    "all triplets": (first_of(triplet, 0.2, "all"), triplet_by_loops),
    "semi-hard triplets": (first_of(triplet, 0.9, "semi-hard"), lambda z: triplet_by_loops(z, margin=0.9, keep=SEMI_HARD)),
    "hardest triplets": (first_of(triplet, 0.2, "hardest"), hardest_by_loops),
    "n pairs": (first_of(n_pairs), n_pairs_by_loops),
    "sup con": (with_margin(sup_con, TAU), sup_con_by_loops),
}
WRONG = {
    "pulling alone": ("pull subject to push", lambda z: pull_less_push_by_loops(z) * 0 + pull_subject_to_push(z, Y)[0]),
    "push by squares": ("pull subject to push", lambda z: mean([apart(z[i], z[j]) ** 2 for i, j in pairs(Y, True)])
                        - torch.log(mean([apart(z[i], z[j]) ** 2 for i, j in pairs(Y, False)]))),
    "the mean of logs": ("pull subject to push", lambda z: mean([apart(z[i], z[j]) ** 2 for i, j in pairs(Y, True)])
                         - mean([torch.log(apart(z[i], z[j])) for i, j in pairs(Y, False)])),
    "kinds swapped": ("contrastive", lambda z: mean([apart(z[i], z[j]) ** 2 / 2 for i, j in pairs(Y, False)])
                      + mean([torch.clamp(MARGIN - apart(z[i], z[j]), min=0) ** 2 / 2 for i, j in pairs(Y, True)])),
    "no square": ("contrastive", lambda z: mean([apart(z[i], z[j]) for i, j in pairs(Y, True)])
                  + mean([torch.clamp(MARGIN - apart(z[i], z[j]), min=0) for i, j in pairs(Y, False)])),
    "squared distance in the margin": ("contrastive", lambda z: mean([apart(z[i], z[j]) ** 2 / 2 for i, j in pairs(Y, True)])
                                       + mean([torch.clamp(MARGIN - apart(z[i], z[j]) ** 2, min=0) / 2 for i, j in pairs(Y, False)])),
    "the mean over all pairs": ("contrastive", lambda z: mean(
        [apart(z[i], z[j]) ** 2 / 2 for i, j in pairs(Y, True)]
        + [torch.clamp(MARGIN - apart(z[i], z[j]), min=0) ** 2 / 2 for i, j in pairs(Y, False)])),
    "all, zeros counted": ("all triplets", lambda z: triplet_by_loops(z, keep=lambda p, n, m: True)),
    "semi-hard, all taken": ("semi-hard triplets", lambda z: triplet_by_loops(z, margin=0.9)),
    "hardest, nearest positive": ("hardest triplets", lambda z: triplet_by_loops(z)),
    "log outside": ("sup con", lambda z: sup_con_by_loops(z, inside=True)),
    "itself in the denominator": ("sup con", lambda z: sup_con_by_loops(z, left_out=lambda i, a: False)),
    "positives out of the denominator": ("sup con", lambda z: sup_con_by_loops(z, left_out=lambda i, a: bool(Y[i] == Y[a]))),
    "multiplied by tau": ("sup con", lambda z: sup_con_by_loops(z, tau=1 / TAU)),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_value_and_gradient(name):
    ours, loops = RIGHT[name]
    assert_same(ours, loops, codes())


@pytest.mark.parametrize("name", WRONG)
def test_it_is_none_of_these(name):
    right, wrong = WRONG[name]
    assert_other(RIGHT[right][0], wrong, codes())


def test_hypersphere_softmax():
    z, W = codes(), generic(4, 3, seed=1)
    ours = lambda z, W: hypersphere_softmax(z, W, Y, TAU)[0]
    assert_same(ours, hypersphere_by_loops, z, W)
    assert_other(ours, lambda z, W: hypersphere_by_loops(z, W, tau=1 / TAU), z, W)
    assert_other(ours, lambda z, W: hypersphere_by_loops(z, W, similar=lambda a, b: (a * b).sum()), z, W)
    exact = torch.nn.functional.one_hot(Y, 4).double()
    assert float(hypersphere_softmax(exact, torch.eye(4, dtype=torch.float64), Y, TAU)[1]) == 1.0


def test_a_third_and_fourth_item_of_a_class_make_a_second_set_of_pairs():
    """Classes 0, 1 with four items, 2 with two and one left over: sets of 3 and of 2 pairs; the mean over all 5 anchors."""
    y = torch.tensor([0, 1, 0, 2, 1, 0, 2, 1, 0, 1, 2])
    z = generic(11, 3, seed=3)
    first, second = [0, 1, 2, 3, 4, 6], [5, 7, 8, 9]
    by_loops = lambda z: (3 * n_pairs_by_loops(z[first], y[first]) + 2 * n_pairs_by_loops(z[second], y[second])) / 5
    assert_same(lambda z: n_pairs(z, y)[0], by_loops, z)
    assert float(n_pairs(z.detach(), y)[1]) == pytest.approx(float(z.detach().square().sum()) / 11)


def test_the_share_of_triplets_that_violate_the_margin_by_hand():
    """On the circle at 0, 10 and 60 degrees, classes a, a, b: both anchors have one triplet, d = .0304; d(0, 60) = 1, d(10, 60) = .714."""
    at = torch.tensor([[math.cos(math.radians(t)), math.sin(math.radians(t))] for t in (0, 10, 60)], dtype=torch.float64)
    y = torch.tensor([0, 0, 1])
    near = 2 - 2 * math.cos(math.radians(10))
    loss, active = triplet(at, y, 0.8, "all")
    assert float(active) == 0.5
    assert float(loss) == pytest.approx(near - (2 - 2 * math.cos(math.radians(50))) + 0.8, abs=1e-12)
    assert float(triplet(at, y, 0.5, "all")[1]) == 0.0


def test_pulling_alone_ends_at_zero_and_the_constraint_holds_it_off():
    """In one dimension, classmates 3 apart and others 5: w^2 9 - log(5 w) is least at w = 1 / (3 sqrt 2), where the pull is 1/2."""
    x, y = torch.tensor([[0.0], [3.0], [5.0], [8.0]], dtype=torch.float64), torch.tensor([0, 0, 1, 1])
    w = torch.tensor(1 / (3 * math.sqrt(2)), dtype=torch.float64, requires_grad=True)
    pull, push = pull_subject_to_push(x * w, y)
    assert pull.item() == pytest.approx(0.5)
    assert abs(float(torch.autograd.grad(pull - push, w, retain_graph=True)[0])) < 1e-12
    assert float(torch.autograd.grad(pull, w)[0]) > 1.0


LOSSES = {
    "pull subject to push": lambda z, y: pull_less_push(z, y),
    "contrastive": lambda z, y: contrastive(z, y, 1.0),
    "all": lambda z, y: triplet(z, y, 0.2, "all")[0],
    "semi-hard": lambda z, y: triplet(z, y, 0.2, "semi-hard")[0],
    "hardest": lambda z, y: triplet(z, y, 0.2, "hardest")[0],
    "distance-weighted": lambda z, y: triplet(z, y, 0.2, "distance-weighted", torch.full((len(z), len(z)), 0.7))[0],
    "n pairs": lambda z, y: sum(n_pairs(z, y)),
    "hypersphere softmax": lambda z, y: hypersphere_softmax(z, torch.eye(8, z.shape[1], dtype=z.dtype) + 0.1, y, 0.05)[0],
    "sup con": lambda z, y: sup_con(z, y, 0.05),
}
BATCHES = {
    "one class": (generic(6, 4), torch.zeros(6)),
    "all distinct": (generic(6, 4), torch.arange(6)),
    "two, alike": (generic(2, 4), torch.zeros(2)),
    "two, unlike": (generic(2, 4), torch.arange(2)),
    "duplicates": (generic(3, 4).repeat(2, 1), torch.arange(6) % 3),
    "duplicates of other classes": (generic(3, 4).repeat(2, 1), torch.arange(6) // 3),
    "collapsed": (generic(1, 4).repeat(6, 1), torch.arange(6) % 3),
    "zeros": (torch.zeros(6, 4), torch.arange(6) % 3),
    "long": (1e4 * generic(6, 4), torch.arange(6) % 3),
    "opposite": (torch.tensor([1.0, -1.0])[:, None].repeat(3, 4), torch.arange(6) % 2),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("loss", LOSSES)
def test_hostile_batches_have_finite_losses_and_gradients(loss, batch, dtype):
    z, y = BATCHES[batch]
    z = z.detach().to(dtype).requires_grad_()
    value = LOSSES[loss](z, y.long())
    (gradient,) = torch.autograd.grad(value, z)
    assert value.isfinite()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("batch", ["one class", "all distinct"])
@pytest.mark.parametrize("loss", ["pull subject to push", "all", "semi-hard", "hardest", "distance-weighted"])
def test_a_batch_that_says_nothing_has_no_gradient(loss, batch):
    z, y = BATCHES[batch]
    z = z.detach().requires_grad_()
    value = LOSSES[loss](z, y.long())
    assert value.item() == 0.0
    assert not torch.autograd.grad(value, z)[0].any()


@pytest.mark.parametrize("loss", [name for name in LOSSES if name not in ("n pairs", "distance-weighted")])
def test_the_order_of_the_batch_does_not_matter(loss):
    z, turned = codes(), torch.randperm(len(Y), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(LOSSES[loss](z, Y), LOSSES[loss](z[turned], Y[turned]), rtol=1e-12, atol=1e-12)
