"""A model folder as a SavedModel that TensorFlow Serving can serve."""

from pathlib import Path

import keras
import tensorflow as tf

from keras_resattn.export import contract
from keras_resattn.export import measure
from keras_resattn.export import warmup as warmup_requests
from keras_resattn.export.endpoints import Endpoints
from keras_resattn.export.manifest import describe
from keras_resattn.export.manifest import describe_image_bytes
from keras_resattn.export.manifest import describe_signatures
from keras_resattn.export.manifest import write_manifest
from keras_resattn.export.precision import check_precision
from keras_resattn.export.precision import prepare
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import write_beside

# How many images a warm-up request has.
WARMUP_IMAGES = 1


def export(
    folder,
    path,
    precision="float32",
    fold_batch_norm=False,
    warmup=None,
    images=None,
    optimize=False,
):
    """Export a model with its preprocessing and labels as a SavedModel.

    Its signatures are those of `keras_resattn.export.contract`. Beside them it
    has its labels (`assets/labels.txt`), a request for each signature that
    servers replay when they load it (`assets.extra/tf_serving_warmup_requests`),
    and a manifest (`assets.extra/manifest.json`): inputs, outputs, versions, and
    how far its outputs are from those of the Keras model on some images. The
    folder appears when all of it is written, loaded again and measured.

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
        precision: `"float32"`, or `"bfloat16"` to compute all but the
            classifier in bfloat16: faster where the processor has it. Inputs,
            weights and outputs stay float32.
        fold_batch_norm: Boolean, whether to fold batch normalizations into
            convolutions, see `keras_resattn.fold_batch_norm`.
        warmup: Whether to write warm-up requests, which needs the package
            `tensorflow-serving-api`. `None`: if that is installed.
        images: Paths of image files to measure on; by default images of the
            bundled sample of Fashion-MNIST.
        optimize: Boolean, whether to rewrite the network for TensorFlow's fused
            kernels, which folds batch normalizations, and to make its weights
            constants of the graph where probabilities alone are asked for: the
            same answers within rounding, sooner, for twice the file and more
            memory.

    Returns:
        The `pathlib.Path` of the SavedModel.

    Raises:
        ValueError: If `path` does not end in a version, `precision` is unknown
            or the outputs differ by more than rounding.
        FileExistsError: If `path` exists.
        ImportError: If `warmup` is true and the package is missing.
    """
    path = Path(path)
    _check_path(path)
    check_precision(precision)
    if warmup:
        warmup_requests.check_can_write_warmup()
    elif warmup is None:
        warmup = warmup_requests.can_write_warmup()
    images, source = measure.images_to_measure(folder.preprocessing, images)
    fold_batch_norm = fold_batch_norm or optimize
    model = prepare(folder.model, precision, fold_batch_norm, optimize)
    labels = folder.path / LABELS
    endpoints = Endpoints(model, folder.preprocessing, labels, frozen=optimize)
    pixels = measure.pixels_of(folder.preprocessing, images)

    def write(beside):
        _write_saved_model(endpoints, beside)
        signatures = tf.saved_model.load(str(beside)).signatures
        parity = _parity(folder, signatures, images, pixels)
        if precision == "float32":
            measure.check_parity(parity)
        count = 0
        if warmup:
            count = _write_warmup(beside, path.parent.name, signatures, images, pixels)
        manifest = {
            "name": path.parent.name,
            "version": int(path.name),
            **describe(folder, model, precision, fold_batch_norm),
            "optimized": optimize,
            "image_bytes": describe_image_bytes(),
            "signatures": describe_signatures(signatures),
            "parity": {"source": source, **parity},
            "warmup_requests": count,
        }
        write_manifest(beside / contract.MANIFEST, manifest)

    write_beside(path, write)
    return path


def _check_path(path):
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


def _write_saved_model(endpoints, path):
    archive = keras.export.ExportArchive()
    archive.track(endpoints.model)
    archive.track(endpoints.labels)
    for name, function, signature in endpoints.signatures():
        archive.add_endpoint(name, function, input_signature=[signature])
    archive.write_out(str(path), verbose=False)
    # Keras, as TensorFlow 2, writes every signature as one of :predict.
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(path))
    updater.replace_method_name(
        contract.CLASSIFY, contract.CLASSIFY_METHOD, tags=tf.saved_model.SERVING
    )
    updater.save()


def _parity(folder, signatures, images, pixels):
    """Run every signature, and compare with the model as Keras computes it."""
    requests = warmup_requests.requests_for(images, pixels, signatures)
    outputs = {name: measure.run(signatures, name, x) for name, x in requests}
    reference = prepare(folder.model)
    expected = measure.expected_outputs(reference, folder.preprocessing, pixels)
    return measure.parity(outputs, expected)


def _write_warmup(path, name, signatures, images, pixels):
    """Write warm-up requests, and replay them as a server would."""
    few = slice(WARMUP_IMAGES)
    requests = warmup_requests.requests_for(images[few], pixels[few], signatures)
    count = warmup_requests.write_warmup(path, name, requests)
    for signature, inputs in warmup_requests.read_warmup(path):
        measure.run(signatures, signature, inputs)
    return count
