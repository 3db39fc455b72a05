"""Gradient caching: the loss and gradient of a batch that passes in pieces are those of the whole."""

import dataclasses

import pytest
import torch
from helpers.toys import learner_of

from allegory import checks, methods
from allegory.checks.players import check_micro_batches
from allegory.core import Loss, Player
from allegory.methods.contrastive.simclr import SimCLR
from allegory.train.steps import descend

PLAIN = [cls for cls in methods.classes() if "encoder" in {f.name for f in dataclasses.fields(cls)} and cls.card.family != "latent"]


def found(method, micro):
    learner = learner_of(method, precision="float64", batch=24, micro=micro)
    (player,) = learner.players
    with learner.playing(player, 0):
        loss, gradients = descend(learner, player, [p for _, p in player.parameters], 0)
    return loss, gradients


@pytest.mark.parametrize("micro", [1, 5, 8])
def test_pieces_of_any_size_give_the_loss_and_gradient_of_the_whole(micro):
    method = SimCLR(projection=4, encoder="mlp-plain")
    (whole, gradients), (loss, in_pieces) = found(method, 24), found(method, micro)
    assert loss.total.item() == pytest.approx(whole.total.item(), abs=1e-12)
    assert not loss.total.requires_grad
    assert loss.terms["nt_xent"].item() == pytest.approx(whole.terms["nt_xent"].item(), abs=1e-12)
    for a, b in zip(gradients, in_pieces, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_parameters_that_the_comparison_itself_uses_get_their_gradient_once():
    """loss = |sum of w x|^2 + 3 a with w in `embed` and a in `loss_of`."""
    w, a = torch.nn.Parameter(torch.tensor([2.0])), torch.nn.Parameter(torch.tensor([1.0]))
    holder = torch.nn.ParameterList([w, a])

    def of(z, batch, now):
        del batch, now
        return Loss(z["z"].sum().square() + 3 * a.sum())

    player = Player.comparing("p", (holder,), lambda batch, now: {"z": w * batch.x, "row": batch.index}, of)
    from helpers.moments import batch, moment

    from allegory.train.pieces import cached

    x = torch.tensor([[1.0], [2.0], [3.0]])
    loss, gradients = cached(player, batch(x), moment(3), [w, a], 2)
    assert loss.total.item() == 12.0**2 + 3
    assert [g.item() for g in gradients] == [2 * 12 * 6, 3]


@pytest.mark.parametrize("cls", PLAIN, ids=lambda cls: cls.__name__)
def test_every_method_with_an_encoder_learns_in_pieces_where_it_says_so(cls):
    """With a net without batch statistics; a method that cannot is refused by the plan, so nothing is left to compare."""
    method = checks.tiny(cls)
    if not method.encoder.startswith("vit"):  # transformers have no batch statistics, and some methods read nothing else
        method = dataclasses.replace(method, encoder="convnet-group" if "image" in cls.card.specs else "mlp-plain")
    check_micro_batches(method)
