"""Symptoms on codes whose state is known, and alarms that name the knob."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from checks.planted import Linear
from helpers.toys import classes, learner_of

import allegory as al
from allegory import checks, methods, nets
from allegory.core import Array
from allegory.data import Source
from allegory.methods.contrastive.simclr import SimCLR
from allegory.methods.latent.beta_vae import BetaVAE
from allegory.methods.latent.vae import VAE
from allegory.methods.latent.vqvae import VQVAE
from allegory.methods.spectral.laplacian_eigenmaps import LaplacianEigenmaps
from allegory.train import Settings, Tick, fit, steps
from allegory.train.health import LEAST_DIRECTIONS, LEAST_PROJECTION, Watch, diagnose, reported, symptoms
from allegory.train.steps import descend


def net_with(weight, bias=(0.0, 0.0, 0.0)):
    """The linear method's net with a known encoder, on vectors of mean 0."""
    method = Linear()
    net = learner_of(method).net
    with torch.no_grad():
        net.mean.zero_()
        net.f.weight.copy_(torch.tensor(weight))
        net.f.bias.copy_(torch.tensor(bias))
    return method, net


X = torch.tensor([[1.0, 0, 0, 0, 0, 0], [-1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, -1, 0, 0, 0, 0]])
EYE = [[1.0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]]


def test_symptoms_by_hand():
    """Codes (+-1, 0, 0) and (0, +-1, 0): rank 2; standard deviations sqrt(1/2), sqrt(1/2), 0, mean times sqrt 3; length 1."""
    found = symptoms(*net_with(EYE), X)
    assert found["effective_rank"] == pytest.approx(2.0, abs=1e-4)
    assert found["spread"] == pytest.approx(2 * math.sqrt(0.5) / 3 * math.sqrt(3), abs=1e-5)
    assert found["scale"] == pytest.approx(1.0, abs=1e-6)


def test_collapse_is_seen_and_the_knob_named():
    found = symptoms(*net_with([[0.0] * 6] * 3, (1.0, 2.0, 3.0)), X)
    assert list(diagnose(found, 0.5)) == ["collapse"]
    assert "stop-gradient" in diagnose(found, 0.5)["collapse"]
    assert diagnose(found, 0.05) == {}, "the beginning is left alone"


def test_codes_on_a_line_are_seen():
    found = symptoms(*net_with([EYE[0]] * 3), X)
    assert list(diagnose(found, 0.5)) == ["dimensional collapse"]


def test_codes_that_are_not_finite_are_called_at_once():
    found = symptoms(*net_with([[math.nan] * 6] * 3), X)
    assert list(diagnose(found, 0.0)) == ["divergence"]


def test_posterior_collapse_is_seen_in_nats():
    method = VAE(latent=3, likelihood="gaussian")
    net = learner_of(method).net
    x = torch.ones(5, 6) * torch.arange(5.0)[:, None]
    with torch.no_grad():
        net.posterior.weight.zero_()
        net.posterior.bias.zero_()
    found = symptoms(method, net, x)
    assert (found["rate"], found["active_latents"], found["latents"]) == (0.0, 0.0, 3.0)
    assert "posterior collapse" in diagnose(found | {"spread": 1.0, "effective_rank": 3.0}, 0.5)
    with torch.no_grad():
        net.posterior.bias[0] = 2.0  # one latent N(2, 1): 2 nats
    assert symptoms(method, net, x)["rate"] == pytest.approx(2.0, abs=1e-6)
    assert symptoms(method, net, x)["active_latents"] == 1.0


def test_a_posterior_wider_than_the_prior_is_seen():
    """sigma^2 = e^2 = 7.39 for the second of two latents, whatever x."""
    method = VAE(latent=2, likelihood="gaussian")
    net = method.build(Array((6,)), 4)
    with torch.no_grad():
        net.posterior.weight.zero_()
        net.posterior.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 2.0]))
    found = symptoms(method, net, X)
    assert found["widest"] == pytest.approx(math.exp(2.0), rel=1e-5)
    assert "7.39 times the prior's variance" in diagnose(found, 0.5)["exploding variance"]
    with torch.no_grad():
        net.posterior.bias.zero_()
    assert "exploding variance" not in diagnose(symptoms(method, net, X), 0.5)


