"""Draw docs/masks.png: photographs, where the network amplifies, and mask patterns.

    python scripts/draw_masks_figure.py docs/masks.png

The weights are "cifar10", in the package. The photographs are in scikit-image
(astronaut, chelsea, coffee, rocket) and in scikit-learn (china, flower); their licenses
allow any use. They are cut to squares, and the network sees them at 32 x 32 pixels.
"""

import argparse

import numpy as np
import skimage.data
import skimage.transform
import sklearn.datasets

import keras_resattn
from keras_resattn import explain

SEEN, SHOWN = 32, 320  # pixels


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    path = parser.parse_args().path
    photographs = {name: squared(image) for name, image in read().items()}
    shown = [resized(image, SHOWN) for image in photographs.values()]
    seen = np.stack([resized(image, SEEN) for image in photographs.values()])
    model = keras_resattn.cifar.Attention56(weights="cifar10")
    inputs = np.asarray(keras_resattn.cifar.preprocess_input(seen), "float32")
    patterns = {
        name: explain.mask_patterns(mask)
        for name, mask in explain.masks(model, inputs).items()
    }
    maps = explain.amplification(model, inputs)
    figure = explain.attention_figure(shown, maps, patterns, list(photographs))
    figure.savefig(path, dpi=80)


def read():
    return {
        "chelsea": skimage.data.chelsea(),
        "astronaut": skimage.data.astronaut(),
        "coffee": skimage.data.coffee(),
        "rocket": skimage.data.rocket(),
        "china": sklearn.datasets.load_sample_image("china.jpg"),
        "flower": sklearn.datasets.load_sample_image("flower.jpg"),
    }


def squared(image):
    """Return the square in the middle of an image."""
    height, width = image.shape[:2]
    size = min(height, width)
    top, left = (height - size) // 2, (width - size) // 2
    return image[top : top + size, left : left + size]


def resized(image, size):
    return 255 * skimage.transform.resize(image / 255, (size, size), anti_aliasing=True)


if __name__ == "__main__":
    main()
