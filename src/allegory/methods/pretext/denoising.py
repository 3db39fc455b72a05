r"""Take the noise out of x: to do so, a code must know what x can look like.

**Model.** $\tilde x \sim q(\tilde x | x)$, $z = f(\tilde x)$, $\hat x = g(z)$.

**Objective.** $E\,L(x, g(f(\tilde x)))$ (2008, section 2.3; 2010, section 3.1) with $L = \tfrac12 |x - \hat x|^2$, or the cross-entropy
of pixels as probabilities; both summed over dimensions. The target is $x$, not $\tilde x$.

**Notation.** `f` = `body` then `to_code`, `g` = `decoder`; $q$ is the view: `views.Drop` (masking noise), `views.Noise` (Gaussian),
`views.SaltAndPepper`.

**When it fails.** Too little noise, and a wide code copies its input; too much, and the mean picture is the best guess. Noise of single
pixels can be undone from their neighbours alone.

**Reference.** P. Vincent et al., Stacked Denoising Autoencoders, JMLR 2010, https://jmlr.org/papers/v11/vincent10a.html; first in
P. Vincent et al., Extracting and Composing Robust Features with Denoising Autoencoders, ICML 2008, https://doi.org/10.1145/1390156.1390294
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, final

from jaxtyping import Float
from torch import Tensor

from allegory import views
from allegory.core import Array, Batch, Card, Claim, CodeKind, Misuse, Optim, Paper, Recipe, Spec, Views
from allegory.methods.pretext._restoring import Restoring
from allegory.objectives import Bernoulli


@final
@dataclass(frozen=True)
class Denoising(Restoring):
    """Denoising autoencoder (Vincent et al. 2008 and 2010): minimises the error of what is said of x after seeing it with noise.

    loss: squared | cross-entropy (of pixels as probabilities); None follows the data (cross-entropy for images of two levels).
    """

    loss: Literal["squared", "cross-entropy"] | None = None

    # Deviates: one deep net learned at once; the paper stacks layers, each learned to denoise the codes of the one below.
    recipe: ClassVar[Recipe] = Recipe(steps=500, batch=128, optim=Optim(lr=1e-3), note="paper: SGD, noise chosen by validation")
    card: ClassVar[Card] = Card(
        family="pretext",
        title="Denoising autoencoder",
        paper=Paper("Vincent et al.", "Extracting and Composing Robust Features with Denoising Autoencoders", 2008,
                    "https://doi.org/10.1145/1390156.1390294", "section 2.3"),
        density="not modelled", manifold="Euclidean space", principle="reconstruction under noise", decoder="network",
        modelled=r"\hat x = g(f(\tilde x)),\quad \tilde x \sim q(\tilde x\,|\,x)", minimised=r"E\,\tfrac{1}{2}\,|x - g(f(\tilde x))|^2",
        unit="nats per example, up to a constant",
        buys="Reads images and vectors of any kind; codes wider than x are no danger.",
        costs="A decoder to train, and a kind and amount of noise to choose.",
        fails="Noise that the neighbours undo teaches only to smooth, too much leaves the mean; look at reconstructions, change the view.",
        code=CodeKind(size="either"), tiny={}, laws=("order of examples",), falls="encoder/error",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.735, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        # Deviates: a masked pixel is 0 in [-1, 1], the mid grey; the paper's 0 is black.
        del spec, source
        return views.Drop(0.5)

    def resolved(self, spec: Spec, source: Any) -> Self:
        image = isinstance(spec, Array) and spec.is_image
        if self.loss == "cross-entropy" and not image:
            raise Misuse(f"the cross-entropy needs pixels that are probabilities; these are {spec}. Use loss='squared'")
        binary = isinstance(spec, Array) and image and spec.levels == 2
        return dataclasses.replace(super().resolved(spec, source), loss=self.loss or ("cross-entropy" if binary else "squared"))

    def shown(self, views: Any) -> Float[Tensor, "b *d"]:
        return views

    def error(self, net: Any, out: Float[Tensor, "b *e"], batch: Batch) -> Float[Tensor, " b"]:
        del net
        if self.loss == "cross-entropy":
            return -Bernoulli().log_prob(batch.x, out)
        return 0.5 * (batch.x - out).square().flatten(1).sum(1)

    def decode(self, net: Any, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        out: Tensor = net.decoder(z)
        return Bernoulli().mean(out) if self.loss == "cross-entropy" else out
