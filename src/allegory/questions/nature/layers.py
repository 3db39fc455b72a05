"""What becomes of the data from layer to layer? How untangled the classes are, and how alike the layers are.

Every layer with weights that the encoder passes through is listened to (maps are averaged over places), and the code itself stands last.

- `between of first`, `between of last`: the share of the spread that lies between classes (see `class_separation`) in the first layer and
  in the code; the curve over all layers is in the picture. Classes that a network untangles come apart with depth (DiCarlo and Cox 2007).
- `cka of first and last`: unbiased centred kernel alignment, with all pairs of layers in the picture; blocks of equal layers do little.

Layers are averaged over places, so what a map says by where it says it is not heard.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.core import Paper
from allegory.measures import desiderata, kernel_alignment
from allegory.questions import items, telling
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Curve, Curves, Heat, Picture
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores

TITLE = "Untangling invariant object recognition"
BATCH = 256


@final
@dataclass(frozen=True)
class Layers(items.OnItems):
    """Of at most `most` test items and, evenly spaced, `layers` layers."""

    most: int = 1024
    layers: int = 12

    card: ClassVar[QuestionCard] = QuestionCard(
        name="layers", asks="What becomes of the data from layer to layer?", needs=("encode",), better="depends", bounds=(-1.0, 1.0),
        beside=("untrained", "supervised"),
        paper=Paper("DiCarlo and Cox", TITLE, 2007, "https://doi.org/10.1016/j.tics.2007.06.010", "figure 1"),
    )  # fmt: skip

    def settings(self) -> str:
        return f"outputs of at most {self.layers} layers with weights, averaged over places, and the code; at most {self.most} test items"

    def missing(self, features: Features) -> str:
        own = features.sets[None].reps if None in features.sets else ()
        why = "layers was not asked: there is no network to listen to"
        return super().missing(features) or ("" if own and list(_with_weights(own[0].net)) else why)

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        found = list(self.heard(subject, features).values())
        if len(found) < 2:
            return items.unanswered(subject, "the encoder passes through no layer with weights")
        y = features.labels[self.rows(features)]
        known = torch.nonzero(y >= 0)[:, 0]
        first, last, seed = found[0], found[-1], features.seed

        def alike(kept: Tensor) -> float:
            return kernel_alignment.cka(first[kept], last[kept])

        scores = {"cka of first and last": items.leaving_out(alike, len(first), seed)} if _vary(first, last) else {}
        if features.why_no_probe() or len(y[known].unique()) < 2 or len(known) < self.fewest:
            return scores
        ends = {"between of first": first[known], "between of last": last[known]}
        apart = {
            name: items.leaving_out(lambda kept, z=z: desiderata.between_classes(z[kept], y[known][kept]), len(known), seed)  # type: ignore[misc]
            for name, z in ends.items() if _vary(z)
        }  # fmt: skip
        return apart | scores

    def heard(self, subject: Subject, features: Features) -> dict[str, Float[Tensor, "n _"]]:
        """What the layers said of the items, in the order in which they spoke, and the code last."""
        if subject.rep is None or subject.encoder is None:
            return {}
        said: dict[str, list[Tensor]] = {}
        rows = self.rows(features)

        def listener(name: str) -> nn.Module:
            def hear(module: nn.Module, given: object, out: Tensor) -> None:
                del module, given
                if isinstance(out, Tensor):
                    said.setdefault(name, []).append(out.detach().flatten(2).mean(2).cpu() if out.ndim > 2 else out.detach().cpu())

            return hear  # type: ignore[return-value]

        hooks = [module.register_forward_hook(listener(name)) for name, module in _with_weights(subject.rep.net)]
        try:
            for part in rows.split(BATCH):
                subject.encoder.codes(features.stored(part))
        finally:
            for hook in hooks:
                hook.remove()
        whole = {name: z for name, parts in said.items() if len(z := torch.cat(parts)) == len(rows)}
        names = list(whole)
        kept = [names[i] for i in torch.linspace(0, len(names) - 1, min(self.layers, len(names))).long().tolist()]
        return {name: whole[name] for name in kept} | {"code": subject.z[rows]}

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        found = {name: z for name, z in self.heard(subject, features).items() if _vary(z)}
        names = tuple(found)
        alike = tuple(tuple(kernel_alignment.cka(a, b) for b in found.values()) for a in found.values())
        heat = Heat("Alignment of layers (CKA)", names, names, alike)
        y = features.labels[self.rows(features)]
        known = torch.nonzero(y >= 0)[:, 0]
        if features.why_no_probe() or len(y[known].unique()) < 2:
            return (heat,)
        apart = tuple(desiderata.between_classes(z[known], y[known]) for z in found.values())
        curve = Curve("the method", tuple(float(i + 1) for i in range(len(names))), apart)
        return Curves("How far classes are apart, layer by layer", "layer", "share of the spread between classes", (curve,)), heat

    def words(self, scores: Scores) -> str:
        first, last, alike = (scores.get(m) for m in ("between of first", "between of last", "cka of first and last"))
        said = []
        if first is not None and last is not None:
            gained = last.value - first.value
            how = (
                "untangles the classes"
                if gained > 0.05
                else "tangles the classes"
                if gained < -0.05
                else "leaves the classes as tangled as"
            )
            ends = f"{first.value:.0%} of the spread lies between classes in the first layer, {last.value:.0%} in the code"
            tail = " they were" if how.endswith("as") else ""
            said.append(f"The network {how}{tail}: {ends}{telling.beside(scores, 'between of last', '.0%')}.")
        if alike is not None:
            said.append(f"First layer and code have an alignment of {alike.value:.2f}{telling.beside(scores, alike.metric)}.")
        return " ".join(said)


def _with_weights(net: nn.Module) -> list[tuple[str, nn.Module]]:
    """Layers with a weight of two or more axes: linear maps and convolutions, not norms."""
    return [(name, m) for name, m in net.named_modules() if isinstance(w := getattr(m, "weight", None), Tensor) and w.ndim > 1]


def _vary(*codes: Tensor) -> bool:
    return all(float(z.double().std(0).max()) > 0 for z in codes)
