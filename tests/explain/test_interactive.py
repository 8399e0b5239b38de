"""The interactive page of `explain --html`: its numbers, and the page in Chromium."""

import base64
import json
import re

import numpy as np
import pytest

from keras_resattn import explain
from keras_resattn.explain.interactive import quantized

MODULE = "stage2_attention1"
STEP = 1 / 255


@pytest.fixture(scope="module")
def written(model_folder, pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("interactive")
    path = explain.write_explanations(
        model_folder, pictures[:2], out, figures=False, html=True
    )
    assert path == out / "interactive.html"
    return path


def content(path):
    text = path.read_text("utf-8")
    found = re.search('<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(found[1])


def restored(text, shape, limits):
    """Return the values `(h, w, C)` that the page shows."""
    height, width, count = shape
    steps = np.frombuffer(base64.b64decode(text), "uint8").astype("float64")
    planes = steps.reshape(count, height, width)
    low, high = limits
    return np.moveaxis(low + (high - low) * planes / 255, 0, -1)


def test_values_are_rounded_to_255_steps():
    values = np.random.default_rng(0).uniform(-1, 1, (5, 4, 3))
    back = restored(quantized(values, (-1, 1)), values.shape, (-1, 1))
    assert 0 < np.abs(back - values).max() <= STEP * 1.0001


def test_the_page_has_the_masks_and_the_amplification(written, model_folder, inputs):
    masks = explain.masks(model_folder.model, inputs[:2])
    maps = explain.amplification(model_folder.model, inputs[:2])
    for i, image in enumerate(content(written)["images"]):
        for name, mask in masks.items():
            shown = image["modules"][name]
            height, width, count = shown["size"]
            assert mask[i].shape == (height, width, count)
            values = restored(shown["mask"]["values"], mask[i].shape, (0, 1))
            assert shown["mask"]["limits"] == [0, 1]
            np.testing.assert_allclose(values, mask[i], atol=STEP / 2 + 1e-5)
            amplified = np.array(shown["amplification"]).reshape(height, width)
            np.testing.assert_allclose(amplified, maps[name][i], atol=6e-4)
    text = written.read_text("utf-8")
    assert "off by up to 0.0020" in text


def test_a_label_cannot_end_the_script(model_folder, pictures, tmp_path, monkeypatch):
    evil = "</script><script>alert(1)</script>"
    monkeypatch.setitem(model_folder.__dict__, "labels", (evil, "dark"))
    path = explain.write_explanations(
        model_folder, pictures[:1], tmp_path, figures=False, html=True
    )
    assert evil not in path.read_text("utf-8")
    assert any(evil in one for one in content(path)["images"][0]["classes"])


@pytest.fixture
def page(browser, written):
    """The page. Afterwards: it asked for nothing but itself, and has no error."""
    page = browser.new_page()
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda m: m.type == "error" and errors.append(m.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(written.as_uri())
    page.locator("figcaption", has_text="Amplification").first.wait_for()
    yield page
    asked = [url for url in requests if not url.startswith("data:")]
    assert asked == [written.as_uri()]
    assert errors == []
    page.close()


def row(page):
    return page.locator(f'section[data-module="{MODULE}"]')


@pytest.mark.needs_browser
def test_the_slider_shows_a_channel(page, model_folder, inputs):
    mask = explain.masks(model_folder.model, inputs[:1])[MODULE][0]
    slider = page.get_by_label(f"Channel of {MODULE}")
    slider.press("Home")
    slider.press("ArrowRight")
    text = row(page).locator("figure").nth(2).inner_text()
    assert f"channel 1 of 0 to {mask.shape[-1] - 1}" in text
    low, high = map(float, re.search(r"(\d\.\d\d) to (\d\.\d\d)", text).groups())
    assert low == pytest.approx(mask[..., 1].min(), abs=0.008)
    assert high == pytest.approx(mask[..., 1].max(), abs=0.008)


@pytest.mark.needs_browser
def test_a_click_and_the_arrow_keys_show_the_masks_at_a_position(
    page, model_folder, inputs
):
    mask = explain.masks(model_folder.model, inputs[:1])[MODULE][0]
    height, width = mask.shape[:2]
    picture = page.locator("#picture")
    box = picture.bounding_box()
    picture.click(position={"x": 1, "y": box["height"] - 2})
    _at(row(page), mask[height - 1, 0])
    for _ in range(2 * width + 2):  # the finest module has more positions
        page.keyboard.press("ArrowRight")
    _at(row(page), mask[height - 1, width - 1])


def _at(row, values):
    text = row.locator(".there p").inner_text()
    mean = float(re.search(r"(\d\.\d\d) on average", text)[1])
    assert mean == pytest.approx(values.mean(), abs=0.008)
    highest = re.search(r"highest in channels (\d+) \((\d\.\d\d)\)", text)
    channel, value = highest.groups()
    assert float(value) == pytest.approx(values.max(), abs=0.008)
    assert values[int(channel)] == pytest.approx(values.max(), abs=STEP)


@pytest.mark.needs_browser
def test_one_pattern_can_be_chosen_by_keyboard(page):
    drawn = "canvas => canvas.toDataURL()"
    canvas = row(page).locator("canvas.patterns")
    together = canvas.evaluate(drawn)
    page.get_by_label("all", exact=True).press("ArrowRight")
    assert page.get_by_label("1", exact=True).is_checked()
    assert canvas.evaluate(drawn) != together
    text = row(page).locator("figure").nth(1).inner_text()
    assert "1: " in text and "2: " not in text


@pytest.mark.needs_browser
def test_another_image_can_be_chosen(page):
    before = page.locator("#classes").inner_text()
    drawn = page.locator("#picture").evaluate("canvas => canvas.toDataURL()")
    page.get_by_label("Image", exact=True).select_option("1")
    after = page.locator("#picture").evaluate("canvas => canvas.toDataURL()")
    assert after != drawn and before
