"""What the report shows of methods that generate: traversals by nats, ways through the codes, completions and rates."""

import base64
import io
import math
import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from allegory.core import Code
from allegory.methods.density.gated_pixel_cnn import GatedPixelCNN
from allegory.methods.latent.conv_draw import ConvDRAW
from allegory.pages import codes_map, latents, looks, page, paths, render
from allegory.pages.latents import Posterior
from allegory.representation import Representation
from allegory.train import fit


@pytest.fixture(scope="module")
def encoded(vae, images):
    return codes_map.encoded(vae, images)


@pytest.fixture(scope="module")
def pixels(images):
    return Representation.of(fit(GatedPixelCNN(**GatedPixelCNN.card.tiny), images, steps=2, batch=16, device="cpu"))


def opened(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB")).astype(int)


def shown(images, **can):
    """The page of such abilities alone."""
    from allegory.pages.health import health

    return render.page(
        "report.html", title="t", said=page.verdict([], "M", "d"), boards=[], gains=None, notes=[], sections={}, neighbours=None, can=can,
        silent=latents.SILENT, health=health([], {}), curves=[], facts=[], settings=[], card=None, map="", atlas=None, mapped="items",
        scree=None,
    )  # fmt: skip


class Ramp:
    """Decodes the third number as grey; keeps what it was asked."""

    def __init__(self, intake):
        self.intake, self.asked = intake, []

    def decode(self, z):
        self.asked.append(z)
        return np.broadcast_to(0.1 * z[:, 2][:, None, None, None], (len(z), 3, 8, 8)).astype(np.float32)


def test_traversals_are_in_the_order_of_nats_and_leave_out_the_silent(images, encoded, vae):
    ramp = Ramp(vae.intake)
    found = looks.traversals(images, encoded, ramp, Posterior(9, np.array([0.3, 0.049, 0.05, 1.84])))
    assert [s.name for s in found.strips] == ["dimension 4, 1.8 nats", "dimension 1, 0.30 nats", "dimension 3, 0.05 nats"]
    assert (found.ordered, found.silent, found.size) == (True, 1, 4)
    (z,) = ramp.asked
    z = z.reshape(3, 9, 4)
    low, high = np.percentile(encoded.z, (2.5, 97.5), axis=0)
    for row, d in enumerate((3, 0, 2)):
        assert z[row, [0, -1], d] == pytest.approx([low[d], high[d]], rel=1e-5)
        assert np.ptp(np.delete(z[row], d, 1), 0).max() == 0
    html = shown(images, traversals=found)
    assert (
        "most nats come first" in html and "<b>1 of 4</b> that carrys" not in html and "<b>1 of 4</b> that carries less than 0.05" in html
    )


def test_a_posterior_that_collapsed_has_nothing_to_move(images, encoded, vae):
    found = looks.traversals(images, encoded, Ramp(vae.intake), Posterior(9, np.zeros(4)))
    assert found.strips == () and found.silent == 4
    html = shown(images, traversals=found)
    assert "None of the 4 dimensions carries 0.05 nats" in html and "NaN" not in html


def test_codes_of_another_width_do_not_order_the_dimensions(images, encoded, vae):
    found = looks.traversals(images, encoded, Ramp(vae.intake), Posterior(9, np.array([5.0, 1.0])))
    assert not found.ordered and found.strips[0].name == "dimension 3"


class Bent:
    """Two numbers to a grey picture whose upper half is u and whose lower half is v + u^2: unrolled, a plane."""

    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, intake, gradient=True):
        self.intake, self.net, self.gradient = intake, nn.Identity(), gradient
        self.method = type("Method", (), {"decode": lambda _, net, z: self.at_rest(net, z)})()

    def at_rest(self, net, z):
        assert not net.training
        return self.made(z)

    def made(self, z):
        z = z if self.gradient else z.detach()
        halves = torch.stack([z[:, 0], z[:, 1] + z[:, 0].square()], 1) / math.sqrt(3 * 32)
        return halves[:, None, :, None].repeat_interleave(4, 2).expand(-1, 3, 8, 8)

    def decode(self, z):
        return self.made(torch.as_tensor(z)).numpy()


