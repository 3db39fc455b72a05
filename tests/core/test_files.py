"""Every file is written whole or not at all."""

import errno
import json
import os
import shutil
import stat
import subprocess

import pytest

from allegory.core import Problem, files


def fail_at(monkeypatch, operation: str, error: BaseException, after: int = 0) -> list[str]:
    """Raises `error` at the occurrence number `after` of an operation; the list records all of them."""
    seen: list[str] = []

    def fault(op, path):
        seen.append(op)
        if op == operation and seen.count(op) > after:
            raise error

    monkeypatch.setattr(files, "fault", fault)
    return seen


def test_what_is_written_is_there(tmp_path):
    files.atomic_write(tmp_path / "new" / "folders" / "a.txt", "héllo")
    assert (tmp_path / "new" / "folders" / "a.txt").read_text(encoding="utf-8") == "héllo"
    files.atomic_write(str(tmp_path / "b.bin"), b"\0\1")
    files.atomic_write(tmp_path / "b.bin", b"\2")
    assert (tmp_path / "b.bin").read_bytes() == b"\2" and sorted(p.name for p in tmp_path.iterdir()) == ["b.bin", "new"]


def test_rights_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        files.atomic_write(tmp_path / "a", "x")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


@pytest.mark.parametrize("operation", ["write", "fsync", "rename"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt(), RuntimeError("stop")])
def test_a_fault_at_any_point_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch, operation, error):
    path = tmp_path / "a.json"
    files.write_json(path, {"old": 1})
    seen = fail_at(monkeypatch, operation, error)
    with pytest.raises(Problem if isinstance(error, OSError) else type(error)):
        files.write_json(path, {"new": 2})
    assert files.read_json(path) == {"old": 1} and [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert seen == ["write", "fsync", "rename"][: len(seen)] and seen[-1] == operation


def test_an_error_in_the_block_leaves_the_old_content(tmp_path):
    files.atomic_write(tmp_path / "a", "old")
    with pytest.raises(ZeroDivisionError), files.atomic(tmp_path / "a") as f:
        f.write(b"half of the new")
        1 / 0  # noqa: B018
    assert (tmp_path / "a").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_content_is_synced_before_the_rename_and_the_folder_after(tmp_path, monkeypatch):
    order = []
    real_sync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda h: (order.append("folder" if stat.S_ISDIR(os.fstat(h).st_mode) else "file"), real_sync(h))[1])
    monkeypatch.setattr(os, "replace", lambda *a: (order.append("rename"), real_replace(*a))[1])
    files.atomic_write(tmp_path / "a", "x")
    assert order == ["file", "rename", "folder"]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (errno.ENOSPC, r"cannot write .*a: the disk is full; free some space or choose another folder. What was there before is untouched"),
        (errno.EDQUOT, r"quota"),
        (errno.EROFS, r"read-only"),
        (errno.EACCES, r"no permission"),
        (errno.EMFILE, r"Too many open files"),
    ],
)
def test_the_reason_is_said_in_one_line(tmp_path, monkeypatch, code, line):
    fail_at(monkeypatch, "write", OSError(code, os.strerror(code)))
    with pytest.raises(Problem, match=line) as e:
        files.atomic_write(tmp_path / "a", "x")
    assert "\n" not in str(e.value)


def test_a_disk_that_is_really_full(tmp_path):
    mount = shutil.which("mount")
    made = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True).returncode == 0
    if not made:
        pytest.skip("mounting a small tmpfs needs root; the same error is injected in test_the_reason_is_said_in_one_line")
    try:
        files.atomic_write(tmp_path / "a", b"old")
        with pytest.raises(Problem, match=r"the disk is full"):
            files.atomic_write(tmp_path / "a", bytes(200_000))
        assert (tmp_path / "a").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(Problem, match=r"cannot write .*: (a part of the path is a file|File exists)"):
        files.atomic_write(tmp_path / "a" / "b", "x")
    with pytest.raises(Problem, match=r"it is a folder"):
        files.atomic_write(tmp_path, "x")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_json_has_no_nan_and_keeps_text_readable(tmp_path):
    files.write_json(tmp_path / "a.json", {"a": float("nan"), "b": [float("inf"), (1.5, -float("inf"))], "c": "Köln"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": None, "b": [None, [1.5, None]], "c": "Köln"} and "Köln" in text and text.endswith("\n")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1} x'])
def test_malformed_json_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(Problem, match=r"a.json is not valid JSON") as e:
        files.read_json(tmp_path / "a.json")
    assert "\n" not in str(e.value)


def test_missing_and_oversized_json(tmp_path):
    with pytest.raises(Problem, match=r"cannot read .*: it does not exist"):
        files.read_json(tmp_path / "none.json")
    with pytest.raises(Problem, match=r"it is a folder"):
        files.read_json(tmp_path)
    files.write_json(tmp_path / "a.json", ["x" * 100])
    with pytest.raises(Problem, match=r"larger than"):
        files.read_json(tmp_path / "a.json", limit=50)


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
