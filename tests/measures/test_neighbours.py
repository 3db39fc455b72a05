"""Exact neighbours: against all distances in float64, whatever the data, the threads and the order."""

import sys
import warnings
from itertools import pairwise

import numpy as np
import pytest
import torch

from allegory.core import Misuse, Problem
from allegory.measures import dealing, neighbours, searching, shortlist


@pytest.fixture(autouse=True)
def many_leaves(monkeypatch):
    """Small leaves, so that a thousand items are searched as a hundred thousand would be."""
    monkeypatch.setattr(shortlist, "LEAF", 40)
    monkeypatch.setattr(searching, "LEAF", 40)


def brute(x, z, k, own):
    """The k nearest by float64 differences, ties by the lower number."""
    squared = np.stack([np.square(row - z.astype(np.float64)).sum(1) for row in x.astype(np.float64)])
    if own:
        np.fill_diagonal(squared, np.inf)
    index = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return np.sqrt(np.take_along_axis(squared, index, 1)), index


def agrees(found, x, z, k, own=False):
    """Distances as they are, to rounding; and the items themselves, but where two are as far as rounding can tell."""
    far, near = (np.asarray(t) for t in found)
    expected, index = brute(x, z, k, own)
    assert far.dtype == np.float64 and near.dtype == np.int64 and far.shape == near.shape == (len(x), k)
    assert np.allclose(far, expected, rtol=1e-13, atol=0.0)
    differ = near != index
    told = np.sqrt(np.square(x.astype(np.float64)[:, None] - z.astype(np.float64)[near]).sum(2))
    assert np.allclose(told[differ], expected[differ], rtol=1e-13, atol=0.0)
    assert differ.mean() < 0.01
    assert not own or (near != np.arange(len(x))[:, None]).all()
    assert all(len(set(row)) == k for row in near.tolist())


def images(n=1400, d=120, seed=0):
    """Like images: a few directions hold most of the variance, groups lie apart, each with a size of its own."""
    rng = np.random.default_rng(seed)
    spread = 3.0 / np.arange(1, d + 1)
    return (rng.normal(size=(9, d))[rng.integers(9, size=n)] * spread * 2 + rng.normal(size=(n, d)) * spread).astype(np.float32)


def data(name):
    rng = np.random.default_rng(1)
    made = {
        "images": lambda: images(),
        "isotropic": lambda: rng.normal(size=(700, 60)),
        "equally far": lambda: np.eye(700) * 3.0,
        "one number": lambda: rng.normal(size=(900, 1)),
        "plane": lambda: rng.uniform(size=(1500, 2)).astype(np.float32),
        "grid": lambda: rng.integers(0, 5, size=(700, 4)).astype(np.float32),
        "bits": lambda: rng.integers(0, 2, size=(900, 30)).astype(np.float32),
        "far from the origin": lambda: images().astype(np.float64) + 1e9,
        "two far groups": lambda: rng.normal(size=(800, 30)) + 1e8 * (np.arange(800) % 2)[:, None],
        "one outlier": lambda: np.concatenate([np.full((1, 40), 1e12), rng.normal(size=(800, 40))]),
        "constant features": lambda: np.concatenate([images(800, 30), np.full((800, 20), 7.0)], 1),
        "many copies": lambda: rng.normal(size=(30, 50))[rng.integers(30, size=600)],
        "all the same": lambda: np.full((300, 5), 2.5),
        "a few copies": lambda: np.concatenate([images(600), images(600)[::7]]),
        "tiny": lambda: images(500, 30).astype(np.float64) * 1e-160,
        "huge": lambda: images(500, 30).astype(np.float64) * 1e160,
        "wide": lambda: rng.normal(size=(50, 3000)),
        "two items": lambda: rng.normal(size=(2, 3)),
    }
    return made[name]()


