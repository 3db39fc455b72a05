"""Concepts: what is said of some factors ("a large heart") while the others are left open. As a symbol, a k-hot vector of all values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from allegory.core import Dice, Misuse, Problem, nearest
from allegory.data.attributes import Attribute, distinct
from allegory.data.source import Source

Operator = Literal["and", "ignore", "in common"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
Concept = Mapping[str, str | int]
BETWEEN = "="
YES_NO = ("no", "yes")


@dataclass(frozen=True)
class Vocabulary:
    """What can be named: `names` (k,) of all values, "factor=value", those of a factor side by side. A symbol (k,) is 1 where one is named.

    Raises `Misuse` for names of another form, and for factors that have one value or come in pieces.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        wrong = [name for name in self.names if not all(name.partition(BETWEEN))]
        if wrong or not self.names:
            raise Misuse(f"expected names such as shape=heart, got {wrong[0] if wrong else 'none'!r}")
        heads = [name.partition(BETWEEN)[0] for name in self.names]
        pieces = sum(a != b for a, b in pairwise(heads)) + 1
        single = [f for f, values in self.factors.items() if len(set(values)) < 2 or len(set(values)) < len(values)]
        if single or pieces > len(self.factors):
            raise Misuse(
                f"expected two values or more of each factor, all different and side by side; look at {single[0] if single else heads}"
            )

    @cached_property
    def factors(self) -> dict[str, tuple[str, ...]]:
        """The names of the values of each factor."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self.names:
            factor, _, value = name.partition(BETWEEN)
            found[factor] = (*found.get(factor, ()), value)
        return found

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of each factor."""
        return tuple(len(values) for values in self.factors.values())

    def symbol(self, concept: Concept) -> Float[Tensor, " k"]:
        """The symbol of a concept: {"shape": "heart", "x": 3}. Raises `Misuse` with what there is for unknown factors and values."""
        named = torch.zeros(len(self.names))
        for factor, value in concept.items():
            if factor not in self.factors:
                raise nearest(factor, list(self.factors), "factor")
            said = YES_NO[value] if isinstance(value, bool) else str(value)
            if said not in self.factors[factor]:
                raise Misuse(f"unknown {factor} {value!r}: expected one of {', '.join(self.factors[factor])}")
            named[self.names.index(factor + BETWEEN + said)] = 1.0
        return named

    def symbols(self, concepts: Sequence[Concept]) -> Float[Tensor, "b k"]:
        """One row a concept."""
        if isinstance(concepts, Mapping) or not concepts:
            raise Misuse(f'expected a list of concepts such as [{{"shape": "heart"}}], got {concepts!r}')
        return torch.stack([self.symbol(concept) for concept in concepts])

    def of_values(self, values: Int[Tensor, "b f"], named: Bool[Tensor, "b f"]) -> Float[Tensor, "b k"]:
        """The symbols that say the `values` (numbers within each factor, -1 unknown) of those factors that are `named`."""
        first = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        places = torch.arange(len(self.names), device=values.device)
        told = (values + torch.as_tensor(first, device=values.device))[:, :, None] == places  # (b, f, k)
        return (told & (named & (values >= 0))[:, :, None]).any(1).to(torch.get_default_dtype())

    def best(self, p: Float[Tensor, "b k"]) -> Int[Tensor, "b f"]:
        """The number of the most likely value of each factor."""
        return torch.stack([part.argmax(1) for part in p.split(self.sizes, 1)], 1)

    def named(self, values: Sequence[int]) -> dict[str, str]:
        """A value of each factor by name, from their numbers."""
        return {factor: names[v] for (factor, names), v in zip(self.factors.items(), values, strict=True)}


def vocabulary_of(source: Source) -> Vocabulary:
    """What can be named of the items of `source`. Raises `Problem` where nothing can."""
    known = namable(source)
    if not known:
        raise Problem(
            f"{source.name} has nothing to name its items by; bring items with factors (sprites), labels or attributes of classes"
        )
    if odd := [a.name for a in known if BETWEEN in a.name]:
        raise Problem(f"{source.name}: a factor that is named must have no {BETWEEN!r} in its own name; rename {odd[0]!r}")
    return Vocabulary(tuple(f"{a.name}{BETWEEN}{value}" for a in known for value in values_of(a)))


def namable(source: Source) -> tuple[Attribute, ...]:
    """What is known of the items in classes: the factors that vary, the label, and attributes of classes, or of yes and no.

    A factor that is the label has the names of the classes: of sprites, shape=heart.
    """
    factors = () if source.factors is None else source.factors.varying()
    label = () if source.labels is None else (Attribute("label", "class", source.labels.values.astype(np.int64), source.labels.names),)
    for one in label:
        same = [f for f in factors if np.array_equal(f.values, one.values)]
        factors = tuple(replace(f, names=one.names) if f in same[:1] else f for f in factors)
        label = () if same else label
    rest = [a for a in source.attributes if a.kind in ("class", "binary")]
    return tuple(a for a in distinct([*factors, *label, *rest]) if len(values_of(a)) > 1)


def values_of(attribute: Attribute) -> tuple[str, ...]:
    """The names of its values."""
    return YES_NO if attribute.kind == "binary" else attribute.names


def drawn(values: Int[Tensor, "b f"], vocabulary: Vocabulary, dice: Dice) -> Float[Tensor, "b k"]:
    """For each item a symbol that names some of its factors: none to all of them, each number as likely, and each choice."""
    f = values.shape[1]
    return vocabulary.of_values(values, dice.permutation("which", f) < dice.integers("how many", f + 1)[:, None])


def recombined(operator: Operator, one: Float[Tensor, "*b k"], other: Float[Tensor, "*b k"]) -> Float[Tensor, "*b k"]:
    """The symbol that results: of "and" all that either names, of "ignore" what the first names and the other does not, of "in common"
    what both name. A value counts as named only where it is the same value. Raises `Misuse` for another operator."""
    match operator:
        case "and":
            return torch.maximum(one, other)
        case "ignore":
            return one * (1.0 - other)
        case "in common":
            return one * other
    raise nearest(operator, list(OPERATORS), "operator")
