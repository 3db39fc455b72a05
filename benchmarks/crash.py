"""Kills `allegory learn` with SIGKILL at random moments and resumes it until it is done: are the weights those of an undisturbed run?

    python benchmarks/crash.py --kills 30                     one method of each kind: VAE, FactorVAE (two players), BYOL (teacher)
    python benchmarks/crash.py --kills 3 --methods VAE --json

Each kill hits a process that runs the command's own `main`, forked from this one after the imports: they would otherwise soak up most
kills. A moment is drawn between the start of the process and the length of an undisturbed run. Up to three kills
hit the same run before it may finish. Exit code 1 when a run ends with other weights, or with none.
"""

import argparse
import contextlib
import faulthandler
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import torch._dynamo  # the first optimiser brings it in

import allegory.api  # noqa: F401
from allegory.cli import main
from allegory.train import checkpoints

TOGETHER = 3  # kills of one run, at most
PATIENCE = 300.0  # seconds
OWN = {"FactorVAE": ["--critic-width", "32", "--critic-depth", "2"]}


@dataclass
class Row:
    """What came of one method: `kills` in `runs` of it, `identical` of them in runs that ended in the undisturbed weights.

    `moments`: what had been reached when a kill struck.
    """

    method: str
    kills: int = 0
    runs: int = 0
    identical: int = 0
    seconds: float = 0.0
    moments: dict[str, int] = field(default_factory=dict)


def start(command: list[str], run: Path) -> int:
    """The command in a process of its own; its number. What it says goes into a file beside the run, with its stack if it hangs."""
    child = os.fork()
    if child:
        return child
    torch.set_num_threads(1)
    with said_by(run).open("w") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        faulthandler.dump_traceback_later(0.9 * PATIENCE, file=log)
        code = main([*command, "--out", str(run), "--resume", "--debug"])
        log.flush()
        os._exit(code)


def said_by(run: Path) -> Path:
    """Where the last process of a run wrote."""
    return run.with_suffix(".log")


def wait(child: int, seconds: float) -> int | None:
    """The exit code; None when the process had to be killed after `seconds`."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def reached(run: Path) -> str:
    """How far a killed run had come, by what it left."""
    if (run / "model").is_dir():
        return "the model is there"
    if checkpoints.latest(run / "checkpoints"):
        return "between checkpoints"
    return "before a checkpoint" if (run / "config.yaml").exists() else "before anything"


def killed(row: Row, command: list[str], run: Path, most: int, seconds: float) -> int:
    """One run, killed up to `most` times, and then left to finish; how often it was hit."""
    hits = 0
    while hits < most:
        code = wait(start(command, run), random.uniform(0.0, seconds))
        if code is not None:
            break
        hits += 1
        moment = reached(run)
        row.moments[moment] = row.moments.get(moment, 0) + 1
    finish(command, run)
    return hits


def finish(command: list[str], run: Path) -> None:
    """A run that nobody kills."""
    code = wait(start(command, run), PATIENCE)
    if code != 0:
        raise SystemExit(f"{' '.join(command)} {'hung' if code is None else 'failed'}:\n{said_by(run).read_text()}")


def measure(method: str, kills: int, steps: int, folder: Path) -> Row:
    """Kills until there are enough."""
    row, begun = Row(method), time.perf_counter()
    command = ["learn", "digits", "--method", method, "--steps", str(steps), "--batch", "32", "--save-every", "0.05", "--no-evaluate"]
    command += OWN.get(method, [])
    started = time.perf_counter()
    finish(command, folder / "whole")
    seconds = time.perf_counter() - started
    expected = weights(folder / "whole")
    while row.kills < kills:
        run = folder / "killed"
        shutil.rmtree(run, ignore_errors=True)
        hits = killed(row, command, run, min(TOGETHER, kills - row.kills), seconds)
        found = weights(run)
        row.kills, row.runs = row.kills + hits, row.runs + bool(hits)
        if found.keys() == expected.keys() and all(torch.equal(found[k], expected[k]) for k in expected):
            row.identical += hits
    row.seconds = round(time.perf_counter() - begun, 1)
    return row


def weights(run: Path) -> dict[str, torch.Tensor]:
    """The model's tensors."""
    return checkpoints.load(run / "model" / "model.safetensors")[0]


def told() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=30, help="of each method")
    parser.add_argument("--methods", nargs="+", default=["VAE", "FactorVAE", "BYOL"])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--folder", type=Path, help="where the runs go (default: a temporary folder)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    said = told()
    random.seed(said.seed)
    rows = []
    for name in said.methods:
        with tempfile.TemporaryDirectory(dir=said.folder) as folder:
            rows.append(measure(name, said.kills, said.steps, Path(folder)))
        if not said.json:
            r = rows[-1]
            print(
                f"{r.method}: {r.identical} of {r.kills} kills left the same weights ({r.runs} runs, {r.seconds} s; {r.moments})",
                flush=True,
            )
    if said.json:
        print(json.dumps([asdict(r) for r in rows], indent=2))
    sys.exit(0 if all(r.identical == r.kills for r in rows) else 1)
