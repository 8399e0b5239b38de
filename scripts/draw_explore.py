"""Draw docs/explore.jpg: the page of `explore` with a photograph of scikit-image.

    python -m scripts.draw_explore docs/explore.jpg

Needs Chromium and the extras `explore` and `browser`. Prints how long the page takes
for its first image and for the second one.
"""

import argparse
import io
import re
import subprocess
import sys
import time
from pathlib import Path

import PIL.Image
import skimage
from playwright.sync_api import Page
from playwright.sync_api import sync_playwright

from tests.browser import CHROMIUM
from tests.browser import OPTIONS

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
WIDTH, HEIGHT = 1100, 900  # pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    path = parser.parse_args().path
    script = Path(sys.executable).with_name("keras-resattn")
    command = [script, "explore", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            draw(re.findall(r"http://127\.0\.0\.1:\d+", line)[0], path)
        finally:
            process.terminate()


def draw(url: str, path: str) -> None:
    """Open the page, give it two photographs and save how it looks after the second."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(url)
        page.get_by_text("Drop an image, or choose an example.").wait_for()
        print(f"first image: {seconds_until_drawn(page, 'coffee.png'):.2f} s")
        page.get_by_label("Clear").or_(page.get_by_label("Remove Image")).first.click()
        page.get_by_alt_text("Grad-CAM over the image").wait_for(state="detached")
        print(f"second image: {seconds_until_drawn(page, 'chelsea.png'):.2f} s")
        page.wait_for_timeout(1000)  # milliseconds, until sliders stand still
        picture = PIL.Image.open(io.BytesIO(page.screenshot(full_page=True)))
        picture.convert("RGB").save(path, quality=85)


def seconds_until_drawn(page: Page, name: str) -> float:
    """Give the page a photograph; return the time until its last figure."""
    start = time.perf_counter()
    page.set_input_files("#image input[type=file]", PHOTOGRAPHS / name)
    page.get_by_alt_text("Grad-CAM over the image").wait_for(timeout=120_000)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
