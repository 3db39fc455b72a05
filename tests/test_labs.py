"""Every lab has its page and its pictures, and the list of labs names it. (That a page is what its script writes shows when it is run.)"""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

LABS = Path(__file__).resolve().parent.parent / "docs" / "labs"
SCRIPTS = sorted(LABS.glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_lab_is_whole(script):
    page = script.with_suffix(".md").read_text()
    assert f"docs/labs/{script.name}" in page.splitlines()[0], "the first line says who wrote the page"
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert pictures
    for picture in pictures:
        if picture.endswith(".png"):
            Image.open(LABS / picture).verify()
        else:
            assert ET.parse(LABS / picture).getroot().tag.endswith("svg")
    assert f"]({script.stem}.md)" in (LABS / "README.md").read_text()
