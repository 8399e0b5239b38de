"""What figures say of an image: how it is seen, and that its class is unlikely."""

import shutil

import numpy as np
import pytest

from keras_resattn import explain
from keras_resattn.data import Preprocessing
from keras_resattn.doubt import doubt
from keras_resattn.explain.shown_images import seen_at
from keras_resattn.model_folder import ModelFolder
from keras_resattn.training import evaluate
from keras_resattn.training.classification_metrics import usual_confidence


def test_95_percent_of_the_test_images_reach_the_usual_confidence():
    confidence = np.linspace(0.5, 1, 21)
    probabilities = np.stack([1 - confidence, confidence], axis=1)
    assert usual_confidence(probabilities) == pytest.approx(0.525)


def test_only_a_lower_probability_is_doubted():
    assert doubt(0.4, None) == doubt(0.6, 0.6) == ""
    assert doubt(0.59, 0.6).startswith("Unsure: 95 % of the test images reach 60%.")


@pytest.mark.parametrize("usual", [0.0, 1.1])
def test_figures_and_the_page_have_the_notice(model_folder, pictures, tmp_path, usual):
    folder = ModelFolder.open(shutil.copytree(model_folder.path, tmp_path / "model"))
    assert folder.usual_confidence is None
    evaluation = evaluate(folder)
    folder = ModelFolder.open(folder.path)
    assert folder.usual_confidence == evaluation.usual_confidence > 0
    (folder.path / "evaluation.json").write_text(f'{{"usual_confidence": {usual}}}')
    folder = ModelFolder.open(folder.path)
    explain.write_explanations(folder, pictures[:1], tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert ("Unsure: 95 % of the test images reach 110%." in page) == (usual > 1)


@pytest.mark.parametrize(
    ("aspect", "shape", "text"),
    [
        ("squash", (64, 128, 3), "seen at 32 x 16"),
        ("squash", (100, 100, 3), "seen at 32 x 16, squashed"),
        ("crop", (64, 128, 3), "seen at 32 x 16, its middle"),
        ("pad", (64, 128, 3), "seen at 32 x 16, padded"),
    ],
)
def test_figures_tell_what_the_network_sees(aspect, shape, text):
    preprocessing = Preprocessing((16, 32, 3), aspect=aspect)
    assert seen_at(preprocessing, np.zeros(shape)) == text
