import socket

import pytest
import yaml

from keras_resattn.recipes.files import load_recipe
from keras_resattn.training.card import write_card
from keras_resattn.training.environment import describe_environment

ROWS = [
    {"epoch": "1", "accuracy": "0.5", "loss": "0.7", "val_accuracy": "0.4"},
    {"epoch": "2", "accuracy": "0.876543", "loss": "nan", "val_accuracy": "NA"},
]
EVALUATION = {
    "data": "/home/me/secret/photos",
    "count": 2000,
    "loss": 0.4321,
    "accuracy": 0.8575,
    "confusion": [[1, 0], [0, 1]],
}


@pytest.fixture
def card(tmp_path):
    """Write a card; return its front matter and its text."""

    def write(recipe, labels=("bright", "dark"), **arguments):
        path = write_card(tmp_path / "card.md", recipe, labels, **arguments)
        empty, front_matter, text = path.read_text().split("---\n", 2)
        assert empty == ""
        return yaml.safe_load(front_matter), text

    return write


@pytest.fixture(scope="module")
def demo():
    return load_recipe("demo")


def test_the_front_matter_is_that_of_a_model_card(demo, card):
    front_matter, _ = card(demo, evaluation=EVALUATION)
    assert "license" not in front_matter  # none was stated
    assert front_matter["datasets"] == ["fashion_mnist_sample"]
    assert front_matter["metrics"] == ["accuracy"]
    assert "cifar_attention56" in front_matter["tags"]
    [result] = front_matter["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "accuracy", "value": 0.8575}]


def test_a_card_tells_results_time_and_environment(demo, card):
    environment = {"Keras": "3.0", "GPUs": "2 x Imaginary"}
    _, text = card(
        demo,
        metrics_rows=ROWS,
        seconds=3723.4,
        evaluation=EVALUATION,
        environment=environment,
    )
    for fact in (
        "on 2,000 test images of photos",
        "| accuracy | 0.8575 |",
        "After epoch 2, the last epoch",
        "| accuracy | 0.8765 |",
        "| loss | nan |",
        "2 of 3 epochs",
        "1:02:03 (h:mm:ss)",
        "| GPUs | 2 x Imaginary |",
        "| Keras | 3.0 |",
        "bright, dark",
        "28 x 28 pixels with 1 channel into 2 classes",
        "Wang, Fei",
    ):
        assert fact in text


def test_what_is_not_known_is_called_unknown(demo, card):
    front_matter, text = card(demo)
    assert "model-index" not in front_matter
    for fact in (
        "not evaluated after the training",
        "metrics of its epochs are unknown",
        "Time, including tests: unknown",
        "The licence of the weights is not known",
        "Robustness, fairness and the calibration",
    ):
        assert fact in text


def test_no_folder_or_host_is_told(card):
    settings = ("data.name=/home/me/secret/photos", "data.data_dir=/mnt/secret")
    recipe = load_recipe("demo", [*settings, "network.weights=~/secret/body.keras"])
    front_matter, text = card(
        recipe,
        evaluation=EVALUATION,
        skipped=["/home/me/secret/photos/dark/03.png"],
    )
    assert "datasets" not in front_matter  # it is on no hub
    assert "secret" not in text + str(front_matter)
    assert socket.gethostname() not in text
    assert "weights: body.keras" in text
    assert "1 image was left out because of unreadable files: 03.png." in text


def test_the_recipe_of_a_card_can_be_read_again(demo, card, tmp_path):
    _, text = card(demo)
    recipe = text.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "again.yaml").write_text(recipe)
    assert load_recipe(tmp_path / "again.yaml") == demo


def test_limits_follow_from_the_run(card):
    recipe = load_recipe("demo", ["data.correct_labels=0.7"])
    _, text = card(recipe)
    assert "Only 70% of the training labels are correct" in text
    assert "assigns every image to one of 2 classes" in text


def test_names_of_classes_are_text_and_not_too_many(demo, card):
    labels = ["<script>", "a|b", *(f"class {i}" for i in range(98))]
    _, text = card(demo, labels)
    assert "<script>" not in text
    assert "a|b" not in text
    assert "100 classes: &lt;script&gt;" in text
    assert "and 80 more" in text


def test_the_environment_is_told_by_versions_and_names():
    import keras
    import tensorflow as tf

    environment = describe_environment()
    assert environment["Keras"] == keras.__version__
    assert environment["TensorFlow"] == tf.__version__
    assert environment["backend"] == keras.backend.backend()
    assert all(isinstance(value, str) and value for value in environment.values())
