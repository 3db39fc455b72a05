"""Data sets of torch, torchvision and Hugging Face."""

import sys
import types

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from allegory.core import Misuse, Problem
from allegory.data import open_source

RANDOM = np.random.default_rng(0)


class Listed(Dataset):
    """A data set of anything; an exception among the items is raised."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        if isinstance(self.items[i], Exception):
            raise self.items[i]
        return self.items[i]


def images(n: int, size: int = 12) -> list[Image.Image]:
    return [Image.fromarray(RANDOM.integers(0, 256, size=(size, size, 3), dtype=np.uint8)) for _ in range(n)]


def test_tensors_with_labels():
    x, y = torch.rand(30, 3, 8, 8), torch.arange(30) % 4
    s = open_source(TensorDataset(x, y))
    assert s.spec.shape == (3, 8, 8) and np.allclose(s.take(slice(None)), x)
    assert s.labels is not None and (s.labels.values == y.numpy()).all()
    assert open_source(TensorDataset(x)).labels is None
    assert open_source(TensorDataset(x, torch.rand(30, 5))).labels is None  # vectors are no classes
    assert open_source(Listed(list(x.numpy().reshape(30, -1)))).spec.shape == (192,)


def test_pictures_and_strings():
    s = open_source(Listed([(image, f"class {i % 2}") for i, image in enumerate(images(20))]))
    assert s.spec.shape == (3, 12, 12) and s.spec.levels == 256 and s.mirror
    assert s.labels is not None and s.labels.names == ("class 0", "class 1")
    assert open_source(Listed([i.convert("L") for i in images(20)]), size=16).spec.shape == (1, 16, 16)


def test_dicts():
    rows = [{"image": image, "label": i % 3} for i, image in enumerate(images(12))]
    s = open_source(Listed(rows))
    assert s.labels is not None and s.labels.names == ("0", "1", "2")
    with pytest.raises(Problem, match=r"its items have the keys text, none of them image"):
        open_source(Listed([{"text": "hello"}] * 12))


def test_items_that_cannot_be_read_are_skipped_with_their_reason():
    x = torch.rand(20, 5)
    items = [(row, i) for i, row in enumerate(x)]
    items[0], items[3], items[4] = RuntimeError("bad\nsector"), (torch.rand(6), 3), ("text", 4)
    s = open_source(Listed(items), parts=["train"] * 10 + ["test"] * 10)
    assert [(k.id, k.reason) for k in s.skipped][:2] == [("0", "bad sector"), ("3", "shape (6,) instead of (5,)")]
    assert len(s) == 17 and s.id(1) == "2" and np.allclose(s.take(slice(None)), x[[i for i in range(20) if i not in (0, 3, 4)]])
    assert s.labels is not None and s.labels.listed()[:3] == ["1", "2", "5"] and len(s.part("test")) == 10
    assert "used 17 of 20" in s.describe()


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (Listed([]), r"it is empty"),
        (Listed([RuntimeError("no")] * 5), r"none of its first items can be read: no"),
        (Listed(["text"] * 5), r"items are of type str"),
        (Listed([object()] * 5), r"items are of type object"),
    ],
)
def test_data_sets_without_usable_items(data, line):
    with pytest.raises(Problem, match=line):
        open_source(data)


def test_data_sets_that_can_only_be_iterated():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter([torch.rand(3)])

    for stream in (Stream(), (torch.rand(3) for _ in range(3))):
        with pytest.raises(Problem, match=r"map-style"):
            open_source(stream)


@pytest.fixture
def torchvision(monkeypatch):
    """A stand-in with the faces of torchvision's data sets."""
    module = types.ModuleType("torchvision.datasets")

    class VisionDataset(Listed):
        pass

    class Small(VisionDataset):
        def __init__(self, root, train=True, transform=None, download=False):
            assert download
            super().__init__([(image, i % 2) for i, image in enumerate(images(30 if train else 10))])

    class Splits(VisionDataset):
        def __init__(self, root, split="train"):
            super().__init__([(image, 0 if split == "train" else 1) for image in images(12)])

    class Gone(VisionDataset):
        def __init__(self, root):
            raise RuntimeError("Dataset not found.\nYou can use download=True")

    for kind in (VisionDataset, Small, Splits, Gone):
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", module)


def test_torchvision_keeps_its_split(torchvision, tmp_path):
    s = open_source("torchvision:small", root=str(tmp_path))
    assert len(s) == 40 and s.part("test").tolist() == list(range(30, 40)) and s.name == "Small"
    assert s.labels is not None and s.labels.values[:3].tolist() == [0, 1, 0]
    assert open_source("torchvision:Splits").part("test").tolist() == list(range(12, 24))
    with pytest.raises(Problem, match=r"Gone cannot be opened: Dataset not found. You can"):
        open_source("torchvision:Gone")
    with pytest.raises(Misuse, match=r"Did you mean Small"):
        open_source("torchvision:smal")


def test_hugging_face_keeps_its_splits(monkeypatch):
    module = types.ModuleType("datasets")
    rows = lambda n: Listed([{"image": image, "label": i % 2} for i, image in enumerate(images(n))])

    def load_dataset(name, config):
        if name == "gone":
            raise FileNotFoundError("no such data set")
        return {"train": rows(20), "test": rows(6), "unsupervised": rows(3)}

    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    s = open_source("hf:somebody/something")
    assert len(s) == 26 and s.part("test").tolist() == list(range(20, 26)) and s.labels is not None
    with pytest.raises(Problem, match=r"hf:gone cannot be opened: no such data set"):
        open_source("hf:gone")
