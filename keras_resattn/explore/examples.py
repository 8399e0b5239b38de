"""Images that are there without a download: examples to look at."""

import importlib.util
from pathlib import Path

import PIL.Image

from keras_resattn.data.fashion_mnist_sample.builder import FOLDER
from keras_resattn.data.fashion_mnist_sample.builder import LABELS
from keras_resattn.data.fashion_mnist_sample.builder import read_idx

# In the wheel of scikit-image: CC0, or in the public domain.
PHOTOGRAPHS = ("chelsea.png", "coffee.png", "astronaut.png", "rocket.jpg")


def example_images(channels, folder):
    """Return the paths of images: photographs, or grey images of clothes.

    Args:
        channels: Integer, how many channels a network's images have. For 1 they
            are the first test image of each class of the bundled sample of
            Fashion-MNIST, else the photographs in the package scikit-image.
        folder: A `pathlib.Path`, where to write those of Fashion-MNIST.

    Returns:
        A list of `pathlib.Path`s.

    Raises:
        ImportError: If scikit-image is needed and not installed.
    """
    return _clothes(folder) if channels == 1 else _photographs()


def _clothes(folder):
    images = read_idx(FOLDER / "test-images-idx3-ubyte.xz")
    numbers = read_idx(FOLDER / "test-labels-idx1-ubyte.xz").tolist()
    paths = []
    for number, label in enumerate(LABELS):
        name = label.lower().replace("/", "_").replace(" ", "_")
        paths.append(folder / f"{name}.png")
        PIL.Image.fromarray(images[numbers.index(number)]).save(paths[-1])
    return paths


def _photographs():
    found = importlib.util.find_spec("skimage")
    if found is None:
        raise ImportError(
            "The example photographs are in the package scikit-image: "
            'pip install "keras-resattn[explore]"; or name images of your own'
        )
    return [Path(found.origin).parent / "data" / name for name in PHOTOGRAPHS]
