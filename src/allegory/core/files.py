"""One way to write a file: whole or not at all."""

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from allegory.core.errors import Problem


def fault(operation: str, path: Path) -> None:
    """Called before every "write", "fsync" and "rename". Tests replace it with one that raises."""
    del operation, path


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of `path` when the block ends without an error; else `path` is left as it was.

    Temporary file beside it, fsync, rename, fsync of the folder. A full disk or a read-only folder raises `Problem`.
    """
    path = Path(path)
    temp: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fault("write", path)
        handle, temp = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as f:
            yield f
            f.flush()
            fault("fsync", path)
            os.fsync(f.fileno())
        fault("rename", path)
        os.chmod(temp, 0o666 & ~_umask())
        os.replace(temp, path)
        temp = None
        sync_folder(path.parent)
    except OSError as e:
        raise Problem(f"cannot write {path}: {_reason(e)}. What was there before is untouched.") from e
    finally:
        if temp is not None:
            with contextlib.suppress(OSError):
                os.unlink(temp)


def atomic_write(path: Path | str, content: bytes | str) -> None:
    """Writes `content` to `path`, whole or not at all."""
    with atomic(path) as f:
        f.write(content.encode() if isinstance(content, str) else content)


def write_json(path: Path | str, value: Any) -> None:
    """Writes `value` as indented JSON; NaN and infinity are written as null."""
    atomic_write(path, json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path | str, limit: int = 64 << 20) -> Any:
    """Reads JSON of at most `limit` bytes; a missing, too large or malformed file raises `Problem`."""
    path = Path(path)
    try:
        if path.stat().st_size > limit:
            raise Problem(f"{path} is larger than {limit >> 20} MiB; it is not one of our files")
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise Problem(f"cannot read {path}: {_reason(e)}") from e
    except (ValueError, RecursionError) as e:
        if isinstance(e, Problem):
            raise
        raise Problem(f"{path} is not valid JSON: {e}") from e


def sha256(path: Path | str) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def finite(value: Any) -> Any:
    """`value` with NaN and infinity as None, which JSON knows."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return value


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _reason(e: OSError) -> str:
    known = {
        errno.ENOSPC: "the disk is full; free some space or choose another folder",
        errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
        errno.EROFS: "the file system is read-only; choose another folder",
        errno.EACCES: "no permission; choose another folder or change its rights",
        errno.ENOENT: "it does not exist",
        errno.ENOTDIR: "a part of the path is a file, not a folder",
        errno.EISDIR: "it is a folder, not a file",
    }
    return known.get(e.errno or 0, os.strerror(e.errno) if e.errno else str(e))
