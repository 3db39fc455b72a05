"""Entries that are missing: what the variational family learns from, what it fills in, and what never leaks."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

import allegory as al
from allegory.core import Array, Optim, Problem
from allegory.data import open_source
from allegory.methods.latent.iwae import IWAE
from allegory.methods.latent.vae import VAE
from allegory.methods.spectral.pca import PCA
from allegory.representation import Representation

NAN = math.nan
LOG_TAU = math.log(2 * math.pi)
W = torch.tensor([[2.0], [1.0]]).double()  # p(z) = N(0, 1), p(x|z) = N(W z, 1)


def net_of(method, decoder=W):
    """The encoder's mean is 0.5 x_1 + 0.25 x_2 with a variance of 4."""
    net = method.build(Array((2,), holes=True), 4).double()
    net.body, net.posterior = nn.Identity(), linear([[0.5, 0.25], [0.0, 0.0]], [0.0, math.log(4.0)])
    net.decoder = linear(decoder.tolist())
    return net


def test_only_known_entries_count_by_hand():
    """x = (1, NaN): the encoder sees (1, 0), and the distortion is of x_1 alone; x = (NaN, NaN) costs its rate only."""
    method = VAE(latent=1, likelihood="gaussian")
    net, now = net_of(method), moment(3)
    x = torch.tensor([[1.0, NAN], [-2.0, 3.0], [NAN, NAN]]).double()
    (player,) = method.players(net)
    loss = player.loss(batch(x), now)
    eps = now.dice.normal("eps", 1).double()[:, 0].tolist()
    z = [0.5 + 2 * eps[0], -1.0 + 0.75 + 2 * eps[1], 2 * eps[2]]
    first = ((1 - 2 * z[0]) ** 2 + LOG_TAU) / 2
    second = ((-2 - 2 * z[1]) ** 2 + LOG_TAU) / 2 + ((3 - z[1]) ** 2 + LOG_TAU) / 2
    rates = sum((mu**2 + 4 - math.log(4.0) - 1) / 2 for mu in (0.5, -0.25, 0.0))
    assert loss.terms["distortion"].item() == pytest.approx((first + second) / 3, abs=1e-9)
    assert loss.total.item() == pytest.approx((first + second + rates) / 3, abs=1e-9)
    loss.total.backward()
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


@pytest.mark.parametrize("method", [VAE(latent=1, likelihood="sigma"), IWAE(latent=1, likelihood="sigma", k=3)])
def test_the_variance_is_that_of_known_entries(method):
    net, x = net_of(method, torch.zeros(2, 1)), torch.tensor([[1.0, NAN], [-2.0, 3.0]]).double()
    (player,) = method.players(net)
    method.after_step(net, moment(2, step=0), {"vae": player.loss(batch(x), moment(2)).memo})
    assert net.variance.item() == pytest.approx((1 + 4 + 9) / 3, abs=1e-9)


def test_what_was_never_known_moves_nothing():
    """A column without a single known entry: the decoder's row for it keeps its weights, to the bit."""
    x = np.random.default_rng(0).normal(size=(60, 4))
    x[:, 2] = NAN
    rep = al.learn(al.load(x), VAE(latent=2), steps=3, seed=0)
    fresh = al.learn(al.load(x), VAE(latent=2), steps=1, seed=0)
    last = [[p for p in r.net.decoder.parameters() if p.ndim == 2][-1] for r in (rep, fresh)]
    assert torch.equal(last[0][2], last[1][2]) and not torch.equal(last[0][1], last[1][1])


def test_a_completion_is_the_conditional_mean():
    """Given x_1 = 2, z has the mean 2 * 2 / 5 = .8 and so has x_2; given x_2 = 2 it is 1, and x_1 is 2. Known and unknown swapped would
    change x_1, and see what is hidden."""
    method = VAE(latent=1, likelihood="gaussian")
    net, n = net_of(method), 2000
    net.posterior = linear([[0.3, 0.15], [0.0, 0.0]], [0.0, 0.0])
    x = torch.tensor([[2.0, 7.0], [7.0, 2.0]]).double().repeat_interleave(n, 0)
    known = torch.tensor([[True, False], [False, True]]).repeat_interleave(n, 0)
    filled = method.complete(net, x, known, moment(2 * n).dice)
    assert torch.equal(filled[known], x[known])
    # the spread of one completion of 32 draws is below .3, so 2,000 have .007; self-normalised weights of 32 draws are off by more
    assert filled[:n, 1].mean().item() == pytest.approx(0.8, abs=0.05) and filled[n:, 0].mean().item() == pytest.approx(2.0, abs=0.1)
    everything = torch.ones_like(known)
    holes = torch.where(known, x, NAN)
    assert torch.equal(method.complete(net, holes, everything, moment(2 * n).dice), filled)  # NaN is unknown, whatever is said


def linear_table(n=600, d=8, noise=0.2):
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(d, 2))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)  # standardised columns then have one noise, as the likelihood has
    x = 5 + 3 * (rng.normal(size=(n, 2)) @ weights.T + math.sqrt(noise) * rng.normal(size=(n, d)))
    missing = rng.random(x.shape) < 0.2
    return x, np.where(missing, NAN, x), 9 * (weights @ weights.T + noise * np.eye(d))


def conditional(x, covariance):
    out = x.copy()
    for i, row in enumerate(x):
        k = np.isfinite(row)
        out[i, ~k] = 5 + covariance[np.ix_(~k, k)] @ np.linalg.solve(covariance[np.ix_(k, k)], row[k] - 5)
    return out


