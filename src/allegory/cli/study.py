"""Learns every cell of a grid (methods x settings x seeds), asks each the same questions, and tells what the scores have to do with each
other: rank correlations with intervals, how they change with the number of samples, whether compression tells transfer.

  allegory study sprites16 --jobs 2                     the built-in grid
  allegory study my-grid.yaml --out studies/mine
  allegory study sprites16 --page docs/studies/sprites16.md
  allegory compare studies/sprites16/cells/* --by method --metrics mig,dci

A grid is a small YAML file:

  data: [digits]
  methods:
    BetaVAE: {beta: [1.0, 4.0], latent: [8]}            every combination of the values
    PCA: {latent: [8]}
  seeds: 3
  steps: 1000
  against: BetaVAE beta 1.0                            every setting beside this one, seed by seed
  questions: [mig, reconstruction, {efficiency: {counts: [10, 100]}}]
  controls: [raw input, untrained]
  pictures: [{across: reconstruction:mse, up: efficiency:lr_accuracy@100}]
  roles: {nature: [reconstruction:share_of_variance], uses: [efficiency:lr_accuracy@100]}

The pictures draw two scores against each other, a mark a setting, joined along the settings of a method; controls are lines. The roles
say which scores are set against which (QUESTION:METRIC, or a ratio A / B): nature against uses, compression against transfer.

Every cell is a run in STUDY/cells. What is there is not done again: the same command goes on after Ctrl-C, a crash, or a change of the
grid. It writes STUDY/report.html, README.md (the page as Markdown), table.csv and study.json.
"""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from allegory.cli.told import Json


def run(
    grid: Annotated[str, Parameter(help="a YAML file, or the name of a built-in grid: sprites16, usefulness, rate_distortion")],
    /,
    *,
    out: Annotated[str | None, Parameter(help="the folder of the study (default: studies/GRID)")] = None,
    jobs: Annotated[int, Parameter(help="cells at a time, each in a process with one thread")] = 1,
    page: Annotated[str | None, Parameter(help="write the page as Markdown here too")] = None,
    json: Json = False,
) -> int:
    """Does what is left, and tells."""
    from allegory.studies import grid as grids
    from allegory.studies import report
    from allegory.studies.study import study, write_page

    chosen = grids.read(grid)
    folder = Path(out or f"studies/{chosen.name}")
    sys.stderr.write(f"{len(chosen.cells)} cells into {folder}\n")
    made = study(chosen, folder, jobs, Progress())
    if page:
        write_page(Path(page), made.population, made.relations)
    if json:
        from allegory.cli import judge

        judge.show_json(report.as_json(made.population, made.relations))
        return 0
    for text in (*report.told(made.population, made.relations), *(f"not done: {failed}" for failed in made.population.failed)):
        print(text)
    print(f"report: {folder / 'report.html'}")
    return 0


class Progress:
    """A line for each cell that is done, with the time that is left."""

    def __init__(self) -> None:
        self.begun, self.first = time.monotonic(), 0

    def __call__(self, outcome: Any, done: int, of: int) -> None:
        self.first = self.first or done - 1
        each = (time.monotonic() - self.begun) / max(1, done - self.first)
        left = f"about {each * (of - done) / 60:.0f} min left" if done < of else "all done"
        state = f"failed: {outcome.failure}" if outcome.failure else f"{outcome.seconds:.0f} s"
        sys.stderr.write(f"{done}/{of} {outcome.cell.label}, seed {outcome.cell.seed}: {state}; {left}\n")
        sys.stderr.flush()
