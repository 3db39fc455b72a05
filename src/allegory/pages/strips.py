"""Rows of pictures as one picture, with their words."""

from dataclasses import dataclass

import numpy as np

from allegory.pages import pictures

SIDE = 72


@dataclass(frozen=True)
class Strip:
    """A row of pictures as one, with its words."""

    uri: str
    name: str
    alt: str


def strip(row: np.ndarray, name: str, how: str) -> Strip:
    """Pictures (n, h, w, 3) side by side, each at most 72 pixels on the longer edge."""
    return Strip(pictures.uri(pictures.grid(pictures.resized(row, SIDE), len(row))), name, f"{name}: {len(row)} pictures, {how}")