def items_of(images, z):
    return codes_map.Encoded(np.arange(90), z.astype(np.float32), None)


def lengths(pair):
    return {s.name.split(",")[0]: float(s.name.split("length\u00a0")[1]) for s in pair.strips}


def test_the_three_ways_have_the_lengths_of_their_pictures(images, vae):
    angle = np.linspace(0, 2 * math.pi, 90, endpoint=False)
    items = items_of(images, np.stack([1.5 * np.cos(7 * angle), 1.5 * np.sin(7 * angle)], 1))
    found = paths.interpolations(images, items, Bent(vae.intake), spherical=True)
    assert found.ways == ("straight", "spherical", "geodesic") and len(found.pairs) == paths.PAIRS
    chosen = paths.spread(images, items.index, paths.of_part(images, items.index, "test"), 2 * paths.PAIRS)
    for pair, a, b in zip(found.pairs, chosen[0::2], chosen[1::2], strict=True):
        ends = np.array([[u, v + u * u] for u, v in items.z[[a, b]].astype(float)])
        long = lengths(pair)
        assert long["geodesic"] == pytest.approx(np.linalg.norm(ends[1] - ends[0]), rel=0.01)
        assert long["geodesic"] <= 1.001 * long["straight"]
        assert opened(pair.strips[0].uri).shape == (8, 9 * 8 + 8, 3)
    assert any(long["geodesic"] < 0.95 * long["straight"] for long in map(lengths, found.pairs))
    html = shown(images, interpolations=found)
    assert html.count("<figcaption>geodesic, length") == 3 and "great circle" in html


def test_only_the_ways_that_there_are_are_shown(images, vae):
    items = items_of(images, np.random.default_rng(0).normal(size=(90, 2)))
    assert paths.interpolations(images, items, Bent(vae.intake, gradient=False)).ways == ("straight",)
    assert paths.interpolations(images, items, Bent(vae.intake)).ways == ("straight", "geodesic")
    assert "great circle" not in shown(images, interpolations=paths.interpolations(images, items, Bent(vae.intake)))


def test_the_net_is_left_as_it_was(images, encoded, vae):
    vae.net.train()
    before = {k: v.clone() for k, v in vae.net.state_dict().items()}
    assert paths.interpolations(images, encoded, vae, spherical=True).ways == ("straight", "spherical", "geodesic")
    assert vae.net.training and all(p.grad is None and p.requires_grad for p in vae.net.parameters())
    assert all(torch.equal(v, before[k]) for k, v in vae.net.state_dict().items())
    vae.net.eval()


def test_of_a_completed_item_only_the_upper_half_was_seen(images, pixels):
    items = codes_map.encoded(pixels, images)
    found = looks.completions(images, items, pixels)
    assert len(found.rows) == looks.COMPLETED
    for item, seen, made in found.rows:
        own = opened(item.uri)
        assert (opened(seen)[:4] == own[:4]).all() and (opened(seen)[4:] == looks.UNSEEN).all()
        assert len(made) == looks.SEEDS
        lower = [opened(m)[4:] for m in made]
        assert all((opened(m)[:4] == own[:4]).all() for m in made)
        assert not (lower[0] == lower[1]).all() and not (lower[1] == lower[2]).all() and not (lower[0] == own[4:]).all()
    html = shown(images, completions=found)
    assert "the upper half, which is all that the method saw" in html and html.count("seed 2</small>") == 1
    assert set(page.abilities(pixels, images, items)) == {"completions", "samples"}


def test_means_that_hardly_differ_are_shown_once(images, encoded, vae):
    class Mean:
        intake = vae.intake

        def complete(self, x, known, seed):
            x = self.intake(torch.as_tensor(x)).numpy()
            return np.where(known, x, 0.001 * seed)

    found = looks.completions(images, encoded, Mean())
    assert {len(made) for _, _, made in found.rows} == {1} and found.apart < 0.01
    html = shown(images, completions=found)
    assert "so one is shown" in html and "made up</small>" in html and "seed 1" not in html


