"""Draw the pictures of figure 1 in docs/explain.md.

Usage: python scripts/draw_figure_1.py docs
"""

import sys
from pathlib import Path

import numpy as np
import PIL.Image
import skimage
import tensorflow as tf
from matplotlib.figure import Figure

import keras_resattn
from keras_resattn import explain
from keras_resattn.data.fashion_mnist_sample.builder import FOLDER
from keras_resattn.data.fashion_mnist_sample.builder import LABELS
from keras_resattn.data.fashion_mnist_sample.builder import read_idx

STAGES = ("stage1_attention1", "stage2_attention1", "stage3_attention1")
SHOES = ("Ankle boot", "Sandal", "Sneaker")
DPI = 110


def draw_photograph(path: Path) -> None:
    """Draw a photograph of scikit-image, with one module of each stage."""
    folder = keras_resattn.load_model("cifar10")
    photograph = Path(skimage.__file__).parent / "data" / "chelsea.png"
    inputs = folder.preprocessing.standardize(folder.images([photograph]))
    triptychs = [explain.feature_triptych(folder.model, inputs, s) for s in STAGES]
    label = folder.labels[int(folder.predict([photograph])[0].argmax())]
    image = np.asarray(PIL.Image.open(photograph))
    save(explain.triptych_figure([image], triptychs, [label]), path)


def draw_shoes(path: Path) -> None:
    """Draw the first test image of three classes of Fashion-MNIST."""
    folder = keras_resattn.load_model("fashion_mnist_sample")
    images = read_idx(FOLDER / "test-images-idx3-ubyte.xz")
    numbers = read_idx(FOLDER / "test-labels-idx1-ubyte.xz").tolist()
    shoes = images[[numbers.index(LABELS.index(name)) for name in SHOES]][..., None]
    inputs = folder.preprocessing.resize(tf.constant(shoes, tf.float32))
    inputs = folder.preprocessing.standardize(inputs)
    triptych = explain.feature_triptych(folder.model, inputs, STAGES[0])
    save(explain.triptych_figure(shoes, triptych, list(SHOES)), path)


def save(figure: Figure, path: Path) -> None:
    """Save a figure in full colour: a palette changes the ends of colour bars."""
    figure.savefig(path, dpi=DPI)
    PIL.Image.open(path).convert("RGB").save(path, optimize=True)


if __name__ == "__main__":
    draw_photograph(Path(sys.argv[1]) / "figure_1.png")
    draw_shoes(Path(sys.argv[1]) / "figure_1_fashion_mnist.png")
