"""Tables of numbers and categories."""

import datetime
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from allegory.core import Misuse, Problem
from allegory.data import Column, Intake, open_source

RANDOM = np.random.default_rng(0)


def frame(n: int = 60) -> pd.DataFrame:
    return pd.DataFrame({
        "id": [f"row {i}" for i in range(n)], "age": RANDOM.normal(40, 9, n), "count": RANDOM.integers(0, 9, n),
        "city": RANDOM.choice(["Ulm", "Bonn", "Köln"], n), "member": RANDOM.random(n) > 0.5, "kind": RANDOM.choice(["a", "b"], n),
    })  # fmt: skip


@pytest.fixture(params=["csv", "parquet", "frame", "tsv", "semicolons", "arrow"])
def given(request, tmp_path):
    """The same table in every form."""
    df = frame()
    if request.param == "frame":
        return df, df
    if request.param == "arrow":
        return df, pa.Table.from_pandas(df)
    path = tmp_path / f"x.{'csv' if request.param == 'semicolons' else request.param}"
    df.to_parquet(path) if request.param == "parquet" else df.to_csv(
        path, index=False, sep={"tsv": "\t", "semicolons": ";"}.get(request.param, ",")
    )
    return df, path


def test_numbers_categories_labels_and_ids(given):
    df, data = given
    s = open_source(data, "kind")
    assert s.columns == (Column("age"), Column("count"), Column("city", "category", ("Bonn", "Köln", "Ulm")), Column("member"))
    x = s.take(slice(None))
    assert np.allclose(x[:, 0], df.age) and (x[:, 1] == df["count"]).all() and (x[:, 3] == df.member).all()
    assert [s.columns[2].categories[int(c)] for c in x[:, 2]] == df.city.tolist()
    assert s.labels is not None and s.labels.listed() == df.kind.tolist()
    assert s.id(7) == "row 7" and "the column 'id' gives the ids" in s.describe()
    assert "3 numbers: age, count, member; 1 categories: city (3)" in s.describe()


