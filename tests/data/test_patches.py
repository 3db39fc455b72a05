import numpy as np
import pytest

from allegory.core import Array, Misuse
from allegory.data import open_source


def test_patches_are_the_photographs_and_those_that_overlap_stay_together():
    from sklearn.datasets import load_sample_image

    source = open_source("patches")
    assert len(source) == 23_520 and source.spec == Array((1, 12, 12), levels=256)
    grey = load_sample_image("china.jpg")[4:16, 8:20] @ np.array([0.299, 0.587, 0.114])  # the second row of patches, the third of it
    assert abs(source.take(np.array([14 + 2]))[0, 0] - grey).max() <= 0.5 + 1e-9
    groups = np.array(source.groups)
    parts = {part: set(groups[source.part(part)]) for part in ("train", "validation", "test")}
    assert len(set(groups)) == 120 == sum(map(len, parts.values())) and all(len(found) > 5 for found in parts.values())


def test_sizes_and_wrong_use():
    assert open_source("patches:size=16,stride=16").take(slice(None)).shape == (1920, 1, 16, 16)
    with pytest.raises(Misuse, match="a size from 2 to 64 and a stride from 1"):
        open_source("patches:size=65")
