"""A representation that knows concepts by name (SCAN): images of a concept, names of an image, and new concepts out of two."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Dice, Misuse, nearest
from allegory.data import OPERATORS, Concept, Operator, Vocabulary
from allegory.representation.representation import Representation
from allegory.representation.rest import at_rest


@dataclass(frozen=True, eq=False)
class Meant:
    """What concepts mean: Gaussians over codes, one a row, narrow where something is said. `mu`, `log_var`: (b, z)."""

    mu: Float[Tensor, "b z"]
    log_var: Float[Tensor, "b z"]

    def __len__(self) -> int:
        return len(self.mu)


@dataclass(frozen=True, eq=False)
class Concepts:
    """Concepts of a representation, by name.

        concepts = al.Concepts(rep)
        heart, large = concepts.meaning({"shape": "heart"}), concepts.meaning({"scale": 2})
        x = concepts.sym2img(concepts.recombined("and", heart, large), 16)

    Raises `Misuse` for a representation whose method knows no symbols.
    """

    rep: Representation

    def __post_init__(self) -> None:
        if not hasattr(self.rep.method, "vocabulary"):
            raise Misuse(f"expected a representation that knows concepts by name, of SCAN; got one of {type(self.rep.method).__name__}")

    @property
    def vocabulary(self) -> Vocabulary:
        """What can be named."""
        found: Vocabulary = self._method.vocabulary
        return found

    def meaning(self, *concepts: Concept) -> Meant:
        """What concepts mean, a row each: {"shape": "heart"}; {} leaves all open. Raises `Misuse` for names that there are not."""
        y = self.vocabulary.symbols(concepts).to(self.rep.device, self.rep.dtype)
        with at_rest(self.rep.net):
            return Meant(*self._method.concept(self.rep.net, y))

    def recombined(self, operator: Operator, one: Meant, other: Meant) -> Meant:
        """Of two concepts the one that says all ("and"), what the first alone says ("ignore"), or what both do ("in common"); row by row.

        Raises `Misuse` for another operator, and for numbers of rows that do not go together.
        """
        if operator not in OPERATORS:
            raise nearest(str(operator), list(OPERATORS), "operator")
        if len(one) != len(other):
            raise Misuse(f"expected as many concepts on both sides, got {len(one)} and {len(other)}")
        with at_rest(self.rep.net):
            q = self._method.recombined(self.rep.net, operator, (one.mu, one.log_var), (other.mu, other.log_var))
        return Meant(*q)

    def sym2img(self, meant: Meant, n: int, seed: int = 0) -> Float[np.ndarray, "b n *d"]:
        """`n` images of each concept, drawn; in the method's unit (images in [-1, 1])."""
        if n < 1:
            raise Misuse(f"expected at least 1 image a concept, got {n}")
        mu, log_var = (part.repeat_interleave(n, 0) for part in (meant.mu, meant.log_var))
        index = torch.arange(len(mu), device=mu.device)
        with at_rest(self.rep.net):
            x: Tensor = self._method.imagined(self.rep.net, (mu, log_var), Dice.roll(seed, 0, index, "imagined"))
        return np.asarray(x.unflatten(0, (-1, n)).cpu().numpy())

    def img2sym(self, x: Any) -> list[dict[str, str]]:
        """The likeliest value of each factor of every item of `x`, data as stored."""
        z = torch.as_tensor(self.rep.encode(x)).to(self.rep.device, self.rep.dtype)
        with at_rest(self.rep.net):
            best = self.vocabulary.best(self._method.spelt(self.rep.net, z)).tolist()
        return [self.vocabulary.named(row) for row in best]

    @property
    def _method(self) -> Any:
        return self.rep.method
