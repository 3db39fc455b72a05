"""The order in which items come changes nothing: graph and neighbour methods on data with ties, copies and whole numbers."""

import numpy as np
import pytest
import torch
from helpers.solved import solved
from sklearn.datasets import load_digits

from allegory.methods.spectral.atlas import Atlas
from allegory.methods.spectral.classical_mds import ClassicalMDS
from allegory.methods.spectral.diffusion_maps import DiffusionMaps
from allegory.methods.spectral.geomancer import Geomancer
from allegory.methods.spectral.isomap import Isomap
from allegory.methods.spectral.kernel_pca import KernelPCA
from allegory.methods.spectral.laplacian_eigenmaps import LaplacianEigenmaps
from allegory.methods.spectral.lle import LLE
from allegory.methods.spectral.metric_mds import MetricMDS
from allegory.methods.spectral.tsne import TSNE
from allegory.methods.spectral.umap import UMAP

DIGITS = torch.as_tensor(load_digits().data)  # whole numbers from 0 to 16: many distances are equal
SEEN, NEW = torch.cat([DIGITS[:250], DIGITS[:20]]), DIGITS[400:450]

METHODS = (
    Atlas(latent=2, charts=12), ClassicalMDS(latent=3, landmarks=100), DiffusionMaps(latent=3, k=8), Geomancer(dimension=3, latent=3),
    Isomap(latent=2, k=6, landmarks=100), KernelPCA(latent=3, gamma=0.001, landmarks=100), LaplacianEigenmaps(latent=3, k=6),
    LLE(latent=2, k=8), MetricMDS(latent=2, landmarks=150), TSNE(steps=90), UMAP(epochs=60),
)  # fmt: skip


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_codes_are_the_same_in_any_order(method):
    turn = torch.as_tensor(np.random.default_rng(0).permutation(len(SEEN)))
    net, other = solved(method, SEEN), solved(method, SEEN[turn])
    for x in (SEEN, NEW):
        assert torch.equal(method.encode(net, x), method.encode(other, x))
    assert float(method.encode(net, SEEN).std(0).min()) > 0


@pytest.mark.parametrize("method", [TSNE(steps=30), UMAP(epochs=10)], ids=lambda m: type(m).__name__)
def test_the_nearest_of_a_new_item_has_its_number_in_the_order_given(method):
    turn = torch.as_tensor(np.random.default_rng(0).permutation(250))
    for x in (DIGITS[:250], DIGITS[:250][turn]):
        nearest = method.codes(solved(method, x), x, ("nearest",))["nearest"].values
        assert nearest.tolist() == list(range(250))
