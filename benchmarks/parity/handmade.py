"""Runs scikit-image's histograms of oriented gradients once and keeps what they gave.

    python benchmarks/parity/handmade.py > benchmarks/parity/handmade.json

Needs scikit-image. tests/questions/test_handmade.py reads the file and does not need it.
"""

import json
import sys
from importlib.metadata import version

import numpy as np
from skimage.feature import hog

EVERY = 17


def main() -> None:
    """A grey and a coloured image, whose sides no cell divides."""
    rng = np.random.default_rng(0)
    cases = []
    for shape, side in (((13, 12, 1), 3), ((9, 11, 3), 2)):
        image = np.round(rng.uniform(-1, 1, shape), 2)
        found = hog(image, 9, (side, side), (2, 2), block_norm="L2-Hys", channel_axis=-1)
        some = [round(float(v), 6) for v in found[::EVERY]]
        cases.append({"image": image.tolist(), "side": side, "size": len(found), "sum": float(found.sum()), "every_17th": some})
    json.dump({"version": version("scikit-image"), "cases": cases}, sys.stdout)


if __name__ == "__main__":
    main()
