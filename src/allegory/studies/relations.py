"""What the scores of a population have to do with each other: rank correlations, how they change with the number of samples, what
compression tells of transfer, and where every training stands between general and interpretable."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from allegory.studies.population import Population, sign
from allegory.studies.statistics import Correlation, Fit, correlation, fit, standing

FITS = {1: "straight line", 2: "parabola"}
Pairs = dict[tuple[str, str], Correlation | None]


@dataclass(frozen=True)
class Along:
    """A score at several numbers of samples: its `name` without them, and (number, full name) in order."""

    name: str
    at: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Transfer:
    """The fits of `transfer` to log2 of `compression`, by the degree of the polynomial."""

    compression: str
    transfer: str
    fits: dict[int, Fit]


@dataclass(frozen=True)
class Map:
    """The standing of every training (0 last, 1 first) by general use and by what makes a code readable, and the scores behind."""

    generality: tuple[float, ...]
    interpretability: tuple[float, ...]
    general: tuple[str, ...]
    readable: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Relations:
    """All of it. `pairs` by (row, column); `along`: the columns that are asked at several numbers of samples."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    pairs: Pairs
    along: tuple[Along, ...]
    transfer: Transfer | None
    map: Map | None
    absent: tuple[str, ...]


def relations(population: Population) -> Relations:
    """What the roles of the grid call for; scores that no training has are named in `absent`."""
    roles = population.grid.roles
    wanted = {role: roles.get(role, ()) for role in ("nature", "uses")}
    rows, columns = (tuple(population.known(wanted[role])) for role in ("nature", "uses"))
    named = dict.fromkeys(name for names in roles.values() for name in names)
    absent = tuple(name for name in named if name not in population.known(named))
    pairs = {(row, column): _correlation(population, row, column) for row in rows for column in columns}
    return Relations(rows, columns, pairs, along(columns), _transfer(population), _map(population, rows, columns), absent)


def _correlation(population: Population, a: str, b: str) -> Correlation | None:
    return correlation(population.values(a), population.values(b), population.groups)


def along(names: Sequence[str]) -> tuple[Along, ...]:
    """The scores that are there at several numbers of samples: "reasoning:solved@1000" and "reasoning:solved@3000"."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if match := re.fullmatch(r"([^/]+)@(\d+)", name):
            found.setdefault(match[1], []).append((int(match[2]), name))
    return tuple(Along(name, tuple(sorted(at))) for name, at in found.items() if len(at) > 1)


def reversals(found: Relations) -> list[tuple[str, Along]]:
    """Where a correlation is clearly positive at one number of samples and clearly negative at another."""
    hits = []
    for row in found.rows:
        for line in found.along:
            clear = [c.rho for _, name in line.at if (c := found.pairs[row, name]) and c.clear]
            if clear and min(clear) < 0 < max(clear):
                hits.append((row, line))
    return hits


def _transfer(population: Population) -> Transfer | None:
    roles = population.grid.roles
    if not (roles.get("compression") and roles.get("transfer")):
        return None
    a, b = roles["compression"][0], roles["transfer"][0]
    bits, y = population.values(a), population.values(b)
    x = np.log2(np.where(bits > 0, bits, np.nan))
    fits = {degree: found for degree in FITS if (found := fit(x, y, population.families, degree))}
    return Transfer(a, b, fits) if fits else None


def _map(population: Population, rows: Sequence[str], columns: Sequence[str]) -> Map | None:
    """Generality by the roles "generality" (else the uses), interpretability by "interpretability" (else what the codes are, but for the
    reconstruction); only scores of which it is known what is good."""
    roles = population.grid.roles
    general = [n for n in population.known(roles.get("generality", columns)) if sign(n)]
    without = [n for n in rows if not n.startswith("reconstruction:")]
    readable = [n for n in population.known(roles.get("interpretability", without)) if sign(n)]
    if not general or not readable or len(population.trainings) < 2:
        return None
    across, up = (standing(np.stack([population.values(n) for n in names], 1), [sign(n) for n in names]) for names in (general, readable))
    return Map(tuple(map(float, across)), tuple(map(float, up)), tuple(general), tuple(readable))
