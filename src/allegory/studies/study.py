"""From a grid to a folder: trainings, scores, relations, and their page. What is there is not done again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from allegory.core import Misuse, Problem, files
from allegory.studies import population, report, scatters, work
from allegory.studies.grid import Grid
from allegory.studies.population import Population
from allegory.studies.relations import Relations, relations

MARK = "study.json"


@dataclass(frozen=True, eq=False)
class Study:
    """What a study found."""

    folder: Path
    population: Population
    relations: Relations


def study(grid: Grid, folder: Path, jobs: int = 1, told: Callable[[work.Outcome, int, int], object] = lambda *_: None) -> Study:
    """Does what is left of a grid in `folder`, `jobs` cells at a time, and writes study.json, table.csv, report.html and README.md there.

    Cells are run folders under cells/, named by all that they were trained with: another grid may share the folder and its cells.
    Raises `Misuse` for a folder that holds something else, `Problem` when no cell could be done, `Interrupted` on Ctrl-C.
    """
    if jobs < 1:
        raise Misuse(f"jobs must be above 0, got {jobs}")
    _may_hold(folder)
    outcomes = work.do_all(grid, folder, jobs, told)
    failures = {o.cell.name: o.failure for o in outcomes if o.failure}
    found = population.read(grid, folder, failures)
    if not found.trainings:
        raise Problem(f"no cell of the study could be done; the first: {found.failed[0]}")
    made = Study(folder, found, relations(found))
    write(made)
    return made


def _may_hold(folder: Path) -> None:
    try:
        there = [p.name for p in folder.iterdir() if not p.name.startswith(".")] if folder.exists() else []
    except NotADirectoryError as e:
        raise Misuse(f"{folder} is a file; choose a folder for --out") from e
    if there and work.CELLS not in there:
        raise Misuse(f"{folder} holds something else than a study ({', '.join(sorted(there)[:3])}); choose another --out")


def write_page(path: Path, found: Population, related: Relations) -> None:
    """The page as Markdown, and its pictures in the folder images beside it."""
    for name, drawing in scatters.as_files(found).items():
        files.atomic_write(path.parent / scatters.IMAGES / name, drawing)
    files.atomic_write(path, report.markdown(found, related))


def write(made: Study) -> None:
    """The files of a study, each whole or not at all."""
    found, related = made.population, made.relations
    files.atomic_write(made.folder / "table.csv", population.as_csv(found))
    files.atomic_write(made.folder / "report.html", report.page(found, related))
    write_page(made.folder / "README.md", found, related)
    files.write_json(made.folder / MARK, report.as_json(found, related))
