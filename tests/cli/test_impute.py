"""`allegory impute`: only empty cells are written, in the unit and words of their column, and nothing is lost where it cannot be done."""

import csv
import json

import numpy as np
import pytest

from allegory.cli import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A VAE of a table whose second column is ten times its first plus 100, with a category that tells its sign and a yes or no."""
    folder, rng = tmp_path_factory.mktemp("impute"), np.random.default_rng(0)
    x = rng.normal(size=400)
    rows = ["id;a;b;sign;big", *(f"r{i};{v:.4f};{10 * v + 100:.3f};{'plus' if v > 0 else 'minus'};{v > 0}" for i, v in enumerate(x))]
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    told = ["learn", str(folder / "table.csv"), "--method", "VAE", "--labels", "none", "--steps", "600", "--latent", "1", "--no-evaluate"]
    assert main([*told, "--out", str(folder / "run")]) == 0
    return folder


def impute(run, text, tmp_path, *more):
    (tmp_path / "holes.csv").write_text(text)
    code = main(["impute", str(run / "run"), str(tmp_path / "holes.csv"), "--out", str(tmp_path / "full.csv"), *more])
    return code, (tmp_path / "full.csv")


def test_only_empty_cells_are_written(run, tmp_path, capsys):
    text = "id;a;b;sign;big\nr1;1.5000;;plus;True\nr2;-1.250;87.50;;\nr3;NA;112.0;plus;True\nr4;0.5;105.0;plus;True\n"
    code, out = impute(run, text, tmp_path, "--json")
    assert code == 0 and json.loads(capsys.readouterr().out)["filled"] == 4
    before, after = (list(csv.reader(t.splitlines(), delimiter=";")) for t in (text, out.read_text()))
    assert [len(r) for r in after] == [5] * 5 and after[0] == before[0] and after[4] == before[4]
    changed = [(i, j) for i, row in enumerate(before) for j, cell in enumerate(row) if after[i][j] != cell]
    assert changed == [(1, 2), (2, 3), (2, 4), (3, 1)]
    assert float(after[1][2]) == pytest.approx(115, abs=4) and float(after[3][1]) == pytest.approx(1.2, abs=0.4)
    assert after[2][3] == "minus" and after[2][4] in ("False", "false")


def test_a_wrong_ending_other_columns_and_a_file_that_is_there(run, tmp_path, capsys):
    good = "id;a;b;sign;big\nr1;1.5;;plus;True\nr2;1.5;100;plus;True\n"
    assert impute(run, good, tmp_path)[0] == 0
    assert impute(run, good, tmp_path)[0] == 2 and "--overwrite" in capsys.readouterr().err
    assert main(["impute", str(run / "run"), str(tmp_path / "holes.csv"), "--out", str(tmp_path / "x.npy")]) == 2
    assert ".csv or .tsv, or .npy" in capsys.readouterr().err
    assert impute(run, "id;a;b\nr1;1;2\nr2;1;2\n", tmp_path, "--overwrite")[0] == 1
    assert "sign" in capsys.readouterr().err and (tmp_path / "full.csv").read_text().count("\n") == 3


def test_a_row_that_was_skipped_is_not_lost(run, tmp_path, capsys):
    code, out = impute(run, "id;a;b;sign;big\nr1;1.5;;plus;True\nr2;1.5;100;plus;True;more\n", tmp_path)
    assert code == 1 and "row 3" in capsys.readouterr().err and not out.exists()


def test_pictures_with_missing_pixels_and_a_method_that_cannot(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = (rng.random((200, 1, 8, 8)) * 255).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    for name in ("VAE", "PCA"):
        told = ["learn", str(tmp_path / "x.npy"), "--method", name, "--latent", "2", "--steps", "3", "--no-evaluate"]
        assert main([*told, "--out", str(tmp_path / name)]) == 0
    x[:3, :, 2, 2] = np.nan
    np.save(tmp_path / "holes.npy", x)
    assert main(["impute", str(tmp_path / "VAE"), str(tmp_path / "holes.npy"), "-o", str(tmp_path / "full.npy")]) == 0
    full = np.load(tmp_path / "full.npy")
    assert np.isfinite(full).all() and np.array_equal(full[3:], x[3:]) and "3 missing entries of 200" in capsys.readouterr().out
    assert main(["impute", str(tmp_path / "PCA"), str(tmp_path / "holes.npy"), "-o", str(tmp_path / "no.npy")]) != 0
    assert "complete" in capsys.readouterr().err and not (tmp_path / "no.npy").exists()
