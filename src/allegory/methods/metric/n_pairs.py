r"""An item should find its partner among one partner from each class: the triplet loss with all negatives at once.

**Model.** $f_i \cdot f_j^+$, the inner product of the code of an anchor and that of the positive of class $j$; codes have any length.

**Objective.** $\tfrac1N \sum_i \log(1 + \sum_{j \ne i} \exp(f_i \cdot f_j^+ - f_i \cdot f_i^+))$ for $N$ pairs of $N$ different classes
(sec. 3.2, N-pair-mc), and a small price on the squared norm of the codes, since longer codes alone lower the loss.

**Notation.** `shrink`: that price. With more than two items of a class in the batch, the first two of every class make one set of pairs,
the next two another, and so on.

**When it fails.** Few classes mean few negatives: with ten, each anchor has nine. Norms that grow without end; raise `shrink`.

**Reference.** K. Sohn, Improved deep metric learning with multi-class N-pair loss objective, 2016,
https://papers.nips.cc/paper_files/paper/2016/hash/6b180037abbebea991d8b1232f8a8ca9-Abstract.html
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from allegory.core import Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Recipe
from allegory.methods.metric._labelled import Classes, Codes, Labelled
from allegory.objectives import n_pairs


@final
@dataclass(frozen=True)
class NPairs(Labelled):
    """N-pair loss (Sohn 2016): minimises log(1 + sum_{j != i} exp(f_i.f_j+ - f_i.f_i+)), in nats per anchor.

    k: items of each class in a batch; the paper's 2 makes one set of pairs. shrink: price of the mean squared norm of the codes.
    """

    k: int = 2
    shrink: float = 0.002

    recipe: ClassVar[Recipe] = Recipe(steps=1000, batch=128, optim=Optim(lr=2e-3))
    card: ClassVar[Card] = Card(
        family="metric",
        title="N-pair loss",
        paper=Paper("Sohn", "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", 2016,
                    "https://papers.nips.cc/paper_files/paper/2016/hash/6b180037abbebea991d8b1232f8a8ca9-Abstract.html", "sec. 3.2"),
        density="not modelled", manifold="Euclidean space", principle="contrast",
        modelled=r"p(i | x_i) = \frac{\exp f_i \cdot f_i^+}{\sum_j \exp f_i \cdot f_j^+}",
        minimised=r"\log\Big(1 + \sum_{j \ne i} \exp(f_i \cdot f_j^+ - f_i \cdot f_i^+)\Big) + \lambda |f|^2", unit="nats per anchor",
        buys="All negatives at once, with two items a class; no miner, no margin.",
        costs="Needs labels or groups, and many classes to have many negatives.",
        fails="Few classes: few negatives. Norms that grow; look at them and raise `shrink`.",
        supervision="labels", groups=True, code=CodeKind(), tiny={"projection": 8}, falls="encoder/n_pairs",
        claims=(
            Claim("retrieval", "map_at_r", "digits", 0.96, {}, seeds=3),
            Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.805, {}, seeds=3),
        ),
    )  # fmt: skip

    def judge(self, net: Any, z: Codes, y: Classes, now: Moment) -> Loss:
        # Deviates: several sets of pairs in a batch where there are few classes, and no mining of hard classes.
        del net, now
        loss, norm = n_pairs(z, y)
        return Loss(loss + self.shrink * norm, {"n_pairs": loss, "squared_norm": norm})
