"""Batches of many images by the workers of a Ray cluster of this machine."""

import json
import subprocess
import sys

import pytest

from keras_resattn.on_ray import prediction
from tests.on_ray.environment import ENVIRONMENT


def test_ray_is_asked_for_where_it_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"Predicting on Ray .*pip install .*\[ray\]"):
        next(prediction.classify_with_ray("model", ["image.png"]))


@pytest.mark.slow
def test_ray_data_gives_the_results_of_one_process(model_folder, photos, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for path in photos.glob("*/*"):
        (images / f"{path.parent.name}{path.name}").hardlink_to(path)
    (images / "text.png").write_text("no image")
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    command = [
        *(sys.executable, "-m", "keras_resattn_cli", "predict", model_folder.path),
        *(images, "--batch-size", "4", "--out"),
    ]
    assert subprocess.run([*command, whole]).returncode == 1
    lines = whole.read_text().splitlines(keepends=True)
    out.write_text("".join(lines[:10]) + lines[10][:7])  # as after an interruption
    with_ray = [*command, out, "--engine", "ray", "--workers", "2"]
    process = subprocess.run(with_ray, env=ENVIRONMENT, capture_output=True, text=True)
    assert process.returncode == 1, process.stderr
    assert "1 of 41 images could not be classified" in process.stderr
    results, expected = (
        {row["image"]: row for row in map(json.loads, path.read_text().splitlines())}
        for path in (out, whole)
    )
    assert len(out.read_text().splitlines()) == len(lines) == 41
    assert results.keys() == expected.keys()
    for image, row in results.items():
        other = expected[image]
        assert row.get("error") == other.get("error")
        if "error" not in row:
            assert row["probabilities"] == pytest.approx(
                other["probabilities"], abs=1e-5
            )
