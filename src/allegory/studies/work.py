"""The work of a study: every cell is a run folder, what is there is not done again, and cells are done side by side in processes."""

import concurrent.futures as futures
import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from allegory import api
from allegory.core import Problem, files
from allegory.data import Source
from allegory.measures.dealing import one_thread
from allegory.questions import Question
from allegory.questions.asking import put
from allegory.questions.gathering import gather
from allegory.runs import Origin, Run
from allegory.studies.grid import Cell, Grid
from allegory.train import Interrupted, Settings

CELLS = "cells"
ASKED = "asked.json"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Outcome:
    """What came of a cell: its `seconds` of work, and why it failed; "" when it did not."""

    cell: Cell
    seconds: float
    failure: str = ""


def protocol_of(question: Question, controls: Sequence[str] = ()) -> str:
    """What must be the same for an answer to be kept."""
    beside = f"; beside {', '.join(controls)}" if controls else ""
    return f"{question.card.name}/{question.card.version}: {question.settings()}{beside}"


def asked(run: Run) -> dict[str, str]:
    """The protocols by which a cell was asked already, by question."""
    path = run.path / ASKED
    return dict(files.read_json(path)) if path.exists() else {}


def unasked(run: Run, questions: Sequence[Question], controls: Sequence[str] = ()) -> list[Question]:
    """The questions that a cell has not answered yet, by these settings, with its controls beside it."""
    known = asked(run)
    return [q for q in questions if known.get(q.card.name) != protocol_of(q, controls)]


def finished(grid: Grid, folder: Path, cell: Cell) -> bool:
    """Whether there is nothing left to do."""
    run = Run(folder / CELLS / cell.name)
    return run.learned and not unasked(run, grid.questions, grid.controls)


def do(cell: Cell, questions: Sequence[Question], folder: Path, controls: Sequence[str] = ()) -> Outcome:
    """Learns and asks what is not there yet. A `Problem` (it diverged, the data do not suit) is an outcome and stops nobody else."""
    begun = time.perf_counter()
    run = Run(folder / CELLS / cell.name)
    try:
        source = _opened(cell.data)
        settings = Settings(seed=cell.seed, steps=cell.steps, batch=cell.batch, device="cpu")
        rep = api.learn(source, cell.method, out=run.path, resume=True, settings=settings, origin=Origin.of(cell.data))
        wanted = unasked(run, questions, controls)
        if wanted:
            features, notes = gather(rep, source, controls=controls)
            scores = put(features, wanted, notes, alone=not controls).over(run.answers)
            files.write_json(run.path / "scores.json", scores.as_dicts())
            files.write_json(run.path / "details.json", scores.details())
            files.write_json(run.path / ASKED, {**asked(run), **{q.card.name: protocol_of(q, controls) for q in wanted}})
    except Interrupted:
        raise
    except Problem as e:
        return Outcome(cell, time.perf_counter() - begun, " ".join(str(e).split()))
    return Outcome(cell, time.perf_counter() - begun)


@lru_cache(maxsize=4)
def _opened(data: str) -> Source:
    return Origin.of(data).open()


def do_all(grid: Grid, folder: Path, jobs: int, told: Callable[[Outcome, int, int], object]) -> list[Outcome]:
    """Does what is not done yet, `jobs` cells at a time, each in a process with one thread (none is begun for one at a time).

    `told` hears of each outcome, how many are done, and how many there are. Raises `Interrupted` on Ctrl-C; the same command goes on.
    """
    waiting = [cell for cell in grid.cells if not finished(grid, folder, cell)]
    done = len(grid.cells) - len(waiting)
    found = []
    try:
        for outcome in _alone(waiting, grid, folder) if jobs == 1 else _together(waiting, grid, folder, jobs):
            found.append(outcome)
            told(outcome, done + len(found), len(grid.cells))
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted(f"stopped; {done + len(found)} of {len(grid.cells)} cells are done. The same command goes on") from None
    return found


def _alone(cells: Sequence[Cell], grid: Grid, folder: Path) -> Iterator[Outcome]:
    with one_thread():
        for cell in cells:
            yield do(cell, grid.questions, folder, grid.controls)


def _together(cells: Sequence[Cell], grid: Grid, folder: Path, jobs: int) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with _one_thread(), futures.ProcessPoolExecutor(min(jobs, max(1, len(cells))), context, begin, (os.getpid(),)) as pool:
        running = [pool.submit(do, cell, grid.questions, folder, grid.controls) for cell in cells]
        try:
            for future in futures.as_completed(running):
                yield future.result()
        except futures.process.BrokenProcessPool as e:
            raise Problem("a process of the study was killed, perhaps for memory; go on with fewer --jobs") from e
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def begin(parent: int, every: float = 1.0) -> None:
    """What a process of a study does first: one thread, and an end when its parent is gone, which a killed parent cannot tell it."""
    torch.set_num_threads(1)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(every)
        os._exit(1)  # files are written whole or not at all, so it may happen anywhere

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that are begun within the block use one thread each, also in libraries that read it once."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
