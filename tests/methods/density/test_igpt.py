"""A transformer without blocks worked out for both objectives, and the laws of all that foresee number by number."""

import math

import pytest
import torch
from helpers import autoregressive as laws
from helpers.learned import learned
from helpers.moments import batch, moment

from allegory.core import Array, Misuse
from allegory.methods.density.igpt import IGPT
from allegory.questions import put, registry

SMALL = IGPT(width=8, heads=2, depth=2)
MASKED = IGPT(width=8, heads=2, depth=2, objective="masked")
WORDS = [[1.0, 0.0, 0.5, 0.2], [0.3, -1.0, 0.1, 0.7], [-0.4, 0.2, 0.9, -0.6]]  # black, grey, white
BLANK = [0.1, -0.2, 0.3, 0.8]
PLACES = [[0.0, 0.5, -0.5, 0.1], [0.4, 0.0, 0.2, -0.3], [0.1, 0.6, 0.0, -0.2]]
HEAD = [[1.0, 0.5, -0.5, 0.0], [0.0, 1.0, 0.3, -0.7], [0.2, -0.4, 0.8, 0.6]]


def net_of_words(method):
    """No blocks: what is shown at a place, with the place, through the norm and the head."""
    net = method.build(Array((1, 1, 3), levels=3), 4).double()
    with torch.no_grad():
        for p, values in (
            (net.body.embed.weight, WORDS), (net.body.blank, BLANK), (net.body.positions, PLACES), (net.body.head.weight, HEAD),
        ):  # fmt: skip
            p.copy_(torch.tensor(values))
        net.body.head.bias.zero_()
    return net


def log_p(shown, place, level):
    """log softmax of the head on (shown + place), less its mean and over its standard deviation."""
    v = [a + b for a, b in zip(shown, PLACES[place], strict=True)]
    mean = sum(v) / 4
    deviation = math.sqrt(sum((a - mean) ** 2 for a in v) / 4 + 1e-6)
    logits = [sum(w * (a - mean) / deviation for w, a in zip(row, v, strict=True)) for row in HEAD]
    return logits[level] - math.log(sum(math.exp(a) for a in logits))


def test_three_numbers_by_hand():
    """White, black, grey: the first from the blank, each other from the word of the one before."""
    method = IGPT(width=4, heads=1, depth=0)
    net, image = net_of_words(method), torch.tensor([[[[1.0, -1.0, 0.0]]]]).double()
    expected = log_p(BLANK, 0, 2) + log_p(WORDS[2], 1, 0) + log_p(WORDS[0], 2, 1)
    assert method.log_density(net, image, moment(1).dice).values.item() == pytest.approx(expected, abs=1e-6)
    (player,) = method.players(net)
    assert player.loss(batch(image.repeat(3, 1, 1, 1)), moment(3)).total.item() == pytest.approx(-expected, abs=1e-6)


def test_hidden_numbers_by_hand():
    """Only hidden numbers count, each told from the blank at its place; the mean is over examples, hidden or not."""
    method = IGPT(width=4, heads=1, depth=0, objective="masked", share=0.5)
    net, image, now = net_of_words(method), torch.tensor([[[[1.0, -1.0, 0.0]]]]).double(), moment(8)
    hidden = now.dice.chance("hidden", 0.5, 3)
    assert 4 < hidden.sum() < 20
    levels = (2, 0, 1)
    expected = sum(-log_p(BLANK, place, levels[place]) for row in hidden for place in range(3) if row[place]) / 8
    (player,) = method.players(net)
    assert player.loss(batch(image.repeat(8, 1, 1, 1)), now).total.item() == pytest.approx(expected, abs=1e-6)


def test_of_masked_pixels_all_places_look_at_all_that_is_shown():
    net, x = laws.net_of(MASKED, (1, 2, 3), 2), torch.tanh(torch.randn(1, 1, 2, 3, dtype=torch.float64))
    hidden = torch.tensor([[False, False, True, False, False, True]])
    x.requires_grad_()
    for i in range(6):
        (slope,) = torch.autograd.grad(net.body.said(x, hidden).flatten()[i], x)
        assert torch.equal(slope.flatten() != 0, ~hidden[0])


