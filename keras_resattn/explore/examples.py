"""Example images that need no download (extra `explore`)."""

import importlib.util
from pathlib import Path

import PIL.Image

from keras_resattn.data.fashion_mnist_sample.builder import FOLDER
from keras_resattn.data.fashion_mnist_sample.builder import LABELS
from keras_resattn.data.fashion_mnist_sample.builder import read_idx
from keras_resattn_client.extras import require_extra

# Files in the package scikit-image. They are CC0 or in the public domain.
PHOTOGRAPHS = ("chelsea.png", "coffee.png", "astronaut.png", "rocket.jpg")


def example_images(channels: int, folder: Path) -> list[Path]:
    """Return the paths of example images: photographs, or grey images of clothes.

    Args:
        channels: Integer, the number of channels of the network's images. With 1
            channel, the examples are the first test image of each class of the bundled
            sample of Fashion-MNIST. Otherwise they are photographs in the package
            scikit-image.
        folder: A `pathlib.Path`, where to write images of Fashion-MNIST.

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
    require_extra("explore", "The example photographs", ("skimage",))
    found = importlib.util.find_spec("skimage")
    return [Path(found.origin).parent / "data" / name for name in PHOTOGRAPHS]