def test_what_is_left_unsaid_by_hand():
    """Codes (x1, x2, x3) of items on the first two axes; the decoder gives back the first: 2 of 4 units of variance are left."""
    method = VAE(latent=3, likelihood="gaussian")
    net = learner_of(method).net
    net.q = lambda x: (x[:, :3], torch.zeros(len(x), 3))
    net.decoder = torch.nn.Linear(3, 6, bias=False)
    with torch.no_grad():
        net.decoder.weight.zero_()[0, 0] = 1.0
    found = symptoms(method, net, X)
    assert found["unsaid"] == pytest.approx(0.5, abs=1e-6)
    assert (found["rate"], found["active_latents"]) == (pytest.approx(0.5, abs=1e-6), 2.0)
    assert "unsaid" not in symptoms(method, net, X[:1].expand(4, -1)), "there is nothing to say about equal items"


@pytest.mark.parametrize(
    ("active", "unsaid", "progress", "called"),
    [
        (1.0, 0.85, 1.0, True),  # wine with beta 4
        (2.0, 0.70, 0.6, True),  # mixed columns with beta 4
        (2.0, 0.70, 0.4, False),  # latents wake one after the other
        (3.0, 0.70, 1.0, False),  # a third of the latents are in use
        (1.0, 0.10, 1.0, False),  # data of one factor: one latent says it all
    ],
)
def test_a_posterior_that_has_collapsed_in_part_is_seen(active, unsaid, progress, called):
    found = {"spread": 1.0, "effective_rank": 3.0, "rate": 0.3, "active_latents": active, "latents": 10.0, "unsaid": unsaid}
    alarms = diagnose(found, progress)
    assert list(alarms) == ["partial posterior collapse"] * called
    assert not called or f"only {active:.0f} of 10 latents" in alarms["partial posterior collapse"]


HEALTHY = {"spread": 1.0, "effective_rank": 3.0}


@pytest.mark.parametrize(
    ("figure", "value", "name"),
    [
        ("projection_spread", 0.01, "collapse of the projection"),
        ("projection_rank", 1.2, "dimensional collapse of the projection"),
        ("projection_deviation", 0.02, "shrinking projection"),
        ("prototype_use", 1 / 256, "prototype collapse"),
        ("target_sharpness", 0.001, "uniform targets"),
        ("memory_spread", 0.01, "collapsed memory"),
        ("codebook_use", 1 / 512, "dead codes"),
    ],
)
def test_what_losses_report_of_prototypes_targets_and_memories_is_watched(figure, value, name):
    terms = {f"student/{figure}": torch.tensor(value), "student/cross_entropy": torch.tensor(1.0), f"loss/{figure}_else": torch.tensor(0.0)}
    assert reported(terms) == {figure: pytest.approx(value)}
    assert list(diagnose(HEALTHY | reported(terms), 0.5)) == [name]
    assert diagnose(HEALTHY | {figure: 2.0}, 0.5) == {}
    assert diagnose(HEALTHY | reported(terms), 0.05) == {}, "the beginning is left alone"


def test_a_codebook_that_says_everything_by_one_code_is_seen():
    """Planted: the encoder's last layer says the same of all items, whose nearest code is then the same. A new net is left alone."""
    learner = learner_of(VQVAE(k=64), batch=32)
    (player,) = learner.players
    terms = [player.loss(*learner.deal(player, 0)).terms]
    with torch.no_grad():
        learner.net.to_codes.weight.zero_()
    terms.append(player.loss(*learner.deal(player, 0)).terms)
    healthy, planted = (list(diagnose(HEALTHY | reported({f"vqvae/{k}": v for k, v in t.items()}), 0.5)) for t in terms)
    assert (healthy, planted) == ([], ["dead codes"])
    assert terms[1]["perplexity"].item() == pytest.approx(1.0)


HEADS = "BYOL BarlowTwins CMC InstanceClassification LocalAggregation MoCo MoCoV3 NNCLR PIRL SimCLR SimSiam SupCon SwAV VICReg WMSE".split()


@pytest.mark.parametrize("name", HEADS)
def test_the_pulse_is_that_of_the_projections(name):
    """A head that says the same of all items is called, whatever the code below it; a new one is not."""
    x = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)
    learner = learner_of(checks.tiny(methods.find(name)), Source("noise", Array((1, 8, 8), levels=256), x, labels=classes()), batch=16)
    (player,) = learner.players
    loss, _ = descend(learner, player, [p for _, p in player.parameters], 0)
    assert loss.terms["projection_spread"] > LEAST_PROJECTION and loss.terms["projection_rank"] > LEAST_DIRECTIONS
    assert not any(v.requires_grad for name, v in loss.terms.items() if name.startswith("projection"))
    for net in (m for m in learner.net.modules() if isinstance(m, nets.Projected)):
        net.head.forward = partial(_says_the_same, net.out)
    terms = player.loss(*learner.deal(player, 0)).terms
    alarms = diagnose(HEALTHY | reported({f"encoder/{name}": v for name, v in terms.items()}), 0.5)
    assert "collapse of the projection" in alarms


