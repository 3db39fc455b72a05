"""What the report shows of single items: the right ones, and numbers that are what they say."""

import numpy as np
import pytest
import torch

import allegory as al
from allegory.methods.latent.conv_draw import ConvDRAW
from allegory.methods.spectral.atlas import Atlas
from allegory.methods.spectral.tsne import TSNE
from allegory.pages import codes_map, columns, looks, page, pictures
from allegory.pages.health import health
from allegory.pages.items import spread, uris
from allegory.representation import Representation
from allegory.train import fit


@pytest.fixture(scope="module")
def encoded(pca, images):
    return codes_map.encoded(pca, images)


@pytest.fixture(scope="module")
def table(table_vae, vectors):
    return codes_map.encoded(table_vae, vectors)


def test_codes_stand_beside_their_items(pca, images, encoded):
    assert sorted(encoded.index) == list(range(90))
    assert np.allclose(encoded.z, pca.encode(images)[encoded.index], atol=1e-5)
    assert len(codes_map.encoded(pca, images, most=20).index) == 20


def test_neighbours_are_training_items_by_distance(pca, images, encoded):
    found = looks.neighbours(images, encoded, pca)
    train = set(images.part("train"))
    z = pca.encode(images)
    for query, others in found.rows:
        q = next(i for i in range(90) if images.id(i) == query.id)
        assert q in set(images.part("test"))
        best = sorted(train, key=lambda i, q=q: np.linalg.norm(z[i] - z[q]))[: len(others)]
        assert [o.id for o in others] == [images.id(i) for i in best]
        assert np.allclose([o.distance for o in others], [np.linalg.norm(z[i] - z[q]) for i in best], atol=1e-3)
        assert [o.same for o in others] == [images.labels.values[i] == images.labels.values[q] for i in best]
    assert 0.9 < found.agree <= 1.0 and 0.3 < found.chance < 0.4  # three classes, told apart by colour


def test_missing_labels_neither_agree_nor_differ(table_vae, vectors, table):
    found = looks.neighbours(vectors, table, table_vae)
    for query, others in found.rows:
        for other in others:
            assert (other.same is None) == (query.label is None or other.label is None)
    assert found.rows[0][0].uri is None and not found.pictured


def test_queries_go_round_the_classes(images):
    places = np.arange(90)
    chosen = spread(images, np.arange(90), places, 6)
    assert sorted(images.labels.values[chosen]) == [0, 0, 1, 1, 2, 2]


def test_the_share_of_variance_is_that_of_the_reconstruction(images, encoded):
    class Perfect:
        def __init__(self, rep, source, items):
            self.intake, self.answers = rep.intake, {tuple(z): i for z, i in zip(items.z.tolist(), items.index, strict=True)}
            self.source, self.blur = source, 0.0

        def decode(self, z):
            x = self.intake(torch.as_tensor(self.source.take(np.array([self.answers[tuple(row)] for row in z.tolist()]))))
            return ((1 - self.blur) * x + self.blur * x.mean(0)).numpy()

    from allegory.data import Intake

    class Rep:
        intake = Intake.fit(images, np.arange(90))

    perfect = Perfect(Rep, images, encoded)
    assert looks.reconstructions(images, encoded, perfect).kept == pytest.approx(1.0)
    perfect.blur = 1.0
    assert looks.reconstructions(images, encoded, perfect).kept == pytest.approx(0.0, abs=0.01)


def test_traversals_put_the_dimension_that_changes_most_first(images, encoded, pca):
    class Third:
        intake = pca.intake

        def decode(self, z):
            return np.broadcast_to((0.1 * z[:, 2] + 0.001 * z[:, 0])[:, None, None, None], (len(z), 3, 8, 8)).astype(np.float32)

    found = looks.traversals(images, encoded, Third())
    assert [s.name for s in found.strips][:2] == ["dimension 3", "dimension 1"]
    assert not found.ordered and found.size == 6


