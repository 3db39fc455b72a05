"""The generated pages are what the cards and the ledger say now."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from allegory.pages import zoo

ROOT = Path(__file__).resolve().parent.parent


def test_generated_pages_are_up_to_date():
    done = subprocess.run([sys.executable, str(ROOT / "docs" / "build.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_deviations_are_collected_from_comments():
    source = "x = 1\n# Deviates: no bias,\n# to save memory.\ny = 2\n# a plain comment\n    # Deviates: smaller.\n"
    assert zoo.deviates(source) == ["no bias, to save memory.", "smaller."]


def test_the_newest_row_of_a_claim_counts():
    rows = [{"method": "A", "question": "q", "metric": "m", "data": "d", "value": v} for v in (1, 2)]
    assert zoo.newest(rows, "A", "q", "m", "d") == rows[1]
    assert zoo.newest(rows, "B", "q", "m", "d") is None


def test_the_gallery_is_whole():
    """The page says who wrote it, and each of its pictures is there and shows every method of its table."""
    page = (ROOT / "docs" / "gallery.md").read_text()
    assert "docs/gallery.py" in page.splitlines()[0]
    sections = page.split("\n## ")[1:]
    assert len(sections) == 5
    for section in sections:
        names = re.findall(r"^\| ([^|]+) \| [\d.]+ \|", section, flags=re.M)
        (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", section)
        words = {t.text for t in ET.parse(ROOT / "docs" / picture).getroot().iter() if t.tag.endswith("text")}
        assert len(names) == 16 and set(names) <= words
