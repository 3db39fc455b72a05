"""Two scores of a study drawn against each other: a mark a setting with its intervals, joined along the settings of one method.

Scores are only drawn together where they have one protocol, so that distortions of two likelihoods, or two data sets, are two pictures.
What has no score across (a control, or a method without one) is a horizontal line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from allegory.pages import drawings, plots
from allegory.pages.drawn import MARKS
from allegory.pages.numbers import interval, is_share, number, value
from allegory.pages.results import WHO, Result
from allegory.pages.standings import data_in, standings
from allegory.studies import findings
from allegory.studies.findings import bare
from allegory.studies.population import Population, shown, sign
from allegory.studies.statistics import Correlation, correlation

IMAGES = "images"
COLUMNS = 2
RATE_DISTORTION = ("rate_distortion:rate", "rate_distortion:distortion")
NEAR = 0.045  # of the height: rules that are nearer share a name


@dataclass(frozen=True)
class Place:
    """A setting, of a method, and the means over its seeds with their intervals."""

    name: str
    method: str
    across: Result
    up: Result


@dataclass(frozen=True)
class Scatter:
    """What is drawn: `across` and `up` are names of scores; `rules` are values of `up` without one across; `rho` their rank correlation
    over the trainings that are drawn."""

    across: str
    up: str
    data: str
    places: tuple[Place, ...]
    rules: tuple[tuple[float, str], ...]
    rho: Correlation | None = None

    @property
    def title(self) -> str:
        return f"{bare(self.up)} over {bare(self.across)}, {self.data}"

    @property
    def alt(self) -> str:
        told = "; ".join(f"{p.name} {number(p.across.value)}, {number(p.up.value)}" for p in self.places)
        return f"{self.title}: {told}"


def scatters(population: Population) -> list[Scatter]:
    """All that the grid asks for and the trainings allow."""
    found: list[Scatter] = []
    for pair in population.grid.pictures:
        if population.known((pair.across, pair.up)) == [pair.across, pair.up]:
            found += _scatters(population, pair.across, pair.up)
    return found


def _scatters(population: Population, across: str, up: str) -> Iterator[Scatter]:
    """One for every two protocols of the same data."""
    table = standings([t.run.told for t in population.trainings], (across, up), "method")
    of = {name: [i for i, c in enumerate(table.columns) if f"{c.question}:{c.metric}" == name] for name in (across, up)}
    for a in of[across]:
        for b in of[up]:
            data = data_in(table.columns[b].protocol)
            if data_in(table.columns[a].protocol) != data:
                continue
            lines = [(line.who, line.cells[a], line.cells[b], any(line.cells[i] for i in of[across])) for line in table.board.lines]
            places = tuple(Place(who, who.partition(" (")[0], x, y) for who, x, y, _ in lines if x and y)
            without = [(y.value, who) for who, _, y, placed in lines if y and not placed]
            if places:
                protocols = table.columns[a].protocol, table.columns[b].protocol
                rules = tuple(without + _controls(population, up, protocols[1]))
                yield Scatter(across, up, data, places, rules, _rho(population, (across, up), protocols))


def _rho(population: Population, names: tuple[str, str], protocols: tuple[str, str]) -> Correlation | None:
    """Over the trainings whose scores have these protocols."""
    drawn = [all(n in t.scores and t.scores[n].protocol == p for n, p in zip(names, protocols, strict=True)) for t in population.trainings]
    across, up = (np.where(drawn, population.values(name), np.nan) for name in names)
    return correlation(across, up, population.groups)


def _controls(population: Population, up: str, protocol: str) -> list[tuple[float, str]]:
    """The mean of each control over the trainings; "untrained network" is another for every setting."""
    found: dict[str, list[float]] = {}
    for t in population.trainings:
        for s in t.run.answers:
            if s.control in population.grid.controls and f"{s.question}:{s.metric}" == up and s.protocol == protocol:
                found.setdefault(WHO.get(str(s.control), str(s.control)), []).append(s.value)
    return [(float(np.mean(v)), f"{who}, mean" if max(v) - min(v) > 1e-9 else who) for who, v in found.items()]


def joined(rules: Sequence[tuple[float, str]], height: float) -> list[tuple[float, str]]:
    """Rules so near each other that their names would overlap become one, at their mean."""
    groups: list[list[tuple[float, str]]] = []
    for rule in sorted(rules):
        if groups and rule[0] - groups[-1][0][0] < NEAR * height:
            groups[-1].append(rule)
        else:
            groups.append([rule])
    return [(float(np.mean([v for v, _ in group])), "; ".join(name for _, name in group)) for group in groups]


def _series(s: Scatter) -> list[plots.Series]:
    """One a method, in the order of the grid."""
    found = []
    for i, method in enumerate(dict.fromkeys(p.method for p in s.places)):
        own = [p for p in s.places if p.method == method]
        name = own[0].name if len(own) == 1 else f"{method}, {_setting(own[0])} to {_setting(own[-1]).rpartition(' ')[2]}"
        points = tuple((p.across.value, p.up.value) for p in own)
        sides, bounds = (tuple(_ends(getattr(p, axis)) for p in own) for axis in ("across", "up"))
        found.append(plots.Series(name, f"k{i % 12}", points, bounds, MARKS[i % len(MARKS)], sides))
    return found


def _setting(p: Place) -> str:
    return p.name.partition(" (")[2].rstrip(")")


def _ends(r: Result) -> tuple[float, float] | None:
    return None if r.low is None or r.high is None else (r.low, r.high)


def _plot(s: Scatter, frame: plots.Frame) -> tuple[list[plots.Series], Markup]:
    series = _series(s)
    x = plots.axis([v for p in s.places for v in (p.across.value, *(_ends(p.across) or ()))], shown(s.across))
    y = plots.axis([v for p in s.places for v in (p.up.value, *(_ends(p.up) or ()))] + [v for v, _ in s.rules])
    single, several = [v for v in series if len(v.points) == 1], [v for v in series if len(v.points) > 1]
    return series, plots.scatter(single, x, y, s.alt, frame, through=several, rules=joined(s.rules, y.high - y.low))


def said(s: Scatter) -> str:
    """Who is at the ends of the scale across, where they stand by the other score, and who is first by that; of rate and distortion
    the best sum of each method."""
    if (s.across, s.up) == RATE_DISTORTION:
        return _bounds(s.places)
    ranked = sorted(s.places, key=lambda p: -sign(s.up) * p.up.value)
    if not sign(s.up) or len(ranked) < 3:
        return ""
    least, most = (pick(s.places, key=lambda p: p.across.value) for pick in (min, max))
    ends = [f"{p.name}, {written(p.across)}, number {ranked.index(p) + 1} of {len(ranked)}" for p in (least, most)]
    return (
        f"{bare(s.across)}, lowest: {ends[0]} by {bare(s.up)}; highest: {ends[1]}. By {bare(s.up)} the first is {ranked[0].name}, "
        f"{written(ranked[0].up)}, and the last {ranked[-1].name}, {written(ranked[-1].up)}.{_related(s)}"
    )


def _bounds(places: Sequence[Place]) -> str:
    """The fewest nats in all of every method, the fewest first."""

    def total(p: Place) -> float:
        return p.across.value + p.up.value

    best = {p.method: p for p in sorted(places, key=total, reverse=True)}
    told = "; ".join(f"{total(p):,.1f} by {p.name}" for p in sorted(best.values(), key=total))
    return f"Nats an item in all (rate + distortion, minus the bound), the fewest of each method: {told}."


def _related(s: Scatter) -> str:
    """Their rank correlation in words; "" where there is none."""
    if s.rho is None:
        return ""
    which = f"a lower {bare(s.across)} goes with {'more' if s.rho.rho < 0 else 'less'} {bare(s.up)}"
    told = which if s.rho.clear else "the interval holds 0, so that no relation is seen beyond chance"
    return f" Their rank correlation over {s.rho.n} trainings is {findings.written(s.rho)}: {told}."


def written(r: Result) -> str:
    """ "2.10 (2.05–2.15)"."""
    ends = interval(r.low, r.high, r.metric)
    return f"{value(r.value, r.metric)}{' %' if is_share(r.metric) else ''}" + (f" ({ends})" if ends else "")


def figure(s: Scatter) -> Markup:
    """For the page."""
    series, plot = _plot(s, plots.Frame(height=340))
    inside = plots.key(series) + Markup('<p class="up">{}</p>').format(shown(s.up)) + plot
    return Markup('<figure class="chart">{}<figcaption>{}</figcaption></figure>').format(inside, s.title)


def as_files(population: Population) -> dict[str, str]:
    """Names and contents of the .svg files beside the Markdown page."""
    found = {}
    for i, s in enumerate(scatters(population), 1):
        frame = plots.Frame(width=560, height=340)  # two columns of long names
        series, plot = _plot(s, frame)
        found[f"{population.grid.name}_{i}.svg"] = drawings.framed(series, plot, frame, COLUMNS, shown(s.up))
    return found
