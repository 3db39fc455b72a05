"""The filters of DRAW's window by hand, and that it reads and writes where it stands."""

import math

import pytest
import torch

from allegory.nets import Window
from allegory.nets.window import filters

DOUBLE = torch.float64


def at(*numbers):
    return torch.tensor([numbers], dtype=DOUBLE)


def test_a_filter_by_hand():
    """One filter of variance 2 around pixel 2 of 3: exp(-1/4), 1, exp(-1/4), over their sum."""
    one = torch.ones(1, dtype=DOUBLE)
    f = filters(2.0 * one, one, math.log(2.0) * one, 1, 3)
    side, total = math.exp(-0.25), 1.0 + 2.0 * math.exp(-0.25)
    assert f[0, 0].tolist() == pytest.approx([side / total, 1.0 / total, side / total], abs=1e-12)


def test_the_filters_stand_delta_apart_around_the_centre():
    """N = 2, delta 3, around 4: at 2.5 and 5.5, in the order of the pixels (eq. 19)."""
    one = torch.ones(1, dtype=DOUBLE)
    f = filters(4.0 * one, 3.0 * one, -6.0 * one, 2, 7)
    places = (f * torch.arange(1.0, 8.0)).sum(2)
    assert places[0].tolist() == pytest.approx([2.5, 5.5], abs=1e-6)


def test_rows_sum_to_one_wherever_the_window_is():
    window = Window.of(torch.randn(40, 5, dtype=DOUBLE, generator=torch.Generator().manual_seed(0)), 3, 9, 6)
    torch.testing.assert_close(window.rows.sum(2), torch.ones(40, 3, dtype=DOUBLE))
    torch.testing.assert_close(window.columns.sum(2), torch.ones(40, 3, dtype=DOUBLE))
    assert window.rows.shape == (40, 3, 9) and window.columns.shape == (40, 3, 6)


def test_a_window_of_one_reads_what_is_in_its_centre():
    """g~ = (0, 0) is the middle of a 5 x 7 picture: row 3, column 4; gamma scales it."""
    x = torch.zeros(1, 2, 5, 7, dtype=DOUBLE)
    x[0, :, 2, 3] = torch.tensor([1.0, 5.0], dtype=DOUBLE)
    read = Window.of(at(0.0, 0.0, -9.0, 0.0, math.log(2.0)), 1, 5, 7).read(x)
    assert read.flatten().tolist() == pytest.approx([2.0, 10.0], abs=1e-9)


def test_the_first_number_moves_it_along_rows_and_the_second_down_columns():
    x = torch.zeros(1, 1, 5, 7, dtype=DOUBLE)
    x[0, 0, 2, 5] = 1.0
    right = 2.0 * 6 / 8 - 1.0  # (7 + 1) / 2 (g + 1) = 6
    assert Window.of(at(right, 0.0, -9.0, 0.0, 0.0), 1, 5, 7).read(x).item() == pytest.approx(1.0)
    assert Window.of(at(0.0, right, -9.0, 0.0, 0.0), 1, 5, 7).read(x).item() == pytest.approx(0.0, abs=1e-9)


def test_a_window_that_spans_the_picture_reads_it_pixel_by_pixel():
    """With N = 5 filters delta = (5 - 1) / (5 - 1) = 1 apart; narrow ones give the picture itself, and written it is the same."""
    x = torch.arange(25, dtype=DOUBLE).view(1, 1, 5, 5)
    window = Window.of(at(0.0, 0.0, -9.0, 0.0, 0.5), 5, 5, 5)
    torch.testing.assert_close(window.read(x), math.exp(0.5) * x)
    torch.testing.assert_close(window.write(window.read(x)), x)
    wide = Window.of(at(0.0, 0.0, -9.0, 0.0, 0.0), 3, 9, 9)  # delta = (9 - 1) / (3 - 1): the first, the middle and the last pixel
    assert wide.columns.argmax(2).tolist() == wide.rows.argmax(2).tolist() == [[0, 4, 8]]


def test_what_is_written_stands_where_it_is_read():
    """Writing is the transpose of reading but for gamma: <read x, w> = gamma^2 <x, write w>."""
    g = torch.Generator().manual_seed(1)
    x, w = torch.randn(3, 2, 6, 4, dtype=DOUBLE, generator=g), torch.randn(3, 2, 3, 3, dtype=DOUBLE, generator=g)
    window = Window.of(torch.randn(3, 5, dtype=DOUBLE, generator=g), 3, 6, 4)
    ours = (window.read(x) * w).flatten(1).sum(1)
    torch.testing.assert_close(ours, window.gamma**2 * (x * window.write(w)).flatten(1).sum(1))


def test_a_gradient_moves_the_window_to_what_is_bright():
    """A blob right of and below the window: what it reads grows to the right and down."""
    x = torch.zeros(1, 1, 9, 9, dtype=DOUBLE)
    x[0, 0, 6, 6] = 1.0
    numbers = at(0.0, 0.0, 1.0, 0.0, 0.0).requires_grad_()
    (g,) = torch.autograd.grad(Window.of(numbers, 1, 9, 9).read(x).sum(), numbers)
    assert g[0, 0] > 0 and g[0, 1] > 0 and g[0, 0].item() == pytest.approx(g[0, 1].item())
    numbers = at(0.9, -0.9, 1.0, 0.0, 0.0).requires_grad_()
    (g,) = torch.autograd.grad(Window.of(numbers, 1, 9, 9).read(x).sum(), numbers)
    assert g[0, 0] < 0 < g[0, 1]
