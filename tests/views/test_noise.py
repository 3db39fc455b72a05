import pytest
import torch
from scipy import stats

from allegory.core import Dice
from allegory.views import Corrupt, Cutout, Drop, Noise, SaltAndPepper


def dice(n):
    return Dice.roll(0, 0, torch.arange(n))


def test_noise_is_normal_and_not_shared():
    x = torch.full((200, 1, 5, 5), 0.3)
    added = (Noise(0.05)(x, dice(200)) - x) / 0.05
    assert stats.kstest(added.flatten().numpy(), "norm").pvalue > 1e-3
    assert added.flatten().unique().numel() > 4900


def test_drop_sets_to_the_mean():
    x = torch.ones(300, 20)
    shown = Drop(0.3)(x, dice(300))
    assert set(shown.unique().tolist()) == {0.0, 1.0}
    assert abs((shown == 0).float().mean() - 0.3) < 0.03


def test_corrupt_replaces_by_the_marginal():
    x = torch.full((300, 20), 9.0)
    shown = Corrupt(0.4)(x, dice(300))
    new = shown[shown != 9]
    assert abs(new.numel() / shown.numel() - 0.4) < 0.03
    assert stats.kstest(new.numpy(), "norm").pvalue > 1e-3


def test_cutout_by_a_loop():
    b, h, w, share = 200, 9, 12, 0.5
    x = torch.ones(b, 2, h, w)
    view = Cutout(share, fill=-0.5)
    shown, u = view(x, dice(b)), view.draw(dice(b), x.shape[1:])
    side = 4  # round(.5 * 9): Python rounds halves to even
    for i in range(b):
        row, column = int(u[i, 0] * h), int(u[i, 1] * w)
        expected = torch.ones(2, h, w)
        for y in range(row - side // 2, row - side // 2 + side):
            for z in range(column - side // 2, column - side // 2 + side):
                if 0 <= y < h and 0 <= z < w:
                    expected[:, y, z] = -0.5
        assert torch.equal(shown[i], expected)
    centres = torch.stack([(u[:, 0] * h).long(), (u[:, 1] * w).long()])
    assert centres.amin() == 0
    assert (centres.amax(1) == torch.tensor([h - 1, w - 1])).all()


def test_salt_and_pepper_are_as_likely_as_each_other():
    shown = SaltAndPepper(0.2)(torch.zeros(200, 1, 10, 10), dice(200))
    assert set(shown.unique().tolist()) == {-1.0, 0.0, 1.0}
    for value in (-1.0, 1.0):
        assert (shown == value).float().mean().item() == pytest.approx(0.1, abs=0.01)  # five standard errors of 20,000
    assert SaltAndPepper(1.0, low=0.0, high=2.0)(torch.ones(3, 50), dice(3)).unique().tolist() == [0.0, 2.0]
