"""How far what was exported is from the Keras model, on images."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.data import check_images
from keras_resattn.data.fashion_mnist_sample.builder import FOLDER
from keras_resattn.data.fashion_mnist_sample.builder import read_idx
from keras_resattn.export import contract
from keras_resattn.export.endpoints import network_outputs

BUNDLED = "images of the bundled sample of Fashion-MNIST, resized"
COUNT = 16

# Sums in another order differ by less; more is another model.
LARGEST_FLOAT32_DIFFERENCE = 1e-3


def images_to_measure(preprocessing, paths=None):
    """Return images as a list of bytes, and a text that says which they are.

    Args:
        preprocessing: The network's `keras_resattn.data.Preprocessing`.
        paths: Paths of image files; by default bundled images are taken.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is no readable image.
    """
    if paths:
        check_images(paths, preprocessing)
        return [Path(path).read_bytes() for path in paths], "images given"
    images = read_idx(FOLDER / "test-images-idx3-ubyte.xz")[:COUNT, ..., None]
    return [tf.io.encode_png(image).numpy() for image in images], BUNDLED


def pixels_of(preprocessing, image_bytes):
    """Return images as a float32 array in the network's size, values 0 to 255."""
    images = [preprocessing.resize(preprocessing.decode(item)) for item in image_bytes]
    return np.stack([tf.cast(image, tf.float32).numpy() for image in images])


def expected_outputs(model, preprocessing, pixels):
    """Return what the signatures should give, by the Keras model, as arrays."""
    network = keras.Model(model.input, network_outputs(model))
    computed = network.predict_on_batch(preprocessing.standardize(pixels))
    expected = {key: np.asarray(value, "float32") for key, value in computed.items()}
    probabilities = expected[contract.PROBABILITIES]
    count = min(contract.TOP_K, probabilities.shape[-1])
    expected[contract.SCORES] = probabilities
    expected[contract.TOP_K_PROBABILITIES] = -np.sort(-probabilities)[:, :count]
    return expected


def run(signatures, name, inputs):
    """Return the outputs of a signature of a loaded SavedModel, as arrays."""
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    outputs = signatures[name](**tensors)
    return {key: value.numpy() for key, value in outputs.items()}


def parity(outputs, expected):
    """Compare outputs with those expected, where they are numbers.

    Args:
        outputs: A dictionary from the name of a signature to its outputs.
        expected: What `expected_outputs` returned.

    Returns:
        A dictionary: the largest difference of each output, relative to the
        largest value where that is over 1, and how often both name the same most
        probable class.
    """
    differences = {
        signature: {
            key: _largest_difference(value, expected[key])
            for key, value in sorted(of_signature.items())
            if key in expected
        }
        for signature, of_signature in outputs.items()
    }
    probabilities = outputs[contract.SERVING_DEFAULT][contract.PROBABILITIES]
    same = probabilities.argmax(-1) == expected[contract.PROBABILITIES].argmax(-1)
    return {
        "reference": "the Keras model in float32",
        "images": len(same),
        "largest_difference": {k: v for k, v in differences.items() if v},
        "top_1_agreement": float(same.mean()),
    }


def _largest_difference(value, expected):
    return float(np.abs(value - expected).max() / max(1.0, np.abs(expected).max()))


def check_parity(measured):
    """Raise a `ValueError` if a float32 export differs by more than rounding."""
    largest = max(
        value
        for of_signature in measured["largest_difference"].values()
        for value in of_signature.values()
    )
    if not largest <= LARGEST_FLOAT32_DIFFERENCE:
        raise ValueError(
            "What was exported differs from the Keras model by more than rounding, "
            "and was deleted; export with the versions that trained it. Received: "
            f"a difference of {largest:.3g}"
        )
