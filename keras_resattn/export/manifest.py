"""What an export tells of itself, as JSON: how to call it, how it was measured."""

import json

import keras
import tensorflow as tf

from keras_resattn.data.image_header import MAX_PIXELS
from keras_resattn.export import contract
from keras_resattn.export.endpoints import has_attention
from keras_resattn.version import __version__
from keras_resattn.views.modules import attention_modules

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


def describe(folder, model, precision, folded):
    """Return what holds of an export in any format.

    Args:
        folder: The `ModelFolder`.
        model: The `keras.Model` that is exported.
        precision: String, `"float32"` or `"bfloat16"`.
        folded: Boolean, whether batch normalizations were folded.
    """
    preprocessing = folder.preprocessing
    modules = list(attention_modules(model)) if has_attention(model) else []
    return {
        "manifest_version": MANIFEST_VERSION,
        "network": folder.recipe.network.name,
        "parameters": model.count_params(),
        "precision": precision,
        "batch_normalization_folded": folded,
        "attention_modules": modules,
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


def describe_signatures(signatures):
    """Return method, inputs and outputs of each signature of a loaded SavedModel."""
    return {
        name: {
            "method": "classify" if name == contract.CLASSIFY else "predict",
            "inputs": _tensors(function.structured_input_signature[1]),
            "outputs": _tensors(function.structured_outputs),
        }
        for name, function in sorted(signatures.items())
    }


def describe_image_bytes():
    """Return what bytes the signatures take."""
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


def write_manifest(path, manifest):
    """Write a manifest as JSON to the file `path`."""
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _tensors(specs):
    described = {}
    for name, spec in sorted(specs.items()):
        described[name] = {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
        if name in RANGES:
            described[name]["range"] = RANGES[name]
    return described
