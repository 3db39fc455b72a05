import numpy as np
import pytest
import torch
from sklearn.manifold import trustworthiness as sklearn_trustworthiness

from allegory.measures import neighbourhoods, neighbours


def test_trustworthiness_by_hand():
    """Five items on a line, k = 1, normalisation 2 / (5 * 1 * (10 - 3 - 1)) = 1 / 15.

    Data at 0, 1, 3, 6, 10; codes at 10, 1, 3, 6, 4. Nearest in the code, and its rank in the data: of 0: 3, rank 3; of 1: 2, rank 2;
    of 2: 4, rank 4; of 3: 4, rank 2; of 4: 2, rank 2. Too many: 2 + 1 + 3 + 1 + 1 = 8, T = 1 - 8/15.
    Nearest in the data, and its rank in the code: of 0: 1, rank 4; of 1: 0, rank 4; of 2: 1, rank 2; of 3: 2, rank 2; of 4: 3, rank 2.
    Too many: 3 + 3 + 1 + 1 + 1 = 9, C = 1 - 9/15.
    """
    x, z = torch.tensor([[0.0], [1], [3], [6], [10]]), torch.tensor([[10.0], [1], [3], [6], [4]])
    assert neighbourhoods.trustworthiness(x, z, 1) == pytest.approx(1 - 8 / 15)
    assert neighbourhoods.continuity(x, z, 1) == pytest.approx(1 - 9 / 15)


@pytest.mark.parametrize("k", [1, 5, 12])
def test_trustworthiness_is_that_of_scikit_learn(k):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 6))
    z = np.tanh(x[:, :2]) + 0.1 * rng.normal(size=(150, 2))
    ours = neighbourhoods.trustworthiness(torch.as_tensor(x), torch.as_tensor(z), k)
    assert ours == pytest.approx(sklearn_trustworthiness(x, z, n_neighbors=k), abs=1e-12)
    back = neighbourhoods.continuity(torch.as_tensor(x), torch.as_tensor(z), k)
    assert back == pytest.approx(sklearn_trustworthiness(z, x, n_neighbors=k), abs=1e-12)
    assert ours != pytest.approx(back, abs=1e-3)


def test_ends_of_trustworthiness():
    rng = np.random.default_rng(1)
    x, noise = (torch.as_tensor(rng.normal(size=(400, 3))) for _ in range(2))
    assert neighbourhoods.trustworthiness(x, -3.0 * x + 5.0) == 1.0
    assert neighbourhoods.trustworthiness(x, noise) == pytest.approx(0.5, abs=0.03)  # standard error about .01
    with pytest.raises(ValueError, match="k = 6 of n = 12"):
        neighbourhoods.trustworthiness(x[:12], noise[:12], 6)


def test_blocks_change_nothing(monkeypatch):
    x = torch.as_tensor(np.random.default_rng(2).normal(size=(97, 4)) + 1000.0)
    before = neighbourhoods.trustworthiness(x, x[:, :1], 5)
    monkeypatch.setattr(neighbours, "BLOCK_NUMBERS", 300)
    assert neighbourhoods.trustworthiness(x, x[:, :1], 5) == before
