"""A folder of images, flat or nested, and lists of images."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from allegory.core import Array, Problem
from allegory.data.found import Found
from allegory.data.images import Decoded, Picture, decode_all
from allegory.data.source import Skipped, Source

SPLITS = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2, "testing": 2}


def open_folder(
    folder: Path, aside: Sequence[str] = (), *, size: int | tuple[int, int] | None = None, channels: int | None = None
) -> Found:
    """The images below `folder`, in the order of their paths, which are the ids. Folders named train, val and test are its own split."""
    del aside
    files, skipped, hidden = _listed(folder)
    if not files:
        raise Problem(f"{folder} has no files in it; expected a folder of images, flat or with sub-folders")
    ids = [readable(file) for file in files]
    decoded = decode_all([folder / file for file in files], ids, size, channels)
    if not len(decoded.used):
        raise Problem(
            f"none of the {len(files)} files in {folder} is an image that can be used: {ids[0]} ({decoded.skipped[0].reason}) ..."
        )
    used = [PurePosixPath(Path(files[i]).as_posix()) for i in decoded.used]
    split, below, notes = _own_split(used)
    if hidden:
        notes.append(f"{hidden} hidden files were not looked at")
    firsts = [path.parts[below] if len(path.parts) > below + 1 else None for path in used]
    source = _source(folder.resolve().name or str(folder), decoded, [ids[i] for i in decoded.used], [*skipped], notes, split)
    return Found(source, {"folders": [None if f is None else readable(f) for f in firsts]}, root=str(folder.resolve()))


def open_pictures(items: Sequence[Any], aside: Sequence[str] = (), *, size: int | None = None, channels: int | None = None) -> Found:
    """A list of PIL images and paths, in its order."""
    del aside
    pictures: list[Picture] = [Path(item) if isinstance(item, str) else item for item in items]
    ids = [readable(str(p)) if isinstance(p, Path) else str(i) for i, p in enumerate(pictures)]
    decoded = decode_all(pictures, ids, size, channels)
    if not len(decoded.used):
        raise Problem(f"none of the {len(pictures)} images can be used: {ids[0]} ({decoded.skipped[0].reason}) ...")
    return Found(_source("images", decoded, [ids[i] for i in decoded.used], [], [], None), used=decoded.used)


def _source(name: str, decoded: Decoded, ids: Sequence[str], skipped: list[Skipped], notes: list[str], parts: np.ndarray | None) -> Source:
    return Source(
        name=name, spec=Array(decoded.x.shape[1:], 256), x=decoded.x, ids=ids, parts=parts, mirror=decoded.colour,
        notes=(*decoded.notes, *notes), skipped=(*skipped, *decoded.skipped),
    )  # fmt: skip


def _listed(folder: Path) -> tuple[list[str], list[Skipped], int]:
    """The files below `folder` by sorted relative path; what was not entered; how many hidden files there are."""
    files: list[str] = []
    skipped: list[Skipped] = []
    hidden = 0

    def unreadable(e: OSError) -> None:
        if e.filename == str(folder):
            raise Problem(f"cannot read the folder {folder}: {e.strerror}") from e
        skipped.append(Skipped(readable(str(Path(e.filename).relative_to(folder))), f"folder cannot be read: {e.strerror}"))

    for top, folders, names in os.walk(folder, onerror=unreadable):
        here = Path(top).relative_to(folder)
        for name in folders:
            if Path(top, name).is_symlink():
                skipped.append(Skipped(readable(str(here / name)), "a link to a folder is not followed"))
        folders[:] = [n for n in folders if not _hidden(n)]
        hidden += sum(map(_hidden, names))
        files += [str(here / name) for name in names if not _hidden(name)]
    return sorted(files), skipped, hidden


def _hidden(name: str) -> bool:
    """What the system keeps beside people's files."""
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def _own_split(paths: Sequence[PurePosixPath]) -> tuple[np.ndarray | None, int, list[str]]:
    """Each item's part when the top folders are named train, val, test (else None), and at which depth the classes begin."""
    tops = [path.parts[0].lower() if len(path.parts) > 1 else "" for path in paths]
    part = {top: SPLITS.get(top, -1) for top in set(tops)}
    if -1 in part.values() or 0 not in part.values() or len(set(part.values())) < 2:
        return None, 0, []
    return np.array([part[top] for top in tops]), 1, [f"the folders {', '.join(sorted(part))} are taken as the data's own split"]


def readable(name: str) -> str:
    """A file name as text that can be printed and written as UTF-8: bytes that are not UTF-8 and control characters are escaped."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
