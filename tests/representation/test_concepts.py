"""Concepts by name, by the front door: learned, saved, asked."""

from dataclasses import replace

import numpy as np
import pytest

import allegory as al
from allegory.core import Misuse, Optim
from allegory.data import Attribute
from allegory.representation import Representation
from allegory.train import Settings

SHADES = ("dark", "grey", "light")


def halves():
    """Images of 4 x 4, the left half and the right one each in one of three shades, a little noisy. Those of the right are nearer to each
    other: directions of equal variance could be turned against each other."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 3, (600, 2))
    shade = (np.array([40, 80]) + np.array([88, 50]) * values)[:, None, None, :].repeat(2, 3).repeat(4, 2)
    x = (shade + rng.normal(0, 6, shade.shape)).clip(0, 255).round().astype(np.uint8)
    named = tuple(Attribute(name, "class", values[:, i], SHADES) for i, name in enumerate(("left", "right")))
    return replace(al.load(x), attributes=named)


@pytest.fixture(scope="module")
def rep():
    method = al.SCAN(latent=2, encoder="mlp-plain", decoder="mlp", width=32, beta=2.0)
    settings = Settings(steps=300, batch=32, optim=Optim(lr=3e-3), seed=0)
    return al.learn(halves(), method, settings=settings)


def test_what_is_named_is_narrow_and_what_is_not_is_wide(rep):
    """Draws of "left is light" are light on the left, nearly all of them, and of all shades on the right; so with right and left."""
    concepts = al.Concepts(rep)
    assert concepts.vocabulary.factors == {"left": SHADES, "right": SHADES}
    for i, (side, other) in enumerate((("left", 1), ("right", 0))):
        x = concepts.sym2img(concepts.meaning({side: "light"}, {side: "dark"}, {}), 200)[:, :, 0].mean(2)
        named, free = x[:2, :, 2 * i : 2 * i + 2].mean(2), x[:2, :, 2 * other : 2 * other + 2].mean(2)
        every = x[2, :, 2 * i : 2 * i + 2].mean(1)
        assert named[0].mean() - named[1].mean() > 2.0 * every.std()  # light and dark lie 2.4 standard deviations apart
        assert named.std(1).max() < 0.5 * every.std() and free.std(1).min() > 0.5 * x[2, :, 2 * other : 2 * other + 2].mean(1).std()


def test_images_are_named(rep):
    source = halves()
    told = al.Concepts(rep).img2sym(source)
    left, right = (a.values for a in source.attributes)
    hits = [[row["left"] == SHADES[a], row["right"] == SHADES[b]] for row, a, b in zip(told, left, right, strict=True)]
    assert len(told) == 600 and np.mean(hits, 0).min() > 0.8


def test_shapes_and_seeds(rep):
    concepts = al.Concepts(rep)
    meant = concepts.meaning({"left": "dark"}, {"left": "dark", "right": "grey"}, {})
    assert meant.mu.shape == meant.log_var.shape == (3, 2) and len(meant) == 3
    x = concepts.sym2img(concepts.recombined("ignore", meant, meant), 5)
    assert x.shape == (3, 5, 1, 4, 4)
    again = concepts.recombined("ignore", meant, meant)
    assert np.array_equal(x, concepts.sym2img(again, 5)) and not np.array_equal(x, concepts.sym2img(again, 5, seed=1))
    assert not np.array_equal(x[0, 0], x[0, 1])


def test_names_survive_the_file(rep, tmp_path):
    rep.save(tmp_path / "model")
    again = Representation.load(tmp_path / "model")
    one, other = (al.Concepts(r).meaning({"left": "grey"}).mu for r in (rep, again))
    assert again.method.names == rep.method.names and bool((one == other).all())


def test_misuse_is_told_with_what_to_do(rep):
    concepts = al.Concepts(rep)
    one = concepts.meaning({"left": "grey"})
    with pytest.raises(Misuse, match="unknown operator 'or'"):
        concepts.recombined("or", one, one)
    with pytest.raises(Misuse, match="as many concepts on both sides, got 1 and 2"):
        concepts.recombined("and", one, concepts.meaning({}, {}))
    with pytest.raises(Misuse, match="unknown left 'red': expected one of dark, grey, light"):
        concepts.meaning({"left": "red"})
    with pytest.raises(Misuse, match="expected a list of concepts"):
        concepts.meaning()
    with pytest.raises(Misuse, match="at least 1 image"):
        concepts.sym2img(one, 0)
    with pytest.raises(Misuse, match="knows concepts by name, of SCAN; got one of PCA"):
        al.Concepts(al.learn(halves(), "PCA"))
