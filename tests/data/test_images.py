"""Folders of images with everything that can be wrong with them."""

import io
import os
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from allegory.core import Misuse, Problem
from allegory.data import decode, open_source
from allegory.data.decode import Bad
from allegory.data.images import decode_all, room

RANDOM = np.random.default_rng(0)


def picture(height: int = 20, width: int = 20, channels: int = 3) -> Image.Image:
    array = RANDOM.integers(0, 256, size=(height, width, channels), dtype=np.uint8)
    return Image.fromarray(array if channels > 1 else array[..., 0])


def corners(size: int = 32) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    array = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    array[:half, :half], array[:half, half:], array[half:, :half], array[half:, half:] = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255,) * 3
    return Image.fromarray(array)


def quadrants(x: np.ndarray) -> list[tuple[int, ...]]:
    """The rounded colours (0 or 1 a channel) of the four quadrants of (c, s, s)."""
    a, b = x.shape[-1] // 4, 3 * x.shape[-1] // 4
    return [tuple(np.rint(x[:, i, j] / 255).astype(int)) for i, j in ((a, a), (a, b), (b, a), (b, b))]


RED, GREEN, BLUE, WHITE, BLACK = (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (0, 0, 0)


def decoded(tmp_path, image: Image.Image, name: str, size: int = 32, channels: int = 3, **save) -> np.ndarray:
    image.save(tmp_path / name, **save)
    return decode.pixels(tmp_path / name, (size, size), channels)


@pytest.fixture
def folder(tmp_path):
    for kind in ("cats", "dogs"):
        (tmp_path / kind).mkdir()
        for i in range(10):
            picture(30 + i, 40).save(tmp_path / kind / f"{i}.png")
    return tmp_path


def test_a_nested_folder_is_read_in_order_with_its_paths_as_ids(folder):
    s = open_source(folder, "folders")
    assert len(s) == 20 and s.id(0) == "cats/0.png" and s.id(19) == "dogs/9.png" and s.mirror
    assert s.labels is not None and s.labels.names == ("cats", "dogs") and s.labels.values.tolist() == [0] * 10 + [1] * 10
    assert s.spec.shape == (3, 34, 34) and "resized to 34 x 34" in s.describe()  # the median short side of 30 ... 39
    assert open_source(folder).labels is None


def test_a_flat_folder_and_duplicate_names(folder):
    picture().save(folder / "0.png")
    s = open_source(str(folder), "folders", size=16)
    assert len(s) == 21 and [s.id(i) for i in (0, 1, 11)] == ["0.png", "cats/0.png", "dogs/0.png"]
    assert s.labels is not None and s.labels.values[0] == -1 and s.labels.listed()[:2] == [None, "cats"]


def test_deep_folders_are_labelled_by_the_first(tmp_path):
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    picture().save(tmp_path / "a" / "b" / "c" / "x.png")
    s = open_source(tmp_path, "folders")
    assert s.id(0) == "a/b/c/x.png" and s.labels is not None and s.labels.names == ("a",)


def test_folders_named_train_and_test_are_the_split(tmp_path):
    for part in ("train", "val", "test"):
        for kind in ("a", "b"):
            (tmp_path / part / kind).mkdir(parents=True)
            for i in range(3):
                picture().save(tmp_path / part / kind / f"{i}.png")
    s = open_source(tmp_path, "folders")
    assert s.labels is not None and s.labels.names == ("a", "b")
    assert {s.id(i).split("/")[0] for i in s.part("validation")} == {"val"} and len(s.part("train")) == 6
    assert "own split" in s.describe()


def test_hostile_files_are_skipped_with_a_reason_and_the_counts_add_up(folder, monkeypatch):
    monkeypatch.setattr(decode, "MAX_BYTES", 200_000)
    good = folder / "cats" / "0.png"
    (folder / "cats" / "a truncated.png").write_bytes(good.read_bytes()[:-500])
    (folder / "truncated.png").write_bytes(good.read_bytes()[:-400])
    (folder / "half.jpg").write_bytes(_jpeg(picture(200, 200))[:3000])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "labels.txt").write_text("this is not an image")
    (folder / "lies.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (folder / "bomb.png").write_bytes(_png_header(60_000, 60_000))
    (folder / "big.png").write_bytes(_png_header(11_000, 10_000))
    (folder / "heavy.bmp").write_bytes(bytes(200_001))
    (folder / "zip.png").write_bytes(b"PK\x03\x04" + bytes(64))
    (folder / "post.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    (folder / "broken.png").symlink_to(folder / "nowhere.png")
    (folder / "linked").symlink_to(folder / "dogs")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.png")
    (folder / ".DS_Store").write_bytes(b"x")
    s = open_source(folder, size=16)
    reasons = {k.id: k.reason for k in s.skipped}
    assert len(s) == 20 and len(reasons) == len(s.skipped) == 15
    assert "truncated" in reasons["truncated.png"] and "truncated" in reasons["half.jpg"]
    assert reasons["empty.jpg"] == "empty file" and reasons["labels.txt"] == reasons["post.eps"] == reasons["zip.png"] == "not an image"
    assert reasons["bomb.png"] == reasons["big.png"] == "too large: more than 100 million pixels"
    assert reasons["heavy.bmp"].startswith("too large: more than") and "lies.png" in reasons
    assert "broken link" in reasons["broken.png"] and reasons["pipe.png"] == "not a regular file"
    assert reasons["linked"] == reasons["loop"] == "a link to a folder is not followed"
    for i in range(20):  # what fails only when its pixels are read leaves no gap
        assert (s.take(slice(i, i + 1))[0] == decode.pixels(folder / s.id(i), (16, 16), 3)).all()
    assert "used 20 of 35; skipped 15:" in s.describe() and "1 hidden files" in s.describe()


def test_a_link_to_an_image_is_an_image(folder):
    (folder / "link.png").symlink_to(folder / "cats" / "0.png")
    assert len(open_source(folder, size=16)) == 21


def test_duplicates_under_other_names_stay_in_one_part(folder):
    for i in range(10):
        (folder / f"copy{i}.png").write_bytes((folder / "cats" / f"{i}.png").read_bytes())
    s = open_source(folder, size=16)
    part = {s.id(int(i)): p for p in ("train", "validation", "test") for i in s.part(p)}
    assert all(part[f"copy{i}.png"] == part[f"cats/{i}.png"] for i in range(10))


@pytest.mark.parametrize("name", ["new\nline.png", "ünï 文字.png", b"not-utf8-\xff.png", "<b>&amp;.png", "-rf.png", "a:b.png"])
def test_odd_file_names(folder, name):
    path = os.fsencode(folder) + b"/" + (name if isinstance(name, bytes) else name.encode())
    with open(path, "wb") as f:
        picture().save(f, "png")
    s = open_source(folder, size=16)
    ids = [s.id(i) for i in range(len(s))]
    assert len(s) == 21 and not s.skipped
    assert all(i.isprintable() and i.encode() for i in ids)


@pytest.mark.parametrize("make", ["missing", "empty", "no images"])
def test_folders_without_images(tmp_path, make):
    if make == "no images":
        (tmp_path / "a.txt").write_text("hello")
    target = tmp_path / "nowhere" / "x" if make == "missing" else tmp_path
    with pytest.raises(Problem, match=r"no such file|no files in it|is an image that can be used: a.txt \(not an image\)"):
        open_source(target)


def test_a_folder_that_cannot_be_read(folder, monkeypatch):
    real = os.scandir

    def scandir(path):
        if os.fspath(path).endswith("dogs"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    s = open_source(folder, size=16)
    assert len(s) == 10 and s.skipped[0].id == "dogs" and "Permission denied" in s.skipped[0].reason


# --- pixels -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_undone(tmp_path, orientation):
    undo = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip  # how a camera held that way stores the scene
    stored = corners() if undo[orientation] is None else corners().transpose(undo[orientation])
    exif = Image.Exif()
    exif[decode.ORIENTATION] = orientation
    assert quadrants(decoded(tmp_path, stored, "x.jpg", exif=exif, quality=95)) == [RED, GREEN, BLUE, WHITE]


def test_exif_counts_in_the_header_and_broken_exif_does_no_harm(tmp_path):
    exif = Image.Exif()
    exif[decode.ORIENTATION] = 6
    picture(20, 40).save(tmp_path / "a.jpg", exif=exif)
    assert decode.header(tmp_path / "a.jpg") == decode.Header(20, 40, False)
    picture(20, 40).save(tmp_path / "b.jpg", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff rubbish")
    with decode.quiet():  # as the readers of folders and data sets do: PIL warns, and a warning is an error here
        assert decode.pixels(tmp_path / "b.jpg", (16, 16), 3).shape == (3, 16, 16)


def test_cmyk_jpeg(tmp_path):
    assert quadrants(decoded(tmp_path, corners().convert("CMYK"), "x.jpg", quality=95)) == [RED, GREEN, BLUE, WHITE]


def test_palette_gif_and_png(tmp_path):
    assert quadrants(decoded(tmp_path, corners().quantize(8), "x.gif")) == [RED, GREEN, BLUE, WHITE]
    assert quadrants(decoded(tmp_path, corners().quantize(8), "x.png")) == [RED, GREEN, BLUE, WHITE]


def test_alpha_is_laid_on_white(tmp_path):
    image = corners().convert("RGBA")
    alpha = np.full((32, 32), 255, np.uint8)
    alpha[:16, :16] = 0
    image.putalpha(Image.fromarray(alpha))
    assert quadrants(decoded(tmp_path, image, "x.png")) == [WHITE, GREEN, BLUE, WHITE]
    assert quadrants(decoded(tmp_path, image, "x.webp", lossless=True)) == [WHITE, GREEN, BLUE, WHITE]
    half = Image.new("LA", (8, 8), (0, 128))
    assert decoded(tmp_path, half, "la.png", size=8, channels=1)[0, 0, 0] in (126, 127, 128)


def test_a_transparent_palette_entry_is_white(tmp_path):
    image = Image.new("P", (32, 32), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (16, 0, 32, 32))
    x = decoded(tmp_path, image, "x.png", transparency=0)
    assert quadrants(x) == [WHITE, GREEN, WHITE, GREEN]


def test_grey_and_one_bit(tmp_path):
    ramp = Image.fromarray(np.repeat(np.arange(0, 256, 8, dtype=np.uint8)[None], 32, 0))
    assert (decoded(tmp_path, ramp, "x.png", channels=1)[0] == np.asarray(ramp)).all()
    assert set(np.unique(decoded(tmp_path, ramp.convert("1"), "y.png", channels=1))) <= {0, 255}


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.pgm"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path, name):
    deep = np.repeat((np.arange(16) * 4096).astype(np.uint16)[None], 16, 0)
    x = decoded(tmp_path, Image.fromarray(deep), name, size=16, channels=1)
    assert (x[0, 3] == np.rint(np.arange(16) * 4096 / 257)).all()


def test_32_bit_integers_and_real_numbers(tmp_path):
    ints = np.repeat((np.arange(16) * 1_000_000 - 500).astype(np.int32)[None], 16, 0)
    assert (decoded(tmp_path, Image.fromarray(ints), "i.tif", size=16, channels=1)[0, 0] == np.rint(np.arange(16) * 17)).all()
    unit = np.repeat((np.arange(16, dtype=np.float32) / 15 * 0.8)[None], 16, 0)
    assert (decoded(tmp_path, Image.fromarray(unit), "f.tif", size=16, channels=1)[0, 0] == np.rint(np.arange(16) / 15 * 204)).all()
    constant = np.full((16, 16), -3, np.int32)
    assert decoded(tmp_path, Image.fromarray(constant), "c.tif", size=16, channels=1).max() == 0
    unit[3, 3] = np.nan
    with pytest.raises(Bad, match=r"NaN"):
        decoded(tmp_path, Image.fromarray(unit), "n.tif", size=16, channels=1)


def test_16_bit_colour_png(tmp_path):
    (tmp_path / "x.png").write_bytes(_png16(np.full((8, 8, 3), (65535, 32768, 0), np.uint16)))
    x = decode.pixels(tmp_path / "x.png", (8, 8), 3)
    assert x[0, 0, 0] == 255 and x[1, 0, 0] in (127, 128) and x[2, 0, 0] == 0


@pytest.mark.parametrize("name", ["x.gif", "x.png", "x.webp"])
def test_animations_give_their_first_frame(tmp_path, name):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    x = decoded(tmp_path, frames[0], name, size=16, save_all=True, append_images=frames[1:])
    assert x[0].min() > 240 and x[2].max() < 15


def test_the_middle_is_kept_and_the_short_side_fitted(tmp_path):
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 255
    assert decoded(tmp_path, Image.fromarray(wide), "w.png", size=20).min() == 255
    tall = Image.fromarray(wide.transpose(1, 0, 2))
    assert decoded(tmp_path, tall, "t.png", size=20).min() == 255
    assert decoded(tmp_path, Image.new("RGB", (300, 1), "red"), "thin.png", size=8).shape == (3, 8, 8)


def test_a_large_jpeg_is_decoded_small_and_right(tmp_path):
    assert quadrants(decoded(tmp_path, corners(1024), "x.jpg", size=16)) == [RED, GREEN, BLUE, WHITE]


def test_large_images_wait_for_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "LARGE_PIXELS", 10)
    taken = []
    real = decode._fitted
    monkeypatch.setattr(decode, "_fitted", lambda *a, **k: (taken.append(decode._one_large_at_a_time.locked()), real(*a, **k))[1])
    decoded(tmp_path, picture(), "x.png")
    assert taken == [True] and not decode._one_large_at_a_time.locked()


# --- many images --------------------------------------------------------------------------------------------------------------------


def test_grey_if_all_are_grey(tmp_path):
    for i in range(12):
        picture(channels=1).save(tmp_path / f"{i}.png")
    s = open_source(tmp_path)
    assert s.spec.shape[0] == 1 and not s.mirror
    picture(channels=1).convert("RGB").save(tmp_path / "rgb.png")
    assert open_source(tmp_path).spec.shape[0] == 1  # stored as colour, but grey
    picture().save(tmp_path / "colour.png")
    s = open_source(tmp_path)
    assert s.spec.shape[0] == 3 and s.mirror
    assert open_source(tmp_path, mirror=False).mirror is False
    assert open_source(tmp_path, channels=1).spec.shape[0] == 1


def test_the_size_is_at_most_64_unless_said(tmp_path):
    picture(200, 300).save(tmp_path / "a.png")
    assert open_source(tmp_path).spec.shape == (3, 64, 64)
    assert open_source(tmp_path, size=128).spec.shape == (3, 128, 128)
    for wrong in (0, -3, 3, 100_000, "big", 2.5):
        with pytest.raises(Misuse, match=r"size: expected whole numbers"):
            open_source(tmp_path, size=wrong)
    with pytest.raises(Misuse, match=r"unknown option sizes.*it takes size, channels"):
        open_source(tmp_path, sizes=3)


def test_lists_of_images_and_paths(folder):
    items = [picture(), str(folder / "cats" / "0.png"), folder / "dogs" / "1.png", folder / "missing.png", picture()]
    s = open_source(items, labels=["a", "b", "a", "b", None], size=16)
    assert len(s) == 4 and len(s.skipped) == 1 and "missing.png" in s.skipped[0].id
    assert s.labels is not None and s.labels.listed() == ["a", "b", "a", None] and s.id(3) == "4"


def test_images_in_memory_are_left_as_they_were(folder):
    with Image.open(folder / "cats" / "0.png") as held:
        before = held.size
        open_source([held], size=8)
        assert held.size == before
    stored = io.BytesIO(_jpeg(picture(200, 200)))
    lazy = Image.open(stored)
    open_source([lazy], size=8)
    assert lazy.size == (200, 200)


def test_decoding_leaves_no_threads_and_keeps_order_over_blocks(monkeypatch):
    monkeypatch.setattr("allegory.data.images.BLOCK", 3)
    items = [Image.new("L", (8, 8), i * 10) for i in range(11)]
    before = threading.active_count()
    d = decode_all(items, [str(i) for i in range(11)], 8)
    assert d.x[:, 0, 0, 0].tolist() == [i * 10 for i in range(11)] and threading.active_count() == before


def test_much_data_is_mapped_to_a_file_that_vanishes(monkeypatch, tmp_path):
    monkeypatch.setattr("allegory.data.images.IN_MEMORY_BYTES", 100)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    x = room((10, 3, 4, 4))
    x[...] = 7
    assert isinstance(x, np.memmap) and x.sum() == 7 * 480 and list(tmp_path.iterdir()) == []


def test_a_full_temporary_folder_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr("allegory.data.images.IN_MEMORY_BYTES", 100)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(Problem, match=r"No space left on device; set TMPDIR"):
        room((1000, 1000))


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "jpeg")
    return out.getvalue()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(1000))) + _chunk(b"IEND", b"")


def _png16(rgb: np.ndarray) -> bytes:
    header = struct.pack(">IIBBBBB", rgb.shape[1], rgb.shape[0], 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rgb)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
