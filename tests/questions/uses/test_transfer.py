"""Tasks of other data: the built-in ones, those of a file, how images are brought into form, and what a code that is known reads."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from allegory import data
from allegory.cli.evaluate import _asked
from allegory.core import Misuse
from allegory.questions import put, suite
from allegory.questions.corrupted import Scale
from allegory.questions.gathering import gather
from allegory.questions.uses.transfer import Transfer


@pytest.fixture(scope="module")
def grey():
    """Unlabelled images of 16 x 16 pixels."""
    return data.open_source(np.random.default_rng(0).integers(0, 256, (60, 1, 16, 16), dtype=np.uint8), name="noise")


@pytest.fixture
def listed(tmp_path):
    """A folder of dark and bright pictures, and a suite that lists it."""
    rng = np.random.default_rng(0)
    for name, level in (("dark", 60), ("bright", 190)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for i in range(40):
            pixels = np.clip(level + 20 * rng.standard_normal((20, 24, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{i}.png")
    path = tmp_path / "suite.yaml"
    path.write_text("- {source: pictures, group: natural, labels: folders, name: light}\n")
    return path


def test_built_in_tasks():
    tasks = {task.name: task for task in suite.tasks()}
    assert {task.group for task in tasks.values()} == set(suite.GROUPS) and len(tasks) == 7
    for task in tasks.values():
        assert len(task.x) == len(task.y) >= 800 and task.x.min() >= 0.0 and task.x.max() <= 1.0
        assert set(np.unique(task.y)) == set(range(task.classes))
        assert len(np.unique(task.y[:200])) == task.classes  # in random order
    assert (tasks["photographs"].x.shape[1:], tasks["photographs"].classes) == ((3, 16, 16), 2)
    assert (tasks["sprites, orientation of hearts"].classes, tasks["textures"].classes) == (8, 5)
    rough, cloudy = (tasks["textures"].x[tasks["textures"].y == k][:, 0] for k in (0, 4))
    assert np.abs(np.diff(rough)).mean() > 3.0 * np.abs(np.diff(cloudy)).mean()


def test_images_are_brought_into_form_by_hand():
    """Red, green and blue of 1, 0 and 0 have luminance 0.299, which of 17 levels is 16 * 0.299 = 4.8, so 5; two equal halves average."""
    x = np.zeros((1, 3, 2, 2))
    x[0, 0] = 1.0
    levels = Scale(np.array(16.0), np.array(0.0), 0.0, 16.0, whole=True, image=True)
    assert suite.fitted(x, (1, 2, 2), levels, np.uint8).tolist() == [[[[5, 5], [5, 5]]]]
    real = Scale(np.array(2.0), np.array(0.0), -1.0, 1.0, image=True)
    assert suite.fitted(np.array([[[[0.0, 0.5], [0.5, 1.0]]]]), (3, 1, 1), real, np.float32).ravel().tolist() == pytest.approx([0.0] * 3)
    assert suite.recoloured(torch.tensor([0.2, 0.6]).view(1, 2, 1, 1), 3).ravel().tolist() == pytest.approx([0.4] * 3)
    assert suite.fitted(np.ones((1, 1, 2, 2)), (1, 4, 4), levels, np.uint8).shape == (1, 1, 4, 4)


def test_a_code_that_knows_one_thing(grey, listed):
    """The mean of the pixels tells dark from bright, always; a code that knows nothing guesses."""
    mean, nothing = lambda x: x.astype(float).mean((2, 3)), lambda x: np.random.default_rng(0).normal(size=(len(x), 2))
    scores = put(gather(mean, grey, ("raw input", "pca"))[0], [Transfer(suite=str(listed))])
    assert {s.metric for s in scores if s.control is None} == {"transfer_accuracy@all", "transfer_accuracy@natural", "accuracy of light"}
    assert scores.get("transfer_accuracy@all").value == 1.0 and {s.control for s in scores} == {None, "raw input"}
    assert scores.get("accuracy of light").n == 80 - 53  # two thirds of eighty are labelled
    assert "On tasks of other data it tells 100% rightly" in Transfer().words(scores) and "100% on natural ones" in Transfer().words(scores)
    guessed = put(gather(nothing, grey, ())[0], [Transfer(suite=str(listed))]).get("transfer_accuracy@all")
    assert guessed.value == pytest.approx(0.5, abs=0.25)


def test_means_of_groups_and_data_that_were_learned_from(grey):
    few = Transfer(labels=150, most=100)
    features, _ = gather(lambda x: x.reshape(len(x), -1)[:, ::8], dataclasses.replace(grey, name="sprites"), ())
    scores = put(features, [few])
    assert any("without sprites, shape" in note for note in scores.notes)
    assert scores.get("transfer_accuracy@structured") is None and scores.get("accuracy of sprites, x") is None
    each = {name: scores.get(f"accuracy of {name}").value for name in ("digits", "photographs", "textures")}
    assert scores.get("transfer_accuracy@all").value == pytest.approx(np.mean(list(each.values())))
    assert scores.get("transfer_accuracy@natural").value == pytest.approx((each["digits"] + each["photographs"]) / 2)
    assert each["digits"] > 0.25
    assert scores[0].n == 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {source: [", "cannot be read as YAML"),
        ("source: digits", "expected a list"),
        ("- {source: digits, group: easy}", "natural, specialised, structured"),
        ("- {source: digits, group: natural, colour: red}", "unknown key colour"),
        ("- {source: pictures, group: natural, labels: none}", "no labels"),
        ("- {source: digits, group: natural}\n- {source: digits, group: natural}", "two tasks have one name"),
    ],
)
def test_a_file_that_is_none_is_told_in_a_line(listed, text, message):
    path = listed.parent / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(Misuse, match=message) as e:
        suite.tasks.__wrapped__(str(path))
    assert "\n" not in str(e.value)


def test_hostile_subjects(grey, listed):
    ask = Transfer(suite=str(listed))
    broken = put(gather(lambda x: np.where(x.mean((1, 2, 3), keepdims=True)[:, 0, 0] > 150, np.nan, 1.0), grey, ())[0], [ask])
    assert "NaN or infinite" in broken.notes[0]
    still = put(gather(lambda x: np.ones((len(x), 3)), grey, ())[0], [ask])
    assert still.get("transfer_accuracy@all").value == pytest.approx(0.5, abs=0.2)
    vectors = data.open_source(np.random.default_rng(0).normal(size=(60, 4)))
    assert "the suite is of images" in put(gather(lambda x: x, vectors, ())[0], [ask]).notes[0]
    assert "method that can encode" in put(gather(np.zeros((60, 2)), grey, ())[0], [ask]).notes[0]


def test_the_command_line_hands_the_file_on():
    assert _asked("knn, transfer", "tasks.yaml")[1] == Transfer(suite="tasks.yaml")
    assert Transfer(suite="tasks.yaml") in _asked("all", "tasks.yaml") and _asked("all", None) == "all"
    with pytest.raises(Misuse, match="add --questions transfer"):
        _asked("usual", "tasks.yaml")
