"""Which layer should be used? A linear probe on every stage of the network, and on the code itself.

A stage ends at every activation or block of the encoder; its maps are averaged to at most 512 numbers, its tokens to their mean. Each is
probed as the code is (Alain and Bengio 2016, section 3). The **best layer** is chosen on items for validation and judged on test items:

- `depth of best layer`: 1 is the code, 1 / (stages + 1) the first stage;
- `best over code`: how much more the best layer reads than the code, paired on the same items.

Methods whose loss asks codes to forget what is not needed often hold more one stage earlier, as nets with projection heads do. Layers near
the input that do as well say that depth brought nothing for these classes. A curve that the untrained network has too is the shape of the
architecture. Averaging takes from early layers what they say by place, so they are judged with a slight handicap.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from allegory.core import Paper
from allegory.questions import intervals, items, probing, stages, telling
from allegory.questions.features import Features, Subject, evenly
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Curve, Curves, Picture
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.questions.uses.linear_probe import LinearProbe

PROBE = LinearProbe(strengths=(1e-2, 1e-3, 1e-4), tolerance=1e-3)


@dataclass(frozen=True, eq=False)
class Layer:
    """A stage's name, its accuracy on test items, and what it is chosen by."""

    name: str
    accuracy: Evidence
    chosen_by: float


@final
@dataclass(frozen=True)
class LayerProbe(Question):
    """At most `layers` stages, evenly spaced; probes of at most `train` labelled training items, asked of at most `most` test items."""

    layers: int = 8
    train: int = 1500
    most: int = 1000

    card: ClassVar[QuestionCard] = QuestionCard(
        name="layer_probe", asks="Which layer of the network should be used?",
        needs=("labels", "encode"), better="higher", bounds=(-1.0, 1.0), beside=("untrained", "supervised"), gains=("accuracy of",),
        paper=Paper("Alain and Bengio", "Understanding intermediate layers using linear classifier probes", 2016,
                    "https://arxiv.org/abs/1610.01644", "section 3"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"at most {self.layers} stages, averaged to at most {stages.NUMBERS} numbers; {self.train} training and {self.most} test items "
            f"at most; {PROBE.settings()}"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return min(self.most, len(features.labelled("test"))), "test"

    def missing(self, features: Features) -> str:
        own = features.sets[None].reps if None in features.sets else ()
        why = "layer_probe was not asked: there is no network of ours whose layers could be listened to"
        return super().missing(features) or ("" if own and any(True for _ in stages.ends(own[0].net)) else why)

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        found = self.probed(subject, features)
        if len(found) < 2:
            return {}
        place = max(range(len(found)), key=lambda i: (found[i].chosen_by, i))  # of equals the later one: the code, where it can be
        best, code = found[place].accuracy, found[-1].accuracy
        depth = items.certain((place + 1) / len(found))
        return {
            "accuracy of best layer": best, "accuracy of code": code, "best over code": best.minus(code), "depth of best layer": depth,
        }  # fmt: skip

    def probed(self, subject: Subject, features: Features) -> list[Layer]:
        """The stages from the first, and the code last."""
        bounds = {"train": self.train, "validation": self.most, "test": self.most}
        chosen = {part: evenly(features.labelled(part), most) for part, most in bounds.items()}
        rows = torch.cat(list(chosen.values()))
        places = dict(zip(chosen, torch.arange(len(rows)).split([len(c) for c in chosen.values()]), strict=True))
        few = Features({}, features.labels[rows], features.names, places, features.data, features.seed)
        heard = stages.heard(subject, features, rows, self.layers)
        return [_layer(name, z, few) for name, z in heard.items() if torch.isfinite(z).all()]

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        curves, names = [], ""
        for who in (w for w in (None, "untrained") if w in features.sets):
            found = self.probed(subject if who is None else next(features.sets[who].subjects(who)), features)
            x = tuple(float(i + 1) for i in range(len(found)))
            curves.append(Curve.of(who or "this method", x, [layer.accuracy for layer in found]))
            names = names or ", ".join(f"{i + 1} {layer.name}" for i, layer in enumerate(found))
        title = f"Accuracy of a linear probe by layer: {names}"
        return (Curves(title, "layer", "accuracy", tuple(curves), level=1.0 / features.classes),)

    def words(self, scores: Scores) -> str:
        names = ("accuracy of best layer", "accuracy of code", "best over code", "depth of best layer")
        best, code, over, depth = (scores.get(name) for name in names)
        if not (best and code and over and depth):
            return ""
        others = telling.beside(scores, best.metric, ".0%", ("untrained", "supervised"))
        if depth.value == 1.0:
            return f"Use the code itself: no earlier layer reads better than its {code.value:.0%}{others}."
        told = over.low is not None and over.low > 0
        where = f"the layer at {depth.value:.0%} of the depth"
        if told:
            return f"Use {where}: it reads {best.value:.0%}{others}, {over.value:z.1%} more than the code."
        return f"The code is as good as any layer: {code.value:.0%}, and {where} reads {best.value:.0%}{others}, not told apart."


def _layer(name: str, z: Tensor, few: Features) -> Layer:
    test, (_, validation) = probing.Labelled.of(few, "test"), probing.to_choose_by(few)
    z = probing.standardised(z, few.parts["train"])
    reader = PROBE.choose(z, few)
    told = reader.logits(z)[0].argmax(1)
    hits = (told[test.index] == test.y)[None].numpy()
    accuracy = intervals.of_hits(hits, test.y.numpy(), few.seed)[0]
    return Layer(name, accuracy, probing.balanced(told[validation.index] == validation.y, validation.y))
