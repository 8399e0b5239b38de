import base64
import dataclasses
import html.parser
import json
import shutil

import numpy as np
import pytest

from keras_resattn import training
from keras_resattn.explain import report_tables
from keras_resattn.explain import write_report
from keras_resattn.explain.pages import svg
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
    # An image, two amplifications and two patterns for each; figure 1 has six maps.
    assert len(page.images) >= 3 * 5 + 3 * 6
    for source in page.images:
        kind, data = source.split(",", 1)
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")


def test_the_report_tells_of_the_run(page):
    for text in ("Accuracy", "bright", "dark", "epochs: 2", "tiny", "Calibration"):
        assert text in page.text
    for text in ("training time", "processor", "Keras", "least certain", "ratio: 1."):
        assert text in page.text


def test_images_of_the_evaluation_that_are_gone_are_counted(model_folder, tmp_path):
    shutil.copytree(model_folder.path, tmp_path / "run")
    run = ModelFolder.open(tmp_path / "run")
    training.evaluate(run)
    saved = json.loads((run.path / "evaluation.json").read_text())
    saved["least_sure"][0]["name"] = "gone.png"
    (run.path / "evaluation.json").write_text(json.dumps(saved))
    path = write_report(run, tmp_path / "report.html", count=1)
    assert "1 images of the evaluation are no longer" in path.read_text("utf-8")


def test_without_the_data_set_the_rest_is_shown(model_folder, tmp_path):
    shutil.copytree(model_folder.path, tmp_path / "run")
    run = ModelFolder.open(tmp_path / "run")
    training.evaluate(run)
    saved = json.loads((run.path / "evaluation.json").read_text())
    saved["wrong"] = [{**saved["least_sure"][0], "name": "one.png"}]
    (run.path / "evaluation.json").write_text(json.dumps(saved))
    recipe = run.path / "recipe.yaml"
    name = run.recipe.data.name
    recipe.write_text(recipe.read_text().replace(name, str(tmp_path / "absent")))
    with pytest.warns(UserWarning, match="no figures of test images"):
        path = write_report(ModelFolder.open(run.path), tmp_path / "report.html")
    page = Page(path.read_text("utf-8"))
    assert page.images == []
    for text in ("Calibration", "one.png", "There are no figures of test images"):
        assert text in page.text


def test_of_many_classes_the_worst_are_shown():
    counts = np.diag(np.full(1000, 9))
    counts[7, 7], counts[7, 3], counts[8, 2], counts[999, 999] = 1, 8, 2, 0
    labels = [f"class {i}" for i in range(1000)]
    rows = report_tables.class_rows(counts.tolist(), labels)
    assert [row["label"] for row in rows[:2]] == ["class 7", "class 8"]
    assert (rows[0]["images"], rows[0]["recall"]) == (9, 1 / 9)
    last = {"label": "class 999", "images": 0, "recall": None, "precision": None}
    assert rows[-1] == last
    assert report_tables.worst_confusions(counts.tolist(), labels) == [
        {"label": "class 7", "predicted": "class 3", "images": 8, "share": 8 / 9},
        {"label": "class 8", "predicted": "class 2", "images": 2, "share": 2 / 11},
    ]


def test_curves_are_in_the_colour_of_the_page():
    bins = [{"images": 3, "probability": 0.5, "accuracy": 0.25}]
    drawn = report_tables.calibration_curve(bins)
    assert drawn.axes[0].lines[1].get_xydata().tolist() == [[0.5, 0.25]]
    text = svg(drawn)
    assert "currentColor" in text and "#000000" not in text and "<text" in text


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
    assert '<table class="confusion">' not in path.read_text()


def metrics(folder, text):
    path = folder / "metrics.csv"
    path.write_text(text)
    return report_tables.metrics_of(path)


def lines_of(figures):
    """Return the drawn values: {axis: {line: values}}."""
    return {
        axis.get_ylabel(): {
            line.get_label(): line.get_ydata().tolist() for line in axis.lines
        }
        for figure in figures
        for axis in figure.axes
    }


def test_curves_of_loss_accuracy_and_learning_rate(tmp_path):
    table = metrics(
        tmp_path,
        "epoch,accuracy,data_wait,learning_rate,loss,val_accuracy,val_loss\n"
        "0,0.5,0.1,0.2,0.9,0.4,1.1\n"
        "1,0.6,0.1,0.1,0.8,0.5,1.0\n",
    )
    assert lines_of(report_tables.curves_of(table)) == {
        "loss": {"training": [0.9, 0.8], "validation": [1.1, 1.0]},
        "accuracy": {"training": [0.5, 0.6], "validation": [0.4, 0.5]},
        "learning rate": {"training": [0.2, 0.1]},
    }
    assert report_tables.curves_of(table)[0].axes[0].lines[0].get_xdata().tolist() == [
        1,
        2,
    ]
    assert report_tables.gaps_of(table) == []


def test_what_was_not_measured_is_not_drawn(tmp_path):
    table = metrics(tmp_path, "epoch,loss\n0,0.5\n")
    assert lines_of(report_tables.curves_of(table)) == {"loss": {"training": [0.5]}}
    [axis] = report_tables.curves_of(table)[0].axes
    assert [tick for tick in axis.get_xticks() if tick % 1] == []


def test_what_is_no_number_is_a_gap_that_is_told(tmp_path):
    table = metrics(
        tmp_path, "epoch,loss,val_loss\n0,0.5,NA\n1,nan,0.7\n2,inf,0.6\n3,0.4\n"
    )
    drawn = lines_of(report_tables.curves_of(table))["loss"]
    assert np.isnan(drawn["training"]).tolist() == [False, True, True, False]
    assert np.isnan(drawn["validation"]).tolist() == [True, False, False, True]
    assert report_tables.gaps_of(table) == ["loss: 2, 3", "val_loss: 1, 4"]
    svg(report_tables.curves_of(table)[0])


@pytest.mark.parametrize("text", ["", "epoch,loss\n"])
def test_without_metrics_there_are_no_curves(tmp_path, text):
    assert report_tables.curves_of(metrics(tmp_path, text)) == []
    absent = report_tables.metrics_of(tmp_path / "absent.csv")
    assert report_tables.curves_of(absent) == []
