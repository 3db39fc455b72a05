"""The one way to open data: by a name, a path, or a Python object."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

from allegory.core import Array, Misuse, Problem, nearest
from allegory.data.arrays import open_array, open_parts
from allegory.data.attributes import distinct
from allegory.data.beside import as_labels, as_parts, values_of
from allegory.data.datasets import open_dataset
from allegory.data.digits import open_digits
from allegory.data.folder import open_folder, open_pictures
from allegory.data.found import Found
from allegory.data.hierarchy import open_hierarchy, open_tree
from allegory.data.hub import open_hub, open_torchvision
from allegory.data.idx import is_idx, open_idx
from allegory.data.intake import Intake
from allegory.data.kinds import attributes_of, from_sheet, names_in
from allegory.data.manifolds import open_manifold
from allegory.data.numpy_files import open_npy, open_npz
from allegory.data.patches import open_patches
from allegory.data.sheet import Sheet
from allegory.data.source import Source
from allegory.data.sprites import open_sprites
from allegory.data.tables import open_csv, open_frame, open_parquet, open_table

Opener = Callable[..., Found]
BUILT_IN: dict[str, Opener] = {
    "digits": open_digits, "sprites": open_sprites, "patches": open_patches, "manifold": open_manifold, "tree": open_tree,
}  # fmt: skip
HUBS: dict[str, Opener] = {"torchvision": open_torchvision, "hf": open_hub}
PREFIXES: dict[str, Opener] = {"hierarchy": open_hierarchy}
FILES: dict[str, Opener] = {".npy": open_npy, ".npz": open_npz, ".csv": open_csv, ".tsv": open_csv, ".parquet": open_parquet}
LATER = (".txt", ".jsonl")


def open_source(
    data: Any, labels: Any = None, *, attributes: Any = None,
    groups: Any = None, parts: Any = None, mirror: bool | None = None, name: str | None = None, like: Intake | None = None, **options: Any,
) -> Source:  # fmt: skip
    """Observations from nearly anything.

    `data`: "digits", "sprites" (with options: "sprites:size=16,xs=8"), "patches" of photographs ("patches:size=8"),
    "manifold:name=swiss_roll" (or S2xS2, n=, noise=, d=), "tree:depth=4,branches=3", "hierarchy:PATH" of a table of children and parents,
    a folder of images or of MNIST's IDX files, a path to .npy, .npz, .csv, .tsv or .parquet, "torchvision:NAME", "hf:NAME", a numpy array,
    a torch tensor, a pandas DataFrame, an arrow table, a map-style data set, a list of PIL images or paths, or a `Source`.
    `labels`: None (those the data itself has), "none", "folders" (the first sub-folder), a column or key, a csv of (id or path, label), or
    one value for each item; None, NaN, "" and -1 are missing. The further columns of such a csv are attributes. `attributes`: further
    things known about the items: columns or keys (joined by +), a csv with a column each, or values by name (`kinds.as_attribute`).
    Columns named here are not part of the observations. `groups` (items of one group stay in one part of the split; where there
    are no labels, methods whose card says so learn that they belong together; "" or None is no group) and `parts`
    (train, validation, test) are given in the same ways. `mirror`: whether a left-right flip keeps the meaning.
    `like`: open it the way this intake's training data was opened (size, colour, columns), to encode new data.
    Further options belong to the kind of source. Raises `Problem` or `Misuse` in one line.
    """
    opener, value, said = _opener(data)
    options = {**(_as_learned(opener, like) if like else {}), **said, **options}
    named = [os.fspath(v) for v in (labels, groups, parts) if isinstance(v, (str, os.PathLike))]
    aside = [*named, *(form for pair in names_in(attributes).items() for form in pair)]
    found = opener(value, aside, **_checked(options, opener))
    source = found.source
    if labels is None and found.labels is not None:
        source = replace(source, labels=as_labels(found.labels))
    elif labels is not None:
        source = _labelled(source, found, labels)
    if attributes is not None:
        more, notes = attributes_of(found, attributes)
        source = replace(source, attributes=distinct([*source.attributes, *more]), notes=(*source.notes, *notes))
    if groups is not None:
        values, notes = values_of(found, groups, "groups")
        source = replace(source, groups=["" if v is None else str(v) for v in values], notes=(*source.notes, *notes))
    if parts is not None:
        values, notes = values_of(found, parts, "parts")
        source = replace(source, parts=as_parts(values, source.item_keys), notes=(*source.notes, *notes))
    elif source.parts is not None and opener is not _same:
        source = replace(source, parts=as_parts(source.parts.tolist(), source.item_keys))
    source = replace(source, name=name or source.name, mirror=source.mirror if mirror is None else mirror)
    source.check_items()
    return like.accept(source) if like else source


def _labelled(source: Source, found: Found, labels: Any) -> Source:
    if isinstance(labels, str) and labels == "none":
        return replace(source, labels=None)
    if isinstance(labels, (str, os.PathLike)) and os.fspath(labels) not in found.beside and Path(labels).is_file():
        return _from_sheet(source, Sheet.of(found, Path(labels)))
    values, notes = values_of(found, labels, "labels")
    return replace(source, labels=as_labels(values), notes=(*source.notes, *notes))


def _from_sheet(source: Source, sheet: Sheet) -> Source:
    """The label of a file, which may be the only thing in it, and its other columns as attributes."""
    attributes, notes = from_sheet(sheet, sheet.others)
    source = replace(source, attributes=attributes, notes=(*source.notes, sheet.said("labels"), *notes))
    if sheet.label is None:
        return replace(source, notes=(*source.notes, f"no column of {sheet.path.name} is called label, so all are attributes"))
    return replace(source, labels=as_labels(sheet.values(sheet.label, "labels")))


def _opener(data: Any) -> tuple[Opener, Any, dict[str, Any]]:
    """Who opens `data`, what to hand over, and the options that stand in the text itself."""
    if isinstance(data, Source):
        return _same, data, {}
    if isinstance(data, (str, os.PathLike)):
        return _by_text(os.fspath(data))
    if isinstance(data, (np.ndarray, torch.Tensor)):
        return open_array, data, {}
    if isinstance(data, pa.Table) or hasattr(data, "to_arrow"):
        return open_table, data if isinstance(data, pa.Table) else data.to_arrow(), {}
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return open_frame, data, {}
    if isinstance(data, Mapping):
        return open_parts, data, {}
    if isinstance(data, (list, tuple)):
        return _by_list(data)
    if hasattr(data, "toarray") or hasattr(data, "todense"):
        raise Problem(f"sparse matrices are not read; bring a dense array (.toarray()), got {type(data).__name__}")
    if hasattr(data, "__array__"):
        return open_array, np.asarray(data), {}
    if hasattr(data, "__getitem__") or hasattr(data, "__iter__"):
        return open_dataset, data, {}
    raise Misuse(f"cannot read data from a {type(data).__name__}; bring a path, an array, a tensor, a DataFrame or a map-style data set")


def _by_text(text: str) -> tuple[Opener, Any, dict[str, Any]]:
    kind, _, rest = text.partition(":")
    if kind.lower() in BUILT_IN:
        return BUILT_IN[kind.lower()], "", options_of(rest)
    if kind.lower() in HUBS and rest:
        return HUBS[kind.lower()], rest, {}
    if kind.lower() in PREFIXES and rest:
        return PREFIXES[kind.lower()], rest, {}
    path = Path(text).expanduser()
    suffix = path.suffix.lower()
    if path.is_dir():
        return open_idx if is_idx(path) else open_folder, path, {}
    if suffix in LATER:
        raise Problem(f"{text}: texts come with a later family of methods; today allegory reads images, arrays and tables")
    if path.exists() and suffix in FILES:
        return FILES[suffix], path, {}
    if path.exists():
        raise Misuse(f"{text}: expected a folder of images or a file ending in {', '.join(FILES)}; got {suffix or 'no ending'}")
    if suffix or len(path.parts) > 1:
        raise Misuse(f"{text}: there is no such file or folder")
    known = [*BUILT_IN, *(f"{hub}:NAME" for hub in HUBS), *(f"{of}:PATH" for of in PREFIXES)]
    raise nearest(text, known, "data (and no such file or folder)")


def _by_list(data: Sequence[Any]) -> tuple[Opener, Any, dict[str, Any]]:
    if not data:
        raise Problem("the list of data is empty")
    if all(isinstance(item, (str, os.PathLike, Image.Image)) for item in data):
        return open_pictures, data, {}
    try:
        return open_array, np.asarray([np.asarray(item) for item in data]), {}
    except ValueError:
        raise Problem("the items of the list have different shapes; bring items of one shape, or images or paths of images") from None


def _same(source: Source, aside: Sequence[str] = ()) -> Found:
    del aside
    return Found(source)


def options_of(text: str) -> dict[str, Any]:
    """Options written as a=1,b=2."""
    options: dict[str, Any] = {}
    for pair in filter(None, text.split(",")):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value):
            raise Misuse(f"expected options like size=16,xs=8, got {pair!r}")
        options[key] = int(value) if value.isdigit() else value
    return options


def _takes(opener: Opener) -> list[str]:
    ours = () if opener in BUILT_IN.values() else ("name", "ids", "skipped")  # these are not for the caller to say
    return [p.name for p in inspect.signature(opener).parameters.values() if p.kind is p.KEYWORD_ONLY and p.name not in ours]


def _checked(options: dict[str, Any], opener: Opener) -> dict[str, Any]:
    """`options`, all of which `opener` knows."""
    unknown = sorted(set(options) - set(_takes(opener)))
    if unknown:
        takes = f"it takes {', '.join(_takes(opener))}" if _takes(opener) else "it takes none"
        raise Misuse(f"unknown option {', '.join(unknown)} for this kind of data; {takes}")
    return options


def _as_learned(opener: Opener, like: Intake) -> dict[str, Any]:
    """The options by which new data comes out in the form of the data that was learned from."""
    raw, takes = like.raw, _takes(opener)
    options: dict[str, Any] = {"columns": like.columns} if like.columns and "columns" in takes else {}
    if isinstance(raw, Array) and raw.is_image:
        if opener in (open_folder, open_pictures):
            options = {"size": raw.shape[1:], "channels": raw.shape[0]} if raw.shape[0] in (1, 3) else {}
        elif raw.levels and "levels" in takes:
            options = {"levels": raw.levels}
        elif like.holes and "missing" in takes:
            options = {"missing": "keep"}
    elif isinstance(raw, Array) and raw.is_series and "series" in takes:
        options = {"series": True}
    return options
