r"""A code of whole numbers: every place of a picture is said by the nearest vector of a codebook.

**Model.** The encoder gives a vector $z_e(x)$ for each place of a coarse grid; $z_q(x) = e_k$ with $k = \arg\min_j |z_e(x) - e_j|$ (eq. 1
and 2) takes its place; the decoder gives $p(x|z_q(x))$. A vector of numbers has one place. Every place may be told by several `groups`,
each with a part of $z_e$ and a codebook of its own (product quantisation; Jegou et al. 2011).

**Objective.** $-\log p(x|z_q(x)) + \beta\,|z_e(x) - \mathrm{sg}[e]|^2$, summed over places (eq. 3). The first term's gradient is handed
from $z_q$ to $z_e$ as it is. The codebook follows by moving averages in place of eq. 3's second term (appendix A.1):
$N_i \leftarrow \gamma N_i + (1 - \gamma)\,n_i$, $m_i \leftarrow \gamma m_i + (1 - \gamma) \sum_j z_{ij}$, $e_i = m_i / N_i$.

**Notation.** `z_e`, `z_q`, `beta` = $\beta$, `gamma` = $\gamma$; `distortion` = $-\log p(x|z_q)$ in nats; `commitment` = the squared
distance; `perplexity` = exp of the entropy of the codes over the batch, mean over groups; `codebook_use` = the share of the codes that the
batch meets, of as many as it could.

**When it fails.** Dead codes: a few codes say everything and the rest are never nearest; look at `codebook_use`. The commitment is a
squared distance and the distortion is in nats: where the data's likelihood is sharp, beta weighs little.

**Reference.** A. van den Oord, O. Vinyals and K. Kavukcuoglu, Neural Discrete Representation Learning, 2017,
https://arxiv.org/abs/1711.00937
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory import nets
from allegory.core import (
    Array,
    Batch,
    Card,
    Claim,
    Code,
    CodeKind,
    Dial,
    Dice,
    Items,
    Loss,
    Moment,
    Optim,
    Paper,
    Player,
    RateDistortion,
    Recipe,
    Spec,
    Trained,
    batch_mean,
    processes,
)
from allegory.methods.latent._variational import VECTOR_STEPS, follow, is_vector, squared_error
from allegory.objectives import Likelihood, LikelihoodName, following, likelihood_of, prototype_use, widened

SHOWN = 4096  # training items whose vectors the codebook begins with, at most
DEAD = 0.1  # of the mean count: where a code that has just been restarted is after 230 steps without use (gamma .99)
UNSEEN = 0.01  # of the prior is the same for all codes


class VQNet(nn.Module):
    """z_e(x) on a grid of places, the codebook, the decoder, how often each code is met at each place, and the variance of p(x|z)."""

    variance: Float[Tensor, ""]
    frequency: Float[Tensor, "s g k"]

    def __init__(self, spec: Array, encoder: str, decoder: str, groups: int, k: int, width: int, p: Likelihood):
        super().__init__()
        self.p, self.on_grid = p, spec.is_image
        self.body = nets.encoder(encoder, spec)
        channels, *grid = self.body.map_shapes(spec.shape)[-1] if self.on_grid else (self.body.out,)
        places = math.prod(grid)
        self.to_codes = nn.Linear(channels, groups * width)
        self.book = nets.Codebook(groups, k, width)
        # Deviates: the decoder sees the whole grid at once, through the linear layer that all our decoders begin with.
        self.decoder = nets.decoder(decoder, widened(spec, p.numbers), places * groups * width)
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("frequency", torch.full((places, groups, k), 1.0 / k))

    def forward(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b m"]:
        """z_e(x), laid out flat."""
        return self.z_e(x).flatten(1)

    def z_e(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b s g z"]:
        """A vector for each group of each place."""
        x = torch.nan_to_num(x)
        at = self.body.maps(x)[-1].flatten(2).mT if self.on_grid else self.body(x)[:, None]
        z_e: Tensor = self.to_codes(at).unflatten(2, (len(self.book.codes), -1))
        return z_e

    def prior(self) -> Float[Tensor, "s g k"]:
        """How likely each code is at each place, whatever stands elsewhere; none is impossible."""
        k = self.frequency.shape[2]
        return (1.0 - UNSEEN) * self.frequency + UNSEEN / k


@final
@dataclass(frozen=True)
class VQVAE(Trained[VQNet]):
    """Vector-quantised autoencoder (van den Oord et al. 2017): minimises distortion + beta * commitment, the codebook following.

    k: codes in each codebook. width: numbers of a code. groups: codebooks, each with a part of every place's vector; None follows the data
    (1 for images, 4 for vectors, which have one place only). beta: price of a squared distance to the nearest code. gamma: share of the
    codebook that stays at a step. encoder: name of a net, for images one with maps of places. decoder: name of a net.
    likelihood: bernoulli | gaussian | sigma | logistic | categorical; None follows the data (bernoulli for two levels, else sigma).
    """

    k: int = 512
    width: int = 16
    groups: int | None = None
    beta: float = 0.25
    gamma: float = 0.99
    encoder: str = "default-plain"
    decoder: str = "default"
    likelihood: LikelihoodName | None = None

    recipe: ClassVar[Recipe] = Recipe(
        steps=2000, batch=128, optim=Optim(lr=1e-3, weight_decay=0.0), note="paper: K 512, beta .25, batch 128, lr 2e-4, 250,000 steps"
    )
    card: ClassVar[Card] = Card(
        family="latent",
        title="Vector-quantised autoencoder",
        paper=Paper("van den Oord, Vinyals and Kavukcuoglu", "Neural Discrete Representation Learning", 2017,
                    "https://arxiv.org/abs/1711.00937", "3, with appendix A.1"),
        density="not modelled", manifold="other space", principle="compression", decoder="network",
        modelled=r"p(x|z_q(x)),\; z_q(x) = e_{\arg\min_j |z_e(x) - e_j|}",
        minimised=r"-\log p(x|z_q(x)) + \beta\,|z_e(x) - \mathrm{sg}[e]|^2", unit="nats per example",
        buys="A short code of whole numbers, log2 K bits each, that a model of sequences can learn.",
        costs="No gradient passes the choice of a code; the codebook needs care, and a prior of the codes has to be learned apart.",
        fails="Dead codes: few of the codes are ever nearest; look at codebook_use, and lower k or gamma.",
        code=CodeKind(values="discrete", form="structured"), tiny={"k": 16, "width": 4}, laws=("order of examples",),
        dial=Dial("k", (2, 8, 32, 128, 512)),
        claims=(Claim("few_labels", "accuracy@1", "digits", 0.665, {"steps": 300}, seeds=3),),
    )  # fmt: skip

    def resolved(self, spec: Spec, source: Any) -> Self:
        named = self.likelihood or following(spec)
        likelihood_of(named, spec)  # refuses names that do not suit the data
        return dataclasses.replace(super().resolved(spec, source), groups=self.books(spec), likelihood=named)

    def books(self, spec: Spec) -> int:
        """How many codebooks there are for observations of `spec`."""
        return self.groups or (4 if is_vector(spec) else 1)

    def recipe_for(self, spec: Spec) -> Recipe:
        return dataclasses.replace(self.recipe, steps=VECTOR_STEPS) if is_vector(spec) else self.recipe

    def build(self, spec: Spec, n: int) -> VQNet:
        del n
        assert isinstance(spec, Array)
        p = likelihood_of(self.likelihood or following(spec), spec)
        return VQNet(spec, self.encoder, self.decoder, self.books(spec), self.k, self.width, p)

    def prepare(self, net: VQNet, items: Items, dice: Dice) -> None:
        """The codebook begins with vectors of some training items; else all of them might be nearest to one code."""
        some = dice.rows(1).permutation("items", len(items))[0, :SHOWN]
        z_e = nets.at_rest(net, items, some).unflatten(1, (-1, *net.book.codes.shape[::2]))
        vectors = z_e.flatten(0, 1)
        chosen = dice.rows(1).permutation("codes", len(vectors))[0]
        net.book.set_to(vectors[chosen.repeat(math.ceil(self.k / len(chosen)))[: self.k]])
        net.frequency.copy_(net.book.one_hot(net.book.nearest(z_e)).mean(0))

    def players(self, net: VQNet) -> Sequence[Player]:
        return [Player("vqvae", (net,), partial(self._loss, net), additive=not nets.has_batch_statistics(net))]

    def _loss(self, net: VQNet, batch: Batch, now: Moment) -> Loss:
        x = net.p.drawn(batch.x, now.dice)
        z_e = net.z_e(x if self.views is None else batch.views)
        index = net.book.nearest(z_e)
        e = net.book.of(index)
        out = net.decoder((z_e + (e - z_e).detach()).flatten(1))
        distortion = batch_mean(-net.p.log_prob(x, out, net.variance))
        commitment = batch_mean((z_e - e).square().flatten(1).sum(1))
        terms = {"distortion": distortion, "commitment": commitment, **_uses(net.book.one_hot(index))}
        memo = {"error": squared_error(x, net.p.mean(out)), "z_e": z_e.detach(), "index": index}
        return Loss(distortion + self.beta * commitment, terms, memo)

    def after_step(self, net: VQNet, now: Moment, memos: Mapping[str, Any]) -> None:
        """The codebook follows its vectors, and a code that is hardly used is put on a vector of the batch, drawn at random."""
        memo, book = memos["vqvae"], net.book
        if self.likelihood == "sigma":
            follow(net.variance, memo["error"], now.step)
        z_e = memo["z_e"].flatten(0, 1)  # (n, g, z)
        # Deviates: the averages are short at first, for a young encoder runs away from a codebook that remembers a hundred steps.
        gamma = min(self.gamma, (1 + now.step) / (10 + now.step))
        book.follow(z_e, memo["index"].flatten(0, 1), gamma)
        groups, k, _ = book.codes.shape
        drawn = now.dice.rows(groups).integers("restart", len(z_e), k)  # (g, k)
        book.restart(book.dead(DEAD), z_e.transpose(0, 1).take_along_dim(drawn[:, :, None], 1))
        net.frequency.lerp_(book.one_hot(memo["index"]).mean(0), 1.0 - self.gamma)

    def encode(self, net: VQNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        """z_q(x) of all places, one after the other: what the decoder reads, so that `decode` gives the reconstruction."""
        return net.book.of(net.book.nearest(net.z_e(x))).flatten(1)

    def codes(self, net: VQNet, x: Float[Tensor, "b *d"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """indices (b, places, groups); continuous, z_e before it is rounded (b, places, groups, width); kl, the nats that the indices
        take under the frequencies of codes at their places, (b, places * groups)."""
        z_e = net.z_e(x)
        index = net.book.nearest(z_e)
        every = {
            "indices": lambda: Code(index, kind="index"),
            "continuous": lambda: Code(z_e, kind="map"),
            "kl": lambda: Code(-net.prior().log().expand(len(index), -1, -1, -1).take_along_dim(index[..., None], 3).flatten(1)),
        }
        return {name: every[name]() for name in names or tuple(every)}

    def rate_distortion(self, net: VQNet, x: Float[Tensor, "b *d"], dice: Dice) -> RateDistortion:
        """The nats that the indices take under the frequencies of codes at their places, and -log p(x|z_q(x))."""
        x = net.p.drawn(x, dice)
        distortion = -net.p.log_prob(x, net.decoder(self.encode(net, x)), net.variance)
        return RateDistortion(self.codes(net, x, ("kl",))["kl"].values.sum(1), distortion, net.p.name)

    def decode(self, net: VQNet, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        """Of any vectors, not only of those in the codebook."""
        return net.p.mean(net.decoder(z))

    def sample(self, net: VQNet, n: int, dice: Dice) -> Float[Tensor, "n *d"]:
        """Means of p(x|z) for codes drawn at every place by their frequency there, whatever stands elsewhere: no prior is learned."""
        # Deviates: the paper learns an autoregressive prior of the indices (a PixelCNN), here the places are independent.
        whole = net.prior().cumsum(2)
        u = dice.rows(n).uniform("index", *whole.shape[:2]).to(whole)
        index: Int[Tensor, "n s g"] = (whole < u[..., None]).sum(3).clamp_max(self.k - 1)
        return self.decode(net, net.book.of(index).flatten(1))


def _uses(one_hot: Float[Tensor, "b s g k"]) -> dict[str, Tensor]:
    """Perplexity of the codes of the global batch, and the share of codes that it meets of all that it could; means over groups."""
    told = one_hot.flatten(0, 1)  # (n, g, k)
    n, groups, k = told.shape
    met = (batch_mean(told) > 0).to(told.dtype).sum(1).mean()
    perplexity = torch.stack([k * prototype_use(told[:, g]) for g in range(groups)]).mean()
    return {"perplexity": perplexity, "codebook_use": met / min(k, n * processes())}
