"""What is written of image files: the same numbers by every door."""

import html.parser
import re
import weakref

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_resattn import explain
from keras_resattn.explain.array_file import ArrayFile
from tests.export.conftest import make_folder

MODULES = ["stage1_attention1", "stage2_attention1"]


@pytest.fixture(scope="module")
def strange_pictures(tmp_path_factory):
    """Grey, transparent, large, long, tiny: as networks do not take them."""
    folder = tmp_path_factory.mktemp("strange")
    rng = np.random.default_rng(0)
    shapes = {
        "grey.png": (20, 30),
        "transparent.png": (25, 25, 4),
        "large.jpg": (900, 700, 3),
        "long.png": (10, 400, 3),
        "tiny.bmp": (3, 3, 3),
    }
    for name, shape in shapes.items():
        pixels = rng.integers(0, 256, shape, dtype="uint8")
        Image.fromarray(pixels).save(folder / name)
    return [folder / name for name in shapes]


@pytest.fixture(scope="module")
def written(model_folder, strange_pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("explained") / "out"
    done = []
    path = explain.write_explanations(
        model_folder,
        strange_pictures,
        out,
        channel="variance",
        channel_grid=True,
        animation="gif",
        batch_size=2,
        advance=done.append,
    )
    assert path == out / "index.html"
    assert done == [2, 2, 1]
    return out


def test_arrays_are_those_of_python_and_of_the_exported_signature(
    written, model_folder, strange_pictures, served
):
    arrays = np.load(written / "arrays.npz", allow_pickle=False)
    loaded = tf.saved_model.load(str(served / "small" / "3"))
    files = tf.constant([path.read_bytes() for path in strange_pictures])
    answer = loaded.signatures["attention"](image_bytes=files)
    images = model_folder.images(strange_pictures)
    inputs = model_folder.preprocessing.standardize(images)
    means = explain.mean_masks(model_folder.model, inputs)
    amplified = explain.amplification(model_folder.model, inputs)
    for module in MODULES:
        found = arrays[f"{module}_amplification"]
        np.testing.assert_allclose(found, amplified[module], rtol=1e-4)
        name = f"{module}_mask"
        assert arrays[name].dtype == np.float32
        assert arrays[name].std() > 1e-4
        np.testing.assert_allclose(arrays[name], means[module], atol=1e-5)
        np.testing.assert_allclose(arrays[name], answer[name], atol=1e-5)
        triptych = explain.feature_triptych(
            model_folder.model, inputs, module, "variance"
        )
        assert arrays[f"{module}_channel"].tolist() == triptych.channels.tolist()
        for part, values in zip(
            ("before", "channel_mask", "after"), triptych[:3], strict=True
        ):
            np.testing.assert_allclose(
                arrays[f"{module}_{part}"], values, rtol=1e-4, atol=1e-4
            )
    np.testing.assert_allclose(
        arrays["probabilities"], answer["probabilities"], atol=1e-5
    )
    assert arrays["images"].tolist() == [str(path) for path in strange_pictures]
    assert arrays["labels"].tolist() == ["bright", "dark"]
    assert arrays["rule"] == "variance"


def test_there_are_figures_of_each_image_and_nothing_else(written, strange_pictures):
    expected = {"arrays.npz", "index.html"}
    for path in strange_pictures:
        expected |= {
            f"{path.stem}.{kind}"
            for kind in (
                "masks.png",
                "triptych.png",
                "modules.gif",
                *(f"{module}.channels-1.png" for module in MODULES),
                *(f"{module}.patterns.png" for module in MODULES),
            )
        }
    assert {path.name for path in written.iterdir()} == expected
    for path in written.glob("*.png"):
        with Image.open(path) as picture:
            assert min(picture.size) > 100


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.sources, self.headings, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "img":
            assert attrs["alt"]
        self.sources += [attrs[key] for key in ("src", "href") if key in attrs]

    def handle_data(self, data):
        self.text += data


def test_the_page_is_one_file_and_names_the_rule(written, strange_pictures):
    page = Page((written / "index.html").read_text(encoding="utf-8"))
    assert len(page.sources) == 2 * len(strange_pictures)
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    for path in strange_pictures:
        assert path.stem in page.text
    assert "rule: variance" in page.text
    assert "how much each module amplifies" in page.text
    text = " ".join(page.text.split())
    assert "All images share the scales and patterns. The second" in text
    for name in (
        "NAME.MODULE.channels-PAGE.png",
        "NAME.MODULE.patterns.png",
        "NAME.modules.gif",
    ):
        assert name in page.text
    assert "not evidence for a class" in page.text
    assert re.search(r"(bright|dark) \d+\.\d %, ", page.text)


@pytest.mark.parametrize("view", ["amplification", "patterns", "mean"])
def test_other_views(view, model_folder, pictures, tmp_path):
    options = {"stretch": True} if view == "mean" else {}
    explain.write_explanations(
        model_folder, pictures[:1], tmp_path, view=view, **options
    )
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    shown = {
        "amplification": "how much each module amplifies",
        "patterns": "the patterns of its masks",
        "mean": "averaged over the channels",
    }
    for name, text in shown.items():
        assert (text in " ".join(page.text.split())) == (name == view)


def test_names_that_are_alike_are_numbered(model_folder, photos, tmp_path):
    paths = [photos / name for name in ("bright/02.jpg", "dark/02.jpg")]
    explain.write_explanations(model_folder, paths, tmp_path, modules=MODULES[:1])
    names = {path.name for path in tmp_path.glob("*.masks.png")}
    assert names == {"02.masks.png", "02-2.masks.png"}
    arrays = np.load(tmp_path / "arrays.npz")
    assert f"{MODULES[0]}_before" in arrays and f"{MODULES[1]}_mask" in arrays
    assert f"{MODULES[1]}_before" not in arrays


def test_a_page_shows_no_more_than_it_can(
    model_folder, pictures, tmp_path, monkeypatch
):
    from keras_resattn.explain import image_page

    monkeypatch.setattr(image_page, "SHOWN", 1)
    explain.write_explanations(model_folder, pictures[:3], tmp_path)
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert len(page.sources) == 2
    assert "figures of the other 2 images are in the same folder" in page.text
    assert len(list(tmp_path.glob("*.triptych.png"))) == 3


def test_arrays_alone(model_folder, pictures, tmp_path):
    path = explain.write_explanations(
        model_folder, pictures, tmp_path / "out", channel="all", figures=False
    )
    assert list((tmp_path / "out").iterdir()) == [path]
    arrays = np.load(path)
    assert f"{MODULES[0]}_channel" not in arrays
    assert arrays[f"{MODULES[0]}_before"].shape == (5, 16, 16)


def test_images_are_read_a_batch_at_a_time_and_let_go(
    model_folder, pictures, tmp_path, monkeypatch
):
    from keras_resattn.explain import shown_images

    read, counts, held = [], [], []
    picture_batches = shown_images.picture_batches

    def watched(*arguments):
        for batch in picture_batches(*arguments):
            read.append(weakref.ref(batch[1]))
            yield batch

    def advance(count):
        counts.append(len(read))
        held.append(sum(inputs() is not None for inputs in read))

    monkeypatch.setattr(shown_images, "picture_batches", watched)
    options = {"figures": False, "batch_size": 1, "advance": advance}
    explain.write_explanations(model_folder, pictures, tmp_path, **options)
    assert counts == [1, 2, 3, 4, 5]
    assert max(held) <= 2  # some names are bound anew only later


def test_class_evidence_is_drawn_and_kept(
    model_folder, pictures, tmp_path, monkeypatch
):
    asked_for = []

    def class_evidence(model, inputs, method, classes):
        asked_for.append((method, classes, len(inputs)))
        return np.full(inputs.shape[:3], 0.25, "float32")

    from keras_resattn.explain import explanation

    monkeypatch.setattr(explanation, "class_evidence", class_evidence)
    explain.write_explanations(
        model_folder, pictures[:2], tmp_path, label="dark", evidence=["grad_cam"]
    )
    assert asked_for == [("grad_cam", [1, 1], 2)]
    arrays = np.load(tmp_path / "arrays.npz")
    assert arrays["grad_cam"].shape == (2, 16, 16)
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "Class evidence (Grad-CAM)" in page.text
    assert re.search(r"evidence for\s+dark\.", page.text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modules": ["stage9"]}, f"{', '.join(MODULES)}.*Received: module='stage9'"),
        ({"channel": 8}, "8 channels, 0 to 7.*Received: channel=8"),
        ({"channel": "best"}, "rules.*Received: channel='best'"),
        ({"label": "cat"}, "bright, dark.*Received: label='cat'"),
        ({"label": "dark"}, "add --channel gradient.*label='dark', channel='varia"),
        ({"figures": False, "stretch": True}, "have no effect.*stretch=True"),
        ({"figures": False, "animation": "gif"}, "have no effect.*animation='gif'"),
        ({"figures": False, "channel_grid": True}, "effect.*channel_grid=True"),
        ({"view": "mean", "style": "jet"}, "style.*Received"),
        ({"style": "contour"}, "draw the mean mask.*Received: view='attention'"),
        ({"stretch": True}, "draw the mean mask.*stretch=True"),
        ({"view": "best"}, "`view` must be one of.*Received: view='best'"),
        ({"pattern_count": 0}, "`count` must be.*Received"),
        ({"animation": "mp4"}, "animation.*Received"),
        ({"batch_size": 0}, "batch_size.*Received"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_written(
    model_folder, pictures, tmp_path, options, message
):
    with pytest.raises(ValueError, match=message):
        explain.write_explanations(
            model_folder, pictures[:1], tmp_path / "out", **options
        )
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_none_is_named_and_nothing_written(
    model_folder, pictures, tmp_path
):
    (tmp_path / "text.png").write_text("no image")
    for name, error in (("text.png", ValueError), ("missing.png", FileNotFoundError)):
        paths = [*pictures, tmp_path / name]
        with pytest.raises(error, match=f"Received: {tmp_path / name}"):
            explain.write_explanations(model_folder, paths, tmp_path / "out")
    with pytest.raises(ValueError, match="at least one image. Received"):
        explain.write_explanations(model_folder, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_without_masks_is_an_error_and_nothing_written(tmp_path, pictures):
    folder = make_folder(tmp_path / "plain", attention="none")
    with pytest.raises(ValueError, match="this model has none.*Received"):
        explain.write_explanations(folder, pictures[:1], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_array_file_grows_by_rows(tmp_path):
    rows = np.arange(24, dtype="float32").reshape(6, 2, 2)
    with ArrayFile(tmp_path / "a.npz", count=6) as file:
        for start in range(0, 6, 4):
            part = rows[start : start + 4]
            file.append({"maps": part, "first": part[:, 0, 0].astype("int64")})
        file.add("names", ["a", "bc"])
    arrays = np.load(tmp_path / "a.npz", allow_pickle=False)
    np.testing.assert_array_equal(arrays["maps"], rows)
    assert arrays["first"].tolist() == [0, 4, 8, 12, 16, 20]
    assert arrays["names"].tolist() == ["a", "bc"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_an_array_file_that_is_not_whole_does_not_appear(tmp_path):
    with pytest.raises(ValueError, match="must have 6 rows.*Received: 1"):
        with ArrayFile(tmp_path / "a.npz", count=6) as file:
            file.append({"maps": np.zeros((1, 2))})
    with pytest.raises(KeyError):
        with ArrayFile(tmp_path / "a.npz", count=1) as file:
            file.append({"maps": np.zeros((1, 2))})
            raise KeyError
    assert list(tmp_path.iterdir()) == []
