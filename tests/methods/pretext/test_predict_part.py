"""The encoder sees what is given and no more, and the error is that of what is asked for."""

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.pretext.predict_part import PredictPart
from allegory.views import Split

X = torch.tensor([[1.0, 2.0, 3.0], [2.0, 0.0, -2.0]]).double()


def loss_of(method, x=X, shift=1):
    """A decoder that says each number `shift` places later: what is said of time t is what was seen at t - shift."""
    net = method.build(Array((3,)), 4).double()
    rows = [[float(j == i - shift) for j in range(3)] for i in range(3)]
    net.body, net.decoder = nn.Identity(), linear(rows)
    (player,) = method.players(net)
    shown = method.resolved(Array((3,)), None).views(x, moment(len(x)).dice)
    return player.loss(batch(x, shown), moment(len(x)))


def test_the_future_from_the_past_by_hand():
    """Past and present are seen; the last number is said to be the one before it: errors 1 and 4, whose mean is 2.5."""
    loss = loss_of(PredictPart(of="future", given="past+present"))
    assert loss.total.item() == pytest.approx(2.5, abs=1e-12)
    assert loss.terms["error"] is loss.total


def test_what_is_not_given_is_not_seen():
    """Only the past is seen, so the future is said to be 0: errors 9 and 4."""
    assert loss_of(PredictPart(of="future", given="past")).total.item() == pytest.approx(6.5, abs=1e-12)


def test_the_past_from_the_future():
    """The other way round: the first number is said to be the second, for errors 1 and 4; two numbers asked for are averaged."""
    assert loss_of(PredictPart(of="past", given="rest"), shift=-1).total.item() == pytest.approx(2.5, abs=1e-12)
    both = loss_of(PredictPart(of="present+future", given="past"))  # said: (1, 0) and (2, 0)
    assert both.total.item() == pytest.approx(((1 + 9) / 2 + (4 + 4) / 2) / 2, abs=1e-12)


@pytest.mark.parametrize(("of", "given"), [("bottom", "top"), ("centre", "border"), ("left", "right"), ("occluded", "visible")])
def test_a_part_that_is_not_given_has_no_influence(of, given):
    method = PredictPart(of=of, given=given)
    net = method.build(Array((2, 8, 8)), 4)
    x = torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    view = method.resolved(Array((2, 8, 8)), None).views
    assert view == Split(of, given)
    asked = view(x, moment(4).dice)
    other = view(torch.where(asked.given, x, x + 1.0), moment(4).dice)
    assert torch.equal(net.f(method.shown(asked)), net.f(method.shown(other)))
    assert (method.error(net, torch.zeros_like(x), batch(x, asked)) != method.error(net, torch.zeros_like(x), batch(x, other))).all()


def test_sequences_of_several_channels_are_read():
    method = PredictPart(of="future", given="rest").resolved(Array((2, 6)), None)
    net = method.build(Array((2, 6)), 4)
    x = torch.randn(4, 2, 6, generator=torch.Generator().manual_seed(0))
    (player,) = method.players(net)
    assert player.loss(batch(x, method.views(x, moment(4).dice)), moment(4)).total.isfinite()
    assert method.encode(net, x).shape == (4, net.out)
