"""A model folder as a SavedModel that TensorFlow Serving can serve."""

from pathlib import Path

import keras
import tensorflow as tf

from keras_resattn.export import contract
from keras_resattn.model_folder import write_beside


def export(folder, path):
    """Export a model with its preprocessing and labels as a SavedModel.

    Its signatures are those of `keras_resattn.export.contract`.

    Example:

    >>> export(ModelFolder.open("runs/demo"), "served/demo/1")
    >>> served = tf.saved_model.load("served/demo/1")
    >>> image = tf.io.read_file("shirt.png")
    >>> answer = served.signatures["serving_default"](image_bytes=image[None])
    >>> answer["top_k_labels"].shape
    TensorShape([1, 5])

    Args:
        folder: A `ModelFolder`.
        path: The folder to make: `BASE/NAME/VERSION`, the version a positive
            integer, as TensorFlow Serving expects it.

    Returns:
        The `pathlib.Path` of the SavedModel.

    Raises:
        ValueError: If `path` does not end in a version.
        FileExistsError: If `path` exists.
    """
    path = Path(path)
    if not (path.name.isdecimal() and int(path.name) > 0):
        raise ValueError(
            "TensorFlow Serving wants a folder named by an integer version; export "
            f"to NAME/VERSION, such as {path / '1'}. Received: {path}"
        )
    if path.exists():
        raise FileExistsError(
            "This version exists already and may be in use; export to the next "
            f"number. Received: {path}"
        )
    archive = keras.export.ExportArchive()
    archive.track(folder.model)
    for name, function, signature in _endpoints(folder):
        archive.add_endpoint(name, function, input_signature=[signature])
    write_beside(path, lambda beside: archive.write_out(beside, verbose=False))
    return path


def _endpoints(folder):
    """Yield name, function and input of each signature."""
    model, preprocessing = folder.model, folder.preprocessing
    labels = tf.constant(folder.labels)
    channels = preprocessing.input_shape[-1]

    def classify(images):
        probabilities = model(preprocessing.standardize(images), training=False)
        top = tf.math.top_k(probabilities, min(contract.TOP_K, len(folder.labels)))
        return {
            contract.PROBABILITIES: probabilities,
            contract.TOP_K_LABELS: tf.gather(labels, top.indices),
            contract.TOP_K_PROBABILITIES: top.values,
        }

    def read(image_bytes):
        image = preprocessing.resize(preprocessing.decode(image_bytes))
        return tf.cast(image, tf.float32)

    def serving_default(image_bytes):
        # A wrong shape has to fail here: inside a convolution it would end
        # the process that serves.
        image_bytes = tf.ensure_shape(image_bytes, (None,))
        pixels = tf.TensorSpec(preprocessing.input_shape, tf.float32)
        return classify(tf.map_fn(read, image_bytes, fn_output_signature=pixels))

    def predict_images(images):
        images = tf.ensure_shape(images, (None, None, None, channels))
        return classify(preprocessing.resize(images))

    yield (
        contract.SERVING_DEFAULT,
        serving_default,
        tf.TensorSpec((None,), tf.string, contract.IMAGE_BYTES),
    )
    yield (
        contract.PREDICT_IMAGES,
        predict_images,
        tf.TensorSpec((None, None, None, channels), tf.float32, contract.IMAGES),
    )
