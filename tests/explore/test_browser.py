"""The page of `keras-resattn explore` in Chromium."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from keras_resattn import explain
from keras_resattn.explain import channels
from tests.browser import contrast_violations
from tests.explore.conftest import pixels_in
from tests.explore.test_content import colored

pytestmark = pytest.mark.needs_browser

MODULES = ("stage1_attention1", "stage2_attention1")


class Command(NamedTuple):
    """The command as a process.

    Attributes:
        url: Where it says that the page is.
        process: The `subprocess.Popen`.
        folder: Where it keeps temporary files, `opened.txt`, the address that it
            opened in a browser, and `errors.txt`, its errors and the machines that
            it turned to.
    """

    url: str
    process: subprocess.Popen
    folder: Path


@pytest.fixture(scope="module")
def command(model_folder, pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explore")
    (folder / "temporary").mkdir()
    browser = folder / "browser"
    browser.write_text(f"#!/bin/sh\necho $1 > {folder / 'opened.txt'}\n")
    browser.chmod(0o755)
    command = [sys.executable, "-m", "tests.explore.watched_command", "explore"]
    with (folder / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(
            [*command, model_folder.path, *pictures[:2], "--port", "0", "--open"],
            env=os.environ | {"TMPDIR": folder / "temporary", "BROWSER": browser},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    line = process.stdout.readline()
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+", line)[0]
        yield Command(url, process, folder)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def open_page(browser, command):
    """Open the page; return it with the hosts it asks and the errors of its console."""
    contexts = []

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        # The first image has to wait until the network is compiled.
        contexts[-1].set_default_timeout(120_000)  # milliseconds
        page = contexts[-1].new_page()
        hosts, errors = set(), []
        page.on("request", lambda request: hosts.add(_host(request.url)))
        page.on("console", lambda m: m.type == "error" and errors.append(m.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(command.url)
        page.get_by_text("Drop an image, or choose an example.").wait_for()
        return page, hosts, errors

    yield open_page
    for context in contexts:
        context.close()


def _host(url):
    scheme, _, rest = url.partition(":")
    return scheme if scheme in ("data", "blob") else rest.split("/")[2]


@pytest.fixture
def page(open_page, command):
    """The page. Afterwards: it asked no other host, and its console has no error."""
    page, hosts, errors = open_page()
    yield page
    assert hosts - {"data", "blob"} == {command.url.removeprefix("http://")}
    assert errors == []


def drop(page, file):
    page.set_input_files("#image input[type=file]", file)


def drop_picture(page, path):
    drop(page, path)
    page.get_by_alt_text("Grad-CAM over the image").wait_for()


def channel_slider(page, module):
    return page.get_by_label(f"range slider for Channel of {module}")


def choose_rule(page, text):
    page.get_by_label("Channels by a rule").click()
    page.get_by_role("option", name=text).click()


def figure(page, title):
    """Return the figure with such a title."""
    title = page.locator("strong", has_text=re.compile(f"^{title}$"))
    return page.locator("figure", has=title)


def test_a_dropped_image_is_classified(page, model_folder, pictures):
    drop_picture(page, pictures[0])
    expected = model_folder.predict(pictures[:1])[0]
    best = model_folder.labels[expected.argmax()]
    text = page.locator("#classes").inner_text().split()
    assert best in text
    for label, probability in zip(model_folder.labels, expected, strict=True):
        assert text[text.index(label, 4) + 1] == f"{probability * 100:.0f}%"
    assert page.get_by_role("status").first.inner_text().endswith(f"{best}.")


def test_the_page_shows_the_masks_of_explain(page, model_folder, pictures, inputs):
    drop_picture(page, pictures[0])
    choose_rule(page, "the mean over all channels")
    masks = explain.mean_masks(model_folder.model, inputs[:1])
    assert list(masks) == list(MODULES)
    for name, mask in masks.items():
        shown = figure(page, name)
        shown.get_by_text("mean over").wait_for()
        _, above = pixels_in(shown.inner_html())
        np.testing.assert_allclose(above.astype(int), colored(mask[0]), atol=3)
        assert f"{mask.min():.2f} to {mask.max():.2f}" in shown.inner_text()


def test_a_slider_moves_by_keyboard_to_another_channel(
    page, model_folder, pictures, inputs
):
    drop_picture(page, pictures[0])
    name = MODULES[0]
    mask = explain.masks(model_folder.model, inputs[:1])[name][0]
    slider = channel_slider(page, name)
    slider.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "2"
    shown = figure(page, name)
    shown.get_by_text("channel 2 of 0 to 7").wait_for()
    _, above = pixels_in(shown.inner_html())
    np.testing.assert_allclose(above.astype(int), colored(mask[..., 2]), atol=3)
    figure(page, "feature before").get_by_text("channel 2 of").wait_for()
    page.keyboard.press("Home")
    shown.get_by_text("mean over 8 channels").wait_for()


def test_nothing_is_dead_before_an_image(page, pictures):
    assert page.locator("input[type=range]:visible").count() == 0
    assert page.get_by_label("Grad-CAM of the class").count() == 0
    drop_picture(page, pictures[0])
    assert page.locator("input[type=range]:visible").count() == 1 + len(MODULES)
    for name in MODULES:
        assert figure(page, f"{name}: amplification").is_visible()
        assert figure(page, f"{name}: mask patterns").is_visible()


def test_the_tab_key_reaches_everything_in_order(page, pictures):
    names = [
        "Drop an image file here to upload",
        *(f"Example {path.name}" for path in pictures[:2]),
        "range slider for Opacity of the maps",
        "Channels by a rule",
        *(f"range slider for Channel of {module}" for module in MODULES),
        "Grad-CAM of the class",
    ]

    def reached():
        page.evaluate("document.activeElement.blur()")
        labels = []
        for _ in range(40):
            page.keyboard.press("Tab")
            labels.append(page.evaluate("document.activeElement.ariaLabel"))
        return [name for name in dict.fromkeys(labels) if name in names]

    assert reached() == names[:3]  # the others need an image
    page.get_by_label(names[1]).press("Enter")
    page.get_by_alt_text("Grad-CAM over the image").wait_for()
    # The image is where its field was. Tab begins behind the chosen example.
    found = reached()
    first = found.index(names[1])
    assert found[first:] + found[:first] == names[1:]


def test_an_example_is_chosen_by_keyboard(page, pictures):
    page.get_by_role("button", name=f"Example {pictures[1].name}").press("Enter")
    page.get_by_alt_text("Grad-CAM over the image").wait_for()
    assert figure(page, MODULES[1]).is_visible()


def test_every_rule_can_be_chosen():
    from keras_resattn.explore.page import RULES

    assert list(RULES) == [channels.ALL, *channels.RULES]


@pytest.mark.parametrize("chosen", ["energy", "variance"])
def test_a_rule_chooses_the_channels(page, model_folder, pictures, inputs, chosen):
    drop_picture(page, pictures[0])
    if chosen != "variance":  # which holds if nothing else is chosen
        choose_rule(page, chosen)
    for name in MODULES:
        expected = explain.feature_triptych(
            model_folder.model, inputs[:1], name, chosen
        )
        channel = int(expected.channels[0])
        figure(page, name).get_by_text(f"channel {channel} of 0").wait_for()
        assert channel_slider(page, name).input_value() == str(channel)
    channel_slider(page, MODULES[0]).press("Home")
    rule = page.get_by_label("Channels by a rule").element_handle()
    page.wait_for_function("rule => rule.value === ''", arg=rule)


def test_opacity_is_that_of_the_slider(page, pictures):
    drop_picture(page, pictures[0])
    mask = figure(page, MODULES[0]).locator("img.over")
    opacity = "mask => getComputedStyle(mask).opacity"
    assert mask.evaluate(opacity) == "0.7"
    page.get_by_label("range slider for Opacity of the maps").press("Home")
    page.wait_for_function(f"mask => ({opacity})(mask) == 0", arg=mask.element_handle())


def test_the_triptych_is_of_the_chosen_module(page, pictures):
    drop_picture(page, pictures[0])
    page.get_by_label(MODULES[1], exact=True).check()
    figure(page, "mask").get_by_text("of 0 to 15").wait_for()


def test_evidence_is_of_the_chosen_class_and_masks_are_said_to_be_none(page, pictures):
    drop_picture(page, pictures[0])
    for label in ("dark", "bright"):
        page.get_by_label("Grad-CAM of the class").click()
        page.get_by_role("option", name=label).click()
        figure(page, "Grad-CAM").get_by_text(f"evidence for {label}").wait_for()
    assert page.get_by_text("A mask is not class evidence").is_visible()


@pytest.mark.parametrize(
    "name, reason",
    {
        "text.png": "not a PNG, JPEG, GIF, BMP or WebP image",
        "empty.png": "empty",
        "cut.png": "cut off",
        "huge.png": "too large",
    }.items(),
)
def test_a_bad_file_gets_a_message_and_the_next_one_works(
    page, bad_files, pictures, name, reason
):
    drop(page, bad_files[name])
    page.get_by_role("alert").get_by_text(reason).wait_for()
    assert page.locator("figure").count() == 0
    page.get_by_label("Remove Image").click()
    page.get_by_text("Drop an image, or choose an example.").wait_for()
    drop_picture(page, pictures[0])


def test_a_file_of_too_many_bytes_is_refused(open_page, tmp_path, pictures):
    path = tmp_path / "heavy.png"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    page, _, _ = open_page()
    drop(page, path)
    page.get_by_text(re.compile("exceed the maximum allowed size of 64")).wait_for()
    page.reload()
    drop_picture(page, pictures[0])


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_its_text_has_contrast(open_page, pictures, width, scheme):
    page, _, errors = open_page(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    assert contrast_violations(page) == []
    drop_picture(page, pictures[0])
    assert contrast_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark != "rgb(255, 255, 255)") == (scheme == "dark")
    assert errors == []


def test_the_page_is_opened_in_a_browser_if_asked_to(command):
    assert (command.folder / "opened.txt").read_text() == f"{command.url}\n"


def test_ctrl_c_ends_it_while_a_page_is_open_and_leaves_nothing(
    page, command, pictures
):
    """The last test: after it there is no page."""
    drop_picture(page, pictures[0])
    assert list(command.folder.glob("temporary/keras-resattn-*/*/*"))
    command.process.send_signal(signal.SIGINT)
    assert command.process.wait(timeout=30) == 0
    assert list(command.folder.glob("temporary/keras-resattn-*")) == []
    assert (command.folder / "errors.txt").read_text() == ""
