import base64
import dataclasses
import html.parser
import json
import shutil

import pytest

from keras_resattn import training
from keras_resattn.explain import write_report
from keras_resattn.model_folder import ModelFolder


class Page(html.parser.HTMLParser):
    """Collects the text, the images and everything loaded from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.text, self.images, self.links = "", [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if tag == "img" and name == "src":
                self.images.append(value)
            elif name in ("src", "href"):
                self.links.append(value)

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def page(model_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    shutil.copytree(model_folder.path, folder / "run")
    run = ModelFolder.open(folder / "run")
    training.evaluate(run)
    path = write_report(run, folder / "report.html", count=3)
    return Page(path.read_text(encoding="utf-8"))


def test_the_report_is_one_file(page):
    assert page.links == []
    assert len(page.images) == 2
    for source in page.images:
        kind, data = source.split(",", 1)
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")


def test_the_report_tells_of_the_run(page):
    for text in ("Accuracy", "bright", "dark", "epochs: 2", "tiny"):
        assert text in page.text


def test_what_labels_say_is_text_not_html(model_folder, tmp_path):
    shutil.copytree(model_folder.path, tmp_path / "run")
    (tmp_path / "run" / "labels.txt").write_text("<script>alert(1)</script>\ndark\n")
    evaluation = training.Evaluation("<script>", 2, 0.5, 1.0, [[1, 0], [0, 1]])
    (tmp_path / "run" / "evaluation.json").write_text(
        json.dumps(dataclasses.asdict(evaluation))
    )
    path = write_report(
        ModelFolder.open(tmp_path / "run"), tmp_path / "report.html", count=1
    )
    assert "<script>" not in path.read_text()


def test_without_an_evaluation_there_is_no_confusion(model_folder, tmp_path):
    path = write_report(model_folder, tmp_path / "report.html", count=1)
    assert "Confusion" not in path.read_text()
    assert "<table>" not in path.read_text()
