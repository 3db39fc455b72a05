import math

import pytest
import torch

from allegory.measures.orientation import coherence

AT = torch.arange(16.0) - 7.5


def waves(degrees, cycles=0.15):
    angle = math.radians(degrees)
    return torch.cos(2 * math.pi * cycles * (AT[None, :] * math.cos(angle) + AT[:, None] * math.sin(angle)))


def test_by_hand():
    """Two squares of 2 x 2 pixels have the gradients (2, 0) and (.5, .5)."""
    ramp = torch.tensor([[[0.0, 2.0, 2.0], [0.0, 2.0, 3.0]]])
    xx, yy, xy = 4 + 0.25, 0.25, 0.25
    assert coherence(ramp).item() == pytest.approx(math.sqrt((xx - yy) ** 2 + 4 * xy**2) / (xx + yy))


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 135])
def test_a_grating_has_one_orientation_whichever(degrees):
    assert coherence(waves(degrees)[None]).item() == pytest.approx(1.0, abs=1e-6)


def test_a_blob_and_crossed_gratings_have_none_and_contrast_does_not_matter():
    blob = torch.exp(-(AT[None] ** 2 + AT[:, None] ** 2) / 20)
    crossed = waves(0) + waves(90)
    assert coherence(torch.stack([blob, crossed])).tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    edge = torch.stack([waves(30) + 0.5 * waves(100), 3.0 - 10 * (waves(30) + 0.5 * waves(100)), torch.ones(16, 16)])
    found = coherence(edge).tolist()
    assert 0.1 < found[0] < 0.9 and found[1] == pytest.approx(found[0]) and found[2] == 0.0
