"""Affinities by hand, scikit-learn's perplexities, umap-learn's graph, and awkward distances."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.manifold import _utils as peer

from allegory.measures.affinities import Fuzzy, Perplexity, Uniform
from allegory.measures.neighbours import nearest

GOLDEN = json.loads((Path(__file__).parents[2] / "benchmarks/parity/umap.json").read_text())


def test_a_perplexity_by_hand():
    """Squares 0, 1, 2 less than ln 2 apart each: with beta 1 they weigh 4, 2, 1 of 7, whose entropy is that of perplexity 2.6019."""
    step = math.log(2.0)
    far = torch.tensor([[0.5, 0.5 + step, 0.5 + 2 * step]], dtype=torch.float64).sqrt()
    share = np.array([4, 2, 1]) / 7
    p = Perplexity(float(np.exp(-(share * np.log(share)).sum())))
    wide = torch.cat([far, torch.full((1, 7), 1e3, dtype=torch.float64)], 1)  # whose perplexity is not held down to a third of 3
    assert p.seen(wide)[0, :3].tolist() == pytest.approx(share.tolist(), rel=1e-9)


def test_perplexities_are_scikit_learns():
    x = load_digits().data[:300]
    affinity = Perplexity(12.0)
    far, _ = nearest(torch.as_tensor(x), affinity.neighbours(300))
    theirs = peer._binary_search_perplexity(far.square().numpy().astype(np.float32), 12.0, 0)
    np.testing.assert_allclose(affinity.seen(far).numpy(), theirs, atol=2e-5)  # theirs stops when the entropy is right to 1e-5
    p = affinity.seen(far)
    entropy = -(p * p.clamp_min(1e-300).log()).sum(1)
    np.testing.assert_allclose(entropy.exp().numpy(), 12.0, rtol=1e-9)


def test_edges_weigh_the_mean_of_both_ends_and_sum_to_one():
    """0 names 1; 1 names 2; 2 names 1: (0, 1) has 1 / 6 of one end only, (1, 2) 2 / 6 of both."""
    e = Uniform(1).joined(torch.ones(3, 1), torch.tensor([[1], [2], [1]]))
    assert list(zip(e.i.tolist(), e.j.tolist(), strict=True)) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert e.w.tolist() == pytest.approx([1 / 6, 1 / 6, 1 / 3, 1 / 3])


def test_memberships_are_joined_as_either_or():
    e = Fuzzy(2).joined(torch.tensor([[0.5], [0.25], [1.0]]), torch.tensor([[1], [0], [1]]))
    assert dict(zip(zip(e.i.tolist(), e.j.tolist(), strict=True), e.w.tolist(), strict=True)) == {
        (0, 1): 0.625, (1, 0): 0.625, (1, 2): 1.0, (2, 1): 1.0,
    }  # fmt: skip


def test_the_graph_is_umap_learns():
    x = torch.as_tensor(load_digits().data[: GOLDEN["items"]])
    affinity = Fuzzy(GOLDEN["neighbours"])
    far, near = nearest(x, affinity.neighbours(len(x)))
    e = affinity.joined(affinity.seen(far), near)
    ours = {(i, j): w for i, j, w in zip(e.i.tolist(), e.j.tolist(), e.w.tolist(), strict=True)}
    theirs = {(i, j): w for i, j, w in GOLDEN["edges"]}
    assert ours.keys() == theirs.keys()
    # theirs stops when the sum of memberships is right to 1e-5
    assert max(abs(ours[pair] - w) for pair, w in theirs.items()) < 1e-4


@pytest.mark.parametrize("affinity", [Perplexity(5.0), Uniform(6), Fuzzy(7)], ids=lambda a: type(a).__name__)
def test_awkward_distances(affinity):
    """All at one point, all equally far, one far beyond the others, very small and very large scales: finite, and not all 0."""
    k = affinity.neighbours(50)
    far = torch.ones(5, k)
    far[0] = 0.0
    far[2, -1] = 1e9
    far[3], far[4] = 1e-12 * torch.arange(1, k + 1), 1e12 * torch.arange(1, k + 1)
    w = affinity.seen(far)
    assert w.isfinite().all() and (w >= 0).all() and (w.sum(1) > 0.9).all()
    assert torch.equal(w, torch.cat([affinity.seen(row[None]) for row in far]))  # of each row alone


def test_few_items_have_few_neighbours():
    assert [a.neighbours(4) for a in (Perplexity(30.0), Uniform(15), Fuzzy(15))] == [3, 3, 3]
    assert [a.neighbours(1000) for a in (Perplexity(30.0), Uniform(15), Fuzzy(15))] == [90, 15, 14]
