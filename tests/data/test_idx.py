"""Folders of IDX files, as MNIST comes."""

import gzip
import struct

import numpy as np
import pytest

from allegory import data
from allegory.core import Problem
from allegory.data import idx


def packed(values):
    """The bytes of an IDX file."""
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, n in (("train", 40), ("t10k", 10)):
        images, labels = rng.integers(0, 256, (n, 5, 4)), np.arange(n) % 3
        images[0] = 255
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(packed(images)))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(packed(labels))
    return tmp_path


def test_images_labels_and_the_own_split(folder):
    source = data.open_source(folder)
    assert source.spec.shape == (1, 5, 4) and source.spec.levels == 256 and len(source) == 50 and source.name == folder.name
    assert [len(source.part(p)) for p in ("train", "validation", "test")] == [36, 4, 10]
    assert source.labels.listed()[:4] == ["0", "1", "2", "0"] and source.labels.listed()[40:43] == ["0", "1", "2"]
    assert source.part("test").tolist() == list(range(40, 50)) and source.part("validation").tolist() == [9, 19, 29, 39]
    assert not source.mirror


def test_one_part_is_split_by_content(folder):
    assert len(data.open_source(folder, part="train")) == 40
    with pytest.raises(Problem, match="part: expected both, train or test, got 'all'"):
        data.open_source(folder, part="all")


def test_without_labels(folder):
    (folder / "t10k-labels-idx1-ubyte").unlink()
    assert data.open_source(folder).labels is None


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "not an IDX file"), (b"\0\0\x0d\3aaaa", "not an IDX file"), (packed(np.ones((2, 3, 3)))[:-1], "it holds fewer"),
     (packed(np.ones((2, 3, 3))) + b"1", "it holds more"), (bytes([0, 0, 8, 4]) + b"\xff" * 16, "cannot be"),
     (bytes([0, 0, 8, 3]), "cannot be")],
)  # fmt: skip
def test_what_is_no_such_file_is_one_line(folder, content, said):
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(Problem, match=said):
        idx.read(path)


def test_a_damaged_archive_is_one_line(folder):
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Problem, match="cannot be read"):
        data.open_source(folder)


def test_as_many_labels_as_images(folder):
    (folder / "train-labels-idx1-ubyte").write_bytes(packed(np.arange(5)))
    with pytest.raises(Problem, match="40 train images and 5 labels"):
        data.open_source(folder)
