"""Folders as MNIST, Fashion-MNIST, KMNIST and EMNIST are given out: IDX files of images and labels, plain or gzipped (LeCun 1998,
http://yann.lecun.com/exdb/mnist)."""

import gzip
import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from allegory.core import Problem
from allegory.data.arrays import open_array
from allegory.data.found import Found

TRAIN, TEST = "train", "t10k"
PARTS = {TRAIN: 0, TEST: 2}
MOST = 1 << 33  # bytes that a file may unpack to


def is_idx(folder: Path) -> bool:
    """Whether a folder holds such images."""
    return _file(folder, TRAIN, "images") is not None


def open_idx(folder: Path, aside: Sequence[str] = (), *, part: str = "both") -> Found:
    """The images of a folder with train-images-idx3-ubyte (or .gz), and with t10k-images-idx3-ubyte if it is there: the data's own split,
    from whose training part a tenth is taken for validation. Labels when they are there. `part`: both, train or test."""
    wanted = {"both": (TRAIN, TEST), "train": (TRAIN,), "test": (TEST,)}.get(part)
    if wanted is None:
        raise Problem(f"part: expected both, train or test, got {part!r}")
    images = {name: read(path) for name in wanted if (path := _file(folder, name, "images"))}
    labels = {name: read(path) for name in images if (path := _file(folder, name, "labels"))}
    for name, values in labels.items():
        if len(values) != len(images[name]):
            raise Problem(f"{folder}: {len(images[name])} {name} images and {len(values)} labels; expected one each")
    if not images:
        raise Problem(f"{folder}: there are no {part} images in it")
    found = open_array(np.concatenate(list(images.values())), aside, name=folder.name)
    known = np.concatenate(list(labels.values())).tolist() if len(labels) == len(images) else None
    own = np.concatenate([_parts(name, len(x)) for name, x in images.items()]) if len(images) > 1 else None
    notes = ("the data's own test part; every tenth training image is for validation",) if own is not None else ()
    source = replace(found.source, parts=own, notes=(*found.source.notes, *notes))
    return Found(source, {"label": known} if known else {}, known)


def read(path: Path) -> np.ndarray:
    """The array of one file: two zero bytes, the type (8: unsigned bytes), the number of axes, their sizes as 32-bit big-endian numbers,
    then the values. Raises `Problem` for anything else."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 4:
                raise Problem(f"{path} is not an IDX file of unsigned bytes")
            shape = tuple(int(n) for n in np.frombuffer(file.read(4 * head[3]), ">u4"))
            if len(shape) != head[3] or math.prod(shape) > MOST:
                raise Problem(f"{path}: its head says shape {shape}, which cannot be")
            values = np.frombuffer(file.read(math.prod(shape) + 1), np.uint8)
    except (OSError, EOFError, zlib.error) as e:
        raise Problem(f"{path} cannot be read: {e}") from e
    if len(values) != math.prod(shape):
        holds = "fewer" if len(values) < math.prod(shape) else "more"
        raise Problem(f"{path}: expected {math.prod(shape):,} values for shape {shape}, and it holds {holds}")
    return values.reshape(shape)


def _file(folder: Path, name: str, what: str) -> Path | None:
    """train-images-idx3-ubyte, train-labels-idx1-ubyte, with or without .gz, also with a dot before idx."""
    axes = {"images": 3, "labels": 1}[what]
    stems = [f"{name}-{what}{joint}idx{axes}-ubyte" for joint in "-."]
    return next((path for stem in stems for end in ("", ".gz") if (path := folder / f"{stem}{end}").is_file()), None)


def _parts(name: str, n: int) -> np.ndarray:
    """0 training, 1 validation, 2 test; the training file gives every tenth image to validation."""
    of = np.full(n, PARTS[name])
    if name == TRAIN:
        of[9::10] = 1
    return of