def test_a_linear_gaussian_table_is_filled_in_nearly_as_well_as_can_be(tmp_path):
    x, holes, covariance = linear_table(800)
    source = al.load(holes)
    rep = al.learn(source, VAE(latent=2), steps=100, seed=0, optim=Optim(lr=4e-3))
    assert source.spec.holes and rep.spec.holes and rep.intake.holes
    test = source.part("test")
    missing = np.isnan(holes[test])
    full = rep.impute(holes[test])
    assert (full[~missing] == holes[test][~missing]).all()
    mine, best, mean = (
        ((guess - x[test])[missing] ** 2).mean() for guess in (full, conditional(holes[test], covariance), np.full_like(full, 5.0))
    )
    assert mine < 1.2 * best and mine < 0.5 * mean  # measured: 1.04 times the best, and a quarter of the mean's
    assert np.isfinite(rep.encode(holes)).all() and rep.log_density(holes).values.isfinite().all()
    rep.save(tmp_path / "rep")
    again = Representation.load(tmp_path / "rep")
    assert again.intake.holes and again.spec == rep.spec and (again.impute(holes[test]) == full).all()


def test_a_method_that_reads_no_holes_is_served_as_before():
    _, holes, _ = linear_table(60)
    rep = al.learn(al.load(holes), PCA(latent=2), seed=0)
    assert not rep.spec.holes and "holes" not in rep.intake.config() and np.isfinite(rep.encode(holes)).all()
    said = al.learn(al.load(holes, missing="impute"), VAE(latent=2), steps=2, seed=0)
    assert not said.spec.holes


def test_holes_that_come_later_are_filled_in_too():
    x, holes, _ = linear_table(200)
    rep = al.learn(al.load(x), VAE(latent=2), steps=80, seed=0, optim=Optim(lr=4e-3))
    full = rep.impute(holes)
    missing = np.isnan(holes)
    assert not rep.spec.holes and (full[~missing] == x[~missing]).all()
    assert ((full - x)[missing] ** 2).mean() < 0.5 * ((5 - x)[missing] ** 2).mean()


def test_a_table_with_categories():
    """The category follows from the sign of the numbers."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=300) + np.where(np.arange(300) % 2, 4.0, -4.0)
    frame = pd.DataFrame({"kind": np.where(a > 0, "over", "under"), "a": a, "b": a + 0.1 * rng.normal(size=300)})
    truth = frame.copy()
    frame.loc[frame.index % 5 == 0, "kind"] = None
    frame.loc[frame.index % 7 == 1, "b"] = NAN
    source = al.load(frame)
    rep = al.learn(source, VAE(latent=2), steps=80, seed=0, optim=Optim(lr=4e-3))
    assert source.spec.holes and rep.spec == Array((4,), holes=True)
    seen = rep.intake(torch.as_tensor(source.take(slice(0, 2))))
    assert seen[0, 2:].isnan().all() and seen[1, 1].isnan() and seen[1, 2:].tolist() == [1.0, 0.0]
    full = pd.DataFrame(rep.impute(frame), columns=[c.name for c in rep.intake.columns])
    told = full["kind"].map(dict(enumerate(rep.intake.columns[0].categories)))
    assert (told == truth["kind"]).mean() > 0.95
    hidden = frame["b"].isna()
    assert ((full["b"] - truth["b"])[hidden] ** 2).mean() < 0.2 * truth["b"].var() and (full["b"] == truth["b"])[~hidden].all()


def test_images_with_a_missing_quadrant(tmp_path):
    digits = al.load("digits").x[:240].astype(np.float64)
    holes = digits.copy()
    holes[::2, :, :4, :4] = NAN
    with pytest.raises(Problem, match=r"missing='keep'"):
        al.load(holes)
    source = al.load(holes, missing="keep")
    assert source.spec == Array((1, 8, 8), holes=True)
    with pytest.raises(Problem, match="does not read images with missing pixels"):
        al.learn(source, "SimCLR", steps=1)
    rep = al.learn(source, VAE(latent=6, encoder="mlp-plain", decoder="mlp"), steps=100, seed=0)
    test = source.part("test")
    full, missing = rep.impute(holes[test]), np.isnan(holes[test])
    assert (full[~missing] == digits[test][~missing]).all() and np.isfinite(rep.encode(source)).all()
    mean = np.broadcast_to(np.nanmean(holes[source.part("train")], 0), full.shape)
    errors = [((guess - digits[test])[missing] ** 2).mean() for guess in (full, mean)]
    assert errors[0] < 0.8 * errors[1]
    np.save(tmp_path / "more.npy", holes[test])
    assert np.allclose(rep.encode(str(tmp_path / "more.npy")), rep.encode(holes[test]), atol=1e-5)
    whole = al.learn(al.load(digits), VAE(latent=6, encoder="mlp-plain", decoder="mlp"), steps=2, seed=0)
    with pytest.raises(Problem, match="NaN or infinite"):
        whole.encode(holes[test])
    assert np.isfinite(whole.impute(holes[test])).all()


def test_the_setting_of_the_intake():
    from allegory.data import Intake

    _, holes, _ = linear_table(60)
    source = open_source(holes)
    kept, old = (Intake.fit(source, np.arange(60), holes=h) for h in (True, False))
    config = kept.config()
    assert Intake.from_config(config).holes and not Intake.from_config(old.config()).holes
    assert Intake.from_config({**config, "raw": {k: v for k, v in config["raw"].items() if k != "holes"}}).spec == kept.spec
    for spoilt in ({**config, "holes": 1}, {**config, "gaps": True}):
        with pytest.raises(Problem):
            Intake.from_config(spoilt)
    x = torch.as_tensor(source.take(slice(None)))
    mine, theirs = kept(x), old(x)
    assert torch.equal(mine.isnan(), x.isnan()) and torch.equal(torch.nan_to_num(mine), theirs)
