"""The table of how well densities foresee test images, made from the ledger."""

from collections.abc import Iterable, Sequence
from typing import Any

from allegory.core import Method
from allegory.pages.zoo import NOTE, Row, file_name

KINDS = ("exact", "lower bound", "estimate")
OWN = "bound of k"  # what a method of k importance samples learns by


def nats_page(title: str, intro: str, data: str, classes: Sequence[type[Method[Any]]], ledger: Iterable[Row]) -> str:
    """The Markdown page of one data set: the newest row of each method, the fewest nats first."""
    newest = {r["method"]: r for r in ledger if r["data"] == data and "nats" in r}
    known = {cls.__name__: cls for cls in classes}
    rows = sorted((r for name, r in newest.items() if name in known), key=best)
    head = ["method", "-log p, bound or exact", "importance estimate", "settings", "steps x batch", "core-minutes", "allowed", "MB"]
    table = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *(_line(known[r["method"]], r) for r in rows)]
    return "\n".join([NOTE, f"# {title}", "", intro, "", *table]) + "\n"


def best(row: Row) -> float:
    """The fewest nats that are known of a method's test images."""
    return min(-float(row["nats"][kind][0]) for kind in KINDS if kind in row["nats"])


def _line(cls: type[Method[Any]], row: Row) -> str:
    nats = row["nats"]
    first = next(kind for kind in [*(k for k in nats if k.startswith(OWN)), *KINDS] if kind in nats)
    settings = ", ".join(f"{k} {v}" for k, v in row["fields"].items())
    cells = [
        f"[{cls.__name__}](../methods/{file_name(cls)})", f"{_nats(nats[first])} ({first})",
        _nats(nats["estimate"]) if "estimate" in nats else "", settings, f"{row['steps']:,} x {row['batch']}",
        f"{row['seconds'] / 60:.1f}", str(row["minutes"]), f"{row['peak_memory_bytes'] / 2**20:.0f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _nats(figure: Sequence[float]) -> str:
    """The mean, and half a 95 % interval over items."""
    return f"{-figure[0]:.2f} ± {figure[1]:.2f}"
