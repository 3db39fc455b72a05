"""`allegory study`: two cells in two processes, the page, and what is no grid."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from allegory.cli import main

TEXT = """
data: ["sprites:size=16,orientations=1,xs=3,ys=3,scales=1"]
methods: {PCA: {latent: [2, 4]}}
questions: [reconstruction]
"""


def test_a_study_in_two_processes(tmp_path, capsys):
    grid, out, page = tmp_path / "grid.yaml", tmp_path / "study", tmp_path / "page.md"
    grid.write_text(TEXT)
    assert main(["study", str(grid), "--out", str(out), "--jobs", "2", "--page", str(page)]) == 0
    said = capsys.readouterr()
    assert "2/2 PCA latent" in said.err and "all done" in said.err and said.out.endswith(f"report: {out / 'report.html'}\n")
    assert page.read_text() == (out / "README.md").read_text()
    assert main(["study", str(grid), "--out", str(out), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["trainings"]) == 2


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see processes")
def test_nobody_works_on_when_the_study_was_killed(tmp_path):
    """The parent is killed without a chance to say so; its processes end by themselves."""
    grid = tmp_path / "grid.yaml"
    grid.write_text(TEXT.replace("methods: {PCA: {latent: [2, 4]}}", "methods: {Autoencoder: {latent: [2, 4]}}\nsteps: 1000000"))
    told = [sys.executable, "-m", "allegory", "study", str(grid), "--out", str(tmp_path / "study"), "--jobs", "2"]
    study = subprocess.Popen(told, stderr=subprocess.DEVNULL)
    configs = lambda: list(tmp_path.glob("study/cells/*/config.yaml"))
    assert _comes_true(lambda: len(configs()) == 2, 60)
    children = [int(pid) for pid in Path(f"/proc/{study.pid}/task/{study.pid}/children").read_text().split()]
    study.send_signal(signal.SIGKILL)
    study.wait()
    assert len(children) >= 2 and _comes_true(lambda: not any(_runs(pid) for pid in children), 20)


def _comes_true(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def _runs(pid):
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_is_no_grid(tmp_path, capsys):
    assert main(["study", str(tmp_path / "none.yaml")]) == 2
    assert "built in: sprites16" in capsys.readouterr().err
    (tmp_path / "a.yaml").write_text("data: [digits]")
    assert main(["study", str(tmp_path / "a.yaml")]) == 1
    assert main(["study", "--help"]) == 0
    assert "A grid is a small YAML file" in capsys.readouterr().out
