"""Can the relations of a hierarchy be read off the distances of codes? The reconstruction of Nickel and Kiela (2017, section 4.1).

A node's relations are all nodes above it. Among all other nodes they should be the nearest: `map` is the mean average precision of this
search, 1 at best; `mean rank` counts how many unrelated nodes are not farther, and is 1 at best. Distances are those of the space that
the codes live in where a method says so (`compare`), else Euclidean. `measures.relations` has the formulas.

It is asked of all nodes, those that were learned from too, since it asks how much of a hierarchy has room in a code of this size. What a
code says of nodes that it was not learned from is `map of new nodes`: of those of the test part, searched among all.

Beside the usual controls: the eigenvectors of the Laplacian of the graph of relations, as many as the code has numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Paper
from allegory.measures import relations, spectra
from allegory.questions import items, references, telling
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.picture import Disc, Picture
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

TITLE = "Poincare embeddings for learning hierarchical representations"
SPECTRAL = "Laplacian eigenvectors"
BLOCK = 64
LAZY = 1e-6  # of a relation: how much the walk stays
SHOWN = 2000  # nodes of a picture


@final
@dataclass(frozen=True)
class Relations(Question):
    """Every node with relations is searched from, among all nodes."""

    card: ClassVar[QuestionCard] = QuestionCard(
        name="relations", asks="Can the relations of a hierarchy be read off the distances of codes?", needs=("relations",),
        better="depends", usual=True, bounds=(0.0, float("inf")), gains=("map",), beside=("raw input", "pca", "untrained"),
        paper=Paper("Nickel and Kiela", TITLE, 2017, "https://arxiv.org/abs/1705.08039", "section 4.1"),
    )  # fmt: skip

    def settings(self) -> str:
        return "mean rank among unrelated nodes and mean average precision of all nodes above, searched among all by distance"

    def size(self, features: Features) -> tuple[int, str]:
        return len(_pairs(features)[:, 0].unique()), "all"

    def missing(self, features: Features) -> str:
        return super().missing(features) or ("" if len(_pairs(features)) else "relations was not asked: no two gathered nodes are related")

    def references(self, features: Features) -> dict[str, CodeSet]:
        width = features.sets[None].seeds[0].shape[1]
        return {references.NOISE: references.noise(features), SPECTRAL: CodeSet((_eigenvectors(features, width),))}

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        pairs, n = _pairs(features), len(features)
        queries = pairs[:, 0].unique()
        found = _searched(_distances_of(subject), queries, pairs, n)
        evidence = items.leaving_out_each(
            lambda rows: {"map": found.mean_precision(rows), "mean rank": found.mean_rank(rows)}, len(queries), features.seed
        )
        new = torch.nonzero(torch.isin(queries, features.parts["test"]))[:, 0]
        if len(new) >= 2 * items.GROUPS and "learned on all parts" not in features.data:
            evidence["map of new nodes"] = items.of_mean(found.precision[new], features.seed)
        return evidence

    def pictures(self, subject: Subject, features: Features) -> tuple[Picture, ...]:
        if subject.z.shape[1] != 2 or len(features) > SHOWN or float(subject.z.norm(dim=1).max()) >= 1.0 or not subject.can("compare"):
            return ()
        return (_disc(subject.z, features),)

    def words(self, scores: Scores) -> str:
        own, rank = scores.get("map"), scores.get("mean rank")
        if own is None or rank is None:
            return ""
        others = telling.beside(scores, "map", ".3f")
        return (
            f"The nodes above a node are found among all others with a mean average precision of {own.value:.3f} of 1{others}; "
            f"a relation's rank among the unrelated nodes is {rank.value:.2f} on average (1 at best)."
        )


def _pairs(features: Features) -> Int[Tensor, "m 2"]:
    """The relations among the gathered items, in their numbers."""
    source = features.source
    assert source is not None and source.relations is not None, "asked with relations only"
    rows = np.arange(len(source)) if features.rows is None else features.rows
    related = source.subset(rows).relations if len(rows) < len(source) else source.relations
    assert related is not None
    return torch.as_tensor(related)


def _distances_of(subject: Subject) -> Callable[[Tensor], Tensor]:
    """From the numbers of some items to their distances from all."""
    z = subject.z.double()
    rep = subject.rep
    if rep is not None and subject.can("compare"):
        return lambda rows: torch.as_tensor(rep.compare(z[rows], z))
    exact = "donot_use_mm_for_euclid_dist"  # what is equally far stays so
    return lambda rows: torch.cdist(z[rows], z, compute_mode=exact)


def _searched(
    distances: Callable[[Tensor], Tensor], queries: Int[Tensor, " q"], pairs: Int[Tensor, "m 2"], n: int
) -> relations.Reconstructed:
    """The answers to all queries, a block at a time."""
    blocks = []
    for rows in queries.split(BLOCK):
        place = torch.full((n,), -1)
        place[rows] = torch.arange(len(rows))
        own = pairs[place[pairs[:, 0]] >= 0]
        related = torch.zeros(len(rows), n, dtype=torch.bool)
        related[place[own[:, 0]], own[:, 1]] = True
        others = torch.ones(len(rows), n, dtype=torch.bool)
        others[torch.arange(len(rows)), rows] = False
        blocks.append(relations.reconstructed(distances(rows), related, others))
    return relations.Reconstructed(*(torch.cat([getattr(b, name) for b in blocks]) for name in ("ranks", "related", "precision")))


def _eigenvectors(features: Features, width: int) -> Float[Tensor, "n z"]:
    """Of the walk along the relations, up and down; a node without any stays where it is."""
    pairs, n = _pairs(features).numpy(), len(features)
    one = sp.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n)).tocsr()
    _, vectors = spectra.markov_modes(sp.csr_array(one + one.T + LAZY * sp.eye_array(n)), min(width, n - 2))
    return torch.nn.functional.pad(torch.as_tensor(vectors).float(), (0, width - vectors.shape[1]))


def _disc(z: Float[Tensor, "n 2"], features: Features) -> Disc:
    """Nodes in the disc, joined to those next above them."""
    pairs, source = _pairs(features), features.source
    assert source is not None
    rows = np.arange(len(z)) if features.rows is None else features.rows
    names = tuple(source.id(int(i)) for i in rows)
    edges = tuple((a, b) for a, b in relations.direct(pairs, len(z)).tolist())
    title = f"{source.name}: every node in the hyperbolic disc, joined to those next above it"
    return Disc(title, tuple(z[:, 0].tolist()), tuple(z[:, 1].tolist()), names, edges)
