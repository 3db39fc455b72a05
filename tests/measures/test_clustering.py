import math
from itertools import permutations

import numpy as np
import pytest
import torch
from sklearn import metrics as peer

from allegory.measures.clustering import Contingency, ami, assigned, expected_mutual_information, kmeans, nmi, pairwise_f1

# Four items of class 0 and two of class 1; cluster 5 holds three of class 0 and one of class 1, cluster 9 one of each.
CLASSES = torch.tensor([0, 0, 0, 0, 1, 1])
CLUSTERS = torch.tensor([5, 5, 5, 9, 5, 9])


def test_nmi_by_hand():
    """Cells 3, 1, 1, 1 of 6, sums (4, 2) both ways: I = 3/6 log(18/16) + 2/6 log(6/8) + 1/6 log(6/4), H = log 6 - 4/6 log 4 - 2/6 log 2."""
    information = 0.5 * math.log(18 / 16) + math.log(6 / 8) / 3 + math.log(6 / 4) / 6
    entropy = math.log(6) - 4 / 6 * math.log(4) - 2 / 6 * math.log(2)
    assert nmi(CLASSES, CLUSTERS) == pytest.approx(information / entropy, rel=1e-12)


def test_the_mean_of_entropies_is_arithmetic():
    """Clusters of single items against two classes: I = H(classes) = log 2, H(clusters) = log 4."""
    assert nmi(torch.tensor([0, 0, 1, 1]), torch.arange(4)) == pytest.approx(math.log(2) / (1.5 * math.log(2)))


def test_expected_information_is_the_mean_over_all_orders():
    orders = [nmi_numerator(CLASSES, torch.tensor(order)) for order in set(permutations(CLUSTERS.tolist()))]
    assert expected_mutual_information(np.array([4.0, 2.0]), np.array([4.0, 2.0])) == pytest.approx(np.mean(orders), rel=1e-12)


def nmi_numerator(classes, clusters):
    return float(peer.mutual_info_score(classes, clusters))


def test_pairwise_f1_by_hand():
    """Pairs of one class: 6 + 1; of one cluster: 6 + 1; of both: 3. Precision and recall 3/7."""
    assert pairwise_f1(CLASSES, CLUSTERS) == pytest.approx(3 / 7)
    # all in one cluster: precision 7/15, recall 1
    assert pairwise_f1(CLASSES, torch.zeros(6, dtype=torch.long)) == pytest.approx(2 * (7 / 15) / (7 / 15 + 1))


@pytest.mark.parametrize(("n", "i", "j"), [(40, 2, 3), (500, 10, 10), (500, 200, 7), (300, 300, 300)])
def test_equal_to_scikit_learn(n, i, j):
    rng = np.random.default_rng(n + j)
    classes = rng.integers(0, i, n)
    clusters = np.where(rng.uniform(size=n) < 0.4, classes % j, rng.integers(0, j, n))
    a, b = torch.as_tensor(classes), torch.as_tensor(clusters)
    assert nmi(a, b) == pytest.approx(peer.normalized_mutual_info_score(classes, clusters), rel=1e-10)
    # both add and subtract logarithms of factorials, which are about n log n
    assert ami(a, b) == pytest.approx(peer.adjusted_mutual_info_score(classes, clusters), rel=1e-9, abs=1e-9)
    (_, wrong), (missed, right) = peer.pair_confusion_matrix(classes, clusters)
    assert pairwise_f1(a, b) == pytest.approx(2 * right / (2 * right + wrong + missed), rel=1e-12)


def test_adjusted_is_nothing_for_clusters_that_know_nothing():
    rng = np.random.default_rng(0)
    y, c = torch.as_tensor(rng.integers(0, 10, 2000)), torch.as_tensor(rng.integers(0, 50, 2000))
    assert nmi(y, c) > 0.03 and abs(ami(y, c)) < 0.01


def test_names_of_groups_do_not_matter():
    strange = torch.tensor([-7, 10**12])[CLASSES]
    assert nmi(strange, CLUSTERS) == nmi(CLASSES, CLUSTERS)
    assert Contingency.of(strange, CLUSTERS).count.tolist() == [3, 1, 1, 1]


def test_ends():
    one, each = torch.zeros(5, dtype=torch.long), torch.arange(5)
    for measure in (nmi, ami, pairwise_f1):
        assert measure(one, one) == measure(each, each) == 1.0
    assert nmi(one, each) == ami(one, each) == 0.0


def clustered(z, k, rng, starts=10):
    return assigned(z, kmeans(z, k, rng, starts))


def test_kmeans_finds_four_corners():
    corner = torch.arange(200) % 4
    z = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]])[corner] + torch.as_tensor(
        np.random.default_rng(0).normal(size=(200, 2)), dtype=torch.float32
    )
    assert nmi(corner, clustered(z, 4, np.random.default_rng(1))) == pytest.approx(1.0)


def test_kmeans_is_as_good_as_scikit_learns():
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(0)
    z = rng.normal(size=(1000, 5)).astype(np.float32)
    own = clustered(torch.as_tensor(z), 8, rng)
    centres = np.stack([z[own.numpy() == c].mean(0) for c in range(8)])
    inertia = ((z - centres[own.numpy()]) ** 2).sum()
    assert inertia < 1.01 * KMeans(8, n_init=10, random_state=0).fit(z).inertia_


def test_kmeans_learns_from_a_part_and_is_repeatable():
    z = torch.as_tensor(np.random.default_rng(0).normal(size=(4000, 2)), dtype=torch.float32)  # more than 256 an item of 3
    one, two = (clustered(z, 3, np.random.default_rng(5), starts=2) for _ in range(2))
    assert torch.equal(one, two) and len(one) == 4000


@pytest.mark.parametrize("z", [torch.zeros(6, 2), torch.eye(3)[[0, 0, 0, 1, 1, 2]]])
def test_kmeans_of_fewer_places_than_clusters(z):
    own = clustered(z, 4, np.random.default_rng(0))
    assert len(own) == 6 and own.max() < 4
    assert len(kmeans(z[:2], 4, np.random.default_rng(0))) == 2
