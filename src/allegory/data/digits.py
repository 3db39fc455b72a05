"""The 1,797 handwritten digits that come with scikit-learn."""

from collections.abc import Sequence

import numpy as np

from allegory.core import Array
from allegory.data.found import Found
from allegory.data.source import Labels, Source


def open_digits(_: str = "", aside: Sequence[str] = ()) -> Found:
    """8 x 8 pixels of 17 levels, ten classes (Alpaydin and Kaynak 1998, the test part of Optical Recognition of Handwritten Digits)."""
    from sklearn.datasets import load_digits

    del aside
    data = load_digits()
    labels = Labels(data.target.astype(np.int64), tuple(str(name) for name in data.target_names))
    x = data.images.astype(np.uint8)[:, None]
    return Found(Source("digits", Array((1, 8, 8), levels=17), x, labels))