def test_only_what_a_method_can_do_is_shown(vae, pca, table_vae, images, vectors, encoded, table):
    z4 = codes_map.encoded(vae, images)
    assert set(page.abilities(vae, images, z4)) == {"reconstructions", "traversals", "interpolations", "samples", "rate", "completions"}
    assert set(page.abilities(pca, images, encoded)) == {"reconstructions", "traversals", "interpolations", "adds"}
    assert set(page.abilities(table_vae, vectors, table)) == {"columns", "heat", "drawn", "rate"}

    class Blind:
        intake, facts = pca.intake, {}

        def can(self):
            return ("encode",)

    assert page.abilities(Blind(), images, encoded) == {}


def test_pictures_of_more_and_more_bits_stand_beside_their_items(images):
    rep = Representation.of(fit(ConvDRAW(times=2, latent=1, hidden=4), images, steps=2, batch=16, device="cpu"))
    items = codes_map.encoded(rep, images)
    assert "progressive" in page.abilities(rep, images, items)
    rows = looks.progressive(images, items, rep)
    assert len(rows) == looks.PROGRESSES and {len(said) for _, said in rows} == {len(looks.SHARES)}
    ids = {images.id(i): i for i in images.part("test")}
    for item, said in rows:
        i = ids[item.id]
        assert item.uri == uris(pictures.stored(rep.intake, images.take(np.array([i]))))[0]
        assert said[0][1] == "0 bits"
        bits = [int(words.split()[0].replace(",", "")) for _, words in said]
        assert bits == sorted(bits)


def test_columns_keep_what_pca_keeps(vectors):
    from allegory.methods.spectral.pca import PCA

    rep = Representation.of(fit(PCA(latent=6), vectors, device="cpu"))
    items = codes_map.encoded(rep, vectors)
    kept = columns.reconstructed(vectors, items, rep)
    assert {k.name for k in kept} == {f"column {c}" for c in "abcdef"}
    assert all(k.share == pytest.approx(1.0, abs=1e-4) for k in kept)
    heat = columns.traversed(vectors, items, rep)
    # With a code as large as the data, dimension d moves column i by 4 standard deviations of d times its loading.
    loading = rep.net.W.numpy()[int(heat.rows[0][0]) - 1] * 4 * items.z[:, int(heat.rows[0][0]) - 1].std()
    assert heat.rows[0][1] == pytest.approx(loading, abs=1e-3)


def test_alarms_are_said_once_from_facts_and_steps():
    alarm = {"name": "collapse", "step": 1200, "text": "all items have nearly the same code"}
    found = health(
        [{"step": 1, "health/rank": 2.0, "alarms": ["low"]}, {"step": 2, "health/rank": 1.0, "alarm": "low"}], {"alarms": [alarm]}
    )
    assert found.alarms == ("Collapse since step 1,200: all items have nearly the same code", "low")
    assert [c.name for c in found.curves] == ["rank"] and found.watched
    assert not health([], {}).watched


def test_ids_that_are_too_long_together_lose_their_middle(images, monkeypatch):
    assert codes_map.ids(images, np.arange(2)) == ["folder/picture-000.png", "folder/picture-001.png"]
    monkeypatch.setattr(codes_map, "IDS_BYTES", 1200)
    short = codes_map.ids(images, np.arange(90))
    assert max(map(len, short)) == 11 and short[0] == "folde…0.png"[:5] + "…" + "0.png"


def test_the_map_can_be_coloured_by_the_kinds_that_a_code_tells_apart():
    """The charts of an atlas and the local dimension there; what is told of each item alone (TSNE's nearest) is no kind."""
    source = al.load("manifold:name=swiss_roll,n=300")
    rep = al.learn(source, Atlas(latent=2, charts=12))
    items = codes_map.encoded(rep, source)
    told = {c["name"]: c["names"] for c in codes_map.colours(source, items)}
    assert "2" in told["dimension"] and 2 <= len(told["chart"]) <= 12 and list(told)[-1] == "part"
    dimension = rep.codes(source.take(items.index), ("dimension",))["dimension"].values.numpy()
    assert np.array_equal(items.kinds["dimension"], dimension)
    places = codes_map.encoded(al.learn(source, TSNE(steps=3)), source)
    assert "nearest" not in {c["name"] for c in codes_map.colours(source, places)}