def _says_the_same(width, h):
    return torch.ones(len(h), width) + 0.0 * h.sum()


def test_alignment_and_uniformity_of_the_views_of_a_pair():
    """An encoder that sees nothing but the view's own noise aligns nothing; one that is blind to it aligns all."""
    learner = learner_of(SimCLR(projection=4, encoder="mlp-plain"))
    x = learner.items.take(slice(0, 20))
    found = symptoms(learner.method, learner.net, x)
    assert 0.0 < found["alignment"] < 4.0 and -8.0 < found["uniformity"] < 0.0
    learner.net.body.forward = lambda v: torch.ones(len(v), 3)
    same = symptoms(learner.method, learner.net, x)
    assert (same["alignment"], same["uniformity"]) == (pytest.approx(0.0, abs=1e-6), pytest.approx(0.0, abs=1e-6))
    assert "alignment" not in symptoms(Linear(), learner_of(Linear()).net, X), "it is shown one view"


def learned(beta, steps):
    """A watch over beta-VAE of 200 vectors of 12 numbers: four factors seen through noise, of variance 2.4, 2.4, 2.4, 2.4 out of 12."""
    turn = torch.linalg.qr(torch.randn(12, 4, generator=torch.Generator().manual_seed(1)))[0].T
    seed = torch.Generator().manual_seed(2)
    x = torch.randn(200, 4, generator=seed) @ turn * math.sqrt(12 / 5) + torch.randn(200, 12, generator=seed) * math.sqrt(1 / 5)
    watch = Watch()
    fit(BetaVAE(beta=beta), Source("factors", Array((12,)), x.numpy()), Settings(steps=steps, device="cpu"), listeners=[watch])
    return watch


def test_a_beta_that_is_too_large_for_the_data_is_called_and_a_fair_one_is_not():
    assert "posterior collapse" in " ".join(learned(8.0, 150).alarms)
    fair = learned(1.0, 150)
    assert fair.alarms == {} and fair.last["active_latents"] >= 4.0


def test_the_pulse_is_taken_at_rest():
    """Also when the net learns: batch statistics would make codes of other items part of each code, and move."""
    learner = learner_of(SimCLR(projection=4))
    learner.net.train()
    x = learner.items.take(slice(0, 20))
    before = {k: v.clone() for k, v in learner.net.state_dict().items()}
    found = symptoms(learner.method, learner.net, x)
    assert learner.net.training
    assert all(torch.equal(before[k], v) for k, v in learner.net.state_dict().items())
    assert found == symptoms(learner.method, learner.net.eval(), x)


def test_the_watch_leaves_the_net_as_it_was_and_looks_when_it_should():
    learner, watch, looked = learner_of(Linear(), log_every=4), Watch(), []
    learner.net.train()
    for tick in steps(learner):
        watch.last = {}
        watch(learner, tick)
        looked.append(bool(watch.last))
        assert learner.net.training
    assert [i + 1 for i, seen in enumerate(looked) if seen] == [4, 8, 10]


def test_an_alarm_that_has_passed_is_taken_back(capsys):
    learner, watch = learner_of(Linear(), log_every=1), Watch(loud=True)
    weight = learner.net.f.weight.detach().clone()
    with torch.no_grad():
        learner.net.f.weight.zero_()
    watch(learner, Tick(5, {}))
    watch(learner, Tick(6, {}))
    assert watch.alarms["collapse"].step == 5
    assert capsys.readouterr().err.count("health: collapse at step 5") == 1
    with torch.no_grad():
        learner.net.f.weight.copy_(weight)
    watch(learner, Tick(7, {}))
    assert watch.alarms == {}


def test_a_solution_is_looked_at_too_and_its_alarm_is_kept_and_said(capsys):
    """Two heaps far apart are two pieces of a graph of neighbours; one heap is none."""
    heap = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    two = al.learn(np.concatenate([heap, heap + 90.0]), LaplacianEigenmaps(latent=2, k=4), all_items=True, quiet=False)
    (alarm,) = two.facts["alarms"]
    assert alarm["name"] == "graph in pieces" and "2 pieces" in alarm["text"] and "raise k" in alarm["text"]
    assert capsys.readouterr().err.count("health: graph in pieces: the neighbours") == 1
    assert al.learn(heap, LaplacianEigenmaps(latent=2, k=4), all_items=True).facts["alarms"] == []
