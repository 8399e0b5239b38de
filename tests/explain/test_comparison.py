"""Runs side by side."""

import json
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_resattn.explain.amplification_maps import amplification
from keras_resattn.explain.comparison import compare_runs
from keras_resattn.explain.comparison import write_comparison
from keras_resattn.explain.comparison_masks import compare_masks
from keras_resattn.explain.scales import scale_around_mean
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import make_model_folder
from keras_resattn_cli import main as cli

MODULE = "stage1_attention1"
HEAD = "epoch,accuracy,loss,seconds,val_accuracy,val_loss\n"


@pytest.fixture
def runs(model_folder, tmp_path):
    """Two runs: the second has other settings and was not evaluated."""
    for name in ("first", "second"):
        shutil.copytree(model_folder.path, tmp_path / name)
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "metrics.csv").write_text(
        HEAD + "1,0.5,0.7,3.0,0.25,0.9\n2,0.6,0.6,4.0,0.75,0.8\n3,0.7,0.5,3,0.5,nan\n"
    )
    (second / "metrics.csv").write_text(HEAD + "1,0.5,0.7,5.0,NA,0.9\n")
    recipe = (second / "recipe.yaml").read_text()
    text, count = re.subn("  batch_size: 12", "  batch_size: 6", recipe)
    assert count == 1
    (second / "recipe.yaml").write_text(text)
    (first / "evaluation.json").write_text(
        json.dumps(
            {"data": "/secret/photos", "count": 4, "accuracy": 0.75, "loss": 0.5}
        )
    )
    return [ModelFolder.open(first), ModelFolder.open(second)]


def test_only_settings_that_differ_are_listed(runs):
    comparison = compare_runs(runs)
    assert comparison.names == ("first", "second")
    assert comparison.settings == {"train.batch_size": ("12", "6")}
    assert compare_runs([runs[0], runs[0]]).settings == {}


def test_results_are_those_of_the_files(runs):
    results = compare_runs(runs).results
    assert results["epochs"] == ("3", "1")
    assert results["best validation accuracy"] == ("0.7500 (epoch 2)", "")
    assert results["test accuracy"] == ("0.7500", "")
    assert results["tested on"] == ("4 images of photos", "")
    assert results["seconds of training"] == ("10", "5")


def test_curves_have_a_value_per_epoch(runs):
    curves = compare_runs(runs).curves
    assert curves["accuracy"] == ([0.5, 0.6, 0.7], [0.5])
    assert curves["val_accuracy"][0] == [0.25, 0.75, 0.5]


def test_the_page_has_the_tables_and_the_curves(runs, tmp_path):
    page = tmp_path / "page.html"
    text = write_comparison(compare_runs(runs), page, "Masks are left out.").read_text()
    assert "Masks are left out." in text
    for part in ("first", "second", "train.batch_size", "0.7500 (epoch 2)"):
        assert part in text
    assert "data:image/png;base64," in text and "/secret" not in text


def start_from(run, before):
    recipe = run.recipe.model_copy(
        update={
            "network": run.recipe.network.model_copy(
                update={"weights": str(before.path / "model.keras")}
            )
        }
    )
    (run.path / "recipe.yaml").write_text(recipe.to_yaml())
    return ModelFolder.open(run.path)


def test_epochs_of_earlier_stages_are_shown(runs):
    first, second = runs[0], start_from(*reversed(runs))
    comparison = compare_runs([first, second])
    assert comparison.results["epochs"] == ("3", "4 (3 + 1)")
    assert comparison.results["seconds of training"] == ("10", "15")
    assert comparison.curves["accuracy"] == ([0.5, 0.6, 0.7], [0.5, 0.6, 0.7, 0.5])


def test_weights_of_other_data_are_no_earlier_stage(runs):
    second = start_from(*reversed(runs))
    without_data(runs[0])
    assert compare_runs([runs[0], second]).results["epochs"] == ("3", "1")


def test_a_run_that_starts_from_itself_ends(runs):
    runs = [runs[0], start_from(runs[1], runs[1])]
    assert compare_runs(runs).results["epochs"] == ("3", "1")


def test_the_weights_of_the_package_have_all_their_epochs(tmp_path):
    names = ("cifar10", "cifar10_naive")
    runs = [
        make_model_folder("cifar_attention56", name, tmp_path / name) for name in names
    ]
    comparison = compare_runs(runs)
    assert comparison.results["epochs"] == ("100", "15")
    assert [len(values) for values in comparison.curves["accuracy"]] == [100, 15]


def test_names_are_those_that_were_given_and_settings_are_whole(runs, command):
    output = command(runs, columns=60)
    lines = output.splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.split() == ["train.batch_size", "12", "6"] for line in lines)
    assert any(line.split() == ["first", "second"] for line in lines)


