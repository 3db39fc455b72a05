"""The benchmarks of the spectral family run: on a few items, for what they say and not for how long they take."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
X = np.random.default_rng(0).normal(size=(120, 12)).astype(np.float32)


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before, threads = set(sys.modules), torch.get_num_threads()
    yield importlib.import_module
    torch.set_num_threads(threads)
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == BENCHMARKS:
            del sys.modules[name]


@pytest.mark.parametrize("name", ["TSNE", "TSNE uniform", "UMAP"])
def test_a_map_and_what_it_keeps(script, name, tmp_path, monkeypatch):
    embedding = script("embedding")
    monkeypatch.setattr(embedding, "OURS", {"TSNE": {"steps": 30}, "TSNE uniform": {"steps": 30}, "UMAP": {"epochs": 10}})
    pixels, places = str(tmp_path / "x.npy"), str(tmp_path / "y.npy")
    np.save(pixels, X)
    told = embedding.make(name, pixels, places, 1)
    assert told["seconds"] > 0 and told["peak_memory_bytes"] > 1e7
    y = np.load(places)
    near = embedding.nearest(torch.as_tensor(X), embedding.K)[1]
    assert y.shape == (120, 2) and 0 < embedding.kept(X, y, near)["neighbours kept"] < embedding.kept(X, X, near)["neighbours kept"] == 1.0


def test_every_way_to_the_neighbours_finds_the_same(script):
    neighbours, x = script("neighbours"), torch.as_tensor(X)
    exact = neighbours.ours(x, 5)
    for name in ("plain", "scikit-learn brute", "scikit-learn kd-tree"):
        assert np.array_equal(neighbours.PEERS[name](x, 5), exact)


def test_what_is_timed_beside_scikit_learn_runs(script, tmp_path):
    manifold = script("manifold")
    for (what, who), work in manifold.WORK.items():
        if not what.startswith("PCA"):  # there are twelve numbers
            assert work(torch.as_tensor(X)) is not None, (what, who)
    assert manifold.generated("S2xS2", None, 50).shape == (50, 6)
    manifold.written(tmp_path / "x.npy", 1500, 60)
    assert manifold.WORK["PCA, 50, of a file", "ours"](tmp_path / "x.npy").encode(np.zeros((1, 60), np.float16)).shape == (1, 50)


def test_geomancer_beside_the_published_method(script):
    rows = script("geomancer").measured("S2xS2", 400, 0, with_plain=True)
    assert [r["who"] for r in rows] == ["ours", "plain"] and rows[0]["error"] < rows[1]["error"]
