"""The tables of all methods on one set of images, made from the ledger; what was not measured is shown as missing."""

from collections.abc import Iterable, Sequence
from typing import Any

from allegory.core import Method
from allegory.pages.zoo import NOTE, Row, file_name

COLUMNS = (
    ("share_labels", "accuracy@1%", "1 % of labels"), ("share_labels", "accuracy@10%", "10 %"), ("linear_probe", "accuracy", "all labels"),
    ("knn", "accuracy", "kNN"),
)  # fmt: skip
CONTROLS = ("raw input", "pca", "hand-made", "supervised")
BESIDE = ("untrained", "pca")
FIRST = COLUMNS[0][:2]


def board_page(title: str, intro: str, data: str, classes: Sequence[type[Method[Any]]], ledger: Iterable[Row]) -> str:
    """The Markdown page of one data set: a line a method, best first at 1 % of the labels, and the controls."""
    rows = {(r["method"], r["question"], r["metric"]): r for r in ledger if r["data"] == data and "gains" in r}
    lines = sorted((_line(cls, rows) for cls in classes), key=lambda line: -line[0])
    head = ["method", "learns from", *(name for *_, name in COLUMNS), *(f"gain over {who} at 1 %" for who in BESIDE), "seconds", "MB"]
    table = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    table += [text for _, text in lines]
    table += [_control(who, rows) for who in CONTROLS]
    return "\n".join([NOTE, f"# {title}", "", intro, "", _standing(classes, rows), "", *table]) + "\n"


def _line(cls: type[Method[Any]], rows: dict[tuple[str, str, str], Row]) -> tuple[float, str]:
    """What the line is sorted by, and the line."""
    name, supervision = f"[{cls.__name__}](../methods/{file_name(cls)})", cls.card.supervision
    learns = "data alone" if supervision == "none" else supervision
    first = rows.get((cls.__name__, *FIRST))
    if first is None:
        return -1.0, f"| {name} | {learns} |" + " missing |" * len(COLUMNS) + " |" * (len(BESIDE) + 2)
    values = [_value(rows.get((cls.__name__, question, metric))) for question, metric, _ in COLUMNS]
    gains = [_gain(first["gains"].get(who)) for who in BESIDE]
    cost = [f"{first['seconds']:.0f}", f"{first['peak_memory_bytes'] / 2**20:.0f}"]
    return first["value"], "| " + " | ".join([name, learns, *values, *gains, *cost]) + " |"


def _control(who: str, rows: dict[tuple[str, str, str], Row]) -> str:
    values = [_value(rows.get((who, question, metric))) for question, metric, _ in COLUMNS]
    return f"| *{who}* | |" + "".join(f" {v} |" for v in values) + " |" * (len(BESIDE) + 2)


def _value(row: Row | None) -> str:
    if row is None:
        return "missing"
    half = (row["high"] - row["low"]) / 2
    return f"{row['value']:.3f} ± {half:.3f}"


def _gain(gain: Sequence[float] | None) -> str:
    """A paired difference with its interval; bold where it leaves out 0."""
    if gain is None:
        return ""
    value, low, high = gain
    text = f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
    return f"**{text}**" if low > 0 else text


def _standing(classes: Sequence[type[Method[Any]]], rows: dict[tuple[str, str, str], Row]) -> str:
    """How many of the methods that see no labels beat both controls at 1 % of the labels, by the paired interval."""
    own = [cls.__name__ for cls in classes if cls.card.supervision == "none"]
    there = [rows[name, *FIRST] for name in own if (name, *FIRST) in rows]
    above = [r["method"] for r in there if all(r["gains"].get(who, (0, -1, 0))[1] > 0 for who in BESIDE)]
    collapsed = [r["method"] for r in there if any("collapse" in alarm for alarm in r.get("alarms", ()))]
    left = f"{len(own) - len(there)} of {len(own)} were not measured" if len(there) < len(own) else f"all {len(own)} were measured"
    said = (
        f"Of the methods that see no labels {left}; {len(above)} of {len(there)} beat the untrained network and PCA at 1 % of the labels."
    )
    below = sorted({r["method"] for r in there} - set(above))
    said += f" Not: {', '.join(below)}." if below else ""
    return said + (f" Left collapsed: {', '.join(collapsed)}." if collapsed else " None was left collapsed." if there else "")
