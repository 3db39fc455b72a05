"""Small grey patches of the two photographs that come with scikit-learn: a temple in China and a flower (CC-BY, see its documentation).

They are cut within blocks of the photographs, and the patches of a block are a group: patches that overlap stay in one part of the split.
"""

from collections.abc import Sequence

import numpy as np

from allegory.core import Array, Misuse
from allegory.data.found import Found
from allegory.data.source import Source

PHOTOGRAPHS = ("china.jpg", "flower.jpg")
BLOCK = 64
GREY = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)


def open_patches(_: str = "", aside: Sequence[str] = (), *, size: int = 12, stride: int = 4) -> Found:
    """size x size pixels of 256 levels, their corners `stride` pixels apart within 120 blocks of 64 x 64: 23,520 patches of 12 x 12."""
    from sklearn.datasets import load_sample_image

    del aside
    if not (2 <= size <= BLOCK and stride >= 1):
        raise Misuse(f"patches: expected a size from 2 to {BLOCK} and a stride from 1, got size={size} and stride={stride}")
    x, groups = [], []
    for name in PHOTOGRAPHS:
        grey = np.rint(load_sample_image(name) @ np.array(GREY)).astype(np.uint8)
        for top in range(0, grey.shape[0] - BLOCK + 1, BLOCK):
            for left in range(0, grey.shape[1] - BLOCK + 1, BLOCK):
                block = grey[top : top + BLOCK, left : left + BLOCK]
                cut = np.lib.stride_tricks.sliding_window_view(block, (size, size))[::stride, ::stride].reshape(-1, 1, size, size)
                x.append(cut)
                groups += [f"{name} {top} {left}"] * len(cut)
    return Found(Source("patches", Array((1, size, size), levels=256), np.concatenate(x), groups=groups, mirror=True))
