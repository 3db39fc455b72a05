"""A run survives whatever stops it: a full disk at any write, a kill at any moment, Ctrl-C, divergence."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.runs import assert_whole, failing, learn, same, vectors, weights

from allegory import api, methods, train
from allegory.cli import main
from allegory.core import Misuse, Problem
from allegory.representation import Representation
from allegory.runs import Origin, Run, read_config, read_origin
from allegory.train import NotFinite, Settings, checkpoints

CRASH = Path(__file__).parents[1] / "benchmarks" / "crash.py"
METHOD = ("--method", "VAE", "--latent", "2")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    data = vectors(folder)
    assert learn(data, folder / "run", *METHOD) == 0
    return data, folder / "run"


def one_line(capsys):
    """The error that was printed; it must be the only one, and no traceback."""
    err = capsys.readouterr().err
    lines = [line for line in err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and "Traceback" not in err, err
    return lines[0]


def test_a_full_disk_at_any_write(undisturbed, tmp_path, monkeypatch, capsys):
    """The disk fills at each write, fsync and rename of a run in turn, and stays full until somebody frees it."""
    data, good = undisturbed
    with failing(None, monkeypatch=monkeypatch) as calls:
        assert learn(data, tmp_path / "counted", *METHOD) == 0
    assert {operation for operation, _ in calls} == {"write", "fsync", "rename"}
    assert {Path(p).name for _, p in calls} >= {"config.yaml", "run.json", "metrics.jsonl", "model.safetensors", "manifest.json", "model"}
    for k in range(len(calls)):
        run = tmp_path / str(k)
        with failing(k, monkeypatch=monkeypatch):
            assert learn(data, run, *METHOD) == 1
        said = one_line(capsys)
        assert "disk is full" in said or "No space" in said, (calls[k], said)
        assert_whole(run)
        if (run / "model").exists():
            assert same(weights(run), weights(good))
        assert learn(data, run, *METHOD, "--resume") == 0, calls[k]
        assert same(weights(run), weights(good)), calls[k]
        assert Representation.load(run).encode(data).shape == (60, 2)
        capsys.readouterr()


def test_one_failed_write_leaves_the_last_good_checkpoint(undisturbed, tmp_path, monkeypatch, capsys):
    data, good = undisturbed
    with failing(None, monkeypatch=monkeypatch) as calls:
        learn(data, tmp_path / "counted", *METHOD)
    second = next(i for i, (operation, p) in enumerate(calls) if operation == "rename" and p.endswith("2.safetensors"))
    with failing(second, monkeypatch=monkeypatch):
        assert learn(data, tmp_path / "run", *METHOD) == 1
    kept = checkpoints.latest(tmp_path / "run" / "checkpoints")
    assert kept is not None and checkpoints.load(kept)[1]["step"] == 1
    one_line(capsys)
    assert main(["learn", "--resume", "--out", str(tmp_path / "run"), "--no-evaluate"]) == 0
    assert "resumed after step 1 of 3" in capsys.readouterr().err
    assert same(weights(tmp_path / "run"), weights(good))


def test_a_read_only_folder_is_one_line(undisturbed, tmp_path, monkeypatch, capsys):
    with failing(0, errno.EROFS, monkeypatch):
        assert learn(undisturbed[0], tmp_path / "run", *METHOD) == 1
    assert "read-only; choose another folder" in one_line(capsys)
    assert learn(undisturbed[0], "/proc/run", *METHOD) == 1
    assert "cannot write" in one_line(capsys)
    (tmp_path / "file").write_text("mine")
    assert learn(undisturbed[0], tmp_path / "file", *METHOD) == 2
    assert learn(undisturbed[0], tmp_path / "file" / "run", *METHOD) == 2
    assert (tmp_path / "file").read_text() == "mine"


def test_killed_three_times(tmp_path):
    """SIGKILL at three random moments; the benchmark does the same thirty times for every kind of method."""
    command = [sys.executable, str(CRASH), "--kills", "3", "--methods", "VAE", "--steps", "40", "--json", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["kills"] == row["identical"] == 3 and row["runs"] >= 1


def test_what_a_killed_writer_left_is_swept_up(undisturbed, tmp_path):
    """SIGKILL between the two renames that put a model in place, and in the middle of any file."""
    data, good = undisturbed
    run = tmp_path / "run"
    assert learn(data, run, *METHOD) == 0
    (run / "model").rename(run / ".model.part")
    (run / ".run.json.abc.part").write_text("{")
    (run / "checkpoints" / ".000000000003.safetensors.x.part").write_text("x")
    assert main(["learn", "--resume", "--out", str(run), "--no-evaluate"]) == 0
    assert same(weights(run), weights(good))
    assert not list(run.glob(".*")) and not list((run / "checkpoints").glob(".*"))


def test_a_folder_with_leftovers_only_is_a_new_run(undisturbed, tmp_path):
    (tmp_path / ".config.yaml.x.part").write_text("form")
    assert learn(undisturbed[0], tmp_path, *METHOD) == 0


def test_metrics_are_cut_back_to_the_checkpoint(undisturbed, tmp_path):
    data, good = undisturbed
    run = tmp_path / "run"
    assert learn(data, run, *METHOD) == 0
    for path in (run / "model").iterdir():
        path.unlink()
    (run / "model").rmdir()
    checkpoints.at(run / "checkpoints", 3).unlink()
    assert main(["learn", "--resume", "--out", str(run), "--no-evaluate"]) == 0
    assert [row["step"] for row in Run(run).metrics] == [1, 2, 3]
    assert same(weights(run), weights(good))


def test_a_damaged_checkpoint_is_passed_over(undisturbed, tmp_path, monkeypatch):
    data, good = undisturbed
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Representation, "save", lambda *_: (_ for _ in ()).throw(Problem("killed here")))
        assert learn(data, run, *METHOD) == 1
    newest = checkpoints.at(run / "checkpoints", 3)
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    assert main(["learn", "--resume", "--out", str(run), "--no-evaluate"]) == 0
    assert same(weights(run), weights(good))


def interrupt_at(step):
    def listen(self, learner, tick):
        if tick.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return listen


def test_ctrl_c_finishes_the_step_and_says_how_to_go_on(undisturbed, tmp_path, monkeypatch, capsys):
    data, good = undisturbed
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("allegory.api.Watch.__call__", interrupt_at(2))
        assert main(["learn", str(data), *METHOD, "--steps", "3", "--batch", "16", "--out", str(run), "--no-evaluate"]) == 130
    assert f"stopped after step 2 of 3; everything is kept. Go on with: allegory learn --resume --out {run}" in one_line(capsys)
    assert Run(run).facts["state"] == "interrupted"
    assert checkpoints.latest(run / "checkpoints") == checkpoints.at(run / "checkpoints", 2)
    assert main(["learn", "--resume", "--out", str(run), "--no-evaluate"]) == 0
    assert same(weights(run), weights(good))


def test_divergence_is_one_line_and_keeps_its_state(undisturbed, tmp_path, monkeypatch, capsys):
    def diverge(learner, player, turn):
        raise NotFinite("step 1: total of 'vae' is not finite")

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["allegory.train.steps"], "play", diverge)
        assert learn(undisturbed[0], run, *METHOD) == 1
    assert "not finite" in one_line(capsys)
    assert Run(run).facts["state"].startswith("failed: step 1")
    assert checkpoints.load(checkpoints.diverged(run / "checkpoints"))[1]["step"] == 0
    assert checkpoints.latest(run / "checkpoints") is None


def test_the_configuration_does_it_again(undisturbed, tmp_path):
    _, good = undisturbed
    assert main(["learn", "--config", str(good / "config.yaml"), "--out", str(tmp_path / "again"), "--no-evaluate"]) == 0
    assert same(weights(tmp_path / "again"), weights(good))
    first, second = read_config(good / "config.yaml"), read_config(tmp_path / "again" / "config.yaml")
    assert first == second


def test_a_time_budget_becomes_steps(undisturbed, tmp_path):
    run = tmp_path / "run"
    told = ["learn", str(undisturbed[0]), *METHOD, "--batch", "16", "--budget", "2s", "--out", str(run), "--no-evaluate"]
    assert main(told) == 0
    _, settings = api.from_config(Run(run).config)
    assert settings.budget is None and settings.steps >= 1
    assert Run(run).metrics[-1]["step"] == settings.steps


def test_resume_refuses_other_data_and_other_methods(undisturbed, tmp_path):
    data, _ = undisturbed
    run = tmp_path / "run"
    api.learn(api.load(data), "VAE", out=run, steps=2, batch=16, save_every=0)
    with pytest.raises(Misuse, match="run of VAE, not of PCA"):
        api.learn(api.load(data), "PCA", out=run, resume=True)
    (run / "model" / "manifest.json").unlink()
    with pytest.raises(Problem, match="other data"):
        api.learn(api.load(vectors(tmp_path, n=70)), "VAE", out=run, resume=True)


def test_what_is_not_ours_is_never_removed(undisturbed, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "love.txt").write_text("dear")
    assert learn(undisturbed[0], tmp_path / "letters", "--overwrite") == 2
    run = tmp_path / "run"
    assert learn(undisturbed[0], run, *METHOD) == 0
    (run / "notes.txt").write_text("mine")
    assert learn(undisturbed[0], run, *METHOD) == 2
    assert learn(undisturbed[0], run, *METHOD, "--overwrite") == 0
    assert (run / "notes.txt").read_text() == "mine" and (tmp_path / "letters" / "love.txt").read_text() == "dear"


def test_origins_are_absolute_names_stay_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("digits").mkdir()
    Path("photos").mkdir()
    assert Origin.of("digits").data == "digits"
    assert Origin.of("photos", "folders") == Origin(str(tmp_path / "photos"), "folders")
    assert Origin.of([1, 2]).data is None
    with pytest.raises(Problem, match="give the data again"):
        Origin.of([1, 2]).open()


@pytest.mark.parametrize("text", ["", "- 1", "format: 2", "format: 1\ndata: {}\nmethod: {}\ntraining: {}\nmore: 1", "a: [", "\x00"])
def test_what_is_no_configuration_is_one_problem(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(Problem):
        read_config(tmp_path / "config.yaml")


def test_a_configuration_is_a_closed_schema(undisturbed, tmp_path):
    config = Run(undisturbed[1]).config
    with pytest.raises(Problem, match="not a known kind"):
        read_origin({**config, "data": {"is": "os.system", "data": "rm"}})
    with pytest.raises(Problem, match="expected"):
        read_origin({**config, "data": {"is": "Origin", "data": 3}})
    with pytest.raises(Problem, match="not a known kind"):
        api.from_config({**config, "method": {"is": "subprocess.Popen"}})


def test_a_checkpoint_a_step_resumes_two_players(tmp_path):
    """FactorVAE, stopped after each step in turn."""
    source = api.load(vectors(tmp_path))
    method = methods.find("FactorVAE")(latent=2, critic_width=8, critic_depth=1)
    settings = Settings(steps=3, batch=16, device="cpu")
    whole = train.fit(method, source, settings).net.state_dict()
    for stop in (1, 2):
        run = tmp_path / str(stop)

        def listen(self, learner, tick, stop=stop):
            if tick.step == stop:
                raise Problem("killed here")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("allegory.api.Progress.__call__", listen)
            with pytest.raises(Problem, match="killed"):
                api.learn(source, method, out=run, settings=settings, save_every=0, quiet=False)
        rep = api.learn(source, method, out=run, resume=True, save_every=0)
        assert same(rep.net.state_dict(), whole)
