"""Neighbours are the true ones, and the layout keeps them."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from allegory.pages import layout


def test_neighbours_are_those_of_scikit_learn():
    x = np.random.default_rng(0).normal(size=(1500, 5)).astype(np.float32) + 100
    found, far = layout.neighbours(x, k=7)
    distance, index = NearestNeighbors(n_neighbors=8).fit(x.astype(np.float64)).kneighbors(x.astype(np.float64))
    assert (found == index[:, 1:]).mean() > 0.999  # float32 may swap near ties
    assert np.allclose(far, distance[:, 1:], atol=1e-3)
    queries, near = layout.neighbours(x, x[:3] + 1e-4, k=1)
    assert queries[:, 0].tolist() == [0, 1, 2] and (near < 1e-2).all()


def test_the_plane_holds_the_two_main_axes():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 6)) * [1, 9, 1, 4, 1, 1]
    y = layout.plane(x)
    assert abs(np.corrcoef(y[:, 0], x[:, 1])[0, 1]) > 0.99 and abs(np.corrcoef(y[:, 1], x[:, 3])[0, 1]) > 0.99
    assert layout.plane(x[:, :1]).shape == (400, 2)


def test_the_layout_keeps_neighbours_and_is_the_same_again():
    x, labels = load_digits(return_X_y=True)
    x, labels = x[:700].astype(np.float32), labels[:700]
    flat = layout.plane(x)
    graph, _ = layout.neighbours(x)
    y = layout.near(flat, graph)
    assert (layout.near(flat, graph) == y).all()
    before, after = layout.kept(flat, graph), layout.kept(y, graph)
    assert before < 0.35 and after > 0.5  # measured .22 and .58
    nearest, _ = layout.neighbours(y, k=1)
    assert (labels[nearest[:, 0]] == labels).mean() > 0.92


def test_kept_is_one_for_the_data_themselves():
    x = np.random.default_rng(2).normal(size=(300, 2)).astype(np.float32)
    graph, _ = layout.neighbours(x)
    assert layout.kept(x, graph) > 0.99
    assert layout.kept(np.random.default_rng(3).normal(size=(300, 2)).astype(np.float32), graph) < 0.15


def test_codes_that_are_not_finite_or_all_equal_still_get_places():
    z = np.zeros((50, 4), np.float32)
    z[3] = np.nan
    graph, _ = layout.neighbours(z)
    assert np.isfinite(layout.near(layout.plane(z), graph)).all()