def test_the_share_that_is_hidden():
    assert IGPT().share == 0.15  # of the paper
    hidden = moment(400).dice.chance("hidden", 0.15, 64)
    assert hidden.double().mean().item() == pytest.approx(0.15, abs=0.01)  # four standard errors


@pytest.mark.parametrize(("shape", "levels"), [((1, 2, 2), 2), ((1, 2, 1), 3), ((3, 1, 1), 3)])
def test_probabilities_sum_to_one(shape, levels):
    laws.assert_probabilities(SMALL, shape, levels)


@pytest.mark.parametrize("shape", [(1, 4, 3), (3, 2, 2)])
def test_no_number_is_foreseen_from_itself_or_later(shape):
    laws.assert_causal(SMALL, shape)


@pytest.mark.parametrize(("shape", "levels"), [((1, 4, 3), 2), ((3, 2, 3), 5), ((1, 4, 1), 3)])
def test_kept_keys_and_values_change_nothing(shape, levels):
    laws.assert_cached_is_naive(SMALL, shape, levels)


def test_a_sample_costs_one_pass():
    drawn = laws.assert_a_sample_costs_one_pass(SMALL, (1, 4, 3))
    assert drawn["blocks.1.attention.qkv"] == drawn["blocks.0.mlp.0"] == 12


def test_completion_follows_the_law():
    laws.assert_completes_by_the_law(SMALL)


def test_between_two_levels_a_word_is_their_mixture():
    net = net_of_words(IGPT(width=4, heads=1, depth=0))
    mixed = net.body._tokens(torch.tensor([[-1.0, -0.75, 0.5, 1.0]]).double())[0]
    words = torch.tensor(WORDS).double()
    torch.testing.assert_close(
        mixed, torch.stack([words[0], 0.75 * words[0] + 0.25 * words[1], words[1:].mean(0), words[2]]), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("method", [SMALL, MASKED], ids=["next", "masked"])
def test_the_code_is_what_goes_into_the_middle_block_after_its_norm(method):
    net, x = laws.net_of(method, (1, 3, 2), 2), laws.some_images(4, (1, 3, 2), 2)
    heard = {}
    norms = (net.body.blocks[0].before_attention, net.body.blocks[1].before_attention, net.body.norm)
    hooks = [norm.register_forward_hook(lambda module, given, out, i=i: heard.setdefault(i, out)) for i, norm in enumerate(norms)]
    z, codes = method.encode(net, x), method.codes(net, x)
    for hook in hooks:
        hook.remove()
    torch.testing.assert_close(z, heard[1].mean(1))
    assert list(codes) == ["layer 0", "layer 1", "layer 2"]
    for i in range(3):
        torch.testing.assert_close(codes[f"layer {i}"].values, heard[i].mean(1))


def test_a_net_of_masked_pixels_says_what_it_cannot():
    net, x = laws.net_of(MASKED, (1, 3, 2), 2), laws.some_images(4, (1, 3, 2), 2)
    asked = {
        "log_density": lambda: MASKED.log_density(net, x, laws.dice_of(4)),
        "sample": lambda: MASKED.sample(net, 4, laws.dice_of(4)),
        "complete": lambda: MASKED.complete(net, x, x > 0, laws.dice_of(4)),
    }
    for ask in asked.values():
        with pytest.raises(Misuse, match="no log density, samples or completion; learn with --objective next"):
            ask()


def test_questions_about_a_net_of_masked_pixels_are_answered_or_told():
    features = learned("IGPT", "digits", 3, objective="masked", width=16, depth=2)
    scores = put(features, registry.chosen(["likelihood", "samples", "knn"]))
    notes = " ".join(scores.notes)
    assert scores.get("accuracy") is not None
    assert all(f"{name} could not be answered: a net of masked pixels" in notes for name in ("likelihood", "samples"))


def test_widths_that_do_not_fit_are_told():
    for method in (IGPT(width=10, heads=2), IGPT(width=20, heads=8)):
        with pytest.raises(Misuse, match="a width that 4 and the number of heads divide"):
            method.build(Array((1, 4, 4), levels=2), 4)


def test_it_foresees_digits_better_than_a_histogram():
    laws.assert_foresees_better_than_a_histogram(learned("IGPT", "digits", 110, width=16, depth=2))
