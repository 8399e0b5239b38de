"""The lines before the first epoch."""

import shutil
import subprocess
import sys

import pytest

from keras_resattn import training
from keras_resattn.training.header import header
from keras_resattn.training.job import make_job
from keras_resattn.views.complexity import complexity
from keras_resattn.zoo import create_model
from tests.training.recipes import changed


@pytest.fixture
def lines(small_recipe):
    def make(recipe=small_recipe, **arguments):
        job = make_job(recipe, None)
        network = create_model("tiny", input_shape=(16, 16, 3), classes=2)
        return header(
            job.recipe, network, job.data, None, "runs/x.partial", **arguments
        ).splitlines()

    return make


def test_the_header_names_network_data_device_precision_and_folder(lines, photos):
    found = " ".join(" ".join(lines()).split())
    network = create_model("tiny", input_shape=(16, 16, 3), classes=2)
    parameters = complexity(network).parameters
    for text in (
        "network tiny, 16 x 16 x 3, ",
        f" {parameters:,} trainable parameters",
        f"data {photos}: 40 images, 2 classes (bright, dark)",
        "class training validation bright 18 2 dark 18 2 all 36 4",
        "The validation images are also the test images.",
        "device ",
        "precision float32",
        "learning rate 0.02 = 0.02 x 12 / 12",
        "folder runs/x.partial",
    ):
        assert text in found


def test_images_that_do_not_fill_a_batch_are_counted(lines, small_recipe):
    recipe = changed(small_recipe, {"train.batch_size": 8})
    text = "each epoch leaves out 4 of 36 images, other ones each time"
    assert text in "\n".join(lines(recipe))
    recipe = changed(small_recipe, {"train.batch_size": 8, "train.steps_per_epoch": 2})
    assert "do not fill" not in "\n".join(lines(recipe))
    assert "do not fill" not in "\n".join(lines())  # 36 = 3 x 12


def test_lines_are_at_most_80_wide_unless_a_path_is_longer(lines, small_recipe, photos):
    note = "The classifier of 'x' has 3 classes. " * 5 + "Received: weights=a"
    found = lines(notes=[note])
    assert all(len(line) <= 80 or str(photos) in line for line in found)
    assert "Received" not in "".join(found)


def test_a_new_head_is_a_note_and_no_warning_with_a_line_of_code(
    small_recipe, model_folder, tmp_path, capfd, recwarn
):
    # Three classes in place of the two of the weights.
    shutil.copytree(small_recipe.data.name, tmp_path / "photos")
    shutil.copytree(tmp_path / "photos" / "dark", tmp_path / "photos" / "black")
    settings = {
        "data.name": str(tmp_path / "photos"),
        "network.weights": str(model_folder.path / "model.keras"),
        "train.epochs": 1,
    }
    training.fit(changed(small_recipe, settings), tmp_path / "run")
    output, errors = capfd.readouterr()
    assert "note" in output and "classifier" in output
    assert "UserWarning" not in output + errors
    assert not [warning for warning in recwarn if "classifier" in str(warning.message)]


def test_the_command_shows_warnings_without_code():
    code = (
        "import warnings\n"
        "from keras_resattn_cli import main\n"
        "main.app = lambda prog_name: warnings.warn('Take care.')\n"
        "main.main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stderr == "Warning: Take care.\n"
