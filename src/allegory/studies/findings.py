"""A study in words: what was found, what was not, and what it does and does not show."""

from collections.abc import Sequence

from allegory.pages.numbers import decimals, plural
from allegory.studies.against import Beside
from allegory.studies.population import Population, shown, sign
from allegory.studies.relations import FITS, Relations, reversals
from allegory.studies.statistics import Correlation

CHANCE = 0.05
OF_PAIRS = (
    "The paired intervals take the differences of few seeds for draws of a normal distribution, and were not corrected for the number of "
    "settings and scores."
)
OF_CORRELATIONS = (
    "A correlation over a population mixes the methods, their settings and their seeds: it says which scores go together in this "
    "population, not that raising one raises the other. Most of it may be one setting (a large beta, say) that moves everything.",
    "The intervals draw whole settings with replacement, as seeds of one setting are alike; they hold for settings like these, and"
    " few settings make them rough. The pairs were not corrected for their number.",
    "Scores of one kind share their readers and their items, so neighbouring columns are not independent evidence.",
)
OF_QUESTIONS = {
    "likelihood": "Bits per dimension are exact for models that foresee pixel by pixel. For models with latents they are those of the "
    "evidence lower bound at one draw, for flows those of moving pixels at random within their levels: both too many, by an unknown "
    "amount. All learn for equally many steps, and none for as long as it could use: longer training moves both scores.",
    "rate_distortion": "Distortions are nats of one likelihood and only drawn together with those of the same. A curve is that of its "
    "network and length of training; all models of one bound, rate + distortion, lie on a line that falls by a nat a nat.",
}


def bare(name: str) -> str:
    """A score's name without its arrow."""
    return shown(name).rstrip("↑↓ ")


def written(c: Correlation) -> str:
    """ "0.61 (0.32 to 0.80)"."""
    return f"{decimals(c.rho)} ({decimals(c.low)} to {decimals(c.high)})"


def found(relations: Relations, paired: Beside | None = None) -> list[str]:
    """The findings, each a sentence or two. Nothing is said of correlations where the roles ask for none."""
    return [text for text in (*_beside(paired), _pairs(relations), *_along(relations), *_transfer(relations)) if text]


def _beside(paired: Beside | None) -> list[str]:
    """For each score with a better side: who is better and worse than the setting that all are set beside."""
    if paired is None:
        return []
    return [text for name in paired.scores if sign(name) and (text := _of_score(paired, name))]


def _of_score(paired: Beside, name: str) -> str:
    counted = {s: d.n for (s, score), d in paired.differences.items() if score == name}
    better, worse = paired.better(name), paired.worse(name)
    level = [s for s in counted if s not in better + worse]
    told = "; ".join(
        f"{word} {', '.join(some)}" for word, some in (("better", better), ("worse", worse), ("not told apart", level)) if some
    )
    return (
        f"{bare(name)} beside {paired.of}, by the paired interval over {plural(max(counted.values()), 'seed')}: {told}." if counted else ""
    )


def _pairs(relations: Relations) -> str:
    if not relations.pairs:
        return ""
    known = {pair: c for pair, c in relations.pairs.items() if c}
    clear = sorted((pair for pair, c in known.items() if c.clear), key=lambda pair: -abs(known[pair].rho))
    if not known:
        return "No rank correlation could be computed: it takes at least 5 trainings of 3 settings."
    chance = f"about {CHANCE * len(known):.0f} would by chance if the scores were independent and nothing related, which they are not"
    text = f"Of {plural(len(known), 'rank correlation')}, {len(clear)} have an interval that leaves out 0; {chance}."
    strongest = [f"{bare(a)} with {bare(b)}, {written(known[a, b])}" for a, b in clear[:3]]
    return f"{text} The strongest: {'; '.join(strongest)}." if strongest else text


def _along(relations: Relations) -> list[str]:
    if not relations.along or not relations.rows:
        return []
    turned = [f"{bare(row)} with {bare(line.name)}" for row, line in reversals(relations)]
    names = " and ".join(bare(line.name) for line in relations.along)
    if turned:
        return [f"The sign turns with the number of samples, beyond chance at both ends: {'; '.join(turned)}."]
    swaps = []
    for row in relations.rows:
        for line in relations.along:
            rho = [c.rho for _, name in line.at if (c := relations.pairs[row, name])]
            if rho and min(rho) < 0 < max(rho):
                swaps.append(f"{bare(row)} with {bare(line.name)}")
    text = f"With the number of samples ({names}) no correlation turns its sign beyond chance"
    return [f"{text}; within chance these do: {'; '.join(swaps)}." if swaps else f"{text}, and none does at all."]


def _transfer(relations: Relations) -> list[str]:
    t = relations.transfer
    if t is None:
        return []
    told = []
    for degree, fitted in t.fits.items():
        each = ", ".join(f"{h.family} {decimals(h.r2)}" for h in fitted.held_out)
        told.append(f"a {FITS[degree]} explains {decimals(fitted.r2)} ({each})")
    best = max(f.r2 for f in t.fits.values())
    verdict = (
        "so compression does not predict transfer from one family to another here"
        if best <= 0
        else "which is the share of the squared distance to the mean of the other families"
    )
    return [f"{bare(t.transfer)} from log2 of {bare(t.compression)}, tested on the family left out: {'; '.join(told)}; {verdict}."]


def limits(population: Population, paired: Beside | None = None) -> list[str]:
    """What the study does not show, from what it is."""
    settings, families = len(set(population.groups)), list(dict.fromkeys(population.families))
    data, roles = population.grid.data, population.grid.roles
    own = [text for question, text in OF_QUESTIONS.items() if any(p.across.startswith(f"{question}:") for p in population.grid.pictures)]
    told = [
        *own,
        f"It is {plural(len(population.trainings), 'training')} of {plural(settings, 'setting')} of {', '.join(families)} on "
        f"{plural(len(data), 'data set')} ({', '.join(data)}). Nothing is said of other data, sizes or methods.",
    ]
    if paired:
        told.append(OF_PAIRS)
    other = paired or population.grid.pictures
    return [*told, *OF_CORRELATIONS] if not other or (roles.get("nature") and roles.get("uses")) else told


def names_of(names: Sequence[str]) -> str:
    """Scores in a sentence."""
    return ", ".join(map(bare, names))