def test_one_run_is_an_error(runs):
    with pytest.raises(ValueError, match=r"two or more runs.*Received: [^\[]*first$"):
        compare_runs(runs[:1])


@pytest.fixture
def command(monkeypatch, capsys):
    """Return a function that runs `compare` and returns its output."""
    monkeypatch.setenv("KERAS_RESATTN_DEBUG", "1")

    def command(runs, *options, columns=200):
        monkeypatch.setenv("COLUMNS", str(columns))
        words = map(str, (*(run.path for run in runs), *options))
        monkeypatch.setattr("sys.argv", ["keras-resattn", "compare", *words])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert not stop.value.code
        return capsys.readouterr().out

    return command


def test_the_command_prints_the_comparison(runs, tmp_path, command):
    page = tmp_path / "page.html"
    output = command(runs, "--html", page)
    assert "▁█▅ 0.5000" in output and "train.batch_size" in output
    assert str(page) in output and page.is_file()
    assert "Amplification by the masks of " in output and "stage1_attention1" in output


# === Masks ===


def with_other_weights(run):
    """Change the masks of a run, so that its scale would be another."""
    for weight in run.model.weights:
        if "mask" in weight.path and "kernel" in weight.path:
            weight.assign(3 * weight)
    run.model.save(run.path / "model.keras")
    return ModelFolder.open(run.path)


def without_data(run):
    recipe = run.recipe.model_copy(
        update={"data": run.recipe.data.model_copy(update={"name": "unknown"})}
    )
    (run.path / "recipe.yaml").write_text(recipe.to_yaml())
    return ModelFolder.open(run.path)


def without_modules(run):
    network = keras.Sequential(
        [
            keras.Input(run.model.input_shape[1:]),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(len(run.labels), "softmax"),
        ]
    )
    network.save(run.path / "model.keras")
    return ModelFolder.open(run.path)


def test_masks_are_those_of_the_first_test_image_on_scales_of_one_width(runs):
    runs = [runs[0], with_other_weights(runs[1])]
    test = runs[0].labelled_images().test.paths[0]
    masks = compare_masks(runs)
    assert masks.image == Path(test).name
    every = []
    for run, one in zip(runs, masks.runs, strict=True):
        inputs = run.preprocessing.standardize(run.images(test))
        np.testing.assert_array_equal(one.inputs, inputs)
        right = amplification(run.model, one.inputs)
        np.testing.assert_array_equal(one.amplification[MODULE], right[MODULE])
        every.append(right[MODULE])
    alone = [scale_around_mean([maps]) for maps in every]
    widths = [scale.high - scale.low for scale in alone]
    assert widths[0] != pytest.approx(widths[1], rel=0.01)
    for scales, maps in zip(masks.scales, every, strict=True):
        scale = scales[MODULE]
        assert scale.high - scale.low == pytest.approx(max(widths))
        assert (scale.high + scale.low) / 2 == pytest.approx(maps.mean(), rel=1e-5)


def test_a_given_image_is_shown_of_every_run(runs, pictures, tmp_path, command):
    page = tmp_path / "page.html"
    output = command(runs, "--image", pictures[0], "--html", page)
    assert f"Amplification by the masks of {pictures[0].name}" in output
    text = page.read_text()
    for name in ("first", "second"):
        assert f'alt="Masks of {name} for {pictures[0].name}"' in text
    assert text.count("data:image/png;base64,") == 3
    label, probability = (
        compare_masks(runs, pictures[0]).table()["prediction"][0].split()
    )
    expected = runs[0].predict(pictures[0])[0]
    assert runs[0].labels.index(label) == expected.argmax()
    assert float(probability) == pytest.approx(expected.max(), abs=6e-4)


def test_a_network_without_modules_has_no_masks(runs, pictures, tmp_path, command):
    runs = [runs[0], without_modules(runs[1])]
    page = tmp_path / "page.html"
    command(runs, "--image", pictures[0], "--html", page)
    assert page.read_text().count("This network has no attention modules") == 1
    assert compare_masks(runs, pictures[0]).table()[MODULE][1] == ""


def test_masks_are_left_out_without_a_test_image(runs, tmp_path, command):
    runs = [without_data(run) for run in runs]
    page = tmp_path / "page.html"
    output = command(runs, "--html", page)
    for text in (output, page.read_text()):
        assert "Masks are left out" in text and "--image FILE" in text
    assert "Amplification" not in output


def test_the_data_set_of_one_run_is_enough(runs):
    right = compare_masks(runs).image
    assert compare_masks([without_data(runs[0]), runs[1]]).image == right


def test_an_unreadable_image_is_an_error(runs, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"broken\.png"):
        compare_masks(runs, tmp_path / "broken.png")
    with pytest.raises(FileNotFoundError):
        compare_masks(runs, tmp_path / "missing.png")
