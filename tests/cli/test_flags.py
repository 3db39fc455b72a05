"""What is typed is what is meant; what cannot be meant is said in one line, exit code 2."""

import pytest

from allegory.cli import main
from allegory.cli.job import over, seconds
from allegory.cli.told import Optimiser, Training
from allegory.core import Misuse, Optim
from allegory.runs import Run
from allegory.train import Settings

TINY = ("--steps", "1", "--batch", "16", "--no-evaluate")


def refused(capsys, *tokens, code=2):
    """The one line of an error."""
    capsys.readouterr()
    assert main(tokens) == code
    out, err = capsys.readouterr()
    assert not out and "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and err.endswith(lines[0] + "\n")
    return lines[0]


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["lern", "digits"], "unknown command 'lern'. Did you mean learn"),
        (["learn", "digits", "--taw", "1"], "--tau"),
        (["learn", "digits", "--stps=3"], "unknown flag '--stps'. Did you mean --steps"),
        (["learn", "digits", "--method", "SimCRL"], "Did you mean SimCLR"),
        (["learn", "digits", "--method", "PCA", "--tau", "1"], "unknown flag '--tau'"),
        (["learn", "digits", "--beta", "2", "--method=simclr"], "unknown flag '--beta'"),
        (["learn", "digits", "--steps", "many"], '--steps: unable to convert "many" into int'),
        (["learn", "digits", "--steps"], "--steps requires an argument"),
        (["learn", "digits", "--steps", "0"], "steps must be above 0"),
        (["learn", "digits", "--steps", "1", "--epochs", "1"], "expected one of steps, epochs and budget"),
        (["learn", "digits", "--budget", "soon"], "expected a time above 0 as 60s, 5m or 1h, got 'soon'"),
        (["learn", "digits", "--optim", "adam"], '"adamw", "sgd", "lars"'),
        (["learn", "digits", "--device", "cuda"], "no CUDA device"),
        (["learn", "digits", "sprites"], "sprites"),
        (["learn"], "which data? For example: allegory learn digits"),
        (["learn", "--resume"], "which run? Add --out RUN"),
        (["learn", "--resume", "--out", "nowhere"], "there is no run in nowhere to resume"),
        (["learn", "digits", "--resume", "--overwrite", "--out", "x"], "expected one of --resume and --overwrite"),
        (["learn", "digist"], "Did you mean digits"),
        (["learn", "sprites", "--data", "size"], "expected options like size=16"),
        (["learn", "sprites", "--data", "size=17"], "16, 32 or 64"),
        (["learn", "digits", "--seeds", "0"], "seeds must be above 0"),
        (["embed", "run"], "requires an argument"),
        (["methods", "--principel", "x"], "--principle"),
        (["show", "SimCRL"], "Did you mean SimCLR"),
        (["check", "nowhere.at_all:X"], "cannot import nowhere.at_all"),
        (["check", "no.py:X"], "there is no file no.py"),
    ],
)
def test_wrong_usage(tokens, said, capsys, tmp_path, monkeypatch):
    if "cuda" in tokens and __import__("torch").cuda.is_available():
        pytest.skip("there is a CUDA device here")
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, *tokens)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_flags_are_matched_without_case_and_dashes(table, tmp_path, capsys):
    told = ["learn", str(table), "--METHOD=beta_vae", "--Weight_Decay", "0.25", "--LogEvery", "1", "--Latent=3", *TINY]
    assert main([*told, "--out", str(tmp_path / "run")]) == 0
    config = Run(tmp_path / "run").config
    assert (config["method"]["is"], config["method"]["latent"]) == ("BetaVAE", 3)
    assert config["training"]["optims"]["vae"]["weight_decay"] == 0.25


def test_fields_are_read_by_their_types(table, tmp_path, ninth, capsys):
    told = "--method turned-round --whiten --sizes 1 2 3 --kind fancy --limit none --own-steps 9 --latent=2".split()
    assert main(["learn", str(table), *told, *TINY, "--out", str(tmp_path / "a")]) == 0
    method = Run(tmp_path / "a").config["method"]
    assert {k: v for k, v in method.items() if k != "views"} == {
        "is": "TurnedRound", "latent": 2, "whiten": True, "sizes": [1, 2, 3], "kind": "fancy", "limit": None, "steps": 9,
    }  # fmt: skip
    assert main(["learn", str(table), "--method", "TurnedRound", "--limit", "-0.5", *TINY, "--out", str(tmp_path / "b")]) == 0
    assert Run(tmp_path / "b").config["method"]["limit"] == -0.5
    assert "fancy" in refused(capsys, "learn", str(table), "--method", "TurnedRound", "--kind", "plane", *TINY)


def test_a_logical_batch_is_learned_in_pieces_and_written_down(table, tmp_path, capsys):
    told = ["learn", str(table), "--method", "SimCLR", "--batch", "8", "--logical-batch", "24", "--steps", "2", "--no-evaluate"]
    assert main([*told, "--encoder", "mlp-plain", "--out", str(tmp_path / "run")]) == 0
    training = Run(tmp_path / "run").config["training"]
    assert (training["batch"], training["micro"], training["logical_batch"]) == (24, 8, None)
    assert main(["learn", "--config", str(tmp_path / "run" / "config.yaml"), "--out", str(tmp_path / "again"), "--no-evaluate"]) == 0
    assert Run(tmp_path / "again").config["training"] == training
    assert "batch statistics" in refused(capsys, *told, "--out", str(tmp_path / "other"))


def test_the_default_method_follows_the_data_and_takes_its_own_flags(table, tmp_path, capsys):
    assert main(["learn", str(table), "--beta", "2", *TINY, "--out", str(tmp_path / "run")]) == 0
    assert Run(tmp_path / "run").config["method"]["beta"] == 2.0
    assert "method: BetaVAE (the default for this data; --method chooses another)" in capsys.readouterr().err
    assert "tau" in refused(capsys, "learn", str(table), "--tau", "1", *TINY)


def test_times():
    assert [seconds(t) for t in ("60s", "5m", "1.5h", "90", "2 M")] == [60, 300, 5400, 90, 120]
    for wrong in ("", "0s", "5d", "-3s", "1m30s", "nan"):
        with pytest.raises(Misuse, match="expected a time"):
            seconds(wrong)


def test_what_is_told_goes_over_what_is_known():
    known = Settings(seed=3, steps=100, batch=64, micro=64, optim=Optim(lr=1.0, clip=2.0))
    new = over(known, Training(epochs=2.0, batch=32), Optimiser(optim="sgd", lr=0.5))
    assert (new.seed, new.steps, new.epochs, new.batch, new.micro) == (3, None, 2.0, 32, None)
    assert new.optim == Optim(name="sgd", lr=0.5, clip=2.0)
    assert over(known, Training(), Optimiser()) == known


def test_bugs_are_one_line_too_and_debug_shows_where(monkeypatch, capsys):
    monkeypatch.setattr("allegory.cli.show.about", lambda cls: 1 / 0)
    assert "ZeroDivisionError" in refused(capsys, "show", "PCA", code=1)
    assert main(["show", "PCA", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("ALLEGORY_DEBUG", "1")
    assert main(["show", "PCA"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_before_learning_is_130(monkeypatch, capsys):
    def stop(cls):
        raise KeyboardInterrupt

    monkeypatch.setattr("allegory.cli.show.about", stop)
    assert main(["show", "PCA"]) == 130
    assert capsys.readouterr().err == "error: stopped\n"
