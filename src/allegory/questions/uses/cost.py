"""What does an item cost? Time to encode it, arithmetic, parameters, and the room its code takes.

- `microseconds@256`, `microseconds@1`: an item's share of the time from stored observations to codes, in batches of 256 and alone; the
  median of some repeats after one that is not counted, its interval from the repeats drawn anew. **Times belong to the machine**, to what
  else runs on it and to the number of threads: the protocol names the machine, and times of two machines are never compared.
- `operations`: additions and multiplications of an item in matrix products and convolutions, two for every multiply-add; the same anywhere.
- `parameters`: those of the network that the code depends on; decoders, projection heads and target networks are not counted.
- `code_numbers`, `code_bytes` (float32), `input_bytes` (as stored): what is kept of an item, and what it came in.

After the reporting that Dehghani et al. (2022) ask for: one of time, operations and parameters alone misleads, so all stand here.
"""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from jaxtyping import Int
from torch.utils.flop_counter import FlopCounterMode

from allegory.core import Paper, Tree, tree
from allegory.questions import intervals, items
from allegory.questions.features import Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.representation import Representation, at_rest

FLOAT = 4  # bytes of a code number


@final
@dataclass(frozen=True)
class Cost(Question):
    """`batches`: items encoded at a time; `repeats` of each, fewer where they take longer than `budget` seconds, but three."""

    batches: tuple[int, ...] = (256, 1)
    repeats: int = 15
    budget: float = 3.0

    card: ClassVar[QuestionCard] = QuestionCard(
        name="cost", asks="What does an item cost: time, arithmetic, parameters, room?",
        needs=(), better="lower", bounds=(0.0, float("inf")), beside=("raw input", "hand-made"), gains=(),
        paper=Paper("Dehghani et al.", "The efficiency misnomer", 2022, "https://arxiv.org/abs/2110.12894", "section 2"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"test items in batches of {self.batches}, median of at most {self.repeats} repeats within {self.budget:g} s; times hold for "
            f"one machine only"
        )

    def protocol(self, features: Features) -> str:
        """Names the machine, so that times of two machines are not compared."""
        return f"{super().protocol(features)}; on {machine()}"

    def size(self, features: Features) -> tuple[int, str]:
        return min(len(features.parts["test"]), max(self.batches)), "test"

    def missing(self, features: Features) -> str:
        return super().missing(features) or ("" if len(features.parts["test"]) else "cost was not asked: there are no test items")

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        numbers = subject.z.shape[1]
        found = {"code_numbers": items.certain(numbers), "code_bytes": items.certain(FLOAT * numbers)}
        if features.source is None:
            return found
        found["input_bytes"] = items.certain(features.source.item_bytes)
        if subject.rep is not None:
            one = features.stored(self.rows(features, 1))
            found |= {"parameters": items.certain(parameters(subject.rep, one)), "operations": items.certain(operations(subject.rep, one))}
        if subject.encoder is not None:
            found |= {f"microseconds@{n}": self._timed(subject.encoder.codes, features, n) for n in self.batches}
        return found

    def rows(self, features: Features, n: int) -> Int[np.ndarray, " n"]:
        """The numbers of n test items, over and over where there are fewer."""
        return np.resize(features.parts["test"].numpy(), n)

    def _timed(self, encode: Callable[[Tree], Any], features: Features, n: int) -> Evidence:
        stored = features.stored(self.rows(features, n))
        seconds = repeated(lambda: encode(stored), self.repeats, self.budget)
        each = 1e6 * np.array(seconds) / n
        drawn = np.random.default_rng([features.seed, 84, n]).choice(each, (intervals.REPLICATES, len(each)))
        return Evidence(np.array([np.median(each)]), np.median(drawn, axis=1))

    def words(self, scores: Scores) -> str:
        own = {s.metric: s.value for s in scores if s.control is None and s.question in ("", self.card.name)}
        said = []
        if {"microseconds@256", "microseconds@1"} <= set(own):
            said.append(
                f"An item takes {own['microseconds@256']:,.0f} microseconds in a batch of 256 and {own['microseconds@1']:,.0f} alone, on "
                f"the machine that measured it; times of other machines cannot be compared."
            )
        if {"parameters", "operations"} <= set(own):
            said.append(f"The encoder has {own['parameters']:,.0f} parameters and takes {own['operations']:,.0f} operations an item.")
        if "code_bytes" in own:
            beside = f", the item itself {own['input_bytes']:,.0f}" if "input_bytes" in own else ""
            said.append(f"A code has {own['code_numbers']:,.0f} numbers, {own['code_bytes']:,.0f} bytes{beside}.")
        return " ".join(said)


def machine() -> str:
    """The processor, its cores, the threads that are used, and the accelerator if there is one."""
    device = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads{device}"


def repeated(f: Callable[[], Any], most: int, budget: float, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """The seconds of at most `most` calls, after one that is not counted; no further one after `budget` seconds in all, but three."""
    f()
    seconds: list[float] = []
    while len(seconds) < most and (len(seconds) < 3 or sum(seconds) < budget):
        begun = clock()
        f()
        seconds.append(clock() - begun)
    return seconds


def parameters(rep: Representation, stored: Tree) -> int:
    """How many parameters the code depends on; of a net without gradients, all its numbers."""
    learned = [p for p in rep.net.parameters() if p.requires_grad]
    with at_rest(rep.net), torch.enable_grad():
        z = _encoded(rep, stored)
    if not (z.requires_grad and learned):
        return sum(t.numel() for t in (*rep.net.parameters(), *rep.net.buffers()) if t.is_floating_point())
    used = torch.autograd.grad(z.sum(), learned, allow_unused=True)
    return sum(p.numel() for p, gradient in zip(learned, used, strict=True) if gradient is not None)


def operations(rep: Representation, stored: Tree) -> int:
    """The additions and multiplications of encoding one item, in matrix products and convolutions."""
    with at_rest(rep.net), FlopCounterMode(display=False) as counter:
        _encoded(rep, stored)
    return int(counter.get_total_flops())


def _encoded(rep: Representation, stored: Tree) -> torch.Tensor:
    method: Any = rep.method
    x = tree.to(rep.intake(tree.to(stored, rep.device)), rep.device, rep.dtype)
    return torch.as_tensor(method.encode(rep.net, x))
