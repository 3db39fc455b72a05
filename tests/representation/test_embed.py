"""Files of codes: right, in order, streamed, whole or not there."""

import csv
import dataclasses
import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from allegory.core import Array, Misuse, Problem, files
from allegory.data import Source
from allegory.data import source as source_module
from allegory.representation import embed as module
from allegory.representation.embed import embed

LABELS = [None if i % 7 == 0 and i % 3 == 0 else "abc"[i % 3 - (i % 7 == 0)] for i in range(60)]


def parts_of(source):
    """The part of every item, asked item by item."""
    return [next(part for part in ("train", "validation", "test") if i in source.part(part)) for i in range(len(source))]


def test_npy(vae, images, tmp_path):
    assert embed(vae, images, tmp_path / "z.npy", batch=7) == [tmp_path / "z.npy", tmp_path / "z.items.csv"]
    z = np.load(tmp_path / "z.npy", mmap_mode="r", allow_pickle=False)
    np.testing.assert_allclose(z, vae.encode(images), rtol=1e-5, atol=1e-6)
    with open(tmp_path / "z.items.csv", newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert [r["id"] for r in rows] == [f"folder/{i}.png" for i in range(60)]
    assert [r["label"] or None for r in rows] == LABELS
    assert [r["part"] for r in rows] == parts_of(images)


def test_parquet(vae, images, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GROUP_BYTES", 300)
    embed(vae, images, tmp_path / "z.parquet", batch=7)
    file = pq.ParquetFile(tmp_path / "z.parquet")
    assert file.num_row_groups == 3  # 19 codes of 16 bytes and up, rounded up to whole batches
    table = file.read()
    assert table["row"].to_pylist() == list(range(60))
    assert table["id"].to_pylist() == [images.id(i) for i in range(60)]
    assert table["label"].to_pylist() == LABELS
    assert table["part"].to_pylist() == parts_of(images)
    np.testing.assert_allclose(np.array(table["vector"].to_pylist()), vae.encode(images), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["z.npy", "z.parquet"])
def test_nothing_is_left_of_a_failed_file(vae, images, tmp_path, monkeypatch, name):
    bad = dataclasses.replace(images, x=np.where(np.arange(60)[:, None, None, None] == 50, 200, images.x), keys=None)
    with pytest.raises(Problem, match="got 0 to 200"):
        embed(vae, bad, tmp_path / name, batch=16)
    assert os.listdir(tmp_path) == []

    def full(operation, path):
        if operation == "fsync":
            raise OSError(28, "no space")

    monkeypatch.setattr(files, "fault", full)
    with pytest.raises(Problem, match="disk is full"):
        embed(vae, images, tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_the_part_of_a_sources_own_split_is_written(pca, vectors, tmp_path):
    own = dataclasses.replace(vectors, parts=np.arange(80) % 3)
    embed(pca, own, tmp_path / "z.parquet")
    assert pq.read_table(tmp_path / "z.parquet")["part"].to_pylist()[:4] == ["train", "validation", "test", "train"]


def test_memory_does_not_grow_with_the_data(pca, tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "CHUNK_BYTES", 4096 * 5 * 8)  # the parts are found by reading the items once more

    class Made:  # 200,000 x 5 float64 on demand: 8 MB, of which a batch is asked for at a time
        shape, dtype, most = (200_000, 5), np.dtype(np.float64), 0

        def __len__(self):
            return self.shape[0]

        def __getitem__(self, rows):
            Made.most = max(Made.most, len(rows))
            return rows[:, None] * np.ones(5) / 1e5

    embed(pca, Source("made", Array((5,)), Made()), tmp_path / "z.npy", batch=4096)
    z = np.load(tmp_path / "z.npy")
    assert z.shape == (200_000, 3) and Made.most == 4096
    np.testing.assert_allclose(z[123_456], pca.encode(np.full((1, 5), 1.23456))[0], rtol=1e-5)


def test_other_endings_are_refused(vae, images, tmp_path):
    with pytest.raises(Misuse, match=r"\.npy or \.parquet"):
        embed(vae, images, tmp_path / "z.csv")
