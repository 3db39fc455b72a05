"""What the interactive map needs: places, names, colours and thumbnails of up to 20,000 items."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allegory.data import PARTS, Source
from allegory.pages import layout, mapping, pictures, render
from allegory.pages.numbers import plural

MOST = 20_000
CHUNK = 1024
IDS_BYTES = 2_000_000
LABEL_LETTERS = 120
FEW_VALUES = 4
MOST_KINDS = 64


@dataclass(frozen=True, eq=False)
class Encoded:
    """The items of a report: their numbers in the source, their codes (n, z), and the atlas of their thumbnails (None for vectors).

    `kinds`: codes that say what kind an item is (its cluster, its chart, the dimension there), one number an item, by name.
    """

    index: np.ndarray
    z: np.ndarray
    atlas: pictures.Atlas | None
    kinds: dict[str, np.ndarray] = field(default_factory=dict)


def encoded(rep: Any, source: Source, most: int = MOST) -> Encoded:
    """Codes and thumbnails of at most `most` items, chosen by the hash of their content, in one pass in batches."""
    # The order of the hashes is as good as random, so that no class is always drawn on top.
    index = np.argsort(source.item_keys, kind="stable")[:most]
    sheet, codes = None, []
    kinds: dict[str, list[np.ndarray]] = {name: [] for name in _kinds_of_code(rep, source.take(index[:1]))}
    for start in range(0, len(index), CHUNK):
        x = source.take(index[start : start + CHUNK])
        codes.append(np.asarray(rep.encode(x), dtype=np.float32))
        for name, code in rep.codes(x, tuple(kinds)).items() if kinds else ():
            kinds[name].append(code.values.numpy())
        kinds = {name: said for name, said in kinds.items() if len(np.unique(said[-1])) <= MOST_KINDS}
        if pictures.image_part(rep.intake.spec) is not None:
            shown = pictures.stored(rep.intake, x)
            sheet = sheet or pictures.Sheet(len(index), *shown.shape[1:3])
            sheet.add(shown)
    z = np.concatenate(codes)
    return Encoded(index, z.reshape(len(z), -1), sheet.atlas() if sheet else None, {k: np.concatenate(v) for k, v in kinds.items()})


def _kinds_of_code(rep: Any, x: Any) -> tuple[str, ...]:
    """The codes of a method that are one number an item and say which of some kinds it is of."""
    codes = rep.codes(x) if "codes" in rep.can() else {}
    return tuple(name for name, code in codes.items() if code.kind == "index" and code.values.ndim == 1)


def payload(source: Source, items: Encoded, by: str = mapping.USUAL) -> dict[str, Any]:
    """What the page's script reads, as JSON values. `by`: which map comes first."""
    atlas = items.atlas
    return {
        "n": len(items.index),
        "ids": ids(source, items.index),
        "layouts": layouts(items.z, by),
        "colours": colours(source, items),
        "atlas": atlas and {"tile": atlas.tile, "columns": atlas.columns, "width": atlas.width, "height": atlas.height},
    }


def layouts(z: np.ndarray, by: str = mapping.USUAL) -> list[dict[str, Any]]:
    """The map by the method named `by`, the neighbour layout and the PCA plane, each with what it keeps."""
    flat = layout.plane(z)
    if len(z) < 3:
        return [_layout("PCA", flat, None, None)]
    method = mapping.chosen(by)
    graph, _ = layout.neighbours(z)
    maps = {} if method is None else {type(method).__name__: mapping.places(z, method)}
    maps = {**maps, mapping.USUAL: layout.near(flat, graph), **({} if "PCA" in maps else {"PCA": flat})}
    return [_layout(name, y, layout.kept(y, graph), mapping.kept(z, y)) for name, y in maps.items()]


def _layout(name: str, y: np.ndarray, kept: float | None, ranks: mapping.Kept | None) -> dict[str, Any]:
    low, high = y.min(0), y.max(0)
    span = max(float((high - low).max()), 1e-12)
    unit = (y - (low + high) / 2) / span + 0.5
    unit[:, 1] = 1.0 - unit[:, 1]  # the page's y axis points down
    beside = {} if ranks is None else dataclasses.asdict(ranks)
    return {"name": name, "xy": render.packed(np.round(unit * 65535), "u2"), "kept": kept, **beside}


def colours(source: Source, items: Encoded) -> list[dict[str, Any]]:
    """What points can be coloured by: the label, each factor, the kinds that the code tells apart (at most 64), the part. Factors with many
    values are ordered, the others are kinds."""
    found, index = [], items.index
    if source.labels is not None:
        found.append(_kinds("label", [_short(str(n)) for n in source.labels.names], source.labels.values[index]))
    if source.factors is not None:
        for j, (name, size) in enumerate(zip(source.factors.names, source.factors.sizes, strict=True)):
            values = source.factors.values[index, j]
            names = [str(v) for v in range(size)]
            found.append(_kinds(_short(name), names, values) | ({"ordered": True} if size > FEW_VALUES else {}))
    for name, numbers in items.kinds.items():
        there, values = np.unique(numbers, return_inverse=True)
        if len(there) <= MOST_KINDS:
            found.append(_kinds(name, [str(v) for v in there], values))
    part = np.zeros(len(source), dtype=np.int64)
    for number, name in enumerate(PARTS):
        part[source.part(name)] = number
    return [*found, _kinds("part", list(PARTS), part[index])]


def _kinds(name: str, names: list[str], values: np.ndarray) -> dict[str, Any]:
    return {"name": name, "names": names, "values": render.packed(values, "i4"), "ordered": False}


def _short(name: str, letters: int = LABEL_LETTERS) -> str:
    return name if len(name) <= letters else f"{name[: letters // 2 - 1]}…{name[-(letters // 2 - 1) :]}"


def ids(source: Source, index: np.ndarray) -> list[str]:
    """The items' ids; long ones lose their middle when all of them would not fit in the page."""
    names = [source.id(int(i)) for i in index]
    for letters in (160, 96, 64, 40, 24, 12):
        short = [_short(n, letters) for n in names]
        if sum(len(n.encode("utf-8", "replace")) for n in short) <= IDS_BYTES:
            break
    return short


def described(source: Source, items: Encoded) -> str:
    """How many items the map shows, in words."""
    n, of = len(items.index), len(source)
    return f"all {plural(of, 'item')}" if n == of else f"{n:,} of {plural(of, 'item')}, drawn evenly"
