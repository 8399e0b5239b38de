"""The description of an export as JSON: how to call it, how it was measured."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_resattn.data.image_header import MAX_PIXELS
from keras_resattn.export import contract
from keras_resattn.model_folder import ModelFolder
from keras_resattn.version import __version__
from keras_resattn.views.modules import find_modules

MANIFEST_VERSION = 1

RESIZING = {
    "squash": "aspect ratio not kept",
    "crop": "aspect ratio kept, cropped at the centre",
    "pad": "aspect ratio kept, padded with black",
}

RANGES = {
    contract.IMAGES: [0, 255],
    contract.PROBABILITIES: [0, 1],
    contract.TOP_K_PROBABILITIES: [0, 1],
    contract.SCORES: [0, 1],
}


def describe(
    folder: ModelFolder, model: keras.Model, precision: str, folded: bool
) -> dict[str, Any]:
    """Return the part of a manifest that is the same for every format.

    Args:
        folder: The `ModelFolder`.
        model: The `keras.Model` that is exported.
        precision: String, `"float32"` or `"bfloat16"`.
        folded: Boolean, whether batch normalizations were folded.
    """
    preprocessing = folder.preprocessing
    return {
        "manifest_version": MANIFEST_VERSION,
        "network": folder.recipe.network.name,
        "parameters": model.count_params(),
        "precision": precision,
        "batch_normalization_folded": folded,
        "attention_modules": list(find_modules(model)),
        "preprocessing": {
            "input_shape": list(preprocessing.input_shape),
            "range": [0, 255],
            "resize": f"bilinear, antialiased, {RESIZING[preprocessing.aspect]}",
            "mean": preprocessing.mean,
            "std": preprocessing.std,
        },
        "labels": list(folder.labels),
        "versions": {
            "keras_resattn": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
        },
    }


def describe_signatures(signatures: Mapping[str, Any]) -> dict[str, Any]:
    """Return method, inputs and outputs of each signature of a loaded SavedModel."""
    return {
        name: {
            "method": "classify" if name == contract.CLASSIFY else "predict",
            "inputs": _tensors(function.structured_input_signature[1]),
            "outputs": _tensors(function.structured_outputs),
        }
        for name, function in sorted(signatures.items())
    }


def describe_image_bytes() -> dict[str, Any]:
    """Return which encoded images the signatures accept."""
    return {
        "formats": [
            "PNG",
            "JPEG",
            "GIF (its first frame)",
            "BMP",
            "WebP (no animation)",
        ],
        "largest_number_of_pixels": MAX_PIXELS,
        "exif_orientation": "applied",
    }


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest as JSON to the file `path`."""
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of each file of an export, for `sha256sum --check`."""
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    (folder / contract.CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _tensors(specs: Mapping[str, tf.TensorSpec]) -> dict[str, Any]:
    described: dict[str, dict[str, Any]] = {}
    for name, spec in sorted(specs.items()):
        described[name] = {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
        if name in RANGES:
            described[name]["range"] = RANGES[name]
    return described
