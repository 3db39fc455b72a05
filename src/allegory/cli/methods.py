"""Lists the methods by taxonomy: what each models, where its codes live, and by which principle it learns.

  allegory methods
  allegory methods --principle contrast
  allegory methods --reads vector --density "prescribed latent"
  allegory show SimCLR                        one of them in full

A filter takes a part of a word. Methods of other installed packages are listed too.
"""

from typing import Annotated, Any

from cyclopts import Parameter

from allegory.cli.told import Json

FILTERS = ("family", "density", "manifold", "principle", "supervision", "level")


def run(
    *,
    family: Annotated[str | None, Parameter(help="contrastive, latent, pretext, spectral ...")] = None,
    density: Annotated[str | None, Parameter(help="fully observed, prescribed latent, implicit latent, energy, not modelled")] = None,
    manifold: Annotated[str | None, Parameter(help="stays on the data manifold, Euclidean space, hypersphere, other space")] = None,
    principle: Annotated[str | None, Parameter(help="compression, contrast, clustering, adversary, prediction of ...")] = None,
    supervision: Annotated[str | None, Parameter(help="none, pairs, labels, factors, reward")] = None,
    level: Annotated[str | None, Parameter(help="statistical, causal, physical")] = None,
    reads: Annotated[str | None, Parameter(help="image, vector")] = None,
    json: Json = False,
) -> int:
    """Finds and prints."""
    from allegory import methods
    from allegory.cli import judge, text

    wanted = dict(zip(FILTERS, (family, density, manifold, principle, supervision, level), strict=True))
    found = [cls for cls in methods.classes() if _fits(cls.card, wanted, reads)]
    if json:
        judge.show_json([text.facts_of(cls) for cls in found])
    elif not found:
        print("no method is like that; allegory methods lists them all")
    else:
        head = ("method", "family", "principle", "density", "codes live in", "reads", "learns from")
        rows = [
            (
                cls.__name__,
                c.family,
                c.principle,
                c.density,
                c.manifold,
                ", ".join(c.specs),
                c.learns_from,
            )
            for cls in found
            for c in (cls.card,)
        ]
        print(text.table(head, sorted(rows, key=lambda r: (r[1], r[0]))))
        print("\nallegory show NAME explains one; allegory learn DATA --method NAME learns with it")
    return 0


def _fits(card: Any, wanted: dict[str, str | None], reads: str | None) -> bool:
    """Whether a card has every wanted word in its place."""
    alike = all(word is None or word.lower() in getattr(card, name).lower() for name, word in wanted.items())
    return alike and (reads is None or any(reads.lower() in spec for spec in card.specs))