def test_the_intake_standardises_and_makes_one_hot():
    df = frame()
    s = open_source(df, "kind")
    z = Intake.fit(s, np.arange(40))(torch.as_tensor(s.take(slice(None))))
    assert z.shape == (60, 6) and z.dtype == torch.float32
    assert torch.allclose(z[:40, :3].mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(z[:40, :3].std(0, unbiased=False), torch.ones(3), atol=1e-5)
    assert (z[:, 3:].sum(1) == 1).all() and (z[:, 4] == torch.tensor((df.city == "Köln").to_numpy())).all()


def test_keys_do_not_depend_on_codes_or_on_the_rest_of_the_table():
    df = frame()
    s, part = open_source(df, "kind"), open_source(df[df.city != "Bonn"], "kind")
    assert part.columns[2].categories == ("Köln", "Ulm")
    assert (part.item_keys == s.item_keys[(df.city != "Bonn").to_numpy()]).all()
    other = df.assign(city=df.city.replace("Ulm", "Aalen"))
    changed = open_source(other, "kind").item_keys != s.item_keys
    assert (changed == (df.city == "Ulm").to_numpy()).all()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_missing_and_infinite_values_are_named_by_column_and_count(tmp_path, kind):
    df = frame()
    df.loc[[3, 4], "age"] = np.nan
    df.loc[5, "age"] = np.inf
    df.loc[6, "age"] = -np.inf
    df.loc[[3, 9], "city"] = None
    path = tmp_path / f"x.{kind}"
    df.to_csv(path, index=False) if kind == "csv" else df.to_parquet(path)
    s = open_source(path, "kind")
    assert "missing values: age in 4 rows (2 of them infinite), city in 2 rows; numbers become the mean" in s.describe()
    z = Intake.fit(s, np.arange(60))(torch.as_tensor(s.take(slice(None))))
    assert torch.isfinite(z).all() and (z[3:7, 0] == 0).all() and (z[9, 3:] == 0).all()
    dropped = open_source(path, "kind", missing="drop")
    assert len(dropped) == 55 and [k.id for k in dropped.skipped] == [f"row {i}" for i in (3, 4, 5, 6, 9)]
    assert dropped.labels is not None and dropped.labels.listed() == df.kind.drop([3, 4, 5, 6, 9]).tolist()
    assert dropped.id(3) == "row 7" and "used 55 of 60" in dropped.describe() and "those rows are left out" in dropped.describe()
    with pytest.raises(Misuse, match=r"'impute', 'drop' or 'keep'"):
        open_source(path, missing="zero")


def test_texts_for_missing_values(tmp_path):
    (tmp_path / "x.csv").write_text("a,b,c\n" + "".join(f"{i},{'?' if i == 3 else i},{'' if i == 4 else 'u'}\n" for i in range(12)))
    s = open_source(tmp_path / "x.csv")
    assert s.columns == (Column("a"), Column("b"), Column("c", "category", ("u",)))
    assert "b in 1 rows, c in 1 rows" in s.describe() and np.isnan(s.take(slice(None))[3, 1])


def test_constant_and_empty_columns_are_named():
    df = frame().assign(same=3, one="x", nothing=None, nan=np.nan)
    text = open_source(df, "kind").describe()
    assert "constant, so nothing can be learned from: same, one" in text and "empty: nothing, nan" in text
    z = Intake.fit(open_source(df), np.arange(60))
    assert torch.isfinite(z(torch.as_tensor(open_source(df).take(slice(None))))).all()


def test_columns_that_are_not_used_are_named():
    df = frame(80).assign(
        day=pd.Timestamp("2024-01-01"), note=[f"text {i}" for i in range(80)], span=pd.Timedelta("1s"), when=datetime.time(3), blob=b"x"
    )
    s = open_source(df, "kind")
    text = s.describe()
    assert [c.name for c in s.columns] == ["age", "count", "city", "member"]
    for said in (
        "day (dates and times",
        "span (dates and times",
        "when (dates and times",
        "note (80 different texts)",
        "blob (not text in UTF-8",
    ):
        assert said in text


def test_nested_values_and_dictionaries(tmp_path):
    table = pa.table({
        "a": list(range(12)), "list": [[1, 2]] * 12, "cat": pa.array(["u", "v"] * 6).dictionary_encode(),
        "dec": pa.array([1] * 12, pa.decimal128(5, 2)),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "x.parquet")
    s = open_source(tmp_path / "x.parquet")
    assert [c.kind for c in s.columns] == ["number", "category", "number"] and "list (values of type list" in s.describe()


def test_a_new_table_is_read_in_the_terms_of_training():
    df = frame()
    training = open_source(df, "kind")
    intake = Intake.fit(training, np.arange(60))
    new = pd.DataFrame({
        "extra": [1.0, 2.0, 3.0, 4.0], "member": [True, False, True, False], "city": ["Ulm", "Aalen", None, "Köln"],
        "count": [1, 2, 3, 4], "age": [30.0, 40.0, 50.0, np.nan],
    })  # fmt: skip
    s = intake.accept(open_source(new))
    z = intake(torch.as_tensor(s.take(slice(None))))
    assert z[:, 3:].tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 1, 0]]
    mean, std = df.age.mean(), df.age.std(ddof=0)
    assert np.allclose(z[:, 0], [(30 - mean) / std, (40 - mean) / std, (50 - mean) / std, 0], atol=1e-5)
    assert intake.accept(training) is training


def test_opening_like_training_keeps_columns_that_would_be_left_out():
    df = frame(3000).assign(code=[f"c{i % 60}" for i in range(3000)], empty=None)
    training = open_source(df, "kind")
    intake = Intake.fit(training, np.arange(60))
    few = df.sample(60, random_state=0).assign(code=[f"c{i}" for i in range(60)], city="Ulm", empty="now there is something", age=np.nan)
    with pytest.raises(Problem, match=r"lacks the columns 'code' that were learned from"):
        intake.accept(open_source(few, "kind"))
    s = open_source(few, "kind", like=intake)
    assert s.columns == training.columns and s.labels is not None
    z = intake(torch.as_tensor(s.take(slice(None))))
    assert z.shape == (60, 66) and (z[:, 3 + 2] == 1).all() and (z[:, 6:].sum(1) == 1).all() and (z[:, 0] == 0).all()


