"""The loss is taken on the target blocks against the teacher's normalised tokens; the context encoder never sees a target."""

import math

import pytest
import torch
from helpers.moments import batch, moment
from torch import nn

from allegory.core import Array, Misuse
from allegory.methods.contrastive.ijepa import IJEPA, at, predicted
from allegory.views import Blocked, Blocks


class Tokens(nn.Module):
    """An encoder that says the same of every picture: a token for the class, then one a patch."""

    def __init__(self, rows):
        super().__init__()
        self.rows = nn.Parameter(torch.tensor([[9.0, 9.0, 9.0], *rows], dtype=torch.float64))

    def tokens(self, x, kept=None):
        said = self.rows.expand(len(x), -1, -1)
        return said if kept is None else torch.cat([said[:, :1], said[:, 1:].take_along_dim(kept[:, :, None], 1)], 1)


class Sum(nn.Module):
    """Predicts, for every patch, the sum of the context's tokens and the number of the patch."""

    def forward(self, tokens, seen, asked):
        self.seen = seen
        return tokens.sum(1, keepdim=True) + asked[:, :, None]


def by_hand():
    """4 patches; the context is patch 3; two blocks, of patches 0 1 and of patches 1 2."""
    net = IJEPA().build(Array((1, 8, 8)), 4).double()
    net.student = Tokens([[0.0] * 3, [0.0] * 3, [0.0] * 3, [1.0, 0.0, -1.0]])
    net.teacher = Tokens([[1.0, 2.0, 3.0], [0.0, 0.0, 6.0], [0.0, 5.0, 5.0], [7.0] * 3])
    net.predictor = Sum()
    x = torch.zeros(1, 1, 8, 8).double()
    return net, x, Blocked(x, torch.tensor([[3]]), torch.tensor([[[0, 1], [1, 2]]]))


def test_the_loss_by_hand():
    """The teacher's tokens less their mean over their standard deviation (biased): (-a, 0, a), (-b, -b, 2b), (-2b, b, b)."""
    net, x, blocked = by_hand()
    (player,) = IJEPA().players(net)
    a = 1 / math.sqrt(2 / 3 + 1e-5)
    b, c = 2 / math.sqrt(8 + 1e-5), (5 / 3) / math.sqrt(50 / 9 + 1e-5)
    said = {0: (-a, 0, a), 1: (-b, -b, 2 * b), 2: (-2 * c, c, c)}
    errors = []
    for block in ((0, 1), (1, 2)):
        for patch in block:
            prediction = (1 + patch, patch, patch - 1)
            errors.append(sum((p - s) ** 2 for p, s in zip(prediction, said[patch], strict=True)))
    loss = player.loss(batch(x, blocked), moment(1))
    assert loss.total.item() == pytest.approx(sum(errors) / 12, abs=1e-9)
    assert loss.terms["error"] is loss.total
    assert player.additive


def test_the_gradient_stops_at_the_teacher():
    net, x, blocked = by_hand()
    (player,) = IJEPA().players(net)
    total = player.loss(batch(x, blocked), moment(1)).total
    assert torch.autograd.grad(total, net.teacher.rows, allow_unused=True, retain_graph=True)[0] is None
    assert torch.autograd.grad(total, net.student.rows)[0][4].abs().max() > 0.1


def test_the_context_encoder_sees_the_context_only():
    spec = Array((1, 8, 8))
    method = IJEPA(width=16, depth=1).resolved(spec, None)
    net = method.build(spec, 4).double()
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shown = method.views(x, moment(2).dice)
    before = predicted(net, x, shown.context, shown.targets)
    seen = torch.zeros(2, 64, dtype=torch.bool).scatter(1, shown.context, True).view(2, 1, 8, 8)
    assert torch.equal(predicted(net, torch.where(seen, x, 5.0), shown.context, shown.targets), before)
    assert not torch.allclose(predicted(net, torch.where(seen, 5.0, x), shown.context, shown.targets), before)


def test_each_block_is_predicted_by_itself():
    """The other block in the batch of mask tokens changes nothing."""
    spec = Array((1, 8, 8))
    net = IJEPA(width=16, depth=1).build(spec, 4).double()
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    context, targets = torch.tensor([[0, 1, 2]]), torch.tensor([[[10, 11], [20, 21]]])
    both = predicted(net, x, context, targets)
    torch.testing.assert_close(both[:, :1], predicted(net, x, context, targets[:, :1]), rtol=1e-9, atol=1e-9)


def test_tokens_of_blocks():
    tokens = torch.arange(8.0).view(2, 4, 1)
    assert at(tokens, torch.tensor([[[0, 1]], [[3, 0]]])).flatten().tolist() == [0, 1, 7, 4]


@pytest.mark.parametrize(("progress", "keep"), [(0.0, 0.9), (0.5, 0.95), (0.9, 0.99)])
def test_one_step_of_the_teacher_by_hand(progress, keep):
    """keep = .9 + .1 t; from teacher weight 1 and student weight 3: keep + 3 (1 - keep)."""
    method = IJEPA(tau=0.9)
    net = method.build(Array((1, 8, 8)), 4)
    with torch.no_grad():
        net.student.norm.weight.fill_(3.0)
    method.after_step(net, moment(1, progress), {"student": None})
    assert net.teacher.norm.weight[0].item() == pytest.approx(keep + 3 * (1 - keep), abs=1e-6)
    assert net.student.norm.weight[0].item() == 3.0
    assert not any(p.requires_grad for p in net.teacher.parameters())


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_number_of_channels_and_a_view_of_the_nets_own_patches(channels):
    spec = Array((channels, 28, 28))
    method = IJEPA(width=16, depth=1).resolved(spec, None)
    assert method.views == Blocks(4, 2)
    net = method.build(spec, 4)
    x = torch.rand(2, channels, 28, 28, generator=torch.Generator().manual_seed(0))
    (player,) = method.players(net)
    assert player.loss(batch(x, method.views(x, moment(2).dice)), moment(2)).total.isfinite()
    torch.testing.assert_close(method.encode(net, x), net.teacher.tokens(x)[:, 1:].mean(1))


def test_what_does_not_fit_is_said():
    with pytest.raises(Misuse, match="hidden patches need a vision transformer"):
        IJEPA(encoder="resnet18").resolved(Array((1, 28, 28)), None)
    with pytest.raises(Misuse, match="counts patches of 2 pixels, and 'vit-mini' reads 4"):
        IJEPA(views=Blocks(2)).build(Array((1, 28, 28)), 4)
