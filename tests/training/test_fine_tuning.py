"""The weights of the package are fine-tuned as the README says."""

import re
import subprocess
import sys

import pytest
import tensorflow as tf

from keras_resattn import data

COMMAND = [sys.executable, "-m", "keras_resattn_cli"]
CLOTHES = {1: "trouser", 8: "bag", 9: "ankle_boot"}
EACH = 100


@pytest.fixture(scope="module")
def clothes(tmp_path_factory):
    """A folder of grey pictures of three kinds of clothes."""
    root = tmp_path_factory.mktemp("clothes")
    split = data.load("fashion_mnist_sample", data.Preprocessing((28, 28, 1))).train
    count = dict.fromkeys(CLOTHES, 0)
    for image, label in split.images.as_numpy_iterator():
        if count.get(int(label), EACH) < EACH:
            path = root / CLOTHES[int(label)] / f"{count[int(label)]:02}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(tf.io.encode_png(image).numpy())
            count[int(label)] += 1
    assert set(count.values()) == {EACH}
    return root


def accuracy(clothes, out, *settings):
    train = ["train", "folder", "--set", f"data.name={clothes}", "--out", out]
    short = ["--set", "network.input_shape=[32, 32, 3]", "--set", "train.epochs=3"]
    words = [word for setting in settings for word in ("--set", setting)]
    subprocess.run([*COMMAND, *train, *short, *words], check=True)
    evaluate = [*COMMAND, "evaluate", out]
    output = subprocess.run(evaluate, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"accuracy\D*([\d.]+)", output)[1])


@pytest.mark.slow
def test_a_folder_of_images_is_learnt_in_three_epochs(clothes, tmp_path):
    tuned = accuracy(clothes, tmp_path / "tuned")
    anew = accuracy(clothes, tmp_path / "anew", "network.weights=null")
    assert tuned > max(0.8, anew)
