import base64
import dataclasses
import html.parser
import json
import shutil

import numpy as np
import pytest

from keras_resattn import training
from keras_resattn.explain import report
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
    assert len(page.images) == 3
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


def test_without_an_evaluation_or_metrics_there_is_no_confusion_and_no_curve(
    model_folder, tmp_path
):
    shutil.copytree(model_folder.path, tmp_path / "run")
    (tmp_path / "run" / "metrics.csv").unlink()
    run = ModelFolder.open(tmp_path / "run")
    path = write_report(run, tmp_path / "report.html", count=1)
    assert "This run has no metrics" in path.read_text()
    assert "Confusion" not in path.read_text()
    assert "<table>" not in path.read_text()


def metrics(folder, text):
    path = folder / "metrics.csv"
    path.write_text(text)
    return report._read_metrics(path)


def lines_of(figure):
    """Return the drawn values: {axis: {line: values}}."""
    return {
        axis.get_ylabel(): {
            line.get_label(): line.get_ydata().tolist() for line in axis.lines
        }
        for axis in figure.axes
    }


def test_curves_of_loss_accuracy_and_learning_rate(tmp_path):
    table = metrics(
        tmp_path,
        "epoch,accuracy,data_wait,learning_rate,loss,val_accuracy,val_loss\n"
        "0,0.5,0.1,0.2,0.9,0.4,1.1\n"
        "1,0.6,0.1,0.1,0.8,0.5,1.0\n",
    )
    assert lines_of(report._curves(table)) == {
        "loss": {"training": [0.9, 0.8], "validation": [1.1, 1.0]},
        "accuracy": {"training": [0.5, 0.6], "validation": [0.4, 0.5]},
        "learning rate": {"training": [0.2, 0.1]},
    }
    assert report._curves(table).axes[0].lines[0].get_xdata().tolist() == [1, 2]
    assert report._gaps(table) == []


def test_what_was_not_measured_is_not_drawn(tmp_path):
    table = metrics(tmp_path, "epoch,loss\n0,0.5\n")
    assert lines_of(report._curves(table)) == {"loss": {"training": [0.5]}}
    [axis] = report._curves(table).axes
    assert [tick for tick in axis.get_xticks() if tick % 1] == []


def test_what_is_no_number_is_a_gap_that_is_told(tmp_path):
    table = metrics(
        tmp_path, "epoch,loss,val_loss\n0,0.5,NA\n1,nan,0.7\n2,inf,0.6\n3,0.4\n"
    )
    drawn = lines_of(report._curves(table))["loss"]
    assert np.isnan(drawn["training"]).tolist() == [False, True, True, False]
    assert np.isnan(drawn["validation"]).tolist() == [True, False, False, True]
    assert report._gaps(table) == ["loss: 2, 3", "val_loss: 1, 4"]
    report.png(report._curves(table))


@pytest.mark.parametrize("text", ["", "epoch,loss\n"])
def test_without_metrics_there_are_no_curves(tmp_path, text):
    assert report._curves(metrics(tmp_path, text)) is None
    assert report._curves(report._read_metrics(tmp_path / "absent.csv")) is None
