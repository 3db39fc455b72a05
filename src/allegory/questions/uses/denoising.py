r"""How much of the noise on an observation does the method take away? Noise is put on test items, and $\hat x = \mathrm{decode}
(\mathrm{encode}(x + \epsilon))$ compared with what was there before.

$$ \text{share\_of\_noise} = 1 - \frac{\sum |x - \hat x|^2}{\sum |\epsilon|^2}, \qquad \epsilon \sim N(0, \sigma^2 I) $$

1 is all of it, 0 is what one has by doing nothing, below 0 more is lost than the noise hid. $\sigma$ is a share of the root mean variance
of the training items' numbers, as methods see them; noisy pixels are not cut to their range. **mse** is the mean squared error of a number
in stored units.

**Beside it**: **PCA** with as many directions as the code has numbers, which drops the noise of all other directions; the **nearest
neighbours** of the noisy item among training items, averaged; the **linear posterior mean**
$\bar x + C (C + \sigma^2 I)^{-1} (x + \epsilon - \bar x)$ with the training covariance $C$, which is the best that a linear map can do
where $\sigma$ is known (Wiener 1949); and the network **untrained**. The method is not told $\sigma$.

**What it says.** Whether the decoder's pictures are those that there are. A small code takes noise away by having no words for it, and
loses what it has no words for either: where the noise is weak that is more.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Array, Paper, Problem, tree
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.given_back import Terms, flat
from allegory.questions.intervals import Evidence
from allegory.questions.items import OnItems
from allegory.questions.nature.reconstruction import by_components, evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores
from allegory.representation import Representation, at_rest

LINEAR, NEAR, COMPONENTS = "linear posterior mean", "nearest neighbours", "pca"
SHARE = "share_of_noise"
BATCH = 256
MOST_NUMBERS = 4096  # of an item: more are too many for a covariance


@final
@dataclass(frozen=True)
class Denoising(OnItems):
    """Of at most `most` test items; `noise`: its deviation as a share of the data's. The references learn from at most `learned` training
    items; `neighbours` of them are averaged."""

    most: int = 1024
    noise: float = 0.5
    learned: int = 4000
    neighbours: int = 5

    fewest: ClassVar[int] = 2
    card: ClassVar[QuestionCard] = QuestionCard(
        name="denoising", asks="How much of the noise on an observation does it take away?",
        needs=("encode", "decode"), better="higher", beside=("untrained",), gains=(SHARE,),
        paper=Paper("Vincent et al.", "Extracting and Composing Robust Features with Denoising Autoencoders", 2008,
                    "https://doi.org/10.1145/1390156.1390294", "section 2"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"Gaussian noise of {self.noise:g} times the root mean variance on at most {self.most} test items as methods see them; mse in "
            f"stored units for images, in standardised columns for tables; references from at most {self.learned} training items, "
            f"{self.neighbours} neighbours"
        )

    def references(self, features: Features) -> dict[str, CodeSet]:
        return features.stand_ins(COMPONENTS, NEAR, LINEAR)

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        terms = Terms.of(features)
        spec = terms.rep.spec
        if not isinstance(spec, Array):
            raise Problem("noise on observations of several parts is not asked for yet")
        seen = terms.seen(features, self.rows(features))
        x, train = flat(seen), flat(terms.seen(features, evenly(features.parts["train"], self.learned)))
        deviation = self.noise * float(train.var(0, unbiased=False).mean().sqrt())
        if not deviation:
            raise Problem("all training items are the same: noise has no size to be compared with")
        epsilon = deviation * torch.as_tensor(np.random.default_rng([features.seed, 89]).standard_normal(x.shape))
        if subject.rep is not None:
            back = flat(said_again(subject.rep, (x + epsilon).view(seen.shape)))
        elif subject.who == LINEAR and x.shape[1] > MOST_NUMBERS:
            return {}
        else:
            back = self._guess(subject, x + epsilon, train, deviation)
        if not torch.isfinite(back).all():
            return {}
        error, noise = ((x - other).square().sum(1).numpy() for other in (back, x + epsilon))
        found = evidence(error, noise, x.shape[1] / terms.scale**2, features.seed)
        return {"mse": found["mse"], SHARE: found["share_of_variance"]}

    def _guess(self, subject: Subject, noisy: Float[Tensor, "n d"], train: Float[Tensor, "t d"], deviation: float) -> Float[Tensor, "n d"]:
        """What a reference makes of the noisy items."""
        if subject.who == COMPONENTS:
            return by_components(noisy, train, subject.z.shape[1])
        if subject.who == NEAR:
            near = torch.cdist(noisy, train).topk(min(self.neighbours, len(train)), largest=False).indices
            return train[near].mean(1)
        middle = train.mean(0)
        C = (train - middle).T @ (train - middle) / len(train)
        return middle + torch.linalg.solve(C + deviation**2 * torch.eye(len(C)).to(C), (noisy - middle).T).T @ C

    def words(self, scores: Scores) -> str:
        own = scores.get(SHARE)
        if own is None:
            return ""
        named = (("untrained", "the untrained network"), (COMPONENTS, "PCA"), (NEAR, NEAR), (LINEAR, f"the {LINEAR}"))
        beside = ", ".join(f"{what} {s.value:z.0%}" for who, what in named if (s := scores.get(SHARE, who)))
        return f"Of the noise {own.value:z.0%} is taken away" + (f" ({beside})." if beside else ".")


def said_again(rep: Representation, x: Float[Tensor, "n *d"]) -> Float[Tensor, "n *d"]:
    """decode(encode(x)) of observations as methods see them, on the CPU."""
    parts, method = [], rep.method
    for at in range(0, len(x), BATCH):
        batch = tree.to(x[at : at + BATCH], rep.device, rep.dtype)
        with at_rest(rep.net), torch.no_grad():
            parts.append(method.decode(rep.net, method.encode(rep.net, batch)).cpu())  # type: ignore[attr-defined]
    return torch.cat(parts)
