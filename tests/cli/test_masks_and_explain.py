"""`keras-resattn masks` and `explain` by what they write."""

import re
import shutil

import numpy as np
import pytest


def test_masks_draws_a_figure_an_image(run, model_folder, pictures, tmp_path):
    code, output, _ = run(
        "masks", model_folder.path, *pictures[:2], "--out", tmp_path / "masks"
    )
    files = sorted((tmp_path / "masks").iterdir())
    assert code == 0
    assert [path.name for path in files] == [
        f"{path.stem}.masks.png" for path in pictures[:2]
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files)
    assert output.splitlines() == [str(path) for path in files]


def test_masks_searches_folders_and_keeps_images_of_one_name_apart(
    run, model_folder, pictures, tmp_path
):
    for folder in ("a", "b/deep"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        shutil.copy(pictures[0], tmp_path / "in" / folder / f"0{pictures[0].suffix}")
    (tmp_path / "in" / "notes.txt").write_text("")
    out = tmp_path / "out"
    code, _, errors = run("masks", model_folder.path, tmp_path / "in", "--out", out)
    assert code == 0 and "left out: 1 .txt" in errors
    names = sorted(path.name for path in out.iterdir())
    assert names == ["0-2.masks.png", "0.masks.png"]


def test_figures_of_an_earlier_command_are_not_taken_for_images(
    run, model_folder, pictures, tmp_path
):
    photos, out = tmp_path / "photos", tmp_path / "photos" / "masks"
    photos.mkdir()
    shutil.copy(pictures[0], photos)
    command = ("masks", model_folder.path, photos, "--out")
    assert run(*command, out)[0] == 0
    (figure,) = out.iterdir()
    code, output, errors = run(*command, out)
    assert (code, output) == (0, f"{figure}\n")
    assert "left out: 1 in the output folder" in errors
    code, _, errors = run(*command, photos)
    assert code == 1 and "Give another folder as --out" in errors
    # A folder inside the output folder has images, not figures.
    assert run(*command, tmp_path)[0] == 0
    code, _, errors = run("masks", model_folder.path, photos, out, "--out", photos)
    assert code == 1 and "Give another folder as --out" in errors


@pytest.mark.parametrize("command", ["masks", "explain"])
def test_images_that_cannot_be_read_do_not_stop_the_others(
    run, model_folder, pictures, tmp_path, command
):
    bad = {"empty.png": b"", "page.jpg": b"<html>", "cut.jpg": b"\xff\xd8\xff\xe0"}
    paths = [tmp_path / name for name in bad]
    for path in paths:
        path.write_bytes(bad[path.name])
    missing = tmp_path / "missing.png"
    code, _, errors = run(
        *(command, model_folder.path, *paths, missing, pictures[0]),
        *("--out", tmp_path / "out"),
    )
    assert code == 1 and (tmp_path / "out" / f"{pictures[0].stem}.masks.png").is_file()
    for path in (*paths, missing):
        assert re.search(rf"^{path}: this file (is|cannot) ", errors, re.MULTILINE)
    assert "Error: 4 of 5 images cannot be read" in errors
    code, output, errors = run(command, model_folder.path, *paths, "--out", tmp_path)
    assert code == 1 and "Error: 3 of 3 images cannot be read" in errors
    assert not output


@pytest.mark.parametrize("view", ["amplification", "patterns", "mean"])
def test_masks_draws_other_views(run, model_folder, pictures, tmp_path, view):
    code, output, errors = run(
        *("masks", model_folder.path, *pictures[:2], "--out", tmp_path / "masks"),
        *("--view", view, "--patterns", 3),
    )
    assert (code, errors) == (0, "")
    assert len(output.splitlines()) == len(list((tmp_path / "masks").iterdir())) == 2


def test_explain_writes_what_python_computes(run, model_folder, photos, tmp_path):
    from keras_resattn.explain import feature_triptych
    from keras_resattn.explain import mean_masks

    out = tmp_path / "explained"
    code, output, errors = run(
        *("explain", model_folder.path, photos / "dark", "--out", out),
        *("--module", "stage2_attention1", "--channel", "3", "--no-figures"),
    )
    assert (code, errors) == (0, "")
    assert output == f"20 images are explained in {out / 'arrays.npz'}.\n"
    arrays = np.load(out / "arrays.npz")
    paths = sorted((photos / "dark").iterdir())
    assert arrays["images"].tolist() == [str(path) for path in paths]
    inputs = model_folder.preprocessing.standardize(model_folder.images(paths))
    for name, mask in mean_masks(model_folder.model, inputs).items():
        np.testing.assert_allclose(arrays[f"{name}_mask"], mask, atol=1e-5)
    triptych = feature_triptych(model_folder.model, inputs, "stage2_attention1", 3)
    np.testing.assert_allclose(
        arrays["stage2_attention1_after"], triptych.after, rtol=1e-4, atol=1e-4
    )


def test_on_a_terminal_a_bar_shows_how_many_images_are_explained(
    run, model_folder, pictures, tmp_path, monkeypatch
):
    monkeypatch.setenv("FORCE_COLOR", "1")  # standard error passes for a terminal
    code, _, errors = run(
        *("explain", model_folder.path, *pictures, "--out", tmp_path / "explained"),
        "--no-figures",
    )
    assert code == 0
    assert "5/5" in re.sub(r"\x1b\[[\d;?]*\w", "", errors)


def test_explain_draws_figures_and_a_page(run, model_folder, pictures, tmp_path):
    out = tmp_path / "explained"
    code, output, _ = run(
        *("explain", model_folder.path, pictures[0], "--out", out),
        *("--channel", "gradient", "--class", "dark", "--style", "contour"),
        *("--view", "mean", "--stretch", "--channel-grid", "--animation", "png"),
    )
    stem = pictures[0].stem
    assert code == 0
    assert output == f"1 image is explained in {out / 'index.html'}.\n"
    assert {path.name for path in out.iterdir()} == {
        "arrays.npz",
        "index.html",
        f"{stem}.masks.png",
        f"{stem}.triptych.png",
        f"{stem}.modules.apng",
        f"{stem}.stage1_attention1.channels-1.png",
        f"{stem}.stage2_attention1.channels-1.png",
    }
    assert np.load(out / "arrays.npz")["rule"] == "gradient"
