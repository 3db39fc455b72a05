"""Any method that makes a flat map can draw the report's."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from allegory.core import Misuse
from allegory.pages import codes_map, layout, mapping

Z = load_digits().data[:150, ::4].astype(np.float32)


def test_the_usual_map_has_no_method_and_names_are_matched_as_everywhere():
    assert mapping.chosen("Neighbours") is None
    assert mapping.chosen("t-sne").latent == 2 and type(mapping.chosen("umap")).__name__ == "UMAP"


@pytest.mark.parametrize("name", ["KMeans", "SimCLR", "BetaVAE"])
def test_what_makes_no_flat_map_is_refused(name):
    with pytest.raises(Misuse, match="--map"):
        mapping.chosen(name)
    with pytest.raises(Misuse, match="Did you mean"):
        mapping.chosen("tsn")


def test_the_map_of_pca_is_the_plane():
    y = mapping.places(Z, mapping.chosen("PCA"))
    np.testing.assert_allclose(y - y.mean(0), layout.plane(Z), atol=1e-4)
    assert mapping.places(Z[:, :1], mapping.chosen("PCA")).shape == (150, 2)


def test_the_chosen_map_comes_first_and_says_what_it_keeps():
    first, *others = codes_map.layouts(Z, "tsne")
    assert [first["name"], *[m["name"] for m in others]] == ["TSNE", "neighbours", "PCA"]
    assert first["trustworthiness"] > 0.95 > others[-1]["trustworthiness"] and first["kept"] > 0.5
    assert codes_map.layouts(Z, "tsne")[0] == first
    assert [m["name"] for m in codes_map.layouts(Z, "PCA")] == ["PCA", "neighbours"]


def test_few_codes_have_no_ranks():
    assert mapping.kept(Z[:20], Z[:20, :2]) is None
    assert mapping.kept(Z, layout.plane(Z)).continuity > 0.8
    assert [m["name"] for m in codes_map.layouts(Z[:2], "umap")] == ["PCA"]
