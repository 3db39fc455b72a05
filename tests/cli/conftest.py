"""Small data of every kind, and a package with a ninth method in it."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allegory import methods

KINDS = ("round", "square")


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """64 JPEGs of 12 x 12 in two sub-folders: bright on the left, or on the right."""
    folder, rng = tmp_path_factory.mktemp("data") / "photos", np.random.default_rng(0)
    for i in range(64):
        x = rng.integers(0, 90, (12, 12, 3))
        x[:, :6] += 150 * (i % 2)
        x[:, 6:] += 150 * (1 - i % 2)
        path = folder / KINDS[i % 2] / f"{i:02d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x.astype(np.uint8)).save(path)
    return folder


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """90 rows of two numbers and a category, in three kinds."""
    rng, rows = np.random.default_rng(1), ["width,height,colour,kind"]
    for i in range(90):
        kind = i % 3
        rows.append(f"{rng.normal(3 * kind):.4f},{rng.normal(-2 * kind):.4f},{'red green blue'.split()[(kind + i // 45) % 3]},kind{kind}")
    path = tmp_path_factory.mktemp("data") / "blobs.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="session")
def ninth(tmp_path_factory):
    """The folder of an installed package with the method TurnedRound, as pip would leave it."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(Path(__file__).parent / "ninth.py", folder / "scratch_ninth.py")
    info = folder / "scratch-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scratch\nVersion: 0\n")
    (info / "entry_points.txt").write_text("[allegory.methods]\nturned_round = scratch_ninth:TurnedRound\n")
    sys.path.insert(0, str(folder))
    yield methods.find("turned-round")
    sys.path.remove(str(folder))
    sys.modules.pop("scratch_ninth", None)
