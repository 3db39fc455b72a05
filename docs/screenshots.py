"""Pictures of a report for the docs: `python docs/screenshots.py RUN/report.html docs/images`.

Writes report-1280-light.png, report-1280-dark.png, report-390-light.png and report-390-dark.png (whole pages), and report.png, the first
screen at 1280 pixels. Needs Playwright and a Chromium: Debian's, or any that is on the path, or Playwright's own.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Without a GPU, WebGL is drawn by SwiftShader.
ARGUMENTS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
SIZES = {1280: 900, 390: 844}


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        try:
            yield chromium
        finally:
            chromium.close()


def picture(chromium: Any, page: Path, to: Path, width: int, scheme: str, whole: bool = True) -> None:
    """One screenshot, the whole page or the first screen, with the map drawn and everything loaded."""
    context = chromium.new_context(viewport={"width": width, "height": SIZES.get(width, 900)}, color_scheme=scheme, reduced_motion="reduce")
    try:
        tab = context.new_page()
        tab.goto(page.resolve().as_uri())
        tab.evaluate("document.querySelectorAll('img[loading]').forEach((i) => { i.loading = 'eager'; })")
        tab.evaluate("Promise.all([...document.images].filter((i) => i.src).map((i) => i.decode().catch(() => null)))")
        tab.wait_for_timeout(400)
        tab.screenshot(path=str(to), full_page=whole)
    finally:
        context.close()


def main(page: Path, folder: Path) -> None:
    """All pictures of a page."""
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as chromium:
        for width in SIZES:
            for scheme in ("light", "dark"):
                picture(chromium, page, folder / f"{page.stem}-{width}-{scheme}.png", width, scheme)
        picture(chromium, page, folder / f"{page.stem}.png", 1280, "light", whole=False)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python docs/screenshots.py RUN/report.html docs/images")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