class Told:
    """Says posteriors that were worked by hand, the same for every item but for the sign of their means."""

    def __init__(self, mu, variance, **more):
        self.mu, self.variance, self.more = torch.tensor(mu), torch.tensor(variance), more

    def can(self):
        return ("encode", "codes")

    def codes(self, x, names=None):
        sign = 1.0 - 2.0 * (torch.arange(len(x)) % 2)[:, None]
        mu, log_var = sign * self.mu, self.variance.log().expand(len(x), -1)
        every = {"mean": mu, "log_variance": log_var, "kl": 0.5 * (mu**2 + log_var.exp() - 1 - log_var)} | self.more
        return {name: Code(every[name].expand(len(x), -1)) for name in names or tuple(every)}


def test_the_rate_by_hand(images, encoded):
    """Means +-1 and variance 1: 1/2 nat, draws of variance 2. Mean 0 and variance 1/4: (1/4 - 1 + log 4) / 2 = 0.318. N(0, 1): nothing."""
    q = latents.posterior(images, encoded, Told([1.0, 0.0, 0.0], [1.0, 0.25, 1.0]))
    assert q.kl == pytest.approx([0.5, 0.5 * (0.25 - 1 + math.log(4)), 0.0], abs=1e-6)
    assert q.active.tolist() == [True, False, False] and q.standard
    n = q.n
    middle = (n % 2) / n  # of an odd number of items one sign has one more
    assert q.mean == pytest.approx([middle, 0, 0]) and q.deviation == pytest.approx([math.sqrt(2 - middle**2), 0.5, 1], abs=1e-6)
    said = latents.rate(q)
    assert [(r.name, r.nats) for r in said.rows] == [("latent 1", "0.50"), ("latent 2", "0.32"), ("latent 3", "0.00")]
    assert said.rows[1].bar == pytest.approx(63.6, abs=0.1)
    words = " ".join(said.words)
    assert "0.818 nats (1.18 bits)" in words and "2 of the 3 latents carry 0.05 nats or more" in words and "1 is active" in words
    assert "latent 1: its draws over all items have mean 0.0" in words and "standard deviation 1.41" in words
    html = shown(images, rate=said)
    assert "0.818 nats" in html and re.search(r'latent 2</th>.*?width="63.6".*?0.32</td><td>0.00</td><td>0.50</td>', html)


def test_a_prior_that_is_not_standard_is_not_compared_with(images, encoded):
    q = latents.posterior(images, encoded, Told([1.0, 0.0], [1.0, 1.0], kl=torch.tensor([[0.1, 0.2]])))
    assert not q.standard and q.active.tolist() == [True, False]
    said = latents.rate(q)
    assert said.rows[0].name == "latent 2" and not said.compared and "prior" not in " ".join(said.words)
    assert "prior has 0 and 1" not in shown(images, rate=said)


def test_nothing_active_and_one_latent_are_said_rightly(images, encoded):
    said = latents.rate(latents.posterior(images, encoded, Told([0.0], [1.0])))
    assert "None of the 1 latent carries" in " ".join(said.words) and "Furthest" not in " ".join(said.words)
    many = latents.rate(Posterior(5, np.linspace(1, 2, 40)))
    assert len(many.rows) == latents.ROWS and many.rows[0].name == "latent 40" and "the 16 that carry most" in " ".join(many.words)


def test_methods_say_their_rate_as_they_name_it(images, vae, pca, encoded):
    assert latents.posterior(images, encoded, pca) is None
    assert latents.posterior(images, encoded, vae).standard
    drawing = Representation.of(fit(ConvDRAW(times=2, latent=1, hidden=4), images, steps=2, batch=16, device="cpu"))
    assert not latents.posterior(images, codes_map.encoded(drawing, images), drawing).standard