NAMES = [
    "images", "isotropic", "equally far", "one number", "plane", "grid", "bits", "far from the origin", "two far groups",
    "one outlier", "constant features", "many copies", "all the same", "a few copies", "wide", "two items",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_nearest_others_are_those_of_all_distances(name):
    x = data(name)
    k = min(7, len(x) - 1)
    agrees(neighbours.nearest(torch.as_tensor(x), k), x, x, k, own=True)


@pytest.mark.parametrize("name", NAMES)
def test_nearest_items_of_queries_are_those_of_all_distances(name):
    z = data(name)
    x = np.concatenate([z[::3], z[::5] * 1.5 + 0.25]).astype(z.dtype)
    k = min(7, len(z))
    agrees(neighbours.nearest_of(torch.as_tensor(x), torch.as_tensor(z), k), x, z, k)


@pytest.mark.parametrize("name", ["tiny", "huge"])
def test_squares_out_of_the_range_of_float64(name):
    x = data(name)
    far, near = neighbours.nearest(torch.as_tensor(x), 5)
    scale = 2.0 ** -round(np.log2(np.abs(x).max()))
    expected, index = brute(x * scale, x * scale, 5, own=True)
    assert np.allclose(far.numpy() * scale, expected, rtol=1e-13) and np.array_equal(near.numpy(), index)


def test_ties_go_to_the_lower_number():
    """On a line at 0, 1, 2, 1, 3: of 1 the nearest are its copy, then 0 and 2, both at 1. Of 2: 1, 1 and 3, all at 1; 0 is at 2."""
    z = torch.tensor([[0.0], [1], [2], [1], [3]])
    far, near = neighbours.nearest(z, 3)
    assert near.tolist() == [[1, 3, 2], [3, 0, 2], [1, 3, 4], [1, 0, 2], [2, 1, 3]]
    assert far.tolist() == [[1, 1, 2], [0, 1, 1], [1, 1, 1], [0, 1, 1], [1, 2, 2]]
    far, near = neighbours.nearest_of(torch.tensor([[1.0], [2.5]]), z, 3)
    assert near.tolist() == [[1, 3, 0], [2, 4, 1]] and far.tolist() == [[0, 0, 1], [0.5, 0.5, 1.5]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_numbers_of_any_length(dtype):
    x = torch.as_tensor(images(600)).to(dtype)
    agrees(neighbours.nearest(x, 4), x.double().numpy(), x.double().numpy(), 4, own=True)


@pytest.mark.parametrize("n", [5, 40, 41, 333])
def test_all_others_may_be_asked_for(n):
    x = images(n)
    agrees(neighbours.nearest(torch.as_tensor(x), n - 1), x, x, n - 1, own=True)
    agrees(neighbours.nearest_of(torch.as_tensor(x[:3]), torch.as_tensor(x), n), x[:3], x, n)


def test_the_same_for_any_threads_and_order():
    x, z = torch.as_tensor(images(300)), torch.as_tensor(images(600, seed=3))
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            found.append((*neighbours.nearest(z, 9), *neighbours.nearest_of(x, z, 9)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))
    order = torch.as_tensor(np.random.default_rng(4).permutation(len(z)))
    far, near = neighbours.nearest(z[order], 9)
    assert torch.equal(far, found[0][0][order]) and torch.equal(order[near], found[0][1][order])
    asked = torch.as_tensor(np.random.default_rng(5).permutation(len(x)))
    far, near = neighbours.nearest_of(x[asked], z, 9)
    assert torch.equal(far, found[0][2][asked]) and torch.equal(near, found[0][3][asked])
    alone = neighbours.nearest_of(x[5:6], z, 9)
    assert torch.equal(alone[0], found[0][2][5:6]) and torch.equal(alone[1], found[0][3][5:6])


def test_most_pairs_of_images_are_passed_over_and_none_that_matters():
    """With items like images the first stage leaves few, and few more are measured than are found; isotropic ones are turned to no use."""
    x = torch.as_tensor(images(3000))
    with dealing.dealing(x.device) as deal:
        base = shortlist.prepared(x, 5, None, deal)
        even = shortlist.prepared(torch.as_tensor(np.random.default_rng(0).normal(size=(3000, 120))), 5, None, deal)
    assert len(base.ends) > 1 and base.ends[-1] == even.ends[0] == 120
    _, _, tally = searching.search(None, x, 5)
    assert tally.pairs == 3000**2
    assert tally.asked < 0.15 * tally.pairs
    assert 5 * 3000 <= tally.measured < 7 * 3000 and tally.again == 0


@pytest.mark.parametrize("name", ["images", "two far groups", "bits"])
def test_no_stage_overrates_a_distance(name):
    """After every stage, at the true square of each pair as tau, nothing is passed over; at .9 of it after the last, nearly all is."""
    x = torch.as_tensor(data(name))[:300]
    true = (x.double()[:, None] - x.double()).square().sum(2)
    with dealing.dealing(x.device) as deal:
        for turned, dtype in ((True, torch.float32), (False, torch.float32), (False, torch.float64)):
            frame = shortlist.Frame.of(x, turned, dtype)
            w = frame(x, deal)
            stages = shortlist.Stages.of(w, (4, 9, x.shape[1]), frame.kappa)
            rows = torch.arange(len(x))
            product = torch.zeros(len(x), len(x), dtype=torch.float64)
            for left, right in zip(stages.left(rows), stages.right, strict=True):
                product += (left @ right.T).double()
                assert (product + 0.5 * frame.raised(true * frame.scale**2) >= 0.0).all()
            if name != "two far groups" or dtype == torch.float64:
                apart = true > 0.1 * true.mean()
                assert (product + 0.5 * frame.raised(0.9 * true * frame.scale**2) < 0.0)[apart].double().mean() > 0.99


def test_picking_early_changes_nothing(monkeypatch):
    x = torch.as_tensor(images(900))
    whole = neighbours.nearest(x, 6)
    monkeypatch.setattr(searching, "MOST_PAIRS", 300)
    monkeypatch.setattr(shortlist, "NEAR", 1)
    far, near, tally = searching.search(None, x, 6)
    assert tally.again > 0 and torch.equal(far, whole[0]) and torch.equal(near, whole[1])


def test_shortened_products_are_allowed_for():
    """torch may be told to multiply fewer digits; then more is measured, and the answer stays."""
    x = torch.as_tensor(images(900))
    whole = neighbours.nearest(x, 6)
    exact = shortlist.Frame.of(x, False, torch.float32).kappa
    torch.set_float32_matmul_precision("medium")
    try:
        loose = shortlist.Frame.of(x, False, torch.float32).kappa
        again = neighbours.nearest(x, 6)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert loose > 100.0 * exact
    assert torch.equal(again[0], whole[0]) and torch.equal(again[1], whole[1])


def test_halving_keeps_every_item_and_neighbours_together():
    w = torch.as_tensor(data("plane"))
    order, starts = shortlist.halved(w)
    assert sorted(order.tolist()) == list(range(len(w)))
    sizes = [b - a for a, b in pairwise(starts)]
    assert max(sizes) <= 40 and min(sizes) > 20 and starts[-1] == len(w)
    spread = np.mean([w[order[a:b]].std(0).mean() for a, b in pairwise(starts)])
    assert spread < 0.25 * float(w.std(0).mean())


@pytest.mark.parametrize(
    ("x", "k", "said"),
    [
        (np.zeros((4, 2)), 4, "0 < k <= 3 neighbours among 3 others; got k = 4"),
        (np.zeros((4, 2)), 0, "got k = 0"),
        (np.zeros((1, 2)), 1, "0 < k <= 0 neighbours"),
        (np.zeros((4, 0)), 1, r"got shape \(4, 0\)"),
    ],
)
def test_wrong_use_is_told_in_one_line(x, k, said):
    with pytest.raises(Misuse, match=said) as e:
        neighbours.nearest(torch.as_tensor(x), k)
    assert "\n" not in str(e.value)


def test_queries_far_beyond_the_items():
    """Where all differences are rounded alike, all items are equally far, as far as float64 can tell."""
    z = torch.as_tensor(images(500))
    x = torch.cat([z[:1].double() * 1e6, z[1:2].double() * 1e60, z[:1].double()])
    far, near = neighbours.nearest_of(x, z, 4)
    expected, index = brute(x.numpy(), z.numpy(), 4, own=False)
    assert np.allclose(far.numpy(), expected, rtol=1e-12) and np.array_equal(near[[0, 2]].numpy(), index[[0, 2]])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_without_a_distance_are_told(bad):
    x = torch.as_tensor(images(50))
    broken = x.clone()
    broken[7, 3] = bad
    for ask in (
        lambda: neighbours.nearest(broken, 3),
        lambda: neighbours.nearest_of(broken, x, 3),
        lambda: neighbours.nearest_of(x, broken, 3),
    ):
        with pytest.raises(Problem, match="NaN or infinite"):
            ask()


def test_queries_must_be_like_the_items():
    x = torch.as_tensor(images(50))
    with pytest.raises(Misuse, match=r"expected queries like the items, \(m, 120\)"):
        neighbours.nearest_of(x[:, :7], x, 3)
    far, near = neighbours.nearest_of(x[:0], x, 3)
    assert far.shape == near.shape == (0, 3)


def test_gradients_and_warnings_are_left_alone():
    x = torch.as_tensor(images(900)).requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        far, _ = neighbours.nearest(x, 3)
    assert not far.requires_grad and torch.is_grad_enabled() and x.grad is None


def test_an_error_in_a_thread_is_told_and_threads_are_given_back():
    before = torch.get_num_threads()
    torch.set_num_threads(3)

    def fails(job):
        assert torch.get_num_threads() == 1 and not torch.is_grad_enabled()
        if job == 2:
            raise ValueError("job 2")

    try:
        with pytest.raises(ValueError, match="job 2"), dealing.dealing(torch.device("cpu")) as deal:
            deal(range(5), fails)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_approximate_search_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(Problem, match=r'pip install "allegory\[search\]"'):
        neighbours.approximately(torch.as_tensor(images(50)), 3)


def test_approximate_search_finds_most():
    pytest.importorskip("faiss", reason="faiss-cpu is not installed")
    x = torch.as_tensor(images(2000))
    far, near = neighbours.approximately(x, 8)
    exact, index = neighbours.nearest(x, 8)
    hits = (near[:, :, None] == index[:, None]).any(2).double().mean()
    assert hits > 0.8 and (far >= exact - 1e-9).all() and (near != torch.arange(len(x))[:, None]).all()
    told = (x.double()[:, None] - x.double()[near]).square().sum(2).sqrt()
    assert torch.allclose(far, told, rtol=1e-12)
