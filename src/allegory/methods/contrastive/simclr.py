r"""Two views of one item should be told from the views of all others.

**Model.** $h = f(x)$ is the code; $z = g(h)$ its projection, where the loss is taken; $s_{ij}$ the cosine of $z_i$ and $z_j$.

**Objective.** $\ell_{ij} = -\log \exp(s_{ij}/\tau) / \sum_{k \ne i} \exp(s_{ik}/\tau)$, mean over all ordered positive pairs (eq. 1).

Two corrections of the negatives, off at first: `debias` takes off what negatives of the item's own class add (Chuang et al. 2020),
`hardness` weights each by how near it is (Robinson et al. 2021); see `objectives.contrast`.

**Notation.** `tau` = $\tau$, `debias` = $\tau^+$, `hardness` = $\beta$, `f` = `body`, `g` = `head`.

**When it fails.** Views that leave a shortcut (a colour histogram, a border) or destroy what matters; too few negatives; look at the
neighbours, and at alignment and uniformity.

**Reference.** T. Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, 2020,
https://arxiv.org/abs/2002.05709; C.-Y. Chuang et al., Debiased Contrastive Learning, 2020, https://arxiv.org/abs/2007.00224;
J. Robinson et al., Contrastive Learning with Hard Negative Samples, 2021, https://arxiv.org/abs/2010.04592
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory.core import Card, Claim, CodeKind, Loss, Optim, Paper, Recipe
from allegory.methods.contrastive._joint import Codes, Joint
from allegory.objectives import nt_xent


@final
@dataclass(frozen=True)
class SimCLR(Joint):
    """SimCLR (Chen et al. 2020): minimises NT-Xent between two views of each item, in nats.

    tau: temperature. debias: the share of the negatives thought to be of an item's own class (Chuang et al. 2020; 0: none).
    hardness: how much more the nearest negatives count (Robinson et al. 2021; 0: all alike).
    """

    tau: float = 0.5
    debias: float = 0.0
    hardness: float = 0.0

    recipe: ClassVar[Recipe] = Recipe(steps=400, batch=256, optim=Optim(lr=4e-3), note="paper: batch 4096, LARS 4.8, 1000 epochs")
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="SimCLR",
        paper=Paper("Chen et al.", "A Simple Framework for Contrastive Learning of Visual Representations", 2020,
                    "https://arxiv.org/abs/2002.05709", "1"),
        density="not modelled", manifold="hypersphere", principle="contrast",
        modelled=r"s_{ij} = \cos(g(f(x_i)), g(f(x_j)))",
        minimised=r"-\log \frac{\exp(s_{ij}/\tau)}{\sum_{k \ne i} \exp(s_{ik}/\tau)}", unit="nats per view",
        buys="Codes that few labels can read, with no decoder to train.",
        costs="What the views change is lost on purpose; large batches help.",
        fails="Shortcuts and false negatives; look at neighbours, alignment and uniformity, and change the views or tau.",
        code=CodeKind(), specs=("image", "vector"), tiny={"projection": 16},
        laws=("swap of views", "order of examples"),
        claims=(
            Claim("few_labels", "accuracy@1", "digits", 0.88, {}, seeds=5),
            Claim("linear_probe", "accuracy", "digits", 0.987, {}, seeds=5),
            Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.74, {}, seeds=3),
        ),
    )  # fmt: skip

    def contrast(self, first: Codes, second: Codes) -> Loss:
        loss = nt_xent(first, second, self.tau, self.debias, self.hardness)
        return Loss(loss, {"nt_xent": loss})
