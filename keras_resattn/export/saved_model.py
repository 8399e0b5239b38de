"""A model folder as a SavedModel that TensorFlow Serving can serve."""

import os
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_resattn.atomic_writing import write_beside
from keras_resattn.export import contract
from keras_resattn.export import measure
from keras_resattn.export import warmup as warmup_requests
from keras_resattn.export.endpoints import Endpoints
from keras_resattn.export.manifest import describe
from keras_resattn.export.manifest import describe_image_bytes
from keras_resattn.export.manifest import describe_signatures
from keras_resattn.export.manifest import write_checksums
from keras_resattn.export.manifest import write_manifest
from keras_resattn.export.precision import check_backend
from keras_resattn.export.precision import check_precision
from keras_resattn.export.precision import prepare
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath

# The number of images in a warm-up request.
WARMUP_IMAGES = 1


def export(
    folder: ModelFolder,
    path: StrPath,
    precision: str = "float32",
    fold_batch_norm: bool = False,
    warmup: bool | None = None,
    images: Sequence[StrPath] | None = None,
    optimize: bool = True,
) -> Path:
    """Export a model with its preprocessing and labels as a SavedModel.

    Its signatures are those of `keras_resattn.export.contract`. The SavedModel also
    contains:

    * the labels (`assets/labels.txt`);
    * a request for each signature, which servers replay when they load the model
      (`assets.extra/tf_serving_warmup_requests`);
    * a manifest (`assets.extra/manifest.json`): inputs, outputs, versions, and how far
      the outputs are from those of the Keras model on some images;
    * the SHA-256 of each file (`assets.extra/SHA256SUMS`), which
      `keras_resattn_server` checks.

    The folder appears only after everything is written, loaded again and measured.

    Example:

    >>> export(ModelFolder.open("runs/demo"), "served/demo/1")
    >>> served = tf.saved_model.load("served/demo/1")
    >>> image = tf.io.read_file("shirt.png")
    >>> answer = served.signatures["serving_default"](image_bytes=image[None])
    >>> answer["top_k_labels"].shape
    TensorShape([1, 5])

    Args:
        folder: A `ModelFolder`.
        path: The folder to make: `BASE/NAME/VERSION`, with a positive
            integer as the version, as TensorFlow Serving expects.
        precision: `"float32"`, or `"bfloat16"` to compute everything except the
            classifier in bfloat16. This is faster if the processor supports it.
            Inputs and outputs stay float32, and if `optimize` is false also the
            weights.
        fold_batch_norm: Boolean, whether to fold batch normalizations into
            convolutions, see `keras_resattn.fold_batch_norm`. `optimize` always
            does.
        warmup: Whether to write warm-up requests, which needs the package
            `tensorflow-serving-api`. Defaults to whether that is installed.
        images: Paths of image files to measure on. Defaults to images of the
            bundled sample of Fashion-MNIST.
        optimize: Boolean, whether to rewrite the network for TensorFlow's fused
            kernels, which folds batch normalizations. The outputs are the same within
            rounding and are computed faster, most of all by a server that keeps the
            weights in the layout of these kernels (docs/export.md).

    Returns:
        The `pathlib.Path` of the SavedModel.

    Raises:
        ValueError: If `path` does not end in a version, `precision` is unknown,
            Keras does not run on TensorFlow, or the outputs differ by more than
            rounding.
        FileExistsError: If `path` exists.
        ImportError: If `warmup` is true and the package is missing.
    """
    path = Path(path)
    name = Path(os.path.abspath(path)).parent.name
    _check_path(path)
    check_precision(precision)
    check_backend()
    if warmup:
        warmup_requests.check_can_write_warmup()
    elif warmup is None:
        warmup = warmup_requests.can_write_warmup()
    encoded, source = measure.images_to_measure(folder.preprocessing, images)
    fold_batch_norm = fold_batch_norm or optimize
    model = prepare(folder.model, precision, fold_batch_norm, optimize)
    labels = folder.path / LABELS
    endpoints = Endpoints(model, folder.preprocessing, labels)
    pixels = measure.pixels_of(folder.preprocessing, encoded)

    def write(beside: Path) -> None:
        _write_saved_model(endpoints, beside)
        signatures = tf.saved_model.load(str(beside)).signatures
        parity = _parity(folder, signatures, encoded, pixels)
        if precision == "float32":
            measure.check_parity(parity)
        count = 0
        if warmup:
            count = _write_warmup(beside, name, signatures, encoded, pixels)
        manifest = {
            "name": name,
            "version": int(path.name),
            **describe(folder, model, precision, fold_batch_norm),
            "optimized": optimize,
            "image_bytes": describe_image_bytes(),
            "signatures": describe_signatures(signatures),
            "parity": {"source": source, **parity},
            "warmup_requests": count,
        }
        write_manifest(beside / contract.MANIFEST, manifest)
        write_checksums(beside)

    write_beside(path, write)
    return path


def _check_path(path: Path) -> None:
    if not (path.name.isdecimal() and int(path.name) > 0):
        raise ValueError(
            "TensorFlow Serving needs a folder named by an integer version; export "
            f"to NAME/VERSION, such as {path / '1'}. Received: {path}"
        )
    if path.exists():
        raise FileExistsError(
            "This version exists already and may be in use; export to the next "
            f"number. Received: {path}"
        )


def _write_saved_model(endpoints: Endpoints, path: Path) -> None:
    # Keras finds the variables by itself. If the model were tracked, it would save them
    # a second time.
    archive = keras.export.ExportArchive()
    archive.track(endpoints.labels)
    for name, function, signature in endpoints.signatures():
        archive.add_endpoint(name, function, input_signature=[signature])
    archive.write_out(str(path), verbose=False)
    # Keras writes every signature for :predict, as TensorFlow 2 does.
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(path))
    updater.replace_method_name(
        contract.CLASSIFY, contract.CLASSIFY_METHOD, tags=tf.saved_model.SERVING
    )
    updater.save()


def _parity(
    folder: ModelFolder,
    signatures: Mapping[str, Any],
    images: Sequence[bytes],
    pixels: Array,
) -> dict[str, Any]:
    """Run every signature and compare its outputs with those of the Keras model."""
    requests = warmup_requests.requests_for(images, pixels, signatures)
    outputs = {name: measure.run(signatures, name, x) for name, x in requests}
    reference = prepare(folder.model)
    expected = measure.expected_outputs(reference, folder.preprocessing, pixels)
    return measure.parity(outputs, expected)


def _write_warmup(
    path: Path,
    name: str,
    signatures: Mapping[str, Any],
    images: Sequence[bytes],
    pixels: Array,
) -> int:
    """Write warm-up requests, and replay them as a server would."""
    few = slice(WARMUP_IMAGES)
    requests = warmup_requests.requests_for(images[few], pixels[few], signatures)
    count = warmup_requests.write_warmup(path, name, requests)
    for signature, inputs in warmup_requests.read_warmup(path):
        measure.run(signatures, signature, inputs)
    return count
