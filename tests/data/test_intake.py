"""The intake: what is stored to what methods see."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
import torch

from allegory.core import Array, Parts, Problem
from allegory.data import Column, Intake, Items, Rows, Source, open_source

RANDOM = np.random.default_rng(0)


def table() -> Source:
    n = 40
    return open_source(pd.DataFrame({"a": RANDOM.normal(5, 2, n), "c": RANDOM.choice(["u", "v", "w"], n), "b": RANDOM.normal(size=n)}))


def sources() -> list[Source]:
    images = RANDOM.integers(0, 256, size=(40, 3, 4, 4), dtype=np.uint8)
    vectors = RANDOM.normal(3, 5, size=(40, 6)).astype(np.float32)
    both = Source("both", Parts({"image": Array((3, 4, 4), 256), "pose": Array((6,))}), {"image": images, "pose": vectors})
    floats = open_source(RANDOM.normal(size=(40, 1, 5, 5)))
    series = open_source(RANDOM.normal(size=(40, 2, 9)), series=True, name="series")
    return [series, open_source(images), open_source(vectors), floats, table(), both, open_source("digits")]


def test_pixels_run_from_minus_one_to_one():
    intake = Intake.fit(open_source(np.array([[[0, 255]], [[51, 204]]], np.uint8)), np.arange(2))
    x = intake(torch.tensor([[[[0, 255]]], [[[51, 204]]]], dtype=torch.uint8))
    assert torch.allclose(x.flatten(), torch.tensor([-1.0, 1.0, -0.6, 0.6])) and x.dtype == torch.float32
    digits = open_source("digits")
    z = Intake.fit(digits, digits.part("train"))(torch.as_tensor(digits.take(slice(None))))
    assert z.min() == -1 and z.max() == 1


def test_real_images_use_the_range_of_the_training_part():
    x = np.full((30, 1, 2, 2), 0.5)
    x[0, 0, 0, 0], x[1, 0, 0, 0], x[29] = 0.0, 1.0, 3.0
    intake = Intake.fit(open_source(x), np.arange(20))
    assert torch.allclose(intake(torch.as_tensor(x[[0, 29]]))[:, 0, 0, 0], torch.tensor([-1.0, 5.0]))
    flat = Intake.fit(open_source(np.ones((12, 2, 2))), np.arange(12))
    assert torch.isfinite(flat(torch.ones(3, 1, 2, 2))).all()


def test_vectors_have_mean_zero_and_deviation_one_over_the_training_part_only():
    x = RANDOM.normal(3, 5, size=(100, 4))
    x[:, 2] = 7.0
    x[50:] += 1000
    z = Intake.fit(open_source(x), np.arange(50))(torch.as_tensor(x))
    assert torch.allclose(z[:50].mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(z[:50, [0, 1, 3]].std(0, unbiased=False), torch.ones(3), atol=1e-5) and (z[:50, 2] == 0).all()


def test_series_are_standardised_by_channel_whatever_the_time():
    x = RANDOM.normal(size=(60, 2, 50)) * np.array([3.0, 0.1])[:, None] + np.array([5.0, -1.0])[:, None]
    x[:, :, 40:] = 5.0  # the silence at the end of clips has no scale of its own
    x[3, 1, 4] = np.nan
    x[40:] += 1000.0
    s = open_source(x, series=True)
    intake = Intake.fit(s, np.arange(40))
    z = intake(torch.as_tensor(s.take(slice(0, 40))))
    assert z.shape == (40, 2, 50) and z.dtype == torch.float32 and z[3, 1, 4] == 0
    assert torch.allclose(z.mean((0, 2)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(z.square().mean((0, 2)).sqrt(), torch.ones(2), atol=1e-3)
    known = torch.as_tensor(x[:40, 0])
    assert torch.allclose(z[:, 0].double(), (known - known.mean()) / known.std(unbiased=False), atol=1e-5)  # a shape is kept as it is
    whole = open_source((1000 * RANDOM.normal(size=(20, 1, 30))).astype(np.int16), series=True)
    assert Intake.fit(whole, np.arange(20))(torch.as_tensor(whole.take(slice(None)))).std() == pytest.approx(1.0, abs=0.01)


def test_large_whole_numbers_lose_nothing_before_the_mean_goes():
    x = 2**40 + np.arange(100, dtype=np.int64)[:, None]
    z = Intake.fit(open_source(x), np.arange(100))(torch.as_tensor(x))[:, 0]
    assert torch.allclose(z.diff(), torch.full((99,), 1 / np.arange(100).std()), rtol=1e-3)  # in float32 all of x is one number


def test_the_statistics_do_not_need_all_the_data(monkeypatch):
    monkeypatch.setattr("allegory.data.intake.FIT_BYTES", 100 * 8 * 4)
    asked = []
    x = RANDOM.normal(2, 1, size=(1000, 4))

    class Watched(Rows):
        def __getitem__(self, index):
            asked.append(len(index))
            return super().__getitem__(index)

    intake = Intake.fit(Source("w", Array((4,)), Watched(x)), np.arange(1000))
    assert max(asked) <= 100 and abs(intake.rules["at_"].mean.mean() - 2) < 0.3


@pytest.mark.parametrize("source", sources(), ids=lambda s: s.name)
def test_an_intake_comes_back_from_its_config_and_tensors(source):
    intake = Intake.fit(source, np.arange(30))
    config = json.loads(json.dumps(intake.config()))
    again = Intake.from_config(config)
    again.load_state_dict(intake.state_dict(), strict=True)
    assert again.raw == intake.raw and again.spec == intake.spec and again.columns == intake.columns and again.config() == config
    mine, theirs = Items(source, intake, np.arange(40)).whole(), Items(source, again, np.arange(40)).whole()
    for a, b in zip(mine.values(), theirs.values(), strict=True) if isinstance(mine, dict) else [(mine, theirs)]:
        assert (a == b).all() and torch.isfinite(a).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c.pop("raw"),
        lambda c: c.update(extra=1),
        lambda c: c.update(raw={"is": "os.system", "shape": [3]}),
        lambda c: c.update(raw="Array"),
        lambda c: c.update(raw={"is": "Array", "shape": ["3"]}),
        lambda c: c.update(columns=[{"is": "Column", "name": "a", "kind": "evil"}]),
        lambda c: c.update(columns=c["columns"][:1]),
        lambda c: c.update(columns={"is": "Column", "name": "a"}),
        lambda c: c.update(ranges={"": [1.0, 0.0]}),
        lambda c: c.update(ranges={"": [0.0, float("nan")]}),
        lambda c: c.update(ranges={"": [0.0]}),
        lambda c: c.update(ranges=[1]),
    ],
)
def test_a_spoiled_config_is_refused(spoil):
    config = copy.deepcopy(Intake.fit(table(), np.arange(30)).config())
    spoil(config)
    with pytest.raises(Problem):
        Intake.from_config(config)


def test_other_observations_are_refused_with_both_forms():
    images = open_source(RANDOM.integers(0, 256, size=(20, 3, 8, 8), dtype=np.uint8))
    intake = Intake.fit(images, np.arange(20))
    for wrong, line in (
        (RANDOM.integers(0, 256, size=(20, 3, 9, 9), dtype=np.uint8), r"expected images 3 x 8 x 8, 256 levels, got images 3 x 9 x 9"),
        (RANDOM.random(size=(20, 3, 8, 8)), r"expected pixels of 256 levels .*, got no fixed levels"),
        (RANDOM.random(size=(20, 192)), r"got arrays 192"),
    ):
        with pytest.raises(Problem, match=line):
            intake.accept(open_source(wrong))
    dark = open_source(RANDOM.integers(0, 2, size=(20, 3, 8, 8), dtype=np.uint8))
    assert dark.spec.levels == 2 and intake.accept(dark) is dark  # the same scale, whatever values occur
    with pytest.raises(Problem, match=r"levels"):
        Intake.fit(dark, np.arange(20)).accept(images)


def test_a_folder_is_opened_as_training_was(tmp_path):
    from PIL import Image

    training = open_source(RANDOM.integers(0, 256, size=(20, 3, 24, 24), dtype=np.uint8))
    Image.new("L", (50, 40), 7).save(tmp_path / "grey.png")
    intake = Intake.fit(training, np.arange(20))
    s = open_source(tmp_path, like=intake)
    assert len(s) == 1 and s.spec == training.spec


def test_a_table_with_categories_only():
    s = open_source(pd.DataFrame({"c": ["u", "v"] * 10, "d": ["x", "y", "z", "x"] * 5}))
    intake = Intake.fit(s, np.arange(20))
    assert intake.spec == Array((5,)) and intake(torch.as_tensor(s.take(slice(0, 1)))).tolist() == [[1, 0, 1, 0, 0]]
    assert s.columns[0] == Column("c", "category", ("u", "v"))


def test_items_resident_or_not_are_the_same(monkeypatch):
    s = open_source("sprites:size=16,orientations=2,xs=2,ys=2")
    intake, index = Intake.fit(s, np.arange(10)), np.array([5, 9, 2, 40])
    resident = Items(s, intake, index)
    monkeypatch.setattr("allegory.data.items.RESIDENT_BYTES", 0)
    lazy = Items(s, intake, index)
    assert resident._resident is not None and lazy._resident is None
    for at in (torch.tensor([3, 0]), np.array([3, 0]), slice(1, 3)):
        assert (resident.take(at) == lazy.take(at)).all()
    assert (resident.whole() == torch.cat(list(lazy.batches(3)))).all() and len(lazy) == 4
