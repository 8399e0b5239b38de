"""docs/backends.md: which commands run on JAX and PyTorch.

`make test-commands-on-backends` runs them there; `make test` runs only the example.
"""

import json

import keras
import numpy as np
import pytest

from tests.documentation import python_examples

BACKEND = keras.backend.backend()
not_on_tensorflow = pytest.mark.skipif(
    BACKEND == "tensorflow", reason="the other tests of commands run on TensorFlow"
)


def test_the_example_runs(capsys):
    (example,) = python_examples("backends.md")
    found = {}
    exec(example, found)
    assert capsys.readouterr().out.splitlines()[0] == BACKEND
    assert found["masks"]["stage1_attention1"].shape == (2, 32, 32, 64)


@not_on_tensorflow
@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "MODEL", "IMAGE"],
        ["evaluate", "MODEL"],
        ["masks", "MODEL", "IMAGE", "--out", "masks"],
        ["masks-influence", "MODEL", "--limit", "4", "--shuffles", "1"],
        ["explain", "MODEL", "IMAGE", "--out", "explained", "--no-figures"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_model_is_used(run, arguments, model_folder, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = {"MODEL": model_folder.path, "IMAGE": pictures[0]}
    code, output, errors = run(*(places.get(word, word) for word in arguments))
    assert code == 0, errors
    assert output


@not_on_tensorflow
def test_predictions_are_those_of_the_model(run, model_folder, pictures):
    _, output, _ = run("predict", model_folder.path, pictures[0], "--json")
    predicted = json.loads(output)["probabilities"]
    pixels = model_folder.images([str(pictures[0])])
    images = np.asarray(model_folder.preprocessing.standardize(pixels))
    (expected,) = model_folder.model.predict(images, verbose=0)
    for label, probability in zip(model_folder.labels, expected, strict=True):
        assert predicted[label] == pytest.approx(probability, abs=1e-5)


@not_on_tensorflow
@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "MODEL", "served/small/1"],
        ["explain", "MODEL", "IMAGE", "--out", "explained", "--evidence", "grad_cam"],
        ["train", "RECIPE", "--set", "train.freeze=stages", "--out", "run"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_is_not_possible_is_refused_with_the_remedy(
    run, arguments, model_folder, pictures, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    recipe = model_folder.path / "recipe.yaml"
    places = {"MODEL": model_folder.path, "IMAGE": pictures[0], "RECIPE": recipe}
    code, _, errors = run(*(places.get(word, word) for word in arguments))
    assert code == 1
    assert "KERAS_BACKEND=tensorflow" in errors
