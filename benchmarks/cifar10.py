"""CIFAR-10 as the benchmarks find it: strips of images, one above the other, in train_*.png and test.png, and labels.npz beside them."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 32


def opened(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Pixels (n, 32, 32, 3) uint8 for training and for the test, their classes (n,), and the names of the classes."""
    train = np.concatenate([strip(path) for path in sorted(folder.glob("train_*.png"))])
    labels = np.load(folder / "labels.npz")
    return train, strip(folder / "test.png"), labels["y_train"], labels["y_test"], [str(name) for name in labels["class_names"]]


def strip(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).reshape(-1, SIDE, SIDE, 3)
