"""Histograms of gradients and colours: by hand, beside scikit-image (benchmarks/parity/handmade.py), and as a control."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from allegory import data
from allegory.questions import ask, handmade

STORED = json.loads((Path(__file__).parents[2] / "benchmarks" / "parity" / "handmade.json").read_text())


def test_gradients_of_a_ramp_by_hand():
    """x = column / 10 on 4 x 4: the difference across is 0.2 inside and 0 at both edges, down 0, so all steepness is in the first of nine
    directions; each of the 2 x 2 cells averages 0.1. A block of four equal numbers has unit length at 1/2 each, is cut to 0.2 each, and
    comes back to 1/2. The ramp turned upside right (x = row / 10) has its steepness at 90 degrees, in the fifth direction."""
    ramp = (torch.arange(4.0) / 10).expand(1, 1, 4, 4)
    found = handmade.gradients(ramp, 2).view(4, 9)
    expected = torch.zeros(4, 9)
    expected[:, 0] = 0.5
    assert torch.allclose(found, expected, atol=1e-4)
    turned = handmade.gradients(ramp.mT, 2).view(4, 9)
    assert torch.allclose(turned[:, 4], torch.full((4,), 0.5), atol=1e-4) and turned[:, 0].abs().max() == 0


def test_directions_and_the_cut_by_hand():
    """A 2 x 2 corner of 4 at the right edge, one cell. Across: 4 at (1, 1) and (2, 1). Both ways: (4, 4) at (1, 2) and (4, -4) at (2, 2),
    45 and 135 degrees, in the third and seventh direction, of length 5.66. Down: 4 and -4 at (1, 3) and (2, 3), 90 degrees, the fifth.
    In all 8, 5.66, 8, 5.66: over the length 13.86 that is 0.58 and 0.41, all cut to 0.2, and so a half each."""
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 1:3, 2:] = 4.0
    assert torch.allclose(handmade.gradients(x, 4)[0], torch.tensor([0.5, 0, 0.5, 0, 0.5, 0, 0.5, 0, 0]), atol=1e-4)


@pytest.mark.parametrize("case", STORED["cases"], ids=["grey", "coloured"])
def test_it_agrees_with_scikit_image(case):
    x = torch.as_tensor(np.array(case["image"])).permute(2, 0, 1)[None]
    found = handmade.gradients(x, case["side"])[0]
    assert len(found) == case["size"]
    assert found[::17].numpy() == pytest.approx(case["every_17th"], abs=1e-6)  # stored to six decimals
    assert float(found.sum()) == pytest.approx(case["sum"], abs=1e-6)


def test_colours_by_hand():
    """Levels of 4: -1 is in box 0, 0.4 in box 2, 1 in box 3; (-1, 0.4, 1) is box 0 * 16 + 2 * 4 + 3. Of 16 grey ones 0 is in the ninth."""
    x = torch.tensor([-1.0, 0.4, 1.0])[None, :, None, None].repeat(1, 1, 1, 4)
    x[..., 0] = 1.0
    found = handmade.colours(x)[0]
    assert found.shape == (64,) and found[11] == 0.75 and found[63] == 0.25 and found.sum() == 1.0
    grey = handmade.colours(torch.zeros(1, 1, 2, 2))[0]
    assert grey.shape == (16,) and grey[8] == 1.0
    assert handmade.colours(torch.full((1, 2, 2, 2), -5.0)).tolist()[0][::16] == [1.0, 1.0]  # outside the range is at its end


@pytest.mark.parametrize(("shape", "side"), [((8, 8), 2), ((28, 28), 7), ((32, 32), 8), ((64, 64), 8), ((96, 96), 12), ((1, 9), 2)])
def test_cells_by_hand(shape, side):
    assert handmade.cell_side(*shape) == side


def test_sizes_are_bounded_and_tiny_images_have_colours_only():
    for h, w in ((8, 4000), (224, 224), (3, 3), (16, 64)):
        assert handmade.gradients(torch.zeros(1, 1, h, w), handmade.cell_side(h, w)).shape[1] <= handmade.MOST
    assert handmade.features(torch.zeros(2, 1, 1, 9)).shape == (2, 16)
    assert torch.isfinite(handmade.features(torch.zeros(2, 3, 16, 16))).all()


def test_as_a_control_it_is_for_images_only():
    digits = data.open_source("digits").subset(np.arange(500))
    scores = ask(lambda x: x.reshape(len(x), -1), digits, ["linear_probe"], controls=["hand-made"])
    assert {s.control for s in scores} == {None, "hand-made"}
    assert scores.get("accuracy", "hand-made").value > 0.85
    table = data.open_source(np.random.default_rng(0).normal(size=(60, 4)), labels=list("ab") * 30)
    assert {s.control for s in ask(lambda x: x, table, ["linear_probe"])} == {None, "raw input", "pca"}