def test_a_column_of_another_kind_is_refused():
    intake = Intake.fit(open_source(frame(), "kind"), np.arange(60))
    wrong = frame().assign(age="old")
    for like in (None, intake):
        with pytest.raises(Problem, match=r"column 'age' held numbers in training and holds categories here"):
            intake.accept(open_source(wrong, "kind", like=like))
    texts = frame().assign(age=[str(v) for v in range(60)])
    assert open_source(texts, "kind", like=intake).take(slice(0, 3))[:, 0].tolist() == [0, 1, 2]


def test_categories_that_are_never_alike(tmp_path):
    df = frame()
    intake = Intake.fit(open_source(df, "kind"), np.arange(60))
    z = intake(torch.as_tensor(open_source(df.assign(city="x"), "kind", like=intake).take(slice(None))))
    assert (z[:, 3:] == 0).all()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "cannot be read as a table"), (b"a,b\n", "2 columns and no rows"), (b"a,a\n1,2\n", "'a' occur twice"),
        (b"a,id\n\xff\xfe,1\nx,2\n", r"a \(not text in UTF-8\)|cannot be read"),
        (b"day\n2020-01-01\n2020-01-02\n", r"day \(dates and times"),
        (b"name\n" + b"".join(b"t%d\n" % i for i in range(99)), "no column can be learned from"),
        (b"\0\0\0\0", "cannot be read|no rows|no column"),
    ],
)  # fmt: skip
def test_bad_csv_files_are_refused_in_one_line(tmp_path, content, line):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(Problem, match=line) as e:
        open_source(tmp_path / "x.csv")
    assert "\n" not in str(e.value)


def test_a_broken_parquet_file(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 rubbish PAR1")
    with pytest.raises(Problem, match=r"x.parquet cannot be read as a table"):
        open_source(tmp_path / "x.parquet")


def test_lines_with_too_many_values_are_skipped_by_number(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n" + "".join(f"{i},{i}{',9' if i in (2, 5) else ''}\n" for i in range(20)))
    s = open_source(tmp_path / "x.csv")
    assert len(s) == 18 and [k.id for k in s.skipped] == ["line 4", "line 7"] and "has 3 values, the header 2" in s.describe()


def test_a_mark_at_the_start_and_quoted_newlines(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbfa,b\n" + b'1,"x\ny"\n2,"z, z"\n' * 10)
    assert open_source(tmp_path / "x.csv").columns == (Column("a"), Column("b", "category", ("x\ny", "z, z")))


def test_mixed_columns_of_a_frame_are_named():
    with pytest.raises(Problem, match=r"the column 'odd' mixes int, str"):
        open_source(pd.DataFrame({"a": range(12), "odd": [1, "x"] * 6}))


def test_an_index_gives_the_ids():
    s = open_source(frame().drop(columns="id").set_index(pd.Index([f"p{i}" for i in range(60)])), "kind")
    assert s.id(4) == "p4"


def test_ids_must_be_unique_and_labels_may_be_the_id():
    df = frame().assign(id=["x", "y"] * 30)
    assert "id" in [c.name for c in open_source(df, "kind").columns]
    assert open_source(df, "id").labels.names == ("x", "y")


def test_large_whole_numbers_keep_their_differences():
    base = 1_700_000_000_000
    s = open_source(pd.DataFrame({"t": base + np.arange(100), "u": RANDOM.normal(size=100)}))
    z = Intake.fit(s, np.arange(100))(torch.as_tensor(s.take(slice(None))))
    expected = (np.arange(100) - 49.5) / np.arange(100).std()
    # the mean is kept in float32: everything may be shifted by up to half its last digit, 2**17, but differences stay
    assert np.allclose(np.diff(z[:, 0]), np.diff(expected), rtol=1e-2)


def test_groups_and_parts_from_columns():
    df = frame().assign(patient=[f"p{i // 6}" for i in range(60)], split=["train"] * 40 + ["val"] * 8 + ["test"] * 12)
    s = open_source(df, "kind", groups="patient", parts="split")
    assert [c.name for c in s.columns] == ["age", "count", "city", "member"]
    assert len(s.part("validation")) == 8 and s.groups is not None and s.groups[59] == "p9"


def test_an_unknown_label_column_lists_the_known(tmp_path):
    with pytest.raises(Misuse, match=re.escape("labels 'kinds': expected a column or key (known: 'id', 'age'")):
        open_source(frame(), "kinds")
