"""Arrays, tensors and numpy files."""

import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from allegory.core import Array, Misuse, Parts, Problem
from allegory.data import Intake, Items, open_source

RANDOM = np.random.default_rng(0)


def pixels(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, size=shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("shape", "stored", "said"),
    [
        ((30, 5), (5,), ""),
        ((30, 8, 9), (1, 8, 9), "read as grey images (n, h, w)"),
        ((30, 8, 9, 3), (3, 8, 9), "(n, h, w, c)"),
        ((30, 8, 9, 1), (1, 8, 9), "(n, h, w, c)"),
        ((30, 3, 8, 9), (3, 8, 9), "(n, c, h, w)"),
        ((30, 3, 8, 3), (3, 8, 3), "if not, say channels='last'"),
        ((30, 8, 9, 6), (6, 8, 9), "the shortest axis"),
    ],
)
def test_axes_are_read_and_said(shape, stored, said):
    s = open_source(pixels(*shape))
    assert s.spec.shape == stored and said in s.describe() and len(s) == 30


def test_channels_last_is_a_transpose_not_a_reshape():
    x = pixels(20, 8, 9, 3)
    assert (open_source(x).take(slice(None)) == x.transpose(0, 3, 1, 2)).all()
    assert open_source(pixels(20, 3, 4, 3), channels="last").spec.shape == (3, 3, 4)


