"""How far an export is from the Keras model, measured on images."""

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data import check_images
from keras_resattn.data.fashion_mnist_sample.builder import FOLDER
from keras_resattn.data.fashion_mnist_sample.builder import read_idx
from keras_resattn.export import contract
from keras_resattn.export.endpoints import network_outputs
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn.views.flat import flattened

BUNDLED = "images of the bundled sample of Fashion-MNIST, resized"
COUNT = 16

# A different order of sums differs by less. More means another model.
LARGEST_FLOAT32_DIFFERENCE = 1e-3


def images_to_measure(
    preprocessing: Preprocessing, paths: Sequence[StrPath] | None = None
) -> tuple[list[bytes], str]:
    """Return images as a list of bytes, and a text that describes them.

    Args:
        preprocessing: The network's `keras_resattn.data.Preprocessing`.
        paths: Paths of image files. Defaults to bundled images.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not a readable image.
    """
    if paths:
        check_images(paths, preprocessing)
        return [Path(path).read_bytes() for path in paths], "images given"
    images = read_idx(FOLDER / "test-images-idx3-ubyte.xz")[:COUNT, ..., None]
    return [tf.io.encode_png(image).numpy() for image in images], BUNDLED


def pixels_of(preprocessing: Preprocessing, image_bytes: Sequence[bytes]) -> Array:
    """Return images as a float32 array in the network's size, values 0 to 255."""
    decoded = [preprocessing.decode(tf.constant(item)) for item in image_bytes]
    images = [preprocessing.resize(image) for image in decoded]
    return np.stack([tf.cast(image, tf.float32).numpy() for image in images])


def expected_outputs(
    model: keras.Model, preprocessing: Preprocessing, pixels: Array
) -> dict[str, Array]:
    """Return the outputs of the signatures as the Keras model computes them."""
    network = keras.Model(flattened(model).input, network_outputs(model))
    computed = network.predict_on_batch(preprocessing.standardize(pixels))
    expected = {key: np.asarray(value, "float32") for key, value in computed.items()}
    probabilities = expected[contract.PROBABILITIES]
    count = min(contract.TOP_K, probabilities.shape[-1])
    expected[contract.SCORES] = probabilities
    expected[contract.TOP_K_PROBABILITIES] = -np.sort(-probabilities)[:, :count]
    return expected


def run(
    signatures: Mapping[str, Any], name: str, inputs: Mapping[str, Any]
) -> dict[str, Array]:
    """Return the outputs of a signature of a loaded SavedModel, as arrays."""
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    outputs = signatures[name](**tensors)
    return {key: value.numpy() for key, value in outputs.items()}


def parity(
    outputs: Mapping[str, Mapping[str, Array]], expected: Mapping[str, Array]
) -> dict[str, Any]:
    """Compare the outputs that are numbers with the expected ones.

    Args:
        outputs: A dictionary from the name of a signature to its outputs.
        expected: The result of `expected_outputs`.

    Returns:
        A dictionary: the largest difference of each output, relative to the
        largest value if that is above 1, and how often both have the same most
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


def _largest_difference(value: Array, expected: Array) -> float:
    return float(np.abs(value - expected).max() / max(1.0, np.abs(expected).max()))


def check_parity(measured: Mapping[str, Any]) -> None:
    """Raise a `ValueError` if a float32 export differs by more than rounding."""
    largest = largest_number(measured["largest_difference"])
    if not largest <= LARGEST_FLOAT32_DIFFERENCE:
        raise ValueError(
            "The export differs from the Keras model by more than rounding, and was "
            "deleted; export with the versions that trained the model. Received: "
            f"a difference of {largest:.3g}"
        )


def largest_number(tree: Any) -> float:
    """Return the largest number in nested dictionaries. It is NaN if one of them is."""
    if isinstance(tree, dict):
        # Python's `max` would pass over a NaN that is not the first one.
        return float(np.max([largest_number(value) for value in tree.values()]))
    return float(tree)
