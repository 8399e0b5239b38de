"""`keras-resattn train`: its options, by exit code and output."""

import shutil

import pytest


def small(recipe):
    """Return the arguments that train a test's recipe for one epoch."""
    settings = {
        "data.name": recipe.data.name,
        "network.name": "tiny",
        "network.weights": "null",
        "network.input_shape": "[8, 8, 3]",
        "augmentation.crop_padding": 1,
        "train.epochs": 1,
        "train.batch_size": 12,
    }
    return ["folder", *(f"--set={key}={value}" for key, value in settings.items())]


def test_training_is_watched_in_tensorboard(run, small_recipe, tmp_path):
    out = tmp_path / "run"
    watch = ("--tensorboard", "--masks-every", 1)
    code, output, errors = run("train", *small(small_recipe), "--out", out, *watch)
    assert code == 0, errors
    assert output.splitlines()[-1] == f"The model folder is {out}."
    for part in ("train", "validation", "masks"):
        [events] = (out / "tensorboard" / part).glob("events.out.tfevents.*")
        assert events.stat().st_size
    assert not list(out.rglob("*.xplane.pb"))


RAY = ("--engine", "ray")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("demo", "--resume", "new", "--overwrite"),
            "use either --resume or --overwrite, not both; --overwrite works with "
            "--out FOLDER. Received: --resume new --overwrite",
        ),
        (
            ("demo", "--out", "new", *RAY, "--overwrite"),
            "Remove the folder, or choose another. Received: --engine ray --overwrite",
        ),
        (
            ("demo", "--out", "new", *RAY, "--distribution", "mirrored"),
            "leave out --distribution. Received: --engine ray --distribution mirrored",
        ),
        (
            ("demo", "--out", "new", "--workers", "3"),
            "add it, or leave out --workers. Received: --workers 3",
        ),
        (
            ("--resume", "new", *RAY),
            "keras-resattn train RECIPE --resume new --engine ray. Received: no recipe",
        ),
    ],
)
def test_options_that_do_not_go_together_are_named(
    run, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    code, output, errors = run("train", *arguments)
    assert (code, output) == (2, "")
    assert message in " ".join(errors.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_there_is_not_begun_on_ray(run, tmp_path, monkeypatch):
    partial = tmp_path / "run.partial"
    partial.mkdir()
    (partial / "recipe.yaml").touch()
    monkeypatch.setattr("keras_resattn_cli.train.require_extras", lambda *_: None)
    code, output, errors = run("train", "demo", "--out", tmp_path / "run", *RAY)
    assert (code, output) == (1, "")
    assert "resume it with --resume" in errors
    assert errors.endswith(f"Received: {partial}\n")


def test_the_help_tells_when_machines_are_taken_by_themselves(run):
    code, output, _ = run("train", "--help")
    text = " ".join(output.replace("│", " ").split())
    assert code == 0
    assert "auto: multiworker if TF_CONFIG has several machines" in text


def test_a_resumed_run_keeps_its_recipe(run, model_folder, tmp_path):
    out = shutil.copytree(model_folder.path, tmp_path / "run")
    before = sorted(path.name for path in out.iterdir())
    code, output, errors = run("train", "--resume", out, "--set", "train.epochs=9")
    assert (code, output) == (1, "")
    assert "(train.epochs=2)" in errors
    assert f"keras-resattn train {out} --extend EPOCHS --out FOLDER" in errors
    code, output, errors = run("train", "--resume", out, "--precision", "bfloat16")
    assert (code, errors) == (0, "")
    said, folder = output.splitlines()
    assert said.startswith("The run is finished, so nothing is trained. To train this")
    assert folder == f"The model folder is {out}."
    assert sorted(path.name for path in out.iterdir()) == before


def test_a_finished_model_is_trained_further(run, model_folder, tmp_path):
    import numpy as np

    from keras_resattn.model_folder import ModelFolder

    out = tmp_path / "more"
    settings = ("--set", "train.learning_rate=1e-9", "--set", "seed=5")
    code, output, errors = run(
        *("train", model_folder.path, "--extend", 1, "--out", out), *settings
    )
    assert (code, errors) == (0, "")
    assert f"starts from {model_folder.path / 'model.keras'}" in " ".join(
        output.split()
    )
    folder = ModelFolder.open(out)
    assert folder.recipe.train.epochs == 1
    assert folder.recipe.network.weights == str(model_folder.path / "model.keras")
    for one, other in zip(
        folder.model.trainable_weights,
        model_folder.model.trainable_weights,
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_extend_needs_a_model_folder_and_a_new_folder(run, tmp_path):
    for arguments, message in (
        (("--resume", tmp_path / "run", "--extend", 2), "Received: no model folder"),
        (
            (tmp_path, "--resume", tmp_path / "run", "--extend", 2),
            f"Received: --resume {tmp_path / 'run'}",
        ),
    ):
        code, output, errors = run("train", *arguments)
        assert (code, output) == (2, "")
        assert errors.endswith(f"{message}\n")
    code, _, errors = run("train", tmp_path, "--extend", 2, "--out", tmp_path / "out")
    assert code == 1
    assert f"Received: {tmp_path}\n" in errors


@pytest.mark.parametrize(
    "value",
    ["/data/\U0001f431 #1: a", "/data/caf\udce9", "12", "no", "a\nb\u2028", '"', True],
)
def test_values_of_options_reach_the_recipe_as_they_are(value):
    import yaml

    from keras_resattn_cli.train_options import override

    key, _, text = override("data.data_dir", value).partition("=")
    assert (key, yaml.safe_load(text)) == ("data.data_dir", value)
