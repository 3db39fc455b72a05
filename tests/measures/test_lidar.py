import math

import numpy as np
import pytest
import torch

from allegory.measures.lidar import lidar
from allegory.measures.rank import effective_rank


def test_lidar_by_hand():
    """Items at (+-2, 0) and (0, +-1), each seen at +-(.5, .5) and +-(.5, -.5) around it, delta 0.

    Sigma_b = diag(2, .5), Sigma_w = diag(.25, .25).
    Eigenvalues in proportion 4 : 1, entropy of (.8, .2). With spread (1, .25) in place of (.5, .5): 2 / 1 and .5 / .0625, 1 : 4, the same.
    """
    centre = torch.tensor([[2.0, 0], [-2, 0], [0, 1], [0, -1]])
    spread = torch.tensor([[1.0, 1], [-1, -1], [1, -1], [-1, 1]])
    expected = math.exp(-0.8 * math.log(0.8) - 0.2 * math.log(0.2))
    for size in ((0.5, 0.5), (1.0, 0.25)):
        views = centre[:, None] + spread * torch.tensor(size) + 3.0
        assert lidar(views, delta=0.0).item() == pytest.approx(expected, rel=1e-5)
    views = centre[:, None] + spread * torch.tensor([1.0, 0.5])  # 2 : 2, both directions tell items apart alike
    assert lidar(views, delta=0.0).item() == pytest.approx(2.0, rel=1e-5)


def test_noise_earns_no_rank():
    """3 directions of items, 7 of noise that changes from view to view: RankMe counts all, LiDAR counts three and a little."""
    rng = np.random.default_rng(0)
    signal = np.repeat(rng.normal(size=(500, 1, 3)), 20, 1) + 0.1 * rng.normal(size=(500, 20, 3))
    views = torch.as_tensor(np.concatenate([signal, rng.normal(size=(500, 20, 7))], 2))
    assert lidar(views).item() == pytest.approx(3.0, abs=0.2)
    assert effective_rank(views.flatten(0, 1)).item() > 9.5


def test_collapse_and_too_few_views():
    assert lidar(torch.ones(10, 3, 4)).item() == 1.0
    with pytest.raises(ValueError, match="got 1 views of 10"):
        lidar(torch.ones(10, 1, 4))
    rng = np.random.default_rng(1)
    wide = torch.as_tensor(rng.normal(size=(6, 4, 50)))
    assert 1.0 < lidar(wide).item() <= 5.01
    assert lidar(1000 * wide).item() == pytest.approx(lidar(wide).item(), rel=1e-6)