@pytest.mark.parametrize(
    ("x", "line"),
    [
        (np.zeros(5), "expected (n, d)"),
        (np.zeros((2, 3, 4, 5, 6)), "got shape (2, 3, 4, 5, 6)"),
        (np.zeros((0, 5)), "empty"),
        (np.zeros((5, 0)), "hold no numbers"),
        (np.array([["a", "b"]] * 12), "expected real numbers"),
        (np.zeros((12, 3), complex), "complex128"),
        (np.full((12, 2), "2020-01-01", "datetime64[D]"), "datetime64"),
        (np.array([[1, None]] * 12, dtype=object), "array of object"),
        (np.ma.masked_array(np.zeros((12, 2)), mask=True), "masked"),
        (torch.eye(12).to_sparse(), "dense"),
        (np.zeros((12, 8, 8, 8)), "Say channels="),
        ([1, 2, 3], "got shape (3,)"),
        ([[1, 2], [1]], "different shapes"),
        ([], "empty"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(x, line):
    with pytest.raises(Problem, match=re.escape(line)) as e:
        open_source(x)
    assert "\n" not in str(e.value)


def test_tensors_of_many_kinds():
    for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.int64, torch.bool):
        s = open_source(torch.ones(12, 4, requires_grad=dtype == torch.float64, dtype=dtype))
        intake = Intake.fit(s, np.arange(12))
        assert intake(torch.as_tensor(s.take(slice(None)))).dtype == torch.float32


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64", "bool", ">f4", ">i2", "float16", "longdouble"])
def test_every_kind_of_number_reaches_torch_unchanged(dtype, tmp_path):
    x = (np.arange(60).reshape(20, 3) % (2 if dtype == "bool" else 60)).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    for source in (open_source(x), open_source(tmp_path / "x.npy")):
        index = np.array([3, 1])
        assert (torch.as_tensor(source.take(index)).double().numpy() == x[index].astype(float)).all()
        Items(source, Intake.fit(source, np.arange(20)), np.arange(20)).take(torch.tensor([4, 2]))


def test_levels_come_from_the_pixels():
    assert open_source(pixels(20, 8, 8)).spec == Array((1, 8, 8), 256)
    binary = open_source(pixels(20, 8, 8) % 2)
    assert binary.spec == Array((1, 8, 8), 2) and "from 0 to 1" in binary.describe()
    assert open_source(pixels(20, 8, 8) > 99).spec.levels == 2
    assert open_source(pixels(20, 8, 8) % 17).spec.levels == 17
    assert open_source(pixels(20, 8, 8).astype(float)).spec.levels is None
    assert open_source(pixels(20, 8, 8).astype(np.int64), levels=256).spec.levels == 256
    for wrong in (pixels(20, 8, 8), RANDOM.normal(size=(20, 8, 8))):
        with pytest.raises(Misuse, match=r"levels=10"):
            open_source(wrong, levels=10)


def test_a_large_npy_stays_on_disk(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", pixels(200, 16, 16, 3))
    monkeypatch.setattr("allegory.data.items.RESIDENT_BYTES", 1000)
    s = open_source(tmp_path / "x.npy", labels=[0, 1] * 100)
    assert isinstance(s.x, np.memmap) and s.name == "x"
    items = Items(s, Intake.fit(s, s.part("train")), s.part("train"))
    assert items._resident is None
    expected = s.take(s.part("train"))[[5, 2]].astype(np.float32) / 127.5 - 1
    for index in (torch.tensor([5, 2]), np.array([5, 2])):
        assert np.allclose(items.take(index).numpy(), expected, atol=1e-6)
    assert sum(len(b) for b in items.batches(32)) == len(items)


def resident(path):
    """Bytes of a mapped file that lie in the memory of this process."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    return sum(1024 * int(next(s for s in lines if s.startswith("Rss:")).split()[1]) for line in lines if line.endswith(str(path)))


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's account of mapped memory")
def test_what_was_read_of_a_mapped_file_does_not_stay_in_memory(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    np.save(path, RANDOM.normal(size=(6000, 1024)))
    source = open_source(path)
    assert len(source.item_keys) == 6000
    monkeypatch.setattr("allegory.data.items.MAPPED_BYTES", 1000)
    train = source.part("train")
    items = Items(source, Intake.fit(source, train), train)
    seen = torch.cat(list(items.batches()))
    assert resident(path) < 2 << 20 < path.stat().st_size / 20
    assert np.asarray(source.x[:100]).sum() != 0 and resident(path) > 0  # it is that file's memory which is counted
    items_in_memory = Items(open_source(np.load(path)), items.intake, train)
    assert torch.equal(seen, items_in_memory.whole())


def test_changes_to_a_copy_of_a_mapped_file_are_never_lost(tmp_path):
    """A mapping of mode c holds changes in memory alone: to let go of it would undo them."""
    np.save(tmp_path / "x.npy", np.zeros((50, 3)))
    x = np.load(tmp_path / "x.npy", mmap_mode="c")
    x[:] = np.arange(50.0)[:, None]
    source = open_source(x)
    assert len(source.item_keys) == 50 and np.array_equal(source.take(slice(None)), x)
    assert x[:, 0].tolist() == list(range(50))


def test_nan_in_vectors_is_named_and_imputed_or_dropped():
    x = RANDOM.normal(size=(50, 4)).astype(np.float32)
    x[3, 1], x[3, 2], x[7, 0] = np.nan, np.inf, -np.inf
    s = open_source(x)
    assert "2 of 50 items hold 3 values that are NaN or infinite" in s.describe() and len(s) == 50
    z = Intake.fit(s, np.arange(50))(torch.as_tensor(s.take(slice(None))))
    assert torch.isfinite(z).all() and z[3, 1] == 0 and z[7, 0] == 0
    dropped = open_source(x, labels=list(range(50)), missing="drop")
    assert len(dropped) == 48 and [k.id for k in dropped.skipped] == ["3", "7"] and dropped.id(3) == "4"
    assert dropped.labels is not None and dropped.labels.listed()[:4] == ["0", "1", "2", "4"]
    assert "used 48 of 50" in dropped.describe()
    with pytest.raises(Misuse, match=r"expected 'impute', 'drop' or 'keep', got 'ignore'"):
        open_source(x, missing="ignore")


def test_nan_in_images_is_refused_or_dropped():
    x = RANDOM.random(size=(30, 1, 8, 8)).astype(np.float32)
    x[4, 0, 1, 1] = np.nan
    with pytest.raises(Problem, match=r"1 of 30 items hold 1 values.*missing='drop'"):
        open_source(x)
    with pytest.raises(Problem, match=r"cannot be imputed"):
        open_source(x, missing="impute")
    s = open_source(x, missing="drop")
    assert len(s) == 29 and np.isfinite(s.take(slice(None))).all() and (s.take(np.array([4]))[0] == x[5]).all()


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize(
    "make",
    [
        lambda p: np.save(p, np.array([Evil()] * 12, dtype=object), allow_pickle=True),
        lambda p: p.write_bytes(pickle.dumps(Evil())),
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 9), }" + b" " * 50),
        lambda p: p.write_bytes(b"\x93NUMPY\x01\x00\x10\x00__import__('os')"),
        lambda p: (np.save(p, np.zeros((50, 4))), p.write_bytes(p.read_bytes()[:-100])),
        lambda p: p.write_text("1,2,3"),
        lambda p: np.savez(p.with_suffix(""), x=np.zeros((12, 3))) or p.with_suffix(".npz").rename(p),
        lambda p: np.save(p, np.zeros(12, dtype=[("a", "f4"), ("b", "i4")])),
    ],
)
def test_bad_npy_files_are_refused_in_one_line(make, tmp_path):
    make(tmp_path / "x.npy")
    with pytest.raises(Problem) as e:
        open_source(tmp_path / "x.npy")
    assert "\n" not in str(e.value) and "x" in str(e.value)


def test_npz_finds_observations_and_labels(tmp_path):
    x, y = pixels(30, 8, 8), np.arange(30) % 3
    for names in ({"x": x, "y": y}, {"other": x, "labels": y}, {"data": x, "target": y, "extra": np.zeros((4, 4))}):
        np.savez(tmp_path / "a.npz", **names)
        s = open_source(tmp_path / "a.npz")
        assert s.spec == Array((1, 8, 8), 256) and s.labels is not None and (s.labels.values == y).all()
    assert open_source(tmp_path / "a.npz", labels="none").labels is None
    np.savez(tmp_path / "b.npz", a=x, b=x, kind=y)
    with pytest.raises(Problem, match=r"which array holds the observations"):
        open_source(tmp_path / "b.npz")
    s = open_source(tmp_path / "b.npz", x="b", labels="kind")
    assert s.labels is not None and (s.labels.values == y).all()


def test_npz_with_its_own_split(tmp_path):
    np.savez(tmp_path / "m.npz", x_train=pixels(40, 8, 8), y_train=np.zeros(40, int), x_test=pixels(10, 8, 8), y_test=np.ones(10, int))
    s = open_source(tmp_path / "m.npz")
    assert s.part("test").tolist() == list(range(40, 50)) and s.labels is not None and s.labels.values.sum() == 10
    np.savez(tmp_path / "m.npz", x_train=pixels(40, 8, 8), x_test=pixels(10, 9, 9))
    with pytest.raises(Problem, match=r"different shapes"):
        open_source(tmp_path / "m.npz")


@pytest.mark.parametrize(
    "make",
    [
        lambda p: p.write_bytes(b"PK\x03\x04 rubbish"),
        lambda p: np.savez(p, x=np.array([Evil()] * 12, dtype=object)),
        lambda p: np.save(p.with_suffix(""), np.zeros((12, 3))) or p.with_suffix(".npy").rename(p),
        lambda p: zipfile.ZipFile(p, "w").close(),
        lambda p: (np.savez(p, x=np.zeros((50, 4))), p.write_bytes(p.read_bytes()[:-300])),
        lambda p: np.savez(p, x=np.float64(3)),
    ],
)
def test_bad_npz_files_are_refused_in_one_line(make, tmp_path):
    make(tmp_path / "x.npz")
    with pytest.raises(Problem) as e:
        open_source(tmp_path / "x.npz")
    assert "\n" not in str(e.value)


def test_parts_by_name():
    s = open_source({"image": pixels(20, 8, 8), "pose": RANDOM.normal(size=(20, 3))})
    assert s.spec == Parts({"image": Array((1, 8, 8), 256), "pose": Array((3,))}) and len(s) == 20
    assert s.take(np.array([3]))["pose"].shape == (1, 3)
    with pytest.raises(Problem, match=r"different numbers of items"):
        open_source({"a": pixels(20, 8), "b": pixels(19, 8)})


def test_a_source_stays_itself_with_other_labels():
    digits = open_source("digits")
    assert open_source(digits).fingerprint == digits.fingerprint
    assert open_source(digits, labels=["x", None, "z"] * 599).labels.names == ("x", "z")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("digitz", "Did you mean digits"), ("nowhere.npy", "no such file"), ("a/b/c", "no such file"), ("text.txt", "later family"),
        ("text.jsonl", "later family"), ("digits:size=3", "it takes none"), ("sprites:xs", "options like size=16"), (3, "data from a int"),
        ("torchvision:CIFAR10", "pip install"), ("hf:a/b", "pip install"), (object(), "cannot read data"), (None, "cannot read data"),
    ],
)  # fmt: skip
def test_unknown_data_is_answered_with_what_to_do(data, line, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    monkeypatch.setitem(__import__("sys").modules, "torchvision.datasets", None)
    with pytest.raises(Problem, match=re.escape(line)):
        open_source(data)


def test_a_file_of_an_unknown_kind(tmp_path):
    (tmp_path / "x.docx").write_text("?")
    with pytest.raises(Misuse, match=r"expected a folder of images or a file ending in .npy"):
        open_source(tmp_path / "x.docx")


def test_series_are_read_when_asked_for(tmp_path):
    x = RANDOM.integers(-500, 500, size=(40, 2, 64)).astype(np.int16)
    s = open_source(x, series=True, labels=[0, 1] * 20)
    assert s.spec == Array((2, 64)) and s.spec.is_series and "series of 2 channels and 64 times" in s.describe()
    assert "say series=True" in open_source(x).describe() and open_source(x).spec.is_image
    assert open_source(x[:, 0], series=True).spec == Array((1, 64))
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x=x, y=np.arange(40) % 2)
    intake = Intake.fit(s, np.arange(40))
    for again in (x, tmp_path / "x.npy", tmp_path / "x.npz"):
        assert open_source(again, like=intake).spec == s.spec, "what is encoded later is read as training was"
    with pytest.raises(Problem, match=r"expected series \(n, t\) or \(n, channels, t\), got shape \(40, 2, 64, 1\)"):
        open_source(x[..., None], series=True)
