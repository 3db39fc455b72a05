r"""Concepts by name, grounded in a beta-VAE's code: a symbol becomes a Gaussian over codes, narrow where it says something, wide elsewhere.

**Model.** A beta-VAE of images, $q(z_x|x)$ and $p(x|z_x)$. A symbol $y$ names the values of some factors: a k-hot vector, Bernoulli
$p(y|z_y)$, with $q(z_y|y)$ in the same space of codes. So a symbol can be seen ($y \to z_y \to x$, `sym2img`), and an image named
($x \to z_x \to y$, `img2sym`). Operators AND, IGNORE and IN COMMON make the concept $q(z_r)$ of two.

**Objective.** Three players. Visual: $-E \log p(x|z_x) + \beta\, KL(q(z_x|x) \,\|\, p(z_x))$. Symbols: $-E_{q(z_y|y)} \log p(y|z_y) +
\beta_y\, KL(q(z_y|y) \,\|\, p(z_y)) + \lambda\, KL(q(z_x|x) \,\|\, q(z_y|y))$, $\lambda \gg \beta_y$, for a symbol that names a random part
of what x shows. The last divergence covers modes: over all images of a heart, what they share is narrow, what they do not is as wide
as the images are spread. Operators: $KL(q(z_y|y_r) \,\|\, q(z_r))$, where $y_r$ is the symbol that results: the union of the values that
are named, the first without the second, the intersection.

**Notation.** `beta` = $\beta$; `beta_y` = $\beta_y$; `lam` = $\lambda$; `spelt` = $-E \log p(y|z_y)$; `grounded` = the divergence from
images to symbols; `recombined` = that of the operators.

**When it fails.** Factors that share latents (x and y turned against each other) cannot be said by a diagonal Gaussian: a concept then
covers far more than it names, and values that were never seen together are not recombined. Look at the draws of a concept of one value,
and at which latents are narrow. A code of few latents and the spatial broadcast decoder keep places apart; seeds differ (docs/labs/scan.md:
pairs that were withheld are shown by 22 % of draws by their name, 20 % by AND, where chance has 5 and the best Gaussian of the code 31).
With `covering` off (the divergence the other way round) a concept is one image of many, without its `lam` it is any image.

**Reference.** I. Higgins et al., SCAN: Learning Hierarchical Compositional Visual Concepts, 2018, https://arxiv.org/abs/1707.03389
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allegory import nets
from allegory.core import (
    Batch,
    Card,
    Claim,
    CodeKind,
    Dial,
    Dice,
    Loss,
    Misuse,
    Moment,
    Optim,
    Paper,
    Player,
    Recipe,
    Spec,
    batch_mean,
    everyone,
)
from allegory.data import OPERATORS, Operator, Vocabulary, concepts, vocabulary_of
from allegory.methods.latent._variational import Posterior, Variational, VariationalNet
from allegory.objectives import Likelihood, gaussian_kl, gaussian_kl_to, reparameterise

LIMIT = 20.0  # of log variances, as in the encoder


# Deviates: the likelihood of the pixels, where the paper compares images in the features of a denoising autoencoder; all players learn
# at once, where the paper has one after the other.
class ScanNet(VariationalNet):
    """A beta-VAE; q(z_y|y) and p(y|z_y) of symbols of k values; and the operators, one net for all latents (a convolution of width 1)."""

    def __init__(self, spec: Spec, latent: int, encoder: str, decoder: str, p: Likelihood, k: int, width: int):
        super().__init__(spec, latent, encoder, decoder, p)
        self.meaning = nets.head((k, width, width, 2 * latent), norm="none")
        self.spelling = nets.head((latent, width, k), norm="none")
        # Deviates: two hidden layers: what "in common" asks is not linear in the posteriors.
        self.operators = nets.head((4 + len(OPERATORS), width, width, 2), norm="none")

    def q_y(self, y: Float[Tensor, "b k"]) -> Posterior:
        """mu and log sigma^2 of q(z_y|y)."""
        mu, log_var = self.meaning(y).chunk(2, dim=1)
        return mu, log_var.clamp(-LIMIT, LIMIT)

    def q_r(self, which: Float[Tensor, "b o"], one: Posterior, other: Posterior) -> Posterior:
        """mu and log sigma^2 of q(z_r), for one-hot operators."""
        seen = torch.stack([*one, *other], 2)  # (b, z, 4)
        mu, log_var = self.operators(torch.cat([seen, which[:, None, :].expand(-1, seen.shape[1], -1)], 2)).unbind(2)
        return mu, log_var.clamp(-LIMIT, LIMIT)


@final
@dataclass(frozen=True)
class SCAN(Variational):
    """SCAN (Higgins et al. 2018): three players minimise distortion + beta * rate of images, spelt + beta_y * rate + lam * grounded of
    symbols, and the divergence of recombined concepts from those that the resulting symbols mean; in nats per example.

    beta: the price of a nat of the visual code. beta_y: the price of a nat of a symbol's. lam: that of a nat by which the code of an image
    strays from a symbol's. width: hidden units of the nets of symbols and operators. covering: take the divergence from images to
    symbols, which covers all images of a concept; off, the other way round, for comparison. names: what can be named, as factor=value;
    None follows the data.
    """

    beta: float = 4.0
    beta_y: float = 1.0
    lam: float = 10.0
    width: int = 128
    covering: bool = True
    names: tuple[str, ...] | None = None

    recipe: ClassVar[Recipe] = Recipe(steps=3000, batch=64, optim=Optim(lr=1e-3, weight_decay=0.0))
    card: ClassVar[Card] = Card(
        family="latent",
        title="Symbol-concept association network",
        paper=Paper("Higgins et al.", "SCAN: Learning Hierarchical Compositional Visual Concepts", 2018,
                    "https://arxiv.org/abs/1707.03389", "SCAN's objective, with the forward divergence"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network", supervision="factors",
        specs=("image",),
        modelled=r"p(x) = \int p(x|z)\,N(z; 0, I)\,dz,\quad p(y) = \int p(y|z)\,N(z; 0, I)\,dz",
        minimised=r"-E_{q(z_y|y)} \log p(y|z_y) + \beta_y\,KL(q(z_y|y)\,\|\,p(z_y)) + \lambda\,KL(q(z_x|x)\,\|\,q(z_y|y))",
        unit="nats per example",
        buys="Images from names, names from images, and concepts made of two others.",
        costs="Some factors of each training image must be named.",
        fails="A visual code that mixes factors, and pairs of values that were never seen together; look at draws of concepts.",
        code=CodeKind(stochastic=True, disentangled=True), falls="vae/distortion", tiny={"latent": 4, "width": 16},
        dial=Dial("beta", (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)),
        claims=(
            Claim("reconstruction", "share_of_variance", "sprites:size=16,scales=3,orientations=4,xs=8,ys=8", 0.85, {"steps": 600}, 3),
        ),
    )  # fmt: skip

    def resolved(self, spec: Spec, source: Any) -> Self:
        known = vocabulary_of(source).names
        if self.names not in (None, known):
            raise Misuse(f"names: expected those of {source.name}, {', '.join(known[:6])} ...; leave them out to follow the data")
        return dataclasses.replace(super().resolved(spec, source), names=known)

    @property
    def vocabulary(self) -> Vocabulary:
        """What can be named."""
        return Vocabulary(self.names or ())

    def build(self, spec: Spec, n: int) -> ScanNet:
        del n
        k = len(self.vocabulary.names)
        return ScanNet(spec, self.latents(spec), self.encoder, self.decoder, self.p(spec), k, self.width)

    def players(self, net: Any) -> Sequence[Player]:
        alone = not nets.has_batch_statistics(net)
        return [
            Player("vae", (net.body, net.posterior, net.decoder), partial(self.loss, net), additive=alone),
            Player("symbols", (net.meaning, net.spelling), partial(self.ground, net), additive=alone),
            Player("operators", (net.operators,), partial(self.recombine, net)),
        ]

    def added(self, net: Any, z: Float[Tensor, "b z"], q: Posterior, rate: Float[Tensor, ""], now: Moment) -> Tensor:
        return self.beta * super().added(net, z, q, rate, now)

    def ground(self, net: ScanNet, batch: Batch, now: Moment) -> Loss:
        """The loss of symbols, each of which names a random part of what its image shows. The visual code is as it is."""
        assert batch.factors is not None, "the card says factors"
        with torch.no_grad():
            _, q_x = self.seen(net, batch, now)
        y = concepts.drawn(batch.factors, self.vocabulary, now.dice).to(q_x[0])
        q_y = net.q_y(y)
        z = reparameterise(*q_y, now.dice.normal("eps", q_y[0].shape[1]).to(y))
        spelt = batch_mean(F.binary_cross_entropy_with_logits(net.spelling(z), y, reduction="none").sum(1))
        rate, grounded = batch_mean(gaussian_kl(*q_y).sum(1)), batch_mean(self.apart(q_x, q_y).sum(1))
        terms = {"spelt": spelt, "rate": rate, "grounded": grounded}
        return Loss(spelt + self.beta_y * rate + self.lam * grounded, terms)

    def apart(self, q_x: Posterior, q_y: Posterior) -> Float[Tensor, "b z"]:
        """KL(q(z_x|x) || q(z_y|y)) of every latent, in nats; the other way round where it does not cover."""
        return gaussian_kl_to(*q_x, *q_y) if self.covering else gaussian_kl_to(*q_y, *q_x)

    def recombine(self, net: ScanNet, batch: Batch, now: Moment) -> Loss:
        """The loss of the operators: two symbols out of what images show, and the symbol that results of them."""
        # Deviates: the target is q(z_y|y_r), which stands for all images of y_r, where the paper takes q(z_x|x) of one such image.
        assert batch.factors is not None, "the card says factors"
        one, other, which = self.asked(batch, now)
        with torch.no_grad():
            results = torch.stack([concepts.recombined(operator, one, other) for operator in OPERATORS], 1)  # (b, o, k)
            first, second, target = (net.q_y(y.to(net.variance)) for y in (one, other, (results * which[:, :, None]).sum(1)))
        loss = batch_mean(gaussian_kl_to(*target, *net.q_r(which.to(net.variance), first, second)).sum(1))
        return Loss(loss, {"recombined": loss})

    def asked(self, batch: Batch, now: Moment) -> tuple[Float[Tensor, "b k"], Float[Tensor, "b k"], Float[Tensor, "b o"]]:
        """Two symbols and a one-hot operator for each item. The first symbol, and for "and" and half of the others the second too, is of
        the item itself; else the second is of another item of the batch, so that it may contradict the first."""
        values, dice = batch.factors, now.dice
        assert values is not None, "the card says factors"
        of_all = everyone(values)
        operator = dice.integers("operator", len(OPERATORS))
        own = (operator == OPERATORS.index("and")) | dice.chance("own", 0.5)
        partner = of_all[dice.integers("partner", len(of_all))]
        one = concepts.drawn(values, self.vocabulary, dice.split("one"))
        other = concepts.drawn(torch.where(own[:, None], values, partner), self.vocabulary, dice.split("other"))
        return one, other, F.one_hot(operator, len(OPERATORS)).to(one)

    def concept(self, net: ScanNet, y: Float[Tensor, "b k"]) -> Posterior:
        """q(z_y|y) of symbols: mu and log sigma^2, (b, z) each. `vocabulary.symbols` makes symbols of names."""
        return net.q_y(y)

    def recombined(self, net: ScanNet, operator: Operator, one: Posterior, other: Posterior) -> Posterior:
        """The concept that results of two, row by row."""
        which = F.one_hot(torch.full((len(one[0]),), OPERATORS.index(operator)), len(OPERATORS))
        return net.q_r(which.to(one[0]), one, other)

    def imagined(self, net: ScanNet, q: Posterior, dice: Dice) -> Float[Tensor, "b *d"]:
        """An image of each concept: the mean of p(x|z) at a draw z of it; `dice` has a row each."""
        return self.decode(net, reparameterise(*q, dice.normal("imagined", q[0].shape[1]).to(q[0])))

    def sym2img(self, net: ScanNet, y: Float[Tensor, "b k"], dice: Dice) -> Float[Tensor, "b *d"]:
        """An image of each symbol, drawn."""
        return self.imagined(net, self.concept(net, y), dice)

    def img2sym(self, net: ScanNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b k"]:
        """How likely each value is to be named, of images at the mean of q(z_x|x)."""
        return self.spelt(net, self.encode(net, x))

    def spelt(self, net: ScanNet, z: Float[Tensor, "b z"]) -> Float[Tensor, "b k"]:
        """How likely each value is to be named, of codes. `vocabulary.best` picks the likeliest of each factor."""
        return torch.sigmoid(net.spelling(z))
